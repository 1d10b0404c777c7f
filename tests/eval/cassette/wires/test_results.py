"""A field of a request belongs to the result of a tool, whatever API carries it, and the tool is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.miss import stale_cassette
from llm_do_eval.cassette.wires.results import tool_of

OPENAI: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "send", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": "sent"},
        {"role": "tool", "tool_call_id": "unknown", "content": "?"},
    ]
}
RESPONSES: dict[str, Any] = {
    "input": [
        {"type": "function_call", "id": "fc1", "call_id": "c1", "name": "look_up", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "warm"},
    ]
}
ANTHROPIC: dict[str, Any] = {
    "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look_up", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "warm"}]}
            ],
        },
    ]
}
GOOGLE: dict[str, Any] = {
    "contents": [{"parts": [{"functionResponse": {"name": "look_up", "response": {"result": "warm"}}}]}]
}
BEDROCK: dict[str, Any] = {
    "messages": [
        {"content": [{"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {}}}]},
        {"content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "warm"}]}}]},
    ]
}


def request(body: Any) -> Request:
    return Request("POST", "https://h/v1/chat/completions", {}, Body("json", {"model": "m", **body}))


@pytest.mark.parametrize(
    ("body", "path", "tool"),
    [
        (OPENAI, "body.messages[2].content", "send"),
        (OPENAI, "body.messages[2]", "send"),
        (OPENAI, "body.messages[3].content", None),
        (OPENAI, "body.messages[0].content", None),
        (OPENAI, "body.messages[1].tool_calls[0].function.arguments", None),
        (OPENAI, "body.messages[9].content", None),
        (OPENAI, "body.model", None),
        (OPENAI, "path", None),
        (RESPONSES, "body.input[1].output", "look_up"),
        (RESPONSES, "body.input[0].arguments", None),
        (ANTHROPIC, "body.messages[1].content[0].content[0].text", "look_up"),
        (ANTHROPIC, "body.messages[0].content[0].input.city", None),
        (GOOGLE, "body.contents[0].parts[0].functionResponse.response.result", "look_up"),
        (BEDROCK, "body.messages[1].content[0].toolResult.content[0].text", "look_up"),
        (BEDROCK, "body.messages[0].content[0].toolUse.input", None),
    ],
)
def test_the_tool_of_a_field(body: dict[str, Any], path: str, tool: str | None) -> None:
    assert tool_of(request(body), path) == tool


def test_a_miss_tells_a_changed_result_under_the_name_of_its_tool() -> None:
    before, now = request(OPENAI), request({"messages": [*OPENAI["messages"]]})
    now.body.value["messages"][2] = {"role": "tool", "tool_call_id": "c2", "content": "refused"}
    miss = stale_cassette(
        now,
        0,
        path=Path("x.jsonl"),
        meta={},
        left=[Interaction(0, 0, "", before, Response(200, {}, Body()))],
        command="pytest",
    )
    assert (
        "  result of tool 'send':\n    body.messages[2].content: recorded 'sent' -> now 'refused'\n"
        in str(miss)
    )
    assert "prompt" not in str(miss)
    assert "Only what tool 'send' returned is another" in str(miss)
