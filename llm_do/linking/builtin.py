"""The reserved names, and the built-in toolsets behind them; their code is imported when they are made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from llm_do.links import ANSWER, Toolset, ToolsetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llm_do.project.spec import WorkerSpec
    from llm_do.state.context import CallContext

_FILES: Final = ("read_file", "write_file", "list_files")
_FILES_RO: Final = ("read_file", "list_files")
_MANAGE: Final = ("make_dir", "move_file", "delete_file")
_DELEGATION: Final = ("worker_call", "create_worker")

RESERVED_TOOLS: Final = frozenset({*_FILES, *_MANAGE, "shell", *_DELEGATION})


def sandbox_toolset(spec: WorkerSpec) -> Toolset:
    """Return the toolset of a worker's own sandboxes."""
    is_writable = any(each.mode == "rw" for each in spec.sandboxes.values())
    origin = f"worker {spec.name!r}" if spec.path is None else f"{spec.path}:{spec.lines.get('sandboxes', 1)}"
    make = ToolsetSpec(partial(_sandbox_files, spec))
    return Toolset("sandboxes", origin, _FILES if is_writable else _FILES_RO, make, builtin=True)


def _sandbox_files(spec: WorkerSpec, ctx: CallContext) -> Any:
    from llm_do.state.sandboxes import open_sandboxes
    from llm_do.toolsets.files import FileToolset

    return FileToolset(open_sandboxes(spec, ctx.run.project_root))


def _files(folder: Path, *, is_writable: bool) -> Any:
    from llm_do.sandbox.box import Box, Boxes
    from llm_do.sandbox.fs import Root
    from llm_do.toolsets.files import FileToolset

    return FileToolset(Boxes((Box(Root(folder), is_writable),)))


def _project_files(ctx: CallContext) -> Any:
    return _files(ctx.run.project_root, is_writable=True)


def _project_files_ro(ctx: CallContext) -> Any:
    return _files(ctx.run.project_root, is_writable=False)


def _cwd_files(ctx: CallContext) -> Any:
    return _files(ctx.run.cwd, is_writable=True)


def _cwd_files_ro(ctx: CallContext) -> Any:
    return _files(ctx.run.cwd, is_writable=False)


def _managed_files(ctx: CallContext) -> Any:
    from llm_do.sandbox.fs import Root
    from llm_do.toolsets.manage import ManageToolset

    return ManageToolset(Root(ctx.run.project_root))


def _delegation(ctx: CallContext) -> Any:
    from llm_do.toolsets.delegation import DelegationToolset

    return DelegationToolset(ctx)


def _shell_readonly() -> Any:
    from llm_do.toolsets.shell import shell_readonly

    return shell_readonly()


def _shell_file_ops() -> Any:
    from llm_do.toolsets.shell import shell_file_ops

    return shell_file_ops()


BUILTIN_TOOLSETS: Final[Mapping[str, Toolset]] = {
    name: Toolset(name, "built-in", tools, ToolsetSpec(make), builtin=True)
    for name, tools, make in (
        ("filesystem_project", _FILES, _project_files),
        ("filesystem_project_ro", _FILES_RO, _project_files_ro),
        ("filesystem_cwd", _FILES, _cwd_files),
        ("filesystem_cwd_ro", _FILES_RO, _cwd_files_ro),
        ("filesystem_manage", _MANAGE, _managed_files),
        ("shell_readonly", ("shell",), _shell_readonly),
        ("shell_file_ops", ("shell",), _shell_file_ops),
        ("worker_tools", _DELEGATION, _delegation),
    )
}


def is_reserved(name: str) -> bool:
    """Say whether a name means something built in, so that nothing else may have it."""
    return name in RESERVED_TOOLS or name in BUILTIN_TOOLSETS or name == ANSWER
