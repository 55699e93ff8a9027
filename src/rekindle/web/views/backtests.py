"""How far to trust the numbers: the models asked about the past, held against what came. Asking anew is one button."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle import home
from rekindle.accounts.roles import Deed
from rekindle.journal import job_queries
from rekindle.journal.models import Job
from rekindle.journal.queries import has_loads
from rekindle.web.asked_work import PATIENCE, asks, renews, still_matters
from rekindle.web.backtest_pages import BacktestPage, backtest_page
from rekindle.web.gate import staff
from rekindle.web.load_pages import Work

VERB = "backtest"

_log = logging.getLogger(__name__)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The last backtest whole, when it was run, and a button to run it anew."""
    shown, run_at, trouble = _latest()
    job = job_queries.asked_for(VERB)
    last = job_queries.last_asked(VERB) if job is None else None
    if last is not None and still_matters(last, done_at=run_at):
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


progress = renews(lambda: _live(job_queries.asked_for(VERB)), template="web/backtest_progress.html", home="backtest")
start = asks(VERB, home="backtest", already=gettext_lazy("The models are being asked already; you see it here."))

urlpatterns: list[URLPattern] = [
    path("trust-the-numbers/", page, name="backtest"),
    path("trust-the-numbers/run/", start, name="backtest_run"),
    path("trust-the-numbers/progress/", progress, name="backtest_progress"),
]
