"""The name of a model in, what is wrong with it out; the engine's providers are listed, not imported."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from llm_do.errors import nearest
from llm_do.project.document import brief

_KINDS: Final = ("-chat", "-responses", "-decisions")
"""What may follow a provider's name where it has several interfaces."""


def model_fault(name: str) -> str | None:
    """Say why no run could use a model of this name, or None: the form and the provider are looked at."""
    provider, _, model = name.partition(":")
    if name == "test":
        return None
    if not provider or not model or not name.isprintable():
        return f"model {brief(name)} must be written as provider:name, e.g. openai:gpt-4o-mini"
    known = _providers()
    plain = next((provider.removesuffix(kind) for kind in _KINDS if provider.endswith(kind)), provider)
    if not known or plain.removeprefix("gateway/") in known:
        return None
    return f"model {brief(name)}: there is no provider {brief(provider)}{nearest(provider, sorted(known))}"


@cache
def _providers() -> frozenset[str]:
    """Name the providers: each is a file of the engine."""
    engine = find_spec("pydantic_ai")
    folders = engine.submodule_search_locations if engine else None
    files = [file for each in folders or () for file in (Path(each) / "providers").glob("*.py")]
    return frozenset(file.stem.replace("_", "-") for file in files if not file.stem.startswith("_"))
