from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import without
from observed import call, run_of

from llm_do_eval.cli import run
from llm_do_eval.journals import journal_lines

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "pydantic_ai", "jinja2", "scipy", "numpy")
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from llm_do_eval.cli import main; main()"


def asks(n: int) -> dict[str, Any]:
    function = {"name": "look", "arguments": json.dumps({"id": f"A{n}"})}
    return {"role": "assistant", "tool_calls": [{"id": "1", "function": function}]}


CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"order A{n}"},
            asks(n),
            {"role": "tool", "tool_call_id": "1", "content": "Error: no A7" if n == 7 else f"found {n}"},
            {"role": "assistant", "content": "Done."},
        ],
        "task": n % 5,
        "trial": n // 5,
        "reward": n % 2,
    }
    for n in range(10)
]


@pytest.fixture
def chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats.json").write_text(json.dumps(CHATS), encoding="utf-8")
    return tmp_path


def journal(path: Path, count: int = 3, prefix: str = "r") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    runs = [
        run_of(call("look", {"n": n}, n), run=f"{prefix}{n}", cluster=n, output="No", ok=True)
        for n in range(count)
    ]
    path.write_text("".join(journal_lines(runs)), encoding="utf-8")
    return path


IMPORT = [
    "import",
    "openai-chat",
    "chats.json",
    "--cluster",
    "task",
    "--trial",
    "trial",
    "--ok",
    "reward == 1",
]


def test_transcripts_become_a_journal_and_a_report(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*IMPORT, "-o", "runs/chats.jsonl"]) == 0
    assert capsys.readouterr() == ("runs/chats.jsonl: 10 runs, 10 calls, 5 of 10 known outcomes ok\n", "")
    assert run(["report", "runs", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["data"]["runs"], report["data"]["clusters"], report["data"]["ok_runs"]) == (10, 5, 5)
    assert (report["tools"][0]["errors"], err) == (1, "")
    assert [path.name for path in (chats / "runs").iterdir()] == ["chats.jsonl"]


def test_an_import_has_a_summary_in_json(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*IMPORT, "-o", str(chats / "j.jsonl"), "--json", "-", "--writes", "pay*"]) == 0
    summary = json.loads(capsys.readouterr().out)
    counts: dict[str, Any] = {"runs": 10, "calls": 10, "ok_runs": 5, "ok_known": 10, "problems": []}
    assert summary == {"schema": "llm-do-eval/import/v1", "output": str(chats / "j.jsonl"), **counts}
    effects = {
        line.get("effect") for line in map(json.loads, (chats / "j.jsonl").read_text("utf-8").splitlines())
    }
    assert effects == {None, "unknown", "read"}


def test_a_journal_can_go_to_standard_output(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert chats.is_dir()
    assert run([*IMPORT, "-o", "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["v"] for line in lines} == {1}


def test_a_report_goes_to_files_and_says_where_the_page_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(journal(tmp_path / "a.jsonl"))
    page, notes, data = (str(tmp_path / name) for name in ("out/r.html", "out/r.md", "out/r.json"))
    assert run(["report", source, "--html", page, "--md", notes, "--json", data]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("3 runs · 3 clusters · 3 calls · 3 of 3 known outcomes ok\n")
    assert out.endswith(f"HTML: {page}\n")
    assert err == ""
    assert Path(page).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert Path(notes).read_text(encoding="utf-8").startswith("# ")
    assert json.loads(Path(data).read_text(encoding="utf-8"))["schema"] == "llm-do-eval/report/v1"


def test_where_standard_output_is_taken_the_place_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(journal(tmp_path / "a.jsonl"))
    assert run(["report", source, "--html", str(tmp_path / "r.html"), "--md", "-"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# ")
    assert err == f"HTML: {tmp_path / 'r.html'}\n"


def test_reports_are_byte_equal_again_and_in_any_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = journal(tmp_path / "b/1.jsonl"), journal(tmp_path / "a/2.jsonl", 5, prefix="q")
    texts: set[str] = set()
    for paths in ([one, two], [two, one], [tmp_path], [two, tmp_path, one]):
        for form in ("--json", "--md", "--html"):
            assert run(["report", *map(str, paths), form, "-"]) == 0
            texts.add(capsys.readouterr().out)
    assert len(texts) == 3


def test_the_default_input_is_the_projects_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report"]) == 3
    assert "run a worker first" in capsys.readouterr().err
    journal(tmp_path / ".llm-do/runs/one.jsonl")
    assert run(["report"]) == 0
    assert capsys.readouterr().out.startswith("3 runs")


def test_options_reach_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(journal(tmp_path / "a.jsonl", 30))
    options = ["--cluster", "output", "--ok", 'output == "Yes"', "--writes", "look", "--min-correct", "0.5"]
    assert run(["report", source, "--json", "-", *options, "--free-text", "look.n", "--min-runs", "31"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["data"]["clusters"], report["data"]["ok_runs"], report["data"]["ok_known"]) == (1, 0, 30)
    assert (report["arguments"], report["candidates"]) == ([], [])


def one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = run(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("llm-do-eval: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return code, err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a command is needed: import, report, compare, plan or cassettes"),
        (["reprot"], "No such command 'reprot'"),
        (["report", "--no-such"], "No such option"),
        (["report", "--ok", "reward = 1"], "'reward = 1' is no condition"),
        (["report", "--min-correct", "2"], "2"),
        (["report", "--min-runs", "0"], "0"),
        (["report", "--json", "-", "--md", "-"], "--md and --json both write to '-'; name two files"),
        (["report", "--html", "x", "--md", "x"], "both write to 'x'"),
        (["import"], "Missing argument"),
        (["import", "openai-chat", "chats.json"], "Missing option '-o'"),
        (
            ["import", "openai-chta", "chats.json", "-o", "j"],
            "unknown format 'openai-chta'; known: openai-chat; did",
        ),
        (["import", "openai-chat", "chats.json", "-o", "j", "--ok", "reward"], "no condition"),
        (["import", "openai-chat", "chats.json", "-o", "j", "--cluster", "taks"], "did you mean 'task'?"),
        (["import", "openai-chat", "chats.json", "-o", "."], "cannot be written"),
        (["import", "openai-chat", "chats.json", "-o", "-", "--json", "-"], "both write to '-'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    chats: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, line = one_line(arguments, capsys)
    assert code == 2
    assert words in line
    assert [path.name for path in chats.iterdir()] == ["chats.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no finished run in the input"),
        (b'{"v":1,"kind":"run","run":"a","schema":"llm-do/observation/v1"}\n', "no finished run"),
        (b'{"v":1,"kind":"ru\n{}\n', "bad.jsonl:1: torn line"),
        (b'{"v":2,"kind":"run","run":"a"}\n', "bad.jsonl:1: journal version 2 is not 1"),
        (b'{"v":1,"kind":"run","run":"a","schema":"x"}\n', "bad.jsonl:1: schema 'x' is not"),
        (b"\xff\n", "bad.jsonl:1: torn line"),
        (b"[1]\n", "bad.jsonl:1: no journal line"),
    ],
)
def test_a_bad_journal_is_one_line_and_exit_3(
    chats: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    (chats / "bad.jsonl").write_bytes(content)
    code, line = one_line(["report", "bad.jsonl", "--html", "page.html"], capsys)
    assert code == 3
    assert words in line
    assert not (chats / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "nowhere"], "nowhere: there is no such file or folder"),
        (["report", "."], "no *.jsonl below"),
        (["import", "openai-chat", "nowhere.json", "-o", "j"], "nowhere.json: cannot be read"),
        (["import", "openai-chat", ".", "-o", "j"], "cannot be read (Is a directory)"),
        (
            ["import", "openai-chat", "chats.json", "-o", "j", "--messages", "traj"],
            "no list of messages under 'traj'",
        ),
    ],
)
def test_input_that_cannot_be_read_is_one_line_and_exit_3(
    chats: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, line = one_line(arguments, capsys)
    assert code == 3
    assert words in line
    assert [path.name for path in chats.iterdir()] == ["chats.json"]


def test_a_failed_import_leaves_the_old_journal(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*IMPORT, "-o", "j.jsonl"]) == 0
    before = (chats / "j.jsonl").read_bytes()
    (chats / "chats.json").write_text(json.dumps([*CHATS, {"messages": 3}]), encoding="utf-8")
    capsys.readouterr()
    assert one_line([*IMPORT, "-o", "j.jsonl"], capsys)[0] == 3
    assert (chats / "j.jsonl").read_bytes() == before


def test_versions_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("llm-do-eval ")
    for arguments in (["--help"], ["report", "-h"], ["import", "--help"]):
        assert run(arguments) == 0
        assert "Usage: llm-do-eval" in capsys.readouterr().out


def process(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", START, str(ROOT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_exits_with_its_code(tmp_path: Path) -> None:
    done = process(["report", "nowhere"], tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("llm-do-eval: nowhere: ")


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    journal(tmp_path / "a.jsonl", 400)
    command = [sys.executable, "-I", "-c", START, str(ROOT), "report", "a.jsonl", "--json", "-"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.read(1) == "{"
        started.stdout.close()
        assert started.stderr.read() == ""
        assert started.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["report", "--help"], 0), (["report", "--x"], 2), ([], 2)]
)
def test_starting_up_is_light(arguments: list[str], code: int, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from llm_do_eval.cli import run\n"
        f"code = run({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == f"[] {code}"


def test_recordings_of_an_airline_are_imported_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.environ.get("LLM_DO_TEST_DATA")
    if not folder:
        pytest.skip("LLM_DO_TEST_DATA names no folder of recordings")
    source = Path(folder) / "tau-bench/airline-gpt-4o-tasks-00-34.json"
    keys = ["--messages", "traj", "--cluster", "task_id", "--trial", "trial", "--ok", "reward == 1"]
    target = str(tmp_path / "airline.jsonl")
    assert run(["import", "openai-chat", str(source), *keys, "-o", target]) == 0
    assert "140 runs, 1001 calls, 43 of 140 known outcomes ok" in capsys.readouterr().out
    texts: set[str] = set()
    for _ in range(2):
        assert run(["report", target, "--json", "-", "--writes", "book_*", "--writes", "update_*"]) == 0
        texts.add(capsys.readouterr().out)
    (text,) = texts
    data = json.loads(text)["data"]
    assert (data["runs"], data["clusters"], data["calls"], data["runs_without_calls"]) == (140, 35, 1001, 16)


def test_an_import_never_overwrites_its_source(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (chats / "chats.json").read_bytes()
    assert run([*IMPORT, "-o", "./chats.json"]) == 2
    assert "--output ./chats.json: that is the file to import" in capsys.readouterr().err
    assert (chats / "chats.json").read_bytes() == before


@pytest.mark.slow
def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    done = without("scipy", "llm_do_eval.cli", "report", journal(tmp_path / "a.jsonl"))
    assert (done.code, done.out) == (2, "")
    assert done.err == "llm-do-eval: scipy is not installed: pip install 'llm-do[eval]'\n"
