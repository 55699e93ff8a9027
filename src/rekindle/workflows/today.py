"""Who is worth a human's time today.

1. take the open tasks, and those put off whose day has come, that were made on or before the day;
2. keep one owner's and nobody's, when an owner is asked for;
3. first those who spoke to us, who waits longest first; then what a plan asks; then the night's own by rank, the
   highest value at stake first; give the first `limit` as cards.

Reading only: the night makes tasks, `workflows.tasks` answers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.relationships.models import Brand, Task
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion, TaskSource, TaskState, TouchClass


@dataclass(frozen=True)
class TodayCard:
    """One person, why now, and one suggested sentence. Money is minor units of `currency`, None when not known."""

    person: str
    stage: Stage
    why_now: tuple[str, ...]
    suggestion: Suggestion
    value_at_stake_minor: int | None
    opening_line: str
    currency: str
    task: int
    party: int
    initials: str
    since: date | None
    channel: Channel
    touch_class: TouchClass
    minutes: int
    made_on: date
    due_on: date
    state: TaskState
    owner: str
    rank: int | None
    source: TaskSource

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line; `value_at_stake` is in minor units of `currency`, null when not known."""
        return {
            "person": self.person,
            "stage": self.stage.value,
            "why_now": list(self.why_now),
            "suggestion": self.suggestion.value,
            "value_at_stake": self.value_at_stake_minor,
            "opening_line": self.opening_line,
            "currency": self.currency or None,
            "task": self.task,
            "party": self.party,
            "since": self.since.isoformat() if self.since else None,
            "channel": self.channel.value,
            "touch_class": self.touch_class.value,
            "minutes": self.minutes,
            "due_on": self.due_on.isoformat(),
            "owner": self.owner or None,
            "rank": self.rank,
        }


def business_day() -> date:
    """The day it is now in the business's own time zone; UTC before a business is set up."""
    zone = Brand.objects.order_by("id").values_list("time_zone", flat=True).first()
    return timezone.now().astimezone(ZoneInfo(zone or "UTC")).date()


def today(*, as_of: date | None = None, owner: User | None = None, limit: int = 20) -> list[TodayCard]:
    """The cards of one day, best first; an empty list means that nothing is urgent.

    as_of   the day; None is now, in the business's time zone
    owner   a member of staff: their people and those nobody looks after; None is everybody's
    """
    tasks = waiting(day=as_of or business_day())
    if owner is not None:
        tasks = tasks.filter(Q(owner=owner) | Q(owner__isnull=True))
    return [card_of(task) for task in in_order(tasks)[: max(limit, 0)]]


def waiting(*, day: date) -> QuerySet[Task]:
    """Tasks that wait for a human on a day, in no order."""
    return Task.objects.filter(
        Q(state=TaskState.OPEN.value) | Q(state=TaskState.LATER.value, due_on__lte=day), made_on__lte=day
    )


def in_order(tasks: QuerySet[Task]) -> QuerySet[Task]:
    """Tasks with what a card shows of them, in the order of the day."""
    lane = Case(
        When(source=TaskSource.PERSON.value, then=Value(0)),
        When(source=TaskSource.PLAYBOOK.value, then=Value(1)),
        default=Value(2),
    )
    # The night's own go by rank: a suggestion put off keeps its place, whatever its day.
    due = Case(When(source=TaskSource.NIGHT.value, then=Value(None)), default=F("due_on"))
    return tasks.select_related("relationship__party", "owner").order_by(
        lane, due, F("rank").asc(nulls_last=True), "id"
    )


def card_of(task: Task) -> TodayCard:
    """The card of one task; its relationship, party and owner are best loaded with it."""
    relationship = task.relationship
    party = relationship.party
    return TodayCard(
        person=str(party),
        stage=Stage(relationship.stage),
        why_now=tuple(task.why_now),
        suggestion=Suggestion(task.suggestion),
        value_at_stake_minor=task.value_at_stake_minor,
        opening_line=task.opening_line,
        currency=task.currency,
        task=task.pk,
        party=party.pk,
        initials=party.initials,
        since=relationship.stage_since,
        channel=Channel(task.channel),
        touch_class=TouchClass(task.touch_class),
        minutes=task.minutes,
        made_on=task.made_on,
        due_on=task.due_on,
        state=TaskState(task.state),
        owner=str(task.owner) if task.owner else "",
        rank=task.rank,
        source=TaskSource(task.source),
    )
