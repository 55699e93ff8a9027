"""The night: what the machine read, how far to trust it, and what it chose. Every number with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.journal import job_queries, nights
from rekindle.journal.models import Job, JobState, Night, NightState
from rekindle.journal.queries import has_loads, latest_night
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.load_pages import Work, key
from rekindle.web.night_pages import night_page, step_line

PATIENCE = timedelta(seconds=15)  # our choice: after that someone should look whether the worker runs

VERB = "nightly"


@login_required
@require_GET
def newest(request: HttpRequest) -> HttpResponse:
    """The newest night whole, or an older page of the history of nights."""
    older_than = key(request.GET.get("before"))
    history, next_key = nights.before(older_than)
    night = nights.newest() if older_than is None else None
    live_night = night
    if night is not None and _is_running(night):
        night = (
            latest_night()
        )  # what is read tonight is not yet to be relied on: the page speaks from the last whole one
    job = job_queries.asked_for(VERB)
    last = job_queries.last_asked(VERB) if job is None and older_than is None else None
    context = {
        **_live(live_night, job),
        "page": night_page(nights.book_of(night)) if night else None,
        "history": history,
        "next_key": next_key,
        "is_first_page": older_than is None,
        "trouble": last.error if last is not None and _still_matters(last, night) else "",
        "has_loads": bool(live_night) or has_loads(),
        "may_run_night": staff(request).may(Deed.RUN_NIGHT),
    }
    return render(request, "web/nights.html", context)


def _live(night: Night | None, job: Job | None) -> dict[str, Any]:
    """What the part that renews itself needs: work asked for, and the steps of a night that is running now."""
    is_running = night is not None and _is_running(night)
    return {
        "work": Work.of(job, now=timezone.now(), patience=PATIENCE),
        "running": night if is_running else None,
        "is_live": job is not None or is_running,
        "live_steps": [step_line(step) for step in nights.steps_of(night)] if night and is_running else [],
    }


def _still_matters(job: Job, night: Night | None) -> bool:
    """Whether the work asked for last failed, and no night has come to its end since."""
    if job.state != JobState.FAILED:
        return False
    ends = (night.ended_at if night else None, job.ended_at)
    return not (ends[0] and ends[1] and ends[0] > ends[1])


def _is_running(night: Night) -> bool:
    """Whether somebody works on the night now: it says so, and its lease has not run out."""
    is_left = night.lease_until is not None and night.lease_until < timezone.now()
    return night.state == NightState.RUNNING and not is_left


@login_required
@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """The part that renews itself; when nothing is under way any more the whole page is asked for again."""
    if not wants_part(request):
        return redirect("nights")
    live = _live(nights.newest(), job_queries.asked_for(VERB))
    if not live["is_live"]:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "web/night_progress.html", live)


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One night of the past."""
    night = nights.numbered(number)
    if night is None:
        raise Http404(_("There is no night with that number."))
    return render(request, "web/night.html", {"page": night_page(nights.book_of(night)), "is_live": False})


@login_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Ask for a night now. A night already asked for is not asked for twice."""
    user = staff_for(request, Deed.RUN_NIGHT)
    from rekindle.workflows import jobs

    try:
        with transaction.atomic():
            if job_queries.asked_for(VERB) is None:
                jobs.ask(VERB, {}, by=user)
            else:
                messages.info(request, _("A night is under way already; you see it here."))
    except RekindleError as error:
        messages.error(request, str(error))
    return redirect("nights")


urlpatterns: list[URLPattern] = [
    path("nights/", newest, name="nights"),
    path("nights/start/", start, name="nights_start"),
    path("nights/progress/", progress, name="nights_progress"),
    path("nights/<int:number>/", one, name="night"),
]
