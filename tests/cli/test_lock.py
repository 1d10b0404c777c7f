from __future__ import annotations

import json
import os
import py_compile
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import outside, started

import llm_do

if TYPE_CHECKING:
    from collections.abc import Callable

    from command import Here

MAIN = """
    import canary
    from llm_do.runtime import EntrySpec

    async def main(input, ctx):
        import later
        return f"{canary.NAME} {later.NAME}"

    entry = EntrySpec("main", main)
"""
CANARY = "from pathlib import Path\nNAME = 'real'\nPath(__file__).with_name('canary').touch()\n"
WORKER = "---\nname: sub\n---\nDo.\n"


@pytest.fixture
def project(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write(main_py=MAIN, canary_py=CANARY, later_py="NAME = 'late'\n", sub_worker=WORKER)
    manifest = {"version": 1, "worker_files": ["sub.worker"], "python_files": ["main.py"]}
    (root / "project.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(sys, "path", [str(root), *sys.path])
    for name in ("canary", "later"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return root


def forget() -> None:
    """Let the next run of this process import the project's modules anew."""
    for name in ("canary", "later"):
        sys.modules.pop(name, None)


def test_a_locked_project_runs(project: Path, here: Here) -> None:
    done = here(project, "--lock")
    assert (done.code, done.err) == (0, "")
    assert done.out == "proj/llm-do.lock: 1 workers, 3 Python files\n"
    assert not (project / "canary").exists()
    done = here(project, "--locked", "hi")
    assert (done.code, done.out) == (0, "real late\n"), done.err
    assert here(project, "--locked", "--check").code == 0


@pytest.mark.policy("registry-tools-py-trust")
@pytest.mark.parametrize("words", [("hi",), ("--check",)])
def test_a_difference_is_refused_before_anything_is_imported(
    project: Path, here: Here, words: tuple[str, ...]
) -> None:
    here(project, "--lock")
    (project / "main.py").write_text("import canary\n" + (project / "main.py").read_text())
    done = here(project, "--locked", *words)
    assert done.code == 2
    assert "Python file 'main.py' changed; review that, then write the lock anew with --lock" in done.line
    assert not (project / "canary").exists()
    here(project, "hi")
    assert (project / "canary").exists(), "the control: without --locked it is imported"
    forget()


def test_the_model_of_the_environment_is_locked(
    project: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_DO_MODEL", "openai:gpt-4o-mini")
    here(project, "--lock")
    monkeypatch.setenv("LLM_DO_MODEL", "openai:gpt-5")
    done = here(project, "--locked", "hi")
    assert done.code == 2
    assert "worker 'sub': model 'openai:gpt-4o-mini' -> 'openai:gpt-5'" in done.line


def test_no_lock_file(project: Path, here: Here) -> None:
    done = here(project, "--locked", "hi")
    assert done.code == 2
    assert done.line == "proj/llm-do.lock: there is no lock file; write it with --lock"


@pytest.mark.parametrize(("other", "code"), [("--locked", 2), ("--check", 2)])
def test_writing_a_lock_is_all_that_is_done(project: Path, here: Here, other: str, code: int) -> None:
    done = here(project, "--lock", other)
    assert done.code == code
    assert done.line == f"--lock and {other} exclude each other; keep one"


def test_plain_files(project: Path, here: Here) -> None:
    done = here(project / "sub.worker", project / "main.py", "--lock")
    assert done.out == "proj/llm-do.lock: 1 workers, 3 Python files\n"
    assert here(project / "sub.worker", project / "main.py", "--locked", "hi").code == 0


def test_the_lock_imports_no_library_of_models(project: Path) -> None:
    code = (
        "import sys; from llm_do.cli import run; run(sys.argv[1:]); "
        "print([each for each in ('pydantic', 'pydantic_ai', 'jinja2') if each in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(project), "--lock"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=outside())
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_the_scan_could_not_see_is_not_imported(project: Path, here: Here) -> None:
    hidden = MAIN.replace("import later", "later = __import__('later')")
    (project / "main.py").write_text("\n".join(line[4:] for line in hidden.splitlines()))
    assert here(project, "--lock").out == "proj/llm-do.lock: 1 workers, 2 Python files\n"
    done = here(project, "--locked", "hi")
    assert done.code == 2
    assert "later.py: a Python file imports it, but the lock does not name it" in done.line


def test_a_helper_that_is_a_link_out_is_refused(project: Path, here: Here) -> None:
    shared = project.parent / "shared.py"
    shared.write_text(CANARY)
    (project / "canary.py").unlink()
    (project / "canary.py").symlink_to(shared)
    done = here(project, "--lock")
    assert done.code == 2
    assert "canary.py: the file is a link out of the project; copy it into the project" in done.line
    (project / "canary.py").unlink()
    (project / "canary.py").write_text(CANARY)
    assert here(project, "--lock").code == 0
    (project / "canary.py").unlink()
    (project / "canary.py").symlink_to(shared)
    assert here(project, "--locked", "hi").code == 2
    assert not (project / "canary").exists()
    assert here(project, "hi").out == "real late\n", "the control: without --locked it is imported"
    forget()


@pytest.mark.slow
def test_a_project_below_the_prefix_is_pinned(project: Path, tmp_path: Path) -> None:
    """An environment may lie around the project, as `/usr` does in an image that has but one Python."""
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    (prefix / "pyvenv.cfg").write_text(f"home = {Path(os.path.realpath(sys.executable)).parent}\n")
    root = project.rename(prefix / "proj")
    paths = [str(root), sysconfig.get_paths()["purelib"], str(Path(llm_do.__file__).parents[1])]
    env = {**outside(), "PYTHONPATH": os.pathsep.join(paths), "LLM_DO_MODEL": ""}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(prefix / "bin" / "python"), "-P", "-m", "llm_do", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    hidden = MAIN.replace("import later", "later = __import__('later')")
    (root / "main.py").write_text("\n".join(line[4:] for line in hidden.splitlines()))
    assert run("--lock").returncode == 0
    assert "later.py: a Python file imports it, but the lock does not" in run("--locked", "hi").stderr
    assert run("hi").stdout == "real late\n", "the control: without --locked it is imported"


@pytest.mark.parametrize("module", ["main", "canary"])
def test_compiled_code_beside_a_file_is_not_what_runs(project: Path, module: str) -> None:
    """A cache without a check of its source runs whatever it holds; a review sees the source."""
    evil = project / "evil"
    source = (project / f"{module}.py").read_text().replace("real", "evil").replace("canary.NAME", "'evil'")
    evil.write_text(source)
    cache = project / "__pycache__" / f"{module}.{sys.implementation.cache_tag}.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(cache), dfile=str(project / f"{module}.py"), invalidation_mode=mode)
    (project / "main.py").touch()
    env = {"PYTHONPATH": str(project), "LLM_DO_MODEL": ""}
    assert started(project, "--lock", env=env).code == 0
    assert started(project, "--locked", "hi", env=env).out == "real late\n"
    naive = f"import {module}; print(getattr({module}, 'NAME', ''))"
    control = subprocess.run(
        [sys.executable, "-c", naive], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    assert module == "main" or control.stdout == "evil\n", "the control: Python itself runs the cache"
