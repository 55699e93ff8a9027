"""Who has an occasion to enter a plan, and whom a plan is for: each occasion and each condition one query.

An occasion has a name that is the same whenever it is asked for, "breakup:71", and an instant. Reading only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast, Mod, Upper

from rekindle.act.playbooks import Enter, Occasion, Plan, Where
from rekindle.relationships import wishes
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Case,
    Episode,
    Feedback,
    Party,
    Relationship,
    SafeReturn,
    StakeholderRole,
    WantBackDecision,
)
from rekindle.relationships.vocabulary import WantBack
from rekindle.workflows import occurrences
from rekindle.workflows.playbooks import seasons
from rekindle.workflows.why_not import business_zone

_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """One occasion of one relationship. at: the instant it falls on, UTC."""

    relationship: int
    party: int
    occurrence: str
    at: datetime


@dataclass(frozen=True)
class _Window:
    """Occasions from `since` to `until`, both included, are entered at the instant asked for."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    @property
    def days(self) -> tuple[date, date]:
        """The same as local days of the business."""
        return self.since.astimezone(self.zone).date(), self.until.astimezone(self.zone).date()

    def begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def found(plan: Plan, *, at: datetime) -> list[Found]:
    """Every occasion for which somebody may enter at that instant, whether the plan is for them or not."""
    until = at - timedelta(days=plan.enter.days)
    window = _Window(until - timedelta(days=plan.enter.within_days), until, business_zone())
    return list(_OF[plan.enter.on](plan.enter, window))


def conditions(where: Where, *, on: date) -> list[tuple[str, Q]]:
    """Each condition of a plan as (its name, a filter of relationships) on a day; none for what is not asked."""
    asked: list[tuple[str, Q]] = []
    if where.stage:
        asked.append(("stage", Q(stage__in=where.stage)))
    if where.terms or where.not_terms:
        terms = Q(terms__in=where.terms) if where.terms else Q()
        asked.append(("terms", terms & ~Q(terms__in=where.not_terms)))
    if where.want_back:
        asked.append(("want_back", _wanted(where.want_back)))
    if where.breakup_kinds:
        asked.append(("breakup_kinds", Q(Exists(_latest_end().filter(kind__in=where.breakup_kinds)))))
    if where.reasons:
        named = Q()
        for reason in where.reasons:
            named |= Q(as_text__contains=f'"{reason}"')
        ends = _latest_end().annotate(as_text=Cast("reasons", TextField())).filter(named)
        asked.append(("reasons", Q(Exists(ends))))
    if where.roles:
        held = StakeholderRole.objects.filter(party=OuterRef("party"), kind__in=where.roles)
        asked.append(("roles", Q(Exists(held.filter(Q(to_day=None) | Q(to_day__gte=on))))))
    if where.lives_at_least is not None:
        asked.append(("lives", Q(life__gte=where.lives_at_least)))
    return asked


def _wanted(answers: tuple[str, ...]) -> Q:
    """By the latest answer about the end that holds; an answer given before a newer end was about another."""
    mine = {"relationship": OuterRef("relationship")}
    said = WantBackDecision.objects.filter(relationship=OuterRef("pk"))
    standing = said.exclude(Exists(WantBackDecision.objects.filter(**mine, pk__gt=OuterRef("pk")))).exclude(
        Exists(Breakup.objects.filter(**mine, withdrawn_at=None, recorded_at__gt=OuterRef("decided_at")))
    )
    asked = Q(Exists(standing.filter(answer__in=answers)))
    return asked | Q(~Exists(standing)) if WantBack.UNDECIDED.value in answers else asked


def _latest_end() -> QuerySet[Breakup]:
    ends = Breakup.objects.filter(withdrawn_at=None)
    later = ends.filter(relationship=OuterRef("relationship"), ended_on__gt=OuterRef("ended_on"))
    return ends.filter(relationship=OuterRef("pk")).exclude(Exists(later))


def _standing_ends() -> QuerySet[Breakup]:
    """Ends that were not taken back and that no later life followed."""
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    return Breakup.objects.filter(withdrawn_at=None).exclude(Exists(lived_on))


def _breakups(_enter: Enter, window: _Window) -> Iterator[Found]:
    rows = _standing_ends().filter(ended_on__range=window.days)
    for pk, relationship, party, day in rows.values_list("pk", "relationship", "relationship__party", "ended_on"):
        yield Found(relationship, party, f"breakup:{pk}", window.begins(day))


def _quiets(_enter: Enter, window: _Window) -> Iterator[Found]:
    """By the end's own instant: a quiet made longer or shorter moves it, and stays the same occasion."""
    rows = _standing_ends().filter(quiet_until__range=(window.since, window.until))
    for pk, relationship, party, at in rows.values_list("pk", "relationship", "relationship__party", "quiet_until"):
        yield Found(relationship, party, f"quiet:{pk}", at)


def _returns(_enter: Enter, window: _Window) -> Iterator[Found]:
    rows = SafeReturn.objects.filter(returned_on__range=window.days)
    for relationship, party, life, day in rows.values_list(
        "relationship", "relationship__party", "life", "returned_on"
    ):
        yield Found(relationship, party, f"return:{life}", window.begins(day))


def _first_days(_enter: Enter, window: _Window) -> Iterator[Found]:
    rows = Episode.objects.filter(number=1, began_on__range=window.days)
    for relationship, party, day in rows.values_list("relationship", "relationship__party", "began_on"):
        yield Found(relationship, party, "life:1", window.begins(day))


def _stages(enter: Enter, window: _Window) -> Iterator[Found]:
    rows = Relationship.objects.filter(stage__in=enter.where.stage, stage_since__range=window.days)
    for relationship, party, stage, day in rows.values_list("pk", "party", "stage", "stage_since"):
        if day is not None:
            yield Found(relationship, party, f"stage:{stage}:{day}", window.begins(day))


def _milestones(enter: Enter, window: _Window) -> Iterator[Found]:
    """Day by day, as one day of a large business holds more than a list of many days may."""
    first, last = window.days
    falling: list[occurrences.Occurrence] = []
    for offset in range((last - first).days + 1):
        noon = datetime.combine(first + timedelta(days=offset), time(12), window.zone)
        falling += occurrences.occurrences(at=noon, days=1)
    wanted = [one for one in falling if not enter.where.milestones or one.kind.value in enter.where.milestones]
    of_party = _of_parties({one.party_id for one in wanted})
    for one in wanted:
        name = one.kind.value if one.milestone is None else f"day {one.milestone}"
        for relationship in of_party.get(one.party_id, ()):
            yield Found(relationship, one.party_id, f"{name}:{one.on}", one.begins_at)


def _of_parties(parties: set[int]) -> dict[int, list[int]]:
    held: dict[int, list[int]] = {}
    numbers = sorted(parties)
    for start in range(0, len(numbers), _AT_ONCE):
        rows = Relationship.objects.filter(party__in=numbers[start : start + _AT_ONCE])
        for party, relationship in rows.values_list("party", "pk"):
            held.setdefault(party, []).append(relationship)
    return held


def _seasons(enter: Enter, window: _Window) -> Iterator[Found]:
    if enter.season is None:
        return
    home = Brand.objects.order_by("id").values_list("region", flat=True).first() or ""
    told = Relationship.objects.annotate(country=Upper("party__country"))
    countries = {one if len(one) == 2 else "" for one in told.values_list("country", flat=True).distinct()}
    first, last = window.days
    falls = seasons.countries_on(
        enter.season, countries={one or home.upper() for one in countries}, first=first, last=last
    )
    if not falls:
        return
    rows = told.values_list("pk", "party", "country")
    for relationship, party, country in rows.iterator(chunk_size=_AT_ONCE):
        day = falls.get(country if len(country) == 2 else home.upper())
        if day is not None:
            yield Found(relationship, party, f"{enter.season.value}:{day.year}", window.begins(day))


def _fixed(_enter: Enter, window: _Window) -> Iterator[Found]:
    """A case of theirs that was solved, or feedback that somebody has seen to."""
    between = (window.since, window.until)
    cases = Case.objects.filter(solved_at__range=between)
    for pk, relationship, party, at in cases.values_list("pk", "relationship", "relationship__party", "solved_at"):
        if at is not None:
            yield Found(relationship, party, f"case:{pk}", at)
    seen_to = Feedback.objects.filter(closed_at__range=between)
    for pk, relationship, party, at in seen_to.values_list("pk", "relationship", "relationship__party", "closed_at"):
        if at is not None:
            yield Found(relationship, party, f"feedback:{pk}", at)


def _asked_later(_enter: Enter, window: _Window) -> Iterator[Found]:
    rows = Party.objects.filter(extra__has_key=wishes.NOT_BEFORE)
    named: dict[int, datetime] = {}
    for party, extra in rows.values_list("pk", "extra"):
        try:
            at = wishes.not_before(extra)
        except ValueError:
            continue  # a day that nobody can read has not come
        if at is not None and window.since <= at <= window.until:
            named[party] = at
    for party, relationships in _of_parties(set(named)).items():
        for relationship in relationships:
            yield Found(relationship, party, f"later:{named[party].date()}", named[party])


def _roles(enter: Enter, window: _Window) -> Iterator[Found]:
    rows = StakeholderRole.objects.filter(kind__in=enter.where.roles, from_day__range=window.days)
    held = {party: (pk, day) for pk, party, day in rows.values_list("pk", "party", "from_day") if day is not None}
    for party, relationships in _of_parties(set(held)).items():
        pk, day = held[party]
        for relationship in relationships:
            yield Found(relationship, party, f"role:{pk}", window.begins(day))


def _monthly(enter: Enter, window: _Window) -> Iterator[Found]:
    """The first of a month. Of several months each person has one of their own: they do not all come at once."""
    first, last = window.days
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        day = date(number // 12, number % 12 + 1, 1)
        if not first <= day <= last:
            continue
        of_the_month = Relationship.objects.annotate(turn=Mod(F("pk"), enter.every_months))
        rows = of_the_month.filter(turn=number % enter.every_months).values_list("pk", "party")
        for relationship, party in rows.iterator(chunk_size=_AT_ONCE):
            yield Found(relationship, party, f"month:{day:%Y-%m}", window.begins(day))


_OF: Final[dict[Occasion, Callable[[Enter, _Window], Iterator[Any]]]] = {
    Occasion.BREAKUP: _breakups,
    Occasion.AFTER_QUIET: _quiets,
    Occasion.RETURNED: _returns,
    Occasion.FIRST_DAY: _first_days,
    Occasion.STAGE: _stages,
    Occasion.MILESTONE: _milestones,
    Occasion.SEASON: _seasons,
    Occasion.FIXED: _fixed,
    Occasion.ASKED_LATER: _asked_later,
    Occasion.ROLE: _roles,
    Occasion.MONTHLY: _monthly,
}
