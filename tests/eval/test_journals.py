from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from observed import call, run_of, user

from llm_do.errors import FormatError
from llm_do_eval.health import Health
from llm_do_eval.journals import journal_files, journal_lines, read_runs
from llm_do_eval.observation import Approval, Failure, Sample

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.observation import Run


def write(path: Path, *runs: Run, tail: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(journal_lines(runs)) + tail, encoding="utf-8")
    return path


def read(*paths: Path) -> tuple[list[Run], dict[str, int]]:
    health = Health()
    runs = list(read_runs(journal_files(paths), health))
    return runs, {problem.kind: problem.count for problem in health.problems()}


def two_runs() -> list[Run]:
    first = run_of(user("hi"), call("add", {"a": 1}, 2), run="one", offered=["add"])
    return [replace(first, approvals=(Approval("one", "2", "add", "approve", "mode"),)), run_of(run="two")]


def test_runs_survive_their_file(tmp_path: Path) -> None:
    runs = two_runs()
    assert read(write(tmp_path / "a.jsonl", *runs)) == (runs, {})


def test_lone_surrogates_and_nan_survive(tmp_path: Path) -> None:
    run = run_of(call("say", {"text": "\ud800 \u2028"}, float("nan")))
    found, problems = read(write(tmp_path / "a.jsonl", run))
    assert (found[0].calls[0].input, found[0].calls[0].output) == ({"text": "\ud800 \u2028"}, "NaN")
    assert problems == {}


def test_lines_of_several_runs_may_alternate(tmp_path: Path) -> None:
    lines = [list(journal_lines([run])) for run in two_runs()]
    mixed = "".join(
        line for pair in zip(lines[0], lines[1] + [""] * 9, strict=False) for line in reversed(pair)
    )
    (tmp_path / "a.jsonl").write_text(mixed, encoding="utf-8")
    found, _ = read(tmp_path / "a.jsonl")
    assert sorted(run.id for run in found) == ["one", "two"]
    assert found == sorted(found, key=lambda run: run.id != "two")


def test_calls_are_in_the_order_in_which_they_started(tmp_path: Path) -> None:
    run = run_of(call("first"), call("second"))
    shuffled = replace(run, calls=run.calls[::-1])
    assert read(write(tmp_path / "a.jsonl", shuffled))[0] == [run]


def test_folders_are_searched_and_files_read_once(tmp_path: Path) -> None:
    one, two = two_runs()
    first, second = write(tmp_path / "b/x.jsonl", one), write(tmp_path / "a.jsonl", two)
    (tmp_path / "notes.txt").write_text("not a journal", encoding="utf-8")
    assert journal_files([tmp_path]) == [second, first]
    assert journal_files([first, tmp_path, second, first]) == [second, first]
    assert read(tmp_path) == ([two, one], {})


def test_the_default_is_the_projects_journal_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"\.llm-do/runs: there is no such file or folder"):
        journal_files([])
    written = write(tmp_path / ".llm-do/runs/a.jsonl", run_of())
    assert [path.resolve() for path in journal_files([])] == [written]


def test_a_folder_without_journals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no \*.jsonl below"):
        journal_files([tmp_path])


def test_an_incomplete_last_line_is_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", run_of(), tail='{"v":1,"kind":"run","ru')
    assert read(path) == ([run_of()], {"unfinished-line": 1})


def test_a_complete_last_line_needs_no_line_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", run_of())
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read(path) == ([run_of()], {})


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ('{"v":1,"kind":"ru\n', "torn line"),
        ("\n", "torn line"),
        ('"v"\n', "no journal line"),
        ('{"kind":"call"}\n', "no journal line"),
        ('{"v":2,"kind":"run","run":"x"}\n', "journal version 2 is not 1"),
        ('{"v":"2.1","kind":"run","run":"x"}\n', "journal version '2.1' is not 1"),
        ('{"v":1,"kind":"run","run":7}\n', "'run' must be a text"),
        ('{"v":1,"kind":"run","run":"x","schema":"other/v1"}\n', "schema 'other/v1' is not"),
        ('{"v":1,"kind":"call","run":"x","id":"1","seq":1,"impl":"python"}\n', "'name' must be a text"),
    ],
)
def test_a_bad_line_refuses_the_file_and_says_where(tmp_path: Path, tail: str, words: str) -> None:
    path = write(tmp_path / "a.jsonl", run_of(), tail=tail + "{}\n")
    with pytest.raises(FormatError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_refuse_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(FormatError, match=r"a\.jsonl:1: torn line"):
        read(tmp_path / "a.jsonl")


def test_a_deeply_nested_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[" * 200_000 + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match="torn line"):
        read(tmp_path / "a.jsonl")


def test_a_minor_version_unknown_kinds_and_fields_are_read(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in journal_lines([run_of()])]
    lines.insert(1, {"v": 1, "kind": "weather", "run": "r1"})
    text = "".join(json.dumps({**line, "v": "1.4", "mood": "good"}) + "\n" for line in lines)
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.jsonl") == ([run_of()], {})


def test_oddities_are_counted(tmp_path: Path) -> None:
    whole = list(journal_lines([run_of(call("add"))]))
    late = '{"v":1,"kind":"message","run":"r1","call":"0","seq":9,"role":"user","text":"hi"}\n'
    cut = "".join(journal_lines([run_of(call("add"), run="cut")])).splitlines(keepends=True)[:-1]
    text = "".join([whole[0], whole[1], whole[1], *whole[2:], late, *cut])
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("", encoding="utf-8")
    headless = "".join(list(journal_lines([run_of(run="headless")]))[1:])
    (tmp_path / "c.jsonl").write_text(headless, encoding="utf-8")
    runs, problems = read(tmp_path)
    assert [run.id for run in runs] == ["r1", "headless"]
    assert problems == {
        "empty-file": 1, "late-line": 1, "repeated-call": 1, "truncated-run": 1, "unnamed-run": 1,
    }  # fmt: skip


def test_a_run_read_before_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", run_of(), run_of())
    write(tmp_path / "b.jsonl", run_of())
    assert read(tmp_path) == ([run_of()], {"duplicate-run": 2})


def sampled(run: str, index: int = 0, *, day: int = 1, error: Failure | None = None, **meta: Any) -> Run:
    """A run of a sample on a day of January."""
    meta = {"cassette": "cassettes/t.jsonl", "nth": 0} | meta
    at = f"2026-01-{day:02}T00:00:01+00:00"
    return run_of(run=run, sample=Sample("test_t", index), at=at, ok=error is None, error=error, meta=meta)


def recording(run: str, index: int = 0, *, day: int = 1, **meta: Any) -> Run:
    return sampled(run, index, day=day, tested_at=f"2026-01-{day:02}", **meta)


def replay(run: str, index: int = 0, *, day: int, recorded: int = 1, **meta: Any) -> Run:
    return sampled(run, index, day=day, recorded_at=f"2026-01-{recorded:02}T00:00:00+00:00", **meta)


def counted(folder: Path, *sessions: list[Run]) -> list[str]:
    """The runs that count, whatever the order of the files; every other one is a `replayed-run`."""
    files = [write(folder / f"{number}.jsonl", *runs) for number, runs in enumerate(sessions)]
    total = sum(map(len, sessions))
    found: list[list[str]] = []
    for order in (files, files[::-1]):
        health = Health()
        found.append(sorted(run.id for run in read_runs(iter(order), health)))
        left_out = total - len(found[-1])
        problems = {problem.kind: problem.count for problem in health.problems()}
        assert problems == ({"replayed-run": left_out} if left_out else {})
    assert found[0] == found[1]
    return found[0]


def test_a_recording_and_its_replays_count_once(tmp_path: Path) -> None:
    first = [recording(f"a{index}", index) for index in range(2)]
    again = [replay(f"b{index}", index, day=2) for index in range(3)]
    assert counted(tmp_path, first, again) == ["b0", "b1", "b2"]


def test_what_was_recorded_anew_counts_instead_of_the_old(tmp_path: Path) -> None:
    old = [recording(f"a{index}", index) for index in range(20)]
    replays = [replay(f"b{index}", index, day=2) for index in range(20)]
    anew = [recording(f"c{index}", index, day=3) for index in range(20)]
    assert counted(tmp_path, old, replays, anew) == sorted(run.id for run in anew)


def test_a_replay_of_an_old_recording_never_counts_instead_of_a_newer_one(tmp_path: Path) -> None:
    sessions = [recording("old")], [recording("new", day=3)], [replay("restored", day=4)]
    assert counted(tmp_path, *sessions) == ["new"]
    undated = [sampled("undated", day=5, recorded_at=None)]
    assert counted(tmp_path, *sessions, undated) == ["new"]


def test_equal_runs_of_one_sample_all_count(tmp_path: Path) -> None:
    first = [recording(f"a{index}.{nth}", index, nth=nth) for index in range(20) for nth in range(2)]
    again = [replay(f"b{index}.{nth}", index, day=2, nth=nth) for index in range(20) for nth in range(2)]
    assert counted(tmp_path, first, again) == sorted(run.id for run in again)


def test_live_samples_are_all_their_own(tmp_path: Path) -> None:
    live = [run_of(run=name, sample=Sample("test_t", 0), meta={"nth": 0}) for name in ("a", "b")]
    assert counted(tmp_path, live, [recording("c")]) == ["a", "b", "c"]


def test_of_runs_from_a_pipe_the_first_counts(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "".join(journal_lines([recording("a"), replay("b", day=2)]))
    with ThreadPoolExecutor(1) as writer:
        writer.submit((tmp_path / "pipe").write_text, text, encoding="utf-8")
        assert [run.id for run in read_runs([tmp_path / "pipe"], Health())] == ["a"]


def test_counts_of_an_importer_are_kept(tmp_path: Path) -> None:
    run = replace(run_of(), problems={"repeated-id": 1})
    assert read(write(tmp_path / "a.jsonl", run))[0] == [run]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(FormatError, match=r"a\.jsonl: cannot be read \(Is a directory\)"):
        list(read_runs([tmp_path / "a.jsonl"], Health()))


def test_a_run_that_its_cassette_ended_is_no_evidence(tmp_path: Path) -> None:
    stale = Failure("StaleCassette", "is not in t.jsonl", "cassette")
    good = [recording(f"a{index}", index) for index in range(3)]
    missed = [replay(f"b{index}", index, day=2, error=stale) for index in range(2)]
    files = [write(tmp_path / "a.jsonl", *good), write(tmp_path / "b.jsonl", *missed)]
    for paths in (files, files[::-1]):
        runs, problems = read(*paths)
        assert [run.id for run in runs] == ["a0", "a1", "a2"]
        assert problems == {"cassette-stop": 2}


def test_a_sample_that_was_cancelled_with_it_is_none_either(tmp_path: Path) -> None:
    stopped = Failure("CancelledError", "stopped before it ended", "interrupted")
    good = [recording(f"a{index}", index) for index in range(2)]
    cancelled = [replay("b1", 1, day=2, error=stopped)]
    by_hand = run_of()
    files = [write(tmp_path / "a.jsonl", *good), write(tmp_path / "b.jsonl", *cancelled, by_hand)]
    runs, problems = read(*files)
    assert [run.id for run in runs] == ["a0", "a1", by_hand.id]
    assert problems == {"cassette-stop": 1}
