"""Two records that may be one person: side by side, made one, taken apart. And one person's data: shown, forgotten."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict
from rekindle.relationships.models import Merge, Party
from rekindle.web.gate import staff_for, wants_part
from rekindle.workflows import duplicates as pairs
from rekindle.workflows import forget as forgetting
from rekindle.workflows import merge as merging

ROWS: Final = 25
LATELY: Final = 10
EVENTS_SHOWN: Final = 200


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Pairs that may be one, strongest first; htmx gets the list only."""
    staff_for(request, Deed.TAKE_IN)
    after = request.GET.get("after", "")
    try:
        found = pairs.find(limit=ROWS, after=after)
    except BadInput as error:
        raise Http404(str(error)) from error
    if wants_part(request):
        return render(request, "web/duplicates_list.html", {"found": found, "after": after})
    lately = Merge.objects.filter(undone_at=None).select_related("kept", "by").order_by("-pk")[:LATELY]
    return render(request, "web/duplicates.html", {"found": found, "after": after, "lately": lately})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: HttpRequest, keep_id: int, gone_id: int) -> HttpResponse:
    """What making two records one would do; POST does it."""
    user = staff_for(request, Deed.TAKE_IN)
    keep, gone = get_object_or_404(Party, pk=keep_id), get_object_or_404(Party, pk=gone_id)
    if request.method == "POST":
        try:
            merging.merge(keep, gone, by=user)
        except (BadInput, Conflict) as error:
            messages.error(request, _sentence(error))
            return redirect("duplicates_pair", keep_id=keep.pk, gone_id=gone.pk)
        messages.success(request, _("The two records are one now. It can be taken apart again under Duplicates."))
        return redirect("person", party_id=keep.pk)
    try:
        preview = merging.preview(keep, gone)
    except BadInput as error:
        raise Http404(str(error)) from error
    return render(request, "web/merge.html", {"preview": preview})


@login_required
@require_POST
def part(request: HttpRequest, merge_id: int) -> HttpResponse:
    """Take a merge apart."""
    user = staff_for(request, Deed.TAKE_IN)
    row = get_object_or_404(Merge, pk=merge_id)
    try:
        merging.undo(row, by=user)
    except Conflict as error:
        messages.error(request, _sentence(error))
    else:
        messages.success(request, _("They are two records again, as they were."))
    return redirect("duplicates")


@login_required
@require_GET
def data(request: HttpRequest, party_id: int) -> HttpResponse:
    """Everything about one person: to read, to print, or as JSON to hand over."""
    staff_for(request, Deed.EXPORT)
    party = get_object_or_404(Party, pk=party_id)
    told = forgetting.everything_about(party)
    if request.GET.get("as") == "json":
        answer = HttpResponse(json.dumps(told, ensure_ascii=False, indent=2), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="person-{party.pk}.json"'
        return answer
    context = {
        "party": party,
        "about": _lines(told["about"]),
        "tables": [(name, [_lines(row) for row in rows]) for name, rows in sorted(told["tables"].items())],
        "events": [
            (_words(row.pop("occurred_at")), row.pop("kind"), _lines(row)) for row in told["events"][:EVENTS_SHOWN]
        ],
        "more_events": max(0, len(told["events"]) - EVENTS_SHOWN),
    }
    return render(request, "web/forget_data.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def forget(request: HttpRequest, party_id: int) -> HttpResponse:
    """Ask before forgetting somebody for good; POST with the box ticked does it."""
    user = staff_for(request, Deed.EXPORT)
    party = get_object_or_404(Party, pk=party_id)
    if request.method == "POST" and request.POST.get("sure") == "yes":
        try:
            done = forgetting.forget(party, by=user)
        except Conflict as error:
            messages.error(request, _sentence(error))
            return redirect("person_forget", party_id=party.pk)
        messages.success(
            request, _("They are forgotten. Only keyed hashes are left, so that no load brings them back.")
        )
        for sentence in done.remains:
            messages.warning(request, sentence)
        return redirect("people")
    if request.method == "POST":
        messages.error(request, _("Tick the box first: this cannot be undone."))
        return redirect("person_forget", party_id=party.pk)
    return render(request, "web/forget.html", {"party": party})


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    """One row as (name of the field, its words); our own numbers of rows say nothing to a reader."""
    shown = ((name, value) for name, value in row.items() if name != "id" and not name.endswith("_id"))
    return [(name.replace("_", " "), _words(value)) for name, value in shown]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str) and "T" in value and (at := _instant(value)) is not None:
        return date_format(timezone.localtime(at), "j F Y, H:i")
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _instant(text: str) -> datetime | None:
    """The instant a text writes with its zone; None where it writes none."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at is not None and timezone.is_aware(at) else None


def _sentence(error: BadInput | Conflict) -> str:
    return f"{error.what[:1].upper()}{error.what[1:].rstrip('.')}. {error.remedy}".strip()


urlpatterns: list[URLPattern] = [
    path("duplicates/", page, name="duplicates"),
    path("duplicates/<int:keep_id>/<int:gone_id>/", pair, name="duplicates_pair"),
    path("merges/<int:merge_id>/part/", part, name="merge_part"),
    path("people/<int:party_id>/data/", data, name="person_data"),
    path("people/<int:party_id>/forget/", forget, name="person_forget"),
]
