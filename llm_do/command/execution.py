"""An invocation in, its outcome out: read, link and check the project, then run its entry once."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_do.approval import mend_of
from llm_do.command.graph import graph
from llm_do.command.idlerules import idle_rules
from llm_do.command.invocation import chosen_input
from llm_do.command.lock import lock_of, refuse_differences, write_lock
from llm_do.command.outcome import Outcome, outcome_of
from llm_do.errors import UsageError
from llm_do.linking.plugins import find_plugins
from llm_do.linking.registry import find_entry, link
from llm_do.links import Worker
from llm_do.project.discover import check_schemas, read_project, shown, with_settings
from llm_do.project.modelname import model_fault
from llm_do.python.pinned import locked_imports
from llm_do.secrets import redacted
from llm_do.state.sandboxes import open_sandboxes
from llm_do.ui.console import Console, Keyboard
from llm_do.ui.editor import editor_command
from llm_do.ui.escape import visible
from llm_do.ui.render import rendered

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from llm_do.command.invocation import Invocation
    from llm_do.command.lock import Lock
    from llm_do.journal import Event
    from llm_do.linking.entry import LinkedEntry
    from llm_do.linking.registry import Registry
    from llm_do.links import Entry, Tool
    from llm_do.project.discover import Project
    from llm_do.project.spec import WorkerSpec
    from llm_do.python.pinned import Pins
    from llm_do.runtime import Runtime


def check_project(invocation: Invocation) -> Outcome:
    """Link everything without importing project code; the output is the graph.

    Raises:
        LlmDoError: a file or a link is wrong.
    """
    checked = _checked(invocation, read_project(invocation.paths))
    _warn_of_idle_rules(checked.project, checked.registry)
    if invocation.locked:
        refuse_differences(checked.project.root, checked.lock(invocation))
    return Outcome(output=graph(checked.registry, checked.entry, checked.project.manifest.runtime))


def lock_project(invocation: Invocation) -> Outcome:
    """Write the lock file of a project and run nothing; the output says what it holds.

    Raises:
        LlmDoError: a file or a link is wrong, or the lock file cannot be written.
    """
    checked = _checked(invocation, read_project(invocation.paths))
    lock = checked.lock(invocation)
    path, said = write_lock(checked.project.root, lock), lock.value
    counts = f"{len(said['workers'])} workers, {len(said['python_files'])} Python files"
    return Outcome(output=f"{shown(path)}: {counts}")


@dataclass(frozen=True, slots=True)
class _Checked:
    """A project that was linked without importing its code."""

    project: Project
    registry: Registry
    entry: Worker | Tool | Entry

    def lock(self, invocation: Invocation) -> Lock:
        """Describe it for the lock file."""
        model = invocation.model or os.environ.get("LLM_DO_MODEL") or None
        return lock_of(self.project, self.registry, self.entry, default_model=model)


def _checked(invocation: Invocation, project: Project) -> _Checked:
    plugins = find_plugins()
    entry = find_entry(link(project.workers, project.python, plugins=plugins), invocation.entry).name
    project = with_settings(project, invocation.settings, entry)
    check_schemas(project)
    for spec in project.workers:
        _check_worker(spec, project.root)
    registry = link(project.workers, project.python, plugins=plugins)
    return _Checked(project, registry, find_entry(registry, invocation.entry))


def _warn_of_idle_rules(project: Project, registry: Registry) -> None:
    for line in idle_rules(project, registry):
        _write(f"llm-do: {line}")


def _check_worker(spec: WorkerSpec, root: Path) -> None:
    """Find what a run would refuse before its first request; makes nothing."""
    fault = None if spec.model is None else model_fault(spec.model)
    if fault:
        raise spec.error(fault, "model")
    open_sandboxes(spec, root.resolve(), make=False)
    if spec.template != "plain":
        from llm_do.template.template import check_template  # jinja2 takes a while to import

        check_template(spec)


@contextmanager
def _locked(invocation: Invocation, project: Project) -> Generator[Pins | None]:
    """Refuse what differs from the lock file, at the start and in every later import of the block."""
    if not invocation.locked:
        yield None
        return
    lock = _checked(invocation, project).lock(invocation)
    refuse_differences(project.root, lock)
    with locked_imports(project.root, lock.pins):
        yield lock.pins


def run_project(invocation: Invocation) -> Outcome:
    """Run the entry of a project.

    Raises:
        LlmDoError: something is wrong before the run begins.
    """
    project = read_project(invocation.paths)
    with _locked(invocation, project) as pins:
        return _run(invocation, project, pins)


def _run(invocation: Invocation, project: Project, pins: Pins | None) -> Outcome:
    value = chosen_input(invocation, project.manifest, sys.stdin)
    if invocation.verbosity:
        for file in project.python:
            _write(f"importing {file.path}")
    from llm_do.linking.entry import build_project

    entry = build_project(project, entry=invocation.entry, settings=invocation.settings, pins=pins).entry
    _warn_of_idle_rules(project, entry.registry)
    if value is None and isinstance(entry.target, Worker):
        raise UsageError(
            f"worker {entry.name!r} needs an input: give a PROMPT or --input-json OBJ, pipe a text in, "
            f"or set entry.input in the manifest"
        )
    return _ended(invocation, project, entry, value)


@dataclass(slots=True)
class Watch:
    """A reader of the run's events: shows them on standard error, and keeps what the outcome tells."""

    verbosity: int
    run: str | None = None
    replayed_s: float | None = None
    """What a replayed run took when it was recorded."""
    unasked: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    """What nobody could be asked about, by what would have helped."""

    def __call__(self, event: Event) -> None:
        """Read one event."""
        if event["kind"] == "run":
            self.run = event["run"]
        if event["kind"] == "approval" and (event["decision"], event["by"]) == ("reject", "none"):
            names = self.unasked.setdefault(mend_of(insists=event.get("insists", False)), [])
            names += [] if event["name"] in names else [event["name"]]
        if event["kind"] == "call" and event["parent"] is None and event.get("replayed"):
            self.replayed_s = event["latency_s"]
        line = rendered(redacted(event), self.verbosity) if self.verbosity else None
        if line is not None:
            _write(line)


def _ended(invocation: Invocation, project: Project, entry: LinkedEntry, value: Any) -> Outcome:
    import pydantic_ai

    from llm_do.state.eventloop import run
    from llm_do.state.recording import plain

    pydantic_ai.BANNER_ENABLED = False  # what stands on standard error is ours to say
    watch, runtime, started = Watch(invocation.verbosity), None, time.monotonic()
    try:
        # errors pass through the recording, which keeps only what a whole run said
        with _warnings_in_one_line(), _traffic(invocation, project) as traffic:
            runtime = _runtime(invocation, project, traffic, watch)
            output = plain(run(runtime.run_entry(entry, value)).output)
    except BaseException as error:  # noqa: BLE001  the border: every way a run can end has an exit code
        requests = runtime.usage.requests if runtime else 0
        spent = _spent(runtime, started, watch)
        return outcome_of(error, requests=requests, place=_place(error, project), run=watch.run, **spent)
    finally:
        if invocation.verbosity and runtime and runtime.journal_path:
            _write(f"journal {shown(runtime.journal_path)}")
    for mend, names in watch.unasked.items():
        _write(f"llm-do: nobody could be asked, so these calls were refused: {', '.join(names)}; {mend}")
    return Outcome(output=output, run=watch.run, **_spent(runtime, started, watch))


def _place(error: BaseException, project: Project) -> str:
    """Find the innermost line of the project's own code that an error came through."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(project.root) and "site-packages" not in path.parts:
            place = f"{shown(path)}:{line}: "
    return place


def _spent(runtime: Runtime | None, started: float, watch: Watch) -> dict[str, Any]:
    if runtime is None:
        return {}
    spent = runtime.usage
    return {
        "calls": spent.calls,
        "usage": {"requests": spent.requests, **spent.tokens()},
        "cost_usd": float(spent.cost_usd) if spent.cost_usd is not None else None,
        "latency_s": time.monotonic() - started if watch.replayed_s is None else watch.replayed_s,
    }


def _runtime(invocation: Invocation, project: Project, traffic: Traffic, watch: Watch) -> Runtime:
    from llm_do.approval import RunApprovalPolicy
    from llm_do.runtime import Runtime

    config = project.manifest.runtime
    mode = invocation.approval_mode or config.approval_mode
    if mode == "approve_all":
        _write(
            "llm-do: approve_all: every call that would be asked about runs unasked; "
            "only guarded files, code in a command and new workers still ask"
        )
    policy = RunApprovalPolicy(
        mode, rules=config.approval_rules, return_permission_errors=config.return_permission_errors
    )
    runs = invocation.runs_dir or project.root / ".llm-do" / "runs"
    return Runtime(
        policy,
        project.root,
        max_depth=config.max_depth if invocation.max_depth is None else invocation.max_depth,
        usage_limits=config.usage_limits,
        timeout_s=config.timeout_s if invocation.timeout_s is None else invocation.timeout_s,
        worker_calls_require_approval=config.worker_calls_require_approval,
        worker_attachments_require_approval=config.worker_attachments_require_approval,
        worker_approval_overrides=config.worker_approval_overrides,
        model=invocation.model,
        journal=None if invocation.no_journal else runs,
        on_event=watch,
        ask=_asker(),
        recorded_model=traffic.model,
        sample=traffic.sample,
        meta=traffic.about,
    )


def _asker() -> Any:
    """Ask on the terminal, where there is one on both sides."""
    if not (sys.stdin and sys.stderr and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return Console(Keyboard(sys.stdin), sys.stderr, editor=editor_command(os.environ)).ask


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a recording tells its run: the recorded model, and what the journal says of its origin.

    A recording and its replays are one piece of evidence, so they carry one identity.
    """

    model: str | None = None
    sample: dict[str, Any] | None = None
    about: dict[str, Any] = field(default_factory=dict[str, Any])


@contextmanager
def _traffic(invocation: Invocation, project: Project) -> Generator[Traffic]:
    """Record or replay the provider's traffic around the run."""
    path = invocation.replay or invocation.record
    if path is None:
        yield Traffic()
        return
    found = list(entry_points(group="llm_do.recorder"))
    if not found:
        raise UsageError("--record and --replay need the recorder: pip install 'llm-do[eval]'")
    cassette = found[0].load()
    mode = "replay" if invocation.replay else "record"
    workers = {
        each.name: {"file": str(each.path), "sha256": each.sha256, "model": each.model}
        for each in project.workers
    }
    tool_files = [str(file.path) for file in project.python if file.toolsets]
    model = invocation.model or os.environ.get("LLM_DO_MODEL")
    tape: Any = None
    try:
        with cassette(path, mode, {"model": model, "workers": workers, "tool_files": tool_files}) as tape:
            replayed = {"recorded_at": tape.meta.get("recorded_at")} if invocation.replay else {}
            cassette_name = str(shown(path.absolute()))
            yield Traffic(
                tape.model, {"test": "llm-do", "index": 0}, {"cassette": cassette_name, "nth": 0, **replayed}
            )
    finally:
        # said at the end of a run that failed too: what it recorded is kept
        for line in _about(tape, path) if tape is not None else ():
            _write(f"llm-do: {line}")


def _about(tape: Any, path: Path) -> Iterator[str]:
    """Say of a recording that ended what nobody sees by the file that was named."""

    def _place(file: Path) -> str:
        return visible(str(shown(file.absolute())))

    if tape.set_aside:
        yield f"{_place(tape.set_aside)}: what a killed recording had received before"
    if tape.saved and tape.saved != path:
        yield f"{_place(tape.saved)}: what was recorded until the run ended, and no whole recording"
    if tape.saved and tape.scrubbed:
        yield f"{_place(tape.saved)}: secrets were replaced in {tape.scrubbed} of its bodies"


@contextmanager
def _warnings_in_one_line() -> Generator[None]:
    """Show what libraries warn of as we show our own lines."""

    def _show(message: Warning | str, *_: Any) -> None:
        _write(f"llm-do: warning: {visible(' '.join(str(message).split()))}")

    with warnings.catch_warnings():
        warnings.showwarning = _show
        yield


def _write(line: str) -> None:
    """Show a line; a terminal that went away stops no run."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201
