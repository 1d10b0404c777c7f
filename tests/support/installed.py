"""Names and values in, the plug-ins of packages that are not really installed out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from llm_do.linking.pluginload import load_plugin
from llm_do.linking.plugins import Plugins, find_plugins

if TYPE_CHECKING:
    from collections.abc import Iterable


class Offered:
    """An entry point of a package; `loads` counts how often it was imported."""

    def __init__(self, group: str, name: str, value: Any, package: str | None = "acme") -> None:
        self.group = f"llm_do.{group}"
        self.name = name
        self.value = f"{package}:{name}"
        self.module = __name__
        self.dist = package and SimpleNamespace(name=package, version="1.0")
        self.loads = 0
        self._value = value

    def load(self) -> Any:
        self.loads += 1
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value


def plugins(*offered: Offered, loads: bool = True) -> Plugins:
    """The plug-ins of a run, or of a check."""

    def find(*, group: str) -> Iterable[Any]:
        return [each for each in offered if each.group == group]

    return find_plugins(load=load_plugin if loads else None, find=find)
