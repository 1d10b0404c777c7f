"""Importing has no side effects, start-up stays light, and the plugin costs an unrelated suite nothing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import shape

ROOT = Path(__file__).parents[1]

# what a change looks like, one module each; `clean` and the imports between modules must not be blamed
SIDE_EFFECTS = {
    "clean": ("import logging\nlogging.getLogger(__name__).addHandler(logging.NullHandler())\n", None),
    "file": ("import pathlib\npathlib.Path('notes').mkdir(exist_ok=True)\n", "files"),
    "home": ("import pathlib\n(pathlib.Path.home() / '.tool').mkdir(exist_ok=True)\n", "files"),
    "env": ("import os\nos.environ.setdefault('TOOL', '1')\n", "environment"),
    "root": ("import logging\nlogging.basicConfig()\n", "logging"),
    "level": ("import logging\nlogging.getLogger().setLevel('DEBUG')\n", "logging"),
    "out": ("print('hello')\n", "'hello\\n'"),
    "err": ("import sys\nprint('hello', file=sys.stderr)\n", "'hello\\n'"),
    "filters": ("import warnings\nwarnings.simplefilter('ignore')\n", "warning filters"),
    "path": ("import sys\nsys.path.append('/nowhere')\n", "import path"),
    "cwd": ("import os\nos.chdir('/')\n", "working directory"),
}

HEAVY = ("pydantic", "pydantic_ai", "jinja2", "vcr", "scipy")


@pytest.mark.slow
@pytest.mark.parametrize("package", ["llm_do", "llm_do_eval"])
def test_importing_a_module_changes_nothing(package: str, tmp_path: Path) -> None:
    assert changes(ROOT, tmp_path, [module.name for module in shape.read_modules([ROOT / package])]) == []


def test_every_kind_of_side_effect_is_caught(tmp_path: Path) -> None:
    package = tmp_path / "source" / "effects"
    package.mkdir(parents=True)
    for name, (code, _) in SIDE_EFFECTS.items():
        (package / f"{name}.py").write_text(code, encoding="utf-8")
    found = changes(package.parent, tmp_path, [f"effects.{name}" for name in SIDE_EFFECTS])
    expected = {name: kind for name, (_, kind) in SIDE_EFFECTS.items() if kind}
    assert len(found) == len(expected)
    for sentence, (name, kind) in zip(found, expected.items(), strict=True):
        assert sentence.startswith(f"effects.{name} ")
        assert sentence.endswith(kind)


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--no-such-option"], 2), ([], 2)])
def test_starting_up_is_light(arguments: list[str], code: int, tmp_path: Path) -> None:
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from llm_do.cli import main; sys.exit(main())"
    done = run([sys.executable, "-I", "-X", "importtime", "-c", start, *arguments], tmp_path)
    lines = done.stderr.splitlines()
    modules = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert done.returncode == code, [line for line in lines if not line.startswith("import time:")]
    assert "llm_do.cli" in modules
    assert modules.intersection(HEAVY) == set()


@pytest.mark.slow
def test_an_unrelated_suite_pays_nothing_for_the_plugin(tmp_path: Path) -> None:
    points = {point.name for point in importlib.metadata.entry_points(group="pytest11")}
    assert "llm_do_eval" in points, "the project is not installed here: pip install -e '.[dev]'"
    (tmp_path / "test_unrelated.py").write_text(
        "import sys\n"
        "def test_light(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('llm_do_eval')\n"
        f"    assert [name for name in {HEAVY!r} if name in sys.modules] == []\n",
        encoding="utf-8",
    )
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    done = run([sys.executable, "-m", "pytest", "-q"], tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def changes(path: Path, folder: Path, modules: list[str]) -> list[str]:
    """Import modules found under `path` in a bare process; say what they changed."""
    for name in ("warm", "watched/home", "watched/cwd"):
        (folder / name).mkdir(parents=True)
    probe = Path(__file__).with_name("support") / "probe.py"
    done = run(
        [sys.executable, "-I", "-B", str(probe), str(path), str(folder / "watched"), *modules],
        folder / "warm",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that is its home too, without what this test session has set."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "120"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
