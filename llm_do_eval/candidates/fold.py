"""A cluster in, its fold out: rules are found on some clusters and judged on others, for ever the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeVar

from llm_do.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

Fold = Literal["fit", "select", "verify"]
VERIFY_SHARE: Final = 0.4
_FIT_SHARE: Final = 0.4
_T = TypeVar("_T")


def fold(cluster: str) -> Fold:
    """Give the fold of a cluster by its hash: 40 % fit, 20 % select, 40 % verify."""
    place = int(digest(cluster)[:13], 16) / 16**13
    return "fit" if place < _FIT_SHARE else "verify" if place >= 1 - VERIFY_SHARE else "select"


def mining(clusters: Mapping[str, _T]) -> dict[str, _T]:
    """Give the clusters that a rule may be found on; all of them where every one is held out."""
    return {key: value for key, value in clusters.items() if fold(key) != "verify"} or dict(clusters)


def held_out(clusters: Mapping[str, _T]) -> dict[str, _T]:
    """Give the clusters that a rule is judged on; none where `mining` had to take them."""
    found = {key: value for key, value in clusters.items() if fold(key) == "verify"}
    return found if len(found) < len(clusters) else {}
