"""What stock vcrpy writes down of a conversation, as it comes and with the usual filter, and what we do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import vcr
import yaml
from clients import connected
from pydantic_ai import Agent

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import use

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from clients import Api

    from evals.standin import Request

# what is looked for, with the spellings of it: the key of `clients`, and what the stand-in sends
CANARIES = {
    "key": ("canary", "AKIACANARY"),
    "cookie": ("__cf_bm=",),
    "request id": ("req_", "x-amzn-requestid"),
}
USUAL_FILTER = ["authorization", "x-api-key"]


def two_turns(request: Request, _rng: random.Random) -> Reply:
    """The cookie of the first answer comes back with the second request."""
    return Reply("Done.") if request.results else Reply(tool_calls=(ToolCall("look_up", {}),))


async def talk(api: Api, url: str) -> str:
    async with connected(api, url) as model:
        agent = Agent(model)

        @agent.tool_plain
        def look_up() -> str:  # pyright: ignore[reportUnusedFunction]
            """Look it up."""
            return "found"

        return (await agent.run("?")).output


def leaked(content: str) -> set[str]:
    return {name for name, spellings in CANARIES.items() if any(each in content for each in spellings)}


def stock(api: Api, path: Path, **options: Any) -> str:
    """Record by stock vcrpy; give all that its file says, binary values too."""
    with StandIn(two_turns) as provider, vcr.VCR(**options).use_cassette(str(path)):
        assert asyncio.run(talk(api, provider.url)) == "Done."
    return repr(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("api", "filtered"),
    [
        ("chat", {"cookie", "request id"}),
        ("anthropic", {"cookie", "request id"}),
        ("google", {"key", "cookie", "request id"}),
        ("bedrock", {"cookie", "request id"}),
    ],
)
@pytest.mark.policy("cas-header-canaries")
def test_no_header_canary_reaches_a_cassette_and_stock_ones_hold_them(
    api: Api, filtered: set[str], tmp_path: Path
) -> None:
    # the controls: where they stop leaking, this test shows nothing any more
    assert leaked(stock(api, tmp_path / "vanilla.yaml")) == {"key", "cookie", "request id"}
    assert leaked(stock(api, tmp_path / "filtered.yaml", filter_headers=USUAL_FILTER)) == filtered
    path = tmp_path / "x.jsonl"
    with StandIn(two_turns) as provider, use(path, mode="once", environ={}):
        assert asyncio.run(talk(api, provider.url)) == "Done."
    assert leaked(path.read_text()) == set()
