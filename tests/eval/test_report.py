from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from observed import call, failed, run_of, user

from llm_do.errors import FormatError
from llm_do_eval.condition import condition
from llm_do_eval.health import Health
from llm_do_eval.importers.keys import Keys
from llm_do_eval.importers.openai_chat import read
from llm_do_eval.report import SCHEMA, Report, Wishes, build, document
from llm_do_eval.tables.trace import Reading

if TYPE_CHECKING:
    from llm_do_eval.observation import Run

WRITES = ("book_*", "cancel_*", "send_certificate", "update_*")
FREE_TEXT = ("calculate.expression", "think.thought", "transfer_to_human_agents.summary")


def observed() -> list[Run]:
    rng = random.Random(8)
    return [
        run_of(
            user(f"ticket T{n % 9}"),
            call("look", {"ticket": f"T{n % 9}"}, {"owner": n % 5, "cost": 0.1 * n}, effect="read"),
            call("pay", {"owner": rng.randrange(5), "note": "x"}, {"paid": True}, effect="write")
            if n % 3
            else failed("pay", {"owner": n % 5}, f"Error: owner {n} is unknown"),
            call("label", {"n": n % 4}, rng.choice(["a", "b"]), impl="worker", cost_usd=0.1, latency_s=0.3),
            run=f"r{n}",
            cluster=n % 9,
            input={"ticket": n % 9},
            output=rng.choice(["done", "failed"]),
            ok=[True, False, None][n % 3],
            cost_usd=0.1 * n,
            latency_s=1 / (n + 1),
            offered=["look", "pay", "label", "rest"],
        )
        for n in range(40)
    ]


def report_of(runs: list[Run], **wishes: Any) -> Report:
    return build(runs, Wishes(**wishes), Health())


def test_totals() -> None:
    data = report_of([*observed(), run_of(run="silent", cluster=99)]).data
    assert (data.runs, data.clusters, data.calls, data.runs_without_calls) == (41, 10, 120, 1)
    assert (data.ok_runs, data.ok_known) == (14, 27)
    assert [(problem.kind, problem.count) for problem in data.problems] == [("missing-outcome", 14)]


def test_the_order_of_runs_does_not_matter() -> None:
    runs = observed()
    expected = json.dumps(document(report_of(runs)))
    for seed in range(6):
        random.Random(seed).shuffle(runs)
        assert json.dumps(document(report_of(runs))) == expected


def test_the_document_has_the_published_form() -> None:
    found = json.loads(json.dumps(document(report_of(observed()))))
    assert found["schema"] == SCHEMA == "llm-do-eval/report/v1"
    data = {"runs", "clusters", "calls", "runs_without_calls", "ok_runs", "ok_known", "origin", "problems"}
    assert set(found.pop("data")) == data
    tool = {"name", "impl", "calls", "runs", "clusters", "errors", "error_classes", "purity", "last"}
    rows = {
        "tools": tool | {"offered_runs"},
        "agreement": {"view", "clusters_all_equal", "clusters", "pairs_equal", "pairs", "modal", "runs"},
        "transitions": {"from", "to", "count", "runs"},
        "arguments": {"path", "leaves", "derived", "null", "verdict", "reason"},
        "repeatability": {"site", "inputs", "repeated_inputs", "agreement", "verdict"},
        "outputs": {"site", "distinct", "modal", "correct"},
        "candidates": {"id", "kind", "site", "verdict", "reason", "evidence", "needs_clusters", "saving"},
    }
    assert {name: fields <= set(found[name][0]) for name, fields in rows.items()} == dict.fromkeys(rows, True)
    assert set(found) == {"schema", "drift", *rows}


def test_tools_are_counted_as_they_were() -> None:
    label, *others = document(report_of(observed()))["tools"]
    assert (label["name"], label["impl"], label["last"]) == ("label", {"worker": 40}, (40, 40))
    (pay,) = (each for each in others if each["name"] == "pay")
    assert pay["error_classes"] == [{"text": "Error: owner N is unknown", "count": 14}]
    assert (others[-1]["name"], others[-1]["calls"], others[-1]["offered_runs"]) == ("rest", 0, 40)


def test_every_candidate_carries_its_evidence() -> None:
    report = report_of(observed())
    found = {each.kind for each in report.candidates}
    outputs, tools = {"constant_output", "label_set"}, {"pure_tool", "terminal_tool", "unused_tool"}
    assert found == outputs | tools | {"determined_argument", "closed_argument", "constant_argument"}
    fields = {"calls", "runs", "clusters", "distinct", "held_out", "bound", "null", "chance", "correct"}
    for each in document(report)["candidates"]:
        assert fields | {"self_agreement"} <= set(each["evidence"])
        assert 0 <= each["evidence"]["bound"] <= 1
        assert each["reason"]
        assert (each["needs_clusters"] is None) == (each["verdict"] in ("rejected", "harmful"))


def test_ids_are_unique_and_verdicts_are_ranked() -> None:
    candidates = report_of(observed()).candidates
    assert len({each.id for each in candidates}) == len(candidates)
    order = ["candidate", "harmful", "needs-data", "rejected"]
    ranks = [order.index(each.verdict) for each in candidates]
    assert ranks == sorted(ranks)


def test_rare_sites_can_be_left_out() -> None:
    runs = [*observed(), run_of(call("rare", {"a": 1}), call("rare", {"a": 1}), run="x")]
    assert any("rare" in each.site for each in report_of(runs).candidates)
    assert not any("rare" in each.site for each in report_of(runs, min_runs=2).candidates)


def test_a_large_input_is_sampled_and_says_so() -> None:
    report = report_of(observed(), leaf_limit=30)
    (problem,) = (each for each in report.data.problems if each.kind == "sampled-arguments")
    assert problem.count == sum(row.leaves for row in report.arguments) >= 30
    assert report.data.calls == 120


def test_nothing_to_report_is_an_error() -> None:
    with pytest.raises(FormatError, match="no finished run"):
        report_of([])


def test_a_cluster_key_regroups_the_runs() -> None:
    report = report_of(observed(), reading=Reading(cluster="output"))
    assert report.data.clusters == 2


@pytest.fixture(scope="module")
def recordings() -> Path:
    folder = os.environ.get("LLM_DO_TEST_DATA")
    if not folder:
        pytest.skip("LLM_DO_TEST_DATA names no folder of recordings")
    found = Path(folder) / "tau-bench"
    return found if found.is_dir() else Path(folder)


@pytest.fixture(scope="module")
def airline(recordings: Path) -> dict[str, Any]:
    keys = Keys("traj", "task_id", "trial", None, condition("reward == 1"))
    runs = read(recordings / "airline-gpt-4o-tasks-00-34.json", keys)
    wishes = Wishes(Reading(writes=WRITES), FREE_TEXT)
    return json.loads(json.dumps(document(build(runs, wishes, Health()))))


@pytest.fixture(scope="module")
def numbers(recordings: Path) -> dict[str, Any]:
    return json.loads((recordings / "numbers-tasks-00-34.json").read_text(encoding="utf-8"))


def candidate(report: dict[str, Any], kind: str, site: str, source: str = "") -> dict[str, Any]:
    (found,) = (
        each
        for each in report["candidates"]
        if (each["kind"], each["site"]) == (kind, site) and each["id"].endswith(source)
    )
    return found


def test_airline_totals_and_agreement_are_exact(airline: dict[str, Any], numbers: dict[str, Any]) -> None:
    for key in ("runs", "clusters", "calls", "runs_without_calls", "ok_runs"):
        assert airline["data"][key] == numbers[key]
    assert airline["data"]["problems"] == [
        {
            "kind": "repeated-id",
            "count": numbers["runs_with_repeated_id"],
            "note": "runs that repeat a call id; results were paired by position there",
        }
    ]
    for row in airline["agreement"]:
        assert numbers["agreement"][row["view"]].items() <= row.items()
    assert len(airline["agreement"]) == len(numbers["agreement"])


def test_airline_tools_are_exact(airline: dict[str, Any], numbers: dict[str, Any]) -> None:
    tools = {row["name"]: row for row in airline["tools"]}
    assert {name: row["calls"] for name, row in tools.items()} == numbers["tool_counts"]
    assert {name: row["errors"] for name, row in tools.items() if row["errors"]} == numbers["errors"]
    assert {name: row["purity"] for name, row in tools.items() if row["purity"]} == numbers["purity"]
    assert tools["transfer_to_human_agents"]["last"] == numbers["terminal"]["transfer_to_human_agents"]
    derived = {name: row["fully_derived"] for name, row in tools.items() if row["fully_derived"]}
    assert derived == numbers["arguments"]["fully_derived"]
    worst = tools["book_reservation"]["error_classes"][0]
    assert worst["count"] == numbers["errors_amount"]
    assert worst["text"] == "Error: payment amount does not add up, total price is N, but paid N"


def test_airline_transitions_are_exact(airline: dict[str, Any], numbers: dict[str, Any]) -> None:
    rows = [[row["from"], row["to"], row["count"], row["runs"]] for row in airline["transitions"]]
    assert len(rows) == numbers["bigrams"]["distinct"]
    assert sum(row[2] for row in rows) == numbers["bigrams"]["total"]
    assert rows[: len(numbers["bigrams"]["top"])] == numbers["bigrams"]["top"]


def test_airline_arguments_are_exact(airline: dict[str, Any], numbers: dict[str, Any]) -> None:
    rows, expected = airline["arguments"], numbers["arguments"]
    assert {row["path"]: [row["derived"], row["leaves"]] for row in rows} == expected["paths"]
    assert sum(row["leaves"] for row in rows) == expected["leaves"]
    assert sum(row["in_user"] for row in rows) == expected["in_user"]
    assert sum(row["in_tool"] for row in rows) == expected["in_tool"]
    assert sum(row["derived"] for row in rows) == expected["in_user_or_tool"]


def test_airline_determined_arguments_are_exact(airline: dict[str, Any], numbers: dict[str, Any]) -> None:
    for rule, expected in numbers["determined"].items():
        path, _, source = rule.partition(" = ")
        found = candidate(airline, "determined_argument", f"arg:{path}", f":the {source}")
        assert found["evidence"]["agree"] == [expected["k"], expected["n"]]
        assert found["evidence"]["clusters"] == expected["clusters"]
        assert found["evidence"]["distinct"] == expected["distinct"]
    pattern = r"the only \b[a-z]+_[a-z]+_[0-9]{4}\b in the user's text"
    found = candidate(airline, "determined_argument", "arg:get_user_details.user_id", pattern)
    extractor = numbers["user_id_extractor"]
    assert found["evidence"]["agree"] == [extractor["correct"], extractor["fires"]]


def test_airline_verdicts_are_those_of_a_trustworthy_report(airline: dict[str, Any]) -> None:
    owner = candidate(
        airline, "determined_argument", "arg:book_reservation.user_id", "get_reservation_details.user_id"
    )
    assert owner["verdict"] == "needs-data"
    assert f"{owner['needs_clusters']} more clusters" in owner["reason"]
    bags = candidate(airline, "determined_argument", "arg:book_reservation.nonfree_baggages")
    assert (bags["verdict"], bags["needs_clusters"]) == ("rejected", None)
    assert "never varies" in bags["reason"]
    insurance = candidate(airline, "constant_argument", "arg:book_reservation.insurance")
    assert (insurance["verdict"], insurance["evidence"]["agree"]) == ("needs-data", [50, 50])
    assert insurance["evidence"]["clusters"] == 9
    assert "safety-relevant" in insurance["reason"]
    assert candidate(airline, "pure_tool", "tool:calculate")["verdict"] == "candidate"
    assert candidate(airline, "pure_tool", "tool:book_reservation")["verdict"] == "rejected"
    assert candidate(airline, "terminal_tool", "tool:transfer_to_human_agents")["verdict"] == "needs-data"


def test_airline_nothing_is_claimed_from_the_data_that_mined_it(airline: dict[str, Any]) -> None:
    mined = {"constant_output", "label_set", "determined_argument", "constant_argument"}
    for each in airline["candidates"]:
        held_out = each["evidence"]["held_out"]
        assert (held_out is not None) == (each["kind"] in mined)
        if held_out is not None:
            assert held_out[1] < each["evidence"]["clusters"]
