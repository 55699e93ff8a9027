"""Would we like them back? Said by a human, with a reason; nothing after the quiet happens without it.

1. lock the relationship; refuse where nothing has ended, an answer without a reason, a "maybe" without a day;
2. the brake: a "no" within seven days of being left may be hurt speaking. A second person stands by it, or it is
   looked at again in thirty days;
3. keep the answer as a new row; the same answer again changes nothing; one audit entry.

Answers belong to one end: who comes back and leaves again is asked about anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.relationships.models import Breakup, Relationship, Task, WantBackDecision
from rekindle.relationships.policy import BRAKE_DAYS, DECIDE_WITHIN_DAYS
from rekindle.relationships.vocabulary import (
    Channel,
    Initiator,
    Stage,
    Suggestion,
    TaskState,
    TouchClass,
    WantBack,
)
from rekindle.workflows import audit, endings

REVIEW_DAYS: Final = 30
"""A "no" said in the first week is looked at again after so many days. Domain default."""
REVIEW_AT_MOST: Final = timedelta(days=366)
"""Later than in a year nobody remembers why it was put off. Our choice."""
REMIND_AT_MOST: Final = 20
"""Reminders one manager gets in one night, the newest ends first: what one person decides well. Our choice."""
REMIND_WITHIN_DAYS: Final = 180
"""Ends older than this are not brought up one by one; the desk still lists them. Our choice."""

_WAITING: Final = (Stage.BREAKUP.value, Stage.COOLING_OFF.value)


@dataclass(frozen=True)
class Standing:
    """The answer that holds. `review_on` is when it is looked at again, None never; `is_due`: that day has come."""

    answer: WantBack
    reason: str
    decided_at: datetime | None
    review_on: date | None
    is_due: bool


def decide(
    relationship: Relationship,
    *,
    answer: WantBack,
    reason: str,
    by: User,
    seconded_by: User | None = None,
    review_on: date | None = None,
) -> WantBackDecision:
    """Keep one answer and give it, with the day it is looked at again.

    review_on  wanted with "maybe"; within a year
    Raises Refused for a role that may not, or the same person twice; BadInput for a missing reason or day; Conflict
    where nothing has ended, or the relationship is closed for good.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="why")
    if answer is WantBack.UNDECIDED:
        raise BadInput("“not decided yet” is no answer", remedy="Say yes, maybe or no.")
    if seconded_by is not None:
        endings.two_people(by, seconded_by, what="standing by an answer")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        end = endings.standing_end(relationship)
        if end is None or Stage(relationship.stage) is Stage.CLOSED:
            raise Conflict(
                "there is no end to decide about" if end is None else "this relationship is closed for good",
                where=f"relationship {relationship.pk}",
                remedy="Look at the person again.",
            )
        today = endings.local_day(relationship)
        if answer is WantBack.NO and seconded_by is None and is_fresh(end, today=today):
            latest = today + timedelta(days=REVIEW_DAYS)
            review_on = min(review_on, latest) if review_on else latest
        check_review(answer, review_on, today=today)
        last = latest_of(end)
        asked = (answer.value, reason, by.pk, seconded_by.pk if seconded_by else None, review_on)
        if last is not None and asked == (
            last.answer, last.reason, last.decided_by_id, last.seconded_by_id, last.review_on,
        ):  # fmt: skip
            return last
        decision = WantBackDecision.objects.create(
            relationship=relationship, answer=answer.value, reason=reason, decided_by=by, seconded_by=seconded_by,
            review_on=review_on,
        )  # fmt: skip
        _answer_reminder(relationship, by=by, answer=answer)
        audit.record("want_back.decided", actor=by, subject=f"relationship:{relationship.pk}",
                     details={"answer": answer.value, "review_on": review_on.isoformat() if review_on else None,
                              "seconded_by": seconded_by.pk if seconded_by else None})  # fmt: skip
    return decision


def is_fresh(end: Breakup, *, today: date) -> bool:
    """Whether they left us so lately that a "no" needs the brake: within a week of the word, or of the last day."""
    if end.initiator != Initiator.CUSTOMER.value:
        return False
    told_on = end.noticed_on or end.recorded_at.date()
    return any(timedelta() <= today - day <= timedelta(days=BRAKE_DAYS) for day in (told_on, end.ended_on))


def latest_of(end: Breakup) -> WantBackDecision | None:
    """The newest answer about this end; earlier lives have answers of their own."""
    said = WantBackDecision.objects.filter(relationship=end.relationship_id, decided_at__gte=end.recorded_at)
    return said.order_by("-id").first()


def standing(relationship: Relationship, *, today: date | None = None) -> Standing:
    """The answer that holds for the end that holds; undecided where nobody has said, or nothing has ended."""
    end = endings.standing_end(relationship)
    last = latest_of(end) if end is not None else None
    if last is None:
        return Standing(WantBack.UNDECIDED, "", None, None, is_due=False)
    day = today or endings.local_day(relationship)
    is_due = last.review_on is not None and last.review_on <= day
    return Standing(WantBack(last.answer), last.reason, last.decided_at, last.review_on, is_due)


def answers(relationship_ids: Iterable[int]) -> dict[int, WantBack]:
    """For the rules: the answer to each standing end, one query for all; who is not named is undecided."""
    said = WantBackDecision.objects.filter(relationship_id__in=list(relationship_ids)).exclude(Exists(_newer_end()))
    return {number: WantBack(answer) for number, answer in said.order_by("id").values_list("relationship_id", "answer")}


def _newer_end() -> QuerySet[Breakup]:
    """Ends recorded after an answer was given: the answer was about an earlier one."""
    return Breakup.objects.filter(
        relationship=OuterRef("relationship"), withdrawn_at=None, recorded_at__gt=OuterRef("decided_at")
    )


def remind(as_of: date) -> int:
    """For the night: ends of thirty days without an answer, and answers due to be looked at again, become tasks of a
    manager; gives how many are open or were made.

    The task says to leave the person in peace and to decide; it is at most one a relationship, and an answered one
    never comes back.
    """
    manager = _manager()
    newest = as_of - timedelta(days=DECIDE_WITHIN_DAYS)
    said = WantBackDecision.objects.filter(
        relationship=OuterRef("relationship"), decided_at__gte=OuterRef("recorded_at")
    )
    later = WantBackDecision.objects.filter(relationship=OuterRef("relationship"), id__gt=OuterRef("id"))
    ends = Breakup.objects.filter(withdrawn_at=None, relationship__stage__in=_WAITING).select_related(
        "relationship__brand"
    )
    undecided = ends.filter(
        ended_on__lte=newest, ended_on__gt=as_of - timedelta(days=REMIND_WITHIN_DAYS)
    ).exclude(Exists(said))  # fmt: skip
    due = WantBackDecision.objects.filter(review_on__lte=as_of, relationship__stage__in=_WAITING)
    due = due.exclude(Exists(later)).exclude(Exists(_newer_end())).select_related("relationship__brand")
    made = 0
    with transaction.atomic():
        for end in undecided.order_by("-ended_on", "-pk")[:REMIND_AT_MOST]:
            why = f"They left on {_day(end.ended_on)}, and nobody has said whether we would like them back."
            made += _remind(end.relationship, why=why, since=end.recorded_at, manager=manager, as_of=as_of)
        for decision in due.order_by("-review_on", "-pk")[:REMIND_AT_MOST]:
            answer = WantBack(decision.answer).label
            why = f"“{answer}” was said on {_day(decision.decided_at.date())}, to be looked at again by now."
            made += _remind(decision.relationship, why=why, since=decision.decided_at, manager=manager, as_of=as_of)
    return made


def _remind(relationship: Relationship, *, why: str, since: datetime, manager: User | None, as_of: date) -> int:
    """One open task, unless another one waits for this person or somebody answered this one."""
    if Task.objects.filter(relationship=relationship, state__in=[TaskState.OPEN.value, TaskState.LATER.value]).exists():
        return 0
    ours = Task.objects.filter(relationship=relationship, suggestion=Suggestion.NOTHING.value, created_at__gte=since)
    task = ours.order_by("-id").first()
    if task is not None and task.answered_at is not None:
        return 0
    if task is None:
        task = Task(relationship=relationship, suggestion=Suggestion.NOTHING.value, made_on=as_of)
    # A night withdraws what it did not suggest itself; the same row comes back instead of a new one each night.
    task.state, task.answer, task.due_on, task.owner = TaskState.OPEN.value, "", as_of, manager
    task.touch_class, task.channel, task.minutes = TouchClass.SERVICE.value, Channel.IN_PERSON.value, 5
    task.why_now = [why, "Nothing is to be said to them now; decide on the endings desk."]
    task.save()
    return 1


def _answer_reminder(relationship: Relationship, *, by: User, answer: WantBack) -> None:
    """The answer answers the reminder."""
    waiting = Task.objects.filter(
        relationship=relationship,
        suggestion=Suggestion.NOTHING.value,
        state__in=[TaskState.OPEN.value, TaskState.LATER.value],
    )
    waiting.update(state=TaskState.DONE.value, answer=answer.label, answered_at=timezone.now(), answered_by=by)


def _manager() -> User | None:
    """Who is asked: the first manager, else the first owner; nobody where there is neither, then it is everybody's."""
    staff = User.objects.filter(is_active=True, role__in=[Role.MANAGER.value, Role.OWNER.value]).order_by("id")
    by_role = {user.role: user for user in reversed(staff)}
    return by_role.get(Role.MANAGER.value) or by_role.get(Role.OWNER.value)


def check_review(answer: WantBack, review_on: date | None, *, today: date) -> None:
    """Raises BadInput for a "maybe" without a day to look again, or a day that is past or beyond a year."""
    if answer is WantBack.MAYBE and review_on is None:
        raise BadInput("“maybe” needs a day", remedy="Say when to look at it again.")
    if review_on is not None and not today < review_on <= today + REVIEW_AT_MOST:
        raise BadInput(f"{review_on} cannot be the day to look again", remedy="Choose a day within the next year.")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
