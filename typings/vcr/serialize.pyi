from typing import Any

from vcr.config import _Serializer
from vcr.persisters.filesystem import _Loaded

CASSETTE_FORMAT_VERSION: int

def deserialize(cassette_string: str, serializer: _Serializer) -> _Loaded: ...

# cassette_dict: requests, responses and perhaps metadata
def serialize(cassette_dict: dict[str, Any], serializer: _Serializer) -> str: ...
