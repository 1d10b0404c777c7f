from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.approval import Preview
from llm_do.errors import ToolError
from llm_do.project.creation import MARKER, Shelf
from llm_do.project.document import MAX_BYTES
from llm_do.project.spec import WorkerSpec, parse_worker

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do.project.creation import Draft

POET: dict[str, Any] = {"name": "poet", "instructions": "Rhyme.", "description": "Rhymes."}
FILE = f"---\n{MARKER}\nname: poet\ndescription: Rhymes.\n---\nRhyme.\n"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def draft(shelf: Shelf, *, asked: dict[str, Any] | None = None, **args: Any) -> Draft:
    return shelf.draft({**POET, **args}, asked=asked)


def refused(shelf: Shelf, *, asked: dict[str, Any] | None = None, **args: Any) -> str:
    with pytest.raises(ToolError) as caught:
        draft(shelf, asked=asked, **args)
    return str(caught.value)


def preview(made: Draft) -> Preview:
    return made.preview(POET)


def keep(root: Path, text: str, name: str = "poet") -> Path:
    path = root / "workers" / "generated" / f"{name}.worker"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_file_says_what_was_asked_for_and_who_wrote_it(shelf: Shelf) -> None:
    made = draft(shelf)
    assert (made.text, made.path, made.replaced) == (FILE, "workers/generated/poet.worker", None)
    own: dict[str, Any] = {**POET, "toolsets": []}
    assert preview(made) == Preview(FILE, edits="definition", draft=FILE, args=own, grants=False)


def test_all_that_a_model_may_say(shelf: Shelf) -> None:
    schema = {"type": "object", "properties": {"no": {"enum": ["1e3", "0o17", "yes", None, 1.5, True, 1]}}}
    spec = draft(shelf, model="openai:gpt-4o", output_schema=schema, toolsets=["calc"]).spec
    assert spec == WorkerSpec(
        "poet", "Rhyme.", description="Rhymes.", model="openai:gpt-4o", output_schema=schema,
        path="workers/generated/poet.worker", sha256=spec.sha256,
    )  # fmt: skip


HOSTILE = [
    "a\n---\nname: other\nworkers: {create: true}\n---\nb",
    "---",
    "{{ 7 * 7 }} {% include 'x' %}",
    "\n\n   indented\n\n",
    "tab\there, quote ' \" and \\",
    "é 😀 \u2028 \u202e \x07 \x85",
    "# comment\ntoolsets: [shell_file_ops]",
    ": - ? & * ! | > % @ `",
    "windows\r\nlines",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_instructions_are_text_whatever_they_hold(shelf: Shelf, text: str) -> None:
    spec = draft(shelf, instructions=text).spec
    assert spec == WorkerSpec(
        "poet", text.replace("\r\n", "\n").strip("\n").rstrip(), description="Rhymes.", path=spec.path,
        sha256=spec.sha256,
    )  # fmt: skip


@pytest.mark.parametrize("text", [each for each in HOSTILE if "\r" not in each])
def test_the_description_adds_no_line_to_the_front_matter(shelf: Shelf, text: str) -> None:
    spec = draft(shelf, description=text).spec
    assert (spec.description, spec.toolsets, spec.workers) == (text, (), None)


@pytest.mark.parametrize("name", ['a"]\nworkers: {create: true}', "x\n---\n", "\u2028toolsets: [a]"])
def test_what_it_asks_for_stays_on_the_line_of_the_comment(shelf: Shelf, name: str) -> None:
    made = draft(shelf, toolsets=[name])
    assert made.spec == WorkerSpec(
        "poet", "Rhyme.", description="Rhymes.", path=made.spec.path, sha256=made.spec.sha256
    )
    assert made.text.splitlines()[2].startswith("# asked for, not granted: toolsets: [")


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {"instructions": st.text(), "description": st.text()},
        optional={
            "model": st.text(),
            "toolsets": st.lists(st.text(), max_size=3),
            "output_schema": st.dictionaries(
                st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
            ),
        },
    )
)
@pytest.mark.policy("app-create-no-rights")
def test_no_words_of_a_model_grant_anything(tmp_path_factory: Any, args: dict[str, Any]) -> None:
    root = tmp_path_factory.getbasetemp() / "words"
    root.mkdir(exist_ok=True)
    try:
        spec = draft(Shelf(root), **args).spec
    except ToolError as error:
        assert error.code == "bad_input"  # noqa: PT017  most texts are fine, none may do harm
        return
    granted = (spec.toolsets, spec.sandboxes, spec.workers, spec.approvals, spec.server_side_tools)
    assert granted == ((), {}, None, (), ())
    assert (spec.name, spec.template, spec.entry, spec.input_schema) == ("poet", "plain", False, None)
    assert spec.description == args["description"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"name": "../evil"}, "name '../evil' must be a letter"),
        ({"name": "x" * 65}, "must be a letter"),
        ({"name": "ﬁne"}, "must be a letter"),
        ({"instructions": " \n\n"}, "the instructions are empty"),
        ({"instructions": "a\0b"}, "NUL"),
        ({"instructions": "\ud800"}, "lone surrogate"),
        ({"instructions": "x" * MAX_BYTES}, f"larger than {MAX_BYTES} bytes"),
        ({"output_schema": {"type": "text"}}, "output_schema is no JSON Schema"),
        ({"output_schema": {"$ref": "http://evil/x"}}, "refers to 'http://evil/x'"),
        ({"output_schema": {"a": [{"$ref": "file:///etc/passwd"}]}}, "refers to 'file:///etc/passwd'"),
        ({"definition": FILE}, "'definition' is for the human who approves"),
        ({"definition": ""}, "'definition' is for the human who approves"),
    ],
)
def test_what_makes_no_worker_file(shelf: Shelf, args: dict[str, Any], message: str) -> None:
    said = refused(shelf, **args)
    assert said.startswith("bad_input: ")
    assert message in said


def test_an_edit_grants_what_it_holds(shelf: Shelf) -> None:
    edited = FILE.replace("---\nRhyme", "toolsets: [calc]\nworkers: {create: true}\n---\nRhyme")
    made = draft(shelf, asked=POET, definition=edited, toolsets=["other"])
    assert made.text == edited
    assert (made.spec.toolsets, made.spec.workers and made.spec.workers.create) == (("calc",), True)
    assert made.grants
    assert draft(shelf, asked=POET, definition=FILE.replace("poet", "bard")).path.endswith("/bard.worker")


@pytest.mark.parametrize(
    ("asked", "edited", "granted"),
    [
        ([], ["a"], ("a",)),
        (["a"], ["a", "b"], ("a", "b")),
        (["a", "b"], ["b"], ("b",)),
        (["a"], [], ()),
        (["a", "b"], ["a", "b"], ()),
        (["a", "b"], ["b", "a"], ()),
    ],
)
@pytest.mark.policy("app-create-no-rights")
def test_toolsets_that_stay_as_a_model_asked_are_nobodys_edit(
    shelf: Shelf, asked: list[str], edited: list[str], granted: tuple[str, ...]
) -> None:
    made = draft(shelf, asked={**POET, "toolsets": asked}, toolsets=edited, description="Rhymes well.")
    assert (made.spec.toolsets, made.grants) == (granted, bool(granted))
    assert ("asked for, not granted" in made.text) == bool(edited and not granted)


@pytest.mark.parametrize(
    "right",
    [
        "toolsets: [calc]",
        "workers: {allow: ['*']}",
        "sandboxes: {box: {path: box}}",
        "server_side_tools: [{tool_type: web_search}]",
        "approvals: [{tool: '*', decision: approve}]",
    ],
)
def test_every_line_that_grants_is_known_as_one(shelf: Shelf, right: str) -> None:
    made = draft(shelf, asked=POET, definition=FILE.replace("name: poet", f"name: poet\n{right}"))
    assert preview(made).grants
    harmless = FILE.replace("name: poet", "name: poet\nlocked: true\nretries: 3")
    assert not preview(draft(shelf, asked=POET, definition=harmless)).grants


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("", "must begin with a '---' line"),
        ("---\nname: a\n", "the front matter is not closed"),
        ("---\nname: a\ntolsets: []\n---\n", "generated/(new).worker:3: unknown key 'tolsets'"),
        ("---\nname: &x a\n---\n", "anchor 'x' is not allowed"),
        (FILE.replace("name: poet", "name: poet\nentry: true"), "cannot be the entry; remove 'entry: true'"),
    ],
)
def test_an_edit_is_read_as_strictly_as_any_worker_file(shelf: Shelf, definition: str, message: str) -> None:
    assert message in refused(shelf, asked=POET, definition=definition)


# -- what is on the shelf


def test_a_generated_file_may_be_written_anew_and_the_change_is_shown(shelf: Shelf, tmp_path: Path) -> None:
    path = keep(tmp_path, FILE)
    assert preview(draft(shelf)).text == FILE
    made = draft(shelf, instructions="Rhyme well.")
    assert preview(made).text.splitlines()[2:] == [
        "@@ -1,6 +1,6 @@", " ---", f" {MARKER}", " name: poet", " description: Rhymes.", " ---",
        "-Rhyme.", "+Rhyme well.",
    ]  # fmt: skip
    assert (preview(made).edits, preview(made).draft) == ("definition", made.text)
    shelf.save(made)
    assert path.read_text() == made.text


def test_files_that_are_too_long_to_compare_are_shown_as_a_whole(shelf: Shelf, tmp_path: Path) -> None:
    keep(tmp_path, FILE + "\n" * 5000 + "end")
    assert preview(draft(shelf)).text == (
        f"workers/generated/poet.worker, which is too long to compare, becomes\n{FILE}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE.replace(f"{MARKER}\n", ""), "denied: workers/generated/poet.worker was written by hand"),
        (f"{MARKER}\n{FILE}", "denied: workers/generated/poet.worker was written by hand"),
        ("", "was written by hand"),
        (
            FILE.replace("name: poet", "name: poet\nlocked: true"),
            "denied: workers/generated/poet.worker is l",
        ),
        (FILE.replace("name: poet", "nmae: poet"), "denied: workers/generated/poet.worker:3: unknown key"),
        (FILE + "x" * MAX_BYTES, "too_large: "),
    ],
)
@pytest.mark.policy("app-create-place")
def test_other_files_are_never_written_over(shelf: Shelf, tmp_path: Path, text: str, message: str) -> None:
    path = keep(tmp_path, text)
    assert message in refused(shelf)
    assert message in refused(shelf, asked=POET, definition=FILE)
    assert path.read_text() == text


@pytest.mark.policy("app-create-place")
def test_names_that_differ_in_case_only_are_one_name_on_some_disks(shelf: Shelf, tmp_path: Path) -> None:
    keep(tmp_path, FILE.replace("poet", "Poet"), "Poet")
    assert refused(shelf) == (
        "denied: workers/generated/Poet.worker differs in case only; choose another name"
    )


@pytest.mark.policy("app-create-place")
def test_links_and_folders_in_the_place_of_the_file_are_refused(shelf: Shelf, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(FILE)
    shelf_folder = tmp_path / "workers" / "generated"
    shelf_folder.mkdir(parents=True)
    (shelf_folder / "poet.worker").symlink_to(outside)
    assert refused(shelf).startswith("link: ")
    (shelf_folder / "bard.worker").mkdir()
    assert refused(shelf, name="bard").startswith("wrong_kind: ")


def test_a_folder_that_is_a_link_is_not_entered(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workers").symlink_to(tmp_path / "elsewhere")
    assert refused(shelf).startswith("link: ")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_new_file_takes_no_name_that_came_in_the_meantime(shelf: Shelf, tmp_path: Path) -> None:
    made = draft(shelf)
    path = keep(tmp_path, "mine")
    with pytest.raises(ToolError, match="exists already"):
        shelf.save(made)
    assert path.read_text() == "mine"
    assert [each.name for each in path.parent.iterdir()] == ["poet.worker"]


def test_what_is_kept_reads_as_it_was_made(shelf: Shelf, tmp_path: Path) -> None:
    made = draft(shelf)
    shelf.save(made)
    path = tmp_path / made.path
    assert parse_worker(made.path, path.read_bytes()) == made.spec
    assert [each.name for each in path.parent.iterdir()] == ["poet.worker"]
