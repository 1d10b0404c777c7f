"""The documents hold together: every block says what it is, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_links import broken_links, read_links
from page_run import check_static
from pages import PageError, read_page

ROOT = Path(__file__).parents[2]
EXECUTED = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
]
PAGES = [*EXECUTED, *(ROOT / name for name in ("AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
MACHINE = re.compile(r"(?<![\w.$~])/(?:home|root|tmp|Users|work)/")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("path", PAGES, ids=name_of)


@pytest.mark.parametrize("path", EXECUTED, ids=name_of)
def test_every_block_is_well_formed(path: Path) -> None:
    check_blocks(path, ROOT)


@every_page
def test_links_lead_to_files_and_headings(path: Path) -> None:
    assert broken_links(path) == []


@every_page
def test_no_page_names_a_place_on_one_machine(path: Path) -> None:
    assert MACHINE.findall(path.read_text(encoding="utf-8")) == []


def test_every_document_is_reached_from_the_readme() -> None:
    waiting, seen = [ROOT / "README.md"], set[Path]()
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            targets = (page.parent / link.target.partition("#")[0] for link in read_links(page))
            waiting += [target.resolve() for target in targets if target.suffix == ".md" and target.is_file()]
    assert [name_of(path) for path in EXECUTED if path not in seen] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```bash\nls\n```\n", "page.md:1: say above the fence"),
        ("<!-- skip: dull -->\n```bash\nls\n```\n", "page.md:2: 'dull' is no reason to skip"),
        ("```json\n", "page.md:1: the fence is not closed"),
        ("- item\n\n  ```json\n  {}\n  ```\n", "page.md:3: a fence begins its line"),
        ("<!-- run -->\n\ntext\n", "page.md:1: '<!-- run -->' is no comment"),
        ("<!-- walk -->\n```bash\nls\n```\n", "page.md:1: '<!-- walk -->' is no comment"),
        ("\n```json\n{\n```\n", "page.md:2: json: "),
        ("```python\ndef\n```\n", "page.md:1: python: "),
        ("```yaml\n---\nname: a\nmodle: b\n---\n```\n", "did you mean 'model'?"),
        ('<!-- file: project.json -->\n```json\n{"worker_files": []}\n```\n', "page.md:2: project.json: "),
        ("<!-- from: docs/x.txt -->\n```text\na\n...\nc\n```\n", "docs/x.txt holds"),
    ],
)  # fmt: skip
def test_a_malformed_page_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "x.txt").write_text("a\nb\nb\n", encoding="utf-8")
    with pytest.raises(PageError) as caught:
        check_blocks(written(text, tmp_path), tmp_path)
    assert complaint in str(caught.value)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One Thing: `a_b`!\n\n# One Thing: `a_b`!\n", encoding="utf-8")
    page = written(
        "# Top\n[a](other.md#one-thing-a_b) [b](other.md#one-thing-a_b-1) [c](#top) `[d](code.md)`\n"
        "[e\nmore](gone.md) [f](other.md#two)\n\n```json\n[1]\n```\n[g](#nowhere) [h](https://example.org/x)\n",
        tmp_path,
    )
    assert broken_links(page) == [
        "page.md:4: gone.md",
        "page.md:4: other.md#two",
        "page.md:9: #nowhere",
    ]


def check_blocks(path: Path, project: Path) -> None:
    for block in read_page(path).blocks:
        check_static(block, project)


def written(text: str, folder: Path) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path
