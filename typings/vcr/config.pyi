import re
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from types import FunctionType
from typing import Any, Protocol, TypeVar, overload

from vcr.cassette import Cassette, CassetteContextDecorator, _InteractionHook, _Response
from vcr.matchers import _Matcher
from vcr.persisters.filesystem import _Loaded
from vcr.record_mode import RecordMode
from vcr.request import Request

_F = TypeVar("_F", bound=Callable[..., Any])
# name, or name and its replacement (None removes it)
_Replacement = str | tuple[str, str | Callable[..., str | None] | None]
_RequestHook = Callable[[Request], Request | None]
_ResponseHook = Callable[[_Response], _Response | None]
_Placeholders = (
    Mapping[str, str | Callable[[Request, _Response], str | None]]
    | Iterable[tuple[str, str | Callable[[Request, _Response], str | None]]]
)

# modules and classes satisfy these as well as instances
class _Serializer(Protocol):
    def deserialize(self, cassette_string: str) -> Any: ...
    def serialize(self, cassette_dict: dict[str, Any]) -> str: ...

class _Persister(Protocol):
    def load_cassette(self, cassette_path: Any, serializer: _Serializer) -> _Loaded: ...
    def save_cassette(
        self, cassette_path: Any, cassette_dict: dict[str, Any], serializer: _Serializer
    ) -> None: ...

class VCR:
    serializer: str
    match_on: Iterable[str]
    cassette_library_dir: str | PathLike[str] | None
    serializers: dict[str, _Serializer]
    matchers: dict[str, _Matcher]
    persister: _Persister
    record_mode: RecordMode
    filter_headers: Iterable[_Replacement]
    filter_query_parameters: Iterable[_Replacement]
    filter_post_data_parameters: Iterable[_Replacement]
    filter_nested_post_data_parameters: bool
    before_record_request: _RequestHook | Iterable[_RequestHook] | None
    before_record_response: _ResponseHook | Iterable[_ResponseHook] | None
    ignore_hosts: Iterable[str | re.Pattern[str]]
    ignore_localhost: bool
    inject_cassette: bool
    path_transformer: Callable[[str], str] | None
    func_path_generator: Callable[[Callable[..., Any]], str] | None
    decode_compressed_response: bool
    record_on_exception: bool
    drop_unused_requests: bool
    filter_sensitive_data: _Placeholders
    before_save_interaction: _InteractionHook | Iterable[_InteractionHook] | None
    after_load_interaction: _InteractionHook | Iterable[_InteractionHook] | None
    skip_patchers: tuple[str, ...]

    @staticmethod
    def is_test_method(method_name: str, function: object) -> bool: ...
    @staticmethod
    def ensure_suffix(suffix: str) -> Callable[[str | PathLike[str]], str]: ...
    def __init__(
        self,
        path_transformer: Callable[[str], str] | None = None,
        before_record_request: _RequestHook | Iterable[_RequestHook] | None = None,
        custom_patches: Iterable[tuple[object, str, object]] = (),
        filter_query_parameters: Iterable[_Replacement] = (),
        ignore_hosts: Iterable[str | re.Pattern[str]] = (),
        record_mode: RecordMode | str = RecordMode.ONCE,
        ignore_localhost: bool = False,
        filter_headers: Iterable[_Replacement] = (),
        before_record_response: _ResponseHook | Iterable[_ResponseHook] | None = None,
        filter_post_data_parameters: Iterable[_Replacement] = (),
        filter_nested_post_data_parameters: bool = False,
        match_on: Iterable[str] = ("method", "scheme", "host", "port", "path", "query"),
        before_record: _RequestHook | Iterable[_RequestHook] | None = None,
        inject_cassette: bool = False,
        serializer: str = "yaml",
        cassette_library_dir: str | PathLike[str] | None = None,
        func_path_generator: Callable[[Callable[..., Any]], str] | None = None,
        decode_compressed_response: bool = False,
        record_on_exception: bool = True,
        drop_unused_requests: bool = False,
        filter_sensitive_data: _Placeholders = (),
        before_save_interaction: _InteractionHook | Iterable[_InteractionHook] | None = None,
        after_load_interaction: _InteractionHook | Iterable[_InteractionHook] | None = None,
        skip_patchers: Iterable[str] = (),
    ) -> None: ...
    @overload
    def use_cassette(self, path: _F) -> _F: ...
    @overload
    def use_cassette(
        self, path: str | PathLike[str] | None = None, **kwargs: Any
    ) -> CassetteContextDecorator[Cassette]: ...
    # the keyword arguments of Cassette, and path_transformer, func_path_generator, record_on_exception
    def get_merged_config(self, **kwargs: Any) -> dict[str, Any]: ...
    def register_serializer(self, name: str, serializer: _Serializer) -> None: ...
    def register_matcher(self, name: str, matcher: _Matcher) -> None: ...
    def register_persister(self, persister: _Persister) -> None: ...
    def test_case(self, predicate: Callable[[str, FunctionType], bool] | None = None) -> type: ...
