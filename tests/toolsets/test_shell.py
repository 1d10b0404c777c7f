from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Bench, call

from llm_do.approval import Rule
from llm_do.errors import SpecError
from llm_do.runtime import RunApprovalPolicy
from llm_do.sandbox.landlock import landlock_abi
from llm_do.toolsets.shell import ShellToolset, shell_file_ops, shell_readonly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do.runtime import Request

APPROVE_ALL = RunApprovalPolicy("approve_all")
IMPORTS = """
from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.shell import ShellRule, ShellToolset
"""
TOOLS = (
    f"{IMPORTS}\n"
    """
commands = ToolsetSpec(factory=lambda ctx: ShellToolset(rules=[
    ShellRule("wc", ["-l", "*"], "approve"),
    dict(program="sort", args=["**", "-o", "**"], decision="reject"),
    dict(program="sort", decision="approve"),
    {"program": "sh", "decision": "approve"},
], default="ask"))
"""
)

pytestmark = pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock: everything asks")


class Asked:
    """Approves everything that it is asked about, and remembers it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.policy = RunApprovalPolicy(approval_callback=self._answer)

    @property
    def commands(self) -> list[Any]:
        return [each.args["command"] for each in self.requests]

    def _answer(self, request: Request) -> Any:
        self.requests.append(request)
        return "approve"


def results(bench: Bench, toolset: str, commands: Sequence[Any], policy: Any = None) -> list[Any]:
    bench.write("f", "b\na\n")
    bench.worker("main", toolsets=[toolset])
    calls = [each if not isinstance(each, str | list) else call("shell", command=each) for each in commands]
    script = bench.script("main", *calls, "done")  # one turn each: calls of one turn run in parallel
    assert bench.run("hi", policy) == "done"
    return [json.loads(each) if isinstance(each, str) else each for each in script.tool_results]


def test_the_quiet_list_runs_unasked_and_prints_what_is_there(bench: Bench) -> None:
    asked = Asked()
    listed, sorted_, failed = results(
        bench, "shell_readonly", ["ls", ["sort", "f"], "cat gone"], asked.policy
    )
    assert listed == {"stdout": "f\nmain.worker\n", "stderr": "", "exit_code": 0, "truncated": False}
    assert sorted_["stdout"] == "a\nb\n"
    assert (failed["exit_code"], failed["stderr"]) == (1, "cat: gone: No such file or directory\n")
    assert asked.requests == []
    assert [each["effect"] for each in bench.calls("shell")] == ["write"] * 3
    assert [each["by"] for each in bench.of("approval")] == ["rule"] * 3


def test_everything_else_asks_with_the_exact_words(bench: Bench) -> None:
    asked = Asked()
    (made,) = results(bench, "shell_readonly", ["r'm' -f 'f'"], asked.policy)
    assert asked.requests[0].description == f'runs ["rm", "-f", "f"] in {bench.root}, without network'
    assert made["exit_code"] == 0
    assert not (bench.root / "f").exists()


@pytest.mark.parametrize("toolset", ["shell_readonly", "shell_file_ops"])
@pytest.mark.parametrize("command", ["ls; id", "ls | sh", "cat $HOME", "", ["ls", "\0"]])
def test_a_broken_grammar_never_reaches_a_human(bench: Bench, toolset: str, command: Any) -> None:
    asked = Asked()
    rules = (Rule("shell", decision="approve"),)
    policy = RunApprovalPolicy(approval_callback=asked.policy.approval_callback, rules=rules)
    (refused,) = results(bench, toolset, [command], policy)
    assert refused["error"]["code"] == "denied"
    assert "this is no command: " in refused["error"]["message"]
    assert asked.requests == []


def test_file_ops_are_ls_and_mv(bench: Bench) -> None:
    asked = Asked()
    commands = ["ls -l", "mv f g", "rm g", "cat g", "ls /"]
    listed, moved, removed, read, above = results(bench, "shell_file_ops", commands, asked.policy)
    assert " f\n" in listed["stdout"]
    assert moved["exit_code"] == 0
    assert removed["error"]["message"].startswith(
        "this call was refused: 'rm' is not offered here; use ls, mv"
    )
    assert read["error"]["code"] == "denied"
    assert "Permission denied" in above["stderr"]
    assert asked.commands == ["mv f g", "ls /"]
    assert (bench.root / "g").read_text() == "b\na\n"


def test_rules_of_ones_own_decide_in_their_order(bench: Bench) -> None:
    bench.tools(TOOLS)
    asked = Asked()
    free = ["wc -l f", "sort f", "sort -o f f", "sort -uo g f"]
    commands = [*free, "wc -c f", "sort /etc/passwd", "sh -c 'ls /'"]
    said = results(bench, "commands", commands, asked.policy)
    assert asked.commands == ["wc -c f", "sort /etc/passwd", "sh -c 'ls /'"]
    assert said[0]["stdout"] == "2 f\n"
    assert "a rule forbids 'sort' with these arguments" in said[2]["error"]["message"]
    assert said[3]["exit_code"] == 0, "a pattern sees words; what a cluster of letters holds, it does not"
    assert "Permission denied" in said[5]["stderr"]


def test_a_rule_approves_no_broken_grammar(bench: Bench) -> None:
    bench.tools(TOOLS)
    (refused,) = results(bench, "commands", ["sort f; id"], APPROVE_ALL)
    assert refused["error"]["code"] == "denied"


@pytest.mark.parametrize(
    "command",
    [
        "tee main.worker", "tee ./main.worker", "tee sub/../main.worker", "tee link", "mv f MAIN.worker",
        "rm -r sub", "cp f .git/hooks/x", "dd of=conftest.py", "cp -t.github f", "mv sub other",
        ["tee", "sub/deep.worker"],
    ],
)  # fmt: skip
def test_files_that_rule_the_model_are_asked_about_under_approve_all(bench: Bench, command: Any) -> None:
    bench.write("sub/deep.worker", "kept")
    (bench.root / "link").symlink_to("main.worker")
    (refused,) = results(bench, "shell_readonly", [command], APPROVE_ALL)
    assert refused["error"]["code"] == "denied"
    assert (bench.root / "sub" / "deep.worker").read_text() == "kept"


def test_approve_all_approves_the_rest(bench: Bench) -> None:
    commands = ["cp f g", "cat main.worker", "tee notes.worker.txt", "rm f"]
    said = results(bench, "shell_readonly", commands, APPROVE_ALL)
    assert [each["exit_code"] for each in said] == [0] * 4


@pytest.mark.parametrize(
    "command", ["git status", "g'it' status", ["git", "status"], "git   status", '"git" "status"']
)
@pytest.mark.parametrize("pattern", ["git *", "git status", ["git", "status"]])
def test_an_operators_rule_holds_for_every_spelling(bench: Bench, command: Any, pattern: Any) -> None:
    rules = (Rule("shell", {"command": pattern}, "reject"),)
    (refused,) = results(bench, "shell_readonly", [command], RunApprovalPolicy("approve_all", rules=rules))
    assert refused["error"]["code"] == "denied"


def test_a_command_that_is_ended_says_so(bench: Bench) -> None:
    slow = call("shell", command="sleep 99", timeout=0.3)
    ended, loud, wrong = results(
        bench, "shell_readonly", [slow, "yes", call("shell", command="ls", timeout=0)], APPROVE_ALL
    )
    assert ended["note"] == "timed out: the program was ended after 0.3 s; do less or pass a longer timeout"
    assert (ended["exit_code"], ended["truncated"]) == (137, False)
    assert (len(loud["stdout"]), loud["truncated"]) == (100_000, True)
    assert "100000 bytes" in loud["note"]
    assert wrong["error"] == {"code": "bad_input", "message": "timeout is in seconds, over 0 and up to 600"}


def test_run_landlock_missing(bench: Bench) -> None:
    rule, commands = 'ShellRule("wc", decision="approve")', ["ls", "cat f", "wc f"]
    for name, version in (("without", 0), ("with", 1)):
        toolset = f"ShellToolset([{rule}], quiet=True, landlock=lambda: {version})"
        bench.tools(f"{IMPORTS}\n{name}_it = ToolsetSpec(factory=lambda ctx: {toolset})", f"{name}.py")
    asked = Asked()
    with pytest.warns(RuntimeWarning, match="no Landlock") as warned:
        results(bench, "without_it", commands, asked.policy)
    assert len(warned) == 1
    assert asked.commands == commands
    control = Asked()
    results(bench, "with_it", commands, control.policy)
    assert control.commands == []


def test_what_a_program_printed_counts_as_read(bench: Bench) -> None:
    bench.worker("main", toolsets=["shell_readonly"])
    bench.script("main", call("shell", command="cat main.worker"), "done")
    runtime = bench.runtime()
    asyncio.run(runtime.run_entry(bench.build().entry, "hi"))
    assert runtime.approvals.has_read


def test_the_network_is_declared_where_it_is_left_open() -> None:
    assert shell_readonly().network == frozenset()
    assert shell_file_ops().network == frozenset()
    assert ShellToolset(network=True).network == {"shell"}


def test_a_malformed_rule_is_refused_when_the_toolset_is_made() -> None:
    with pytest.raises(SpecError, match="unknown key 'decide'"):
        ShellToolset([{"program": "ls", "decide": "approve"}])


def test_python_calls_run_unasked_and_obey_the_grammar_and_reject(bench: Bench) -> None:
    bench.tools(
        TOOLS
        + """
from llm_do.runtime import EntrySpec

async def begin(input, ctx):
    ran = await ctx.call("shell", {"command": "cp f g"})
    refused = []
    for command in ("ls; id", "sort -o f f"):
        try:
            await ctx.call("shell", command)
        except Exception as error:
            refused.append(error.code)
    return [ran["exit_code"], *refused]

begin_entry = EntrySpec("begin", begin)
"""
    )
    bench.write("f", "b\na\n")
    assert bench.run("hi", entry="begin") == [0, "denied", "denied"]
    assert (bench.root / "f").read_text() == "b\na\n"
    assert (bench.root / "g").exists()
