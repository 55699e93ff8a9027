"""What came back: answers that wait for one, and what could not be read or told apart; and everything, newest first."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import NotFound
from rekindle.journal import inbound_queries
from rekindle.journal.models import Message
from rekindle.web import given
from rekindle.web.gate import staff, staff_for
from rekindle.workflows.inbound import mailbox
from rekindle.workflows.inbound.look import looked_at

ROWS: Final = 50
TITLES: Final = {"waiting": gettext_lazy("Needs a look"), "all": gettext_lazy("Everything")}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One of two lists, a page at a time."""
    user = staff(request)
    which = request.GET.get("list", "waiting")
    if which not in TITLES:
        raise Http404("no such list")
    of = inbound_queries.waiting if which == "waiting" else inbound_queries.everything
    rows = of(before=given.place(request.GET.get("before", "")), limit=ROWS + 1)
    context = {
        "which": which,
        "lists": TITLES.items(),
        "rows": rows[:ROWS],
        "older": rows[ROWS - 1].pk if len(rows) > ROWS else None,
        "is_first": not request.GET.get("before"),
        "fault": mailbox.fault(),
        "is_on": mailbox.mailbox().is_on,
        "may_act": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/inbound.html", context)


@login_required
@require_POST
def done(request: HttpRequest, inbound_id: int) -> HttpResponse:
    """Somebody has looked at it."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    try:
        looked_at(inbound_id, by=by)
    except NotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("Noted: you have looked at it."))
    return redirect("inbound")


def came_back(message: Message) -> dict[str, Any]:
    """What the page of one message shows of what came back, for `web/outbox_came_back.html`."""
    return {"came_back": inbound_queries.of_message(message), "clicks": inbound_queries.clicks_of(message)}


urlpatterns: list[URLPattern] = [
    path("inbound/", page, name="inbound"),
    path("inbound/<int:inbound_id>/done/", done, name="inbound_done"),
]
