"""`--record` keeps a run's traffic, `--replay` runs from it: no key, no network, at any verbosity."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import journals, started, without
from stopping import start, stopped

from evals.standin import Hang, Reply, Status, ToolCall, echo

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from command import Here

    from evals.standin import Request, StandIn

WORKER = "---\nname: main\ntoolsets: [helper]\n---\nAsk.\n"
HELPER = "---\nname: helper\n---\nHelp.\n"
SAME = "No worker file changed, and the installed SDKs are those of the recording"
RUN = ("proj/main.worker", "proj/helper.worker", "hi")


def ask_helper(request: Request, rng: random.Random) -> Reply:
    if request.results:
        return Reply(request.results[0].text)
    if request.tools:
        return Reply(tool_calls=(ToolCall("helper", {"input": "x"}),))
    return Reply(f"helped {rng.random()}")


@pytest.fixture
def tape(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Record a run of two workers; what it printed. The provider is gone by then, and so is its key."""
    write(main_worker=WORKER, helper_worker=HELPER)
    provider = serve(ask_helper)
    done = here(*RUN, "--record", "tape.jsonl")
    assert (done.code, done.err) == (0, "")
    provider.stop()
    for name in [*provider.environ, "LLM_DO_MODEL"]:
        monkeypatch.delenv(name)
    return done.out


@pytest.mark.parametrize("words", [[], ["-v"], ["-vvv"], ["--headless"]])
def test_a_recorded_run_is_run_again(words: list[str], tape: str, here: Here) -> None:
    done = here(*RUN, "--replay", "tape.jsonl", *words)
    assert (done.code, done.out) == (0, tape)
    assert bool(done.err) is any(word.startswith("-v") for word in words)


def test_a_recording_and_its_replays_are_one_piece_of_evidence(tape: str, here: Here, tmp_path: Path) -> None:
    for _ in range(2):
        assert here(*RUN, "--replay", "tape.jsonl").out == tape
    roots = [
        line
        for each in journals(tmp_path / "proj")
        for line in each
        if line["kind"] == "call" and not line["parent"]
    ]
    assert len(roots) == 3
    assert {json.dumps(root["sample"]) for root in roots} == {'{"test": "llm-do", "index": 0}'}
    assert {root["meta"]["cassette"] for root in roots} == {"tape.jsonl"}
    assert sorted("recorded_at" in root["meta"] for root in roots) == [False, True, True]


def test_a_replay_is_a_run_like_any_other(tape: str, here: Here, tmp_path: Path) -> None:
    found = here(*RUN, "--replay", "tape.jsonl", "--json").json
    assert (found["output"], found["calls"], found["usage"]["requests"]) == (tape.rstrip("\n"), 1, 3)
    assert len(journals(tmp_path / "proj")) == 2


def test_a_replay_takes_as_long_as_the_recording_did(tape: str, here: Here, tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    # the second of three requests is that of the called worker
    timed = [
        json.dumps(json.loads(line) | {"at": f"2026-11-02T10:00:{second:02}.000+00:00", "latency_s": 2.25})
        for second, line in zip((0, 10, 40), rest, strict=True)
    ]
    path.write_text("\n".join([first, *timed]) + "\n", encoding="utf-8")
    done = here(*RUN, "--replay", "tape.jsonl", "--json", "-v")
    assert (done.json["output"], done.json["latency_s"]) == (tape.rstrip("\n"), 42.25)
    shown = re.findall(r"\[worker, recorded (.*?) s, ", done.err)
    assert shown == ["2.25", "42.25"]


@pytest.mark.slow
def test_a_recorded_run_as_a_process(tape: str) -> None:
    done = started(*RUN, "--replay", "tape.jsonl")
    assert (done.code, done.out, done.err) == (0, tape, "")


CANARY = "correct-horse-battery"


@pytest.mark.parametrize(
    ("words", "bodies"),
    # the request holds it, and the answer repeats it
    [("hi", 0), (f"the password is {CANARY}", 2)],
)
def test_a_recording_says_in_how_many_bodies_a_secret_was_replaced(
    words: str, bodies: int, write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    write(main_worker="---\nname: main\n---\nEcho.\n")
    serve(echo)
    argv = ("proj/main.worker", words, "--record", "tape.jsonl")
    done = started(*argv, env={"APP_PASSWORD": CANARY})
    said = f"llm-do: tape.jsonl: secrets were replaced in {bodies} of its bodies\n"
    assert (done.code, done.err) == (0, said if bodies else "")
    assert words in done.out
    assert CANARY not in (tmp_path / "tape.jsonl").read_text(encoding="utf-8")
    # where it is no secret, nothing is replaced: the line does not come with every recording
    assert started(*argv).err == ""
    assert words in (tmp_path / "tape.jsonl").read_text(encoding="utf-8")


def test_a_run_that_fails_says_it_too(
    write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    write(main_worker="---\nname: main\n---\nEcho.\n")
    serve(echo, faults={0: Status(400)})
    done = started("proj/main.worker", CANARY, "--record", "tape.jsonl", env={"APP_PASSWORD": CANARY})
    said, error = done.err.splitlines()
    assert done.code != 0
    assert said == "llm-do: tape.jsonl: secrets were replaced in 1 of its bodies"
    assert error.startswith("llm-do: ")
    assert CANARY not in (tmp_path / "tape.jsonl").read_text(encoding="utf-8")


def test_another_prompt_is_not_in_the_recording(tape: str, here: Here) -> None:
    assert tape
    done = here(*RUN[:2], "bye", "--replay", "tape.jsonl")
    assert done.code == 1
    first, *notes = done.err.splitlines()
    assert first.startswith("llm-do: POST /v1/chat/completions (sample 0) is not in tape.jsonl, recorded 2")
    assert notes == [
        "  The nearest recording of this sample (seq 0) differs in 1 field:",
        "    prompt:",
        "      body.messages[1].content: recorded 'hi' -> now 'bye'",
        f"  {SAME}: look at the input, and at the code that makes it",
        "  Record anew: the same command and --record tape.jsonl in the place of --replay",
    ]
    error = here(*RUN[:2], "bye", "--replay", "tape.jsonl", "--json").json["error"]
    assert error["class"] == "cassette"
    assert (
        f"in 1 field:; prompt:; body.messages[1].content: recorded 'hi' -> now 'bye'; {SAME}"
        in error["message"]
    )


@pytest.mark.parametrize(("name", "cure"), [("LLM_DO_MODEL", "unset it"), ("--model", "leave it out")])
def test_another_model_than_the_recorded_one_is_named_first(
    *, name: str, cure: str, tape: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tape
    words = ["--model", "openai:other"] if name == "--model" else []
    monkeypatch.setenv("LLM_DO_MODEL", "openai:other")
    if words:
        monkeypatch.delenv("LLM_DO_MODEL")
    done = here(*RUN, "--replay", "tape.jsonl", *words)
    assert done.code == 1
    assert done.err.splitlines()[0] == (
        f"llm-do: {name} is 'openai:other', the recording is of 'openai-chat:gpt-4o-mini': "
        f"{cure}, or record anew"
    )
    assert "something in the project" not in done.err


def torn(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1][:-20]]


def foreign(lines: list[str]) -> list[str]:
    return [lines[0].replace("/v1", "/v9"), *lines[1:]]


def short(lines: list[str]) -> list[str]:
    return lines[:-1]


def text(_lines: list[str]) -> list[str]:
    return ["hello\n"]


def empty(_lines: list[str]) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (torn, "tape.jsonl: .*torn"),
        (foreign, r"tape\.jsonl:1: is of version '.*v9'"),
        (short, "tape.jsonl:1: .*torn"),
        (text, r"tape\.jsonl:1: is no line of JSON"),
        (empty, "tape.jsonl"),
    ],
)
def test_a_spoiled_recording_is_refused_by_name(
    *, spoil: Callable[[list[str]], list[str]], line: str, tape: str, here: Here, tmp_path: Path
) -> None:
    assert tape
    path = tmp_path / "tape.jsonl"
    path.write_text("".join(spoil(path.read_text().splitlines(keepends=True))))
    done = here(*RUN, "--replay", "tape.jsonl")
    assert done.code == 2
    assert re.match(line, done.line), done.line
    assert len(journals(tmp_path / "proj")) == 1


def test_a_recording_is_kept_only_of_a_whole_run(
    tape: str, serve: Callable[..., StandIn], here: Here
) -> None:
    before = Path("tape.jsonl").read_bytes()
    assert tape
    serve(ask_helper, faults={2: Status(401)})
    done = here(*RUN, "--record", "tape.jsonl", "--set", "model_settings.max_retries=0")
    assert done.code == 1
    assert Path("tape.jsonl").read_bytes() == before
    said = "llm-do: tape.jsonl.unclean: what was recorded until the run ended, and no whole recording"
    assert done.err.splitlines()[0] == said


@pytest.mark.slow
def test_an_interrupted_recording_says_where_its_answers_are(
    write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    write(main_worker=WORKER, helper_worker=HELPER)
    provider = serve(ask_helper, faults={1: Hang()})
    process = start(*RUN, "--record", "tape.jsonl")
    done, _ = stopped(process, lambda: len(provider.requests) == 2)
    assert done.code == 130
    assert done.err.splitlines() == [
        "llm-do: tape.jsonl.journal: what was recorded until the run ended, and no whole recording",
        "llm-do: interrupted",
    ]
    assert not (tmp_path / "tape.jsonl").exists()


def test_the_model_of_the_environment_is_recorded(tape: str) -> None:
    assert tape
    assert json.loads(Path("tape.jsonl").read_text().splitlines()[0])["model"] == "openai-chat:gpt-4o-mini"


@pytest.mark.parametrize("name", ["main.worker", "notes.txt", "project.json"])
def test_a_file_of_another_kind_is_not_recorded_over(
    *, name: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve(ask_helper)
    root = write(main_worker=WORKER, helper_worker=HELPER, notes_txt="Buy milk.\n", project_json="{}\n")
    before = {each.name: each.read_bytes() for each in root.iterdir()}
    done = here(*RUN, "--record", f"proj/{name}")
    assert done.code == 2
    assert (
        done.line == f"proj/{name}: is no recording, so it is not replaced; name another file, or delete it"
    )
    assert {each.name: each.read_bytes() for each in root.iterdir()} == before
    assert provider.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--record", "--replay"])
def test_without_the_extra_it_is_named(option: str, tape: str) -> None:
    assert tape
    before = {each.name for each in Path().iterdir()}
    done = without("vcr", "llm_do.cli", *RUN, option, "tape.jsonl", "--model", "openai:x")
    assert (done.code, done.line) == (2, "vcr is not installed: pip install 'llm-do[eval]'")
    assert {each.name for each in Path().iterdir()} == before


def test_a_place_that_cannot_be_written(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve(ask_helper)
    write(main_worker=WORKER, helper_worker=HELPER)
    done = here(*RUN, "--record", "proj/main.worker/tape.jsonl")
    assert done.code == 2
    assert "proj/main.worker/tape.jsonl" in done.line
    assert provider.requests == []
