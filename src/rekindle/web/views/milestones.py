"""Days to remember and cards of the season: what comes, what is planned, and a human's word on each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, RekindleError
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, MilestoneKind
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import cards, milestone_cards
from rekindle.workflows.milestone_cards import Coming, Proposed
from rekindle.workflows.today import business_day

ROWS: Final = 60  # on one page; a later page begins at the day after the last one shown
PLANNED: Final = {
    "playbook": gettext_lazy("a playbook writes to them"),
    "queued": gettext_lazy("a card waits to be printed"),
    "printed": gettext_lazy("a card is printed"),
    "held": gettext_lazy("a card was held back"),
    "hand": gettext_lazy("a card is to be written by hand"),
    "written": gettext_lazy("a card was written by hand"),
    "nothing": gettext_lazy("nothing this year"),
}
_ROADS: Final = {Channel.LETTER.value: Channel.LETTER, Channel.EMAIL.value: Channel.EMAIL}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The days to remember of the next sixty days, by day; it prints as a sheet to tick off."""
    user = staff(request)
    today = business_day()
    from_day, is_every = _from(request.GET, today=today), request.GET.get("every") == "1"
    fault, days = "", 0
    rows: list[Coming] = []
    try:
        rows, days = milestone_cards.coming(from_day=from_day, every_year=is_every)
    except BadInput as error:
        fault = sentence_of(error)
    shown, after = _cut(rows)
    next_day = after or (from_day + timedelta(days=days) if days else None)
    context = {
        "groups": [(on, [_row(one) for one in some]) for on, some in groupby(shown, key=lambda one: one.day.on)],
        "days": days,
        "from_day": from_day,
        "last_day": (after or from_day + timedelta(days=days)) - timedelta(days=1) if days else from_day,
        "next": _asked(next_day, is_every=is_every) if next_day else "",
        "is_first": from_day == today,
        "is_every": is_every,
        "fault": fault,
        "may_act": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/milestones.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def card(request: HttpRequest, party_id: int) -> HttpResponse:
    """A card for one day of one person: its words, its address, what the rules say; printed, by hand, or nothing."""
    by = staff(request) if request.method != "POST" else staff_for(request, Deed.ANSWER_TASKS)
    party = get_object_or_404(Party, pk=party_id)
    form = request.POST if request.method == "POST" else request.GET
    try:
        one = _proposed(party, form, by=by)
    except NotFound as error:
        raise Http404(sentence_of(error)) from error
    except BadInput as error:
        messages.error(request, sentence_of(error))
        return redirect("person", party.pk)
    if request.method == "POST" and form.get("do") != "look":
        act = _ACTS.get(form.get("do", ""))
        if act is None:
            messages.error(request, _("Choose what to do."))
        else:
            try:
                messages.success(request, act(one, by))
            except RekindleError as error:
                messages.error(request, sentence_of(error))
            else:
                return redirect("milestones")
    context = {
        "party": party,
        "one": one,
        "milestone": one.day.milestone or "",
        "may_act": by.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/milestone_card.html", context)


@login_required
@require_GET
def season(request: HttpRequest) -> HttpResponse:
    """One round of a season's cards: who would get one, who not and why."""
    user = staff(request)
    seasons = cards.seasons()
    code = request.GET.get("of", "")
    fault, found = "", None
    channel = _ROADS.get(request.GET.get("by", Channel.LETTER.value), Channel.LETTER)
    if code:
        try:
            found = cards.prepare(code, channel=channel, after=given.place(request.GET.get("after", "")) or 0, by=user)
        except BadInput as error:
            fault = sentence_of(error)
    context = {
        "seasons": seasons,
        "code": code,
        "found": found,
        "channel": channel,
        "roads": cards.ROADS,
        "after": request.GET.get("after", ""),
        "fault": fault,
        "may_act": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/season.html", context)


@login_required
@require_POST
def season_queue(request: HttpRequest) -> HttpResponse:
    """Cards for the round that was shown: into the print queue, or into the outbox."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    code, road = request.POST.get("of", ""), request.POST.get("by", "")
    asked = {"of": code, "by": road, "after": request.POST.get("after", "")}
    try:
        channel = _ROADS.get(road)
        if channel is None:
            raise BadInput(_("the road is missing"), remedy=_("Choose paper or mail."))
        after = given.number(request.POST, "after") or 0
        done = cards.queue_round(code, channel=channel, after=after, by=by)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
        return redirect("season")
    said = ngettext("%(n)s card is in the queue.", "%(n)s cards are in the queue.", done) % {"n": done}
    messages.success(request, said)
    return redirect(reverse("season") + "?" + urlencode({name: value for name, value in asked.items() if value}))


def _on_paper(one: Proposed, by: User) -> str:
    milestone_cards.on_paper(one, by=by)
    return _("It waits to be printed.")


def _by_hand(one: Proposed, by: User) -> str:
    milestone_cards.by_hand(one, by=by)
    return _("It is on Today, with the words and the address.")


def _nothing(one: Proposed, by: User) -> str:
    milestone_cards.nothing(one, by=by)
    return _("Noted: nothing this year.")


_ACTS: Final[dict[str, Callable[[Proposed, User], str]]] = {
    "paper": _on_paper,
    "hand": _by_hand,
    "nothing": _nothing,
}


def _proposed(party: Party, form: QueryDict, *, by: User) -> Proposed:
    kind = next((word for word in MilestoneKind if word.value == form.get("kind")), None)
    on = given.day(form, "on")
    if kind is None or on is None:
        raise NotFound("no such day")
    milestone = given.number(form, "milestone")
    front, text = " ".join(form.get("front", "").split()), form.get("text", "").replace("\r\n", "\n").strip()
    return milestone_cards.proposed(party, kind=kind, milestone=milestone, on=on, by=by, front=front, text=text)


def _row(one: Coming) -> dict[str, Any]:
    day = one.day
    asked = {"kind": day.kind.value, "milestone": day.milestone or "", "on": day.on.isoformat()}
    return {
        "of": one,
        "planned": PLANNED.get(one.planned, ""),
        "card": reverse("milestone_card", args=[day.party_id]) + "?" + urlencode(asked),
        "asked": asked,
    }


def _cut(rows: list[Coming]) -> tuple[list[Coming], date | None]:
    """(as many as one page holds, by whole days; the day the next page begins, None where all are shown)."""
    if len(rows) <= ROWS:
        return rows, None
    last = rows[ROWS].day.on
    shown = [one for one in rows if one.day.on < last]
    if not shown:  # one day alone holds more than a page: all of it
        return [one for one in rows if one.day.on == last], last + timedelta(days=1)
    return shown, last


def _from(form: QueryDict, *, today: date) -> date:
    try:
        found = given.day(form, "from") or today
    except BadInput as error:
        raise Http404("no such day") from error
    if not today - timedelta(days=1) <= found <= today + timedelta(days=366):
        raise Http404("no such day")
    return found


def _asked(day: date, *, is_every: bool) -> str:
    return "?" + urlencode({"from": day.isoformat(), **({"every": "1"} if is_every else {})})


urlpatterns: list[URLPattern] = [
    path("milestones/", page, name="milestones"),
    path("milestones/season/", season, name="season"),
    path("milestones/season/queue/", season_queue, name="season_queue"),
    path("people/<int:party_id>/card/", card, name="milestone_card"),
]
