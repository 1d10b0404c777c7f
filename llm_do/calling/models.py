"""A worker and its caller's model in, the pydantic-ai model of this call out.

The chain is: worker file, calling worker's effective model, `--model`, `LLM_DO_MODEL`, the recording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model

from llm_do.calling.nativetool import refuse_unsupported
from llm_do.errors import UsageError
from llm_do.links import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AsyncExitStack

    from llm_do.links import Target
    from llm_do.project.spec import WorkerSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """An effective model: the name it was chosen by, and the model itself."""

    name: str
    model: Model


class ModelPool:
    """Models by name, each built once: building one costs a TLS context."""

    def __init__(self) -> None:
        self._built: dict[str, Model] = {}

    def get(self, name: str, who: str) -> Chosen:
        """Return the model of a name; `who` begins the error. Raises UsageError like `Models.effective`."""
        if name not in self._built:
            self._built[name] = _built(name, who)
        return Chosen(name, self._built[name])


class OpenModels:
    """Keeps the models of one run open until it ends, so that its calls share connections."""

    def __init__(self, until: AsyncExitStack) -> None:
        self._until = until
        self._seen: set[int] = set()

    async def open(self, model: Model) -> None:
        """Open a model, unless it is."""
        if id(model) not in self._seen:
            self._seen.add(id(model))
            await self._until.enter_async_context(model)


@dataclass(frozen=True, slots=True)
class Models:
    """What a run knows about models.

    Args:
        default: `--model`, or the `model=` of the Python API.
        environment: the value of `LLM_DO_MODEL`.
        recorded: the model of the recording that is being replayed; used where nothing else is set.
        forced: models that replace whatever the chain says, by worker name; under None for all workers.
        pool: where models are built; runs that share one share their models.
    """

    default: str | Model | None = None
    environment: str | None = None
    recorded: str | None = None
    forced: Mapping[str | None, Model] = field(default_factory=dict[str | None, Model])
    pool: ModelPool = field(default_factory=ModelPool)

    def effective(self, spec: WorkerSpec, caller: Chosen | None) -> Chosen:
        """Choose the model of one call of a worker.

        Raises:
            UsageError: no model is set, it is unknown or incompatible, its key is missing, or it cannot run a
                server-side tool of the worker.
        """
        chosen = self._chosen(spec, caller)
        refuse_unsupported(spec, chosen.model, chosen.name)
        return chosen

    def _chosen(self, spec: WorkerSpec, caller: Chosen | None) -> Chosen:
        forced = self.forced.get(spec.name) or self.forced.get(None)
        if forced is not None:
            return Chosen(f"{forced.system}:{forced.model_name}", forced)
        if spec.model is not None:
            return self.pool.get(spec.model, _who(spec, "model"))
        inherited = caller or self._of_the_run(_who(spec))
        if inherited is None:
            raise UsageError(
                f"{_who(spec)} has no model: set `model` in its file, in its caller's, "
                f"by --model, or by LLM_DO_MODEL"
            )
        patterns = spec.compatible_models
        if patterns and not any(fnmatchcase(inherited.name, pattern) for pattern in patterns):
            raise UsageError(
                f"{_who(spec, 'compatible_models')} runs on {', '.join(patterns)}, not on "
                f"{inherited.name!r}; choose another --model or widen compatible_models"
            )
        return inherited

    def _of_the_run(self, who: str) -> Chosen | None:
        for candidate in (self.default, self.environment, self.recorded):
            if isinstance(candidate, Model):
                return Chosen(f"{candidate.system}:{candidate.model_name}", candidate)
            if candidate:
                return self.pool.get(candidate, who)
        return None


def check_models(models: Models, target: Target, substitute: Callable[[str], object]) -> None:
    """Choose the model of every worker that an entry reaches, before anything is requested.

    Args:
        models: what the run knows about models.
        target: the entry.
        substitute: what a name means instead; a worker that is replaced needs no model.

    Raises:
        UsageError: a model is missing, unknown or incompatible, or its key is not set.
    """
    seen: set[tuple[str, str | None]] = set()
    waiting: list[tuple[Target, Chosen | None]] = [(target, None)]
    while waiting:
        each, caller = waiting.pop()
        site = each.name, caller.name if caller else None
        if not isinstance(each, Worker) or site in seen or substitute(each.name):
            continue
        seen.add(site)
        chosen = models.effective(each.spec, caller)
        waiting += [(link, chosen) for link in each.links]


def _who(spec: WorkerSpec, key: str = "name") -> str:
    place = "" if spec.path is None else f"{spec.path}:{spec.lines.get(key, 1)}: "
    return f"{place}worker {spec.name!r}"


def _built(name: str, who: str) -> Model:
    try:
        return _infer(name)
    except UserError as error:
        text = " ".join(str(error).split())
        if text.startswith("Unknown model"):
            raise UsageError(
                f"{who}: {text[0].lower()}{text[1:]}; write it as provider:name, "
                f"e.g. openai:gpt-4o-mini or anthropic:claude-haiku-4-5"
            ) from error
        sentence = _IN_PYTHON.sub("", text.split(" To try Pydantic AI")[0])
        raise UsageError(f"{who} on {name!r}: {sentence}") from error
    except ImportError as error:
        raise UsageError(f"{who} on {name!r}: {' '.join(str(error).split())}") from error


def _infer(name: str) -> Model:
    provider, _, model = name.partition(":")
    if provider and ":" in name and not model:
        raise UserError(f"Unknown model: {name}")
    return infer_model(name)


_IN_PYTHON: Final = re.compile(r" or pass it via `[^`]*`")
"""What pydantic-ai advises beside the environment variable, and a worker file cannot do."""
