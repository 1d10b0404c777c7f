"""Code and its inputs in, what each gave out: run in a process of its own that may not take more memory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MORE_BYTES = 300_000_000

_RUNNER = """
import json, resource, sys, time
code, inputs, more = json.load(sys.stdin)
names = {}
exec(code, names)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + more, size + more))
for each in inputs:
    started = time.process_time()
    try:
        said = names["act"](each)
    except MemoryError:
        said = "MemoryError"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([str(said)[:300], time.process_time() - started]), flush=True)
"""


@dataclass(frozen=True)
class Bounded:
    """What one input gave, or how it failed, and the CPU time that it took."""

    said: str
    seconds: float


def bounded(
    code: str, inputs: Sequence[Any], *, more_bytes: int = MORE_BYTES, patience_s: float = 120
) -> list[Bounded]:
    """Run `act(input)` of some code for every input; a failed one does not stop the others."""
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input=json.dumps([code, list(inputs), more_bytes]),
        capture_output=True,
        text=True,
        check=False,
        timeout=patience_s,
    )
    found = [Bounded(*json.loads(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(inputs), done.stderr[-2000:]
    return found
