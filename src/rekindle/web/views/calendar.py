"""The calendar: everything about to reach people in the next 28 days, and who has heard a great deal. Reads only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff
from rekindle.workflows import pressure_calendar
from rekindle.workflows.today import business_day


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """28 days, a page at a time where they hold more; of one person, one owner or one class where asked."""
    user = staff(request)
    asked = _asked(request, user)
    party = pressure_calendar.party_named(asked.party) if asked.party is not None else None
    if asked.party is not None and party is None:
        raise Http404("no such person")
    language = (get_language() or "en")[:2]
    context: dict[str, Any] = {
        "party": party,
        "classes": list(TouchClass),
        "asked": asked,
        "is_mine": asked.owner == user.pk,
        "today": business_day(),
        "query": _query(asked, user),
    }
    try:
        shown = pressure_calendar.calendar(asked, language=language)
    except BadInput as error:
        return render(request, "web/calendar.html", context | {"fault": sentence_of(error)}, status=400)
    context |= {
        "calendar": shown,
        "later": shown.next or shown.last + timedelta(days=1),
        "pressed": pressure_calendar.pressed(owner=asked.owner, party=asked.party),
        "limit": pressure_calendar.LIMIT,
        "limit_ended": pressure_calendar.LIMIT_ENDED,
    }
    return render(request, "web/calendar.html", context)


def _asked(request: HttpRequest, user: User) -> pressure_calendar.Asked:
    """Raises Http404 for what is no day and no person."""
    given = request.GET
    first, number = given.get("from", ""), given.get("party", "")
    try:
        day = date.fromisoformat(first) if first else None
    except ValueError as error:
        raise Http404("no such day") from error
    if number and not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404("no such person")
    return pressure_calendar.Asked(
        first=day,
        party=int(number) if number else None,
        owner=user.pk if given.get("whose") == "mine" else None,
        touch_class=next((one for one in TouchClass if one.value == given.get("class")), None),
    )


def _query(asked: pressure_calendar.Asked, user: User) -> str:
    """The filters as an address has them, the day left out."""
    told = {
        "party": str(asked.party or ""),
        "whose": "mine" if asked.owner == user.pk else "",
        "class": asked.touch_class.value if asked.touch_class else "",
    }
    return urlencode({name: value for name, value in told.items() if value})


urlpatterns: list[URLPattern] = [path("calendar/", page, name="calendar")]
