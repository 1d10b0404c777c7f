"""Operands in, how large their result would be out, before it is made.

A price is counted in characters of the result written out; it may be too high, never far too low.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import TemplateRuntimeError, Undefined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_TEXT: Final = 1_000_000
"""Characters of a text, and of a whole value written out."""
MAX_BITS: Final = 256
"""Bits of a whole number."""
DATA: Final[tuple[type, ...]] = (str, int, float, type(None), list, tuple, dict, range, Undefined)
"""What a template may print; all else is no value but a way to one."""
_MAX_NUMBER: Final = 100_000
_MAX_DEPTH: Final = 30
_MAX_WIDTH: Final = 1_000
_MAX_WRAPPED: Final = 20_000


def weight(value: Any) -> int:
    """Estimate the characters of a value written out, no further than up to the limit."""
    total, waiting = 0, [(value, 0)]
    while waiting and total <= MAX_TEXT:
        each, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            return MAX_TEXT + 1
        match each:
            case str():
                total += len(each) + 2
            case int() if each.bit_length() > MAX_BITS:
                return MAX_TEXT + 1
            case dict():
                mapping = cast("dict[Any, Any]", each)
                total += 2 + 4 * len(mapping)
                waiting += [(inner, depth + 1) for pair in mapping.items() for inner in pair]
            case list() | tuple():
                sequence = cast("Sequence[Any]", each)
                total += 2 + 2 * len(sequence)
                waiting += [(inner, depth + 1) for inner in sequence]
            case _:
                total += 6
    return total


def number(value: Any) -> int:
    """Give a whole number as it is, and anything else as none."""
    return value if isinstance(value, int) else 0


def refuse_large_numbers(args: Iterable[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that could ask for a large result by themselves: widths, counts, precisions."""
    if any(abs(number(each)) > _MAX_NUMBER for each in (*args, *kwargs.values())):
        raise TemplateRuntimeError(f"a number above {_MAX_NUMBER} is no argument here; use a smaller one")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(cast("object", value)) if isinstance(value, DATA) else ""


def _join_price(first: Any, second: Any = "", *_: Any, **named: Any) -> int:
    """Price `items|join(separator)` and `separator.join(items)` alike."""
    separator = named.get("d", second)
    if isinstance(first, str) and not isinstance(separator, str):
        first, separator = separator, first
    items, glue = first, separator
    count = len(cast("Sequence[Any]", items)) if isinstance(items, str | list | tuple | dict) else 0
    return weight(items) + weight(glue) * count


def _replace_price(text: Any, old: Any = "", new: Any = "", *_: Any, **named: Any) -> int:
    text, old, new = _text(text), _text(named.get("old", old)), _text(named.get("new", new))
    return len(text) + (text.count(old) if old else len(text) + 1) * len(new)


def _indent_price(text: Any, width: Any = 4, *_: Any, **named: Any) -> int:
    width = named.get("width", width)
    step = len(width) if isinstance(width, str) else number(width)
    return len(_text(text)) + (len(_text(text).splitlines()) + 1) * step


def _wrap_price(text: Any, width: Any = 79, _long: Any = None, glue: Any = "", *_: Any, **named: Any) -> int:
    text, glue = _text(text), _text(named.get("wrapstring", glue))
    if len(text) > _MAX_WRAPPED:  # breaking a long word copies its rest once a line
        raise TemplateRuntimeError(f"wordwrap takes at most {_MAX_WRAPPED} characters")
    return len(text) + (len(text) // max(number(named.get("width", width)), 1) + len(text)) * len(glue)


def _json_price(value: Any, indent: Any = None, *_: Any, **named: Any) -> int:
    return weight(value) * (1 + number(named.get("indent", indent)))


def _sum_price(_values: Any, _attribute: Any = None, start: Any = 0) -> int:
    if not isinstance(start, int | float):
        raise TemplateRuntimeError("sum adds numbers; join texts by |join")
    return 0


def format_price(pattern: Any, *args: Any, **named: Any) -> int:
    """Price `pattern % args`; raises TemplateRuntimeError where a width is large or not in the pattern."""
    text = _text(pattern)
    widths = [int(width) for each in _CONVERSION.finditer(text) for width in each.groups() if width]
    if _STARRED.search(text) or _NESTED.search(text) or max(widths, default=0) > _MAX_WIDTH:
        raise TemplateRuntimeError(f"a width in {text[:30]!r} is not a number up to {_MAX_WIDTH}")
    again = text.count("%") if named or isinstance(args[0] if args else None, dict) else 1
    return len(text) + sum(widths) + _LONGEST_NUMBER * text.count("%") + again * weight([*args, named])


_LONGEST_NUMBER: Final = 350
_CONVERSION: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(\d*)(?:\.(\d*))?")
_STARRED: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*[\d.]*\*")
_NESTED: Final = re.compile(r"%\([^)]*\(")

PRICES: Final[Mapping[str, Callable[..., int]]] = {
    "format": format_price,
    "indent": _indent_price,
    "join": _join_price,
    "replace": _replace_price,
    "sum": _sum_price,
    "tojson": _json_price,
    "wordwrap": _wrap_price,
}
"""Prices of filters and of methods of texts, where the result can be larger than the operands."""
