"""Is anybody forgotten? Everybody by the place they have in our care, and by name whom nobody looks after."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.accounts.roles import Deed
from rekindle.journal.queries import latest_night
from rekindle.web.gate import staff
from rekindle.web.night_words import REASONS, RULES
from rekindle.workflows import coverage, handover
from rekindle.workflows.coverage import Covered

ROWS: Final = 50

PLACES: Final = {
    Covered.NOBODY: gettext_lazy("No plan, no task and no silence that somebody has explained."),
    Covered.PLAN: gettext_lazy("A plan takes its steps with them; they may leave it at any time."),
    Covered.TASK: gettext_lazy("One of us was asked for a word, a call or a card, and has not answered yet."),
    Covered.QUIET: gettext_lazy("They left a short while ago, or asked for silence; a rule keeps it."),
    Covered.DECIDED: gettext_lazy("Paused, old friends, or not wanted back by somebody's word; or that word is due."),
    Covered.PEACE: gettext_lazy("The night read them and chose to do nothing, for a reason."),
    Covered.CLOSED: gettext_lazy("Closed for good, or no longer living: nothing reaches them."),
}
MISSING: Final = {
    "undecided": gettext_lazy("The quiet has run out; nobody has said whether we would like them back."),
    "review_due": gettext_lazy("The day to look at them again has passed."),
    "wanted": gettext_lazy("We would like them back, and nothing is under way."),
    "unread": gettext_lazy("No night has read them yet."),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The count of the last night, or of now where there are few people; then the alarm list, by key."""
    user = staff(request)
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Http404("no such place in the list")
    night = latest_night()
    is_small = coverage.is_small()
    kept = night.facts.get("coverage") if night and not is_small else None
    counted: dict[str, Any] | None = coverage.counts() if is_small else kept
    rows = []
    if counted and counted["places"][Covered.NOBODY.value]:
        among = None if is_small else counted["nobody"]
        rows = coverage.forgotten(after=int(after), limit=ROWS + 1, among=among)
    context = {
        "desk": "coverage",
        "counted": counted,
        "at": parse_datetime(counted["at"]) if counted else None,
        "places": _places(counted) if counted else [],
        "because": _because(counted) if counted else [],
        "nobody": counted["places"][Covered.NOBODY.value] if counted else 0,
        "rows": [{"of": row.relationship, "why": MISSING[row.why]} for row in rows[:ROWS]],
        "next": rows[ROWS - 1].relationship.pk if len(rows) > ROWS else None,
        "is_first": after == "0",
        "gone": list(handover.givers()),
        "may_hand_over": user.may(Deed.STAFF),
    }
    return render(request, "web/coverage.html", context)


def _places(counted: dict[str, Any]) -> list[dict[str, Any]]:
    people = counted["people"] or 1
    return [
        {"title": place.label, "meaning": meaning, "n": counted["places"][place.value],
         "share": counted["places"][place.value] / people, "is_alarm": place is Covered.NOBODY}
        for place, meaning in PLACES.items()
    ]  # fmt: skip


def _because(counted: dict[str, Any]) -> list[dict[str, Any]]:
    words = {**REASONS, **RULES}
    found = sorted(counted["peace_because"].items(), key=lambda pair: -pair[1])
    return [
        {"title": str(words[code].title) if code in words else _("a suggestion was answered"), "n": n}
        for code, n in found
    ]


urlpatterns: list[URLPattern] = [path("coverage/", page, name="coverage")]
