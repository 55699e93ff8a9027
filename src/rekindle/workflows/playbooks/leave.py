"""Out of the plans at once: they replied, said no, complained, or said goodbye.

1. end every active enrolment of the relationship, of the families asked for;
2. hold back what those plans have waiting and nobody has taken yet, mail or task;
3. one audit entry, without personal words, where somebody left.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from rekindle.journal.models import Enrolment, EnrolmentState
from rekindle.relationships.models import Relationship
from rekindle.workflows import audit
from rekindle.workflows.playbooks import rows


def leave(relationship: Relationship, *, why: str, families: Collection[str] | None = None) -> int:
    """End the active enrolments of one relationship now; gives how many. Again ends nothing and is no error.

    why       as people read it: "they replied"; never their own words
    families  only plans of these families; None: every plan
    """
    active = Enrolment.objects.filter(relationship=relationship, state=EnrolmentState.ACTIVE.value)
    if families is not None:
        active = active.filter(family__in=list(families))
    with transaction.atomic():
        # The rows are locked: a step that is being taken right now is taken before, or not at all.
        numbers = list(active.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        if numbers:
            rows.out(numbers, why=" ".join(why.split()), at=timezone.now())
            audit.record(
                "playbook.left", actor=None, subject=f"relationship:{relationship.pk}", details={"enrolments": numbers}
            )
    return len(numbers)
