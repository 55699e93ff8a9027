"""What asks for one member of staff today, from everywhere it may come: merged into one list in its stated order.

1. open tasks of the three sources: what people did themselves, what a plan asks, what the night suggests;
2. promises due or overdue, theirs or to their people;
3. days to remember of their people, today and the three days after it;
4. alerts: messages of which nobody knows whether they arrived, cases nobody has solved, sending that stands still;
5. merge (`todays_order`) within their minutes; everybody's list has no bounds, for it is nobody's day.

Reading only, a fixed number of questions, each along an index and cut at what a page shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Q

from rekindle.accounts.models import User
from rekindle.journal.models import Inbound, Mailbox, Message, MessageState, Night, NightState, Sending
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Case
from rekindle.relationships.vocabulary import TaskSource
from rekindle.workflows.occurrences import occurrences_of_owner
from rekindle.workflows.owed import promise_views
from rekindle.workflows.today import card_of, in_order, waiting
from rekindle.workflows.todays_order import DaysWork, Desk, Lane, Work, desk_for, merge

DAYS_AHEAD: Final = 4
"""Today and the three days after it: time for a call or a few lines. A card by post is planned in the calendar."""
PROMISE_MINUTES: Final = 10
DAY_MINUTES: Final = 5
"""What a promise and a few lines take, where nobody says otherwise. Our choice."""
CASE_DAYS: Final = 2
"""A case nobody has solved for so many days is brought up. Our choice, as long as an answer may take."""
COUNTED_TO: Final = 99
"""An alert counts no further; more is "99 and more"."""
PEOPLE_AT_MOST: Final = 2_000
"""Who looks after more than this finds days to remember in the calendar only; a look at each would slow the page."""

_LANES: Final = {TaskSource.PERSON: Lane.SPOKE, TaskSource.PLAYBOOK: Lane.PLAN, TaskSource.NIGHT: Lane.NIGHT}


@dataclass(frozen=True)
class Alert:
    """Something that stands still until a human looks: `n` of it (None where it is one thing), and why."""

    code: str
    n: int | None = None
    has_more: bool = False
    why: str = ""


@dataclass(frozen=True)
class TodaysWork:
    """`work` is the list. `has_more`: more tasks wait than were read. `days_known`: days were looked for."""

    work: DaysWork
    desk: Desk
    has_more: bool
    days_known: bool


def todays_work(
    user: User, *, day: date, at: datetime, desk: Desk | None = None, is_all: bool = False, limit: int = 24
) -> TodaysWork:
    """The list of one member of staff for one day.

    desk    whose eyes it is read with; None is where they start by their role
    is_all  everybody's people, without the bounds of one day
    limit   tasks and promises read at most, each
    """
    desk = desk or desk_for(user.role, is_alone=is_alone())
    tasks = waiting(day=day)
    if desk is Desk.TRAINER:
        tasks = tasks.filter(owner=user)
    elif not is_all:
        tasks = tasks.filter(Q(owner=user) | Q(owner__isnull=True))
    found = [card_of(task) for task in in_order(tasks)[: limit + 1]]
    works = [
        Work(_LANES[card.source], f"task:{card.task}", card.minutes, card.made_on, rank=card.rank, of=card)
        if card.source is not TaskSource.PLAYBOOK
        else Work(Lane.PLAN, f"task:{card.task}", card.minutes, card.due_on, rank=card.rank, of=card)
        for card in found[:limit]
    ]
    works += _promises(None if is_all else user, day=day, limit=limit)
    days = None if is_all else occurrences_of_owner(user, at=at, days=DAYS_AHEAD, limit=PEOPLE_AT_MOST)
    works += [
        Work(Lane.DAY, f"day:{one.party_id}:{one.kind.value}:{one.title}:{one.on}", DAY_MINUTES, one.on, of=one)
        for one in (days or [])[:limit]
    ]
    works += [
        Work(Lane.ALERT, f"alert:{alert.code}", 0, day, rank=place, of=alert)
        for place, alert in enumerate(alerts(None if is_all else user, at=at))
    ]
    merged = merge(works, capacity=None if is_all else user.minutes_per_day, desk=desk)
    return TodaysWork(work=merged, desk=desk, has_more=len(found) > limit, days_known=days is not None)


def is_alone() -> bool:
    """Whether one person does the work of all desks."""
    return User.objects.filter(is_active=True).values("pk")[:2].count() < 2


def alerts(whose: User | None, *, at: datetime) -> list[Alert]:
    """What stands still until a human looks, the gravest first."""
    found = []
    sending = Sending.objects.values_list("paused", flat=True).first()
    if sending:
        found.append(Alert("sending_paused", why=sending))
    newest = Night.objects.order_by("-id").values_list("state", flat=True).first()
    if newest == NightState.FAILED.value:
        found.append(Alert("night_failed"))
    mailbox = Mailbox.objects.filter(is_on=True).values_list("fault", flat=True).first()
    if mailbox:
        found.append(Alert("mailbox_fault", why=mailbox))
    cases = Case.objects.filter(solved_at=None, opened_at__lt=at - timedelta(days=CASE_DAYS))
    if whose is not None:
        cases = cases.filter(relationship__owner=whose)
    counted = (
        ("unknown_messages", Message.objects.filter(state=MessageState.UNKNOWN.value)),
        ("came_back", Inbound.objects.filter(is_done=False)),
        ("open_cases", cases),
    )
    for code, rows in counted:
        if n := rows.values("pk")[: COUNTED_TO + 1].count():
            found.append(Alert(code, n=min(n, COUNTED_TO), has_more=n > COUNTED_TO))
    return found


def _promises(whose: User | None, *, day: date, limit: int) -> list[Work]:
    due = [row for row in owed_queries.promises_waiting(whose=whose, after=None, limit=limit) if row.due_on <= day]
    return [
        Work(Lane.PROMISE, f"promise:{view.of.pk}", PROMISE_MINUTES, view.of.due_on, of=view)
        for view in promise_views(due, today=day)
    ]
