"""Burdens: dated facts with their author, the person's own answer beside them, and an end to their weight."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import BurdenFact, CompanyExit, Relationship
from rekindle.relationships.vocabulary import Burden, ExitGround, ExitState
from rekindle.workflows import burdens, forget
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def fact(relationship: Relationship, *, by: User, days: int = 3, **fields: Any) -> BurdenFact:
    words = {"kind": Burden.ABUSE, "on": ago(days), "what": "shouted at the front desk", **fields}
    return burdens.record(relationship, by=by, **words)


def test_a_fact_has_a_day_an_author_and_an_end(dana: User) -> None:
    kept = fact(person(), by=dana)
    assert (kept.by, kept.on, kept.expires_on) == (dana, ago(3), burdens.expiry(ago(3)))
    entry = AuditEntry.objects.get(verb="burden.recorded")
    assert "shouted" not in str(entry.details)


def test_the_same_words_at_once_are_a_double_click(dana: User) -> None:
    relationship = person()
    assert fact(relationship, by=dana) == fact(relationship, by=dana)
    assert BurdenFact.objects.count() == 1


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)))
def test_a_fact_counts_for_two_years_to_the_day(on: date) -> None:
    last = burdens.expiry(on)
    assert last.year == on.year + 2
    assert (last.month, last.day) == ((2, 28) if (on.month, on.day) == (2, 29) else (on.month, on.day))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"what": "  \x00 "}, "what happened is missing"),
        ({"what": "x" * 1_001}, "1,001 characters"),
        ({"days": -1}, "still to come"),
        ({"days": 735}, "more than 24 months back"),
        ({"expires_on": date(2199, 1, 1)}, "it would count until"),
        ({"expires_on": date(2001, 1, 1)}, "it would count until"),
    ],
)
def test_what_cannot_be_is_not_kept(dana: User, words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        fact(person(), by=dana, **words)
    assert not BurdenFact.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_shorter_life_may_be_given(dana: User) -> None:
    assert fact(person(), by=dana, expires_on=ago(-10)).expires_on == ago(-10)


def test_who_only_reads_writes_nothing(dana: User) -> None:
    kept, reader = fact(person(), by=dana), staff(Role.ANALYST)
    for deed in (
        lambda: fact(person(), by=reader),
        lambda: burdens.dispute(kept.pk, words_of_theirs="no", by=reader),
        lambda: burdens.withdraw(kept.pk, reason="no", by=reader),
    ):
        with pytest.raises(Refused, match="reads only"):
            deed()
    assert BurdenFact.objects.get() == kept


def test_they_answer_in_their_own_words_and_may_add_to_it(dana: User) -> None:
    kept = fact(person(), by=dana)
    burdens.dispute(kept.pk, words_of_theirs="I was called a liar first.", by=dana)
    burdens.dispute(kept.pk, words_of_theirs="I was called a liar first.", by=dana)
    after = burdens.dispute(kept.pk, words_of_theirs="And I said sorry.", by=dana)
    assert after.disputed == "I was called a liar first.\nAnd I said sorry."
    with pytest.raises(BadInput, match="characters"):
        burdens.dispute(kept.pk, words_of_theirs="x" * 1_000, by=dana)
    with pytest.raises(NotFound):
        burdens.dispute(kept.pk + 1, words_of_theirs="who?", by=dana)


def test_a_withdrawn_fact_stays_to_be_read_and_counts_no_more(dana: User) -> None:
    relationship = person()
    kept = fact(relationship, by=dana)
    burdens.withdraw(kept.pk, reason="it was somebody else", by=dana)
    again = burdens.withdraw(kept.pk, reason="another reason", by=dana)
    assert again.withdrawn_why == "it was somebody else"
    seen = burdens.of_person(relationship)
    assert (seen.counting, [one.fact for one in seen.past]) == ((), [kept])
    with pytest.raises(BadInput, match="reason is missing"):
        burdens.withdraw(fact(relationship, by=dana).pk, reason=" ", by=dana)


def test_an_expired_fact_counts_no_more_from_the_day_after(dana: User) -> None:
    relationship = person()
    kept = fact(relationship, by=dana)
    for last, counts in ((ago(0), True), (ago(1), False)):
        BurdenFact.objects.filter(pk=kept.pk).update(expires_on=last)
        assert bool(burdens.of_person(relationship).counting) is counts


@pytest.mark.parametrize("state", [ExitState.PROPOSED, ExitState.APPROVED, ExitState.ANNOUNCED])
def test_a_fact_is_not_pulled_from_under_a_proposal(dana: User, state: ExitState) -> None:
    relationship = person()
    kept = fact(relationship, by=dana)
    CompanyExit.objects.create(
        relationship=relationship, ground=ExitGround.ABUSE.value, state=state.value, opened_by=dana
    )
    with pytest.raises(Conflict, match="stands on the facts"):
        burdens.withdraw(kept.pk, reason="it was not so", by=dana)
    kept.refresh_from_db()
    assert kept.withdrawn_at is None


def test_the_person_may_read_it_all(dana: User) -> None:
    relationship = person()
    kept = fact(relationship, by=dana)
    burdens.dispute(kept.pk, words_of_theirs="That was not me.", by=dana)
    rows = forget.everything_about(relationship.party)["tables"]["burden facts"]
    assert [(row["what"], row["disputed"], row["by"]) for row in rows] == [
        ("shouted at the front desk", "That was not me.", str(dana))
    ]
    assert rows[0]["kind"] == Burden.ABUSE.label


def test_the_day_is_the_day_where_they_live(dana: User) -> None:
    relationship = person(time_zone="Pacific/Kiritimati")
    there = burdens.of_person(relationship).today
    assert there - timezone.now().date() in (timedelta(0), timedelta(1))
    assert fact(relationship, by=dana, on=there).on == there
