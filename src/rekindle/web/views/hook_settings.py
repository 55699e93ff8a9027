"""Settings, Webhooks: which other systems may tell us things, their secrets, and what became of what they told.

Read by every role, changed by those who may change settings. A secret that we made is shown once and never again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal import hook_queries
from rekindle.journal.models import WebhookSource
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import webhooks
from rekindle.workflows.hook_gather import how_many_wait

ROWS: Final = 50
_FRESH_SECRET: Final = "fresh_hook_secret"  # noqa: S105  # the name of a place in the session

View = Callable[..., HttpResponse]


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every source, and a form for one more."""
    user = staff(request)
    context = {
        "sources": hook_queries.sources(),
        "shapes": WebhookShape.choices(),
        "may_change": user.may(Deed.SETTINGS),
        "tab": "hooks",
    }
    return render(request, "web/hooks.html", context)


@login_required
@require_GET
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    """One source: its address, its secrets, what waits, and the last deliveries with what became of each."""
    user = staff(request)
    one = WebhookSource.objects.select_related("made_by").filter(pk=source_id).first()
    if one is None:
        raise Http404("no such source")
    rows = hook_queries.deliveries(one, before=given.place(request.GET.get("before", "")), limit=ROWS + 1)
    for_night, held = how_many_wait(one)
    fresh = request.session.get(_FRESH_SECRET, {})
    if fresh.get("source") == one.pk:
        del request.session[_FRESH_SECRET]
    context: dict[str, Any] = {
        "source": one,
        "shape": WebhookShape(one.shape),
        "address": _address(request, one),
        "deliveries": rows[:ROWS],
        "older": rows[ROWS - 1].pk if len(rows) > ROWS else None,
        "is_first": not request.GET.get("before"),
        "for_night": for_night,
        "held": held,
        "fresh": fresh.get("secret", "") if fresh.get("source") == one.pk else "",
        "may_change": user.may(Deed.SETTINGS),
        "tab": "hooks",
    }
    return render(request, "web/hooks_source.html", context)


def _acts(act: Callable[..., WebhookSource | None]) -> View:
    """POST by those who may change settings; what stood against it is said where it was asked."""

    @login_required
    @require_POST
    @wraps(act)
    def view(request: HttpRequest, **numbers: int) -> HttpResponse:
        by = staff_for(request, Deed.SETTINGS)
        try:
            done = act(request, by=by, **numbers)
        except NotFound as error:
            raise Http404(str(error)) from error
        except (BadInput, Conflict) as error:
            messages.error(request, sentence_of(error))
            done = None
        number = done.pk if done is not None else numbers.get("source_id")
        return redirect("hooks_source", number) if number else redirect("hooks")

    return view


@_acts
def make(request: HttpRequest, *, by: User) -> WebhookSource:
    shape = next((word for word in WebhookShape if word.value == request.POST.get("shape")), None)
    if shape is None:
        raise BadInput(_("the kind of system is missing"), remedy=_("Choose one of the list."))
    given = request.POST.get("secret", "")
    opened = webhooks.make(request.POST.get("slug", ""), shape=shape, by=by, secret=given)
    messages.success(request, _("%(slug)s may speak now.") % {"slug": opened.source.slug})
    return _shown_once(request, opened, given=given)


@_acts
def rotate(request: HttpRequest, *, by: User, source_id: int) -> WebhookSource:
    given = request.POST.get("secret", "")
    opened = webhooks.rotate(source_id, by=by, secret=given)
    messages.success(request, _("The new secret opens from now on. The old one still does, until you end it."))
    return _shown_once(request, opened, given=given)


@_acts
def end_old(request: HttpRequest, *, by: User, source_id: int) -> WebhookSource:
    done = webhooks.end_old_secret(source_id, by=by)
    messages.success(request, _("Only the new secret opens now."))
    return done


@_acts
def close(request: HttpRequest, *, by: User, source_id: int) -> WebhookSource:
    done = webhooks.close(source_id, by=by)
    messages.success(request, _("%(slug)s is closed. What it told stays.") % {"slug": done.slug})
    return done


def _shown_once(request: HttpRequest, opened: webhooks.Opened, *, given: str) -> WebhookSource:
    """A secret of theirs is known to whoever gave it; one of ours is kept for the next look, which forgets it."""
    if not given.strip():
        request.session[_FRESH_SECRET] = {"source": opened.source.pk, "secret": opened.secret}
    return opened.source


def _address(request: HttpRequest, one: WebhookSource) -> str:
    """Where the other system sends to; on one machine the port is as it is."""
    place = reverse("hook", args=[one.slug])
    return f"{site.SITE_URL}{place}" if site.IS_SECURE else request.build_absolute_uri(place)


urlpatterns: list[URLPattern] = [
    path("settings/webhooks/", page, name="hooks"),
    path("settings/webhooks/make/", make, name="hooks_make"),
    path("settings/webhooks/<int:source_id>/", source, name="hooks_source"),
    path("settings/webhooks/<int:source_id>/rotate/", rotate, name="hooks_rotate"),
    path("settings/webhooks/<int:source_id>/end-old/", end_old, name="hooks_end_old"),
    path("settings/webhooks/<int:source_id>/close/", close, name="hooks_close"),
]
