from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    UserPromptPart,
)
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage
from scripted import Bench, Script, answer, call, contents, response

from llm_do.errors import RunFailed, SpecError, ToolError, UsageError
from llm_do.runtime import Attachment, RunApprovalPolicy

if TYPE_CHECKING:
    from pydantic_ai.messages import FinishReason
    from pydantic_ai.models.function import AgentInfo

APPROVE_ALL = RunApprovalPolicy("approve_all")

MODELS = """
from pydantic import BaseModel, RootModel
from llm_do.runtime import Attachment, WorkerArgs

class Ticket(BaseModel):
    queue: str
    urgency: int

class Topic(WorkerArgs):
    topic: str
    words: int = 3

class Letter(WorkerArgs):
    to: str
    attachments: list[Attachment] = []

class Asked(WorkerArgs):
    question: str

    def prompt_messages(self):
        return ["Question:", self.question]

class Numbers(RootModel[list[int]]):
    pass

NOT_A_CLASS = 5
"""


def instructions(script: Script) -> str:
    return script.infos[0].instructions or ""


def prompt(script: Script, turn: int = 0) -> Any:
    first = script.requests[turn][-1]
    assert isinstance(first, ModelRequest)
    return next(part.content for part in first.parts if isinstance(part, UserPromptPart))


def test_the_parts_of_the_instructions_are_joined_in_their_order(bench: Bench) -> None:
    examples = [{"input": "a", "output": "A"}, {"input": {"n": 1}, "output": [1]}]
    bench.worker("main", "The {body}.", spec="The spec.", examples=examples, system_prompt="You are it.")
    script = bench.script("main", "ok")
    bench.run()
    assert instructions(script) == (
        "You are it.\n\nThe spec.\n\n"
        "Example input:\na\nExample output:\nA\n\n"
        'Example input:\n{\n  "n": 1\n}\nExample output:\n[\n  1\n]\n\n'
        "The {body}."
    )


def test_a_worker_may_have_no_instructions(bench: Bench) -> None:
    bench.worker("main", "")
    script = bench.script("main", "ok")
    assert bench.run() == "ok"
    assert instructions(script) == ""


def test_settings_reach_the_model(bench: Bench) -> None:
    bench.worker("main", temperature=0.25, model_settings={"max_tokens": 7, "seed": 1})
    script = bench.script("main", "ok")
    bench.run()
    assert script.infos[0].model_settings == {"temperature": 0.25, "max_tokens": 7, "seed": 1}
    assert bench.calls()[0]["settings"] == {"temperature": 0.25, "max_tokens": 7, "seed": 1}


OBJECT = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 3}},
    "required": ["n"],
    "additionalProperties": False,
}
OUTPUTS: dict[str, tuple[Any, Any, Any]] = {
    "an object": (OBJECT, {"n": 3}, {"n": 3}),
    "an enum": ({"enum": ["red", "green"]}, {"value": "red"}, "red"),
    "an array": ({"type": "array", "items": {"type": "integer"}}, {"value": [1, 2]}, [1, 2]),
    "a text": ({"type": "string", "maxLength": 3}, {"value": "abc"}, "abc"),
    "a choice of objects": ({"anyOf": [OBJECT, {"type": "null"}]}, {"value": None}, None),
    "definitions": (
        {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}},
        {"value": [5]},
        [5],
    ),
    "older definitions": (
        {"type": "array", "items": {"$ref": "#/definitions/n"}, "definitions": {"n": {"type": "integer"}}},
        {"value": [5]},
        [5],
    ),
    "recursion": (
        {"type": "object", "properties": {"l": {"type": "array", "items": {"$ref": "#"}}}, "required": ["l"]},
        {"l": [{"l": []}]},
        {"l": [{"l": []}]},
    ),
    "recursion of no object": (
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]},
        {"value": ["a", ["b"]]},
        ["a", ["b"]],
    ),
}
WRONG: dict[str, Any] = {
    "an object": {"n": 2},
    "an enum": {"value": "blue"},
    "an array": {"value": ["x"]},
    "a text": {"value": "abcd"},
    "a choice of objects": {"value": {"n": 1}},
    "definitions": {"value": ["x"]},
    "older definitions": {"value": ["x"]},
    "recursion": {"l": [{}]},
    "recursion of no object": {"value": [["b", [5]]]},
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_json_schemas_of_outputs(bench: Bench, case: str) -> None:
    schema, given, output = OUTPUTS[case]
    bench.worker("main", output_schema=schema)
    bench.script("main", answer(given))
    assert bench.run() == output
    assert bench.calls()[0]["output"] == output


@pytest.mark.parametrize("case", OUTPUTS)
def test_a_violation_goes_back_to_the_model_and_then_fails(bench: Bench, case: str) -> None:
    schema, given, output = OUTPUTS[case]
    bench.worker("main", output_schema=schema)
    script = bench.script("main", answer(WRONG[case]), answer(given))
    assert bench.run() == output
    assert "does not fit the output schema" in str(script.requests[1][-1])
    script = bench.script("main", answer(WRONG[case]))
    with pytest.raises(RunFailed) as caught:
        bench.run()
    assert caught.value.error_class == "format"
    assert len(script.requests) == 2


def test_retries_are_the_workers(bench: Bench) -> None:
    for retries in (0, 2):
        bench.worker("main", output_schema=OBJECT, retries=retries)
        script = bench.script("main", answer({"n": 0}))
        with pytest.raises(RunFailed, match=r"worker 'main' on .*raise retries"):
            bench.run()
        assert len(script.requests) == retries + 1


def test_no_limit_but_ours_ends_a_long_run(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"])
    bench.worker("helper")
    bench.script("helper", "helped")
    bench.script("main", *[call("helper", input="x")] * 55, "done")
    assert bench.run() == "done"
    assert len(bench.calls("helper")) == 55


def test_a_pydantic_class_of_outputs(bench: Bench) -> None:
    bench.tools(MODELS)
    bench.worker("main", output_schema="tools.py:Ticket")
    script = bench.script("main", answer({"queue": "x"}), answer({"queue": "x", "urgency": 2}))
    output = bench.run()
    assert isinstance(output, BaseModel)
    assert output.model_dump() == bench.calls()[0]["output"] == {"queue": "x", "urgency": 2}
    assert len(script.requests) == 2


def test_a_called_worker_returns_its_structure(bench: Bench) -> None:
    bench.tools(MODELS)
    bench.worker("main", toolsets=["triage", "colour"])
    main = bench.script("main", [call("triage", input="a"), call("colour", input="b")], "done")
    bench.worker("triage", output_schema="tools.py:Ticket")
    bench.script("triage", answer({"queue": "x", "urgency": 2}))
    bench.worker("colour", output_schema={"enum": ["red"]})
    bench.script("colour", answer({"value": "red"}))
    bench.run()
    assert main.tool_results == [{"queue": "x", "urgency": 2}, "red"]


@pytest.mark.parametrize(
    ("front", "line", "complaint"),
    [
        ({"output_schema": "tools.py:Topics"}, 3, "no 'Topics' there; did you mean 'Topic'?"),
        ({"output_schema": "tools.py:NOT_A_CLASS"}, 3, "is no pydantic model"),
        ({"input_schema": "tools.py:Ticket"}, 3, "is no subclass of llm_do.runtime.WorkerArgs"),
        ({"input_schema": "no_such_module.Topic"}, 3, "cannot import 'no_such_module'"),
        ({"input_schema": {"type": "strin"}}, 3, "is no JSON Schema"),
        ({"input_schema": {"type": "string"}}, 3, "an input is an object with fields"),
        ({"output_schema": {"type": "strin"}}, 3, "is no JSON Schema"),
        ({"output_schema": {"items": {"$ref": "#/$defs/no"}}}, 3, "output_schema refers to '#/$defs/no'"),
        ({"input_schema": {"items": {"$ref": "#/$defs/no"}}}, 3, "input_schema refers to '#/$defs/no'"),
        ({"output_schema": {"pattern": "(?=a)"}}, 3, "output_schema has the pattern '(?=a)'"),
        ({"output_schema": "tools.py:Numbers"}, 3, "Schema must be an object; put it into a field"),
    ],
)
@pytest.mark.parametrize("where", ["main", "helper"])
def test_a_wrong_schema_is_found_before_any_request(
    bench: Bench, front: dict[str, Any], line: int, complaint: str, where: str
) -> None:
    bench.tools(MODELS)
    bench.worker("helper", **(front if where == "helper" else {}))
    bench.worker("main", **(front if where == "main" else {}), toolsets=["helper"])
    script = bench.script("main", "ok")
    bench.script("helper", "ok")
    with pytest.raises(SpecError) as caught:
        bench.run()
    assert complaint in str(caught.value)
    assert (caught.value.path, caught.value.line) == (bench.root / f"{where}.worker", line)
    assert script.requests == []


TOPIC = '{\n  "topic": "t",\n  "words": 3\n}'
INPUTS: dict[str, tuple[Any, Any, dict[str, Any], Any]] = {
    "a text": (None, "hi", {"input": "hi", "attachments": []}, "hi"),
    "a dict": (None, {"input": "hi"}, {"input": "hi", "attachments": []}, "hi"),
    "parts": (None, ["a", "b"], {"input": "a\n\nb", "attachments": []}, ["a", "b"]),
    "a class": ("tools.py:Topic", {"topic": "t"}, {"topic": "t", "words": 3}, TOPIC),
    "a text for a class": ("tools.py:Topic", "t", {"topic": "t", "words": 3}, TOPIC),
    "its own prompt": ("tools.py:Asked", "why", {"question": "why"}, ["Question:", "why"]),
    "a schema": (
        {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
        "why",
        {"q": "why"},
        '{\n  "q": "why"\n}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", INPUTS)
def test_every_form_of_input(bench: Bench, case: str) -> None:
    schema, value, fields, shown = INPUTS[case]
    bench.tools(MODELS)
    bench.worker("main", **({} if schema is None else {"input_schema": schema}))
    script = bench.script("main", "ok")
    bench.run(value)
    assert bench.calls()[0]["input"] == fields
    assert prompt(script) == shown


@pytest.mark.parametrize(
    ("schema", "value", "complaint"),
    [
        (None, {"inputt": "x"}, "input of 'main': input: Field required"),
        (None, None, "input of 'main' is a NoneType; pass a str, a dict or a WorkerArgs"),
        (
            "tools.py:Topic",
            {"topic": "t", "words": "x"},
            "input of 'main': words: Input should be a valid int",
        ),
        ({"properties": {"a": {"type": "integer"}, "b": {}}}, "x", "input of 'main' has the fields a, b"),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "x"}, "input of 'main': a: 'x' is not of type"),
    ],
)
def test_an_input_that_does_not_fit(bench: Bench, schema: Any, value: Any, complaint: str) -> None:
    bench.tools(MODELS)
    bench.worker("main", **({} if schema is None else {"input_schema": schema}))
    script = bench.script("main", "ok")
    with pytest.raises(UsageError) as caught:
        bench.run(value)
    assert str(caught.value).startswith(complaint)
    assert script.requests == []
    assert bench.calls()[0]["error"]["class"] == "input"


def test_a_model_is_told_of_its_wrong_input(bench: Bench) -> None:
    bench.tools(MODELS)
    bench.worker("main", toolsets=["writer"])
    main = bench.script("main", call("writer", topic=5, extra=1), "done")
    bench.worker("writer", input_schema="tools.py:Topic")
    bench.script("writer", "text")
    assert bench.run() == "done"
    assert main.tool_results[0]["error"]["code"] == "bad_input"
    assert main.infos[0].function_tools[0].parameters_json_schema["required"] == ["topic"]


def test_a_description_is_given_or_the_beginning_of_the_body(bench: Bench) -> None:
    bench.worker("main", toolsets=["a", "b"])
    main = bench.script("main", "done")
    bench.worker("a", "x" * 300)
    bench.worker("b", description="Does b.")
    for name in "ab":
        bench.script(name, "-")
    bench.run()
    assert [each.description for each in main.infos[0].function_tools] == ["x" * 200, "Does b."]


def test_a_template_renders_over_the_fields(bench: Bench) -> None:
    bench.tools(MODELS)
    bench.worker(
        "main", "About {{ topic }} in {{ words }}.", input_schema="tools.py:Topic", template="jinja2"
    )
    script = bench.script("main", "ok")
    bench.run({"topic": "{{ 7*7 }}"})
    assert instructions(script) == "About {{ 7*7 }} in 3."


def test_a_wrong_template_of_a_called_worker_is_found_before_any_request(bench: Bench) -> None:
    bench.worker("main", toolsets=["sub"])
    bench.worker("sub", "Say {{ input", template="jinja2")
    script = bench.script("main", "done")
    bench.script("sub", "done")
    with pytest.raises(SpecError, match=r"sub\.worker:5: template: "):
        bench.run("hi")
    assert script.requests == []


def test_attachments_go_along_with_the_prompt(bench: Bench) -> None:
    bench.tools(MODELS)
    bench.write("in/note.txt", "kept\n")
    (bench.root / "deck.PDF").write_bytes(b"%PDF-1.4")
    bench.worker("main", input_schema="tools.py:Letter")
    script = bench.script("main", "ok")
    bench.run({"to": "ann", "attachments": [{"path": "in/note.txt"}, {"path": "deck.PDF"}]})
    text, note, deck = prompt(script)
    assert (text, note) == ('{\n  "to": "ann"\n}', "Attachment note.txt:\nkept\n")
    assert isinstance(deck, BinaryContent)
    assert (deck.data, deck.media_type) == (b"%PDF-1.4", "application/pdf")
    (message,) = [each for each in bench.of("message") if each["role"] == "user"]
    assert message["text"].endswith('{"attachment": "application/pdf"}')


def test_parts_keep_their_order(bench: Bench) -> None:
    bench.write("note.txt", "kept")
    bench.worker("main")
    script = bench.script("main", "ok")
    bench.run(["before", Attachment("note.txt"), "after"])
    assert prompt(script) == ["before", "Attachment note.txt:\nkept", "after"]
    assert bench.calls()[0]["input"] == {"input": "before\n\nafter", "attachments": ["note.txt"]}


def test_an_absolute_attachment_is_for_humans_and_python_only(bench: Bench) -> None:
    note = bench.write("note.txt", "kept")
    bench.tools("""
    from pydantic_ai import RunContext
    from pydantic_ai.toolsets import FunctionToolset
    from llm_do.runtime import WorkerRuntime
    relay = FunctionToolset()

    @relay.tool
    async def ask_reader(ctx: RunContext[WorkerRuntime], path: str) -> str:
        return await ctx.deps.call("reader", {"input": "read", "attachments": [path]})
    """)
    bench.worker("reader")
    reader = bench.script("reader", "read")
    assert bench.run({"input": "x", "attachments": [str(note)]}, entry="reader") == "read"
    bench.worker("boss", toolsets=["reader", "ask_reader"])
    direct = call("reader", input="x", attachments=[str(note)])
    boss = bench.script("boss", direct, call("ask_reader", path=str(note)), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    refused, allowed = boss.tool_results
    assert refused["error"]["code"] == "bad_path"
    assert allowed == "read"
    assert len(reader.requests) == 2


def test_a_missing_attachment_is_told_before_any_request(bench: Bench) -> None:
    bench.worker("main")
    script = bench.script("main", "ok")
    with pytest.raises(ToolError, match=r"missing: attachment 'gone.txt': 'gone.txt' does not exist"):
        bench.run({"input": "x", "attachments": ["gone.txt"]})
    assert script.requests == []


@pytest.mark.parametrize(
    ("reason", "error_class", "words"),
    [
        ("length", "truncation", "the answer was cut at the token limit"),
        ("content_filter", "content_filter", "content filter stopped the answer"),
    ],
)
def test_an_unfinished_answer_fails(bench: Bench, reason: FinishReason, error_class: str, words: str) -> None:
    for text in ("half an ans", ""):
        bench.worker("main")
        bench.script("main", response(text, finish_reason=reason))
        with pytest.raises(RunFailed, match="worker 'main'") as caught:
            bench.run()
        assert caught.value.error_class == error_class
        assert words in str(caught.value) or not text
    assert bench.calls()[-1]["error"]["class"] == error_class


@pytest.mark.parametrize(
    "empty", ["", " \n", ModelResponse(parts=[]), ModelResponse(parts=[ThinkingPart("hm"), TextPart("")])]
)
def test_an_empty_answer_fails(bench: Bench, empty: Any) -> None:
    bench.worker("main")
    bench.script("main", empty)
    with pytest.raises(RunFailed, match="worker 'main': the answer was empty") as caught:
        bench.run()
    assert caught.value.error_class == bench.calls()[0]["error"]["class"] == "empty"


def test_an_unknown_tool_is_told_and_then_fails(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project_ro"])
    script = bench.script("main", call("nope"), "done")
    assert bench.run() == "done"
    assert "Unknown tool name: 'nope'" in script.tool_results[0]
    bench.script("main", call("nope"))
    with pytest.raises(RunFailed, match="'nope'"):
        bench.run()


def test_a_called_worker_that_fails_is_a_result(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"])
    main = bench.script("main", call("helper", input="x"), "done")
    bench.worker("helper")
    bench.script("helper", response("half", finish_reason="length"))
    assert bench.run() == "done"
    error = main.tool_results[0]["error"]
    assert (error["code"], "worker 'helper': the answer was cut" in error["message"]) == (
        "worker_failed",
        True,
    )
    assert bench.calls("helper")[0]["error"]["class"] == "truncation"


async def slow(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
    await asyncio.Event().wait()
    raise AssertionError


def slowly(bench: Bench) -> Any:
    return {**{name: script.model for name, script in bench.scripts.items()}, "slow": FunctionModel(slow)}


def test_a_worker_that_takes_too_long_is_a_result_for_its_caller(bench: Bench) -> None:
    bench.worker("main", toolsets=["slow"])
    main = bench.script("main", call("slow", input="x"), "done")
    bench.worker("slow", timeout_s=0.01)
    assert bench.run(models=slowly(bench)) == "done"
    message = "worker 'slow' took longer than its timeout_s of 0.01; raise it"
    assert main.tool_results == [{"error": {"code": "worker_failed", "message": message}}]
    assert bench.calls("slow")[0]["error"]["class"] == "timeout"


def test_an_entry_that_takes_too_long_fails(bench: Bench) -> None:
    bench.worker("slow", timeout_s=0.01)
    with pytest.raises(RunFailed, match=r"timeout_s of 0\.01") as caught:
        bench.run(models=slowly(bench), entry="slow")
    assert caught.value.error_class == "timeout"


def test_a_time_out_of_others_is_not_the_workers(bench: Bench) -> None:
    bench.worker("main", timeout_s=60)
    bench.script("main", TimeoutError("socket"))
    with pytest.raises(TimeoutError, match="socket"):
        bench.run()


def test_history_is_sent_before_the_prompt(bench: Bench) -> None:
    bench.worker("main")
    script = bench.script("main", "first", "second")
    runtime = bench.runtime()
    entry = bench.build().entry
    runtime.run(entry, "one")
    assert runtime.run(entry, "two", message_history=runtime.messages).output == "second"
    assert contents(script.requests[1]) == ["one", "first", "two"]
    assert [each["text"] for each in bench.of("message")] == ["one", "first", "two", "second"]


def test_a_called_worker_sees_no_history_of_its_caller(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"])
    bench.script("main", call("helper", input="only this"), "done")
    bench.worker("helper")
    helper = bench.script("helper", "ok")
    bench.run("the whole story")
    assert "the whole story" not in str(helper.requests[0])


def test_usage_sums_the_tree_and_each_call_has_its_own(bench: Bench) -> None:
    used = RequestUsage(input_tokens=10, output_tokens=1)
    bench.worker("main", toolsets=["helper"])
    bench.script(
        "main",
        ModelResponse(parts=[call("helper", input="x")], usage=used),
        ModelResponse(parts=[TextPart("done")], usage=used),
    )
    bench.worker("helper")
    bench.script("helper", ModelResponse(parts=[TextPart("ok")], usage=used))
    runtime = bench.runtime()
    runtime.run(bench.build().entry, "x")
    usage = runtime.usage
    assert (usage.requests, usage.calls, usage.input_tokens, usage.output_tokens) == (3, 1, 30, 3)
    assert usage.cost_usd is None
    assert [(each["requests"], each["usage"]) for each in bench.calls()] == [
        (1, {"input_tokens": 10, "output_tokens": 1}),
        (2, {"input_tokens": 20, "output_tokens": 2}),
    ]


def test_the_offer_is_written_when_the_tools_change(bench: Bench) -> None:
    bench.tools("""
    from pydantic_ai.toolsets import FunctionToolset
    seen = []

    async def late(ctx, definition):
        seen.append(1)
        return definition if len(seen) > 2 else None

    tools = FunctionToolset()

    @tools.tool_plain
    def early() -> str:
        return "x"

    @tools.tool_plain(prepare=late)
    def later() -> str:
        return "y"
    """)
    bench.worker("main", toolsets=["tools"])
    bench.script("main", call("early"), call("early"), "done")
    bench.run("hi", APPROVE_ALL)
    assert [each["tools"] for each in bench.of("offer")] == [["early"], ["early", "later"]]


def test_the_very_same_worker_may_run_in_parallel(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"])
    main = bench.script("main", [call("helper", input=str(n)) for n in range(5)], "done")
    bench.worker("helper")

    def echo(messages: list[ModelMessage], _: AgentInfo) -> str:
        return f"you said {contents(messages)[-1]}"

    bench.script("helper", echo)
    bench.run()
    assert main.tool_results == [f"you said {n}" for n in range(5)]
