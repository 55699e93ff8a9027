"""How long one life may last: a part of the person's page, and a page by itself. The reasons are worked out when they
are opened, for the trees load slowly. Reads only."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from rekindle.relationships.models import Episode, Party, Relationship
from rekindle.web.gate import staff, wants_part
from rekindle.web.life_curve import life_curve
from rekindle.workflows import why_they_leave


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """The chance, the curve and how far to trust them; htmx gets the part, whose reasons wait to be opened."""
    staff(request)
    party, relationship = _of(party_id)
    is_part = wants_part(request)
    told = why_they_leave.outlook_of(relationship) if is_part else why_they_leave.reasons_of(relationship)
    context: dict[str, Any] = {"party": party, "is_whole_page": not is_part, "told": told}
    goes_on = relationship is not None and _goes_on(relationship)
    if told is not None or goes_on:
        everybody = why_they_leave.document()
        context |= {
            "why_none": everybody["why_none"],
            "trust": everybody["trust"],
            "usual": everybody["usual"],
            "goes_on": goes_on,
        }
    if told is not None:
        context["causes"] = [
            (why_they_leave.cause_label(cause), chance)
            for cause, chance in sorted(told["by_cause"].items(), key=lambda one: -float(one[1]))
        ]
        context["chart"] = life_curve(told["curve"], period_days=told["period_days"])
    return render(request, "web/person_leaving.html" if is_part else "web/person_leaving_page.html", context)


@login_required
@require_GET
def why(request: HttpRequest, party_id: int) -> HttpResponse:
    """The reasons alone, for htmx; without it they stand on the page by itself."""
    staff(request)
    if not wants_part(request):
        return person(request, party_id)
    party, relationship = _of(party_id)
    told = why_they_leave.reasons_of(relationship)
    return render(request, "web/person_leaving_why.html", {"party": party, "told": told})


def _of(party_id: int) -> tuple[Party, Relationship | None]:
    party = get_object_or_404(Party, pk=party_id)
    return party, Relationship.objects.filter(party=party).select_related("brand").order_by("pk").first()


def _goes_on(relationship: Relationship) -> bool:
    """Whether the last life read has not ended."""
    last = Episode.objects.filter(relationship=relationship).order_by("-number").first()
    return last is not None and last.ended_on is None


urlpatterns: list[URLPattern] = [
    path("people/<int:party_id>/leaving/", person, name="person_leaving"),
    path("people/<int:party_id>/leaving/why/", why, name="person_leaving_why"),
]
