"""The same callers and the same tests, with `ticket_classifier` as a worker and as a function."""

import pytest

EXAMPLE = "../examples/ticket_classifier"
QUEUES = {"billing": "finance", "bug": "engineering", "account": "accounts", "other": "support"}
TICKETS = {
    "billing": [
        "I was charged twice this month, please refund one payment.",
        "Where can I find the invoice for March?",
        "Please cancel my subscription at the end of the year.",
        "My payment was declined although the card is valid.",
        "I was charged, was charged again, and now the login fails.",
    ],
    "bug": [
        "The app crashes when I export a report.",
        "Since the update I only see a blank page.",
        "Search shows an exception instead of results.",
        "The calendar freezes whenever I scroll down.",
        "Dates are broken in the printed view.",
    ],
    "account": [
        "I forgot my password.",
        "How do I change the username of a colleague?",
        "I cannot sign in on my new phone.",
        "My account shows the wrong time zone.",
        "I am locked out after three attempts.",
    ],
    "other": [
        "When are you open on Saturdays?",
        "Do you have an office in Lisbon?",
        "I would like to write about you in our magazine.",
        "Which languages does your support speak?",
        "Thank you for the quick help yesterday!",
    ],
}

implementations = pytest.mark.parametrize(
    "implementation",
    [
        pytest.param("worker", marks=pytest.mark.llm_project(EXAMPLE)),
        pytest.param("python", marks=pytest.mark.llm_project(f"{EXAMPLE}/stabilized.json")),
    ],
)


@implementations
@pytest.mark.parametrize("label", TICKETS)
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_python_caller_gets_the_queue(llm_do, invariant, label, implementation):
    for number, ticket in enumerate(TICKETS[label], start=1):
        run = await llm_do.run(ticket)
        invariant(f"ticket {number}", run.output == {"label": label, "queue": QUEUES[label]})
        assert [(call.name, call.impl) for call in run.calls.children] == [
            ("ticket_classifier", implementation)
        ]


@implementations
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_llm_caller_names_the_team(llm_do, invariant, implementation):
    run = await llm_do.run("desk", "The app crashes when I export a report.")
    invariant("engineering takes over", "engineering" in run.output)
    assert run.tools.match(["ticket_classifier"], order="exact")


@pytest.mark.llm_project(EXAMPLE)
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_desk_believes_the_classifier(llm_do, stub):
    stub("ticket_classifier", "billing")
    run = await llm_do.run("desk", "The app crashes when I export a report.")
    assert "billing" in run.output
