"""Other plugins in one suite with ours, in real processes: each does its part, or ours says what is wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from llm_suite import LOAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

RECORDING = ("-p", "pytest_recording.plugin")
RERUNS = ("-p", "pytest_rerunfailures")
XDIST = ("-p", "xdist")
ANYIO = ("-p", "anyio.pytest_plugin")

ASKING = """
import asyncio, json, os, pathlib
import httpx2
import pytest
from play import scripted

def keep(name, value):
    folder = pathlib.Path(os.environ.get("KEEP", "kept"))
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(value))

@pytest.mark.llm_samples(6)
async def test_ours(llm_do, sample):
    run = await llm_do.run("hi")
    assert run.output
    keep(f"ours-{sample.index}", [run.output, sample.rng.random()])
"""

SCRIPTED = """
import pathlib
import pytest
from play import scripted

@pytest.mark.llm_samples(3)
async def test_ours(llm_do):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
"""


def process(suite: Suite, source: str, *args: str) -> pytest.RunResult:
    """Write the tests and run them in a process of their own."""
    suite.pytester.makepyfile(test_suite=source)
    return suite.pytester.runpytest_subprocess(*LOAD, "--llm-json=session.json", *args)


def cassette(suite: Suite, name: str) -> Path:
    return suite.path / "cassettes" / "test_suite" / name


def kept(suite: Suite, folder: str = "kept") -> dict[str, object]:
    files = (suite.path / folder).glob("*.json")
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


VCR = (
    ASKING
    + """
def ask():
    with httpx2.Client() as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        answer = client.post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json=body)
    keep("theirs", answer.json()["choices"])

@pytest.mark.vcr
def test_theirs():
    ask()
"""
)


def test_pytest_recording_keeps_its_tests_and_options_and_leaves_us_ours(
    suite: Suite, provider: StandIn
) -> None:
    first = process(suite, VCR, *RECORDING, "--record-mode=once", "--llm-record=once")
    first.assert_outcomes(passed=2)
    assert len(provider.requests) == 7
    files = [cassette(suite, "test_ours.jsonl"), cassette(suite, "test_theirs.yaml")]
    assert sorted(cassette(suite, "").iterdir()) == files
    answers, before = kept(suite), [file.read_bytes() for file in files]

    theirs = process(suite, VCR, *RECORDING, "--record-mode=rewrite")
    theirs.assert_outcomes(passed=2)
    assert len(provider.requests) == 8
    assert [file.read_bytes() == old for file, old in zip(files, before, strict=True)] == [True, False]
    assert {**kept(suite), "theirs": None} == {**answers, "theirs": None}

    provider.stop()
    answers = kept(suite)
    process(suite, VCR, *RECORDING, "--block-network").assert_outcomes(passed=2)
    assert kept(suite) == answers


BLOCKED = (
    "test_ours would ask providers, because of --llm-record=once, and the network is blocked; leave out "
    "--block-network or @pytest.mark.block_network, or allow the hosts with --allowed-hosts"
)
TWO_CASSETTES = (
    "test_ours has two cassettes: our fixtures record all its requests, and so does @pytest.mark.vcr; take "
    "the mark away from this test, or move the test out of what it marks"
)


def test_a_blocked_network_is_named_where_ours_would_record(suite: Suite, provider: StandIn) -> None:
    result = process(suite, VCR, *RECORDING, "--block-network", "--llm-record=once", "-k", "ours")
    result.assert_outcomes(failed=1)
    assert provider.requests == []
    assert not cassette(suite, "test_ours.jsonl").exists()
    result.stdout.fnmatch_lines([BLOCKED])


def test_a_test_of_ours_that_is_marked_vcr_says_what_to_do(suite: Suite, provider: StandIn) -> None:
    source = ASKING.replace("async def", "@pytest.mark.vcr\nasync def")
    result = process(suite, source, *RECORDING, "--record-mode=once", "--llm-record=once")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([TWO_CASSETTES])
    assert provider.requests == []
    assert not cassette(suite, "").exists()


RERUN = (
    SCRIPTED
    + """
@pytest.mark.llm_samples(3)
@pytest.mark.flaky(reruns=0)
async def test_never_rerun(llm_do, sample):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
    assert sample.index < 2

async def test_unmarked(llm_do):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
    seen = pathlib.Path("seen")
    if not seen.exists():
        seen.touch()
        assert False
"""
)
NO_RERUNS = (
    "llm_samples and reruns do not go together: a test that runs until it passes shows no pass rate; leave "
    "out --reruns, or mark this test @pytest.mark.flaky(reruns=0) (faults of a provider are counted apart, "
    "see max_infra) (test_suite.py::test_ours)"
)


@pytest.mark.parametrize("more", [(), ("-p", "xdist", "-n2")], ids=["alone", "xdist"])
def test_reruns_are_refused_for_sampled_tests_alone(suite: Suite, more: Sequence[str]) -> None:
    result = process(suite, RERUN, *RERUNS, "--reruns=3", *more)
    counted = result.parseoutcomes()
    assert {word: counted[word] for word in ("passed", "failed", "errors", "rerun")} == {
        "passed": 1,
        "failed": 1,
        "errors": 1,
        "rerun": 1,
    }
    result.stdout.fnmatch_lines([NO_RERUNS])
    tests = suite.tests()
    assert [(name, test["k"], test["n"]) for name, test in tests.items()] == [("test_never_rerun", 2, 3)]


@pytest.mark.parametrize(
    ("mark", "args", "cure"),
    [
        ("@pytest.mark.flaky", (), "take @pytest.mark.flaky away from it"),
        ("@pytest.mark.flaky(2)", (), "take @pytest.mark.flaky away from it"),
        ("", ("-o", "reruns=1"), "leave out --reruns, *"),
        ("@pytest.mark.flaky(reruns=0)", ("--force-reruns=1",), "leave out --force-reruns"),
        ("@pytest.mark.flaky(reruns=0)", ("--reruns=1", "--reruns-mode=append"), "leave out --reruns, *"),
        ("@pytest.mark.flaky(reruns=0)", ("--reruns=1",), None),
        ("@pytest.mark.flaky", ("--force-reruns=0",), None),
    ],
)
def test_every_way_to_ask_for_reruns_is_seen(
    suite: Suite, mark: str, args: Sequence[str], cure: str | None
) -> None:
    source = SCRIPTED.replace("async def", f"{mark}\nasync def")
    suite.pytester.makepyfile(test_suite=source)
    result = suite.again(*RERUNS, *args)
    result.assert_outcomes(**({"passed": 1} if cure is None else {"errors": 1}))
    if cure:
        result.stdout.fnmatch_lines(
            [f"* shows no pass rate; {cure} (faults of a provider are counted apart, *"]
        )


BOTH = (
    SCRIPTED
    + """
import sniffio

@pytest.mark.anyio
async def test_theirs(anyio_backend_name):
    assert sniffio.current_async_library() == anyio_backend_name

@pytest.mark.anyio
@pytest.mark.llm_samples(3)
async def test_marked(llm_do):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
"""
)
ON_TRIO = (
    "{}[[]trio[]] cannot run on trio: workers run on asyncio; take @pytest.mark.anyio and anyio_mode away "
    "from this test, or let a fixture anyio_backend return 'asyncio'"
)


@pytest.mark.parametrize(
    ("mode", "passed", "refused"),
    [("strict", 4, ["test_marked"]), ("auto", 4, ["test_marked", "test_ours"])],
)
def test_anyio_runs_its_tests_and_ours_stay_on_asyncio(
    suite: Suite, mode: str, passed: int, refused: Sequence[str]
) -> None:
    result = process(suite, BOTH, *ANYIO, "-o", f"anyio_mode={mode}")
    result.assert_outcomes(passed=passed, failed=len(refused))
    for name in refused:
        result.stdout.fnmatch_lines([ON_TRIO.format(name)])
    result.stdout.no_fnmatch_line("*no running event loop*")


def test_an_anyio_backend_of_the_suite_s_own_runs_all_on_asyncio(suite: Suite) -> None:
    source = (
        BOTH
        + """
@pytest.fixture
def anyio_backend():
    return "asyncio", {"debug": True}
"""
    )
    process(suite, source, *ANYIO).assert_outcomes(passed=3)
    assert {name: test["n"] for name, test in suite.tests().items()} == {"test_ours": 3, "test_marked": 3}


LOOPS = """
import asyncio
import pytest
import pytest_asyncio
from play import scripted

SEEN = []

@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared():
    return asyncio.get_running_loop()

@pytest.mark.llm_samples(3)
async def test_ours(llm_do):
    SEEN.append(asyncio.get_running_loop())
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.llm_samples(3)
async def test_in_a_shared_loop(llm_do, shared):
    assert asyncio.get_running_loop() is shared
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"

@pytest.mark.asyncio
async def test_theirs():
    SEEN.append(asyncio.get_running_loop())
    await asyncio.sleep(0)

def test_sync(llm_do):
    llm_do.use_model(scripted("hello"))
    assert llm_do.run_sync("hi").output == "hello"

def test_loops():
    assert len(set(map(id, SEEN))) == EXPECTED
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
@pytest.mark.parametrize(("scope", "loops"), [("function", 2), ("session", 1)])
def test_pytest_asyncio_owns_the_loop_as_the_suite_sets_it(
    suite: Suite, mode: str, scope: str, loops: int
) -> None:
    scopes = [f"asyncio_default_{kind}_loop_scope={scope}" for kind in ("fixture", "test")]
    given = [word for setting in (f"asyncio_mode={mode}", *scopes) for word in ("-o", setting)]
    process(suite, LOOPS.replace("EXPECTED", str(loops)), *given).assert_outcomes(passed=5)


MANY = (
    ASKING
    + """
@pytest.mark.llm_samples(4)
class TestMore:
    async def test_first(self, llm_do, sample):
        keep(f"first-{sample.index}", (await llm_do.run("first")).output)
        assert True

    def test_second(self, llm_do, sample):
        keep(f"second-{sample.index}", llm_do.run_sync("second").output)
        assert sample.index
"""
)


def test_order_seed_and_workers_change_no_sample(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = process(suite, MANY, "--llm-record=once", "-p", "randomly", "--randomly-seed=1")
    recorded.assert_outcomes(passed=2, failed=1)
    assert len(provider.requests) == 14
    provider.stop()
    first = kept(suite)
    assert len(first) == 14
    sessions: list[object] = []
    for number, given in enumerate(
        [
            ("-p", "randomly", "--randomly-seed=2"),
            ("-p", "randomly", "--randomly-seed=3", "-p", "xdist", "-n2", "--dist=loadscope"),
            ("-p", "xdist", "-n2"),
        ]
    ):
        monkeypatch.setenv("KEEP", f"kept-{number}")
        result = process(suite, MANY, *given)
        result.assert_outcomes(passed=2, failed=1)
        assert kept(suite, f"kept-{number}") == first
        sessions.append(suite.tests())
        lines = [
            line for line in result.outlines if re.match(r"  (PASS|FAIL) \S+ +\d+/\d+ -> true rate", line)
        ]
        assert len(lines) == 3
    assert sessions[1:] == sessions[:1] * 2


GUARDED = """
import pathlib, time

def pytest_runtest_logreport(report):
    if report.failed:
        pathlib.Path("refused").touch()
"""
HELD = """
import pathlib, time
import pytest

@pytest.mark.llm_samples(2)
def test_held(llm_do):
    assert llm_do.run_sync("hi").output
    # the other worker may still be starting, on a machine that is busy
    until = time.monotonic() + 300
    while not pathlib.Path("refused").exists() and time.monotonic() < until:
        time.sleep(0.05)
"""


def test_workers_that_all_run_all_cannot_record_one_cassette_twice(suite: Suite, provider: StandIn) -> None:
    suite.pytester.makeconftest(GUARDED)
    result = process(suite, HELD, *XDIST, "--dist=each", "--tx=2*popen", "--llm-record=rewrite")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*test_held.jsonl: is being recorded by another process (pid *"])
    assert len(provider.requests) == 2
    provider.stop()
    process(suite, HELD, *XDIST, "--dist=each", "--tx=2*popen").assert_outcomes(passed=2)
