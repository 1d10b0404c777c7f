"""What the recorder is asked to record, and that it names every example and test that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.record import RUNS, TESTS, main

ROOT = Path(__file__).parents[2]


def test_an_unknown_name_is_refused_before_anything_is_recorded() -> None:
    with pytest.raises(SystemExit, match=r"greter: no example and no test; there are .*greeter"):
        main(["greeter", "greter"])


def test_every_cassette_of_an_example_is_one_that_it_records() -> None:
    recorded = {f"{run.name}/cassettes/{run.cassette}.jsonl" for run in RUNS}
    examples = ROOT / "examples"
    found = {path.relative_to(examples).as_posix() for path in examples.glob("*/cassettes/*.jsonl")}
    assert recorded == found


def test_every_test_of_the_evals_is_one_that_it_records() -> None:
    assert {f"test_{name}.py" for name in TESTS} == {path.name for path in ROOT.glob("evals/test_*.py")}
