"""Does the silence hold? Asked of the gate itself, for every class on every road; nothing is read from a record.

The proof kept at a clean break says what was done that day. This says what would happen now, whatever was merged,
renamed, loaded or forgotten since. What would still go out is named, not hidden.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from rekindle.decide.eligibility import Rule
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import why_not


@dataclass(frozen=True)
class Asked:
    """What the gate said about one class on one road: refused by which rule, with its sentence."""

    touch_class: TouchClass
    channel: Channel
    allowed: bool
    rule: Rule
    text: str


@dataclass(frozen=True)
class Proof:
    """The gate asked at an instant for every class and road. `passing` is what would still go out, named honestly."""

    at: datetime
    rows: tuple[tuple[TouchClass, tuple[Asked, ...]], ...]

    @property
    def passing(self) -> tuple[Asked, ...]:
        return tuple(one for _, row in self.rows for one in row if one.allowed)

    @property
    def refused(self) -> int:
        return sum(not one.allowed for _, row in self.rows for one in row)

    @property
    def sentences(self) -> tuple[tuple[Rule, str, int], ...]:
        """(rule, its sentence, how many questions it refused), the most frequent first."""
        said = Counter((one.rule, one.text) for _, row in self.rows for one in row if not one.allowed)
        return tuple((rule, text, n) for (rule, text), n in said.most_common())


def proved(relationship: Relationship, *, at: datetime | None = None) -> Proof:
    """Ask the gate about every class on every road, now or at an instant. Reads only."""
    at = at or timezone.now()
    gathered, zone = why_not.facts([relationship.party_id], at=at), why_not.business_zone()
    rows = []
    for touch_class in TouchClass:
        row = []
        for channel in Channel:
            said = why_not.ask(gathered, touch_class=touch_class, channel=channel, at=at, zone=zone)
            row.append(Asked(touch_class, channel, said.allowed, said.rule, said.text))
        rows.append((touch_class, tuple(row)))
    return Proof(at, tuple(rows))
