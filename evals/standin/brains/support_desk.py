"""A support desk: a ticket in, one call of the classifier and then a sentence to the customer out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.standin.conversation import Reply, Request, ToolCall

if TYPE_CHECKING:
    import random

_CLASSIFIER = "ticket_classifier"
_TEAMS = {"billing": "billing", "bug": "engineering", "account": "accounts"}
_SENTENCES = (
    "Thank you for your message: our {team} team takes over from here.",
    "Your ticket is now with the {team} team.",
    "I have handed this to our {team} team, who will write to you soon.",
)


def answer(request: Request, rng: random.Random) -> Reply:
    """Have the ticket classified, then name the team that takes over."""
    if not request.results:
        return Reply(tool_calls=(ToolCall(_CLASSIFIER, {"input": request.prompt}),))
    label = request.results[0].text.strip().strip('"')
    return Reply(rng.choice(_SENTENCES).format(team=_TEAMS.get(label, "general support")))
