"""Endings: the desk with everyone whose relationship has ended or is about to, in columns that add up."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.relationships import endings_queries as desk_of
from rekindle.relationships.endings_queries import Card, Column, Wanted
from rekindle.relationships.reasons import label_of
from rekindle.relationships.vocabulary import BreakupKind, Feeling
from rekindle.web.ending_words import kind_of, quiet_of
from rekindle.web.gate import staff, wants_part
from rekindle.workflows import endings, part

SHOWN: Final = 8
ROWS: Final = 40
_COLUMNS: Final = (Column.NOTICE, Column.ENDED, Column.DECIDE, Column.BACK, Column.CLOSED)


def _titles() -> dict[Column, tuple[str, str]]:
    """Heading of each column, and what it says while nobody stands in it."""
    return {
        Column.NOTICE: (_("Notice"), _("Nobody has given notice.")),
        Column.ENDED: (_("Ended, cooling off"), _("Nobody is cooling off.")),
        Column.DECIDE: (_("Decide"), _("No quiet is over that nobody has looked at.")),
        Column.BACK: (_("Back"), _("Nobody came back in the last 90 days.")),
        Column.CLOSED: (_("Closed"), _("Nobody is closed for good.")),
        Column.PRESUMED: (_("Presumed ends"), _("Nobody has fallen silent beyond their own rhythm.")),
        Column.WOOING: (_("Soft touches"), ""),
        Column.OLD_FRIENDS: (_("Old friends"), ""),
    }


@login_required
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Everyone whose relationship has ended or is about to, in columns that add up."""
    wanted, asked = _wanted(request, staff(request))
    titles = _titles()
    columns = [_column(which, wanted=wanted, asked=asked, limit=SHOWN, titles=titles) for which in _COLUMNS]
    presumed = _column(Column.PRESUMED, wanted=wanted, asked=asked, limit=SHOWN, titles=titles)
    later = [
        _column(which, wanted=wanted, asked=asked, limit=0, titles=titles)
        for which in (Column.WOOING, Column.OLD_FRIENDS)
    ]
    context = {
        "columns": columns,
        "presumed": presumed,
        "later": later,
        "many": desk_of.MANY,
        "total": _sum([*columns, presumed, *later]),
        "is_empty": not asked and not any(one["cards"] or one["count"] for one in [*columns, presumed, *later]),
        "asked": asked,
        "kinds": BreakupKind.choices(),
        "may": staff(request).may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/endings.html", context)


@login_required
@require_GET
def column(request: HttpRequest, slug: str) -> HttpResponse:
    """One column, a page at a time; htmx gets the cards only."""
    which = next((one for one in Column if one.slug == slug), None)
    if which is None:
        raise Http404(_("The desk has no such column."))
    wanted, asked = _wanted(request, staff(request))
    after = request.GET.get("after", "")[:60]
    shown = _column(which, wanted=wanted, asked=asked, limit=ROWS, after=after, titles=_titles())
    name = "web/endings_cards.html" if wants_part(request) else "web/endings_column.html"
    context = {"column": shown, "asked": asked, "may": staff(request).may(Deed.ANSWER_TASKS), "many": desk_of.MANY}
    return render(request, name, context)


def _wanted(request: HttpRequest, user: User) -> tuple[Wanted, dict[str, str]]:
    """(the question to the desk, the part of the address that asks it); unknown words are left out."""
    kind = next((kind for kind in BreakupKind if kind.value == request.GET.get("kind")), None)
    is_mine = request.GET.get("whose") == "mine"
    asked = {**({"whose": "mine"} if is_mine else {}), **({"kind": kind.value} if kind else {})}
    return Wanted(at=timezone.now(), owner=user.pk if is_mine else None, kind=kind), asked


def _column(
    which: Column,
    *,
    wanted: Wanted,
    asked: dict[str, str],
    limit: int,
    titles: dict[Column, tuple[str, str]],
    after: str = "",
) -> dict[str, Any]:
    found = desk_of.column(which, wanted=wanted, limit=limit, after=after)
    title, empty = titles[which]
    return {
        "slug": which.slug,
        "title": title,
        "empty": empty,
        "count": found.count,
        "cards": [_dressed(card, which) for card in found.cards],
        "all": "?" + urlencode(asked) if asked else "",
        "next": "?" + urlencode({**asked, "after": found.next}) if found.next else "",
    }


def _sum(columns: list[dict[str, Any]]) -> int | None:
    """Everyone on the desk; None where one column is too long to be counted on a page."""
    counts = [one["count"] for one in columns]
    return None if None in counts else sum(counts)


def _dressed(card: Card, which: Column) -> dict[str, Any]:
    """A card as the desk shows it: the day that matters, how far the quiet has come, and why they left."""
    relationship, end = card.relationship, card.end
    quiet = quiet_of(relationship, end) if end is not None and which is Column.ENDED else None
    return {
        "name": card.name,
        "party": relationship.party,
        "relationship": relationship,
        "end": end,
        "kind": kind_of(end) if end else "",
        "reasons": [label for code in end.reasons if (label := label_of(code)) != kind_of(end)] if end else [],
        "feeling": Feeling(end.feeling).label if end and end.feeling != Feeling.NOT_TOLD.value else "",
        "quiet": quiet,
        "presumed": card.presumed,
        "answer": card.answer,
        "want_back": card.want_back,
        "decide_by": part.decide_by(end) if end else None,
        "is_overdue": end is not None and part.decide_by(end) < endings.local_day(relationship),
    }


urlpatterns: list[URLPattern] = [
    path("endings/", desk, name="endings"),
    path("endings/column/<slug:slug>/", column, name="endings_column"),
]
