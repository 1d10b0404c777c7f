"""Front matter and body of a worker file in, one frozen `WorkerSpec` out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from llm_do.approval import Rule
from llm_do.canonical import canonical_json, digest
from llm_do.errors import SpecError, nearest
from llm_do.project.document import Node, brief
from llm_do.project.fields import (
    NAME,
    NAME_RULE,
    Reader,
    anything,
    filled,
    flag,
    integer,
    list_of,
    mapping,
    mapping_of,
    matching,
    name,
    non_negative,
    one_of,
    positive,
    record,
    set_of,
    suffix,
    text,
    written,
)
from llm_do.project.workerfile import read_worker_file

if TYPE_CHECKING:
    from pathlib import Path

SchemaSource = str | Mapping[str, Any] | type[Any]
"""A schema: `path.py:Class`, `module.Class`, an inline JSON Schema, or, from Python, the class itself."""

DESCRIPTION_LENGTH: Final = 200
ALIASES: Final[Mapping[str, str]] = {"schema_in_ref": "input_schema"}


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example of the instructions; both sides are JSON values."""

    input: Any
    output: Any


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that the model's provider runs."""

    tool_type: Literal["web_search", "web_fetch", "code_execution", "image_generation"]
    max_uses: int | None = None
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """A folder that the worker sees under the sandbox's name; no `suffixes` means every suffix."""

    path: str
    mode: Literal["ro", "rw"] = "ro"
    suffixes: tuple[str, ...] = ()
    max_bytes: int = 2_000_000


@dataclass(frozen=True, slots=True)
class AttachmentPolicy:
    """What a worker accepts as attachments; no `suffixes` means every suffix that is not denied."""

    max_count: int = 4
    max_bytes: int = 10_000_000
    suffixes: tuple[str, ...] = ()
    denied_suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerAccess:
    """What `worker_call` and `ctx.call` may reach beyond `toolsets` (globs), and whether to make workers."""

    allow: tuple[str, ...] | None = None
    create: bool = False


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker: what its file says, or what Python says; construct it with a name and instructions.

    `attachments` and `workers` are None where nothing was said, which differs from an empty value.
    `lines` maps a key (`toolsets`), an item (`toolsets.0`) or a key below (`workers.allow`) to its line
    in the file `path`; `instructions` stands for the body. `sha256` is the digest of the file. `created` says
    that `create_worker` made it. Values may be objects, or mappings and lists as in a file.

    Raises:
        SpecError: a value that could not stand in a file, a model beside compatible models, a setting given
            twice.
    """

    name: str
    instructions: str = ""
    _: KW_ONLY
    description: str = ""
    entry: bool = False
    model: str | None = None
    compatible_models: tuple[str, ...] = ()
    temperature: float | None = None
    model_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    system_prompt: str = ""
    spec: str = ""
    examples: tuple[Example, ...] = ()
    input_schema: SchemaSource | None = None
    output_schema: SchemaSource | None = None
    toolsets: tuple[str, ...] = ()
    server_side_tools: tuple[ServerTool, ...] = ()
    sandboxes: Mapping[str, SandboxSpec] = field(default_factory=dict[str, SandboxSpec])
    attachments: AttachmentPolicy | None = None
    workers: WorkerAccess | None = None
    approvals: tuple[Rule, ...] = ()
    locked: bool = False
    template: Literal["plain", "jinja2"] = "plain"
    retries: int = 1
    timeout_s: float | None = None
    path: Path | str | None = None
    lines: Mapping[str, int] = field(default_factory=dict[str, int], repr=False, compare=False)
    sha256: str = ""
    created: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(str(self.name)):
            raise self.error(f"name {brief(self.name)} must be {NAME_RULE}", "name")
        for key, read in _VALUES.items():
            value = getattr(self, key)
            if value is not None or key not in _OPTIONAL:
                plain = value if isinstance(value, type) else written(value)
                node = Node(plain, (key,), path=self.path or f"AgentSpec {self.name!r}")
                object.__setattr__(self, key, read(node))
        if self.model is not None and self.compatible_models:
            raise self.error(
                "'model' and 'compatible_models' exclude each other; keep one", "compatible_models"
            )
        if self.temperature is not None and "temperature" in self.model_settings:
            raise self.error(
                "'temperature' also stands in 'model_settings'; keep one", "model_settings.temperature"
            )

    def error(self, message: str, key: str) -> SpecError:
        """Return the error that says `message` about a key (as in `lines`) of this worker."""
        return SpecError(message, path=self.path, line=self.lines.get(key))


def tool_description(spec: WorkerSpec) -> str:
    """Return what callers read about a worker: its description, else the beginning of its instructions."""
    return spec.description or spec.instructions[:DESCRIPTION_LENGTH]


def decoding_settings(spec: WorkerSpec) -> dict[str, Any]:
    """Collect the decoding settings of a worker, the temperature included."""
    warmth = {} if spec.temperature is None else {"temperature": spec.temperature}
    return {**spec.model_settings, **warmth}


def parse_worker(path: Path | str, source: bytes) -> WorkerSpec:
    """Read the bytes of a worker file.

    Raises:
        SpecError: the file is not a worker file or a key is wrong; the error names file and line.
    """
    file = read_worker_file(path, source)
    spec = parse_spec(file.front, instructions=file.body)
    lines = {"instructions": file.body_line, **spec.lines}
    return replace(spec, lines=lines, sha256=file.sha256)


def parse_spec(front: Node, *, instructions: str = "") -> WorkerSpec:
    """Read front matter; `instructions` is the body that belongs to it."""
    lines = front.key_lines()
    lines |= {ALIASES[key]: line for key, line in lines.items() if key in ALIASES}

    def _make(**values: Any) -> WorkerSpec:
        for alias, key in ALIASES.items():
            if alias in values and key in values:
                raise front.child(alias).error(f"{alias!r} is another name of {key!r}; keep one")
            if alias in values:
                values[key] = values.pop(alias)
        return WorkerSpec(**values, instructions=instructions, path=front.path, lines=lines)

    return record(_make, _FRONT_MATTER, required=["name"])(front)


def front_matter(spec: WorkerSpec) -> dict[str, Any]:
    """Return the JSON values that `parse_spec` would read as this worker, without its instructions."""
    return {key: value for key, value in written(spec).items() if key in _FRONT_MATTER}


def definition_digest(spec: WorkerSpec) -> str:
    """SHA-256 over everything that defines a worker, wherever it came from."""
    return digest(canonical_json([front_matter(spec), spec.instructions]))


def _schema(node: Node) -> SchemaSource:
    if isinstance(node.value, Mapping):
        return mapping(node)
    return node.value if isinstance(node.value, type) else _REFERENCE(node)


def _model_settings(node: Node) -> dict[str, Any]:
    for key in mapping(node):
        if key not in MODEL_SETTINGS and not key.startswith(_PROVIDER_PREFIXES):
            hint = (
                nearest(key, MODEL_SETTINGS) or "; a provider's own settings begin with its name: openai_..."
            )
            raise node.child(key).error(f"unknown key {brief(key)} in 'model_settings'{hint}")
    return mapping(node)


MODEL_SETTINGS: Final = frozenset(
    {
        "cache",
        "citations",
        "extra_body",
        "extra_headers",
        "first_event_timeout",
        "framing_announcement",
        "frequency_penalty",
        "logit_bias",
        "max_retries",
        "max_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "request_timeout",
        "seed",
        "service_tier",
        "stop_sequences",
        "temperature",
        "thinking",
        "timeout",
        "tool_choice",
        "top_k",
        "top_p",
    }
)
"""The settings that every provider may know, as pydantic-ai names them."""

_PROVIDER_PREFIXES: Final = (
    "anthropic_",
    "bedrock_",
    "cerebras_",
    "google_",
    "groq_",
    "mistral_",
    "openai_",
    "openrouter_",
    "snowflake_",
    "xai_",
    "zai_",
)

_REFERENCE = matching(
    re.compile(r"[^:]+\.py:[A-Za-z_]\w*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"),
    "'path.py:Class', 'module.Class' or a JSON Schema",
)

parse_rule: Reader[Rule] = record(
    Rule,
    {"tool": filled, "args": mapping, "decision": one_of("approve", "ask", "reject")},
    required=("tool", "decision"),
)
"""Reads an approval rule."""
parse_rules = list_of(parse_rule)
"""Reads an ordered list of approval rules."""

_FRONT_MATTER: Final[Mapping[str, Reader[Any]]] = {
    "name": name,
    "description": text,
    "entry": flag,
    "model": filled,
    "compatible_models": list_of(filled),
    "temperature": non_negative,
    "model_settings": _model_settings,
    "system_prompt": text,
    "spec": text,
    "examples": list_of(
        record(Example, {"input": anything, "output": anything}, required=("input", "output"))
    ),
    "input_schema": _schema,
    "schema_in_ref": _schema,
    "output_schema": _schema,
    "toolsets": set_of(filled),
    "server_side_tools": list_of(
        record(
            ServerTool,
            {
                "tool_type": one_of("web_search", "web_fetch", "code_execution", "image_generation"),
                "max_uses": integer(at_least=1),
                "allowed_domains": list_of(filled),
                "blocked_domains": list_of(filled),
            },
            required=("tool_type",),
        )
    ),
    "sandboxes": mapping_of(
        record(
            SandboxSpec,
            {
                "path": filled,
                "mode": one_of("ro", "rw"),
                "suffixes": list_of(suffix),
                "max_bytes": integer(at_least=1),
            },
            required=("path",),
        )
    ),
    "attachments": record(
        AttachmentPolicy,
        {
            "max_count": integer(at_least=0),
            "max_bytes": integer(at_least=1),
            "suffixes": list_of(suffix),
            "denied_suffixes": list_of(suffix),
        },
    ),
    "workers": record(WorkerAccess, {"allow": list_of(filled), "create": flag}),
    "approvals": parse_rules,
    "locked": flag,
    "template": one_of("plain", "jinja2"),
    "retries": integer(at_least=0),
    "timeout_s": positive,
}

_VALUES: Final[Mapping[str, Reader[Any]]] = {
    "instructions": text,
    **{key: read for key, read in _FRONT_MATTER.items() if key not in ALIASES},
}
_OPTIONAL: Final = frozenset(each.name for each in fields(WorkerSpec) if each.default is None)
