"""Sampled tests in, a Markdown table appended to the file out that a CI system shows with its job."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llm_do.ui.escape import visible
from llm_do_eval.evidence import evidence_line
from llm_do_eval.family import family_lines
from llm_do_eval.markdown import escaped
from llm_do_eval.plugin.row import notes_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_do_eval.plugin.row import Row

_MOST_BYTES: Final = 900_000
"""GitHub shows nothing of a step's summary that is larger than 1 MiB."""

_HEAD: Final = """\
| verdict | test | k/n | true rate | shown | cost |
|---|---|--:|--:|---|--:|
"""


def append(
    target: str, tests: Sequence[Mapping[str, Any]], families: Iterable[Mapping[str, Any]] = ()
) -> list[str]:
    """Append the tests and families to a file, and keep what it holds; return what is wrong in one line."""
    path = Path(target)
    try:
        if path.is_fifo():
            return [f"GITHUB_STEP_SUMMARY: {target} is a pipe; name a file"]
        with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(f"\n{markdown(tests, families)}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return [f"GITHUB_STEP_SUMMARY: {target} cannot be written ({reason}); name another file"]
    return []


def markdown(
    tests: Iterable[Mapping[str, Any]],
    families: Iterable[Mapping[str, Any]] = (),
    *,
    most_bytes: int = _MOST_BYTES,
) -> str:
    """Show tests as a table, those first that did not pass, then families.

    Rows beyond `most_bytes` are only counted, and families left out with them.
    """
    ordered = sorted(tests, key=lambda each: (each["verdict"] == "PASS", each["test"]))
    words = Counter(each["verdict"] for each in ordered)
    levels = sorted({each.get("confidence", 0.95) for each in ordered})
    text = [
        "## llm samples\n\n",
        f"{', '.join(f'{count} {word}' for word, count in words.items())}. ",
        f"Each bound has {' or '.join(f'{level * 100:g} %' for level in levels)} confidence.\n\n",
        _HEAD,
    ]
    size = sum(map(len, text))
    for place, test in enumerate(ordered):
        lines = "".join(f"|{'|'.join(cells)}|\n" for cells in _cells(test))
        size += len(lines.encode(errors="backslashreplace"))
        if size > most_bytes:
            return "".join([*text, f"\nand {len(ordered) - place} more tests\n"])
        text.append(lines)
    return "".join([*text, *_listed(families)])


def _listed(families: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for family in families:
        first, *others = family_lines(family)
        yield f"\n{_shown(first)}\n\n"
        yield from (f"- {_shown(line)}\n" for line in others)


def _cells(test: Mapping[str, Any]) -> Iterator[list[str]]:
    rows = rows_of(test)
    notes = (rows.test.name, *notes_of(test), evidence_line(test))
    yield _row(rows.test, "<br>".join(map(_shown, notes)))
    for row in rows.invariants:
        yield _row(row, f"— {_shown(row.name)}")


def _row(row: Row, name: str) -> list[str]:
    word = row.word if row.word == "PASS" else f"**{row.word}**"
    return [word, name, row.passed, _shown(row.bounds), _shown(row.sentence), _shown(row.cost)]


def _shown(text: str) -> str:
    return escaped(visible(" ".join(text.split())))
