"""The night: read everything up to the end of a day and say, person by person, what it means.

1. gather      what there is to read, and what counts as a sign of life
2. summarise   one row a person
3. fit         which model to believe, judged on time it had not seen
4. drift       whether people are still those the models learned from
5. outlook     lives, chances, value to come
6. signs       caution signs, and what each was worth here before
7. leaving     how long each running life may last, and why it may end
8. returning   who comes back, when, and what a second life brings
9. stages      where every relationship stands, and each step it took
10. decide     one choice a person, doing nothing included
11. tasks      suggestions for humans; nothing is sent
12. playbooks  who enters a plan of touches, and the steps that came due; what they write waits in the outbox
13. snapshot   the night kept whole, its totals adding up

Each step may be cut off at any moment: the same night is taken up again at the first step that had not finished,
with the files the earlier steps left, and ends as an undisturbed one. If loads or settings changed meanwhile it
begins anew. One night runs at a time.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from importlib import import_module
from typing import Any

from django.utils import timezone

from rekindle.errors import BadInput, Conflict, RekindleError
from rekindle.journal.models import Intake, IntakeState, Night, NightState, NightStep, StepState
from rekindle.relationships.models import Brand, Breakup, Consent, SafeReturn, Suppression
from rekindle.workflows import bulk, events_gather, failed_payments, hook_gather, take_in
from rekindle.workflows.alone import alone
from rekindle.workflows.brand import the_brand, today_of
from rekindle.workflows.night import what_came_back

STEPS = (
    "gather",
    "summarise",
    "fit",
    "drift",
    "outlook",
    "signs",
    "leaving",
    "returning",
    "stages",
    "decide",
    "tasks",
    "playbooks",
    "snapshot",
)
LEASE = timedelta(minutes=10)  # a night whose lease is over is shown as stopped; any later run takes it up


def run(*, as_of: date | None = None, progress: Callable[[str], None] = take_in.silent) -> Night:
    """Run, or finish, the night of a day; today of the business when no day is given.

    Raises BadInput for a day in the future, Conflict when a night is running, RekindleError when a step fails: what
    the steps before it did stays done.
    """
    brand = the_brand()
    day = as_of or today_of(brand)
    if day > today_of(brand):
        raise BadInput(f"{day} has not come yet.", remedy="Choose today or an earlier day.")
    with alone("night", doing="Another night"), bulk.in_earnest():
        take_in.resume(progress=progress)
        hook_gather.gather_waiting()
        with suppress(Conflict):  # whoever gathers now brings them in
            events_gather.gather()
        failed_payments.after_dunning(day)
        what_came_back.gather()
        night = _begin(day, brand)
        for step in night.steps.exclude(state=StepState.DONE.value):
            _run_step(night, step, brand, progress)
        night.state, night.ended_at, night.lease_until = NightState.DONE.value, timezone.now(), None
        night.error = ""
        night.save(update_fields=["state", "ended_at", "lease_until", "error"])
    return night


def document(night: Night) -> dict[str, Any]:
    """The night as the command line prints it."""
    return {
        "as_of": night.as_of,
        "night": night.pk,
        "steps": [
            {"name": step.name, "seconds": step.seconds, "rows": step.rows, "peak_mb": step.peak_mb}
            for step in night.steps.all()
        ],
        "people": night.people,
        "stages": night.stages,
        "decisions": night.decisions,
        "nothing_because": night.facts.get("nothing_because", {}),
        "pulse": night.facts.get("pulse", []),
    }


def _begin(day: date, brand: Brand) -> Night:
    """The night of that day that was cut off, while there is the same to read; else a new one."""
    inputs = _inputs(brand)
    left = Night.objects.exclude(state=NightState.DONE.value).filter(as_of=day, inputs=inputs).order_by("-id").first()
    Night.objects.filter(state=NightState.RUNNING.value).exclude(pk=left.pk if left else 0).update(
        state=NightState.FAILED.value, error="cut off, and begun anew", ended_at=timezone.now()
    )
    if left is not None:
        left.state, left.lease_until, left.epoch = NightState.RUNNING.value, timezone.now() + LEASE, left.epoch + 1
        left.save(update_fields=["state", "lease_until", "epoch"])
        return left
    night = Night.objects.create(as_of=day, inputs=inputs, lease_until=timezone.now() + LEASE)
    NightStep.objects.bulk_create(
        NightStep(night=night, position=place, name=name) for place, name in enumerate(STEPS, start=1)
    )
    return night


def _inputs(brand: Brand) -> str:
    """SHA-256 over the loads, the recorded ends and wishes, and the settings: what a night depends on."""
    facts = [
        sorted(Intake.objects.filter(state=IntakeState.TAKEN.value).values_list("pk", flat=True)),
        [
            rows.order_by("-pk").values_list("pk", flat=True).first()
            # Of the returns only those somebody told us of: the night itself writes the others.
            for rows in (
                Breakup.objects.all(),
                Consent.objects.all(),
                SafeReturn.objects.filter(evidence__has_key="told"),
                Suppression.objects.all(),
            )
        ],
        [str(getattr(brand, field.attname)) for field in Brand._meta.concrete_fields],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _run_step(night: Night, step: NightStep, brand: Brand, progress: Callable[[str], None]) -> None:
    from rekindle.workflows.night.reading import Reading

    def tell(text: str) -> None:
        progress(f"{step.position}/{len(STEPS)} {step.name}: {text}")

    step.state, step.begun_at = StepState.RUNNING.value, timezone.now()
    step.save(update_fields=["state", "begun_at"])
    Night.objects.filter(pk=night.pk).update(lease_until=timezone.now() + LEASE)
    tell("begun")
    begun = time.monotonic()
    try:
        step.rows = import_module(f"rekindle.workflows.night.{step.name}").run(Reading(night, brand, tell))
    except (RekindleError, OSError) as error:
        step.state = StepState.FAILED.value
        step.save(update_fields=["state"])
        Night.objects.filter(pk=night.pk).update(
            state=NightState.FAILED.value, error=f"{step.name}: {error}", ended_at=timezone.now(), lease_until=None
        )
        raise
    step.seconds = round(time.monotonic() - begun, 2)
    step.peak_mb = _peak_mb()
    step.state = StepState.DONE.value
    step.save(update_fields=["state", "seconds", "rows", "peak_mb"])


def _peak_mb() -> int:
    """The most memory this process has ever held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak / 1024**2 if sys.platform == "darwin" else peak / 1024)
