from typing import Any

from vcr.cassette import Cassette
from vcr.request import Request

class CannotOverwriteExistingCassetteException(Exception):
    cassette: Cassette
    failed_request: Request | None
    similar_requests: list[tuple[Request, list[str], list[tuple[str, str | None]]]]
    # cassette_not_found, already_played, no_match, nothing_similar or missing_metadata
    reason: str

    # cassette= and failed_request= are required
    def __init__(self, *args: object, **kwargs: Any) -> None: ...

class MissingMetadataError(CannotOverwriteExistingCassetteException):
    key: str

    # cassette= and key= are required
    def __init__(self, *args: object, **kwargs: Any) -> None: ...

class UnhandledHTTPRequestError(KeyError): ...
