"""Where the samples of a test came from, as a value in, the line that a terminal shows out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

# the name of a test may hold the same words
_SET_ASIDE: Final = re.compile(r"\.jsonl\.unclean(?:\.\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the samples came from.

    `recorded_at` is when a provider first answered (ISO 8601), None where no provider was asked; `replayed`
    says that every answer was recorded before, `replayed_samples` counts the samples of which that is true;
    `distinct` counts the samples with an answer of the provider that none before them had; `cassette` is
    relative to the root folder, and `saved` says that it was recorded just now; `unplayed` counts its
    requests that no sample sent; `scrubbed` counts the bodies recorded just now that held a secret, which
    was replaced; `interrupted` is the record mode that goes on with a recording which was interrupted, None
    for any other; `set_aside` is where the answers are that a recording had received which was killed
    before, relative to the root folder.
    """

    recorded_at: str | None = None
    model: str | None = None
    replayed: bool = False
    distinct: int = 0
    cassette: str | None = None
    saved: bool = False
    unplayed: int = 0
    scrubbed: int = 0
    replayed_samples: int = 0
    interrupted: str | None = None
    set_aside: str | None = None


def evidence_line(test: Mapping[str, Any]) -> str:
    """Say where the samples of a test came from."""
    evidence, outcomes = test["evidence"], test["outcomes"]
    model = evidence["model"] or "no model"
    number = f"n={sum(outcomes.values())}"
    day = (evidence["recorded_at"] or "")[:10]
    if evidence["replayed"]:
        return f"recorded {day}, {model}, {number}, replayed{_replayed(evidence)}"
    if evidence["saved"]:
        old = f", {evidence['replayed_samples']} replayed" if evidence["replayed_samples"] else ""
        return f"recorded {day}, {model}, {number}{old}; {evidence['cassette']}: {_saved(evidence)}"
    return f"live {day}, {model}, {number}" if day else f"{model}, {number}, no provider asked"


def _replayed(evidence: Mapping[str, Any]) -> str:
    """Say what is wrong with a recording that was replayed."""
    mode, unplayed = evidence.get("interrupted"), evidence["unplayed"]
    part = f" from an interrupted recording; --llm-record={mode} goes on with it" if mode else ""
    left = counted(unplayed, "recorded request")
    were = "was" if unplayed == 1 else "were"
    return f"{part}; {left} {were} not sent again: record anew" if unplayed else part


def _saved(evidence: Mapping[str, Any]) -> str:
    """Say what to do with what was recorded just now."""
    name, mode = evidence["cassette"], evidence.get("interrupted")
    told = "review before committing"
    if mode:
        told = f"interrupted; --llm-record={mode} goes on with it"
    elif name.endswith(".journal"):
        told = "interrupted; the next recording sets it aside"
    elif _SET_ASIDE.search(name):
        told = "set aside, because samples ended in error or infra"
    if evidence["scrubbed"]:
        told += f"; secrets were replaced in {evidence['scrubbed']} of its bodies"
    if evidence.get("set_aside"):
        told += f"; what a killed recording had received is in {evidence['set_aside']}"
    return told
