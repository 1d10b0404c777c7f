"""The command `llm-do-eval plan`: a claimed rate in, how many samples show it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from llm_do.errors import UsageError
from llm_do_eval import options  # noqa: TC001  typer reads the annotations when it runs
from llm_do_eval.claim import Claim
from llm_do_eval.delivery import STDOUT, deliver

if TYPE_CHECKING:
    from llm_do_eval.planning.need import Need


def plan_command(
    *,
    min_pass_rate: options.MinPassRate,
    target: options.Target = None,
    samples: options.PlannedSamples = 20,
    confidence: options.Confidence = 0.95,
    as_json: options.Json = None,
) -> None:
    """Say how many samples a claim needs, and what a number of them can show; nothing is run."""
    if not 0.5 < confidence < 1:  # noqa: PLR2004  below, a bound would be wrong more often than right
        raise UsageError(f"--confidence {confidence:g} is not above 0.5 and below 1")
    try:
        claim = Claim(min_pass_rate=min_pass_rate, target=target, confidence=confidence)
        found = _need(claim, samples)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if as_json is not None:
        deliver(as_json, [json.dumps(found.to_json(), indent=1) + "\n"])
    if as_json != STDOUT:
        from llm_do_eval.planning.needtext import need_lines

        deliver(STDOUT, [f"{line}\n" for line in need_lines(found)])


def _need(claim: Claim, samples: int) -> Need:
    from llm_do_eval.planning.need import need

    # plans are kept only where tests keep theirs already
    folder = Path(".llm-do")
    return need(claim, samples, cache=folder / "plans" if folder.is_dir() else None)
