"""Arguments in, rules out: for each argument path the sources that most likely determine it.

A rule names one source: a field of the last successful result of one tool, a field of the caller's input,
or the only match of a pattern in the user's text. One field is chosen for each path, on the clusters that
may be mined, and so is the pattern.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_do_eval.candidates.fold import mining
from llm_do_eval.candidates.text_pattern import shape_of
from llm_do_eval.comparable import comparable
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.tables.sources import INPUT, Fields, sources

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from llm_do_eval.tables.arguments import Argument, Arguments, AskedCall
    from llm_do_eval.tables.context import Context

_LISTED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One call that a rule covers: the value that was passed, and the one that the rule gives."""

    call: AskedCall
    passed: str
    given: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to fill in `path`: `source` in words, the calls it covers, how many rules were tried there."""

    path: str
    source: str
    rows: tuple[Row, ...]
    tried: int

    @property
    def agree(self) -> Ratio:
        """Count the calls in which the rule gives what was passed."""
        return Ratio(sum(row.passed == row.given for row in self.rows), len(self.rows))


def find_rules(arguments: Arguments) -> list[Rule]:
    """Give the rules that hold in at least half of their calls, over two clusters or more."""
    known = chain.from_iterable(map(sources, arguments.contexts))
    paths: defaultdict[str, list[_Passed]] = defaultdict(list)
    for call, fields in zip(arguments.calls, known, strict=True):
        for argument in call.arguments:
            if "[]" not in argument.path:
                paths[argument.path].append(_Passed(call, argument, comparable(argument.value), fields))
    rules = [rule for path, passed in sorted(paths.items()) for rule in _rules(path, passed)]
    return [
        rule
        for rule in rules
        if rule.agree.share >= _LISTED and len({row.call.context.cluster for row in rule.rows}) > 1
    ]


@dataclass(frozen=True, slots=True)
class _Passed:
    call: AskedCall
    argument: Argument
    value: str
    sources: Mapping[str, Fields]


class _Field(NamedTuple):
    tool: str
    name: str

    def given(self, passed: _Passed) -> str | None:
        """Give the field's value before a call, None where it is not there."""
        fields = passed.sources.get(self.tool)
        return None if fields is None else fields.values.get(self.name)

    def words(self) -> str:
        """Name the field for a reader."""
        if self.tool == INPUT:
            return f"{INPUT} {self.name!r}"
        return f"the last {self.tool}.{self.name}" if self.name else f"the last result of {self.tool}"


@dataclass(slots=True)
class _Score:
    held: int = 0
    seen: int = 0

    def saved(self) -> float:
        """Give the calls that it fills in, at the lower bound of its agreement."""
        return self.held * lower_bound(self.held, self.seen)


def _rules(path: str, passed: Sequence[_Passed]) -> Iterator[Rule]:
    minable = mining({each.call.context.cluster: None for each in passed})
    mined = [each for each in passed if each.call.context.cluster in minable]
    shape = shape_of(each.argument.value for each in mined if isinstance(each.argument.value, str))
    names: defaultdict[str, set[str]] = defaultdict(set)
    for each in passed:
        for tool, fields in each.sources.items():
            names[tool].update(fields.values)
    tried = sum(map(len, names.values())) + (shape is not None)
    best = _best_field(path, mined)
    if best is not None:
        yield Rule(path, best.words(), tuple(_field_rows(passed, best)), tried)
    if shape is not None:
        source = f"the only {shape.pattern} in the user's text"
        yield Rule(path, source, tuple(_shape_rows(passed, shape)), tried)


def _best_field(path: str, mined: Sequence[_Passed]) -> _Field | None:
    """Give the field that saves most at its lower bound; of equals the one named as the argument is."""
    scores: dict[_Field, _Score] = {}
    for each in mined:
        for tool, fields in each.sources.items():
            for name in fields.paths.get(each.value, ()):
                scores.setdefault(_Field(tool, name), _Score()).held += 1
    for each in mined:
        for field, score in scores.items():
            score.seen += field.given(each) is not None
    argument = path.rpartition(".")[2]

    return min(
        scores,
        key=lambda field: (
            -scores[field].saved(),
            field.name.rpartition(".")[2] != argument,
            len(field.name),
            field,
        ),
        default=None,
    )


def _field_rows(passed: Sequence[_Passed], field: _Field) -> Iterator[Row]:
    for each in passed:
        given = field.given(each)
        if given is not None:
            yield Row(each.call, each.value, given)


def _shape_rows(passed: Sequence[_Passed], shape: re.Pattern[str]) -> Iterator[Row]:
    matches: dict[int, list[re.Match[str]]] = {}
    for each in passed:
        context: Context = each.call.context
        if id(context) not in matches:
            matches[id(context)] = list(shape.finditer(context.user.joined))
        before = {match[0] for match in matches[id(context)] if match.end() <= each.call.cut.user}
        if len(before) == 1:
            yield Row(each.call, each.value, comparable(before.pop()))
