"""Long work is done once, survives its worker, and says what went wrong."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from rekindle.errors import BadInput
from rekindle.journal.models import Intake, IntakeState, Job, JobState, Night, NightState
from rekindle.workflows import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A verb that only notes which job it was called for."""
    called: list[int] = []
    monkeypatch.setitem(jobs._VERBS, "nightly", lambda job, progress: called.append(job.pk))
    return called


def test_a_job_is_done_once(done) -> None:
    job = jobs.ask("nightly", {}, by=None)
    assert jobs.run_next()
    assert not jobs.run_next()
    job.refresh_from_db()
    assert (done, job.state) == ([job.pk], JobState.DONE)


def test_asking_twice_is_asking_once(done) -> None:
    assert jobs.ask("nightly", {}, by=None) == jobs.ask("nightly", {}, by=None)
    assert jobs.ask("nightly", {"as_of": "2025-01-01"}, by=None).pk != jobs.ask("nightly", {}, by=None).pk


def test_a_job_whose_worker_died_is_taken_up_again(done) -> None:
    job = jobs.ask("nightly", {}, by=None)
    assert jobs.claim() is not None
    assert jobs.claim() is None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.run_next()
    job.refresh_from_db()
    assert (job.epoch, job.attempts, job.state) == (2, 2, JobState.DONE)


def test_a_worker_believed_dead_changes_nothing_when_it_wakes(done) -> None:
    jobs.ask("nightly", {}, by=None)
    sleeper = jobs.claim()
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    jobs.run_next()
    jobs._finish(sleeper, JobState.FAILED, "too late")
    assert Job.objects.get().state == JobState.DONE


def test_a_job_that_kills_its_workers_is_given_up(done) -> None:
    jobs.ask("nightly", {}, by=None)
    for _ in range(jobs.TRIES):
        assert jobs.claim() is not None
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.claim() is None
    assert "gave up" in Job.objects.get().error


def test_a_refusal_is_shown_in_one_line(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise BadInput("row 3 has no date.", where="a.csv", remedy="Mend it.")

    monkeypatch.setitem(jobs._VERBS, "nightly", refuse)
    jobs.ask("nightly", {}, by=None)
    jobs.run_next()
    assert Job.objects.get().error == "a.csv: row 3 has no date. Mend it."


def test_a_bug_in_one_job_leaves_the_worker_alive(monkeypatch, caplog) -> None:
    monkeypatch.setitem(jobs._VERBS, "nightly", lambda job, progress: 1 / 0)
    jobs.ask("nightly", {}, by=None)
    assert jobs.run_next()
    assert Job.objects.get().error.startswith("an unforeseen error")
    assert "ZeroDivisionError" in caplog.text


def test_a_worker_stops_when_told(done) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=jobs.work, args=(stop,), kwargs={"idle_seconds": 0.01})
    jobs.ask("nightly", {}, by=None)
    worker.start()
    for _ in range(500):
        if done:
            break
        stop.wait(0.02)
    stop.set()
    worker.join(20)
    assert not worker.is_alive()
    assert len(done) == 1


@pytest.mark.parametrize(("hour", "is_due"), [(2, False), (3, True), (23, True)])
def test_the_night_is_asked_for_after_three(hour, is_due, monkeypatch, done) -> None:
    Intake.objects.create(kind="events", source="main", fingerprint="f", state=IntakeState.TAKEN.value)
    monkeypatch.setattr(jobs.timezone, "now", lambda: datetime(2026, 3, 12, hour, 30, tzinfo=UTC))
    job = jobs.ask_for_the_night()
    assert (job is not None) == is_due
    if is_due:
        assert job.arguments == {"as_of": "2026-03-11"}
        assert jobs.ask_for_the_night() is None


def test_a_night_already_run_is_not_asked_for(monkeypatch, done) -> None:
    Intake.objects.create(kind="events", source="main", fingerprint="f", state=IntakeState.TAKEN.value)
    monkeypatch.setattr(jobs.timezone, "now", lambda: datetime(2026, 3, 12, 9, tzinfo=UTC))
    Night.objects.create(as_of="2026-03-11", inputs="", state=NightState.DONE.value)
    assert jobs.ask_for_the_night() is None


def test_without_any_load_there_is_no_night(monkeypatch) -> None:
    monkeypatch.setattr(jobs.timezone, "now", lambda: datetime(2026, 3, 12, 9, tzinfo=UTC))
    assert jobs.ask_for_the_night() is None
