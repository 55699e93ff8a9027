"""Who stands on today's list, in which order, with what on the card."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from people_cast import TODAY, person, staff, task

from rekindle.accounts.roles import Role
from rekindle.relationships.vocabulary import Stage, Suggestion, TaskState
from rekindle.workflows.today import business_day, today

pytestmark = pytest.mark.django_db


def names(**asked: object) -> list[str]:
    return [card.person for card in today(as_of=TODAY, **{"owner": None, "limit": 10, **asked})]  # type: ignore[arg-type]


def test_nothing_urgent_is_an_empty_list() -> None:
    person()
    assert today(as_of=TODAY, owner=None, limit=10) == []


def test_the_highest_rank_comes_first_and_no_rank_comes_last() -> None:
    for name, rank in (("Second", 2), ("Unranked", None), ("First", 1)):
        task(person(name), rank=rank)
    assert names() == ["First", "Second", "Unranked"]


def test_the_limit_cuts_from_the_end() -> None:
    for rank in (1, 2, 3):
        task(person(f"Person {rank}"), rank=rank)
    assert names(limit=2) == ["Person 1", "Person 2"]
    assert names(limit=0) == []


@pytest.mark.parametrize(("offset", "shown"), [(-1, True), (0, True), (1, False)])
def test_a_task_put_off_comes_back_on_its_day(offset: int, shown: bool) -> None:
    task(person("Ana"), state=TaskState.LATER.value, due_on=TODAY + timedelta(days=offset))
    assert names() == (["Ana"] if shown else [])


@pytest.mark.parametrize("state", [TaskState.DONE, TaskState.NOT_APPROPRIATE, TaskState.WITHDRAWN])
def test_an_answered_task_is_gone(state: TaskState) -> None:
    task(person(), state=state.value)
    assert names() == []


def test_an_earlier_day_does_not_see_what_was_made_later() -> None:
    task(person("Ana"), made_on=TODAY)
    assert today(as_of=TODAY - timedelta(days=1), owner=None, limit=10) == []


def test_an_owner_sees_their_own_people_and_nobodys() -> None:
    dana, eli = staff(), staff(Role.MANAGER, name="Eli Novak")
    task(person("Danas"), owner=dana, rank=1)
    task(person("Elis"), owner=eli, rank=2)
    task(person("Nobodys"), rank=3)
    assert names(owner=dana) == ["Danas", "Nobodys"]
    assert names() == ["Danas", "Elis", "Nobodys"]


def test_a_card_says_who_why_what_and_how_much() -> None:
    relationship = person("Joris Maas", stage=Stage.AT_RISK)
    task(relationship)
    (card,) = today(as_of=TODAY, owner=None, limit=1)
    assert (card.person, card.initials, card.stage, card.party) == (
        "Joris Maas", "JM", Stage.AT_RISK, relationship.party_id,
    )  # fmt: skip
    assert card.suggestion is Suggestion.CHECK_IN
    assert json.loads(json.dumps(card.as_json())) == {
        "person": "Joris Maas",
        "stage": "at_risk",
        "why_now": ["usually every 6 days, now silent for 19 days"],
        "suggestion": "check_in",
        "value_at_stake": 41_200,
        "opening_line": "It has been a while; is everything all right?",
        "currency": "EUR",
        "task": card.task,
        "party": relationship.party_id,
        "since": "2024-01-08",
        "channel": "call",
        "touch_class": "service",
        "minutes": 10,
        "due_on": "2026-03-12",
        "owner": None,
        "rank": 1,
    }


def test_an_unknown_value_stays_unknown() -> None:
    task(person(), value_at_stake_minor=None, currency="")
    (card,) = today(as_of=TODAY, owner=None, limit=1)
    assert card.value_at_stake_minor is None
    assert card.as_json()["value_at_stake"] is None


def test_the_list_is_one_query_however_long(django_assert_num_queries: object) -> None:
    for rank in range(12):
        task(person(f"Person {rank}"), rank=rank, owner=staff())
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(today(as_of=TODAY, owner=None, limit=12)) == 12


def test_a_person_without_a_name_goes_by_number() -> None:
    relationship = person("")
    task(relationship)
    assert names() == [f"number {relationship.party_id}"]


def test_the_day_is_the_businesss_own() -> None:
    assert business_day() is not None
