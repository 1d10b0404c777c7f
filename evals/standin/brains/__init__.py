"""The brains of the example workers: a worker's instructions in, the brain that plays it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.standin.brains.bootstrapper import bootstrap, read_receipt
from evals.standin.brains.calculator import calculate
from evals.standin.brains.code_analyzer import analyze
from evals.standin.brains.file_organizer import organize, read_number, sanitize
from evals.standin.brains.greeter import greet
from evals.standin.brains.note_keeper import keep_note
from evals.standin.brains.pitch_evaluator import evaluate
from evals.standin.brains.pitch_orchestrator import orchestrate
from evals.standin.brains.recursive_summarizer import summarize
from evals.standin.brains.support_desk import answer
from evals.standin.brains.ticket_classifier import classify
from evals.standin.brains.web_researcher import research
from evals.standin.conversation import Brain, Reply, Request

if TYPE_CHECKING:
    import random

__all__ = ["BRAINS", "by_worker", "echo"]

BRAINS: list[tuple[str, Brain]] = [
    ("friendly greeter", greet),
    ("ticket classifier", classify),
    ("support desk", answer),
    ("pitch deck orchestrator", orchestrate),
    ("pitch deck evaluator", evaluate),
    ("calculator", calculate),
    ("recursive summarizer", summarize),
    ("file organizer", organize),
    ("file name sanitizer", sanitize),
    ("reader of numbers", read_number),
    ("web researcher", research),
    ("note keeper", keep_note),
    ("code analyzer", analyze),
    ("bootstrapper", bootstrap),
    ("receipt reader", read_receipt),
]


def by_worker(request: Request, rng: random.Random) -> Reply:
    """Answer with the first brain whose phrase is in the first line of the instructions, else echo."""
    first_line = request.instructions.strip().partition("\n")[0].lower()
    brain = next((brain for phrase, brain in BRAINS if phrase in first_line), echo)
    return brain(request, rng)


def echo(request: Request, rng: random.Random) -> Reply:
    """Repeat the user's words politely, the same way each time."""
    del rng
    return Reply(f"Thank you. You said: {request.prompt}")
