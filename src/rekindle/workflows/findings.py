"""What a check found: one question, whether its answer is good, and the answer in one line with what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One question, whether its answer is good, and the answer in one line."""

    name: str
    ok: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
