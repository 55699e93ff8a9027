"""The ledger of thanks: who was thanked last when, and who never was."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.web.gate import staff
from rekindle.workflows import thanks

ROWS: Final = 50
HOW: Final = {
    "letter": gettext_lazy("a letter"),
    "card": gettext_lazy("on paper"),
    "task": gettext_lazy("by one of us"),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The first of the ledger, or the gaps alone; of everybody's people or of one's own."""
    user = staff(request)
    is_mine, is_gaps = request.GET.get("whose") == "mine", request.GET.get("show") != "all"
    ledger = thanks.ledger(owner=user if is_mine else None, at=timezone.now())
    gaps = [one for one in ledger if one.is_gap]
    rows = gaps if is_gaps else ledger
    return render(request, "web/thanks.html", {
        "desk": "thanks",
        "rows": [{"of": one, "how": HOW.get(one.how, "")} for one in rows[:ROWS]],
        "more": max(0, len(rows) - ROWS),
        "valued": len(ledger),
        "gaps": len(gaps),
        "is_mine": is_mine,
        "is_gaps": is_gaps,
    })  # fmt: skip


urlpatterns: list[URLPattern] = [path("thanks/", page, name="thanks")]
