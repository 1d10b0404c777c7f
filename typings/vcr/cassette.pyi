from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from vcr.config import _Persister, _Placeholders, _Serializer
from vcr.matchers import _Matcher
from vcr.record_mode import RecordMode
from vcr.request import Request

# {"status": {"code", "message"}, "headers": {name: [value, ...]}, "body": {"string": bytes}}
_Response = dict[str, Any]
_Interaction = tuple[Request, _Response]
# (request, response) or (request, response, cassette) -> (request, response) or None to drop it
_InteractionHook = Callable[..., _Interaction | None]
_C = TypeVar("_C", bound=Cassette)
_F = TypeVar("_F", bound=Callable[..., Any])

class CassetteContextDecorator(Generic[_C]):
    cls: type[_C]

    @classmethod
    def from_args(cls, cassette_class: type[_C], **kwargs: Any) -> CassetteContextDecorator[_C]: ...
    def __init__(self, cls: type[_C], args_getter: Callable[[], dict[str, Any]]) -> None: ...
    def __enter__(self) -> _C: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc: BaseException | None = None,
        tb: TracebackType | None = None,
        /,
    ) -> None: ...
    def __call__(self, function: _F) -> _F: ...

class Cassette:
    inject: bool
    record_mode: RecordMode
    custom_patches: Iterable[tuple[object, str, object]]
    allow_playback_repeats: bool
    drop_unused_requests: bool
    skip_patchers: tuple[str, ...]
    data: list[_Interaction]
    play_counts: Counter[int]
    dirty: bool
    rewound: bool
    _persister: _Persister
    _path: str | PathLike[str]
    _serializer: _Serializer
    _match_on: Sequence[_Matcher]
    _before_record_request: Callable[[Request], Request | None]
    _before_record_response: Callable[[_Response], _Response | None]
    _before_save_interaction: list[_InteractionHook]
    _after_load_interaction: list[_InteractionHook]
    _metadata: dict[str, Any]
    _old_interactions: list[_Interaction]
    _played_interactions: list[_Interaction]
    _loaded_count: int

    @classmethod
    def load(cls, **kwargs: Any) -> Self: ...
    @classmethod
    def use_arg_getter(cls, arg_getter: Callable[[], dict[str, Any]]) -> CassetteContextDecorator[Self]: ...
    @classmethod
    def use(cls, **kwargs: Any) -> CassetteContextDecorator[Self]: ...
    def __init__(
        self,
        path: str | PathLike[str],
        serializer: _Serializer | None = None,
        persister: _Persister | None = None,
        record_mode: RecordMode = RecordMode.ONCE,
        match_on: Sequence[_Matcher] = ...,
        before_record_request: Callable[[Request], Request | None] | None = None,
        before_record_response: Callable[[_Response], _Response | None] | None = None,
        custom_patches: Iterable[tuple[object, str, object]] = (),
        inject: bool = False,
        allow_playback_repeats: bool = False,
        drop_unused_requests: bool = False,
        filter_sensitive_data: _Placeholders = (),
        before_save_interaction: _InteractionHook | Iterable[_InteractionHook] | None = None,
        after_load_interaction: _InteractionHook | Iterable[_InteractionHook] | None = None,
        skip_patchers: Iterable[str] = (),
    ) -> None: ...
    @property
    def path(self) -> str | PathLike[str]: ...
    @property
    def play_count(self) -> int: ...
    @property
    def all_played(self) -> bool: ...
    @property
    def requests(self) -> list[Request]: ...
    @property
    def responses(self) -> list[_Response]: ...
    @property
    def write_protected(self) -> bool: ...
    def append(self, request: Request, response: _Response) -> None: ...
    def filter_request(self, request: Request) -> Request | None: ...
    def _responses(self, request: Request) -> Iterator[tuple[int, _Response]]: ...
    # the stubs of vcrpy only ask whether it is true: None for an ignored request
    def can_play_response_for(self, request: Request) -> bool | None: ...
    def play_response(self, request: Request) -> _Response: ...
    def responses_of(self, request: Request) -> list[_Response]: ...
    def rewind(self) -> None: ...
    def find_requests_with_most_matches(
        self, request: Request
    ) -> list[tuple[Request, list[str], list[tuple[str, str | None]]]]: ...
    def get_metadata(self, key: str, default: Any) -> Any: ...
    def _new_interactions(self) -> list[_Interaction]: ...
    def _as_dict(self) -> dict[str, Any]: ...
    def _build_used_interactions_dict(self) -> dict[str, Any]: ...
    def _rerecorded_interactions(self) -> list[_Interaction]: ...
    def _save(self, force: bool = False) -> None: ...
    def _persist(self, cassette_dict: Mapping[str, Any]) -> None: ...
    def _load(self) -> None: ...
    def __len__(self) -> int: ...
    def __contains__(self, request: Request) -> bool: ...
