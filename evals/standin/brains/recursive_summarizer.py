"""A recursive summarizer: a text in, calls of itself for the halves of it, and then a summary out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.standin.conversation import Reply, Request, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_TOOL = "summarizer"
_SHORT, _MOST_SENTENCES = 2, 4
_ATTACHED = re.compile(r"\AAttachment \S+:\n|\nAttachment \S+:\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LOST_RATE = 0.01
_LONG_RATE = 0.04


def summarize(request: Request, rng: random.Random) -> Reply:
    """Summarize one or two paragraphs; have the halves of a longer text summarized and join the summaries.

    A half that is refused is summarized here. In one call of 100 the last paragraph of a half gets lost, and
    one joined summary of 25 is longer than it should be.
    """
    paragraphs = _paragraphs(request.prompt)
    tool = request.tool(_TOOL)
    if len(paragraphs) <= _SHORT or tool is None:
        return Reply(" ".join(_own(paragraphs, rng)))
    middle = (len(paragraphs) + 1) // 2
    halves = [paragraphs[:middle], paragraphs[middle:]]
    if not request.results:
        passed = (half[:-1] if rng.random() < _LOST_RATE else half for half in halves)
        return Reply(tool_calls=tuple(ToolCall(_TOOL, {tool.fields[0]: "\n\n".join(p)}) for p in passed))
    sentences = [
        sentence
        for half, result in zip(halves, request.results, strict=False)
        for sentence in (_own(half, rng) if '"error"' in result.text else _SENTENCE.split(result.text))
    ]
    is_long = len(sentences) > _MOST_SENTENCES and rng.random() >= _LONG_RATE
    return Reply(" ".join(sentences[::2] if is_long else sentences))


def _paragraphs(prompt: str) -> list[str]:
    attached = _ATTACHED.search(prompt)
    text = prompt[attached.end() :] if attached else prompt
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _own(paragraphs: Sequence[str], rng: random.Random) -> list[str]:
    """Take one sentence of each paragraph, most often the first."""
    return [rng.choice([*_SENTENCE.split(each)[:1] * 3, *_SENTENCE.split(each)[1:2]]) for each in paragraphs]
