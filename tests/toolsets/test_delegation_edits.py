"""What an edit of a new worker grants: what a human wrote into it, never what its maker asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from delegating import ASK, FILE, POET, create, kept, maker, told
from gated import Answers, logged

from llm_do.runtime import Decision, Request

if TYPE_CHECKING:
    from scripted import Bench

ASKED = ["filesystem_project", "shell_file_ops"]


def rewording(question: Request) -> Decision:
    """Correct a word of the arguments and leave the rest as it came."""
    return Decision("modify", args={**question.args, "description": "Rhymes well."})


def granting(question: Request) -> Decision:
    """Add rights to the file, as an editor would, unless they stand there already."""
    text = question.preview.draft if question.preview else None
    assert text is not None
    if "\ntoolsets: [" in text:
        return Decision("approve")
    edited = text.replace("name: poet\n", "name: poet\ntoolsets: [filesystem_project_ro]\n")
    return Decision("modify", args={**question.args, "definition": edited})


def run(bench: Bench, answers: Answers, *, is_human: bool) -> None:
    """Run the entry with answers from a human, or from a callback."""

    async def ask(question: Request) -> Any:
        return answers(question)

    if is_human:
        bench.run(ask=ask)
    else:
        bench.run("hi", answers.policy)


@pytest.mark.parametrize("is_human", [False, True])
@pytest.mark.policy("app-create-no-rights")
def test_an_edit_of_something_else_grants_nothing(bench: Bench, is_human: bool) -> None:  # noqa: FBT001
    main = maker(bench, create(toolsets=ASKED), create(toolsets=ASKED[::-1], instructions="Rhyme more."))
    answers = Answers(rewording)
    run(bench, answers, is_human=is_human)
    assert [result["toolsets"] for result in main.tool_results] == [[], []]
    assert [result["not_granted"] for result in main.tool_results] == [ASKED, ASKED[::-1]]
    assert "description: Rhymes well.\n" in kept(bench)["poet.worker"]
    assert "\ntoolsets:" not in kept(bench)["poet.worker"]
    assert len(answers.asked) == 2
    for question in answers.asked:
        assert question.preview is not None
        assert question.preview.args == {**question.args, "toolsets": []}
        assert question.preview.edits == "definition"


@pytest.mark.parametrize("is_human", [False, True])
def test_toolsets_that_an_edit_changed_are_granted_and_shown_first(
    bench: Bench,
    is_human: bool,  # noqa: FBT001
) -> None:
    main = maker(bench, create(toolsets=["a", "b"]))
    decision = Decision("modify", args={**POET, "toolsets": ["filesystem_project_ro"]})
    left: list[Decision] = [decision, Decision("approve")]
    answers = Answers(lambda _: left.pop(0))
    run(bench, answers, is_human=is_human)
    assert main.tool_results[0]["toolsets"] == ["filesystem_project_ro"]
    first, second = answers.asked
    assert first.preview is not None
    assert second.preview is not None
    assert "a yes grants no toolset (a, b)" in first.description
    assert "a yes grants it the rights that the edited file holds" in second.description
    assert kept(bench) == {"poet.worker": second.preview.text}
    assert "toolsets:\n- filesystem_project_ro\n" in second.preview.text


@pytest.mark.parametrize("answer", ["reject", "prompt"])
def test_an_edit_that_grants_is_no_yes_until_it_was_seen(bench: Bench, answer: str) -> None:
    main = maker(bench, create())
    decision = Decision("modify", args={**POET, "toolsets": ["filesystem_project_ro"]})
    answers = Answers(lambda _: decision if len(answers.asked) == 1 else answer)
    bench.run("hi", answers.policy)
    assert len(answers.asked) == 2
    assert (told(main.tool_results[0])["code"], kept(bench)) == ("denied", {})


def test_what_a_human_wrote_into_the_file_is_shown_again(bench: Bench) -> None:
    main = maker(bench, create(toolsets=ASKED))
    answers = Answers(granting)
    run(bench, answers, is_human=True)
    assert main.tool_results[0]["toolsets"] == ["filesystem_project_ro"]
    assert [bool(each.preview and each.preview.grants) for each in answers.asked] == [False, True]
    assert kept(bench) == {"poet.worker": (answers.asked[1].preview or pytest.fail("none")).text}
    assert [each["decision"] for each in bench.of("approval")] == ["modify", "approve"]


def test_a_file_that_code_wrote_is_not_shown_to_it_again(bench: Bench) -> None:
    main = maker(bench, create(toolsets=ASKED))
    answers = Answers(granting)
    run(bench, answers, is_human=False)
    assert main.tool_results[0]["toolsets"] == ["filesystem_project_ro"]
    assert len(answers.asked) == 1


def test_code_that_edits_without_end_is_asked_twice(bench: Bench) -> None:
    main = maker(bench, create())
    edits = [["filesystem_project_ro"], ["shell_readonly"], ["filesystem_cwd_ro"]]
    answers = Answers(lambda _: Decision("modify", args={**POET, "toolsets": edits[len(answers.asked) - 1]}))
    bench.run("hi", answers.policy)
    assert len(answers.asked) == 2
    assert main.tool_results[0]["toolsets"] == ["shell_readonly"]


@pytest.mark.parametrize(
    ("front", "body", "complaint"),
    [
        ("template: jinja2", "{% for", "poet.worker:5: template: "),
        ("output_schema: {type: 3}", "Rhyme.", "poet.worker:3: output_schema is no JSON Schema"),
        ("output_schema: {$ref: '#'}", "Rhyme.", "poet.worker:3: output_schema refers by '#' to itself"),
        ("input_schema: {pattern: '(?=a)'}", "Rhyme.", "poet.worker:3: input_schema has the pattern"),
        ("sandboxes: {box: {path: none}}", "Rhyme.", "poet.worker:3: sandbox 'box': "),
    ],
)
def test_what_could_not_run_is_not_kept(bench: Bench, front: str, body: str, complaint: str) -> None:
    main = maker(bench, create(), ASK)
    definition = f"---\nname: poet\n{front}\n---\n{body}\n"
    with logged("an edit of 'create_worker' by the approval callback"):
        bench.run("hi", Answers(Decision("modify", args={**POET, "definition": definition})).policy)
    wrong, unknown = main.tool_results
    assert told(wrong)["code"] == "bad_input"
    assert complaint in told(wrong)["message"]
    assert (told(unknown)["code"], kept(bench)) == ("unknown", {})


def test_a_human_is_told_what_is_wrong_with_the_file(bench: Bench) -> None:
    main = maker(bench, create())
    texts = [FILE.replace("name: poet", line) for line in ("naem: poet", "name: poet\ntoolsets: [gone]")]
    edits = [Decision("modify", args={**POET, "definition": each}) for each in texts]
    answers = Answers(lambda _: [*edits, Decision("approve")][len(answers.asked) - 1])
    run(bench, answers, is_human=True)
    first, second, third = answers.asked
    assert "did you mean 'name'?" in second.complaint
    assert "names 'gone' in toolsets" in third.complaint
    assert first.complaint == ""
    assert [each.preview for each in answers.asked] == [first.preview] * 3
    assert [each["decision"] for each in bench.of("approval")] == ["approve"]
    assert (main.tool_results[0]["toolsets"], kept(bench)) == ([], {"poet.worker": FILE})


def test_a_replacement_is_edited_as_a_file_too(bench: Bench) -> None:
    maker(bench, create(), create(instructions="Rhyme more.", toolsets=ASKED))
    answers = Answers(lambda asked: granting(asked) if len(answers.asked) > 1 else Decision("approve"))
    run(bench, answers, is_human=True)
    (_, second, third) = answers.asked
    assert second.preview is not None
    assert third.preview is not None
    assert "-Rhyme.\n+Rhyme more." in second.preview.text
    assert second.preview.draft is not None
    assert second.preview.draft.startswith(FILE[:20])
    assert "+toolsets: [filesystem_project_ro]" in third.preview.text
    assert "toolsets: [filesystem_project_ro]" in kept(bench)["poet.worker"]
