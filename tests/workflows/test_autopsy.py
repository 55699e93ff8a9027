"""What we learn from an end: facts as they stood, conclusions by people, nothing concluded by the machine."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Breakup, Case, Feedback, Promise
from rekindle.relationships.vocabulary import PromiseState
from rekindle.workflows import autopsy, part
from rekindle.workflows.autopsy import Avoidable
from rekindle.workflows.part import Told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff(Role.AGENT)


def days(n: int) -> date:
    return timezone.now().date() + timedelta(days=n)


def ended(by: User, **told: object) -> Breakup:
    return part.record_end(person("Ben Okafor"), by=by, told=Told(ended_on=days(-3), **told)).breakup  # type: ignore[arg-type]


def test_the_facts_are_those_before_the_end(dana: User) -> None:
    end = ended(dana, reasons=("rude_service",), verbatim="Nobody called back.")
    for due, state in ((-20, PromiseState.BROKEN), (-10, PromiseState.OPEN), (30, PromiseState.OPEN)):
        Promise.objects.create(
            relationship=end.relationship, text="x", due_on=days(due), state=state.value,
            made_at=timezone.now() - timedelta(days=40), made_by=dana,
        )  # fmt: skip
    Case.objects.create(relationship=end.relationship, title="cold showers", by=dana,
                        opened_at=timezone.now() - timedelta(days=30))  # fmt: skip
    Case.objects.create(relationship=end.relationship, title="after it", by=dana)
    Feedback.objects.create(relationship=end.relationship, kind="csat", score=1,
                            given_at=timezone.now() - timedelta(days=15))  # fmt: skip
    text = " ".join(autopsy.draft(end).facts)

    assert "1 of our promises to them had been broken." in text
    assert "1 of our promises to them were overdue." in text
    assert "cold showers" in text
    assert "after it" not in text
    assert "1 times that something was bad; 1 went unanswered" in text
    assert "No caution sign was raised before." in text


def test_signs_tell_how_long_before_they_spoke(dana: User) -> None:
    end = ended(dana)
    end.frozen = {**end.frozen, "signs": [{"code": "fewer_visits", "raised_on": days(-44).isoformat(), "strength": 1}]}
    end.noticed_on = days(-3)
    assert "The sign fewer visits was raised 41 days before we were told." in autopsy.draft(end).facts


def test_it_is_whole_with_reason_words_and_an_owned_action(dana: User) -> None:
    bare = ended(dana)
    assert set(autopsy.draft(bare).missing) == {"a reason", "their own words", "an action with an owner"}
    full = ended(dana, reasons=("rude_service",), verbatim="Nobody called back.")
    autopsy.keep(full, finding="We lost the note.", avoidable=Avoidable.YES, action="One inbox", owner=dana, by=dana)
    full.refresh_from_db()
    assert autopsy.draft(full).missing == ()
    assert AuditEntry.objects.filter(verb="end.autopsy_kept").count() == 1


def test_the_same_word_twice_is_one(dana: User) -> None:
    end = ended(dana)
    for _ in range(2):
        autopsy.keep(end, finding="It was time.", avoidable=Avoidable.NO, by=dana)
    assert AuditEntry.objects.filter(verb="end.autopsy_kept").count() == 1


def test_what_the_interview_told_stays(dana: User) -> None:
    end = ended(dana)
    Breakup.objects.filter(pk=end.pk).update(autopsy={"first_doubt": "2025-11"})
    autopsy.keep(end, finding="It was time.", avoidable=Avoidable.NO, by=dana)
    end.refresh_from_db()
    assert "They first thought of leaving about 2025-11." in autopsy.draft(end).facts


def test_what_cannot_be_is_refused(dana: User) -> None:
    end = ended(dana)
    with pytest.raises(BadInput):
        autopsy.keep(end, finding=" ", avoidable=Avoidable.NO, by=dana)
    with pytest.raises(BadInput):
        autopsy.keep(end, finding="x", avoidable=Avoidable.NO, action="something", by=dana)
    with pytest.raises(Refused):
        autopsy.keep(end, finding="x", avoidable=Avoidable.NO, by=staff(Role.ANALYST))
    part.undo(end, by=dana, reason="a slip")
    with pytest.raises(Conflict):
        autopsy.keep(end, finding="x", avoidable=Avoidable.NO, by=dana)


def test_the_page_shows_and_keeps_it(
    dana: User, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    end = ended(dana)
    client.force_login(dana)
    with django_assert_max_num_queries(40):
        assert "What we learn from it" in client.get(reverse("end", args=[end.pk])).content.decode()
    given = {"deed": "learn", "finding": "We never asked.", "avoidable": "yes", "action": "Ask", "owner": str(dana.pk)}
    page = client.post(reverse("end_do", args=[end.pk]), given, follow=True).content.decode()
    assert "We never asked." in page
    assert "sees to this: Ask" in page
