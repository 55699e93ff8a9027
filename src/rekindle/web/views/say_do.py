"""What we say and what we do: the promises of our rules beside what the log proves, month by month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.journal.queries import latest_night
from rekindle.relationships.vocabulary import Stage
from rekindle.web.gate import staff
from rekindle.workflows import coverage
from rekindle.workflows.today import business_day

EARLIEST: Final = date(2000, 1, 1)

SAID: Final = {
    "quiet": gettext_lazy("Who left is left in quiet, by default for 90 days."),
    "letter": gettext_lazy("The day after somebody leaves, a letter of thanks is on its way."),
    "interview": gettext_lazy("Whoever leaves is asked why, once, and may say nothing."),
    "promises": gettext_lazy("What we promised is done by its day."),
    "replies": gettext_lazy("Who writes to us has a human's word within two days."),
    "unsubscribed": gettext_lazy("A no holds from the instant it is said."),
    "caps": gettext_lazy("Nobody hears from us more often in a month than the rules allow."),
}
COUNTED: Final = {
    "quiet": gettext_lazy(
        "People in the quiet during the month; kept is nobody reached but for what was owed to them."
    ),
    "letter": gettext_lazy("Ends told to us in the month; kept is a letter handed over within three days."),
    "interview": gettext_lazy("Ends told to us in the month; kept is an interview that was offered."),
    "promises": gettext_lazy("Promises due in the month; kept is answered as kept on or before its day."),
    "replies": gettext_lazy("Answers that came in; kept is a task, a note or a message of a human within two days."),
    "unsubscribed": gettext_lazy("People who withdrew a consent in the month; kept is nothing on that road since."),
    "caps": gettext_lazy("People we wrote to in the month; kept is no more than six, or one after an end."),
}
UNKNOWN: Final = {
    "none_due": gettext_lazy("Not known: it never fell due in this month."),
    "plan_off": gettext_lazy("Not known: the plan that sends it is not switched on."),
    "few": gettext_lazy("Not known yet: it takes at least twenty people whose last day with us is 90 days back."),
    "none_before": gettext_lazy("Not known: nothing reached these people before, so there is nothing to compare with."),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One month, read now where there are few people, else as the last night kept it."""
    staff(request)
    today = business_day()
    month = _month(request.GET.get("month", ""), today=today)
    is_small = coverage.is_small()
    audit: dict[str, Any] | None
    if is_small:
        from rekindle.workflows import say_do

        audit = say_do.audit_of(month, at=timezone.now())
    else:
        night = latest_night()
        audit = night.facts.get("say_do") if night else None
        month = date.fromisoformat(audit["month"]) if audit else month
    before, following = (month - timedelta(days=1)).replace(day=1), (month + timedelta(days=32)).replace(day=1)
    context = {
        "desk": "say_do",
        "audit": audit,
        "month": month,
        "lines": [_dressed(line) for line in audit["lines"]] if audit else [],
        "money": audit["money"] if audit else None,
        "money_unknown": UNKNOWN.get(audit["money"]["unknown"], "") if audit else "",
        "stages": [_stage(row) for row in audit["stages"]] if audit else [],
        "before": before if is_small and before >= EARLIEST else None,
        "following": following if is_small and following <= today else None,
    }
    return render(request, "web/say_do.html", context)


def _dressed(line: dict[str, Any]) -> dict[str, Any]:
    return {
        **line,
        "said": SAID[line["code"]],
        "counted": COUNTED[line["code"]],
        "why_unknown": UNKNOWN.get(line["unknown"], ""),
        "worst": [
            {"party": party, "name": name or _("number %(n)s") % {"n": party}, "n": n}
            for party, name, n in line["worst"]
        ],
        "is_count": line["code"] == "caps",
    }


def _stage(row: dict[str, Any]) -> dict[str, Any]:
    return {"title": Stage(row["stage"]).label, "n": row["n"], "of": row["of"], "share": row["n"] / row["of"]}


def _month(text: str, *, today: date) -> date:
    """The first of the month asked for (2026-03), of this month without one. Raises Http404 for what is no month."""
    if not text:
        return today.replace(day=1)
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404("no such month") from error
    if not EARLIEST <= month <= today:
        raise Http404("no such month")
    return month


urlpatterns: list[URLPattern] = [path("say-and-do/", page, name="say_do")]
