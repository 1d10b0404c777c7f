from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.approval import mend_of
from llm_do.command.execution import Watch, check_project, run_project
from llm_do.command.invocation import Invocation
from llm_do.errors import SpecError, UsageError
from llm_do.project.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORKER = "---\nname: main\nentry: true\n---\nRepeat.\n"
ENTRY = """\
from llm_do.runtime import EntrySpec

async def main(parts, ctx):
    {body}

ENTRY = EntrySpec(name="main", main=main)
"""
APPROVAL = {"kind": "approval", "name": "send", "decision": "reject", "by": "none", "note": ""}


@pytest.fixture
def invoke(tmp_path: Path) -> Callable[..., Invocation]:
    """Write one file and say what to do with it."""

    def make(name: str, text: str, **said: Any) -> Invocation:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return Invocation(paths=(tmp_path / name,), **said)

    return make


def test_a_check_gives_the_graph(invoke: Callable[..., Invocation], tmp_path: Path) -> None:
    outcome = check_project(invoke("main.worker", WORKER))
    place = f"{tmp_path}/main.worker:2"
    assert outcome.output == f"entry main ({place})\nworker main ({place}), model of its caller"
    assert outcome.run is None


def test_a_check_sees_the_settings(invoke: Callable[..., Invocation]) -> None:
    setting = Setting(None, "model", "openai:gpt-4o")
    outcome = check_project(invoke("main.worker", WORKER, settings=(setting,)))
    assert outcome.output.endswith(", openai:gpt-4o")
    with pytest.raises(SpecError, match="--set main:entry"):
        check_project(invoke("main.worker", WORKER, settings=(Setting(None, "entry", 1),)))


def test_a_run_of_python(invoke: Callable[..., Invocation], tmp_path: Path) -> None:
    outcome = run_project(invoke("t.py", ENTRY.format(body="return {'said': parts[0]}"), prompt="hi"))
    assert (outcome.output, outcome.error, outcome.code) == ({"said": "hi"}, None, 0)
    assert (outcome.calls, outcome.usage) == (0, {"requests": 0, "input_tokens": 0, "output_tokens": 0})
    (path,) = (tmp_path / ".llm-do" / "runs").glob("*.jsonl")
    assert path.stem == outcome.run
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["run", "call"]


def test_a_run_that_fails_keeps_its_cause_and_its_place(
    invoke: Callable[..., Invocation], tmp_path: Path
) -> None:
    outcome = run_project(invoke("t.py", ENTRY.format(body="return 1 / 0")))
    assert isinstance(outcome.cause, ZeroDivisionError)
    assert outcome.code == 1
    assert outcome.lines[0].startswith(f"{tmp_path}/t.py:4: ZeroDivisionError: division by zero; --debug")
    assert outcome.run is not None


def test_an_error_within_a_library_is_placed_in_the_project(
    invoke: Callable[..., Invocation], tmp_path: Path
) -> None:
    outcome = run_project(invoke("t.py", ENTRY.format(body="import json; json.loads('{')")))
    assert outcome.lines[0].startswith(f"{tmp_path}/t.py:4: JSONDecodeError: ")


def test_what_cannot_start_is_raised(invoke: Callable[..., Invocation], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="worker 'main' needs an input"):
        run_project(invoke("main.worker", WORKER))
    with pytest.raises(UsageError, match="No such file"):
        run_project(Invocation(paths=(tmp_path / "nowhere",)))
    assert not (tmp_path / ".llm-do").exists()


def test_a_watch_is_silent_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch(verbosity=0)
    watch({"kind": "run", "run": "r1", "project": "p"})
    watch(APPROVAL)
    watch(APPROVAL)
    watch({**APPROVAL, "name": "other", "by": "human"})
    watch({**APPROVAL, "name": "guarded", "insists": True})
    assert watch.run == "r1"
    assert watch.unasked == {mend_of(insists=False): ["send"], mend_of(insists=True): ["guarded"]}
    assert capsys.readouterr().err == ""


def test_a_watch_shows_events_without_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "canary-4711")
    Watch(verbosity=2)({"kind": "message", "role": "user", "text": "it is canary-4711"})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "  user: it is <env-secret>\n")
