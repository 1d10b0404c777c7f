from __future__ import annotations

import ast

from llm_do.python.statements import assignments, statements

SOURCE = """
a = 1
if a:
    b: int = 2
else:
    c, d = 3, 4
try:
    e = 5
except ValueError:
    f = g = 6
def h():
    i = 7
class J:
    k = 8
k = lambda: a
n = a if a else 2
if __name__ == "__main__":
    m = 9
"""


def test_what_an_import_binds() -> None:
    found = [
        (each.name, ast.unparse(each.value))
        for node in statements(ast.parse(SOURCE).body)
        for each in assignments(node)
    ]
    assert found == [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("d", "4"),
        ("e", "5"),
        ("f", "6"),
        ("g", "6"),
        ("k", "lambda: a"),
        ("n", "a if a else 2"),
    ]
