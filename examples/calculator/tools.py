"""Four exact operations. They have no effects, so they are approved beforehand."""

from pydantic_ai.toolsets import FunctionToolset

from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.approval import set_toolset_approval_config


def build_tools():
    tools = FunctionToolset()

    @tools.tool_plain
    def add(a: float, b: float) -> float:
        """Return a + b."""
        return a + b

    @tools.tool_plain
    def subtract(a: float, b: float) -> float:
        """Return a - b."""
        return a - b

    @tools.tool_plain
    def multiply(a: float, b: float) -> float:
        """Return a * b."""
        return a * b

    @tools.tool_plain
    def divide(a: float, b: float) -> float:
        """Return a / b; b may not be 0."""
        if b == 0:
            raise ValueError("b is 0: this quotient does not exist")
        return a / b

    set_toolset_approval_config(tools, {name: {"pre_approved": True} for name in tools.tools})
    return tools


calculator_tools = ToolsetSpec(factory=build_tools)
