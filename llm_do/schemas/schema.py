"""Schema declarations of a worker in, objects that check inputs and shape outputs out.

A declaration is a reference (`path.py:Class`, `module.Class`) or an inline JSON Schema. References are
resolved by a loader that is passed in, so that files of a project are imported once and in one place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  pydantic reads it where a model holds an Attachment
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from llm_do.errors import SpecError, UsageError
from llm_do.schemas.inline import checked_schema, violation
from llm_do.schemas.reference import without_references


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with a prompt: `path` starts from the project root, or is absolute."""

    path: str | Path


PromptContent = str | Attachment
"""One part of a prompt."""

Loader = Callable[[str], object]
"""Resolves a schema reference to the class it names."""


class WorkerArgs(BaseModel):
    """Base of typed worker inputs; fields are the input, `prompt_messages` says how the model reads them."""

    model_config = ConfigDict(extra="forbid")

    def prompt_messages(self) -> list[PromptContent]:
        """Return the prompt: a lone text as it stands, else the fields as JSON; then the attachments."""
        return prompt_of(self.model_dump(mode="json"))


class PromptInput(WorkerArgs):
    """The input of a worker that declares none: a text and paths of attachments."""

    input: str
    attachments: list[str] = []


def prompt_of(fields: Mapping[str, Any]) -> list[PromptContent]:
    """Turn input fields into prompt parts: the text of a lone `input` field, else JSON with two spaces.

    The files that a list `attachments` names, by paths or as `Attachment` objects, follow.
    """
    rest, files = dict(fields), fields.get("attachments")
    if isinstance(files, list | None):
        rest.pop("attachments", None)
    listed = cast("list[str | dict[str, str]]", files if isinstance(files, list) else [])
    lone = rest.get("input") if list(rest) == ["input"] else None
    text = lone if isinstance(lone, str) else json.dumps(rest, indent=2, ensure_ascii=False)
    return [text, *(Attachment(each if isinstance(each, str) else each["path"]) for each in listed)]


class Accepted(NamedTuple):
    """A checked input: its canonical fields, its prompt parts, and the instance where a class declares it."""

    fields: dict[str, Any]
    parts: list[PromptContent]
    args: WorkerArgs | None = None


@dataclass(frozen=True, slots=True)
class InputSchema:
    """What a worker takes: a `WorkerArgs` class, or a JSON Schema for an object."""

    model: type[WorkerArgs] | None
    json_schema: dict[str, Any]

    def sent(self) -> dict[str, Any]:
        """Give the schema as a model is told it, without the references that some providers refuse."""
        return self.json_schema if self.model else without_references(self.json_schema)

    def named(self, value: Any, worker: str) -> dict[str, Any]:
        """Give an input its field names, unchecked. Raises UsageError where a text has no single field."""
        return _fields(value, self.json_schema, worker)

    def accept(self, value: Any, worker: str) -> Accepted:
        """Check an input.

        Args:
            value: a str, a dict, a `WorkerArgs`, or a list of prompt parts.
            worker: the name that errors mention.

        Raises:
            UsageError: the input does not fit; the message names the worker and the field.
        """
        if self.model is PromptInput and (text := _lone_text(value)) is not None:
            return Accepted({"input": text, "attachments": []}, [text])
        given: list[Any] = []
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            given = list(cast("Sequence[Any]", value))
            value = fields_of_parts(given, worker)
        if self.model is not None:
            args = self._instance(value, worker)
            # texts and files keep their order where the prompt is all there is
            fields = args.model_dump(mode="json")
            if given and self.model is PromptInput:
                return Accepted(fields, given, args)
            own = type(args).prompt_messages is not WorkerArgs.prompt_messages
            return Accepted(fields, args.prompt_messages() if own else prompt_of(fields), args)
        fields = _fields(value, self.json_schema, worker)
        complaint = violation(self.json_schema, fields)
        if complaint:
            raise UsageError(f"input of {worker!r}: {complaint}; {_takes(self.json_schema)}")
        return Accepted(fields, prompt_of(fields))

    def _instance(self, value: Any, worker: str) -> WorkerArgs:
        model = cast("type[WorkerArgs]", self.model)
        if isinstance(value, model):
            return value
        fields = (
            value.model_dump() if isinstance(value, BaseModel) else _fields(value, self.json_schema, worker)
        )
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            raise UsageError(
                f"input of {worker!r}: {first_complaint(error)}; {_takes(self.json_schema)}"
            ) from error


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """What a worker returns: a pydantic model, or a JSON Schema of any type."""

    model: type[BaseModel] | None
    json_schema: dict[str, Any]


def input_schema(declared: str | Mapping[str, Any] | None, load: Loader) -> InputSchema:
    """Resolve the declaration of an input; None is `{input: str, attachments: [str]}`."""
    if declared is None:
        return InputSchema(PromptInput, PromptInput.model_json_schema())
    if isinstance(declared, Mapping):
        schema = checked_schema(declared, "input_schema")
        if schema.get("type", "object") != "object":
            raise SpecError(f"input_schema is of type {schema['type']!r}; an input is an object with fields")
        return InputSchema(None, schema)
    found = load(declared)
    if not (isinstance(found, type) and issubclass(found, WorkerArgs)):
        raise SpecError(f"input_schema {declared!r} is no subclass of llm_do.runtime.WorkerArgs")
    return InputSchema(found, found.model_json_schema())


def output_schema(declared: str | Mapping[str, Any] | None, load: Loader) -> OutputSchema | None:
    """Resolve the declaration of an output; None is text."""
    if declared is None:
        return None
    if isinstance(declared, Mapping):
        return OutputSchema(None, checked_schema(declared, "output_schema"))
    found = load(declared)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise SpecError(f"output_schema {declared!r} is no pydantic model; derive it from pydantic.BaseModel")
    return OutputSchema(found, found.model_json_schema())


def first_complaint(error: ValidationError) -> str:
    """Say in one line where and how the first of the values breaks a pydantic schema."""
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _lone_text(value: Any) -> str | None:
    """Give the text of an input that is nothing else: most are, and pydantic has nothing to check in it."""
    text: object = value
    if isinstance(value, dict) and value.keys() == {"input"}:
        text = cast("dict[str, object]", value)["input"]
    return text if isinstance(text, str) and text.isascii() else None


def _fields(value: Any, schema: Mapping[str, Any], worker: str) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, str):
        return {_single_field(schema, worker): value}
    raise UsageError(f"input of {worker!r} is a {type(value).__name__}; pass a str, a dict or a WorkerArgs")


def _takes(schema: Mapping[str, Any]) -> str:
    properties = ", ".join(schema.get("properties", {}))
    required = ", ".join(schema.get("required", []))
    return f"its fields: {properties or 'any'}" + (f" (required: {required})" if required else "")


def _single_field(schema: Mapping[str, Any], worker: str) -> str:
    """Name the field a bare text goes to: the only required one, else the only one, else `input`."""
    properties = cast("dict[str, Any]", schema.get("properties", {}))
    required = cast("list[str]", schema.get("required", []))
    if "input" in properties or not properties:
        return "input"
    candidates = required or list(properties)
    if len(candidates) != 1:
        raise UsageError(
            f"input of {worker!r} has the fields {', '.join(properties)}; pass an object, not a text"
        )
    return candidates[0]


def fields_of_parts(parts: Sequence[Any], worker: str) -> dict[str, Any]:
    """Turn prompt parts into `input` and, where there are files, `attachments`; UsageError on others."""
    texts = [part for part in parts if isinstance(part, str)]
    files = [part for part in parts if isinstance(part, Attachment)]
    if len(texts) + len(files) != len(parts):
        raise UsageError(f"input of {worker!r}: a list holds texts and Attachment objects only")
    fields: dict[str, Any] = {"input": "\n\n".join(texts)}
    if files:
        fields["attachments"] = [str(each.path) for each in files]
    return fields
