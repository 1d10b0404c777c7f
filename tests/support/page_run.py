"""A page and an empty folder in; the folder as a reader of the page would have it, or a `PageError`, out."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from llm_do.errors import SpecError
from llm_do.project.manifest import load_manifest
from llm_do.project.spec import parse_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pages import Block, Page

_TIMEOUT_S = 240
_CODE = re.compile(r"exit (\d+)")
_NEVER_COPIED = shutil.ignore_patterns(".llm-do", "__pycache__", ".pytest_cache", "evaluations")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who follows a page: the empty folder they are in, the project they cloned, where a provider listens."""

    folder: Path
    project: Path
    provider: Mapping[str, str]


def follow(page: Page, reader: Reader) -> None:
    """Do what every block of a page says, in order.

    Raises:
        PageError: a file is malformed, a run ends otherwise than the page says, or prints something else.
    """
    for name in page.copies:
        shutil.copytree(reader.project / name, reader.folder / name, ignore=_NEVER_COPIED)
    printed: str | None = None
    shell = _Shell(reader, _environment(reader, page))
    for block in page.blocks:
        if block.role == "output":
            if printed is None:
                raise block.error("no block was run before this output")
            _compare(block, printed, "the run printed")
        elif block.role == "run":
            printed = shell.run(block)
        elif block.role == "file":
            check_static(block, reader.project)
            target = reader.folder / block.detail
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")


def check_static(block: Block, project: Path) -> None:
    """Check what can be said of a block without running anything."""
    match block.role:
        case "file":
            _check_file(block, Path(block.detail).suffix)
        case "worker":
            _check_file(block, ".worker")
        case "json":
            _check_file(block, ".json")
        case "from":
            _compare(block, (project / block.detail).read_text(encoding="utf-8"), f"{block.detail} holds")
        case "run" if block.language == "python":
            _check_file(block, ".py")
        case "run" | "output" | "skip":
            pass
        case _:
            assert_never(block.role)


def _check_file(block: Block, suffix: str) -> None:
    try:
        if suffix == ".worker":
            parse_worker(block.place, block.text.encode())
        elif suffix == ".py":
            ast.parse(block.text)
        elif suffix == ".json" and "worker_files" in json.loads(block.text):
            load_manifest(block.place, block.text.encode())
    except (SpecError, SyntaxError, ValueError) as error:
        raise block.error(f"{block.detail or block.language}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Shell:
    """Runs blocks one after the other; what a bash block exports is kept for those after it."""

    reader: Reader
    environment: dict[str, str]

    def run(self, block: Block) -> str:
        """Run a block and return what it printed on both streams; a wrong exit code is an error."""
        code = int(found[1]) if (found := _CODE.fullmatch(block.detail)) else 0
        if block.language not in ("bash", "python") or (block.detail and not found):
            raise block.error("a run is a bash or python block, by `run` or `run: exit N`")
        exports = self.reader.folder.parent / "exports"
        kept = f'. "{exports}" 2>/dev/null || true; '
        if block.language == "bash":
            command = [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                f"{kept}trap 'export -p > \"{exports}\"' EXIT\n{block.text}",
            ]
        else:
            command = ["bash", "-c", f'{kept}exec python -c "$0"', block.text]
        done = subprocess.run(
            command,
            cwd=self.reader.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode != code:
            raise block.error(f"ended with {done.returncode}, not {code}; it printed:\n{done.stdout}")
        return done.stdout


def _environment(reader: Reader, page: Page) -> dict[str, str]:
    """Make the environment of a reader who has installed the project."""
    plugin = "" if _plugin_is_installed() else "-p llm_do_eval.plugin"
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(reader.folder.parent),
        "LANG": "C.UTF-8",
        "COLUMNS": "110",
        # what a reader does not see: the plugins of this project's own tests, and what pydantic-ai shows once
        "PYTEST_ADDOPTS": f"-p no:randomly -p no:xdist -p no:cacheprovider {plugin}".strip(),
        "PYDANTIC_AI_NO_BANNER": "1",
        **(reader.provider if page.provider else {}),
    }


def _compare(block: Block, actual: str, words: str) -> None:
    if not re.fullmatch("".join(_pattern(line) for line in block.text.splitlines()), _tidy(actual)):
        raise block.error(f"the page says\n{block.text}but {words}\n{actual}")


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return re.escape(line.rstrip()).replace(re.escape("..."), ".*") + "\n"


def _tidy(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def _plugin_is_installed() -> bool:
    return any(each.value == "llm_do_eval.plugin" for each in entry_points(group="pytest11"))
