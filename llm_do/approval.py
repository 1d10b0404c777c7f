"""Requests, rules and policies in, decisions out: values and pure functions; nothing here asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from llm_do.canonical import canonical_json, digest
from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Spell = Callable[[Mapping[str, Any]], Mapping[str, Any]]

Verdict = Literal["approve", "ask", "reject"]
Mode = Literal["prompt", "approve_all", "reject_all"]
DecisionKind = Literal["approve", "reject", "modify", "approve_session"]
DecidedBy = Literal["rule", "mode", "callback", "human", "none"]
Preset = Literal["approve", "ask", "insist", "reject"]
"""A toolset's word on its own call; `insist` asks even under approve_all and is never remembered."""

STRICTNESS: Final[tuple[Preset, ...]] = ("approve", "ask", "insist", "reject")
"""The words on a call, the strictest last."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an approval list: a glob over tool names, optional argument patterns, and what follows.

    A text pattern in `args` is a glob over a text argument; any other value must be equal. An argument
    that is absent does not match.
    """

    tool: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    decision: Verdict = "ask"

    def __post_init__(self) -> None:
        if self.decision not in get_args(Verdict):
            raise UsageError(
                f"rule for {self.tool!r}: {self.decision!r} is no decision; "
                f"say {', '.join(get_args(Verdict))}"
            )

    def matches(self, tool: str, args: Mapping[str, Any]) -> bool:
        """Tell whether this rule speaks about a call."""
        return fnmatchcase(tool, self.tool) and all(
            name in args and _matches(pattern, args[name]) for name, pattern in self.args.items()
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would do, as text for a human: a diff, a whole definition, the sizes of attachments.

    `edits` names the argument that an edited text is passed in; None where the text cannot be edited. An edit
    begins with `text` and the arguments of the call, unless `draft` and `args` say with what else. `grants`
    tells that a yes grants rights, so whoever edits a call into this one sees it before it runs. `covers`
    names the arguments that the text shows, so that a question need not show them as a whole once more.
    """

    text: str
    edits: str | None = None
    draft: str | None = None
    args: Mapping[str, Any] | None = None
    grants: bool = False
    covers: tuple[str, ...] = ()

    @property
    def editable(self) -> str:
        """The text that an edit begins with."""
        return self.text if self.draft is None else self.draft


@dataclass(frozen=True, slots=True)
class Request:
    """One call that needs a decision: what would run, with exactly which arguments, and who wants it.

    `chain` names the callers from the entry down to `worker`, which made the call at `depth`. `network` says
    that the call can send data away. A human is asked about all open calls of one model response together:
    `batch` lists them, without lists of their own, and this one stands at `position` (from 0); where a call
    is asked about alone, `batch` is empty. `complaint` says why the edit that was just made of it cannot be
    taken; the arguments are those before that edit.
    """

    tool: str
    args: Mapping[str, Any]
    description: str
    chain: tuple[str, ...]
    worker: str
    depth: int
    session_offered: bool = True
    preview: Preview | None = None
    network: bool = False
    batch: tuple[Request, ...] = ()
    position: int = 0
    complaint: str = ""

    @property
    def key(self) -> str:
        """What a session approval covers: SHA-256 over worker, tool and canonical arguments."""
        call = [self.worker, self.tool, dict(self.args)]
        try:
            return digest(canonical_json(call))
        except (TypeError, ValueError):  # only Python can pass such arguments and have them approved
            return digest(repr(call))


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer: `args` replaces the arguments (kind modify), `note` is shown to the model (kind reject)."""

    kind: DecisionKind
    args: Mapping[str, Any] | None = None
    note: str = ""


Answer = Decision | Literal["approve", "reject", "prompt"]
Callback = Callable[[Request], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class RunApprovalPolicy:
    """How a run decides: the operator's rules first, then a callback, then the mode.

    The callback, sync or async, gets a `Request` and returns "approve", "reject", "prompt" (leave it to
    the mode) or a `Decision`. An exception in it, or any other value, is a refusal. A rule is a `Rule`, or
    a mapping as in a manifest.

    Raises:
        UsageError: an unknown mode.
    """

    mode: Mode = "prompt"
    approval_callback: Callback | None = None
    rules: Sequence[Rule | Mapping[str, Any]] = ()
    return_permission_errors: bool = True

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UsageError(f"{self.mode!r} is no approval mode; say one of {', '.join(get_args(Mode))}")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What rules and the toolset say before anybody is asked; `note` says why a rejected call is."""

    verdict: Preset
    by: DecidedBy = "rule"
    note: str = "a rule forbids it"


def mend_of(*, insists: bool) -> str:
    """Say what helps an operator whose call was refused because nobody could be asked about it."""
    if insists:
        return "only a person or an approval callback can approve this: run on a terminal"
    return "add an approval rule or --approve-all, or run on a terminal"


def rule(
    operator: Iterable[Rule],
    workers: Iterable[Iterable[Rule]],
    preset: Preset,
    tool: str,
    args: Mapping[str, Any],
    *,
    spell: Spell = dict,
) -> Ruling:
    """Judge a call by the operator's list, the lists of the caller chain and the toolset's own preset.

    Within a list the first match speaks. A reject from any list wins; else an insisting toolset does;
    else the operator's word, else the strictest word of the caller chain, else the preset.

    Args:
        operator: the operator's list.
        workers: the lists of the caller chain.
        preset: the toolset's word.
        tool: the tool's name.
        args: the arguments as they were given.
        spell: gives arguments and patterns their one spelling: `./a//b` is `a/b`. Arguments so spelled are
            what a rule has to match; a reject holds for those that were given, too.
    """
    lists = [list(operator), *(list(rules) for rules in workers)]
    said: list[Verdict | None] = [_first(rules, tool, spell(args), spell) for rules in lists]
    said_operator, said_chain = said[0], said[1:]
    strictest: Preset | None = next((each for each in reversed(STRICTNESS) if each in said_chain), None)
    as_given = (_first(rules, tool, args, dict) for rules in lists)
    if "reject" in (said_operator, strictest, preset, *as_given):
        return Ruling("reject", "rule")
    if preset == "insist":
        return Ruling("insist", "rule")
    return Ruling(said_operator or strictest or preset, "rule")


def _first(rules: Iterable[Rule], tool: str, args: Mapping[str, Any], spell: Spell) -> Verdict | None:
    return next((each.decision for each in rules if _speaks(each, tool, args, spell)), None)


def _speaks(each: Rule, tool: str, args: Mapping[str, Any], spell: Spell) -> bool:
    return each.matches(tool, args) or replace(each, args=spell(each.args)).matches(tool, args)


def _matches(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, str) and isinstance(value, str):
        return fnmatchcase(value, pattern)
    return type(pattern) is type(value) and pattern == value
