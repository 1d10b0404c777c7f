"""Recordings killed and files cut at random: nothing paid for is lost, nothing is read in part.

An answer counts as received from when the client has it. Its line is in the journal before that, so whatever
a child process has said to have received must be there. Of what the provider was asked, only the requests
that were under way may be missing: one a sample at most.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import yaml
from stock_controls import claim, control
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from evals.standin import Cut, Reply, StandIn, Status, echo
from llm_do.errors import FormatError
from llm_do_eval.cassette import RecordMode, journal_path, sample, set_aside_path, use
from llm_do_eval.cassette.file.journal import read_left_over
from llm_do_eval.cassette.file.recorder import read_with_left_over
from llm_do_eval.cassette.file.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evals.standin import Fault, Request
    from llm_do_eval.cassette.interaction import Interaction

SAMPLES = 8
TURNS = 5
KILLS = 50
FAULTY_KILLS = 8
REPLACED_KILLS = 4
STOCK_KILLS = 5
TRUNCATIONS = 1000

TALK = """
import asyncio, sys
from pathlib import Path
import httpx2
from llm_do_eval.cassette import sample, use
import vcr

path, url, mode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

async def talk(client, index):
    with sample(index):
        said = f"I am {index}"
        for turn in range(5):
            body = {"model": "m", "messages": [{"role": "user", "content": said}]}
            while True:
                try:
                    answer = await client.post(url + "/chat/completions", json=body)
                except httpx2.TransportError:
                    continue
                if answer.status_code == 200:
                    break
                sys.stdout.write(f"{index} {turn} {answer.json()['error']['message']}\\n")
                sys.stdout.flush()
            said = answer.json()["choices"][0]["message"]["content"]
            sys.stdout.write(f"{index} {turn} {said}\\n")
            sys.stdout.flush()

async def everyone():
    async with httpx2.AsyncClient(verify=False) as client:
        await asyncio.gather(*(talk(client, index) for index in range(8)))

with vcr.use_cassette(str(path), record_mode="once") if mode == "stock" else use(path, mode=mode):
    print("open", flush=True)
    asyncio.run(everyone())
print("saved", flush=True)
"""


def record(path: Path, url: str, mode: str, *, acknowledged: int, delay_s: float = 0) -> list[str]:
    """Record in a child process and kill it; return the answers that it had received, as it wrote them.

    It is killed `delay_s` after it wrote the `acknowledged`-th answer, wherever it is then.
    """
    program = [sys.executable, "-c", TALK, str(path), url, mode]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        seen = [process.stdout.readline() for _ in range(acknowledged)]
        time.sleep(delay_s)
        process.kill()
        seen += process.stdout.readlines()
    # the last line may have been cut by the kill
    return [line.rstrip("\n") for line in seen if line.endswith("\n") and line != "saved\n"]


def replay(path: Path, url: str, mode: RecordMode) -> list[str]:
    """Run the same conversations here, to their end; the provider can tell these requests by `x-again`."""

    async def talk(client: httpx2.AsyncClient, index: int) -> list[str]:
        with sample(index):
            said, heard = f"I am {index}", list[str]()
            for turn in range(TURNS):
                body = {"model": "m", "messages": [{"role": "user", "content": said}]}
                while (answer := await post(client, f"{url}/chat/completions", body)) is None:
                    continue
                said = str(answer.json()["choices"][0]["message"]["content"])
                heard.append(f"{index} {turn} {said}")
            return heard

    async def everyone() -> list[list[str]]:
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx2.AsyncClient(verify=no_certificates, headers={"x-again": "yes"}) as client:
            return await asyncio.gather(*(talk(client, index) for index in range(SAMPLES)))

    with use(path, mode=mode):
        return [line for heard in asyncio.run(everyone()) for line in heard]


async def post(client: httpx2.AsyncClient, url: str, body: Any) -> httpx2.Response | None:
    """Ask once; None where the provider failed."""
    try:
        answer = await client.post(url, json=body)
    except httpx2.TransportError:
        return None
    return answer if answer.status_code == 200 else None


def answers(interactions: Sequence[Interaction]) -> list[str]:
    """Write what was recorded as the child writes what it received."""
    return [
        f"{each.sample} {each.seq} {json.loads(each.response.body.value)['choices'][0]['message']['content']}"
        for each in interactions
    ]


MODES: tuple[RecordMode, ...] = ("once", "new_episodes", "all", "rewrite")
REPLACING: tuple[RecordMode, ...] = ("all", "rewrite")


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.policy("cas-partial")
def test_no_kill_loses_an_answer_that_was_received(provider: StandIn, tmp_path: Path, kill: int) -> None:
    rng = random.Random(kill)
    path, url, mode = tmp_path / "x.jsonl", provider.openai_base_url, MODES[kill % 4]
    # what was interrupted may be interrupted again; a second `rewrite` would ask for all of it anew
    kills = 1 if mode in REPLACING else 1 + kill // 4 % 2
    received: set[str] = set()
    for _ in range(kills):
        acknowledged = rng.randint(0, SAMPLES * TURNS)
        received |= {*record(path, url, mode, acknowledged=acknowledged, delay_s=rng.random() / 50)}
    kept = read_with_left_over(path).interactions
    assert set(answers(kept)) >= received
    again = replay(path, url, "once" if mode == "once" else "new_episodes")
    # what a killed client has sent may arrive after its end
    asked_again = sum("x-again" in each.headers for each in provider.requests)
    asked = len(provider.requests) - asked_again
    assert asked - SAMPLES * kills <= len(kept) <= asked
    assert asked_again == SAMPLES * TURNS - len(kept)
    assert set(again) >= set(answers(kept))
    whole = read_recording(path).interactions
    assert {each.to_line() for each in kept} <= {each.to_line() for each in whole}
    assert sorted(answers(whole)) == sorted(again)
    assert list(tmp_path.iterdir()) == [path]
    assert replay(path, url, "none") == again


def failing(kill: int) -> Callable[[int, Request], Fault | None]:
    """Fail every third request or so: by an error of the server, or by an answer that breaks off."""

    def fault(index: int, _request: Request) -> Fault | None:
        drawn = random.Random(f"{kill} {index}").random()
        return Status(500) if drawn < 0.2 else Cut() if drawn < 0.35 else None

    return fault


def unlike_any_other(_request: Request, rng: random.Random) -> Reply:
    return Reply(str(rng.randrange(10**12)))


def told(interactions: Sequence[Interaction]) -> Counter[str]:
    """Write what was recorded, errors too, as the child writes what it received, but for the turns."""
    found = [(each.sample, json.loads(each.response.body.value)) for each in interactions]
    said = [
        f"{index} {body['error']['message'] if 'error' in body else body['choices'][0]['message']['content']}"
        for index, body in found
    ]
    return Counter(said)


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(FAULTY_KILLS))
@pytest.mark.policy("cas-partial")
def test_no_kill_loses_an_answer_of_a_provider_that_fails(tmp_path: Path, kill: int) -> None:
    rng = random.Random(f"failing {kill}")
    path, mode = tmp_path / "x.jsonl", MODES[kill % 4]
    with StandIn(unlike_any_other, faults=failing(kill)) as provider:
        url = provider.openai_base_url
        heard = record(
            path, url, mode, acknowledged=rng.randint(1, SAMPLES * TURNS), delay_s=rng.random() / 50
        )
        received = Counter(f"{line.split(maxsplit=2)[0]} {line.split(maxsplit=2)[2]}" for line in heard)
        kept = read_with_left_over(path).interactions
        # whatever was received is there; of an answer that broke off, nothing is
        assert told(kept) >= received
        again = replay(path, url, "once" if mode == "once" else "new_episodes")
    whole = read_recording(path).interactions
    assert {each.to_line() for each in kept} <= {each.to_line() for each in whole}
    assert {each.response.status for each in whole} == {200, 500}
    assert len(again) == SAMPLES * TURNS == sum(each.response.status == 200 for each in whole)
    assert list(tmp_path.iterdir()) == [path]
    assert replay(path, url, "none") == again


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(REPLACED_KILLS))
@pytest.mark.parametrize("mode", REPLACING)
@pytest.mark.policy("cas-partial")
def test_replacements_that_are_killed_in_a_row_lose_nothing(
    provider: StandIn, tmp_path: Path, kill: int, mode: RecordMode
) -> None:
    rng = random.Random(f"{mode} {kill}")
    path, url = tmp_path / "x.jsonl", provider.openai_base_url
    old = replay(path, url, "once") if kill % 2 else None
    received: set[str] = set()
    for _ in range(2 + kill // 2 % 2):
        heard = record(
            path, url, mode, acknowledged=rng.randint(1, SAMPLES * TURNS), delay_s=rng.random() / 50
        )
        received |= {*heard}
    with use(path, mode="new_episodes"):
        pass
    assert not journal_path(path).exists()
    files = [*tmp_path.iterdir()]
    kept = [each for file in files for each in read_recording(file).interactions]
    assert {*answers(kept)} >= received
    assert len(files) > 1
    if old is not None and len(received) < SAMPLES * TURNS:
        assert replay(path, url, "none") == old


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(STOCK_KILLS))
def test_a_kill_of_stock_vcrpy_loses_answers(tmp_path: Path, kill: int) -> None:
    path = tmp_path / "x.yaml"
    acknowledged = random.Random(kill).randint(5, SAMPLES * TURNS - 10)
    asked, killed = count(1), threading.Event()

    def all_but_the_last(request: Request, rng: random.Random) -> Reply:
        # a child that has all its answers could save them before the kill
        if next(asked) == SAMPLES * TURNS:
            killed.wait(60)
        return echo(request, rng)

    with StandIn(all_but_the_last) as provider:
        received = record(path, provider.openai_base_url, "stock", acknowledged=acknowledged)
        killed.set()
    assert acknowledged <= len(received) < SAMPLES * TURNS
    kept = 0
    with suppress(FileNotFoundError):
        kept = len(FilesystemPersister.load_cassette(path, yamlserializer)[0])
    with control():
        claim(holds=kept >= len(received), that="whatever was received is there")


STEPS = """
import itertools, os, signal, sys
from pathlib import Path
import httpx2
from llm_do_eval.cassette import sample, use
import llm_do_eval.cassette.patches.player

folder, mode = Path(sys.argv[1]), sys.argv[2]

def answer(request):
    return httpx2.Response(200, text=f"answer to {request.content.decode()}")

def record(path, mode, words):
    with use(path, mode=mode), httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        for index in range(3):
            with sample(index):
                client.post("http://provider.test/v1", content=f"{words} {index}")
            with path.with_name("received").open("a") as file:
                file.write(f"{words} {index}\\n")

def killed_before(last):
    count = itertools.count()
    def step(event, arguments):
        changes = event == "open" and "x.jsonl" in str(arguments[0]) or event == "os.truncate"
        if (changes or event in ("os.rename", "os.remove")) and next(count) == last:
            os.kill(os.getpid(), signal.SIGKILL)
    return step

for last in itertools.count():
    path = folder / str(last) / "x.jsonl"
    path.parent.mkdir()
    if mode != "once":
        record(path, "once", "old")
    if not (child := os.fork()):
        sys.addaudithook(killed_before(last))
        record(path, mode, "new")
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_a_kill_before_any_step_on_disk_loses_nothing(tmp_path: Path, mode: str) -> None:
    subprocess.run([sys.executable, "-c", STEPS, str(tmp_path), mode], check=True)
    paths = [folder / "x.jsonl" for folder in tmp_path.iterdir()]
    assert len(paths) >= 8
    for path in paths:
        with use(path, mode="new_episodes"):
            pass
        there = [file for file in (path, set_aside_path(path)) if file.exists()]
        lines = [each for file in there for each in read_recording(file).interactions]
        kept = {str(each.response.body.value).removeprefix("answer to ") for each in lines}
        said = path.with_name("received")
        received = said.read_text().splitlines() if said.exists() else []
        replaced = mode in ("all", "rewrite") and there == [path] and "new 2" in kept
        assert kept >= {line for line in received if line.startswith("new") or not replaced}
        assert {*path.parent.iterdir()} <= {*there, said}


def recorded(path: Path, ask: Callable[..., str]) -> tuple[bytes, bytes]:
    """Record conversations; return the cassette, and its journal as a kill before the end would leave it."""
    with use(path, mode="once"):
        for index in range(6):
            with sample(index):
                ask(f"é from {index}")
                ask(f"\u2028 from {index}")
        journal = journal_path(path).read_bytes()
    return path.read_bytes(), journal


@pytest.mark.slow
def test_no_truncated_cassette_is_read_in_part(tmp_path: Path, ask: Callable[..., str]) -> None:
    whole, _ = recorded(path := tmp_path / "x.jsonl", ask)
    rng, refused = random.Random(50), 0
    for _ in range(TRUNCATIONS):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        with pytest.raises(FormatError, match=r"x\.jsonl"):
            read_recording(path)
        refused += 1
    assert refused == TRUNCATIONS


@pytest.mark.slow
def test_a_truncated_journal_loses_its_torn_line_and_no_other(
    tmp_path: Path, ask: Callable[..., str]
) -> None:
    _, whole = recorded(path := tmp_path / "x.jsonl", ask)
    path.unlink()
    rng = random.Random(51)
    for _ in range(TRUNCATIONS):
        journal_path(path).write_bytes(kept := whole[: rng.randrange(len(whole))])
        lines = [each.to_line() for each in read_left_over(path).interactions]
        assert lines == kept.splitlines(keepends=True)[1 : kept.count(b"\n")]


@pytest.mark.slow
def test_truncated_cassettes_of_stock_vcrpy_are_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    message = {"method": "POST", "uri": "http://h/", "body": "b", "headers": {"a": ["b"]}}
    answer: dict[str, Any] = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"a": ["b"]},
        "body": {"string": "one two three"},
    }
    tree = {"interactions": [{"request": message, "response": answer}] * 20, "version": 1}
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    whole = path.read_bytes()
    rng, silent = random.Random(52), 0
    for _ in range(300):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        with suppress(ValueError, TypeError, KeyError, AttributeError, OSError, yaml.YAMLError):
            silent += len(FilesystemPersister.load_cassette(path, yamlserializer)[0]) < 20
    with control():
        claim(holds=silent == 0, that="a cassette that was cut is refused")
