"""One person's strip: by road and purpose, whether we may now, which rule says so, and when that changes.

The very rules the gate asks, over facts gathered once. Beside it the words on record, with their proof, and what they
asked about their data. Reading only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils import timezone

from rekindle.relationships import consent_queries, wishes
from rekindle.relationships.models import Consent, DataRequest, Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import consent, preferences, unsubscribe
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.why_not import Answer, ask, business_zone

ROADS: Final = (Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.LETTER, Channel.IN_PERSON)
REQUESTS_SHOWN: Final = 20


@dataclass(frozen=True)
class Cell:
    """One road and purpose. `until`: when the ground it rests on runs out, None where no day is known."""

    purpose: TouchClass
    answer: Answer
    until: datetime | None


@dataclass(frozen=True)
class Strip:
    """What stands for one person. `roads` in the order of the strip, each with a cell a purpose."""

    party: Party
    purposes: tuple[TouchClass, ...]
    roads: tuple[tuple[Channel, tuple[Cell, ...]], ...]
    consents: tuple[Consent, ...]
    requests: tuple[DataRequest, ...]
    not_before: date | None
    how_often: HowOften | None
    is_never: bool


def of_person(party: Party, *, at: datetime | None = None) -> Strip:
    """The strip as it stands at an instant (None: now), without asking the hour of the day."""
    at = at or timezone.now()
    gathered, zone = facts([party.pk], at=at), business_zone()
    purposes = consent.ON_RECORD
    roads = []
    for road in ROADS:
        cells = []
        for purpose in purposes:
            answer = ask(gathered, touch_class=purpose, channel=road, at=at, zone=zone)
            _holds, until = preferences.ground(gathered, channel=road, purpose=purpose, at=at)
            cells.append(Cell(purpose, answer, until))
        roads.append((road, tuple(cells)))
    return Strip(
        party=party,
        purposes=purposes,
        roads=tuple(roads),
        consents=tuple(consent_queries.standing(party)),
        requests=tuple(consent_queries.requests_of(party, limit=REQUESTS_SHOWN)),
        not_before=preferences.waiting(party, at=at),
        how_often=wishes.how_often(party.extra),
        is_never=unsubscribe.is_never(party),
    )
