"""The rules at the hand-over: those of contact, and those that only a written message can meet.

For one message under the lock of its person, or for all that were claimed at once: one gathering, and it is kept for
as long as it is sure that nothing it saw has changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
from django.db import connection

from rekindle.decide.eligibility import ALWAYS, Facts
from rekindle.journal.models import Message, Sending
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Party
from rekindle.relationships.policy import day_begins
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import why_not
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.occurrences import zone_of
from rekindle.workflows.outbox.unfit import lacking
from rekindle.workflows.why_not import Answer

_OWED: Final = frozenset(touch_class.value for touch_class in ALWAYS)
FRESH: Final = timedelta(seconds=2)

Letter = tuple[Message, Party]


@dataclass(frozen=True)
class Ahead:
    """The answers to what was claimed, by message, and until when they hold if nobody writes into the books."""

    answers: dict[int, Answer]
    holds_until: datetime
    version: int

    def still(self, *, at: datetime) -> dict[int, Answer]:
        """Each yes by its message, inside a transaction that holds the books; empty: they must be asked again."""
        return self.answers if at < self.holds_until and _version() == self.version else {}


def look_ahead(letters: Sequence[Letter], *, road: Sending, at: datetime) -> Ahead | None:
    """Ask for all that was claimed in one gathering. None where it cannot be told whether the books change meanwhile.

    SQLite counts the commits of every other connection and lets one writer in at a time: an answer gathered at one
    count is true while a transaction that writes sees the same. It is asked for now and for the last instant it may be
    used, so that no border of time lies between. Whoever has two messages here is asked one by one.
    """
    version = _version()
    if version is None:
        return None
    per_party = Counter(party.pk for _row, party in letters)
    single = [(row, party) for row, party in letters if per_party[party.pk] == 1]
    until = at + FRESH
    now = ask(single, road=road, at=at, also_at=until) if single else []
    answers = {row.pk: answer for (row, _party), answer in zip(single, now, strict=True) if answer.allowed}
    return Ahead(answers, until, version)


def ask(letters: Sequence[Letter], *, road: Sending, at: datetime, also_at: datetime | None = None) -> list[Answer]:
    """Whether each message may go to its person at this instant, by one gathering.

    letters  to one person each: what somebody is told changes what may be said to them next
    also_at  a later instant at which it must be a yes too
    At the hand-over it is asked under the locks of these people's rows.
    """
    zone = why_not.business_zone()
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)
    for n, (row, _party) in enumerate(letters):
        alike[row.touch_class, row.channel].append(n)
    found: dict[int, Answer] = {}
    for (touch_class, channel), places in alike.items():
        some = [letters[n] for n in places]
        known = _with_messages(facts([party.pk for _row, party in some], at=at), some, road=road, at=at, zone=zone)
        for instant in (at,) if also_at is None else (at, also_at):
            answers = why_not.ask_all(
                known, touch_class=TouchClass(touch_class), channel=Channel(channel), at=instant, zone=zone
            )
            found |= {
                n: answer for n, answer in zip(places, answers, strict=True) if n not in found or found[n].allowed
            }
    return [found[n] for n in range(len(letters))]


def _with_messages(known: Facts, letters: Sequence[Letter], *, road: Sending, at: datetime, zone: ZoneInfo) -> Facts:
    """The facts with what only a written message can meet."""
    begins = [_day_begins(party, at=at, otherwise=zone) for _row, party in letters]
    before: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    theirs = reached().filter(party__in=[party.pk for _row, party in letters])
    for number, *message in theirs.values_list("party_id", "pk", "content", "touch_class", "handed_at"):
        before[number].append((*message,))
    said, today = [], []
    for (row, party), day in zip(letters, begins, strict=True):
        others = [one for one in before[party.pk] if one[0] != row.pk]
        said.append(bool(row.content) and any(content == row.content for _pk, content, _class, _at in others))
        today.append(any(when >= day and word not in _OWED for _pk, _content, word, when in others if when))
    people = known.people
    for name, values, kind in (
        ("said_before", said, pa.bool_()),
        ("written_today", today, pa.bool_()),
        ("next_day", [day + timedelta(days=1) for day in begins], pa.timestamp("us", tz="UTC")),
        ("unfit", lacking(letters, road=road, at=at), pa.string()),
    ):
        people = people.append_column(name, pa.array(values, kind))
    return replace(known, people=people)


def _day_begins(party: Party, *, at: datetime, otherwise: ZoneInfo) -> datetime:
    """The first instant of the person's own day."""
    zone = zone_of(party, otherwise=otherwise)
    return day_begins(at.astimezone(zone).date(), zone)


def _version() -> int | None:
    """How often others have committed to these books, as this connection sees it; None where that is not told."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])
