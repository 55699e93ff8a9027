"""Questions to book one about returns: who is back, who spoke again, who is watched, and whose doing it was.

Lists go by key along an index; a figure beyond MANY is given as None and read "over 1,000".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from rekindle.relationships.models import (
    Breakup,
    Episode,
    PartyLink,
    Promise,
    Relationship,
    Resurfacing,
    SafeReturn,
    Tie,
)
from rekindle.relationships.safe_return import LAPSE_DAYS, WORD_HOLDS_DAYS
from rekindle.relationships.vocabulary import LinkKind, PromiseState, Resurfaced, ReturnCredit, Stage

MANY: Final = 1_000

ENDED: Final = (
    Stage.PRESUMED_BREAKUP,
    Stage.BREAKUP,
    Stage.COOLING_OFF,
    Stage.WOOING,
    Stage.OLD_FRIENDS,
    Stage.CLOSED,
)
"""Where somebody stands who was with us and is gone, as far as anybody knows."""

AHEAD: Final = timedelta(days=1)
"""No zone is further ahead of the business than a day."""

Place = tuple[date, int]
"""Where a page of returns ended: the day of its last one, and its number."""


@dataclass(frozen=True)
class Credits:
    """Whose doing the returns of a stretch of days were. `are_all` is False where only the newest MANY are counted."""

    self_made: int
    touched: int
    not_known: int
    are_all: bool

    @property
    def total(self) -> int:
        return self.self_made + self.touched + self.not_known


def open_resurfacings(*, limit: int) -> list[Resurfacing]:
    """Who spoke to us again and waits for a look, newest first; with both parties."""
    waiting = Resurfacing.objects.filter(state=Resurfaced.OPEN.value).select_related("party", "other")
    return list(waiting.order_by("-at", "-pk")[:limit])


def resurfacings_of(party_id: int, *, limit: int) -> list[Resurfacing]:
    """Those of one party, as the one who left or as the one who may be them; newest first."""
    theirs = Resurfacing.objects.filter(Q(party=party_id) | Q(other=party_id))
    return list(theirs.select_related("party", "other", "answered_by").order_by("-at", "-pk")[:limit])


def standing_of(party_ids: Iterable[int]) -> dict[int, Relationship]:
    """The (first) relationship of each party: one query."""
    rows = Relationship.objects.filter(party_id__in=list(party_ids)).select_related("party", "brand", "owner")
    return {row.party_id: row for row in rows.order_by("-brand_id", "-id")}


def returning(*, after: Place | None, limit: int) -> list[SafeReturn]:
    """Returns that are still to be seen to, the newest first; at most `limit`, from behind a place on."""
    rows = SafeReturn.objects.filter(closed_at=None)
    if after is not None:
        rows = rows.filter(Q(returned_on__lt=after[0]) | Q(returned_on=after[0], pk__lt=after[1]))
    return list(with_people(rows).order_by("-returned_on", "-pk")[:limit])


def returns_of(relationship: Relationship) -> list[SafeReturn]:
    """Every return of one relationship, newest first."""
    return list(SafeReturn.objects.filter(relationship=relationship).order_by("-life"))


def open_return_of(relationship: Relationship) -> SafeReturn | None:
    """The return into the life that runs; None where it is a first life or nobody opened one."""
    return SafeReturn.objects.filter(relationship=relationship, life=relationship.life).first()


def end_before(relationship: Relationship, *, returned_on: date) -> Breakup | None:
    """The end on record that this return came after; None where it was only a silence."""
    ends = Breakup.objects.filter(relationship=relationship, withdrawn_at=None, ended_on__lt=returned_on)
    return ends.order_by("-ended_on", "-pk").first()


def lives_of(relationship: Relationship) -> list[Episode]:
    """The lives up to the one that counts, in order. Rows that late history has taken back are left out."""
    return list(
        Episode.objects.filter(relationship=relationship, number__lte=max(relationship.life, 1)).order_by("number")
    )


def open_promises(relationship: Relationship, *, made_before: date) -> list[Promise]:
    """Promises from before a day that were neither kept, broken nor released."""
    rows = Promise.objects.filter(
        relationship=relationship, state=PromiseState.OPEN.value, made_at__date__lt=made_before
    )
    return list(rows.order_by("due_on", "pk"))


def ties_of(party_id: int) -> list[Tie]:
    """Who of us knows them, the strongest first, past ones too."""
    return list(Tie.objects.filter(party=party_id).select_related("staff").order_by("-strength", "pk"))


def companions_of(party_ids: Iterable[int]) -> dict[int, list[Relationship]]:
    """Those who left together with each, or belong to them, and are gone but not closed; two queries for all."""
    ids = set(party_ids)
    kinds = [LinkKind.LEFT_TOGETHER.value, LinkKind.MEMBER_OF.value, LinkKind.RELATED.value]
    links = PartyLink.objects.filter(Q(party__in=ids) | Q(other__in=ids), kind__in=kinds, to_day=None)
    pairs = {
        (mine, theirs)
        for one, other in links.values_list("party_id", "other_id")
        for mine, theirs in ((one, other), (other, one))
        if mine in ids
    }
    gone = Relationship.objects.filter(
        party_id__in={theirs for _, theirs in pairs},
        stage__in=[stage.value for stage in ENDED if stage is not Stage.CLOSED],
    ).select_related("party")
    standing = {relationship.party_id: relationship for relationship in gone.order_by("-pk")}
    of: dict[int, list[Relationship]] = {}
    for mine, theirs in sorted(pairs):
        if theirs in standing:
            of.setdefault(mine, []).append(standing[theirs])
    return of


def count_watched(as_of: date) -> int | None:
    """How many returns are watched; None beyond MANY."""
    n = len(watched(as_of).order_by().values_list("pk", flat=True)[: MANY + 1])
    return n if n <= MANY else None


def credits_in(*, until: date, days: int) -> Credits:
    """Whose doing the returns of the `days` days up to a day were, that day included; of the newest MANY at most."""
    rows = SafeReturn.objects.filter(returned_on__gt=until - timedelta(days=days), returned_on__lte=until)
    some = list(rows.order_by("-returned_on", "-pk").values_list("credit", flat=True)[: MANY + 1])
    found = Counter(some[:MANY])
    return Credits(
        self_made=found[ReturnCredit.SELF.value],
        touched=found[ReturnCredit.TOUCHED.value],
        not_known=found[ReturnCredit.NOT_KNOWN.value],
        are_all=len(some) <= MANY,
    )


def returned_by_word(as_of: date) -> dict[int, date]:
    """For the night: parties of whom staff said that they are back, and since when, as far as it holds on that day.

    The word holds 90 days without a sign of life; with one, the history speaks for itself. Where it is tomorrow
    already for the person, their day counts as the day read.
    """
    told = SafeReturn.objects.filter(
        evidence__told=True,
        returned_on__lte=as_of + AHEAD,
        returned_on__gt=as_of - timedelta(days=WORD_HOLDS_DAYS),
    )
    rows = told.order_by("returned_on").values_list("relationship__party_id", "returned_on")
    return {party: min(day, as_of) for party, day in rows}


def still_returning(as_of: date) -> set[int]:
    """For the night: parties whose safe return somebody has begun to see to and not finished, up to 180 days.

    Their return goes on; the calendar alone ends only the returns that nobody looks after.
    """
    begun = SafeReturn.objects.filter(
        closed_at=None,
        evidence__begun=True,
        returned_on__lte=as_of,
        returned_on__gt=as_of - timedelta(days=LAPSE_DAYS),
    )
    return set(begun.values_list("relationship__party_id", flat=True))


def watched(as_of: date) -> QuerySet[SafeReturn]:
    """Returns whose first quarter runs: a second leaving is watched for until `watch_until`, that day included."""
    return SafeReturn.objects.filter(watch_until__gte=as_of, returned_on__lte=as_of)


def with_people(rows: QuerySet[SafeReturn]) -> QuerySet[SafeReturn]:
    """With everything a page says of the person."""
    return rows.select_related("relationship__party", "relationship__brand", "relationship__owner")


def newest_lives(*, since: date, until: date, brand_id: int, after: int, limit: int) -> list[Relationship]:
    """For the night: relationships in a fresh second or later life for which no return is on record, by number."""
    life = Episode.objects.filter(
        relationship=OuterRef("pk"),
        number=OuterRef("life"),
        began_on__gt=since,
        began_on__lte=until,
        ended_on=None,
    )
    known = SafeReturn.objects.filter(relationship=OuterRef("pk"), life=OuterRef("life"))
    rows = Relationship.objects.filter(stage=Stage.PHOENIX.value, brand_id=brand_id, life__gte=2, pk__gt=after)
    fresh = rows.filter(Exists(life)).exclude(Exists(known)).select_related("party", "brand")
    return list(fresh.order_by("pk")[:limit])
