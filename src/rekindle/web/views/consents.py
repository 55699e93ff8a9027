"""Staff: one person's strip of consents, words told by hand, their links, and what they ask about their data."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, TypeVar

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import DataRequest, Party
from rekindle.relationships.vocabulary import Basis, Channel, RequestKind, TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.given import day as given_day
from rekindle.web.given import word as given_word
from rekindle.words import Word
from rekindle.workflows import consent, consent_strip, data_requests, links, own_link
from rekindle.workflows.links import LinkPurpose

W = TypeVar("W", bound=Word)
Act = Callable[..., int]
_LINKS: Final = (
    (LinkPurpose.DOOR, "door", gettext_lazy("The door: come back, a word, later, my data")),
    (LinkPurpose.PREFERENCES, "preferences", gettext_lazy("What they would like to hear")),
    (LinkPurpose.UNSUBSCRIBE, "unsubscribe", gettext_lazy("Hear nothing more by e-mail, in one press")),
)


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person's strip by itself; htmx gets the section only."""
    user, party = staff(request), get_object_or_404(Party, pk=party_id)
    strip = consent_strip.of_person(party)
    context = {
        "strip": strip,
        "grid": [
            (_short(purpose), [cells[place] for _road, cells in strip.roads])
            for place, purpose in enumerate(strip.purposes)
        ],
        "party": party,
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "may_give_out": user.may(Deed.EXPORT),
        "roads": Channel.choices(),
        "purposes": [(word.value, word.label) for word in consent.ON_RECORD],
        "bases": Basis.choices(),
        "kinds": RequestKind.choices(),
        "today": timezone.localdate(),
    }
    return render(request, "web/consents_person.html" if wants_part(request) else "web/consents.html", context)


@login_required
@require_GET
def links_page(request: HttpRequest, party_id: int) -> HttpResponse:
    """The links of one person, to be copied into a letter or a card. Showing them changes nothing."""
    staff_for(request, Deed.ANSWER_TASKS)
    party = get_object_or_404(Party, pk=party_id)
    is_shut = own_link.is_cleanly_broken(party) or party.deceased_on is not None
    shown = [] if is_shut else [
        {"title": title, "address": settings.SITE_URL + reverse(name, args=[links.make(purpose, party)])}
        for purpose, name, title in _LINKS
    ]  # fmt: skip
    return render(request, "web/links.html", {"party": party, "links": shown, "given": party.links_given})


def _writes(said: LazyText, *, deed: Deed = Deed.ANSWER_TASKS) -> Callable[[Act], Callable[..., HttpResponse]]:
    """A view that acts: POST by staff who may. What stood against it is said where it was asked."""

    def of(act: Act) -> Callable[..., HttpResponse]:
        @login_required
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, **numbers: int) -> HttpResponse:
            by = staff_for(request, deed)
            party = get_object_or_404(Party, pk=numbers["party_id"])
            try:
                act(request.POST, by=by, **{**numbers, "party_id": party.pk})
            except NotFound as error:
                raise Http404(str(error)) from error
            except Refused as error:
                if error.rule == "role":
                    raise PermissionDenied(str(error)) from error
                messages.error(request, sentence_of(error))
            except (BadInput, Conflict) as error:
                messages.error(request, sentence_of(error))
            else:
                messages.success(request, str(said))
            return redirect("person_links" if request.POST.get("here") == "links" else "person_consents", party.pk)

        return view

    return of


@_writes(gettext_lazy("The ground is kept, with its proof."))
def record(given: QueryDict, *, by: User, party_id: int) -> int:
    party = Party.objects.get(pk=party_id)
    return consent.record(
        party,
        channel=given_word(Channel, given.get("channel"), what=_("the road")),
        purpose=given_word(TouchClass, given.get("purpose"), what=_("the purpose")),
        basis=given_word(Basis, given.get("basis"), what=_("the ground")),
        how=given.get("how", ""),
        proof=given.get("proof", ""),
        given_on=given_day(given, "given_on"),
        expires_on=given_day(given, "expires_on"),
        by=by,
    ).pk


@_writes(gettext_lazy("The consent is renewed."))
def renew(given: QueryDict, *, by: User, party_id: int, number: int) -> int:
    _theirs(party_id, number)
    return consent.renew(
        number, how=given.get("how", ""), proof=given.get("proof", ""), by=by, given_on=given_day(given, "given_on"),
        expires_on=given_day(given, "expires_on"),
    ).pk  # fmt: skip


@_writes(gettext_lazy("It is withdrawn, and holds at once."))
def withdraw(given: QueryDict, *, by: User, party_id: int) -> int:
    asked = given.get("purpose", "")
    purpose = given_word(TouchClass, asked, what=_("the purpose")) if asked else None
    channel = given_word(Channel, given.get("channel"), what=_("the road"))
    party = Party.objects.get(pk=party_id)
    return consent.withdraw(party, channel=channel, purpose=purpose, reason=given.get("reason", ""), by=by)


@_writes(gettext_lazy("Every link given out before is useless now. The new ones are below."))
def end_links(_given: QueryDict, *, by: User, party_id: int) -> int:
    links.end_all(Party.objects.get(pk=party_id), by=by)
    return party_id


@_writes(gettext_lazy("The request is written down."))
def open_request(given: QueryDict, *, by: User, party_id: int) -> int:
    kind = given_word(RequestKind, given.get("kind"), what=_("what they ask"))
    party = Party.objects.get(pk=party_id)
    return data_requests.open_request(party, kind=kind, via="staff", words=given.get("words", ""), by=by).pk


@login_required
@require_POST
def answer_request(request: HttpRequest, number: int) -> HttpResponse:
    """What was done about a request; back to the person, or to the list where nobody is left to go back to."""
    by = staff_for(request, Deed.EXPORT)
    asked = get_object_or_404(DataRequest, pk=number)
    try:
        data_requests.answer(asked.pk, answer=request.POST.get("answer", ""), by=by)
    except (BadInput, Conflict) as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("The answer is written down."))
    return redirect("person_consents", asked.party_id) if asked.party_id else redirect("people")


def _short(purpose: TouchClass) -> str:
    """A purpose in so few letters that the strip fits a phone."""
    return {
        TouchClass.RELATIONSHIP: _("a card"),
        TouchClass.CONTENT: _("to read"),
        TouchClass.RESEARCH: _("a question"),
        TouchClass.REFERRAL_ASK: _("recommend"),
        TouchClass.PROMOTIONAL: _("offers"),
        TouchClass.SERVICE: _("service"),
    }[purpose]


def _theirs(party_id: int, number: int) -> None:
    if not Party.objects.filter(pk=party_id, consents__pk=number).exists():
        raise NotFound(f"no consent {number} of party {party_id}")


urlpatterns: list[URLPattern] = [
    path("people/<int:party_id>/consents/", person, name="person_consents"),
    path("people/<int:party_id>/consents/record/", record, name="consent_record"),
    path("people/<int:party_id>/consents/<int:number>/renew/", renew, name="consent_renew"),
    path("people/<int:party_id>/consents/withdraw/", withdraw, name="consent_withdraw"),
    path("people/<int:party_id>/links/", links_page, name="person_links"),
    path("people/<int:party_id>/links/end/", end_links, name="links_end"),
    path("people/<int:party_id>/requests/", open_request, name="request_open"),
    path("requests/<int:number>/answer/", answer_request, name="request_answer"),
]
