"""What the first line of a cassette says of its origin, and how a change of that origin is found later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.canonical import digest
from llm_do.links import Tool, Toolset, Worker
from llm_do.project.discover import read_project
from llm_do.project.spec import parse_worker
from llm_do_eval.cassette import cli_cassette, sample, use
from llm_do_eval.cassette.file.provenance import described
from llm_do_eval.cassette.file.recording import Recording, installed_versions, read_recording
from llm_do_eval.cassette.file.sources import changed, merged, placed, project_sources, sources_of, surface
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn

WORKER = "---\nname: desk\nmodel: openai:gpt-4o\n---\nYou answer.\n"
TOOLS = '''
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import ToolsetSpec

def build():
    tools = FunctionToolset()

    @tools.tool_plain
    def look_up(city: str) -> str:
        """Look a city up."""
        return city.upper()

    return tools

desk_tools = ToolsetSpec(factory=build)
'''
NAMED = "worker 'desk' (project/desk.worker)"
TOOLS_FILE = "project/tools.py"
CHAT = "https://api.openai.com/v1/chat/completions"
SPENT = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}


def chat(
    instruction: str = "Answer.",
    *,
    model: str = "gpt-4o-mini",
    tools: Any = None,
    usage: Any = SPENT,
    status: int = 200,
    at: str = "2026-11-02T10:00:00+00:00",
) -> Interaction:
    body = {"model": model, "messages": [{"role": "system", "content": instruction}]}
    body |= {"tools": tools} if tools else {}
    answered: dict[str, Any] = {"model": f"{model}-2024-07-18", "choices": []}
    answered |= {"usage": usage} if usage else {}
    return Interaction(
        0,
        0,
        "",
        Request("POST", CHAT, {}, Body("json", body)),
        Response(status, {"content-type": "application/json"}, Body("text", json.dumps(answered))),
        at=at,
    )


def test_a_recording_says_what_was_asked_and_what_answered(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", meta={"model": "openai-chat:m"}):
        for index in range(3):
            with sample(index):
                ask("?")
    meta = json.loads(path.read_bytes().partition(b"\n")[0])
    assert {name: meta[name] for name in ("count", "model", "models", "samples", "cost_usd")} == {
        "count": 3,
        "model": "openai-chat:m",
        "models": ["m"],
        "samples": "0..2",
        "cost_usd": None,
    }
    assert meta["usage"]["requests"] == len(provider.requests) == 3
    answers = [json.loads(each.response.body.value) for each in read_recording(path).interactions]
    assert meta["usage"]["input_tokens"] == sum(each["usage"]["prompt_tokens"] for each in answers) > 0
    assert meta["usage"]["output_tokens"] == sum(each["usage"]["completion_tokens"] for each in answers) > 0
    assert meta["versions"] == installed_versions()
    assert "llm-do" in meta["versions"]


def test_costs_are_those_of_the_price_list() -> None:
    # the list price of gpt-4o-mini: 0.15 and 0.60 dollars for a million tokens
    assert described([chat()])["cost_usd"] == pytest.approx(0.75)
    assert described([chat(), chat()])["cost_usd"] == pytest.approx(1.5)
    cached = {**SPENT, "prompt_tokens_details": {"cached_tokens": 1_000_000}}
    assert described([chat(usage=cached)])["cost_usd"] == pytest.approx(0.675)


def test_a_cost_that_is_not_known_is_none() -> None:
    assert described([chat(), chat(model="stand-in")])["cost_usd"] is None
    assert described([chat(), chat(usage=None)])["cost_usd"] is None
    assert described([])["cost_usd"] is None
    assert described([chat(), chat(usage=None, status=500)])["cost_usd"] == pytest.approx(0.75)


def test_a_file_without_the_newer_fields_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    meta = {"schema": "llm-do-eval/cassette/v1", "count": 1}
    path.write_bytes(json.dumps(meta).encode() + b"\n" + chat().to_line())
    recording = read_recording(path)
    assert recording.meta == meta
    assert changed(recording.meta, tmp_path) == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "desk.worker").write_text(WORKER, encoding="utf-8")
    (folder / "tools.py").write_text(TOOLS, encoding="utf-8")
    (folder / "project.json").write_text(
        '{"version": 1, "worker_files": ["desk.worker"], "python_files": ["tools.py"]}', encoding="utf-8"
    )
    return folder


def noted(project: Path, folder: Path) -> dict[str, Any]:
    spec = read_project([project]).workers[0]
    tools = Toolset("tools", f"{project / 'tools.py'}:4", ("look_up",))
    builtin = Toolset("files", "built in", None, builtin=True)
    worker = Worker(spec, str(spec.path), (Tool("look_up", tools), builtin))
    return placed({"model": "m", **sources_of([worker])}, folder)


def test_workers_and_tools_are_noted_by_relative_path(project: Path) -> None:
    meta = noted(project, project.parent / "tests" / "cassettes" / "test_x")
    assert meta == {
        "model": "m",
        "workers": {
            "desk": {
                "file": "../../../project/desk.worker",
                "sha256": digest(WORKER),
                "model": "openai:gpt-4o",
            }
        },
        "tool_files": {"../../../project/tools.py": surface(project / "tools.py")},
    }
    assert placed({"model": "m"}, project) == {"model": "m"}


def test_a_worker_that_python_or_a_model_made_has_no_file(project: Path) -> None:
    spec = parse_worker("made up", WORKER.encode())
    assert sources_of([Worker(spec, "made up")]) == {"workers": {}, "tool_files": []}
    assert project.exists()


def test_a_worker_that_runs_make_again_is_no_source(project: Path) -> None:
    files = {"desk": project / "desk.worker", "made": project / "workers" / "generated" / "made.worker"}
    meta = {"workers": {name: {"file": str(file), "sha256": "0"} for name, file in files.items()}}
    assert placed(meta, project)["workers"] == {"desk": {"file": "desk.worker", "sha256": "0"}}


def test_what_changed_is_named_from_where_one_stands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)
    folder = project.parent / "cassettes"
    folder.mkdir()
    meta = noted(project, folder)
    worker, tools = project / "desk.worker", project / "tools.py"
    assert changed(meta, folder) == []
    worker.write_text(WORKER + "Briefly.\n", encoding="utf-8")
    assert [str(each) for each in changed(meta, folder)] == [f"{NAMED} changed since it was recorded"]
    worker.write_text(WORKER.replace("4o", "5"), encoding="utf-8")
    assert [str(each) for each in changed(meta, folder)] == [
        f"{NAMED} now names the model 'openai:gpt-5', and named 'openai:gpt-4o' when it was recorded"
    ]
    worker.write_text(WORKER.replace("model: openai:gpt-4o\n", ""), encoding="utf-8")
    assert [str(each) for each in changed(meta, folder)] == [
        f"{NAMED} now names no model, and named 'openai:gpt-4o' when it was recorded"
    ]
    worker.unlink()
    tools.write_text(TOOLS.replace("city: str", "town: str"), encoding="utf-8")
    assert [str(each) for each in changed(meta, folder)] == [
        f"{NAMED} is gone since it was recorded",
        f"what {TOOLS_FILE} declares changed since it was recorded",
    ]
    tools.unlink()
    assert str(changed(meta, folder)[1]) == f"what {TOOLS_FILE} declares is gone since it was recorded"


@pytest.mark.parametrize(
    ("before", "after", "digests"),
    [
        ("return city.upper()", "return city.lower()", 1),
        ("return city.upper()", "n = 1\n        return n", 1),
        ("import FunctionToolset", "import FunctionToolset  # a remark", 1),
        ("city: str", "city: int", 2),
        ("Look a city up.", "Look a town up.", 2),
        ("def look_up", "def find", 2),
        ("@tools.tool_plain\n", "@tools.tool_plain(retries=2)\n", 2),
    ],
)
def test_only_what_is_declared_counts_of_a_python_file(
    before: str, after: str, digests: int, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text(TOOLS, encoding="utf-8")
    second.write_text(TOOLS.replace(before, after), encoding="utf-8")
    assert before in TOOLS
    assert len({surface(first), surface(second)}) == digests


def test_a_python_file_that_cannot_be_read_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def (", encoding="utf-8")
    assert surface(tmp_path / "a.py") is None
    assert surface(tmp_path / "none.py") is None


def test_a_recording_looks_no_fresher_than_its_oldest_part() -> None:
    old = {"workers": {"a": {"sha256": "1"}, "b": {"sha256": "1"}}, "versions": {"x": "1"}}
    new = {"workers": {"a": {"sha256": "2"}, "c": {"sha256": "2"}}, "versions": {"x": "2"}}
    assert merged(old, new) == {
        "workers": {"a": {"sha256": "1"}, "b": {"sha256": "1"}, "c": {"sha256": "2"}},
        "versions": {"x": "2"},
    }
    assert merged({}, {"model": "m"}) == {"model": "m"}
    assert Recording.of([chat()], merged({}, new)).meta["workers"] == new["workers"]


def test_a_script_names_its_project(ask: Callable[..., str], project: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with traffic(record=path, project=project):
        ask()
    meta = read_recording(path).meta
    assert meta["workers"] == project_at(project, tmp_path)["workers"]
    assert list(meta["tool_files"]) == ["project/tools.py"]
    with traffic(replay=path, project=project):
        ask()


def project_at(project: Path, folder: Path) -> dict[str, Any]:
    return placed(project_sources(project), folder)


def test_the_command_line_notes_what_it_is_given(ask: Callable[..., str], project: Path) -> None:
    path = project / "run.jsonl"
    meta = {"model": "m", "workers": {"desk": {"file": str(project / "desk.worker"), "sha256": "0"}}}
    with cli_cassette(path, "record", meta):
        ask()
    assert read_recording(path).meta["workers"] == {"desk": {"file": "desk.worker", "sha256": "0"}}
