"""Cases: something went wrong or was asked for, open until it is solved; and what somebody wants to reach.

1. refuse who reads only and words that cannot be kept;
2. lock the row; the same step again changes nothing;
3. write it, and one audit entry without its words.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships.models import Case, Goal, Party
from rekindle.workflows import audit, resurface
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import DOUBLE_CLICK, LONGEST, day_within, must_write, relationship_with
from rekindle.workflows.writing import words as words_of

TITLE: Final = 200
GOAL_WITHIN_DAYS: Final = 50 * 365
"""Far enough for any plan a person makes with us. Our choice."""


def open_case(party: Party, *, title: str, by: User, words: str = "") -> Case:
    """Open a case and give it. Raises Refused, BadInput."""
    must_write(by)
    title = words_of(title, what="what it is about", at_most=TITLE)
    words = words_of(words, what="the account", at_most=LONGEST, are_needed=False)
    relationship = relationship_with(party)
    with transaction.atomic():
        same = Case.objects.filter(
            relationship=relationship, title=title, words=words, opened_at__gt=timezone.now() - DOUBLE_CLICK
        )
        if (known := same.first()) is not None:
            return known
        case = Case.objects.create(relationship=relationship, title=title, words=words, by=by)
        _record_case("case.opened", case, by=by)
        resurface.after_case(party, title=title, words=words)
    return case


def solve(case_id: int, *, outcome: str, by: User) -> Case:
    """Close a case with what was done. Solving it twice keeps the first outcome. Raises Refused, NotFound, BadInput."""
    must_write(by)
    outcome = words_of(outcome, what="what was done")
    with transaction.atomic():
        case = _locked_case(case_id)
        if case.solved_at is None:
            case.solved_at, case.outcome = timezone.now(), outcome
            case.save(update_fields=["solved_at", "outcome"])
            _record_case("case.solved", case, by=by)
    return case


def reopen(case_id: int, *, by: User) -> Case:
    """It was not solved after all: the case is open again, whatever day it was closed. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        case = _locked_case(case_id)
        if case.solved_at is not None:
            case.solved_at, case.outcome = None, ""
            case.save(update_fields=["solved_at", "outcome"])
            _record_case("case.reopened", case, by=by)
    return case


def set_goal(party: Party, *, text: str, by: User, by_day: date | None = None) -> Goal:
    """Keep what somebody wants to reach, in their words, by a day where they named one. Raises Refused, BadInput."""
    must_write(by)
    text = words_of(text, what="the goal")
    if by_day is not None:
        today = business_day()
        day_within(by_day, what="the day", earliest=today, latest=today + timedelta(days=GOAL_WITHIN_DAYS))
    relationship = relationship_with(party)
    with transaction.atomic():
        same = Goal.objects.filter(relationship=relationship, text=text, reached_on=None, given_up_on=None)
        if (known := same.first()) is not None:
            return known
        goal = Goal.objects.create(relationship=relationship, text=text, by_day=by_day)
        _record_goal("goal.set", goal, by=by)
    return goal


def reach(goal_id: int, *, by: User, on: date | None = None) -> Goal:
    """They got there, on a day up to today (None is today). Raises Conflict for a goal given up."""
    return _end_goal(goal_id, by=by, on=on, is_reached=True)


def give_up(goal_id: int, *, by: User, on: date | None = None) -> Goal:
    """They let it go, on a day up to today (None is today). Raises Conflict for a goal that was reached."""
    return _end_goal(goal_id, by=by, on=on, is_reached=False)


def _end_goal(goal_id: int, *, by: User, on: date | None, is_reached: bool) -> Goal:
    must_write(by)
    today = business_day()
    on = on or today
    if on > today:
        raise BadInput(f"{on.isoformat()} has not come yet", remedy="Give today or an earlier day.")
    with transaction.atomic():
        goal = Goal.objects.select_for_update().filter(pk=goal_id).first()
        if goal is None:
            raise NotFound(f"no goal {goal_id}", remedy="Look at the person's page again.")
        if (goal.given_up_on if is_reached else goal.reached_on) is not None:
            said = "given up" if is_reached else "reached"
            raise Conflict(f"this goal was {said}", where=f"goal {goal.pk}", remedy="Set it as a new goal.")
        field = "reached_on" if is_reached else "given_up_on"
        if getattr(goal, field) is None:
            setattr(goal, field, on)
            goal.save(update_fields=[field])
            _record_goal("goal.reached" if is_reached else "goal.given_up", goal, by=by)
    return goal


def _locked_case(case_id: int) -> Case:
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NotFound(f"no case {case_id}", remedy="Look at the person's page again.")
    return case


def _record_case(verb: str, case: Case, *, by: User) -> None:
    audit.record(verb, actor=by, subject=f"case:{case.pk}", details={"relationship": case.relationship_id})


def _record_goal(verb: str, goal: Goal, *, by: User) -> None:
    audit.record(verb, actor=by, subject=f"goal:{goal.pk}", details={"relationship": goal.relationship_id})
