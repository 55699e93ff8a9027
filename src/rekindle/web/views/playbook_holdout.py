"""Who is left alone so that we learn what a plan does: begun, ended and read on one page; one person let go."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, Refused, RekindleError
from rekindle.journal.models import Assignment, Holdout, Playbook
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows.playbooks import books, holdout, what_it_did

USUAL_PERCENT = 10
USUAL_DAYS = 180


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, plan: str) -> HttpResponse:
    """What the plan did, and who is left alone to learn it; POST begins or ends that."""
    user = staff(request) if request.method != "POST" else staff_for(request, Deed.SETTINGS)
    row = _playbook(plan)
    given = {"percent": str(USUAL_PERCENT), "days": str(USUAL_DAYS)}
    fault = ""
    if request.method == "POST":
        given = {name: request.POST.get(name, "").strip() for name in given}
        try:
            said = _changed(request.POST.get("do", ""), plan, given, by=user)
        except Refused as error:
            raise PermissionDenied(str(error)) from error
        except RekindleError as error:
            fault = sentence_of(error)
        else:
            messages.success(request, said)
            return redirect("playbook_holdout", plan)
    readings = [what_it_did.read(one) for one in Holdout.objects.filter(playbook=row).order_by("-began_at", "-pk")]
    context: dict[str, Any] = {
        "playbook": row,
        "title": books.plan(row.current).said("title", _language()),  # type: ignore[arg-type]  # it has a version
        "readings": readings,
        "is_open": holdout.open_of(row) is not None,
        "may_change": user.may(Deed.SETTINGS),
        "given": given,
        "fault": fault,
    }
    return render(request, "web/playbook_holdout.html", context, status=400 if fault else 200)


@login_required
@require_GET
def everything(request: HttpRequest) -> HttpResponse:
    """What every plan did, as far as somebody was left alone to learn it."""
    staff(request)
    readings = [
        (one, books.plan(one.holdout.playbook.current).said("title", _language()))  # type: ignore[arg-type]
        for one in what_it_did.everything()
    ]
    return render(request, "web/what_they_did.html", {"readings": readings})


@login_required
@require_POST
def lift(request: HttpRequest, assignment_id: int) -> HttpResponse:
    """Let one person be spoken to again, with a reason."""
    by, row = staff_for(request, Deed.ANSWER_TASKS), get_object_or_404(Assignment, pk=assignment_id)
    try:
        holdout.lift(row.pk, why=request.POST.get("why", ""), by=by)
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("They may be spoken to again. They still count as they were drawn."))
    return redirect("person_plans", row.party_id)


def _changed(do: str, plan: str, given: dict[str, str], *, by: Any) -> str:
    """The sentence after it. Raises RekindleError."""
    if do == "finish":
        holdout.finish(plan, by=by)
        return _("Nobody is drawn any more. Who is left alone stays so until their own day.")
    if do != "begin":
        raise BadInput(_("it is not clear what to do"), remedy=_("Begin or end it."))
    holdout.begin(plan, share=_number(given["percent"]) / 100, days=_number(given["days"]), by=by)
    return _("From now on a part of those who would enter is left alone.")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise BadInput(_("“%(text)s” is no whole number") % {"text": text[:20]}, remedy=_("Write one in digits."))
    return int(text)


def _playbook(code: str) -> Playbook:
    try:
        return books.playbook(code)
    except NotFound as error:
        raise Http404(str(error)) from error


def _language() -> str:
    return (get_language() or "en")[:2]


urlpatterns: list[URLPattern] = [
    path("playbooks/what-they-did/", everything, name="what_they_did"),
    path("playbooks/<slug:plan>/left-alone/", page, name="playbook_holdout"),
    path("left-alone/<int:assignment_id>/lift/", lift, name="holdout_lift"),
]
