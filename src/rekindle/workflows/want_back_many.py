"""One answer about many old ends at once: would we like them back? For an owner who looks at them together.

1. lock the relationships; of them only those count whose end holds and about whose end nobody has said anything: a
   word for many never takes the place of one about a single person
2. the brake of `want_back` holds here too: a "no" leaves out whoever left us within the week, to be decided alone
3. keep one answer each; the reminders about them are answered; one audit entry names all of them by number

Reads and writes by sets: as many questions for a thousand as for one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.relationships.models import Breakup, Episode, Relationship, Task, WantBackDecision
from rekindle.relationships.vocabulary import Stage, Suggestion, TaskState, WantBack
from rekindle.workflows import audit, endings, want_back

AT_MOST: Final = 1_000
"""Relationships in one word. More is a rule nobody looked at, not a decision. Our choice."""

_OVER: Final = (Stage.BREAKUP.value, Stage.COOLING_OFF.value)


def decide_many(
    relationships: Collection[int], *, answer: WantBack, reason: str, by: User, review_on: date | None = None
) -> list[int]:
    """Keep one answer about each of these relationships, by number; gives those it was kept for, in order.

    review_on  wanted with "maybe"; within a year
    Who lives on, is closed for good, was decided about or left within the week ("no" alone) is left out.
    Raises Refused for a role that may not; BadInput for a missing reason or day, or more than AT_MOST.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="why")
    if answer is WantBack.UNDECIDED:
        raise BadInput("“not decided yet” is no answer", remedy="Say yes, maybe or no.")
    if len(relationships) > AT_MOST:
        raise BadInput(f"{len(relationships):,} people at once", remedy=f"Decide about up to {AT_MOST:,} at a time.")
    with transaction.atomic():
        found = _undecided(relationships)
        if answer is WantBack.NO:
            found = {
                number: end
                for number, end in found.items()
                if not want_back.is_fresh(end, today=endings.local_day(end.relationship))
            }
        for end in found.values():
            want_back.check_review(answer, review_on, today=endings.local_day(end.relationship))
        if not found:
            return []
        numbers = sorted(found)
        WantBackDecision.objects.bulk_create(
            WantBackDecision(
                relationship_id=number, answer=answer.value, reason=reason, decided_by=by, review_on=review_on
            )
            for number in numbers
        )
        Task.objects.filter(
            relationship__in=numbers,
            suggestion=Suggestion.NOTHING.value,
            state__in=[TaskState.OPEN.value, TaskState.LATER.value],
        ).update(state=TaskState.DONE.value, answer=answer.label, answered_at=timezone.now(), answered_by=by)
        audit.record(
            "want_back.decided_many",
            actor=by,
            details={
                "answer": answer.value,
                "review_on": review_on.isoformat() if review_on else None,
                "relationships": numbers,
            },
        )
    return numbers


def _undecided(relationships: Collection[int]) -> dict[int, Breakup]:
    """The end that holds, of each relationship that has one and no answer to it; their rows are held."""
    rows = Relationship.objects.select_for_update(of=("self",)).filter(pk__in=relationships, stage__in=_OVER)
    held = list(rows.order_by("pk").values_list("pk", flat=True))
    said = WantBackDecision.objects.filter(
        relationship=OuterRef("relationship"), decided_at__gte=OuterRef("recorded_at")
    )
    later_life = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    ends = Breakup.objects.filter(relationship__in=held, withdrawn_at=None).annotate(
        is_over=Exists(later_life), is_answered=Exists(said)
    )
    newest: dict[int, Breakup] = {}
    for end in ends.select_related("relationship__party", "relationship__brand").order_by("ended_on", "id"):
        newest[end.relationship_id] = end
    return {number: end for number, end in newest.items() if not (end.is_over or end.is_answered)}  # type: ignore[attr-defined]
