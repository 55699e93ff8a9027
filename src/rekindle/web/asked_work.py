"""Work that a page asks for and a worker does: asked once, seen while it goes on, its last failure told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise as LazyText
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.journal import job_queries
from rekindle.journal.models import Job, JobState
from rekindle.web.gate import staff_for, wants_part

View = Callable[..., HttpResponse]
PATIENCE: Final = timedelta(seconds=15)
"""After that someone should look whether the worker runs. Our choice."""


def asks(verb: str, *, home: str, already: LazyText) -> View:
    """A view that asks for the work now. What is asked for already is not asked for twice; `already` says so."""

    @login_required
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        user = staff_for(request, Deed.RUN_NIGHT)
        from rekindle.workflows import jobs

        try:
            with transaction.atomic():
                if job_queries.asked_for(verb) is None:
                    jobs.ask(verb, {}, by=user)
                else:
                    messages.info(request, str(already))
        except RekindleError as error:
            messages.error(request, str(error))
        return redirect(home)

    return view


def renews(live: Callable[[], dict[str, Any]], *, template: str, home: str) -> View:
    """The part that renews itself; when nothing is under way any more the whole page is asked for again.

    live  what the part shows; `is_live` among it says whether anything is under way
    """

    @login_required
    @require_GET
    def view(request: HttpRequest) -> HttpResponse:
        if not wants_part(request):
            return redirect(home)
        shown = live()
        if not shown["is_live"]:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, template, shown)

    return view


def still_matters(job: Job, *, done_at: datetime | None) -> bool:
    """Whether the work asked for last failed, and none has come to its end since, the last at `done_at`."""
    return job.state == JobState.FAILED and not (done_at and job.ended_at and done_at > job.ended_at)
