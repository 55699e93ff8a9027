"""Days to remember with somebody: told to us, kept with as much of the date as is known, remembered only if they agree.

1. refuse who reads only, a date that no calendar has, and a day to come for what must have been;
2. keep the known parts of the date and say how much is known; the same day of the same kind again is the same fact;
3. write it, and one audit entry without its title.

What falls due of them is worked out in `workflows.occurrences`.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Milestone, Party
from rekindle.relationships.vocabulary import MilestoneKind, Precision
from rekindle.workflows import audit
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import must_write, words

YEAR_NOT_KNOWN: Final = 1904
"""A leap year, so that 29 February can be told without its year; long before any relationship of ours."""

EARLIEST_YEAR: Final = 1800
LATEST_AHEAD_YEARS: Final = 20
"""Founding days are old, weddings are planned: beyond both a date is a slip of the keyboard. Our choice."""

TITLE: Final = 200

SENSITIVE: Final = frozenset({MilestoneKind.BEREAVEMENT, MilestoneKind.CHILD, MilestoneKind.WEDDING})
"""Family and grief are sensitive whoever wrote them down."""

PAST_ONLY: Final = frozenset(
    {
        MilestoneKind.BIRTHDAY,
        MilestoneKind.FIRST_DAY,
        MilestoneKind.GOAL_REACHED,
        MilestoneKind.FOUNDING,
        MilestoneKind.RETURN,
        MilestoneKind.BEREAVEMENT,
    }
)
"""What has happened or is not yet to be told."""


def known_parts(*, day: int | None, month: int | None, year: int | None) -> tuple[date, Precision]:
    """The date to store and how much of it is known, from the parts somebody could tell.

    Raises BadInput for parts that make no date: a day without a month, nothing at all, 30 February.
    """
    match (day, month, year):
        case (int(), int(), int()):
            precision = Precision.DAY
        case (int(), int(), None):
            precision = Precision.MONTH_DAY
        case (None, int(), int()):
            precision = Precision.MONTH
        case (None, None, int()):
            precision = Precision.YEAR
        case _:
            raise BadInput(
                "these parts make no date", remedy="Give the year, month and year, day and month, or all three."
            )
    try:
        known = (YEAR_NOT_KNOWN if year is None else year, 1 if month is None else month, 1 if day is None else day)
        return date(*known), precision
    except ValueError as error:
        told = ".".join(str(part) for part in (day, month, year) if part is not None)
        raise BadInput(f"no calendar has {told}", remedy="Check day and month.") from error


def add(
    party: Party,
    *,
    kind: MilestoneKind,
    on: date,
    by: User,
    precision: Precision = Precision.DAY,
    title: str = "",
    is_sensitive: bool = False,
    may_remember: bool = False,
    source: str = "staff",
) -> Milestone:
    """Keep one day to remember and give it; a known one, told again, takes the new consent.

    on            the date; parts beyond `precision` are not kept
    may_remember  whether the person agreed to be reminded of it by us; without their word it is no
    Raises Refused, BadInput.
    """
    must_write(by)
    title = words(title, what="the title", at_most=TITLE, are_needed=False)
    on = _only_known(on, precision=precision)
    _check(kind, on=on, precision=precision)
    with transaction.atomic():
        known = Milestone.objects.select_for_update().filter(
            party=party, kind=kind.value, on=on, precision=precision.value, title=title
        )
        milestone = known.first()
        if milestone is None:
            milestone = Milestone.objects.create(
                party=party, kind=kind.value, on=on, precision=precision.value, title=title, source=source,
                is_sensitive=is_sensitive or kind in SENSITIVE, may_remember=may_remember,
            )  # fmt: skip
            _record("milestone.added", milestone, by=by)
        elif milestone.may_remember != may_remember:
            _allow(milestone, may_remember=may_remember, by=by)
    return milestone


def allow(milestone_id: int, *, may_remember: bool, by: User) -> Milestone:
    """Write whether the person wants us to remember the day. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        milestone = _locked(milestone_id)
        if milestone.may_remember != may_remember:
            _allow(milestone, may_remember=may_remember, by=by)
    return milestone


def remove(milestone_id: int, *, by: User) -> int:
    """Forget a day, for good; gives the party's number. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        milestone = _locked(milestone_id)
        _record("milestone.removed", milestone, by=by)
        milestone.delete()
    return milestone.party_id


def _only_known(on: date, *, precision: Precision) -> date:
    if precision is Precision.MONTH_DAY:
        return on.replace(year=YEAR_NOT_KNOWN)
    if precision is Precision.MONTH:
        return on.replace(day=1)
    if precision is Precision.YEAR:
        return on.replace(month=1, day=1)
    return on


def _check(kind: MilestoneKind, *, on: date, precision: Precision) -> None:
    if precision is Precision.MONTH_DAY:
        return
    today = business_day()
    latest = today.year + LATEST_AHEAD_YEARS
    if not EARLIEST_YEAR <= on.year <= latest:
        raise BadInput(f"the year is {on.year}", remedy=f"Give a year from {EARLIEST_YEAR} to {latest}.")
    if kind in PAST_ONLY and on > today:
        raise BadInput(f"a {kind.label} on {on.isoformat()} has not come yet", remedy="Give the day it was.")


def _allow(milestone: Milestone, *, may_remember: bool, by: User) -> None:
    milestone.may_remember = may_remember
    milestone.save(update_fields=["may_remember"])
    _record("milestone.allowed" if may_remember else "milestone.refused", milestone, by=by)


def _locked(milestone_id: int) -> Milestone:
    milestone = Milestone.objects.select_for_update().filter(pk=milestone_id).first()
    if milestone is None:
        raise NotFound(f"no milestone {milestone_id}", remedy="Look at the person's page again.")
    return milestone


def _record(verb: str, milestone: Milestone, *, by: User) -> None:
    details = {"party": milestone.party_id, "kind": milestone.kind}
    audit.record(verb, actor=by, subject=f"milestone:{milestone.pk}", details=details)
