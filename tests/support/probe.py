"""`probe.py PATH FOLDER MODULE...`: import modules of PATH one by one, print as JSON what each changed.

Third-party packages may do at import what they like: all modules are imported once beforehand, then the
process is put back and moved into the empty FOLDER, and only the named packages are loaded anew.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence


def changes(modules: Sequence[str], folder: Path) -> Iterator[str]:
    """Import `modules` in order, watched; yield a sentence for each change."""
    with _put_back(), _caught_output():
        for name in modules:
            importlib.import_module(name)
    packages = {name.partition(".")[0] for name in modules}
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
    os.environ["HOME"] = str(folder / "home")
    os.chdir(folder / "cwd")
    for name in modules:
        before = _state(folder)
        with _caught_output() as output:
            importlib.import_module(name)
        after = _state(folder)
        yield from (f"{name} changed the {thing}" for thing in after if after[thing] != before[thing])
        if output.getvalue():
            yield f"{name} printed {output.getvalue()!r}"


def _state(folder: Path) -> dict[str, object]:
    return {
        "files": {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")},
        "environment": dict(os.environ),
        "working directory": Path.cwd(),
        "import path": list(sys.path),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "warning filters": list(warnings.filters),
    }


@contextlib.contextmanager
def _put_back() -> Generator[None]:
    folder, environment, path = Path.cwd(), dict(os.environ), list(sys.path)
    level, handlers = logging.root.level, list(logging.root.handlers)
    with warnings.catch_warnings():
        yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers
    logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _caught_output() -> Generator[io.StringIO]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        yield output


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps(list(changes(sys.argv[3:], Path(sys.argv[2])))))
