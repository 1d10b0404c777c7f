"""Small files that harm whoever reads them are refused, in little time and memory."""

from __future__ import annotations

import sys

import pytest
from bounded import bounded
from policy import GENERATED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the backstop needs RLIMIT_AS and /proc")

BOMBS = {
    **GENERATED,
    "laughs-in-body": "name: a\n---\n" + GENERATED["laughs"],
    "long-key": '? "' + "x" * 60_000 + '"\n: 1',
    "long-keys": "".join(f"{'k' * 20}{number}: [" + "1, " * 20 + "]\n" for number in range(600)),
    "wide": "a: {" + ", ".join(f"k{number}: 1" for number in range(6000)) + "}",
    "digits": "a: " + "9" * 60_000,
    "hexadecimal": "a: 0x" + "f" * 60_000,
    "flow-deep": "{a: " * 5000,
    "indented-deep": "".join(" " * depth + "a:\n" for depth in range(350)),
    "quotes": "a: '" + "''" * 30_000,
    "comments": "#" * 60_000 + "\n" * 5_000,
    "questions": "? " * 30_000,
    "dashes": "- " * 30_000,
    "anchors": "a: [" + ", ".join(f"&a{number} 1" for number in range(5_000)) + "]",
}
OURS = """
from llm_do.project.strictyaml import load_yaml
from llm_do.project.spec import parse_worker
def act(text):
    try:
        parse_worker("a.worker", ("---\\n" + text + "\\n---\\nDo.\\n").encode())
    finally:
        load_yaml(text)
"""
MANIFESTS = {
    "deep": '{"a":' * 30_000,
    "deep-closed": "[" * 5000 + "]" * 5000,
    "many": "[" + "1," * 30_000 + "1]",
    "digits": '{"version": ' + "9" * 60_000 + "}",
    "exponent": '{"version": 1e999999999}',
    "huge": '{"version": 1, "x": "' + "x" * 10_000_000 + '"}',
    "keys": "{" + ",".join(f'"k{number}": 1' for number in range(6000)) + "}",
    "escapes": '{"' + "\\u0041" * 10_000 + '": 1}',
    "blank": " " * 65_000,
}
MANIFEST = """
from llm_do.project.manifest import load_manifest
def act(text):
    load_manifest("project.json", text.encode())
"""
PLAIN = "import json, yaml\ndef act(text):\n    return len(json.dumps(yaml.safe_load(text)))\n"
SECONDS = 1.0


def test_front_matter() -> None:
    outcomes = dict(zip(BOMBS, bounded(OURS, list(BOMBS.values())), strict=True))
    assert [name for name, each in outcomes.items() if not each.said.startswith("SpecError: ")] == []
    assert [name for name, each in outcomes.items() if each.seconds > SECONDS] == []


def test_manifests() -> None:
    outcomes = dict(zip(MANIFESTS, bounded(MANIFEST, list(MANIFESTS.values())), strict=True))
    assert [name for name, each in outcomes.items() if not each.said.startswith("SpecError: ")] == []
    assert [name for name, each in outcomes.items() if each.seconds > SECONDS] == []


@pytest.mark.slow
def test_another_loader_takes_all_the_memory_there_is() -> None:
    (control,) = bounded(PLAIN, [GENERATED["laughs"]], more_bytes=50_000_000)
    assert control.said == "MemoryError"
