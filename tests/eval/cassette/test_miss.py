"""What a miss says: the nearest recording, field by field, whose versions, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do_eval.cassette.file.recording import installed_versions
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.miss import ModelSetting, differences, stale_cassette

if TYPE_CHECKING:
    from llm_do_eval.cassette import StaleCassette

URI = "http://h/v1/chat/completions"


def request(body: Any, uri: str = URI) -> Request:
    return Request("POST", uri, {}, Body("json", body))


def interaction(seq: int, body: Any) -> Interaction:
    return Interaction(3, seq, "", request(body), Response(200, {}, Body()))


def chat(instruction: str, *tools: dict[str, Any], **settings: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": instruction}]
    return {"model": "m", "messages": messages, "tools": [*tools], **settings}


def stale(now: dict[str, Any], *left: dict[str, Any], **meta: Any) -> StaleCassette:
    return stale_cassette(
        request(now),
        3,
        path=Path("c/x.jsonl"),
        meta={"recorded_at": "2026-11-02", "versions": installed_versions(), **meta},
        left=[interaction(seq, body) for seq, body in enumerate(left)],
        command="pytest --llm-record=rewrite t.py",
    )


def test_a_changed_prompt_and_tool_are_told_by_their_paths() -> None:
    before = chat("Answer in one word.", {"name": "weather", "parameters": {"city": {"type": "string"}}})
    now = chat(
        "Answer in two words.", {"name": "weather", "parameters": {"unit": {"type": "string"}}}, top_p=1
    )
    assert str(stale(now, before)).splitlines() == [
        "POST /v1/chat/completions (sample 3) is not in c/x.jsonl, recorded 2026-11-02",
        "The nearest recording of this sample (seq 0) differs in 4 fields:",
        "  prompt:",
        "    body.messages[0].content: recorded 'Answer in one word.' -> now 'Answer in two words.'",
        "  tools:",
        "    body.tools[0].parameters.city: recorded {'type': 'string'} -> now <absent>",
        "    body.tools[0].parameters.unit: recorded <absent> -> now {'type': 'string'}",
        "  settings:",
        "    body.top_p: recorded <absent> -> now 1",
        "The installed SDKs are those of the recording, so the input or something in the project changed",
        "Record anew: pytest --llm-record=rewrite t.py",
    ]


def test_the_nearest_recording_has_the_fewest_differences() -> None:
    miss = stale(chat("b", top_p=1), chat("x", top_p=2), chat("b", top_p=2), chat("b", top_p=3))
    assert "(seq 1) differs in 1 field:\n  settings:\n    body.top_p: recorded 2 -> now 1\n" in str(miss)


def test_other_versions_are_named() -> None:
    versions = installed_versions()
    old = {**versions, "openai": "1.0"}
    assert f"Recorded with openai 1.0; installed are openai {versions['openai']}" in str(
        stale({}, {"a": 1}, versions=old)
    )
    assert "does not say with which versions" in str(stale({}, {"a": 1}, versions={}))


@pytest.mark.parametrize(("name", "cure"), [("LLM_DO_MODEL", "unset it"), ("--model", "leave it out")])
def test_a_setting_that_asks_for_another_model_is_named_first(name: str, cure: str) -> None:
    first, *_, last = asked_for("new", ModelSetting(name, "openai-chat:new"), recorded="openai-chat:old")
    assert first == (
        f"{name} is 'openai-chat:new', the recording is of 'openai-chat:old': {cure}, or record anew"
    )
    assert last == "Record anew: pytest"


@pytest.mark.parametrize(
    ("now", "setting", "recorded"),
    [
        ("old", "openai-chat:new", "openai-chat:old"),  # the worker's file says which, not the setting
        ("new", "openai-chat:other", "openai-chat:old"),
        ("new", "openai-chat:new", "openai-chat:new"),
        ("new", "openai-chat:new", None),
    ],
)
def test_a_setting_that_changed_nothing_is_not_blamed(now: str, setting: str, recorded: str | None) -> None:
    lines = asked_for(now, ModelSetting("LLM_DO_MODEL", setting), recorded=recorded)
    assert lines[0].startswith("POST ")
    assert "LLM_DO_MODEL" not in "".join(lines)
    assert lines[-2].startswith("The installed SDKs are those of the recording")


def asked_for(model: str, setting: ModelSetting, *, recorded: str | None) -> list[str]:
    """Say what a miss tells of a request for a model, with another instruction than the recorded one."""
    miss = stale_cassette(
        request(chat("b", model=model)),
        3,
        path=Path("x.jsonl"),
        meta={"model": recorded, "versions": installed_versions()},
        left=[interaction(0, chat("a", model="old"))],
        command="pytest",
        setting=setting,
    )
    return str(miss).splitlines()


def test_many_differences_are_counted() -> None:
    miss = stale({str(n): 1 for n in range(9)}, {str(n): 2 for n in range(9)})
    assert "differs in 9 fields" in str(miss)
    assert "  body:\n" in str(miss)
    assert "    body.5: recorded 2 -> now 1\n    and 3 more\n" in str(miss)


def test_long_texts_are_cut_around_what_changed() -> None:
    before, now = "a" * 500 + "dog" + "z" * 500, "a" * 500 + "cat" + "z" * 500
    shown = str(next(differences(request(before), request(now))))
    assert shown == (f"body: recorded …{'a' * 20}dog{'z' * 47}… -> now …{'a' * 20}cat{'z' * 47}…")


def test_a_miss_has_one_line_too() -> None:
    line = stale(chat("b"), chat("a")).line
    assert "\n" not in line
    assert line.startswith(
        "POST /v1/chat/completions (sample 3) is not in c/x.jsonl, recorded 2026-11-02; The"
    )


@pytest.mark.parametrize(
    ("before", "now", "paths"),
    [
        (request(1, f"{URI}?x=1"), request(1, "http://other/v1/responses?x=2"), ["path", "query.x"]),
        (request({"a": 1}), request({"a": 1.0}), ["body.a"]),
        (request({"a": 1}), request({"a": True}), ["body.a"]),
        (request({"a": [1]}), request({"a": {"0": 1}}), ["body.a"]),
        (request({"a": [1, 2]}), request({"a": [1]}), ["body.a[1]"]),
        (request({"a": []}), request({"a": [1]}), ["body.a"]),
        (request({"a": "pyd_ai_" + "0" * 32}), request({"a": "pyd_ai_" + "1" * 32}), []),
        (request([]), Request("GET", URI, {}, Body()), ["method", "body"]),
    ],
)
def test_what_differs(before: Request, now: Request, paths: list[str]) -> None:
    assert [each.path for each in differences(before, now)] == paths
