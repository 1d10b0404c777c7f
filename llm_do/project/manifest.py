"""Bytes of a `project.json` in, one frozen `Manifest` out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from llm_do.canonical import digest
from llm_do.errors import SpecError, UsageError
from llm_do.project.document import Node, brief, found
from llm_do.project.fields import (
    Reader,
    filled,
    flag,
    integer,
    mapping,
    mapping_of,
    non_negative,
    one_of,
    positive,
    record,
    set_of,
    written,
)
from llm_do.project.spec import parse_rules
from llm_do.project.strictjson import load_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llm_do.approval import Rule

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ApprovalOverride:
    """What one worker does otherwise than the run; None leaves the run's word."""

    calls_require_approval: bool | None = None
    attachments_require_approval: bool | None = None


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """What one run may use at most; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """How a project runs; the fields are the keys of `runtime` in the manifest."""

    approval_mode: Literal["prompt", "approve_all", "reject_all"] = "prompt"
    max_depth: int = 5
    return_permission_errors: bool = True
    worker_calls_require_approval: bool = False
    worker_attachments_require_approval: bool = False
    worker_approval_overrides: Mapping[str, ApprovalOverride] = field(
        default_factory=dict[str, ApprovalOverride]
    )
    approval_rules: tuple[Rule, ...] = ()
    auth_mode: Literal["oauth_off", "oauth_auto", "oauth_required"] = "oauth_off"
    usage_limits: UsageLimits = UsageLimits()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One project: its files as written (relative paths or globs), its default input, how it runs.

    `lines` maps a key (`worker_files`) or an item (`worker_files.0`) to its line in the file `path`; `sha256`
    is the digest of that file.
    """

    worker_files: tuple[str, ...] = ()
    python_files: tuple[str, ...] = ()
    runtime: RuntimeConfig = RuntimeConfig()
    entry_input: Mapping[str, Any] | None = None
    allow_cli_input: bool = True
    path: Path | str | None = None
    lines: Mapping[str, int] = field(default_factory=dict[str, int], repr=False, compare=False)
    sha256: str = field(default="", compare=False)


def load_manifest(path: Path | str, source: bytes) -> Manifest:
    """Read the bytes of a manifest.

    Raises:
        SpecError: not JSON, another version, a wrong key or path; the error names file and line.
    """
    root = load_json(source, path=path)

    def _make(*, version: int, entry: Mapping[str, Any] | None = None, **values: Any) -> Manifest:
        del version
        return Manifest(**values, entry_input=entry, path=path, lines=root.key_lines(), sha256=digest(source))

    manifest = record(_make, _MANIFEST, required=("version",))(root)
    if not manifest.worker_files and not manifest.python_files:
        raise root.error("lists no 'worker_files' and no 'python_files'; name at least one file")
    return manifest


_DEFAULT: Final = RuntimeConfig()


def runtime_config(*, approval_rules: Any = None, **said: Any) -> RuntimeConfig:
    """Read what Python gives for keys of `runtime` as if it stood in a manifest; None is not said.

    Raises:
        UsageError: an unknown key, or a value of another type.
    """
    # what a caller leaves at its default needs no reading
    said = {key: each for key, each in said.items() if each is not getattr(_DEFAULT, key, None)}
    given = _said(written(said))
    if approval_rules is not None:  # where None is a value
        given["approval_rules"] = written(approval_rules)
    try:
        return record(RuntimeConfig, _RUNTIME)(Node(given))
    except SpecError as error:
        raise UsageError(str(error)) from None


def _said(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value).items()
    return {key: _said(each) for key, each in pairs if each is not None}


def _version(node: Node) -> int:
    if integer(at_least=0)(node) != VERSION:
        raise node.error(f"'version' must be {VERSION}, found {found(node.value)}")
    return node.value


def _project_path(node: Node) -> str:
    written = filled(node)
    steps = written.split("/")
    if not written.isprintable() or "\\" in written or ":" in written or written.startswith("~"):
        raise node.error(f"path {brief(written)} must be relative, with '/' between its parts")
    if any(step in ("", ".", "..") for step in steps):
        raise node.error(
            f"path {brief(written)} must lead into the project, without empty, '.' or '..' parts"
        )
    return written


def _entry_input(**values: Any) -> Mapping[str, Any] | None:
    return values.get("input")


_RUNTIME: Final[Mapping[str, Reader[Any]]] = {
    "approval_mode": one_of("prompt", "approve_all", "reject_all"),
    "max_depth": integer(at_least=0),
    "return_permission_errors": flag,
    "worker_calls_require_approval": flag,
    "worker_attachments_require_approval": flag,
    "worker_approval_overrides": mapping_of(
        record(ApprovalOverride, {"calls_require_approval": flag, "attachments_require_approval": flag})
    ),
    "approval_rules": parse_rules,
    "auth_mode": one_of("oauth_off", "oauth_auto", "oauth_required"),
    "usage_limits": record(
        UsageLimits,
        {"requests": integer(at_least=0), "tokens": integer(at_least=0), "cost_usd": non_negative},
    ),
    "timeout_s": positive,
}

_MANIFEST: Final[Mapping[str, Reader[Any]]] = {
    "version": _version,
    "runtime": record(RuntimeConfig, _RUNTIME),
    "entry": record(_entry_input, {"input": mapping}),
    "allow_cli_input": flag,
    "worker_files": set_of(_project_path),
    "python_files": set_of(_project_path),
}
