"""The command `llm-do-eval compare`: two paths in, what changed between them and an exit code out."""

from __future__ import annotations

import json
from typing import Final

from llm_do.errors import UsageError
from llm_do.ui.escape import visible
from llm_do_eval import options  # noqa: TC001  typer reads the annotations when it runs
from llm_do_eval.delivery import STDOUT, deliver

REFUSED: Final = 1


def compare_command(
    *,
    base: options.Base,
    candidate: options.Candidate,
    margin: options.Margin = None,
    confidence: options.Confidence = 0.95,
    cluster: options.Cluster = None,
    ok: options.Ok = None,
    as_json: options.Json = None,
) -> int:
    """Compare two sessions of tests (--llm-json) or two journals; exit 1 where a regression is shown."""
    from llm_do_eval.comparison.compare import Wishes, compare
    from llm_do_eval.comparison.document import document, lines
    from llm_do_eval.comparison.source import read_sides
    from llm_do_eval.condition import condition
    from llm_do_eval.tables.trace import Reading

    if not 0.5 <= confidence < 1:  # noqa: PLR2004  below, a bound would be wrong more often than right
        raise UsageError(f"--confidence {confidence:g} is not from 0.5 to below 1")
    if margin is not None and not 0 < margin < 1:
        raise UsageError(f"--margin {margin:g} is not between 0 and 1")
    reading = Reading(cluster, None if ok is None else condition(ok))
    ours, theirs = read_sides(base, candidate, reading)
    wishes = Wishes(confidence=confidence, margin=margin)
    found = compare(ours, theirs, wishes)
    if as_json is not None:
        text = json.dumps(document(found, str(base), str(candidate), wishes), indent=1, ensure_ascii=False)
        deliver(as_json, [text + "\n"])
    if as_json != STDOUT:
        deliver(STDOUT, [f"{visible(line.text)}\n" for line in lines(found)])
    return REFUSED if found.refused else 0
