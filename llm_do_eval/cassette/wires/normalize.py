"""Patterns in, requests whose values of every day are placeholders out: `llm_normalize` of the ini file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do_eval.cassette.interaction import Request

_ARROW = " -> "


@dataclass(frozen=True, slots=True)
class Rule:
    """What is replaced in requests before they are compared, and by what."""

    pattern: re.Pattern[str]
    placeholder: str


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Replaces, in every text of a request, what rules say; only where requests are compared."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[str]) -> Normalizer:
        """Read lines `REGEX -> PLACEHOLDER`.

        Raises:
            UsageError: a line is none.
        """
        return cls(tuple(_rule(line) for line in lines if line.strip()))

    def request(self, request: Request) -> Request:
        """Return the request to compare."""
        if not self.rules:
            return request
        body = replace(request.body, value=self._value(request.body.value))
        return replace(request, uri=self._value(request.uri), body=body)

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                for rule in self.rules:
                    value = rule.pattern.sub(lambda _, rule=rule: rule.placeholder, value)
                return value
            case dict():
                return {name: self._value(each) for name, each in cast("dict[str, Any]", value).items()}
            case list():
                return [self._value(each) for each in cast("list[Any]", value)]
            case _:
                return value


def _rule(line: str) -> Rule:
    pattern, arrow, placeholder = line.strip().rpartition(_ARROW)
    if not arrow:
        raise UsageError(f"llm_normalize: {line!r} is no rule; write REGEX -> PLACEHOLDER")
    try:
        return Rule(re.compile(pattern.strip()), placeholder.strip())
    except re.error as error:
        raise UsageError(f"llm_normalize: {pattern!r} is no regular expression: {error}") from error
