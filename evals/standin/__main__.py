"""`python -m evals.standin`: options in, one line of environment variables out, then a server."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from evals.standin import Cut, Fault, Hang, Html, Request, StandIn, Status, by_worker

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAULTS: dict[str, Fault] = {"html": Html(), "hang": Hang(), "cut": Cut()}


def main(argv: Sequence[str]) -> None:
    """Serve the example workers until SIGTERM, Ctrl-C or, with `--until-eof`, the end of standard input."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    faults: dict[int | None, Fault] = dict(options.fault)

    def planned(index: int, _request: Request) -> Fault | None:
        """Look the index up; the entry without one is for every other request."""
        return faults.get(index, faults.get(None))

    with (
        contextlib.suppress(KeyboardInterrupt),
        StandIn(
            by_worker, seed=options.seed, faults=planned, latency_s=options.latency, port=options.port
        ) as provider,
    ):
        print("export", *(f"{name}={value}" for name, value in provider.environ.items()), flush=True)
        if options.until_eof:
            sys.stdin.buffer.read()
        else:
            threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.standin", description="A stand-in for LLM providers."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same answers")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="N:KIND",
        help="what happens to request N (from 0; * for every one): a status such as 429, html, hang or cut",
    )
    return parser


def _fault(text: str) -> tuple[int | None, Fault]:
    index, _, kind = text.partition(":")
    try:
        return None if index == "*" else int(index), _FAULTS[kind] if kind in _FAULTS else Status(int(kind))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0:429, 2:{' or '.join(_FAULTS)}") from None


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(sys.argv[1:])
