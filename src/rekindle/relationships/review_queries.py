"""Questions of the review desk: what falls due, which cards wait, what was answered, what a card rests on.

What is believed of a relationship (`outlook`) is the night's and is asked for by its column only. Lists go by key
along the index of reviews; nothing here counts more than MANY rows for a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

from rekindle.accounts.models import User
from rekindle.relationships.models import Brand, CompanyExit, Episode, Relationship, Review
from rekindle.relationships.vocabulary import ExitState, Stage

LIVE: Final = tuple(
    stage.value for stage in (Stage.EARLY, Stage.ONGOING, Stage.AT_RISK, Stage.PAUSED, Stage.PHOENIX)
)  # fmt: skip
"""Who is with us and has not given notice: only of them is it asked whether we go on."""

UNDER_WAY: Final = tuple(
    state.value for state in (ExitState.OPEN, ExitState.PROPOSED, ExitState.APPROVED, ExitState.ANNOUNCED)
)  # fmt: skip
"""An ending by us that is being thought about or runs; until it is dropped no review asks the same again."""

TOP_SHARE: Final = 10
"""One in so many, by the value they are likely to bring, is the top: a decile. Our choice."""

MANY: Final = 1_000
"""Up to so many a page counts; beyond, it says "over 1,000"."""

Key = tuple[date, int]
"""Where a page of waiting cards ended: the day of the last card, and its number."""


@dataclass(frozen=True)
class Due:
    """One relationship whose review has come. `since` is the day it was due: the day agreed last time, or the day
    their first year was over."""

    relationship: int
    owner: int | None
    is_top: bool
    agreed: date | None
    first: date


@dataclass(frozen=True)
class Whose:
    """Whose cards: a member of staff's and, where `with_nobodys`, those nobody looks after; everybody's for None."""

    owner: int | None = None
    with_nobodys: bool = True


def top_value(brand: Brand) -> int | None:
    """The value to come, in minor units, from which a relationship is among the top; None where no value is known.

    Only those with a value above nothing count; of fewer than TOP_SHARE the best one alone is the top.
    """
    valued = Relationship.objects.filter(brand=brand, stage__in=LIVE, outlook__value_minor__gt=0)
    place = max(valued.count() // TOP_SHARE, 1) - 1
    return valued.order_by("-outlook__value_minor").values_list("outlook__value_minor", flat=True)[place:].first()


def load_of_a_year(brand: Brand, *, top_from: int | None, quarterly: int) -> dict[int | None, int]:
    """How many reviews a year brings each owner (None: nobody's), the top ones counted `quarterly` times."""
    rows = _reviewed(brand, top_from).values("owner_id").order_by()
    counts = rows.annotate(n=Count("pk"), top=Count("pk", filter=Q(is_top=True)))
    return {row["owner_id"]: row["n"] + (quarterly - 1) * row["top"] for row in counts}


def due(brand: Brand, *, as_of: date, year_ago: date, top_from: int | None, an_owner: int) -> list[Due]:
    """What has fallen due and is not asked yet: at most `an_owner` for each owner, always the same for the same books.

    The top come first, then a day agreed at the last review, then those who are with us longest; then by number.
    year_ago  who began on or before it is with us for a year
    """
    open_one = Review.objects.filter(relationship=OuterRef("pk"), answered_at=None)
    last = Review.objects.filter(relationship=OuterRef("pk"), answered_at__isnull=False).order_by("-answered_at", "-pk")
    first = Episode.objects.filter(relationship=OuterRef("pk"), number=1).values("began_on")[:1]
    ending = CompanyExit.objects.filter(relationship=OuterRef("pk"), state__in=UNDER_WAY)
    rows = _reviewed(brand, top_from).annotate(
        agreed=Subquery(last.values("next_on")[:1]), first=Coalesce(Subquery(first), F("stage_since"))
    )
    rows = rows.filter(Q(agreed__lte=as_of) | Q(agreed=None, first__lte=year_ago))
    rows = rows.exclude(Exists(open_one)).exclude(Exists(ending))
    order = [F("is_top").desc(), F("agreed").asc(nulls_last=True), F("first").asc(nulls_last=True), F("pk").asc()]
    rows = rows.annotate(place=Window(RowNumber(), partition_by=[F("owner_id")], order_by=order))
    found = rows.filter(place__lte=an_owner).order_by("owner_id", "place")
    columns = found.values_list("pk", "owner_id", "is_top", "agreed", "first")
    return [Due(number, owner, bool(is_top), agreed, first) for number, owner, is_top, agreed, first in columns]


def piles() -> dict[int | None, int]:
    """How many cards wait on each owner's pile (None: nobody's)."""
    counts = _waiting(Whose()).values("relationship__owner_id").order_by().annotate(n=Count("pk"))
    return {row["relationship__owner_id"]: row["n"] for row in counts}


def waiting(whose: Whose, *, after: Key | None, limit: int) -> list[Review]:
    """Open cards by their day; at most `limit`, from behind a place on."""
    rows = _waiting(whose)
    if after is not None:
        rows = rows.filter(Q(due_on__gt=after[0]) | Q(due_on=after[0], pk__gt=after[1]))
    return list(_shown(rows).order_by("due_on", "pk")[:limit])


def answered(whose: Whose, *, before: Review | None, limit: int) -> list[Review]:
    """Answered cards, the newest first; at most `limit`, from behind one of them on.

    In the order of the index, so that it is walked backwards; sorted otherwise, every answer ever given would be.
    """
    rows = _of(whose, Review.objects.filter(answered_at__isnull=False))
    if before is not None:
        same = Q(answered_at=before.answered_at)
        later = same & (Q(due_on__lt=before.due_on) | Q(due_on=before.due_on, pk__lt=before.pk))
        rows = rows.filter(answered_at__lte=before.answered_at).filter(Q(answered_at__lt=before.answered_at) | later)
    return list(_shown(rows).order_by("-answered_at", "-due_on", "-pk")[:limit])


def beside(review: Review, whose: Whose) -> tuple[int | None, int | None]:
    """Numbers of the open cards before and behind this one in the same pile; None at its ends."""
    rows, place = _waiting(whose), (review.due_on, review.pk)
    before = rows.filter(Q(due_on__lt=place[0]) | Q(due_on=place[0], pk__lt=place[1])).order_by("-due_on", "-pk")
    behind = rows.filter(Q(due_on__gt=place[0]) | Q(due_on=place[0], pk__gt=place[1])).order_by("due_on", "pk")
    return before.values_list("pk", flat=True).first(), behind.values_list("pk", flat=True).first()


def of_a_week(whose: Whose, *, begins: datetime, last_day: date) -> tuple[int, int]:
    """How many cards were answered since an instant, and how many wait up to a day; each counted up to MANY."""
    done = _of(whose, Review.objects.filter(answered_at__gte=begins)).order_by().values_list("pk", flat=True)[:MANY]
    left = _waiting(whose).filter(due_on__lte=last_day).order_by().values_list("pk", flat=True)[:MANY]
    return len(done), len(left)


def one(number: int) -> Review | None:
    return _shown(Review.objects.filter(pk=number)).first()


def reviews_of(relationship: Relationship, *, limit: int) -> list[Review]:
    """The cards of one relationship, the open one first, then the newest answer."""
    rows = Review.objects.filter(relationship=relationship).select_related("answered_by").order_by("-pk")[:limit]
    return sorted(rows, key=lambda review: review.answered_at is not None)


def last_answer(relationship: Relationship) -> Review | None:
    """The newest answered card of one relationship; None before its first."""
    rows = Review.objects.filter(relationship=relationship, answered_at__isnull=False).select_related("answered_by")
    return rows.order_by("-answered_at", "-pk").first()


def minutes_between(begins: datetime, ends: datetime, *, after: int, limit: int) -> list[Review]:
    """Cards answered from one instant until before another, from behind a number on, by number."""
    rows = Review.objects.filter(answered_at__gte=begins, answered_at__lt=ends, pk__gt=after)
    return list(_shown(rows).order_by("pk")[:limit])


def live_of(owner: User) -> int:
    """How many living relationships somebody looks after, counted up to MANY."""
    rows = Relationship.objects.filter(owner=owner, stage__in=LIVE).order_by()
    return len(rows.values_list("pk", flat=True)[:MANY])


def _reviewed(brand: Brand, top_from: int | None) -> QuerySet[Any]:
    """Living relationships that somebody looks after, and those of the top value, whoever looks after them."""
    is_top = Q(outlook__value_minor__gte=top_from) if top_from is not None else Q(pk__in=[])
    rows = Relationship.objects.filter(brand=brand, stage__in=LIVE).filter(Q(owner__isnull=False) | is_top)
    # Never NULL: the two databases sort an unknown to different ends.
    return rows.annotate(is_top=Case(When(is_top, then=Value(True)), default=Value(False)))


def _waiting(whose: Whose) -> QuerySet[Review]:
    """Open cards of those who are still with us; a card of somebody who left asks nothing until they are back."""
    return _of(whose, Review.objects.filter(answered_at=None, relationship__stage__in=LIVE))


def _of(whose: Whose, rows: QuerySet[Review]) -> QuerySet[Review]:
    if whose.owner is None:
        return rows
    mine = Q(relationship__owner_id=whose.owner)
    return rows.filter(mine | Q(relationship__owner=None) if whose.with_nobodys else mine)


def _shown(rows: QuerySet[Review]) -> QuerySet[Review]:
    return rows.select_related(
        "relationship__party", "relationship__brand", "relationship__owner", "answered_by"
    )  # fmt: skip
