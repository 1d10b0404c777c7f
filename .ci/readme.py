"""`readme.py N`: run the N-th set-up command of README.md, as it is written, in a fresh copy of the project.

A set-up command is one line of a shell block that makes its own virtual environment (`-m venv`).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def set_up_commands(readme: str) -> list[str]:
    """Find the set-up commands in the shell blocks of a Markdown text, in order."""
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if "-m venv" in line and not line.startswith("#")]


def copy_project(target: Path) -> None:
    """Copy what a clone would hold, plus what is not yet committed; everything, where git cannot say."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    git = shutil.which("git") and subprocess.run(
        listing, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not git or git.returncode != 0:
        shutil.copytree(
            ROOT, target, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache")
        )
        return
    for name in filter(None, git.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def main(number: int) -> int:
    """Run set-up command `number`, counted from 1; return its exit code."""
    commands = set_up_commands((ROOT / "README.md").read_text(encoding="utf-8"))
    if number > len(commands):
        print(f"README.md has {len(commands)} shell lines with '-m venv', so no set-up command {number}")
        return 1
    print(f"$ {commands[number - 1]}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder) / "project")
        command = ["bash", "-c", commands[number - 1]]
        return subprocess.run(command, cwd=Path(folder) / "project", env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
