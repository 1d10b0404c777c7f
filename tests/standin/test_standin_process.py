"""The stand-in as a process: its one line, its options and the ways to end it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).parents[2]
BODY = {"model": "m", "messages": [{"role": "system", "content": "You are a friendly greeter."}]}


@contextmanager
def started(*options: str) -> Generator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, "-m", "evals.standin", *options]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        export, *settings = process.stdout.readline().split()
        assert export == "export"
        try:
            yield process, dict(setting.split("=", 1) for setting in settings)
        finally:
            process.kill()


def post(base_url: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{base_url}/chat/completions", json.dumps(BODY).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def test_the_line_names_what_the_clients_read_and_a_signal_ends_it() -> None:
    with started("--seed", "7") as (process, environ):
        assert set(environ) == {
            "OPENAI_BASE_URL",
            "ANTHROPIC_BASE_URL",
            "GOOGLE_GEMINI_BASE_URL",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            "AWS_DEFAULT_REGION",
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GOOGLE_API_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        }
        assert environ["OPENAI_BASE_URL"] == f"{environ['ANTHROPIC_BASE_URL']}/v1"
        assert post(environ["OPENAI_BASE_URL"])["choices"][0]["message"]["content"]
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=5) == ("", "")
        assert process.returncode == 0


def test_it_ends_with_its_standard_input_and_spoils_the_request_asked_for() -> None:
    with started("--until-eof", "--fault", "0:503") as (process, environ):
        with pytest.raises(urllib.error.HTTPError, match="503") as raised:
            post(environ["OPENAI_BASE_URL"])
        raised.value.close()
        assert post(environ["OPENAI_BASE_URL"])["object"] == "chat.completion"
        assert process.communicate(timeout=5) == ("", "")
        assert process.returncode == 0


@pytest.mark.slow
def test_the_line_is_all_that_clients_need() -> None:
    program = """
import sys
from pydantic_ai import Agent
for model in sys.argv[1:]:
    print(Agent(model, instructions="You are an echo.").run_sync("Hi").output)
"""
    models = ["openai:gpt-4o-mini", "openai-chat:gpt-4o-mini", "anthropic:claude-haiku-4-5"]
    command = [sys.executable, "-c", program, *models]
    with started() as (_, environ):
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines() == ["Thank you. You said: Hi"] * 3


def test_a_fault_that_is_none_is_a_usage_error() -> None:
    command = [sys.executable, "-m", "evals.standin", "--fault", "0:flood"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "'0:flood' is not like 0:429" in ended.stderr
