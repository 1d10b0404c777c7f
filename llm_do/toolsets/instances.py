"""A linked Python or built-in toolset in, a fresh pydantic-ai toolset for one call out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai.toolsets import AbstractToolset

from llm_do.errors import LlmDoError, SpecError
from llm_do.links import Tool

if TYPE_CHECKING:
    from llm_do.links import Toolset
    from llm_do.state.context import CallContext


def new_toolset(context: CallContext, link: Toolset | Tool) -> AbstractToolset[Any]:
    """Make the toolset of a link; of a single tool, the part of its toolset that holds it.

    Raises:
        SpecError: the factory fails or returns something else; says where it is declared.
    """
    if isinstance(link, Tool):
        name = link.name
        return new_toolset(context, link.toolset).filtered(lambda _ctx, tool: tool.name == name)
    if link.make is None:
        raise SpecError(f"toolset {link.name!r} ({link.origin}) was linked for a check, not for a run")
    factory = link.make.factory
    try:
        made = factory(context) if _takes_context(factory) else factory()
    except SpecError as error:
        if error.path is not None:
            raise
        raise SpecError(f"{link.origin}: toolset {link.name!r} cannot be made: {error}") from error
    except LlmDoError:
        raise
    except Exception as error:
        raise SpecError(f"{link.origin}: toolset {link.name!r} cannot be made: {_line(error)}") from error
    if not isinstance(made, AbstractToolset):
        raise SpecError(
            f"{link.origin}: toolset {link.name!r}: the factory returned a {type(made).__name__}, no toolset"
        )
    return cast("AbstractToolset[Any]", made)


def _takes_context(factory: Any) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(each.kind in positional and each.default is inspect.Parameter.empty for each in parameters)


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
