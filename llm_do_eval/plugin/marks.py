"""The marks of a test in, how often it is sampled, what it claims and which project it runs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_do.errors import UsageError, nearest
from llm_do_eval.claim import Claim
from llm_do_eval.plugin.coexistence import refuse_reruns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import pytest

    from llm_do_eval.plugin.options import Options
    from llm_do_eval.sampling.planning import Stop

SAMPLES = "llm_samples"
PROJECT = "llm_project"

_KEYS = ("min_pass_rate", "target", "stop", "mode", "must_pass", "max_infra")
_STOPS: tuple[Stop, ...] = ("sequential", "fixed")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many samples a test has at most, what they have to show, and when to stop; None: as usual."""

    samples: int
    claim: Claim
    stop: Stop | None = None


def sampling_of(item: pytest.Item, options: Options) -> Sampling | None:
    """Read the mark of a sampled test; None for a test without it.

    Raises:
        UsageError: the mark is wrong, its own number of samples can never show its rate, or the test would be
            rerun.
    """
    sampling = claimed(item, options)
    if sampling is None or options.samples is not None or sampling.claim.provable(sampling.samples):
        return sampling
    raise UsageError(sampling.claim.too_few(sampling.samples))


def claimed(item: pytest.Item, options: Options) -> Sampling | None:
    """Read the mark of a sampled test, whether its number of samples can show its rate or not.

    Raises:
        UsageError: the mark is wrong, or the test would be rerun.
    """
    mark = item.get_closest_marker(SAMPLES)
    if mark is None:
        return None
    refuse_reruns(item)
    _refuse_unknown(mark.kwargs)
    if len(mark.args) > 1:
        raise UsageError(f"{SAMPLES} takes one number of samples, and {len(mark.args)} were given")
    own = mark.args[0] if mark.args else 1
    if not isinstance(own, int) or isinstance(own, bool) or own < 1:
        raise UsageError(f"{SAMPLES}: {own!r} is no number of samples; give an integer from 1")
    claim = _claim(mark.kwargs, options.confidence)
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        raise UsageError(f"{SAMPLES} and @given do not go together; parametrize the inputs to be sampled")
    return Sampling(options.samples or own, claim, _stop(mark.kwargs.get("stop"), claim))


def project_of(item: pytest.Item, options: Options) -> tuple[Path, ...]:
    """Give the paths of the project under test: the mark's from the test file, else those of the ini file.

    Raises:
        UsageError: the mark names no path.
    """
    mark = item.get_closest_marker(PROJECT)
    if mark is None:
        return options.project
    if not mark.args or mark.kwargs or not all(isinstance(each, str) for each in mark.args):
        raise UsageError(f"{PROJECT} takes a folder, a manifest, or files, each as a text")
    return tuple(item.path.parent / each for each in mark.args)


def _claim(given: Mapping[str, Any], confidence: float) -> Claim:
    mode = given.get("mode", "prove")
    if mode not in ("prove", "guard"):
        raise UsageError(f"{SAMPLES}: mode is {mode!r}; write prove or guard")
    must_pass: Collection[object] = given.get("must_pass", ())
    if isinstance(must_pass, str) or not all(isinstance(name, str) for name in must_pass):
        raise UsageError(f"{SAMPLES}: must_pass is a list of names of invariants")
    try:
        return Claim(
            min_pass_rate=given.get("min_pass_rate"),
            target=given.get("target"),
            mode=mode,
            must_pass=frozenset(map(str, must_pass)),
            max_infra=given.get("max_infra", 0.05),
            confidence=confidence,
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"{SAMPLES}: {error}") from error


def _stop(given: object, claim: Claim) -> Stop | None:
    if given is not None and given not in _STOPS:
        raise UsageError(f"{SAMPLES}: stop is {given!r}; write {' or '.join(_STOPS)}")
    if given == "sequential" and (claim.min_pass_rate is None or claim.mode == "guard"):
        raise UsageError(
            f'{SAMPLES}: stop="sequential" needs a min_pass_rate to prove: what is settled stops it'
        )
    return given


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    for key in given:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise UsageError(
                f"{SAMPLES}: unknown keyword {key!r}{nearest(key, _KEYS) or f'; known: {known}'}"
            )
