"""Both packages keep the shape budget, and every rule catches a tree made to break it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Rule = Callable[[Sequence[shape.Module]], Iterator[str]]

ROOT = Path(__file__).parents[1]
BAD_TREES: dict[Rule, dict[str, str]] = {
    shape.long_functions: {"a.py": "def f():\n" + "    pass\n" * 60},
    shape.long_modules: {"a.py": "x = 1\n" * 350},
    shape.import_cycles: {
        "a.py": "from . import b\n",
        "b.py": "try:\n    from tree.c import x\nexcept ImportError:\n    x = 1\n",
        "c/__init__.py": "import tree.a\nx = 1\n",
    },
    shape.missing_docstrings: {"a.py": "'''A.'''\nclass C:\n    '''C.'''\n    def m(self): ...\n"},
    shape.missing_annotations: {"a.py": "class C:\n    def m(self, a: int, *, b) -> None: ...\n"},
    shape.vague_names: {"helpers/__init__.py": ""},
}

GOOD_TREE = {
    "__init__.py": '"""The package."""\n',
    "a.py": '''"""Words in, words out."""

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from tree.b import B


class A:
    """One word."""

    @property
    def b(self) -> "B":
        """The other word."""
        from tree.b import B

        return B()

    @b.setter
    def b(self, value: "B") -> None: ...

    @overload
    def m(self, x: int) -> int: ...
    @overload
    def m(self, x: str) -> str: ...
    def m(self, x: int | str) -> int | str:
        """Give it back."""
        def inner(*words: str) -> str:
            return words[0]
        return inner(str(x))
''',
    "b.py": '"""B."""\n\nfrom . import a\n\n\nclass B(a.A):\n    """B."""\n',
    "c.py": f'"""C."""\n\n\ndef c() -> None:\n    """C.\n{"    Text." * 70}\n    """\n',
}


@pytest.mark.parametrize("rule", shape.RULES)
def test_the_packages_keep_their_shape(rule: Rule) -> None:
    modules = shape.read_modules([ROOT / "llm_do", ROOT / "llm_do_eval"])
    assert {"llm_do.errors", "llm_do_eval"} <= {module.name for module in modules}
    assert list(rule(modules)) == []


@pytest.mark.parametrize("rule", shape.RULES)
def test_a_tree_made_to_break_the_rule_is_caught(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(tree(tmp_path, BAD_TREES[rule])))


@pytest.mark.parametrize("rule", shape.RULES)
def test_a_good_tree_passes(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(tree(tmp_path, GOOD_TREE))) == []


def test_many_middling_functions_are_caught(tmp_path: Path) -> None:
    middling = "".join(f"def f{i}():\n" + "    pass\n" * 40 for i in range(3))
    [fault] = shape.long_functions(tree(tmp_path, {"a.py": middling}))
    assert "95 %" in fault


def tree(folder: Path, files: dict[str, str]) -> list[shape.Module]:
    """Write a package called `tree` and read it back."""
    for name, text in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return shape.read_modules([folder / "tree"])
