"""Judged tests as JSON in, what the inputs of one test function show together out.

Two claims, because samples of one input resemble each other: one about these inputs, one about inputs like
these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_do_eval.metrics import metric_lines, over_family
from llm_do_eval.ratio import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Json = dict[str, Any]

_SHOWN: Final = ("PASS", "FAIL", "INCONCLUSIVE")
_FEWEST: Final = 2


def families(tests: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Put the inputs of each test function together, where at least two of them were judged.

    Inputs that other models answered are a family of their own. Those of which nothing is shown, because too
    few samples had an outcome, are counted in `left_out`.
    """
    alike: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for test in tests:
        if test["function"] != test["test"]:
            alike.setdefault((test["function"], test["evidence"]["model"] or ""), []).append(test)
    found = (_family(each) for _, each in sorted(alike.items()))
    return [each for each in found if each is not None]


def family_lines(family: Mapping[str, Any]) -> Iterator[str]:
    """Say the two claims of a family, and its metrics."""
    these, new, inputs = family["these_inputs"], family["new_inputs"], family["inputs"]
    left_out = (
        f", {family['left_out']} more left out: nothing was shown of them" if family["left_out"] else ""
    )
    model = f" ({family['model']})" if family["model"] else ""
    yield f"{family['function']}{model}: {inputs} inputs, {these['k']}/{these['n']} samples passed{left_out}"
    sure = f"{percent(family['confidence'])} confidence"
    pooled = "pooled, approximate after early stops" if these["approximate"] else "pooled"
    yield f"  these inputs: mean pass rate >= {percent(these['bound'])} ({pooled}, {sure})"
    approximate = f"approximate, KG+, {inputs} inputs"
    yield f"  inputs like these: pass rate >= {percent(new['bound'])} ({approximate}, {sure})"
    for line in metric_lines(family["metrics"], family["confidence"]):
        yield f"  mean over inputs, {line}"


def _family(tests: Sequence[Mapping[str, Any]]) -> Json | None:
    from llm_do_eval.stats.bounds import lower_bound
    from llm_do_eval.stats.clusters import new_inputs_bound

    shown = [each for each in tests if each["verdict"] in _SHOWN and each["n"]]
    if len(shown) < _FEWEST:
        return None
    k, n = sum(each["k"] for each in shown), sum(each["n"] for each in shown)
    confidence = shown[0]["confidence"]
    alpha = round(1 - confidence, 12)
    new = float(new_inputs_bound([each["k"] / each["n"] for each in shown], n, alpha))
    return {
        "function": shown[0]["function"],
        "model": shown[0]["evidence"]["model"],
        "inputs": len(shown),
        "left_out": len(tests) - len(shown),
        "confidence": confidence,
        "these_inputs": {
            "k": k,
            "n": n,
            "bound": lower_bound(k, n, alpha),
            "approximate": any(each["stopped"] for each in shown),
        },
        "new_inputs": {"bound": new, "method": "KG+", "approximate": True},
        "metrics": over_family([each["metrics"] for each in shown], alpha),
    }
