"""Two cassettes are compared field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorded import cassettes, exchange, write

if TYPE_CHECKING:
    from pathlib import Path


def test_equal_cassettes_have_no_difference(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [exchange("Hi?", "Hello.")])
    second = write(tmp_path / "b.jsonl", [exchange("Hi?", "Hello.")])
    done = cassettes("diff", first, second, cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "no differences\n", "")


def test_differences_are_told_by_sample_seq_and_field(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [exchange("Hi?", "Hello."), exchange("Ho?", "Ho.", sample=1)], task="x")
    write(tmp_path / "b.jsonl", [exchange("Hey?", "Hello!\x1b"), exchange("Hi?", "Hi.", sample=2)], task="y")
    done = cassettes("diff", "a.jsonl", "b.jsonl", cwd=tmp_path)
    assert done.code == 1
    assert done.out.splitlines() == [
        "meta:",
        "  .samples: '0..1' -> now '0, 2'",
        "  .task: 'x' -> now 'y'",
        "sample 0 seq 0:",
        "  request.body.messages[0].content: 'Hi?' -> now 'Hey?'",
        "  response.body.choices[0].message.content: 'Hello.' -> now 'Hello!\\x1b'",
        "sample 1 seq 0: only in a.jsonl",
        "sample 2 seq 0: only in b.jsonl",
    ]
    found = cassettes("diff", "a.jsonl", "b.jsonl", "--json", "-", cwd=tmp_path)
    assert found.code == 1
    places = {each["where"]: each for each in found.json["places"]}
    assert places["sample 1 seq 0"]["only_in"] == "a.jsonl"
    assert places["sample 0 seq 0"]["fields"][0] == {
        "path": "request.body.messages[0].content",
        "first": "Hi?",
        "second": "Hey?",
    }


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [exchange("Hi?", "Hello.")])
    assert cassettes("diff", "a.jsonl", "b.jsonl", cwd=tmp_path).code == 3
    missing = cassettes("diff", "a.jsonl", cwd=tmp_path)
    assert (missing.code, missing.line) == (2, "Missing argument 'B'; see llm-do-eval --help")
