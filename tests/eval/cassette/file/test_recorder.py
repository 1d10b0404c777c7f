"""What each mode does to the cassette that is there, and to what was received when something goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from stock_controls import room

from llm_do.errors import FormatError, UsageError
from llm_do_eval.cassette import (
    MissingSample,
    RecordingStopped,
    journal_path,
    sample,
    set_aside_path,
    use,
)
from llm_do_eval.cassette.file.journal import Journal
from llm_do_eval.cassette.file.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evals.standin import StandIn
    from llm_do_eval.cassette import RecordMode, Tape


class Oops(Exception):
    """What ends a test."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "x.jsonl"


@pytest.fixture
def play(path: Path, ask: Callable[..., str]) -> Callable[..., dict[int, str]]:
    """Open the cassette and let each sample ask its questions."""

    def session(
        mode: RecordMode, samples: Iterable[int], *questions: str, ends: BaseException | None = None
    ) -> dict[int, str]:
        answers: dict[int, str] = {}
        with use(path, mode=mode):
            for index in samples:
                with sample(index):
                    answers[index] = "".join(map(ask, questions or ["?"]))
            if ends:
                raise ends
        return answers

    return session


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def keys(path: Path) -> list[tuple[int, int]]:
    return [(line["sample"], line["seq"]) for line in lines(path)[1:]]


def test_the_file_has_a_meta_line_and_sorted_interactions(
    provider: StandIn, path: Path, ask: Callable[..., str]
) -> None:
    with use(path, mode="once", meta={"model": "openai:m", "task": "t", "count": 99}) as tape:
        for index in (2, 0, 1, 0):
            with sample(index):
                ask(f"from {index}", query="?api-version=1&key=verysecret")
    meta, *rest = lines(path)
    assert tape.saved == path
    assert tape.meta == meta
    assert tape.recorded_samples == {0, 1, 2}
    assert list(path.parent.iterdir()) == [path]
    assert {name: meta[name] for name in ("schema", "count", "model", "samples", "task")} == {
        "schema": "llm-do-eval/cassette/v1",
        "count": 4,
        "model": "openai:m",
        "samples": "0..2",
        "task": "t",
    }
    assert set(meta["versions"]) == {
        "pydantic-ai",
        "vcrpy",
        "openai",
        "anthropic",
        "google-genai",
        "boto3",
        "llm-do",
    }
    assert meta["recorded_at"] == min(line["at"] for line in rest)
    assert keys(path) == [(0, 0), (0, 1), (1, 0), (2, 0)]
    first = rest[0]
    assert len(first["fingerprint"]) == 32
    assert first["latency_s"] > 0
    uri = f"{provider.openai_base_url}/chat/completions?api-version=1&key=<secret>"
    assert first["request"] == {
        "method": "POST",
        "uri": uri,
        "headers": {"accept": "*/*", "content-type": "application/json"},
        "json": {"model": "m", "messages": [{"role": "user", "content": "from 0"}]},
    }
    assert first["response"]["status"] == 200
    assert first["response"]["headers"] == {"content-type": "application/json"}
    assert json.loads(first["response"]["text"])["object"] == "chat.completion"


def test_once_records_only_where_there_is_no_cassette(
    provider: StandIn, play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(3))
    assert play("once", range(3)) == first
    assert len(provider.requests) == 3


def test_new_episodes_adds_samples_and_touches_no_other(
    provider: StandIn, path: Path, play: Callable[..., dict[int, str]]
) -> None:
    first = play("new_episodes", range(4))
    before = path.read_bytes().splitlines()[1:]
    second = play("new_episodes", range(6))
    assert len(provider.requests) == 6
    assert {index: second[index] for index in range(4)} == first
    assert path.read_bytes().splitlines()[1:5] == before
    assert keys(path) == [(index, 0) for index in range(6)]
    assert play("none", range(6)) == second


def test_new_episodes_continues_a_sample(path: Path, play: Callable[..., dict[int, str]]) -> None:
    play("once", range(2), "a")
    answers = play("new_episodes", range(2), "a", "b", "a")
    assert keys(path) == [(index, seq) for index in range(2) for seq in range(3)]
    assert play("none", range(2), "a", "b", "a") == answers


def test_new_episodes_that_record_nothing_write_nothing(
    path: Path, play: Callable[..., dict[int, str]]
) -> None:
    play("once", range(2))
    before = path.stat()
    play("new_episodes", range(2))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(path.parent.iterdir()) == [path]


def test_all_replaces_the_samples_that_run(path: Path, play: Callable[..., dict[int, str]]) -> None:
    first = play("once", range(6), "a", "b")
    second = play("all", range(2), "a")
    assert all(first[index] != second[index] for index in range(2))
    assert keys(path) == [(0, 0), (1, 0), *((index, seq) for index in range(2, 6) for seq in range(2))]
    assert play("none", range(2, 6), "a", "b") == {index: first[index] for index in range(2, 6)}
    assert play("none", range(2), "a") == second


def test_rewrite_replaces_the_file(path: Path, play: Callable[..., dict[int, str]]) -> None:
    play("once", range(6))
    second = play("rewrite", range(2))
    assert keys(path) == [(0, 0), (1, 0)]
    assert play("none", range(2)) == second


def test_a_rewrite_that_records_nothing_leaves_the_cassette(
    path: Path, play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(2))
    play("rewrite", [])
    assert play("none", range(2)) == first
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", ["all", "rewrite"])
@pytest.mark.parametrize("ends", [Oops(), KeyboardInterrupt(), None])
@pytest.mark.policy("cas-partial")
def test_a_replacement_that_is_not_clean_is_set_aside(
    path: Path,
    play: Callable[..., dict[int, str]],
    ask: Callable[..., str],
    mode: RecordMode,
    ends: BaseException | None,
) -> None:
    first = play("once", range(3))
    before = path.read_bytes()
    answers: list[str] = []
    tapes: list[Tape] = []

    def replaced() -> None:
        with use(path, mode=mode) as tape:
            tapes.append(tape)
            answers.append(ask())
            tape.keep = ends is not None
            if ends:
                raise ends

    with pytest.raises(type(ends)) if ends else nullcontext():
        replaced()
    assert path.read_bytes() == before
    assert tapes[0].saved == set_aside_path(path)
    assert play("none", range(3)) == first
    with use(set_aside_path(path), mode="none"):
        assert ask() == answers[0]
    assert sorted(path.parent.iterdir()) == [path, set_aside_path(path)]


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
@pytest.mark.policy("cas-partial")
def test_what_was_received_before_an_error_is_kept_where_nothing_was(
    path: Path, play: Callable[..., dict[int, str]], mode: RecordMode
) -> None:
    with pytest.raises(Oops):
        play(mode, range(3), ends=Oops())
    assert keys(path) == [(0, 0), (1, 0), (2, 0)]


def interrupt(path: Path, mode: RecordMode, ask: Callable[..., str]) -> None:
    """Record samples 7 and 8, and leave the journal behind as a killed process does."""
    with use(path, mode=mode) as tape:
        for index in (7, 8):
            with sample(index):
                ask()
        left = journal_path(path).read_bytes()
        tape.keep = False
    if tape.saved and tape.saved != path:
        tape.saved.unlink()
    journal_path(path).write_bytes(left)


@pytest.mark.parametrize("mode", ["once", "rewrite"])
def test_a_journal_left_over_without_a_cassette_becomes_it(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]], mode: RecordMode
) -> None:
    interrupt(path, mode, ask)
    path.unlink()
    left = journal_path(path).read_bytes()
    answers = play("none", [7, 8])
    assert not path.exists()
    assert journal_path(path).read_bytes() == left
    assert play("new_episodes", [7, 8]) == answers
    assert keys(path) == [(7, 0), (8, 0)]
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_recording_goes_on_in_mode_once(
    provider: StandIn, path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    interrupt(path, "once", ask)
    path.unlink()
    before = len(provider.requests)
    play("once", [7, 8, 9])
    assert len(provider.requests) == before + 1
    assert keys(path) == [(7, 0), (8, 0), (9, 0)]


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
@pytest.mark.policy("cas-partial")
def test_a_first_recording_that_is_interrupted_is_no_cassette_yet(
    provider: StandIn, path: Path, play: Callable[..., dict[int, str]], mode: RecordMode
) -> None:
    with pytest.raises(KeyboardInterrupt):
        play(mode, range(3), ends=KeyboardInterrupt())
    assert list(path.parent.iterdir()) == [journal_path(path)]
    with use(path, mode="none") as tape:
        assert tape.interrupted == "once"
    goes_on = "then the recording was interrupted; sample 3 is not: go on with record mode 'once'"
    with pytest.raises(MissingSample, match=goes_on):
        play("none", [3])
    with pytest.raises(KeyboardInterrupt):
        play("once", range(4), ends=KeyboardInterrupt())
    play("once", range(5))
    assert len(provider.requests) == 5
    assert keys(path) == [(index, 0) for index in range(5)]
    assert list(path.parent.iterdir()) == [path]
    with use(path, mode="none") as tape:
        assert tape.interrupted is None
    with pytest.raises(MissingSample):
        play("once", [5])


def test_a_first_recording_that_is_interrupted_before_its_first_answer_leaves_nothing(
    path: Path, play: Callable[..., dict[int, str]]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        play("once", [], ends=KeyboardInterrupt())
    assert list(path.parent.iterdir()) == []


def test_what_is_interrupted_or_killed_is_known_to_be_of_its_workers(
    path: Path, ask: Callable[..., str], tmp_path: Path
) -> None:
    worker = tmp_path / "desk.worker"
    noted = {"desk": {"file": "../desk.worker", "sha256": "0"}}

    def recording() -> None:
        with use(path, mode="once") as tape:
            ask()
            tape.note({"workers": {"desk": {"file": str(worker), "sha256": "0"}}})
            # what a kill would leave here
            assert lines(journal_path(path))[0]["meta"]["workers"] == noted
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recording()
    assert lines(journal_path(path))[0]["meta"]["workers"] == noted
    with use(path, mode="once"):
        assert ask()
    assert read_recording(path).meta["workers"] == noted


def test_what_a_killed_replacement_had_received_is_told(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    play("once", range(2))
    interrupt(path, "rewrite", ask)
    with use(path, mode="none") as tape:
        assert (tape.interrupted, tape.set_aside) == (None, None)
    with use(path, mode="new_episodes") as tape:
        assert tape.set_aside == set_aside_path(path)
    with use(path, mode="new_episodes") as tape:
        assert tape.set_aside is None


def test_a_recording_of_mode_once_goes_on_however_often_it_is_interrupted(
    provider: StandIn, path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(2))
    become = path.read_bytes()
    path.unlink()
    interrupt(path, "once", ask)
    # the second interruption finds the cassette that the first one became
    path.write_bytes(become)
    before = len(provider.requests)
    answers = play("once", [0, 1, 7, 8, 9])
    assert len(provider.requests) == before + 1
    assert {index: answers[index] for index in first} == first
    assert keys(path) == [(0, 0), (1, 0), (7, 0), (8, 0), (9, 0)]
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(MissingSample):
        play("once", [10])


def test_what_a_killed_save_left_is_cleared_away(path: Path, play: Callable[..., dict[int, str]]) -> None:
    play("once", range(2))
    for name in ("x.jsonl.tmp.1", "x.jsonl.unclean.tmp.2", "x.jsonl.unclean.3.tmp.2"):
        path.with_name(name).write_bytes(b"a part")
    other = path.with_name("xx.jsonl.tmp.3")
    other.touch()
    play("new_episodes", [])
    assert sorted(path.parent.iterdir()) == [path, other]


def test_a_journal_left_over_adds_to_its_cassette(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(2))
    old = path.read_bytes()
    interrupt(path, "new_episodes", ask)
    path.write_bytes(old)
    answers = play("none", [0, 1, 7, 8])
    assert {index: answers[index] for index in range(2)} == first
    play("new_episodes", [])
    assert keys(path) == [(0, 0), (1, 0), (7, 0), (8, 0)]
    assert not journal_path(path).exists()


def test_a_journal_that_is_saved_already_adds_nothing(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    interrupt(path, "new_episodes", ask)
    before = path.read_bytes()
    play("none", [7, 8])
    play("new_episodes", [7, 8])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_replacement_is_set_aside(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(2))
    interrupt(path, "rewrite", ask)
    assert play("none", range(2)) == first
    play("new_episodes", range(2))
    assert keys(path) == [(0, 0), (1, 0)]
    assert keys(set_aside_path(path)) == [(7, 0), (8, 0)]


def answers_in(path: Path) -> list[str]:
    return [str(each.response.body.value) for each in read_recording(path).interactions]


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_of_replacements_that_are_not_clean_none_is_written_over(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]], mode: RecordMode
) -> None:
    play("once", [0])
    paid: list[str] = []
    saved: list[Path | None] = []
    for _ in range(3):
        with use(path, mode=mode) as tape:
            paid.append(ask())
            tape.keep = False
        saved.append(tape.saved)
    assert len(set(paid)) == 3
    places = [set_aside_path(path, nth) for nth in (1, 2, 3)]
    assert sorted(path.parent.iterdir()) == [path, *places]
    assert [json.loads(answers_in(place)[0]) for place in places] == [json.loads(each) for each in paid]
    assert saved == places


def test_of_killed_replacements_none_is_written_over(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    play("once", range(2))
    for _ in range(2):
        interrupt(path, "rewrite", ask)
    left = journal_path(path).read_bytes()
    play("new_episodes", range(2))
    places = [set_aside_path(path), set_aside_path(path, 2)]
    assert [keys(place) for place in places] == [[(7, 0), (8, 0)]] * 2
    # no two answers of this provider are equal
    assert len({answer for place in places for answer in answers_in(place)}) == 4
    assert sorted(path.parent.iterdir()) == [path, *places]
    # killed again, before it had removed its journal
    journal_path(path).write_bytes(left)
    play("new_episodes", range(2))
    assert sorted(path.parent.iterdir()) == [path, *places]


def test_an_unfinished_last_line_of_a_journal_is_skipped_and_no_other(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    interrupt(path, "once", ask)
    path.unlink()
    whole = journal_path(path).read_bytes()
    journal_path(path).write_bytes(whole[:-9])
    with use(path, mode="none") as tape:
        assert tape.recorded_samples == {7}
    for cut, expected in [(whole[:20], frozenset[int]()), (b"", frozenset[int]())]:
        journal_path(path).write_bytes(cut)
        with use(path, mode="none") as tape:
            assert tape.recorded_samples == expected
    head, first, second, _ = whole.split(b"\n")
    for torn in (b"\n".join([head, first[:50], second, b""]), first + b"\n", b"no json\n", head[:20] + b"\n"):
        journal_path(path).write_bytes(torn)
        with pytest.raises(FormatError, match=r"x\.jsonl\.journal:"), use(path, mode="none"):
            pass
    journal_path(path).write_bytes(whole)
    play("new_episodes", [7, 8])


def test_a_rewrite_needs_no_readable_cassette(path: Path, play: Callable[..., dict[int, str]]) -> None:
    play("once", range(2))
    path.write_bytes(path.read_bytes()[:-40])
    modes: list[RecordMode] = ["none", "once", "new_episodes", "all"]
    for mode in modes:
        with pytest.raises(FormatError, match="no end"):
            play(mode, range(2))
    torn = path.read_bytes()
    with pytest.raises(Oops):
        play("rewrite", range(2), ends=Oops())
    assert path.read_bytes() == torn
    answers = play("rewrite", range(2))
    assert play("none", range(2)) == answers


def test_a_journal_beside_a_torn_cassette_is_set_aside_by_a_rewrite(
    path: Path, ask: Callable[..., str], play: Callable[..., dict[int, str]]
) -> None:
    interrupt(path, "once", ask)
    path.write_bytes(b"torn")
    play("rewrite", [0])
    assert keys(path) == [(0, 0)]
    assert keys(set_aside_path(path)) == [(7, 0), (8, 0)]


def test_a_second_writer_is_refused_by_pid_and_readers_are_not(
    provider: StandIn, path: Path, play: Callable[..., dict[int, str]]
) -> None:
    answers = play("once", range(2))
    first = Journal(path)
    first.start("once", {})
    before = len(provider.requests)
    with pytest.raises(UsageError, match=rf"recorded by another process \(pid {os.getpid()}\)"):
        play("new_episodes", range(3))
    assert play("none", range(2)) == answers
    first.remove()
    play("new_episodes", range(3))
    assert len(provider.requests) == before + 1


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_request(
    provider: StandIn, tmp_path: Path, ask: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(UsageError, match="cannot be recorded"),
        use(tmp_path / "file" / "x.jsonl", mode="once"),
    ):
        ask()
    assert provider.requests == []


READ_ONLY = """
import os, sys
from pathlib import Path
import httpx2
from llm_do.errors import UsageError
from llm_do_eval.cassette import use
import llm_do_eval.cassette.patches.player

path = Path(sys.argv[1])
client = httpx2.Client()

def ask(mode):
    with use(path, mode=mode):
        body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
        return client.post(sys.argv[2] + "/chat/completions", json=body).text

# what is imported late may lie where only root reads
ask("none")
if os.geteuid() == 0:
    # root writes into read-only folders
    os.setuid(65534)
for mode in ("new_episodes", "all", "rewrite"):
    try:
        ask(mode)
    except UsageError as refused:
        print(refused)
print(ask("none"))
"""


def test_a_read_only_folder_is_refused_before_the_first_request(
    provider: StandIn, ask: Callable[..., str]
) -> None:
    # folders of pytest are closed to the user that the child becomes
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "cassettes", "x.jsonl")
        with use(path, mode="once"):
            first = ask()
        Path(name).chmod(0o755)
        path.parent.chmod(0o555)
        program = [sys.executable, "-c", READ_ONLY, str(path), provider.openai_base_url]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        path.parent.chmod(0o700)
    assert done.stderr == ""
    *refused, replayed = done.stdout.splitlines()
    assert len(refused) == 3
    assert all("cannot be recorded, " in line and "not writable: " in line for line in refused)
    assert replayed == first
    assert len(provider.requests) == 1


def test_a_full_disk_stops_the_recording_is_told_once_and_leaves_the_cassette(
    provider: StandIn, path: Path, play: Callable[..., dict[int, str]]
) -> None:
    first = play("once", range(2))
    before = path.read_bytes()
    with room(1500), pytest.raises(RecordingStopped, match=r"an answer cannot be kept: .* in its journal"):
        play("new_episodes", range(20))
    # the first answer that found no room is the last one that was paid for
    kept = len(lines(journal_path(path))) - 1
    assert len(provider.requests) == 2 + kept + 1
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path, journal_path(path)]
    assert play("new_episodes", range(2 + kept)).keys() >= first.keys()
    assert len(provider.requests) == 2 + kept + 1


KILLED = """
import sys
import threading
from pathlib import Path
import httpx2
from llm_do_eval.cassette import sample, use

def talk(client, index):
    with sample(index):
        for turn in range(3):
            body = {"model": "m", "messages": [{"role": "user", "content": f"turn {turn}"}]}
            client.post(sys.argv[2] + "/chat/completions", json=body)
            sys.stdout.write(f"{index}.{turn}\\n")
            sys.stdout.flush()

with use(Path(sys.argv[1]), mode=sys.argv[3]) as tape, httpx2.Client() as client:
    threads = [threading.Thread(target=talk, args=(client, index)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@pytest.mark.parametrize("mode", ["once", "rewrite"])
@pytest.mark.parametrize("received", [1, 14])
@pytest.mark.policy("cas-partial")
def test_a_killed_recording_keeps_what_was_received(
    provider: StandIn, path: Path, mode: Literal["once", "rewrite"], received: int
) -> None:
    program = [sys.executable, "-c", KILLED, str(path), provider.openai_base_url, mode]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        seen = [process.stdout.readline().strip() for _ in range(received)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.read().split()
    assert not path.exists()
    with use(path, mode="none") as tape:
        kept = {(each.sample, each.seq) for each in tape.unplayed()}
    assert kept >= {tuple(map(int, talk.split("."))) for talk in seen}
    assert len(kept) <= len(provider.requests)
    with use(path, mode="new_episodes"):
        pass
    assert {(each.sample, each.seq) for each in read_recording(path).interactions} == kept


UNPATCHED = """
import sys
from pathlib import Path
import httpx2
import vcr
from llm_do.errors import RunFailed
from llm_do_eval.cassette import use

path = Path(sys.argv[1])
other = vcr.use_cassette(str(path.with_name("other.yaml")))
other.__enter__()
try:
    with use(path, mode="once"), httpx2.Client() as client:
        for _ in range(2):
            client.post(sys.argv[2] + "/chat/completions", json={"model": "m", "messages": []})
            if other:
                other.__exit__(None, None, None)
                other = None
except RunFailed as failed:
    print(failed)
"""


@pytest.mark.slow
def test_requests_that_pass_by_are_told(provider: StandIn, path: Path) -> None:
    program = [sys.executable, "-c", UNPATCHED, str(path), provider.openai_base_url]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"{path}: requests may have passed by it, because another user of vcrpy ended while it was open: "
        f"end that one before, and record again\n"
    )
    assert (keys(path), len(provider.requests)) == ([(0, 0)], 2)
