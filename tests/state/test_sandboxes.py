from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Bench, call

from llm_do.approval import Rule
from llm_do.command.graph import graph
from llm_do.errors import SpecError
from llm_do.project.spec import SandboxSpec, WorkerSpec
from llm_do.runtime import RunApprovalPolicy
from llm_do.state.sandboxes import open_sandboxes

if TYPE_CHECKING:
    from pathlib import Path

APPROVE_ALL = RunApprovalPolicy("approve_all")
BOXES = {
    "docs": {"path": "in/docs", "suffixes": [".md"], "max_bytes": 20},
    "out": {"path": "./results", "mode": "rw", "suffixes": [".md", ".txt"]},
}


@pytest.fixture
def project(bench: Bench) -> Bench:
    bench.write("in/docs/a.md", "kept")
    bench.write("in/docs/key.pem", "SECRET")
    bench.write("a.md", "not for it")
    return bench


def results(bench: Bench, *turns: Any, policy: Any = APPROVE_ALL, boxes: Any = None) -> list[Any]:
    bench.worker("main", sandboxes=boxes or BOXES)
    script = bench.script("main", *turns, "done")
    assert bench.run("hi", policy) == "done"
    assert "SECRET" not in str(script.requests)
    return script.tool_results


def test_a_worker_gets_tools_for_its_sandboxes_and_words_about_them(project: Bench) -> None:
    results(project)
    read, listing, write = project.scripts["main"].infos[0].function_tools
    assert (read.name, listing.name, write.name) == ("read_file", "list_files", "write_file")
    for tool in (read, listing, write):
        assert "docs/ (read only; files ending with .md; up to 20 bytes each)" in (tool.description or "")
        assert "out/ (read and write; files ending with .md, .txt; up to 2000000 bytes each)" in (
            tool.description or ""
        )


def test_without_a_writable_sandbox_there_is_no_write_file(project: Bench) -> None:
    results(project, boxes={"docs": {"path": "in/docs"}})
    tools = project.scripts["main"].infos[0].function_tools
    assert [tool.name for tool in tools] == ["read_file", "list_files"]


def test_what_is_listed_can_be_used_as_it_is(project: Bench) -> None:
    written = call("write_file", path="out/new/b.txt", content="two")
    reads = [call("read_file", path="docs/a.md"), call("read_file", path="out/new/b.txt")]
    done, listed, kept, two = results(project, written, call("list_files"), reads)
    assert done == "wrote 3 bytes to out/new/b.txt"
    assert listed == ["docs/a.md", "out/new/b.txt"]
    assert (kept, two) == ("kept", "two")
    assert (project.root / "results/new/b.txt").read_text() == "two"
    assert {each["name"]: each["effect"] for each in project.calls() if each["parent"]} == {
        "write_file": "write",
        "list_files": "read",
        "read_file": "read",
    }


@pytest.mark.parametrize(
    ("turn", "code", "words"),
    [
        (call("read_file", path="a.md"), "missing", "begin it with docs/ or out/"),
        (call("read_file", path="in/docs/a.md"), "missing", "is in no sandbox"),
        (call("read_file", path="docs/key.pem"), "bad_suffix", "allows .md"),
        (call("read_file", path="docs/../../a.md"), "bad_path", "'..'"),
        (call("write_file", path="docs/b.md", content="x"), "read_only", "write below out/ instead"),
        (call("write_file", path="out/b.sh", content="x"), "bad_suffix", "allows .md, .txt"),
        (call("write_file", path="b.md", content="x"), "missing", "is in no sandbox"),
        (call("list_files", path="in"), "missing", "is in no sandbox"),
    ],
)
@pytest.mark.parametrize("policy", [APPROVE_ALL, None])
def test_what_a_sandbox_refuses_is_told_without_a_question(
    project: Bench, turn: Any, code: str, words: str, policy: Any
) -> None:
    (result,) = results(project, turn, policy=policy)
    assert result["error"]["code"] == code
    assert words in result["error"]["message"]


def test_writing_in_a_sandbox_asks(project: Bench) -> None:
    (refused,) = results(project, call("write_file", path="out/b.md", content="x"), policy=None)
    assert json.loads(refused)["error"]["code"] == "denied"
    assert not (project.root / "results/b.md").exists()


@pytest.mark.parametrize("spelling", ["docs/a.md", "./docs/a.md", "docs//a.md"])
@pytest.mark.parametrize("pattern", ["docs/*", "./docs/*"])
def test_rules_speak_of_the_paths_that_the_model_writes(project: Bench, pattern: str, spelling: str) -> None:
    policy = RunApprovalPolicy("approve_all", rules=[Rule("read_file", {"path": pattern}, "reject")])
    (result,) = results(project, call("read_file", path=spelling), policy=policy)
    assert json.loads(result)["error"]["code"] == "denied"


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        (".", "all/main.worker"),
        (".", "all/sub/.git/config"),
        (".git/hooks", "all/pre-commit"),
        (".github", "all/workflows/ci.yml"),
        ("tests/cassettes", "all/a.jsonl"),
        ("workers", "all/x.WORKER"),
        ("data", "all/project.json"),
    ],
)
def test_files_that_rule_the_model_insist_wherever_a_sandbox_points(
    project: Bench, folder: str, path: str
) -> None:
    boxes = {"all": {"path": folder, "mode": "rw"}}
    (result,) = results(project, call("write_file", path=path, content="x"), boxes=boxes)
    assert json.loads(result)["error"]["code"] == "denied"


def test_a_sandbox_of_its_own_is_the_control(project: Bench) -> None:
    written = call("write_file", path="all/pre-commit", content="x")
    assert results(project, written, boxes={"all": {"path": "data", "mode": "rw"}}) == [
        "wrote 1 bytes to all/pre-commit"
    ]


def test_the_journal_is_protected_in_a_sandbox(project: Bench) -> None:
    project.worker("main", sandboxes={"log": {"path": "log", "mode": "rw"}})
    script = project.script("main", call("write_file", path="log/forged.jsonl", content="x"), "done")
    project.run("hi", APPROVE_ALL, journal=project.root / "log")
    assert json.loads(script.tool_results[0])["error"]["code"] == "denied"


def test_a_called_worker_has_its_own_sandboxes_only(project: Bench) -> None:
    project.worker("main", sandboxes=BOXES, toolsets=["other"])
    project.worker("other", sandboxes={"mine": {"path": "mine", "mode": "rw"}})
    project.script("main", call("other", input="x"), "done")
    reads = [call("read_file", path="docs/a.md"), call("list_files")]
    other = project.script("other", reads, "done")
    project.run()
    missing, listed = other.tool_results
    assert missing["error"]["code"] == "missing"
    assert "docs" not in missing["error"]["message"].partition(";")[2]
    assert listed == []


def test_python_reaches_the_sandboxes_of_the_worker_it_works_for(project: Bench) -> None:
    project.tools(
        """
        from pydantic_ai import RunContext
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import WorkerRuntime
        from llm_do.toolsets.approval import set_toolset_approval_config

        tools = FunctionToolset()

        @tools.tool
        async def first_line(ctx: RunContext[WorkerRuntime], path: str) -> str:
            return await ctx.deps.call("read_file", path)

        set_toolset_approval_config(tools, {"first_line": {"pre_approved": True}})
        """
    )
    project.worker("main", sandboxes=BOXES, toolsets=["tools"])
    script = project.script("main", call("first_line", path="docs/a.md"), "done")
    project.run()
    assert script.tool_results == ["kept"]


def test_a_check_shows_the_sandboxes_and_opens_none(project: Bench) -> None:
    project.worker("main", sandboxes=BOXES)
    built = project.build()
    (line,) = [line for line in graph(built.registry, built.entry.target).splitlines() if "->" in line]
    assert line.endswith("main.worker:3): read_file, write_file, list_files")
    assert line.startswith("  -> toolset sandboxes (")
    assert not (project.root / "results").exists()


def test_two_toolsets_with_the_same_tools_are_refused_with_both_names(project: Bench) -> None:
    project.worker("main", sandboxes=BOXES, toolsets=["filesystem_project_ro"])
    with pytest.raises(
        SpecError, match="'filesystem_project_ro' and 'sandboxes' both offer a tool 'read_file'"
    ):
        project.build()


@pytest.mark.parametrize(
    ("path", "mode", "words"),
    [
        ("nope", "ro", "sandbox 'box': 'nope' does not exist; correct the path"),
        ("in/dcos", "ro", "sandbox 'box': 'in/dcos' does not exist; did you mean 'docs'?"),
        ("link", "rw", "'link' is a link"),
        ("link/below", "rw", "'link' is a link"),
        ("a.md", "rw", "'a.md' is a file"),
        ("/", "ro", "is the whole disk"),
        ("$OUT/nope", "rw", "cannot be opened as a folder"),
        ("$ROOT/link", "ro", "is a link: give the path of a real folder"),
        ("~/docs", "ro", "begins with '~'"),
    ],
)
def test_a_wrong_folder_is_told_before_the_first_request(
    project: Bench, tmp_path_factory: pytest.TempPathFactory, path: str, mode: str, words: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (project.root / "link").symlink_to(outside)
    named = path.replace("$OUT", str(outside)).replace("$ROOT", str(project.root))
    project.worker("main", toolsets=["other"])
    project.worker("other", sandboxes={"box": {"path": named, "mode": mode}})
    script = project.script("main", "done")
    with pytest.raises(SpecError) as caught:
        project.run(entry="main")
    assert words in str(caught.value)
    assert "other.worker:3: " in str(caught.value)
    assert script.requests == []
    assert list(outside.iterdir()) == []


def test_the_author_may_name_a_folder_anywhere_else(project: Bench, tmp_path_factory: Any) -> None:
    outside: Path = tmp_path_factory.mktemp("outside")
    (outside / "x.txt").write_text("there")
    boxes = {"there": {"path": str(outside)}, "up": {"path": f"../{project.root.name}/in"}}
    listed, text = results(project, call("list_files"), call("read_file", path="there/x.txt"), boxes=boxes)
    assert listed == ["there/x.txt", "up/docs/a.md", "up/docs/key.pem"]
    assert text == "there"


def test_the_home_folder_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = WorkerSpec("main", sandboxes={"home": SandboxSpec("..")})
    with pytest.raises(SpecError, match=r"sandbox 'home': .* is the home folder"):
        open_sandboxes(spec, tmp_path / "project")
