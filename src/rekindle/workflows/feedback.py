"""Answers about us: kept with their scale, and a bad one waits until a human has answered it.

1. refuse who reads only, a figure outside its scale, and an answer without figure and words;
2. the same answer again within a minute is a double click: the first one is given;
3. write it, and one audit entry without its words;
4. a bad figure stands in `owed_queries.unanswered_feedback` until `close` says what was answered.

The scales: CSAT 1 to 5, NPS 0 to 10, CES 1 to 7 where 7 is very easy (the statement "made it easy for me", agreed to
from 1 to 7). Bad is what the field calls so: CSAT 1 and 2; NPS 0 to 6, the detractors (Reichheld 2003); CES 1 to 3,
the side of disagreement.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Feedback, Party, Relationship
from rekindle.relationships.owed_queries import BAD_UP_TO
from rekindle.relationships.vocabulary import FeedbackKind
from rekindle.workflows import audit
from rekindle.workflows.writing import DOUBLE_CLICK, LONGEST, must_write, relationship_with
from rekindle.workflows.writing import words as words_of

SCALES: Final = {FeedbackKind.CSAT: (1, 5), FeedbackKind.NPS: (0, 10), FeedbackKind.CES: (1, 7)}
"""Lowest and highest figure of each kind, both included; words alone have no figure."""


def give(party: Party, *, kind: FeedbackKind, by: User, score: int | None = None, words: str = "") -> Feedback:
    """Keep one answer and give it. Raises Refused, BadInput naming the scale or what is missing."""
    must_write(by)
    _check(kind, score=score)
    words = words_of(words, what="what they said", at_most=LONGEST, are_needed=kind is FeedbackKind.OPEN)
    relationship = relationship_with(party)
    with transaction.atomic():
        same = Feedback.objects.filter(
            relationship=relationship, kind=kind.value, score=score, words=words,
            given_at__gt=timezone.now() - DOUBLE_CLICK,
        )  # fmt: skip
        if (known := same.first()) is not None:
            return known
        feedback = Feedback.objects.create(relationship=relationship, kind=kind.value, score=score, words=words)
        _record("feedback.given", feedback, by=by)
    return feedback


def heard(relationship: Relationship, *, words: str) -> Feedback:
    """Keep their own words, told by themselves on a page of theirs, and give the answer. Call it in a transaction."""
    feedback = Feedback.objects.create(relationship=relationship, kind=FeedbackKind.OPEN.value, words=words)
    _record("feedback.given", feedback, by=None)
    return feedback


def close(feedback_id: int, *, answer: str, by: User) -> Feedback:
    """Write what was answered; closing it twice keeps the first answer. Raises Refused, NotFound, BadInput."""
    must_write(by)
    answer = words_of(answer, what="what was answered")
    with transaction.atomic():
        feedback = Feedback.objects.select_for_update().filter(pk=feedback_id).first()
        if feedback is None:
            raise NotFound(f"no answer {feedback_id}", remedy="Look at the person's page again.")
        if feedback.closed_at is None:
            feedback.closed_at, feedback.closed_by, feedback.answer = timezone.now(), by, answer
            feedback.save(update_fields=["closed_at", "closed_by", "answer"])
            _record("feedback.closed", feedback, by=by)
    return feedback


def is_bad(feedback: Feedback) -> bool:
    """Whether the figure says that something went wrong; words alone are never judged by a machine."""
    limit = BAD_UP_TO.get(FeedbackKind(feedback.kind))
    return limit is not None and feedback.score is not None and feedback.score <= limit


def _check(kind: FeedbackKind, *, score: int | None) -> None:
    if kind not in SCALES:
        if score is not None:
            raise BadInput("words alone have no figure", remedy="Leave the figure out, or choose its scale.")
        return
    low, high = SCALES[kind]
    if score is None or not low <= score <= high:
        seen = "no figure is given" if score is None else f"the figure is {score}"
        raise BadInput(f"{seen}; {kind.value.upper()} goes from {low} to {high}", remedy="Give a figure on its scale.")


def _record(verb: str, feedback: Feedback, *, by: User | None) -> None:
    details = {"relationship": feedback.relationship_id, "kind": feedback.kind, "score": feedback.score}
    audit.record(verb, actor=by, subject=f"feedback:{feedback.pk}", details=details)
