"""The documents are executed, page by page; and the execution notices when a page is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_run import Reader, follow
from pages import PageError, read_page

from evals.standin import StandIn, by_worker

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("examples/*/README.md"))]
RUNNING = [path for path in PAGES if any(block.role == "run" for block in read_page(path).blocks)]
SEED = 7


@pytest.mark.slow
@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_reader_can_follow_the_page(path: Path, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    with StandIn(by_worker, seed=SEED) as provider:
        follow(read_page(path), Reader(tmp_path / "page", ROOT, provider.environ))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!-- run -->\n```bash\nexit 4\n```\n", "page.md:2: ended with 4, not 0"),
        ("<!-- run: exit 2 -->\n```bash\ntrue\n```\n", "page.md:2: ended with 0, not 2"),
        ("<!-- run -->\n```bash\nfalse | true\n```\n", "page.md:2: ended with 1, not 0"),
        ("<!-- run: twice -->\n```bash\ntrue\n```\n", "page.md:2: a run is a bash or python block"),
        ("<!-- run -->\n```text\ntrue\n```\n", "page.md:2: a run is a bash or python block"),
        ("```python\nprint(1 / 0)\n```\n", "ZeroDivisionError"),
        ("<!-- output -->\n```text\nhi\n```\n", "page.md:2: no block was run"),
        ("<!-- run -->\n```bash\nls\n```\n<!-- output -->\n```text\nhi\n```\n", "page.md:6: the page says"),
        ("<!-- file: a.worker -->\n```yaml\nname: a\n```\n", "page.md:2: a.worker: page.md:2:1: must begin"),
    ],
)  # fmt: skip
def test_a_wrong_block_is_noticed(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(PageError) as caught:
        follow_text(text, tmp_path)
    assert complaint in str(caught.value)


def test_files_runs_and_outputs_work_together(tmp_path: Path) -> None:
    text = (
        "<!-- copy: notes -->\n"
        "<!-- file: deep/a.txt -->\n```text\none\ntwo\n```\n"
        '<!-- run -->\n```bash\ncat deep/a.txt notes/b.txt; echo "took $RANDOM s" >&2\n```\n'
        "<!-- output -->\n```text\none\n...\nthree\ntook ... s\n```\n"
        "<!-- skip: needs a key -->\n```bash\nexit 9\n```\n"
        "<!-- run: exit 3 -->\n```bash\nexport NAME='a b'\nexit 3\n```\n"
        "```python\nimport os\nprint(os.environ['NAME'], os.environ.get('KEY'))\n```\n"
        "<!-- output -->\n```text\na b None\n```\n"
    )  # fmt: skip
    follow_text(text, tmp_path)


def test_a_page_that_asks_for_a_provider_gets_its_variables(tmp_path: Path) -> None:
    text = (
        '<!-- provider -->\n<!-- run -->\n```bash\necho "$KEY"\n```\n<!-- output -->\n```text\nno-key\n```\n'
    )
    follow_text(text, tmp_path)


def follow_text(text: str, folder: Path) -> None:
    for name in ("project/notes", "page"):
        (folder / name).mkdir(parents=True)
    (folder / "project" / "notes" / "b.txt").write_text("three\n", encoding="utf-8")
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    follow(read_page(path), Reader(folder / "page", folder / "project", {"KEY": "no-key"}))
