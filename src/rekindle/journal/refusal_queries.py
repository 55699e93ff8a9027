"""Every no on record, newest first: attempts that were refused as they were made, and the night's wishes.

Two tables, each walked back by its own key and merged by day: what somebody tried (`Refusal`) before what the night
would have liked (`Decision.refusal`) on the same day. A page remembers where it stopped in both, so that none is
shown twice and none is left out, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import QuerySet

from rekindle.journal.models import Decision, Refusal
from rekindle.relationships.models import Party
from rekindle.relationships.queries import numbers_of
from rekindle.relationships.vocabulary import Channel, TouchClass


@dataclass(frozen=True)
class Wanted:
    """Which refusals. Empty: any. Of the night's wishes no road is known, so a road asks for attempts only.

    suggestions  what of the night's wishes is for that purpose; only read where there is a purpose
    """

    rule: str = ""
    party: int | None = None
    touch_class: TouchClass | None = None
    channel: Channel | None = None
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a page stopped: the last number of either table that was shown; None: at the top."""

    refusal: int | None = None
    decision: int | None = None


@dataclass(frozen=True)
class No:
    """One refusal as a page shows it. `at` is the instant of an attempt, None for a wish of the night `on` that day.

    suggestion  what the night wished; empty for an attempt, which knows its purpose and its road itself
    """

    party: int
    person: str
    on: date
    at: datetime | None
    touch_class: TouchClass | None
    channel: Channel | None
    rule: str
    changes_at: datetime | None
    asked_by: str
    actor: str
    suggestion: str = ""

    @property
    def is_wish(self) -> bool:
        return self.at is None


@dataclass(frozen=True)
class Stretch:
    """One page; `next` is where the following one begins, None at the end."""

    rows: tuple[No, ...]
    next: Place | None


def page(wanted: Wanted, *, limit: int, after: Place | None = None) -> Stretch:
    """One page of both tables, newest first: two queries, and two for names, whatever the number of rows."""
    place = after or Place()
    tried = list(_tried(wanted, below=place.refusal)[: limit + 1])
    wished = list(_wished(wanted, below=place.decision)[: limit + 1])
    shown: list[Refusal | Decision] = []
    while len(shown) < limit and (tried or wished):
        if tried and (not wished or _day(tried[0].at) >= wished[0].as_of):
            shown.append(tried[0])
            place = Place(tried.pop(0).pk, place.decision)
        else:
            shown.append(wished[0])
            place = Place(place.refusal, wished.pop(0).pk)
    return Stretch(_told(shown), place if tried or wished else None)


def _tried(wanted: Wanted, *, below: int | None) -> QuerySet[Refusal]:
    rows = Refusal.objects.select_related("actor").order_by("-id")
    if below is not None:
        rows = rows.filter(id__lt=below)
    if wanted.rule:
        rows = rows.filter(rule=wanted.rule)
    if wanted.party is not None:
        rows = rows.filter(party=wanted.party)
    if wanted.touch_class is not None:
        rows = rows.filter(touch_class=wanted.touch_class.value)
    if wanted.channel is not None:
        rows = rows.filter(channel=wanted.channel.value)
    return rows


def _wished(wanted: Wanted, *, below: int | None) -> QuerySet[Decision]:
    rows = Decision.objects.exclude(refusal="").select_related("relationship").order_by("-id")
    if wanted.channel is not None:
        return rows.none()
    if below is not None:
        rows = rows.filter(id__lt=below)
    if wanted.rule:
        rows = rows.filter(refusal=wanted.rule)
    if wanted.party is not None:
        rows = rows.filter(relationship__party=wanted.party)
    if wanted.touch_class is not None:
        rows = rows.filter(wanted__in=wanted.suggestions)
    return rows


def _told(rows: Iterable[Refusal | Decision]) -> tuple[No, ...]:
    """The rows with names in place of numbers."""
    rows = list(rows)
    parties = {row.party_id if isinstance(row, Refusal) else row.relationship.party_id for row in rows}
    people = names_of(parties)
    told = []
    for row in rows:
        if isinstance(row, Refusal):
            told.append(
                No(
                    row.party_id, people.get(row.party_id, ""), _day(row.at), row.at, TouchClass(row.touch_class),
                    Channel(row.channel), row.rule, row.changes_at, row.asked_by, str(row.actor or ""),
                )
            )  # fmt: skip
        else:
            party = row.relationship.party_id
            told.append(
                No(
                    party, people.get(party, ""), row.as_of, None, None, None, row.refusal, row.refused_until, "", "",
                    row.wanted,
                )
            )  # fmt: skip
    return tuple(told)


def names_of(parties: Iterable[int]) -> dict[int, str]:
    """What people call each party: the name, else the customer number, else our own."""
    named = Party.objects.in_bulk(list(parties))
    numbers = numbers_of(pk for pk, party in named.items() if not party.name)
    return {
        pk: party.name or (f"customer {numbers[pk]}" if pk in numbers else str(party)) for pk, party in named.items()
    }


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
