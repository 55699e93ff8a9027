"""Handover: whom a colleague looks after goes to others, for a leave or for good. GET shows, POST moves."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from rekindle.accounts.models import Handover, User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict
from rekindle.relationships.vocabulary import Stage
from rekindle.web import given as form
from rekindle.web.gate import staff_for
from rekindle.workflows import handover

STAGES: Final = tuple(stage for stage in Stage if stage is not Stage.CLOSED)


@require_safe
def page(request: HttpRequest, user_id: int) -> HttpResponse:
    """Whom, to whom, until when; then what that would move, and the handovers there were."""
    staff_for(request, Deed.STAFF)
    giver = get_object_or_404(User, pk=user_id)
    asked = request.GET
    context: dict[str, Any] = {
        "giver": giver,
        "colleagues": handover.colleagues(giver),
        "stages": STAGES,
        "chosen_takers": {int(text) for text in asked.getlist("to") if _is_key(text)},
        "chosen_stages": set(asked.getlist("stage")),
        "until": asked.get("until", ""),
        "handovers": handover.of(giver),
        "tab": "settings_staff",
    }
    try:
        takers, stages, until = _asked(asked, giver)
        context |= {"preview": handover.preview(giver, takers, stages=stages), "takers": takers, "last_day": until}
    except BadInput as error:
        context |= {"error": error, "preview": None}
    return render(request, "web/handover.html", context)


@require_POST
def give(request: HttpRequest, user_id: int) -> HttpResponse:
    """Move them, as the preview said."""
    by = staff_for(request, Deed.STAFF)
    giver = get_object_or_404(User, pk=user_id)
    try:
        takers, stages, until = _asked(request.POST, giver)
        done = handover.hand_over(giver.pk, [taker.pk for taker in takers], by=by, stages=stages, until=until)
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('handover', args=[giver.pk])}")
    n = done.people.count()
    messages.success(request, ngettext("%(n)s person is handed over.", "%(n)s people are handed over.", n) % {"n": n})
    return redirect("handover", giver.pk)


@require_POST
def take_back(request: HttpRequest, handover_id: int) -> HttpResponse:
    """Undo a handover, or end a leave early."""
    by = staff_for(request, Deed.STAFF)
    found = get_object_or_404(Handover, pk=handover_id)
    try:
        n = handover.take_back(found.pk, by=by)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        said = ngettext("%(n)s person is back.", "%(n)s people are back.", n)
        messages.success(request, said % {"n": n})
    return redirect("handover", found.giver_id)


def _asked(given: QueryDict, giver: User) -> tuple[list[User], list[Stage], date | None]:
    """To whom, which and until when; raises BadInput with a sentence for what cannot be."""
    numbers = given.getlist("to")
    takers = list(handover.colleagues(giver).filter(pk__in=[int(text) for text in numbers if _is_key(text)]))
    if len(takers) != len(set(numbers)):
        raise BadInput(_("One of these cannot take over."), remedy=_("Choose colleagues with an open account."))
    stages = [form.word(Stage, text, what=_("the stage")) for text in given.getlist("stage")]
    return takers, stages, _day(given.get("until", "").strip())


def _day(text: str) -> date | None:
    """The last day of a leave; None where it is left empty."""
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise BadInput(_("%(text)s is no day.") % {"text": text[:40]}, remedy=_("Give it as year-month-day."))
    return day


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


urlpatterns: list[URLPattern] = [
    path("staff/<int:user_id>/handover/", page, name="handover"),
    path("staff/<int:user_id>/handover/give/", give, name="handover_give"),
    path("staff/handover/<int:handover_id>/back/", take_back, name="handover_back"),
]
