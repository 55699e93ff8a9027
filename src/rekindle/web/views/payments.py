"""Payments of one person that did not come: a part of their page, and a page by itself. Reads only."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from rekindle.relationships.models import Party, Relationship
from rekindle.web.gate import staff, wants_part
from rekindle.workflows import failed_payments
from rekindle.workflows.today import business_day


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """What failed and nothing was paid after, and until when it may be mended; htmx gets the part only."""
    staff(request)
    party = get_object_or_404(Party, pk=party_id)
    relationship = Relationship.objects.filter(party=party).select_related("brand").order_by("pk").first()
    context = {
        "party": party,
        "unpaid": failed_payments.of_person(relationship) if relationship else None,
        "today": business_day(),
        "is_whole_page": not wants_part(request),
    }
    return render(request, "web/payments_person.html" if wants_part(request) else "web/payments.html", context)


urlpatterns: list[URLPattern] = [path("people/<int:party_id>/payments/", person, name="person_payments")]
