"""A linked registry and its entry in, the printed graph of `--check` out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llm_do.links import Entry, Tool, Toolset, Worker
from llm_do.project.fields import written
from llm_do.project.spec import WorkerAccess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_do.approval import Rule
    from llm_do.linking.registry import Registry
    from llm_do.links import Link
    from llm_do.project.manifest import RuntimeConfig
    from llm_do.project.spec import WorkerSpec


def graph(registry: Registry, entry: Worker | Tool | Entry, config: RuntimeConfig | None = None) -> str:
    """Draw every worker with its links and rights, the entry first, then what the manifest decides."""
    workers = sorted(registry.workers.values(), key=lambda each: (each.name != entry.name, each.name))
    lines = [f"entry {entry.name} ({entry.origin})"]
    for worker in workers:
        model = worker.spec.model or "model of its caller"
        lines.append(f"worker {worker.name} ({worker.origin}), {model}")
        lines += [f"  {_linked(registry, worker, each)}" for each in worker.links]
        lines += [f"  {each}" for each in _rights(worker.spec)]
    lines += sorted(_unused(registry, workers))
    if config is not None and config.approval_mode != "prompt":
        lines.append(f"manifest: approval_mode {config.approval_mode}")
    lines += [f"manifest: {_rule(each)}" for each in (config.approval_rules if config else ())]
    return "\n".join(lines)


def _linked(registry: Registry, worker: Worker, link: Link) -> str:
    if isinstance(link, Worker):
        return f"-> worker {link.name}" + ("" if link.name in registry.names else f" ({link.origin})")
    if isinstance(link, Tool):
        return f"-> tool {link.name} of {link.toolset.name} ({link.origin})"
    creates = worker.spec.workers is not None and worker.spec.workers.create
    known = [each for each in link.tools or () if creates or not link.builtin or each != "create_worker"]
    tools = "tools known when it runs" if link.tools is None else ", ".join(known) or "no tools"
    return f"-> toolset {link.name} ({link.origin}): {tools}"


def _rights(spec: WorkerSpec) -> Iterator[str]:
    """Say what else a worker may do: by its provider, in folders, to workers, and without a question."""
    for tool in spec.server_side_tools:
        limits = {key: value for key, value in written(tool).items() if value and key != "tool_type"}
        yield f"server-side tool {tool.tool_type}{_pairs(limits)}"
    for name, box in spec.sandboxes.items():
        yield f"sandbox {name}: {box.path!r}, {box.mode}"
    access = spec.workers or WorkerAccess()
    if access.allow:
        yield f"may call {', '.join(map(repr, access.allow))}"
    if access.create:
        yield "may create workers"
    yield from map(_rule, spec.approvals)


def _rule(rule: Rule) -> str:
    return f"rule: {rule.decision} {rule.tool!r}{_pairs(rule.args)}"


def _pairs(values: Mapping[str, Any]) -> str:
    return f" {json.dumps(dict(values))}" if values else ""


def _unused(registry: Registry, workers: list[Worker]) -> Iterator[str]:
    """Name the toolsets that no worker links: often a forgotten line."""
    linked = {id(link.toolset if isinstance(link, Tool) else link) for each in workers for link in each.links}
    for target in registry.names.values():
        if isinstance(target, Toolset) and id(target) not in linked:
            yield f"toolset {target.name} ({target.origin}): linked by no worker"
