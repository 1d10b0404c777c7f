"""Calls of shell in, what one program printed out: no shell, no way out of the folder, no process left."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import warnings
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from pydantic_ai.tools import RunContext  # noqa: TC002  pydantic-ai reads the annotation
from pydantic_ai.toolsets import FunctionToolset

from llm_do.approval import Decision
from llm_do.errors import ToolError
from llm_do.sandbox.command import split_command
from llm_do.sandbox.fs import Root
from llm_do.sandbox.landlock import landlock_abi
from llm_do.sandbox.path import path_fault
from llm_do.sandbox.process import MAX_OUTPUT_BYTES, Confinement, bare_name, run_command
from llm_do.sandbox.quiet import quiet_doubt
from llm_do.toolsets.protected import Guard, is_protected
from llm_do.toolsets.shellrule import (
    ShellRule,
    Word,
    check_word,
    leaves_folder,
    pieces,
    runs_code,
    shell_rule,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from llm_do.approval import Preset
    from llm_do.journal import Effect
    from llm_do.sandbox.process import Finished
    from llm_do.state.context import Run

__all__ = ["ShellRule", "ShellToolset"]

MAX_TIMEOUT_S: Final = 600
_MOVERS: Final = frozenset({"cp", "mv", "rm", "rsync"})
_RECURSIVE: Final = re.compile(r"-[A-Za-z]*[rRa]|--(r|a)")
_GLOB: Final = frozenset("*?[")


class ShellToolset(FunctionToolset[Any]):
    """Runs one program per call below the project's folder; the first rule that matches a command decides.

    What the grammar refuses is refused whatever a rule says, and a rule approves nothing that may lie outside
    the folder. Where the kernel has no Landlock, nothing runs unasked.
    """

    effects: Mapping[str, Effect] = {"shell": "write"}

    def __init__(
        self,
        rules: Sequence[ShellRule | Mapping[str, Any]] = (),
        default: Word = "ask",
        *,
        quiet: bool = False,
        network: bool = False,
        landlock: Callable[[], int] = landlock_abi,
    ) -> None:
        """Take the rules, in order.

        Args:
            rules: `ShellRule`s, or mappings with the same names.
            default: what is decided about a command that no rule matches.
            quiet: approve the quiet list among those.
            network: leave the machine's network to the programs.
            landlock: says which version of Landlock the kernel has; 0 for none.

        Raises:
            SpecError: a rule is malformed.
        """
        super().__init__()
        check_word(default, "shell default")
        self._rules = [*map(shell_rule, rules), ShellRule("", decision=default)]
        self._quiet = quiet
        self.network = frozenset({"shell"} if network else ())
        self._landlock = landlock() > 0
        if not self._landlock:
            warnings.warn(
                "this kernel has no Landlock: commands cannot be held to the project, so each of them asks",
                RuntimeWarning,
                stacklevel=2,
            )
        self.add_function(self.shell)

    async def needs_approval(self, name: str, args: Mapping[str, Any], ctx: Any) -> Preset | Decision:
        """Refuse what is no command; else say what the rules say, and insist where files rule the model."""
        del name
        try:
            argv = split_command(args["command"])
            word = self._word(argv)
        except ToolError as error:
            return Decision("reject", note=error.message)
        return await anyio.to_thread.run_sync(self._held, word, argv, ctx.deps.run)

    def canonical_args(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Spell a command as rules read it: a bare program, its exact words, quotes where one needs them."""
        del name
        command = args.get("command")
        try:
            program, *words = split_command(command or "")
            return {**args, "command": shlex.join([bare_name(program), *words])}
        except (TypeError, ToolError):  # a pattern may be no command
            if not isinstance(command, str):
                return dict(args)
        program, gap, words = command.partition(" ")
        return {**args, "command": (program if _GLOB & {*program} else bare_name(program)) + gap + words}

    def get_approval_description(self, name: str, args: Mapping[str, Any], ctx: Any) -> str:
        """Show the exact words that would run, and where."""
        del name
        words = json.dumps(split_command(args["command"]), ensure_ascii=False)
        where = "with" if self.network else "without"
        return f"runs {words} in {ctx.deps.project_root}, {where} network"

    async def shell(  # noqa: D417  the model sees no ctx
        self,
        ctx: RunContext[Any],
        command: str | list[str],
        timeout: float = 30,  # noqa: ASYNC109  the contract's word
    ) -> dict[str, Any]:
        """Run one program in the project's folder and return what it printed.

        There is no shell: no pipes, redirections, variables or wildcards, and one program per call. Quote a
        word that has other than plain characters, or pass a list of words.

        Args:
            command: the program and its arguments, as a text or as a list of words.
            timeout: seconds after which the program is ended, at most 600.
        """
        argv = split_command(command)
        self._word(argv)
        if not 0 < timeout <= MAX_TIMEOUT_S:
            raise ToolError("bad_input", f"timeout is in seconds, over 0 and up to {MAX_TIMEOUT_S}")
        where = Confinement(
            folder=Root(ctx.deps.run.project_root).path,
            writable=quiet_doubt(argv) is not None,
            network=bool(self.network),
            landlock=self._landlock,
        )
        finished = await run_command(argv, where, timeout_s=timeout)
        ctx.deps.run.approvals.has_read = True  # its effect is `write`, and it has read as well
        return _result(finished, timeout)

    def _word(self, argv: tuple[str, ...]) -> Word:
        """Decide by the rules. Raises ToolError, `denied`, for what they reject."""
        spellings = (argv, (bare_name(argv[0]), *argv[1:]))
        rule = next((each for each in self._rules[:-1] if any(map(each.matches, spellings))), None)
        if rule is None and self._quiet and quiet_doubt(argv) is None:
            return "approve"
        word = (rule or self._rules[-1]).decision
        if word == "reject":
            raise ToolError("denied", self._refusal(argv, is_ruled=rule is not None))
        return word

    def _held(self, word: Word, argv: tuple[str, ...], run: Run) -> Preset:
        """Make of the rules' word what the files allow that the command names."""
        is_quiet = quiet_doubt(argv) is None
        if not is_quiet and _insists(argv, run):
            return "insist"
        stays = (is_quiet or not leaves_folder(argv)) and not _is_odd(argv, run.project_root)
        return word if self._landlock and stays else "ask"

    def _refusal(self, argv: tuple[str, ...], *, is_ruled: bool) -> str:
        if is_ruled:
            return f"a rule forbids {argv[0]!r} with these arguments"
        offered = sorted({each.program for each in self._rules[:-1] if each.decision != "reject"})
        return f"{argv[0]!r} is not offered here; use {', '.join(offered) or 'another tool'}"


def shell_readonly() -> ShellToolset:
    """Make the toolset in which the quiet list runs unasked and everything else asks."""
    return ShellToolset(quiet=True)


def shell_file_ops() -> ShellToolset:
    """Make the toolset in which `ls` is free, `mv` asks, and nothing else is offered."""
    rules = [ShellRule("ls", decision="approve"), ShellRule("mv", decision="ask")]
    return ShellToolset(rules, default="reject")


def _result(finished: Finished, timeout_s: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "stdout": finished.stdout,
        "stderr": finished.stderr,
        "exit_code": finished.exit_code,
        "truncated": finished.truncated,
    }
    match finished.ended_by:
        case "timeout":
            note = f"timed out: the program was ended after {timeout_s:g} s; do less or pass a longer timeout"
        case "output":
            note = f"the program was ended when it had printed {MAX_OUTPUT_BYTES} bytes; ask for less"
        case None:
            return result
    return {**result, "note": note}


def _insists(argv: tuple[str, ...], run: Run) -> bool:
    """Tell whether a command holds code, or names a file that rules models; what it finds is not seen."""
    if runs_code(argv):
        return True
    root = Root(run.project_root)
    guard = Guard(root, run)
    moves = not _MOVERS.isdisjoint(word.rpartition("/")[2] for word in argv)
    if moves and _copies_all(argv):
        return True
    places = {place for word in argv[1:] for piece in pieces(word) for place in _places(piece, root.path)}
    return any(
        is_protected(place.split("/"))
        or (path_fault(place) is None and guard.insists(place))
        or (path_fault(place) is None and moves and guard.insists_on_move(place, place))
        for place in places
    )


def _copies_all(argv: tuple[str, ...]) -> bool:
    names = {os.path.normpath(word) for word in argv[1:]}
    return "." in names and any(map(_RECURSIVE.match, argv[1:]))


def _places(piece: str, folder: Path) -> Iterator[str]:
    """Yield what a piece of a word can name below the folder: as it is written, and where links lead."""
    for resolve in (os.path.normpath, os.path.realpath):
        place = os.path.relpath(resolve(folder / piece), resolve(folder))
        if place.split("/")[0] not in {".", ".."}:
            yield place


def _is_odd(argv: tuple[str, ...], folder: Path) -> bool:
    """Tell whether a command names something that is or passes a link, or is neither file nor folder."""
    start = os.path.realpath(folder)
    words = argv if "/" in argv[0] else argv[1:]
    named = {piece for word in words for piece in pieces(word) if not piece.startswith("/")}
    return any(_leads_astray(os.path.normpath(f"{start}/{piece}")) for piece in named)


def _leads_astray(path: str) -> bool:
    if os.path.realpath(path) != path:
        return True
    try:
        mode = os.lstat(path).st_mode
    except PermissionError:
        return True
    except OSError:  # nothing has that name
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
