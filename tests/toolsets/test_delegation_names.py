from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from delegating import ASK, FILE, create, delegating, error, kept, maker, told
from gated import Answers
from scripted import Bench, call

from llm_do.canonical import digest
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from llm_do.runtime import Request

# -- names and files


@pytest.mark.policy("app-create-place")
def test_a_name_must_be_free(bench: Bench) -> None:
    bench.tools("def add(a: int) -> int:\n    return a\nTOOLS = [add]\n")
    taken = ("main", "Main", "add", "shell", "worker_tools", "other")
    main = maker(bench, *(create(name=name) for name in taken))
    bench.worker("other")
    answers = Answers("approve")
    bench.run("hi", answers.policy, entry="main")
    assert [told(each)["code"] for each in main.tool_results] == ["denied"] * len(taken)
    assert "is taken by" in error(main, 0)["message"]
    assert (answers.asked, kept(bench)) == ([], {})


def test_a_worker_may_be_made_anew_and_its_callers_get_the_new_one(bench: Bench) -> None:
    second = create(instructions="Rhyme well.")
    main = maker(bench, create(), ASK, second, ASK)
    answers = Answers("approve")
    bench.run("hi", answers.policy)
    assert [info.instructions for info in bench.scripts["poet"].infos] == ["Rhyme.", "Rhyme well."]
    shown = answers.asked[1].preview
    assert shown is not None
    assert "-Rhyme.\n+Rhyme well." in shown.text
    assert main.tool_results[3] == "drip"
    assert "Rhyme well." in kept(bench)["poet.worker"]
    one, other = (each["spec"] for each in bench.calls("poet"))
    assert one != other == digest(kept(bench)["poet.worker"])


def test_whoever_has_the_worker_as_a_tool_gets_the_new_one_with_its_next_call(bench: Bench) -> None:
    bench.write("workers/generated/poet.worker", FILE)
    direct = call("poet", input="x")
    maker(bench, create(instructions="Anew."), ASK, direct, toolsets=["worker_tools", "poet"])
    entry = bench.build().entry
    bench.runtime(Answers("approve").policy).run(entry, "hi")
    bench.script("main", direct, "done")
    bench.runtime().run(entry, "hi")
    old, new = digest(FILE), digest(kept(bench)["poet.worker"])
    assert [each["spec"] for each in bench.calls("poet")] == [new, old, new]


@pytest.mark.parametrize("change", ["locked: true\n", "description: Mine.\n"])
@pytest.mark.policy("app-create-place")
def test_a_file_that_changed_after_it_was_shown_stays(bench: Bench, change: str) -> None:
    path = bench.write("workers/generated/poet.worker", FILE)
    main = maker(bench, create(instructions="Mine now."))
    text = FILE.replace("description: Rhymes.\n", change)

    def meanwhile(_: Request) -> str:
        path.write_text(text)
        return "approve"

    runtime = bench.runtime(Answers(meanwhile).policy)
    runtime.run(bench.build().entry, "hi")
    assert error(main, 0)["code"] == "denied"
    assert path.read_text() == text


def test_of_two_at_once_with_one_name_one_is_kept(bench: Bench) -> None:
    main = maker(bench, [create(), create(instructions="Else.")], ASK)
    bench.run("hi", Answers("approve").policy)
    made, refused, called = main.tool_results
    assert made["created"] == "poet"
    assert told(refused)["code"] == "denied"
    assert called == "drip"
    assert kept(bench) == {"poet.worker": FILE}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_refuses_the_file_leaves_no_worker(bench: Bench) -> None:
    folder = bench.root / "workers" / "generated"
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    main = maker(bench, create(), ASK)
    bench.run("hi", Answers("approve").policy)
    assert [told(each)["code"] for each in main.tool_results] == ["denied", "unknown"]


def test_a_file_in_the_place_of_the_folder_leaves_no_worker(bench: Bench) -> None:
    main = maker(bench, create(), ASK)

    def meanwhile(_: Request) -> str:
        bench.write("workers", "no folder")
        return "approve"

    bench.run("hi", Answers(meanwhile).policy)
    assert error(main, 0)["code"] == "wrong_kind"
    assert error(main, 1)["code"] == "unknown"


def test_a_name_of_any_length_is_told_in_brief(bench: Bench) -> None:
    main = delegating(bench, call("worker_call", worker="x" * 5000, input="hi"), allow=["*"])
    bench.run()
    assert error(main)["code"] == "unknown"
    assert len(error(main)["message"]) < 200


@pytest.mark.parametrize(
    ("own", "more", "seen", "code"),
    [
        (["b.txt"], ["a.txt"], ["b.txt", "a.txt"], None),
        (["a.txt"], ["a.txt"], ["a.txt"], None),
        ([], ["a.txt"], ["a.txt"], None),
        (["b.txt", "c.txt"], ["a.txt"], None, "too_many"),
        ("b.txt", ["a.txt"], None, "bad_input"),
    ],
)
def test_files_named_in_two_places_all_go_along(
    bench: Bench, own: Any, more: list[str], seen: list[str] | None, code: str | None
) -> None:
    for name in "abc":
        bench.write(f"{name}.txt", name)
    args = {"input": {"input": "x", "attachments": own}, "attachments": more}
    main = delegating(bench, call("worker_call", worker="helper", **args), allow=["*"])
    bench.worker("helper", attachments={"max_count": 2})
    bench.script("helper", "read")
    bench.run("hi", RunApprovalPolicy("approve_all"))
    if code is not None:
        assert error(main)["code"] == code
        return
    (line,) = bench.calls("helper")
    assert (line["ok"], line["input"]["attachments"]) == (True, seen)
