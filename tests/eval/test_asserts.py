"""Which tests can find something wrong, as far as their syntax tree tells."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest

from llm_do_eval.asserts import asserts_nothing

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import functools, pytest
import pytest as p
from pytest import fail, raises as wrong

def check(run):
    assert run

def through(run):
    check(run)

def look(run):
    return bool(run)

def around(f):
    @functools.wraps(f)
    def inner(*args):
        assert args
        return f(*args)
    return inner

def plain(f):
    @functools.wraps(f)
    def unchecked(*args):
        return f(*args)
    return unchecked

class TestClass:
    def own(self, run):
        assert run
    def target(self, run):
        self.own(run)
"""


def load(folder: Path, body: str) -> Any:
    path = folder / "module_under_test.py"
    path.write_text(HEAD + body, encoding="utf-8")
    spec = spec_from_file_location("module_under_test", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("body", "nothing"),
    [
        ("    pass", True),
        ("    look(x)", True),
        ("    x.asserts('assert')", True),
        ("    unknown.check_all(x)", True),
        ("    invariants = x", True),
        ("    x.raises(ValueError)", True),
        ("    assert x", False),
        ("    check(x)", False),
        ("    through(x)", False),
        ("    for f in (look, check): f(x)", False),
        ("    TestClass().own(x)", False),
        ("    invariant('name', x)", False),
        ("    invariant.at_most('name', x, 3)", False),
        ("    pass_on(invariant)", False),
        ("    with pytest.raises(ValueError): x()", False),
        ("    with p.raises(ValueError): x()", False),
        ("    with wrong(ValueError): x()", False),
        ("    if x: pytest.fail('no')", False),
        ("    if x: fail('no')", False),
        ("    def inner():\n        assert x\n    inner()", False),
        ("    from_conftest(x)", False),
        ("    weak_of_conftest(x)", True),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_counts(tmp_path: Path, kind: str, body: str, *, nothing: bool) -> None:
    conftest = tmp_path / "conftest.py"
    conftest.write_text(
        "def from_conftest(x):\n    assert x\n\ndef weak_of_conftest(x):\n    return x\n", encoding="utf-8"
    )
    module = load(tmp_path, f"\n@pytest.mark.filterwarnings('x')\n{kind} target(x=None):\n{body}\n")
    assert asserts_nothing(module.target, [conftest, tmp_path / "no" / "conftest.py"]) is nothing


@pytest.mark.parametrize(("decorator", "nothing"), [("around", False), ("plain", True)])
def test_a_decorator_of_the_module_counts_too(tmp_path: Path, decorator: str, *, nothing: bool) -> None:
    module = load(tmp_path, f"\n@{decorator}\ndef target(x=None):\n    return x\n")
    assert asserts_nothing(module.target) is nothing


def test_methods_call_methods(tmp_path: Path) -> None:
    assert not asserts_nothing(load(tmp_path, "").TestClass().target)


def test_what_cannot_be_read_is_trusted() -> None:
    space: dict[str, Any] = {}
    exec("def target():\n    pass\n", space)
    assert not asserts_nothing(space["target"])
