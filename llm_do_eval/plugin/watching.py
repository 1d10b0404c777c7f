"""A test that runs its samples in, its progress told on pytest's terminal, where there is one, out."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import pytest

from llm_do_eval.plugin.liveline import LiveLine
from llm_do_eval.plugin.progress import Live, Progress, Quiet, Silent
from llm_do_eval.sampling.launch import passes
from llm_do_eval.verdict import judge_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

    from llm_do_eval.claim import Claim
    from llm_do_eval.plugin.sampled import Sampled
    from llm_do_eval.sample import Sample
    from llm_do_eval.verdict import Word

_PROGRESS: Final = pytest.StashKey[Progress]()
_CAPTURING: Final = ("fd", "sys")


@contextmanager
def watched(item: pytest.Item, sampled: Sampled, claim: Claim | None) -> Generator[None]:
    """Tell the progress of a test while its samples run inside; nothing for one that claims nothing."""
    launch = sampled.launch
    if claim is None or launch.alone:
        yield
        return
    progress, test, noted = progress_of(item.config), item.nodeid, launch.on_end

    def _on_end(sample: Sample) -> None:
        noted(sample)
        assert sample.outcome is not None, "a sample that has ended has an outcome"
        progress.ended(test, sample.outcome, sample.spent_usd, _word(sampled, claim))

    progress.started(test, sum(each.outcome is None for each in launch.samples))
    launch.on_end = _on_end
    try:
        yield
    finally:
        launch.on_end = noted
        progress.finished(test)


def progress_of(config: pytest.Config) -> Progress:
    """Give what tells the progress of a session, made when the first sampled test asks for it."""
    if _PROGRESS not in config.stash:
        config.stash[_PROGRESS] = choose(config, environment=os.environ, clock=time.monotonic)
    return config.stash[_PROGRESS]


def choose(config: pytest.Config, *, environment: Mapping[str, str], clock: Callable[[], float]) -> Progress:
    """Choose a live line on a terminal of pytest's own, lines if verbose elsewhere, nothing otherwise."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return Silent()
    screen = _Screen(config)
    if reporter.isatty and _is_free(config, environment):
        return Live(LiveLine(screen), clock, _later)
    if config.get_verbosity() <= 0:
        return Silent()

    def _write_line(text: str) -> None:
        with screen.uncaptured():
            reporter.ensure_newline()
            reporter.write_line(text)

    return Quiet(_write_line, clock)


def _word(sampled: Sampled, claim: Claim) -> Word | None:
    """Judge the samples so far, in launch order; a look that decides nothing."""
    path = passes(sampled.launch.samples)
    if sampled.plan is None:
        return judge_rate(claim, sum(path), len(path)).word
    stop = sampled.plan.first_stop(path[: sampled.plan.cap])
    return None if stop is None else stop.word


class _Screen:
    """The terminal that pytest writes to, whatever is captured at the moment."""

    def __init__(self, config: pytest.Config) -> None:
        self._writer = config.get_terminal_writer()
        self._capture: Any = config.pluginmanager.get_plugin("capturemanager")

    @property
    def width(self) -> int:
        """How many columns it has."""
        return self._writer.fullwidth

    @property
    def column(self) -> int:
        """How many columns of its last line are written."""
        return self._writer.width_of_current_line

    def write(self, text: str) -> None:
        """Write at once."""
        with self.uncaptured():
            self._writer.write_raw(text, flush=True)

    def uncaptured(self) -> AbstractContextManager[None]:
        """Let what is written meanwhile reach the terminal."""
        return self._capture.global_and_fixture_disabled() if self._capture else nullcontext()


def _is_free(config: pytest.Config, environment: Mapping[str, str]) -> bool:
    """Tell whether nobody but pytest writes to the terminal while a test runs, and whether it is no log."""
    in_ci = any(environment.get(name) for name in ("CI", "BUILD_NUMBER"))
    logs = config.pluginmanager.hasplugin("logging-plugin") and (
        config.getoption("log_cli_level", None) is not None or config.getini("log_cli")
    )
    captured = config.getoption("capture", "no") in _CAPTURING
    steerable = environment.get("TERM", "dumb") != "dumb" and sys.platform != "win32"
    return captured and steerable and not in_ci and not logs and config.get_verbosity() >= -1


def _later(seconds: float, call: Callable[[], None]) -> None:
    """Call back from the event loop that runs; samples that run in turn draw when the next has ended."""
    try:
        asyncio.get_running_loop().call_later(seconds, call)
    except RuntimeError:
        return
