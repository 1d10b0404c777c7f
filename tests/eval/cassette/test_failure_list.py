"""What stock vcrpy was measured to do to recordings of samples, as claims that ours keeps and it breaks.

A claim is one function that both sides run. `LISTED` names a test and a control for every failure.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import gzip
import logging
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import pytest
import yaml
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from stock_controls import WITH_BODY, Broken, claim, control, room, stock
from talks import PLAIN, WatchedLoop, agent
from unheard import grpc_server, over_grpc, over_websocket, websocket_server
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.serializers import yamlserializer

from evals.standin import Cut, StandIn, Status, echo
from evals.standin.loopback import Answer, Loopback
from llm_do.errors import LlmDoError
from llm_do_eval.cassette import CassetteStop, sample, use
from llm_do_eval.cassette.file.recorder import read_with_left_over
from llm_do_eval.cassette.wires.unpack import library

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

TESTS = Path(__file__).parents[2]
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Scene:
    """A provider, a client of it, and a cassette in the hands of ours or of stock vcrpy."""

    kind: str
    provider: StandIn
    folder: Path
    ask: Callable[..., str]

    @property
    def path(self) -> Path:
        return self.folder / ("x.yaml" if self.kind == "stock" else "x.jsonl")

    def open(self, mode: Any, **config: Any) -> AbstractContextManager[object]:
        """Open the cassette; `config` is for stock vcrpy."""
        return stock(self.path, mode, **config) if self.kind == "stock" else use(self.path, mode=mode)

    def kept(self, path: Path | None = None) -> int:
        """Count the interactions on disk."""
        path = path or self.path
        if self.kind != "stock":
            return len(read_with_left_over(path).interactions)
        with suppress(CassetteNotFoundError):
            return len(FilesystemPersister.load_cassette(path, yamlserializer)[0])
        return 0

    def child(self, program: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-c", program, str(self.path), self.provider.openai_base_url, self.kind],
            env=os.environ | {"PYTHONPATH": str(TESTS / "support")} | environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "ModuleNotFoundError" not in done.stderr, done.stderr
        return done


class Talk(NamedTuple):
    """What one conversation was answered."""

    first: str
    second: str


def talks(url: str, indexes: Iterable[int]) -> list[Talk]:
    """Let samples talk at the same time: all begin with the same words, then say what they were answered."""

    async def one(client: httpx2.AsyncClient, index: int) -> Talk:
        async def post(text: str) -> str:
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            answer = await client.post(f"{url}/chat/completions", json=body)
            return str(answer.json()["choices"][0]["message"]["content"])

        with sample(index):
            return Talk(first := await post("?"), await post(f"You said {first}"))

    async def everyone() -> list[Talk]:
        async with httpx2.AsyncClient(verify=NO_CERTIFICATES) as client:
            return await asyncio.gather(*(one(client, index) for index in indexes))

    return asyncio.run(everyone())


def conversations_are_not_mixed(scene: Scene) -> None:
    with scene.open("once"):
        recorded = talks(scene.provider.openai_base_url, range(20))
    assert len(set(recorded)) == 20
    with scene.open("none"):
        replayed = talks(scene.provider.openai_base_url, range(20))
    claim(holds=set(replayed) == set(recorded), that="every conversation is one that was recorded")


def samples_get_their_own_conversation(scene: Scene) -> None:
    with scene.open("once", match_on=WITH_BODY):
        recorded = talks(scene.provider.openai_base_url, range(20))
    for order in (list(range(20)), random.Random(3).sample(range(20), 20), [13]):
        with scene.open("none", match_on=WITH_BODY):
            replayed = talks(scene.provider.openai_base_url, order)
        claim(holds=replayed == [recorded[index] for index in order], that="each sample has its own answers")


def no_traffic_goes_to_another_cassette(scene: Scene) -> None:
    def opened(name: str) -> AbstractContextManager[object]:
        path = scene.folder / f"{name}{scene.path.suffix}"
        return stock(path, "once") if scene.kind == "stock" else use(path, mode="once")

    async def inner() -> None:
        with suppress(LlmDoError), opened("b"):
            both_open.set()
            await asyncio.to_thread(scene.ask)
        both_open.set()

    async def outer() -> None:
        with opened("a"):
            async with asyncio.TaskGroup() as group:
                group.create_task(inner())
                await both_open.wait()
                await asyncio.to_thread(scene.ask)

    both_open = asyncio.Event()
    asyncio.run(outer())
    kept = [scene.kept(scene.folder / f"{name}{scene.path.suffix}") for name in "ab"]
    paid = len(scene.provider.requests)
    claim(holds=sum(kept) == paid and max(kept) == 1, that="each cassette holds its own, or is refused")


def other_samples_stay_in_mode_all(scene: Scene) -> None:
    with scene.open("once"):
        for index in range(6):
            with sample(index):
                scene.ask()
    with scene.open("all"):
        for index in range(2):
            with sample(index):
                scene.ask()
    claim(holds=scene.kept() == 6, that="four samples that were not recorded again are still there")


def no_truncation_is_read_in_part(scene: Scene) -> None:
    with scene.open("once"):
        for index in range(5):
            with sample(index):
                scene.ask(f"from {index}")
    whole = scene.path.read_bytes()
    rng = random.Random(4)
    silent = 0
    for _ in range(100):
        scene.path.write_bytes(whole[: rng.randrange(len(whole))])
        with suppress(LlmDoError, yaml.YAMLError, ValueError, TypeError, KeyError):
            silent += scene.kept() < 5
    claim(holds=silent == 0, that="a cassette that was cut is refused")


def a_full_disk_leaves_the_old_cassette(scene: Scene) -> None:
    with scene.open("once"):
        scene.ask()
    before = scene.path.read_bytes()
    with room(len(before) + 1200), suppress(OSError, LlmDoError, CassetteStop), scene.open("new_episodes"):
        for index in range(20):
            with sample(index):
                scene.ask(f"from {index}")
    claim(holds=scene.path.read_bytes() == before, that="the cassette is as it was")


def a_save_that_fails_leaves_no_patch(scene: Scene) -> None:
    opened = scene.open("once")
    with room(600), suppress(OSError, LlmDoError, CassetteStop), opened:
        scene.ask()
    patched = hasattr(httpx2.HTTPTransport.handle_request, "__wrapped__")
    claim(holds=not patched, that="the next cassette finds the libraries as they are")


SECOND = """
import sys
from pathlib import Path
import httpx2
from stock_controls import stock
from llm_do_eval.cassette import use
path = Path(sys.argv[1])
with stock(path, "new_episodes") if sys.argv[3] == "stock" else use(path, mode="new_episodes"):
    with httpx2.Client() as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "from the second"}]}
        client.post(sys.argv[2] + "/chat/completions", json=body)
"""


def two_processes_lose_nothing(scene: Scene) -> None:
    with scene.open("new_episodes"):
        scene.ask()
        second = scene.child(SECOND)
    told = re.search(r"recorded by another process \(pid \d+\)", second.stderr) is not None
    claim(
        holds=scene.kept() == len(scene.provider.requests) and told == (second.returncode != 0),
        that="what both paid for is there, or the second was told before it paid",
    )
    assert scene.kept() >= 1


def nothing_is_paid_that_cannot_be_kept(scene: Scene) -> None:
    folder = scene.folder / "file"
    folder.write_text("no folder")
    path = folder / scene.path.name
    opened = stock(path, "once") if scene.kind == "stock" else use(path, mode="once")
    with suppress(OSError, LlmDoError), opened:
        scene.ask()
    claim(holds=scene.provider.requests == [], that="the first request is not sent")


def an_error_leaves_the_old_cassette(scene: Scene) -> None:
    with scene.open("once"):
        scene.ask()
    before = scene.path.read_bytes()
    with suppress(ZeroDivisionError), scene.open("all"):
        scene.ask()
        raise ZeroDivisionError
    claim(holds=scene.path.read_bytes() == before, that="a test that failed replaces nothing")


LOCAL = """
import sys
from pathlib import Path
import httpx2
from stock_controls import stock
from llm_do_eval.cassette import use
path = Path(sys.argv[1])
with stock(path) if sys.argv[3] == "stock" else use(path, mode="none"), httpx2.Client() as client:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    print(ascii(client.post(sys.argv[2] + "/chat/completions", json=body).text))
"""


def the_locale_does_not_count(scene: Scene) -> None:
    with scene.open("once"):
        scene.ask("?")
    text = scene.path.read_text(encoding="utf-8")
    if scene.kind == "stock":
        # as serializers for readable files write
        text = yaml.safe_dump(yaml.safe_load(text), allow_unicode=True, sort_keys=False)
    assert "chat.completion" in text
    scene.path.write_text(text.replace("chat.completion", "chat.complétion"), encoding="utf-8")
    done = scene.child(LOCAL, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    claim(holds=done.returncode == 0 and "\\xe9" in done.stdout, that="it replays in a process of any locale")


def a_miss_is_told_through_anthropic(scene: Scene) -> None:
    url = scene.provider.anthropic_base_url

    async def say(text: str) -> None:
        async with AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as client:
            await client.messages.create(
                model="m", max_tokens=9, messages=[{"role": "user", "content": text}]
            )

    with scene.open("once", match_on=WITH_BODY):
        asyncio.run(say("old words"))
    told = ""
    try:
        with scene.open("none", match_on=WITH_BODY):
            asyncio.run(say("new words"))
    except BaseException as error:  # noqa: BLE001 - how it ends is what is measured
        told = str(error)
    assert told
    claim(holds="old words" in told and "new words" in told, that="the error says what changed")


def ids_that_are_made_up_anew_replay(scene: Scene) -> None:
    def turn() -> str:
        call = f"pyd_ai_{uuid.uuid4().hex}"
        return scene.ask(f"call {call}, result of {call}")

    with scene.open("once", match_on=WITH_BODY):
        recorded = turn()
    with suppress(CassetteStop, Exception), scene.open("none", match_on=WITH_BODY):
        claim(holds=turn() == recorded, that="an id of pydantic-ai does not count")
        return
    raise Broken("an id of pydantic-ai does not count")


def recordings_are_not_recycled(scene: Scene) -> None:
    with scene.open("once", allow_playback_repeats=True):
        recorded = [scene.ask() for _ in range(3)]
    replayed: list[str] = []
    with suppress(CassetteStop), scene.open("none", allow_playback_repeats=True):
        replayed += (scene.ask() for _ in range(8))
    claim(holds=replayed in ([], recorded), that="eight requests do not get eight answers out of three")


def retries_replay_at_once(scene: Scene) -> None:
    async def say() -> None:
        async with AsyncOpenAI(base_url=provider.openai_base_url, api_key="k") as client:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])

    loop = WatchedLoop()
    with StandIn(echo, faults={0: Status(429, retry_after_s=0.2)}) as provider:
        with scene.open("once"):
            asyncio.run(say())
        with scene.open("none"), asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(say())
    claim(holds=[wait for wait in loop.waits if wait > 0.1] == [], that="no wait of the recording is waited")


def a_replay_opens_no_socket(scene: Scene) -> None:
    with scene.open("once"):
        scene.ask()
    port = int(scene.provider.url.rpartition(":")[2])
    opened = 0
    with suppress(CassetteStop), scene.open("none"), closing(socket.create_connection(("127.0.0.1", port))):
        opened += 1
    claim(holds=opened == 0, that="what no HTTP library sends does not leave either")


def bodies_stay_out_of_the_log(scene: Scene) -> None:
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log, listener = logging.getLogger("vcr"), Listener()
    level = log.level
    log.addHandler(listener)
    log.setLevel(logging.INFO)
    try:
        with scene.open("once"):
            assert "chat.completion" in scene.ask("a canary")
    finally:
        log.removeHandler(listener)
        log.setLevel(level)
    claim(holds=not any("chat.completion" in line for line in said), that="the log shows no body")


async def _of_bedrock(url: str) -> str:
    # without a limit it streams, and frames are no text either
    async with agent("bedrock", url) as asked:
        return (await asked.run("?", model_settings=PLAIN)).output


def header_values_may_be_bytes(scene: Scene) -> None:
    recorded = ""
    with suppress(TypeError), scene.open("once", serializer="json"):
        recorded = asyncio.run(_of_bedrock(scene.provider.url))
    assert recorded
    claim(holds=scene.path.exists(), that="what botocore sends is recorded as JSON")
    with scene.open("none", serializer="json"):
        assert asyncio.run(_of_bedrock(scene.provider.url)) == recorded


KEY = "correct-horse-battery"
PACKED = {"gzip": gzip.compress, "zstd": library("compression.zstd", "backports.zstd").compress}


def _a_key_is_taken_out(scene: Scene, coding: str) -> None:
    """Record an answer, packed, that repeats the key of its request; stock vcrpy has a hook that scrubs."""

    # with little else to pack, it would stand there as it is
    packed = PACKED[coding](f'{{"said": "{KEY} {" ".join(map(str, range(500)))}"}}'.encode())
    assert KEY.encode() not in packed

    def respond(_: object) -> Answer:
        return Answer(200, "application/json", (packed,), {"content-encoding": coding})

    def scrubbed(response: dict[str, Any]) -> dict[str, Any]:
        clean = response["body"]["string"].replace(KEY.encode(), b"<secret>")
        return {**response, "body": {"string": clean}}

    def post() -> str:
        with httpx2.Client(verify=NO_CERTIFICATES) as client:
            headers = {"authorization": f"Bearer {KEY}", "accept-encoding": coding}
            url = f"http://127.0.0.1:{server.port}/v1/chat/completions"
            return client.post(url, json={}, headers=headers).text

    config = {"decode_compressed_response": True, "before_record_response": scrubbed}
    server = Loopback(respond)
    try:
        with scene.open("once", **config):
            assert KEY in post()
    finally:
        server.stop()
    with scene.open("none"):
        replayed = post()
    assert "said" in replayed
    claim(holds=KEY not in replayed, that=f"an answer in {coding} holds no secret")


def nothing_is_hidden_in_zstd(scene: Scene) -> None:
    _a_key_is_taken_out(scene, "zstd")


def nothing_passes_unheard(scene: Scene) -> None:
    with grpc_server() as by_grpc, websocket_server() as by_websocket:
        for mode in ("once", "none"):
            for talk, address in ((over_grpc, by_grpc), (over_websocket, by_websocket)):
                answer = ""
                with suppress(CassetteStop), scene.open(mode):
                    answer = talk(address)
                claim(holds=not answer or scene.kept() > 0, that="it is recorded, or refused")


CLAIMS: dict[str, Callable[[Scene], None]] = {
    "mixed": conversations_are_not_mixed,
    "wrong-sample": samples_get_their_own_conversation,
    "two-cassettes": no_traffic_goes_to_another_cassette,
    "all-deletes": other_samples_stay_in_mode_all,
    "torn": no_truncation_is_read_in_part,
    "disk-full": a_full_disk_leaves_the_old_cassette,
    "patches-left": a_save_that_fails_leaves_no_patch,
    "two-writers": two_processes_lose_nothing,
    "unwritable": nothing_is_paid_that_cannot_be_kept,
    "error-replaces": an_error_leaves_the_old_cassette,
    "locale": the_locale_does_not_count,
    "miss-lost": a_miss_is_told_through_anthropic,
    "pyd-ai-ids": ids_that_are_made_up_anew_replay,
    "recycled": recordings_are_not_recycled,
    "retry-sleeps": retries_replay_at_once,
    "sockets": a_replay_opens_no_socket,
    "log": bodies_stay_out_of_the_log,
    "bedrock-bytes": header_values_may_be_bytes,
    "zstd": nothing_is_hidden_in_zstd,
    "not-intercepted": nothing_passes_unheard,
}


@pytest.fixture
def scene(provider: StandIn, tmp_path: Path, ask: Callable[..., str]) -> Generator[Callable[[str], Scene]]:
    yield lambda kind: Scene(kind, provider, tmp_path, ask)
    # stock vcrpy that fails to save leaves its patches in place until its context is collected
    gc.collect()
    assert not hasattr(httpx2.HTTPTransport.handle_request, "__wrapped__"), "a control has left a patch"


_SLOW = {"locale", "retry-sleeps", "two-writers", "wrong-sample"}
_NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in _SLOW)) for name in CLAIMS]


@pytest.mark.parametrize("name", _NAMES)
def test_ours_keeps_the_claim(scene: Callable[[str], Scene], name: str) -> None:
    CLAIMS[name](scene("ours"))


@pytest.mark.parametrize("name", _NAMES)
def test_stock_vcrpy_breaks_the_claim(scene: Callable[[str], Scene], name: str) -> None:
    with control():
        CLAIMS[name](scene("stock"))


def test_a_control_that_passes_is_reported() -> None:
    with pytest.raises(pytest.fail.Exception, match="the control passes"), control():
        claim(holds=True, that="something that stock vcrpy does")
    with pytest.raises(ZeroDivisionError), control():
        raise ZeroDivisionError


def test_stock_vcrpy_writes_json_where_header_values_are_text(scene: Callable[[str], Scene]) -> None:
    def as_text(request: Any) -> Any:
        request.headers = {name: str(value) for name, value in request.headers.items()}
        return request

    told = scene("stock")
    with told.open("once", serializer="json", before_record_request=as_text):
        asyncio.run(_of_bedrock(told.provider.url))
    assert '"Authorization"' in told.path.read_text("utf-8")


def test_stock_vcrpy_scrubs_gzip(scene: Callable[[str], Scene]) -> None:
    _a_key_is_taken_out(scene("stock"), "gzip")


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_a_cut_stream_is_not_recorded_by_either(tmp_path: Path, ask: Callable[..., str], kind: str) -> None:
    del ask
    with StandIn(echo, faults={1: Cut()}) as provider, httpx2.Client(verify=NO_CERTIFICATES) as client:
        scene = Scene(kind, provider, tmp_path, str)
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "one two three four"}]}

        def post() -> None:
            client.post(f"{provider.openai_base_url}/chat/completions", json=body)

        with scene.open("once"):
            post()
            with pytest.raises(httpx2.RemoteProtocolError):
                post()
    assert (scene.kept(), len(provider.requests)) == (1, 2)


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_an_exception_in_a_first_recording_loses_nothing_with_either(
    scene: Callable[[str], Scene], kind: str
) -> None:
    told = scene(kind)
    with suppress(ZeroDivisionError), told.open("once"):
        told.ask("one")
        told.ask("two")
        raise ZeroDivisionError
    assert told.kept() == len(told.provider.requests) == 2


class Row(NamedTuple):
    """One measured failure: what showed that ours does not have it, and what showed that stock vcrpy has."""

    event: str
    shown_by: str
    control: str


_HERE = "eval/cassette/test_failure_list.py"


def _claimed(event: str, name: str, shown_by: str) -> Row:
    assert name in CLAIMS
    return Row(event, shown_by, f"{_HERE}::test_stock_vcrpy_breaks_the_claim")


LISTED: dict[str, Row] = {
    "mixed": _claimed(
        "20 samples at once, matched without bodies: conversations are mixed",
        "mixed",
        "eval/cassette/test_replay.py::test_twenty_samples_get_their_own_conversations_back",
    ),
    "wrong-sample": _claimed(
        "20 samples at once, matched with bodies: conversations go to other samples",
        "wrong-sample",
        "eval/cassette/test_replay.py::test_twenty_samples_get_their_own_conversations_back",
    ),
    "two-cassettes": _claimed(
        "two cassettes open in two tasks: the second one records the traffic of both",
        "two-cassettes",
        "eval/cassette/test_replay.py::test_cassettes_open_one_after_the_other_and_never_within_each_other",
    ),
    "quadratic": Row(
        "a replay takes the square of its requests",
        "../benchmarks/replay.py::growth",
        "../benchmarks/replay.py::against_stock",
    ),
    "retry-sleeps": _claimed(
        "a recorded retry-after is waited in a replay",
        "retry-sleeps",
        "eval/cassette/test_replay_retries.py::test_errors_that_asked_for_an_hour_are_retried_at_once",
    ),
    "force-reset": Row(
        "requests of other threads are lost while a stub of http.client sends",
        "eval/cassette/patches/test_player.py::test_no_request_of_any_thread_is_lost_while_libraries_are_mixed",
        "eval/cassette/test_replay.py::test_stock_vcrpy_loses_answers_that_clients_in_threads_were_paid_for",
    ),
    "bedrock-bytes": _claimed(
        "header values of botocore are bytes, which no JSON cassette can hold",
        "bedrock-bytes",
        f"{_HERE}::test_ours_keeps_the_claim",
    ),
    "all-deletes": _claimed(
        "mode all of two samples deletes the other four",
        "all-deletes",
        "eval/cassette/file/test_recorder.py::test_all_replaces_the_samples_that_run",
    ),
    "header-canaries": Row(
        "keys, cookies and account ids of headers are recorded",
        "eval/cassette/scrubbing/test_scrub_stock.py::test_no_header_canary_reaches_a_cassette_and_stock_ones_hold_them",
        "eval/cassette/scrubbing/test_scrub_stock.py::test_no_header_canary_reaches_a_cassette_and_stock_ones_hold_them",
    ),
    "zstd": _claimed(
        "zstd bodies are not decoded, so nothing in them is scrubbed",
        "zstd",
        f"{_HERE}::test_ours_keeps_the_claim",
    ),
    "killed": Row(
        "kill -9 loses everything that was paid for",
        "eval/cassette/test_campaign.py::test_no_kill_loses_an_answer_that_was_received",
        "eval/cassette/test_campaign.py::test_a_kill_of_stock_vcrpy_loses_answers",
    ),
    "torn": _claimed(
        "a file that was cut is read in part, silently",
        "torn",
        "eval/cassette/test_campaign.py::test_no_truncated_cassette_is_read_in_part",
    ),
    "disk-full": _claimed(
        "a full disk destroys the cassette that was there",
        "disk-full",
        "eval/cassette/file/test_recorder.py::test_a_full_disk_stops_the_recording_is_told_once_and_leaves_the_cassette",
    ),
    "patches-left": _claimed(
        "a save that fails leaves the patches in place, which later take away those of another cassette",
        "patches-left",
        "eval/cassette/file/test_recorder.py::test_requests_that_pass_by_are_told",
    ),
    "two-writers": _claimed(
        "of two processes that record, one loses all it paid for, silently",
        "two-writers",
        "eval/cassette/file/test_recorder.py::test_a_second_writer_is_refused_by_pid_and_readers_are_not",
    ),
    "unwritable": _claimed(
        "where nothing can be written, that is found out after all is paid",
        "unwritable",
        "eval/cassette/file/test_recorder.py::test_a_folder_that_cannot_be_written_is_refused_before_the_first_request",
    ),
    "read-only": _claimed(
        "a folder without write permission is found out after all is paid",
        "unwritable",
        "eval/cassette/file/test_recorder.py::test_a_read_only_folder_is_refused_before_the_first_request",
    ),
    "error-replaces": _claimed(
        "an exception in the test replaces a good recording by a part of one",
        "error-replaces",
        "eval/cassette/file/test_recorder.py::test_a_replacement_that_is_not_clean_is_set_aside",
    ),
    "locale": _claimed(
        "files are read and written in the encoding of the locale",
        "locale",
        f"{_HERE}::test_ours_keeps_the_claim",
    ),
    "sockets": _claimed(
        "in mode none, what no patched library sends still leaves",
        "sockets",
        "eval/cassette/patches/test_offline.py::test_nothing_leaves_the_process_in_a_replay",
    ),
    "miss-lost": _claimed(
        'what a miss differs in is lost in "Connection error."',
        "miss-lost",
        "eval/cassette/test_replay_misses.py::test_a_changed_prompt_is_one_miss_that_no_client_retries",
    ),
    "pyd-ai-ids": _claimed(
        "ids that pydantic-ai makes up anew (Google) match no recording",
        "pyd-ai-ids",
        f"{_HERE}::test_ours_keeps_the_claim",
    ),
    "not-intercepted": _claimed(
        "gRPC and websockets pass by the cassette, silently",
        "not-intercepted",
        "eval/cassette/patches/test_unheard.py::test_no_websocket_gets_out",
    ),
    "log": _claimed(
        "bodies are logged",
        "log",
        "eval/cassette/patches/test_player.py::test_nothing_of_a_body_reaches_the_log",
    ),
    "recycled": _claimed(
        "allow_playback_repeats answers 8 requests out of 3 recordings, always by the first",
        "recycled",
        "eval/cassette/test_replay.py::test_more_requests_than_recorded_are_a_miss",
    ),
    "cut-stream": Row(
        "a cut stream is not recorded: right, and so do we",
        f"{_HERE}::test_a_cut_stream_is_not_recorded_by_either",
        f"{_HERE}::test_a_cut_stream_is_not_recorded_by_either",
    ),
    "exception": Row(
        "an exception in a first recording saves what was received: right, and so do we",
        f"{_HERE}::test_an_exception_in_a_first_recording_loses_nothing_with_either",
        f"{_HERE}::test_an_exception_in_a_first_recording_loses_nothing_with_either",
    ),
}
"""Every failure of stock vcrpy that was measured."""


@cache
def _functions(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("name", LISTED)
def test_every_listed_failure_has_a_test_and_a_control(name: str) -> None:
    row = LISTED[name]
    for shown in (row.shown_by, row.control):
        path, _, function = shown.partition("::")
        assert function in _functions(path)


def test_every_claim_is_of_a_listed_failure() -> None:
    assert CLAIMS.keys() <= LISTED.keys()
