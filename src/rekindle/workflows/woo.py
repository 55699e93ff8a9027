"""A slow way back, begun or held by a human: into the plan now, out of it for a reason, or later, as they asked.

Each deed: check the role, do it in one transaction, one audit entry. The rules are not asked here: every touch of the
plan asks them on its own day.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.act.playbooks import WOO
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Enrolment, Playbook, PlaybookState
from rekindle.relationships.models import Relationship
from rekindle.words import Word
from rekindle.workflows import audit, preferences
from rekindle.workflows.playbooks import enter
from rekindle.workflows.playbooks.leave import leave
from rekindle.workflows.writing import must_write

FAMILIES: Final = (WOO,)
VIA: Final = "woo studio"
_LATER: Final = "they asked us to wait"


class HoldReason(Word):
    """Why a human takes somebody out of the slow way back. A word of ours, so that no personal words are kept."""

    WE_SPOKE = "we_spoke", "we are speaking with them already"
    NOT_NOW = "not_now", "it is not the time for them"
    NOT_OURS = "not_ours", "we would rather not"
    WORDS = "words", "the words do not fit them"


def plans() -> list[Playbook]:
    """The plans of the family that are on, by their code."""
    found = Playbook.objects.filter(family=WOO, state=PlaybookState.ON.value).exclude(current=None)
    return list(found.select_related("current").order_by("code"))


def begin(relationship: Relationship, *, code: str, by: User) -> Enrolment:
    """Into a plan of the family today; the same day again gives the same. Raises what `enter.by_hand` does, and
    NotFound for a plan that does not woo."""
    must_write(by)
    if not Playbook.objects.filter(code=code, family=WOO).exists():
        raise NotFound("there is no such plan to come back by", remedy="Look at the list of playbooks.")
    return enter.by_hand(relationship, code, by=by)


def hold(relationship: Relationship, *, why: HoldReason, by: User) -> int:
    """Out of the plan now; what waits for them is held back. Raises Conflict where they are in none."""
    must_write(by)
    with transaction.atomic():
        left = leave(relationship, why=why.label, families=FAMILIES)
        if not left:
            raise Conflict("they are in no such plan", remedy="Look at the person again.")
        audit.record(
            "woo.held", actor=by, subject=f"relationship:{relationship.pk}", details={"why": why.value, "plans": left}
        )
    return left


def ask_later(relationship: Relationship, *, day: date | None, by: User) -> bool:
    """They asked us to wait: nothing that starts with us before that day, and out of the plan until then.

    False where it stood so already. Raises BadInput for no day, or one that cannot be waited for.
    """
    must_write(by)
    if day is None:
        raise BadInput("the day is missing", remedy="Say from which day on they would like to hear from us.")
    with transaction.atomic():
        changed = preferences.wait_until(relationship.party, day, via=VIA)
        left = leave(relationship, why=_LATER, families=FAMILIES)
        if changed or left:
            audit.record(
                "woo.later", actor=by, subject=f"relationship:{relationship.pk}",
                details={"until": day.isoformat(), "plans": left},
            )  # fmt: skip
    return changed or bool(left)
