"""The door that stays open: a word, a wish to come back, a month to wait, goodbye."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone
from people_cast import ended, person, staff, task

from rekindle.errors import BadInput
from rekindle.journal.models import AuditEntry
from rekindle.relationships import wishes
from rekindle.relationships.models import (
    CoolingOff,
    DataRequest,
    Note,
    Party,
    Relationship,
    Resurfacing,
    Suppression,
    Task,
)
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, RequestKind, Stage, TaskState
from rekindle.workflows import door
from rekindle.workflows.endings import standing_quiet

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben() -> Relationship:
    """Left last week; it is quiet for eighty days more."""
    one = person(
        "Ben Okafor", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET, country="GB",
        email="ben@example.org", given_name="Ben", owner=staff(), time_zone="Europe/London",
    )  # fmt: skip
    end = ended(one, on=timezone.now().date() - timedelta(7))
    CoolingOff.objects.create(
        relationship=one, breakup=end, begins_at=timezone.now() - timedelta(7), ends_at=end.quiet_until, basis="usual"
    )
    return one


def test_a_wish_to_come_back_is_heard_by_a_human(ben: Relationship) -> None:
    before = standing_quiet(ben)
    door.come_back(ben.party, words="I miss the pool.")
    ben.refresh_from_db()
    assert "I miss the pool." in Note.objects.get().text
    sign = Resurfacing.objects.get()
    assert (sign.via, sign.matched_by, sign.words) == ("door", "link", "I miss the pool.")
    waiting = Task.objects.get(state=TaskState.OPEN.value)
    assert (waiting.owner, waiting.channel, waiting.relationship) == (ben.owner, Channel.EMAIL, ben)
    assert ben.contact == Contact.REPLY_ONLY
    assert ben.stage == Stage.COOLING_OFF  # a word opens a thread, it ends no quiet
    assert standing_quiet(ben) == before


def test_two_clicks_are_one_word(ben: Relationship) -> None:
    for _ in range(2):
        door.come_back(ben.party, words="I miss the pool.")
        door.tell(ben.party, words="Is Mia still there?")
    assert Note.objects.count() == 2
    waiting = Task.objects.get(state=TaskState.OPEN.value)
    assert len(waiting.why_now) == 2  # both reasons are on the one task


def test_what_they_say_goes_before_what_the_night_thought(ben: Relationship) -> None:
    old = task(ben)
    door.tell(ben.party, words="Hello.")
    assert Task.objects.get(pk=old.pk).state == TaskState.WITHDRAWN
    assert Task.objects.filter(state=TaskState.OPEN.value).count() == 1


def test_who_asked_never_to_be_written_to_may_speak_and_is_not_written_to(ben: Relationship) -> None:
    door.goodbye(ben.party, said="Never contact me again, on any road.")
    assert Suppression.objects.exists()
    door.come_back(ben.party, words="Well, perhaps.")
    ben.refresh_from_db()
    assert "Well, perhaps." in Note.objects.get().text
    assert Resurfacing.objects.count() == 1
    assert not Task.objects.filter(state=TaskState.OPEN.value).exists()
    assert (ben.contact, ben.stage) == (Contact.SILENT, Stage.CLOSED)


def test_somebody_without_a_relationship_may_speak_too() -> None:
    party = Party.objects.create(name="Only A Name")
    door.tell(party, words="Hello?")
    door.come_back(party)
    assert not Note.objects.exists()


@pytest.mark.parametrize("words", ["", "   ", "\x00", "x" * 2_001])
def test_a_word_needs_words_and_not_too_many(ben: Relationship, words: str) -> None:
    with pytest.raises(BadInput):
        door.tell(ben.party, words=words)
    assert not Note.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_month_is_waited_for(ben: Relationship) -> None:
    months = door.view(ben.party).months
    assert len(months) == 12
    assert all(month.day == 1 for month in months)
    assert months[0] > timezone.now().date()
    assert door.later(ben.party, month=months[3])
    ben.party.refresh_from_db()
    assert door.view(ben.party).waits_until == months[3]
    assert wishes.NOT_BEFORE in ben.party.extra
    for wrong in (months[0] + timedelta(1), date(2001, 1, 1), months[-1] + timedelta(31)):
        with pytest.raises(BadInput):
            door.later(ben.party, month=wrong)


def test_data_is_asked_for_and_not_shown(ben: Relationship) -> None:
    due = door.ask_data(ben.party, kind=RequestKind.ACCESS)
    assert DataRequest.objects.get().due_on == due
    assert Party.objects.filter(pk=ben.party_id).exists()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Ana", "Ana"), ("Anne-Marie", "Anne-Marie"), ("D'Arcy", "D'Arcy"), ("Жанна", "Жанна"), ("陳", "陳"),
        ("  Ana   Maria ", "Ana Maria"), ("", ""), ("{first_name}", ""), ("ana@example.org", ""), ("Mr 17", ""),
        ("x" * 41, ""), ("<b>", ""), ("N/A", ""),
    ],
)  # fmt: skip
def test_a_greeting_names_nobody_rather_than_wrongly(given: str, read: str) -> None:
    assert door.given_name(Party(given_name=given)) == read


def test_words_never_reach_the_audit_trail(ben: Relationship) -> None:
    door.tell(ben.party, words="the water was cold")
    door.come_back(ben.party, words="the water was cold")
    assert not any("cold" in str(entry.details) for entry in AuditEntry.objects.all())
