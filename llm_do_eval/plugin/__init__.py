"""The pytest plugin: tests of LLM workers in, sampled runs with verdicts out; inert for all other tests.

Importing it loads pytest and the standard library only. What runs a test is imported when a test uses one
of the fixtures `llm_do`, `stub`, `invariant`, `sample` or the mark `llm_samples`.
"""

from __future__ import annotations

import inspect
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from llm_do_eval.plugin.gathering import Gathering
from llm_do_eval.plugin.options import Options, add_options, read_options

if TYPE_CHECKING:
    from collections.abc import Generator

    from llm_do_eval.fixtures import InvariantFixture, SampleFixture, StubFixture
    from llm_do_eval.harness import LlmDo
    from llm_do_eval.plugin.conduct import Conduct
    from llm_do_eval.sampling.budget import Budget

_FIXTURES = ("llm_do", "stub", "invariant", "sample")
_OPTIONS = pytest.StashKey[Options]()
_CONDUCT = pytest.StashKey["Conduct"]()
_REFUSED = pytest.StashKey[dict[str, str]]()
_DUMMIES = pytest.StashKey[ExitStack]()
_BUDGET = pytest.StashKey["Budget"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their twins in the ini file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, declare the marks and start to gather."""
    options = config.stash[_OPTIONS] = read_options(config)
    config.addinivalue_line(
        "markers",
        "llm_samples(n=1, *, min_pass_rate=None, target=None, stop=None, mode='prove', must_pass=(), "
        "max_infra=0.05): run the test up to n times and judge how often it passes",
    )
    config.addinivalue_line(
        "markers", "llm_project(path, ...): the project under test, relative to the test file"
    )
    if options.plan:
        from llm_do_eval.plugin.planning import Planning

        config.pluginmanager.register(Planning(config, options), "llm_do_eval_planning")
    else:
        _watch(config, options)
    if config.getini("llm_dummy_keys") and options.record != "live":
        from llm_do_eval.cassette import dummy_keys

        config.stash[_DUMMIES] = ExitStack()
        config.stash[_DUMMIES].enter_context(dummy_keys())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the dummy keys away again."""
    if _DUMMIES in config.stash:
        config.stash[_DUMMIES].close()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Mark async tests of ours for pytest-asyncio, which looks at them after this hook."""
    made: Any = yield
    for item in cast("list[object]", made) if isinstance(made, list) else [made]:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj) and _is_ours(item):
            _mark_async(item)
    return cast("object", made)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Set tests aside whose mark is wrong, or whose own number of samples can never show what it claims."""
    marked = [item for item in items if item.get_closest_marker("llm_samples")]
    if not marked:
        return
    from llm_do.errors import UsageError
    from llm_do_eval.plugin.marks import claimed, sampling_of

    options, refused = config.stash[_OPTIONS], config.stash.setdefault(_REFUSED, {})
    read = claimed if options.plan else sampling_of  # a plan tells what can never be shown
    for item in marked:
        try:
            read(item, options)
        except UsageError as error:
            refused[item.nodeid] = f"{error} ({item.nodeid})"
    items[:] = [item for item in items if item.nodeid not in refused]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Report the tests set aside as errors of collection, after the others have run."""
    try:
        return (yield)
    finally:
        refused = session.config.stash.get(_REFUSED, None) or {}
        for nodeid, message in refused.items():
            report = pytest.CollectReport(nodeid, "failed", message, [])
            session.config.hook.pytest_collectreport(report=report)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Close the cassette of a test that was interrupted: its tear-down never comes."""
    try:
        return (yield)
    finally:
        interrupted = item.stash.get(_CONDUCT, None)
        if interrupted is not None:
            interrupted.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Open the cassette of a test of ours, before its fixtures."""
    if not isinstance(item, pytest.Function) or not _is_ours(item):
        return
    from llm_do_eval.plugin.conduct import Conduct, one_line

    with one_line():
        conduct = Conduct(item, item.config.stash[_OPTIONS], _budget(item.config))
        conduct.open()
        item.stash[_CONDUCT] = conduct


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run all samples of a test of ours instead of its function, and judge them."""
    conduct = item.stash.get(_CONDUCT, None)
    if conduct is None:
        return (yield)
    conduct.refuse()
    with conduct.sampling():
        result = yield
    conduct.raise_what_has_not_begun()
    conduct.conclude()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Close the cassette of a test of ours, after its fixtures."""
    try:
        return (yield)
    finally:
        conduct = item.stash.get(_CONDUCT, None)
        if conduct is not None:
            from llm_do_eval.plugin.conduct import one_line

            with one_line():
                conduct.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report the samples that did not pass before their test, and what is known at the end with it."""
    report = yield
    conduct = item.stash.get(_CONDUCT, None)
    if conduct is not None:
        from llm_do_eval.plugin.reports import complete

        complete(report, conduct, call)
        if report.when == "teardown":
            del item.stash[_CONDUCT]
    return report


@pytest.fixture
def llm_do(request: pytest.FixtureRequest) -> LlmDo:
    """Runs the project under test: `run = await llm_do.run("worker", input)`."""
    from llm_do_eval.plugin.conduct import one_line

    with one_line():
        return _conduct(request).harness()


@pytest.fixture
def stub(request: pytest.FixtureRequest) -> StubFixture:
    """Lets a worker or tool mean something else: `stub("name", value)`."""
    from llm_do_eval.fixtures import StubFixture
    from llm_do_eval.plugin.conduct import one_line

    conduct = _conduct(request)
    with one_line():
        return StubFixture(conduct.owner, conduct.project())


@pytest.fixture
def invariant() -> InvariantFixture:
    """Checks a named condition, which has a rate of its own: `invariant("name", condition)`."""
    from llm_do_eval.fixtures import InvariantFixture

    return InvariantFixture()


@pytest.fixture
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SampleFixture:
    """Gives what belongs to one sample alone: `sample.index`, `sample.tmp_path`, `sample.rng`."""
    from llm_do_eval.fixtures import SampleFixture

    return SampleFixture(
        _conduct(request).item.nodeid, lambda index: tmp_path_factory.mktemp(f"sample-{index}-")
    )


def _watch(config: pytest.Config, options: Options) -> None:
    """Register what looks at the tests that are run."""
    if not hasattr(config, "workerinput"):
        gathering = Gathering(config, options, summary=os.environ.get("GITHUB_STEP_SUMMARY", ""))
        config.pluginmanager.register(gathering, "llm_do_eval_gathering")
    if options.baseline:
        from llm_do_eval.plugin.baseline import NAME, Baseline

        config.pluginmanager.register(Baseline(config, options), NAME)
    if options.check_cassettes:
        from llm_do_eval.plugin.checking import Checking

        config.pluginmanager.register(Checking(config, options), "llm_do_eval_checking")


def _budget(config: pytest.Config) -> Budget | None:
    """Give what all tests of this process may spend; processes of pytest-xdist get equal shares."""
    limit_usd = config.stash[_OPTIONS].budget
    if limit_usd is None:
        return None
    if _BUDGET not in config.stash:
        from llm_do_eval.sampling.budget import Budget

        processes = getattr(config, "workerinput", {}).get("workercount", 1)
        config.stash[_BUDGET] = Budget(limit_usd / processes)
    return config.stash[_BUDGET]


def _conduct(request: pytest.FixtureRequest) -> Conduct:
    node: pytest.Item = request.node
    conduct = node.stash.get(_CONDUCT, None)
    if conduct is None:
        pytest.fail(
            f"{request.fixturename!r} comes too late by getfixturevalue: name it as a parameter of the test",
            pytrace=False,
        )
    return conduct


def _is_ours(item: pytest.Function) -> bool:
    """Tell whether a test is sampled or gets a fixture of ours, not one of its own of the same name."""
    if item.get_closest_marker("llm_samples"):
        return True
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  no public way
    return any(_leads_here(name, known.get(name, ())) for name in _FIXTURES if name in item.fixturenames)


def _leads_here(name: str, definitions: Any) -> bool:
    """Follow a fixture that overrides and asks for the one of its own name."""
    for definition in reversed(definitions):
        if definition.func.__module__ == __name__:
            return True
        if name not in definition.argnames:
            return False
    return False


def _mark_async(item: pytest.Function) -> None:
    if not hasattr(item.config.option, "asyncio_mode"):
        return
    if not any(item.get_closest_marker(name) for name in ("asyncio", "anyio")):
        item.add_marker("asyncio")
