"""Templates of any expressions: a text within the limits, or a refusal, in little time and memory."""

from __future__ import annotations

import random
import sys

import pytest
from bounded import bounded

from llm_do.template.metered import MAX_SECONDS, Metered
from llm_do.template.price import MAX_TEXT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the backstop needs RLIMIT_AS and /proc")

VALUES = [
    *("text", "big", "data", "wide", "deep", "''", "'a'", "'%s'", "'%9d'", "'<&>'", "1", "-1", "0.5", "99"),
    *("1e300", "99999", "10**9", "none", "true", "[]", "[text]", "(1, 2)", "{'a': text}", "range(99999)"),
    *("missing", "ns.x", "loop", "cycler('a', text)", "namespace(x=text)", "dict(a=big)", "joiner(text)"),
]
FILTERS = sorted(Metered(lambda: 0.0).filters.keys() - {"~", "[]", "$"})
METHODS = [
    "center",
    "ljust",
    "zfill",
    "join",
    "replace",
    "split",
    "format",
    "items",
    "get",
    "count",
    "title",
    "next",
    "upper",
]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "if text else"]
OURS = f"""
from llm_do.project.spec import WorkerSpec
from llm_do.template.template import render
text = "a b<\\n" * 40_000
deep = [1]
for _ in range(20):
    deep = [deep]
FIELDS = {{"text": text, "big": list(range(40_000)), "data": {{"a": [text[:9]], "b": 1}}, "wide": "é" * 200_000, "deep": deep}}
def act(body):
    result = render(WorkerSpec("a", body, template="jinja2"), FIELDS)
    assert len(result) <= {MAX_TEXT}
    return "ok"
"""  # noqa: E501


def expression(draw: random.Random, depth: int) -> str:
    if depth == 0:
        return draw.choice(VALUES)

    def inner() -> str:
        return expression(draw, draw.randrange(depth))

    args = ", ".join(inner() for _ in range(draw.choice([0, 0, 1, 1, 2, 3])))
    match draw.randrange(8):
        case 0 | 1:
            return f"({inner()}|{draw.choice(FILTERS)}({args}))"
        case 2 | 3 | 4:
            return f"({inner()} {draw.choice(OPERATORS)} {inner()})"
        case 5:
            return f"{inner()}.{draw.choice(METHODS)}({args})"
        case 6:
            return f"[{args}, {inner()}]" if args else f"[{inner()}]"
        case _:
            last = draw.choice(["list", "join", "sum"])
            return f"({inner()}|map('{draw.choice(FILTERS)}', {args or 'none'})|{last})"


def template(draw: random.Random) -> str:
    body, again = f"{{{{ {expression(draw, 4)} }}}}", expression(draw, 3)
    form = draw.choice(
        [
            "B",
            "{% for x in E %}B{% endfor %}",
            "{% for x in E if E %}{% for y in E %}B{{ x ~ y }}{% endfor %}{% else %}B{% endfor %}",
            "{% for i in range(30) %}{% set ns.x = E %}{% endfor %}B",
            "{% set z %}{% for i in range(30) %}B{% endfor %}{% endset %}{{ z|length }}",
            "{% macro m(n) %}B{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(9) }}",
            "{% filter upper %}B{% endfilter %}",
        ]
    )
    return "{% set ns = namespace(x=text) %}" + form.replace("B", body).replace("E", again)


@pytest.mark.parametrize("count", [60, pytest.param(800, marks=pytest.mark.slow)])
def test_no_expression_breaks_the_limits(count: int) -> None:
    draw = random.Random(7)
    bodies = [template(draw) for _ in range(count)]
    outcomes = list(zip(bodies, bounded(OURS, bodies, patience_s=600), strict=True))
    said = {"ok", "SpecError"}
    assert [pair for pair in outcomes if pair[1].said.partition(":")[0] not in said] == []
    assert [pair for pair in outcomes if pair[1].seconds > 2 * MAX_SECONDS] == []
    assert [pair for pair in outcomes if "MemoryError" in pair[1].said] == []
    assert [pair for pair in outcomes if pair[1].said == "ok"] != []
