"""Letters and cards on paper: what waits to be printed, and each pile that was printed, with its PDF and addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, RekindleError
from rekindle.journal.models import Sending
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows.paper import print_run, queue
from rekindle.workflows.paper.queue import Form
from rekindle.workflows.today import business_day

ROWS: Final = 50
RUNS: Final = 20
TITLES: Final = {
    "due": gettext_lazy("To print now"),
    "soon": gettext_lazy("Soon"),
    "held": gettext_lazy("Not printed"),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One list of the print queue, a page at a time, and the latest piles."""
    user = staff(request)
    which = request.GET.get("list", "due")
    if which not in TITLES:
        raise Http404("no such list")
    after = given.place(request.GET.get("after", ""))
    rows = queue.waiting(which, after=after, limit=ROWS + 1)
    context = {
        "which": which,
        "lists": TITLES.items(),
        "rows": rows[:ROWS],
        "next": rows[ROWS - 1].message.pk if len(rows) > ROWS else None,
        "is_first": after is None,
        "runs": print_run.runs(before=None, limit=RUNS),
        "may_act": user.may(Deed.ANSWER_TASKS),
        "paused": Sending.objects.filter(pk=1).values_list("paused", flat=True).first() or "",
    }
    return render(request, "web/paper.html", context)


@login_required
@require_POST
def print_them(request: HttpRequest) -> HttpResponse:
    """The letters that were chosen, as one pile."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    try:
        run = print_run.print_these(_chosen(request.POST), by=by)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
        return redirect("paper")
    if run.letters:
        said = ngettext("%(n)s letter is ready to be printed.", "%(n)s letters are ready to be printed.", run.letters)
        messages.success(request, said % {"n": run.letters})
    else:
        messages.warning(request, _("The rules let none of them go. Below is why."))
    return redirect("paper_pile", run.pk)


@login_required
@require_GET
def pile(request: HttpRequest, run_id: int) -> HttpResponse:
    """One pile: its PDF, the addresses, what was held back, and the day it was posted."""
    user = staff(request)
    found = _pile(run_id)
    home = queue.home_region()
    views = [queue.view(row, home=home) for row in found.letters]
    context = {
        "pile": found,
        "run": found.run,
        "rows": views,
        "forms": [form for form in Form if any(view.form is form for view in views)],
        "today": business_day(),
        "may_act": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/paper_pile.html", context)


@login_required
@require_GET
def document(request: HttpRequest, run_id: int) -> HttpResponse:
    """The pile as PDF; `form` gives only its letters or only its cards."""
    staff(request)
    asked = request.GET.get("form", "")
    form = next((one for one in Form if one.value == asked), None)
    if asked and form is None:
        raise Http404("no such form")
    return _pdf(lambda: print_run.document(run_id, form=form), name=f"pile-{run_id}{'-' + asked if asked else ''}.pdf")


@login_required
@require_GET
def addresses(request: HttpRequest, run_id: int) -> HttpResponse:
    """Labels for the envelopes and a list to tick off, as PDF."""
    staff(request)
    title = _("Pile %(number)s") % {"number": run_id}
    return _pdf(
        lambda: print_run.address_sheet(run_id, title=title, names=_("To"), about=_("About")),
        name=f"addresses-{run_id}.pdf",
    )


def _acts(act: Callable[..., str]) -> Callable[..., HttpResponse]:
    """POST by staff who may write; what stood against it is said on the pile's page."""

    @login_required
    @require_POST
    @wraps(act)
    def view(request: HttpRequest, run_id: int) -> HttpResponse:
        by = staff_for(request, Deed.ANSWER_TASKS)
        _pile(run_id)
        try:
            said = act(run_id, request.POST, by=by)
        except RekindleError as error:
            messages.error(request, sentence_of(error))
        else:
            messages.success(request, said)
        return redirect("paper_pile", run_id)

    return view


@_acts
def posted(run_id: int, form: QueryDict, *, by: User) -> str:
    on = given.day(form, "on")
    if on is None:
        raise BadInput(_("the day is missing"), remedy=_("Give the day it went to the post."))
    print_run.posted(run_id, on=on, by=by)
    return _("Noted: it is in the post.")


@_acts
def finish(run_id: int, _form: QueryDict, *, by: User) -> str:
    done = print_run.finish(run_id, by=by)
    return ngettext("%(n)s letter is in the pile again.", "%(n)s letters are in the pile again.", done) % {"n": done}


@_acts
def back(run_id: int, _form: QueryDict, *, by: User) -> str:
    done = print_run.take_back(run_id, by=by)
    return ngettext("%(n)s letter waits again.", "%(n)s letters wait again.", done) % {"n": done}


def _pile(run_id: int) -> print_run.Pile:
    try:
        return print_run.pile(run_id)
    except NotFound as error:
        raise Http404(str(error)) from error


def _chosen(form: QueryDict) -> list[int]:
    return [int(one) for one in form.getlist("letter") if one.isascii() and one.isdigit() and len(one) < 19]


def _pdf(made: Callable[[], bytes], *, name: str) -> HttpResponse:
    try:
        body = made()
    except (NotFound, BadInput) as error:
        raise Http404(sentence_of(error)) from error
    answer = HttpResponse(body, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


urlpatterns: list[URLPattern] = [
    path("paper/", page, name="paper"),
    path("paper/print/", print_them, name="paper_print"),
    path("paper/<int:run_id>/", pile, name="paper_pile"),
    path("paper/<int:run_id>/print.pdf", document, name="paper_document"),
    path("paper/<int:run_id>/addresses.pdf", addresses, name="paper_addresses"),
    path("paper/<int:run_id>/posted/", posted, name="paper_posted"),
    path("paper/<int:run_id>/finish/", finish, name="paper_finish"),
    path("paper/<int:run_id>/back/", back, name="paper_back"),
]
