"""A request in, the lines that a human decides by out: what a model wrote is escaped and can hide nothing."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

from llm_do.ui.escape import one_line, shortened, unpadded, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_do.approval import Preview, Request

OWN_WORDS: Final = frozenset({"reason", "rationale", "justification", "explanation", "description"})
"""Arguments in which a model says why: nothing that they claim is a fact."""

_WHOLE: Final = 140_000
"""Characters that are shown in any case: the largest worker file fits, also as a diff."""
_COVERED: Final = 2000
"""Characters of an argument that the preview shows as well."""
_LONG_LINE: Final = 400
_LISTED: Final = 160
_ARGUMENTS: Final = 25
"""Arguments that are shown from each end."""
_GAP: Final = 8
_GUARDED: Final = "it can change what a model may do, or read what is guarded"
_READ_BEFORE: Final = "what was read before could go along"


def listed(batch: Sequence[Request]) -> list[str]:
    """List all calls that one model response asks for, one line each, before the first question."""
    lines = [f"{len(batch)} calls need a decision, one after the other:"]
    for number, each in enumerate(batch, 1):
        name = f"{chain_of(each)}: {shown(each.tool)}"
        lines.append(f"  {number}/{len(batch)} {name} {unpadded(one_line(dict(each.args), _LISTED))}")
    return lines


def questioned(request: Request) -> list[str]:
    """Show one call as a whole: who calls what, every argument, the model's own words apart, the preview."""
    number = f"{request.position + 1}/{len(request.batch)} " if len(request.batch) > 1 else ""
    lines = [f"{number}{chain_of(request)} wants to call {shown(request.tool)}"]
    if description := request.description.strip().partition("\n")[0]:
        lines.append(f"  {shown(shortened(description, _LONG_LINE))}")
    if request.network:
        lines.append("  This call can send data to the network.")
    if not request.session_offered:
        lines.append(f"  Asked every time: {_READ_BEFORE if request.network else _GUARDED}.")
    lines += _arguments(request)
    lines += [] if request.preview is None else previewed(request.preview)
    if request.complaint:  # last, so that nothing scrolls it away
        lines.append(f"  Your edit cannot be taken: {shown(shortened(request.complaint, _LONG_LINE))}")
    return lines


def previewed(preview: Preview) -> list[str]:
    """Show what a call would do as a whole; only of a very long text the middle is left out.

    Each line of the text begins with a bar, so that none passes for one of ours.
    """
    return _cut(preview.text.removesuffix("\n"), _WHOLE, _barred)


def shown_argument(value: Any, most: int = _WHOLE) -> list[str]:
    """Show one argument escaped, in a line; one of over `most` characters in three, without its middle."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    first, *rest = _cut(text, most, lambda piece: [shown(piece)])
    return [first, *(f"    {each}" if number else each for number, each in enumerate(rest))]


def chain_of(request: Request) -> str:
    """Show who calls, from the entry down: `a > b > c`."""
    return " > ".join(shown(name) for name in request.chain)


def shown(text: str) -> str:
    """Show a text in one line, escaped, with its padding collapsed."""
    return unpadded(visible(text))


def _arguments(request: Request) -> list[str]:
    """Show the arguments, the model's own words last; of very many, those in the middle are counted."""
    names = sorted(request.args, key=lambda name: name in OWN_WORDS)
    left_out = len(names) - 2 * _ARGUMENTS
    if left_out > 0:
        names = [*names[:_ARGUMENTS], *names[-_ARGUMENTS:]]
    shares = [_argument(request, name, _WHOLE // len(names)) for name in names]
    if left_out > 0:
        shares.insert(_ARGUMENTS, [f"  ...({left_out} arguments left out)..."])
    return [line for lines in shares for line in lines]


def _argument(request: Request, name: str, most: int) -> list[str]:
    preview, claim = request.preview, "in the model's own words, " if name in OWN_WORDS else ""
    if preview is not None and (preview.edits is not None or name in preview.covers):
        most = min(most, _COVERED)
    first, *rest = shown_argument(request.args[name], most)
    return [f"  {claim}{shown(shortened(name, _LONG_LINE))} = {first}", *rest]


def _cut(text: str, most: int, show: Callable[[str], list[str]]) -> list[str]:
    """Show a text, or what begins and what ends it with a line between that is indented like no other."""
    if len(text) <= most:
        return show(text)
    half = most // 2
    left_out = len(text) - 2 * half
    return [*show(text[:half]), f"  ...({left_out} characters left out)...", *show(text[-half:])]


def _barred(text: str) -> list[str]:
    """Put a bar before each line, and none before the count of a long run of blank ones."""
    lines: list[str] = []
    for is_blank, run in itertools.groupby(text.split("\n"), lambda line: not line.strip()):
        found = list(run)
        if is_blank and len(found) > _GAP:
            lines.append(f"  ...({len(found)} blank lines)...")
        else:
            lines += [f"  | {shown(line)}" for line in found]
    return lines
