"""A template's syntax tree in, code out that pays for every step; an immutable sandbox with a purse.

The sandbox of jinja2 keeps code out, not harm: one line can take gigabytes or minutes. Here no value grows
beyond a limit, because every way to make a larger one from smaller ones asks first, and time runs out.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from functools import wraps
from types import BuiltinMethodType, MethodType
from typing import Any, Final, cast

from jinja2 import StrictUndefined, TemplateRuntimeError, nodes, pass_context
from jinja2.environment import Environment
from jinja2.nodes import EvalContext
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner

from llm_do.template.price import (
    DATA,
    MAX_BITS,
    MAX_TEXT,
    PRICES,
    format_price,
    number,
    refuse_large_numbers,
    weight,
)
from llm_do.template.toll import CONCAT, HOLD, PAY, with_tolls

MAX_SECONDS: Final = 2.0
_MAX_PRINTED: Final = 4 * MAX_TEXT


class _Missing(StrictUndefined):
    """What is not there: it cannot be written out within a list either."""

    __slots__ = ()
    __repr__ = StrictUndefined.__str__


class Metered(ImmutableSandboxedEnvironment):
    """An environment for one rendering.

    Args:
        monotonic: the clock; rendering stops `MAX_SECONDS` after this is made.
    """

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, monotonic: Callable[[], float]) -> None:
        # folding constants at compile time would spend without paying
        super().__init__(undefined=_Missing, keep_trailing_newline=True, optimized=False)
        self._now, self._printed = monotonic, 0
        self._deadline = monotonic() + MAX_SECONDS
        del self.globals["lipsum"]
        self.filters = {
            name: self._guarded(name, function)
            for name, function in (*self.filters.items(), *_INNER.items())
            if name not in _LEFT_OUT
        } | {PAY: self._pay}
        self.tests = {name: self._timed(function) for name, function in self.tests.items()}
        self.finalize = self._shown

    def admit(self, data: Mapping[str, Any]) -> None:
        """Refuse input fields that are too large for a template."""
        self._weighed(dict(data), "the input")

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  jinja2 names them by underscores
        """Call a macro, or one of the functions and methods that are known to be harmless."""
        if not (_is_harmless(obj) or any(obj is each for each in self.globals.values())):
            name = getattr(obj, "__name__", type(obj).__name__)
            raise TemplateRuntimeError(f"{name!r} cannot be called in a template; look for a filter")
        given = [self._taken(each) for each in args]
        named = {key: self._taken(each) for key, each in kwargs.items()}
        refuse_large_numbers(given, named)
        if isinstance(obj, BuiltinMethodType) and (price := PRICES.get(obj.__name__)):
            self._afford(price(obj.__self__, *given, **named))
        return self._weighed(super().call(context, obj, *given, **named), "a value")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate, where the result is known to be small."""
        self._check_time()
        if operator == "*" and isinstance(left, int):
            left, right = right, left
        if operator == "*" and isinstance(left, str | list | tuple):
            self._afford((len(left) if isinstance(left, str) else weight(left)) * max(number(right), 0))
        elif operator == "+" and isinstance(left, str | list | tuple):
            self._afford(weight(left) + weight(right))
        elif operator == "%" and isinstance(left, str):
            self._afford(format_price(left, right))
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            self._afford(0 if left.bit_length() * right <= MAX_BITS else MAX_TEXT + 1)
        return self._weighed(super().call_binop(context, operator, left, right), "a value")

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        metered = with_tolls(source)
        metered.set_environment(self)
        return super()._generate(metered, *args, **kwargs)

    def _guarded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        price = PRICES.get(name)

        @wraps(function)
        def _call(*args: Any, **kwargs: Any) -> Any:
            own = [each for each in args[:1] if isinstance(each, Environment | Context | EvalContext)]
            given = [self._taken(each) for each in args[len(own) :]]
            named = {key: self._taken(each) for key, each in kwargs.items()}
            refuse_large_numbers(given[1:], named)
            if price is not None:
                self._afford(price(*given, **named))
            result = function(*own, *given, **named)
            # nothing is escaped here, so nothing needs the marks of what was
            return self._weighed(str.__str__(result) if isinstance(result, str) else result, "a value")

        return _call

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def _call(*args: Any, **kwargs: Any) -> Any:
            self._check_time()
            return function(*args, **kwargs)

        return _call

    def _taken(self, value: Any) -> Any:
        """Take a value as an operand: what would be made while it is read is made now, within the limits."""
        if isinstance(value, _LAZY) and not isinstance(value, LoopContext):
            items: list[Any] = []
            left = MAX_TEXT
            for each in cast("Iterable[Any]", value):
                self._check_time()
                items.append(each)
                left -= weight(each) + 2
                self._afford(MAX_TEXT - left)
            return items
        return self._weighed(value, "a value")

    def _weighed(self, value: Any, what: str) -> Any:
        self._check_time()
        if weight(value) > MAX_TEXT:
            raise TemplateRuntimeError(f"{what} is larger than {MAX_TEXT} characters; make it smaller")
        return value

    def _afford(self, price: int) -> None:
        if price > MAX_TEXT:
            raise TemplateRuntimeError(f"a value would be larger than {MAX_TEXT} characters; make it smaller")

    def _check_time(self) -> None:
        if self._now() > self._deadline:
            raise TemplateRuntimeError(f"rendering took longer than {MAX_SECONDS:g} s; make it simpler")

    def _pay(self, nothing: str, characters: int) -> str:
        """Count one turn of a loop or one call of a macro, and the text that it writes."""
        self._check_time()
        self._printed += characters + 1
        if self._printed > _MAX_PRINTED:
            raise TemplateRuntimeError(f"it writes more than {MAX_TEXT} characters; make it shorter")
        return nothing

    @pass_context  # with a context nothing is printed at compile time
    def _shown(self, _context: Context, value: Any) -> Any:
        taken: Any = self._taken(value) if isinstance(value, _VIEWS) else self._weighed(value, "a value")
        if not isinstance(taken, DATA):
            raise TemplateRuntimeError(f"a {type(taken).__name__} cannot be printed; a list can, by |join")
        self._pay("", weight(taken))
        return taken


def _concat(items: Iterable[Any]) -> str:
    return "".join(map(str, items))


def _hold(value: Any) -> Any:
    return value


_INNER: Final[Mapping[str, Callable[..., Any]]] = {CONCAT: _concat, HOLD: _hold}
_LEFT_OUT: Final = frozenset({"pprint", "random", "striptags", "urlize", "xmlattr"})
"""Filters whose cost does not follow from the size of what they get, or whose result from its value."""

_VIEWS: Final = (KeysView, ValuesView, ItemsView)
_LAZY: Final = (Iterator, range, *_VIEWS)
_OF_TEXTS: Final = (
    "capitalize casefold center count endswith find index isalnum isalpha isascii isdecimal isdigit "
    "isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip "
    "partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split "
    "splitlines startswith strip swapcase title upper zfill"
)
_METHODS: Final[Mapping[type, frozenset[str]]] = {
    str: frozenset(_OF_TEXTS.split()),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}


def _is_harmless(value: Any) -> bool:
    if isinstance(value, BuiltinMethodType):
        return value.__name__ in _METHODS.get(type(value.__self__), frozenset())
    if isinstance(value, MethodType):
        return isinstance(value.__self__, Cycler | LoopContext)
    # calling an undefined value says which one
    return isinstance(value, Macro | BlockReference | LoopContext | Joiner | Undefined)
