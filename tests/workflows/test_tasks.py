"""Answers to suggestions: which may follow which, once, by whom, and how they are taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import TaskState
from rekindle.workflows.tasks import ALLOWED, NOTE_AT_MOST, answer, undo
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db

REASON = {"note": "in hospital"}
GIVEN: dict[TaskState, dict[str, Any]] = {
    TaskState.DONE: {},
    TaskState.LATER: {"later_days": 7},
    TaskState.NOT_APPROPRIATE: REASON,
}


@pytest.fixture
def dana() -> User:
    return staff()


def waiting(**fields: Any) -> Task:
    return task(person(), **{"made_on": business_day(), "due_on": business_day(), **fields})


@pytest.mark.parametrize("state", GIVEN)
def test_an_answer_keeps_who_when_and_why(dana: User, state: TaskState) -> None:
    one = answer(waiting().pk, state=state, by=dana, **GIVEN[state])
    one.refresh_from_db()
    assert (one.state, one.answered_by) == (state.value, dana)
    assert one.answered_at is not None
    assert one.answer == GIVEN[state].get("note", "")


def test_later_counts_from_today(dana: User) -> None:
    one = answer(waiting().pk, state=TaskState.LATER, by=dana, later_days=3)
    assert one.due_on == business_day() + timedelta(days=3)


@pytest.mark.parametrize("before", TaskState)
@pytest.mark.parametrize("state", GIVEN)
def test_only_steps_of_the_table_are_taken(dana: User, before: TaskState, state: TaskState) -> None:
    one = waiting(state=before.value, answer="said before")
    if state in ALLOWED[before]:
        assert answer(one.pk, state=state, by=dana, **GIVEN[state]).state == state.value
    elif before is state:
        assert answer(one.pk, state=state, by=dana, **GIVEN[state]).answer == "said before"
    else:
        with pytest.raises(Conflict, match="already"):
            answer(one.pk, state=state, by=dana, **GIVEN[state])
        one.refresh_from_db()
        assert one.state == before.value


@pytest.mark.parametrize("state", GIVEN)
def test_the_same_answer_twice_counts_once(dana: User, state: TaskState) -> None:
    one = waiting()
    first = answer(one.pk, state=state, by=dana, **GIVEN[state])
    second = answer(one.pk, state=state, by=staff(), **GIVEN[state])
    assert (second.answered_by, second.answered_at) == (dana, first.answered_at)
    assert AuditEntry.objects.filter(verb="task.answered").count() == 1


@pytest.mark.parametrize(
    ("state", "given", "complaint"),
    [
        (TaskState.NOT_APPROPRIATE, {}, "reason is missing"),
        (TaskState.NOT_APPROPRIATE, {"note": "  "}, "reason is missing"),
        (TaskState.LATER, {}, "a day belongs"),
        (TaskState.DONE, {"later_days": 3}, "a day belongs"),
        (TaskState.LATER, {"later_days": 0}, "later by 0"),
        (TaskState.LATER, {"later_days": 91}, "later by 91"),
        (TaskState.DONE, {"note": "x" * (NOTE_AT_MOST + 1)}, "401 characters"),
        (TaskState.OPEN, {}, "not an answer"),
        (TaskState.WITHDRAWN, {}, "not an answer"),
    ],
)
def test_half_an_answer_is_refused_and_changes_nothing(
    dana: User, state: TaskState, given: dict[str, Any], complaint: str
) -> None:
    one = waiting()
    with pytest.raises(BadInput, match=complaint):
        answer(one.pk, state=state, by=dana, **given)
    one.refresh_from_db()
    assert one.state == TaskState.OPEN.value


def test_who_only_reads_may_not_answer() -> None:
    one = waiting()
    for deed in (lambda by: answer(one.pk, state=TaskState.DONE, by=by), lambda by: undo(one.pk, by=by)):
        with pytest.raises(Refused):
            deed(staff(Role.ANALYST))


def test_a_task_that_is_not_there_says_so(dana: User) -> None:
    with pytest.raises(NotFound):
        answer(12345, state=TaskState.DONE, by=dana)


def test_the_trail_holds_no_words_of_people(dana: User) -> None:
    answer(waiting().pk, state=TaskState.NOT_APPROPRIATE, by=dana, note="mother died")
    entry = AuditEntry.objects.get(verb="task.answered")
    assert "mother" not in str(entry.details)
    assert entry.actor == dana


def test_undo_opens_it_again_and_twice_is_once(dana: User) -> None:
    one = waiting()
    answer(one.pk, state=TaskState.LATER, by=dana, later_days=30)
    undo(one.pk, by=dana)
    back = undo(one.pk, by=dana)
    assert (back.state, back.answered_by, back.answer, back.due_on) == ("open", None, "", business_day())
    assert AuditEntry.objects.filter(verb="task.reopened").count() == 1


def test_undo_works_on_the_same_day_only(dana: User) -> None:
    one = waiting(state=TaskState.DONE.value, answered_at=timezone.now() - timedelta(days=1), answered_by=dana)
    with pytest.raises(Conflict, match="own day"):
        undo(one.pk, by=dana)


def test_undo_leaves_a_withdrawn_task(dana: User) -> None:
    one = waiting(state=TaskState.WITHDRAWN.value, answered_at=timezone.now())
    with pytest.raises(Conflict, match="withdrawn"):
        undo(one.pk, by=dana)


def test_undo_makes_room_for_a_newer_suggestion(dana: User) -> None:
    one = waiting()
    answer(one.pk, state=TaskState.DONE, by=dana)
    task(one.relationship)
    with pytest.raises(Conflict, match="newer"):
        undo(one.pk, by=dana)
