"""A Python file and its digest in, a loader that runs exactly the bytes of that digest out.

Python's own loaders run compiled code that lies beside a file, whose bytes nobody reviewed; these never do.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING, Any

from llm_do.canonical import digest
from llm_do.errors import SpecError
from llm_do.python.imported import belongs

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

Pins = dict[str, str]
"""Real paths of Python files with the digests that alone may run."""


class PinnedLoader(SourceFileLoader):
    """Compiles a file anew from its bytes, and only if they have the digest that is given, where one is.

    `sha256` is the digest of what was compiled.
    """

    def __init__(self, name: str, path: str, sha256: str | None) -> None:
        super().__init__(name, path)
        self._wanted, self.sha256 = sha256, ""

    def get_code(self, fullname: str) -> Any:
        """Return the code of the file.

        Raises:
            SpecError: the bytes are not those that were read before.
        """
        path = self.get_filename(fullname)
        source = self.get_data(path)
        self.sha256 = digest(source)
        if self._wanted is not None and self.sha256 != self._wanted:
            raise SpecError("the file changed after it was read; start the run again", path=path)
        return self.source_to_code(source, path)


class LockedImports(MetaPathFinder):
    """Finds the modules below a folder by their pinned digests; others are not its business."""

    def __init__(self, root: Path, pins: Mapping[str, str]) -> None:
        self._root = root
        self._pins = pins

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Find a module of the project by Python's search, and load it from its pinned bytes.

        Raises:
            SpecError: the project holds the module, but no digest of it is known.
        """
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or not belongs(spec.origin, self._root):
            return None
        sha256 = self._pins.get(os.path.realpath(spec.origin))
        if sha256 is None:
            raise SpecError(
                "a Python file imports it, but the lock does not name it; import it by name, and lock again",
                path=os.path.relpath(spec.origin, self._root),
            )
        loader = PinnedLoader(fullname, spec.origin, sha256)
        return spec_from_file_location(
            fullname,
            spec.origin,
            loader=loader,
            submodule_search_locations=spec.submodule_search_locations,
        )


@contextmanager
def locked_imports(root: Path, pins: Mapping[str, str]) -> Generator[None]:
    """Let nothing below a folder be imported but what is pinned, until the end of the block."""
    finder = LockedImports(root, pins)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
