"""A request in, a human's answer out, by line prompts on the terminal; whatever is not a clear yes is no."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import termios
from typing import IO, TYPE_CHECKING, Any, Final, TextIO, cast

from llm_do.approval import Decision, Preview, Request
from llm_do.errors import Refused, UsageError
from llm_do.ui.editor import edited
from llm_do.ui.escape import visible
from llm_do.ui.question import listed, questioned

if TYPE_CHECKING:
    from collections.abc import Mapping


class Keyboard:
    """Lines typed on a terminal; an interrupt ends the wait at once, since no thread waits."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def discard(self) -> None:
        """Forget what was typed so far: it cannot be the answer to a question that was not yet shown."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self.stream.fileno(), termios.TCIFLUSH)

    async def line(self) -> str:
        """Wait for one line, ended by return; an empty text means the end of input, or what is no text."""
        typed = b""
        while b"\n" not in typed:
            more = await self._typed()
            if not more:
                return ""
            typed += more
        try:
            return (typed.partition(b"\n")[0] + b"\n").decode(self.stream.encoding or "utf-8")
        except UnicodeDecodeError:
            return ""

    async def _typed(self) -> bytes:
        """Wait for what the terminal gives next: a line, a part of one, or nothing at the end of input."""
        loop, number = asyncio.get_running_loop(), self.stream.fileno()
        found: asyncio.Future[bytes] = loop.create_future()

        def _take() -> None:
            with contextlib.suppress(BlockingIOError):
                if not found.done():
                    found.set_result(_available(number))

        loop.add_reader(number, _take)
        try:
            return await found
        finally:
            loop.remove_reader(number)


class Console:
    """Asks on a terminal.

    Args:
        keyboard: where answers come from.
        out: where questions are written.
        editor: the command of the human's editor; without one, arguments are edited in a line.
    """

    def __init__(self, keyboard: Keyboard, out: IO[str], *, editor: str | None = None) -> None:
        self._keyboard = keyboard
        self._out = out
        self._editor = editor
        self._left = ""
        """What the last edit left: one that cannot be taken is where the next one begins."""

    async def ask(self, request: Request) -> Decision:
        """Show a call as a whole and read the answer; the list of its batch comes before the first one.

        Raises:
            Refused: the human stopped the run.
        """
        if len(request.batch) > 1 and request.position == 0:
            self._say("", *listed(request.batch))
        if not request.complaint:
            self._left = ""
        while True:
            self._keyboard.discard()
            self._say("", *questioned(request))
            session = "yes for this [s]ession, " if request.session_offered else ""
            answer = await self._line(f"Run it? [y]es, {session}[e]dit, [n]o (a reason may follow), [q]uit: ")
            decision = await self._decision(request, answer)
            if decision is not None:
                return decision

    async def _decision(self, request: Request, answer: str) -> Decision | None:
        """Read an answer; None where the question is to be asked again."""
        word, _, rest = answer.partition(" ")
        match word.lower():
            case "y" | "yes":
                return Decision("approve")
            case "s" | "session" if request.session_offered:
                return Decision("approve_session")
            case "e" | "edit":
                return await self._edited(request)
            case "q" | "quit":
                raise Refused(f"{' > '.join(request.chain)}: you stopped the run at {request.tool!r}")
            case "n" | "no":
                return Decision("reject", note=rest.strip())
            case _:
                self._say("  that is no yes, so the call is refused")
                return Decision("reject")

    async def _edited(self, request: Request) -> Decision | None:
        preview = request.preview or Preview("")
        args = request.args if preview.args is None else preview.args
        if self._editor is None:
            if preview.edits is not None:
                self._say("  set $EDITOR to edit the text in an editor; here are the arguments")
            return await self._edited_line(args)
        before = _text_of(args) if preview.edits is None else preview.editable
        try:
            self._left = await edited(self._left or before, self._editor, self._keyboard.stream, self._out)
        except UsageError as error:
            self._say(f"  {visible(str(error))}, so the call is refused")
            return Decision("reject")
        if not self._left.strip():
            self._say("  the text is empty now, so the call is refused")
            return Decision("reject")
        if self._left.rstrip("\n") == before.rstrip("\n"):  # editors end the last line
            self._say("  nothing was changed")
            return None
        if preview.edits is not None:
            return Decision("modify", args={**request.args, preview.edits: self._left})
        return self._parsed(self._left)

    async def _edited_line(self, args: Mapping[str, Any]) -> Decision | None:
        self._say(f"  now: {visible(json.dumps(dict(args)))}")
        answer = await self._line("New arguments as one JSON object (empty: no): ")
        if not answer:
            return Decision("reject")
        if len(answer.encode("utf-8", "surrogatepass")) >= _TERMINAL_LINE:
            self._say(
                f"  the terminal cuts a line after {_TERMINAL_LINE} bytes; set $EDITOR to edit longer ones"
            )
        return self._parsed(answer)

    def _parsed(self, text: str) -> Decision | None:
        try:
            return Decision("modify", args=_arguments_in(text))
        except ValueError as error:
            self._say(f"  that is no JSON object ({error}); nothing was changed")
            return None

    async def _line(self, question: str) -> str:
        self._say(question, end="")
        line = ""
        try:
            line = await self._keyboard.line()
        finally:
            if not line:  # the end of input, or an interrupt: nobody pressed return
                self._say()
        return line.strip()

    def _say(self, *lines: str, end: str = "\n") -> None:
        self._out.write("\n".join(lines) + end)
        self._out.flush()


_MOST_BYTES: Final = 65_536
_TERMINAL_LINE: Final = 4095
"""Bytes that a terminal of Linux keeps of one line."""
_ESCAPE: Final = re.compile(r"\\.")
_UNESCAPED: Final = {r"\n": "\n", r"\t": "\t"}


def _available(number: int) -> bytes:
    """Read without waiting, as another reader may have been faster; a terminal that is gone gives nothing."""
    was_blocking = os.get_blocking(number)
    os.set_blocking(number, False)
    try:
        return os.read(number, _MOST_BYTES)
    except BlockingIOError:
        raise
    except OSError:
        return b""
    finally:
        os.set_blocking(number, was_blocking)


def _text_of(args: Mapping[str, Any]) -> str:
    """Write arguments as JSON for an editor, in which line breaks and tabs stand as themselves."""
    said = json.dumps(dict(args), indent=2, ensure_ascii=False)
    plain = "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in said)
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found[0], found[0]), plain) + "\n"


def _arguments_in(text: str) -> dict[str, Any]:
    """Read an object that may have line breaks and tabs in its texts. Raises ValueError."""
    value = json.loads(text, parse_constant=_refuse_constant, strict=False)
    if not isinstance(value, dict):
        raise ValueError("it begins with no '{'")  # noqa: TRY004  as for any other text
    return cast("dict[str, Any]", value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
