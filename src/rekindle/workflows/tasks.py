"""Answer a task: done, later, or not appropriate with a reason; and take an answer back the same day.

1. lock the task's row, so that two answers at once cannot both count;
2. the same answer again changes nothing and is no error (a double click, a repeated request);
3. refuse a step that is not in the table: a withdrawn task, or one answered otherwise;
4. "done" tells what has happened, so a rule that stands against it does not undo it; the no is kept and told;
5. write the answer, its author and its instant, and one audit entry without personal words.

Who is about to do it asks first (`begin`): the rules are asked about that very moment, and a no is kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import Channel, TaskState, TouchClass
from rekindle.workflows import audit, refusals, why_not
from rekindle.workflows.today import business_day

LATER_AT_MOST_DAYS: Final = 90
"""Later than a quarter is a no: the night will suggest it again when it matters. Our choice."""

NOTE_AT_MOST: Final = 400

_WAITING: Final = frozenset({TaskState.OPEN, TaskState.LATER})
ALLOWED: Final[dict[TaskState, frozenset[TaskState]]] = {
    TaskState.OPEN: frozenset({TaskState.DONE, TaskState.LATER, TaskState.NOT_APPROPRIATE}),
    TaskState.LATER: frozenset({TaskState.DONE, TaskState.LATER, TaskState.NOT_APPROPRIATE}),
    TaskState.DONE: frozenset(),
    TaskState.NOT_APPROPRIATE: frozenset(),
    TaskState.WITHDRAWN: frozenset(),
}
"""Which answer may follow which state. Only `undo` leads back to OPEN."""


def answer(task_id: int, *, state: TaskState, by: User, note: str = "", later_days: int | None = None) -> Task:
    """Write one answer and give the task.

    note        what happened, or why it is not appropriate (then it must be said); up to 400 characters
    later_days  1..90, only and always with LATER; counted from today in the business's time zone
    Raises NotFound, BadInput for a missing reason or day, Refused for a role that may not, Conflict for a task that
    was withdrawn or answered otherwise.
    """
    _may(by)
    note = note.strip()
    _check(state, note=note, later_days=later_days)
    with transaction.atomic():
        task = _locked(task_id)
        due_on = business_day() + timedelta(days=later_days) if later_days else task.due_on
        if (task.state, task.due_on, task.answer) == (state.value, due_on, note):
            return task
        if state is not TaskState.LATER and task.state == state.value:
            return task  # a second "done" beside a first: the first one's words stand
        if state not in ALLOWED[TaskState(task.state)]:
            raise Conflict(
                f"this suggestion is already {TaskState(task.state).label}",
                where=f"task {task.pk}",
                remedy="Undo that answer first; this works on the same day.",
            )
        before, details = task.state, _against(task, by=by) if state is TaskState.DONE else {}
        task.state, task.due_on, task.answer = state.value, due_on, note
        task.answered_at, task.answered_by = timezone.now(), by
        task.save(update_fields=["state", "due_on", "answer", "answered_at", "answered_by"])
        details |= {"from": before, "to": state.value, "due_on": due_on.isoformat()}
        _record("task.answered", task, by=by, details=details)
    return task


def begin(task_id: int, *, by: User) -> why_not.Answer:
    """The rules' answer to somebody who is about to do it, the hour of the day included; a no is kept.

    Raises NotFound, Refused for a role that may not, Conflict for a task that waits for nobody any more.
    """
    _may(by)
    with transaction.atomic():
        task = _locked(task_id)
        if TaskState(task.state) not in _WAITING:
            raise Conflict(f"this suggestion is already {TaskState(task.state).label}", where=f"task {task.pk}")
        return refusals.ask(
            task.relationship.party, touch_class=TouchClass(task.touch_class), channel=Channel(task.channel),
            asked_by="task", actor=by,
        )  # fmt: skip


def _against(task: Task, *, by: User) -> dict[str, Any]:
    """{"against": rule} where a rule stands against what was done; without the hour, for it was done before now."""
    party, now = task.relationship.party, timezone.now()
    touch_class, channel = TouchClass(task.touch_class), Channel(task.channel)
    answer = why_not.ask(
        why_not.facts([party.pk], at=now), touch_class=touch_class, channel=channel, at=now,
        zone=why_not.business_zone(),
    )  # fmt: skip
    if answer.allowed:
        return {}
    refusals.keep(
        party, touch_class=touch_class, channel=channel, rule=answer.rule, changes_at=answer.until,
        asked_by="task done", actor=by,
    )  # fmt: skip
    return {"against": answer.rule.value}


def undo(task_id: int, *, by: User) -> Task:
    """Take back an answer given today and give the task, open and due again.

    An open task stays as it is. Raises NotFound, Refused, and Conflict when the answer is from an earlier day, the
    task was withdrawn, or a newer task for the same relationship waits already.
    """
    _may(by)
    with transaction.atomic():
        task = _locked(task_id)
        if task.state == TaskState.OPEN.value:
            return task
        if task.state == TaskState.WITHDRAWN.value:
            raise Conflict("this suggestion was withdrawn by the night", where=f"task {task.pk}")
        if not may_undo(task):
            raise Conflict(
                "an answer can be taken back on its own day only",
                where=f"task {task.pk}",
                remedy="Write a note on the person's page instead.",
            )
        waiting = Task.objects.filter(
            relationship=task.relationship_id, source=task.source, state__in=[s.value for s in _WAITING]
        )
        if waiting.exclude(pk=task.pk).exists():
            raise Conflict("a newer suggestion for this person waits already", where=f"task {task.pk}")
        before = task.state
        task.state, task.answer = TaskState.OPEN.value, ""
        task.due_on = min(task.due_on, business_day())
        task.answered_at = task.answered_by = None
        task.save(update_fields=["state", "answer", "due_on", "answered_at", "answered_by"])
        _record("task.reopened", task, by=by, details={"from": before})
    return task


def may_undo(task: Task) -> bool:
    """Whether the answer was given today, in the business's time zone of the relationship."""
    if task.answered_at is None:
        return False
    zone = ZoneInfo(task.relationship.brand.time_zone)
    return task.answered_at.astimezone(zone).date() == timezone.now().astimezone(zone).date()


def _check(state: TaskState, *, note: str, later_days: int | None) -> None:
    if state not in (TaskState.DONE, TaskState.LATER, TaskState.NOT_APPROPRIATE):
        raise BadInput(f"{state.label!r} is not an answer", remedy="Answer done, later or not appropriate.")
    if len(note) > NOTE_AT_MOST:
        raise BadInput(f"the note has {len(note)} characters", remedy=f"Keep it within {NOTE_AT_MOST}.")
    if state is TaskState.NOT_APPROPRIATE and not note:
        raise BadInput("the reason is missing", remedy="Say in a few words why it is not appropriate.")
    if (state is TaskState.LATER) != (later_days is not None):
        raise BadInput("a day belongs to “later”, and only to it", remedy="Say in how many days.")
    if later_days is not None and not 1 <= later_days <= LATER_AT_MOST_DAYS:
        raise BadInput(f"later by {later_days} days", remedy=f"Choose 1 to {LATER_AT_MOST_DAYS} days.")


def _may(by: User) -> None:
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that answers tasks.")


def _locked(task_id: int) -> Task:
    task = (
        Task.objects.select_for_update(of=("self",))
        .select_related("relationship__brand", "relationship__party")
        .filter(pk=task_id)
        .first()
    )
    if task is None:
        raise NotFound(f"no task {task_id}", remedy="Look at Today again; the list may have changed.")
    return task


def _record(verb: str, task: Task, *, by: User, details: dict[str, Any]) -> None:
    audit.record(verb, actor=by, subject=f"task:{task.pk}", details={**details, "relationship": task.relationship_id})
