"""Streams of every API whose pieces hold a secret: scrubbed, and read by the real clients all the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from clients import APIS, connected
from pydantic_ai import Agent

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import read_recording
from llm_do_eval.cassette.scrubbing.canary import places_of_secrets

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from clients import Api

    from evals.standin import Request
    from llm_do_eval.cassette import RecordMode

KEY = "sk-" + "abcdefghij" * 3
PASSWORD = 'ca"nary\\ pässword/1'
ENVIRON = {"DB_PASSWORD": PASSWORD}


def repeating(request: Request, _rng: random.Random) -> Reply:
    """Call the tool with two secrets, then tell them."""
    if not request.results:
        return Reply(tool_calls=(ToolCall("keep", {"key": KEY, "password": PASSWORD, "note": "n" * 40}),))
    return Reply(f"I kept the key {KEY} and the password {PASSWORD}, as {request.results[0].text!r} says.")


class Kept:
    """What the tool was called with, and what was said in the end."""

    def __init__(self) -> None:
        self.arguments: list[tuple[str, str, str]] = []
        self.said = ""


async def talk(api: Api, url: str, *, stream: bool) -> Kept:
    kept = Kept()
    async with connected(api, url) as model:
        agent = Agent(model)

        @agent.tool_plain
        def keep(key: str, password: str, note: str) -> str:  # pyright: ignore[reportUnusedFunction]
            """Keep something."""
            kept.arguments.append((key, password, note))
            return f"kept {key}"

        if not stream:
            kept.said = (await agent.run("Keep it.")).output
            return kept
        async with agent.run_stream("Keep it.") as result:
            kept.said = "".join([piece async for piece in result.stream_text(delta=True, debounce_by=None)])
    return kept


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.policy("cas-body-canary")
def test_secrets_in_pieces_are_replaced_and_the_stream_still_reads(
    api: Api, tmp_path: Path, *, stream: bool
) -> None:
    path = tmp_path / "x.jsonl"

    def run(mode: RecordMode, url: str) -> Kept:
        with use(path, mode=mode, environ=ENVIRON):
            return asyncio.run(talk(api, url, stream=stream))

    with StandIn(repeating) as provider:
        live = run("once", provider.url)
        url = provider.url
    assert live.arguments == [(KEY, PASSWORD, "n" * 40)]
    assert KEY in live.said
    assert PASSWORD in live.said
    recorded = read_recording(path)
    assert len(recorded.interactions) == 2
    assert places_of_secrets(recorded, ENVIRON) == []
    replayed = run("none", url)
    assert replayed.arguments == [("<secret>", "<env-secret>", "n" * 40)]
    assert replayed.said == live.said.replace(KEY, "<secret>").replace(PASSWORD, "<env-secret>")


@pytest.mark.parametrize("api", APIS)
def test_streams_without_a_secret_are_recorded_byte_for_byte(api: Api, tmp_path: Path) -> None:
    said: list[Any] = []
    for name, environ in (("x", {}), ("y", ENVIRON)):
        path = tmp_path / f"{name}.jsonl"

        def plain(request: Request, rng: random.Random) -> Reply:
            del rng
            return Reply(f"Nothing to hide in {json.dumps(request.prompt)}.")

        with StandIn(plain) as provider, use(path, mode="once", environ=environ) as tape:
            said.append(asyncio.run(talk(api, provider.url, stream=True)).said)
        assert tape.scrubbed == 0
    bodies = [
        [each.response.body for each in read_recording(tmp_path / f"{name}.jsonl").interactions]
        for name in "xy"
    ]
    assert bodies[0] == bodies[1]
    assert said[0] == said[1] == 'Nothing to hide in "Keep it.".'
