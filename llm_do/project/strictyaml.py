"""YAML text or bytes in, one document out: JSON-like values of the 1.2 core schema, bounded, no references.

"Safe" loaders run no code but do no less harm: a merge-key bomb of 724 bytes holds one for seconds, and the
last of two equal keys wins in silence. Here every limit is checked on parser events, before anything grows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from llm_do.errors import SpecError
from llm_do.project.document import Builder, Node, brief, check_size, decode, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(
    source: str | bytes, *, path: Path | str | None = None, first_line: int = 1, loader: Any = _LOADER
) -> Node:
    """Read one YAML document whose root is a mapping or a list.

    Args:
        source: the document; bytes must be UTF-8.
        path: the file that errors name.
        first_line: the line of the file on which `source` begins.
        loader: a PyYAML loader class; only its parser is used.

    Raises:
        SpecError: anchors, aliases, tags, duplicate or non-text keys, several documents, an empty or a
            scalar document, control characters, a broken limit of `llm_do.project.document`, or no YAML at
            all.
    """
    text = decode(source, path=path) if isinstance(source, bytes) else source.replace("\r\n", "\n")
    check_size(text, path=path)
    if bad := _CONTROL.search(text):
        raise SpecError(
            f"the text holds the character U+{ord(bad.group()):04X}; remove it or write it as an escape",
            path=path,
            line=first_line + text.count("\n", 0, bad.start()),
        )
    builder = Builder(path)
    try:
        for event in _events(text, loader):
            _feed(builder, event, first_line + event.start_mark.line)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the pure parser lets chr() and int() raise
        raise _broken(error, path, first_line) from None
    root = builder.finish()
    if not isinstance(root.value, (dict, list)):
        message = f"expected `key: value` lines, found {found(root.value)}"
        raise SpecError(message, path=path, line=first_line)
    return root


def _events(text: str, loader: Any) -> Iterator[yaml.Event]:
    return cast("Iterator[yaml.Event]", yaml.parse(text, Loader=loader))  # pyright: ignore[reportUnknownMemberType]


def _feed(builder: Builder, event: yaml.Event, line: int) -> None:
    match event:
        case yaml.DocumentStartEvent() if builder.finish().lines:
            raise builder.error("a second document begins here; keep one", line)
        case yaml.AliasEvent():
            raise builder.error(f"alias {brief(event.anchor)} is not allowed; write the value out", line)
        case yaml.NodeEvent() if event.anchor is not None:
            raise builder.error(f"anchor {brief(event.anchor)} is not allowed; remove it", line)
        case yaml.ScalarEvent() | yaml.CollectionStartEvent() if event.tag is not None:
            raise builder.error(f"tag {brief(event.tag)} is not allowed; remove it", line)
        case yaml.ScalarEvent(implicit=(True, _)):
            builder.plain(event.value, line)
        case yaml.ScalarEvent():
            builder.scalar(event.value, line)
        case yaml.MappingStartEvent():
            builder.open({}, line)
        case yaml.SequenceStartEvent():
            builder.open([], line)
        case yaml.CollectionEndEvent():
            builder.close()
        case _:
            pass


def _broken(error: Exception, path: Path | str | None, first_line: int) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return SpecError(
        f"not valid YAML: {problem}; check the indentation, and quote text that holds ': ' or ' #'",
        path=path,
        line=first_line if mark is None else first_line + mark.line,
    )


# The parser takes U+0085, U+2028 and U+2029 for line ends: an editor would show something else than is read.
_CONTROL = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
