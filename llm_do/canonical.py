"""JSON values in, one canonical text out: equal values have equal text, and the text has a digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Serialize a JSON value with sorted keys and no white space; `1`, `1.0`, `"1"` and `true` differ.

    Raises:
        ValueError: the value holds NaN or an infinity.
        TypeError: the value is no JSON value.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str | bytes) -> str:
    """SHA-256 of a text (UTF-8; a lone surrogate counts as it stands) or of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(
        text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    ).hexdigest()
