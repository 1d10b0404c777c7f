"""The one tool of this example that reaches out of the project; what it does is only said, not done."""

from typing import Literal

from pydantic_ai.toolsets import FunctionToolset

from llm_do.toolsets.approval import set_toolset_approval_config

publishing = FunctionToolset()


@publishing.tool_plain
def publish(path: str, audience: Literal["team", "everyone"]) -> str:
    """Publish a note."""
    return f"published {path} to {audience}"


set_toolset_approval_config(publishing, {"publish": {"network": True}})
