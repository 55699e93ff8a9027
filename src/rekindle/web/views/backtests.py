"""How far to trust the numbers: the models asked about the past, held against what came. Asking anew is one button."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle import home
from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.journal import job_queries
from rekindle.journal.models import Job, JobState
from rekindle.journal.queries import has_loads
from rekindle.web.backtest_pages import BacktestPage, backtest_page
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.load_pages import Work

PATIENCE = timedelta(seconds=15)  # our choice: after that someone should look whether the worker runs
VERB = "backtest"

_log = logging.getLogger(__name__)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The last backtest whole, when it was run, and a button to run it anew."""
    shown, run_at, trouble = _latest()
    job = job_queries.asked_for(VERB)
    last = job_queries.last_asked(VERB) if job is None else None
    if last is not None and _still_matters(last, run_at):
        trouble = last.error
    context = {
        **_live(job),
        "page": shown,
        "run_at": run_at,
        "trouble": trouble,
        "has_loads": shown is not None or has_loads(),
        "may_run": staff(request).may(Deed.RUN_NIGHT),
    }
    return render(request, "web/backtest.html", context)


def _latest() -> tuple[BacktestPage | None, datetime | None, str]:
    """The kept backtest, when it was kept, and why it cannot be shown where it cannot."""
    from rekindle.workflows import backtest

    try:
        document = backtest.latest()
        if document is None:
            return None, None, ""
        kept_at = datetime.fromtimestamp((home.home() / "backtest.json").stat().st_mtime, tz=UTC)
        return backtest_page(document), kept_at, ""
    except (LookupError, TypeError, ValueError, OSError):
        # A version before this one wrote it, or a disk lost a part of it; run anew it is whole again.
        _log.exception("the kept backtest cannot be read")
        return None, None, _("The last answer cannot be read any more. Ask again.")


def _live(job: Job | None) -> dict[str, Any]:
    return {"work": Work.of(job, now=timezone.now(), patience=PATIENCE), "is_live": job is not None}


def _still_matters(job: Job, run_at: datetime | None) -> bool:
    """Whether the run asked for last failed, and none was kept since."""
    return job.state == JobState.FAILED and not (run_at and job.ended_at and run_at > job.ended_at)


@login_required
@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """The part that renews itself; when nothing is under way any more the whole page is asked for again."""
    if not wants_part(request):
        return redirect("backtest")
    live = _live(job_queries.asked_for(VERB))
    if not live["is_live"]:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "web/backtest_progress.html", live)


@login_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Ask for a backtest now. One already asked for is not asked for twice."""
    user = staff_for(request, Deed.RUN_NIGHT)
    from rekindle.workflows import jobs

    try:
        with transaction.atomic():
            if job_queries.asked_for(VERB) is None:
                jobs.ask(VERB, {}, by=user)
            else:
                messages.info(request, _("The models are being asked already; you see it here."))
    except RekindleError as error:
        messages.error(request, str(error))
    return redirect("backtest")


urlpatterns: list[URLPattern] = [
    path("trust-the-numbers/", page, name="backtest"),
    path("trust-the-numbers/run/", start, name="backtest_run"),
    path("trust-the-numbers/progress/", progress, name="backtest_progress"),
]
