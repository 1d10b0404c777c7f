"""A recording in, the same without secrets out, and the places where one was, never the secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from llm_do.errors import RunFailed
from llm_do_eval.cassette.file.recording import Recording, write_recording
from llm_do_eval.cassette.interaction import Body
from llm_do_eval.cassette.miss import value_differences
from llm_do_eval.cassette.scrubbing.canary import places_of_secrets
from llm_do_eval.cassette.wires.key import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Interaction, Request, Response
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber

SCHEMA: Final = "llm-do-eval/cassette-scrub/v1"


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A recording without secrets, and where it was changed."""

    recording: Recording
    places: tuple[str, ...]


def scrubbed(recording: Recording, scrubber: Scrubber) -> Scrubbed:
    """Scrub all of a recording, as it would be scrubbed when it is recorded today."""
    meta: Any = scrubber.body(Body("json", dict(recording.meta))).value
    places = [f"meta{each.path}" for each in value_differences("", dict(recording.meta), meta)]
    fresh: list[Interaction] = []
    for each in recording.interactions:
        request, response = scrubber.request(each.request), scrubber.response(each.response)
        where = f"sample {each.sample} seq {each.seq}"
        places += [f"{where} request.{place}" for place in _changes(each.request, request)]
        places += [f"{where} response.{place}" for place in _changes(each.response, response)]
        fresh.append(replace(each, request=request, response=response, fingerprint=fingerprint(request)))
    # a key of JSON may be a secret, and stands in the name of a place
    named = tuple(scrubber.text(place) for place in places)
    return Scrubbed(Recording.of(fresh, {"versions": {}, **meta}), named)


def save_clean(path: Path, recording: Recording, environ: Mapping[str, str]) -> None:
    """Write a recording, unless it still holds a secret.

    Raises:
        RunFailed: it does, or there is no place for it; what is there stands.
    """
    if places := places_of_secrets(recording, environ):
        raise RunFailed(f"{path}: is not written, it would hold a secret: {'; '.join(places)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(path, recording)
    except OSError as error:
        raise RunFailed(f"{path}: cannot be written: {error.strerror}; what is there stands") from error


def _changes(before: Request | Response, after: Request | Response) -> Iterator[str]:
    yield from (
        f"headers.{name}" for name in before.headers if before.headers[name] != after.headers.get(name)
    )
    yield from (each.path for each in value_differences("body", before.body.value, after.body.value))
    if getattr(before, "uri", None) != getattr(after, "uri", None):
        yield "uri"
