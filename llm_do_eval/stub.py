"""Names and answers in, what the names mean instead of their linked targets out."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from llm_do.errors import LlmDoError
from llm_do.state.context import Substitute
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from llm_do.state.context import CallContext


class StubError(LlmDoError):
    """A stub was called more often than it has answers; the message says which and how often."""


@dataclass(eq=False, slots=True)
class Stub:
    """Stands for one name: each answer is a value, a callable or an exception, used `in_turn` or always.

    `calls` counts its calls, `overrun` says that there were more than answers, `replaced` that a stub of a
    sample has taken its place.
    """

    name: str
    answers: tuple[Any, ...]
    in_turn: bool
    calls: int = 0
    overrun: bool = False
    replaced: bool = False

    async def call(self, _caller: CallContext, value: Any) -> Any:
        """Answer one call of the name."""
        self.calls += 1
        return await _answered(self._next(), value)

    def complaint(self) -> str | None:
        """Say what is wrong with how it was used, if anything."""
        if self.overrun:
            return self._overrun_sentence()
        if self.calls or self.replaced:
            return None
        return f"stub {self.name!r} was never used: nothing called {self.name!r}; remove the stub"

    def _next(self) -> Any:
        if not self.in_turn:
            return self.answers[0]
        if self.calls > len(self.answers):
            self.overrun = True
            raise StubError(self._overrun_sentence())
        return self.answers[self.calls - 1]

    def _overrun_sentence(self) -> str:
        answers = counted(len(self.answers), "answer")
        return f"stub {self.name!r} has {answers} and was called {counted(self.calls, 'time')}; give it more"


@dataclass(eq=False, slots=True)
class Stubs:
    """The stubs of one owner, a test or one of its samples."""

    by_name: dict[str, Stub] = field(default_factory=dict[str, Stub])
    unused: list[Stub] = field(default_factory=list[Stub])

    def put(self, name: str, answer: Any) -> None:
        """Let a name mean an answer from now on."""
        before = self.by_name.get(name)
        if before is not None:
            self.unused.append(before)
        in_turn = isinstance(answer, list)
        answers = cast("list[Any]", answer) if in_turn else [answer]
        self.by_name[name] = Stub(name, tuple(answers), in_turn=in_turn)

    def complaints(self) -> list[str]:
        """Say which stubs were never used or ran out of answers."""
        found = (stub.complaint() for stub in [*self.unused, *self.by_name.values()])
        return [each for each in found if each]


def substitutes(owners: Iterable[Stubs]) -> Callable[[str], Substitute | None]:
    """Look a name up among owners, the nearest first; what the nearest replaces counts as used."""
    owners = tuple(owners)

    def _substitute(name: str) -> Substitute | None:
        found = [stub for owner in owners if (stub := owner.by_name.get(name))]
        for hidden in found[1:]:
            hidden.replaced = True
        return Substitute("stub", found[0].call) if found else None

    return _substitute


async def _answered(answer: Any, value: Any) -> Any:
    if isinstance(answer, BaseException) or (inspect.isclass(answer) and issubclass(answer, BaseException)):
        raise answer
    if callable(answer):
        result = _called(answer, value)
        return await result if inspect.isawaitable(result) else result
    # a caller may change what it gets; the next one gets it as it was written
    return copy.deepcopy(answer) if type(answer) in (dict, list) else answer


def _called(function: Callable[..., Any], value: Any) -> Any:
    """Call with the input's fields as keywords where the signature takes them, else with the input."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return function(value)
    if not parameters:
        return function()
    taken = _taken(parameters.values(), _fields(value))
    wanted = {each.name for each in parameters.values() if each.default is each.empty}
    collecting = {each.name for each in parameters.values() if each.kind in _COLLECTING}
    return function(**taken) if taken and wanted - collecting <= set(taken) else function(value)


_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _taken(parameters: Iterable[inspect.Parameter], fields: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {each.name: each.kind for each in parameters}
    takes_all = inspect.Parameter.VAR_KEYWORD in kinds.values()
    return {name: fields[name] for name in fields if takes_all or kinds.get(name) in _NAMED}


def _fields(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    return {"input": value}
