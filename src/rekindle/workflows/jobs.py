"""Long work that a page asks for, done by the worker.

1. a page asks: a row is written and the page returns at once;
2. a worker claims the oldest waiting row, or one whose holder let its lease run out, and raises its epoch;
3. the work runs; a second thread keeps the lease fresh and the progress visible;
4. the result is written only by the holder of the latest epoch: a worker believed dead that wakes up changes nothing.

Every verb is safe to repeat, because a killed job is taken up again from the start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import RekindleError
from rekindle.journal.models import Intake, IntakeState, Job, JobState, Night, NightState
from rekindle.workflows import audit, staging
from rekindle.workflows.brand import the_brand

LEASE = timedelta(seconds=60)
BEAT_SECONDS = 15.0
LOOK_SECONDS = 60.0
NIGHT_HOUR = 3  # local: the day before is over everywhere in the business, and nobody is at work yet
TRIES = 5  # a job that took its worker down with it this often is not taken up again

_log = logging.getLogger(__name__)


def ask(verb: str, arguments: dict[str, Any] | None = None, *, by: User | None) -> Job:
    """Step 1. Asking for the very same work while it waits or runs gives the job already asked for."""
    if verb not in _VERBS:
        raise ValueError(f"no worker knows how to {verb}; known are {', '.join(sorted(_VERBS))}")
    open_states = [JobState.WAITING.value, JobState.RUNNING.value]
    with transaction.atomic():
        twin = Job.objects.filter(verb=verb, arguments=arguments or {}, state__in=open_states).first()
        if twin is not None:
            return twin
        job = Job.objects.create(verb=verb, arguments=arguments or {}, by=by)
        audit.record("job.asked", actor=by, subject=f"job:{job.pk}", details={"verb": verb})
    return job


def claim() -> Job | None:
    """Step 2. The next job, now ours, or None."""
    now = timezone.now()
    with transaction.atomic():
        waiting = Job.objects.filter(state=JobState.WAITING.value) | Job.objects.filter(
            state=JobState.RUNNING.value, lease_until__lt=now
        )
        if connection.vendor == "postgresql":
            waiting = waiting.select_for_update(skip_locked=True)
        job = waiting.order_by("id").first()
        if job is None:
            return None
        job.epoch += 1
        job.attempts += 1
        job.state, job.lease_until = JobState.RUNNING.value, now + LEASE
        if job.attempts > TRIES:
            job.state, job.ended_at = JobState.FAILED.value, now
            job.error = f"gave up after {TRIES} tries: each time the worker was lost while it ran."
        job.save()
    return job if job.state == JobState.RUNNING else claim()


def run_next() -> bool:
    """Steps 2 to 4 for one job. False when there was nothing to do."""
    job = claim()
    if job is None:
        return False
    words = {"text": ""}
    over = threading.Event()
    beat = threading.Thread(target=_keep, args=(job, words, over), daemon=True)
    beat.start()
    try:
        _VERBS[job.verb](job, lambda text: words.update(text=text))
        _finish(job, JobState.DONE, "")
    except (RekindleError, OSError) as error:
        _finish(job, JobState.FAILED, str(error))
    except Exception:  # noqa: BLE001  # the worker must outlive a bug in one job; the bug is logged and the page says so
        _log.exception("job %s (%s) failed", job.pk, job.verb)
        _finish(job, JobState.FAILED, "an unforeseen error; the log of the server has it.")
    finally:
        over.set()
        beat.join()
    return True


def work(stop: threading.Event, *, idle_seconds: float = 1.0) -> None:
    """Do jobs until told to stop; the job at hand is finished first. When idle, see whether a night is due."""
    looked = 0.0
    while not stop.is_set():
        close_old_connections()
        if run_next():
            continue
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            ask_for_the_night()
        stop.wait(idle_seconds)
    connection.close()


def ask_for_the_night() -> Job | None:
    """Once a day, after three in the morning where the business is: the night of the day before.

    None where there is nothing to read, the hour has not come, or that night was run or asked for already: one that
    failed is for people to look at, not to be tried every minute.
    """
    brand = the_brand()
    now = timezone.now().astimezone(ZoneInfo(brand.time_zone))
    day = now.date() - timedelta(days=1)
    if now.hour < NIGHT_HOUR or not Intake.objects.filter(state=IntakeState.TAKEN.value).exists():
        return None
    arguments = {"as_of": day.isoformat()}
    if Night.objects.filter(as_of__gte=day, state=NightState.DONE.value).exists():
        return None
    if Job.objects.filter(verb="nightly", arguments=arguments).exists():
        return None
    return ask("nightly", arguments, by=None)


def _keep(job: Job, words: dict[str, str], over: threading.Event) -> None:
    waited = 0.0
    said = ""
    while not over.wait(1.0):
        waited += 1.0
        if waited < BEAT_SECONDS and words["text"] == said:
            continue
        waited, said = 0.0, words["text"]
        Job.objects.filter(pk=job.pk, epoch=job.epoch).update(lease_until=timezone.now() + LEASE, progress=said[:200])
    connection.close()


def _finish(job: Job, state: JobState, error: str) -> None:
    Job.objects.filter(pk=job.pk, epoch=job.epoch).update(
        state=state.value, error=error, ended_at=timezone.now(), lease_until=None
    )


def _stage(job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import take_in

    take_in.stage(take_in.find(job.arguments["intake"]), progress=progress)


def _commit(job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import take_in

    take_in.commit(take_in.find(job.arguments["intake"]), progress=progress)


def _undo(job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import take_in

    progress("taking the load back")
    take_in.undo(take_in.find(job.arguments["intake"]), by=job.by)


def _nightly(job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import nightly

    day = job.arguments.get("as_of")
    nightly.run(as_of=date.fromisoformat(day) if day else None, progress=progress)


def _backtest(_job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import backtest

    backtest.run(progress=progress)


def _issue(job: Job, progress: staging.Progress) -> None:
    from rekindle.workflows import newsletter_work

    number = job.arguments["issue"]
    if job.verb == newsletter_work.LOOK:
        newsletter_work.look(number, progress=progress)
    elif job.verb == newsletter_work.SEND:
        newsletter_work.queue(number, progress=progress)
    else:
        newsletter_work.take_back(number, by=job.by, progress=progress)


_VERBS: dict[str, Callable[[Job, staging.Progress], None]] = {
    "stage": _stage,
    "commit": _commit,
    "undo": _undo,
    "nightly": _nightly,
    "backtest": _backtest,
    "issue_look": _issue,
    "issue_send": _issue,
    "issue_undo": _issue,
}
