"""Who changed something: the project, the SDK, or only the clock; and values that are not to count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llm_do.canonical import digest
from llm_do.errors import UsageError
from llm_do_eval.cassette import StaleCassette, use
from llm_do_eval.cassette.cause import volatile
from llm_do_eval.cassette.file.recording import installed_versions
from llm_do_eval.cassette.file.sources import surface
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.miss import Difference, stale_cassette
from llm_do_eval.cassette.wires.anatomy import part_of
from llm_do_eval.cassette.wires.normalize import Normalizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn

CHAT = "https://h/v1/chat/completions"
GOOGLE = "https://h/v1beta/models/m:generateContent"
BEDROCK = "https://h/model/m/converse"
OLD = {**installed_versions(), "pydantic-ai": "2.30.0"}


def request(body: Any, uri: str = CHAT) -> Request:
    return Request("POST", uri, {}, Body("json", body))


def chat(content: Any = "Hi.", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **fields}


@pytest.mark.parametrize(
    ("uri", "path", "part"),
    [
        (CHAT, "body.messages[0].content", "prompt"),
        (CHAT, "body.tools[0].function.name", "tools"),
        (CHAT, "body.tool_choice", "tools"),
        (CHAT, "body.temperature", "settings"),
        (CHAT, "body.model", "model"),
        (CHAT, "path", "request"),
        (CHAT, "query.api-version", "request"),
        ("https://h/v1/responses", "body.instructions", "prompt"),
        ("https://h/v1/responses", "body.input[0].content[0].text", "prompt"),
        ("https://h/v1/messages", "body.system[0].text", "prompt"),
        ("https://h/v1/messages", "body.max_tokens", "settings"),
        (GOOGLE, "body.contents[0].parts[0].text", "prompt"),
        (GOOGLE, "body.systemInstruction.parts[0].text", "prompt"),
        (GOOGLE, "body.toolConfig.functionCallingConfig.mode", "tools"),
        (GOOGLE, "body.generationConfig.temperature", "settings"),
        (GOOGLE, "path", "model"),
        (BEDROCK, "body.toolConfig.tools[0].toolSpec.name", "tools"),
        (BEDROCK, "body.inferenceConfig.maxTokens", "settings"),
        (BEDROCK, "path", "model"),
        ("https://h/other", "body.messages", "body"),
        ("https://h/other", "path", "request"),
    ],
)
def test_every_field_has_its_part(uri: str, path: str, part: str) -> None:
    in_path = uri in (GOOGLE, BEDROCK)
    assert part_of(request({} if in_path else {"model": "m"}, uri), path) == part


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.worker").write_text("---\nname: desk\n---\nAnswer.\n", encoding="utf-8")
    (tmp_path / "tools.py").write_text("def look(city: str): ...\n", encoding="utf-8")
    return tmp_path


def cause(folder: Path, before: Any, now: Any, *, noted: bool = True, **meta: Any) -> str:
    """Return the sentence before the command."""
    source = (folder / "desk.worker").read_bytes()
    workers = {"workers": {"desk": {"file": "desk.worker", "sha256": digest(source)}}} if noted else {}
    miss = stale_cassette(
        request(now),
        0,
        path=folder / "x.jsonl",
        meta={"versions": installed_versions(), **workers, **meta},
        left=[Interaction(0, 0, "", request(before), Response(200, {}, Body()))],
        command="pytest --llm-record=rewrite",
    )
    *_, sentence, command = str(miss).splitlines()
    assert command == "Record anew: pytest --llm-record=rewrite"
    return sentence


SDK = f"Recorded with pydantic-ai 2.30.0; installed are pydantic-ai {installed_versions()['pydantic-ai']}"


def test_a_changed_worker_is_the_cause_whatever_else_changed(folder: Path) -> None:
    meta: dict[str, Any] = {"workers": {"desk": {"file": "desk.worker", "sha256": "another"}}}
    assert cause(folder, chat("a"), chat("b"), versions=OLD, **meta) == (
        "The project changed, not the SDK: worker 'desk' (desk.worker) changed since it was recorded"
    )


def test_a_new_wire_format_is_the_sdk(folder: Path) -> None:
    now = chat([{"type": "text", "text": "Hi."}], stream=False)
    assert cause(folder, chat(), now, versions=OLD) == (
        f"No worker file and no word of the prompt changed: the SDK did. {SDK}"
    )
    assert cause(folder, chat(), now, versions=OLD, noted=False) == (
        f"No word of the prompt changed: the SDK did. {SDK}"
    )


def test_other_words_are_no_sdk(folder: Path) -> None:
    assert cause(folder, chat("Hi."), chat("Ho."), versions=OLD) == (
        "The words of the prompt changed, which is no SDK's doing. "
        f"No worker file changed: look at the input, and at the code that makes it. {SDK}"
    )
    assert cause(folder, chat("Hi."), chat("Ho."), versions=OLD, noted=False) == (
        f"The words of the prompt changed, which is no SDK's doing. {SDK}"
    )


def test_another_model_is_no_sdk(folder: Path) -> None:
    assert cause(folder, chat(), chat(model="n"), versions=OLD) == (
        f"The model is another, which is no SDK's doing: look at what names it. {SDK}"
    )


def test_other_tools_are_the_sdk_only_where_their_file_is_known_to_be_the_same(folder: Path) -> None:
    now = chat(tools=[{"name": "look"}])
    unknown = f"No word of the prompt changed: the SDK did, or a tool. {SDK}"
    assert cause(folder, chat(), now, versions=OLD) == unknown
    known: dict[str, Any] = {"tool_files": {"tools.py": surface(folder / "tools.py")}}
    assert cause(folder, chat(), now, versions=OLD, **known) == (
        f"No worker file and no word of the prompt changed: the SDK did. {SDK}"
    )
    (folder / "tools.py").write_text("def look(town: str): ...\n", encoding="utf-8")
    assert cause(folder, chat(), now, versions=OLD, **known) == (
        "The project changed, not the SDK: what tools.py declares changed since it was recorded"
    )


def test_with_the_same_sdks_it_is_the_project(folder: Path) -> None:
    assert cause(folder, chat("Hi."), chat("Ho."), noted=False) == (
        "The installed SDKs are those of the recording, so the input or something in the project changed"
    )
    assert cause(folder, chat("Hi."), chat("Ho.")) == (
        "No worker file changed, and the installed SDKs are those of the recording: look at the input, and "
        "at the code that makes it"
    )


def asked(result: str, *, city: str = "Oslo") -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    return {
        "model": "m",
        "messages": [
            {"role": "user", "content": f"How is {city}?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": result},
        ],
    }


def test_a_tool_that_returned_something_else_is_named(folder: Path) -> None:
    assert cause(folder, asked("warm"), asked("cold"), versions=OLD) == (
        "Only what tool 'look_up' returned is another: look at the code and the data behind it"
    )
    assert "look_up" not in cause(folder, asked("warm"), asked("cold", city="Rome"), versions=OLD)


def test_another_vcrpy_sends_no_other_requests(folder: Path) -> None:
    versions = {**installed_versions(), "vcrpy": "9.0"}
    assert cause(folder, chat("Hi."), chat("Ho."), noted=False, versions=versions).startswith(
        "The installed SDKs are those of the recording"
    )


def test_a_package_that_only_one_side_names_is_not_told_as_changed(folder: Path) -> None:
    older = {name: version for name, version in installed_versions().items() if name != "boto3"}
    assert cause(folder, chat("Hi."), chat("Ho."), noted=False, versions=older) == (
        "The installed SDKs are those of the recording (the versions of boto3 cannot be compared), so "
        "the input or something in the project changed"
    )
    gone = {**installed_versions(), "mistralai": "1.0"}
    assert cause(folder, chat("Hi."), chat("Ho."), noted=False, versions=gone) == (
        "The installed SDKs are those of the recording (the versions of mistralai cannot be compared), so "
        "the input or something in the project changed"
    )
    both = {**older, "pydantic-ai": "2.30.0", "mistralai": "1.0"}
    assert cause(folder, chat(), chat(model="n"), versions=both) == (
        f"The model is another, which is no SDK's doing: look at what names it. {SDK}"
    )
    assert cause(folder, chat("Hi."), chat("Ho."), noted=False, versions={"mistralai": "1.0"}) == (
        "The recording does not say with which versions it was made"
    )


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        ("It is 2026-11-02.", "It is 2026-11-20.", ["a date"]),
        ("at 2026-11-02T10:00:00+00:00", "at 2026-11-20T09:00:00Z", ["a date"]),
        ("at 10:31:07", "at 9:05", ["a time"]),
        ("id 1f0e4b9c-0000-4000-8000-000000000001", "id 1f0e4b9c-0000-4000-8000-000000000002", ["a UUID"]),
        ("id 1f0e4b9c00004000800000000000000a", "id 1f0e4b9c00004000800000000000000b", ["a UUID"]),
        ("in /tmp/pytest-of-x/pytest-1/a", "in /tmp/pytest-of-x/pytest-22/a", ["a temporary path"]),
        ("/private/var/folders/zz/T/a", "/private/var/folders/yy/T/a", ["a temporary path"]),
        (1793620000, 1793627777, ["a time stamp"]),
        ("2026-11-02 in /tmp/a", "2026-11-03 in /tmp/b", ["a date", "a temporary path"]),
        ("It is 2026-11-02.", "It was 2026-11-20.", []),
        ("order 12", "order 13", []),
        ("It is 2026-11-02.", 20261120, []),
        ({"day": "2026-11-02"}, {"day": "2026-11-03"}, ["a date"]),
    ],
)
def test_values_of_every_day_are_known(before: Any, now: Any, kinds: list[str]) -> None:
    assert volatile([Difference("body", before, now)]) == kinds


def test_a_miss_by_such_a_value_says_what_to_do(folder: Path) -> None:
    before, now = chat("Today is 2026-11-02."), chat("Today is 2026-11-20.")
    assert cause(folder, before, now, versions=OLD) == (
        "Only a date differs: such a value cannot be replayed. Pass it in; in a test, make it from "
        "sample.rng or sample.tmp_path, or name it in the ini key llm_normalize"
    )
    assert "Only a date" not in cause(folder, before, {**now, "stream": True}, versions=OLD)


def test_a_normalized_value_does_not_count(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    normalizer = Normalizer.of(["", r"\d{4}-\d\d-\d\d -> <date>", r"run \d+ -> <run>"])
    with use(path, mode="once", normalizer=normalizer):
        answer = ask("run 7 of 2026-11-02")
    provider.stop()
    with use(path, mode="none", normalizer=normalizer) as tape:
        assert ask("run 81 of 2026-11-20") == answer
    assert tape.unplayed() == ()
    assert "run 7 of 2026-11-02" in path.read_text(encoding="utf-8")
    with pytest.raises(StaleCassette, match="Only a date"), use(path, mode="none"):
        ask("run 7 of 2026-11-20")
    with pytest.raises(StaleCassette) as missed, use(path, mode="none", normalizer=normalizer):
        ask("day 81 of 2026-11-20")
    assert "content: recorded '<run> of <date>' -> now 'day 81 of <date>'" in str(missed.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [("a=>b", "is no rule; write REGEX -> PLACEHOLDER"), ("( -> x", "is no regular expression: missing )")],
)
def test_a_wrong_rule_is_refused(line: str, message: str) -> None:
    with pytest.raises(UsageError, match="llm_normalize: ") as refused:
        Normalizer.of([line])
    assert message in str(refused.value)
