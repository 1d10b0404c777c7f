"""The reference is complete: its tables name what the code knows, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from page_tables import names_in, tables_below

import llm_do.errors
import llm_do.runtime
from llm_do.linking.builtin import BUILTIN_TOOLSETS
from llm_do.project.manifest import Manifest, RuntimeConfig
from llm_do.project.spec import ALIASES, WorkerSpec
from llm_do.sandbox import refusal
from llm_do_eval.candidates import candidate
from llm_do_eval.claim import Claim
from llm_do_eval.evidence import Evidence
from llm_do_eval.report import Report, Totals
from llm_do_eval.session import judge_samples
from llm_do_eval.stats.bounds import lower_bound, samples_needed

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference.md"


def fields_of(values: type[Any]) -> list[str]:
    return [field.name for field in fields(values)]


def documented(heading: str, table: int = 0) -> set[str]:
    return names_in(tables_below(REFERENCE, heading)[table])


NOT_WRITTEN = {"instructions", "path", "lines", "sha256", "created"}


@pytest.mark.parametrize(
    ("heading", "table", "known"),
    [
        ("Worker file", 0, {*fields_of(WorkerSpec), *ALIASES} - NOT_WRITTEN),
        (
            "Manifest",
            0,
            {"version", "entry", *fields_of(Manifest)} - {"entry_input", "path", "lines", "sha256"},
        ),
        ("Manifest", 1, {*fields_of(RuntimeConfig)}),
        ("Built-in toolsets", 0, {*BUILTIN_TOOLSETS}),
        ("Python API", 0, {*llm_do.runtime.__all__}),
        ("Report", 0, {"schema", *fields_of(Report)}),
        ("Report", 1, {*get_args(candidate.Kind)}),
        ("Report", 2, {*candidate.VERDICTS}),
    ],
)
def test_a_table_names_what_there_is(heading: str, table: int, known: set[str]) -> None:
    assert documented(heading, table) == known


def test_every_error_is_listed() -> None:
    tree = {
        name
        for name, each in vars(llm_do.errors).items()
        if isinstance(each, type) and issubclass(each, llm_do.errors.LlmDoError)
    }
    assert documented("Errors") == tree - {"LlmDoError"}


def test_every_code_of_the_file_tools_is_listed() -> None:
    assert {*get_args(refusal.Code)} <= documented("Errors", 1)


def test_what_a_report_counts_is_listed() -> None:
    row = next(row for row in tables_below(REFERENCE, "Report")[0] if row[0] == "`data`")
    assert all(name in row[1] for name in fields_of(Totals))


def test_what_is_said_of_a_sampled_test_is_listed() -> None:
    claim = Claim(min_pass_rate=0.8)
    said = judge_samples("t", claim, [], complaints=(), complete=True).to_json(Evidence())
    assert documented("pytest plugin", 2) == set(said)
    evidence = next(row for row in tables_below(REFERENCE, "pytest plugin")[2] if row[0] == "`evidence`")
    assert evidence[1] == f"`{{{', '.join(said['evidence'])}}}`"


def test_the_table_of_bounds_is_right() -> None:
    cells = [
        cell
        for row in tables_below(DOCS / "notes/exact-binomial-bounds.md", "Exact binomial bounds")[0]
        for cell in row
    ]
    claims = [cell for cell in cells if cell]
    assert len(claims) == 16
    for passed, shown in zip(claims[::2], claims[1::2], strict=True):
        k, n = map(int, passed.split("/"))
        assert shown == f"{lower_bound(k, n):.1%}".replace("%", " %")


def test_the_table_of_sample_sizes_is_right() -> None:
    rows = tables_below(DOCS / "testing.md", "How many samples")[0]
    assert len(rows) == 4
    for rate, *sizes in rows:
        assert [samples_needed(failures, float(rate)) for failures in range(3)] == [
            int(size) for size in sizes
        ]
