"""Where a foreign format keeps what a run needs: names of keys in, values of an item out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from llm_do_eval.condition import MISSING, Condition, lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do.journal import Effect


@dataclass(frozen=True, slots=True)
class Keys:
    """Dotted paths into one item of the foreign file; None: the item has no such thing.

    `writes` are globs of tools with effects; where any is given, all other tools only read.
    """

    messages: str = "messages"
    cluster: str | None = None
    trial: str | None = None
    tools: str | None = None
    ok: Condition | None = None
    writes: tuple[str, ...] = ()

    def effect(self, tool: str) -> Effect:
        """Give the effect of a tool as far as `writes` says it."""
        if not self.writes:
            return "unknown"
        return "write" if any(fnmatchcase(tool, glob) for glob in self.writes) else "read"


def value_at(item: Mapping[str, Any], key: str | None) -> Any:
    """Give the value at a dotted path, None where there is none."""
    value = MISSING if key is None else lookup(item, key)
    return None if value is MISSING else value
