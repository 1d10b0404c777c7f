from os import PathLike
from typing import Any

from vcr.config import _Serializer
from vcr.request import Request

# requests, responses and, where the file has any, metadata
_Loaded = (
    tuple[list[Request], list[dict[str, Any]]] | tuple[list[Request], list[dict[str, Any]], dict[str, Any]]
)

class CassetteNotFoundError(FileNotFoundError): ...
class CassetteDecodeError(ValueError): ...

class FilesystemPersister:
    @classmethod
    def load_cassette(cls, cassette_path: str | PathLike[str], serializer: _Serializer) -> _Loaded: ...
    @staticmethod
    def save_cassette(
        cassette_path: str | PathLike[str], cassette_dict: dict[str, Any], serializer: _Serializer
    ) -> None: ...
