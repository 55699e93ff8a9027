"""Recommendations: who was recommended to us, what became of it, and why people do not recommend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import referral_queries
from rekindle.relationships.vocabulary import ReferralState
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.words import Word
from rekindle.workflows import referral_diagnosis, referrals
from rekindle.workflows.referral_diagnosis import Silence

W = TypeVar("W", bound=Word)
LISTS: Final = {
    ReferralState.TOLD: gettext_lazy("Waiting"),
    ReferralState.MET: gettext_lazy("In touch"),
    ReferralState.JOINED: gettext_lazy("Joined"),
    ReferralState.DECLINED: gettext_lazy("Came to nothing"),
}


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One list by state, and above it the two-way diagnosis."""
    user = staff(request)
    which = _word(ReferralState, request.GET.get("list", ReferralState.TOLD.value))
    rows = referral_queries.page(which, before=given.place(request.GET.get("before", "")))
    shown = rows[: referral_queries.PAGE]
    found = referral_diagnosis.diagnosis()
    return render(request, "web/referrals.html", {
        "rows": shown,
        "older": shown[-1].pk if len(rows) > len(shown) else None,
        "which": which.value,
        "lists": [(state.value, label) for state, label in LISTS.items()],
        "diagnosis": [(word.value, word.label, count, _share(count, found.of)) for word, count in found.counts.items()],
        "of": found.of,
        "may_act": user.may(Deed.ANSWER_TASKS),
    })  # fmt: skip


@login_required
@require_GET
def silent(request: HttpRequest, kind: str) -> HttpResponse:
    """The people behind one figure of the diagnosis."""
    staff(request)
    which = _word(Silence, kind)
    rows = referral_diagnosis.people(which, before=given.place(request.GET.get("before", "")))
    return render(request, "web/referrals_silent.html", {
        "rows": rows, "title": which.label, "kind": kind,
        "older": rows[-1].pk if len(rows) == referral_diagnosis.PAGE else None,
    })  # fmt: skip


def _word(words: type[W], value: str) -> W:
    found = next((word for word in words if word.value == value), None)
    if found is None:
        raise Http404("no such list")
    return found


def _share(count: int, of: int) -> str:
    """A share in whole percent; neither nobody nor everybody where that is not so."""
    percent = round(100 * count / of) if of else 0
    if count and not percent:
        return _("under 1 %")
    if percent == 100 and count < of:
        return _("over 99 %")
    return f"{percent} %"


def _act(deed: Callable[[int, User, HttpRequest], str]) -> Callable[..., HttpResponse]:
    @login_required
    @require_POST
    def view(request: HttpRequest, referral_id: int) -> HttpResponse:
        user = staff_for(request, Deed.ANSWER_TASKS)
        if not referral_queries.is_there(referral_id):
            raise Http404("no such recommendation")
        try:
            messages.success(request, deed(referral_id, user, request))
        except NotFound as error:
            raise Http404(str(error)) from error
        except (BadInput, Conflict, Refused) as error:
            messages.error(request, sentence_of(error))
        return redirect("referrals")

    return view


def _met(number: int, user: User, _request: HttpRequest) -> str:
    referrals.met(number, by=user)
    return _("It says now that you are in touch.")


def _joined(number: int, user: User, request: HttpRequest) -> str:
    friend = given.number(request.POST, "friend")
    if friend is None:
        raise BadInput(_("the number of the friend's page is missing"), remedy=_("It stands in the address of it."))
    referrals.joined(number, friend=given.party(friend), by=user)
    return _("Welcome to them. You may thank the one who recommended.")


def _declined(number: int, user: User, _request: HttpRequest) -> str:
    referrals.declined(number, by=user)
    return _("It is settled, and what they left is gone.")


def _thank(number: int, user: User, _request: HttpRequest) -> str:
    message = referrals.thank(number, by=user)
    return _("The thanks are in the outbox, as number %(number)s.") % {"number": message.pk}


urlpatterns: list[URLPattern] = [
    path("referrals/", page, name="referrals"),
    path("referrals/why/<slug:kind>/", silent, name="referrals_silent"),
    path("referrals/<int:referral_id>/met/", _act(_met), name="referral_met"),
    path("referrals/<int:referral_id>/joined/", _act(_joined), name="referral_joined"),
    path("referrals/<int:referral_id>/declined/", _act(_declined), name="referral_declined"),
    path("referrals/<int:referral_id>/thank/", _act(_thank), name="referral_thank"),
]
