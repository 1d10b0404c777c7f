"""A template's syntax tree in, the same tree with tolls out: what runs again pays again, what joins asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

if TYPE_CHECKING:
    from collections.abc import Callable

CONCAT, HOLD, PAY = "~", "[]", "$"
"""Names of filters that no template can write: join texts, hold a value, pay for a turn."""


def with_tolls(tree: nodes.Template) -> nodes.Template:
    """Change the tree of a template.

    Loops, macros and blocks pay for each turn and the text it writes, by the filter `PAY`; what is looped
    over, listed or unpacked passes the filter `HOLD`; texts are joined by the filter `CONCAT`.
    """
    return _Tolls().visit(tree)


class _Tolls(NodeTransformer):
    def get_visitor(self, node: nodes.Node) -> Callable[..., Any] | None:
        """Choose what is done with a node."""
        return next(
            (visit.__get__(self) for kind, visit in _VISITORS.items() if isinstance(node, kind)), None
        )

    def loop(self, node: nodes.For) -> nodes.Node:
        """Let each turn of a loop pay, also one that its condition leaves out."""
        self.again(node)
        node.iter = _filter(node.iter, HOLD)
        if node.test is not None:
            toll = _filter(nodes.Const(1, lineno=node.lineno), PAY, nodes.Const(0, lineno=node.lineno))
            node.test = nodes.And(toll, node.test, lineno=node.lineno)
        return node

    def again(self, node: Any) -> nodes.Node:
        """Let a body pay each time it runs."""
        characters = sum(len(each.data) for each in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        price = nodes.Const(characters, lineno=node.lineno)
        toll = _filter(nodes.Const("", lineno=node.lineno), PAY, price)
        node.body.insert(0, nodes.Output([toll], lineno=node.lineno))
        return node

    def call(self, node: Any) -> nodes.Node:
        """Hold what is unpacked into arguments."""
        self.generic_visit(node)
        if node.dyn_args is not None:
            node.dyn_args = _filter(node.dyn_args, HOLD)
        return node

    def concat(self, node: nodes.Concat) -> nodes.Node:
        """Join texts by a filter."""
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), CONCAT)

    def literal(self, node: Any) -> nodes.Node:
        """Hold what is written as a list, a tuple or a mapping."""
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") == "store" else _filter(node, HOLD)


_VISITORS: Final[dict[Any, Any]] = {
    nodes.For: _Tolls.loop,
    (nodes.Macro, nodes.CallBlock, nodes.Block): _Tolls.again,
    (nodes.Call, nodes.Filter, nodes.Test): _Tolls.call,
    nodes.Concat: _Tolls.concat,
    (nodes.List, nodes.Tuple, nodes.Dict): _Tolls.literal,
}


def _filter(node: Any, name: str, *args: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
