from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from scripted import Bench, call

from llm_do.approval import Rule
from llm_do.project.manifest import ApprovalOverride
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from scripted import Script

    from llm_do.runtime import Request


@pytest.fixture
def main(bench: Bench) -> Script:
    bench.write("a.txt", "kept")
    bench.worker("main", toolsets=["helper"])
    bench.worker("helper", description="Helps.")
    bench.script("helper", "helped")
    with_file = call("helper", input="x", attachments=["a.txt"])
    return bench.script("main", call("helper", input="x"), with_file, "done")


def test_a_worker_is_a_tool_of_its_name(bench: Bench, main: Script) -> None:
    bench.run()
    (tool,) = main.infos[0].function_tools
    assert (tool.name, tool.description) == ("helper", "Helps.")
    assert tool.parameters_json_schema["properties"]["input"]["type"] == "string"
    assert main.tool_results == ["helped", "helped"]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, []),
        ({"worker_calls_require_approval": True}, ["x", "x a.txt"]),
        ({"worker_attachments_require_approval": True}, ["x a.txt"]),
        (
            {
                "worker_calls_require_approval": True,
                "worker_approval_overrides": {"helper": {"calls_require_approval": False}},
            },
            [],
        ),
        (
            {"worker_approval_overrides": {"helper": ApprovalOverride(attachments_require_approval=True)}},
            ["x a.txt"],
        ),
        ({"worker_approval_overrides": {"other": {"calls_require_approval": True}}}, []),
        (
            {
                "worker_attachments_require_approval": True,
                "worker_approval_overrides": {"helper": {"attachments_require_approval": False}},
            },
            [],
        ),
    ],
)
def test_calls_of_workers_ask_where_the_run_wants_it(
    bench: Bench, main: Script, options: dict[str, Any], asked: list[str]
) -> None:
    seen: list[str] = []

    def answer(question: Request) -> Literal["approve"]:
        seen.append(" ".join([question.args["input"], *question.args.get("attachments", [])]))
        return "approve"

    bench.run("hi", RunApprovalPolicy(approval_callback=answer), **options)
    assert seen == asked
    assert main.tool_results == ["helped", "helped"]


def test_the_question_shows_every_attachment_with_its_size(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    bench.worker("main", toolsets=["reader"])
    bench.worker("reader", attachments={"max_count": 2, "denied_suffixes": [".exe"]})
    bench.script("main", call("reader", input="x", attachments=["a.txt", "zzz", "b.exe"]), "done")
    shown: list[str] = []

    def answer(question: Request) -> Literal["reject"]:
        assert question.preview is not None
        shown.extend(question.preview.text.splitlines())
        return "reject"

    bench.run("hi", RunApprovalPolicy(approval_callback=answer), worker_attachments_require_approval=True)
    assert shown == [
        "a.txt: 4 bytes",
        "attachment 'zzz': 'zzz' does not exist; list its folder to see what is there",
        "attachment 'b.exe': worker 'reader' takes no files ending with .exe; pass another",
        "3 attachments; the worker takes at most 2",
    ]


def test_files_ask_whichever_field_names_them(bench: Bench) -> None:
    bench.write("a.txt", "kept")
    bench.write(
        "deck.py",
        """
        from llm_do.runtime import Attachment, WorkerArgs

        class Deck(WorkerArgs):
            deck: str

            def prompt_messages(self):
                return ["Read it.", Attachment(self.deck)]
        """,
    )
    bench.worker("main", toolsets=["reader"])
    bench.worker("reader", input_schema="deck.py:Deck")
    bench.script("main", call("reader", deck="a.txt"), "done")
    bench.script("reader", "read")
    seen: list[str] = []

    def answer(question: Request) -> Literal["approve"]:
        seen.append(question.preview.text if question.preview else "")
        return "approve"

    bench.run("hi", RunApprovalPolicy(approval_callback=answer), worker_attachments_require_approval=True)
    assert seen == ["a.txt: 4 bytes"]


DENY = {"tool": "read_file", "args": {"path": "private/*"}, "decision": "reject"}


def sent(bench: Bench, reader: Script, path: str, policy: RunApprovalPolicy) -> tuple[int, str]:
    """Attach a file by each way; give how many requests reach the reader, and the outcome."""
    for turn in (
        call("reader", input="x", attachments=[path]),
        call("worker_call", worker="reader", input="x", attachments=["a.txt", path]),
    ):
        bench.script("main", turn, "done")
        bench.run("hi", policy)
    first, second = (line["error"]["type"] if line["error"] else "ok" for line in bench.calls("reader"))
    assert first == second
    return len(reader.requests), first


@pytest.fixture
def reader(bench: Bench) -> Script:
    """A worker that reads attachments, for a `main` that reads no file itself."""
    for path in ("a.txt", "private/pay.txt", "in/private/pay.txt", ".env", ".git/config"):
        bench.write(path, "SECRET")
    bench.worker("main", toolsets=["reader", "worker_tools"], workers={"allow": ["reader"]})
    bench.worker("reader")
    return bench.script("reader", "read")


@pytest.mark.policy("inj-attachments")
@pytest.mark.parametrize("path", ["private/pay.txt", "./private//pay.txt"])
@pytest.mark.parametrize("whose", ["operator", "worker"])
def test_what_may_not_be_read_may_not_be_attached(
    bench: Bench, reader: Script, path: str, whose: str
) -> None:
    if whose == "worker":
        toolsets = ["reader", "worker_tools"]
        bench.worker("main", toolsets=toolsets, workers={"allow": ["reader"]}, approvals=[DENY])
    allow = [Rule("reader", decision="approve")]
    policy = RunApprovalPolicy("approve_all", rules=[*allow, *([DENY] if whose == "operator" else [])])
    assert sent(bench, reader, path, policy) == (0, "denied")


def test_the_rules_of_the_whole_chain_forbid_it(bench: Bench, reader: Script) -> None:
    bench.worker("top", toolsets=["main"], approvals=[DENY])
    bench.script("top", call("main", input="x"), "done")
    script = bench.script("main", call("reader", input="x", attachments=["private/pay.txt"]), "done")
    bench.run("hi", RunApprovalPolicy("approve_all"), entry="top")
    assert "a rule on 'read_file' forbids the attachment 'private/pay.txt'" in script.tool_results[0]
    assert reader.requests == []


def test_sandboxes_are_judged_by_the_paths_that_their_models_write(bench: Bench, reader: Script) -> None:
    deny = [{**DENY, "args": {"path": "notes/private/*"}}]
    bench.worker("main", toolsets=["reader"], sandboxes={"notes": {"path": "in"}}, approvals=deny)
    bench.script("main", call("reader", input="x", attachments=["notes/private/pay.txt"]), "done")
    bench.run("hi", RunApprovalPolicy("approve_all"))
    assert reader.requests == []


@pytest.mark.parametrize(
    ("path", "policy", "expected"),
    [
        ("a.txt", RunApprovalPolicy(rules=[DENY]), (2, "ok")),
        ("private/pay.txt", RunApprovalPolicy(), (2, "ok")),
        ("private/pay.txt", RunApprovalPolicy(rules=[Rule("read_file", decision="ask")]), (0, "denied")),
        (".env", RunApprovalPolicy(), (0, "denied")),
        (".env", RunApprovalPolicy(rules=[Rule("read_file", {"path": ".env"}, "approve")]), (2, "ok")),
        (".env", RunApprovalPolicy("approve_all"), (2, "ok")),
        (".git/config", RunApprovalPolicy("approve_all"), (0, "denied")),
        (".git/config", RunApprovalPolicy("approve_all", approval_callback=lambda _: "approve"), (2, "ok")),
    ],
)
def test_where_an_attachment_lies_decides_who_is_asked(
    bench: Bench, reader: Script, path: str, policy: RunApprovalPolicy, expected: tuple[int, str]
) -> None:
    assert sent(bench, reader, path, policy) == expected


def test_a_path_that_nobody_can_read_is_refused_without_a_question(bench: Bench, reader: Script) -> None:
    assert sent(bench, reader, "../.env", RunApprovalPolicy()) == (0, "bad_path")


def test_an_input_that_does_not_fit_is_refused_without_a_question(bench: Bench, reader: Script) -> None:
    script = bench.script("main", call("reader", attachments=["a.txt"]), "done")
    bench.run()
    assert script.tool_results[0]["error"]["code"] == "bad_input"
    assert reader.requests == []
