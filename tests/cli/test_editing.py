"""A text that is edited in the human's own editor, on a real terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from command import Terminal, journals

from evals.standin import Reply, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import Request, StandIn

pytestmark = pytest.mark.slow

WORKER = "---\nname: main\ntoolsets: [notes]\n---\nKeep the note.\n"
TOOLS = """
from llm_do.approval import Preview
from pydantic_ai.toolsets import FunctionToolset

class Notes(FunctionToolset):
    def preview(self, name, args, ctx):
        return Preview(args["text"], edits="text")

notes = Notes()

@notes.tool_plain
def keep(text: str) -> str:
    return f"kept {text}"
"""
EDITOR = """
import sys
from pathlib import Path
line = input("your line: ")
path = Path(sys.argv[-1])
path.write_text(path.read_text() + line + "\\n")
sys.exit(line == "fail")
"""
ASKED = r"\[q\]uit: "


def keep_once(request: Request, _rng: random.Random) -> Reply:
    """Call the tool once, then repeat what came back."""
    results = [each for turn in request.messages for each in turn.results]
    return Reply(results[-1].text) if results else Reply(tool_calls=(ToolCall("keep", {"text": "one\n"}),))


@pytest.fixture
def project(write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path) -> Path:
    serve(keep_once)
    (tmp_path / "editor.py").write_text(EDITOR)
    manifest = {"version": 1, "worker_files": ["main.worker"], "python_files": ["tools.py"]}
    return write(main_worker=WORKER, tools_py=TOOLS, project_json=json.dumps(manifest))


def environment(tmp_path: Path) -> dict[str, str]:
    return {"EDITOR": f"'{sys.executable}' '{tmp_path / 'editor.py'}'", "VISUAL": ""}


def test_the_edited_text_is_what_runs(project: Path, tmp_path: Path) -> None:
    with Terminal.of(str(project), "go", env=environment(tmp_path)) as terminal:
        assert "  | one\r\n" in terminal.wait_for(ASKED)
        terminal.type("e\n")
        terminal.wait_for("your line: ")
        terminal.type("two\n")
        done = terminal.ended()
    assert (done.code, done.out) == (0, "kept one\ntwo\n\n")
    (journal,) = journals(project)
    (approval,) = [line for line in journal if line["kind"] == "approval"]
    assert (approval["decision"], approval["by"]) == ("modify", "human")
    assert (approval["asked"], approval["args"]) == ({"text": "one\n"}, {"text": "one\ntwo\n"})


PLAIN = TOOLS.replace('edits="text"', "")
FIXES = """
import sys
from pathlib import Path
path = Path(sys.argv[-1])
wrong = '"txet"'
text = path.read_text()
right = text.replace(wrong, '"text"').replace("one", "two")
path.write_text(right if wrong in text else text.replace('"text"', wrong))
"""


def test_an_edit_that_does_not_fit_is_told_and_edited_again(project: Path, tmp_path: Path) -> None:
    (project / "tools.py").write_text(PLAIN)
    (tmp_path / "editor.py").write_text(FIXES)
    with Terminal.of(str(project), "go", env=environment(tmp_path)) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("e\n")
        again = terminal.wait_for(ASKED)
        assert "  Your edit cannot be taken: text: Field required" in again
        assert '  text = "one\\n"' in again
        terminal.type("e\n")
        done = terminal.ended()
    assert (done.code, done.out) == (0, "kept two\n\n")
    (journal,) = journals(project)
    (approval,) = [line for line in journal if line["kind"] == "approval"]
    assert (approval["asked"], approval["args"]) == ({"text": "one\n"}, {"text": "two\n"})


def test_an_editor_that_fails_is_a_no(project: Path, tmp_path: Path) -> None:
    with Terminal.of(str(project), "go", env=environment(tmp_path)) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("e\n")
        terminal.wait_for("your line: ")
        terminal.type("fail\n")
        done = terminal.ended()
    assert "failed (exit 1), so the call is refused" in done.err
    assert json.loads(done.out)["error"]["code"] == "denied"


def test_an_interrupt_while_editing_ends_the_run(project: Path, tmp_path: Path) -> None:
    with Terminal.of(str(project), "go", env=environment(tmp_path)) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("e\n")
        terminal.wait_for("your line: ")
        terminal.type("\x03")
        done = terminal.ended()
    assert done.code == 130
    assert done.out == ""
