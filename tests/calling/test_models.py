from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai.models.test import TestModel

from llm_do.calling.models import Chosen, Models
from llm_do.errors import UsageError
from llm_do.project.spec import WorkerSpec, parse_worker


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def worker(**front: Any) -> WorkerSpec:
    return WorkerSpec("writer", **front)


CALLER = Chosen("test", TestModel())


@pytest.mark.parametrize(
    ("front", "caller", "models", "name"),
    [
        ({"model": "test"}, None, Models("openai:x", "openai:y", "openai:z"), "test"),
        ({}, CALLER, Models("openai:x", "openai:y", "openai:z"), "test"),
        ({}, None, Models("test", "openai:y", "openai:z"), "test"),
        ({}, None, Models("", "test", "openai:z"), "test"),
        ({}, None, Models(None, "", "test"), "test"),
        ({}, None, Models(TestModel(), "openai:y"), "test:test"),
        ({"compatible_models": ("openai:*", "te?t")}, CALLER, Models(), "test"),
    ],
)
def test_the_chain(front: Any, caller: Chosen | None, models: Models, name: str) -> None:
    chosen = models.effective(worker(**front), caller)
    assert (chosen.name, isinstance(chosen.model, TestModel)) == (name, True)


def test_forced_models_replace_the_chain() -> None:
    mine, all_others = TestModel(model_name="mine"), TestModel(model_name="others")
    models = Models("openai:x", forced={"writer": mine, None: all_others})
    assert models.effective(worker(model="openai:y"), CALLER).model is mine
    assert models.effective(WorkerSpec("reader"), None).model is all_others
    assert models.effective(worker(compatible_models=("openai:*",)), None).model is mine


def refusal(models: Models, caller: Chosen | None = None, **front: Any) -> str:
    with pytest.raises(UsageError) as caught:
        models.effective(worker(**front), caller)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_model_at_all_names_all_four_ways() -> None:
    assert refusal(Models()) == (
        "worker 'writer' has no model: set `model` in its file, in its caller's, by --model, "
        "or by LLM_DO_MODEL"
    )


def test_an_incompatible_model() -> None:
    assert refusal(Models(), CALLER, compatible_models=("openai:*", "anthropic:*")) == (
        "worker 'writer' runs on openai:*, anthropic:*, not on 'test'; choose another --model or widen "
        "compatible_models"
    )


@pytest.mark.parametrize("name", ["gpt-4o", "nowhere:gpt-4o", "openai", "openai:", ":gpt-4o", "not a model"])
def test_an_unknown_provider_or_form(name: str) -> None:
    message = refusal(Models(name))
    assert message.startswith("worker 'writer'")
    assert name in message or "openai" in message


@pytest.mark.parametrize(
    ("model", "key"),
    [("openai:gpt-4o-mini", "OPENAI_API_KEY"), ("openai-chat:gpt-4o", "OPENAI_API_KEY")],
)
def test_a_missing_key_is_named(model: str, key: str) -> None:
    message = refusal(Models(), model=model)
    assert message.startswith(f"worker 'writer' on {model!r}: ")
    assert key in message


def test_errors_name_file_and_line() -> None:
    spec = parse_worker("a.worker", b"---\nname: a\nmodel: nowhere:x\n---\n")
    with pytest.raises(UsageError, match=r"^a\.worker:3: worker 'a'"):
        Models().effective(spec, None)
    spec = parse_worker("a.worker", b"---\nname: a\ncompatible_models: [x]\n---\n")
    with pytest.raises(UsageError, match=r"^a\.worker:3: worker 'a' runs on x"):
        Models().effective(spec, CALLER)


def test_with_a_key_a_model_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    assert Models("openai:gpt-4o-mini").effective(worker(), None).name == "openai:gpt-4o-mini"


def test_a_provider_that_is_not_installed_is_named() -> None:
    message = refusal(Models("mistral:large"))
    assert message.startswith("worker 'writer' on 'mistral:large': ")
    assert "mistral" in message
