from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from policy import policy_cases

from llm_do.errors import SpecError
from llm_do.project.spec import WorkerSpec, parse_worker
from llm_do.template.template import render

if TYPE_CHECKING:
    from pathlib import Path


def jinja(body: str) -> WorkerSpec:
    return parse_worker("a.worker", f"---\nname: a\ntemplate: jinja2\n---\n{body}".encode())


@pytest.mark.parametrize("case", policy_cases("jinja"))
def test_the_sandbox_refuses(case: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"^a\.worker:5: template: "):
        render(jinja(case["src"]), {"data": [1]})


@pytest.mark.parametrize("body", ["{braces} {{ more }} {% if %}", "{{ input }}", "{# comment #}", "100 % {"])
def test_a_plain_body_is_left_alone(body: str) -> None:
    assert render(WorkerSpec("a", body), {"input": "x"}) == body


@pytest.mark.parametrize(
    ("body", "fields", "text"),
    [
        ("Dear {{ name }},", {"name": "Ann"}, "Dear Ann,"),
        ("{% for n in list %}{{ n }};{% endfor %}", {"list": [1, 2]}, "1;2;"),
        ("{{ person.name|upper }}", {"person": {"name": "ann"}}, "ANN"),
        ("{% if flag %}yes{% else %}no{% endif %}", {"flag": False}, "no"),
        ("{{ input }}", {"input": "{{ 7*7 }}"}, "{{ 7*7 }}"),
        ("{{ input }}", {"input": "<b> & {% raw %}"}, "<b> & {% raw %}"),
        ("{{ missing | default('none') }}", {}, "none"),
        ("{{ [missing, 1] | select('defined') | list }}", {}, "[1]"),
        ("{{ n }}", {"n": None}, "None"),
        ("a\n", {}, "a"),
    ],
)
def test_a_template_renders_over_json(body: str, fields: dict[str, Any], text: str) -> None:
    assert render(jinja(body), fields) == text


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("one\n{% if %}", 6, "Expected an expression"),
        ("{% for %}", 5, ""),
        ("one\ntwo\n{{ nope }}", 7, "'nope' is undefined"),
        ("{{ input.nope }}", 5, "has no attribute 'nope'"),
        ("{{ [nope] }}", 5, "'nope' is undefined"),
        ("{{ {'a': [nope]} }}", 5, "'nope' is undefined"),
        ("{{ [nope]|string }}", 5, "'nope' is undefined"),
        ("{{ [[nope]]|join }}", 5, "'nope' is undefined"),
        ("{{ '%r'|format(nope) }}", 5, "'nope' is undefined"),
        ("{{ input|map(attribute='__class__')|list }}", 5, "access to attribute '__class__' of 'str'"),
        ("{{ [input]|groupby('x') }}", 5, "has no attribute 'x'"),
        ("\n\none\n{{ 1 / 0 }}", 8, "division by zero"),
        ("{{ input + 1 }}", 5, "can only concatenate str"),
        ("{% for a in 5 %}{% endfor %}", 5, "not iterable"),
        ("{% include 'a.txt' %}", 5, "no loader for this environment"),
        ("{{ input[0][5:]|int|round(precision=[]) }}", 5, ""),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 5, "maximum recursion depth"),
        ("{{ input.upper().__class__ }}", 5, "unsafe"),
    ],
)
def test_errors_name_file_and_line(body: str, line: int, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        render(jinja(body), {"input": "x"})
    assert str(caught.value).startswith(f"a.worker:{line}: template: ")
    assert words in str(caught.value)


def test_a_worker_made_by_python_has_no_file() -> None:
    with pytest.raises(SpecError, match=r"^template: 'nope' is undefined$"):
        render(WorkerSpec("a", "{{ nope }}", template="jinja2"), {})


@pytest.mark.policy("tpl-second-order")
@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% raw %}", "{# x #}", "{{ input }}", "{{"])
def test_an_input_appears_as_itself(text: str) -> None:
    fields = {"input": text, "list": [text], "inner": {"key": text}}
    body = "{{ input }}|{{ list|join }}|{{ inner.key }}|{% set x %}{{ input }}{% endset %}{{ x ~ input }}"
    assert render(jinja(body), fields) == "|".join([text, text, text, text + text])


@pytest.mark.policy("tpl-include-link")
@pytest.mark.parametrize("body", ["{% include 'l' %}", "{% extends 'l' %}", "{% import 'l' as l %}"])
def test_no_file_reaches_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "l").symlink_to(tmp_path / "secret")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="no loader for this environment") as caught:
        render(jinja(body), {})
    assert "SECRET" not in str(caught.value)


def test_a_template_is_as_small_as_front_matter_must_be() -> None:
    assert render(WorkerSpec("a", "x" * 65_536, template="jinja2"), {}) == "x" * 65_536
    with pytest.raises(SpecError, match="larger than 65536 bytes"):
        render(WorkerSpec("a", "x" * 65_537, template="jinja2"), {})


def test_objects_become_plain_values() -> None:
    class Dangerous(str):
        __slots__ = ()

        def title(self) -> str:
            return "called"

    assert render(jinja("{{ input.title() }}"), {"input": Dangerous("text")}) == "Text"
    with pytest.raises(SpecError, match="not JSON serializable"):
        render(jinja("{{ input }}"), {"input": object()})
