"""The playbooks as their pages list them: people page by key, and no question walks further than a page shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Min, QuerySet

from rekindle.journal.models import Enrolment, EnrolmentState, EnrolmentStep, Playbook, PlaybookState

COUNTED: Final = 1_000
"""Up to so many people of one playbook are counted; beyond it a page says so."""
DUE_READ: Final = 1_000
"""Steps read from the front of those to come, to find the next one of a playbook with more people than are counted."""


@dataclass(frozen=True)
class UnderWay:
    """How many are under way in a playbook, None for more than are counted; when the next step is due, None where
    nobody is under way or it is not among the next steps of all."""

    people: int | None
    next_due: datetime | None


def under_way(playbooks: Iterable[Playbook]) -> dict[int, UnderWay]:
    """By the number of each playbook. One that is off has nobody and is not asked about."""
    found: dict[int, UnderWay] = {}
    large: list[int] = []
    for playbook in playbooks:
        if playbook.state == PlaybookState.OFF.value:
            found[playbook.pk] = UnderWay(0, None)
            continue
        some = _active().filter(playbook=playbook).order_by("-pk").only("due_at")[: COUNTED + 1]
        told = some.aggregate(people=Count("pk"), first=Min("due_at"))
        if told["people"] > COUNTED:
            large.append(playbook.pk)
        found[playbook.pk] = UnderWay(told["people"], told["first"])
    if large:
        due: dict[int, datetime] = {}
        for playbook_id, at in _active().order_by("due_at", "pk").values_list("playbook", "due_at")[:DUE_READ]:
            due.setdefault(playbook_id, at)
        found |= {number: UnderWay(None, due.get(number)) for number in large}
    return found


def people_in(playbook: Playbook, state: EnrolmentState, *, before: int | None, limit: int) -> list[Enrolment]:
    """Those who stand so in a playbook, the newest first, below the number `before`."""
    return _page(Enrolment.objects.filter(playbook=playbook, state=state.value), before=before, limit=limit)


def people_of_family(
    family: str, states: Collection[EnrolmentState], *, before: int | None, limit: int
) -> list[Enrolment]:
    """Those who stand so in any plan of a family, the newest first. Plans are few: one stretch of the index each."""
    numbers: list[int] = []
    for plan in Playbook.objects.filter(family=family).values_list("pk", flat=True):
        for state in states:
            rows = Enrolment.objects.filter(playbook=plan, state=state.value)
            if before is not None:
                rows = rows.filter(pk__lt=before)
            numbers += rows.order_by("-pk").values_list("pk", flat=True)[:limit]
    newest = sorted(numbers, reverse=True)[:limit]
    return _page(Enrolment.objects.filter(pk__in=newest), before=None, limit=limit)


def plans_of(relationship_ids: Iterable[int], *, limit: int) -> list[Enrolment]:
    """The plans somebody is or was in: those under way first, then the newest."""
    rows = Enrolment.objects.filter(relationship__in=list(relationship_ids)).select_related("playbook", "version")
    return list(rows.order_by("state", "-pk")[:limit])  # "active" comes before "finished" and "left"


def steps_of(enrolments: Iterable[Enrolment]) -> dict[int, list[EnrolmentStep]]:
    """What was done so far for each, in order: one query for all of them."""
    found: dict[int, list[EnrolmentStep]] = {}
    rows = EnrolmentStep.objects.filter(enrolment__in=[one.pk for one in enrolments]).select_related("message")
    for step in rows.defer("message__text", "message__html").order_by("enrolment", "step"):
        found.setdefault(step.enrolment_id, []).append(step)
    return found


def _active() -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(state=EnrolmentState.ACTIVE.value)


def _page(rows: QuerySet[Enrolment], *, before: int | None, limit: int) -> list[Enrolment]:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.select_related("relationship__party", "version", "playbook").order_by("-pk")[:limit])
