"""Old cassettes are scrubbed by what is known today, and cassettes of stock vcrpy become ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
import pytest
from recorded import CHAT, cassettes, exchange, write

from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import read_recording

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery"
STRING = """\
interactions:
- request:
    body: '{"model":"gpt","messages":[{"role":"user","content":"hi"}]}'
    headers:
      authorization: [Bearer sk-0123456789abcdefghij]
    method: POST
    uri: https://api.openai.com/v1/chat/completions
  response:
    body:
      string: '{"choices":[],"model":"gpt-1"}'
    headers:
      content-type: [application/json]
      date: ['Mon, 02 Nov 2026 10:00:00 GMT']
      set-cookie: [canary]
    status: {code: 200, message: OK}
version: 1
"""
PARSED = STRING.replace(
    """    body: '{"model":"gpt","messages":[{"role":"user","content":"hi"}]}'
""",
    """    parsed_body: {model: gpt, messages: [{role: user, content: hi}]}
""",
).replace(
    """    body:
      string: '{"choices":[],"model":"gpt-1"}'
""",
    """    parsed_body: {choices: [], model: gpt-1}
""",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    leaking = exchange(f"It is {SECRET}.", f"Not {SECRET}", headers={"authorization": f"Bearer {SECRET}"})
    return write(tmp_path / "x.jsonl", [leaking, exchange("Hi?", "Hello.", sample=1)], note=SECRET)


def test_secrets_are_replaced_in_place_and_told_by_place(path: Path, tmp_path: Path) -> None:
    done = cassettes("scrub", path.name, cwd=tmp_path, APP_PASSWORD=SECRET)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "meta.note",
        "sample 0 seq 0 request.headers.authorization",
        "sample 0 seq 0 request.body.messages[0].content",
        "sample 0 seq 0 response.body",
        "x.jsonl: 4 places scrubbed",
    ]
    recording = read_recording(path)
    assert SECRET not in path.read_text(encoding="utf-8")
    assert recording.interactions[0].request.body.value["messages"][0]["content"] == "It is <env-secret>."
    assert recording.interactions[0].latency_s == 0.25
    assert list(tmp_path.iterdir()) == [path]
    again = path.read_bytes()
    assert cassettes("scrub", path, cwd=tmp_path, APP_PASSWORD=SECRET).out.endswith("0 places scrubbed\n")
    assert path.read_bytes() == again


def test_a_scrubbed_copy_leaves_the_file(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    words = ("scrub", path, "-o", "clean/y.jsonl", "--json", "-")
    done = cassettes(*words, cwd=tmp_path, APP_PASSWORD=SECRET)
    assert len(done.json["places"]) == 4
    assert path.read_bytes() == before
    assert SECRET not in (tmp_path / "clean" / "y.jsonl").read_text(encoding="utf-8")
    taken = cassettes(*words, cwd=tmp_path)
    assert (taken.code, taken.line) == (2, "--output clean/y.jsonl: is there already; name another file")


def test_what_cannot_be_scrubbed_is_left_alone(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    journal = path.with_name("x.jsonl.journal")
    journal.touch()
    busy = cassettes("scrub", path.name, cwd=tmp_path)
    assert (busy.code, busy.line.partition(";")[0]) == (
        2, "x.jsonl: a recording of it is under way or was interrupted",
    )  # fmt: skip
    journal.unlink()
    assert path.read_bytes() == before
    (tmp_path / "x.yaml").write_text(STRING, encoding="utf-8")
    assert cassettes("scrub", "x.yaml", cwd=tmp_path).code == 2
    assert cassettes("scrub", "none.jsonl", cwd=tmp_path).code == 3


@pytest.mark.parametrize("stock", [STRING, PARSED])
def test_a_stock_cassette_becomes_ours_and_replays(stock: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(stock, encoding="utf-8")
    done = cassettes("convert", "x.yaml", "-o", "out/x.jsonl", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "out/x.jsonl: 1 requests of x.yaml\n", "")
    path = tmp_path / "out" / "x.jsonl"
    text = path.read_text(encoding="utf-8")
    assert "canary" not in text
    assert "sk-0123456789" not in text
    meta = json.loads(text.splitlines()[0])
    assert (meta["model"], meta["models"], meta["versions"]) == ("openai-chat:gpt", ["gpt-1"], {})
    assert meta["recorded_at"] == "2026-11-02T10:00:00+00:00"
    body = {"messages": [{"role": "user", "content": "hi"}], "model": "gpt"}
    with use(path, mode="none") as tape, httpx2.Client() as client:
        assert client.post(CHAT, json=body).json() == {"choices": [], "model": "gpt-1"}
    assert tape.unplayed() == ()


def test_a_folder_is_converted_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    source = tmp_path / "old" / "test_x"
    source.mkdir(parents=True)
    (source / "a.yaml").write_text(STRING, encoding="utf-8")
    (source / "b.yml").write_text(STRING[:200], encoding="utf-8")
    torn = cassettes("convert", "old", "-o", "new", cwd=tmp_path)
    assert torn.code == 3
    assert torn.line.startswith("old/test_x/b.yml: ")
    assert not (tmp_path / "new").exists()
    (source / "b.yml").write_text(PARSED, encoding="utf-8")
    done = cassettes("convert", "old", "-o", "new", "--json", "-", cwd=tmp_path)
    assert [each["target"] for each in done.json["files"]] == ["new/test_x/a.jsonl", "new/test_x/b.jsonl"]
    assert sorted(each.name for each in (tmp_path / "new" / "test_x").iterdir()) == ["a.jsonl", "b.jsonl"]


def test_nothing_is_replaced_unless_it_is_forced(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(STRING, encoding="utf-8")
    target = tmp_path / "x.jsonl"
    target.write_text("mine", encoding="utf-8")
    refused = cassettes("convert", "x.yaml", "-o", "x.jsonl", cwd=tmp_path)
    assert (refused.code, refused.line) == (
        2, "x.jsonl: is there already; name another file, or --force replaces it",
    )  # fmt: skip
    assert target.read_text(encoding="utf-8") == "mine"
    assert cassettes("convert", "x.yaml", "-o", "x.jsonl", "--force", cwd=tmp_path).code == 0
    assert len(read_recording(target).interactions) == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none.yaml", "-o", "x.jsonl"], 3, "none.yaml: there is no YAML cassette here"),
        (["empty", "-o", "new"], 3, "empty: there is no YAML cassette here"),
        (["x.yaml", "-o", "y.yaml"], 2, "y.yaml: name a .jsonl file"),
        (["other.yaml", "-o", "y.jsonl"], 3, "other.yaml: "),
        (["x.yaml"], 2, "Missing option '-o'"),
    ],
)
def test_bad_input_is_one_line(words: list[str], code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.yaml").write_text(STRING, encoding="utf-8")
    (tmp_path / "other.yaml").write_text("a: 1\n", encoding="utf-8")
    done = cassettes("convert", *words, cwd=tmp_path)
    assert done.code == code
    assert done.line.startswith(message)
    assert not (tmp_path / "y.jsonl").exists()
