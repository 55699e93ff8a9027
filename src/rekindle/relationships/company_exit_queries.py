"""Questions about endings by us: who stands where on the way, one with its ladder, the burdens it stands on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Q, QuerySet

from rekindle.relationships.models import BurdenFact, CleanBreak, CompanyExit, LadderStep, Relationship
from rekindle.relationships.vocabulary import ExitState

STANDING: Final = (ExitState.OPEN, ExitState.PROPOSED, ExitState.APPROVED, ExitState.ANNOUNCED)
"""On the way; at most one of them a relationship."""
OVER: Final = (ExitState.ENDED, ExitState.DROPPED)
MANY: Final = 500
"""Up to so many in one state are counted on a page; beyond, it reads "over 500"."""
BURDENS: Final = 200
"""Facts shown of one relationship. More than that of one customer is a file, not a page."""

_PEOPLE: Final = (
    "relationship__party", "relationship__brand", "opened_by", "proposed_by", "approved_by", "helper", "breakup",
)  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """A page of exits, newest first. `count` is None beyond MANY, `next` the number after which it goes on, or 0."""

    exits: tuple[CompanyExit, ...]
    count: int | None
    next: int


def exits(states: Iterable[ExitState], *, limit: int, before: int = 0) -> Stretch:
    """Exits in these states, newest first; `before` is the number of the last one of the page before."""
    rows = CompanyExit.objects.filter(state__in=[state.value for state in states])
    count = len(rows.order_by("-id").values_list("pk", flat=True)[: MANY + 1])
    asked = rows.filter(pk__lt=before) if before else rows
    found = list(asked.select_related(*_PEOPLE).order_by("-id")[: limit + 1])
    shown = found[:limit]
    return Stretch(tuple(shown), count if count <= MANY else None, shown[-1].pk if len(found) > limit else 0)


def exit_of(number: int) -> CompanyExit | None:
    """One exit with everything a page shows of it."""
    return CompanyExit.objects.select_related(*_PEOPLE, "relationship__owner").filter(pk=number).first()


def standing_exit(relationship: Relationship) -> CompanyExit | None:
    """The exit that is on the way, None where there is none."""
    standing = CompanyExit.objects.filter(relationship=relationship, state__in=[state.value for state in STANDING])
    return standing.select_related(*_PEOPLE).first()


def is_past_thinking(relationship_id: int) -> bool:
    """Whether an ending by us is proposed, approved or told."""
    states = [state.value for state in STANDING if state is not ExitState.OPEN]
    return CompanyExit.objects.filter(relationship=relationship_id, state__in=states).exists()


def ladder_of(company_exit: CompanyExit) -> list[LadderStep]:
    """The rungs in the order in which they were taken."""
    return list(LadderStep.objects.filter(company_exit=company_exit).select_related("by").order_by("on", "id"))


def burdens_of(relationship: Relationship) -> list[BurdenFact]:
    """Facts on record, newest first, withdrawn and expired ones too."""
    return list(
        BurdenFact.objects.filter(relationship=relationship).select_related("by").order_by("-on", "-id")[:BURDENS]
    )


def counting(relationship: Relationship, *, on: date) -> QuerySet[BurdenFact]:
    """Facts that count on a day: not withdrawn, not expired."""
    return BurdenFact.objects.filter(
        Q(expires_on__gte=on), relationship=relationship, withdrawn_at=None, on__lte=on
    ).order_by("-on", "-id")


def newest_clean_break(relationship: Relationship) -> CleanBreak | None:
    """The last time it was closed for good, reopened since or not."""
    rows = CleanBreak.objects.filter(relationship=relationship).select_related("by", "seconded_by", "reopened_by")
    return rows.order_by("-id").first()
