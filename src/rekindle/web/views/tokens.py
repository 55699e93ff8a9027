"""Settings, API: keys for programs. One is shown once, in the answer to the form that made it, and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import NotFound, RekindleError
from rekindle.web.gate import staff
from rekindle.workflows import api_tokens

View = Callable[..., HttpResponse]
_confirmed: Callable[[View], View] = reauthentication_required(allow_get=True)
"""Who makes a key has shown the password lately: an open session at an empty desk makes none."""


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=api_tokens.LONGEST_NAME,
        help_text=gettext_lazy("A name you will know it by, like: the till, the newsletter tool."),
    )
    acts = forms.ChoiceField(
        label=gettext_lazy("What it may do"),
        choices=[
            ("reads", gettext_lazy("Read only")),
            ("acts", gettext_lazy("Read and act")),
        ],
        initial="reads",
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("How long it lasts"),
        choices=lambda: [(days, _("%(days)s days") % {"days": days}) for days in api_tokens.LASTS_DAYS],
        initial=api_tokens.LASTS_DAYS[1],
        coerce=int,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@_confirmed
def keys(request: HttpRequest) -> HttpResponse:
    """The keys one may see, and the form for a new one. Making one asks for the password once more."""
    user = staff(request)
    form = KeyForm(request.POST or None)
    fresh = ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            fresh, _token = api_tokens.make(
                name=given["name"], reads_only=given["acts"] == "reads", lasts_days=given["days"], by=user
            )
        except RekindleError as error:
            form.add_error("name", str(error))
        else:
            form = KeyForm()
    return render(request, "web/tokens.html", _context(user, form=form, fresh=fresh))


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    user = staff(request)
    try:
        api_tokens.revoke(token_id, by=user)
    except NotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("The key is revoked: it opens nothing any more."))
    return redirect("tokens")


def _context(user: User, *, form: KeyForm, fresh: str) -> dict[str, Any]:
    now = timezone.now()
    seen = api_tokens.of(user)
    alive = [token for token in seen if token.revoked_at is None and token.expires_at > now and token.user.is_active]
    return {
        "form": form,
        "fresh": fresh,
        "alive": alive,
        "ended": [token for token in seen if token not in alive][:20],
        "sees_all": user.may(Deed.STAFF),
        "tab": "tokens",
    }


urlpatterns: list[URLPattern] = [
    path("settings/api/", keys, name="tokens"),
    path("settings/api/<int:token_id>/revoke/", revoke, name="token_revoke"),
]
