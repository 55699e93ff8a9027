"""Why they leave: how many and through what, what weighs most, who comes back, and how far to trust each of it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from rekindle.journal.queries import has_loads, latest_night
from rekindle.web.drift_pages import drift_view
from rekindle.web.gate import staff
from rekindle.web.leaving_pages import leaving_page
from rekindle.web.returning_pages import returning_page
from rekindle.web.warning_pages import warning_page


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What the last finished night learned from those who left, and from those who came back."""
    staff(request)
    night = latest_night()
    if night is None:
        return render(request, "web/leaving.html", {"night": None, "has_loads": has_loads()})
    from rekindle.workflows import coming_back, why_they_leave

    context = {
        "night": night,
        "leaving": leaving_page(why_they_leave.document(), survival=night.facts.get("survival")),
        "returning": returning_page(coming_back.document()),
        "warning": warning_page(night.facts.get("early_warning")),
        "drift": drift_view(night.facts.get("drift")),
    }
    return render(request, "web/leaving.html", context)


urlpatterns: list[URLPattern] = [path("why/", page, name="why_they_leave")]
