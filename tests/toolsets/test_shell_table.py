from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
import yaml
from scripted import Bench, call

from llm_do.approval import Rule
from llm_do.runtime import RunApprovalPolicy
from llm_do.sandbox.landlock import landlock_abi
from llm_do.toolsets.shell import ShellToolset

if TYPE_CHECKING:
    from llm_do.runtime import Request

TOOLS = """
from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.shell import ShellRule, ShellToolset

free = ToolsetSpec(factory=lambda: ShellToolset(default="approve", quiet=True))
no_rm = ToolsetSpec(factory=lambda: ShellToolset([ShellRule("rm", decision="reject")], default="approve"))
"""

pytestmark = pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock: everything asks")


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    argv: list[str]
    expect: str


def _cases() -> list[Case]:
    table = yaml.safe_load((Path(__file__).parents[1] / "tables" / "shell.yaml").read_text())
    return [
        Case(row["id"], row["argv"], row["expect"]) for row in table["cases"] if row.get("layer") == "toolset"
    ]


@pytest.fixture
def tree(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench.tools(TOOLS)
    for path in ("a.txt", "project.json", "plain/x.sh", "sub/.git/config"):
        bench.write(path, "")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("SECRET")
    for name, target in (("l", outside / "secret"), ("o", outside), ("usr", "/usr")):
        (bench.root / name).symlink_to(target)
    (bench.root / "plain" / "l").symlink_to(outside / "secret")
    os.mkfifo(bench.root / "pipe")
    return bench


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.id)
def test_what_is_asked_about_though_rules_approve_it(case: Case, tree: Bench) -> None:
    asked: list[Request] = []

    def refuse(request: Request) -> Literal["reject"]:
        asked.append(request)
        return "reject"

    tree.worker("main", toolsets=["free"])
    tree.script("main", call("shell", command=case.argv), "done")
    assert tree.run("hi", RunApprovalPolicy(approval_callback=refuse)) == "done"
    said = ["ask" if each.session_offered else "insist" for each in asked]
    assert said == ([] if case.expect == "free" else [case.expect])


@pytest.mark.parametrize(
    ("toolset", "pattern"),
    [("no_rm", None), ("free", "rm *"), ("free", "/bin/rm *"), ("free", ["rm", "a.txt"])],
)
@pytest.mark.parametrize(
    "command", ["rm a.txt", "/bin/rm a.txt", ["/bin/rm", "a.txt"], ["/usr//bin/./rm", "a.txt"]]
)
def test_a_reject_holds_for_every_path_of_a_program(
    toolset: str, pattern: str | list[str] | None, command: str | list[str], tree: Bench
) -> None:
    rules = [] if pattern is None else [Rule("shell", {"command": pattern}, "reject")]
    tree.worker("main", toolsets=[toolset])
    calls = [call("shell", command=command), call("shell", command="/usr/bin/touch b.txt")]
    tree.script("main", *calls, "done")
    assert tree.run("hi", RunApprovalPolicy("approve_all", rules=rules)) == "done"
    assert (tree.root / "a.txt").exists()
    assert (tree.root / "b.txt").exists(), "the control: another program by its path runs"


def test_a_pattern_over_programs_keeps_its_folder(tree: Bench) -> None:
    rules = [Rule("shell", {"command": "/bin/*"}, "approve"), Rule("shell", decision="reject")]
    tree.worker("main", toolsets=["free"])
    tree.script("main", call("shell", command=["touch", "b.txt"]), "done")
    assert tree.run("hi", RunApprovalPolicy("approve_all", rules=rules)) == "done"
    assert not (tree.root / "b.txt").exists()


@pytest.mark.parametrize("command", [None, 5, [], [5], {}, "", "git *", "/nowhere/x *", "/bin/r?"])
def test_what_is_no_command_of_a_system_program_stays_as_it_is(command: object) -> None:
    assert ShellToolset().canonical_args("shell", {"command": command}) == {"command": command}
