"""Who spoke last: by what is at stake, by who waits for our answer, and by who may feel taken for granted."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.web import given
from rekindle.web.gate import staff
from rekindle.workflows import who_spoke

ROWS: Final = 50
ORDERS: Final = {
    "value": gettext_lazy("Most at stake"),
    "waiting": gettext_lazy("They wait for an answer"),
    "taken": gettext_lazy("Taken for granted?"),
}
WHAT: Final = {
    "task": gettext_lazy("a task done"),
    "note": gettext_lazy("a note"),
    "case": gettext_lazy("a case"),
    "mark": gettext_lazy("a mark"),
    "message": gettext_lazy("a message"),
    "interview": gettext_lazy("their interview"),
    "reply": gettext_lazy("an answer by mail"),
    "door": gettext_lazy("a word at the door"),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The board, of one's own people or of everybody's; the list by value goes on by key."""
    user = staff(request)
    is_all = request.GET.get("whose") != "mine"
    order = request.GET.get("order", "value")
    if order not in ORDERS:
        raise Http404("no such order")
    owner, at = None if is_all else user, timezone.now()
    after = given.place_of(request.GET.get("after", ""), given.whole)
    following = ""
    if order == "waiting":
        rows = who_spoke.waiting(owner=owner, limit=ROWS, at=at)
    elif order == "taken":
        rows = who_spoke.taken_for_granted(owner=owner, limit=ROWS, at=at)
    else:
        rows = who_spoke.by_value(owner=owner, after=after, limit=ROWS + 1, at=at)
        if len(rows) > ROWS:
            last = rows[ROWS - 1]
            following = f"{last.value_minor}.{last.relationship.pk}"
    context = {
        "desk": "who_spoke",
        "rows": [
            {"of": row, "ours_what": WHAT.get(row.ours_what, ""), "theirs_what": WHAT.get(row.theirs_what, "")}
            for row in rows[:ROWS]
        ],
        "order": order,
        "orders": ORDERS.items(),
        "is_all": is_all,
        "next": following,
        "is_first": after is None,
        "compared": who_spoke.COMPARED,
    }
    return render(request, "web/who_spoke.html", context)


urlpatterns: list[URLPattern] = [path("who-spoke/", page, name="who_spoke")]
