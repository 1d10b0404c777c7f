"""Cassettes of 100 to 10,000 interactions in; load, replay, memory, and three bounds out, as exit code 1.

Bounds: the growth exponent of load, replay and memory; the ratio to stock vcrpy that matches bodies, which
all differ; and the cost of a request through the OpenAI client, in ratios to that client on a transport in
memory. Every time is CPU time: of a process of its own for the first two, of pairs in turn for the third.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import vcr
from openai import AsyncOpenAI
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from llm_do_eval.cassette import sample, use  # noqa: E402
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response  # noqa: E402
from llm_do_eval.cassette.key import fingerprint  # noqa: E402
from llm_do_eval.cassette.recording import Recording, read_recording, write_recording  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = (100, 500, 2_000, 10_000)
COMPARED = 500
"""The size at which stock vcrpy takes part; it takes a minute or two there, and grows with the square."""
TURNS = 3
"""Interactions a sample."""
REPEATS = 3
PAIRS = 9
MATCHED = ("method", "scheme", "host", "port", "path", "query", "body")
URL = "http://provider.test/v1"

MAX_EXPONENT = 1.1
MIN_RATIO_TO_STOCK = 50.0
MAX_RATIO_TO_MEMORY = 1.5


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process paid: CPU seconds to open the cassette and to replay all of it, and peak megabytes."""

    load_s: float
    replay_s: float
    peak_mb: float

    @property
    def total_s(self) -> float:
        return self.load_s + self.replay_s


def interactions(count: int) -> list[Interaction]:
    """Make conversations of 1.4 KB a request and 2.9 KB an answer; no two bodies are equal."""
    rng = random.Random(count)

    def words(characters: int) -> str:
        return " ".join(f"{rng.randrange(16**7):07x}" for _ in range(characters // 8))

    def one(index: int) -> Interaction:
        messages = [
            {"role": "system", "content": words(700)},
            {"role": "user", "content": f"{index} {words(500)}"},
        ]
        body = Body("json", {"messages": messages, "model": "gpt-4o"})
        headers = {"accept": "application/json", "content-type": "application/json"}
        request = Request("POST", f"{URL}/chat/completions", headers, body)
        response = Response(
            200, {"content-type": "application/json"}, Body("text", answer(index, words(2600)))
        )
        return Interaction(
            index // TURNS,
            index % TURNS,
            fingerprint(request),
            request,
            response,
            0.5,
            "2026-11-02T00:00:00+00:00",
        )

    return [one(index) for index in range(count)]


def answer(index: int, text: str) -> str:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 300, "completion_tokens": 600, "total_tokens": 900}
    head = {"id": f"chatcmpl-{index}", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    return json.dumps(head | {"choices": [choice], "usage": usage})


def write_both(folder: Path, count: int) -> None:
    """Write the same interactions as a cassette of ours and, where it takes part, of stock vcrpy."""
    made = interactions(count)
    write_recording(folder / f"{count}.jsonl", Recording.of(made, {"versions": {}}))
    if count == COMPARED:
        pairs: dict[str, Any] = {
            "requests": [
                vcr.request.Request(
                    each.request.method, each.request.uri, each.request.body.raw, each.request.headers
                )
                for each in made
            ],
            "responses": [
                {
                    "status": {"code": 200, "message": "OK"},
                    "headers": {name: [value] for name, value in each.response.headers.items()},
                    "body": {"string": each.response.body.raw},
                }
                for each in made
            ],
        }
        FilesystemPersister.save_cassette(folder / f"{count}.yaml", pairs, yamlserializer)


def peak_mb() -> float:
    """Read the most that this process has held in memory; not of its parent, as `getrusage` may say."""
    line = next(
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024 / 1e6


def replay(path: Path) -> Cost:
    """Replay a cassette through an httpx2 client and check every answer."""
    made = interactions(int(path.stem))
    raws = [(each.sample, each.request.body.raw, each.response.body.raw) for each in made]
    del made
    stock = vcr.VCR(match_on=MATCHED, record_mode="none").use_cassette(str(path))
    opened = use(path, mode="none") if path.suffix == ".jsonl" else stock
    with httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        before_mb, started = peak_mb(), time.process_time()
        with opened:
            loaded = time.process_time()
            for index, sent, expected in raws:
                with sample(index):
                    headers = {"content-type": "application/json"}
                    answered = client.post(f"{URL}/chat/completions", content=sent, headers=headers)
                assert answered.content == expected, "every request gets its own answer back"
            played = time.process_time()
    return Cost(loaded - started, played - loaded, peak_mb() - before_mb)


def in_a_process(path: Path) -> Cost:
    """Replay a cassette in a process of its own. Raises CalledProcessError when it fails."""
    done = subprocess.run(
        [sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    return Cost(**json.loads(done.stdout))


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """Fit a power of the size through the costs: the slope where both are logarithms."""
    return statistics.linear_regression([*map(math.log, sizes)], [*map(math.log, costs)]).slope


def growth(folder: Path) -> bool:
    """Print what each size costs and how fast that grows; tell whether it is slow enough."""
    runs = [[in_a_process(folder / f"{size}.jsonl") for size in SIZES] for _ in range(REPEATS)]
    columns = {
        name: [min(getattr(run[index], name) for run in runs) for index in range(len(SIZES))]
        for name in ("load_s", "replay_s", "peak_mb")
    }
    print(f"replay through httpx2, least of {REPEATS} processes each")
    print(
        f"  {'interactions':>12} {'file_mb':>8} {'load_s':>8} {'replay_s':>9} {'ms_each':>8} {'peak_mb':>8}"
    )
    for index, size in enumerate(SIZES):
        file_mb = (folder / f"{size}.jsonl").stat().st_size / 1e6
        load_s, replay_s, memory = (column[index] for column in columns.values())
        each = (load_s + replay_s) / size * 1000
        print(f"  {size:12} {file_mb:8.1f} {load_s:8.3f} {replay_s:9.3f} {each:8.3f} {memory:8.1f}")
    return all(
        # a constant part hides growth where it is small, so the last step counts by itself, too
        _bound(
            f"growth exponent of {name}, {what}", exponent(SIZES[start:], column[start:]), most=MAX_EXPONENT
        )
        for name, column in columns.items()
        for what, start in (("all sizes", 0), ("last step", -2))
    )


def against_stock(folder: Path) -> bool:
    """Replay with stock vcrpy between two replays of ours; tell whether ours is fast enough."""
    first = in_a_process(folder / f"{COMPARED}.jsonl").total_s
    stock = in_a_process(folder / f"{COMPARED}.yaml").total_s
    ours = statistics.mean([first, in_a_process(folder / f"{COMPARED}.jsonl").total_s])
    print(f"load and replay of {COMPARED}: ours {ours:.2f} s, stock vcrpy that matches bodies {stock:.2f} s")
    return _bound("stock vcrpy / ours", stock / ours, least=MIN_RATIO_TO_STOCK)


class InMemory(httpx2.AsyncBaseTransport):
    """Answers of a recording in, the same answers out, in turn."""

    def __init__(self, recorded: Sequence[Interaction]) -> None:
        self._left = iter([each.response.body.raw for each in recorded])

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=next(self._left))


async def chats(recorded: Sequence[Interaction], transport: httpx2.AsyncBaseTransport | None) -> float:
    """Send every request by the OpenAI client; return the CPU seconds, without opening the client."""
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = httpx2.AsyncClient(verify=no_certificates, transport=transport)
    async with AsyncOpenAI(base_url=URL, api_key="no-key", http_client=client) as openai:
        started = time.process_time()
        for each in recorded:
            with sample(each.sample):
                done = await openai.chat.completions.create(
                    model="gpt-4o", messages=each.request.body.value["messages"]
                )
            assert done.id == f"chatcmpl-{each.sample * TURNS + each.seq}"
        return time.process_time() - started


def through_openai(folder: Path) -> bool:
    """Compare the OpenAI client in a replay with the same in memory; tell whether it costs little enough."""
    recorded = read_recording(path := folder / f"{COMPARED}.jsonl").interactions

    def ours() -> float:
        with use(path, mode="none"):
            return asyncio.run(chats(recorded, None))

    def memory() -> float:
        return asyncio.run(chats(recorded, InMemory(recorded)))

    ours(), memory()
    runs = [_pair(ours, memory, ours_first=index % 2 == 0) for index in range(PAIRS)]
    each_ms = [statistics.median(column) / COMPARED * 1000 for column in zip(*runs, strict=True)]
    print(f"a chat completion of the OpenAI client ({PAIRS} alternating pairs of {COMPARED})")
    print(f"  ms each: replayed {each_ms[0]:.3f}, in memory {each_ms[1]:.3f}")
    ratio = statistics.median(first / second for first, second in runs)
    return _bound("replayed / in memory", ratio, most=MAX_RATIO_TO_MEMORY)


def _pair(ours: Callable[[], float], memory: Callable[[], float], *, ours_first: bool) -> tuple[float, float]:
    if ours_first:
        return ours(), memory()
    second = memory()
    return ours(), second


def _bound(name: str, found: float, *, least: float = -math.inf, most: float = math.inf) -> bool:
    kept = least <= found <= most
    limit = f"at least {least:g}" if math.isinf(most) else f"at most {most:g}"
    print(f"  {name}: {found:.2f} ({limit}{'' if kept else ': MISSED'})")
    return kept


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in SIZES:
            write_both(folder, size)
        kept = [part(folder) for part in (growth, through_openai, against_stock)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        cost = replay(Path(sys.argv[1]))
        print(json.dumps({"load_s": cost.load_s, "replay_s": cost.replay_s, "peak_mb": cost.peak_mb}))
    else:
        sys.exit(main())
