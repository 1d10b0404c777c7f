from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Bench, call

from llm_do.approval import Rule
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from llm_do.runtime import Request

APPROVE_ALL = RunApprovalPolicy("approve_all")


def results(bench: Bench, *turns: Any, policy: Any = APPROVE_ALL, **options: Any) -> list[Any]:
    bench.worker("main", toolsets=["filesystem_manage"])
    script = bench.script("main", *turns, "done")
    assert bench.run("hi", policy, **options) == "done"
    return [
        json.loads(each) if isinstance(each, str) and each[0] == "{" else each for each in script.tool_results
    ]


def codes(results: list[Any]) -> list[str]:
    return [each["error"]["code"] if isinstance(each, dict) else "done" for each in results]


def test_folders_are_made_and_files_move_and_go(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    bench.write("b.txt", "gone")
    moved = call("move_file", path="a.txt", to="done/c.txt")
    said = results(bench, call("make_dir", path="done"), moved, call("delete_file", path="b.txt"))
    assert said == ["done is a folder", "moved a.txt to done/c.txt", "deleted b.txt"]
    assert (bench.root / "done/c.txt").read_text() == "kept"
    assert not (bench.root / "a.txt").exists()
    assert not (bench.root / "b.txt").exists()
    assert {each["effect"] for each in bench.calls() if each["parent"]} == {"write"}


@pytest.mark.parametrize(
    "turn",
    [
        call("make_dir", path="d"),
        call("move_file", path="a.txt", to="b.txt"),
        call("delete_file", path="a.txt"),
    ],
)
def test_each_of_them_asks(bench: Bench, turn: Any) -> None:
    bench.write("a.txt", "kept")
    assert codes(results(bench, turn, policy=None)) == ["denied"]
    assert sorted(path.name for path in bench.root.iterdir()) == ["a.txt", "main.worker"]


def test_nothing_is_overwritten(bench: Bench) -> None:
    bench.write("a.txt", "a")
    bench.write("b.txt", "b")
    (result,) = results(bench, call("move_file", path="a.txt", to="b.txt"))
    assert result["error"] == {
        "code": "denied",
        "message": "'b.txt' exists already; choose another path or delete it first",
    }
    assert (bench.root / "a.txt").read_text() + (bench.root / "b.txt").read_text() == "ab"


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        (call("make_dir", path="../d"), "bad_path"),
        (call("move_file", path="/etc/passwd", to="d"), "bad_path"),
        (call("move_file", path="a.txt", to="../a.txt"), "bad_path"),
        (call("delete_file", path=""), "bad_path"),
        (call("delete_file", path="gone.txt"), "missing"),
        (call("move_file", path="gone.txt", to="b.txt"), "missing"),
        (call("delete_file", path="link"), "link"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_without_a_question(bench: Bench, turn: Any, code: str) -> None:
    bench.write("a.txt", "kept")
    (bench.root / "link").symlink_to("a.txt")
    assert codes(results(bench, turn, policy=None)) == [code]
    assert [each["error"]["type"] for each in bench.calls() if each["parent"]] == [code]


PROTECTED = [
    call("make_dir", path=".git"),
    call("make_dir", path="x.worker"),
    call("delete_file", path="main.worker"),
    call("delete_file", path="./sub/.llm-do/x.jsonl"),
    call("delete_file", path="any.json"),
    call("move_file", path="a.txt", to="b.worker"),
    call("move_file", path="a.txt", to=".git/hooks/pre-commit"),
    call("move_file", path="main.worker", to="a"),
    call("move_file", path="any.json", to="a"),
    call("move_file", path="hidden", to="any2.json"),
    call("move_file", path="hooks", to=".git/hooks"),
    call("move_file", path="deep", to="b"),
    call("move_file", path="manifests", to="b"),
    call("move_file", path="odd", to="b"),
]


@pytest.mark.parametrize("turn", PROTECTED, ids=lambda turn: " ".join(turn.args.values()))
def test_files_that_rule_the_model_insist(bench: Bench, turn: Any) -> None:
    manifest = '{"version": 1, "w\\u006frker_files": []}'
    for path in (
        "a.txt",
        "hooks/pre-push",
        "deep/er/x.worker",
        ".git/config",
        "sub/.llm-do/x.jsonl",
        "odd/f",
    ):
        bench.write(path, "kept")
    for path in ("any.json", "hidden", "manifests/below/m.JSON"):
        bench.write(path, manifest)
    (bench.root / "odd" / "in\nvisible").mkdir()
    (bench.root / "odd" / "in\nvisible" / ".git").mkdir()
    before = sorted(bench.root.rglob("*"))
    assert codes(results(bench, turn)) == ["denied"]
    assert sorted([*bench.root.rglob("*")]) == sorted({*before, bench.root / "main.worker"})


@pytest.mark.parametrize(
    "turn",
    [
        call("make_dir", path="git"),
        call("move_file", path="plain", to="other"),
        call("move_file", path="data.json", to="moved.json"),
        call("delete_file", path="data.json"),
    ],
    ids=lambda turn: " ".join(turn.args.values()),
)
def test_other_files_do_not(bench: Bench, turn: Any) -> None:
    bench.write("plain/a/b.txt", "kept")
    bench.write("data.json", '{"files": []}')
    assert codes(results(bench, turn)) == ["done"]


def test_a_folder_with_more_names_than_are_looked_at_insists(bench: Bench) -> None:
    (bench.root / "many").mkdir()
    for number in range(1001):
        (bench.root / "many" / str(number)).touch()
    assert codes(results(bench, call("move_file", path="many", to="more"))) == ["denied"]


def test_the_journal_of_the_run_cannot_be_moved_with_its_folder(bench: Bench) -> None:
    bench.write("logs/of/x", "kept")
    turn = [call("move_file", path="logs", to="away"), call("delete_file", path="logs/of/x")]
    assert codes(results(bench, turn, journal=bench.root / "logs" / "of")) == ["denied", "denied"]


@pytest.mark.parametrize("name", ["path", "to"])
@pytest.mark.parametrize("pattern", ["secret/*", "./secret/*"])
@pytest.mark.parametrize("spelling", ["secret/a", "./secret//a"])
def test_rules_hold_for_both_paths_in_every_spelling(
    bench: Bench, name: str, pattern: str, spelling: str
) -> None:
    bench.write("secret/a", "KEY")
    bench.write("b", "b")
    policy = RunApprovalPolicy("approve_all", rules=[Rule("move_file", {name: pattern}, "reject")])
    args = {"path": "b", "to": "c", name: spelling}
    assert codes(results(bench, call("move_file", **args), policy=policy)) == ["denied"]
    assert (bench.root / "secret/a").read_text() == "KEY"


def test_the_question_shows_what_is_there(bench: Bench) -> None:
    bench.write("a.txt", "four")
    bench.write("d/e/f.txt", "x")
    (bench.root / "empty").mkdir()
    shown: list[str] = []

    def answer(question: Request) -> Any:
        shown.append(question.preview.text if question.preview else "")
        return "reject"

    turns = [
        call("delete_file", path="a.txt"),
        call("move_file", path="a.txt", to="b.txt"),
        call("move_file", path="d", to="g"),
        call("delete_file", path="empty"),
        call("make_dir", path="new"),
    ]
    results(bench, turns, policy=RunApprovalPolicy(approval_callback=answer))
    assert shown == [
        "deletes a.txt: 4 bytes",
        "moves a.txt (4 bytes) to b.txt",
        "moves d (a folder with 2 names in it) to g",
        "deletes empty: an empty folder",
        "",
    ]
