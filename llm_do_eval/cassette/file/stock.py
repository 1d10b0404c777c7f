"""A YAML cassette of stock vcrpy in, its `Recording` out, all of it sample 0."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import yaml
from vcr.request import Request as VcrRequest

from llm_do.errors import FormatError
from llm_do_eval.cassette.file.recording import CURE, Recording
from llm_do_eval.cassette.interaction import Interaction, json_line
from llm_do_eval.cassette.wires.wire import request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llm_do_eval.cassette.scrubbing.scrub import Scrubber

_VERSION = 1


def read_stock(path: Path, scrubber: Scrubber | None = None) -> Recording:
    """Read a YAML cassette whose bodies are strings, or trees named `parsed_body`.

    Without a scrubber secrets stay; requests are not scrubbed in any case, because a tape does that.

    Raises:
        FormatError: it cannot be read, or is no cassette of vcrpy of version 1. A YAML cassette that was cut
            off lacks its last key, `version`.
    """
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        read: Any = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both loaders are safe
        if not isinstance(read, dict):
            what = "is empty" if read is None else "holds no keys"
            raise FormatError(f"{path}: {what}, so this is no cassette of vcrpy, or a torn one; {CURE}")
        tree = cast("dict[str, Any]", read)
        if tree.get("version") != _VERSION:
            raise FormatError(f"{path}: has no `version: 1`, so it is torn, or no cassette of vcrpy; {CURE}")
        interactions = [_interaction(each, seq, scrubber) for seq, each in enumerate(tree["interactions"])]
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        why = f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise FormatError(f"{path}: is torn, or no cassette of vcrpy: {why}; {CURE}") from error
    return Recording.brief(interactions, {"versions": {}})


def _interaction(each: Mapping[str, Any], seq: int, scrubber: Scrubber | None) -> Interaction:
    sent, answered = each["request"], each["response"]
    answer = response_of(answered | {"body": {"string": _raw(answered, "string")}})
    return Interaction(
        sample=0,
        seq=seq,
        fingerprint="",
        request=request_of(VcrRequest(sent["method"], sent["uri"], _raw(sent), sent.get("headers") or {})),
        response=scrubber.response(answer) if scrubber else answer,
        at=parsedate_to_datetime(answer.headers["date"]).isoformat() if "date" in answer.headers else None,
    )


def _raw(message: Mapping[str, Any], key: str = "") -> bytes:
    if "parsed_body" in message:
        return json_line(message["parsed_body"])
    body: Any = message.get("body")
    if key and body:
        body = body.get(key)
    return body.encode() if isinstance(body, str) else bytes(body or b"")
