"""The page about statistics in; the page with every block of figures made anew out.

`python -m tests.support.statistics_page` from the project's folder writes them; a test says when that is due.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.support.statistics_figures import BLOCKS

PAGE: Final = Path(__file__).parents[2] / "docs" / "statistics.md"
_BLOCK = re.compile(r"(<!-- numbers: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_numbers(page: str) -> str:
    """Return the text of a page with every block between its comments made anew."""
    return _BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], page)


def blocks_of(page: str) -> list[str]:
    """List the names of the blocks of a page."""
    return [found[2] for found in _BLOCK.finditer(page)]


def handwritten(page: str) -> str:
    """Return what people write of a page: without the blocks, code, comments and the targets of links."""
    prose = _BLOCK.sub("", page)
    for generated in (r"```.*?```", r"`[^`\n]*`", r"<!--.*?-->", r"\]\([^)]*\)"):
        prose = re.sub(generated, "", prose, flags=re.DOTALL)
    return prose


if __name__ == "__main__":
    PAGE.write_text(with_numbers(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
