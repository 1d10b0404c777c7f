"""A calculator: an expression in words of arithmetic in, one tool call at a time and then the number out."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from evals.standin.conversation import Reply, Request, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Number: TypeAlias = float

_EXPRESSION = re.compile(r"[-(\s]*\d[\d\s.()+\-*/×÷]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


class _Operation(NamedTuple):
    tool: str
    compute: Callable[[Number, Number], Number]


def _divided(first: Number, second: Number) -> Number:
    return first / second


_OPERATIONS: dict[type[ast.operator], _Operation] = {
    ast.Add: _Operation("add", operator.add),
    ast.Sub: _Operation("subtract", operator.sub),
    ast.Mult: _Operation("multiply", operator.mul),
    ast.Div: _Operation("divide", _divided),
}


def calculate(request: Request, rng: random.Random) -> Reply:
    """Work out the longest expression in the prompt, inner operations first.

    An operation whose tool (`add`, `subtract`, `multiply`, `divide`) is offered is one call of it, with the
    first two arguments of its schema; any other is done in the head. A tool that gives no number ends the
    work.
    """
    expression = _expression(request.prompt)
    if expression is None:
        return Reply("Please give me a calculation, such as 12 * 7 + 3.")
    try:
        value = _value(expression, request)
    except (ValueError, ZeroDivisionError) as error:
        return Reply(f"I cannot work that out: {error}")
    if isinstance(value, ToolCall):
        return Reply(tool_calls=(value,))
    return Reply(rng.choice(("{}", "The answer is {}.", "That makes {}.")).format(_written(value)))


def _expression(prompt: str) -> ast.expr | None:
    found = sorted(_EXPRESSION.findall(prompt), key=len, reverse=True)
    try:
        text = found[0].replace("×", "*").replace("÷", "/").strip().rstrip("+-*/. ")
        return ast.parse(text, mode="eval").body
    except (IndexError, SyntaxError):
        return None


def _value(node: ast.expr, request: Request) -> Number | ToolCall:
    """Reduce an expression to its number, or to the next call that has to be made for it.

    Raises:
        ValueError: a tool gave no number, or the expression is no arithmetic.
    """
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, request)
            return value if isinstance(value, ToolCall) else -value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            first = _value(left, request)
            if isinstance(first, ToolCall):
                return first
            second = _value(right, request)
            if isinstance(second, ToolCall):
                return second
            return _operated(_OPERATIONS[type(op)], first, second, request)
        case _:
            raise ValueError(f"{ast.unparse(node)} is no arithmetic that I know.")


def _operated(operation: _Operation, first: Number, second: Number, request: Request) -> Number | ToolCall:
    tool = request.tool(operation.tool)
    if tool is None:
        return operation.compute(first, second)
    args: dict[str, Any] = dict(zip(tool.fields, (first, second), strict=False))
    results = [r.text for r in request.results if r.call.name == tool.name and r.call.args == args]
    if not results:
        return ToolCall(tool.name, args)
    number = _NUMBER.fullmatch(results[0].strip())
    if number is None:
        raise ValueError(results[0])
    return _number(number[0])


def _number(text: str) -> Number:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _written(value: Number) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6g}"
