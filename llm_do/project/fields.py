"""A node of a project file in, a value of the wanted type out; a refusal names key, line, wanted and found.

A reader is a function from a node to a value. `list_of`, `mapping_of` and `record` build readers from
readers, so that the description of a file format is a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar, cast

from llm_do.errors import nearest
from llm_do.project.document import Node, brief, found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do.errors import SpecError

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)
Reader = Callable[[Node], T]

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SCALARS: Final = (str, int, float, type(None))
NAME_RULE: Final = "a letter, then at most 63 letters, digits, '_' or '-'"


def anything(node: Node) -> Any:
    """Read any JSON value."""
    return node.value


def text(node: Node) -> str:
    """Read a text, which may be empty."""
    if not isinstance(node.value, str):
        raise _wrong(node, "text", "; quote it" if isinstance(node.value, (int, float)) else "")
    return node.value


def filled(node: Node) -> str:
    """Read a text that is more than white space."""
    if not text(node).strip():
        raise _wrong(node, "a text that is not blank")
    return node.value


def matching(pattern: re.Pattern[str], rule: str) -> Reader[str]:
    """Read a text that matches a pattern as a whole; `rule` says the pattern in words."""

    def _read(node: Node) -> str:
        if not pattern.fullmatch(text(node)):
            raise _wrong(node, rule)
        return node.value

    return _read


name = matching(NAME, NAME_RULE)
suffix = matching(re.compile(r"\.[^/\s]+"), "a file suffix such as '.pdf'")


def flag(node: Node) -> bool:
    """Read true or false."""
    if not isinstance(node.value, bool):
        raise _wrong(node, "true or false")
    return node.value


def integer(*, at_least: int) -> Reader[int]:
    """Read a whole number that is not below a limit."""

    def _read(node: Node) -> int:
        if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < at_least:
            raise _wrong(node, f"a whole number, at least {at_least}")
        return node.value

    return _read


def number(holds: Callable[[float], bool], rule: str) -> Reader[float]:
    """Read a number for which `holds` is true; `rule` says the condition in words."""

    def _read(node: Node) -> float:
        value = node.value
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not holds(value):
            raise _wrong(node, rule)
        return value

    return _read


non_negative = number(lambda value: value >= 0, "a number, at least 0")
positive = number(lambda value: value > 0, "a number above 0")


def one_of(*choices: Choice) -> Reader[Choice]:
    """Read one text of a closed set."""

    def _read(node: Node) -> Choice:
        for choice in choices:
            if node.value == choice:
                return choice
        hint = nearest(node.value, choices) if isinstance(node.value, str) else ""
        raise _wrong(node, f"one of {', '.join(choices)}", hint)

    return _read


def mapping(node: Node) -> dict[str, Any]:
    """Read a mapping whose content is nobody's business here."""
    if not _is_mapping(node.value):
        raise _wrong(node, "a mapping")
    return node.value


def list_of(item: Reader[T]) -> Reader[tuple[T, ...]]:
    """Read a list whose items all satisfy one reader."""

    def _read(node: Node) -> tuple[T, ...]:
        if not isinstance(node.value, list):
            raise _wrong(node, "a list")
        return tuple(item(child) for child in node.items())

    return _read


def set_of(item: Reader[str]) -> Reader[tuple[str, ...]]:
    """Read a list of texts in which none stands twice; the order is kept."""

    def _read(node: Node) -> tuple[str, ...]:
        values = list_of(item)(node)
        seen: set[str] = set()
        for child in node.items():
            if child.value in seen:
                raise child.error(f"{brief(child.value)} stands twice in {_where(node)}; keep one")
            seen.add(child.value)
        return values

    return _read


def mapping_of(item: Reader[T]) -> Reader[dict[str, T]]:
    """Read a mapping from names to values that all satisfy one reader."""

    def _read(node: Node) -> dict[str, T]:
        for key in mapping(node):
            if not NAME.fullmatch(key):
                raise node.child(key).error(f"name {brief(key)} in {_where(node)} must be {NAME_RULE}")
        return {key: item(node.child(key)) for key in mapping(node)}

    return _read


def record(
    make: Callable[..., T], fields: Mapping[str, Reader[Any]], *, required: Iterable[str] = ()
) -> Reader[T]:
    """Read a mapping with known keys and pass its values to `make` by name; absent keys are not passed."""

    def _read(node: Node) -> T:
        present = mapping(node)
        for key in present:
            if key not in fields:
                raise _unknown(node.child(key), key, fields)
        for key in required:
            if key not in present:
                raise node.error(f"{_where(node)} needs the key {key!r}")
        return make(**{key: fields[key](node.child(key)) for key in present})

    return _read


def written(value: Any) -> Any:
    """Give what Python made as it would stand in a file: mappings for objects, lists for tuples, names."""
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if is_dataclass(value):
        pairs = [(item, getattr(value, item.name)) for item in fields(value)]
        return {
            item.name: written(inner)
            for item, inner in pairs
            if inner is not None or item.default is not None
        }
    if isinstance(value, tuple | list):
        return [written(item) for item in cast("tuple[Any, ...] | list[Any]", value)]
    if isinstance(value, Mapping):
        return {str(key): written(item) for key, item in cast("Mapping[str, Any]", value).items()}
    return value


def _is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _unknown(node: Node, key: str, known: Iterable[str]) -> SpecError:
    inside = f" in {_dotted(node.place[:-1])}" if len(node.place) > 1 else ""
    hint = nearest(key, known) or f"; known keys: {', '.join(sorted(known))}"
    return node.error(f"unknown key {brief(key)}{inside}{hint}")


def _wrong(node: Node, wanted: str, hint: str = "") -> SpecError:
    return node.error(f"{_where(node)} must be {wanted}, found {found(node.value)}{hint}")


def _where(node: Node) -> str:
    return _dotted(node.place) if node.place else "the file"


def _dotted(place: Iterable[str | int]) -> str:
    return brief(".".join(map(str, place)))
