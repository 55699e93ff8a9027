"""Which days to remember fall in the days to come, each person's by the calendar where they live.

1. today is the day it is where the person lives, or at the business where that is not known;
2. a day that comes every year falls once within the stretch, one that came once on its own day only;
   29 February falls on the 28th in other years, or on 1 March where that is asked for;
3. the anniversary of the first day is read from the first life, unless it was told to us as a day to remember;
4. never for the dead and the closed, and nothing cheerful within 90 days of a bereavement, both border days included;
5. one fact told twice falls once.

Whether a card may be sent for one is for the rules of contact to say; here is only what falls when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Episode, Milestone, Party
from rekindle.relationships.vocabulary import MilestoneKind, Precision, Stage
from rekindle.workflows.why_not import business_zone

GRIEF_DAYS: Final = 90
"""No cheer for so long after a bereavement (domain, C8)."""

DAYS_AT_MOST: Final = 366
PEOPLE_AT_MOST: Final = 10_000
"""More than anybody signs cards for; a stretch with more must be asked for in pieces. Our choice."""

ROUND_YEARS: Final = frozenset({1, 5, 10, 25, 50})

YEARLY: Final = frozenset(
    {
        MilestoneKind.FIRST_DAY,
        MilestoneKind.ANNIVERSARY,
        MilestoneKind.BIRTHDAY,
        MilestoneKind.NAME_DAY,
        MilestoneKind.WEDDING,
        MilestoneKind.CHILD,
        MilestoneKind.FOUNDING,
        MilestoneKind.GO_LIVE,
        MilestoneKind.RETURN,
    }
)
"""Kinds that come again each year; the others are congratulated once, on their day."""


@dataclass(frozen=True)
class Occurrence:
    """One day to remember, on the day it falls for that person.

    years         whole years since, 0 on the day itself; None where the year is not known
    milestone     the number of the record it comes from; None for the anniversary of the first day, read from history
    begins_at     the instant that day begins where the person lives, UTC
    """

    party_id: int
    name: str
    kind: MilestoneKind
    title: str
    on: date
    years: int | None
    is_sensitive: bool
    milestone: int | None
    begins_at: datetime

    @property
    def is_round(self) -> bool:
        """1, 5, 10, 25 or 50 years."""
        return self.years in ROUND_YEARS


def occurrences(*, at: datetime, days: int, leap_day_in_march: bool = False) -> list[Occurrence]:
    """What falls, of everybody who agreed, in `days` days from the day that `at` is for each person; soonest first.

    at    any instant with a zone; its day is read where each person lives
    days  1 is that day alone; at most 366
    Raises BadInput for an instant without a zone, a stretch out of bounds, or more days than one list holds.
    """
    _check(at, days=days)
    utc_day = at.astimezone(UTC).date()
    # Calendars run from a day behind UTC to a day ahead of it; a 29th of February may fall on its neighbours.
    near = {utc_day + timedelta(days=offset) for offset in range(-1, days + 1)}
    if any((day.month, day.day) in {(2, 28), (3, 1)} for day in near):
        near.add(date(1904, 2, 29))
    milestones = owed_queries.milestones_near(sorted(near), limit=PEOPLE_AT_MOST + 1)
    lives = owed_queries.first_lives_begun(sorted(near), limit=PEOPLE_AT_MOST + 1)
    if max(len(milestones), len(lives)) > PEOPLE_AT_MOST:
        raise BadInput(f"more than {PEOPLE_AT_MOST:,} days fall in {days} days", remedy="Ask for fewer days at once.")
    return _falling(milestones, lives, at=at, days=days, leap_day_in_march=leap_day_in_march)


def occurrences_of(
    milestones: Iterable[Milestone],
    *,
    life: Episode | None,
    at: datetime,
    days: int,
    leap_day_in_march: bool = False,
) -> list[Occurrence]:
    """The same for one person whose milestones (with `party`) and first life are at hand, agreed to or not."""
    _check(at, days=days)
    lives = [life] if life is not None else []
    return _falling(list(milestones), lives, at=at, days=days, leap_day_in_march=leap_day_in_march)


def occurrences_of_owner(owner: User, *, at: datetime, days: int, limit: int) -> list[Occurrence] | None:
    """The same for the people one member of staff looks after, soonest first.

    Gives None where they look after more than `limit` people: the calendar of everybody tells those days.
    """
    _check(at, days=days)
    if owed_queries.owns_more_than(owner, limit=limit):
        return None
    utc_day = at.astimezone(UTC).date()
    near = {utc_day + timedelta(days=offset) for offset in range(-1, days + 1)}
    if any((day.month, day.day) in {(2, 28), (3, 1)} for day in near):
        near.add(date(1904, 2, 29))
    milestones = owed_queries.milestones_near(sorted(near), limit=limit, owner=owner)
    lives = owed_queries.first_lives_begun(sorted(near), limit=limit, owner=owner)
    return _falling(milestones, lives, at=at, days=days, leap_day_in_march=False) if milestones or lives else []


def falls_on(on: date, *, year: int, leap_day_in_march: bool = False) -> date:
    """The day a yearly date falls on in a year."""
    try:
        return on.replace(year=year)
    except ValueError:  # 29 February in a year without one
        return date(year, 3, 1) if leap_day_in_march else date(year, 2, 28)


def zone_of(party: Party, *, otherwise: ZoneInfo) -> ZoneInfo:
    """Where a person lives; the business's zone where that is not known, or is no zone that calendars know."""
    if not party.time_zone:
        return otherwise
    try:
        return ZoneInfo(party.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return otherwise


def begins_at(day: date, *, zone: ZoneInfo) -> datetime:
    """The instant a day begins in a zone, UTC; where midnight is skipped, the first instant there is."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def quiet_after(loss: Milestone) -> tuple[date, date]:
    """First and last day without cheer after a bereavement, both included, as wide as what is known of its date."""
    on, precision = loss.on, Precision(loss.precision)
    last = on
    if precision is Precision.MONTH_DAY:
        told = loss.recorded_at.date()
        year = told.year if falls_on(on, year=told.year) <= told else told.year - 1
        on = last = falls_on(on, year=year)
    elif precision is Precision.MONTH:
        last = (on.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    elif precision is Precision.YEAR:
        last = on.replace(month=12, day=31)
    return on, last + timedelta(days=GRIEF_DAYS)


def _falling(
    milestones: Sequence[Milestone], lives: Sequence[Episode], *, at: datetime, days: int, leap_day_in_march: bool
) -> list[Occurrence]:
    parties = {milestone.party_id: milestone.party for milestone in milestones}
    parties |= {life.relationship.party_id: life.relationship.party for life in lives}
    closed, business = _closed(parties), business_zone()
    losses, told = _losses_and_first_days(parties)
    found: dict[tuple[int, MilestoneKind, str, date], Occurrence] = {}
    dates: list[tuple[Party, MilestoneKind, str, date, Milestone | None]] = [
        (milestone.party, MilestoneKind(milestone.kind), milestone.title, milestone.on, milestone)
        for milestone in milestones
        if milestone.precision in (Precision.DAY.value, Precision.MONTH_DAY.value)
    ]
    dates += [
        (life.relationship.party, MilestoneKind.FIRST_DAY, "", life.began_on, None)
        for life in lives
        if life.relationship.party_id not in told
    ]
    for party, kind, title, on, milestone in dates:
        if party.deceased_on is not None or party.pk in closed or kind is MilestoneKind.BEREAVEMENT:
            continue
        zone = zone_of(party, otherwise=business)
        today = at.astimezone(zone).date()
        is_year_known = milestone is None or milestone.precision == Precision.DAY.value
        day = _next(on, kind=kind, today=today, days=days, is_year_known=is_year_known, in_march=leap_day_in_march)
        if day is None or any(first <= day <= last for first, last in losses.get(party.pk, ())):
            continue
        found.setdefault(
            (party.pk, kind, title.casefold(), day),
            Occurrence(
                party_id=party.pk, name=str(party), kind=kind, title=title, on=day,
                years=day.year - on.year if is_year_known else None,
                is_sensitive=milestone is not None and milestone.is_sensitive,
                milestone=milestone.pk if milestone else None,
                begins_at=begins_at(day, zone=zone),
            ),
        )  # fmt: skip
    return sorted(found.values(), key=lambda one: (one.on, one.name.casefold(), one.party_id, one.kind.value))


def _next(on: date, *, kind: MilestoneKind, today: date, days: int, is_year_known: bool, in_march: bool) -> date | None:
    """The first day in the stretch on which it falls; None where it does not."""
    last = today + timedelta(days=days - 1)
    if kind not in YEARLY:
        return on if is_year_known and today <= on <= last else None
    for year in (today.year, today.year + 1):
        day = falls_on(on, year=year, leap_day_in_march=in_march)
        if today <= day <= last and (not is_year_known or _is_due(day, on=on, kind=kind)):
            return day
    return None


def _is_due(day: date, *, on: date, kind: MilestoneKind) -> bool:
    """A first day has no anniversary on itself; other days are remembered from their own day on."""
    return day.year > on.year if kind is MilestoneKind.FIRST_DAY else day >= on


def _closed(parties: Iterable[int]) -> set[int]:
    relationships = owed_queries.relationships_of(parties)
    return {party for party, relationship in relationships.items() if relationship.stage == Stage.CLOSED.value}


def _losses_and_first_days(parties: Iterable[int]) -> tuple[dict[int, list[tuple[date, date]]], set[int]]:
    """The stretches of grief of each, and whose first day was told to us, whether we may remember it or not."""
    losses: dict[int, list[tuple[date, date]]] = {}
    told: set[int] = set()
    for milestone in owed_queries.losses_and_first_days(parties):
        if milestone.kind == MilestoneKind.FIRST_DAY.value:
            told.add(milestone.party_id)
        else:
            losses.setdefault(milestone.party_id, []).append(quiet_after(milestone))
    return losses, told


def _check(at: datetime, *, days: int) -> None:
    if at.tzinfo is None:
        raise BadInput("the instant has no time zone", remedy="Say where the clock stands, such as +00:00.")
    if not 1 <= days <= DAYS_AT_MOST:
        raise BadInput(f"{days} days", remedy=f"Ask for 1 to {DAYS_AT_MOST} days.")
