"""A change of a file in, whether it could change what a model may do out.

A model that edits its own rules has no rules, so writing such a file asks every time.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from llm_do.errors import ToolError
from llm_do.python.imported import with_imports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llm_do.approval import Preset
    from llm_do.sandbox.fs import Root
    from llm_do.state.context import Run

_FOLDERS: Final = frozenset(
    {
        ".git", ".hg", ".svn", ".bzr", ".llm-do", "cassettes",
        ".github", ".gitlab", ".gitea", ".forgejo", ".woodpecker", ".ci", ".circleci", ".buildkite",
        ".teamcity", ".husky", ".vscode", ".idea", ".devcontainer",
        ".venv", "venv", "site-packages", "dist-packages", "sitecustomize", "usercustomize",
    }
)  # fmt: skip
_FILES: Final = (
    "*.worker", "project.json", "llm-do.lock", "llm-do.stabilized.json", "pyproject.toml", "conftest.py",
    "pytest.ini", "tox.ini", "setup.cfg", "jenkinsfile", "azure-pipelines.y*ml", "bitbucket-pipelines.y*ml",
    ".gitlab-ci.y*ml", ".travis.y*ml", ".drone.y*ml", ".appveyor.y*ml", "appveyor.y*ml",
    ".woodpecker.y*ml", "buildspec.y*ml", "cloudbuild.y*ml", ".envrc",
    ".pre-commit-config.y*ml", ".gitattributes", ".gitmodules", ".gitignore",
    "*.pth", "pyvenv.cfg", "sitecustomize.*", "usercustomize.*",
)  # fmt: skip
_PRIVATE_FOLDERS: Final = frozenset({".git", ".llm-do"})
_SECRET_FILES: Final = (".env", ".env.*", ".envrc", ".netrc", "*.pem", "*.key", "id_*")
_MANIFEST_KEYS: Final = ('"worker_files"', '"python_files"')


_MOST_BYTES: Final = 10_000_000
_MOST_NAMES: Final = 1000
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)  # no slots: the code of the run is looked up once
class Guard:
    """Judges changes below one root by where they really land: in the project of a run, or anywhere else."""

    root: Root
    run: Run

    def insists(self, path: str, *texts: str) -> bool:
        """Tell whether making, replacing or removing a file needs a human's word each time.

        `texts` is what would be written; what a JSON file held before counts as well.
        """
        return self._guards(self.root.names(path)) or _holds_manifest(*texts, self._json(path))

    def insists_on_move(self, path: str, to: str) -> bool:
        """Tell whether a move does: of such a file, to the place of one, or of a folder that holds one."""
        if self.insists(path) or self.insists(to, self._json(path, to)):
            return True
        try:
            if self.root.look(path).kind == "file":
                return False
        except ToolError:  # nothing that could be moved
            return False
        try:
            below = self.root.every_name(path, max_looks=_MOST_NAMES)
        except ToolError:  # too much to look at, or hidden from us
            return True
        start, end = self.root.names(path), self.root.names(to)
        return any(
            self._guards((*start, *names))
            or self._guards((*end, *names))
            or _holds_manifest(self._json("/".join((path, *names))))
            for names in below
        )

    def _guards(self, names: Iterable[str]) -> bool:
        place = Path(os.path.realpath(self.root.path), *names)
        project = Path(os.path.realpath(self.run.project_root))
        landing = place.relative_to(project if place.is_relative_to(project) else place.anchor)
        return (
            is_protected(landing.parts)
            or self._meets_journal(place)
            or tuple(_folded(place.parts)) in self._code
            or (place.is_relative_to(project) and self._links_next("/".join(_folded(landing.parts))))
        )

    def _links_next(self, path: str) -> bool:
        """Tell whether a glob of the project's manifest would link a Python file in the next run."""
        return path.endswith(".py") and any(fnmatchcase(path, glob) for glob in self._globs)

    @cached_property
    def _globs(self) -> list[str]:
        """The globs of the project's manifest, made wider: each `*` stands for `/` too."""
        try:
            said = json.loads((self.run.project_root / "project.json").read_bytes())
            globs = [str(PurePosixPath(each)) for each in said["python_files"]]
        except (OSError, ValueError, LookupError, TypeError):  # no manifest, or none that links any
            return []
        return _folded(each.replace("**/", "*") for each in globs)

    @cached_property
    def _code(self) -> frozenset[tuple[str, ...]]:
        """The Python files that this run has linked or imported, or that these import, as real paths."""
        registry, loader = self.run.registry, self.run.registry.loader
        root = loader.root if loader is not None else self.run.project_root
        specs = registry.agents.values()
        schemas = [each for spec in specs for each in (spec.input_schema, spec.output_schema)]
        named = [each.partition(":")[0] for each in schemas if isinstance(each, str) and ":" in each]
        linked = [root / each for each in (*named, *(loader.digests() if loader is not None else ()))]
        modules = [getattr(each, "__dict__", {}).get("__file__") for each in list(sys.modules.values())]
        imported = _unguarded(modules, root)
        found = with_imports(linked, root, _bytes_of, [str(each) for each in _unguarded(sys.path, root)])
        return frozenset(tuple(_folded(each.parts)) for each in (*found, *imported))

    def _meets_journal(self, place: Path) -> bool:
        if self.run.journal.path is None:
            return False
        folder = _folded(Path(os.path.realpath(self.run.journal.path)).parent.parts)
        touched = _folded(place.parts)
        shorter = min(len(folder), len(touched))
        return folder[:shorter] == touched[:shorter]

    def _json(self, path: str, to: str = "") -> str:
        """Read a file whose name, now or then, is one that a manifest can have."""
        if not any(each.casefold().endswith(".json") for each in (path, to)):
            return ""
        try:
            return self.root.read(path, max_bytes=_MOST_BYTES).decode("utf-8", "replace")
        except ToolError:
            return ""


def is_protected(names: Sequence[str]) -> bool:
    """Tell whether a path names a file that rules models; names are compared without case, in NFC.

    Protected are worker files, manifests, lock, journals and cassettes, what version control, CI services and
    editors read, and what Python runs when it starts, at any depth.
    """
    folded = _folded(names)
    last = folded[-1] if folded else ""
    return not _FOLDERS.isdisjoint(folded) or any(fnmatchcase(last, pattern) for pattern in _FILES)


def preset_of_reading(names: Sequence[str]) -> Preset:
    """Say what a model needs to hand on a file: insist on what git and llm-do keep, ask for secrets.

    Secrets are known by a few names only, such as `.env` and `*.pem`; every other file is approved.
    """
    folded = _folded(names)
    if not _PRIVATE_FOLDERS.isdisjoint(folded):
        return "insist"
    return "ask" if any(fnmatchcase(folded[-1], each) for each in _SECRET_FILES if folded) else "approve"


def _unguarded(paths: Iterable[Any], root: Path) -> Iterator[Path]:
    """Yield the real paths of those below a folder that are not guarded by their names anyway."""
    folder = Path(os.path.realpath(root))
    start = f"{root.absolute()}/", f"{folder}/"
    for path in paths:
        if isinstance(path, str) and path.startswith(start):
            place = Path(os.path.realpath(path))
            if not (place.is_relative_to(folder) and is_protected(place.relative_to(folder).parts)):
                yield place


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""


def _holds_manifest(*texts: str) -> bool:
    plain = (_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) for text in texts)
    return any(key in text for text in plain for key in _MANIFEST_KEYS)


def _folded(names: Iterable[str]) -> list[str]:
    return [unicodedata.normalize("NFC", name).casefold() for name in names]
