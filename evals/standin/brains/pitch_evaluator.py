"""A pitch deck evaluator: the text or file of a deck in, scores, a summary and red flags out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evals.standin.conversation import Reply, Request, reply_with
from llm_do.canonical import digest

if TYPE_CHECKING:
    import random

_LOWEST, _MIDDLE, _HIGHEST = 1, 6, 10
_STRENGTHS = {
    "team": ("founder", "engineer", "phd", "years of", "previously", "exit"),
    "market": ("billion", "growing", "growth", "demand", "waiting list", "tam"),
    "product": ("patent", "live", "pilot", "retention", "customers", "prototype"),
}
_RED_FLAGS = {
    "no revenue": "No revenue yet",
    "pre-revenue": "No revenue yet",
    "no competit": "Claims to have no competitors",
    "one customer": "Depends on one customer",
    "single customer": "Depends on one customer",
    "runway": "Short runway",
    "part-time": "Founders work part-time",
    "solo founder": "A single founder",
    "guaranteed": "Promises guaranteed returns",
}
_OPINIONS = (
    "A clear story with questions left about execution",
    "Worth a second conversation",
    "A sound plan that needs firmer numbers",
    "Ambitious, and mostly well argued",
)


def evaluate(request: Request, rng: random.Random) -> Reply:
    """Score a deck: `{summary, scores: {team, market, product}, red_flags}`, scores from 1 to 10.

    A deck has its own level of each score, from its words and its bytes; a draw differs by at most 1.
    Red flags follow from the deck's words alone, but one draw in ten overlooks the last of them.
    """
    deck = _deck(request)
    level = int(digest(deck)[:2], 16) % 3 - 1
    scores = {name: _score(deck, words, level, rng) for name, words in _STRENGTHS.items()}
    flags = list(dict.fromkeys(flag for words, flag in _RED_FLAGS.items() if words in deck.lower()))
    if flags and rng.random() < 1 / 10:
        flags.pop()
    strongest = max(scores, key=lambda name: scores[name])
    summary = f"{_title(deck)}: {rng.choice(_OPINIONS)}. Its strongest side is the {strongest}."
    answer = {"summary": summary, "scores": scores, "red_flags": flags}
    return reply_with(request, answer, text=json.dumps(answer))


def _deck(request: Request) -> str:
    files = [file.text or file.content.decode("latin-1") for file in request.attachments]
    return "\n".join(files) or request.prompt


def _score(deck: str, strengths: tuple[str, ...], level: int, rng: random.Random) -> int:
    found = sum(word in deck.lower() for word in strengths)
    drawn = _MIDDLE + level + found + rng.choice((-1, 0, 0, 0, 1))
    return max(_LOWEST, min(_HIGHEST, drawn))


def _title(deck: str) -> str:
    lines = (line.strip(" #*") for line in deck.splitlines())
    title = next((line for line in lines if line), "")
    return title[:60] if title.isprintable() and title and not title.startswith("%PDF") else "The deck"
