"""A greeter: the user's message in, one of many greetings out, two times in three with the user's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.standin.conversation import Reply, Request

if TYPE_CHECKING:
    import random

_NAME = re.compile(r"\b(?:I'm|I am|[Mm]y name is|[Tt]his is|[Cc]all me)\s+([A-Z][\w'-]*)")
_OPENINGS = ("Hello", "Hi", "Welcome", "Good to see you", "Hey there", "Greetings")
_WISHES = (
    "I hope your day is going well.",
    "It is lovely to meet you.",
    "What a good moment to say hello!",
    "Wishing you a bright and cheerful day.",
    "Make yourself at home.",
)
_NAME_RATE = 2 / 3


def greet(request: Request, rng: random.Random) -> Reply:
    """Greet; the name is what follows "I'm", "I am", "my name is", "this is" or "call me"."""
    opening, wish = rng.choice(_OPENINGS), rng.choice(_WISHES)
    named = _NAME.search(request.prompt)
    if named and rng.random() < _NAME_RATE:
        opening = f"{opening}, {named[1]}"
    return Reply(f"{opening}! {wish}")
