"""What is wrong with a cassette, as a value: its file, the kind, what, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

from llm_do.ui.escape import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["unplayed", "orphan", "stale", "secret", "oversized", "foreign version", "torn", "left over"]
SCHEMA: Final = "llm-do-eval/cassette-check/v1"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong with one file; `cure` says what to do."""

    path: str
    kind: Kind
    what: str
    cure: str

    def __str__(self) -> str:
        return visible(f"{self.path}: {self.kind}: {self.what}; {self.cure}")


def document(findings: Sequence[Finding], checked: int) -> dict[str, object]:
    """Write findings as one JSON object; `checked` counts the files that were looked at."""
    return {"schema": SCHEMA, "checked": checked, "findings": [asdict(each) for each in findings]}
