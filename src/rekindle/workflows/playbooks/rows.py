"""Rows of many enrolments written in columns: a step noted and gone past, put off, or everybody out.

Each is one or two statements for thousands of people, and each can be said again: a step is noted once, and only who
still stands at it goes past it. So a run cut off anywhere, or two at once, do nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from rekindle.act.playbooks import Plan
from rekindle.journal.models import Enrolment, EnrolmentState, EnrolmentStep, Message, MessageAttempt, MessageState
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import TaskState

AT_ONCE: Final = 20_000
WAITS: Final = "waits_"
"""Begins the fact that says since when a step waits for a rule to change: "waits_2"."""
_ENROLMENT: Final = Enrolment._meta.db_table
_STEP: Final = EnrolmentStep._meta.db_table
_PUNCTUAL: Final = timedelta(days=1)
"""A step taken up to a day late counts as taken on its day; later than that, what follows moves with it."""


def past(numbers: Sequence[int], plan: Plan, step: int, *, outcome: str, at: datetime, why: str = "") -> int:
    """Note a step for all of them and go past it; gives how many stood at it."""
    gone = 0
    for some in slices(numbers):
        with transaction.atomic():
            gone += _note(some, step, outcome=outcome, why=why, at=at)
            onward(some, plan, step, at=at)
    return gone


def onward(numbers: Sequence[int], plan: Plan, step: int, *, at: datetime) -> None:
    """Go past a step that is noted: to the next one, or to the end. The wait counts from the day it was due."""
    active = EnrolmentState.ACTIVE.value
    last = step + 1 >= len(plan.steps)
    if last:
        sets, values = "state = %s, ended_at = %s, reason = ''", [EnrolmentState.FINISHED.value, instant(at)]
    else:
        later, values = _later(plan.steps[step + 1].wait_days, at)
        sets = f"due_at = {later}, reason = ''"
    among, named = _among(numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{_ENROLMENT}" SET step = step + 1, {sets} WHERE {among} AND step = %s AND state = %s',  # noqa: S608
            [*values, named, step, active],
        )


def put_off(waiting: Sequence[tuple[int, datetime, datetime, str]], step: int) -> None:
    """Try a step again later. waiting: (enrolment, until, since when it waits, why); the first `since` stands."""
    name = f"{WAITS}{step}"
    if connection.vendor == "sqlite":
        told = (
            "SELECT value ->> 0 AS n, value ->> 1 AS until, value ->> 2 AS since, value ->> 3 AS why FROM json_each(%s)"
        )
        facts = f"json_insert(facts, '$.{name}', v.since)"
    else:
        told = (
            "SELECT (value ->> 0)::bigint AS n, (value ->> 1)::timestamptz AS until, value ->> 2 AS since,"
            " value ->> 3 AS why FROM jsonb_array_elements(%s::jsonb) AS value"
        )
        facts = f"jsonb_build_object('{name}', v.since) || facts"
    for start in range(0, len(waiting), AT_ONCE):
        some = [
            (number, str(instant(_whole(until))), since.isoformat(), why)
            for number, until, since, why in waiting[start : start + AT_ONCE]
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f'UPDATE "{_ENROLMENT}" SET due_at = v.until, reason = v.why, facts = {facts} FROM ({told}) AS v'  # noqa: S608
                f' WHERE "{_ENROLMENT}".id = v.n AND "{_ENROLMENT}".step = %s AND "{_ENROLMENT}".state = %s',
                [json.dumps(some), step, EnrolmentState.ACTIVE.value],
            )


def out(numbers: Sequence[int], *, why: str, at: datetime) -> int:
    """They leave now; gives how many did. What their plans have waiting for them, mail or task, is held back."""
    left = 0
    for some in slices(numbers, size=500):
        with transaction.atomic():
            active = Enrolment.objects.filter(pk__in=some, state=EnrolmentState.ACTIVE.value)
            held = list(active.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
            left += Enrolment.objects.filter(pk__in=held).update(
                state=EnrolmentState.LEFT.value, ended_at=at, reason=why[:200]
            )
            _hold_back(held, why=why, at=at)
    return left


def slices(numbers: Sequence[int], *, size: int = AT_ONCE) -> Iterator[Sequence[int]]:
    """The numbers in pieces."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def instant(at: datetime) -> Any:
    """An instant as a statement of our own takes it."""
    return connection.ops.adapt_datetimefield_value(at)


def _note(numbers: Sequence[int], step: int, *, outcome: str, why: str, at: datetime) -> int:
    among, named = _among(numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{_STEP}" (enrolment_id, step, at, outcome, why)'  # noqa: S608  # own names
            f' SELECT id, step, {_stamp()}, %s, %s FROM "{_ENROLMENT}" WHERE {among} AND step = %s AND state = %s'
            " ON CONFLICT (enrolment_id, step) DO NOTHING",
            [instant(at), outcome, why[:200], named, step, EnrolmentState.ACTIVE.value],
        )
        return int(cursor.rowcount)


def _hold_back(enrolments: Sequence[int], *, why: str, at: datetime) -> None:
    """Only what nobody has taken yet: a message that is being handed over asks the rules itself."""
    taken = EnrolmentStep.objects.filter(enrolment__in=enrolments)
    waiting = Message.objects.filter(pk__in=taken.values("message"), state=MessageState.QUEUED.value)
    messages = list(waiting.select_for_update(of=("self",)).order_by("pk").values_list("pk", "epoch"))
    Message.objects.filter(pk__in=[pk for pk, _ in messages]).update(state=MessageState.CANCELLED.value, final_at=at)
    MessageAttempt.objects.bulk_create(
        MessageAttempt(message_id=pk, epoch=epoch, phase=MessageState.CANCELLED.value, at=at, reply=why[:200])
        for pk, epoch in messages
    )
    open_tasks = Task.objects.filter(
        pk__in=taken.exclude(task=None).values("task"), state__in=[TaskState.OPEN.value, TaskState.LATER.value]
    )
    open_tasks.update(state=TaskState.WITHDRAWN.value, answer=why[:400])


def _stamp() -> str:
    return "%s" if connection.vendor == "sqlite" else "%s::timestamptz"


def _whole(until: datetime) -> datetime:
    """The first whole second from an instant on."""
    return until if until.microsecond == 0 else until.replace(microsecond=0) + timedelta(seconds=1)


def _later(days: int, at: datetime) -> tuple[str, list[Any]]:
    """So many days after the day it was due; after now, where that was more than a day ago."""
    base = "CASE WHEN due_at < %s THEN %s ELSE due_at END"
    values: list[Any] = [instant(at - _PUNCTUAL), instant(at.replace(microsecond=0))]
    if connection.vendor == "sqlite":
        return f"datetime({base}, %s)", [*values, f"+{days} days"]
    return f"({base}) + %s", [*values, timedelta(days=days)]


def _among(numbers: Sequence[int]) -> tuple[str, Any]:
    """One parameter for any number of numbers."""
    if connection.vendor == "sqlite":
        return "id IN (SELECT value FROM json_each(%s))", json.dumps(list(map(int, numbers)))
    return "id = ANY(%s)", list(map(int, numbers))
