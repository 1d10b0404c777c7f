"""One run of the command line recorded in a file, and replayed from it."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Literal

import pytest

from llm_do.errors import FormatError, RunFailed, UsageError
from llm_do_eval.cassette import DUMMY_KEY, cli_cassette

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_a_run_is_recorded_and_replayed(provider: StandIn, ask: Callable[..., str], path: Path) -> None:
    with cli_cassette(path, "record", {"model": "openai:gpt-4o"}) as tape:
        answer = ask()
    assert tape.saved == path
    provider.stop()
    with cli_cassette(path, "replay", {}) as tape:
        assert tape.model == "openai:gpt-4o"
        assert ask() == answer
        assert DUMMY_KEY in os.environ.values()
    assert DUMMY_KEY not in os.environ.values()


def test_a_second_recording_replaces_the_first(ask: Callable[..., str], path: Path) -> None:
    with cli_cassette(path, "record", {}):
        ask("first")
    with cli_cassette(path, "record", {}) as tape:
        assert tape.model == "openai-chat:m"
        answer = ask("second")
    with cli_cassette(path, "replay", {}):
        assert ask("second") == answer


def test_a_request_that_is_not_recorded_fails_the_run(ask: Callable[..., str], path: Path) -> None:
    with cli_cassette(path, "record", {}):
        ask()
    with pytest.raises(RunFailed) as failed, cli_cassette(path, "replay", {}):
        ask("changed")
    first, *notes = failed.value.text.splitlines()
    assert str(failed.value) == first
    assert first.startswith(f"POST /v1/chat/completions (sample 0) is not in {path}, recorded ")
    assert notes[1:3] == ["  prompt:", "    body.messages[0].content: recorded '?' -> now 'changed'"]
    assert notes[-1] == f"Record anew: the same command and --record {path} in the place of --replay"
    assert failed.value.error_class == "cassette"


def test_a_file_of_another_kind_is_not_replaced(ask: Callable[..., str], path: Path) -> None:
    for content in (b"notes\n", b'{"version": 1}\n', b"{}", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="is no recording"), cli_cassette(path, "record", {}):
            ask()
        assert [each.read_bytes() for each in path.parent.iterdir()] == [content]


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_what_is_no_regular_file_is_refused_and_no_advice_is_to_delete_it(
    tmp_path: Path, mode: Literal["record", "replay"]
) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    for path, says in (
        (tmp_path, "is a folder; name a file in it"),
        (pipe, "is no regular file; name another"),
    ):
        with pytest.raises(UsageError, match=f"{says}$"), cli_cassette(path, mode, {}):
            pass
    assert [each.name for each in tmp_path.iterdir()] == ["pipe.jsonl"]


def test_an_empty_file_and_a_torn_or_foreign_recording_are_replaced(
    ask: Callable[..., str], path: Path
) -> None:
    for content in (
        b"",
        b'{"schema": "llm-do-eval/cassette/v9"}\n',
        b'{"schema":"llm-do-eval/cassette/v1"}\n{',
    ):
        path.write_bytes(content)
        with cli_cassette(path, "record", {}):
            answer = ask()
        with cli_cassette(path, "replay", {}):
            assert ask() == answer


def test_other_failures_pass_through(path: Path, ask: Callable[..., str]) -> None:
    with cli_cassette(path, "record", {}):
        ask()
    with pytest.raises(KeyError), cli_cassette(path, "replay", {}):
        raise KeyError


def test_what_cannot_be_replayed_is_refused_before_the_run(path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such cassette"), cli_cassette(path, "replay", {}):
        pass
    path.write_text("torn")
    with pytest.raises(FormatError, match=r"run\.jsonl:1: "), cli_cassette(path, "replay", {}):
        pass


def test_the_runtime_finds_it_by_its_entry_point() -> None:
    [found] = entry_points(group="llm_do.recorder")
    assert found.load() is cli_cassette
