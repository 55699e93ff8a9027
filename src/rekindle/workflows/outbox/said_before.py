"""The rules at the hand-over: those of contact, and those that only a written message can meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from rekindle.decide.eligibility import ALWAYS, Facts
from rekindle.journal.models import Message
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import why_not
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.outbox.put import states_that_reached
from rekindle.workflows.outbox.unfit import unfit
from rekindle.workflows.why_not import Answer

_OWED = tuple(touch_class.value for touch_class in ALWAYS)


def ask(row: Message, party: Party, *, at: datetime) -> Answer:
    """Whether this message may go to this person at this instant; asked under the lock of the person's row."""
    return why_not.ask(
        _with_message(facts([party.pk], at=at), row, party, at=at),
        touch_class=TouchClass(row.touch_class),
        channel=Channel(row.channel),
        at=at,
        zone=why_not.business_zone(),
        hour=True,
    )


def _with_message(known: Facts, row: Message, party: Party, *, at: datetime) -> Facts:
    others = Message.objects.filter(party=party, state__in=states_that_reached()).exclude(pk=row.pk)
    said = bool(row.content) and others.filter(content=row.content).exists()
    begins = _day_begins(party, at)
    today = others.filter(handed_at__gte=begins).exclude(touch_class__in=_OWED).exists()
    people = known.people
    for name, values, kind in (
        ("said_before", [said], pa.bool_()),
        ("written_today", [today], pa.bool_()),
        ("next_day", [begins + timedelta(days=1)], pa.timestamp("us", tz="UTC")),
        ("unfit", [unfit(row, party)], pa.string()),
    ):
        people = people.append_column(name, pa.array(values, kind))
    return replace(known, people=people)


def _day_begins(party: Party, at: datetime) -> datetime:
    """The first instant of the person's own day."""
    zone = ZoneInfo(party.time_zone) if party.time_zone else why_not.business_zone()
    return datetime.combine(at.astimezone(zone).date(), time.min, tzinfo=zone)
