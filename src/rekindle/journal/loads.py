"""What the take-in pages ask the journal. Lists page by key."""

from __future__ import annotations

from rekindle.journal.job_queries import UNFINISHED
from rekindle.journal.models import Intake, Job

PAGE = 20  # our choice: one screen
LOAD_VERBS = ("stage", "commit", "undo")


def before(number: int | None, *, limit: int = PAGE) -> tuple[list[Intake], int | None]:
    """Up to `limit` loads older than that number (all when None), newest first, and the key of the next page."""
    rows = Intake.objects.order_by("-id").defer("survey").select_related("by")
    if number is not None:
        rows = rows.filter(id__lt=number)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return found[:limit], found[limit - 1].pk if more else None


def work_on(number: int) -> Job | None:
    """The long work on that load which is waiting or running, by the index of unfinished jobs."""
    return (
        Job.objects.filter(state__in=UNFINISHED, verb__in=LOAD_VERBS, arguments__intake=number).order_by("-id").first()
    )


def last_work_on(number: int) -> Job | None:
    """The long work asked for last on that load, whatever became of it."""
    return Job.objects.filter(verb__in=LOAD_VERBS, arguments__intake=number).order_by("-id").first()
