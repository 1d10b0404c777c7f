"""What recorded traffic of each API says: the model asked for, the one that answered, and the tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from clients import APIS, NAMES
from talks import run

from evals.standin import Reply, StandIn, Usage
from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import read_recording
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.wires.apis import asked_model, resolved_model, usage
from llm_do_eval.cassette.wires.eventstream import Frame, joined

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from clients import Api

    from evals.standin import Request as Asked

PROVIDERS = {"chat": "openai-chat", "responses": "openai", "anthropic": "anthropic", "google": "google"}


def counted(_request: Asked, _rng: random.Random) -> Reply:
    return Reply("An answer of more than one delta.", usage=Usage(123, 45))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_every_api_tells_models_and_tokens(tmp_path: Path, api: Api, *, stream: bool) -> None:
    path = tmp_path / "x.jsonl"
    with StandIn(counted) as provider, use(path, mode="once") as tape:
        run(api, provider.url, [0], stream=stream)
    [interaction] = read_recording(path).interactions
    assert asked_model(interaction.request) == f"{PROVIDERS.get(api, 'bedrock')}:{NAMES[api]}" == tape.model
    assert resolved_model(interaction) == (None if api == "bedrock" else NAMES[api])
    assert usage(interaction) == {"input_tokens": 123, "output_tokens": 45}


def exchange(uri: str, answer: bytes, media_type: str = "application/json", asked: Any = None) -> Interaction:
    request = Request("POST", f"https://h{uri}", {}, Body("json", asked) if asked else Body())
    return Interaction(
        0, 0, "", request, Response(200, {"content-type": media_type}, Body.of_response(answer))
    )


CONVERSE = "/model/a%2Fb%3A0/converse"


@pytest.mark.parametrize(
    ("uri", "told", "tokens"),
    [
        (
            "/v1/messages",
            {"input_tokens": 1, "cache_read_input_tokens": 20, "output_tokens": 3},
            (21, 3),
        ),
        ("/v1/messages?beta=true", {"input_tokens": 1, "cache_creation_input_tokens": 300}, (301, 0)),
        (CONVERSE, {"inputTokens": 1, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 4}, (7, 0)),
        ("/v1/chat/completions", {"prompt_tokens": 5, "completion_tokens": None}, (5, 0)),
        ("/openai/responses", {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}, (5, 6)),
    ],
)
def test_cached_input_counts(uri: str, told: dict[str, Any], tokens: tuple[int, int]) -> None:
    found = usage(exchange(uri, json.dumps({"usage": told}).encode()))
    assert found == {"input_tokens": tokens[0], "output_tokens": tokens[1]}


def test_thinking_of_google_is_output() -> None:
    told = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 40}
    answer = json.dumps({"usageMetadata": told, "modelVersion": "gemini-9-001"}).encode()
    said = exchange("/v1beta/models/gemini-9:generateContent", answer)
    assert usage(said) == {"input_tokens": 5, "output_tokens": 42}
    assert (asked_model(said.request), resolved_model(said)) == ("google:gemini-9", "gemini-9-001")


def test_a_router_of_bedrock_tells_whom_it_asked() -> None:
    frame = {"usage": {"inputTokens": 1}, "trace": {"promptRouter": {"invokedModelId": "nova"}}}
    raw = joined([Frame({":event-type": "metadata"}, json.dumps(frame).encode())])
    said = exchange(f"{CONVERSE}-stream", raw, "application/vnd.amazon.eventstream")
    assert (asked_model(said.request), resolved_model(said)) == ("bedrock:a/b:0", "nova")
    assert usage(said) == {"input_tokens": 1, "output_tokens": 0}


@pytest.mark.parametrize(
    ("answer", "media_type"),
    [
        (b"", "application/json"),
        (b"<html>", "text/html"),
        (b"[1]", "application/json"),
        (b'{"usage": "none", "model": 5}', "application/json"),
        (b"data: {torn\n\ndata: [DONE]\n\n", "text/event-stream"),
        (b"\x00\x00", "application/vnd.amazon.eventstream"),
    ],
)
def test_answers_that_tell_nothing(answer: bytes, media_type: str) -> None:
    for uri in ("/v1/messages", f"{CONVERSE}-stream"):
        said = exchange(uri, answer, media_type)
        assert (usage(said), resolved_model(said)) == (None, None)


def test_traffic_of_other_apis_says_nothing() -> None:
    said = exchange("/other", b'{"model": "m", "usage": {"input_tokens": 1}}', asked={"model": "m"})
    assert (asked_model(said.request), resolved_model(said), usage(said)) == (None, None, None)
    assert asked_model(exchange("/v1/messages", b"", asked=["model"]).request) is None
