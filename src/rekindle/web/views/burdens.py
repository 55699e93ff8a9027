"""Burdens of one person: dated facts, their own answers, and what follows. GET asks, POST acts and goes back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.relationships import company_exit_queries as exits_of
from rekindle.relationships import queries
from rekindle.relationships.models import BurdenFact, Party, Relationship
from rekindle.relationships.vocabulary import Burden
from rekindle.web.acts import sentence_of
from rekindle.web.company_exit_forms import BurdenForm
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.workflows import burdens, endings


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person's section by itself; htmx gets the section only."""
    name = "web/burdens_person.html" if wants_part(request) else "web/burdens.html"
    here = "person" if wants_part(request) else "burdens"
    return render(request, name, _section(request, _relationship(party_id), here=here))


@login_required
@require_POST
def record(request: HttpRequest, party_id: int) -> HttpResponse:
    """Keep one fact; a form that cannot be kept comes back with what was typed."""
    user, relationship = staff_for(request, Deed.ANSWER_TASKS), _relationship(party_id)
    form = BurdenForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            burdens.record(
                relationship, kind=Burden(given["kind"]), on=given["on"], what=given["what"], by=user,
                expires_on=given["expires_on"],
            )  # fmt: skip
        except RekindleError as error:
            form.add_error(None, sentence_of(error))
        else:
            messages.success(request, _("The fact is kept. It counts for two years at most."))
            return _back(request, relationship)
    here = "exit" if request.POST.get("here") == "exit" else "burdens"
    return render(request, "web/burdens.html", _section(request, relationship, here=here, form=form))


@login_required
@require_POST
def dispute(request: HttpRequest, number: int) -> HttpResponse:
    """Keep their own answer to a fact."""
    user, fact = staff_for(request, Deed.ANSWER_TASKS), _fact(number)
    try:
        burdens.dispute(fact.pk, words_of_theirs=request.POST.get("words", ""), by=user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("Their answer stands beside it."))
    return _back(request, fact.relationship)


@login_required
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """It was not so."""
    user, fact = staff_for(request, Deed.ANSWER_TASKS), _fact(number)
    try:
        burdens.withdraw(fact.pk, reason=request.POST.get("words", ""), by=user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("Withdrawn. It stays to be read and counts no more."))
    return _back(request, fact.relationship)


def _section(
    request: HttpRequest, relationship: Relationship, *, here: str, form: BurdenForm | None = None
) -> dict[str, Any]:
    return {
        "party": relationship.party,
        "weight": burdens.of_person(relationship),
        "burden_form": form or BurdenForm(initial={"on": endings.local_day(relationship)}),
        "is_wrong": form is not None,
        "here": here,
        "may": staff(request).may(Deed.ANSWER_TASKS),
    }


def _back(request: HttpRequest, relationship: Relationship) -> HttpResponseRedirect:
    """Where the form stood: the ending by us, the person's page, or the section by itself."""
    here = request.POST.get("here", "")
    if here == "exit" and (standing := exits_of.standing_exit(relationship)) is not None:
        return redirect("company_exit", number=standing.pk)
    return redirect(reverse("person" if here == "person" else "burdens", args=[relationship.party_id]) + "#burdens")


def _fact(number: int) -> BurdenFact:
    return get_object_or_404(BurdenFact.objects.select_related("relationship__party"), pk=number)


def _relationship(party_id: int) -> Relationship:
    relationship = queries.relationship_of(get_object_or_404(Party, pk=party_id))
    if relationship is None:
        raise Http404(_("There is no relationship yet."))
    return relationship


urlpatterns: list[URLPattern] = [
    path("people/<int:party_id>/burdens/", person, name="burdens"),
    path("people/<int:party_id>/burdens/record/", record, name="burden_record"),
    path("burdens/<int:number>/dispute/", dispute, name="burden_dispute"),
    path("burdens/<int:number>/withdraw/", withdraw, name="burden_withdraw"),
]
