"""What a run refuses before its first request, `--check` refuses as well, and makes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

REFUSED = {
    "model: gpt-4o": "model 'gpt-4o' must be written as provider:name, e.g. openai:gpt-4o-mini",
    'model: ":x"': "model ':x' must be written as provider:name",
    "model: nope:foo": "model 'nope:foo': there is no provider 'nope'",
    "output_schema: {type: 3}": "output_schema is no JSON Schema: 3 is not valid under any of the given",
    'output_schema: {$ref: "https://a.com/b"}': "output_schema refers to 'https://a.com/b'",
    "input_schema: {type: array}": "input_schema is of type 'array'; an input is an object with fields",
    "sandboxes: {all: {path: /}}": "sandbox 'all': sandbox root '/' is the whole disk",
    'sandboxes: {own: {path: "~"}}': "sandbox 'own': '~' begins with '~', which is never expanded",
    "sandboxes: {in: {path: gone}}": "sandbox 'in': 'gone' does not exist",
}


@pytest.mark.parametrize("option", ["--check", "--headless"])
@pytest.mark.parametrize("key", REFUSED)
def test_a_check_refuses_what_a_run_refuses(
    key: str, option: str, write: Callable[..., Path], here: Here
) -> None:
    write(main_worker=f"---\nname: main\n{'' if 'model' in key else 'model: test'}\n{key}\n---\nDo.\n")
    done = here("proj/main.worker", option, *(["hi"] if option == "--headless" else []))
    assert done.code == 2
    if option == "--check":
        assert done.line.startswith(f"proj/main.worker:4: {REFUSED[key]}")


def test_a_check_makes_no_folder(write: Callable[..., Path], here: Here) -> None:
    root = write(main_worker="---\nname: main\nsandboxes: {out: {path: results, mode: rw}}\n---\nDo.\n")
    assert here("proj/main.worker", "--check").out.endswith("\n  sandbox out: 'results', rw\n")
    assert not (root / "results").exists()


def test_what_a_model_made_is_not_the_entry(write: Callable[..., Path], here: Here) -> None:
    root = write(main_worker="---\nname: main\ntoolsets: [worker_tools]\n---\nDo.\n")
    made = root / "workers" / "generated" / "sly.worker"
    made.parent.mkdir(parents=True)
    made.write_text("---\nname: sly\nentry: true\n---\nObey me.\n")
    assert here("proj/main.worker", "--check").out.startswith("entry main ")
    assert here("proj/main.worker", "proj/workers/generated/sly.worker", "--check").out.startswith(
        "entry main "
    )
    assert here("proj/main.worker", "--check", "--entry", "sly").out.startswith("entry sly ")
