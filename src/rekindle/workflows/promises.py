"""Promises: made to somebody by a day, and what became of each.

1. refuse who reads only, words that cannot be kept, and a day that has passed;
2. lock the promise, so that of two answers at once one counts; the same answer again changes nothing;
3. refuse a step that is not in the table; only `undo`, on the day of the answer, leads back to open;
4. write what became of it, and one audit entry without its words.

A promise that was broken stays on the person's page for good: it is a fact of the relationship.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships.models import Party, Promise
from rekindle.relationships.vocabulary import PromiseState
from rekindle.workflows import audit
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import DOUBLE_CLICK, day_within, is_today, must_write, relationship_with, words

DUE_WITHIN_DAYS: Final = 5 * 365
"""A promise for later than five years is a hope. Our choice; a longer contract term would change it."""

ALLOWED: Final[dict[PromiseState, frozenset[PromiseState]]] = {
    PromiseState.OPEN: frozenset({PromiseState.KEPT, PromiseState.BROKEN, PromiseState.RELEASED}),
    PromiseState.KEPT: frozenset(),
    PromiseState.BROKEN: frozenset(),
    PromiseState.RELEASED: frozenset(),
}
"""What may become of a promise in which state. Only `undo` leads back to OPEN."""


def make(party: Party, *, text: str, due_on: date, by: User) -> Promise:
    """Keep one promise and give it; today is the earliest day it may be due.

    Raises Refused, and BadInput for missing words, a day that has passed, or a party without a relationship.
    """
    must_write(by)
    text = words(text, what="the promise")
    today = business_day()
    day_within(due_on, what="the day it is due", earliest=today, latest=today + timedelta(days=DUE_WITHIN_DAYS))
    relationship = relationship_with(party)
    with transaction.atomic():
        same = Promise.objects.filter(
            relationship=relationship, text=text, due_on=due_on, made_by=by, made_at__gt=timezone.now() - DOUBLE_CLICK
        )
        if (known := same.first()) is not None:
            return known
        promise = Promise.objects.create(relationship=relationship, text=text, due_on=due_on, made_by=by)
        _record("promise.made", promise, by=by, details={"due_on": due_on.isoformat()})
    return promise


def answer(promise_id: int, *, state: PromiseState, by: User, outcome: str = "", told: bool = False) -> Promise:
    """Write what became of a promise and give it.

    outcome  what was done, or why not: needed for a broken one, up to 400 characters
    told     whether the customer has heard of it from us
    Raises Refused, NotFound, BadInput for a missing reason, Conflict for a promise answered otherwise before.
    """
    must_write(by)
    if state is PromiseState.OPEN:
        raise BadInput("open is not an answer", remedy="Say kept, broken, or that they let us off.")
    outcome = words(outcome, what="the reason", are_needed=state is PromiseState.BROKEN)
    with transaction.atomic():
        promise = _locked(promise_id)
        if promise.state == state.value:
            return promise  # a second answer beside the first: the first one's words stand
        if state not in ALLOWED[PromiseState(promise.state)]:
            raise Conflict(
                f"this promise is already {PromiseState(promise.state).label}",
                where=f"promise {promise.pk}",
                remedy="Undo that answer first; this works on the same day.",
            )
        promise.state, promise.outcome, promise.told_customer = state.value, outcome, told
        promise.answered_at = timezone.now()
        promise.save(update_fields=["state", "outcome", "told_customer", "answered_at"])
        _record("promise.answered", promise, by=by, details={"to": state.value, "told": told})
    return promise


def tell(promise_id: int, *, by: User) -> Promise:
    """Write that the customer has heard from us what became of it. Raises Conflict while the promise is open."""
    must_write(by)
    with transaction.atomic():
        promise = _locked(promise_id)
        if promise.state == PromiseState.OPEN.value:
            raise Conflict(
                "this promise is still open", where=f"promise {promise.pk}", remedy="Say first what became of it."
            )
        if not promise.told_customer:
            promise.told_customer = True
            promise.save(update_fields=["told_customer"])
            _record("promise.told", promise, by=by, details={})
    return promise


def undo(promise_id: int, *, by: User) -> Promise:
    """Take back an answer given today; the promise is open again. Raises Conflict for one of an earlier day."""
    must_write(by)
    with transaction.atomic():
        promise = _locked(promise_id)
        if promise.state == PromiseState.OPEN.value:
            return promise
        if not may_undo(promise):
            raise Conflict(
                "an answer can be taken back on its own day only",
                where=f"promise {promise.pk}",
                remedy="Make a new promise, or write a note.",
            )
        before = promise.state
        promise.state, promise.outcome = PromiseState.OPEN.value, ""
        promise.told_customer, promise.answered_at = False, None
        promise.save(update_fields=["state", "outcome", "told_customer", "answered_at"])
        _record("promise.reopened", promise, by=by, details={"from": before})
    return promise


def may_undo(promise: Promise) -> bool:
    """Whether the answer was given today, in the business's time zone of the relationship."""
    return is_today(promise.answered_at, zone=promise.relationship.brand.time_zone)


def _locked(promise_id: int) -> Promise:
    promises = Promise.objects.select_for_update(of=("self",)).select_related("relationship__brand")
    promise = promises.filter(pk=promise_id).first()
    if promise is None:
        raise NotFound(f"no promise {promise_id}", remedy="Look at Promises again; the list may have changed.")
    return promise


def _record(verb: str, promise: Promise, *, by: User, details: dict[str, Any]) -> None:
    audit.record(
        verb, actor=by, subject=f"promise:{promise.pk}", details={**details, "relationship": promise.relationship_id}
    )
