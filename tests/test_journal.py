from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.errors import UsageError
from llm_do.journal import SCHEMA, VERSION, Journal

if TYPE_CHECKING:
    from llm_do.journal import Event


def written(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_each_event_is_one_line_with_the_version(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "deep" / "a.jsonl"
    heard: list[Event] = []
    journal = Journal(path, [heard.append])
    journal.write({"kind": "message", "text": "zwei\nZeilen \u2028 ✓"})
    assert written(path) == [{"v": 1, "kind": "message", "text": "zwei\nZeilen \u2028 ✓"}]
    journal.write({"kind": "offer", "tools": []})
    assert written(path)[1] == {"v": 1, "kind": "offer", "tools": []}
    assert heard == written(path)
    assert (VERSION, SCHEMA) == (1, "llm-do/observation/v1")
    assert path.read_bytes().endswith(b"}\n")


def test_only_its_owner_may_read_a_journal(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Journal(tmp_path / "a.jsonl").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


def test_a_journal_is_appended_to(tmp_path: Path) -> None:
    for number in range(2):
        journal = Journal(tmp_path / "a.jsonl")
        journal.write({"n": number})
        journal.close()
    assert [each["n"] for each in written(tmp_path / "a.jsonl")] == [0, 1]


def test_lines_of_two_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"

    def write_all(name: str) -> None:
        journal = Journal(path)
        for number in range(50):
            journal.write({"writer": name, "n": number, "text": name * 20_000})
        journal.close()

    writers = [threading.Thread(target=write_all, args=name) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = written(path)
    assert [each["n"] for each in lines if each["writer"] == "a"] == list(range(50))
    assert len(lines) == 100


def test_a_closed_journal_still_tells_its_listeners(tmp_path: Path) -> None:
    heard: list[Event] = []
    journal = Journal(tmp_path / "a.jsonl", [heard.append])
    journal.close()
    journal.close()
    journal.write({"kind": "late"})
    assert written(tmp_path / "a.jsonl") == []
    assert [each["kind"] for each in heard] == ["late"]


def test_without_a_file_listeners_hear_everything() -> None:
    heard: list[Event] = []
    Journal(None, [heard.append, lambda event: heard.append(dict(event))]).write({"kind": "x"})
    assert heard == [{"v": 1, "kind": "x"}] * 2


def test_secrets_do_not_reach_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", 'canary "quoted" value')
    journal = Journal(tmp_path / "a.jsonl")
    journal.write({"text": 'got canary "quoted" value', "nested": {"k": ["sk-" + "a" * 30]}})
    journal.close()
    assert written(tmp_path / "a.jsonl") == [
        {"v": 1, "text": "got <env-secret>", "nested": {"k": ["<secret>"]}}
    ]


def test_what_json_has_no_form_for_becomes_text(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.write({"path": Path("a"), "surrogate": "\ud800"})
    journal.close()
    assert written(tmp_path / "a.jsonl") == [{"v": 1, "path": "a", "surrogate": "?"}]


def test_a_place_where_no_journal_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.jsonl", tmp_path):
        with pytest.raises(UsageError, match=r"the journal cannot be opened \(.*\); use --runs-dir"):
            Journal(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_told() -> None:
    journal = Journal(Path("/dev/full"))
    reason = os.strerror(errno.ENOSPC)
    with pytest.raises(UsageError, match=rf"/dev/full: the journal cannot be written \({reason}\)"):
        journal.write({"kind": "x"})
    journal.close()
