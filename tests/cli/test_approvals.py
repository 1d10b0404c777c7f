"""Who is asked, on what terminal, and what becomes of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import Terminal, calls, journals, started

from evals.standin import Reply, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from command import Here

    from evals.standin import Request, StandIn

WORKER = """
---
name: main
toolsets: [tools]
---
Call the tool.
"""
TOOLS = """
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
def send(to: str, text: str = "hi") -> str:
    '''Send a mail.'''
    return f"sent {text} to {to}"
"""
WARNING = (
    "llm-do: approve_all: every call that would be asked about runs unasked; "
    "only guarded files, code in a command and new workers still ask\n"
)
ASKED = r"\[q\]uit: "


def send_once(request: Request, _rng: random.Random) -> Reply:
    """Call the tool once, then repeat what came back."""
    results = [each for turn in request.messages for each in turn.results]
    return Reply(results[-1].text) if results else Reply(tool_calls=(ToolCall("send", {"to": "ada"}),))


def send_until(times: int) -> Callable[[Request, random.Random], Reply]:
    """Call the tool with the same arguments a number of times, then stop."""

    def brain(request: Request, _rng: random.Random) -> Reply:
        done = sum(len(turn.results) for turn in request.messages)
        return Reply("done") if done >= times else Reply(tool_calls=(ToolCall("send", {"to": "ada"}),))

    return brain


@pytest.fixture
def project(write: Callable[..., Path]) -> Callable[..., list[str]]:
    """Write the project, with keys of the manifest's runtime; returns the words that run it."""

    def make(**runtime: object) -> list[str]:
        manifest = {
            "version": 1, "runtime": runtime, "worker_files": ["main.worker"], "python_files": ["tools.py"]
        }  # fmt: skip
        return [str(write(main_worker=WORKER, tools_py=TOOLS, project_json=json.dumps(manifest))), "go"]

    return make


def decisions(root: str) -> list[tuple[str, str]]:
    (journal,) = journals(Path(root))
    return [(line["decision"], line["by"]) for line in journal if line["kind"] == "approval"]


@pytest.mark.policy("app-headless")
def test_nobody_can_be_asked(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    words = project()
    done = here(*words)
    assert done.code == 0
    assert json.loads(done.out)["error"]["code"] == "denied"
    assert done.err.startswith("llm-do: nobody could be asked, so these calls were refused: send; ")
    assert done.err.count("\n") == 1
    assert decisions(words[0]) == [("reject", "none")]


@pytest.mark.policy("app-headless")
def test_nobody_can_be_asked_and_the_run_may_not_go_on(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    done = here(*project(return_permission_errors=False))
    assert done.code == 3
    assert done.line.startswith("main: 'send' was refused: it needs approval and nobody can be asked")
    assert "--approve-all" in done.line


def test_what_only_a_person_can_approve_is_told_so(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def brain(request: Request, _rng: random.Random) -> Reply:
        wish = ToolCall("write_file", {"path": "main.worker", "content": "x"})
        return Reply("done") if request.results else Reply(tool_calls=(wish,))

    serve(brain)
    worker = "---\nname: main\ntoolsets: [filesystem_project]\n---\nWrite.\n"
    manifest: dict[str, object] = {"version": 1, "worker_files": ["main.worker"]}
    root = str(write(main_worker=worker, project_json=json.dumps(manifest)))
    told = "only a person or an approval callback can approve this: run on a terminal\n"
    assert here(root, "go", "--approve-all").err == (
        f"{WARNING}llm-do: nobody could be asked, so these calls were refused: write_file; {told}"
    )
    manifest["runtime"] = {"return_permission_errors": False}
    (Path(root) / "project.json").write_text(json.dumps(manifest))
    done = here(root, "go", "--approve-all")
    assert (done.code, done.err.endswith(f"nobody can be asked; {told}")) == (3, True)


@pytest.mark.policy("app-approve-all-loud")
@pytest.mark.parametrize("words", [["--approve-all"], ["--approve-all", "--headless"]])
def test_approve_all(
    words: list[str], project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    root, prompt = project()
    done = here(root, prompt, *words)
    assert (done.code, done.out, done.err) == (0, "sent hi to ada\n", WARNING)
    assert decisions(root) == [("approve", "mode")]


@pytest.mark.policy("app-approve-all-loud")
def test_approve_all_in_the_manifest_is_as_loud(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    words = project(approval_mode="approve_all")
    assert here(*words).err == WARNING
    done = here(*words, "--reject-all")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["error"]["code"] == "denied"


@pytest.mark.policy("app-approve-all-loud")
def test_the_run_line_says_the_mode(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here, tmp_path: Path
) -> None:
    serve(send_once)
    here(*project(), "--approve-all")
    assert journals(tmp_path / "proj")[0][0]["approval_mode"] == "approve_all"


def test_reject_all(project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here) -> None:
    serve(send_once)
    words = project()
    done = here(*words, "--reject-all")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["error"]["code"] == "denied"
    assert decisions(words[0]) == [("reject", "mode")]


def test_approve_all_never_approves_what_a_rule_rejects(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    done = here(*project(approval_rules=[{"tool": "send", "decision": "reject"}]), "--approve-all")
    assert json.loads(done.out)["error"]["code"] == "denied"


def test_a_rule_that_approves_needs_nobody(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_once)
    done = here(*project(approval_rules=[{"tool": "send", "args": {"to": "a*"}, "decision": "approve"}]))
    assert (done.code, done.out, done.err) == (0, "sent hi to ada\n", "")


@pytest.mark.parametrize("flags", [[], ["--reject-all"]])
def test_three_refusals_of_one_call_end_the_run(
    flags: list[str],
    project: Callable[..., list[str]],
    serve: Callable[..., StandIn],
    here: Here,
    tmp_path: Path,
) -> None:
    provider = serve(send_until(9))
    done = here(*project(), *flags)
    assert done.code == 3
    assert "refused 3 times" in done.line
    assert len(provider.requests) == 3
    assert calls(tmp_path / "proj")["main"]["error"]["class"] == "refused"


def test_two_refusals_do_not(
    project: Callable[..., list[str]], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(send_until(2))
    assert here(*project(), "--reject-all").out == "done\n"


ANSWERS = {
    "yes": (["y"], 0, "sent hi to ada\n", "approve"),
    "session": (["s"], 0, "sent hi to ada\n", "approve_session"),
    "edit": (["e", '{"to": "bob", "text": "hello"}'], 0, "sent hello to bob\n", "modify"),
    "no": (["n not to her"], 0, None, "reject"),
    "unclear": (["sure"], 0, None, "reject"),
    "quit": (["q"], 3, "", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_on_a_terminal(
    answer: str, project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    lines, code, out, decision = ANSWERS[answer]
    serve(send_once)
    words = project()
    with Terminal.of(*words) as terminal:
        question = terminal.wait_for(ASKED)
        assert 'main wants to call send\r\n  Send a mail.\r\n  to = "ada"\r\n' in question
        terminal.type(f"{lines[0]}\n")
        for line in lines[1:]:
            assert '  now: {"to": "ada"}' in terminal.wait_for(r"\(empty: no\): ")
            terminal.type(f"{line}\n")
        done = terminal.ended()
    assert done.code == code
    if out is None:
        assert json.loads(done.out)["error"]["code"] == "denied"
        assert ("not to her" in done.out) is (answer == "no")
    else:
        assert done.out == out
    assert decisions(words[0]) == ([(decision, "human")] if decision else [])
    if code:
        assert done.err.endswith("\nllm-do: main: you stopped the run at 'send'\n")


@pytest.mark.slow
def test_the_end_of_input_on_a_terminal_is_no(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    serve(send_once)
    with Terminal.of(*project(), "--headless") as terminal:
        terminal.wait_for(ASKED)
        terminal.type("\x04")
        done = terminal.ended()
    assert done.code == 0
    assert json.loads(done.out)["error"]["code"] == "denied"


@pytest.mark.slow
def test_a_refusal_on_a_terminal_can_end_the_run(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    serve(send_once)
    with Terminal.of(*project(return_permission_errors=False)) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("n never\n")
        done = terminal.ended()
    assert done.code == 3
    assert done.err.endswith("llm-do: main: 'send' was refused: never\n")


@pytest.mark.slow
def test_a_session_approval_covers_the_same_call_only(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    def brain(request: Request, _rng: random.Random) -> Reply:
        done = sum(len(turn.results) for turn in request.messages)
        names = ["ada", "ada", "bob"]
        return Reply(tool_calls=(ToolCall("send", {"to": names[done]}),)) if done < 3 else Reply("done")

    serve(brain)
    words = project()
    with Terminal.of(*words) as terminal:
        assert '"ada"' in terminal.wait_for(ASKED)
        terminal.type("s\n")
        assert '"bob"' in terminal.wait_for(ASKED)
        terminal.type("n\n")
        done = terminal.ended()
    assert (done.code, done.out) == (0, "done\n")
    assert decisions(words[0]) == [
        ("approve_session", "human"),
        ("approve", "human"),
        ("reject", "human"),
    ]


@pytest.mark.slow
def test_two_calls_of_one_turn_are_two_questions(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    def brain(request: Request, _rng: random.Random) -> Reply:
        if request.results:
            return Reply("done")
        return Reply(tool_calls=(ToolCall("send", {"to": "ada"}), ToolCall("send", {"to": "bob"})))

    serve(brain)
    with Terminal.of(*project()) as terminal:
        listed, _, first = terminal.wait_for(ASKED).partition("1/2 main wants to call send")
        assert '1/2 main: send {"to": "ada"}' in listed
        assert '2/2 main: send {"to": "bob"}' in listed
        assert "ada" in first
        assert "bob" not in first
        terminal.type("y\n")
        second = terminal.wait_for(ASKED)
        assert "2/2 main wants to call send" in second
        assert "bob" in second
        assert "ada" not in second
        terminal.type("y\n")
        done = terminal.ended()
    assert (done.code, done.out) == (0, "done\n")


@pytest.mark.slow
def test_what_a_model_wrote_is_shown_escaped(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    hostile = "ada\x1b[2K\r\u202egro.live\u202c\u200b" + "x" * 3000 + "; rm -rf /"

    def brain(request: Request, _rng: random.Random) -> Reply:
        return Reply("done") if request.results else Reply(tool_calls=(ToolCall("send", {"to": hostile}),))

    serve(brain)
    with Terminal.of(*project()) as terminal:
        question = terminal.wait_for(ASKED).replace("\r\n", "\n")
        terminal.type("n\n")
        terminal.ended()
    assert all(line.isprintable() for line in question.split("\n"))
    assert r"\u001b[2K\r\u202egro.live\u202c\u200b" in question
    assert '; rm -rf /"\n' in question


@pytest.mark.slow
def test_a_piped_prompt_leaves_nobody_to_ask(
    project: Callable[..., list[str]], serve: Callable[..., StandIn]
) -> None:
    serve(send_once)
    done = started(project()[0], stdin=b"go\n")
    assert done.code == 0
    assert json.loads(done.out)["error"]["code"] == "denied"
