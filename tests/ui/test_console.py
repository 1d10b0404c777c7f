from __future__ import annotations

import asyncio
import io
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from asking import request

from llm_do.approval import Decision, Preview
from llm_do.errors import Refused
from llm_do.ui.console import Console, Keyboard

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class Typed(Keyboard):
    """Lines that were thought of beforehand; after them comes the end of input."""

    def __init__(self, *lines: str) -> None:
        super().__init__(io.StringIO())
        self.lines = list(lines)
        self.discarded = 0

    def discard(self) -> None:
        self.discarded += 1

    async def line(self) -> str:
        return f"{self.lines.pop(0)}\n" if self.lines else ""


async def asked(*lines: str, **fields: Any) -> tuple[Decision, str]:
    out = io.StringIO()
    return await Console(Typed(*lines), out).ask(request(**fields)), out.getvalue()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "decision"),
    [
        ("y", Decision("approve")),
        (" Yes ", Decision("approve")),
        ("s", Decision("approve_session")),
        ("session", Decision("approve_session")),
        ("n", Decision("reject")),
        ("no", Decision("reject")),
        ("n  too  late ", Decision("reject", note="too  late")),
        ("", Decision("reject")),
        ("ye", Decision("reject")),
        ("yess", Decision("reject")),
        ("ok", Decision("reject")),
        ("1", Decision("reject")),
        ("\x1b[A", Decision("reject")),
    ],
)
async def test_only_a_clear_yes_is_one(line: str, decision: Decision) -> None:
    assert (await asked(line))[0] == decision


@pytest.mark.asyncio
async def test_the_end_of_input_is_no() -> None:
    decision, shown = await asked()
    assert decision == Decision("reject")
    assert shown.endswith(": \n  that is no yes, so the call is refused\n")


@pytest.mark.asyncio
async def test_quit_stops_the_run() -> None:
    with pytest.raises(Refused, match=r"^main > mailer: you stopped the run at 'send'$"):
        await asked("q")


@pytest.mark.asyncio
async def test_a_question_shows_who_wants_what() -> None:
    _, shown = await asked("y", description="\nSends a mail.\nMore.", args={"to": "ada", "copies": 2})
    assert shown == (
        "\n"
        "main > mailer wants to call send\n"
        "  Sends a mail.\n"
        '  to = "ada"\n'
        "  copies = 2\n"
        "Run it? [y]es, yes for this [s]ession, [e]dit, [n]o (a reason may follow), [q]uit: "
    )


@pytest.mark.asyncio
async def test_a_session_is_not_offered_where_it_may_not_be() -> None:
    decision, shown = await asked("s", session_offered=False)
    assert decision == Decision("reject")
    assert "ession" not in shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "decision"),
    [
        ('{"to": "bob"}', Decision("modify", args={"to": "bob"})),
        ("{}", Decision("modify", args={})),
        ("", Decision("reject")),
        ("bob", Decision("reject")),
        ("[1]", Decision("reject")),
        ('{"to": NaN}', Decision("reject")),
        ('{"to": "bob"} y', Decision("reject")),
    ],
)
async def test_arguments_can_be_edited(line: str, decision: Decision) -> None:
    answer, shown = await asked("e", line)
    assert answer == decision
    assert '  now: {"to": "ada"}\n' in shown


@pytest.mark.asyncio
async def test_the_end_of_input_while_editing_is_no() -> None:
    assert (await asked("e"))[0] == Decision("reject")


@pytest.mark.asyncio
async def test_what_was_typed_before_the_question_is_no_answer_to_it() -> None:
    keyboard = Typed("e", "{}")
    await Console(keyboard, io.StringIO()).ask(request())
    assert keyboard.discarded == 1


@pytest.mark.asyncio
async def test_the_list_is_shown_before_its_first_question_only() -> None:
    batch = (request(), request(args={"to": "bob"}))
    _, first = await asked("y", batch=batch)
    _, second = await asked("y", batch=batch, position=1, args={"to": "bob"})
    lines = [
        "2 calls need a decision, one after the other:",
        '  1/2 main > mailer: send {"to": "ada"}',
        '  2/2 main > mailer: send {"to": "bob"}',
        "",
        "1/2 main > mailer wants to call send",
    ]
    assert first.strip().split("\n")[:5] == lines
    assert second.strip().split("\n")[:2] == ["2/2 main > mailer wants to call send", '  to = "bob"']


SHOWN = Preview("name: a\ntoolsets: []", edits="definition")


async def edited(
    screen: Path, editor: str | None, *lines: str, shown: Preview | None = SHOWN, **fields: Any
) -> tuple[Decision, str]:
    """Answer a question whose text can be edited, with an editor, on a screen that is a file."""
    with terminal() as (_, keyboard), screen.open("w+") as out:
        typed = Typed(*lines)
        typed.stream = keyboard.stream
        decision = await Console(typed, out, editor=editor).ask(request(preview=shown, **fields))
        out.seek(0)
        written = out.read()
    assert typed.lines == []
    return decision, written


@pytest.mark.asyncio
async def test_a_text_is_edited_in_the_humans_own_editor(tmp_path: Path) -> None:
    decision, shown = await edited(tmp_path / "screen", "sed -i s/a$/b/", "e")
    assert decision == Decision("modify", args={"to": "ada", "definition": "name: b\ntoolsets: []"})
    assert "  | name: a\n  | toolsets: []\n" in shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("editor", "complaint"),
    [
        ("false", "  the editor 'false' failed (exit 1), so the call is refused\n"),
        ("no-such-editor", "  the editor 'no-such-editor' cannot be started (No such file or directory), so"),
        ("truncate -s 0", "  the text is empty now, so the call is refused\n"),
        ("sed -i s/.*//", "  the text is empty now, so the call is refused\n"),
    ],
)
async def test_what_no_editor_left_is_no_yes(tmp_path: Path, editor: str, complaint: str) -> None:
    decision, shown = await edited(tmp_path / "screen", editor, "e")
    assert decision == Decision("reject")
    assert complaint in shown


@pytest.mark.asyncio
@pytest.mark.parametrize("editor", ["true", "sed -i '$a\\'"])
@pytest.mark.parametrize(("line", "kind"), [("y", "approve"), ("", "reject")])
async def test_an_unchanged_text_is_asked_about_again(
    tmp_path: Path, editor: str, line: str, kind: str
) -> None:
    decision, shown = await edited(tmp_path / "screen", editor, "e", line)
    assert decision.kind == kind
    assert shown.count("  nothing was changed\n") == 1
    assert shown.count("wants to call send") == 2


TEXT = 'a\tb\n"c" \\n \u202e\r\nü\n'


@pytest.mark.asyncio
async def test_arguments_are_edited_as_indented_json_with_real_line_breaks(tmp_path: Path) -> None:
    editor = f'sh -c \'cp "$0" {tmp_path}/seen; sed -i s/ada/bob/ "$0"\''
    decision, _ = await edited(tmp_path / "screen", editor, "e", shown=None, args={"to": "ada", "text": TEXT})
    assert decision == Decision("modify", args={"to": "bob", "text": TEXT})
    assert (tmp_path / "seen").read_text() == (
        '{\n  "to": "ada",\n  "text": "a\tb\n\\"c\\" \\\\n \\u202e\\r\nü\n"\n}\n'
    )


@pytest.mark.asyncio
async def test_an_edit_that_is_no_json_is_told_and_kept(tmp_path: Path) -> None:
    editor = f'sh -c \'cat "$0" >> {tmp_path}/seen; sed -i s/}}// "$0"; sed -i s/x/x/ "$0"\''
    decision, shown = await edited(tmp_path / "screen", editor, "e", "e", "n", shown=None)
    assert decision == Decision("reject")
    assert shown.count("  that is no JSON object (Expecting ',' delimiter: ") == 2
    assert (tmp_path / "seen").read_text() == '{\n  "to": "ada"\n}\n{\n  "to": "ada"\n\n'


@pytest.mark.asyncio
async def test_an_edit_that_was_not_taken_is_where_the_next_one_begins(tmp_path: Path) -> None:
    with terminal() as (_, keyboard), (tmp_path / "screen").open("w+") as out:
        typed = Typed("e", "e", "e")
        typed.stream = keyboard.stream
        console = Console(typed, out, editor="sed -i s/ad/aad/")
        for complaint, to in [("", "aada"), ("wrong", "aaada"), ("", "aada")]:
            answer = await console.ask(request(complaint=complaint))
            assert answer == Decision("modify", args={"to": to})


@pytest.mark.asyncio
async def test_a_line_that_the_terminal_cut_is_told() -> None:
    with terminal() as (end, keyboard):
        out = io.StringIO()
        waiting = asyncio.create_task(Console(keyboard, out).ask(request()))
        for line in ("e", json.dumps({"to": "a" * 5000}), "n"):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(os.write, end, f"{line}\n".encode())
        assert await waiting == Decision("reject")
    assert "  the terminal cuts a line after 4095 bytes; set $EDITOR to edit longer ones\n" in out.getvalue()


@pytest.mark.asyncio
async def test_without_an_editor_the_arguments_are_edited_in_a_line(tmp_path: Path) -> None:
    decision, shown = await edited(tmp_path / "screen", None, "e", '{"to": "bob"}')
    assert decision == Decision("modify", args={"to": "bob"})
    assert "  set $EDITOR to edit the text in an editor; here are the arguments\n" in shown


@pytest.mark.asyncio
async def test_an_edit_begins_with_what_the_preview_says(tmp_path: Path) -> None:
    changes = Preview("-a\n+b", edits="definition", draft="b", args={"to": "", "toolsets": []})
    decision, shown = await edited(tmp_path / "screen", "sed -i s/b/c/", "e", shown=changes)
    assert decision == Decision("modify", args={"to": "ada", "definition": "c"})
    assert "  | -a\n  | +b\n" in shown
    decision, shown = await edited(tmp_path / "screen", None, "e", "no", shown=changes)
    assert decision == Decision("reject")
    assert '  now: {"to": "", "toolsets": []}\n' in shown
    decision, shown = await edited(tmp_path / "screen", "true", "e", "n", shown=changes)
    assert "  nothing was changed\n" in shown


HOSTILE = "ls\x1b[2K\r\u202e\u200b\u2066\x7f\x9b\ufe0f"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "fields",
    [
        {"args": {"command": HOSTILE}},
        {"args": {HOSTILE: 1}},
        {"args": {"deep": [{"x": HOSTILE}]}},
        {"description": HOSTILE},
        {"tool": HOSTILE},
        {"chain": (HOSTILE, "b")},
    ],
)
@pytest.mark.parametrize("line", ["y", "e"])
async def test_nothing_hostile_reaches_the_terminal(fields: dict[str, Any], line: str) -> None:
    _, shown = await asked(line, **fields)
    assert all(each.isprintable() for each in shown.split("\n"))
    assert "202e" in shown


@pytest.mark.asyncio
async def test_a_keyboard_gives_one_line_after_the_other() -> None:
    with terminal() as (end, keyboard):
        os.write(end, b"one\ntwo\n")
        assert [await keyboard.line(), await keyboard.line()] == ["one\n", "two\n"]
        os.write(end, b"\x04")
        assert await keyboard.line() == ""


@pytest.mark.asyncio
async def test_a_keyboard_forgets_what_was_typed_ahead() -> None:
    with terminal() as (end, keyboard):
        os.write(end, b"y\n")
        keyboard.discard()
        os.write(end, b"n\n")
        assert await keyboard.line() == "n\n"


@pytest.mark.asyncio
async def test_waiting_for_a_keyboard_can_be_cancelled() -> None:
    with terminal() as (end, keyboard):
        out = io.StringIO()
        waiting = asyncio.create_task(Console(keyboard, out).ask(request()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert out.getvalue().endswith("[q]uit: \n")
        os.write(end, b"y\n")
        assert await keyboard.line() == "y\n"


@contextmanager
def terminal() -> Generator[tuple[int, Keyboard]]:
    """Open a terminal: its other end, and the keyboard on it."""
    here, there = os.openpty()
    with os.fdopen(there, encoding="utf-8") as stream:
        yield here, Keyboard(stream)
    os.close(here)
