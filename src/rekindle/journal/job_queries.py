"""What pages ask about work that somebody asked a worker for, by its verb."""

from __future__ import annotations

from rekindle.journal.models import Job, JobState

UNFINISHED = (JobState.WAITING.value, JobState.RUNNING.value)


def asked_for(verb: str) -> Job | None:
    """The newest work of that kind that is not finished yet."""
    return Job.objects.filter(state__in=UNFINISHED, verb=verb).order_by("-id").first()


def last_asked(verb: str) -> Job | None:
    """The work of that kind that was asked for last, whatever became of it."""
    return Job.objects.filter(verb=verb).order_by("-id").first()
