from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import pytest
from pydantic_ai import exceptions as ai
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart

from llm_do.errors import RunFailed
from llm_do.state.failure import is_empty, model_failures, provider_failure, refuse_unfinished, time_limit

if TYPE_CHECKING:
    from pydantic_ai.messages import FinishReason


def translated(error: BaseException, **facts: Any) -> RunFailed:
    with pytest.raises(RunFailed) as caught, model_failures("writer", "openai:gpt", facts):
        raise error
    assert "\n" not in str(caught.value)
    return caught.value


class Told(NamedTuple):
    kind: Any
    status: int
    error_class: str
    advice: str


ANSWERS = [
    Told(ai.ModelRateLimitError, 429, "infra", "wait, or lower the request rate"),
    Told(ai.ModelQuotaExceededError, 429, "auth", "check the account's quota and billing"),
    Told(ai.ModelServerError, 500, "infra", "try again later"),
    Told(ai.ModelUnavailableError, 503, "infra", "try again later"),
    Told(ai.ModelAuthenticationError, 401, "auth", "check the API key of this provider"),
    Told(ai.ModelNotFoundError, 404, "rejected", "check the model name"),
    Told(ai.ModelContextWindowExceededError, 400, "rejected", "give the worker less input"),
    Told(ai.ModelRequestRejectedError, 400, "rejected", "check the worker's settings, tools and input"),
]


def http_error(kind: Any, status: int, body: Any) -> ai.ModelHTTPError:
    return ai.ModelHTTPError.for_category(kind, status_code=status, model_name="gpt", body=body)


@pytest.mark.parametrize("told", ANSWERS, ids=lambda told: told.kind.__name__)
def test_answers_of_a_provider(told: Told) -> None:
    error = http_error(told.kind, told.status, {"error": {"message": "its own words"}})
    failed = translated(error)
    assert str(failed).startswith("worker 'writer' on openai:gpt: ")
    assert f"its own words (status {told.status})" in str(failed)
    assert str(failed).endswith(f"; {told.advice}")
    assert failed.error_class == told.error_class == provider_failure(error)


@pytest.mark.parametrize("body", [{"message": "own  words"}, {"error": "own words"}, "own words", None, [1]])
def test_the_words_of_a_provider_are_found_in_its_answer(body: Any) -> None:
    text = str(translated(http_error(ai.ModelServerError, 500, body)))
    assert "own words (status 500)" in text or body in (None, [1])


def refused(words: str, kind: type[ai.UnexpectedModelBehavior] = ai.UnexpectedModelBehavior) -> Exception:
    error = kind(words)
    error.__cause__ = ValueError("the answer is no number")
    return error


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        (refused("Exceeded maximum output retries (1)"), "format"),
        (ai.UnexpectedModelBehavior("no answer of a model"), "infra"),
        (ai.ContentFilterError("filtered"), "content_filter"),
        (ai.OutputTokenLimitExceeded("cut"), "truncation"),
        (ai.ModelAPIError("gpt", "gone"), "infra"),
        (ai.UsageLimitExceeded("too much"), "model"),
        (ai.UserError("wrong use"), "model"),
    ],
)
def test_other_failures(error: Exception, error_class: str) -> None:
    assert translated(error).error_class == error_class


def test_errors_of_others_pass_unchanged() -> None:
    for error in (ValueError("x"), RunFailed("ours"), asyncio.CancelledError()):
        with pytest.raises(type(error)) as caught, model_failures("writer", "m", {}):
            raise error
        assert caught.value is error
    assert provider_failure(ValueError()) is None


def test_an_empty_answer_is_told_as_such() -> None:
    failed = translated(refused("Exceeded maximum output retries (1)"), empty=True)
    assert (str(failed), failed.error_class) == (
        "worker 'writer': the answer was empty; change the prompt or try another model",
        "empty",
    )
    assert translated(ai.OutputTokenLimitExceeded("cut"), empty=True).error_class == "truncation"


@pytest.mark.parametrize("page", ["<html><body>Bad gateway</body></html>", "<!DOCTYPE html>\n<p>502</p>"])
def test_a_page_is_named_not_quoted(page: str) -> None:
    text = str(translated(http_error(ai.ModelServerError, 502, page)))
    assert "the provider answered with an HTML page (status 502)" in text
    assert "<" not in text
    assert "HTML page;" in str(translated(ai.ModelAPIError("gpt", page)))


def test_the_reason_of_a_refused_answer_is_told() -> None:
    text = str(translated(refused("Exceeded maximum output retries (1). See the docs")))
    assert "Exceeded maximum output retries (1): the answer is no number; raise retries" in text
    assert "body" not in str(translated(ai.ContentFilterError("filtered", body="{}")))


def test_a_long_message_is_cut() -> None:
    text = str(translated(ai.ModelAPIError("gpt", "x" * 1000)))
    assert len(text) < 400
    assert "x…; " in text


@pytest.mark.parametrize("text", ["Connection error.", "Request timed out."])
def test_what_broke_a_connection_is_told(text: str) -> None:
    error = ai.ModelAPIError("gpt", text)
    error.__cause__ = RuntimeError("client")
    error.__cause__.__cause__ = httpx2.ConnectError("[Errno 111] Connection refused")
    assert f"{text[:-1]}: [Errno 111] Connection refused" in str(translated(error))
    error.__cause__ = httpx2.ReadTimeout("")
    assert f"{text[:-1]}: ReadTimeout" in str(translated(error))


@pytest.mark.parametrize(
    ("reason", "error_class"),
    [("length", "truncation"), ("content_filter", "content_filter"), ("stop", None)],
)
def test_an_unfinished_answer_is_refused(reason: FinishReason, error_class: str | None) -> None:
    response = ModelResponse(parts=[TextPart("half")], finish_reason=reason)
    if error_class is None:
        refuse_unfinished(response, "writer")
        return
    with pytest.raises(RunFailed, match=r"^worker 'writer': ") as caught:
        refuse_unfinished(response, "writer")
    assert caught.value.error_class == error_class


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_stream_that_ended_too_early_is_refused(provider: str) -> None:
    cut = ModelResponse(parts=[TextPart("half")], provider_name=provider)
    with pytest.raises(RunFailed, match="the provider's stream ended before its answer did; try") as caught:
        refuse_unfinished(cut, "writer")
    assert caught.value.error_class == "infra"
    details = {"finish_reason": "stop"}
    whole = ModelResponse(parts=[TextPart("x")], provider_name=provider, provider_details=details)
    refuse_unfinished(whole, "writer")


@pytest.mark.parametrize(
    ("parts", "is_nothing"),
    [
        ([], True),
        ([TextPart("")], True),
        ([TextPart(" \n")], True),
        ([ThinkingPart("hm")], True),
        ([ThinkingPart("hm"), TextPart("x")], False),
        ([ToolCallPart("add", {})], False),
        ([TextPart(""), ToolCallPart("add", {})], False),
    ],
)
def test_what_an_empty_answer_is(parts: list[Any], is_nothing: bool) -> None:  # noqa: FBT001
    response = ModelResponse(parts=parts)
    assert is_empty(response) is is_nothing
    if is_nothing:
        with pytest.raises(RunFailed, match="the answer was empty"):
            refuse_unfinished(response, "writer")


def test_a_time_limit_tells_its_own_end_from_others() -> None:
    overdue = RunFailed("too long", error_class="timeout")

    async def wait(limit_s: float | None, error: Exception | None = None) -> str:
        async with time_limit(limit_s, overdue):
            if error is not None:
                raise error
            await asyncio.sleep(0 if limit_s is None else 60)
        return "in time"

    assert asyncio.run(wait(None)) == "in time"
    with pytest.raises(RunFailed) as caught:
        asyncio.run(wait(0.001))
    assert caught.value is overdue
    with pytest.raises(TimeoutError, match="socket"):
        asyncio.run(wait(60, TimeoutError("socket")))
