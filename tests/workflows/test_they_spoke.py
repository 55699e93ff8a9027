"""One task for who spoke to us: in the place of what a machine thought, and never two."""

from __future__ import annotations

from datetime import timedelta

import pytest
from people_cast import person

from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.vocabulary import Channel, Suggestion, TaskSource, TaskState, TouchClass
from rekindle.workflows.they_spoke import REASONS, ask_to_answer
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Relationship:
    return person("Ana Weber", email="ana@example.org")


def waiting(relationship: Relationship) -> list[Task]:
    return list(Task.objects.filter(relationship=relationship, state__in=[TaskState.OPEN, TaskState.LATER]))


def other(relationship: Relationship, *, source: TaskSource, suggestion: Suggestion) -> Task:
    day = business_day()
    return Task.objects.create(
        relationship=relationship, source=source.value, suggestion=suggestion.value, made_on=day, due_on=day,
        touch_class=TouchClass.RELATIONSHIP.value, channel=Channel.CALL.value, why_now=["away"], minutes=5,
    )  # fmt: skip


def test_their_own_word_takes_the_place_of_what_the_night_suggested(ana: Relationship) -> None:
    night = other(ana, source=TaskSource.NIGHT, suggestion=Suggestion.CALL)
    task = ask_to_answer(ana, why="Wrote to us by mail.")
    night.refresh_from_db()
    assert night.state == TaskState.WITHDRAWN.value
    assert waiting(ana) == [task]
    assert (task.suggestion, task.channel, task.due_on) == ("answer", "email", business_day())


def test_a_word_of_somebody_else_takes_nobodys_place(ana: Relationship) -> None:
    night = other(ana, source=TaskSource.NIGHT, suggestion=Suggestion.CALL)
    task = ask_to_answer(ana, why="A friend wrote.", channel=Channel.IN_PERSON, is_theirs=False)
    assert {one.pk for one in waiting(ana)} == {night.pk, task.pk}


def test_a_second_word_joins_the_task_that_waits_and_opens_it_again(ana: Relationship) -> None:
    first = ask_to_answer(ana, why="Wrote to us by mail.")
    Task.objects.filter(pk=first.pk).update(state=TaskState.LATER.value, due_on=business_day() + timedelta(5))
    again = ask_to_answer(ana, why="Called us.")
    assert again.pk == first.pk
    assert again.why_now == ["Wrote to us by mail.", "Called us."]
    assert (again.state, again.due_on) == (TaskState.OPEN.value, business_day())


def test_the_same_word_twice_is_one_reason_and_the_newest_reasons_stay(ana: Relationship) -> None:
    ask_to_answer(ana, why="one")
    assert ask_to_answer(ana, why="one").why_now == ["one"]
    for number in range(REASONS + 1):
        task = ask_to_answer(ana, why=f"word {number}")
    assert task.why_now == [f"word {number}" for number in range(1, REASONS + 1)]


def test_a_wish_to_come_back_goes_before_an_answer_and_is_not_undone_by_one(ana: Relationship) -> None:
    ask_to_answer(ana, why="Wrote to us by mail.")
    back = ask_to_answer(
        ana, why="Would like to come back.", line="Good to hear from you.", channel=Channel.CALL,
        suggestion=Suggestion.GREET_RETURN,
    )  # fmt: skip
    after = ask_to_answer(ana, why="Wrote once more.")
    assert back.pk == after.pk
    assert (after.suggestion, after.opening_line, after.channel) == (
        Suggestion.GREET_RETURN.value, "Good to hear from you.", Channel.CALL.value,
    )  # fmt: skip
    assert after.why_now == ["Wrote to us by mail.", "Would like to come back.", "Wrote once more."]


def test_an_answered_task_is_not_opened_again(ana: Relationship) -> None:
    done = ask_to_answer(ana, why="Wrote to us by mail.")
    Task.objects.filter(pk=done.pk).update(state=TaskState.DONE.value)
    assert ask_to_answer(ana, why="Wrote again.").pk != done.pk


def test_a_word_of_somebody_else_joins_whatever_waits_for_a_human(ana: Relationship) -> None:
    cheer = other(ana, source=TaskSource.PERSON, suggestion=Suggestion.CHEER)
    task = ask_to_answer(ana, why="A friend wrote.", is_theirs=False)
    assert task.pk == cheer.pk
    assert task.why_now[-1] == "A friend wrote."
    assert ask_to_answer(ana, why="Wrote to us by mail.").pk != cheer.pk  # their own word takes its place
    cheer.refresh_from_db()
    assert cheer.state == TaskState.WITHDRAWN.value
