"""A provider on loopback: real HTTP requests of five wire formats in, seeded stochastic answers out.

It speaks OpenAI chat completions, OpenAI responses, Anthropic messages, Google generateContent and Bedrock
Converse, and is no model: each example worker has a small `Brain` that draws its answers, so that repeated
requests give a distribution.
"""

from __future__ import annotations

from evals.standin.brains import BRAINS, by_worker, echo
from evals.standin.conversation import (
    Attachment,
    Brain,
    Finish,
    Hit,
    Reply,
    Request,
    Search,
    ServerTool,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    reply_with,
)
from evals.standin.faults import Cut, Ends, Fault, Faults, Hang, Html, Status
from evals.standin.provider import Received, StandIn

__all__ = [
    "BRAINS",
    "Attachment",
    "Brain",
    "Cut",
    "Ends",
    "Fault",
    "Faults",
    "Finish",
    "Hang",
    "Hit",
    "Html",
    "Received",
    "Reply",
    "Request",
    "Search",
    "ServerTool",
    "StandIn",
    "Status",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Turn",
    "Usage",
    "by_worker",
    "echo",
    "reply_with",
]
