"""A text `FIELD OP LITERAL` in, a condition on JSON objects out: what `--ok` means."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MISSING: Final = object()
_FORM = re.compile(r"\s*(?P<field>[^\s=!<>]+)\s*(?P<op>==|!=|<=|>=|<|>)\s*(?P<literal>.+?)\s*", re.DOTALL)
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One field compared with one literal; `field` is a dotted path."""

    field: str
    op: str
    literal: Any

    def holds(self, line: Mapping[str, Any]) -> bool | None:
        """Say whether it holds for an object; None where the field is missing or cannot be ordered."""
        value = lookup(line, self.field)
        if value is MISSING:
            return None
        if self.op in ("==", "!="):
            return _equal(value, self.literal) is (self.op == "==")
        if _kind(value) is None or _kind(value) is not _kind(self.literal):
            return None
        return _ORDERS[self.op](value, self.literal)


def condition(text: str) -> Condition:
    """Read `FIELD OP LITERAL`, OP one of `== != < <= > >=`, LITERAL as in JSON.

    Raises:
        UsageError: the text has another form.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no condition; write FIELD OP LITERAL, for example 'reward == 1'")
    try:
        literal = json.loads(found["literal"])
    except (ValueError, RecursionError):
        hint = json.dumps(found["literal"].strip("'\""), ensure_ascii=False)
        raise UsageError(
            f"{found['literal']!r} in {text!r} is no JSON literal; a text is written {hint}"
        ) from None
    return Condition(found["field"], found["op"], literal)


def lookup(value: Any, path: str) -> Any:
    """Follow a dotted path through objects and, by index, lists; `MISSING` where it ends early."""
    for name in path.split("."):
        if isinstance(value, dict) and name in value:
            value = cast("dict[str, Any]", value)[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(name)]
        else:
            return MISSING
    return value


def _equal(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) is isinstance(right, bool)


def _kind(value: Any) -> type | None:
    if isinstance(value, bool):
        return None
    return float if isinstance(value, int | float) else str if isinstance(value, str) else None
