"""What a provider can do wrong: exit 1, one line with its own words, and a journal that is whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from command import calls

from evals.standin import Cut, Ends, Hang, Html, Reply, Status, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import Fault, Request, StandIn

MODELS = ("openai-chat:gpt-4o-mini", "openai:gpt-4o-mini", "anthropic:claude-haiku-4-5")
# the clients try again on their own; these tests want to see the first failure
ONCE = ("--set", "model_settings.max_retries=0")
ECHO = "---\nname: main\n---\nRepeat.\n"


class Failure(NamedTuple):
    """What the provider does, how it counts, and words of the line about it."""

    fault: Fault
    error_class: str
    words: str


FAILURES = {
    "401": Failure(Status(401), "auth", r"(API key|x-api-key).* \(status 401\); check the API key"),
    "403": Failure(Status(403), "auth", r"\(status 403\); check the API key"),
    "404": Failure(Status(404), "rejected", r"\(status 404\); check the model name"),
    "400": Failure(Status(400), "rejected", r"could not be understood. \(status 400\); check the worker's"),
    "429": Failure(Status(429), "infra", r"rate limit.* \(status 429\); wait, or lower the request rate"),
    "500": Failure(Status(500), "infra", r"error.* \(status 500\); try again later"),
    "503": Failure(Status(503), "infra", r"overloaded.* \(status 503\); try again later"),
    "HTML": Failure(Html(), "infra", r"answered with an HTML page \(status 502\); try again later"),
    "HTML as 200": Failure(Html(200), "infra", "; try again, or check the (base URL|provider's status)"),
    "cut": Failure(Cut(), "infra", "peer closed connection.*; check the network and the base URL"),
    "cut cleanly": Failure(Cut(clean=True), "infra", "JSON|stream ended before its answer did; try again"),
    "length": Failure(
        Ends("length"), "truncation", "cut at the token limit .*; raise model_settings.max_tokens"
    ),
    "filter": Failure(Ends("content_filter"), "content_filter", "content filter .*; change the input"),
    "filter, no text": Failure(Ends("content_filter", keep=0), "content_filter", "Content filter .*; change"),
    "refusal": Failure(Ends("refusal"), "content_filter", "content filter .*; change the input"),
    "empty": Failure(Ends("stop", keep=0), "empty", "the answer was empty; change the prompt or try another"),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_of_the_provider(
    *, name: str, model: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    failure = FAILURES[name]
    serve(faults=dict.fromkeys(range(2), failure.fault))  # an empty answer is asked for once more
    root = write(main_worker=ECHO)
    done = here("proj/main.worker", "say something nice", "--model", model, *ONCE, "--json")
    assert done.code == 1
    assert done.json["error"]["class"] == failure.error_class
    assert done.err == f"llm-do: {done.json['error']['message']}\n"
    said = done.err.removeprefix(f"llm-do: worker 'main' on {model}: ").removeprefix(
        "llm-do: worker 'main': "
    )
    assert not said.startswith("llm-do")
    assert re.search(failure.words, said, re.IGNORECASE), done.err
    assert len(done.err) < 400
    ended = calls(root)["main"]
    assert (ended["ok"], ended["error"]["class"]) == (False, failure.error_class)


@pytest.mark.parametrize("model", MODELS)
def test_a_provider_that_hangs(
    model: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(faults={0: Hang()})
    root = write(main_worker=ECHO)
    done = here("proj/main.worker", "hi", "--model", model, "--timeout", "0.2")
    assert done.code == 1
    assert re.match(r"the run took longer than its limit of 0\.2 s; raise timeout_s \(--timeout\)", done.line)
    assert not calls(root)["main"]["ok"]


def test_a_provider_that_hangs_longer_than_the_worker_may_take(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(faults={0: Hang()})
    write(main_worker=ECHO.replace("name: main", "name: main\ntimeout_s: 0.2"))
    done = here("proj/main.worker", "hi", "--json")
    assert done.code == 1
    assert done.json["error"]["class"] == "timeout"
    assert re.match(r"llm-do: worker 'main' took longer than its timeout_s of 0\.2", done.err)


def test_a_provider_that_is_not_there(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve().stop()
    write(main_worker=ECHO)
    done = here("proj/main.worker", "hi", *ONCE)
    assert done.code == 1
    assert re.search("Connection error: .*; check the network and the base URL$", done.line)


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_that_does_not_fit_says_why(
    model: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def brain(request: Request, _rng: random.Random) -> Reply:
        return Reply(tool_calls=(ToolCall(request.output_tools[0], {"n": "many"}),))

    serve(brain)
    schema = "output_schema: {type: object, properties: {n: {type: integer}}, required: [n]}"
    write(main_worker=ECHO.replace("name: main", f"name: main\n{schema}"))
    done = here("proj/main.worker", "hi", "--model", model)
    assert done.code == 1
    assert re.search(
        r"n: 'many' is not of type 'integer'; raise retries, simplify the output schema", done.line
    )


def test_a_called_worker_that_fails_is_a_result(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def brain(request: Request, _rng: random.Random) -> Reply:
        if request.results:
            return Reply(request.results[0].text)
        return Reply(tool_calls=(ToolCall("helper", {"input": "x"}),))

    serve(brain, faults={1: Status(401)})
    root = write(
        main_worker=ECHO.replace("name: main", "name: main\ntoolsets: [helper]"),
        helper_worker=ECHO.replace("main", "helper"),
    )
    done = here(
        "proj/main.worker", "proj/helper.worker", "hi", *ONCE, "--set", "helper:model_settings.max_retries=0"
    )
    assert (done.code, done.err) == (0, "")
    assert "worker_failed" in done.out
    assert "status 401" in done.out
    assert calls(root)["helper"]["error"]["class"] == "auth"


def test_a_key_that_a_provider_repeats_is_not_shown(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(faults={0: Status(401)})
    monkeypatch.setenv("SOME_API_KEY", "https://platform.openai.com")
    write(main_worker=ECHO)
    line = here("proj/main.worker", "hi", *ONCE).line
    assert "platform.openai.com" not in line
    assert "<env-secret>/account/api-keys" in line
