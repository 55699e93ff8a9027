"""Everything somebody got from us, on a page. Reading only."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from rekindle.relationships.models import Party
from rekindle.workflows.mirror import mirror


@login_required
@require_GET
def page(request: HttpRequest, party_id: int) -> HttpResponse:
    """Their side of it, newest first, with the balance of the last year above."""
    party = get_object_or_404(Party, pk=party_id)
    return render(request, "web/mirror.html", {"party": party, "mirror": mirror(party)})


urlpatterns: list[URLPattern] = [path("people/<int:party_id>/mirror/", page, name="person_mirror")]
