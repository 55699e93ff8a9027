"""The rules at the hand-over: those of contact, and those that only a written message can meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa

from rekindle.decide.eligibility import ALWAYS, Facts
from rekindle.journal.models import Message, Sending
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Party
from rekindle.relationships.policy import day_begins
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import why_not
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.occurrences import zone_of
from rekindle.workflows.outbox.unfit import unfit
from rekindle.workflows.why_not import Answer

_OWED = tuple(touch_class.value for touch_class in ALWAYS)


def ask(row: Message, party: Party, *, road: Sending, at: datetime) -> Answer:
    """Whether this message may go to this person at this instant; asked under the lock of the person's row."""
    zone = why_not.business_zone()
    theirs = zone_of(party, otherwise=zone)
    begins = day_begins(at.astimezone(theirs).date(), theirs)
    known = _with_message(
        facts([party.pk], at=at), row, party, begins=begins, lacks=unfit(row, party, road=road, at=at)
    )
    return why_not.ask(
        known,
        touch_class=TouchClass(row.touch_class),
        channel=Channel(row.channel),
        at=at,
        zone=zone,
        hour=True,
    )


def _with_message(known: Facts, row: Message, party: Party, *, begins: datetime, lacks: str | None) -> Facts:
    """begins: the first instant of the person's own day; lacks: what keeps the message itself from going."""
    others = reached().filter(party=party).exclude(pk=row.pk)
    said = bool(row.content) and others.filter(content=row.content).exists()
    today = others.filter(handed_at__gte=begins).exclude(touch_class__in=_OWED).exists()
    people = known.people
    for name, values, kind in (
        ("said_before", [said], pa.bool_()),
        ("written_today", [today], pa.bool_()),
        ("next_day", [begins + timedelta(days=1)], pa.timestamp("us", tz="UTC")),
        ("unfit", [lacks], pa.string()),
    ):
        people = people.append_column(name, pa.array(values, kind))
    return replace(known, people=people)
