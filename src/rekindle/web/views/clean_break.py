"""The clean break: asked for by one, seconded by another, proved live on its page, opened again by an owner."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.relationships import company_exit_queries as exits_of
from rekindle.relationships import queries
from rekindle.relationships.models import Note, Party, Relationship
from rekindle.relationships.vocabulary import Channel, IdentityKind
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import clean_break, clean_break_proof, endings, notes
from rekindle.workflows.deeds import second as second_hand


@login_required
@require_GET
def page(request: HttpRequest, party_id: int) -> HttpResponse:
    """What was stopped, and whether it holds: the gate is asked anew each time the page is opened."""
    return render(request, "web/clean_break.html", _context(request, _relationship(party_id)))


@login_required
@require_POST
def ask(request: HttpRequest, party_id: int) -> HttpResponse:
    """The first of two people asks for it; gives a link for the second. Nothing is changed yet.

    The reason is kept as a note, so that no words about a person stand in an address.
    """
    user, relationship = staff_for(request, Deed.ANSWER_TASKS), _relationship(party_id)
    link = ""
    try:
        reason = endings.reason_of(request.POST.get("reason", ""), what="why it is closed for good")
        note = notes.write(relationship.party, text=reason, by=user)
        token = signing.dumps([relationship.pk, user.pk, note.pk], salt=second_hand.CLEAN_BREAK)
        link = request.build_absolute_uri(reverse("clean_break_second")) + "?" + urlencode({"t": token})
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    return render(request, "web/clean_break.html", {**_context(request, relationship), "second_link": link})


@login_required
@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponse:
    """The second of two people reads what is asked for and says yes, or closes the page."""
    user = staff_for(request, Deed.ANSWER_TASKS)
    try:
        number, first_id, note_id = signing.loads(
            request.POST.get("t") or request.GET.get("t", ""), salt=second_hand.CLEAN_BREAK, max_age=second_hand.LASTS
        )
    except signing.BadSignature as error:
        raise Http404(_("This link has run out or was never one of ours.")) from error
    relationship = get_object_or_404(Relationship.objects.select_related("party", "brand"), pk=number)
    first = get_object_or_404(User, pk=first_id)
    note = get_object_or_404(Note, pk=note_id, relationship=relationship)
    if request.method == "POST":
        try:
            clean_break.close(relationship, by=first, seconded_by=user, reason=note.text)
        except RekindleError as error:
            messages.error(request, sentence_of(error))
        else:
            messages.success(request, _("Both of you have said so: it is closed for good."))
        return redirect("clean_break", party_id=relationship.party_id)
    context = {
        "party": relationship.party,
        "name": _name(relationship),
        "first": first,
        "reason": note.text,
        "is_same": first.pk == user.pk,
        "token": request.GET.get("t", ""),
    }
    return render(request, "web/clean_break_second.html", context)


@login_required
@require_POST
def reopen(request: HttpRequest, party_id: int) -> HttpResponse:
    """They came to us, and an owner writes why it is opened again."""
    user, relationship = staff_for(request, Deed.STAFF), _relationship(party_id)
    given = request.POST
    try:
        clean_break.reopen(
            relationship, by=user, reason=given.get("reason", ""), their_approach=given.get("their_approach", "")
        )
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("Opened again. The never-again list stays until they lift it themselves."))
    return redirect("clean_break", party_id=party_id)


def _context(request: HttpRequest, relationship: Relationship) -> dict[str, Any]:
    user = staff(request)
    broken = exits_of.newest_clean_break(relationship)
    kinds = broken.proof.get("by_kind", {}) if broken else {}
    return {
        "party": relationship.party,
        "name": _name(relationship),
        "relationship": relationship,
        "broken": broken,
        "holds": broken is not None and broken.reopened_at is None,
        "by_kind": [(IdentityKind(kind).label, n) for kind, n in kinds.items()],
        "proof": clean_break_proof.proved(relationship) if broken is not None else None,
        "channels": [channel.label for channel in Channel],
        "standing_exit": exits_of.standing_exit(relationship),
        "may": user.may(Deed.ANSWER_TASKS),
        "may_reopen": user.may(Deed.STAFF),
    }


def _relationship(party_id: int) -> Relationship:
    relationship = queries.relationship_of(get_object_or_404(Party, pk=party_id))
    if relationship is None:
        raise Http404(_("There is no relationship yet that could be closed."))
    return relationship


def _name(relationship: Relationship) -> str:
    party = relationship.party
    number = queries.numbers_of([party.pk]).get(party.pk)
    return party.name or (_("customer %(number)s") % {"number": number} if number else str(party))


urlpatterns: list[URLPattern] = [
    path("people/<int:party_id>/clean-break/", page, name="clean_break"),
    path("people/<int:party_id>/clean-break/ask/", ask, name="clean_break_ask"),
    path("people/<int:party_id>/clean-break/reopen/", reopen, name="clean_break_reopen"),
    path("clean-break/second/", second, name="clean_break_second"),
]
