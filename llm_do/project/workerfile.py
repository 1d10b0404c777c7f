"""Bytes of a worker file in, its front matter (with lines) and its body out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_do.canonical import digest
from llm_do.errors import SpecError
from llm_do.project.document import Node, decode
from llm_do.project.strictyaml import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

FENCE = "---"
GENERATED = "workers/generated"
"""Where created workers are kept, below the project's root."""


@dataclass(frozen=True, slots=True)
class WorkerFile:
    """A worker file cut in two: `front` is a mapping, `body` the text below it without outer blank lines.

    `body_line` is the line (from 1) on which the body begins, `sha256` the digest of the file's bytes.
    """

    front: Node
    body: str
    body_line: int
    sha256: str


def read_worker_file(path: Path | str, source: bytes) -> WorkerFile:
    """Cut a worker file at its two `---` lines.

    Raises:
        SpecError: no front matter, an unclosed one, or one that `load_yaml` refuses.
    """
    lines = decode(source, path=path).split("\n")
    if lines[0].rstrip() != FENCE:
        raise SpecError(f"must begin with a {FENCE!r} line, then `name: ...`", path=path, line=1)
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        raise SpecError(f"the front matter is not closed; add a second {FENCE!r} line", path=path, line=1)
    front = load_yaml("\n".join([*lines[1:end], ""]), path=path, first_line=2)
    if not isinstance(front.value, dict):
        raise SpecError("the front matter must be `key: value` lines, found a list", path=path, line=2)
    start = next((number for number in range(end + 1, len(lines)) if lines[number].strip()), end + 1)
    return WorkerFile(front, "\n".join(lines[start:]).rstrip(), start + 1, digest(source))
