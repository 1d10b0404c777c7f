"""JSON values in, texts out that are equal exactly where the values are, with `1` and `1.0` one number."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

# canonical as `llm_do.canonical` defines it; one encoder for all, as there are many values
_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
_JSON_STARTS = frozenset('{["-0123456789tfn')


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODE = json.JSONDecoder(parse_constant=_no_constant).decode


def comparable(value: Any) -> str:
    """Give the canonical text of a JSON value; whole floats are written as integers."""
    text = _ENCODE(value)
    return _ENCODE(_whole(value)) if ".0" in text or "e+" in text else text


def parsed(value: Any) -> Any:
    """Give the JSON value that a text holds, as tools often answer in JSON text; other values as they are."""
    if not isinstance(value, str) or value[:1] not in _JSON_STARTS:
        return value
    try:
        return _DECODE(value)
    except (ValueError, RecursionError):
        return value


def fingerprint(text: str) -> bytes:
    """Give 16 bytes that stand for a text in tables of many (BLAKE2b)."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    return value
