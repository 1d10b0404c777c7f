"""What a run may spend and has spent: every call adds to one sum, and one place stops when it is used up."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from llm_do.errors import LimitReached

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydantic_ai.messages import ModelResponse

    from llm_do.project.manifest import UsageLimits


@dataclass(slots=True)
class Spent:
    """Requests, calls, tokens and dollars; `cost_usd` is None once a price is unknown, never 0 for it."""

    requests: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = Decimal(0)

    def add(self, response: ModelResponse, price: Decimal | None) -> None:
        """Add one model response and its price in dollars, None where it is unknown."""
        self.requests += 1
        self.input_tokens += response.usage.input_tokens
        self.output_tokens += response.usage.output_tokens
        self.cost_usd = None if self.cost_usd is None or price is None else self.cost_usd + price

    def tokens(self) -> dict[str, int]:
        """Give the token counts as the journal writes them."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


@dataclass(slots=True)
class Budget:
    """The limits of a run, what its calls have spent so far, and the sum over all runs of its runtime."""

    limits: UsageLimits
    spent: Spent
    total: Spent
    under_way: int = 0
    is_over: bool = False

    def add(self, response: ModelResponse, price: Decimal | None) -> None:
        """Add one model response to the run and to the sum."""
        self.spent.add(response, price)
        self.total.add(response, price)

    def refuse_ended(self) -> None:
        """Let nothing more happen for a run that is over, by a task left behind. Raises LimitReached."""
        if self.is_over:
            raise LimitReached("the run has ended and calls nothing any more; await what you start")

    def add_call(self) -> None:
        """Count one call that ended."""
        self.spent.calls += 1
        self.total.calls += 1

    @contextmanager
    def request(self, worker: str) -> Generator[None]:
        """Let one request of a worker go out, or refuse it once a limit is reached. Raises LimitReached."""
        self.refuse_ended()
        self._check(worker)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    def _check(self, worker: str) -> None:
        used, limits = self.spent, self.limits
        if limits.requests is not None and used.requests + self.under_way >= limits.requests:
            raise LimitReached(_sentence(worker, f"{limits.requests} requests", "requests"))
        if limits.tokens is not None and used.input_tokens + used.output_tokens >= limits.tokens:
            raise LimitReached(_sentence(worker, f"{limits.tokens} tokens", "tokens"))
        if limits.cost_usd is not None:
            if used.cost_usd is None:
                raise LimitReached(
                    f"worker {worker!r}: usage_limits.cost_usd cannot be kept, its model's price is unknown; "
                    f"limit requests or tokens instead"
                )
            if used.cost_usd >= Decimal(str(limits.cost_usd)):
                raise LimitReached(_sentence(worker, f"${limits.cost_usd}", "cost_usd"))


def price_usd(response: ModelResponse) -> Decimal | None:
    """Price one response by pydantic-ai's price list; None where the model has no known price."""
    try:
        return response.cost().total_price
    except (LookupError, ValueError, AssertionError):
        return None


def _sentence(worker: str, limit: str, key: str) -> str:
    return f"worker {worker!r}: the run's limit of {limit} is used up; raise usage_limits.{key}"
