"""Past clients whom we dropped in silence: how many and why, by name, and the question put to a human again."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput
from rekindle.web import given as form
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import dropped
from rekindle.workflows.dropped import Missing

ROWS: Final = 50
WORDS: Final = {
    Missing.NEVER_ASKED: gettext_lazy("Nobody has said whether we would like them back."),
    Missing.WANTED: gettext_lazy("We would like them back, and nothing came of it."),
    Missing.MAYBE: gettext_lazy("It was “maybe”, and the day to look again has passed."),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """How many of each, then by name, a page at a time."""
    user = staff(request)
    after = form.place(request.GET.get("after", ""))
    rows, following = dropped.page(after=after or 0, limit=ROWS)
    counted, is_whole = dropped.counts()
    return render(request, "web/dropped.html", {
        "desk": "dropped",
        "rows": [{"of": row.relationship, "why": WORDS[row.missing]} for row in rows],
        "counts": [(WORDS[missing], n) for missing, n in counted.items() if n],
        "total": sum(counted.values()),
        "is_whole": is_whole,
        "next": following,
        "is_first": after is None,
        "may_write": user.may(Deed.ANSWER_TASKS),
    })  # fmt: skip


@login_required
@require_POST
def ask_again(request: HttpRequest) -> HttpResponse:
    """The ticked ones become questions for those who look after them."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    ticked = request.POST.getlist("who")
    numbers = {int(text) for text in ticked if text.isascii() and text.isdigit() and len(text) < 19}
    try:
        n = dropped.ask_again(numbers, by=by)
    except BadInput as error:
        messages.error(request, sentence_of(error))
        return redirect("dropped")
    said = ngettext("%(n)s question is on the list of the day.", "%(n)s questions are on the list of the day.", n)
    messages.success(request, said % {"n": n})
    return redirect("dropped")


urlpatterns: list[URLPattern] = [
    path("dropped/", page, name="dropped"),
    path("dropped/ask/", ask_again, name="dropped_ask"),
]
