"""Trust: how long we are quiet. The versions, a draft, what it would change and whom. GET asks, POST keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.refusal_queries import names_of
from rekindle.relationships.policy import Quiet
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.web.trust_forms import PolicyForm, closing, touches
from rekindle.workflows import policies, refusals, trust
from rekindle.workflows.quiet_effect import Effect, effect

PEOPLE: Final = 50
_LISTS: Final = ("freed", "held", "reachable", "clocked")


@dataclass(frozen=True)
class Stopped:
    """So many of those let go sooner are stopped by a rule all the same."""

    rule: str
    text: str
    people: int


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The versions; with lengths in the address, what a draft of them would change."""
    user, now = staff(request), policies.quiet()
    is_draft = "usual" in request.GET
    form = PolicyForm(request.GET if is_draft else None, quiet=now)
    context: dict[str, Any] = {}
    if is_draft and form.is_valid():
        try:
            context = _effect(request, now, policies.draft(form.lengths()))
        except BadInput as error:
            form.add_error(None, sentence_of(error))
        else:
            if context["changes"] and user.may(Deed.SETTINGS):
                context["hidden"] = _hidden(form)
    return _show(request, form, now=now, may_change=user.may(Deed.SETTINGS), **context)


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """A new version, from now on; what stands against it is said beside the lengths, and nothing typed is lost."""
    by, now = staff_for(request, Deed.SETTINGS), policies.quiet()
    form = PolicyForm(request.POST, quiet=now)
    after, hidden = request.POST.get("after", ""), _hidden(form)
    if form.is_valid():
        try:
            row = policies.change(
                form.lengths(), by=by, reason=request.POST.get("reason", ""),
                after=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None,
            )  # fmt: skip
        except Refused as error:
            raise PermissionDenied(str(error)) from error
        except (BadInput, Conflict) as error:
            form.add_error(None, sentence_of(error))
        else:
            messages.success(
                request,
                _("Version %(n)s holds from now on. Ends already on record keep their day.") % {"n": row.version},
            )
            return redirect("trust")
    return _show(request, form, now=now, may_change=True, reason=request.POST.get("reason", "")[:400], hidden=hidden)


@login_required
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """The people behind one number of a draft, in the order of their numbers."""
    staff(request)
    now = policies.quiet()
    form = PolicyForm(request.GET, quiet=now)
    which, after = request.GET.get("which", ""), request.GET.get("after", "")
    if not form.is_valid() or not (after == "" or (after.isascii() and after.isdigit() and len(after) < 19)):
        raise Http404("no such draft")
    try:
        draft = policies.draft(form.lengths())
    except BadInput as error:
        raise Http404(str(error)) from error
    touch_class, channel = _touch(request)
    found = effect(now, draft, at=timezone.now(), touch_class=touch_class, channel=channel)
    listed, title = _list(found, which)
    rest = listed[listed > int(after or 0)]
    shown = [int(number) for number in rest[:PEOPLE]]
    names = names_of(shown)
    asked = {name: value for name, value in request.GET.items() if name not in ("after",)}
    context = {
        "tab": "trust",
        "title": title,
        "rows": [(number, names[number]) for number in shown if number in names],
        "total": len(listed),
        "next": "?" + urlencode({**asked, "after": shown[-1]}) if len(rest) > PEOPLE else "",
        "first": "?" + urlencode(asked) if after else "",
        "back": "?" + urlencode({name: value for name, value in asked.items() if name != "which"}),
    }
    return render(request, "web/trust_people.html", context)


def _hidden(form: PolicyForm) -> list[tuple[str, str]]:
    """The lengths that were looked at, to be handed on; none where one of them cannot be read."""
    return [(name, str(form.data.get(name, ""))) for name in form.fields] if form.is_valid() else []


def _show(request: HttpRequest, form: PolicyForm, *, now: Quiet, may_change: bool, **more: Any) -> HttpResponse:
    touch_class, channel = _touch(request)
    context = {
        "tab": "trust",
        "form": form,
        "now": now,
        "versions": policies.versions(),
        "closing": closing(),
        "may_change": may_change,
        "coverage": trust.coverage(),
        "touch_class": touch_class,
        "channel": channel,
        **touches(),
        **more,
    }
    return render(request, "web/trust.html", context)


def _effect(request: HttpRequest, now: Quiet, draft: Quiet) -> dict[str, Any]:
    """What the draft would change today, with the address of the people behind each number."""
    touch_class, channel = _touch(request)
    found = effect(now, draft, at=timezone.now(), touch_class=touch_class, channel=channel)
    stopped = [
        Stopped(rule.value, refusals.sentence(rule.value, touch_class=touch_class, channel=channel), len(those))
        for rule, those in sorted(found.stopped.items(), key=lambda pair: -len(pair[1]))
    ]
    return {
        "effect": found,
        "changes": policies.changes(now, draft),
        "freed": len(found.freed),
        "held": len(found.held),
        "reachable": len(found.reachable),
        "clocked": len(found.clocked),
        "stopped": stopped,
        "address": request.GET.urlencode(),
    }


def _list(found: Effect, which: str) -> tuple[Any, str]:
    """(numbers of the parties, what they have in common). Raises Http404 for a list that there is not."""
    titles = {
        "freed": _("Quiet would be over for them"),
        "held": _("They would be left in peace for longer"),
        "reachable": _("They could be written to today"),
        "clocked": _("Their ground has run out"),
    }
    if which in _LISTS:
        return getattr(found, which), titles[which]
    rule = next((rule for rule in found.stopped if rule.value == which), None)
    if rule is None:
        raise Http404("no such list")
    return found.stopped[rule], _("Stopped by the rule %(rule)s") % {"rule": rule.value}


def _touch(request: HttpRequest) -> tuple[TouchClass, Channel]:
    """What the people let go sooner would be written to for, and how: a question by e-mail, unless told otherwise."""
    return (
        next((word for word in TouchClass if word.value == request.GET.get("class")), TouchClass.RESEARCH),
        next((word for word in Channel if word.value == request.GET.get("channel")), Channel.EMAIL),
    )
