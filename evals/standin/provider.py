"""The stand-in provider: a brain and a seed in, a server on loopback that answers five wires out."""

from __future__ import annotations

import itertools
import json
import math
import random
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from evals.standin.faults import Cut, Ends, Fault, Faults, Hang, Html, Status, fault_for
from evals.standin.loopback import Answer, Arrived, Loopback
from evals.standin.openai_chat import OPENAI_CHAT
from evals.standin.routes import route
from evals.standin.usage import count_usage
from evals.standin.wire import Exchange, Wire
from llm_do.canonical import digest
from llm_do_eval.cassette.interaction import Body
from llm_do_eval.cassette.wires.key import normal_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from evals.standin.conversation import Brain, Json, Request

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
_KEY = "no-key"
# each provider has its own
_REQUEST_ID_HEADERS = ("request-id", "x-request-id", "x-amzn-requestid")


@dataclass(frozen=True, slots=True)
class Received:
    """A request that arrived as number `index` (from 0), as it came and as it was understood."""

    index: int
    path: str
    headers: Mapping[str, str]
    body: Json
    request: Request


class StandIn:
    """A provider on a port of 127.0.0.1 (0: a free one), serving from construction until `stop`.

    The k-th arrival of a body is answered with the k-th draw for (seed, body), whatever came between: one
    seed gives one multiset of conversations, repeated requests give a distribution. A fault that produces no
    answer (`Status`, `Html`, `Hang`) takes no draw. `latency_s` is waited before each answer.
    """

    def __init__(
        self,
        brain: Brain,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        latency_s: float = 0.0,
        port: int = 0,
    ) -> None:
        self._brain = brain
        self._seed = seed
        self._faults: Faults = faults or {}
        self._latency_s = latency_s
        # protects the two below
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._draws: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._server = Loopback(self._respond, port=port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The root of the server, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def openai_base_url(self) -> str:
        """What `OPENAI_BASE_URL` has to be."""
        return f"{self.url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """What `ANTHROPIC_BASE_URL` has to be."""
        return self.url

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead the clients of all wires here; the keys are placeholders."""
        return {
            "OPENAI_BASE_URL": self.openai_base_url,
            "ANTHROPIC_BASE_URL": self.anthropic_base_url,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "OPENAI_API_KEY": _KEY,
            "ANTHROPIC_API_KEY": _KEY,
            "GOOGLE_API_KEY": _KEY,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
        }

    @property
    def requests(self) -> list[Received]:
        """The requests understood so far, in order of arrival."""
        with self._lock:
            return list(self._received)

    def stop(self) -> None:
        """Stop listening and break open connections; may be called again."""
        self._stopping.set()
        self._server.stop()

    def _respond(self, arrived: Arrived) -> Answer | None:
        found = route(arrived.path)
        if found is None:
            return _json_answer(404, OPENAI_CHAT.error(404, "", f"Invalid URL (POST {arrived.path})"))
        wire = found.wire
        try:
            body: Json = json.loads(arrived.body)
            request = wire.parse(body | found.said)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _json_answer(400, wire.error(400, "req_invalid", f"Invalid request body: {error!r}"))
        index = self._log(arrived, body, request)
        fault = fault_for(self._faults, index, request)
        self._stopping.wait(self._latency_s)
        if isinstance(fault, Hang):
            return None
        request_id = "req_" + digest(f"{self._seed}:{index}")[:24]
        headers = dict.fromkeys(_REQUEST_ID_HEADERS, request_id) | {"set-cookie": self._cookie()}
        if isinstance(fault, Status):
            headers |= _retry_after(fault) | dict(wire.error_headers(fault.code))
            return _json_answer(fault.code, wire.error(fault.code, request_id), headers)
        if isinstance(fault, Html):
            return Answer(fault.code, "text/html", (_PAGE,), headers)
        return _answer(wire, self._exchange(body | found.said, request, fault), fault, headers)

    def _log(self, arrived: Arrived, body: Json, request: Request) -> int:
        with self._lock:
            index = len(self._received)
            self._received.append(Received(index, arrived.path, arrived.headers, body, request))
        return index

    def _exchange(self, body: Json, request: Request, fault: Fault | None) -> Exchange:
        # clients of Google make ids up: by their order, not by their letters, is a body the same
        identity = digest(normal_text(Body("json", body)))
        with self._lock:
            occurrence = self._draws[identity]
            self._draws[identity] += 1
        key = f"{self._seed}:{identity}:{occurrence}"
        reply = self._brain(request, random.Random(key))
        if isinstance(fault, Ends):
            reply = fault.applied_to(reply)
        return Exchange(request, reply, reply.usage or count_usage(request, reply), _id_maker(key))

    def _cookie(self) -> str:
        # real providers set one, and clients send it back: recordings have to leave it out
        return f"__cf_bm={digest(str(self._seed))[:24]}; path=/; HttpOnly"


def _answer(wire: Wire, exchange: Exchange, fault: Fault | None, headers: Mapping[str, str]) -> Answer:
    streamed = exchange.request.stream
    if streamed:
        pieces = tuple(wire.events(exchange))
    else:
        whole = json.dumps(wire.answer(exchange)).encode()
        pieces = (whole[: len(whole) // 2], whole[len(whole) // 2 :])
    media_type = wire.stream_type if streamed else "application/json"
    half = len(pieces) // 2
    match fault:
        case Cut(clean=True):
            return Answer(200, media_type, pieces[:half], headers, streamed)
        case Cut():
            return Answer(200, media_type, pieces, headers, streamed, torn_after=half)
        case _:
            return Answer(200, media_type, pieces, headers, streamed)


def _json_answer(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, "application/json", (json.dumps(body).encode(),), headers or {})


def _retry_after(fault: Status) -> dict[str, str]:
    if fault.retry_after_s is None:
        return {}
    return {
        "retry-after": str(math.ceil(fault.retry_after_s)),
        "retry-after-ms": str(round(fault.retry_after_s * 1000)),
    }


def _id_maker(key: str) -> Callable[[str], str]:
    numbers = itertools.count()
    return lambda prefix: prefix + digest(f"{key}:{next(numbers)}")[:24]
