"""The outbox: what waits, what went, what was held back, and what nobody knows; and one message whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import Conflict, NotFound
from rekindle.journal import outbox_queries
from rekindle.journal.models import Message, MessageState
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.web.views.inbound import came_back
from rekindle.workflows.outbox import settle
from rekindle.workflows.outbox.explain import explain
from rekindle.workflows.outbox.put import sending

ROWS: Final = 50
_PHASES: Final[dict[str, str]] = {
    **{state.value: state.label for state in MessageState},
    "deferred": "surely not handed over; it waits",
}
TITLES: Final = {"unknown": _("Not known"), "waiting": _("Waiting"), "gone": _("Gone"), "held": _("Not sent")}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One list of the outbox, a page at a time."""
    user = staff(request)
    which = request.GET.get("list", "waiting")
    if which not in TITLES:
        raise Http404("no such list")
    rows = outbox_queries.page(which, before=given.place(request.GET.get("before", "")), limit=ROWS + 1)
    context = {
        "which": which,
        "lists": TITLES.items(),
        "rows": rows[:ROWS],
        "older": rows[ROWS - 1].pk if len(rows) > ROWS else None,
        "is_first": not request.GET.get("before"),
        "road": sending(),
        "unknown": outbox_queries.unknown_open(),
        "may_change": user.may(Deed.SETTINGS),
    }
    return render(request, "web/outbox.html", context)


@login_required
@require_GET
def one(request: HttpRequest, message_id: int) -> HttpResponse:
    """One message: its words, what the rules said, and its whole life."""
    user = staff(request)
    row = Message.objects.select_related("party", "actor").filter(pk=message_id).first()
    if row is None:
        raise Http404("no such message")
    life = explain(row)
    context = {
        "row": row,
        "life": life,
        "trail": [{**step, "what": _PHASES.get(step["phase"], step["phase"])} for step in life["trail"]],
        "is_unsure": row.state in (MessageState.UNKNOWN.value, MessageState.CLOSED_UNKNOWN.value),
        "is_waiting": row.state == MessageState.QUEUED.value,
        "may_act": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/outbox_message.html", context | came_back(row))


def _acts(said: Promise) -> Callable[[Callable[..., Message]], Callable[..., HttpResponse]]:
    """POST by staff who may write; what stood against it is said on the message's page."""

    def of(act: Callable[..., Message]) -> Callable[..., HttpResponse]:
        @login_required
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, message_id: int) -> HttpResponse:
            by = staff_for(request, Deed.ANSWER_TASKS)
            try:
                act(message_id, by=by)
            except NotFound as error:
                raise Http404(str(error)) from error
            except Conflict as error:
                messages.error(request, sentence_of(error))
            else:
                messages.success(request, str(said))
            return redirect("outbox_message", message_id)

        return view

    return of


@_acts(_("Noted: it arrived."))
def arrived(message_id: int, *, by: User) -> Message:
    return settle.arrived(message_id, by=by)


@_acts(_("It waits to go again, under the same number; every rule is asked once more."))
def again(message_id: int, *, by: User) -> Message:
    return settle.send_again(message_id, by=by)


@_acts(_("Held back. It will not be sent."))
def hold(message_id: int, *, by: User) -> Message:
    return settle.cancel(message_id, by=by)


urlpatterns: list[URLPattern] = [
    path("outbox/", page, name="outbox"),
    path("outbox/<int:message_id>/", one, name="outbox_message"),
    path("outbox/<int:message_id>/arrived/", arrived, name="outbox_arrived"),
    path("outbox/<int:message_id>/again/", again, name="outbox_again"),
    path("outbox/<int:message_id>/hold/", hold, name="outbox_hold"),
]
