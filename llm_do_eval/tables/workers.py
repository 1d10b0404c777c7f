"""Traces in, workers that changed out: names that ran under several models or several worker files."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_do_eval.health import Health
    from llm_do_eval.tables.trace import Trace


class Workers:
    """Collects the models and specs of every worker."""

    def __init__(self) -> None:
        self._models: defaultdict[str, set[str]] = defaultdict(set)
        self._specs: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, trace: Trace) -> None:
        """Note one run."""
        for call in (trace.run.root, *trace.run.calls):
            if call.impl == "worker" and call.model is not None:
                self._models[call.name].add(call.model)
            if call.impl == "worker" and call.spec is not None:
                self._specs[call.name].add(call.spec)

    def count(self, health: Health) -> None:
        """Report the workers that changed."""
        health.count("mixed-models", sum(len(models) > 1 for models in self._models.values()))
        health.count("mixed-specs", sum(len(specs) > 1 for specs in self._specs.values()))
