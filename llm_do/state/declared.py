"""A linked worker in, the schemas that it declares out, each resolved once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_do.errors import SpecError
from llm_do.schemas.schema import input_schema, output_schema
from llm_do.state.sandboxes import open_sandboxes
from llm_do.template.template import check_template

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from llm_do.links import Worker
    from llm_do.project.spec import SchemaSource, WorkerSpec
    from llm_do.schemas.schema import InputSchema, Loader, OutputSchema
    from llm_do.state.context import CallContext


def declared_input(context: CallContext, worker: Worker) -> InputSchema:
    """Resolve the input schema of a worker. Raises SpecError, which names the place."""

    def _resolve() -> InputSchema:
        with _placed(worker.spec, "input_schema"):
            return input_schema(*_named(worker.spec.input_schema, context.run.load))

    return made_once(worker.resolved, "input", _resolve)


def declared_output(context: CallContext, worker: Worker) -> OutputSchema | None:
    """Resolve the output schema of a worker. Raises SpecError, which names the place."""

    def _resolve() -> OutputSchema | None:
        with _placed(worker.spec, "output_schema"):
            return output_schema(*_named(worker.spec.output_schema, context.run.load))

    return made_once(worker.resolved, "output", _resolve)


def check_declared(context: CallContext, worker: Worker, *, make: bool = True) -> None:
    """Resolve the schemas, sandboxes and template of a worker. Raises SpecError, which names the place.

    With `make`, a folder to write in that is missing is made.
    """
    declared_input(context, worker)
    declared_output(context, worker)
    check_template(worker.spec)
    open_sandboxes(worker.spec, context.run.project_root, make=make)


def made_once(made: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
    """Make what all calls of a linked worker share; `made` is its dict of that name, or `resolved`."""
    if key not in made:
        made[key] = make()
    return made[key]


class _Named(NamedTuple):
    """A schema as a worker file could name it, and what resolves the name."""

    source: str | Mapping[str, Any] | None
    load: Loader


def _named(source: SchemaSource | None, load: Loader) -> _Named:
    """Give a class that Python passed a name."""
    if isinstance(source, type):
        return _Named(source.__qualname__, {source.__qualname__: source}.__getitem__)
    return _Named(source, load)


@contextmanager
def _placed(spec: WorkerSpec, key: str) -> Generator[None]:
    """Name file and line of the key in an error that names no place of its own."""
    try:
        yield
    except SpecError as error:
        raise (spec.error(str(error), key) if error.path is None else error) from error
