"""Samples in, which are observations of their own out, and warnings where they are not independent."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from llm_do_eval.stats.distinct import first_seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.sample import Sample

_JUDGED: Final = ("pass", "fail", "error")
_FEWEST: Final = 20
_FEWEST_FAILURES: Final = 2
_LEVEL: Final = 0.025
"""Of each of two tests, so that independent samples cause a warning at most one time in 20."""


def observations(samples: Sequence[Sample]) -> list[Sample]:
    """Give the samples that count: they have an outcome, and an answer that none before them had.

    `samples` stand in launch order; of those with the same answers the first counts. One of which no answer
    is known is its own.
    """
    judged = [each for each in samples if each.outcome in _JUDGED]
    own = first_seen([[response.key for response in each.responses] for each in judged])
    return [each for each, new in zip(judged, own, strict=True) if new]


def replays(samples: Sequence[Sample]) -> list[Sample]:
    """Give the samples with an outcome that do not count, because others before them had the same answers."""
    counted = observations(samples)
    return [each for each in samples if each.outcome in _JUDGED and each not in counted]


def distinct(samples: Sequence[Sample]) -> int:
    """Count the samples that ended with an answer that none before them had."""
    ended = [each for each in samples if each.outcome is not None]
    return sum(first_seen([[response.key for response in each.responses] for each in ended]))


def dependences(test: str, samples: Sequence[Sample]) -> list[str]:
    """Say in sentences what speaks against reading the samples of a test as independent ones of one rate."""
    counted = observations(samples)
    return [
        *_replayed(replays(samples), len(counted)),
        *_fixed(counted),
        *_changed(counted),
        *_ordered(test, counted),
    ]


def _replayed(again: Sequence[Sample], own: int) -> Iterator[str]:
    if again:
        yield (
            f"{len(again)} of {len(again) + own} samples got only answers that the provider had given before;"
            f" each counts once, so {own} count"
        )


def _fixed(samples: Sequence[Sample]) -> Iterator[str]:
    answers = [response for each in samples for response in each.responses]
    if len(samples) > 1 and answers and not any(each.varies for each in answers):
        yield (
            f"temperature 0 or a fixed seed: samples are not independent, and all {len(samples)} of them may "
            f"be one observation"
        )


def _changed(samples: Sequence[Sample]) -> Iterator[str]:
    """Split the samples by the models that answered, where one name stood for several."""
    answering: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for each in samples:
        for response in each.responses:
            if response.model and response.answered_by:
                answering[response.model][response.answered_by].add(each.index)
    passed = {each.index for each in samples if each.outcome == "pass"}
    for model, by in sorted(answering.items()):
        if len(by) > 1:
            split = ", ".join(f"{name} {len(of & passed)}/{len(of)}" for name, of in sorted(by.items()))
            yield f"{model} stood for different models, each with a rate of its own: {split} samples passed"


def _ordered(test: str, samples: Sequence[Sample]) -> Iterator[str]:
    """Warn of outcomes that stick together or drift in launch order."""
    passed = [each.outcome == "pass" for each in samples]
    if len(passed) < _FEWEST or Counter(passed)[False] < _FEWEST_FAILURES:
        return
    import numpy as np

    from llm_do_eval.stats.independence import drift_p, runs_p

    # seeded by the test, so that the same samples always give the same warning
    seed = int.from_bytes(hashlib.sha256(test.encode()).digest()[:8])
    alarms = [
        f"{what}, p = {p:.2g}"
        for p, what in (
            (runs_p(passed), "outcomes stick together (runs test"),
            (drift_p(passed, np.random.default_rng(seed)), "the rate changed on the way (cumulative sum"),
        )
        if p <= _LEVEL
    ]
    half = len(passed) // 2
    halves = f"{sum(passed[:half])}/{half}, then {sum(passed[half:])}/{len(passed) - half} passed"
    for alarm in alarms:
        yield f"{alarm}; {halves}): read the rate as an average over the run"
