"""Where we stand with one person, moved by people: trials, pauses, soft touches, old friends. POST acts, goes back."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.http import QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships import queries
from rekindle.relationships.models import Party
from rekindle.web.acts import writes
from rekindle.workflows import standing

WORDS: Final = {
    "begin_trial": (gettext_lazy("They try us out"), gettext_lazy("until")),
    "end_trial": (gettext_lazy("The trial ends"), ""),
    "pause": (gettext_lazy("A pause was agreed"), gettext_lazy("until, where a day is known")),
    "resume": (gettext_lazy("The pause is over"), ""),
    "begin_woo": (gettext_lazy("Begin soft touches"), ""),
    "rest": (gettext_lazy("Stay old friends"), ""),
    "undo": (gettext_lazy("Take the last step back"), ""),
}
"""What each deed is called on the page, and whether it asks for a day."""


def _back(given: QueryDict, *, party_id: int | None) -> str:  # noqa: ARG001  # the form stands on one page only
    return reverse("person", args=[party_id])


def _act(given: QueryDict, *, by: User, party_id: int) -> int:
    relationship = queries.relationship_of(Party.objects.get(pk=party_id))
    if relationship is None:
        raise NotFound(f"no relationship with party {party_id}")
    reason, until = given.get("reason", ""), _day(given.get("until", ""))
    match given.get("deed", ""):
        case "begin_trial":
            if until is None:
                raise BadInput(_("the last day of the trial is missing"), remedy=_("Give a day."))
            standing.begin_trial(relationship, by=by, until=until, reason=reason)
        case "end_trial":
            standing.end_trial(relationship, by=by, reason=reason)
        case "pause":
            standing.pause(relationship, by=by, reason=reason, until=until)
        case "resume":
            standing.resume(relationship, by=by, reason=reason)
        case "begin_woo":
            standing.begin_woo(relationship, by=by, reason=reason)
        case "rest":
            standing.rest(relationship, by=by, reason=reason)
        case "undo":
            standing.undo(relationship, by=by, reason=reason)
        case _:
            raise BadInput(_("nothing was chosen"), remedy=_("Choose one of the steps on the page."))
    return party_id


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError as error:
        raise BadInput(_("%(text)s is no day") % {"text": text[:40]}, remedy=_("Write it as 2026-03-31.")) from error


act = writes(gettext_lazy("The step is written down."), named={"party_id": Party}, back=_back)(_act)

urlpatterns: list[URLPattern] = [path("people/<int:party_id>/standing/", act, name="standing")]
