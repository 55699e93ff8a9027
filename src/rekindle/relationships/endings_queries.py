"""Questions of the endings desk: who stands in which column, and what is on record about their end.

Each column is a set of stages, the quiet dividing those who cooled off from those somebody must decide about, so
that everyone whose relationship has ended stands in exactly one place and the counts add up to the stages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from rekindle.relationships.models import Breakup, Episode, Relationship, StageChange, WantBackDecision
from rekindle.relationships.queries import numbers_of
from rekindle.relationships.vocabulary import BreakupKind, Stage, WantBack

MANY: Final = 1_000
"""Up to so many a column is sorted by day and counted; beyond, it is walked by number and reads "over 1,000"."""


class Column(Enum):
    """A place on the desk: its address and the stages it is made of."""

    NOTICE = "notice", (Stage.NOTICE,)
    ENDED = "ended", (Stage.BREAKUP, Stage.COOLING_OFF)
    DECIDE = "decide", (Stage.BREAKUP, Stage.COOLING_OFF)
    BACK = "back", (Stage.PHOENIX,)
    CLOSED = "closed", (Stage.CLOSED,)
    PRESUMED = "presumed", (Stage.PRESUMED_BREAKUP,)
    WOOING = "wooing", (Stage.WOOING,)
    OLD_FRIENDS = "old_friends", (Stage.OLD_FRIENDS,)

    def __init__(self, slug: str, stages: tuple[Stage, ...]) -> None:
        self.slug, self.stages = slug, stages


@dataclass(frozen=True)
class Wanted:
    """What the desk is asked for. `owner` is a member of staff's number; `at` divides quiet from over."""

    at: datetime
    owner: int | None = None
    kind: BreakupKind | None = None


@dataclass(frozen=True)
class Card:
    """One person on the desk. `end` is the latest end on record, `presumed` the life that silence ended."""

    relationship: Relationship
    number: str
    end: Breakup | None
    presumed: Episode | None
    answer: WantBackDecision | None

    @property
    def name(self) -> str:
        party = self.relationship.party
        return party.name or (f"customer {self.number}" if self.number else str(party))

    @property
    def want_back(self) -> WantBack:
        return WantBack(self.answer.answer) if self.answer else WantBack.UNDECIDED


@dataclass(frozen=True)
class Stretch:
    """A page of one column. `count` is None beyond MANY; `next` is the key of what follows, empty at the end."""

    cards: tuple[Card, ...]
    count: int | None
    next: str


def column(which: Column, *, wanted: Wanted, limit: int, after: str = "") -> Stretch:
    """One page, newest step first. An `after` that is not one of ours begins at the top."""
    members = _members(which, wanted)
    keys: list[tuple[date, int]] = [
        (since or date.min, number) for since, number in members.order_by().values_list("stage_since", "id")[: MANY + 1]
    ]
    begun = _key(after)
    count = len(keys) if len(keys) <= MANY else None
    if count is None:
        rest = members.filter(id__lt=begun[1]) if begun else members
        keys = [(date.min, number) for number in rest.order_by("-id").values_list("id", flat=True)[: limit + 1]]
    else:
        keys = [key for key in sorted(keys, reverse=True) if begun is None or key < begun][: limit + 1]
    shown = keys[:limit]
    following = f"{shown[-1][0].toordinal()}.{shown[-1][1]}" if shown and len(keys) > limit else ""
    return Stretch(tuple(cards([number for _, number in shown])), count, following)


def cards(relationship_ids: Iterable[int]) -> list[Card]:
    """What is on record about these ends, in the order asked; one query a fact."""
    ids = list(relationship_ids)
    if not ids:
        return []
    found = Relationship.objects.select_related("party", "brand", "owner").in_bulk(ids)
    told = Breakup.objects.filter(relationship_id__in=ids, withdrawn_at=None).order_by("ended_on", "id")
    ends = {end.relationship_id: end for end in told}
    said = WantBackDecision.objects.filter(relationship_id__in=ids).order_by("id")
    answers = {
        answer.relationship_id: answer
        for answer in said
        if answer.relationship_id in ends and answer.decided_at >= ends[answer.relationship_id].recorded_at
    }
    silent = Episode.objects.filter(
        relationship_id__in=ids, is_presumed=True, ended_on__isnull=False, healed_on__isnull=True
    )
    presumed = {life.relationship_id: life for life in silent.order_by("number")}
    numbers = numbers_of(relationship.party_id for relationship in found.values() if not relationship.party.name)
    return [
        Card(
            relationship=found[number],
            number=numbers.get(found[number].party_id, ""),
            end=ends.get(number),
            presumed=presumed.get(number) if found[number].stage == Stage.PRESUMED_BREAKUP.value else None,
            answer=answers.get(number),
        )
        for number in ids
        if number in found
    ]


def end_of(number: int) -> Breakup | None:
    """One end with its relationship, party and business; None where there is none."""
    ends = Breakup.objects.select_related("relationship__party", "relationship__brand", "relationship__owner")
    return ends.filter(pk=number).first()


DENIED_FOR_DAYS: Final = 90
"""So long a denied silence is not presumed again: longer than most know somebody will come. Our choice."""


def still_with_us(as_of: date) -> set[int]:
    """Numbers of the parties of whom somebody said lately that the silence is no end; for the night, which presumes.

    as_of  the day read; a denial of a later day does not count yet
    """
    said = StageChange.objects.filter(
        rule="presumed_denied", undone_at=None, on__lte=as_of, on__gt=as_of - timedelta(days=DENIED_FOR_DAYS)
    )
    return set(said.values_list("relationship__party_id", flat=True))


def _members(which: Column, wanted: Wanted) -> QuerySet[Relationship]:
    rows = Relationship.objects.filter(stage__in=[stage.value for stage in which.stages])
    told = Breakup.objects.filter(relationship=OuterRef("pk"), withdrawn_at=None)
    quiet = Exists(told.filter(quiet_until__gt=wanted.at))
    if which is Column.ENDED:
        rows = rows.filter(quiet)
    elif which is Column.DECIDE:
        rows = rows.exclude(quiet)
    if wanted.owner is not None:
        rows = rows.filter(owner_id=wanted.owner)
    if wanted.kind is not None:
        rows = rows.filter(Exists(told.filter(kind=wanted.kind.value)))
    return rows


def _key(after: str) -> tuple[date, int] | None:
    day, _, number = after.partition(".")
    if not (day.isascii() and day.isdigit() and number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return (date.fromordinal(int(day)), int(number)) if 1 <= int(day) <= date.max.toordinal() else None
