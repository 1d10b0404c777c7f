"""JSON text or bytes in, one document out: no duplicate keys, no NaN, bounded, with the line of every key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from llm_do.errors import SpecError
from llm_do.project.document import Builder, Node, check_size, decode

if TYPE_CHECKING:
    from pathlib import Path


def load_json(source: str | bytes, *, path: Path | str | None = None) -> Node:
    """Read one JSON document.

    Raises:
        SpecError: no JSON, a duplicate key, a number that is not finite, or a broken limit of
            `llm_do.project.document`.
    """
    text = decode(source, path=path) if isinstance(source, bytes) else source
    check_size(text, path=path)
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise SpecError(
            f"not valid JSON: {error.msg} (column {error.colno})", path=path, line=error.lineno
        ) from None
    except ValueError as error:
        raise SpecError(f"not valid JSON: {error}", path=path) from None
    except RecursionError:
        raise SpecError("nested too deeply; flatten it", path=path) from None
    return _assemble(text, path)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number; write null or text")


def _assemble(text: str, path: Path | str | None) -> Node:
    builder = Builder(path)
    line = 1
    for match in _TOKEN.finditer(text):
        token = match.group()
        match token[0]:
            case "\n":
                line += 1
            case "{":
                builder.open({}, line)
            case "[":
                builder.open([], line)
            case "}" | "]":
                builder.close()
            case '"':
                builder.scalar(json.loads(token), line)
            case _:
                builder.plain(token, line)
    return builder.finish()


_TOKEN = re.compile(r'\n|[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')
