"""Somebody of ours is asked to cheer: one task for the newest thing somebody published, if any, and seldom.

1. what was published more than 14 days ago is old news, and makes none;
2. none within 90 days of a bereavement, and none where the rules of contact say no;
3. none while another task of what they did themselves waits, and one in 14 days a person;
4. for whoever of us is closest to them, else for who looks after them; what is said is theirs to find.

A machine does not know whether news are good: the task says to read it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.relationships import owed_queries, queries
from rekindle.relationships.models import Feed, FeedEntry, Party, Relationship, Task, Tie
from rekindle.relationships.vocabulary import Channel, MilestoneKind, Suggestion, TaskSource, TaskState, TouchClass
from rekindle.workflows import audit, why_not
from rekindle.workflows.occurrences import quiet_after

FRESH_DAYS: Final = 14
"""A word on older news says that we had not looked. Our choice."""
EACH_DAYS: Final = 14
MINUTES: Final = 5
LINES: Final = {
    "en": "I read what you wrote, and thought of you.",
    "de": "Ich habe gelesen, was du geschrieben hast, und an dich gedacht.",
}
"""True whatever the news are; whoever writes finds better words. By the language of the person, else English."""


def for_entries(feed: Feed, entries: Sequence[FeedEntry], *, at: datetime) -> Task | None:
    """One task for the newest of these new entries, or None where none is due. Call it inside a transaction."""
    day = at.astimezone(why_not.business_zone()).date()
    fresh = [one for one in entries if at - timedelta(days=FRESH_DAYS) <= one.published_at <= at]
    relationship = queries.relationship_of(feed.party)
    if not fresh or relationship is None or _grieves(feed.party, at=at) or not _may(feed.party, at=at):
        return None
    # Held, so that of two feeds that are read at once one makes the task.
    Relationship.objects.select_for_update(of=("self",)).get(pk=relationship.pk)
    mine = Task.objects.filter(relationship__party=feed.party)
    waiting = [TaskState.OPEN.value, TaskState.LATER.value]
    if mine.filter(source=TaskSource.PERSON.value, state__in=waiting).exists():
        return None
    since = day - timedelta(days=EACH_DAYS)
    if mine.filter(suggestion=Suggestion.CHEER.value, made_on__gt=since).exists():
        return None
    newest = max(fresh, key=lambda one: (one.published_at, one.pk))
    task = Task.objects.create(
        relationship=relationship, owner=closest(relationship), source=TaskSource.PERSON.value,
        suggestion=Suggestion.CHEER.value, touch_class=TouchClass.RELATIONSHIP.value, channel=Channel.SOCIAL.value,
        why_now=list(_why(feed, newest)), opening_line=LINES.get(feed.party.language[:2].lower(), LINES["en"]),
        minutes=MINUTES, made_on=day, due_on=day,
    )  # fmt: skip
    newest.task = task
    newest.save(update_fields=["task"])
    audit.record("cheer.asked", actor=None, subject=f"task:{task.pk}", details={"relationship": relationship.pk})
    return task


def closest(relationship: Relationship) -> User | None:
    """Who of us is asked: the strongest tie of those who may answer tasks, else who looks after them, else nobody."""
    ties = Tie.objects.filter(party=relationship.party_id, ended_on=None, staff__is_active=True)
    for tie in ties.select_related("staff").order_by("-strength", "pk"):
        if tie.staff.may(Deed.ANSWER_TASKS):
            return tie.staff
    owner = relationship.owner
    return owner if owner is not None and owner.is_active else None


def _why(feed: Feed, entry: FeedEntry) -> Iterable[str]:
    day = why_not.day_of(entry.published_at, zone=why_not.business_zone())
    on = f" on {feed.title}" if feed.title else ""
    yield f"They published “{entry.title}”{on}, {day}" if entry.title else f"They published something new{on}, {day}"
    yield f"Read it first, for it may be sad news: {entry.url or feed.url} (we may read it: “{feed.consent}”)"


def _may(party: Party, *, at: datetime) -> bool:
    """Without the hour: the task is for the day, and whoever does it asks again."""
    answer = why_not.ask(
        why_not.facts([party.pk], at=at), touch_class=TouchClass.RELATIONSHIP, channel=Channel.SOCIAL, at=at,
        zone=why_not.business_zone(),
    )  # fmt: skip
    return answer.allowed


def _grieves(party: Party, *, at: datetime) -> bool:
    day = at.astimezone(why_not.business_zone()).date()
    losses = owed_queries.losses_and_first_days([party.pk])
    spans = [quiet_after(one) for one in losses if one.kind == MilestoneKind.BEREAVEMENT.value]
    return any(first <= day <= last for first, last in spans)
