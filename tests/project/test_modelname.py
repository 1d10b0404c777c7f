from __future__ import annotations

import re
from inspect import getsource

import pytest
from pydantic_ai.providers import infer_provider_class

from llm_do.project.modelname import model_fault


def test_every_provider_of_the_engine_is_known() -> None:
    cases = re.findall(r"^ +case (.*):$", getsource(infer_provider_class), re.MULTILINE)
    providers = [name for case in cases for name in re.findall(r"'([^']+)'", case)]
    assert len(providers) > 30
    assert [name for name in providers if model_fault(f"{name}:some-model")] == []


@pytest.mark.parametrize("name", ["test", "openai:gpt-4o", "gateway/openai:gpt-4o", "ollama:llama3.2:latest"])
def test_names_that_a_run_can_use(name: str) -> None:
    assert model_fault(name) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("gpt-4o", "model 'gpt-4o' must be written as provider:name, e.g. openai:gpt-4o-mini"),
        ("openai:", "model 'openai:' must be written as provider:name, e.g. openai:gpt-4o-mini"),
        (":x", "model ':x' must be written as provider:name, e.g. openai:gpt-4o-mini"),
        (
            "openai:a\x1b[2J",
            "model 'openai:a\\x1b[2J' must be written as provider:name, e.g. openai:gpt-4o-mini",
        ),
        ("opnai:x", "model 'opnai:x': there is no provider 'opnai'; did you mean 'openai'?"),
        ("zzz-chat:x", "model 'zzz-chat:x': there is no provider 'zzz-chat'"),
    ],
)
def test_names_that_no_run_can_use(name: str, fault: str) -> None:
    assert model_fault(name) == fault
