"""What `--junitxml` holds of sampled tests."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from sessions import entry, named

from llm_do_eval.plugin.junit import properties_of

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

MIXED = """
@pytest.mark.llm_samples(20, min_pass_rate=0.5)
async def test_mostly(sample, invariant):
    invariant("even \\x1b[31m", sample.index % 10, failure="odd one")
    assert sample.index != 4

@pytest.mark.llm_samples(20)
async def test_never(sample):
    assert sample.index < 0

def test_plain():
    assert True
"""
ALONE: tuple[str, ...] = ()
SPREAD = ("-p", "xdist", "-n2")


def cases(suite: Suite) -> dict[str, ET.Element]:
    root = ET.parse(suite.path / "junit.xml").getroot()
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def properties(case: ET.Element) -> dict[str, str]:
    return {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}


@pytest.mark.parametrize("how", [ALONE, pytest.param(SPREAD, marks=pytest.mark.slow)])
def test_a_case_holds_what_is_known_and_no_skip_of_a_sample(suite: Suite, how: tuple[str, ...]) -> None:
    result = suite.run(MIXED, "--junitxml=junit.xml", "-v", *how)
    result.assert_outcomes(passed=2, failed=1, xfailed=23)
    root = ET.parse(suite.path / "junit.xml").getroot()
    [whole] = root.iter("testsuite")
    counts = {name: whole.attrib[name] for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": "3", "failures": "1", "skipped": "0", "errors": "0"}
    assert list(root.iter("skipped")) == []
    mostly, never, plain = (cases(suite)[name] for name in ("test_mostly", "test_never", "test_plain"))
    assert [each.tag for each in mostly] == ["properties"]
    assert [each.tag for each in never] == ["properties", "failure"]
    assert list(plain) == []
    known = properties(mostly)
    expected = {
        "llm.verdict": "PASS",
        "llm.k": "17",
        "llm.n": "20",
        "llm.confidence": "0.95",
        "llm.min_pass_rate": "0.5",
        "llm.sentence": "17/20 samples passed; shown: true pass rate >= 0.5 (bound 65.6 %, 95 % confidence)",
        "llm.outcomes.fail": "3",
        "llm.failures.odd one": "2",
        "llm.invariants.even ?[31m.verdict": "PASS",
        "llm.invariants.even ?[31m.k": "18",
        "llm.evidence.replayed": "false",
        "llm.samples.4": "fail: AssertionError: assert 4 != 4",
    }
    assert {name: known.get(name) for name in expected} == expected
    assert float(known["llm.bound"]) == pytest.approx(0.656336, abs=1e-6)
    assert properties(never)["llm.verdict"] == "FAIL"


def test_the_control_without_our_care_has_a_skip_in_a_passing_case(suite: Suite) -> None:
    source = """
def test_passes(subtests):
    with subtests.test("one"):
        pytest.xfail("expected")
"""
    suite.run(source, "--junitxml=junit.xml").assert_outcomes(passed=1)
    assert [each.tag for each in cases(suite)["test_passes"]] == ["skipped"]


def test_a_tear_down_that_fails_too_takes_no_property_away(suite: Suite) -> None:
    source = """
@pytest.fixture
def broken():
    yield
    raise ValueError("too late")

@pytest.mark.llm_samples(2)
async def test_both(sample, broken):
    assert sample.index < 0
"""
    suite.run(source, "--junitxml=junit.xml").assert_outcomes(failed=1, errors=1)
    found = list(ET.parse(suite.path / "junit.xml").getroot().iter("testcase"))
    assert [properties(case)["llm.verdict"] for case in found] == ["FAIL", "FAIL"]


def test_every_value_of_a_test_is_a_property_also_those_that_are_new() -> None:
    test = entry(
        invariants=[named("queue", "FAIL")],
        metrics={"pass^3": {"estimate": 0.75}},
        families=[{"name": "de", "k": 3}],
        looks=[5, 10],
        stopped=True,
        comparison=None,
        empty=[],
    )
    found = properties_of(test)
    assert found["llm.bound"] == "0.860891659332"
    assert found["llm.invariants.queue.verdict"] == "FAIL"
    assert found["llm.metrics.pass^3.estimate"] == "0.75"
    assert found["llm.families.de.k"] == "3"
    assert found["llm.looks"] == "[5, 10]"
    assert found["llm.stopped"] == "true"
    assert found.keys().isdisjoint({"llm.test", "llm.comparison", "llm.target", "llm.empty", "llm.failures"})


def test_names_of_properties_are_such_as_xml_takes() -> None:
    found = properties_of({"invariants": [named("a\x00\n\ud800\uffffb")]})
    assert set(found) >= {"llm.invariants.a?b.k"}
