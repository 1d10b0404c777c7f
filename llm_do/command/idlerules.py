"""A project and its linked registry in, what its rules name in vain out: a typo in a rule guards nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from llm_do.errors import nearest
from llm_do.linking.builtin import RESERVED_TOOLS
from llm_do.links import Toolset, offered_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do.approval import Rule
    from llm_do.linking.registry import Registry
    from llm_do.project.discover import Project


def idle_rules(project: Project, registry: Registry) -> Iterator[str]:
    """Say of each rule and each override that no worker or tool has such a name, with file and line.

    Nothing is said where names are known only in a run: of toolsets made there, and of created workers.
    """
    known = _known(project, registry)
    if known is None:
        return
    manifest = project.manifest
    for rule in _idle(manifest.runtime.approval_rules, known):
        yield _line(manifest.path, manifest.lines.get("runtime.approval_rules"), rule, known)
    for name in manifest.runtime.worker_approval_overrides:
        if name not in registry.workers:
            place = f"{manifest.path}:{manifest.lines.get('runtime.worker_approval_overrides', 1)}"
            hint = nearest(name, registry.workers)
            yield f"{place}: worker_approval_overrides: there is no worker {name!r}{hint}"
    for spec in project.workers:
        for rule in _idle(spec.approvals, known):
            line = spec.lines.get(f"approvals.{list(spec.approvals).index(rule)}")
            yield _line(spec.path, line, rule, known)


def _known(project: Project, registry: Registry) -> set[str] | None:
    """Collect every name that a call can have; None where only a run can tell."""
    links = [link for worker in registry.workers.values() for link in worker.links]
    toolsets = [each for each in (*registry.names.values(), *links) if isinstance(each, Toolset)]
    creates = any(spec.workers is not None and spec.workers.create for spec in project.workers)
    if creates or registry.opaque is not None or any(each.tools is None for each in toolsets):
        return None
    known = {name for name, target in registry.names.items() if not isinstance(target, Toolset)}
    known |= {tool for each in (*toolsets, *links) for tool in offered_tools(each)}
    known |= {tool.tool_type for spec in project.workers for tool in spec.server_side_tools}
    return known | RESERVED_TOOLS


def _idle(rules: tuple[Rule, ...], known: set[str]) -> Iterator[Rule]:
    return (rule for rule in rules if not any(fnmatchcase(name, rule.tool) for name in known))


def _line(path: object, line: int | None, rule: Rule, known: set[str]) -> str:
    said = f"a rule to {rule.decision} {rule.tool!r} matches no tool or worker{nearest(rule.tool, known)}"
    return f"{path}:{line or 1}: {said}"
