"""Settings, Webhooks out: which other systems are told what happens here, and what they answered.

For those who may change settings only: an address of another system may be a secret of its own. A signing secret is
shown once and never again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Hook, Telling, TellingState
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff_for
from rekindle.workflows.hooks_out import hooks
from rekindle.workflows.hooks_out.events import EVENTS

ROWS: Final = 50
_FRESH_SECRET: Final = "fresh_hook_out_secret"  # noqa: S105  # the name of a place in the session

View = Callable[..., HttpResponse]


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every system that is told, and a form for one more."""
    staff_for(request, Deed.SETTINGS)
    context = {"hooks": Hook.objects.order_by("name", "id"), "events": _choices(()), "tab": "hooks_out"}
    return render(request, "web/hooks_out.html", context)


@login_required
@require_GET
def one(request: HttpRequest, hook_id: int) -> HttpResponse:
    """One system: what it is told of, its secret for once, and the last tellings with its answers."""
    staff_for(request, Deed.SETTINGS)
    hook = Hook.objects.select_related("made_by").filter(pk=hook_id).first()
    if hook is None:
        raise Http404("no such hook")
    rows = Telling.objects.filter(hook=hook).order_by("-id")
    before = given.place(request.GET.get("before", ""))
    found = list((rows.filter(pk__lt=before) if before else rows)[: ROWS + 1])
    fresh = request.session.get(_FRESH_SECRET, {})
    if fresh.get("hook") == hook.pk:
        del request.session[_FRESH_SECRET]
    context: dict[str, Any] = {
        "hook": hook,
        "events": _choices(hook.events),
        "tellings": found[:ROWS],
        "older": found[ROWS - 1].pk if len(found) > ROWS else None,
        "is_first": before is None,
        "told": TellingState.TOLD.value,
        "failed": TellingState.FAILED.value,
        "fresh": fresh.get("secret", "") if fresh.get("hook") == hook.pk else "",
        "tab": "hooks_out",
    }
    return render(request, "web/hooks_out_one.html", context)


def _acts(act: Callable[..., Hook | None]) -> View:
    """POST by those who may change settings; what stood against it is said where it was asked."""

    @login_required
    @require_POST
    @wraps(act)
    def view(request: HttpRequest, **numbers: int) -> HttpResponse:
        by = staff_for(request, Deed.SETTINGS)
        back = numbers.get("hook_id")
        try:
            done = act(request, by=by, **numbers)
            back = done.pk if done is not None else None
        except NotFound as error:
            raise Http404(str(error)) from error
        except (BadInput, Conflict) as error:
            messages.error(request, sentence_of(error))
        return redirect("hooks_out_one", back) if back else redirect("hooks_out")

    return view


@_acts
def make(request: HttpRequest, *, by: User) -> Hook:
    given = request.POST
    opened = hooks.make(given.get("name", ""), url=given.get("url", ""), events=given.getlist("events"), by=by)
    messages.success(request, _("%(name)s is told from now on.") % {"name": opened.hook.name})
    return _shown_once(request, opened)


@_acts
def change(request: HttpRequest, *, by: User, hook_id: int) -> Hook:
    given = request.POST
    done = hooks.change(
        hook_id, name=given.get("name", ""), url=given.get("url", ""), events=given.getlist("events"), by=by
    )
    messages.success(request, _("Kept."))
    return done


@_acts
def rotate(request: HttpRequest, *, by: User, hook_id: int) -> Hook:
    opened = hooks.rotate(hook_id, by=by)
    messages.success(request, _("What is told from now on is signed with the new secret."))
    return _shown_once(request, opened)


@_acts
def stop(request: HttpRequest, *, by: User, hook_id: int) -> Hook:
    done = hooks.stop(hook_id, by=by)
    messages.success(request, _("%(name)s is told nothing more.") % {"name": done.name})
    return done


@_acts
def start(request: HttpRequest, *, by: User, hook_id: int) -> Hook:
    done = hooks.start(hook_id, by=by)
    messages.success(request, _("%(name)s is told again, what waits first.") % {"name": done.name})
    return done


@_acts
def remove(request: HttpRequest, *, by: User, hook_id: int) -> None:
    hooks.remove(hook_id, by=by)
    messages.success(request, _("Removed, with everything that was told to it."))


@_acts
def test(request: HttpRequest, *, by: User, hook_id: int) -> Hook:
    row = hooks.test(hook_id, by=by)
    if row.state == TellingState.TOLD.value:
        messages.success(request, _("It heard us and answered %(code)s.") % {"code": row.code})
    else:
        messages.error(request, _("It did not take the test: %(fault)s.") % {"fault": row.fault})
    return row.hook


def _shown_once(request: HttpRequest, opened: hooks.Opened) -> Hook:
    """Kept for the next look, which forgets it."""
    request.session[_FRESH_SECRET] = {"hook": opened.hook.pk, "secret": opened.secret}
    return opened.hook


def _choices(chosen: Collection[str]) -> list[tuple[str, str, bool]]:
    """(name, line, whether it is chosen) of every event."""
    return [(name, label, name in chosen) for name, label in EVENTS.items()]


urlpatterns: list[URLPattern] = [
    path("settings/webhooks-out/", page, name="hooks_out"),
    path("settings/webhooks-out/make/", make, name="hooks_out_make"),
    path("settings/webhooks-out/<int:hook_id>/", one, name="hooks_out_one"),
    path("settings/webhooks-out/<int:hook_id>/change/", change, name="hooks_out_change"),
    path("settings/webhooks-out/<int:hook_id>/rotate/", rotate, name="hooks_out_rotate"),
    path("settings/webhooks-out/<int:hook_id>/stop/", stop, name="hooks_out_stop"),
    path("settings/webhooks-out/<int:hook_id>/start/", start, name="hooks_out_start"),
    path("settings/webhooks-out/<int:hook_id>/remove/", remove, name="hooks_out_remove"),
    path("settings/webhooks-out/<int:hook_id>/test/", test, name="hooks_out_test"),
]
