"""The code that judges tests in; the tables and sentences with its figures, for `docs/statistics.md`, out."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import numpy as np

from llm_do_eval.claim import Claim, infra_allowed
from llm_do_eval.planning.need import early, rules
from llm_do_eval.planning.outlook import outlook
from llm_do_eval.plans import plan_for
from llm_do_eval.ratio import percent
from llm_do_eval.sampling.launch import ATTEMPTS
from llm_do_eval.stats.anytime import anytime_lower
from llm_do_eval.stats.bounds import lower_bound, min_samples, samples_needed
from llm_do_eval.stats.clusters import new_inputs_bound
from llm_do_eval.stats.fixed import critical, fixed_size
from llm_do_eval.stats.guard import catching, refuting
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.optimal import MIN_SAMPLES_FOR_FAIL
from llm_do_eval.stats.passk import of_task
from llm_do_eval.stats.plan import Design, Plan, default_target
from llm_do_eval.stats.stagewise import bounds_after
from llm_do_eval.stats.twosample import power
from llm_do_eval.verdict import Counts, judge_infra, judge_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_WIDTH: Final = 119

RATES: Final = (0.8, 0.9, 0.95, 0.99)
DESIGNS: Final = (
    Design(0.5, 0.9),
    Design(0.7, 0.9),
    Design(0.7, 0.94),
    Design(0.8, 0.95),
    Design(0.8, 0.96),
    Design(0.9, 0.98),
    Design(0.9, 0.99),
    Design(0.95, 0.99),
)


def _choice() -> str:
    head = ("what you want to say", "the mark", "samples")
    return _table(head, [(f'"{what}"', f"`{mark}`", samples) for what, mark, samples in _choices()])


def _choices() -> Iterable[Sequence[str]]:
    caught, missed = _share(catching(20, 0.9, 0.7)), _share(0.95**20)
    yield (
        "it is not badly broken",
        'llm_samples(20, min_pass_rate=0.9, mode="guard")',
        f"20; a true rate of 0.7 is caught in {caught}",
    )
    for rate in (0.8, 0.9, 0.95):
        seen = outlook(Claim(min_pass_rate=rate), None, 10_000, live=True, cache=None).samples
        yield (
            f"at least {percent(rate)} of the answers are right",
            f"llm_samples({seen.most}, min_pass_rate={rate:g})",
            f"{seen.at_target:.0f} on average, {seen.most} at most",
        )
    yield "every sample passes", "llm_samples(20)", f"20; a failure in 5 % of calls is missed in {missed}"
    yield (
        "95 % of the answers take at most so long",
        f"llm_samples({min_samples(0.95)})` and `quantile=0.95",
        f"{min_samples(0.95)}, if none takes longer",
    )


def _twenty() -> str:
    shown = {k: percent(lower_bound(k, 20)) for k in (20, 19, 18)}
    return _prose(f"""
        20 of 20 samples passed. That shows a true pass rate of at least {shown[20]}, with 95 %
        confidence. It does not show that the worker works: one that fails 5 % of the time passes all 20
        in {percent(0.95**20)} of cases, and one that fails 1 % of the time in {percent(0.99**20)}. 19 of
        20 shows {shown[19]}, 18 of 20 {shown[18]}, and 5 of 5 no more than {percent(lower_bound(5, 5))}.
        For 99 % it takes {min_samples(0.99)} samples that all pass.
    """)


def _missed() -> str:
    sizes = (1, 5, 10, 20, 50, 100)
    rows = [
        (percent(mode), *(_share((1 - mode) ** n) for n in sizes), str(min_samples(1 - mode)))
        for mode in (0.01, 0.02, 0.05, 0.1, 0.2)
    ]
    return _table(("fails in", *(f"{n} sampled" for n in sizes), "seen with 95 %"), rows)


def _words() -> str:
    rate, guard = Claim(min_pass_rate=0.8), Claim(min_pass_rate=0.8, mode="guard")
    infra = judge_infra(rate, Counts(passed=17, infra=3), 20)
    assert infra is not None
    judged = (
        ("20 of 20, claim 0.8", judge_rate(rate, 20, 20)),
        ("10 of 20, claim 0.8", judge_rate(rate, 10, 20)),
        ("18 of 20, claim 0.8", judge_rate(rate, 18, 20)),
        ("18 of 20, guard of 0.8", judge_rate(guard, 18, 20)),
        ("10 of 20, guard of 0.8", judge_rate(guard, 10, 20)),
        ("20 of 20, no rate", judge_rate(Claim(), 20, 20)),
        ("19 of 20, no rate", judge_rate(Claim(), 19, 20)),
        ("3 of 20 ended in a 503", infra),
    )
    return _table(
        ("samples", "verdict", "sentence"), [(what, each.word, each.sentence) for what, each in judged]
    )


def _sizes() -> str:
    passing = ("all pass", "1 failure", "2 failures")
    powers = ("for 80 % power", "for 95 % power", "at a true rate of")
    return _table(("to show", *passing, *powers), [_sizes_of(rate) for rate in RATES])


def _sizes_of(rate: float) -> Sequence[str]:
    target = default_target(rate)
    sizes = [fixed_size(rate, target, missed) for missed in (0.2, 0.05)]
    powers = [f"{size.n} ({size.k} pass)" for size in sizes]
    return (f"{rate:g}", *(str(samples_needed(each, rate)) for each in range(3)), *powers, f"{target:g}")


def _flaky() -> str:
    told = ", ".join(f"{percent(1 - rate**20)} at {rate:g}" for rate in (0.999, 0.99, 0.98, 0.95))
    return _prose(f"""
        With 20 samples, such a test fails in this share of cases, by the true rate: {told}.
    """)


def _rules() -> str:
    return _table(
        ("at least", "passes 5 % of the time at", "fails 5 % of the time at"),
        [(f"{each.k} of 20", f"{each.reached_by:.3f}", f"{each.missed_by:.3f}") for each in rules(20, 0.05)],
    )


def _guard() -> str:
    sizes, rates = (5, 10, 20, 50), (0.98, 0.9, 0.8, 0.7, 0.6)
    rows = [
        (str(n), str(refuting(n, 0.9)), *(_share(catching(n, 0.9, rate)) for rate in rates)) for n in sizes
    ]
    return _table(("samples", "fails up to", *(f"at {rate:g}" for rate in rates)), rows)


def _early() -> str:
    sizes = ("fixed", "at most", "first PASS")
    averages = ("at target", "at claim", "worst", "saved", "limit")
    return _table(("claim", "target", *sizes, *averages), [_early_of(design) for design in DESIGNS])


def _early_of(design: Design) -> Sequence[str]:
    found, fixed = early(design, plan_for(design)), fixed_size(design.p_lo, design.p_hi).n
    mean = (found.at_target + found.at_min_pass_rate) / 2
    limit = (found.wald_at_target + found.wald_at_min_pass_rate) / 2
    averages = [f"{each:.1f}" for each in (found.at_target, found.at_min_pass_rate, found.peak)]
    saved = [f"{1 - each / fixed:.0%}".replace("%", " %") for each in (mean, limit)]
    rates = (f"{design.p_lo:g}", f"{design.p_hi:g}")
    return (*rates, str(fixed), str(found.cap), str(found.first_pass), *averages, *saved)


def _stopped() -> str:
    plan = plan_for(Design(0.8, 0.95))
    late = [n for n, k in enumerate(plan.pass_at) if 0 < k <= n and plan.decide(n - 1, k - 1) is None][-2]
    ends = [(n, plan.pass_at[n]) for n in (early(plan.design, plan).first_pass, late)]
    shown = [(percent(bounds_after(plan, n, k).lower), percent(lower_bound(k, n))) for n, k in ends]
    told = [
        f"{k} of {n} shows {after}, as a fixed number {fixed}"
        for (n, k), (after, fixed) in zip(ends, shown, strict=True)
    ]
    return _prose(f"""
        A plan does not FAIL before {MIN_SAMPLES_FOR_FAIL} samples, so that there is something to look at.
        A plan for 0.8 with a target of 0.95 may PASS early or late. {told[0]}; {told[1]}.
    """)


def _curtailed() -> str:
    few = outlook(Claim(min_pass_rate=0.8), None, 20, live=True, cache=None)
    enough = outlook(Claim(min_pass_rate=0.8), None, 100, live=True, cache=None)
    return _prose(f"""
        20 samples are too few for the plan of 0.8, which takes up to {enough.samples.most}. They keep the
        verdicts that 20 samples have, told as soon as no further sample can change them. A worker with a
        true rate of {few.power.rate:g} then passes in only {percent(few.power.probability)} of cases;
        with `llm_samples({enough.samples.most}, min_pass_rate=0.8)` it passes in
        {percent(enough.power.probability)}, after {enough.samples.at_target:.0f} samples on average.
    """)


def _added() -> str:
    shares = [(rate, operating(_looking(rate, every=20, until=200), rate).pass_) for rate in RATES[:3]]
    told = ", ".join(f"{rate:g} is shown in {percent(share)}" for rate, share in shares)
    again = ", ".join(f"{percent(1 - 0.95**runs)} with {runs} runs" for runs in (2, 3, 5))
    return _prose(f"""
        Say the true rate is just below the claimed one, so that each PASS is a mistake. One look makes it
        in 5 % of cases at most. Who adds 20 samples until the test passes, up to 200, makes it more
        often: {told} of cases. Who runs the test again until it passes comes up to {again}.
    """)


def _looking(rate: float, *, every: int, until: int) -> Plan:
    """Make the plan of somebody who looks every so many samples, and stops only at a PASS."""
    looks = range(every, until + 1, every)
    enough = tuple(critical(n, rate) if n in looks else n + 1 for n in range(until + 1))
    return Plan(Design(rate, default_target(rate)), enough, (-1,) * (until + 1))


def _anytime() -> str:
    rows = [(f"{rate:g}", str(min_samples(rate)), str(_first_anytime(rate))) for rate in RATES]
    return _table(("to show", "one look", "any number of looks"), rows)


def _first_anytime(rate: float) -> int:
    return next(n for n in range(min_samples(rate), 10_000) if anytime_lower(n, n) >= rate)


def _infra() -> str:
    claim, samples = Claim(), 40
    void = infra_allowed(claim.max_infra, samples) + 1
    return _prose(f"""
        Such a sample is tried again, up to {ATTEMPTS} times in all. Where the attempts that ended so are
        more than {percent(claim.max_infra)} of the number of samples (`max_infra`), such as {void} for
        {samples} samples, the verdict is VOID.
    """)


def _quantiles() -> str:
    rows = [
        (f"p{100 * level:g}", *(str(samples_needed(beyond, level)) for beyond in range(3)))
        for level in (0.5, 0.9, 0.95, 0.99)
    ]
    return _table(("quantile", "all within the limit", "one beyond", "two beyond"), rows)


def _inputs() -> str:
    rows = [
        (str(inputs), str(each), percent(lower_bound(inputs * each, inputs * each)), _new(inputs, each))
        for inputs, each in ((1, 20), (5, 4), (5, 20), (20, 1), (20, 5), (59, 1))
    ]
    return _table(("inputs", "samples of each", "these inputs", "inputs like these"), rows)


def _new(inputs: int, each: int) -> str:
    return "nothing" if inputs == 1 else percent(float(new_inputs_bound([1.0] * inputs, inputs * each)))


def _duplicates() -> str:
    """Simulate 100 samples at a true rate of 0.9, half of them copies of earlier ones."""
    naive, honest = (f"{100 * _wrongly(0.5, count_once=once):.0f} %" for once in (False, True))
    return _prose(f"""
        Where half of 100 samples are copies of earlier ones and each counts, a true rate of 0.9 is shown
        to be above 0.9 in {naive} of cases (simulated); where each answer counts once, in {honest}.
    """)


def _wrongly(share: float, *, count_once: bool, runs: int = 20_000, n: int = 100) -> float:
    rng = np.random.default_rng(0)
    copied = rng.random((runs, n)) < share
    copied[:, 0] = False
    passed = rng.random((runs, n)) < 0.9
    for sample in range(1, n):
        of = rng.integers(0, sample, runs)
        passed[:, sample] = np.where(copied[:, sample], passed[np.arange(runs), of], passed[:, sample])
    counts = ~copied if count_once else np.ones_like(copied)
    enough = np.array([critical(size, 0.9) for size in range(n + 1)])
    return float(((passed & counts).sum(axis=1) >= enough[counts.sum(axis=1)]).mean())


def _tries() -> str:
    def cells(passes: int) -> Iterable[str]:
        for kind in ("pass^", "pass@"):
            value, lower, _ = of_task(kind, 20, passes, 3)
            yield f"{percent(value)} (at least {percent(lower)})"

    rows = [(f"{passes} of 20", *cells(passes)) for passes in (20, 19, 18, 15, 10)]
    return _table(("passed", "`pass^3`: three in a row", "`pass@3`: one of three"), rows)


def _versions() -> str:
    drops = ((0.95, 0.8), (0.99, 0.9), (0.9, 0.7))
    rows = [
        (f"{n} v {n}", *(percent(power(base, candidate, n, n)) for base, candidate in drops))
        for n in (20, 50, 100)
    ]
    return _table(("samples", *(f"{base:g} to {candidate:g}" for base, candidate in drops)), rows)


def _many() -> str:
    tests = 20
    return _prose(f"""
        With {tests} tests, each of which errs in 5 % of cases, at least one errs in
        {percent(1 - 0.95**tests)} of sessions. And where {tests} workers are all at their targets and
        each passes in 95 % of cases, all pass together in {percent(0.95**tests)}.
    """)


BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "choice": _choice,
    "20 of 20": _twenty,
    "missed": _missed,
    "verdicts": _words,
    "sizes": _sizes,
    "flaky": _flaky,
    "k of 20": _rules,
    "guard": _guard,
    "early": _early,
    "stopped": _stopped,
    "too few for a plan": _curtailed,
    "added": _added,
    "anytime": _anytime,
    "infra": _infra,
    "quantiles": _quantiles,
    "inputs": _inputs,
    "duplicates": _duplicates,
    "tries": _tries,
    "versions": _versions,
    "many": _many,
}


def _share(share: float) -> str:
    """Write a share; one that is not nothing is not shown as nothing."""
    return "< 0.1 %" if 0 < share < 0.0005 else percent(share)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruled = f"|{'---|' * len(head)}\n"
    first, *others = (f"| {' | '.join(line)} |\n" for line in (head, *rows))
    return "".join([first, ruled, *others])


def _prose(text: str) -> str:
    """Wrap lines of a sentence as the page is written, whatever breaks they come with."""
    told = " ".join(text.split()).replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.fill(told, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\N{NO-BREAK SPACE}", " ") + "\n"
