"""A test of ours in, a refusal out where another plugin would falsify what it shows."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from llm_do.errors import UsageError

if TYPE_CHECKING:
    import pytest


def refuse_reruns(item: pytest.Item) -> None:
    """Refuse a sampled test that pytest-rerunfailures would run until it passes.

    Raises:
        UsageError: it would be rerun; says by what.
    """
    if cure := _cure_of_reruns(item):
        raise UsageError(
            f"llm_samples and reruns do not go together: a test that runs until it passes shows no pass "
            f"rate; {cure} (faults of a provider are counted apart, see max_infra)"
        )


def refuse_second_cassette(item: pytest.Item) -> None:
    """Refuse a test that pytest-recording would give a cassette of its own.

    Raises:
        UsageError: it is marked `vcr`.
    """
    if item.get_closest_marker("vcr"):
        raise UsageError(
            f"{item.name} has two cassettes: our fixtures record all its requests, and so does "
            f"@pytest.mark.vcr; take the mark away from this test, or move the test out of what it marks"
        )


def refuse_blocked(item: pytest.Item, mode: str) -> None:
    """Refuse a test that would ask providers in `mode` while pytest-recording lets it reach nobody.

    Raises:
        UsageError: the network is blocked, and no host is allowed by option or mark.
    """
    mark = item.get_closest_marker("block_network")
    blocked = mark or item.config.getoption("block_network", None)
    allowed = item.config.getoption("allowed_hosts", None) or (mark and mark.kwargs.get("allowed_hosts"))
    if blocked and not allowed:
        raise UsageError(
            f"{item.name} would ask providers, because of --llm-record={mode}, and the network is "
            f"blocked; leave out --block-network or @pytest.mark.block_network, or allow the hosts with "
            f"--allowed-hosts"
        )


def refuse_trio(item: pytest.Function) -> None:
    """Refuse an async test that was given another event loop than that of asyncio, after its fixtures.

    Raises:
        UsageError: the fixture `anyio_backend` names another.
    """
    backend: Any = item.funcargs.get("anyio_backend", "asyncio")
    name = backend if isinstance(backend, str) else backend[0]
    if name != "asyncio" and inspect.iscoroutinefunction(item.obj):
        raise UsageError(
            f"{item.name} cannot run on {name}: workers run on asyncio; take @pytest.mark.anyio and "
            f"anyio_mode away from this test, or let a fixture anyio_backend return 'asyncio'"
        )


def _cure_of_reruns(item: pytest.Item) -> str:
    """Say what to do against reruns of a test, in the order in which the plugin looks; empty without any."""
    forced: int | None = item.config.getoption("force_reruns", None)
    mark = item.get_closest_marker("flaky")
    if forced is not None:
        return "leave out --force-reruns" if forced else ""
    added = item.config.getoption("reruns_mode", None) == "append"
    if mark is not None and mark.kwargs.get("reruns", next(iter(mark.args), 1)):
        return "take @pytest.mark.flaky away from it"
    if _reruns_of_all(item.config) and (mark is None or added):
        return "leave out --reruns, or mark this test @pytest.mark.flaky(reruns=0)"
    return ""


def _reruns_of_all(config: pytest.Config) -> int:
    given: int | None = config.getoption("reruns", None)
    if given is not None:
        return given
    try:
        return int(config.getini("reruns"))
    except ValueError:  # the plugin is not there, or its option is not set
        return 0
