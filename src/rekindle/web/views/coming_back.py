"""Who may come back: what is believed of the return of one person whose relationship is over. Reads only."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rekindle.journal.models import ReturnOutlook
from rekindle.relationships import queries
from rekindle.relationships.models import Party, Relationship
from rekindle.web.gate import staff, wants_part
from rekindle.web.templatetags.rekindle import percent, span
from rekindle.workflows import coming_back


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """The chance that they come back, and what a second life would bring; htmx gets the part only."""
    staff(request)
    party = get_object_or_404(Party, pk=party_id)
    relationship = queries.relationship_of(party)
    found = coming_back.of_person(relationship) if relationship is not None else None
    context = {
        "party": party,
        "returning": found,
        "is_whole_page": not wants_part(request),
        **_words(relationship, found),
    }
    return render(
        request, "web/person_returning.html" if wants_part(request) else "web/person_returning_page.html", context
    )


def _words(relationship: Relationship | None, found: coming_back.PersonReturn | None) -> dict[str, Any]:
    """The figures in words, empty where there is none to show."""
    outlook = found.outlook if found is not None else None
    if relationship is None or found is None or outlook is None:
        return {}
    of = found.kind_label
    return {
        "outlook": outlook,
        "chances": _chances(outlook),
        "read_from": _("%(people)s: %(group)s") % {"people": of, "group": found.group} if found.group else of,
        "second_span": span(outlook.second_days) if outlook.second_days is not None else "",
        "margin": percent(float(relationship.brand.margin)) if relationship.brand.margin is not None else "",
    }


def _chances(outlook: ReturnOutlook) -> list[tuple[int, float]]:
    """(months ahead, chance) of those that are known and shorter than the year."""
    told = ((3, outlook.p_return_3), (6, outlook.p_return_6))
    return [(months, chance) for months, chance in told if chance is not None]


urlpatterns: list[URLPattern] = [path("people/<int:party_id>/returning/", person, name="person_returning")]
