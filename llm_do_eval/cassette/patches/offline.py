"""A replay in, no network and no key needed out: an audit hook that blocks, and keys that open nothing."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llm_do.secrets import DUMMY_KEY
from llm_do_eval.cassette.stops import NetworkBlocked

if TYPE_CHECKING:
    from collections.abc import Generator, MutableMapping


_SENDING = frozenset({"socket.connect", "socket.sendmsg", "socket.sendto"})
_RESOLVING = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname", "socket.getnameinfo"}
)

# what the providers of pydantic-ai read; addresses are left alone, so that none points anywhere new
_KEYS = """
ALIBABA_API_KEY ANTHROPIC_API_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AZURE_OPENAI_API_KEY
CEREBRAS_API_KEY CO_API_KEY CRUSOE_API_KEY DEEPSEEK_API_KEY ELEVENLABS_API_KEY FIREWORKS_API_KEY
GITHUB_API_KEY GITHUB_COPILOT_API_KEY GOOGLE_API_KEY GROQ_API_KEY HEROKU_INFERENCE_KEY HF_TOKEN META_API_KEY
MISTRAL_API_KEY MOONSHOTAI_API_KEY NEBIUS_API_KEY OLLAMA_API_KEY OPENAI_API_KEY OPENROUTER_API_KEY
OVHCLOUD_API_KEY PYDANTIC_AI_GATEWAY_API_KEY SAMBANOVA_API_KEY SNOWFLAKE_TOKEN SYSTEM_ONE_API_KEY
TOGETHER_API_KEY TYPESAFE_API_KEY VERCEL_AI_GATEWAY_API_KEY VLLM_API_KEY VOYAGE_API_KEY XAI_API_KEY
ZAI_API_KEY
""".split()  # noqa: SIM905 - a line each would hide what matters here
_DUMMIES = dict.fromkeys(_KEYS, DUMMY_KEY) | {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# a dummy would win over the other names of the same thing
_OTHER_NAMES = {
    "ALIBABA_API_KEY": ("DASHSCOPE_API_KEY",),
    "AWS_DEFAULT_REGION": ("AWS_REGION",),
    "GITHUB_COPILOT_API_KEY": ("GITHUB_COPILOT_API_TOKEN", "COPILOT_GITHUB_TOKEN"),
    "GOOGLE_API_KEY": ("GEMINI_API_KEY",),
    "PYDANTIC_AI_GATEWAY_API_KEY": ("PAIG_API_KEY",),
    "VERCEL_AI_GATEWAY_API_KEY": ("VERCEL_OIDC_TOKEN",),
}


@contextmanager
def dummy_keys(environ: MutableMapping[str, str] = os.environ) -> Generator[None]:
    """Give every provider that has no key (unset or empty) one that opens nothing, and take it away again."""
    names = [name for name in _DUMMIES if not any(map(environ.get, (name, *_OTHER_NAMES.get(name, ()))))]
    before = {name: environ.get(name) for name in names}
    environ.update({name: _DUMMIES[name] for name in names})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value


@contextmanager
def no_network() -> Generator[None]:
    """Raise `NetworkBlocked` when this process connects, sends or looks up a name; AF_UNIX works."""
    _guard.install()
    _guard.depth += 1
    try:
        yield
    finally:
        _guard.depth -= 1


class _Guard:
    """The audit hook: Python cannot take one away again, so this one is told when to look."""

    def __init__(self) -> None:
        self.depth = 0
        self._installed = False

    def install(self) -> None:
        """Install the audit hook, once a process: there is no way to take one back."""
        if not self._installed:
            sys.addaudithook(self._audit)
            self._installed = True

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.depth or event not in _SENDING | _RESOLVING:
            return
        if event in _SENDING and arguments[0].family == socket.AF_UNIX:
            return
        target = arguments[1] if event in _SENDING else arguments[0]
        raise NetworkBlocked(
            f"{event}({target!r}) in a replay: only what went through an HTTP client when the cassette was "
            f"recorded can be replayed; stub this call, or record anew"
        )


_guard = _Guard()
