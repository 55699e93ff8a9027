"""The night: what the machine read, how far to trust it, and what it chose. Every number with its reason."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.accounts.roles import Deed
from rekindle.journal import job_queries, nights
from rekindle.journal.models import Job, Night, NightState
from rekindle.journal.queries import has_loads, latest_night
from rekindle.web.asked_work import PATIENCE, asks, renews, still_matters
from rekindle.web.gate import staff
from rekindle.web.given import place
from rekindle.web.load_pages import Work
from rekindle.web.night_pages import night_page, step_line

VERB = "nightly"


@login_required
@require_GET
def newest(request: HttpRequest) -> HttpResponse:
    """The newest night whole, or an older page of the history of nights."""
    older_than = place(request.GET.get("before", ""))
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
        "trouble": last.error
        if last is not None and still_matters(last, done_at=night.ended_at if night else None)
        else "",
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


def _is_running(night: Night) -> bool:
    """Whether somebody works on the night now: it says so, and its lease has not run out."""
    is_left = night.lease_until is not None and night.lease_until < timezone.now()
    return night.state == NightState.RUNNING and not is_left


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One night of the past."""
    night = nights.numbered(number)
    if night is None:
        raise Http404(_("There is no night with that number."))
    return render(request, "web/night.html", {"page": night_page(nights.book_of(night)), "is_live": False})


progress = renews(
    lambda: _live(nights.newest(), job_queries.asked_for(VERB)), template="web/night_progress.html", home="nights"
)
start = asks(VERB, home="nights", already=gettext_lazy("A night is under way already; you see it here."))

urlpatterns: list[URLPattern] = [
    path("nights/", newest, name="nights"),
    path("nights/start/", start, name="nights_start"),
    path("nights/progress/", progress, name="nights_progress"),
    path("nights/<int:number>/", one, name="night"),
]
