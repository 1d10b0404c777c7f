"""A toolset's own word about its calls: declared by its author, read by the gate."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.approval import Decision, Preview, Ruling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_do.approval import Preset

_ATTRIBUTE: Final = "__llm_do_approval__"
_WORDS: Final = frozenset({"approve", "ask", "insist", "reject"})
_SETTINGS: Final = ("pre_approved", "network")


def set_toolset_approval_config(toolset: Any, config: Mapping[str, Mapping[str, Any]]) -> None:
    """Say per tool what the gate should know, e.g. `{"add": {"pre_approved": True}}`.

    Args:
        toolset: the toolset that a factory returns or a file binds.
        config: tool name to settings: `pre_approved` (bool) runs without a question, `network` (bool) can
            send data away.

    Raises:
        ValueError: an unknown setting.
    """
    for tool, settings in config.items():
        unknown = set(settings) - set(_SETTINGS)
        if unknown:
            raise ValueError(
                f"approval config of {tool!r}: unknown setting {min(unknown)!r}; "
                f"known: {', '.join(_SETTINGS)}"
            )
    setattr(toolset, _ATTRIBUTE, {tool: dict(settings) for tool, settings in config.items()})


async def preset_of(toolset: Any, name: str, args: Mapping[str, Any], ctx: Any) -> Preset:
    """Ask a toolset about one call and leave out the reason, see `word_of`."""
    return (await word_of(toolset, name, args, ctx)).verdict


async def word_of(toolset: Any, name: str, args: Mapping[str, Any], ctx: Any) -> Ruling:
    """Ask a toolset about one call: its `needs_approval`, else its config, else `ask`.

    `needs_approval(name, args, ctx)` may be sync or async and returns a bool (True asks), one of approve,
    ask, insist, reject, or `Decision("reject", note=...)` with a sentence for the model; an exception or any
    other value means ask.
    """
    speaker = _speaker(toolset)
    needs = getattr(speaker, "needs_approval", None)
    if callable(needs):
        try:
            answer = needs(name, copy.deepcopy(dict(args)), ctx)
            answer = await answer if inspect.isawaitable(answer) else answer
        except Exception:  # noqa: BLE001  a policy that breaks is no yes
            return Ruling("ask")
        return _said(answer)
    return Ruling("approve" if _setting(speaker, name, "pre_approved") else "ask")


def reaches_network(toolset: Any, name: str) -> bool:
    """Tell whether a toolset, or one that it wraps, says in `network` or in its config that a tool sends."""
    layers = _layers(toolset)
    return any(name in getattr(each, "network", ()) or _setting(each, name, "network") for each in layers)


def declared(toolset: Any, attribute: str) -> Any:
    """Find what a toolset, or else the first that it wraps, declares under a name; None if nothing."""
    return next((getattr(each, attribute) for each in _layers(toolset) if hasattr(each, attribute)), None)


def description_of(toolset: Any, name: str, args: Mapping[str, Any], ctx: Any) -> str:
    """Ask a toolset how to describe one call to a human; empty when it has nothing to say."""
    describe = getattr(_speaker(toolset), "get_approval_description", None)
    if not callable(describe):
        return ""
    try:
        return str(describe(name, copy.deepcopy(dict(args)), ctx))
    except Exception:  # noqa: BLE001  the question is asked without the description
        return ""


async def preview_of(toolset: Any, name: str, args: Mapping[str, Any], ctx: Any) -> Preview | None:
    """Ask a toolset's `preview(name, args, ctx)`, sync or async, what a call would do; None if nothing."""
    show = getattr(_speaker(toolset), "preview", None)
    if not callable(show):
        return None
    try:
        shown = show(name, copy.deepcopy(dict(args)), ctx)
        shown = await shown if inspect.isawaitable(shown) else shown
    except Exception:  # noqa: BLE001  the question is asked without the preview
        return None
    return shown if isinstance(shown, Preview) else None


def _said(answer: Any) -> Ruling:
    match answer:
        case bool():
            return Ruling("ask" if answer else "approve")
        case Decision(kind="reject", note=str(note)) if note:
            return Ruling("reject", note=note)
        case Decision(kind="reject"):
            return Ruling("reject")
        case str() if answer in _WORDS:
            return Ruling(cast("Preset", answer))
        case _:
            return Ruling("ask")


def _setting(speaker: Any, name: str, setting: str) -> bool:
    config: dict[str, dict[str, Any]] = getattr(speaker, _ATTRIBUTE, {})
    return config.get(name, {}).get(setting) is True


def _speaker(toolset: Any) -> Any:
    """Find who speaks for a toolset: the outermost wrapper that says anything, else the innermost toolset."""
    layers = list(_layers(toolset))
    words = (_ATTRIBUTE, "needs_approval", "get_approval_description")
    return next((each for each in layers if any(hasattr(each, word) for word in words)), layers[-1])


def _layers(toolset: Any) -> Iterator[Any]:
    while toolset is not None:
        yield toolset
        toolset = getattr(toolset, "wrapped", None)
