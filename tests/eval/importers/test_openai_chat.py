from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.errors import FormatError, UsageError
from llm_do_eval.condition import condition
from llm_do_eval.importers.keys import Keys
from llm_do_eval.importers.openai_chat import read
from llm_do_eval.observation import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.observation import Run


def asks(name: str, arguments: Any = "{}", call_id: str = "1") -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def answer(content: str, call_id: str = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


CHAT = [
    said("system", "Be brief."),
    said("user", "What is 1 + 2?"),
    asks("add", '{"b": 2, "a": 1}'),
    answer("3"),
    said("assistant", "It is 3."),
    said("user", "Thanks."),
]


def load(tmp_path: Path, items: Any, **keys: Any) -> list[Run]:
    path = tmp_path / "chats.json"
    path.write_text(json.dumps(items), encoding="utf-8")
    return list(read(path, Keys(**keys)))


def test_a_chat_is_a_run(tmp_path: Path) -> None:
    (run,) = load(tmp_path, [{"messages": CHAT, "task": 7, "model": "gpt"}], cluster="task")
    root, (call,) = run.root, run.calls
    assert (root.name, root.impl, root.parent, root.model, root.cluster) == (
        "agent",
        "worker",
        None,
        "gpt",
        7,
    )
    assert (root.input, root.output, root.ok) == ({"input": "What is 1 + 2?"}, "It is 3.", None)
    assert root.meta == {"task": 7, "model": "gpt"}
    assert (call.name, call.input, call.output, call.ok) == ("add", {"a": 1, "b": 2}, "3", True)
    assert (call.parent, call.caller, call.depth, call.turn, call.meta) == (
        root.id,
        "agent",
        1,
        0,
        {"call_id": "1"},
    )
    assert [(each.role, each.text, each.seq, each.turn) for each in run.messages] == [
        ("user", "What is 1 + 2?", 1, 0), ("assistant", "It is 3.", 3, 1), ("user", "Thanks.", 4, 2),
    ]  # fmt: skip


def test_keys_may_be_dotted_and_their_values_leave_the_meta(tmp_path: Path) -> None:
    item = {
        "log": {"chat": CHAT, "tools": [{"type": "function", "function": {"name": "add"}}, "sub"], "id": 1}
    }
    keys = {"messages": "log.chat", "tools": "log.tools", "cluster": "log.id", "ok": condition("log.id == 1")}
    (run,) = load(tmp_path, [item], **keys)
    assert (run.root.cluster, run.root.ok, run.root.meta) == (1, True, {"log": {"id": 1}})
    assert run.offers[0].tools == ("add", "sub")


def test_a_list_of_lists_one_object_and_json_lines_are_read(tmp_path: Path) -> None:
    assert len(load(tmp_path, [CHAT, CHAT[:2]])) == 2
    assert len(load(tmp_path, {"messages": CHAT})) == 1
    lines = tmp_path / "chats.jsonl"
    lines.write_text(f"{json.dumps({'messages': CHAT})}\n\n{json.dumps(CHAT)}\n", encoding="utf-8")
    assert [len(run.calls) for run in read(lines, Keys())] == [1, 1]


def test_an_error_is_a_result_that_begins_with_error(tmp_path: Path) -> None:
    chat = [asks("add"), answer("Error: no such number 12"), asks("add"), answer("No Error here")]
    first, second = load(tmp_path, [chat])[0].calls
    assert (first.ok, first.error) == (False, Failure("tool_error", "Error: no such number 12"))
    assert (second.ok, second.error) == (True, None)


def test_arguments_that_are_no_json_stay_text(tmp_path: Path) -> None:
    chat = [
        asks("add", "{torn"),
        answer("x"),
        asks("add", ""),
        answer("x"),
        asks("add", {"a": 1}),
        answer("x"),
    ]
    (run,) = load(tmp_path, [chat])
    assert [call.input for call in run.calls] == ["{torn", {}, {"a": 1}]
    assert run.problems["unreadable-arguments"] == 1


def test_problems_are_counted(tmp_path: Path) -> None:
    chat = [asks("add"), answer("3"), asks("add"), answer("3"), answer("lost"), asks("sub", call_id="2")]
    (run,) = load(tmp_path, [chat])
    assert run.problems == {"orphan-result": 1, "missing-result": 1, "repeated-id": 1}
    assert run.calls[-1].ok is None
    assert [(each.role, each.text) for each in run.messages] == [("tool", "lost")]


def test_a_repeated_item_or_trial_is_counted_and_kept(tmp_path: Path) -> None:
    items = [{"messages": CHAT, "task": 1, "trial": trial} for trial in (0, 1, 1)]
    runs = load(tmp_path, items, cluster="task", trial="trial")
    assert [dict(run.problems) for run in runs] == [{}, {}, {"repeated-item": 1, "repeated-trial": 1}]
    assert len({run.id for run in runs}) == 3


def test_run_names_depend_on_the_item_only(tmp_path: Path) -> None:
    items = [{"messages": CHAT, "task": task} for task in range(3)]
    names = [run.id for run in load(tmp_path, items)]
    assert [run.id for run in load(tmp_path, items[::-1])] == names[::-1]


def test_effects_are_as_far_as_they_are_told(tmp_path: Path) -> None:
    chat = [asks("book_flight"), answer("x"), asks("look"), answer("x")]
    assert [call.effect for call in load(tmp_path, [chat])[0].calls] == ["unknown", "unknown"]
    assert [call.effect for call in load(tmp_path, [chat], writes=("book_*",))[0].calls] == ["write", "read"]


def test_instructions_and_tools_have_digests(tmp_path: Path) -> None:
    other = [said("developer", "Be long."), *CHAT[1:]]
    runs = load(tmp_path, [{"messages": CHAT, "t": ["a"]}, {"messages": other, "t": ["b"]}], tools="t")
    assert len({run.root.spec for run in runs}) == len({run.root.tools for run in runs}) == 2
    assert all(message.role != "system" for run in runs for message in run.messages)


def test_an_unknown_outcome_stays_unknown(tmp_path: Path) -> None:
    items = [{"messages": CHAT, "reward": 1}, {"messages": CHAT, "reward": 0.5}, {"messages": CHAT}]
    runs = load(tmp_path, items, ok=condition("reward == 1"))
    assert [run.root.ok for run in runs] == [True, False, None]


def test_a_missing_cluster_is_counted(tmp_path: Path) -> None:
    runs = load(tmp_path, [{"messages": CHAT, "task": 1}, {"messages": CHAT}], cluster="task")
    assert [run.problems.get("missing-cluster") for run in runs] == [None, 1]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"cluster": "taks"}, "no item has 'taks' (--cluster); did you mean 'task'?"),
        ({"trial": "try"}, "no item has 'try' (--trial)"),
        ({"tools": "tools"}, "no item has 'tools' (--tools)"),
        ({"ok": condition("reward == 1")}, "no item has 'reward' (--ok)"),
    ],
)
def test_a_key_that_no_item_has_is_an_error(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, [{"messages": CHAT, "task": 1}], **keys)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"traj": CHAT}], "item 0: no list of messages under 'messages'; its keys are 'traj' (--messages)"),
        ([{"message": CHAT}], "did you mean 'message'?"),
        ([CHAT, 7], "item 1: no list of messages"),
        ([{"messages": [3]}], "item 0: message 0 is no chat message"),
    ],
)
def test_an_item_without_messages_is_refused(tmp_path: Path, items: Any, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        load(tmp_path, items)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "chats.json"))


@pytest.mark.parametrize(
    "content", [b"", b"{torn", b"\xff", b"[" * 100_000, b'{"messages": []}\n{"messages": []}']
)
def test_a_file_that_is_no_json_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "chats.json").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        list(read(tmp_path / "chats.json", Keys()))
    assert str(caught.value).startswith(f"{tmp_path}/chats.json: not ")
    assert "\n" not in str(caught.value)


def test_a_torn_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "chats.jsonl").write_text(f"{json.dumps(CHAT)}\n[{{", encoding="utf-8")
    with pytest.raises(FormatError, match=r"chats\.jsonl:2: not JSON"):
        list(read(tmp_path / "chats.jsonl", Keys()))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"nothing\.json: cannot be read \(No such file"):
        list(read(tmp_path / "nothing.json", Keys()))


@pytest.mark.parametrize("tools", [[{"type": "function"}], [7], [{"function": {"name": 3}}]])
def test_offered_tools_need_names(tmp_path: Path, tools: Any) -> None:
    with pytest.raises(FormatError, match="an offered tool without a name"):
        load(tmp_path, [{"messages": CHAT, "tools": tools}], tools="tools")
