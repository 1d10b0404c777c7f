"""What may be committed: no header that is not listed, no secret that is known, the same text twice."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import DUMMY_KEY, use
from llm_do_eval.cassette.interaction import Body, Request, Response
from llm_do_eval.cassette.scrubbing.scrub import Scrubber

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import Request as StandInRequest

PASSWORD = 'ca"nary\\ pässword/1'
ENVIRON = {
    "DB_PASSWORD": PASSWORD,
    "SHORT_KEY": "1234567",
    "OPENAI_API_KEY": DUMMY_KEY,
    "HOME": "/home/someone",
    "MY_TOKEN": "tokentoken",
    "MY_LONGER_TOKEN": "tokentoken-longer",
}
SHAPES = [
    "sk-ant-" + "a" * 24,
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "b" * 35,
    "ghp_" + "c" * 36,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
]


@pytest.fixture
def scrubber() -> Scrubber:
    return Scrubber(ENVIRON)


@pytest.mark.parametrize("secret", SHAPES)
def test_texts_of_the_shape_of_a_key_are_replaced(scrubber: Scrubber, secret: str) -> None:
    assert scrubber.text(f"key={secret}, yes") == "key=<secret>, yes"


@pytest.mark.parametrize(
    "harmless", ["task-force-of-twenty-four-people", "risk-based-approach-with-care", "sk-1"]
)
def test_words_are_no_keys(scrubber: Scrubber, harmless: str) -> None:
    assert scrubber.text(harmless) == harmless


@pytest.mark.parametrize(
    "spelling",
    [
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        quote(PASSWORD, safe=""),
    ],
)
@pytest.mark.policy("cas-body-canary")
def test_values_of_the_environment_are_replaced_as_they_are_spelled(
    scrubber: Scrubber, spelling: str
) -> None:
    assert scrubber.text(f"<{spelling}>") == "<<env-secret>>"


def test_the_longest_value_wins_and_the_others_stay(scrubber: Scrubber) -> None:
    text = f"tokentoken-longer tokentoken 1234567 /home/someone {DUMMY_KEY}"
    assert scrubber.text(text) == f"<env-secret> <env-secret> 1234567 /home/someone {DUMMY_KEY}"


def test_scrubbing_twice_changes_nothing(scrubber: Scrubber) -> None:
    once = scrubber.request(
        Request(
            "POST",
            f"https://me:pw@h/{SHAPES[0]}?key=abc&q=tokentoken&X-Amz-Signature=ff&empty=",
            {"authorization": f"Bearer {SHAPES[0]}", "accept": "tokentoken", "cookie": "c"},
            Body("json", {"a": [PASSWORD, {"b": SHAPES[1]}], "n": 1.5, "none": None}),
        )
    )
    assert once.uri == "https://h/<secret>?key=<secret>&q=<env-secret>&X-Amz-Signature=<secret>&empty="
    assert once.headers == {"accept": "<env-secret>"}
    assert once.body.value == {"a": ["<env-secret>", {"b": "<secret>"}], "n": 1.5, "none": None}
    assert scrubber.request(once) == once


def test_responses_keep_what_clients_decide_by(scrubber: Scrubber) -> None:
    headers = {
        "content-type": "text/plain",
        "retry-after": "1",
        "x-should-retry": "false",
        "location": "https://user:pw@h/next?token=t&page=2",
        "set-cookie": "c",
        "x-request-id": "r",
    }
    scrubbed = scrubber.response(Response(307, headers, Body("text", f"x {SHAPES[3]}")))
    assert scrubbed.headers == {
        "content-type": "text/plain",
        "retry-after": "1",
        "x-should-retry": "false",
        "location": "https://h/next?token=<secret>&page=2",
    }
    assert scrubbed.body.value == "x <secret>"


def test_an_empty_environment_hides_nothing() -> None:
    assert Scrubber({}).text("abc") == "abc"


@pytest.mark.policy("cas-header-canaries")
@pytest.mark.policy("cas-body-canary")
def test_no_planted_secret_reaches_the_file(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    hidden = [base64.b64encode(f"{pad}{PASSWORD}!".encode()).decode() for pad in ("", "a", "ab")]
    question = f"the password is {PASSWORD}, the key {SHAPES[3]}, in base64 {' '.join(hidden)}"
    secrets = {
        "authorization": "Bearer canary-authorization",
        "x-api-key": "canary-api-key",
        "api-key": "canary-azure-key",
        "x-goog-api-key": "canary-google-key",
        "cookie": "session=canary-cookie",
        "openai-organization": "canary-organization",
    }
    with use(path, mode="once", environ=ENVIRON) as tape:
        answer = ask(question, query="?key=canary-query", **secrets)
    sent = provider.requests[0]
    assert PASSWORD in sent.request.prompt
    assert sent.headers["x-api-key"] == "canary-api-key"
    assert tape.scrubbed == 1
    content = path.read_text()
    for secret in ("canary", PASSWORD, json.dumps(PASSWORD)[1:-1], SHAPES[3], "__cf_bm", "req_"):
        assert secret not in content
    for text in hidden:
        assert text in sent.request.prompt
        assert text not in content
    provider.stop()
    with use(path, mode="none", environ=ENVIRON):
        assert ask(question) == answer


@pytest.mark.policy("cas-tool-results", "cas-body-canary")
def test_what_a_tool_read_and_a_model_repeats_is_replaced(tmp_path: Path) -> None:
    def repeating(request: StandInRequest, _rng: random.Random) -> Reply:
        if request.results:
            return Reply(f"It said {request.results[0].text}, {SHAPES[3]}")
        return Reply(tool_calls=(ToolCall("environment", {"name": PASSWORD}),))

    agent = Agent()
    path, seen = tmp_path / "x.jsonl", list[str]()

    @agent.tool_plain
    def environment(name: str) -> dict[str, str]:
        seen.append(name)
        return {"DB_PASSWORD": PASSWORD, "encoded": base64.b64encode(PASSWORD.encode()).decode()}

    async def run(agent: Agent, model: OpenAIChatModel) -> str:
        async with model:
            return (await agent.run("Look.", model=model)).output

    with StandIn(repeating) as provider:
        model = OpenAIChatModel(
            "m", provider=OpenAIProvider(base_url=provider.openai_base_url, api_key="canary-bearer")
        )
        with use(path, mode="once", environ=ENVIRON):
            answer = asyncio.run(run(agent, model))
    assert seen == [PASSWORD]
    assert "pässword" in answer
    content = path.read_text()
    spellings = (PASSWORD, json.dumps(PASSWORD)[1:-1], base64.b64encode(PASSWORD.encode()).decode())
    for secret in (*spellings, SHAPES[3], "canary"):
        assert secret not in content


def test_variables_are_looked_at_again_and_stay_known() -> None:
    environ = {"DB_PASSWORD": "the-first-value"}
    scrubber = Scrubber(environ)
    environ |= {"DB_PASSWORD": "the-second-value", "A_TOKEN": "another-value"}
    assert {"the-first-value", "the-second-value", "another-value"} <= scrubber.known.keys()
    environ.clear()
    assert scrubber.known["the-first-value"] == "the value of DB_PASSWORD"
    assert scrubber.text("the-first-value, the-second-value, another-value") == ", ".join(
        ["<env-secret>"] * 3
    )


def test_a_variable_that_was_set_for_one_request_is_replaced_in_the_whole_cassette(
    ask: Callable[..., str], tmp_path: Path
) -> None:
    path, environ = tmp_path / "x.jsonl", dict[str, str]()
    with use(path, mode="once", environ=environ):
        ask("before: hunter2-hunter2")
        environ["DB_PASSWORD"] = "hunter2-hunter2"
        ask("with it: hunter2-hunter2")
        environ.clear()
        ask("after: hunter2-hunter2")
    content = path.read_text("utf-8")
    assert "hunter2" not in content
    for when in ("before", "with it", "after"):
        assert f"{when}: <env-secret>" in content


def test_the_password_in_a_url_of_the_environment_is_not_recorded(
    tmp_path: Path, ask: Callable[..., str]
) -> None:
    path, environ = tmp_path / "x.jsonl", {"DATABASE_URL": "postgres://app:p4ss-w0rd@db/orders"}
    with use(path, mode="once", environ=environ):
        ask("connect to postgres://app:p4ss-w0rd@db/orders, that is with p4ss-w0rd")
    recorded = path.read_text(encoding="utf-8")
    assert "p4ss" not in recorded
    assert "connect to postgres://<env-secret>/orders, that is with <env-secret>" in recorded
