"""Cassettes of 100 to 10,000 interactions in; load, replay, memory, and three bounds out, as exit code 1.

Bounds: how load, replay and memory grow; the ratio to stock vcrpy that matches bodies, which all differ; and
what a request costs through the OpenAI client, against that client on a transport in memory. Times are CPU
times. Growth is taken of ratios to a yardstick that the same process runs in turn: the speed of a machine
that others use varies more than the bound allows.
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
import tracemalloc
from dataclasses import asdict, dataclass, replace
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
from llm_do_eval.cassette.file.recording import Recording, read_recording, write_recording  # noqa: E402
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response  # noqa: E402
from llm_do_eval.cassette.wires.key import fingerprint  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

SIZES = (100, 500, 2_000, 10_000)
COMPARED = 500
"""The size at which stock vcrpy takes part; it takes a minute or two there, and grows with the square."""
WARM = 9
"""The size that every process replays first."""
TURNS = 3
"""Interactions a sample."""
REPEATS = 3
PAIRS = 9
MATCHED = ("method", "scheme", "host", "port", "path", "query", "body")
URL = "http://provider.test/v1"
JSON = {"content-type": "application/json"}

MAX_EXPONENT = 1.1
MIN_RATIO_TO_STOCK = 50.0
MAX_RATIO_TO_MEMORY = 1.5


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process paid: CPU seconds to open a cassette and to replay all of it.

    `parse_s`: to parse the lines of the file, twice. `memory_s`: to send the same requests by the same client
    on a transport in memory. `peak_mb`: the most that Python allocated, 0 where nobody counted.
    """

    load_s: float
    replay_s: float
    parse_s: float
    memory_s: float
    peak_mb: float = 0.0

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
    if count in (WARM, COMPARED):
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


class InMemory(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport that answers each request with `content`; vcrpy leaves it alone."""

    content = b""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        return httpx2.Response(200, headers=JSON, content=self.content)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return httpx2.Response(200, headers=JSON, content=self.content)


def replay(path: Path, *, counted: bool) -> Cost:
    """Replay a cassette through an httpx2 client; `counted`: count what is allocated, which is slow."""
    memory = InMemory()
    certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx2.Client(verify=certificates) as client, httpx2.Client(transport=memory) as yardstick:
        # what the first use imports is no cost of a cassette
        play(path.with_name(f"{WARM}{path.suffix}"), client, yardstick, memory)
        if not counted:
            return play(path, client, yardstick, memory)
        tracemalloc.start()
        cost = play(path, client, yardstick, memory)
        return replace(cost, peak_mb=tracemalloc.get_traced_memory()[1] / 1e6)


def play(path: Path, client: httpx2.Client, yardstick: httpx2.Client, memory: InMemory) -> Cost:
    """Replay once and check every answer."""
    lines = path.with_suffix(".jsonl")
    parse_s, load_s, replay_s, memory_s = parsing(lines), 0.0, 0.0, 0.0
    started = time.process_time()
    # a line is read when it is due: what to ask and to expect is no memory of the cassette
    with opened(path), lines.open("rb") as expected:
        load_s = time.process_time() - started
        parse_s += parsing(lines)
        next(expected)
        for each in map(Interaction.from_line, expected):
            sent, memory.content = each.request.body.raw, each.response.body.raw
            started = time.process_time()
            with sample(each.sample):
                answered = client.post(f"{URL}/chat/completions", content=sent, headers=JSON)
            turned = time.process_time()
            yardstick.post(f"{URL}/chat/completions", content=sent, headers=JSON)
            memory_s += time.process_time() - turned
            replay_s += turned - started
            assert answered.content == memory.content, "every request gets its own answer back"
    return Cost(load_s, replay_s, parse_s, memory_s)


def parsing(path: Path) -> float:
    """Parse the lines of a file and forget them; return the CPU seconds."""
    started = time.process_time()
    with path.open("rb") as lines:
        for line in lines:
            json.loads(line)
    return time.process_time() - started


def opened(path: Path) -> AbstractContextManager[object]:
    """Open a cassette for replay: YAML by stock vcrpy, with bodies compared, JSON lines by ours."""
    if path.suffix == ".yaml":
        return vcr.VCR(match_on=MATCHED, record_mode="none").use_cassette(str(path))
    return use(path, mode="none")


def in_a_process(path: Path, *, counted: bool = False) -> Cost:
    """Replay a cassette in a process of its own. Raises CalledProcessError when it fails."""
    command = [sys.executable, __file__, str(path), *["counted"] * counted]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def exponent(costs: Sequence[float]) -> float:
    """Fit a power of the size through the costs at `SIZES`: the slope where both are logarithms."""
    return statistics.linear_regression([*map(math.log, SIZES)], [*map(math.log, costs)]).slope


def growth(folder: Path) -> bool:
    """Print what each size costs and how fast that grows; tell whether it is slow enough."""
    paths = [folder / f"{size}.jsonl" for size in SIZES]
    runs = [[in_a_process(path) for path in paths] for _ in range(REPEATS)]
    peaks = [in_a_process(path, counted=True).peak_mb for path in paths]
    load, replayed = list[float](), list[float]()
    print(f"replay through httpx2, medians of {REPEATS} processes")
    print(
        f"  {'interactions':>12} {'file_mb':>8} {'load_s':>8} {'replay_s':>9} {'ms_each':>8} {'peak_mb':>8}"
    )
    for path, size, peak_mb, costs in zip(paths, SIZES, peaks, zip(*runs, strict=True), strict=True):
        load_s, replay_s, each_ms = (
            statistics.median(values)
            for values in zip(
                *((cost.load_s, cost.replay_s, cost.total_s / size * 1000) for cost in costs), strict=True
            )
        )
        load.append(size * statistics.median(cost.load_s / cost.parse_s for cost in costs))
        replayed.append(size * statistics.median(cost.replay_s / cost.memory_s for cost in costs))
        file_mb = path.stat().st_size / 1e6
        print(f"  {size:12} {file_mb:8.1f} {load_s:8.3f} {replay_s:9.3f} {each_ms:8.3f} {peak_mb:8.1f}")
    kept = [
        _bound(f"growth exponent of {name}", exponent(costs), most=MAX_EXPONENT)
        for name, costs in (("load", load), ("replay", replayed), ("memory", peaks))
    ]
    return all(kept)


def against_stock(folder: Path) -> bool:
    """Replay with stock vcrpy between two replays of ours; tell whether ours is fast enough."""
    first = in_a_process(folder / f"{COMPARED}.jsonl").total_s
    stock = in_a_process(folder / f"{COMPARED}.yaml").total_s
    ours = statistics.mean([first, in_a_process(folder / f"{COMPARED}.jsonl").total_s])
    print(f"load and replay of {COMPARED}: ours {ours:.2f} s, stock vcrpy that matches bodies {stock:.2f} s")
    return _bound("stock vcrpy / ours", stock / ours, least=MIN_RATIO_TO_STOCK)


async def chats(recorded: Sequence[Interaction], memory: InMemory | None) -> float:
    """Send every request by the OpenAI client; return the CPU seconds, without opening the client."""
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = httpx2.AsyncClient(verify=no_certificates, transport=memory)
    async with AsyncOpenAI(base_url=URL, api_key="no-key", http_client=client) as openai:
        started = time.process_time()
        for each in recorded:
            if memory:
                memory.content = each.response.body.raw
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
        return asyncio.run(chats(recorded, InMemory()))

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
        for size in (WARM, *SIZES):
            write_both(folder, size)
        kept = [part(folder) for part in (growth, through_openai, against_stock)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asdict(replay(Path(sys.argv[1]), counted=sys.argv[2:] == ["counted"]))))
    else:
        sys.exit(main())
