"""What people ask about their data: the day the law wants, an objection that acts at once, an answer by a human."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from people_cast import consents, person, staff

from rekindle.accounts.roles import Role
from rekindle.decide.law import law
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Consent, DataRequest, Party, Relationship
from rekindle.relationships.vocabulary import RequestKind
from rekindle.workflows import data_requests

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Relationship:
    return person(email="ana@example.org", country="DE")


def asked(ana: Relationship, kind: RequestKind = RequestKind.ACCESS, **fields: Any) -> DataRequest:
    return data_requests.open_request(ana.party, kind=kind, via="door", **fields)


@pytest.mark.parametrize(
    ("country", "asked_on", "due"),
    [
        ("DE", date(2026, 1, 31), date(2026, 2, 28)),
        ("IT", date(2024, 1, 31), date(2024, 2, 29)),
        ("GB", date(2026, 3, 15), date(2026, 4, 15)),
        ("US", date(2026, 3, 15), date(2026, 4, 29)),
        ("CA", date(2026, 3, 15), date(2026, 4, 14)),
        ("BR", date(2026, 3, 15), date(2026, 4, 14)),
        ("", date(2026, 1, 31), date(2026, 2, 28)),
    ],
)
def test_the_law_says_by_when(country: str, asked_on: date, due: date) -> None:
    assert data_requests.due_on(Party(country=country), asked_on=asked_on) == due


def test_every_jurisdiction_of_the_packs_has_a_term_or_takes_the_earliest() -> None:
    assert set(data_requests.TERMS) == {one.code for one in law().jurisdictions} - {"unknown"}


def test_the_same_request_is_one_row_until_it_is_answered(ana: Relationship) -> None:
    one = asked(ana, words="all of it")
    assert asked(ana, words="all of it").pk == one.pk
    assert asked(ana, words="the notes").pk != one.pk
    data_requests.answer(one.pk, answer="handed over at the desk", by=staff(Role.MANAGER))
    assert asked(ana, words="all of it").pk != one.pk


def test_an_objection_acts_at_once_and_is_answered(ana: Relationship) -> None:
    consents(ana)
    one = asked(ana, RequestKind.OBJECTION)
    assert one.answered_at is not None
    assert not Consent.objects.filter(withdrawn_at=None).exists()
    assert data_requests.due(10) == []


def test_nothing_is_erased_by_itself(ana: Relationship) -> None:
    one = asked(ana, RequestKind.ERASURE)
    assert Party.objects.filter(pk=ana.party_id).exists()
    assert data_requests.due(10) == [one]


def test_the_soonest_due_come_first_a_page_at_a_time(ana: Relationship) -> None:
    other = person("Ben Okafor", country="US")
    late = data_requests.open_request(other.party, kind=RequestKind.ACCESS, via="staff")
    soon = [asked(ana, words=str(n)) for n in range(3)]
    assert data_requests.due(10) == [*soon, late]
    assert data_requests.due(2, after=(soon[0].due_on, soon[0].pk)) == soon[1:]


def test_only_who_may_give_out_data_answers(ana: Relationship) -> None:
    one = asked(ana)
    for role in (Role.AGENT, Role.MARKETER, Role.ANALYST):
        with pytest.raises(Refused):
            data_requests.answer(one.pk, answer="done", by=staff(role))
    with pytest.raises(BadInput):
        data_requests.answer(one.pk, answer=" ", by=staff(Role.OWNER))
    with pytest.raises(NotFound):
        data_requests.answer(999_999, answer="done", by=staff(Role.OWNER))
    data_requests.answer(one.pk, answer="done", by=staff(Role.OWNER))
    data_requests.answer(one.pk, answer="done", by=staff(Role.OWNER))
    with pytest.raises(Conflict):
        data_requests.answer(one.pk, answer="otherwise", by=staff(Role.OWNER))


def test_who_reads_only_opens_none(ana: Relationship) -> None:
    with pytest.raises(Refused):
        asked(ana, by=staff(Role.ANALYST))
    assert not DataRequest.objects.exists()


@pytest.mark.parametrize(("kind", "words"), [(RequestKind.ACCESS, "x" * 1_001), (RequestKind.RECTIFICATION, "  ")])
def test_words_that_cannot_be_kept_are_refused(ana: Relationship, kind: RequestKind, words: str) -> None:
    with pytest.raises(BadInput):
        asked(ana, kind, words=words)
    assert not DataRequest.objects.exists()


def test_the_audit_trail_holds_no_words(ana: Relationship) -> None:
    asked(ana, RequestKind.RECTIFICATION, words="my name is Anna")
    assert not any("Anna" in str(entry.details) for entry in AuditEntry.objects.all())
