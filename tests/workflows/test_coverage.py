"""Everybody stands in exactly one place of our care; whom nobody looks after is named with what is missing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import ended, person, staff, task

from rekindle.journal.models import Decision, Enrolment, Outlook, Playbook, PlaybookVersion
from rekindle.relationships.models import CoolingOff, Relationship, WantBackDecision
from rekindle.relationships.vocabulary import Commercial, Contact, Stage, TaskState, WantBack
from rekindle.workflows.coverage import Covered, counts, forgotten, placed
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


def place(relationship: Relationship) -> str:
    return str(placed(at=timezone.now()).get(pk=relationship.pk).place)


def left(name: str = "Ben", *, days: int = 200, **fields: Any) -> Relationship:
    since = business_day() - timedelta(days=days)
    return person(name, stage=Stage.BREAKUP, commercial=Commercial.ENDED, since=since, **fields)


def enrolled(relationship: Relationship, *, state: str = "active") -> Enrolment:
    book = Playbook.objects.create(code=f"woo{relationship.pk}", family="woo")
    version = PlaybookVersion.objects.create(playbook=book, number=1, body={})
    return Enrolment.objects.create(
        playbook=book, version=version, relationship=relationship, occurrence="x", state=state,
        due_at=timezone.now(), entered_at=timezone.now(),
    )  # fmt: skip


def read(relationship: Relationship) -> Outlook:
    return Outlook.objects.create(
        relationship=relationship, as_of=business_day(), model="x", horizon_days=90, value_horizon_days=730
    )


def decided(relationship: Relationship, answer: WantBack, **fields: Any) -> None:
    WantBackDecision.objects.create(
        relationship=relationship, answer=answer.value, reason="x", decided_by=staff(), **fields
    )


def test_closed_and_dead_come_before_everything_else() -> None:
    closed, dead = person("Dov", stage=Stage.CLOSED), person("Eve", deceased_on=date(2026, 1, 1))
    task(closed)
    assert (place(closed), place(dead)) == ("closed", "closed")


@pytest.mark.parametrize(("state", "found"), [("active", "plan"), ("left", "nobody"), ("finished", "nobody")])
def test_a_plan_covers_only_while_it_is_under_way(state: str, found: str) -> None:
    ben = left()
    enrolled(ben, state=state)
    assert place(ben) == found


@pytest.mark.parametrize(
    ("state", "found"), [(TaskState.OPEN, "task"), (TaskState.LATER, "task"), (TaskState.DONE, "nobody")]
)
def test_a_task_covers_until_it_is_answered(state: TaskState, found: str) -> None:
    ben = left()
    task(ben, state=state.value)
    assert place(ben) == found


@pytest.mark.parametrize(("days", "found"), [(1, "quiet"), (-1, "nobody")])
def test_quiet_covers_until_its_stored_instant(days: int, found: str) -> None:
    ben, now = left(), timezone.now()
    end = ended(ben, on=business_day() - timedelta(days=200), quiet_days=1)
    CoolingOff.objects.create(
        relationship=ben,
        breakup=end,
        begins_at=now - timedelta(days=200),
        ends_at=now + timedelta(days=days),
        basis="x",
    )
    assert place(ben) == found


def test_who_asked_for_silence_has_it() -> None:
    assert place(left(contact=Contact.SILENT)) == "quiet"


def test_an_end_is_never_explained_by_the_night_alone() -> None:
    ben = left()
    read(ben)
    assert place(ben) == "nobody"


@pytest.mark.parametrize(("days", "found"), [(29, "decided"), (30, "nobody")])
def test_a_decision_is_due_within_thirty_days(days: int, found: str) -> None:
    assert place(left(days=days)) == found


@pytest.mark.parametrize(
    ("answer", "review", "found"),
    [
        (WantBack.NO, None, "decided"), (WantBack.MAYBE, 0, "decided"), (WantBack.MAYBE, -1, "nobody"),
        (WantBack.YES, None, "nobody"),
    ],
)  # fmt: skip
def test_an_answer_covers_until_it_is_looked_at_again(answer: WantBack, review: int | None, found: str) -> None:
    ben = left()
    decided(ben, answer, review_on=None if review is None else business_day() + timedelta(days=review))
    assert place(ben) == found


def test_only_the_latest_answer_counts() -> None:
    ben = left()
    decided(ben, WantBack.NO)
    decided(ben, WantBack.YES)
    assert place(ben) == "nobody"


def test_a_living_relationship_is_left_in_peace_by_the_night_that_read_it() -> None:
    ana, new = person("Ana"), person("New")
    read(ana)
    assert (place(ana), place(new)) == ("peace", "nobody")


def test_the_places_add_up_to_everybody_and_reasons_to_those_in_peace() -> None:
    ana, bea, _new, _closed = person("Ana"), person("Bea"), person("New"), person("Dov", stage=Stage.CLOSED)
    for one in (ana, bea):
        read(one)
    Decision.objects.create(
        relationship=bea, as_of=business_day(), night=1, suggestion="nothing", reason="capacity", rank=1
    )
    task(left(), state=TaskState.OPEN.value)
    found = counts()
    assert found["people"] == sum(found["places"].values()) == Relationship.objects.count() == 5
    assert found["places"] == {
        "closed": 1, "plan": 0, "task": 1, "quiet": 0, "decided": 0, "peace": 2, "nobody": 1,
    }  # fmt: skip
    assert found["peace_because"] == {"sleeping_well": 1, "capacity": 1}
    assert found["nobody"] == [_new.pk]
    assert set(found["places"]) == {place.value for place in Covered}


def test_a_suggestion_that_was_answered_is_a_reason_too() -> None:
    ana = person("Ana")
    read(ana)
    Decision.objects.create(
        relationship=ana, as_of=business_day(), night=1, suggestion="check_in", reason="care", rank=1
    )
    assert counts()["peace_because"] == {"answered": 1}


def test_who_is_forgotten_is_named_with_what_is_missing_page_by_page() -> None:
    undecided, wanted, due, unread = left("A"), left("B"), left("C"), person("D")
    decided(wanted, WantBack.YES)
    decided(due, WantBack.MAYBE, review_on=business_day() - timedelta(days=1))
    rows = forgotten()
    assert [(row.relationship.pk, row.why) for row in rows] == [
        (undecided.pk, "undecided"), (wanted.pk, "wanted"), (due.pk, "review_due"), (unread.pk, "unread"),
    ]  # fmt: skip
    assert [row.relationship.pk for row in forgotten(after=undecided.pk, limit=2)] == [wanted.pk, due.pk]


def test_who_is_in_good_hands_by_now_leaves_the_list_the_night_kept() -> None:
    ben, cleo = left("Ben"), left("Cleo")
    kept = counts()["nobody"]
    task(ben)
    assert [row.relationship.pk for row in forgotten(among=kept)] == [cleo.pk]
