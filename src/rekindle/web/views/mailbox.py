"""Settings, Mailbox: where answers and reports arrive, and the addresses that a mail provider calls."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.journal.models import Security
from rekindle.web import given
from rekindle.web.acts import confirmed, sets
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import audit
from rekindle.workflows.inbound import mailbox, provider

_TEXTS: Final = ("host", "username", "folder")
_LONGEST: Final = 300


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What is set, when it was last read, and what stands against it."""
    return _page(request)


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    user = staff(request)
    context: dict[str, Any] = {
        "row": mailbox.mailbox(),
        "fault": mailbox.fault(),
        "securities": Security.choices(),
        "providers": sorted(provider.TRACKING),
        "may_change": user.may(Deed.SETTINGS),
        "tab": "mailbox",
        **more,
    }
    return render(request, "web/mailbox.html", context)


_acts = sets("mailbox")


@_acts
def keep(form: QueryDict, *, by: User) -> str:
    texts = {name: form.get(name, "").strip()[:_LONGEST] for name in _TEXTS}
    secret = form.get("password", "")
    row = mailbox.change(
        mailbox.Wanted(
            **texts,
            is_on=form.get("is_on") == "yes",
            port=given.number(form, "port") or 993,
            security=given.word(Security, form.get("security"), what=_("how the line is protected")),
            password=secret if secret or form.get("no_password") else None,
        ),
        by=by,
    )
    return _("The mailbox lets us in. It is read each minute.") if row.is_on else _("Kept. It is not read.")


@_acts
def try_now(form: QueryDict, *, by: User) -> str:
    del form, by
    found = mailbox.try_now()
    return ngettext(
        "It opens. It holds %(n)s mail of the last two weeks; nothing was taken.",
        "It opens. It holds %(n)s mails of the last two weeks; nothing was taken.",
        found,
    ) % {"n": found}


@login_required
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """The addresses of one provider, with their secret: shown to who may change settings and has shown who they are."""
    staff_for(request, Deed.SETTINGS)
    return _shown(request)


@confirmed
def _shown(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("provider", "")
    if chosen not in provider.TRACKING:
        messages.error(request, _("Choose a provider of the list."))
        return redirect("mailbox")
    audit.record("provider_hook.shown", actor=staff(request), details={"provider": chosen})
    scheme, _sep, rest = settings.SITE_URL.partition("://")
    base = f"{scheme}://{provider.USER}:{provider.secret(chosen)}@{rest.rstrip('/')}"
    arriving = base + provider.address(chosen, is_mail=True) if chosen in provider.ARRIVING else ""
    return _page(request, chosen=chosen, tracking=base + provider.address(chosen), arriving=arriving)


urlpatterns: list[URLPattern] = [
    path("settings/mailbox/", page, name="mailbox"),
    path("settings/mailbox/keep/", keep, name="mailbox_keep"),
    path("settings/mailbox/try/", try_now, name="mailbox_try"),
    path("settings/mailbox/hook/", hook, name="mailbox_hook"),
]
