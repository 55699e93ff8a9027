"""What the gym's manager decides when she opens the page that shows whom nobody looks after.

Old ends, of which nobody has said whether the gym would like them back: who spent most is left for a talk of its own,
who spent much is looked at again in some months, the others are let go in peace.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.journal.models import Outlook
from rekindle.relationships.vocabulary import Stage, Terms, WantBack
from rekindle.workflows import coverage, want_back_many

FOR_A_TALK: Final = 6
"""So many, the worthiest, are not decided about in a batch."""
WORTH: Final = 60_000
"""Minor units ever spent from which somebody is worth a second look: about a year of a membership."""
LOOK_AGAIN_DAYS: Final = (60, 90, 120, 150)
"""Spread, so that no morning has a hundred of them."""


def work(*, nora: User, today: date) -> None:
    """Decide about everybody whose end is over, whose quiet has run out and who is in no plan and no task."""
    rows = coverage.placed(at=timezone.now()).filter(
        place=coverage.Covered.NOBODY.value, stage=Stage.BREAKUP.value, want_back=None
    )
    terms = dict(rows.order_by("pk").values_list("pk", "terms"))
    spent = dict(Outlook.objects.filter(pk__in=terms).values_list("pk", "spent_minor"))
    ranked = sorted(terms, key=lambda number: (-(spent.get(number) or 0), number))[FOR_A_TALK:]
    hurt = [number for number in ranked if terms[number] in (Terms.BAD.value, Terms.TOXIC.value)]
    fine = [number for number in ranked if terms[number] not in (Terms.BAD.value, Terms.TOXIC.value)]
    worth = [number for number in fine if (spent.get(number) or 0) >= WORTH]
    others = [number for number in fine if (spent.get(number) or 0) < WORTH]
    for number, days in enumerate(LOOK_AGAIN_DAYS):
        want_back_many.decide_many(
            worth[number :: len(LOOK_AGAIN_DAYS)], answer=WantBack.MAYBE, by=nora,
            reason="Stayed with us for long; ask the trainers first.", review_on=today + timedelta(days=days),
        )  # fmt: skip
    for some, reason in ((others, "Left long ago, and we part as friends."), (hurt, "It did neither side good.")):
        for start in range(0, len(some), want_back_many.AT_MOST):
            want_back_many.decide_many(
                some[start : start + want_back_many.AT_MOST], answer=WantBack.NO, reason=reason, by=nora
            )
