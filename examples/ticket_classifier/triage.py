"""A Python caller of `ticket_classifier`: it cannot tell whether a model or a function answers."""

from llm_do.runtime import CallContext, EntrySpec, PromptContent

QUEUES = {"billing": "finance", "bug": "engineering", "account": "accounts", "other": "support"}


async def main(ticket: list[PromptContent], ctx: CallContext) -> dict[str, str]:
    """Return the label of a ticket and the queue it goes to."""
    label = await ctx.call("ticket_classifier", ticket[0])
    return {"label": label, "queue": QUEUES[label]}


ENTRY = EntrySpec(name="main", main=main)
