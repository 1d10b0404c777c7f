"""The project under test: which one, what its runs give, stubs, approvals and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

CALLS = '[("lookup_order", {"number": 7}), ("send_email", {"to": "a@b.c", "text": "hi"})]'


def test_the_mark_is_relative_to_the_test_and_wins_over_the_ini_file(suite: Suite) -> None:
    folder = suite.pytester.mkdir("deeper")
    (folder / "solo.worker").write_text("---\nname: solo\nentry: true\n---\nBe alone.\n", encoding="utf-8")
    (folder / "test_marked.py").write_text(
        """
import pytest
from play import scripted

async def test_ini(llm_do):
    llm_do.use_model(scripted("hello"))
    run = await llm_do.run()
    assert (run.calls.name, run.calls.input["input"]) == ("triage", "from the manifest")

@pytest.mark.llm_project("solo.worker")
async def test_marked(llm_do):
    llm_do.use_model(scripted("hello"))
    run = await llm_do.run("hi")
    assert (run.calls.name, run.calls.input["input"]) == ("solo", "hi")

@pytest.mark.llm_project("../project", "solo.worker")
async def test_two(llm_do):
    assert llm_do

@pytest.mark.llm_project("nowhere")
async def test_nowhere(llm_do):
    assert llm_do

@pytest.mark.llm_project(3)
async def test_number(llm_do):
    assert llm_do
""",
        encoding="utf-8",
    )
    result = suite.again()
    result.assert_outcomes(passed=2, errors=3)
    result.stdout.fnmatch_lines(["*a manifest already lists its files; drop one of the two"])
    result.stdout.fnmatch_lines(["*nowhere': No such file or directory; *"])
    result.stdout.no_fnmatch_line("*During handling*")
    result.stdout.fnmatch_lines(["llm_project takes a folder, a manifest, or files, each as a text"])


def test_without_a_project_only_what_needs_one_fails(suite: Suite) -> None:
    source = """
async def test_no_project(llm_do, stub, invariant):
    stub("anything", 1)
    with pytest.raises(Exception, match="no project to run: mark the test @pytest.mark.llm_project"):
        await llm_do.run("hi")
"""
    result = suite.run(source, "-o", "llm_project=")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["stub 'anything' was never used: *"])


def test_a_run_gives_what_the_journal_knows(suite: Suite) -> None:
    source = f"""
async def test_run(llm_do, stub):
    llm_do.approve("send_*", "approve")
    llm_do.use_model(scripted({CALLS}, [("classifier", {{"input": "charged"}})], "done"), worker="triage")
    llm_do.use_model(scripted("billing"), worker="classifier")
    run = await llm_do.run("triage", "charged twice")
    assert run.output == "done"
    assert run.tools.called == ["lookup_order", "send_email", "classifier"]
    assert run.tools.all == run.tools.called
    assert run.tools.match(["lookup_order", "send_email", "classifier"])
    assert run.tools.match(["lookup_order", "classifier"], order="in_order")
    assert not run.tools.match(["classifier", "lookup_order"], order="in_order")
    assert run.tools.match(["classifier", "lookup_order"], order="any_order")
    assert not run.tools.match(["lookup_order", "lookup_order"], order="any_order")
    lookup, email, classifier = run.calls
    assert (lookup.input, lookup.output, lookup.impl) == ({{"number": 7}}, "order 7", "python")
    assert lookup.ok
    assert [each.name for each in run.calls.walk()] == run.tools.all
    assert [(each.name, each.decision, each.by) for each in run.approvals] == [
        ("lookup_order", "approve", "rule"),
        ("send_email", "approve", "human"),
        ("classifier", "approve", "rule"),
    ]
    assert len(run.messages) == 6
    assert run.usage.requests == 4
    assert run.usage.calls == 3
    assert run.usage.input_tokens > 0
    assert run.cost_usd is None
    assert run.latency_s > 0
    again = await llm_do.run("triage", "and now?", message_history=run.messages[:0])
    assert again.output == "done"
"""
    suite.run(source).assert_outcomes(passed=1)


def test_a_stub_stands_for_a_worker_or_a_tool_at_any_depth(suite: Suite) -> None:
    source = """
import asyncio

MAIN = [[("classifier", {"input": "charged"})], "done"]

@pytest.fixture
def models(llm_do):
    llm_do.use_model(scripted(*MAIN), worker="triage")

@pytest.mark.parametrize("answer", [{"label": "billing"}, "billing", None, 7])
async def test_value(llm_do, stub, models, answer):
    stub("classifier", answer)
    [call] = (await llm_do.run("hi")).calls
    assert (call.output, call.impl) == (answer, "stub")

async def test_callables_get_fields_where_they_take_them(llm_do, stub, models):
    stub("classifier", [
        lambda input: "field " + input,
        lambda anything: "whole " + anything["input"],
        lambda: "nothing",
        lambda input, attachments=(): f"some {input} {list(attachments)}",
        lambda **fields: f"all {sorted(fields)}",
    ])
    outputs = [(await llm_do.run("hi")).calls.children[0].output for _ in range(5)]
    assert outputs == ["field charged", "whole charged", "nothing", "some charged []", "all ['input']"]

async def test_async_callable(llm_do, stub, models):
    async def slow(input):
        await asyncio.sleep(0)
        return input.upper()
    stub("classifier", slow)
    assert (await llm_do.run("hi")).calls.children[0].output == "CHARGED"

@pytest.mark.parametrize("error", [ValueError("boom"), ValueError])
async def test_exception(llm_do, stub, models, error):
    stub("classifier", error)
    [call] = (await llm_do.run("hi")).calls
    assert call.error.type == "ValueError"

async def test_a_stub_is_handed_out_as_it_was_written(llm_do, stub, models):
    stub("classifier", {"labels": ["billing"]})
    first = await llm_do.run("hi")
    first.calls.children[0].output["labels"].append("spoilt")
    assert (await llm_do.run("hi")).calls.children[0].output == {"labels": ["billing"]}

async def test_tool(llm_do, stub):
    llm_do.use_model(scripted([("lookup_order", {"number": 7})], "done"))
    stub("lookup_order", lambda number: number + 1)
    assert (await llm_do.run("hi")).calls.children[0].output == 8
"""
    suite.run(source).assert_outcomes(passed=10)


def test_a_stub_with_too_few_answers_fails_though_the_run_went_on(suite: Suite) -> None:
    source = """
async def test_overrun(llm_do, stub):
    llm_do.use_model(scripted(*[[("classifier", {"input": "x"})]] * 2, "done"))
    stub("classifier", ["billing"])
    assert (await llm_do.run("hi")).output == "done"
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["stub 'classifier' has 1 answer and was called 2 times; give it more"])


def test_a_stub_belongs_to_whoever_makes_it(suite: Suite) -> None:
    source = """
ASKS = scripted([("classifier", {"input": "x"})], "done")

@pytest.fixture
def shared(llm_do, stub):
    llm_do.use_model(ASKS)
    stub("classifier", ["a", "b", "c", "d"])

taken = []

@pytest.mark.llm_samples(4)
async def test_a_fixture_s_answers_are_shared(llm_do, shared):
    run = await llm_do.run("hi")
    taken.append(run.calls.children[0].output)
    assert run.output == "done"

@pytest.mark.llm_samples(4)
async def test_a_body_s_answers_are_its_own(llm_do, shared, stub, sample):
    stub("classifier", ["first", "second"])
    outputs = [(await llm_do.run("hi")).calls.children[0].output for _ in range(2)]
    assert outputs == ["first", "second"]

def test_after():
    assert sorted(taken) == ["a", "b", "c", "d"]
"""
    suite.run(source).assert_outcomes(passed=3)


def test_an_unknown_name_is_an_error_with_the_nearest(suite: Suite) -> None:
    source = """
async def test_typo(stub):
    stub("clasifier", "billing")

async def test_toolset(stub):
    stub("orders", 1)

async def test_builtin(stub):
    stub("read_file", "text")

async def test_late(llm_do, stub):
    stub("made_later", 1, late=True)

async def test_model(llm_do):
    llm_do.use_model(None, worker="triag")
"""
    result = suite.run(source)
    result.assert_outcomes(failed=5)
    for line in (
        "*stub 'clasifier': the project has no such worker or tool; did you mean 'classifier'?; *late=True",
        "*stub 'orders': that is a toolset; stub a tool of it: lookup_order, send_email",
        "stub 'read_file' was never used: *",
        "stub 'made_later' was never used: *",
        "*use_model: the project has no worker 'triag'; did you mean 'triage'?",
    ):
        result.stdout.fnmatch_lines([line])


def test_what_the_project_would_ask_is_answered_or_refused(suite: Suite) -> None:
    source = """
import json

@pytest.fixture
def sends(llm_do):
    llm_do.use_model(scripted([("send_email", {"to": "a@b.c", "text": "hi"})], "done"))

def only(run):
    [call] = run.calls
    return call

async def test_unanswered(llm_do, sends):
    run = await llm_do.run("hi")
    assert only(run).error.type == "denied"
    assert [(each.decision, each.by) for each in run.approvals] == [("reject", "none")]

async def test_answered_for_others(llm_do, sends):
    llm_do.approve("lookup_*", "approve")
    run = await llm_do.run("hi")
    assert "no llm_do.approve of the test speaks of it" in run.approvals[0].note

async def test_approved(llm_do, sends):
    llm_do.approve("send_*", "approve")
    assert only(await llm_do.run("hi")).output == "sent to a@b.c"

async def test_the_last_word_counts(llm_do, sends):
    llm_do.approve("send_email", "approve")
    llm_do.approve("*", "reject")
    assert only(await llm_do.run("hi")).error.type == "denied"

async def test_changed(llm_do, sends):
    llm_do.approve("send_*", {"to": "x@y.z", "text": "hi"})
    call = only(await llm_do.run("hi"))
    assert (call.output, call.input["to"]) == ("sent to x@y.z", "x@y.z")

@pytest.mark.llm_samples(4)
async def test_each_sample_for_itself(llm_do, sends, sample):
    if sample.index % 2:
        llm_do.approve("send_*", "approve")
    assert only(await llm_do.run("hi")).ok == bool(sample.index % 2)

async def test_no_answer(llm_do):
    with pytest.raises(Exception, match="'maybe' is no answer; give approve, reject or a dict"):
        llm_do.approve("send_*", "maybe")
"""
    suite.run(source).assert_outcomes(passed=7)


def test_run_sync_is_not_for_async_tests(suite: Suite) -> None:
    source = """
async def test_mixed(llm_do):
    with pytest.raises(Exception, match="write await llm_do.run"):
        llm_do.run_sync("hi")
"""
    suite.run(source).assert_outcomes(passed=1)


def test_sampled_runs_leave_journals_and_others_do_not(suite: Suite) -> None:
    source = """
@pytest.fixture
def model(llm_do):
    llm_do.use_model(scripted("hello"))

@pytest.mark.llm_samples(3)
async def test_sampled(llm_do, model):
    assert (await llm_do.run("hi")).output == "hello"

async def test_single(llm_do, model):
    assert (await llm_do.run("hi")).output == "hello"
"""
    suite.run(source).assert_outcomes(passed=2)
    samples = [run[-1]["sample"] for run in suite.runs()]
    assert sorted(each["index"] for each in samples) == [0, 1, 2]
    assert {each["test"] for each in samples} == {"test_suite.py::test_sampled"}
    assert suite.tests()["test_sampled"]["usage"]["requests"] == 3
