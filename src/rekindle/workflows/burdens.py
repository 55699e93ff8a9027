"""Burdens: what weighs on a relationship, as dated facts with their author. Never a verdict on somebody.

    record    one thing that happened, on a day
    dispute   the person's own answer to it, in their words
    withdraw  it was not so, with the reason; the fact stays to be read and counts no more

A fact counts for 24 months from its day, or for less where that was said; then it is no ground for anything. The
person may read every one of them: the access export holds them with their own answers.

Each deed, in one transaction: refuse who reads only and what cannot be, write, one audit entry without the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships import company_exit_queries as queries
from rekindle.relationships.models import BurdenFact, CleanBreak, CompanyExit, Relationship
from rekindle.relationships.vocabulary import Burden
from rekindle.workflows import audit, endings
from rekindle.workflows.writing import DOUBLE_CLICK, must_write, words

COUNTS_MONTHS: Final = 24
"""People change, and so do we: after two years a fact is no ground any more. Our choice; a shorter one may be given."""

LONGEST: Final = 1_000
"""Characters of a fact and of the answer to it, as wide as their columns."""


def record(
    relationship: Relationship, *, kind: Burden, on: date, what: str, by: User, expires_on: date | None = None
) -> BurdenFact:
    """Keep one fact and give it; the same words again within a minute are a double click.

    what        what happened, as the person may read it; up to 1,000 characters
    expires_on  the last day it counts; None is 24 months after `on`, and no later day is taken
    Raises Refused, and BadInput for missing words, a day to come, one so long ago that it would not count, or an
    expiry that cannot be.
    """
    must_write(by)
    what = words(what, what="what happened", at_most=LONGEST)
    last = expiry(on)
    expires_on = last if expires_on is None else expires_on
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        today = endings.local_day(relationship)
        if on > today:
            raise BadInput(f"{on} is still to come", where="on", remedy="Give the day it happened.")
        if last < today:
            raise BadInput(
                f"{on} lies more than {COUNTS_MONTHS} months back", where="on",
                remedy="What is that old is no ground for anything and is not written down anew.",
            )  # fmt: skip
        if not on <= expires_on <= last:
            raise BadInput(
                f"it would count until {expires_on}", where="counts until",
                remedy=f"Give a day from {on} to {last}, {COUNTS_MONTHS} months on.",
            )  # fmt: skip
        same = BurdenFact.objects.filter(
            relationship=relationship, kind=kind.value, on=on, what=what, withdrawn_at=None,
            recorded_at__gt=timezone.now() - DOUBLE_CLICK,
        )  # fmt: skip
        if (known := same.first()) is not None:
            return known
        fact = BurdenFact.objects.create(
            relationship=relationship, kind=kind.value, on=on, what=what, by=by, expires_on=expires_on
        )
        _record("burden.recorded", fact, by=by, details={"kind": kind.value, "on": on.isoformat()})
    return fact


def dispute(fact_id: int, *, words_of_theirs: str, by: User) -> BurdenFact:
    """Keep the person's own answer beside the fact; a later answer is added to the first.

    Raises Refused, NotFound, BadInput for missing words or more than 1,000 characters in all.
    """
    must_write(by)
    answer = words(words_of_theirs, what="their answer", at_most=LONGEST)
    with transaction.atomic():
        fact = _locked(fact_id)
        if answer in fact.disputed:
            return fact
        fact.disputed = words("\n".join(filter(None, (fact.disputed, answer))), what="their answer", at_most=LONGEST)
        fact.save(update_fields=["disputed"])
        _record("burden.disputed", fact, by=by, details={})
    return fact


def withdraw(fact_id: int, *, reason: str, by: User) -> BurdenFact:
    """It was not so: the fact counts no more and stays to be read. Once withdrawn it stays so.

    Raises Refused, NotFound, BadInput without a reason, Conflict while an ending by us waits or runs on it.
    """
    must_write(by)
    reason = endings.reason_of(reason, what="why it does not hold")
    with transaction.atomic():
        fact = _locked(fact_id)
        if fact.withdrawn_at is not None:
            return fact
        endings.locked(fact.relationship_id)
        if queries.is_past_thinking(fact.relationship_id):
            raise Conflict(
                "an ending by us stands on the facts as they are", where=f"burden {fact.pk}",
                remedy="Send the proposal back or drop it first; then withdraw the fact.",
            )  # fmt: skip
        fact.withdrawn_at, fact.withdrawn_why = timezone.now(), reason
        fact.save(update_fields=["withdrawn_at", "withdrawn_why"])
        _record("burden.withdrawn", fact, by=by, details={})
    return fact


def expiry(on: date) -> date:
    """The last day a fact of that day may count: the same day two years on, 28 February for 29 February."""
    years = COUNTS_MONTHS // 12
    try:
        return on.replace(year=on.year + years)
    except ValueError:
        return on.replace(year=on.year + years, day=28)


@dataclass(frozen=True)
class Weight:
    """One fact as a page shows it. `counts`: neither withdrawn nor expired on the day."""

    fact: BurdenFact
    counts: bool
    is_expired: bool


@dataclass(frozen=True)
class Burdens:
    """What weighs on one relationship, newest first, and where an ending by us stands."""

    relationship: Relationship
    today: date
    counting: tuple[Weight, ...]
    past: tuple[Weight, ...]
    company_exit: CompanyExit | None
    clean_break: CleanBreak | None

    @property
    def is_known(self) -> bool:
        return bool(self.counting or self.past)


def of_person(relationship: Relationship) -> Burdens:
    """The section of one person. Reads only."""
    today = endings.local_day(relationship)
    weights = [
        Weight(fact, fact.withdrawn_at is None and fact.expires_on >= today, fact.expires_on < today)
        for fact in queries.burdens_of(relationship)
    ]
    return Burdens(
        relationship=relationship,
        today=today,
        counting=tuple(one for one in weights if one.counts),
        past=tuple(one for one in weights if not one.counts),
        company_exit=queries.standing_exit(relationship),
        clean_break=queries.newest_clean_break(relationship),
    )


def _locked(fact_id: int) -> BurdenFact:
    fact = BurdenFact.objects.select_for_update(of=("self",)).select_related("relationship").filter(pk=fact_id).first()
    if fact is None:
        raise NotFound(f"no burden {fact_id}", remedy="Look at the person again; the list may have changed.")
    return fact


def _record(verb: str, fact: BurdenFact, *, by: User, details: dict[str, Any]) -> None:
    audit.record(verb, actor=by, subject=f"burden:{fact.pk}",
                 details={**details, "relationship": fact.relationship_id})  # fmt: skip
