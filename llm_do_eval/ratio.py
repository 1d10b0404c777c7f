"""Two counts in, `k of n` out: the form in which every observed share is shown."""

from __future__ import annotations

from typing import NamedTuple


class Ratio(NamedTuple):
    """`k` of `n` counted things; in JSON the list `[k, n]`."""

    k: int
    n: int

    def __str__(self) -> str:
        return f"{self.k} of {self.n}"

    @property
    def share(self) -> float:
        """`k / n`, and 0 where nothing was counted."""
        return self.k / self.n if self.n else 0.0


def percent(share: float) -> str:
    """Show a share as a percentage with one decimal."""
    return f"{round(share * 100, 1):g} %"
