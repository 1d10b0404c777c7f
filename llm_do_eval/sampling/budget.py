"""What ended samples cost in, whether one more may be launched out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_do_eval.sample import Sample


@dataclass(eq=False, slots=True)
class Budget:
    """What all tests of a session may spend at providers, in USD; what is replayed costs nothing.

    `unpriced` says that something was spent whose price nobody knows: then no limit can be kept.
    """

    limit_usd: float
    spent_usd: float = 0.0
    unpriced: bool = False

    def charge(self, sample: Sample) -> None:
        """Add what a sample has spent."""
        if sample.spent_usd is None:
            self.unpriced = True
        else:
            self.spent_usd += sample.spent_usd

    def covers(self, samples: int, each_usd: float) -> bool:
        """Tell whether `samples` more that cost as much as `each_usd` each stay within the limit."""
        return not self.unpriced and self.spent_usd + samples * each_usd <= self.limit_usd

    @property
    def reason(self) -> str:
        """Why no sample may be launched any more."""
        if self.unpriced:
            return (
                "the price of a model is unknown, so no budget can be kept: leave out --llm-budget, or use a "
                "model with a known price"
            )
        return f"the budget of ${self.limit_usd:g} allows no more samples: ${self.spent_usd:.4f} is spent"
