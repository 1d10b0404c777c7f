"""Prompt text and JSON data in, text out, by an immutable sandbox without a loader."""

from __future__ import annotations

import json
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from jinja2 import TemplateError, TemplateRuntimeError, TemplateSyntaxError

from llm_do.errors import SpecError
from llm_do.project.document import check_size
from llm_do.template.metered import Metered
from llm_do.template.price import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from llm_do.project.spec import WorkerSpec


def render(
    spec: WorkerSpec, fields: Mapping[str, Any], *, monotonic: Callable[[], float] = time.monotonic
) -> str:
    """Render the instructions of a worker over its input fields; a plain body is returned as it stands.

    The data is passed as JSON values, so a template reaches no object; what is rendered is never
    rendered again. No value grows beyond `MAX_TEXT` characters, and time is limited
    (`llm_do.template.metered`).

    Args:
        spec: the worker.
        fields: its input, as JSON values.
        monotonic: the clock that limits the time.

    Raises:
        SpecError: a syntax error, an unknown field, a forbidden access or a limit; names file and line.
    """
    if spec.template == "plain":
        return spec.instructions
    with _placed(spec):
        environment = Metered(monotonic)
        data = json.loads(json.dumps(dict(fields)))
        environment.admit(data)
        text = environment.from_string(spec.instructions).render(data)
        if len(text) > MAX_TEXT:
            raise TemplateRuntimeError(f"it writes more than {MAX_TEXT} characters; make it shorter")
        return text


def check_template(spec: WorkerSpec) -> None:
    """Read the instructions of a worker without rendering them.

    Raises:
        SpecError: a syntax error, an unknown filter or test, or too long a text; names file and line.
    """
    if spec.template != "plain":
        with _placed(spec):
            Metered(time.monotonic).from_string(spec.instructions)


@contextmanager
def _placed(spec: WorkerSpec) -> Generator[None]:
    """Name file and line in whatever a template raises."""
    check_size(spec.instructions, path=spec.path)
    start = spec.lines.get("instructions", 1)
    try:
        yield
    except TemplateSyntaxError as error:
        line = start + error.lineno - 1
        raise SpecError(f"template: {error.message}", path=spec.path, line=line) from error
    except _RENDERING_ERRORS as error:
        line = start + _line_of(error) - 1
        words = " ".join(str(error).split()) or type(error).__name__
        raise SpecError(f"template: {words}", path=spec.path, line=line) from error


_RENDERING_ERRORS: Final = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def _line_of(error: BaseException) -> int:
    """Find the template's line where rendering stopped; jinja2 puts it into the trace back."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == "<template>"), 1)
