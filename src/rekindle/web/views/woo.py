"""Woo studio: who may be asked back, gently; one of them opened, begun, held, or asked later. GET asks, POST acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise as LazyText
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.relationships.models import Party, Relationship
from rekindle.web import given as form
from rekindle.web.acts import Act, View, writes
from rekindle.web.gate import staff
from rekindle.workflows import woo, woo_view
from rekindle.workflows.woo import HoldReason
from rekindle.workflows.woo_view import ENDS, Group
from rekindle.workflows.writing import relationship_with

ROWS: Final = 25


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One group at a time, a page at a time."""
    user = staff(request)
    group = next((one for one in Group if one.value == request.GET.get("show")), Group.MAY)
    after = request.GET.get("after", "")
    context: dict[str, Any] = {"groups": list(Group), "group": group, "is_first": not after, "plans": woo.plans(),
                               "may_write": user.may(Deed.ANSWER_TASKS)}  # fmt: skip
    if group in ENDS:
        found, following = woo_view.ends(group, after=form.place_of(after, _instant, mark="_"), limit=ROWS)
        context |= {"ends": found, "next": f"{following[0].isoformat()}_{following[1]}" if following else ""}
    else:
        ways, below = woo_view.in_plans(group, before=form.place(after), limit=ROWS, language=_language())
        context |= {"ways": ways, "next": str(below) if below else ""}
    return render(request, "web/woo.html", context)


@login_required
@require_GET
def one(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person: their words, terms, reason, days and interests; the next touch's words; what may be done."""
    user = staff(request)
    party = get_object_or_404(Party, pk=party_id)
    opened = woo_view.open_one(party, language=_language())
    if opened is None:
        raise Http404("nothing has ended")
    context = {"one": opened, "party": party, "holds": list(HoldReason), "may_write": user.may(Deed.ANSWER_TASKS)}
    return render(request, "web/woo_person.html", context)


def _back(given: QueryDict, *, party_id: int | None) -> str:  # noqa: ARG001  # as `Back` asks
    return reverse("woo_person", args=[party_id]) if party_id is not None else reverse("woo")


def _writes(said: LazyText) -> Callable[[Act], View]:
    return writes(said, named={"party_id": Party}, back=_back)


@_writes(gettext_lazy("Begun. Every touch asks the rules on its day."))
def begin(given: QueryDict, *, by: User, party_id: int) -> int:
    """Into the plan now."""
    woo.begin(_relationship(party_id), code=given.get("plan", ""), by=by)
    return party_id


@_writes(gettext_lazy("Held. What waited for them is held back."))
def hold(given: QueryDict, *, by: User, party_id: int) -> int:
    """Out of the plan, for a reason of the list."""
    woo.hold(_relationship(party_id), why=form.word(HoldReason, given.get("why"), what=_("the reason")), by=by)
    return party_id


@_writes(gettext_lazy("We wait until that day, as they asked."))
def later(given: QueryDict, *, by: User, party_id: int) -> int:
    """They asked us to wait."""
    woo.ask_later(_relationship(party_id), day=form.day(given, "day"), by=by)
    return party_id


def _relationship(party_id: int) -> Relationship:
    return relationship_with(form.party(party_id))


def _instant(text: str) -> datetime:
    """An instant with its zone, from the address, where a plus reads as a blank."""
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def _language() -> str:
    return (get_language() or "en")[:2]


urlpatterns: list[URLPattern] = [
    path("woo/", page, name="woo"),
    path("woo/<int:party_id>/", one, name="woo_person"),
    path("woo/<int:party_id>/begin/", begin, name="woo_begin"),
    path("woo/<int:party_id>/hold/", hold, name="woo_hold"),
    path("woo/<int:party_id>/later/", later, name="woo_later"),
]
