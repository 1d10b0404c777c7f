"""A ticket classifier: a support ticket in, one of four labels out, by the words that the ticket uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.standin.conversation import Reply, Request, reply_with

if TYPE_CHECKING:
    import random

# where a ticket has as many words of one label as of another, the upper one is right
_WORDS = {
    "billing": re.compile(
        r"\b(charge|refund|invoice|payment|paid|bill(?!ion)|subscription|price)", re.IGNORECASE
    ),
    "account": re.compile(r"\b(log ?in|password|account|sign ?in|username|two-factor|locked)", re.IGNORECASE),
    "bug": re.compile(r"\b(crash|error|bug|broken|freez|exception|blank page|does not work)", re.IGNORECASE),
}
_ERROR_RATE = 0.03


def classify(request: Request, rng: random.Random) -> Reply:
    """Label a ticket `billing`, `account`, `bug` or `other`.

    A ticket with the words of one label, or of none, always gets the right one; a ticket with the words of
    several gets the label with the second most words in 3 draws of 100.
    """
    ticket = "\n".join([request.prompt, *(attachment.text for attachment in request.attachments)])
    counts = {label: len(words.findall(ticket)) for label, words in _WORDS.items()}
    ranked = sorted((label for label in counts if counts[label]), key=lambda label: -counts[label])
    mistaken = len(ranked) > 1 and rng.random() < _ERROR_RATE
    label = ranked[mistaken] if ranked else "other"
    output = request.tool(*request.output_tools)
    field = output.fields[0] if output else "label"
    return reply_with(request, {field: label}, text=label)
