"""Entry points of installed packages in, the toolsets and workers that they offer by name out.

Only the metadata is read here: a package is imported when a run uses one of its names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Literal

from llm_do.errors import SpecError
from llm_do.project.fields import NAME, NAME_RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from llm_do.links import Toolset
    from llm_do.project.spec import WorkerSpec

    Find = Callable[..., Iterable[EntryPoint]]

Kind = Literal["toolset", "worker"]
GROUPS: Final[Mapping[str, Kind]] = {"llm_do.toolsets": "toolset", "llm_do.workers": "worker"}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One name that an installed package offers."""

    name: str
    kind: Kind
    entry_point: EntryPoint

    @property
    def distribution(self) -> str:
        """Who offers it: the name and version of a package."""
        found = self.entry_point.dist
        return f"{found.name} {found.version}" if found is not None else self.entry_point.value

    @property
    def origin(self) -> str:
        """What it is, for messages."""
        return f"{self.kind} plug-in {self.name!r} of {self.distribution}"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What installed packages offer, by name; `load` imports one for a run and is None in a check."""

    by_name: Mapping[str, tuple[Plugin, ...]] = field(default_factory=dict[str, tuple[Plugin, ...]])
    load: Callable[[Plugin], Toolset | tuple[WorkerSpec, ...]] | None = None

    def get(self, name: str) -> Plugin | None:
        """Find who offers a name.

        Raises:
            SpecError: two do, or none could have it; the message names who.
        """
        found = self.by_name.get(name, ())
        if found and not NAME.fullmatch(name):
            raise SpecError(f"{found[0].origin}: its name must be {NAME_RULE}")
        if len(found) > 1:
            raise SpecError(
                f"the name {name!r} is offered by {found[0].origin} and by {found[1].origin}; uninstall one"
            )
        return found[0] if found else None


def find_plugins(
    *, load: Callable[[Plugin], Toolset | tuple[WorkerSpec, ...]] | None = None, find: Find = entry_points
) -> Plugins:
    """Read what is installed: the entry points of the groups `llm_do.toolsets` and `llm_do.workers`.

    Args:
        load: what imports a plug-in; None where nothing may be imported.
        find: gives the entry points of a `group`.
    """
    by_name: dict[str, tuple[Plugin, ...]] = {}
    for group, kind in GROUPS.items():
        for each in find(group=group):
            by_name[each.name] = (*by_name.get(each.name, ()), Plugin(each.name, kind, each))
    return Plugins(by_name, load)
