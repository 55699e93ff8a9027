"""Settings, Sending: whether anything leaves this house, by which server, in whose name. Off until somebody says so."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, RekindleError
from rekindle.journal.models import Road, Security
from rekindle.web import given
from rekindle.web.acts import sentence_of, sets
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import sending
from rekindle.workflows.findings import Finding
from rekindle.workflows.outbox.providers import PROVIDERS, SECRETS
from rekindle.workflows.outbox.put import sending as the_row

_TEXTS: Final = (
    "host", "username", "from_name", "from_address", "reply_to", "postal_address", "bounces_to", "provider",
)  # fmt: skip
_KEY_NAMES: Final = tuple(dict.fromkeys((*(key for kind in PROVIDERS.values() for key in kind.keys), "api_url")))
_LOOKED: Final = "looked_at_sending"
"""Where the last look is kept for the next page, which forgets it."""
_LONGEST: Final = 300


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What is set, whether it is on, and what stands against switching it on."""
    user = staff(request)
    row = the_row()
    kind = PROVIDERS.get(row.provider)
    context: dict[str, Any] = {
        "row": row,
        "is_on": row.road != Road.LOCAL.value,
        "providers": [(name, one.label) for name, one in PROVIDERS.items()],
        "kind": kind,
        "keys": _keys(row.provider),
        "looked": request.session.pop(_LOOKED, None),
        "counts": sending.counts(),
        "securities": Security.choices(),
        "may_change": user.may(Deed.SETTINGS),
        "tab": "sending",
    }
    return render(request, "web/sending.html", context)


def _keys(provider: str) -> list[tuple[str, str, bool, bool]]:
    """(name, label, whether it may be left out, whether it is a secret) of every key of the provider that is kept."""
    kind = PROVIDERS.get(provider)
    if kind is None:
        return []
    named = dict.fromkeys((*kind.keys, "api_url"))
    labels = {
        "api_key": _("API key"), "api_token": _("API token"), "secret_key": _("Secret key"),
        "server_token": _("Server token"), "sender_domain": _("Sending domain"), "message_stream": _("Message stream"),
        "project_id": _("Project"), "region": _("Region"), "api_url": _("Address of its interface"),
    }  # fmt: skip
    return [(name, labels[name], name in kind.optional or name not in kind.keys, name in SECRETS) for name in named]


def _not_ready(request: HttpRequest, error: RekindleError) -> str:
    """What is missing is kept for the page, which offers to go over it."""
    if not isinstance(error, sending.NotReady):
        return ""
    _show(request, error.findings, may_go_over=True)
    return _("Not switched on yet: something is missing. Set it right, or begin as it is.")


_acts = sets("sending", besides=_not_ready)


@_acts
def keep(form: QueryDict, *, by: User) -> str:
    texts = {name: " ".join(form.get(name, "").split())[:_LONGEST] for name in _TEXTS}
    secret = form.get("password", "")
    sending.change(
        sending.Wanted(
            **texts,
            port=given.number(form, "port") or 587,
            security=given.word(Security, form.get("security"), what=_("how the line is protected")),
            password=secret if secret or form.get("no_password") else None,
            per_minute=given.number(form, "per_minute") or 600,
            per_domain_minute=given.number(form, "per_domain_minute") or 0,
            provider_keys={name: form.get(f"key_{name}", "") for name in _KEY_NAMES},
        ),
        by=by,
    )
    return _("Kept.")


@_acts
def switch_on(form: QueryDict, *, by: User) -> str:
    sending.switch_on(by=by, selector=_selector(form), anyway=form.get("anyway") == "yes")
    return _("The other side lets us in. Mail goes out from now on.")


@login_required
@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Ask the world about our domain and our server now, and say what it answered. Nothing is changed."""
    staff_for(request, Deed.SETTINGS)
    try:
        _show(request, sending.findings(selector=_selector(request.POST)), may_go_over=False)
    except (BadInput, Conflict) as error:
        messages.error(request, sentence_of(error))
    return redirect("sending")


def _show(request: HttpRequest, found: list[Finding], *, may_go_over: bool) -> None:
    """Kept for the next look at the page, which forgets it."""
    request.session[_LOOKED] = {
        "findings": [one.as_json() for one in found],
        "selector": _selector(request.POST),
        "may_go_over": may_go_over,
        "missing": sum(not one.ok for one in found),
    }


def _selector(form: QueryDict) -> str:
    return form.get("selector", "").strip()[:63]


@_acts
def switch_off(form: QueryDict, *, by: User) -> str:
    del form
    sending.switch_off(by=by)
    return _("All mail stays in this house from now on.")


@_acts
def pause(form: QueryDict, *, by: User) -> str:
    del form
    sending.pause(by=by)
    return _("Paused. Nothing is handed over until somebody lets it go on.")


@_acts
def resume(form: QueryDict, *, by: User) -> str:
    del form
    settled = sending.resume(by=by)
    return _("It goes on. The sent log settled %(n)s messages first.") % {"n": settled} if settled else _("It goes on.")


urlpatterns: list[URLPattern] = [
    path("settings/sending/", page, name="sending"),
    path("settings/sending/keep/", keep, name="sending_keep"),
    path("settings/sending/look/", look, name="sending_look"),
    path("settings/sending/on/", switch_on, name="sending_on"),
    path("settings/sending/off/", switch_off, name="sending_off"),
    path("settings/sending/pause/", pause, name="sending_pause"),
    path("settings/sending/resume/", resume, name="sending_resume"),
]
