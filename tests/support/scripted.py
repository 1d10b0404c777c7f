"""Turns of a conversation in, a model that plays them out; a bench writes, links and runs a project."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_ai.messages import (
    FinishReason,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from llm_do.runtime import Runtime, build_entry

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do.journal import Event
    from llm_do.linking.entry import Built
    from llm_do.runtime import Result

Part: TypeAlias = str | ToolCallPart
Turn: TypeAlias = Part | Sequence[Part] | ModelResponse | Exception
Reply: TypeAlias = Turn | Callable[[list[ModelMessage], AgentInfo], Turn]


def call(tool: str, /, **args: Any) -> ToolCallPart:
    """A model's call of a tool."""
    return ToolCallPart(tool, args)


def answer(output: Any) -> ToolCallPart:
    """A model's structured answer."""
    return ToolCallPart("final_result", output)


@dataclass
class Script:
    """Plays its replies one after the other and keeps what it was sent; the last reply is repeated."""

    replies: Sequence[Reply]
    requests: list[list[ModelMessage]] = field(default_factory=list[list[ModelMessage]])
    infos: list[AgentInfo] = field(default_factory=list[AgentInfo])

    @property
    def model(self) -> FunctionModel:
        return FunctionModel(self._play)

    @property
    def tool_results(self) -> list[Any]:
        """The contents that tools returned to the model, in order, as the last request holds them."""
        last = self.requests[-1] if self.requests else []
        return [
            part.content
            for message in last
            if isinstance(message, ModelRequest)
            for part in message.parts
            if isinstance(part, ToolReturnPart)
        ]

    def _play(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.requests.append(list(messages))
        self.infos.append(info)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        return response(reply(messages, info) if callable(reply) else reply)


def contents(messages: Sequence[ModelMessage]) -> list[Any]:
    """What was said: the contents of all parts, in order."""
    return [getattr(part, "content", None) for message in messages for part in message.parts]


def response(turn: Turn, *, finish_reason: FinishReason | None = None) -> ModelResponse:
    """Build the response of one turn."""
    if isinstance(turn, Exception):
        raise turn
    if isinstance(turn, ModelResponse):
        return turn
    parts = [turn] if isinstance(turn, str | ToolCallPart) else turn
    return ModelResponse(
        parts=[TextPart(part) if isinstance(part, str) else part for part in parts],
        finish_reason=finish_reason,
    )


@dataclass
class Bench:
    """A project in a folder, run with scripted models; `events` is what the journal got."""

    root: Path
    events: list[Event] = field(default_factory=list["Event"])
    scripts: dict[str, Script] = field(default_factory=dict[str, Script])

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def worker(self, name: str, body: str = "Do it.", **front: Any) -> Path:
        lines = [f"{key}: {json.dumps(value)}" for key, value in {"name": name, **front}.items()]
        return self.write(f"{name}.worker", "\n".join(["---", *lines, "---", body, ""]))

    def tools(self, text: str, name: str = "tools.py") -> Path:
        return self.write(name, text)

    def build(self, entry: str | None = None) -> Built:
        workers = sorted(path.name for path in self.root.glob("*.worker"))
        python = sorted(path.name for path in self.root.glob("*.py"))
        return build_entry(workers, python, project_root=self.root, entry=entry)

    def script(self, worker: str, *replies: Reply) -> Script:
        """Give a worker its replies."""
        self.scripts[worker] = Script(replies)
        return self.scripts[worker]

    def runtime(self, policy: Any = None, /, **options: Any) -> Runtime:
        models = {name: script.model for name, script in self.scripts.items()}
        options = {"models": models, "environment": {}, "on_event": self.events.append, **options}
        return Runtime(policy, self.root, **options)

    def run(
        self, value: Any = "hi", policy: Any = None, /, *, entry: str | None = None, **options: Any
    ) -> Any:
        """Run the entry and return its output."""
        return self.result(value, policy, entry=entry, **options).output

    def result(
        self, value: Any = "hi", policy: Any = None, /, *, entry: str | None = None, **options: Any
    ) -> Result:
        runtime = self.runtime(policy, **options)
        return asyncio.run(runtime.run_entry(self.build(entry).entry, value))

    def calls(self, name: str | None = None) -> list[Event]:
        """The call lines, in the order they were written."""
        return [each for each in self.of("call") if name is None or each["name"] == name]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]
