"""A test in, the file of its cassette and the command that records it out."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from llm_do_eval.cassette.file.place import file_name

if TYPE_CHECKING:
    from pathlib import Path


def cassette_path(item: pytest.Item, mode: str) -> Path:
    """Place the cassette of a test: `cassettes/<module>/<test>.jsonl` beside the module.

    Where only a cassette of stock vcrpy is there, `<test>.yaml`, it is that one for modes that replay all.
    """
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    name = file_name([*classes, item.name])
    path = item.path.parent / "cassettes" / item.path.stem / f"{name}.jsonl"
    stock = path.with_suffix(".yaml")
    return stock if mode in ("none", "once") and stock.exists() and not path.exists() else path


def record_command(item: pytest.Item, mode: str, *, samples: int | None) -> str:
    """Write the command that records a test, as it is typed where pytest was started.

    Args:
        item: the test.
        mode: the record mode.
        samples: how many samples, where it is not the mark's own number.
    """
    path = os.path.relpath(item.path, item.config.invocation_params.dir)
    nodeid = "::".join([path, *item.nodeid.split("::")[1:]])
    number = [] if samples is None else [f"--llm-samples={samples}"]
    return shlex.join(["pytest", f"--llm-record={mode}", *number, nodeid])
