"""`llm-do --help` against `python -c "import typer"`: run it as `python benchmarks/startup.py`."""

from __future__ import annotations

import sys

from pairs import compare

if __name__ == "__main__":
    compare(
        "llm-do --help / import typer",
        [sys.executable, "-m", "llm_do", "--help"],
        [sys.executable, "-c", "import typer"],
        pairs=15,
    )
