"""Was a link opened by a person, or by a program that looks at links before the person does?

Each sign is a chance that a machine did it; together 1 - (1 - a)(1 - b)...; from 0.7 on it counts as a machine. The
chances are our choice, on the careful side: a person taken for a machine costs one sign of life, a machine taken for
a person wakes somebody up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

IS_MACHINE: Final = 0.7
AT_ONCE: Final = 3
"""Different links of one message within five seconds: no person reads so fast."""
AT_ONCE_SECONDS: Final = 5.0
TOO_SOON_SECONDS: Final = 10.0
SOON_SECONDS: Final = 60.0

_AGENTS: Final = re.compile(
    r"(?i)bot\b|crawl|spider|preview|scan|proofpoint|mimecast|barracuda|safelinks|trendmicro|symantec|forcepoint|"
    r"fireeye|sophos|cisco|ironport|cloudmark|urlcheck|link ?check|python|curl|wget|okhttp|go-http|java/|libwww|"
    r"headless|phantom|httpclient|facebookexternalhit|whatsapp|slack|telegram|googleimageproxy|yahoomailproxy"
)


@dataclass(frozen=True)
class Visit:
    """One visit to a link. seconds: since the message was handed over; None where that is not known."""

    method: str
    agent: str
    languages: str
    seconds: float | None
    links_at_once: int = 1


@dataclass(frozen=True)
class Judged:
    """score in [0, 1]: how surely it was a machine; why: the signs, in a sentence."""

    score: float
    why: str

    @property
    def is_machine(self) -> bool:
        return self.score >= IS_MACHINE


def judge(visit: Visit) -> Judged:
    """How surely a machine opened the link."""
    signs: list[tuple[float, str]] = []
    if visit.method != "GET":
        signs.append((0.95, f"asked by {visit.method[:10]}"))
    if not visit.agent.strip():
        signs.append((0.9, "named no program"))
    elif _AGENTS.search(visit.agent[:500]):
        signs.append((0.95, "a known scanner or program"))
    if not visit.languages.strip():
        signs.append((0.6, "asked for no language, as browsers do"))
    if visit.seconds is not None and visit.seconds < TOO_SOON_SECONDS:
        signs.append((0.9, "within ten seconds of being sent"))
    elif visit.seconds is not None and visit.seconds < SOON_SECONDS:
        signs.append((0.3, "within a minute of being sent"))
    if visit.links_at_once >= AT_ONCE:
        signs.append((0.9, "several links at once"))
    left = 1.0
    for chance, _ in signs:
        left *= 1 - chance
    return Judged(round(1 - left, 4), "; ".join(why for _, why in signs)[:200])
