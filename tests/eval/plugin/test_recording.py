"""Samples recorded from a provider, then replayed without it: each gets its own conversation back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import vcr
from llm_suite import LOAD
from observed import traced

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import journal_path
from llm_do_eval.health import Health
from llm_do_eval.journals import journal_files, read_runs
from llm_do_eval.tables.origins import Origins

if TYPE_CHECKING:
    import random
    from collections.abc import Generator
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import Request

pytest_plugins = ["pytester"]

TESTS = """
import json, pathlib

@pytest.mark.llm_samples(5)
async def test_orders(llm_do, sample):
    run = await llm_do.run("where is my order?")
    assert run.tools.called == ["lookup_order"]
    pathlib.Path("outputs").mkdir(exist_ok=True)
    pathlib.Path(f"outputs/{sample.index}.json").write_text(json.dumps(run.output))
"""


def desk(request: Request, rng: random.Random) -> Reply:
    """Look up a random order, then say something that no other conversation says."""
    if request.tools and not request.results:
        return Reply(tool_calls=(ToolCall("lookup_order", {"number": rng.randrange(10**9)}),))
    return Reply(f"{rng.randrange(10**9)} {[result.text for result in request.results]}")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with StandIn(desk) as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        yield running


@pytest.fixture
def recorded(suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Record five samples, then forget the provider, its keys and its model."""
    suite.run(TESTS, "--llm-record=rewrite").assert_outcomes(passed=1)
    assert len(provider.requests) == 10
    provider.stop()
    for name in ("LLM_DO_MODEL", *provider.environ):
        monkeypatch.delenv(name)
    return suite


def cassette(suite: Suite, name: str = "test_orders") -> Path:
    return suite.path / "cassettes" / "test_suite" / f"{name}.jsonl"


def outputs(suite: Suite) -> dict[int, str]:
    folder = suite.path / "outputs"
    found = {int(file.stem): json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    for file in folder.glob("*.json"):
        file.unlink()
    return found


@pytest.mark.slow
def test_twenty_samples_at_once_get_their_own_conversations_back(suite: Suite, provider: StandIn) -> None:
    given = ("--llm-samples=20", "--llm-concurrency=20")
    suite.run(TESTS, "--llm-record=rewrite", *given).assert_outcomes(passed=1)
    first = outputs(suite)
    assert len(set(first.values())) == 20
    provider.stop()
    suite.again(*given).assert_outcomes(passed=1)
    assert outputs(suite) == first
    suite.again("-p", "randomly", "-p", "xdist", "-n2", *given).assert_outcomes(passed=1)
    assert outputs(suite) == first
    assert len(provider.requests) == 40


MATRIX = """
import json, pathlib

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]

@pytest.mark.parametrize("word", WORDS)
@pytest.mark.llm_samples(5)
async def test_desk(llm_do, sample, word):
    run = await llm_do.run("where is my order?")
    assert run.tools.called == ["lookup_order"]
    pathlib.Path("outputs").mkdir(exist_ok=True)
    place = 100 * WORDS.index(word) + sample.index
    pathlib.Path(f"outputs/{place}.json").write_text(json.dumps(run.output))
"""
BACKWARDS = """
def pytest_collection_modifyitems(items):
    items.reverse()
"""


@pytest.mark.slow
def test_any_way_to_run_eight_tests_gives_every_sample_its_own_answers(
    suite: Suite, provider: StandIn
) -> None:
    suite.run(MATRIX, "--llm-record=once").assert_outcomes(passed=8)
    first, asked = outputs(suite), len(provider.requests)
    assert (len(set(first.values())), asked) == (40, 80)
    provider.stop()

    def replayed(*args: str, passed: int = 8) -> dict[int, str]:
        suite.again(*args).assert_outcomes(passed=passed, deselected=8 - passed)
        return outputs(suite)

    for args in (["--llm-concurrency=1"], ["-p", "xdist", "-p", "randomly", "-n2"]):
        assert replayed(*args) == first
    some = replayed("-k", "three or seven", passed=2)
    assert some == {place: answer for place, answer in first.items() if place // 100 in (2, 6)}
    fewer = replayed("--llm-samples=2")
    assert fewer == {place: answer for place, answer in first.items() if place % 100 < 2}
    suite.pytester.makeconftest(BACKWARDS)
    assert replayed() == first
    more = suite.again("--llm-samples=7")
    more.assert_outcomes(failed=8)
    more.stdout.fnmatch_lines(
        ["INCOMPLETE: Samples recorded: 0..4; sample ? is not: record it with pytest *=new_episodes *=7 *"]
    )
    assert {test["verdict"] for test in suite.tests().values()} == {"INCOMPLETE"}
    assert len(provider.requests) == asked


def test_a_replay_needs_no_provider_no_key_and_no_model(recorded: Suite) -> None:
    first, before = outputs(recorded), cassette(recorded).read_bytes()
    result = recorded.again("--llm-concurrency=1")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["    recorded 2*, openai-chat:stand-in, n=5, replayed"])
    assert outputs(recorded) == first
    assert cassette(recorded).read_bytes() == before
    evidence = recorded.tests()["test_orders"]["evidence"]
    assert evidence == {
        "recorded_at": json.loads(before.partition(b"\n")[0])["recorded_at"],
        "model": "openai-chat:stand-in",
        "replayed": True,
        "distinct": 5,
        "cassette": "cassettes/test_suite/test_orders.jsonl",
        "saved": False,
        "unplayed": 0,
        "scrubbed": 0,
        "replayed_samples": 5,
        "interrupted": None,
        "set_aside": None,
    }


def test_fewer_samples_replay_the_first_ones(recorded: Suite) -> None:
    first = outputs(recorded)
    recorded.again("--llm-samples=2", "-k", "orders").assert_outcomes(passed=1)
    assert outputs(recorded) == {index: first[index] for index in range(2)}


def test_more_samples_than_recorded_say_how_to_record_them(recorded: Suite, provider: StandIn) -> None:
    before = len(provider.requests)
    result = recorded.again("--llm-samples=7")
    result.assert_outcomes(failed=1)
    command = "pytest --llm-record=new_episodes --llm-samples=7 test_suite.py::test_orders"
    result.stdout.fnmatch_lines(
        [
            f"INCOMPLETE: Samples recorded: 0..4; sample ? is not: record it with {command}",
            "  INCOMPLETE test_orders *nothing",
            "      * samples ended before the test was stopped: nothing is shown",
        ]
    )
    assert len(provider.requests) == before
    [test] = recorded.tests().values()
    assert test["verdict"] == "INCOMPLETE"


def test_a_model_of_the_environment_that_is_not_the_recorded_one_is_named_first(
    recorded: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:other")
    result = recorded.again()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "INCOMPLETE: LLM_DO_MODEL is 'openai-chat:other', the recording is of 'openai-chat:stand-in': *",
            "    body.model: recorded 'stand-in' -> now 'other'",
            "Record anew: pytest --llm-record=rewrite *",
        ]
    )
    result.stdout.no_fnmatch_line("*something in the project*")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("triage.worker", "You triage", "You sort"), ("tools.py", 'return f"order', 'return f"Order')],
    ids=["at the first request", "at the second request"],
)
def test_a_stale_replay_takes_nothing_from_the_evidence(
    name: str, old: str, new: str, recorded: Suite
) -> None:
    file = recorded.path / "project" / name
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    recorded.again().assert_outcomes(failed=1)
    assert len(recorded.runs()) > 5
    health = Health()
    runs = list(read_runs(journal_files([recorded.path / ".llm-do"]), health))
    assert [run.root.ok for run in runs] == [True] * 5
    assert {problem.kind: problem.count for problem in health.problems()} == {
        "cassette-stop": len(recorded.runs()) - 5
    }


def test_replayed_runs_say_what_they_replay_so_that_each_counts_once(recorded: Suite) -> None:
    recorded.again().assert_outcomes(passed=1)
    roots = [run[-1] for run in recorded.runs()]
    first: dict[int, str] = {}
    for line in map(json.loads, cassette(recorded).read_bytes().splitlines()[1:]):
        first.setdefault(line["sample"], line["at"])
    assert [root["meta"].get("recorded_at") for root in roots[:5]] == [None] * 5
    assert {root["sample"]["index"]: root["meta"]["recorded_at"] for root in roots[5:]} == first
    assert {root["meta"]["cassette"] for root in roots} == {"cassettes/test_suite/test_orders.jsonl"}
    assert sorted(root["sample"]["index"] for root in roots[5:]) == list(range(5))


TWICE = """
@pytest.mark.llm_samples(3)
async def test_twice(llm_do):
    for _ in range(2):
        assert (await llm_do.run("where is my order?")).output
"""
UNASKED = """
@pytest.mark.llm_samples(3)
async def test_twice(llm_do):
    llm_do.use_model(scripted("hello"))
    for _ in range(2):
        assert (await llm_do.run("hi")).output == "hello"
"""


def counted(suite: Suite) -> list[str]:
    """The runs that a report counts."""
    files = journal_files([suite.path / ".llm-do" / "runs"])
    return sorted(run.id for run in read_runs(files, Health()))


def ran(suite: Suite, source: str, *args: str) -> list[str]:
    """The runs that a session of this test adds."""
    before = {run[0]["run"] for run in suite.runs()}
    suite.run(source, *args).assert_outcomes(passed=1)
    return sorted({run[0]["run"] for run in suite.runs()} - before)


def test_of_recordings_and_replays_the_newest_counts(suite: Suite, provider: StandIn) -> None:
    del provider
    recorded = ran(suite, TWICE, "--llm-record=rewrite")
    assert (counted(suite), len(recorded)) == (recorded, 6)
    replayed = ran(suite, TWICE)
    assert counted(suite) == replayed
    anew = ran(suite, TWICE.replace("where is", "when comes"), "--llm-record=rewrite")
    assert counted(suite) == anew
    live = ran(suite, TWICE, "--llm-record=live")
    assert counted(suite) == sorted([*anew, *live])


@pytest.mark.parametrize("mode", ["none", "once", "rewrite"])
def test_samples_that_ask_no_provider_count_once(suite: Suite, mode: str) -> None:
    ran(suite, UNASKED, f"--llm-record={mode}")
    again = ran(suite, UNASKED)
    assert (counted(suite), len(again)) == (again, 6)


def test_a_changed_prompt_fails_once_with_what_changed(recorded: Suite) -> None:
    worker = recorded.path / "project" / "triage.worker"
    worker.write_text(worker.read_text(encoding="utf-8").replace("You triage", "You sort"), encoding="utf-8")
    result = recorded.again()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "INCOMPLETE: POST /v1/chat/completions (sample *) is not in *test_orders.jsonl, recorded *",
            "*'You triage tickets.' -> now 'You sort tickets.'",
            "Record anew: pytest --llm-record=rewrite test_suite.py::test_orders",
        ]
    )
    # on CI pytest's own summary at the end repeats whole messages
    text = result.stdout.str().partition("short test summary info")[0]
    assert text.count("You sort tickets.") == 1


def test_recordings_that_are_no_longer_asked_for_are_told(recorded: Suite) -> None:
    source = TESTS.replace('await llm_do.run("where is my order?")', "None").replace(
        'run.tools.called == ["lookup_order"]', "True"
    )
    source = source.replace("    pathlib.Path(f", "    return\n    pathlib.Path(f")
    source = source.replace(
        "run = None", 'run = await llm_do.run("where is my order?") if sample.index else None'
    )
    result = recorded.run(source)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*replayed; 2 recorded requests were not sent again: record anew"])


def test_new_episodes_adds_what_is_missing(suite: Suite, provider: StandIn) -> None:
    suite.run(TESTS, "--llm-record=once", "--llm-samples=3").assert_outcomes(passed=1)
    first = outputs(suite)
    suite.again("--llm-record=once", "--llm-samples=3").assert_outcomes(passed=1)
    assert len(provider.requests) == 6
    suite.again("--llm-record=new_episodes", "--llm-samples=5").assert_outcomes(passed=1)
    assert len(provider.requests) == 10
    second = outputs(suite)
    assert {index: second[index] for index in first} == first
    assert len(second) == 5


@pytest.mark.parametrize("mode", ["all", "rewrite"])
@pytest.mark.parametrize(
    ("end", "outcome"), [("assert sample.index", "fail"), ("1 / sample.index", "error"), ("busy()", "infra")]
)
def test_a_recording_is_replaced_only_without_error_and_infra(
    suite: Suite, provider: StandIn, mode: str, end: str, outcome: str
) -> None:
    del provider
    suite.run(TESTS, "--llm-record=once", "--llm-samples=2").assert_outcomes(passed=1)
    before = cassette(suite).read_bytes()
    infra = """
from llm_do.errors import RunFailed

def busy():
    raise RunFailed("busy", error_class="infra")
"""
    result = suite.run(TESTS + f"    {end}\n" + infra, f"--llm-record={mode}", "--llm-samples=2")
    result.assert_outcomes(failed=1)
    assert suite.tests()["test_orders"]["outcomes"][outcome]
    assert (cassette(suite).read_bytes() == before) == (outcome != "fail")
    if outcome != "fail":
        result.stdout.fnmatch_lines(["*.unclean: set aside, because samples ended in error or infra"])
        again = suite.again(f"--llm-record={mode}", "--llm-samples=2")
        again.stdout.fnmatch_lines(["*.unclean.2: set aside, because samples ended in error or infra"])


def test_live_calls_providers_and_touches_no_cassette(suite: Suite, provider: StandIn) -> None:
    result = suite.run(TESTS, "--llm-record=live", "--llm-samples=2")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["    live 2*, openai-chat:stand-in, n=2"])
    assert len(provider.requests) == 4
    assert not cassette(suite).parent.exists()


def test_without_a_recording_a_test_says_how_to_make_one(suite: Suite) -> None:
    result = suite.run(TESTS)
    result.assert_outcomes(failed=1)
    place, command = "cassettes/test_suite/test_orders.jsonl", "--llm-record=once test_suite.py::test_orders"
    model = "LLM_DO_MODEL=PROVIDER:NAME"
    result.stdout.fnmatch_lines(
        [
            f"INCOMPLETE: Nothing is recorded, {place} is not there: record it with {model} pytest {command}",
            "    no model, n=0, no provider asked",
        ]
    )
    result.stdout.no_fnmatch_line("*true pass rate*")
    # it is told a third time by the summary that pytest prints on CI
    assert sum("Nothing is recorded" in line for line in result.outlines) <= 2


def test_the_model_of_a_cassette_that_names_none_is_that_of_its_requests(recorded: Suite) -> None:
    path = cassette(recorded)
    first, *rest = path.read_bytes().split(b"\n")
    meta = {name: value for name, value in json.loads(first).items() if name != "model"}
    path.write_bytes(b"\n".join([json.dumps(meta).encode(), *rest]))
    result = recorded.again()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["    recorded 2*, openai-chat:stand-in, n=5, replayed"])


def test_a_request_without_a_recording_never_leaves(suite: Suite, provider: StandIn) -> None:
    result = suite.run(TESTS)
    result.assert_outcomes(failed=1)
    command = "pytest --llm-record=once test_suite.py::test_orders"
    result.stdout.fnmatch_lines([f"INCOMPLETE: Nothing is recorded, *: record it with {command}"])
    assert provider.requests == []


JOURNAL_SCHEMA = "llm-do-eval/cassette-journal/v1"
STOPPABLE = "import asyncio, os, signal\n" + TESTS.replace(
    "    pathlib.Path(f",
    """    if sample.index == 2 and pathlib.Path("stop").exists():
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)
    pathlib.Path(f""",
)


def interrupted(suite: Suite, mode: str) -> pytest.RunResult:
    """Press Ctrl-C in a recording when the third sample has had its answers."""
    suite.pytester.makepyfile(test_suite=f"import pytest\n{STOPPABLE}")
    (stop := suite.path / "stop").touch()
    given = f"--llm-record={mode}", "--llm-concurrency=1"
    result = suite.pytester.runpytest_subprocess(*LOAD, *given, timeout=60)
    stop.unlink()
    return result


@pytest.mark.slow
def test_after_ctrl_c_the_terminal_says_how_to_go_on_and_nothing_is_paid_for_twice(
    suite: Suite, provider: StandIn
) -> None:
    result = interrupted(suite, "once")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    place = "cassettes/test_suite/test_orders.jsonl.journal"
    command = "pytest --llm-record=once test_suite.py::test_orders"
    result.stdout.fnmatch_lines(
        [
            "*= llm recordings =*",
            f"test_suite.py::test_orders: interrupted; what was received is in {place}, go on with {command}",
        ]
    )
    part = suite.again("--llm-samples=3")
    part.assert_outcomes(passed=1)
    part.stdout.fnmatch_lines(
        ["    recorded *, n=3, replayed from an interrupted recording; --llm-record=once goes on with it"]
    )
    miss = suite.again()
    miss.stdout.fnmatch_lines(
        [f"INCOMPLETE: Samples recorded: 0..2, then the recording was interrupted; * go on with {command}"]
    )
    whole = suite.again("--llm-record=once")
    whole.assert_outcomes(passed=1)
    whole.stdout.fnmatch_lines(
        ["    recorded *, n=5, 3 replayed; *test_orders.jsonl: review before committing"]
    )
    assert len(provider.requests) == 10
    again = suite.again("--llm-record=once")
    again.stdout.fnmatch_lines(["    recorded *, n=5, replayed"])
    again.stdout.no_fnmatch_line("*llm recordings*")


@pytest.mark.slow
def test_an_interrupted_rewrite_says_where_it_is_set_aside(suite: Suite, provider: StandIn) -> None:
    del provider
    suite.run(STOPPABLE, "--llm-record=once").assert_outcomes(passed=1)
    before = cassette(suite).read_bytes()
    place = "cassettes/test_suite/test_orders.jsonl.unclean"
    interrupted(suite, "rewrite").stdout.fnmatch_lines(
        [f"*: interrupted; what was received is in {place}, record again with pytest --llm-record=rewrite *"]
    )
    assert cassette(suite).read_bytes() == before


def kill_a_rewrite(suite: Suite, latency_s: float) -> None:
    """Leave what a rewrite leaves that is killed after its first answer."""
    _, first, *_ = cassette(suite).read_bytes().splitlines()
    head: dict[str, Any] = {"schema": JOURNAL_SCHEMA, "mode": "rewrite", "pid": 1, "meta": {}}
    lines = [head, json.loads(first) | {"latency_s": latency_s}]
    journal_path(cassette(suite)).write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def test_what_a_killed_rewrite_had_received_is_told_when_it_is_set_aside(
    suite: Suite, provider: StandIn
) -> None:
    suite.run(TESTS, "--llm-record=once", "--llm-samples=2").assert_outcomes(passed=1)
    place = "cassettes/test_suite/test_orders.jsonl.unclean"
    kill_a_rewrite(suite, 7)
    result = suite.again("--llm-record=rewrite", "--llm-samples=2")
    result.stdout.fnmatch_lines(
        [f"    recorded *: review before committing; what a killed recording had received is in {place}"]
    )
    kill_a_rewrite(suite, 8)
    before = len(provider.requests)
    result = suite.again("--llm-record=new_episodes", "--llm-samples=2")
    result.stdout.fnmatch_lines(
        [f"test_suite.py::test_orders: what a killed recording had received is in {place}.2"]
    )
    assert len(provider.requests) == before


@pytest.mark.slow
def test_an_address_where_nobody_answers_ends_a_recording_at_once(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.stop()
    address = provider.url.removeprefix("http://")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
    result = suite.run(TESTS, "--llm-record=once")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"INCOMPLETE: nobody answers at {address} (*; 3 tries), *: check the network *"]
    )
    assert len(result.outlines) < 30
    assert [test["n"] for test in suite.tests().values()] == [0]
    live = suite.again("--llm-record=live", "--llm-samples=2")
    assert live.ret == pytest.ExitCode.TESTS_FAILED
    # of the network it says the reason, and shows no code
    live.stdout.fnmatch_lines(
        ["VOID: *", "  sample 0 (infra): RunFailed: * check the network and the base URL"]
    )
    live.stdout.no_fnmatch_line("*raise *")


def test_a_run_that_asked_anew_is_no_replay(suite: Suite, provider: StandIn) -> None:
    suite.run(TESTS, "--llm-record=once", "--llm-samples=2").assert_outcomes(passed=1)
    worker = suite.path / "project" / "triage.worker"
    worker.write_text(worker.read_text("utf-8").replace("You triage", "You sort"), "utf-8")
    before = len(provider.requests)
    anew = ran(suite, TESTS, "--llm-record=new_episodes", "--llm-samples=2")
    assert len(provider.requests) == before + 4
    assert counted(suite) == anew
    kinds = Origins()
    files = journal_files([suite.path / ".llm-do" / "runs"])
    for run in read_runs(files, Health()):
        kinds.add(traced(run))
    row = kinds.row()
    assert (row.recorded, row.replayed) == (2, 0)
    replayed = ran(suite, TESTS, "--llm-samples=2")
    assert counted(suite) == replayed


def test_a_test_without_requests_needs_no_cassette_and_writes_none(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(3)
async def test_scripted(llm_do):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
"""
    for mode in ("none", "once", "new_episodes", "all", "rewrite", "live"):
        suite.run(source, f"--llm-record={mode}").assert_outcomes(passed=1)
    assert {file.parent.name for file in suite.path.rglob("*.jsonl*")} == {"runs"}


def test_requests_of_pydantic_ai_itself_and_of_fixtures_are_recorded_too(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
import pathlib
import pytest_asyncio
from pydantic_ai import Agent

async def answer(question):
    async with Agent("openai-chat:stand-in") as agent:
        return (await agent.run(question)).output

@pytest_asyncio.fixture
async def greeting(llm_do):
    return await answer("from a fixture")

async def test_direct(greeting):
    words = await answer("from the body")
    said = pathlib.Path("said")
    if not said.exists():
        said.write_text(greeting + words)
    assert said.read_text() == greeting + words
"""
    suite.run(source, "--llm-record=once").assert_outcomes(passed=1)
    assert len(provider.requests) == 2
    provider.stop()
    monkeypatch.delenv("OPENAI_API_KEY")
    suite.again().assert_outcomes(passed=1)


def test_a_torn_cassette_is_refused_by_name_before_the_test(recorded: Suite) -> None:
    path = cassette(recorded)
    path.write_bytes(path.read_bytes()[:-20])
    result = recorded.again()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_orders.jsonl: the last line has no end, so the file is torn; *"])


def test_a_cassette_of_stock_vcrpy_is_replayed_too(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
from pydantic_ai import Agent

async def test_stock(llm_do):
    async with Agent("openai-chat:stand-in") as agent:
        assert (await agent.run("hi")).output
"""
    path = cassette(suite, "test_stock").with_suffix(".yaml")
    with vcr.use_cassette(path):  # pyright: ignore[reportUnknownMemberType]
        suite.run(source, "--llm-record=live").assert_outcomes(passed=1)
    provider.stop()
    monkeypatch.delenv("OPENAI_API_KEY")
    suite.again().assert_outcomes(passed=1)
    assert sorted(file.name for file in path.parent.iterdir()) == ["test_stock.yaml"]


def test_names_never_share_a_cassette(suite: Suite, provider: StandIn) -> None:
    del provider
    source = """
from pydantic_ai import Agent

async def answer(question):
    async with Agent("openai-chat:stand-in") as agent:
        return (await agent.run(question)).output

@pytest.mark.parametrize("word", ["a/b", "a b", "a?b", "plain", "x" * 300, "x" * 301])
async def test_words(llm_do, word):
    assert await answer(word)

class TestGroup:
    async def test_words(self, llm_do):
        assert await answer("in a class")
"""
    suite.run(source, "--llm-record=once").assert_outcomes(passed=7)
    names = sorted(file.name for file in cassette(suite).parent.iterdir())
    assert len(names) == 7
    assert {"TestGroup.test_words.jsonl", "test_words[plain].jsonl"} <= set(names)
    suite.again().assert_outcomes(passed=7)


def test_what_pydantic_ai_raises_by_itself_is_sorted_by_type(suite: Suite) -> None:
    source = """
from pydantic_ai.exceptions import ContentFilterError, ModelNotFoundError, ModelRateLimitError

@pytest.mark.parametrize("error", [
    ModelRateLimitError("m", "slow down"), ContentFilterError("rude"), ModelNotFoundError("m", "infra 429")
])
@pytest.mark.llm_samples(1)
async def test_raises(error, sample):
    assert True
    raise error
"""
    suite.run(source).assert_outcomes(failed=3)
    found = [[kind for kind, count in test["outcomes"].items() if count] for test in suite.tests().values()]
    assert found == [["infra"], ["fail"], ["error"]]
