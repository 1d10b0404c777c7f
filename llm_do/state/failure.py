"""What pydantic-ai raises in, our errors out: the provider's own words, the worker's name, what to try."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic_ai import exceptions as ai

from llm_do.errors import RunFailed, words_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping
    from contextlib import AbstractAsyncContextManager

    from pydantic_ai.messages import ModelResponse

_LONGEST: Final = 300
_REASONED: Final = ("openai", "anthropic")
"""Providers that end every whole answer with a reason; without one, the connection closed too early."""


class Kind(NamedTuple):
    """How a failure counts, and what to try."""

    error_class: str
    advice: str


@contextmanager
def model_failures(worker: str, model: str, facts: Mapping[str, Any]) -> Generator[None]:
    """Translate what a model run raises; errors of ours pass unchanged.

    Args:
        worker: the name that messages begin with.
        model: the name of its model.
        facts: what the call noted on its way; `empty` says that the last answer held nothing.
    """
    try:
        yield
    except ai.AgentRunError as error:
        kind = _kind(error) or Kind("model", "see the journal")
        if kind.error_class == "format" and facts.get("empty"):
            raise _empty(worker) from error
        raise RunFailed(
            f"worker {worker!r} on {model}: {_words(error)}; {kind.advice}", error_class=kind.error_class
        ) from error
    except ai.UserError as error:
        raise RunFailed(f"worker {worker!r} on {model}: {_words(error)}", error_class="model") from error


def time_limit(limit_s: float | None, overdue: RunFailed) -> AbstractAsyncContextManager[None]:
    """Raise `overdue` when the block takes longer than a limit; time-outs that others set pass unchanged."""
    return nullcontext() if limit_s is None else _limited(limit_s, overdue)


@asynccontextmanager
async def _limited(limit_s: float, overdue: RunFailed) -> AsyncGenerator[None]:
    clock = asyncio.timeout(limit_s)
    try:
        async with clock:
            yield
    except TimeoutError as error:
        if clock.expired():
            raise overdue from error
        raise


def provider_failure(error: BaseException) -> str | None:
    """Sort what pydantic-ai raised into the classes of `RunFailed`; None for anything else."""
    kind = _kind(error)
    return kind.error_class if kind else None


def refuse_unfinished(response: ModelResponse, worker: str) -> None:
    """Refuse an answer that the provider cut or filtered, or that holds nothing. Raises RunFailed."""
    if response.finish_reason == "length":
        raise RunFailed(
            f"worker {worker!r}: the answer was cut at the token limit (finish reason length); "
            f"raise model_settings.max_tokens or ask for less",
            error_class="truncation",
        )
    if response.provider_name in _REASONED and "finish_reason" not in (response.provider_details or {}):
        raise RunFailed(
            f"worker {worker!r}: the provider's stream ended before its answer did; try again",
            error_class="infra",
        )
    if response.finish_reason == "content_filter":
        raise RunFailed(
            f"worker {worker!r}: the provider's content filter stopped the answer; change the input",
            error_class="content_filter",
        )
    if is_empty(response):
        raise _empty(worker)


def is_empty(response: ModelResponse) -> bool:
    """Tell whether a response holds neither text nor a call; thinking alone is no answer."""
    return not any(
        part.content.strip() if part.part_kind == "text" else part.part_kind != "thinking"
        for part in response.parts
    )


def _kind(error: BaseException) -> Kind | None:
    if type(error) is ai.UnexpectedModelBehavior and error.__cause__ is None:
        # no answer of a model was refused, so what came was none
        return Kind("infra", "try again, or check the base URL")
    return next((kind for raised, kind in _KINDS if isinstance(error, raised)), None)


def _empty(worker: str) -> RunFailed:
    return RunFailed(
        f"worker {worker!r}: the answer was empty; change the prompt or try another model",
        error_class="empty",
    )


def _words(error: BaseException) -> str:
    """Say in one line what the provider said; an HTML page is named, not quoted."""
    text, cause = words_of(error), error.__cause__
    if isinstance(error, ai.ModelHTTPError):
        text = f"{_said(error.body) or text} (status {error.status_code})"
    elif isinstance(error, ai.ContentFilterError):
        text = text.partition(", body: ")[0]
    elif isinstance(error, ai.UnexpectedModelBehavior):
        text = text.partition(". ")[0] + (f": {words_of(cause)}" if cause else "")
    elif cause is not None and text in ("Connection error.", "Request timed out."):
        text = f"{text[:-1]}: {words_of(cause.__cause__ or cause)}"
    if "<html" in text.lower() or "<!doctype" in text.lower():
        status = getattr(error, "status_code", None)
        text = f"the provider answered with an HTML page{f' (status {status})' if status else ''}"
    text = text.removesuffix(".")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _said(body: Any) -> str:
    """Find the sentence in the body of an error: at `message`, or at `error.message`."""
    for key in ("error", "message"):
        body = cast("dict[str, Any]", body).get(key, body) if isinstance(body, dict) else body
    return " ".join(body.split()) if isinstance(body, str) else ""


_KINDS: Final[tuple[tuple[type[BaseException], Kind], ...]] = (
    (ai.ModelRateLimitError, Kind("infra", "wait, or lower the request rate")),
    (ai.ModelQuotaExceededError, Kind("auth", "check the account's quota and billing")),
    (ai.ModelTimeoutError, Kind("infra", "try again, or check the network")),
    (ai.ModelConnectionError, Kind("infra", "check the network and the base URL")),
    (ai.ModelUnavailableError, Kind("infra", "try again later")),
    (ai.ModelServerError, Kind("infra", "try again later")),
    (ai.ModelAuthenticationError, Kind("auth", "check the API key of this provider")),
    (ai.ModelNotFoundError, Kind("rejected", "check the model name")),
    (ai.ModelContextWindowExceededError, Kind("rejected", "give the worker less input")),
    (ai.ModelRequestRejectedError, Kind("rejected", "check the worker's settings, tools and input")),
    (ai.ContentFilterError, Kind("content_filter", "change the input or the prompt")),
    (ai.OutputTokenLimitExceeded, Kind("truncation", "raise model_settings.max_tokens or ask for less")),
    (
        ai.UnexpectedModelBehavior,
        Kind("format", "raise retries, simplify the output schema, or try another model"),
    ),
    (ai.ModelAPIError, Kind("infra", "try again, or check the provider's status")),
)
