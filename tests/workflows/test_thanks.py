"""The ledger of thanks: what counts as one, what does not, and who lacks it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task

from rekindle.accounts.models import User
from rekindle.journal.models import Message, Outlook
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Stage, Suggestion, TaskState
from rekindle.workflows import thanks

pytestmark = pytest.mark.django_db


def valued(name: str, *, value: int = 1_000, **fields: Any) -> Relationship:
    one = person(name, **fields)
    Outlook.objects.create(
        relationship=one, as_of=timezone.localdate(), horizon_days=90, value_horizon_days=730, pulses=3,
        value_at_stake_minor=value, currency="EUR",
    )  # fmt: skip
    return one


def ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days, minutes=1)


def sent(one: Relationship, *, days: int, **fields: Any) -> None:
    key = f"m{Message.objects.count()}"
    Message.objects.create(**{
        "key": key, "party": one.party, "channel": "email", "touch_class": "relationship", "message_id": f"<{key}@x>",
        "made_by": "x", "content": "letter:thanks:2", "state": "accepted", "handed_at": ago(days),
        "expires_at": timezone.now(), **fields,
    })  # fmt: skip


def ledger(owner: User | None = None) -> list[tuple[str, int | None, str]]:
    found = thanks.ledger(owner=owner, at=timezone.now())
    return [(one.relationship.party.name, one.days, one.how) for one in found]


def test_never_comes_first_then_the_longest_ago_and_among_equals_the_most_at_stake() -> None:
    sent(valued("Ada"), days=10)
    sent(valued("Bea"), days=400)
    valued("Cem", value=5)
    valued("Dov", value=7)

    assert ledger() == [("Dov", None, ""), ("Cem", None, ""), ("Bea", 400, "letter"), ("Ada", 10, "letter")]


def test_the_newest_of_letter_card_and_task_counts() -> None:
    ada, bea = valued("Ada"), valued("Bea")
    sent(ada, days=90)
    task(ada, suggestion=Suggestion.THANK_YOU.value, state=TaskState.DONE.value, answered_at=ago(30))
    sent(bea, days=60)
    sent(bea, days=20, channel="letter")

    assert ledger() == [("Ada", 30, "task"), ("Bea", 20, "card")]


@pytest.mark.parametrize(
    "fields",
    [
        {"touch_class": "transactional"},
        {"touch_class": "promotional"},
        {"content": "letter:check_in:1"},
        {"content": "letter:thanksgiving:1"},
        {"state": "cancelled"},
    ],
)
def test_what_is_no_thanks(fields: dict[str, str]) -> None:
    sent(valued("Ada"), days=10, **fields)

    assert ledger() == [("Ada", None, "")]


def test_a_task_that_is_open_or_of_another_kind_is_no_thanks() -> None:
    ada = valued("Ada")
    task(ada, suggestion=Suggestion.THANK_YOU.value)
    task(ada, suggestion=Suggestion.CHECK_IN.value, state=TaskState.DONE.value, answered_at=ago(3))

    assert ledger() == [("Ada", None, "")]


def test_a_year_is_no_gap_and_a_day_more_is_one() -> None:
    sent(valued("Ada"), days=365)
    sent(valued("Bea"), days=366)

    found = thanks.ledger(owner=None, at=timezone.now())

    assert {one.relationship.party.name: one.is_gap for one in found} == {"Ada": False, "Bea": True}


def test_only_ones_own_people_and_nobody_closed() -> None:
    dana = staff()
    valued("Ada", owner=dana)
    valued("Bea")
    valued("Cem", owner=dana, stage=Stage.CLOSED)

    assert ledger(dana) == [("Ada", None, "")]


def test_it_asks_equally_often_whatever_the_number(django_assert_max_num_queries: Any) -> None:
    for n in range(20):
        sent(valued(f"P{n}"), days=n)

    with django_assert_max_num_queries(6):
        assert len(ledger()) == 20


def test_the_page_names_the_gaps_and_all(client: Client) -> None:
    client.force_login(staff())
    sent(valued("Ada Thanked"), days=10)
    valued("Bea Never")

    gaps = client.get(reverse("thanks")).content.decode()
    everybody = client.get(reverse("thanks"), {"show": "all"}).content.decode()

    assert "Bea Never" in gaps
    assert "Ada Thanked" not in gaps
    assert "Ada Thanked" in everybody


def test_an_empty_house_says_so(client: Client) -> None:
    client.force_login(staff())

    assert "Nothing to compare yet" in client.get(reverse("thanks")).content.decode()
