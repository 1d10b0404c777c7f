"""An HTTP status in, the error body that both OpenAI wires send with it out."""

from __future__ import annotations

from typing import Any, NamedTuple


class _Wording(NamedTuple):
    kind: str
    code: str | None
    message: str


_WORDINGS = {
    401: _Wording(
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: stand-in. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    403: _Wording(
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: _Wording(
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    429: _Wording(
        "requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again later."
    ),
    500: _Wording(
        "server_error", None, "The server had an error while processing your request. Sorry about that!"
    ),
    503: _Wording("server_error", None, "The engine is currently overloaded, please try again later"),
}
_REQUEST_ERROR = _Wording("invalid_request_error", None, "The request could not be understood.")


def openai_error(status: int, message: str | None = None) -> dict[str, Any]:
    """Write the body for a status; `message` replaces the provider's usual sentence."""
    wording = _WORDINGS.get(status, _REQUEST_ERROR)
    return {
        "error": {
            "message": message or wording.message,
            "type": wording.kind,
            "param": None,
            "code": wording.code,
        }
    }
