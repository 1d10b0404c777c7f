from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.secrets import DUMMY_KEY, HIDDEN, HIDDEN_ENV, redact, redacted

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "text",
    [
        "sk-abcdefghijklmnop0123",
        "sk-ant-api03-AbCdEf_0123456789-xyz",
        "AKIAABCDEFGHIJKLMNOP",
        "AIza" + "b" * 35,
        "ghp_" + "a" * 36,
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
    ],
)
def test_keys_are_known_by_their_shape(text: str) -> None:
    assert redact(text) == HIDDEN
    assert redact(f'"key": "{text}", next') == f'"key": "{HIDDEN}", next'


@pytest.mark.parametrize(
    "text", ["", "task-oriented-approach", "sk-short", "AKIA123", "a.b.c", "eyJ.x.y", "risk-" + "a" * 30]
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["MY_API_KEY", "access_token", "CLIENT_SECRET", "DB_PASSWORD", "AWS_CREDENTIALS"]
)
def test_values_of_the_environment_are_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, 'pa"ss\\word ä')
    assert redact('the pa"ss\\word ä!') == f"the {HIDDEN_ENV}!"
    escaped = json.dumps({"x": 'pa"ss\\word ä'})
    assert redact(escaped) == json.dumps({"x": HIDDEN_ENV})


def test_short_and_other_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", "1234567")
    monkeypatch.setenv("PLAIN_NAME", "a long value")
    monkeypatch.setenv("OPENAI_API_KEY", DUMMY_KEY)
    text = f"1234567, a long value, {DUMMY_KEY}"
    assert redact(text) == text


@pytest.mark.parametrize(
    ("url", "text", "hidden"),
    [
        ("postgres://app:p%40ss-w0rd@db:5432/orders", "it is p%40ss-w0rd", f"it is {HIDDEN_ENV}"),
        ("postgres://app:p%40ss-w0rd@db:5432/orders", "it is p@ss-w0rd", f"it is {HIDDEN_ENV}"),
        (
            "postgres://app:pw1@db/orders",
            "to postgres://app:pw1@db/orders",
            f"to postgres://{HIDDEN_ENV}/orders",
        ),
        ("amqp://a:first-1@h1,amqp://a:second-2@h2", "second-2, first-1", "<env-secret>, first-1"),
        ("redis://:n0-user-at-all@cache", "n0-user-at-all", HIDDEN_ENV),
    ],
    ids=["as written", "as sent", "short, with its host", "two, one of 7 characters", "no user"],
)
def test_a_password_in_a_url_is_known(
    url: str, text: str, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert redact(text) == hidden


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgres://postgres:password@db/orders", "postgres forgot the password"),
        ("postgres://app:1234567890@db/orders", "call 1234567890"),
        ("https://reader@host/path", "https://reader@host/path"),
        ("https://host:8080/@scope/package", "https://host:8080/@scope/package"),
        ("someone@example.com sees http://example.com", "someone@example.com sees http://example.com"),
    ],
    ids=["a word", "a number", "no password", "a port", "an address of mail"],
)
def test_words_and_urls_without_a_password_stay(url: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert redact(text) == text


def test_a_variable_is_known_as_long_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("secret-one", "secret-two"):
        monkeypatch.setenv("A_KEY", value)
        assert redacted(["secret-one", "secret-two"]) == [
            HIDDEN_ENV if each == value else each for each in ("secret-one", "secret-two")
        ]
    monkeypatch.delenv("A_KEY")
    assert redact("secret-two") == "secret-two"


def test_the_longer_of_two_secrets_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "12345678")
    monkeypatch.setenv("B_KEY", "12345678-and-more")
    assert redact("x 12345678-and-more y 12345678") == f"x {HIDDEN_ENV} y {HIDDEN_ENV}"


def test_redacting_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret-value")
    once = redact("a secret-value here")
    assert redact(once) == once


def test_structures_are_walked_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret-value")
    value: Any = {"secret-value": [("secret-value", 5, None, True, 1.5)], "b": {"c": "d"}}
    clean = redacted(value)
    assert clean == {HIDDEN_ENV: [[HIDDEN_ENV, 5, None, True, 1.5]], "b": {"c": "d"}}
    assert clean["b"] is not value["b"]


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_value_inside_base64_is_known(
    shift: int, encode: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "c\u00e4nary-value?>/12"
    monkeypatch.setenv("SOME_TOKEN", value)
    encoded = encode(("x" * shift + value + "tail").encode()).decode()
    hidden = redact(encoded)
    assert HIDDEN_ENV in hidden
    # all but the characters that share bits with what stands around the value
    assert len(hidden.replace(HIDDEN_ENV, "")) <= len(encoded) - len(value.encode()) * 8 // 6 + 2
