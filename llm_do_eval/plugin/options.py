"""Command line and ini file in, one frozen `Options` out."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llm_do_eval.metrics import Metric

Record = Literal["none", "once", "new_episodes", "all", "rewrite", "live"]
Inconclusive = Literal["fail", "xfail", "pass"]
Baseline = Literal["save", "compare"]

_IniType = Literal["string", "int", "float", "bool"]
_RECORD = ("none", "once", "new_episodes", "all", "rewrite", "live")
_INCONCLUSIVE = ("fail", "xfail", "pass")
_BASELINE = ("", "save", "compare")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asks of sampled tests; `samples` overrides the number of every mark."""

    samples: int | None
    concurrency: int
    record: Record
    report: Path | None
    json: Path | None
    baseline: Baseline | None
    baseline_file: Path
    margin: float | None
    inconclusive: Inconclusive
    confidence: float
    metrics: tuple[Metric, ...]
    project: tuple[Path, ...]
    normalize: tuple[str, ...]
    check_cassettes: bool
    cassette_max_bytes: int
    cassette_max_age: float | None
    budget: float | None
    resume: bool
    plan: bool


def add_options(parser: pytest.Parser) -> None:
    """Declare the options, each with its twin in the ini file."""
    group = parser.getgroup("llm-do-eval", "sampled tests of LLM workers")

    def _add(
        name: str, text: str, kind: Literal["string", "int", "float", "bool"] = "string", **how: Any
    ) -> None:
        dest = name.strip("-").replace("-", "_")
        group.addoption(name, dest=dest, default=None, help=text, **how)
        parser.addini(dest, text, type=kind, default=None)

    _add(
        "--llm-samples",
        "samples of every test marked llm_samples, instead of the mark's own number",
        kind="int",
        type=_at_least_one,
        metavar="N",
    )
    _add(
        "--llm-concurrency",
        "samples of one test that run at a time (default 8)",
        kind="int",
        type=_at_least_one,
        metavar="C",
    )
    _add(
        "--llm-record",
        "record mode of the cassettes; live calls providers and reads and writes none (default none)",
        choices=_RECORD,
    )
    _add("--llm-report", "write the verdicts as one HTML page", metavar="PATH")
    _add("--llm-json", "write the verdicts as JSON", metavar="PATH")
    _add_judgement(_add)
    _add(
        "--llm-metric",
        "also compute pass^K (all of K samples pass) and pass@K (one of K passes), as in pass^3,pass@5",
        type=_metrics,
        metavar="NAMES",
    )
    _add_economy(_add)
    _add_keys(parser)


def _add_judgement(add: Callable[..., None]) -> None:
    """Declare how samples are judged."""
    add(
        "--llm-baseline",
        "save what the tests show, or compare with what was saved: a regression fails its test",
        choices=_BASELINE[1:],
    )
    add(
        "--llm-margin",
        "with --llm-baseline=compare: fail also where not shown to be worse by less than D, such as 0.05",
        kind="float",
        type=_margin,
        metavar="D",
    )
    add(
        "--llm-inconclusive",
        "what an inconclusive verdict does to its test (default fail)",
        choices=_INCONCLUSIVE,
    )
    add(
        "--llm-confidence",
        "confidence of each one-sided bound (default 0.95)",
        kind="float",
        type=_confidence,
        metavar="P",
    )


def _add_economy(add: Callable[..., None]) -> None:
    """Declare what is looked at, planned and spent."""
    add(
        "--llm-check-cassettes",
        "fail a replaying session whose cassettes are stale, orphan, unplayed, too large or hold a secret",
        kind="bool",
        action="store_true",
    )
    add(
        "--llm-plan",
        "print samples, power, requests, minutes and dollars of the marked tests, and run nothing",
        kind="bool",
        action="store_true",
    )
    add(
        "--llm-budget",
        "USD that this session may spend at providers; sampling stops before it is exceeded",
        kind="float",
        type=_amount,
        metavar="USD",
    )
    add(
        "--llm-resume",
        "go on with the samples of a run that was stopped or killed, by the same plan",
        kind="bool",
        action="store_true",
    )


def _add_keys(parser: pytest.Parser) -> None:
    """Declare what has a place in the ini file alone."""
    parser.addini(
        "llm_cassette_max_bytes",
        "largest cassette that the check allows (default 1000000)",
        type="int",
        default=1_000_000,
    )
    parser.addini(
        "llm_cassette_max_age",
        "days after which the check calls a cassette stale",
        type="float",
        default=None,
    )
    parser.addini(
        "llm_baseline_file",
        "where --llm-baseline saves, from the root folder (default llm-baseline.json)",
        default="llm-baseline.json",
    )
    parser.addini(
        "llm_normalize",
        "what does not count in requests, in lines REGEX -> PLACEHOLDER",
        type="linelist",
        default=[],
    )
    parser.addini(
        "llm_project", "project of tests without the mark, from the root folder", type="args", default=[]
    )
    parser.addini(
        "llm_dummy_keys", "stand in for missing keys before collection already", type="bool", default=False
    )


def read_options(config: pytest.Config) -> Options:
    """Read every option, the command line first, then the ini file.

    Raises:
        pytest.UsageError: a value in the ini file is none of those allowed, or options do not go together.
    """
    if config.getoption("llm_margin") is not None and _choice(config, "llm_baseline", _BASELINE) != "compare":
        raise pytest.UsageError("--llm-margin is for --llm-baseline=compare; give both")
    return Options(
        samples=_number(config, "llm_samples", _at_least_one),
        concurrency=_number(config, "llm_concurrency", _at_least_one) or 8,
        record=_choice(config, "llm_record", _RECORD),
        report=_path(config, "llm_report"),
        json=_path(config, "llm_json"),
        baseline=_choice(config, "llm_baseline", _BASELINE) or None,
        baseline_file=config.rootpath / config.getini("llm_baseline_file"),
        margin=_number(config, "llm_margin", _margin),
        inconclusive=_choice(config, "llm_inconclusive", _INCONCLUSIVE),
        confidence=_number(config, "llm_confidence", _confidence) or 0.95,
        metrics=_number(config, "llm_metric", _metrics) or (),
        project=tuple(config.rootpath / path for path in config.getini("llm_project")),
        normalize=tuple(config.getini("llm_normalize")),
        check_cassettes=bool(config.getoption("llm_check_cassettes") or config.getini("llm_check_cassettes")),
        cassette_max_bytes=config.getini("llm_cassette_max_bytes"),
        cassette_max_age=config.getini("llm_cassette_max_age"),
        budget=_number(config, "llm_budget", _amount),
        resume=bool(config.getoption("llm_resume") or config.getini("llm_resume")),
        plan=bool(config.getoption("llm_plan") or config.getini("llm_plan")),
    )


def _choice(config: pytest.Config, name: str, allowed: tuple[str, ...]) -> Any:
    value = config.getoption(name) or config.getini(name) or allowed[0]
    if value not in allowed:
        known = ", ".join(filter(None, allowed))
        raise pytest.UsageError(f"ini option {name} is {value!r}; write one of {known}")
    return value


def _number(config: pytest.Config, name: str, parse: Callable[[str], Any]) -> Any:
    given = config.getoption(name)
    if given is not None or (written := config.getini(name)) is None:
        return given
    try:
        return parse(str(written))
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise pytest.UsageError(f"ini option {name}: {error}") from error


def _path(config: pytest.Config, name: str) -> Path | None:
    given, written = config.getoption(name), config.getini(name)
    if given:
        return config.invocation_params.dir / cast("str", given)
    return config.rootpath / written if written else None


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def _metrics(text: str) -> tuple[Metric, ...]:
    from llm_do_eval.metrics import read_metrics

    try:
        return read_metrics(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _confidence(text: str) -> float:
    value = float(text)
    if not 0.5 < value < 1:  # noqa: PLR2004  below, a bound would be wrong more often than right
        raise argparse.ArgumentTypeError(f"{text} is not above 0.5 and below 1")
    return value


def _margin(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _amount(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount above 0")
    return value
