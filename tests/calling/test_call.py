from __future__ import annotations

import gc
from dataclasses import replace
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Bench, Script, call

from llm_do.errors import CallFailed, LimitReached, RunFailed, SpecError, ToolError, UsageError
from llm_do.runtime import RunApprovalPolicy
from llm_do.state.context import CallContext, Substitute

if TYPE_CHECKING:
    from llm_do.journal import Event

TOOLS = """
from datetime import date
from pathlib import Path
from pydantic_ai import ModelRetry, RunContext
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from llm_do.runtime import Attachment, EntrySpec, ToolsetSpec, WorkerArgs, WorkerRuntime

calc = FunctionToolset()

@calc.tool_plain
def add(a: int, b: int = 1) -> int:
    return a + b

@calc.tool_plain
def shout(text: str, mark: str = "!") -> str:
    return text.upper() + mark

@calc.tool_plain
def now() -> str:
    return "noon"

@calc.tool_plain
def weekday(day: date) -> str:
    return day.isoformat()

@calc.tool_plain
def describe(topic: str, words: int) -> str:
    return f"{topic} in {words}"

@calc.tool_plain(requires_approval=True)
def guarded(a: int) -> int:
    return a

@calc.tool_plain
def fail(how: str) -> str:
    raise {"retry": ModelRetry("again"), "value": ValueError("broken")}[how]

@calc.tool
async def relay(ctx: RunContext[WorkerRuntime], name: str, value: str) -> str:
    return str(await ctx.deps.call(name, value))

wrapped = FunctionToolset([], id="wrapped").approval_required()

class Topic(WorkerArgs):
    topic: str
    words: int = 3
"""

APPROVE_ALL = RunApprovalPolicy("approve_all")


def entry(bench: Bench, body: str, *, more: str = "") -> None:
    """Write a project whose entry is Python code; `ctx` is its context, `given` its input."""
    lines = indent(dedent(body).strip(), "    ")
    bench.tools(
        f"{dedent(TOOLS)}\n{dedent(more)}\nasync def start(given, ctx):\n{lines}\n\n"
        f"main = EntrySpec('main', start)\n"
    )


def failed(bench: Bench, kind: type[Exception]) -> Any:
    with pytest.raises(kind) as caught:
        bench.run()
    return caught.value


def test_tools_and_workers_are_called_alike(bench: Bench) -> None:
    entry(bench, "return [await each(name, 'hi') for each in (ctx.call, ctx.call_tool, ctx.call_agent)"
                 " for name in ('shout', 'greeter')]")  # fmt: skip
    bench.worker("greeter")
    bench.script("greeter", "hello")
    assert bench.run() == ["HI!", "hello"] * 3
    tool, worker = bench.calls()[:2]
    assert (tool["impl"], tool["caller"], tool["input"]) == ("python", "main", {"text": "hi"})
    assert (worker["impl"], worker["caller"]) == ("worker", "main")
    assert worker["input"] == {"input": "hi", "attachments": []}
    assert {(each["decision"], each["by"]) for each in bench.of("approval")} == {("approve", "none")}


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("ctx.call('add', {'a': 1, 'b': 2})", 3),
        ("ctx.call('add', {'a': 1})", 2),
        ("ctx.call('add', 4)", 5),
        ("ctx.call('add', '4')", 5),
        ("ctx.call('shout', 'x')", "X!"),
        ("ctx.call('now')", "noon"),
        ("ctx.call('now', {})", "noon"),
        ("ctx.call('weekday', {'day': date(2024, 1, 2)})", "2024-01-02"),
        ("ctx.call('weekday', '2024-01-02')", "2024-01-02"),
        ("ctx.call('guarded', 7)", 7),
        ("ctx.call('describe', Topic(topic='t'))", "t in 3"),
    ],
)
def test_inputs_of_tools(bench: Bench, code: str, output: Any) -> None:
    entry(bench, f"return await {code}")
    assert bench.run() == output


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ctx.call('add', {'a': 'x'})", "input of 'add': a: Input should be a valid integer"),
        ("ctx.call('add', {'a': 1, 'c': 2})", "input of 'add': c: "),
        ("ctx.call('add')", "input of 'add': a: "),
        ("ctx.call('now', 'x')", "input of 'now': it takes nothing; pass a dict"),
        ("ctx.call('relay', 'x')", "input of 'relay': it takes name, value; pass a dict"),
    ],
)
def test_inputs_that_do_not_fit_a_tool(bench: Bench, code: str, message: str) -> None:
    entry(bench, f"return await {code}")
    assert str(failed(bench, UsageError)).startswith(message)
    assert [each["error"]["class"] for each in bench.calls()] == ["input", "input"]


WORKER_INPUTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a text": ("'hi'", {"input": "hi", "attachments": []}, "hi"),
    "a dict": ("{'input': 'hi'}", {"input": "hi", "attachments": []}, "hi"),
    "parts": ("['a', 'b']", {"input": "a\n\nb", "attachments": []}, "a\nb"),
}


@pytest.mark.parametrize("case", WORKER_INPUTS)
def test_inputs_of_workers(bench: Bench, case: str) -> None:
    code, fields, prompt = WORKER_INPUTS[case]
    entry(bench, f"return await ctx.call('greeter', {code})")
    bench.worker("greeter")
    bench.script("greeter", "hello")
    bench.run()
    assert bench.calls("greeter")[0]["input"] == fields
    assert [each["text"] for each in bench.of("message") if each["role"] == "user"] == [prompt]


@pytest.mark.parametrize(
    "code", ["Topic(topic='t')", "{'topic': 't'}", "'t'", "Topic(topic='t').model_dump()"]
)
def test_typed_inputs_of_workers(bench: Bench, code: str) -> None:
    entry(bench, f"return await ctx.call('writer', {code})")
    bench.worker("writer", input_schema="tools.py:Topic")
    bench.script("writer", "text")
    assert bench.run() == "text"
    assert bench.calls("writer")[0]["input"] == {"topic": "t", "words": 3}


def test_an_unknown_name_offers_the_nearest(bench: Bench) -> None:
    entry(bench, "return await ctx.call('shuot', 'x')")
    error = failed(bench, ToolError)
    assert (error.code, "did you mean 'shout'?" in error.message) == ("unknown", True)


@pytest.mark.parametrize(
    ("rule", "code", "is_rejected"),
    [
        ({"tool": "shout"}, "ctx.call('shout', 'secret')", True),
        ({"tool": "shout", "args": {"text": "sec*"}}, "ctx.call('shout', 'secret')", True),
        ({"tool": "shout", "args": {"text": "sec*"}}, "ctx.call('shout', {'text': 'secret'})", True),
        ({"tool": "shout", "args": {"text": "sec*"}}, "ctx.call('shout', 'public')", False),
        ({"tool": "add", "args": {"a": 5}}, "ctx.call('add', '5')", True),
        ({"tool": "add", "args": {"b": 1}}, "ctx.call('add', 5)", True),
        ({"tool": "writer", "args": {"topic": "sec*"}}, "ctx.call('writer', 'secret')", True),
        ({"tool": "writer", "args": {"topic": "sec*"}}, "ctx.call('writer', {'topic': 'secret'})", True),
        ({"tool": "writer", "args": {"topic": "sec*"}}, "ctx.call('writer', Topic(topic='secret'))", True),
        ({"tool": "writer", "args": {"words": 3}}, "ctx.call('writer', 'public')", True),
        ({"tool": "writer", "args": {"topic": "sec*"}}, "ctx.call('writer', 'public')", False),
        ({"tool": "wr*", "decision": "ask"}, "ctx.call('writer', 'public')", False),
    ],
)
def test_python_obeys_reject_rules_however_it_writes_its_input(
    bench: Bench,
    rule: dict[str, Any],
    code: str,
    is_rejected: bool,  # noqa: FBT001
) -> None:
    entry(bench, f"return await {code}")
    bench.worker("writer", input_schema="tools.py:Topic")
    writer = bench.script("writer", "text")
    policy = RunApprovalPolicy(rules=[{"decision": "reject", **rule}])
    if not is_rejected:
        bench.run("hi", policy)
        return
    with pytest.raises(ToolError, match="denied: a rule forbids"):
        bench.run("hi", policy)
    (approval,) = bench.of("approval")
    assert (approval["decision"], approval["by"]) == ("reject", "rule")
    assert writer.requests == []


def test_a_workers_reject_rule_binds_the_tools_below_it(bench: Bench) -> None:
    entry(bench, "pass")
    bench.worker("boss", toolsets=["relay"], approvals=[{"tool": "shout", "decision": "reject"}])
    boss = bench.script("boss", call("relay", name="shout", value="x"), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    assert boss.tool_results[0]["error"]["code"] == "denied"


@pytest.mark.parametrize(
    ("allow", "toolsets", "is_allowed"),
    [
        (None, ["relay"], True),
        ([], ["relay"], False),
        ([], ["calc"], True),
        ([], ["relay", "shout"], True),
        (["sh*"], ["relay"], True),
        (["add"], ["relay"], False),
    ],
)
def test_python_reaches_what_its_worker_may_reach(
    bench: Bench,
    allow: list[str] | None,
    toolsets: list[str],
    is_allowed: bool,  # noqa: FBT001
) -> None:
    entry(bench, "pass")
    front: dict[str, Any] = {} if allow is None else {"workers": {"allow": allow}}
    bench.worker("boss", toolsets=toolsets, **front)
    boss = bench.script("boss", call("relay", name="shout", value="x"), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    denied = {
        "error": {
            "code": "denied",
            "message": "worker 'boss' may not reach 'shout'; add it to toolsets or to workers.allow",
        }
    }
    assert boss.tool_results == ["X!" if is_allowed else denied]


def test_built_in_tools_resolve_within_the_callers_toolsets(bench: Bench) -> None:
    entry(bench, "return await ctx.call('read_file', 'note.txt')")
    bench.write("note.txt", "kept")
    for name, toolsets in (("boss", ["relay", "filesystem_project"]), ("clerk", ["relay"])):
        bench.worker(name, toolsets=toolsets)
        script = bench.script(name, call("relay", name="read_file", value="note.txt"), "done")
        bench.run("hi", APPROVE_ALL, entry=name)
        assert script.tool_results[0] == "kept" or script.tool_results[0]["error"]["code"] == "unknown"
    assert bench.calls("read_file")[0]["effect"] == "read"
    assert failed(bench, ToolError).code == "unknown"


def test_a_tool_uses_the_live_toolset_of_its_worker(bench: Bench) -> None:
    entry(
        bench,
        "pass",
        more="""
        def counter():
            counts = []
            tools = FunctionToolset()

            @tools.tool_plain
            def count() -> int:
                counts.append(1)
                return len(counts)

            @tools.tool
            async def twice(ctx: RunContext[WorkerRuntime]) -> list[int]:
                return [await ctx.deps.call("count"), await ctx.deps.call("count")]

            return tools

        counting = ToolsetSpec(counter)
        """,
    )
    bench.worker("boss", toolsets=["counting"])
    boss = bench.script("boss", call("count"), call("twice"), call("count"), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    assert boss.tool_results == [1, [2, 3], 4]


def test_a_worker_may_have_other_toolsets_beside(bench: Bench) -> None:
    more = "other = ToolsetSpec(lambda: FunctionToolset([], id='other'))"
    entry(bench, "pass", more=more)
    bench.worker("boss", toolsets=["other", "calc"])
    boss = bench.script("boss", call("relay", name="shout", value="x"), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    assert boss.tool_results == ["X!"]


def test_a_tool_that_calls_itself_stops_at_the_depth_limit(bench: Bench) -> None:
    entry(bench, "return await ctx.call('again', {'n': 0})", more="""
        @calc.tool
        async def again(ctx: RunContext[WorkerRuntime], n: int) -> int:
            return await ctx.deps.call("again", {"n": n + 1})
        """)  # fmt: skip
    error = failed(bench, ToolError)
    assert (error.code, "main > again > again" in error.message) == ("depth", True)
    assert [each["depth"] for each in bench.calls()] == [6, 5, 4, 3, 2, 1, 0]


def test_python_gets_the_exception_of_a_tool(bench: Bench) -> None:
    entry(bench, "return await ctx.call('fail', 'value')")
    assert str(failed(bench, ValueError)) == "broken"
    assert [(each["name"], each["error"]["type"], each["error"]["class"]) for each in bench.calls()] == [
        ("fail", "ValueError", "tool"),
        ("main", "ValueError", "tool"),
    ]


def test_a_called_worker_that_fails_raises_with_chain_and_cause(bench: Bench) -> None:
    entry(bench, "return await ctx.call('boss', 'x')")
    bench.worker("boss", output_schema={"type": "object", "required": ["a"], "properties": {"a": {}}})
    bench.script("boss", "no object")
    error = failed(bench, CallFailed)
    assert error.chain == ("main", "boss")
    assert isinstance(error.cause, RunFailed)
    assert str(error).startswith("main > boss: worker 'boss' on function:")
    assert error.error_class == "format"


def test_the_innermost_chain_is_told(bench: Bench) -> None:
    entry(bench, "return await ctx.call('relay', {'name': 'boss', 'value': 'x'})")
    bench.worker("boss")
    bench.script("boss", "")
    assert failed(bench, CallFailed).chain == ("main", "relay", "boss")


def test_a_limit_of_the_run_is_no_failed_call(bench: Bench) -> None:
    entry(bench, "return await ctx.call('boss', 'x')")
    bench.worker("boss")
    bench.script("boss", "x")
    with pytest.raises(LimitReached) as caught:
        bench.run("hi", usage_limits={"requests": 0})
    assert type(caught.value) is LimitReached


def test_a_tool_only_a_live_toolset_knows_is_found(bench: Bench) -> None:
    entry(
        bench,
        "return [await ctx.call('triple', 2), await ctx.call('x_triple', 2), await ctx.call('half', 4)]",
        more="""
        def triple(n: int) -> int:
            return 3 * n

        one = ToolsetSpec(lambda: FunctionToolset([triple]))
        two = FunctionToolset([triple]).prefixed("x")

        class Halving(FunctionToolset):
            def __init__(self):
                super().__init__([self.half])

            def half(self, n: int) -> int:
                return n // 2
        """,
    )
    assert bench.run() == [6, 6, 2]


def test_a_toolset_is_not_callable(bench: Bench) -> None:
    entry(bench, "return await ctx.call('calc', 'x')")
    error = failed(bench, ToolError)
    assert error.code == "unknown"
    assert error.message.startswith("'calc' is a toolset (")
    assert "); name a tool of it: add, " in error.message


def test_what_is_called_is_a_name(bench: Bench) -> None:
    entry(bench, "return await ctx.call(3, 'x')")
    message = "call takes the name of a worker or tool, found number 3"
    assert str(failed(bench, UsageError)).endswith(message)


def test_a_tool_that_is_gone_is_told(bench: Bench) -> None:
    entry(
        bench,
        "return await ctx.call('gone', {})",
        more="""
        def vanish(ctx, definition):
            return None

        @calc.tool_plain(prepare=vanish)
        def gone() -> str:
            return "here"
        """,
    )
    assert failed(bench, ToolError).message == "toolset 'calc' no longer offers 'gone'"


def test_a_tool_as_entry(bench: Bench) -> None:
    entry(bench, "pass")
    assert bench.run("x", entry="shout") == "X!"
    assert bench.calls("shout")[0]["input"] == {"text": "x"}
    assert bench.of("approval") == []


def test_an_entry_may_be_called_by_name(bench: Bench) -> None:
    entry(bench, "return f'other got {given}'")
    bench.worker("boss", toolsets=["relay"])
    boss = bench.script("boss", call("relay", name="main", value="x"), "done")
    bench.run("hi", APPROVE_ALL, entry="boss")
    assert boss.tool_results == ["other got ['x']"]


ENTRY_INPUTS: dict[str, tuple[str, Any, str]] = {
    "no schema, text": ("", "hi", "['hi']"),
    "no schema, nothing": ("", None, "['']"),
    "no schema, dict": ("", {"input": "hi", "attachments": ["a.txt"]}, "['hi', Attachment(path='a.txt')]"),
    "no schema, parts": ("", ["a", "b"], "['a', 'b']"),
    "schema, text": ("Topic", "t", "Topic(topic='t', words=3)"),
    "schema, dict": ("Topic", {"topic": "t", "words": 1}, "Topic(topic='t', words=1)"),
    "all defaults, nothing": ("Optional", None, "Optional(words=3)"),
    "all defaults, empty dict": ("Optional", {}, "Optional(words=3)"),
}


@pytest.mark.parametrize("case", ENTRY_INPUTS)
def test_what_a_python_entry_gets(bench: Bench, case: str) -> None:
    schema, value, given = ENTRY_INPUTS[case]
    bench.tools(
        f"{dedent(TOOLS)}\nclass Optional(WorkerArgs):\n    words: int = 3\n\n"
        f"async def start(given, ctx):\n    return repr(given)\n\n"
        f"main = EntrySpec('main', start, {schema or None})\n"
    )
    assert bench.run(value) == given


def test_a_typed_entry_gets_the_very_instance(bench: Bench) -> None:
    entry(bench, "pass", more="""
        class Secretive(WorkerArgs):
            _hidden: str = "kept"

        async def other(given, ctx):
            return given is SENT[0]

        async def send(given, ctx):
            SENT.append(Secretive())
            return await ctx.call("second", SENT[0])

        SENT = []
        second = EntrySpec("second", other, Secretive)
        first = EntrySpec("first", send)
        """)  # fmt: skip
    assert bench.run(entry="first") is True


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ("None", 5, "input of 'main' is a int; pass a str, a dict or a WorkerArgs"),
        ("None", {"topic": "x"}, "input of 'main': input: Field required"),
        ("None", [5], "input of 'main': a list holds texts and Attachment objects only"),
        ("Topic", {"words": 1}, "input of 'main': topic: Field required"),
        ("Topic", None, "input of 'main': topic: Field required"),
    ],
)
def test_what_a_python_entry_refuses(bench: Bench, schema: str, value: Any, message: str) -> None:
    code = f"async def start(given, ctx):\n    pass\nmain = EntrySpec('main', start, {schema})"
    bench.tools(f"{dedent(TOOLS)}\n{code}")
    with pytest.raises(UsageError, match=f"^{message}"):
        bench.run(value)


def test_the_function_of_an_entry_must_be_async(bench: Bench) -> None:
    code = "def start(given, ctx):\n    return 1\nmain = EntrySpec('main', later)"
    bench.tools(f"{dedent(TOOLS)}\nasync def later(given, ctx):\n    pass\n{code}")
    built = bench.build()
    spec: Any = built.registry.entries["main"]
    spec.spec = replace(spec.spec, main=spec.spec.main.__globals__["start"])  # made by Python, not loaded
    with pytest.raises(UsageError, match="EntrySpec 'main': main must be an async function"):
        bench.runtime().run(built.entry, "hi")


def stub(name: str, value: Any) -> Any:
    async def answer(caller: CallContext, given: Any) -> Any:
        return [caller.name, caller.parent and caller.parent.name, given, value]

    def substitute(asked: str) -> Substitute | None:
        return Substitute("stub", answer) if asked == name else None

    return substitute


def test_a_substitute_answers_for_a_tool_a_worker_and_a_name_of_later(bench: Bench) -> None:
    entry(bench, "return await ctx.call(given[0], 'hi')")
    bench.worker("writer")
    for name in ("shout", "writer", "later"):
        output = bench.run(name, substitutes=stub(name, 1))
        assert output == [name, "main", "hi", 1]
    lines = [each for each in bench.calls() if each["name"] != "main"]
    assert [(each["impl"], each["ok"], each["approval"]) for each in lines] == [
        ("stub", True, {"decision": "approve", "by": "none"})
    ] * 3


def test_a_substitute_obeys_reject_rules(bench: Bench) -> None:
    entry(bench, "return await ctx.call('shout', 'hi')")
    policy = RunApprovalPolicy(rules=[{"tool": "shout", "decision": "reject"}])
    with pytest.raises(ToolError, match="denied"):
        bench.run("hi", policy, substitutes=stub("shout", 1))


def test_a_check_links_an_entry_that_cannot_run(bench: Bench) -> None:
    entry(bench, "pass")
    built = bench.build()
    target: Any = built.entry.target
    target.spec = None
    with pytest.raises(UsageError, match=r"entry 'main' \(.*tools.py:\d+\) was linked for a check, not"):
        bench.runtime().run(built.entry, "x")


def test_a_worker_without_its_schema_file_is_told_with_file_and_line(bench: Bench) -> None:
    entry(bench, "return await ctx.call('writer', 'x')")
    bench.worker("writer", input_schema="missing.py:Topic")
    error = failed(bench, SpecError)
    assert (error.path, error.line) == (bench.root / "writer.worker", 3)
    assert "there is no file 'missing.py'" in str(error)


def test_a_thousand_calls_are_not_kept(bench: Bench) -> None:
    entry(bench, """
        for number in range(1000):
            await ctx.call("add", {"a": number})
        return await ctx.call("greeter", "x")
        """)  # fmt: skip
    bench.worker("greeter")
    bench.script("greeter", "hello")
    alive: list[str] = []

    def watch(event: Event) -> None:
        if event["kind"] == "call" and event["name"] == "greeter":
            gc.collect()
            contexts = [each for each in gc.get_objects() if type(each) is CallContext]
            alive.extend(each.name for each in contexts if each.run.id == event["run"])

    assert bench.run(on_event=watch) == "hello"
    assert sorted(alive) == ["greeter", "main"]


PARTS_CALLER = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import Attachment, EntrySpec

async def main(_input, ctx):
    return await ctx.call("reader", ["one", Attachment("f.txt"), "two"])

ENTRY = EntrySpec("main", main)
"""
PARTS_TOOL = """
tools = FunctionToolset()

@tools.tool_plain
def reader(input: str, attachments: list[str] = []) -> str:
    return f"{input} {attachments}"
"""


@pytest.mark.parametrize("kind", ["worker", "tool"])
def test_parts_reach_a_worker_and_the_tool_that_replaces_it(bench: Bench, kind: str) -> None:
    bench.write("f.txt", "file")
    bench.tools(PARTS_CALLER + (PARTS_TOOL if kind == "tool" else ""))
    if kind == "worker":
        bench.worker("reader")
        bench.script("reader", "read")
    assert bench.run() == ("read" if kind == "worker" else "one\n\ntwo ['f.txt']")
    (line,) = bench.calls("reader")
    assert line["input"] == {"input": "one\n\ntwo", "attachments": ["f.txt"]}


def test_parts_without_a_place_for_files_are_refused(bench: Bench) -> None:
    bench.tools(
        """
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import Attachment, EntrySpec

        tools = FunctionToolset()

        @tools.tool_plain
        def shout(text: str) -> str:
            return text.upper()

        @tools.tool_plain
        def count(items: list[str]) -> int:
            return len(items)

        async def main(input, ctx):
            if input[0] == "files":
                return await ctx.call("shout", ["a", Attachment("f.txt")])
            return [await ctx.call("shout", ["a", "b"]), await ctx.call("count", ["a", "b"])]

        ENTRY = EntrySpec("main", main)
        """
    )
    assert bench.run("texts") == ["A\n\nB", 2]
    with pytest.raises(UsageError, match="input of 'shout': it takes no attachments"):
        bench.run("files")


def test_a_worker_that_may_create_reaches_what_it_reached_before(bench: Bench) -> None:
    bench.tools(
        """
        from pydantic_ai.tools import RunContext
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import WorkerRuntime

        tools = FunctionToolset()

        @tools.tool
        async def go(ctx: RunContext[WorkerRuntime]) -> str:
            return await ctx.deps.call("sub", "x")
        """
    )
    bench.worker("main", toolsets=["tools"], workers={"create": True})
    bench.worker("sub")
    bench.script("sub", "reached")
    script = bench.script("main", call("go"), "done")
    bench.run("hi", RunApprovalPolicy("approve_all"))
    assert script.tool_results == ["reached"]


def test_a_toolset_that_rejects_is_obeyed_by_python_too(bench: Bench) -> None:
    bench.tools(
        """
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import EntrySpec

        class GuardedToolset(FunctionToolset):
            def needs_approval(self, name, args, ctx):
                return "reject" if args["x"] == "danger" else "ask"

        def f(x: str) -> str:
            return f"ran {x}"

        guarded = GuardedToolset([f])

        async def main(input, ctx):
            return await ctx.call("f", input[0])

        ENTRY = EntrySpec("main", main)
        """
    )
    assert bench.run("safe") == "ran safe"
    with pytest.raises(ToolError, match="a rule forbids 'f'"):
        bench.run("danger")


def test_a_forgotten_await_in_an_entry_is_said_and_fails(bench: Bench) -> None:
    bench.tools(
        """
        from llm_do.runtime import EntrySpec

        async def main(input, ctx):
            return ctx.call("sub", "x")

        ENTRY = EntrySpec("main", main)
        """
    )
    bench.worker("sub")
    with pytest.raises(RunFailed, match=r"tools\.py:6.*return await ctx\.call"):
        bench.run("hi", model=Script(["x"]).model)


def test_a_substitute_replaces_the_entry_as_well(bench: Bench) -> None:
    async def stand_in(_context: CallContext, value: Any) -> str:
        return f"stub of {value}"

    def substituted(name: str) -> Substitute | None:
        return Substitute("stub", stand_in) if name == "main" else None

    bench.worker("main")
    output = bench.run("hi", substitutes=substituted)
    assert output == "stub of hi"
    assert [each["impl"] for each in bench.calls("main")] == ["stub"]


def test_a_context_is_shown_by_its_chain(bench: Bench) -> None:
    bench.worker("main")
    bench.script("main", "ok")
    assert repr(bench.result().context) == "<CallContext main>"
