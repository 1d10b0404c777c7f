"""`ticket_classifier` stabilized: the same name, now a function; its callers do not change."""

import re

from pydantic_ai.toolsets import FunctionToolset

from llm_do.toolsets.approval import set_toolset_approval_config

RULES = [
    ("billing", r"\b(charge|refund|invoice|payment|paid|subscription|price)"),
    ("account", r"\b(log ?in|password|account|sign ?in|username|locked)"),
    ("bug", r"\b(crash|error|bug|broken|freez|exception|blank page)"),
]

classifier_tools = FunctionToolset()


@classifier_tools.tool_plain
def ticket_classifier(input: str) -> str:
    """Says which queue a support ticket belongs to."""
    counts = {label: len(re.findall(pattern, input, re.IGNORECASE)) for label, pattern in RULES}
    best = max(counts, key=lambda label: counts[label])
    return best if counts[best] else "other"


set_toolset_approval_config(classifier_tools, {"ticket_classifier": {"pre_approved": True}})
