"""Inputs and options that are wrong: one line, exit 2, nothing requested."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import StandIn

ECHO = "---\nname: main\n---\nRepeat.\n"
TYPED = """
---
name: main
input_schema:
  type: object
  properties: {n: {type: integer}, why: {type: string}}
  required: [n, why]
  additionalProperties: false
---
Count.
"""


@pytest.fixture
def provider(serve: Callable[..., StandIn]) -> StandIn:
    return serve()


@pytest.mark.parametrize(
    ("worker", "given", "line"),
    [
        (ECHO, {"inptu": "x"}, "input of 'main': .*; its fields: input, attachments .required: input."),
        (ECHO, {"input": 3}, "input of 'main': input: Input should be a valid string"),
        (ECHO, {"input": "x", "attachments": "a.pdf"}, "input of 'main': attachments: .* valid list"),
        (TYPED, {"n": "x", "why": "y"}, "input of 'main': n: 'x' is not .*; its fields: n, why"),
        (TYPED, {"n": 1}, "input of 'main': 'why' is a required property; its fields: n, why"),
        (TYPED, {"n": 1, "why": "", "k": 2}, "input of 'main': there may be no field 'k'"),
    ],
)  # fmt: skip
def test_an_input_of_the_wrong_shape(
    *, worker: str, given: object, line: str, write: Callable[..., Path], provider: StandIn, here: Here
) -> None:
    write(main_worker=worker)
    done = here("proj/main.worker", "--input-json", json.dumps(given))
    assert done.code == 2
    assert re.match(line, done.line), done.line
    assert provider.requests == []


def test_a_text_for_a_worker_with_several_fields(
    write: Callable[..., Path], provider: StandIn, here: Here
) -> None:
    write(main_worker=TYPED)
    done = here("proj/main.worker", "hi")
    assert done.code == 2
    assert done.line == "input of 'main' has the fields n, why; pass an object, not a text"
    assert provider.requests == []


def test_no_input(write: Callable[..., Path], provider: StandIn, here: Here) -> None:
    write(main_worker=ECHO)
    done = here("proj/main.worker")
    assert done.code == 2
    assert done.line.startswith("worker 'main' needs an input: give a PROMPT or --input-json OBJ")
    assert provider.requests == []


@pytest.mark.parametrize("argv", [["hi"], ["--input-json", '{"input": "hi"}'], ["--", "hi"]])
def test_a_project_that_takes_no_input(
    argv: list[str], write: Callable[..., Path], provider: StandIn, here: Here
) -> None:
    manifest = {
        "version": 1,
        "entry": {"input": {"input": "the usual"}},
        "allow_cli_input": False,
        "worker_files": ["main.worker"],
    }
    write(main_worker=ECHO, project_json=json.dumps(manifest))
    done = here("proj", *argv)
    assert (done.code, "proj/project.json: allow_cli_input is false" in done.line) == (2, True)
    assert provider.requests == []
    assert here("proj").out == "Thank you. You said: the usual\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no.pdf", "'no.pdf'.* does not exist"),
        ("docs", "'docs' is a folder"),
        ("../proj/main.worker", r"holds '\.\.'"),
        ("/nowhere/at/all.pdf", "'/nowhere/at/all.pdf'"),
        ("blob.bin", "is neither text nor PDF nor an image; convert it"),
        ("link.pdf", "'link.pdf'"),
        ("", ": '' is empty"),
    ],
)
def test_an_attachment_that_cannot_be_read(
    *, path: str, words: str, write: Callable[..., Path], provider: StandIn, here: Here, tmp_path: Path
) -> None:
    root = write(main_worker=ECHO)
    (root / "docs").mkdir()
    (root / "blob.bin").write_bytes(b"\xff\x00")
    (tmp_path / "outside.pdf").write_bytes(b"%PDF")
    (root / "link.pdf").symlink_to(tmp_path / "outside.pdf")
    given = json.dumps({"input": "x", "attachments": [path]})
    done = here("proj/main.worker", "--input-json", given)
    assert done.code == 2
    assert re.match(f"attachment .*{words}", done.line), done.line
    assert provider.requests == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ("", "no PATH given; pass a project.json, a folder, or .worker and .py files"),
        ("proj/main.worker hi ho", "'ho' is one word too many: .*quote it as one"),
        ("proj/main.worker hi -- ho", "'ho' is one word too many"),
        ("proj/main.worker hi proj/tools.py", "'proj/tools.py' is one word too many: .*put the paths first"),
        ("proj/main.worker hi --input-json {}", "both a PROMPT and --input-json were given; keep one"),
        ("proj/main.worker --input-json {", "--input-json is not valid JSON: .*; pass one object, e.g. "),
        ("proj/main.worker --input-json [1]", "--input-json holds a list; pass one object, e.g. "),
        ("proj/main.worker --entry mian", "--entry 'mian' .*; did you mean 'main'?"),
        ("proj/main.worker --entry other", "--entry 'other' .*; they declare main"),
    ],
)
def test_words_that_make_no_sense(
    argv: str, line: str, write: Callable[..., Path], provider: StandIn, here: Here
) -> None:
    write(main_worker=ECHO, tools_py="")
    done = here(*argv.split())
    assert done.code == 2
    assert re.match(line, done.line), done.line
    assert provider.requests == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ("--approve-all --reject-all", "--approve-all and --reject-all exclude each other"),
        ("--record a --replay b", "--record and --replay exclude each other; keep one"),
        ("--nope", "No such option: --nope.*; see llm-do --help"),
        ("--model", "Option '--model' requires an argument; see llm-do --help"),
        ("--max-depth x", "Invalid value for '--max-depth': 'x' is no whole number; see llm-do --help"),
        ("--timeout x", "Invalid value for '--timeout': 'x' is no number; see llm-do --help"),
        ("--max-depth -1", "Invalid value for '--max-depth': -1 .*; see llm-do --help"),
        ("--timeout 0", "Invalid value for '--timeout': 0.0 .*; see llm-do --help"),
        ("--timeout nan", "--timeout must be a number of seconds"),
        ("--timeout inf", "--timeout must be a number of seconds"),
        ("--tui", "--tui is not part of this version; use --headless"),
        ("--chat", "--chat is not part of this version; use --headless"),
        ("--set temperature", "--set 'temperature' must have the form .WORKER:.dotted.key=VALUE"),
        ("--set =1", "--set '=1' must have the form"),
        ("--set temprature=1", "--set main:temprature: unknown key .* did you mean 'temperature'?"),
        ("--set temperature=hot", "--set main:temperature: .* must be a number.* found text 'hot'"),
        ("--set model_settings.max_tokns=1", "--set .*did you mean 'max_tokens'?"),
        ("--set name.x=1", "--set main:name.x: 'name' is no mapping"),
        ("--set mian:temperature=1", "--set: 'mian' is no worker of this project; did you mean 'main'?"),
        ("--set other:temperature=1", "--set: 'other' is no worker of this project; it has main"),
        ("--runs-dir proj/main.worker", "proj/main.worker/.*: the journal cannot be opened .*--runs-dir"),
        ("--replay nowhere.jsonl", "nowhere.jsonl: there is no such cassette; record one with"),
    ],
)
def test_options_that_make_no_sense(
    argv: str, line: str, write: Callable[..., Path], provider: StandIn, here: Here
) -> None:
    write(main_worker=ECHO)
    done = here("proj/main.worker", "hi", *argv.split())
    assert done.code == 2
    assert re.match(line, done.line), done.line
    assert provider.requests == []


def test_words_that_are_no_utf_8(write: Callable[..., Path], provider: StandIn, here: Here) -> None:
    write(main_worker=ECHO)
    done = here("proj/main.worker", "caf\udce9")
    assert (done.code, done.line) == (2, r"'caf\udce9' is not UTF-8 text; write it in UTF-8")
    assert provider.requests == []
