"""What the check over cassettes finds, each kind beside a control in which it finds nothing."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING

import pytest
from recorded import cassettes, exchange, write

from llm_do.canonical import digest
from llm_do_eval.cassette.file.place import file_name, may_belong
from llm_do_eval.cassette.file.sources import surface
from llm_do_eval.cassettes.check import orphan
from llm_do_eval.cassettes.orphan import node_id

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery"
MODULE = """
import pytest
from elsewhere import imported_test, Shared

def test_plain(): ...

@pytest.mark.parametrize("x", [1])
async def test_set(x): ...

class TestGroup(Base):
    def test_method(self): ...

class Base:
    def test_inherited(self): ...

class TestOpen(Shared):
    pass

if True:
    def test_below(): ...

test_alias = test_plain
"""
STOCK = f"""
interactions:
- request: {{method: POST, uri: "https://h/", body: "the password is {SECRET}", headers: {{}}}}
  response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: fine}}}}
version: 1
"""
WORKER = "---\nname: desk\n---\nAnswer.\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cassette of a test that is there, of a worker that is as it was."""
    (tmp_path / "test_desk.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "desk.worker").write_text(WORKER, encoding="utf-8")
    return write(
        tmp_path / "cassettes" / "test_desk" / "test_plain.jsonl",
        [exchange("Hi?", "Hello.")],
        workers={"desk": {"file": "../../desk.worker", "sha256": digest(WORKER)}},
    )


def found(root: Path, *words: str | Path, **environ: str) -> list[dict[str, str]]:
    """Check by a process, and return the findings."""
    done = cassettes("check", "--json", "-", *words, cwd=root, **environ)
    assert done.err == ""
    findings = done.json["findings"]
    assert done.code == (1 if findings else 0)
    return findings


def kinds(root: Path, *words: str | Path, **environ: str) -> list[str]:
    return [each["kind"] for each in found(root, *words, **environ)]


def test_a_cassette_in_order_has_no_finding(path: Path, tmp_path: Path) -> None:
    done = cassettes("check", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "1 file, 0 findings\n", "")
    assert kinds(tmp_path, path, OPENAI_API_KEY=SECRET) == []


def test_a_finding_is_one_line_that_says_what_to_do(path: Path, tmp_path: Path) -> None:
    path.rename(path.with_name("test_gone.jsonl"))
    done = cassettes("check", cwd=tmp_path)
    assert done.code == 1
    assert done.out == (
        "cassettes/test_desk/test_gone.jsonl: orphan: test_desk.py has no test 'test_gone'; "
        "delete the file, or rename it to its test\n1 file, 1 finding\n"
    )


def test_what_a_project_changed_is_stale(path: Path, tmp_path: Path) -> None:
    (tmp_path / "desk.worker").write_text(WORKER.replace("desk\n", "desk\nmodel: openai:gpt-5\n"), "utf-8")
    [finding] = found(tmp_path)
    assert finding == {
        "path": str(path.relative_to(tmp_path)),
        "kind": "stale",
        "what": (
            "worker 'desk' (desk.worker) now names the model 'openai:gpt-5', and named none when it was "
            "recorded"
        ),
        "cure": "record it anew: pytest --llm-record=rewrite test_desk.py::test_plain",
    }


def test_a_model_of_the_environment_is_stale_where_no_worker_names_its_own(
    path: Path, tmp_path: Path
) -> None:
    source = {"file": "../../desk.worker", "sha256": digest(WORKER)}
    model = "openai-chat:gpt-4o-mini"
    write(path, [exchange("Hi?", "Hello.")], model=model, workers={"desk": source})
    assert kinds(tmp_path, LLM_DO_MODEL=model) == []
    [finding] = found(tmp_path, LLM_DO_MODEL="openai-chat:other")
    assert finding["kind"] == "stale"
    assert finding["what"] == f"LLM_DO_MODEL is 'openai-chat:other', and it was recorded with {model!r}"
    assert finding["cure"].startswith("unset it, or record it anew: pytest ")
    write(path, [exchange("Hi?", "Hello.")], model=model)
    assert kinds(tmp_path, LLM_DO_MODEL="openai-chat:other") == []
    naming = WORKER.replace("desk\n", f"desk\nmodel: {model}\n")
    (tmp_path / "desk.worker").write_text(naming, encoding="utf-8")
    own = {**source, "sha256": digest(naming), "model": model}
    write(path, [exchange("Hi?", "Hello.")], model=model, workers={"desk": own})
    assert kinds(tmp_path, LLM_DO_MODEL="openai-chat:other") == []


def test_a_secret_in_a_cassette_of_stock_vcrpy_is_taken_out_by_converting_it(
    path: Path, tmp_path: Path
) -> None:
    path.unlink()
    stock = path.with_suffix(".yaml")
    stock.write_text(STOCK, encoding="utf-8")
    assert kinds(tmp_path) == []
    [finding] = found(tmp_path, APP_PASSWORD=SECRET)
    target = stock.with_suffix(".jsonl").relative_to(tmp_path)
    words = f"convert {stock.relative_to(tmp_path)} -o {target}"
    assert finding["cure"] == f"revoke it, then: llm-do-eval cassettes {words}, and delete the YAML file"
    assert cassettes(*words.split(), cwd=tmp_path, APP_PASSWORD=SECRET).code == 0
    stock.unlink()
    assert kinds(tmp_path, APP_PASSWORD=SECRET) == []


@pytest.mark.parametrize(("text", "what"), [("", "is empty"), ("[]\n", "holds no keys")])
def test_what_is_no_cassette_of_stock_vcrpy_is_told_in_words(
    path: Path, tmp_path: Path, text: str, what: str
) -> None:
    path.with_suffix(".yaml").write_text(text, encoding="utf-8")
    [finding] = found(tmp_path, path.with_suffix(".yaml"))
    assert (finding["kind"], finding["what"]) == (
        "torn",
        f"{what}, so this is no cassette of vcrpy, or a torn one",
    )


def test_a_changed_tool_is_stale(path: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text("def look(city: str): return city\n", encoding="utf-8")

    write(path, [exchange("Hi?", "Hello.")], tool_files={"../../tools.py": surface(tools)})
    tools.write_text("def look(city: str): return city.upper()\n", encoding="utf-8")
    assert kinds(tmp_path) == []
    tools.write_text("def look(town: str): return town\n", encoding="utf-8")
    assert kinds(tmp_path) == ["stale"]


def test_age_counts_where_it_is_asked_for(path: Path, tmp_path: Path) -> None:
    old = exchange("Hi?", "Hello.")
    write(path, [old])
    assert kinds(tmp_path) == []
    assert kinds(tmp_path, "--max-age", "100000") == []
    [finding] = found(tmp_path, "--max-age", "0.5")
    assert finding["kind"] == "stale"
    assert "days ago, and 0.5 are allowed" in finding["what"]
    lines = path.read_bytes().split(b"\n")
    meta = {**json.loads(lines[0]), "recorded_at": None}
    path.write_bytes(b"\n".join([json.dumps(meta).encode(), *lines[1:]]))
    assert found(tmp_path, "--max-age", "1")[0]["what"] == "it does not say when it was recorded"


def test_a_secret_is_found_by_its_place(path: Path, tmp_path: Path) -> None:
    write(path, [exchange(f"The password is {SECRET}.", "Hello.")])
    assert kinds(tmp_path) == []
    [finding] = found(tmp_path, APP_PASSWORD=SECRET)
    assert finding["kind"] == "secret"
    assert SECRET not in json.dumps(finding)
    done = cassettes("check", cwd=tmp_path, APP_PASSWORD=SECRET)
    assert SECRET not in done.out + done.err
    assert f"llm-do-eval cassettes scrub {path.relative_to(tmp_path)}" in done.out


def test_a_large_cassette_is_found(path: Path, tmp_path: Path) -> None:
    size = path.stat().st_size
    assert kinds(tmp_path, "--max-bytes", str(size)) == []
    [finding] = found(tmp_path, "--max-bytes", str(size - 1))
    assert (finding["kind"], finding["what"]) == (
        "oversized",
        f"{size:,} bytes, and {size - 1:,} are allowed",
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"schema":"llm-do-eval/cassette/v2","count":0}\n', "foreign version"),
        (b'{"schema":"llm-do-eval/cassette/v1","count":3}\n', "torn"),
        (b"", "torn"),
        (b"notes\n", "torn"),
        (b"\xff\xfe\n", "torn"),
        (b'{"schema":"llm-do-eval/cassette/v1","count":1}\n{"sample":0}\n', "torn"),
    ],
)
def test_a_torn_or_foreign_file_is_found(content: bytes, kind: str, path: Path, tmp_path: Path) -> None:
    path.write_bytes(content)
    [finding] = found(tmp_path)
    assert finding["kind"] == kind
    assert finding["cure"]
    assert "\n" not in finding["what"] + finding["cure"]


def test_what_a_recording_left_is_found(path: Path, tmp_path: Path) -> None:
    journal = path.with_name(f"{path.name}.journal")
    aside = [f"{path.name}.unclean", f"{path.name}.unclean.2"]
    for name in (journal.name, *aside, f"{path.name}.tmp.123", f"{path.name}.unclean.2.tmp.123"):
        path.with_name(name).write_bytes(path.read_bytes())
    assert kinds(tmp_path) == ["left over"] * 5
    what = {each["path"].rpartition("/")[2]: each["what"] for each in found(tmp_path)}
    assert {name for name in what if what[name].startswith("set aside")} == {*aside}
    with journal.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # a recording that is under way is none of the check's business
        assert {each["path"].rpartition("/")[2] for each in found(tmp_path)} == what.keys() - {journal.name}


def test_a_refused_journal_is_not_said_to_be_taken_over(path: Path, tmp_path: Path) -> None:
    for name in ("journal", "refused.journal", "refused.2.journal"):
        path.with_name(f"{path.name}.{name}").write_bytes(path.read_bytes())
    marked = path.with_name("test_set.jsonl.journal")
    marked.write_text('{"schema": "llm-do-eval/cassette-journal/v1", "refused": true}\n', "utf-8")
    cures = {each["path"].rpartition("/")[2]: (each["what"], each["cure"]) for each in found(tmp_path)}
    taken = cures.pop(f"{path.name}.journal")
    assert taken[1] == "record again, which takes over what it holds, or delete it"
    assert cures.keys() == {f"{path.name}.refused.journal", f"{path.name}.refused.2.journal", marked.name}
    assert {*cures.values()} == {
        (
            "the journal of a recording that was refused, because it holds a secret",
            "look at it, then delete it: no recording takes it over",
        )
    }


@pytest.mark.parametrize("name", ["test_set[a.unclean]", "test_set[a.tmp.1]", "test_set[x.journal]"])
def test_a_test_may_be_called_like_a_left_over(name: str, path: Path, tmp_path: Path) -> None:
    path.rename(path.with_name(f"{name}.jsonl"))
    assert cassettes("check", cwd=tmp_path).out == "1 file, 0 findings\n"
    path.with_name(f"{name}.jsonl.unclean").write_bytes(b"")
    assert kinds(tmp_path) == ["left over"]


def test_stock_cassettes_are_checked_too(path: Path, tmp_path: Path) -> None:
    stock = path.with_name("test_stock.yaml")
    stock.write_text("interactions: []\nversion: 1\n", encoding="utf-8")
    assert kinds(tmp_path) == ["orphan"]
    stock.rename(stock.with_name("test_below.yaml")).write_text("interactions: [\n", encoding="utf-8")
    assert kinds(tmp_path) == ["torn"]


@pytest.mark.parametrize(
    ("name", "is_orphan"),
    [
        ("test_plain", 0),
        ("test_set[1]", 0),
        ("TestGroup.test_method", 0),
        ("TestGroup.test_inherited", 0),
        ("TestOpen.test_anything", 0),
        ("imported_test", 0),
        ("test_below", 0),
        ("test_alias", 0),
        ("test_plain_2", 1),
        ("test_plai", 1),
        ("TestGroup.test_gone", 1),
        ("TestGone.test_method", 1),
        ("test_method", 1),
    ],
)
def test_a_test_is_looked_for_by_syntax(name: str, is_orphan: int, path: Path) -> None:

    assert len(orphan(path.with_name(f"{name}.jsonl"))) == is_orphan


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("test_set[a.b]", "test_desk.py::test_set[a.b]"),
        ("TestGroup.test_method", "test_desk.py::TestGroup::test_method"),
        (file_name(["test_set[a b]"]), None),
    ],
)
def test_a_cassette_names_its_test(
    name: str, node: str | None, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert node_id(path.relative_to(tmp_path).with_name(f"{name}.jsonl")) == node
    assert node_id(tmp_path / "run.jsonl") is None


def test_a_test_that_a_star_may_bring_is_no_orphan(path: Path, tmp_path: Path) -> None:

    gone = path.with_name("test_gone.jsonl")
    assert orphan(gone)
    (tmp_path / "test_desk.py").write_text("from elsewhere import *\n", encoding="utf-8")
    assert orphan(gone) == []
    (tmp_path / "test_desk.py").write_text("def (", encoding="utf-8")
    assert orphan(gone) == []


def test_a_module_that_is_gone_is_found_but_other_folders_are_not(path: Path, tmp_path: Path) -> None:

    (tmp_path / "test_desk.py").unlink()
    assert orphan(path)[0].what == "there is no module test_desk.py beside its folder"
    assert orphan(tmp_path / "cassettes" / "run.jsonl") == []
    assert orphan(tmp_path / "cassettes" / "demo" / "run.jsonl") == []


@pytest.mark.parametrize(
    "name", ["test_x[a b]", "test_x[é]", "test_x[" + "a" * 300 + "]", "test_" + "y" * 300]
)
def test_a_name_that_had_to_change_belongs_to_its_test(name: str) -> None:
    assert may_belong(file_name([name]), name.partition("[")[0])
    assert not may_belong(file_name([name]), "test_other")


def test_files_are_found_below_folders_named_cassettes(path: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "recordings" / "x.jsonl", [exchange("a", "b")])
    hidden = write(tmp_path / ".venv" / "cassettes" / "x.jsonl", [exchange("a", "b")])
    (path.parent / "README.md").write_text("notes", encoding="utf-8")
    assert cassettes("check", cwd=tmp_path).out == "1 file, 0 findings\n"
    assert cassettes("check", outside, hidden, cwd=tmp_path).out == "2 files, 0 findings\n"
    assert cassettes("check", ".", path, path.parent, cwd=tmp_path).code == 0


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    nothing = cassettes("check", cwd=tmp_path)
    assert (nothing.code, nothing.line) == (
        3, "no cassette below .: there is no file in a folder named 'cassettes'",
    )  # fmt: skip
    missing = cassettes("check", "nowhere", cwd=tmp_path)
    assert (missing.code, missing.line) == (3, "nowhere: there is no such file or folder")
    for words in (["--max-age", "-1"], ["--max-bytes", "0"], ["--bogus"], ["--max-age", "soon"]):
        assert cassettes("check", *words, cwd=tmp_path).code == 2
    assert cassettes(cwd=tmp_path).code == 2
    assert cassettes("bogus", cwd=tmp_path).line.startswith("No such command 'bogus'")
