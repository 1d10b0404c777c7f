"""The page of a session, as it is drawn and as it is read aloud."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from typing import Any

from sessions import EVIDENCE, FAMILY, entry, named

from llm_do_eval.plugin.page import page

EVIL = '<script>alert("x")</script><svg onload=alert(1)>'


def html(*tests: dict[str, Any]) -> str:
    return page({"schema": "llm-do-eval/session/v1", "tests": list(tests)})


def plots(text: str) -> list[ET.Element]:
    return [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def classes(plot: ET.Element) -> list[str]:
    return [each.attrib["class"] for each in plot.iter() if each.get("class") not in (None, "axis", "tick")][
        1:
    ]


def test_each_test_and_invariant_has_a_plot_that_says_itself_in_words() -> None:
    test = entry("INCONCLUSIVE", target=0.95, invariants=[named("queue"), named("tone", "FAIL")])
    found = plots(html(test, entry("VOID", "test_suite.py::test_b")))
    assert len(found) == 4
    assert [plot.findtext("title") for plot in found] == [
        "INCONCLUSIVE test_suite.py::test_a",
        "PASS queue",
        "FAIL tone",
        "VOID test_suite.py::test_b",
    ]
    asked = "Asked for: at least 0.8."
    assert [plot.findtext("desc") for plot in found] == [
        f"19/20 passed. The true rate is 78.4-99.7 %, each bound one-sided. {asked} Target: 0.95.",
        f"20/20 passed. The true rate is >= 86.1 %, each bound one-sided. {asked} Target: 0.95.",
        f"3/20 passed. The true rate is 4.2-34.4 %, each bound one-sided. {asked} Target: 0.95.",
        f"10/18 passed, and nothing is shown by it. {asked}",
    ]
    for plot in found:
        named_by = plot.attrib["aria-labelledby"].split()
        assert [plot.find(f"*[@id='{name}']") is not None for name in named_by] == [True, True]
    ids = [each.attrib["id"] for plot in found for each in plot.iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids)) == 8


def test_a_plot_draws_what_is_known() -> None:
    whole, certain, void = plots(
        html(
            entry("INCONCLUSIVE", target=0.95), entry("PASS", min_pass_rate=None), entry("VOID", "a.py::void")
        )
    )
    assert classes(whole) == ["range", "bound", "bound", "required", "target", "rate"]
    assert classes(certain) == ["range", "bound", "rate"]
    assert classes(void) == ["required"]


def test_text_stands_beside_every_plot() -> None:
    text = html(entry("PASS", cost_usd=0.034), entry("VOID", "a.py::void"))
    assert re.findall(r'<span class="beside">(.*?)</span>', text) == ["&gt;= 86.1 %", "nothing shown"]
    assert "$0.03" in text


def test_the_page_allows_its_own_style_and_nothing_else() -> None:
    text = html(entry("PASS", f"a.py::t[{EVIL}]", sentence=EVIL, invariants=[named(EVIL)]))
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    tags = re.findall(r"<[a-z][^>]*>", text)
    assert len([tag for tag in tags if tag.startswith("<svg")]) == 2
    assert [tag for tag in tags if re.search(r"^<script|\b(style|src|href|on\w+)=", tag)] == []


def test_fields_that_are_new_or_missing_change_nothing() -> None:
    bare = {
        "test": "a.py::b",
        "verdict": "PASS",
        "k": 3,
        "n": 3,
        "evidence": EVIDENCE,
        "outcomes": {"pass": 3},
    }
    assert len(plots(html(bare))) == 1
    new = entry("PASS", families=[1], comparison={"verdict": "FAIL"}, looks=[5, 10])
    assert html(new) == html(entry("PASS"))


def test_what_else_is_known_stands_below_a_test_and_families_below_all() -> None:
    metrics = {"pass^3": {"value": 0.7, "bound": 0.2, "upper_bound": 0.9}}
    text = page(
        {
            "tests": [entry(metrics=metrics, warnings=["<all> at temperature 0"], failures={"tone": 2})],
            "families": [FAMILY],
        }
    )
    notes = re.findall(r'<span class="note">(.*?)</span>', text)
    assert notes == [
        "pass^3: 70 %, between 20 % and 90 % (95 % confidence each)",
        "failures: tone in 2",
        "warning: &lt;all&gt; at temperature 0",
        "recorded 2026-11-02, openai:some-model, n=20, replayed",
    ]
    assert "<p>test_suite.py::test_a: 3 inputs, 27/30 samples passed</p>" in text
    assert len(re.findall("<li>(these inputs|inputs like these): ", text)) == 2


def test_a_session_without_tests_says_so() -> None:
    assert "no sampled test has run" in html()
