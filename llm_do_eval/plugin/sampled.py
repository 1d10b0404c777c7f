"""A marked test and its open cassette in; the launch of its samples, and the plan by which it stops, out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_do.errors import UsageError
from llm_do_eval.sample import Sample
from llm_do_eval.sampling.launch import Launch
from llm_do_eval.sampling.ledger import Ledger
from llm_do_eval.sampling.stopping import Fixed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from llm_do_eval.plugin.marks import Sampling
    from llm_do_eval.plugin.options import Options
    from llm_do_eval.plugin.traffic import Traffic
    from llm_do_eval.sampling.budget import Budget
    from llm_do_eval.stats.plan import Plan
    from llm_do_eval.verdict import Looks

_FOLDER = ".llm-do"


@dataclass(frozen=True, slots=True)
class Sampled:
    """How a test is sampled: its launch, the plan by which it stops early, and where its samples are kept.

    `looks` says whether samples are added to others that had a verdict without a plan.
    `ledger` is None where nothing is spent: a replay is run again for free.
    """

    launch: Launch
    plan: Plan | None = None
    looks: Looks = "once"
    ledger: Ledger | None = None


def once() -> Sampled:
    """Run a test that is not marked: one time."""
    return Sampled(Launch([Sample(0)], Fixed(1)))


def sampled(
    item: pytest.Item, sampling: Sampling, traffic: Traffic, options: Options, budget: Budget | None
) -> Sampled:
    """Lay out how a marked test is sampled; samples of an interrupted run are taken over, if asked to.

    Raises:
        UsageError: what was recorded or interrupted was sampled for another claim, or cannot be continued.
        FormatError: what was interrupted cannot be read.
    """
    live = not traffic.replays
    folder = item.config.rootpath / _FOLDER
    # where a test stops depends on how its samples end, which would bias a comparison
    early = live and options.baseline is None
    plan = _plan(sampling, traffic, folder / "plans", early=early)
    looks: Looks = "often" if plan is None and _is_added_to(sampling, traffic, options) else "once"
    traffic.describe({"plan": None if plan is None else json.loads(plan.to_json()), "looks": looks})
    plan = plan and plan.cut(sampling.samples)
    samples = [Sample(index) for index in range(sampling.samples)]
    rule = Fixed(sampling.samples) if plan is None else _planned(plan, sampling.samples)
    launch = Launch(samples, rule, sampling.claim.max_infra, budget if live else None)
    if not live or sampling.samples == 1:
        return Sampled(launch, plan, looks)
    ledger = Ledger(folder / "samples" / f"{_digest(item.nodeid)}.jsonl", _about(item, sampling, plan))
    _take_over(launch, ledger, options)
    launch.on_end = ledger.append
    return Sampled(launch, plan, looks, ledger)


def _plan(sampling: Sampling, traffic: Traffic, cache: Path, *, early: bool) -> Plan | None:
    """Choose the plan, without the statistics where none is asked for; `early` if none is named."""
    if sampling.claim.min_pass_rate is None and traffic.plan is None:
        return None
    from llm_do_eval.sampling.planning import plan_of

    return plan_of(
        sampling.claim,
        sampling.stop,
        sampling.samples,
        live=early,
        recorded=traffic.plan,
        cache=cache,
    )


def _is_added_to(sampling: Sampling, traffic: Traffic, options: Options) -> bool:
    """Tell whether samples were added to a recording that had a verdict, or are now.

    Going on until a test passes would pass it too often; what was interrupted had no verdict.
    """
    if traffic.looks == "often":
        return True
    return options.record == "new_episodes" and not options.resume and 0 < traffic.held < sampling.samples


def _planned(plan: Plan, samples: int) -> Any:
    from llm_do_eval.sampling.stopping import Planned

    return Planned(plan, samples)


def _take_over(launch: Launch, ledger: Ledger, options: Options) -> None:
    if not options.resume:
        ledger.begin()
        return
    if options.record in ("all", "rewrite"):
        raise UsageError(
            f"--llm-resume cannot go on with --llm-record={options.record}, which records all samples anew: "
            f"use once, new_episodes or live"
        )
    restored = ledger.restore()
    for each in restored:
        launch.samples[each.index] = each
    if not restored:
        ledger.begin()


def _about(item: pytest.Item, sampling: Sampling, plan: Plan | None) -> dict[str, Any]:
    claim = sampling.claim
    return {
        "test": item.nodeid,
        "samples": sampling.samples,
        "min_pass_rate": claim.min_pass_rate,
        "target": claim.target,
        "mode": claim.mode,
        "confidence": claim.confidence,
        "plan": None if plan is None else _digest(plan.to_json()),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
