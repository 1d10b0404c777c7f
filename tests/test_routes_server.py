"""Tools that a provider runs, by every route to a worker: none is offered before it was decided about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
from pydantic_ai.messages import ModelResponse, NativeToolCallPart, NativeToolReturnPart, TextPart
from routes import BY_MODELS, play
from stage import Stage
from toolkinds import ToolKind
from witness import YES

from llm_do.project.spec import ServerTool
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models.function import AgentInfo

TYPES: Sequence[str] = get_args(get_type_hints(ServerTool)["tool_type"])
ROUTES = [route for route in BY_MODELS if route not in ("in_one_response", "by_a_worker_three_deep")]
SERVED = ToolKind((), {}, front={"server_side_tools": [{"tool_type": each} for each in TYPES]})


class Serving(Stage):
    """A stage whose provider runs what it is allowed to, in its first answer."""

    offered: list[tuple[int, str]]

    def calls(self, *, each: int = 1) -> list[Any]:
        """One turn: the provider's own calls."""
        del each
        self.offered = []
        return [self._serve]

    def _serve(self, _: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        kinds = [each.kind for each in info.model_request_parameters.native_tools]
        self.offered += [(len(self.witness.events), kind) for kind in kinds]
        parts = [
            part
            for kind in kinds
            for part in (
                NativeToolCallPart(kind, {"query": "x"}, tool_call_id=kind, provider_name="stand-in"),
                NativeToolReturnPart(kind, {"hits": 2}, tool_call_id=kind, provider_name="stand-in"),
            )
        ]
        return ModelResponse([*parts, TextPart("served")])


@pytest.mark.parametrize("route", ROUTES)
def test_a_provider_is_offered_what_was_decided_about(tmp_path: Path, route: str) -> None:
    stage = play(Serving(tmp_path, SERVED), route)
    assert stage.faults == []
    assert [kind for _, kind in stage.offered] == list(TYPES)
    for event, kind in stage.offered:
        before = stage.witness.events[:event]
        assert any(each.get("name") == kind and each.get("decision") in YES for each in before)
    used = [each for each in stage.witness.events if each["kind"] == "call" and each["impl"] == "server"]
    assert [(each["name"], each["ok"]) for each in used] == [(kind, True) for kind in TYPES]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("policy", [RunApprovalPolicy("reject_all"), None], ids=["rejected", "unasked"])
def test_a_provider_is_offered_nothing_else(
    tmp_path: Path, route: str, policy: RunApprovalPolicy | None
) -> None:
    stage = play(Serving(tmp_path, SERVED), route, policy, ask=None)
    assert stage.faults == []
    assert stage.offered == []
    refused = [each["name"] for each in stage.witness.events if each.get("decision") == "reject"]
    assert refused == (["create_worker"] if route == "by_a_created_worker" else list(TYPES))
