from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.command.invocation import Invocation, chosen_input, parse_input, positionals
from llm_do.errors import UsageError
from llm_do.project.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO

HERE = Invocation(paths=(Path("main.worker"),))
MANIFEST = Manifest(path="project.json", entry_input={"input": "from the manifest"})


@pytest.mark.parametrize(
    ("words", "after", "paths", "prompt"),
    [
        ("proj", None, "proj", None),
        ("proj|hi", None, "proj", "hi"),
        ("main.worker|tools.py|hi", None, "main.worker tools.py", "hi"),
        ("main.worker|tools.py", None, "main.worker tools.py", None),
        ("proj|tools.py", None, "proj tools.py", None),
        ("main.worker|see tools.py", None, "main.worker|see tools.py", None),
        ("main.worker", "see tools.py", "main.worker", "see tools.py"),
        ("main.worker", "b.worker", "main.worker", "b.worker"),
        ("main.worker", "--json", "main.worker", "--json"),
        ("main.worker", "", "main.worker", None),
        ("main.worker|", None, "main.worker", ""),
        ("tools.py|-", None, "tools.py", "-"),
    ],
)
def test_paths_and_prompt(words: str, after: str | None, paths: str, prompt: str | None) -> None:
    found = positionals(words.split("|"), None if after is None else after.split("|") if after else [])
    separator = "|" if "|" in paths else " "
    assert found.paths == tuple(Path(path) for path in paths.split(separator))
    assert found.prompt == prompt


@pytest.mark.parametrize(
    ("words", "after", "sentence"),
    [
        ([], None, "no PATH given"),
        ([], ["main.worker"], "no PATH given"),
        (["p", "one", "two"], None, "'two' is one word too many: .* quote it as one"),
        (["p"], ["one", "two"], "'two' is one word too many"),
        (["p", "one"], ["two"], "'two' is one word too many"),
        (["p", "one", "tools.py"], None, "'tools.py' is one word too many: .* put the paths first"),
        (["p", "\udcff"], None, "is not UTF-8"),
    ],
)
def test_words_that_make_no_sense(words: list[str], after: list[str] | None, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        positionals(words, after)


def test_input_json() -> None:
    assert parse_input('{"input": "hé", "n": [1, 2.5, true, null]}') == {
        "input": "hé",
        "n": [1, 2.5, True, None],
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "--input-json is not valid JSON"),
        ("", "--input-json is not valid JSON"),
        ("[1]", "--input-json holds a list"),
        ('"hi"', "--input-json holds text 'hi'"),
        ("null", r"--input-json holds nothing \(null\)"),
        ("3", "--input-json holds number 3"),
        ('{"n": NaN}', "NaN is no number"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": "\\ud800"}', "--input-json is "),
        ('{"a": "\udcff"}', "is not UTF-8"),
    ],
)
def test_input_json_that_is_no_object(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_input(text)


def test_the_prompt_comes_before_the_manifest() -> None:
    given = Invocation(paths=HERE.paths, prompt="hi")
    assert chosen_input(given, MANIFEST, None) == "hi"
    given = Invocation(paths=HERE.paths, input_json={"a": 1})
    assert chosen_input(given, MANIFEST, None) == {"a": 1}
    assert chosen_input(HERE, MANIFEST, None) == {"input": "from the manifest"}
    assert chosen_input(HERE, Manifest(), None) is None


def test_an_empty_prompt_is_a_prompt() -> None:
    assert chosen_input(Invocation(paths=HERE.paths, prompt=""), MANIFEST, None) == ""


def test_two_inputs() -> None:
    given = Invocation(paths=HERE.paths, prompt="hi", input_json={})
    with pytest.raises(UsageError, match="both a PROMPT and --input-json"):
        chosen_input(given, Manifest(), None)


@pytest.mark.parametrize("given", [{"prompt": "hi"}, {"input_json": {"a": 1}}])
def test_input_that_the_manifest_refuses(given: dict[str, Any]) -> None:
    closed = Manifest(path="project.json", allow_cli_input=False)
    with pytest.raises(UsageError, match=r"project\.json: allow_cli_input is false"):
        chosen_input(Invocation(paths=HERE.paths, **given), closed, None)
    with piped(b"hi") as stdin, pytest.raises(UsageError, match="allow_cli_input is false"):
        chosen_input(HERE, closed, stdin)
    with piped(b"") as stdin:
        assert chosen_input(HERE, closed, stdin) is None


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (b"hi\n", "hi"),
        (b"two\r\nlines\r\n", "two\r\nlines"),
        (b" h\xc3\xa9 \n\n", " hé "),
        (b"\n", None),
        (b"", None),
    ],
)
def test_standard_input(content: bytes, prompt: str | None, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_bytes(content)
    with piped(content) as stdin:
        assert chosen_input(HERE, Manifest(), stdin) == prompt
    with (tmp_path / "prompt").open(encoding="ascii") as stdin:
        assert chosen_input(HERE, Manifest(), stdin) == prompt


def test_standard_input_as_a_socket() -> None:
    here, there = socket.socketpair()
    with here, there, here.makefile(encoding="utf-8") as stdin:
        there.sendall(b"hi")
        there.shutdown(socket.SHUT_WR)
        assert chosen_input(HERE, Manifest(), stdin) == "hi"


def test_standard_input_that_is_not_text() -> None:
    with piped(b"\xff\xfe") as stdin, pytest.raises(UsageError, match="standard input is not UTF-8"):
        chosen_input(HERE, Manifest(), stdin)


def test_standard_input_that_holds_no_prompt() -> None:
    with Path(os.devnull).open(encoding="utf-8") as stdin:
        assert chosen_input(HERE, Manifest(), stdin) is None
    here, there = os.openpty()
    with os.fdopen(there, encoding="utf-8") as stdin:
        assert chosen_input(HERE, Manifest(), stdin) is None
    os.close(here)
    assert chosen_input(HERE, Manifest(), None) is None


def test_standard_input_is_left_alone_when_there_is_a_prompt() -> None:
    with piped(b"hi") as stdin:
        chosen_input(Invocation(paths=HERE.paths, prompt="from the line"), Manifest(), stdin)
        assert stdin.read() == "hi"


@contextmanager
def piped(content: bytes) -> Generator[TextIO]:
    """Open a pipe that holds some bytes and has been closed on the other side."""
    out, into = os.pipe()
    os.write(into, content)
    os.close(into)
    with os.fdopen(out, encoding="ascii") as stdin:
        yield stdin
