"""A form that acts on one thing and goes back to where it stood: what such views share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Protocol

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise as LazyText
from django.views.decorators.http import require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused, RekindleError
from rekindle.web.gate import staff, staff_for

View = Callable[..., HttpResponse]
Act = Callable[..., int]
Setting = Callable[..., str]
confirmed: Callable[[View], View] = reauthentication_required(allow_get=True)
"""Whoever is let in has shown the password lately."""


class Back(Protocol):
    """Where the form stood, as an address of ours; None: the party is not known."""

    def __call__(self, given: QueryDict, *, party_id: int | None) -> str: ...


def writes(said: LazyText, *, named: Mapping[str, type[Model]], back: Back) -> Callable[[Act], View]:
    """A view that acts: POST by staff who may write. What stood against it is said where it was asked.

    said   the sentence after it went well; the act gives the number of the party it was about
    named  what each number of the address names: one that names nothing is 404, whatever else the form says
    """

    def of(act: Act) -> View:
        @login_required
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, **numbers: int) -> HttpResponse:
            by = staff_for(request, Deed.ANSWER_TASKS)
            for name, number in numbers.items():
                get_object_or_404(named[name], pk=number)
            try:
                with transaction.atomic():  # what was made on the way to a refusal is not made
                    party_id = act(request.POST, by=by, **numbers)
            except Refused as error:
                raise PermissionDenied(str(error)) from error
            except NotFound as error:
                raise Http404(str(error)) from error
            except RekindleError as error:
                messages.error(request, sentence_of(error))
                return redirect(back(request.POST, party_id=numbers.get("party_id")))
            messages.success(request, str(said))
            return redirect(back(request.POST, party_id=party_id))

        return view

    return of


def sentence_of(error: RekindleError) -> str:
    """What went wrong and what to do, as a person reads it: without the place in the program's own words."""
    return f"{error.what[:1].upper()}{error.what[1:]}. {error.remedy}".strip()


def sets(home: str, *, besides: Callable[[HttpRequest, RekindleError], str] | None = None) -> Callable[[Setting], View]:
    """A view that changes settings: POST by those who may, once they have shown lately who they are.

    home     the name of the page to go back to; the act gives the sentence that is said there
    besides  what the page itself says of a refusal; empty where it has nothing of its own to say
    """

    def of(act: Setting) -> View:
        @confirmed
        def after_the_password(request: HttpRequest) -> HttpResponse:
            try:
                messages.success(request, act(request.POST, by=staff(request)))
            except (BadInput, Conflict) as error:
                own = besides(request, error) if besides else ""
                messages.error(request, own or sentence_of(error))
            return redirect(home)

        @login_required
        @require_POST
        @wraps(act)
        def view(request: HttpRequest) -> HttpResponse:
            staff_for(request, Deed.SETTINGS)
            return after_the_password(request)

        return view

    return of
