from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scripted import Bench, call, contents

from llm_do.errors import ToolError, UsageError
from llm_do.project.spec import AttachmentPolicy, SandboxSpec, WorkerSpec
from llm_do.state.attachments import Attachments

if TYPE_CHECKING:
    from pathlib import Path

    from scripted import Script

LIMIT = AttachmentPolicy().max_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with files of every kind, beside a file that is none of its business."""
    made = tmp_path / "project"
    (made / "folder").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("SECRET")
    (made / "link.txt").symlink_to(tmp_path / "outside.txt")
    (made / "linked").symlink_to(made / "folder")
    (made / "folder/a.txt").write_text("x")
    (made / "a.txt").write_text("kept")
    (made / "b.PDF").write_bytes(b"%PDF")
    os.mkfifo(made / "pipe")
    with (made / "large.txt").open("wb") as file:
        file.truncate(1 << 40)
    return made


@pytest.fixture
def named_by_model(root: Path) -> Attachments:
    return Attachments("reader", AttachmentPolicy(), root)


@pytest.fixture
def named_by_human(named_by_model: Attachments) -> Attachments:
    return replace(named_by_model, is_trusted=True)


def refused(attachments: Attachments, *paths: str | Path) -> ToolError:
    with pytest.raises(ToolError) as caught:
        attachments.read([str(path) for path in paths])
    assert "SECRET" not in caught.value.message
    return caught.value


UNUSABLE = [
    ("gone.txt", "missing"),
    ("../outside.txt", "bad_path"),
    ("folder", "wrong_kind"),
    ("link.txt", "link"),
    ("linked/a.txt", "link"),
    ("~/a.txt", "bad_path"),
    ("", "bad_path"),
    ("pipe", "wrong_kind"),
    ("large.txt", "too_large"),
]


@pytest.mark.parametrize(("path", "code"), UNUSABLE)
def test_what_is_no_attachment(
    named_by_model: Attachments, named_by_human: Attachments, path: str, code: str
) -> None:
    for attachments in (named_by_model, named_by_human):
        error = refused(attachments, path)
        assert error.code == code
        assert error.message.startswith(f"attachment {path!r}: ")


@pytest.mark.policy("inj-attachments")
def test_an_absolute_path_is_for_whoever_is_trusted(
    named_by_model: Attachments, named_by_human: Attachments, root: Path
) -> None:
    outside = root.parent / "outside.txt"
    assert named_by_human.read([str(outside)]) == [b"SECRET"]
    assert refused(named_by_model, outside).code == "bad_path"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("gone.txt", "missing"),
        ("none/gone.txt", "missing"),
        ("link.txt", "link"),
        ("large.txt", "too_large"),
        ("pipe", "wrong_kind"),
        ("", "wrong_kind"),
    ],
)
def test_what_a_human_cannot_attach(named_by_human: Attachments, root: Path, path: str, code: str) -> None:
    error = refused(named_by_human, root / path)
    assert error.code == code
    assert error.message.startswith(f"attachment {str(root / path)!r}: ")


def test_a_human_may_name_a_file_right_in_the_home_folder(
    named_by_human: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_by_human.read([str(tmp_path / "outside.txt")]) == [b"SECRET"]


def test_a_refusal_speaks_to_whoever_named_the_path(
    named_by_model: Attachments, named_by_human: Attachments, root: Path
) -> None:
    (root / "notes.txt").touch()
    assert refused(named_by_model, "gone").message.endswith("list its folder to see what is there")
    assert refused(named_by_human, "gone").message.endswith("does not exist; correct the path")
    assert refused(named_by_human, "note.txt").message.endswith("does not exist; did you mean 'notes.txt'?")


def test_the_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sandbox root"):
        Attachments("reader", AttachmentPolicy(), tmp_path / "gone").read(["a.txt"])


POLICIES: list[tuple[AttachmentPolicy, list[str], str, str]] = [
    (AttachmentPolicy(max_count=1), ["a.txt", "b.PDF"], "too_many", "takes at most 1 attachments, not 2"),
    (AttachmentPolicy(max_count=0), ["a.txt"], "too_many", "takes at most 0 attachments, not 1"),
    (AttachmentPolicy(max_bytes=3), ["a.txt"], "too_large", "holds more than 3 bytes"),
    (
        AttachmentPolicy(suffixes=(".md", ".pdf")),
        ["a.txt"],
        "bad_suffix",
        "takes only files ending with .md, .pdf",
    ),
    (AttachmentPolicy(denied_suffixes=(".TXT",)), ["a.txt"], "bad_suffix", "takes no files ending with .TXT"),
    (AttachmentPolicy(denied_suffixes=(".pdf",)), ["b.PDF"], "bad_suffix", "takes no files ending with .pdf"),
    (
        AttachmentPolicy(suffixes=(".txt",), denied_suffixes=(".txt",)),
        ["a.txt"],
        "bad_suffix",
        "takes no files",
    ),
    (AttachmentPolicy(suffixes=(".pdf",)), ["b.PDF", "a.txt"], "bad_suffix", "'a.txt'"),
    (AttachmentPolicy(denied_suffixes=(".exe",)), ["gone.exe"], "bad_suffix", "'gone.exe'"),
]


@pytest.mark.parametrize(("policy", "paths", "code", "words"), POLICIES)
def test_a_policy_names_its_limit(
    named_by_model: Attachments, policy: AttachmentPolicy, paths: list[str], code: str, words: str
) -> None:
    for trusted in (False, True):
        error = refused(replace(named_by_model, policy=policy, is_trusted=trusted), *paths)
        assert error.code == code
        assert words in error.message


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        (AttachmentPolicy(), "a.txt"),
        (AttachmentPolicy(max_count=1, max_bytes=4), "a.txt"),
        (AttachmentPolicy(suffixes=(".pdf",), denied_suffixes=(".exe",)), "b.PDF"),
        (AttachmentPolicy(denied_suffixes=(".tx", "a.tx")), "a.txt"),
    ],
)
def test_what_a_policy_allows_is_read(
    named_by_model: Attachments, policy: AttachmentPolicy, path: str
) -> None:
    assert replace(named_by_model, policy=policy).read([path]) == [b"kept" if path == "a.txt" else b"%PDF"]


def test_paths_lead_into_the_sandboxes_of_the_worker_whose_model_named_them(
    named_by_model: Attachments, root: Path
) -> None:
    sandboxes = {
        "in": SandboxSpec("folder", suffixes=(".txt",), max_bytes=3),
        "all": SandboxSpec(".", max_bytes=4),
    }
    boxed = replace(named_by_model, named_by=WorkerSpec("main", sandboxes=sandboxes))
    (root / "folder" / "b.md").touch()
    (root / "folder" / "long.txt").write_text("long")
    assert boxed.read(["in/a.txt", "all/a.txt"]) == [b"x", b"kept"]
    for path, code in (
        ("a.txt", "missing"),
        ("folder/a.txt", "missing"),
        ("in/b.md", "bad_suffix"),
        ("in/long.txt", "too_large"),
        ("in/../a.txt", "bad_path"),
        (str(root / "a.txt"), "bad_path"),
        ("all/link.txt", "link"),
    ):
        assert refused(boxed, path).code == code, path
    narrow = replace(boxed, policy=AttachmentPolicy(max_bytes=2))
    assert refused(narrow, "all/a.txt").message.endswith("holds more than 2 bytes; use a smaller file")


def test_what_would_go_along_is_shown_with_its_size(named_by_model: Attachments, root: Path) -> None:
    policy = AttachmentPolicy(max_count=2, denied_suffixes=(".exe",))
    shown = replace(named_by_model, policy=policy).shown(["a.txt", "gone.txt", "x.exe", "a.txt"])
    first, second, third, fourth, last = shown.splitlines()
    assert (first, fourth) == ("a.txt: 4 bytes", "a.txt: 4 bytes")
    assert second.startswith("attachment 'gone.txt': 'gone.txt' does not exist")
    assert "takes no files ending with .exe" in third
    assert last == "4 attachments; the worker takes at most 2"
    assert replace(named_by_model, policy=policy).shown([]) == ""
    assert root.exists()


@pytest.fixture
def reader(bench: Bench) -> Script:
    bench.write("a.txt", "kept")
    bench.write("b.exe", "kept")
    bench.worker("main", toolsets=["reader"])
    bench.worker("reader", attachments={"max_count": 1, "denied_suffixes": [".exe"]})
    return bench.script("reader", "read")


@pytest.mark.parametrize(
    ("files", "code"), [(["a.txt", "a.txt"], "too_many"), (["b.exe"], "bad_suffix"), (["c.txt"], "missing")]
)
def test_a_refused_attachment_is_a_result_and_the_callee_is_never_asked(
    bench: Bench, reader: Script, files: list[str], code: str
) -> None:
    main = bench.script("main", call("reader", input="x", attachments=files), "done")
    assert bench.run() == "done"
    assert main.tool_results[0]["error"]["code"] == code
    assert reader.requests == []
    (line,) = bench.calls("reader")
    assert (line["ok"], line["error"]["type"], line["requests"]) == (False, code, 0)


def test_what_the_policy_allows_reaches_the_callee(bench: Bench, reader: Script) -> None:
    main = bench.script("main", call("reader", input="x", attachments=["a.txt"]), "done")
    assert bench.run() == "done"
    assert (main.tool_results, len(reader.requests)) == (["read"], 1)


def test_without_a_policy_the_same_attachments_pass(bench: Bench, reader: Script) -> None:
    bench.worker("reader")
    main = bench.script("main", call("reader", input="x", attachments=["a.txt", "b.exe", "a.txt"]), "done")
    bench.run()
    assert (main.tool_results, len(reader.requests)) == (["read"], 1)


def test_python_gets_the_refusal_as_an_exception(bench: Bench, reader: Script) -> None:
    bench.tools(
        """
        from llm_do.runtime import EntrySpec

        async def run(input, ctx):
            return await ctx.call("reader", {"input": "x", "attachments": ["b.exe"]})

        start = EntrySpec("start", run)
        """
    )
    with pytest.raises(ToolError, match=r"takes no files ending with \.exe") as caught:
        bench.run(entry="start")
    assert caught.value.code == "bad_suffix"
    assert reader.requests == []


def test_a_human_is_held_to_the_policy_of_the_entry(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    bench.worker("main", attachments={"suffixes": [".pdf"]})
    script = bench.script("main", "done")
    with pytest.raises(ToolError, match=r"takes only files ending with .pdf"):
        bench.run({"input": "x", "attachments": ["a.txt"]})
    assert script.requests == []


@pytest.mark.parametrize(
    ("path", "code"),
    [("notes/a.txt", None), ("a.txt", "missing"), ("notes/b.md", "bad_suffix"), ("$ROOT/a.txt", "bad_path")],
)
def test_a_model_attaches_from_the_sandboxes_of_its_own_worker(
    bench: Bench, path: str, code: str | None
) -> None:
    bench.write("in/a.txt", "kept")
    bench.write("in/b.md", "kept")
    bench.write("a.txt", "not its own")
    bench.worker("main", toolsets=["reader"], sandboxes={"notes": {"path": "in", "suffixes": [".txt"]}})
    bench.worker("reader", sandboxes={"other": {"path": "."}})
    reader = bench.script("reader", "read")
    named = path.replace("$ROOT", str(bench.root))
    main = bench.script("main", call("reader", input="x", attachments=[named]), "done")
    bench.run()
    (result,) = main.tool_results
    assert result == "read" if code is None else result["error"]["code"] == code
    sent = [contents(request)[0] for request in reader.requests]
    assert sent == ([["x", "Attachment a.txt:\nkept"]] if code is None else [])


@pytest.mark.policy("inj-attachments")
def test_worker_call_attaches_from_the_same_sandboxes(bench: Bench) -> None:
    bench.write("in/a.txt", "kept")
    bench.worker(
        "main", toolsets=["worker_tools"], workers={"allow": ["reader"]}, sandboxes={"notes": {"path": "in"}}
    )
    bench.worker("reader", attachments={"max_bytes": 5})
    bench.script("reader", "read")
    paths = ["notes/a.txt", str(bench.root / "in/a.txt"), "in/a.txt"]
    turns = [call("worker_call", worker="reader", input="x", attachments=[path]) for path in paths]
    main = bench.script("main", *turns, "done")
    bench.run()
    read, absolute, relative = main.tool_results
    assert (read, absolute["error"]["code"], relative["error"]["code"]) == ("read", "bad_path", "missing")


def test_even_without_a_policy_a_call_takes_no_flood(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    bench.worker("main", toolsets=["reader"])
    bench.worker("reader")
    reader = bench.script("reader", "read")
    main = bench.script("main", call("reader", input="x", attachments=["a.txt"] * 101), "done")
    bench.run()
    assert main.tool_results[0]["error"]["code"] == "too_many"
    assert reader.requests == []
