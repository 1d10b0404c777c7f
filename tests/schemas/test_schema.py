from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from llm_do.errors import SpecError, UsageError
from llm_do.schemas.schema import (
    Attachment,
    PromptInput,
    WorkerArgs,
    first_complaint,
    input_schema,
    output_schema,
    prompt_of,
)


class Topic(WorkerArgs):
    topic: str
    words: int = 3


class Pair(WorkerArgs):
    left: str
    right: str


class Letter(WorkerArgs):
    input: str
    attachments: list[Attachment] = Field(default_factory=list[Attachment])


class Ticket(BaseModel):
    queue: str


CLASSES: dict[str, object] = {f"a.py:{kind.__name__}": kind for kind in (Topic, Pair, Letter, Ticket)}
QUESTION = {
    "type": "object",
    "properties": {"q": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["q"],
}
TOPIC = '{\n  "topic": "t",\n  "words": 3\n}'
FILES = {"input": "hi", "attachments": ["a"]}


def load(reference: str) -> object:
    return CLASSES.get(reference, 5)


class Form:
    """An input, and what it becomes under a declaration."""

    def __init__(self, declared: Any, value: Any, fields: dict[str, Any], *parts: Any) -> None:
        self.declared, self.value, self.fields, self.parts = declared, value, fields, list(parts)


FORMS = {
    "nothing declared, text": Form(None, "hi", {"input": "hi", "attachments": []}, "hi"),
    "nothing declared, empty text": Form(None, "", {"input": "", "attachments": []}, ""),
    "nothing declared, dict": Form(None, {"input": "hi"}, {"input": "hi", "attachments": []}, "hi"),
    "nothing declared, files": Form(None, FILES, FILES, "hi", Attachment("a")),
    "nothing declared, parts": Form(
        None,
        ["a", Attachment(Path("f")), "b"],
        {"input": "a\n\nb", "attachments": ["f"]},
        "a",
        Attachment(Path("f")),
        "b",
    ),
    "nothing declared, tuple of parts": Form(None, ("a",), {"input": "a", "attachments": []}, "a"),
    "nothing declared, args": Form(None, PromptInput(input="x"), {"input": "x", "attachments": []}, "x"),
    "class, dict": Form("a.py:Topic", {"topic": "t"}, {"topic": "t", "words": 3}, TOPIC),
    "class, args": Form(
        "a.py:Topic",
        Topic(topic="t", words=1),
        {"topic": "t", "words": 1},
        '{\n  "topic": "t",\n  "words": 1\n}',
    ),
    "class, text": Form("a.py:Topic", "t", {"topic": "t", "words": 3}, TOPIC),
    "class, another model": Form(
        "a.py:Letter", PromptInput(input="x"), {"input": "x", "attachments": []}, "x"
    ),
    "class with files, dict": Form(
        "a.py:Letter",
        {"input": "x", "attachments": [{"path": "a"}]},
        {"input": "x", "attachments": [{"path": "a"}]},
        "x",
        Attachment("a"),
    ),
    "class with files, parts": Form("a.py:Letter", ["x"], {"input": "x", "attachments": []}, "x"),
    "schema, dict": Form(
        QUESTION, {"q": "why", "n": 1}, {"q": "why", "n": 1}, '{\n  "q": "why",\n  "n": 1\n}'
    ),
    "schema, text": Form(QUESTION, "why", {"q": "why"}, '{\n  "q": "why"\n}'),
    "schema, model": Form(
        {"properties": {"queue": {}}}, Ticket(queue="x"), {"queue": "x"}, '{\n  "queue": "x"\n}'
    ),
    "schema without properties, text": Form({}, "hi", {"input": "hi"}, "hi"),
    "schema with one optional field, text": Form(
        {"properties": {"a": {}}}, "hi", {"a": "hi"}, '{\n  "a": "hi"\n}'
    ),
    "schema with files": Form(
        {},
        {"a": "ä", "attachments": ["f"]},
        {"a": "ä", "attachments": ["f"]},
        '{\n  "a": "ä"\n}',
        Attachment("f"),
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_every_form_of_input(case: str) -> None:
    form = FORMS[case]
    accepted = input_schema(form.declared, load).accept(form.value, "writer")
    assert accepted.fields == form.fields == json.loads(json.dumps(accepted.fields))
    assert accepted.parts == form.parts


def test_an_instance_is_accepted_as_it_is() -> None:
    topic = Topic(topic="t")
    assert input_schema("a.py:Topic", load).accept(topic, "writer").args is topic
    assert input_schema(QUESTION, load).accept("x", "writer").args is None


@pytest.mark.parametrize(
    ("declared", "value", "words"),
    [
        (None, {"input": 5}, "input of 'writer': input: Input should be a valid string"),
        (None, {"input": "x", "extra": 1}, "input of 'writer': extra: Extra inputs are not permitted"),
        (None, 5, "input of 'writer' is a int; pass a str, a dict or a WorkerArgs"),
        (None, b"x", "input of 'writer' is a bytes; pass a str"),
        (None, [5], "input of 'writer': a list holds texts and Attachment objects only"),
        ("a.py:Pair", "x", "input of 'writer' has the fields left, right; pass an object, not a text"),
        ("a.py:Topic", {"topic": "t", "words": "x"}, "input of 'writer': words: "),
        (QUESTION, {"n": 1}, "input of 'writer': 'q' is a required property"),
        (QUESTION, {"q": "x", "n": "1"}, "input of 'writer': n: '1' is not of type 'integer'"),
    ],
)
def test_an_input_that_does_not_fit_names_worker_and_field(declared: Any, value: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        input_schema(declared, load).accept(value, "writer")
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("a.py:Ticket", "input_schema 'a.py:Ticket' is no subclass of llm_do.runtime.WorkerArgs"),
        ("a.py:None", "input_schema 'a.py:None' is no subclass"),
        ({"type": "array"}, "input_schema is of type 'array'; an input is an object with fields"),
        ({"type": 5}, "input_schema is no JSON Schema: 5 is not valid"),
    ],
)
def test_a_wrong_declaration_of_an_input(declared: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        input_schema(declared, load)
    assert str(caught.value).startswith(words)


def test_declarations_of_outputs() -> None:
    assert output_schema(None, load) is None
    declared = output_schema("a.py:Ticket", load)
    assert declared is not None
    assert declared.model is Ticket
    inline = output_schema({"enum": ["a"]}, load)
    assert inline is not None
    assert (inline.model, inline.json_schema) == (None, {"enum": ["a"]})
    with pytest.raises(SpecError, match=r"output_schema 'a\.py:5' is no pydantic model; derive it from"):
        output_schema("a.py:5", load)


def test_a_prompt_is_the_lone_text_or_json() -> None:
    assert prompt_of({"input": "hi"}) == ["hi"]
    assert prompt_of({"input": {"a": "ä"}}) == ['{\n  "input": {\n    "a": "ä"\n  }\n}']
    assert prompt_of({"input": "hi", "more": 1}) == ['{\n  "input": "hi",\n  "more": 1\n}']


def test_attachments_that_are_no_list_are_a_field_like_others() -> None:
    assert prompt_of({"input": "hi", "attachments": None}) == ["hi"]
    assert prompt_of({"attachments": "abc"}) == ['{\n  "attachments": "abc"\n}']


def test_a_complaint_is_one_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Topic.model_validate({"topic": 5, "words": "x"})
    assert first_complaint(caught.value) == "topic: Input should be a valid string"
    with pytest.raises(ValidationError) as caught:
        Topic.model_validate(5)
    assert "\n" not in first_complaint(caught.value)


def test_an_input_gets_the_names_of_its_fields() -> None:
    schema = input_schema(None, lambda _: None)
    assert schema.named("x", "w") == schema.named({"input": "x"}, "w") == {"input": "x"}
    assert schema.named({"anything": 1}, "w") == {"anything": 1}
    with pytest.raises(UsageError):
        schema.named(3, "w")
