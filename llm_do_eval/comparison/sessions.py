"""Entries of a session's JSON in, one side of a comparison out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from llm_do.canonical import canonical_json, digest
from llm_do.errors import FormatError
from llm_do_eval.comparison.side import Evidence, Key, Observed, Origin, Side
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Entry = Mapping[str, Any]

_JUDGED: Final = ("PASS", "FAIL", "INCONCLUSIVE")
_PARAMETRIZED: Final = re.compile(r"(?P<group>[^\[]*)\[(?P<input>.*)\]", re.DOTALL)
_WITHOUT_OUTCOME: Final = ("infra", None)


def session_side(name: str, entries: Iterable[Entry]) -> Side:
    """Read the entries of a session.

    Raises:
        FormatError: an entry lacks what a comparison needs.
    """
    observed: dict[Key, Observed] = {}
    for entry in entries:
        try:
            observed[key_of(entry["test"])] = _observed(entry)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            test = entry.get("test") if isinstance(entry, dict) else None
            raise FormatError(
                f"{name}: the entry of {test!r} is not as --llm-json writes it ({type(error).__name__}: "
                f"{error}); write the file anew"
            ) from error
    return Side(name, "session", observed)


def key_of(test: str) -> Key:
    """Split pytest's name of a test into that of its function and the parameters, its input."""
    found = _PARAMETRIZED.fullmatch(test)
    return Key(found["group"], found["input"]) if found else Key(test)


def flaw_of(entry: Entry) -> str | None:
    """Say why the samples of a test cannot be compared; None where they can."""
    if entry["verdict"] not in _JUDGED:
        return f"{entry['verdict']}: {entry['sentence']}"
    if entry["stopped"]:
        return (
            "it was stopped early, so how many samples it has depends on how they ended; record it with "
            'stop="fixed", or with --llm-baseline, to compare it'
        )
    return "no sample was judged" if entry["n"] == 0 else None


def _observed(entry: Entry) -> Observed:
    samples = [each for each in entry.get("samples", ()) if each["outcome"] not in _WITHOUT_OUTCOME]
    asked = entry["evidence"]["recorded_at"] is not None
    return Observed(
        passed=_ratio(entry),
        invariants={each["name"]: _ratio(each) for each in entry["invariants"]},
        labels=_labels(samples),
        costs=_numbers(samples, "cost_usd") if asked else (),
        latencies=_numbers(samples, "latency_s") if asked else (),
        origin=Origin(
            models=frozenset(filter(None, (entry["evidence"]["model"] or "").split(", "))),
            workers=dict(entry.get("workers", {})),
        ),
        evidence=Evidence(frozenset(_names(entry))),
        flaw=flaw_of(entry),
    )


def _ratio(counted: Entry) -> Ratio:
    k, n = counted["k"], counted["n"]
    if type(k) is not int or type(n) is not int or not 0 <= k <= n:
        raise ValueError(f"{k!r} of {n!r} is no count")
    return Ratio(k, n)


def _labels(samples: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(" + ".join(each.get("labels", ())) or each["outcome"] for each in samples)


def _numbers(samples: Iterable[Entry], field: str) -> tuple[float, ...]:
    found = [each.get(field) for each in samples]
    return () if None in found else tuple(float(number) for number in found if number is not None)


def _names(entry: Entry) -> Iterable[str]:
    """Name the recordings of the samples; where providers were asked live, the entry, which may be a copy."""
    if entry["evidence"]["recorded_at"] is not None:
        yield digest(canonical_json(entry))
    for each in entry.get("samples", ()):
        if each.get("recording"):
            yield f"{each['index']} {each['recording']}"
