"""A cassette in, what it holds out: its meta line, a row a sample, or the conversation of one sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from llm_do.errors import UsageError
from llm_do.ui.escape import one_line, visible
from llm_do_eval.cassette.file.recording import spans
from llm_do_eval.cassette.wires.apis import asked_model, resolved_model, usage
from llm_do_eval.cassettes.conversation import Message, answer, first_prompt, messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.interaction import Interaction

SCHEMA: Final = "llm-do-eval/cassette-show/v1"
_WIDTH: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One sample: tokens are None where no answer told them, `latency_s` sums the recorded seconds."""

    sample: int
    requests: int
    models: list[str]
    input_tokens: int | None
    output_tokens: int | None
    latency_s: float | None
    prompt: str
    answer: str


def rows(recording: Recording) -> list[Row]:
    """Sum up every sample."""
    return [
        _row(number, list(found))
        for number, found in groupby(recording.interactions, lambda each: each.sample)
    ]


def show_text(path: str, recording: Recording) -> Iterator[str]:
    """Write the meta line and a table for a terminal."""
    yield visible(path) + "\n"
    for name, value in recording.meta.items():
        yield f"  {visible(name)}: {one_line(value, 4 * _WIDTH)}\n"
    table = [("sample", "requests", "models", "tokens in", "out", "seconds", "first prompt", "final answer")]
    table += [_cells(each) for each in rows(recording)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"


def show_json(path: str, recording: Recording, sample: int | None) -> dict[str, Any]:
    """Write the same as one JSON object, with the conversation of a sample where one is asked for."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "path": path,
        "meta": dict(recording.meta),
        "samples": [asdict(each) for each in rows(recording)],
    }
    if sample is not None:
        found["conversation"] = [
            {
                "seq": each.seq,
                "at": each.at,
                "latency_s": each.latency_s,
                "status": each.response.status,
                "messages": [message._asdict() for message in messages(each.request)],
                "answer": answer(each),
            }
            for each in of_sample(path, recording, sample)
        ]
    return found


def conversation_text(path: str, recording: Recording, sample: int) -> Iterator[str]:
    """Write what was said in one sample; what a request repeats of one before is left out."""
    said: list[list[Message]] = []
    for each in of_sample(path, recording, sample):
        took = "" if each.latency_s is None else f", {each.latency_s:.3f} s"
        model = asked_model(each.request) or "unknown API"
        yield f"request {each.seq}: {visible(model)}, HTTP {each.response.status}{took}\n"
        now = messages(each.request)
        for message in now[max((_shared(before, now) for before in said), default=0) :]:
            yield _block(message.role, message.text)
        yield _block("answer", answer(each))
        said.append(now)


def of_sample(path: str, recording: Recording, sample: int) -> Sequence[Interaction]:
    """Pick the interactions of a sample.

    Raises:
        UsageError: nothing is recorded of it.
    """
    found = [each for each in recording.interactions if each.sample == sample]
    if not found:
        recorded = spans(each.sample for each in recording.interactions)
        raise UsageError(f"--sample {sample}: {path} has no such sample; recorded: {recorded}")
    return found


def _shared(before: Sequence[Message], now: Sequence[Message]) -> int:
    pairs = enumerate(zip(before, now, strict=False))
    return next((n for n, (one, other) in pairs if one != other), min(len(before), len(now)))


def _row(number: int, found: Sequence[Interaction]) -> Row:
    told = [count for each in found if (count := usage(each))]
    latencies = [each.latency_s for each in found if each.latency_s is not None]
    models = {resolved_model(each) or asked_model(each.request) or "unknown" for each in found}
    return Row(
        sample=number,
        requests=len(found),
        models=sorted(models),
        input_tokens=sum(each["input_tokens"] for each in told) if told else None,
        output_tokens=sum(each["output_tokens"] for each in told) if told else None,
        latency_s=round(sum(latencies), 6) if latencies else None,
        prompt=first_prompt(found[0].request),
        answer=answer(found[-1]),
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.sample),
        str(row.requests),
        one_line(", ".join(row.models), _WIDTH),
        "-" if row.input_tokens is None else str(row.input_tokens),
        "-" if row.output_tokens is None else str(row.output_tokens),
        "-" if row.latency_s is None else f"{row.latency_s:.3f}",
        one_line(row.prompt, _WIDTH),
        one_line(row.answer, _WIDTH),
    )


def _block(role: str, text: str) -> str:
    first, *more = visible(text, newlines=True).split("\n")
    return "".join([f"  {visible(role)}: {first}\n", *(f"    {line}\n" for line in more)])
