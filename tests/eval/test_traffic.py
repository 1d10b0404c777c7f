"""A script of one's own replays what the command line recorded, and records what it can replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evals.standin import Reply, StandIn
from llm_do.errors import RunFailed, UsageError
from llm_do.linking.entry import build_entry
from llm_do.runtime import Runtime
from llm_do_eval.traffic import Traffic, traffic

if TYPE_CHECKING:
    import random

    from evals.standin import Request

GREETER = Path(__file__).parents[2] / "examples/greeter"


def greeting(model: str | None, prompt: str = "Hello, I'm Ada!") -> str:
    entry, _ = build_entry([GREETER / "main.worker"], project_root=GREETER)
    return Runtime(project_root=GREETER, recorded_model=model, environment={}).run(entry, prompt).output


def test_a_recording_of_the_command_line_is_replayed() -> None:
    with traffic(replay=GREETER / "cassettes/run.jsonl") as given:
        assert given.model == "anthropic:stand-in"
        assert "Ada" in greeting(given.model)


def test_another_question_is_not_in_it() -> None:
    with (
        pytest.raises(RunFailed, match="is not in"),
        traffic(replay=GREETER / "cassettes/run.jsonl") as given,
    ):
        greeting(given.model, "Hello, I'm Bo!")


def test_what_is_recorded_can_be_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_request: Request, draw: random.Random) -> Reply:
        return Reply(str(draw.random()))

    name = "openai-chat:stand-in"
    with StandIn(answer) as provider:
        for key, value in provider.environ.items():
            monkeypatch.setenv(key, value)
        with traffic(record=tmp_path / "run.jsonl", model=name):
            said = greeting(name)
    for key in provider.environ:
        monkeypatch.delenv(key)
    with traffic(replay=tmp_path / "run.jsonl") as given:
        assert greeting(given.model) == said


def test_without_a_file_requests_pass() -> None:
    with traffic() as given:
        assert given == Traffic(None)


def test_one_of_the_two(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose one"), traffic(replay=tmp_path / "a", record=tmp_path / "b"):
        pytest.fail("nothing may run")
    with pytest.raises(UsageError, match="there is no such cassette"), traffic(replay=tmp_path / "a"):
        pytest.fail("nothing may run")
