"""What samples show about a test: verdicts, what they do to the test, and claims that nothing can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

INFRA = """
from llm_do.errors import RunFailed

def busy():
    return RunFailed("429, try later", error_class="infra")

"""


def test_without_a_rate_every_sample_has_to_pass_and_the_bound_is_told(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20)
async def test_all(sample):
    assert sample.index < 20

@pytest.mark.llm_samples(20)
async def test_most(sample):
    assert sample.index < 19
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL: 19/20 samples passed, and without min_pass_rate every one has to; the true pass rate is *",
            "  sample 19 (fail): AssertionError: assert 19 < 19",
            ">*assert sample.index < 19",
            "*= llm samples =*",
            "*k/n    bounds, 95 % each*",
            "test_suite.py",
            "  PASS test_all *20/20 -> true rate >= 86.1 %",
            "  FAIL test_most *19/20 -> true rate 78.4-99.7 %  not all",
            "      19/20 samples passed, and without min_pass_rate every one has to; *",
        ]
    )


def test_with_a_rate_a_verdict_says_what_was_shown(suite: Suite) -> None:
    source = """
@pytest.mark.parametrize("passing", [20, 18, 8])
@pytest.mark.llm_samples(20, min_pass_rate=0.75)
async def test_rate(sample, passing):
    assert sample.index < passing
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=2)
    verdicts = {name: test["verdict"] for name, test in suite.tests().items()}
    assert verdicts == {"test_rate[20]": "PASS", "test_rate[18]": "INCONCLUSIVE", "test_rate[8]": "FAIL"}
    result.stdout.fnmatch_lines(
        [
            "*: 18/20 samples passed; not settled: *; at least 3 more samples, all passing, would show 0.75",
            "*: 8/20 samples passed; shown: true pass rate < 0.75 (bound 60.6 %, 95 % confidence)",
            "*= llm samples =*",
            "  INCONCLUSIVE test_rate[[]18[]] *18/20 -> true rate 71.7-98.2 % *not yet",
            "  PASS test_rate[[]20[]] *20/20 -> true rate >= 86.1 % *>= 0.75",
            "  FAIL test_rate[[]8[]] *8/20 -> true rate 21.7-60.6 % *< 0.75",
        ]
    )


@pytest.mark.parametrize(
    ("choice", "outcome"), [("fail", {"failed": 1}), ("xfail", {"xfailed": 1}), ("pass", {"passed": 1})]
)
def test_the_user_says_what_an_inconclusive_verdict_does(
    suite: Suite, choice: str, outcome: dict[str, int]
) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_open(sample):
    assert sample.index != 3
"""
    result = suite.run(source, f"--llm-inconclusive={choice}")
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["  INCONCLUSIVE test_open *19/20*", f"llm_inconclusive = {choice}"])


@pytest.mark.parametrize(
    "args", [(), ("--collect-only",), pytest.param(("-p", "xdist", "-n2"), marks=pytest.mark.slow)]
)
def test_a_number_that_can_never_show_its_rate_is_an_error_of_collection(
    suite: Suite, args: tuple[str, ...]
) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.95)
async def test_hopeless(sample):
    assert True

@pytest.mark.llm_samples(20, min_pass_rate=0.85)
async def test_feasible(sample):
    assert True

def test_of_others():
    assert True
"""
    result = suite.run(source, *args)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "20 samples can never show 0.95: 20/20 shows only 0.861. Needs >= 59 samples (all passing). *",
            "ERROR test_suite.py::test_hopeless *",
        ]
    )
    if "--collect-only" not in args:
        result.assert_outcomes(errors=1, passed=2)


def test_a_number_too_small_from_the_option_is_inconclusive(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.95)
async def test_few(sample):
    assert True
"""
    result = suite.run(source, "--llm-samples=5")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["test_suite.py I *"])
    result.stdout.fnmatch_lines(["INCONCLUSIVE test_suite.py::test_few - *"])
    result.stdout.fnmatch_lines(["INCONCLUSIVE: 5/5 samples passed; not settled: *at least 54.9 %*"])


def test_what_is_not_refuted_has_letters_and_words_of_its_own_among_the_failed(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
    source = (
        INFRA
        + """
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_open(sample):
    assert sample.index > 1

@pytest.mark.llm_samples(2)
async def test_busy(sample):
    assert sample.index < 2
    raise busy()

@pytest.mark.llm_samples(2)
async def test_asks(llm_do):
    assert (await llm_do.run("hi")).output

@pytest.mark.llm_samples(2)
async def test_refuted(sample):
    assert sample.index > 2
"""
    )
    result = suite.run(source, "-o", "console_output_style=classic")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["test_suite.py IV?F"])
    for word, name in (
        ("VOID", "busy"),
        ("INCONCLUSIVE", "open"),
        ("INCOMPLETE", "asks"),
        ("FAILED", "refuted"),
    ):
        result.stdout.fnmatch_lines([f"{word} test_suite.py::test_{name} - *"])


def test_a_guard_fails_only_when_the_rate_is_refuted(suite: Suite) -> None:
    source = """
@pytest.mark.parametrize("passing", [19, 15])
@pytest.mark.llm_samples(20, min_pass_rate=0.9, mode="guard")
async def test_guard(sample, passing):
    assert sample.index < passing
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  PASS *[[]19[]] *19/20 -> true rate 78.4-99.7 %  not < 0.9"])


def test_infrastructure_is_told_by_type_and_too_much_of_it_voids(suite: Suite) -> None:
    source = (
        INFRA
        + """
@pytest.mark.parametrize("broken", [1, 2])
@pytest.mark.llm_samples(20)
async def test_busy(sample, broken, spoilt):
    spoilt(sample.index, broken)
    assert True

@pytest.mark.llm_samples(20, max_infra=0.5)
async def test_tolerant(sample, spoilt):
    spoilt(sample.index, 10)
    assert True

@pytest.mark.llm_samples(20, max_infra=0.5)
async def test_for_ever(sample):
    if sample.index == 3:
        raise busy()
    assert True

@pytest.fixture
def spoilt():
    seen = set()

    def spoil(index, below):
        if index < below and index not in seen:
            seen.add(index)
            raise busy()

    return spoil

@pytest.mark.llm_samples(2)
async def test_text_is_not_type(sample):
    assert True
    raise RuntimeError("429 infra rate limit")
"""
    )
    result = suite.run(source)
    result.assert_outcomes(passed=3, failed=2)
    tests = suite.tests()
    assert tests["test_busy[1]"]["outcomes"] == {"pass": 20, "fail": 0, "error": 0, "infra": 1}
    assert (tests["test_busy[1]"]["verdict"], tests["test_busy[1]"]["n"]) == ("PASS", 20)
    assert tests["test_busy[2]"]["verdict"] == "VOID"
    assert tests["test_tolerant"]["outcomes"] == {"pass": 20, "fail": 0, "error": 0, "infra": 10}
    assert tests["test_for_ever"]["outcomes"] == {"pass": 19, "fail": 0, "error": 0, "infra": 4}
    assert tests["test_text_is_not_type"]["outcomes"]["error"] == 2
    result.stdout.fnmatch_lines(
        ["VOID: 2 attempts of 20 samples ended in infrastructure errors, more than max_infra=0.05 allows: *"]
    )


def test_a_time_limit_of_the_user_is_a_failure_and_an_unusable_answer_too(suite: Suite) -> None:
    source = """
import asyncio
from llm_do.errors import Refused, RunFailed, UsageError

ENDS = [TimeoutError(),
        RunFailed("too slow", error_class="timeout"), RunFailed("cut", error_class="truncation"),
        Refused("no"), UsageError("wrong"), ValueError("bug"), asyncio.CancelledError()]

@pytest.mark.llm_samples(8)
async def test_ends(sample):
    assert sample.index < 8
    if sample.index:
        raise ENDS[sample.index - 1]
"""
    suite.run(source).assert_outcomes(failed=1)
    assert suite.tests()["test_ends"]["outcomes"] == {"pass": 1, "fail": 4, "error": 3, "infra": 0}


def test_samples_that_failed_are_reported_as_xfailed_subtests(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.5)
async def test_mostly(sample, invariant):
    invariant("even", sample.index % 10, failure="odd one")
    assert sample.index != 4
"""
    result = suite.run(source, "-v", "-rx")
    result.assert_outcomes(passed=1, xfailed=3)
    result.stdout.fnmatch_lines(
        [
            "*test_mostly SUBXFAIL[[]sample 0]*",
            "*test_mostly SUBXFAIL[[]sample 4]*",
            "*test_mostly SUBXFAIL[[]sample 10]*",
            "*test_mostly PASSED*",
            "    failures: assertion in 1, odd one in 2",
            "SUBXFAIL[[]sample 0] *test_mostly - fail: invariant 'even' is false",
            "SUBXFAIL[[]sample 4] *test_mostly - fail: AssertionError: assert 4 != 4",
        ]
    )


def test_invariants_are_judged_by_name_and_by_the_rate_of_the_test(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_named(sample, invariant):
    assert invariant("first", True)
    if sample.index == 0:
        raise ValueError("ended before the second")
    assert invariant("second", sample.index > 8) == (sample.index > 8)
    invariant("third", sample.index < 20)
    invariant("third", sample.index != 19)
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["    PASS third *18/20 -> true rate 71.7-98.2 %  >= 0.7"])
    [test] = suite.tests().values()
    rows = {each["name"]: (each["k"], each["n"], each["verdict"]) for each in test["invariants"]}
    assert rows == {"first": (20, 20, "PASS"), "second": (11, 20, "INCONCLUSIVE"), "third": (18, 20, "PASS")}
    assert (test["k"], test["verdict"]) == (10, "FAIL")


def test_an_invariant_that_samples_skip_counts_against_the_test(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.75)
async def test_skipping(sample, invariant):
    invariant("always", True)
    if sample.index > 1:
        invariant("mostly", True)
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["INCONCLUSIVE: 20/20 samples passed; INCONCLUSIVE by invariant 'mostly'"])


@pytest.mark.parametrize("how", ["body", "mark"])
def test_what_must_always_hold_may_not_break_once(suite: Suite, how: str) -> None:
    mark = ", must_pass=['no card number']" if how == "mark" else ""
    must = ", must=True" if how == "body" else ""
    source = f"""
@pytest.mark.llm_samples(20, min_pass_rate=0.5{mark})
async def test_must(sample, invariant):
    invariant("no card number", sample.index != 7{must}, failure="hallucination")
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    [test] = suite.tests().values()
    assert (test["verdict"], test["k"], test["failures"]) == ("FAIL", 19, {"hallucination": 1})
    result.stdout.fnmatch_lines(
        [
            "FAIL: 19/20 samples passed; FAIL by invariant 'no card number'",
            "  FAIL invariant 'no card number': 19/20 held; it must always hold, and broke in sample 7",
        ]
    )


def test_a_name_in_must_pass_that_no_sample_checks_fails(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.8, must_pass=["no card nubmer"])
async def test_typo(invariant):
    invariant("no card number", True)
"""
    suite.run(source).assert_outcomes(failed=1)
    [test] = suite.tests().values()
    assert test["invariants"][-1] | {"sentence": ""} == {
        "name": "no card nubmer",
        "k": 0,
        "n": 20,
        "bound": 0.0,
        "upper_bound": pytest.approx(0.139108, abs=1e-6),
        "min_pass_rate": 0.8,
        "verdict": "FAIL",
        "sentence": "",
    }


def test_a_false_invariant_fails_a_single_test_after_its_last_line(suite: Suite) -> None:
    source = """
reached = []

async def test_single(invariant):
    invariant("queue", False)
    reached.append(1)

def test_after():
    assert reached == [1]
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["invariant 'queue' is false"])


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("'many'", "llm_samples: 'many' is no number of samples; give an integer from 1"),
        ("0", "llm_samples: 0 is no number of samples; give an integer from 1"),
        ("5, 6", "llm_samples takes one number of samples, and 2 were given"),
        ("5, min_passrate=0.8", "unknown keyword 'min_passrate'; did you mean 'min_pass_rate'?"),
        ("5, rate=0.8", "unknown keyword 'rate'; *"),
        ("5, min_pass_rate=1.0", "no number of samples shows a rate of 1; leave it out *"),
        ("5, min_pass_rate='high'", "llm_samples: *"),
        ("5, min_pass_rate=80", "min_pass_rate is 80, not between 0 and 1"),
        ("5, mode='guard'", 'mode="guard" needs a min_pass_rate to guard'),
        ("5, mode='prov'", "mode is 'prov'; write prove or guard"),
        ("5, must_pass='name'", "must_pass is a list of names of invariants"),
        ("5, max_infra=5", "max_infra is 5, not from 0 to 1"),
        ("5, target=0.9", "target is 0.9, not between min_pass_rate and 1"),
        ("20, min_pass_rate=0.8, target=0.7", "target is 0.7, not between min_pass_rate and 1"),
        (
            "5, stop='sequential'",
            'stop="sequential" needs a min_pass_rate to prove: what is settled stops it',
        ),
        ("5, stop='early'", "stop is 'early'; write sequential or fixed"),
    ],
)
def test_a_wrong_mark_is_an_error_that_says_what_to_do(suite: Suite, mark: str, message: str) -> None:
    source = f"""
@pytest.mark.llm_samples({mark})
async def test_wrong(sample):
    assert True
"""
    result = suite.run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{message}*"])
