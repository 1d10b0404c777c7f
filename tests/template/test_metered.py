"""No template takes memory or time beyond its limits; the plain sandbox of jinja2 does, as controls show."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from bounded import Bounded, bounded

from llm_do.errors import SpecError
from llm_do.project.spec import WorkerSpec
from llm_do.template.metered import MAX_SECONDS
from llm_do.template.price import MAX_TEXT
from llm_do.template.template import render

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the backstop needs RLIMIT_AS and /proc")

DOUBLING = "{%% set ns = namespace(x='%s') %%}{%% for i in range(60) %%}{%% set ns.x = %s %%}{%% endfor %%}"
BOMBS = {
    "multiply": "{{ 'a' * 10**9 }}",
    "multiply-left": "{{ 10**9 * 'a' }}",
    "multiply-data": "{{ text * 100000 }}",
    "multiply-list": "{{ [1] * 10**9 }}",
    "multiply-tuple": "{{ ((1, 2) * 10**9)|length }}",
    "multiply-twice": "{{ 'a' * 100000 * 100000 }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "power-tower": "{{ 9 ** 9 ** 9 ** 9 }}",
    "power-product": "{% set ns = namespace(x=2**200) %}"
    "{% for i in range(99999) %}{% set ns.x = ns.x * ns.x %}"
    "{% endfor %}",
    "double-plus": DOUBLING % ("a", "ns.x + ns.x"),
    "double-tilde": DOUBLING % ("a", "ns.x ~ ns.x"),
    "double-list": DOUBLING % ("a", "[ns.x, ns.x]") + "{{ ns.x }}",
    "double-list-compare": DOUBLING % ("a", "[ns.x, ns.x]") + "{{ ns.x == ns.x }}",
    "double-tuple-hash": DOUBLING % ("a", "(ns.x, ns.x)") + "{{ {ns.x: 1} }}",
    "double-dict": DOUBLING % ("a", "{'a': ns.x, 'b': ns.x}") + "{{ ns.x|tojson }}",
    "double-join": DOUBLING % ("a", "[ns.x, ns.x]|join"),
    "double-method": DOUBLING % ("aa", "ns.x.replace('a', 'aa')"),
    "double-filter": DOUBLING % ("aa", "ns.x|replace('a', 'aa')"),
    "double-format": DOUBLING % ("aa", "'%s%s'|format(ns.x, ns.x)"),
    "double-percent": DOUBLING % ("aa", "'%s%s' % (ns.x, ns.x)"),
    "double-named": DOUBLING % ("aa", "'%(a)s%(a)s' % {'a': ns.x}"),
    "double-kwargs": DOUBLING % ("aa", "'%(a)s%(a)s'|format(a=ns.x)"),
    "double-escape": DOUBLING % ("<", "ns.x|escape|tojson"),
    "double-block": "{% set a = 'aaaaaaaa' %}"
    + "".join(
        f"{{% set {new} %}}{{{{ {old} * 10 }}}}{{{{ {old} * 10 }}}}{{% endset %}}"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "center": "{{ ''|center(10**9) }}",
    "center-method": "{{ ''.center(10**9) }}",
    "ljust": "{{ ''.ljust(10**9) }}",
    "zfill": "{{ ''.zfill(10**9) }}",
    "expandtabs": "{{ '\t'.expandtabs(10**9) }}",
    "format-width": "{{ '%1000000000d'|format(1) }}",
    "format-precision": "{{ '%.1000000000f'|format(1) }}",
    "format-star": "{{ '%*d'|format(10**9, 1) }}",
    "format-star-precision": "{{ '%-.*f' % (10**9, 1) }}",
    "format-key": "{{ '%((a))1000000000d' % {'(a)': 1} }}",
    "format-percent": "{{ '%1000000000d' % 1 }}",
    "format-method": "{{ '{:1000000000}'.format(1) }}",
    "format-map": "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
    "join": "{{ ('a' * 90000)|join('a' * 90000) }}",
    "join-method": "{{ ('a' * 90000).join(['a'] * 90000) }}",
    "join-generator": "{{ range(90000)|map('center', 90000)|join }}",
    "list-generator": "{{ range(90000)|map('center', 90000)|list|length }}",
    "loop-generator": "{% for x in range(90000)|map('center', 90000) %}{{ loop.length }}{% endfor %}",
    "unpack-generator": "{{ dict(*range(90000)|map('center', 90000)) }}",
    "cycle-generator": "{{ cycler(*range(90000)|map('center', 90000)) }}",
    "replace": "{{ ('a' * 90000)|replace('a', 'b' * 90000) }}",
    "replace-empty": "{{ ('a' * 90000)|replace('', 'b' * 90000) }}",
    "replace-method": "{{ ('a' * 90000).replace('', 'b' * 90000) }}",
    "indent": "{{ ('a\n' * 90000)|indent(90000) }}",
    "indent-text": "{{ ('a\n' * 90000)|indent('b' * 90000) }}",
    "indent-named": "{{ ('a\n' * 90000)|indent(width='b' * 90000, blank=true) }}",
    "wordwrap": "{{ ('a' * 20000)|wordwrap(1, true, 'b' * 90000) }}",
    "wordwrap-time": "{{ ('a' * 300000)|wordwrap(1) }}",
    "tojson": "{{ ([1] * 90000)|tojson(indent=90000) }}",
    "batch": "{{ [1]|batch(10**9, 'x')|list }}",
    "slice": "{{ [1]|slice(10**9)|list|length }}",
    "sum": "{{ ([[1] * 90000] * 9)|sum(start=[])|length }}",
    "sum-positional": "{{ [[1]]|sum(none, [1] * 90000)|length }}",
    "round": "{{ 1.5|round(10**9, 'ceil') }}",
    "range": "{{ range(10**9)|list }}",
    "range-sum": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
    "loop-text": "{% for a in range(99999) %}" + "text " * 9000 + "{% endfor %}",
    "loop-captured": "{% set x %}{% for a in range(99999) %}" + "text " * 9000 + "{% endfor %}{% endset %}",
    "loop-condition": "{% for a in range(99999) if a in big %}{% endfor %}",
    "loop-constant": "{% for i in range(99999) %}{{ 'x'|center(90000) }}{% endfor %}",
    "select": "{{ range(90000)|select('in', big)|list }}",
    "macro": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "macro-text": "{% macro m(n) %}" + "text " * 9000 + "{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
    "{% endmacro %}{{ m(40) }}",
    "recursive-loop": "{% for a in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "self-call": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "caller": "{% macro m() %}{% for i in range(99999) %}{{ caller() }}{% endfor %}{% endmacro %}"
    "{% call m() %}{% for i in range(99999) %}x{% endfor %}{% endcall %}",
    "lipsum": "{{ lipsum(n=10**6) }}",
    "to-bytes": "{{ (1).to_bytes(10**9, 'big') }}",
    "translate": "{{ ('a' * 90000).translate({97: 'b' * 90000}) }}",
    "int-of-text": "{{ ('f' * 300000)|int(base=16) }}",
    "big-print": "{{ big }}{{ big }}{{ big }}{{ big }}{{ big }}{{ big }}",
}  # fmt: skip

OURS = """
from llm_do.project.spec import WorkerSpec
from llm_do.template.template import render
FIELDS = {"text": "a" * 100_000, "big": list(range(50_000, 100_000)), "data": [1]}
def act(body):
    return len(render(WorkerSpec("a", body, template="jinja2"), FIELDS))
"""
PLAIN = """
from jinja2.sandbox import ImmutableSandboxedEnvironment
def act(body):
    return len(ImmutableSandboxedEnvironment().from_string(body).render())
"""


QUICK = ("multiply", "power", "double-tilde", "double-list-compare", "format-width", "join-generator")
HUNGRY = ("multiply", "multiply-list", "center", "format-width", "format-method", "double-tilde", "replace")


@pytest.mark.policy("tpl-string-multiply")
def test_a_bomb_is_refused_before_it_goes_off() -> None:
    for outcome in bounded(OURS, [BOMBS[name] for name in QUICK]):
        assert outcome.said.startswith("SpecError: template: a ")
        assert outcome.seconds < MAX_SECONDS


def test_the_plain_sandbox_takes_all_the_memory_there_is() -> None:
    assert {each.said for each in bounded(PLAIN, [BOMBS[name] for name in HUNGRY])} == {"MemoryError"}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Bounded]:
    return dict(zip(BOMBS, bounded(OURS, list(BOMBS.values())), strict=True))


@pytest.mark.slow
@pytest.mark.policy("tpl-string-multiply")
@pytest.mark.parametrize("name", BOMBS)
def test_no_template_takes_more_than_its_limits(name: str, outcomes: dict[str, Bounded]) -> None:
    outcome = outcomes[name]
    assert outcome.said.startswith("SpecError: template: "), outcome
    assert "MemoryError" not in outcome.said
    assert outcome.seconds < 3 * MAX_SECONDS


def jinja(body: str, **fields: Any) -> str:
    return render(WorkerSpec("a", body, template="jinja2"), fields)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{{ 'ab' * 3 }}{{ [1] * 2 }}{{ 'a' * -1 }}", "ababab[1, 1]"),
        ("{{ 2 ** 10 + 7 // 2 - 7 % 4 }} {{ 1 / 4 }} {{ 2 ** -1 }}", "1024 0.25 0.5"),
        ("{{ 'a' ~ 1 ~ none ~ [2] }}", "a1None[2]"),
        ("{{ '%s is %5.2f%%'|format('x', 1.5) }}{{ ' %03d' % 7 }}", "x is  1.50% 007"),
        ("{{ '%(a)s' % {'a': 1} }}{{ '5 * %d' % 3 }}", "15 * 3"),
        ("{{ items|join(', ') }} {{ items|map('upper')|join }} {{ ', '.join(items) }}", "x, y XY x, y"),
        ("{{ items|select('equalto', 'x')|list }}{{ items|reverse|list }}", "['x']['y', 'x']"),
        (
            "{% for a in items %}{{ loop.index }}/{{ loop.length }}{{ loop.cycle('a', 'b') }} {% endfor %}",
            "1/2a 2/2b ",
        ),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{% for a in items if a != 'x' %}{{ a }}{% else %}none{% endfor %}", "y"),
        ("{% for a in [] %}{% else %}none{% endfor %}", "none"),
        ("{% for a in tree recursive %}{{ a.n }}{{ loop(a.c) }}{% endfor %}", "12"),
        ("{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"),
        (
            "{% set ns = namespace(n=0) %}{% for a in items %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ns.n}}",
            "2",
        ),
        (
            "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(*[3, 4]) }}{{ m(**{'a': 5}) }}",
            "123452",
        ),
        ("{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}", "<x>"),
        (
            "{% set x %}a{{ items[0] }}{% endset %}{{ x|length }}{% filter upper %}{{ x }}{% endfilter %}",
            "2AX",
        ),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}{% with c = 3 %}{{ c }}{% endwith %}", "123"),
        ("{% block b %}x{% endblock %}{{ self.b() }}", "xx"),
        ("{{ text|indent(2) }}|{{ text|indent('> ', true) }}", "one\n  two|> one\n> two"),
        ("{{ text|replace('o', '0') }} {{ 'a b'.split() }} {{ 'x'.ljust(3) }}|", "0ne\ntw0 ['a', 'b'] x  |"),
        ("{{ tree|tojson }} {{ {'a': '<'}|tojson(indent=1) }}", '[{"c": [], "n": 12}] {\n "a": "\\u003c"\n}'),
        ("{{ text|wordwrap(2) }} {{ text|truncate(5) }} {{ 'a b'|title }}", "on\ne\ntw\no one\ntwo A B"),
        ("{{ '<'|e }}{{ ('<' ~ '<'|e)|upper }}{{ '<b>'|safe }}", "&lt;<&LT;<b>"),
        ("{{ tree|map(attribute='n')|sum }} {{ [3, 1]|sort }} {{ [1, 1]|unique|list }}", "12 [1, 3] [1]"),
        ("{% for g in tree|groupby('n') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}", "121"),
        (
            "{{ range(3)|list }} {{ range(3) }} {{ dict(a=1) }} {{ '12'|int + 1 }}",
            "[0, 1, 2] range(0, 3) {'a': 1} 13",
        ),
        ("{{ [1, 2, 3, 4, 5]|batch(2, 'x')|list }}", "[[1, 2], [3, 4], [5, 'x']]"),
        (
            "{{ 'x' in items and 'z' not in items }} {{ items is iterable }} {{ 4 is divisibleby(2) }}",
            "True True True",
        ),
        ("{{ missing|default('d') }} {{ missing is defined }} {{ none|default('d', true) }}", "d False d"),
        ("{% include ['a', 'b'] ignore missing %}x", None),
    ],
)  # fmt: skip
def test_what_templates_are_written_for_works(body: str, text: str | None) -> None:
    fields: dict[str, Any] = {"items": ["x", "y"], "text": "one\ntwo", "tree": [{"n": 12, "c": []}]}
    if text is None:
        with pytest.raises(SpecError, match="no loader for this environment"):
            jinja(body, **fields)
    else:
        assert jinja(body, **fields) == text


def test_large_data_is_fine_up_to_the_limit() -> None:
    lines = [{"n": number, "text": "x" * 80} for number in range(5_000)]
    body = "{% for line in lines %}{{ line.n }}: {{ line.text|upper }}\n{% endfor %}"
    assert len(jinja(body, lines=lines)) == sum(len(f"{each['n']}: {each['text']}\n") for each in lines)
    assert len(jinja("{{ text }}", text="x" * (MAX_TEXT - 100))) == MAX_TEXT - 100


@pytest.mark.parametrize(
    ("body", "fields", "says"),
    [
        ("x", {"text": "x" * (MAX_TEXT + 1)}, "the input is larger than 1000000 characters"),
        ("{{ text }}{{ text }}", {"text": "x" * 600_000}, "it writes more than 1000000 characters"),
        ("{{ lipsum() }}", {}, "'lipsum' is undefined"),
        ("{{ items|map('upper') }}", {"items": []}, "a generator cannot be printed; a list can, by |join"),
        ("{{ loop_ }}{{ cycler(1) }}", {"loop_": 1}, "a Cycler cannot be printed"),
        ("{{ items|random }}", {"items": [1]}, "No filter named 'random'"),
        ("{{ items|sum(start=[]) }}", {"items": [1]}, "sum adds numbers; join texts by |join"),
        ("{{ 'x'.encode() }}", {}, "'encode' cannot be called in a template"),
        ("{{ 'a' * big }}", {"big": 10**40}, "a value would be larger"),
        ("{{ big }}", {"big": 10**400}, "the input is larger"),
        (
            "{{ x }}",
            {"x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}, "the input is larger",
        ),
    ],
)  # fmt: skip
def test_limits_say_what_they_are(body: str, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=r"^template: ") as caught:
        jinja(body, **fields)
    assert says in str(caught.value)


def test_time_runs_out_by_the_clock_that_is_passed() -> None:
    ticks = iter(range(10))
    spec = WorkerSpec("a", "{% for a in [1, 2, 3, 4] %}{{ a|upper }}{% endfor %}", template="jinja2")
    with pytest.raises(SpecError, match=r"^template: rendering took longer than 2 s; make it simpler$"):
        render(spec, {}, monotonic=lambda: float(next(ticks)))
