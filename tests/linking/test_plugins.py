from __future__ import annotations

from typing import Any

import pytest
from installed import Offered, plugins

from llm_do.errors import SpecError
from llm_do.linking.plugins import find_plugins


def test_names_are_read_and_nothing_is_loaded() -> None:
    toolset, worker = Offered("toolsets", "calc", 1), Offered("workers", "poet", 2)
    found = plugins(toolset, worker, Offered("recorder", "other", 3))
    assert sorted(found.by_name) == ["calc", "poet"]
    calc, poet = found.get("calc"), found.get("poet")
    assert calc is not None
    assert poet is not None
    assert (calc.kind, calc.origin) == ("toolset", "toolset plug-in 'calc' of acme 1.0")
    assert (poet.kind, poet.distribution) == ("worker", "acme 1.0")
    assert found.get("none") is None
    assert toolset.loads == worker.loads == 0


def test_a_package_without_metadata_is_named_by_its_value() -> None:
    found = plugins(Offered("toolsets", "calc", 1, package=None)).get("calc")
    assert found is not None
    assert found.origin == "toolset plug-in 'calc' of None:calc"


@pytest.mark.parametrize("groups", [("toolsets", "toolsets"), ("toolsets", "workers")])
def test_one_name_of_two_packages_is_refused_when_it_is_used(groups: tuple[str, str]) -> None:
    found = plugins(Offered(groups[0], "calc", 1, "acme"), Offered(groups[1], "calc", 2, "other"))
    assert found.get("none") is None
    with pytest.raises(SpecError) as caught:
        found.get("calc")
    assert str(caught.value) == (
        f"the name 'calc' is offered by {groups[0][:-1]} plug-in 'calc' of acme 1.0 and by "
        f"{groups[1][:-1]} plug-in 'calc' of other 1.0; uninstall one"
    )


def test_what_is_installed_here_is_found() -> None:
    seen: list[Any] = []

    def find(*, group: str) -> list[Any]:
        seen.append(group)
        return []

    assert find_plugins(find=find).by_name == {}
    assert seen == ["llm_do.toolsets", "llm_do.workers"]
    assert find_plugins().load is None
