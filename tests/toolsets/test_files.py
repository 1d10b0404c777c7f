from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from scripted import Bench, call

from llm_do.approval import Preview, Rule
from llm_do.errors import ToolError
from llm_do.runtime import RunApprovalPolicy
from llm_do.sandbox.box import MAX_FILE_BYTES, Box, Boxes
from llm_do.sandbox.fs import Root
from llm_do.sandbox.path import parse_path
from llm_do.toolsets.files import FileToolset
from llm_do.toolsets.protected import is_protected

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do.runtime import Request

APPROVE_ALL = RunApprovalPolicy("approve_all")


def results(bench: Bench, *turns: Any, toolset: str = "filesystem_project", policy: Any = None) -> list[Any]:
    bench.worker("main", toolsets=[toolset])
    script = bench.script("main", *turns, "done")
    assert bench.run("hi", policy) == "done"
    return script.tool_results


def test_reading_is_free_and_writing_asks(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    reading = [call("read_file", path="a.txt"), call("list_files")]
    text, names, refused = results(bench, [*reading, call("write_file", path="b.txt", content="x")])
    assert (text, names) == ("kept", ["a.txt", "main.worker"])
    assert json.loads(refused)["error"]["code"] == "denied"
    assert not (bench.root / "b.txt").exists()
    assert {each["name"]: each["effect"] for each in bench.calls() if each["parent"]} == {
        "read_file": "read",
        "list_files": "read",
        "write_file": "write",
    }


def test_what_is_listed_can_be_read_and_written(bench: Bench) -> None:
    bench.write("notes/ä b.txt", "one")
    (listed,) = results(bench, call("list_files", path="notes", pattern="*.txt"))
    assert listed == ["notes/ä b.txt"]
    written = call("write_file", path=listed[0], content="two ✓")
    assert results(bench, written, policy=APPROVE_ALL) == ["wrote 7 bytes to notes/ä b.txt"]
    assert results(bench, call("read_file", path=listed[0])) == ["two ✓"]


def test_missing_folders_are_made(bench: Bench) -> None:
    results(bench, call("write_file", path="a/b/c.txt", content=""), policy=APPROVE_ALL)
    assert (bench.root / "a/b/c.txt").read_text() == ""


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({}, "0123456789"),
        ({"max_chars": 3}, "012"),
        ({"offset": 8}, "89"),
        ({"max_chars": 2, "offset": 4}, "45"),
        ({"offset": 99}, ""),
        ({"max_chars": 0}, ""),
        ({"max_chars": -1}, ""),
        ({"offset": -5}, "0123456789"),
    ],
)
def test_a_part_of_a_file(bench: Bench, part: dict[str, int], text: str) -> None:
    bench.write("a.txt", "0123456789")
    assert results(bench, call("read_file", path="a.txt", **part)) == [text]


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        (call("read_file", path="gone.txt"), "missing"),
        (call("read_file", path="../secret"), "bad_path"),
        (call("read_file", path="/etc/passwd"), "bad_path"),
        (call("read_file", path="folder"), "wrong_kind"),
        (call("read_file", path="link.txt"), "link"),
        (call("read_file", path="binary.bin"), "not_text"),
        (call("list_files", path="gone"), "missing"),
        (call("write_file", path="../out.txt", content="x"), "bad_path"),
        (call("write_file", path="link.txt", content="x"), "link"),
        (call("read_file", path="big.txt"), "too_large"),
    ],
)
def test_what_cannot_be_done_is_a_result(bench: Bench, turn: Any, code: str) -> None:
    bench.write("folder/a.txt", "x")
    (bench.root / "link.txt").symlink_to(bench.root / "folder/a.txt")
    (bench.root / "binary.bin").write_bytes(b"\xff\xfe\x00")
    with (bench.root / "big.txt").open("wb") as big:
        big.truncate(MAX_FILE_BYTES + 1)
    (result,) = results(bench, turn, policy=APPROVE_ALL)
    assert result["error"]["code"] == code
    assert bench.calls(turn.tool_name)[0]["error"]["type"] == code


def test_a_read_only_toolset_cannot_write(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project_ro"])
    script = bench.script("main", "done")
    bench.run()
    assert [each.name for each in script.infos[0].function_tools] == ["read_file", "list_files"]


@pytest.mark.parametrize("toolset", ["filesystem_cwd", "filesystem_cwd_ro"])
def test_the_working_directory(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, toolset: str
) -> None:
    elsewhere: Path = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "here.txt").write_text("cwd")
    monkeypatch.chdir(elsewhere)
    assert results(bench, call("read_file", path="here.txt"), toolset=toolset) == ["cwd"]


@pytest.mark.parametrize(
    "path",
    [
        "main.worker", "sub/Other.WORKER", "project.json", "./project.json", "llm-do.lock", "pyproject.toml",
        "tests/conftest.py", ".git/hooks/pre-commit", ".llm-do/runs/x.jsonl", ".github/workflows/ci.yml",
        ".gitlab-ci.yml", ".ci/run", "cassettes/a.jsonl", "tests/cassettes/a.jsonl", "llm-do.stabilized.json",
        "././.git/config", ".//.ci/run", "sub/.git/hooks/x", ".GIT/config", ".git", ".circleci/config.yml",
        "Jenkinsfile", "azure-pipelines.yml", "a/./conftest.py", "sub//.llm-do//x",
        ".gitea/workflows/x.yml", ".forgejo/workflows/a.yml", ".woodpecker.yml", "buildspec.yml", ".envrc",
        ".vscode/tasks.json", ".hg/hgrc", ".venv/lib/python3.11/site-packages/x.pth", "sitecustomize.py",
        "lib/site-packages/a.py", "venv/bin/python", "x.pth", "usercustomize/__init__.py", "env/pyvenv.cfg",
    ],
)  # fmt: skip
@pytest.mark.policy("self-modification")
def test_files_that_rule_the_model_are_asked_about_under_approve_all(bench: Bench, path: str) -> None:
    assert is_protected(parse_path(path).names)
    (result,) = results(bench, call("write_file", path=path, content="x"), policy=APPROVE_ALL)
    assert json.loads(result)["error"]["code"] == "denied"


@pytest.mark.parametrize(
    "path", ["notes.txt", "worker", "git/a", "project.json.txt", "src/main.py", "venvs/a"]
)
def test_other_files_do_not_rule_it(path: str) -> None:
    assert not is_protected(parse_path(path).names)


def test_a_manifest_of_any_name_is_asked_about(bench: Bench) -> None:
    bench.write("stabilized.json", '{"version": 1, "worker_files": ["main.worker"]}')
    manifest = '{"version": 1, "python_files": []}'
    calls = [
        call("write_file", path="./stabilized.json", content="{}"),
        call("write_file", path="b.json", content=manifest),
    ]
    for result in results(bench, *calls, policy=APPROVE_ALL):
        assert json.loads(result)["error"]["code"] == "denied"


def test_the_journal_of_the_run_is_asked_about_wherever_it_lies(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project"])
    script = bench.script("main", call("write_file", path="log/forged.jsonl", content="x"), "done")
    bench.run("hi", APPROVE_ALL, journal=bench.root / "log")
    assert json.loads(script.tool_results[0])["error"]["code"] == "denied"
    assert not (bench.root / "log" / "forged.jsonl").exists()


@pytest.mark.parametrize("pattern", ["secret/*", "./secret/*", "secret//*", "./secret/a"])
@pytest.mark.parametrize("spelling", ["secret/a", "./secret/a", "secret//a", "secret/./a"])
@pytest.mark.parametrize("tool", ["read_file", "write_file"])
def test_a_reject_rule_holds_for_every_spelling_of_a_path(
    bench: Bench, tool: str, spelling: str, pattern: str
) -> None:
    bench.write("secret/a", "KEY")
    rules = (Rule(tool, {"path": pattern}, "reject"),)
    content = {"content": "x"} if tool == "write_file" else {}
    (result,) = results(bench, call(tool, path=spelling, **content), policy=replace(APPROVE_ALL, rules=rules))
    assert json.loads(result)["error"]["code"] == "denied"
    assert (bench.root / "secret" / "a").read_text() == "KEY"


@pytest.mark.policy("self-modification")
@pytest.mark.parametrize("pattern", ["notes/*", "./notes/*"])
@pytest.mark.parametrize("spelling", ["notes/a", "./notes//a"])
def test_an_approve_rule_holds_for_every_spelling_of_a_path(
    bench: Bench, spelling: str, pattern: str
) -> None:
    policy = RunApprovalPolicy(rules=(Rule("write_file", {"path": pattern}, "approve"),))
    written, refused = results(
        bench,
        call("write_file", path=spelling, content="x"),
        call("write_file", path="other", content="x"),
        policy=policy,
    )
    assert written == f"wrote 1 bytes to {spelling}"
    assert json.loads(refused)["error"]["code"] == "denied"


def test_a_rule_holds_for_calls_by_python(bench: Bench) -> None:
    bench.write("secret/a", "KEY")
    bench.tools(
        """
        from pydantic_ai import RunContext
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import WorkerRuntime

        tools = FunctionToolset()

        @tools.tool
        async def peek(ctx: RunContext[WorkerRuntime]) -> str:
            return await ctx.deps.call("read_file", ".//secret/a")
        """
    )
    bench.worker("main", toolsets=["filesystem_project_ro", "tools"])
    script = bench.script("main", call("peek"), "done")
    bench.run("hi", replace(APPROVE_ALL, rules=(Rule("read_file", {"path": "./secret/*"}, "reject"),)))
    assert script.tool_results[0]["error"]["code"] == "denied"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("new/a.txt", "new file new/a.txt, 6 bytes\none\n2\n"),
        ("a.txt", "--- a.txt (now)\n+++ a.txt (then)\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n "),
        ("binary", "binary: 2 bytes that are no text become 6 bytes\none\n2\n"),
        ("folder", "what folder is now cannot be shown (wrong_kind); the new text is\none\n2\n"),
        ("link", "what link is now cannot be shown (link); the new text is\none\n2\n"),
        ("big", "what big is now cannot be shown (too_large); the new text is\none\n2\n"),
    ],
)
def test_the_question_shows_what_a_write_would_change(bench: Bench, path: str, shown: str) -> None:
    bench.write("a.txt", "one\ntwo\n")
    (bench.root / "folder").mkdir()
    (bench.root / "binary").write_bytes(b"\xff\xfe")
    (bench.root / "link").symlink_to("a.txt")
    with (bench.root / "big").open("wb") as big:
        big.truncate(1 << 40)
    previews: list[Preview | None] = []

    def answer(question: Request) -> Literal["reject"]:
        previews.append(question.preview)
        return "reject"

    turn = call("write_file", path=path, content="one\n2\n")
    results(bench, turn, policy=RunApprovalPolicy(approval_callback=answer))
    assert previews == [Preview(shown, covers=("content",))]


def test_half_a_character_is_not_written(bench: Bench) -> None:
    async def write() -> str:
        box = Box(Root(bench.root), is_writable=True)
        return await FileToolset(Boxes((box,))).write_file("a", "x\ud800")

    with pytest.raises(ToolError, match="half a character"):
        asyncio.run(write())
    assert not (bench.root / "a").exists()


def test_a_session_is_not_offered_for_them(bench: Bench) -> None:
    sessions: list[bool] = []

    def answer(question: Request) -> Literal["approve"]:
        sessions.append(question.session_offered)
        return "approve"

    turn = [call("write_file", path="x.worker", content=""), call("write_file", path="x.txt", content="")]
    results(bench, turn, policy=RunApprovalPolicy(approval_callback=answer))
    assert sessions == [False, True]
