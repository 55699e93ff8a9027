"""Trust & rules: law as it is read, its clocks, refusals, requests about data, never again, the audit trail."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal import audit_queries, refusal_queries
from rekindle.relationships.models import DataRequest
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.views import trust_policies
from rekindle.workflows import consent_clocks, data_requests, tasks, trust
from rekindle.workflows import refusals as kept
from rekindle.workflows.today import business_day
from rekindle.workflows.why_not import business_zone

ROWS: Final = 50
WITHIN: Final = (30, consent_clocks.WITHIN_DAYS, 180)
"""Days ahead that the clocks may be asked for; the middle one is what a page shows unasked."""


@login_required
@require_GET
def law(request: HttpRequest) -> HttpResponse:
    """Every rule of law the gate reads, as the files have it."""
    staff(request)
    return render(request, "web/trust_law.html", {"tab": "trust_law", "places": trust.law_table()})


@login_required
@require_GET
def clocks(request: HttpRequest) -> HttpResponse:
    """Grounds to write that run out soon, with what to do before."""
    staff(request)
    after, days = request.GET.get("after", ""), request.GET.get("days", "")
    within = int(days) if days in map(str, WITHIN) else WITHIN[1]
    try:
        found = consent_clocks.expiring(within_days=within, after=after, limit=ROWS)
    except BadInput as error:
        raise Http404(str(error)) from error
    asked = {"days": within}
    context = {
        "tab": "trust_clocks",
        "rows": found.rows,
        "within": within,
        "choices": WITHIN,
        "next": "?" + urlencode({**asked, "after": found.next}) if found.next else "",
        "first": "?" + urlencode(asked) if after else "",
    }
    return render(request, "web/trust_clocks.html", context)


@login_required
@require_GET
def refusals(request: HttpRequest) -> HttpResponse:
    """Every no, newest first, narrowed by rule, person, purpose and road."""
    staff(request)
    wanted, place = _wanted_no(request), _place(request.GET.get("after", ""))
    rows, following = kept.listed(wanted, limit=ROWS, after=place)
    asked = {name: request.GET[name] for name in ("rule", "person", "class", "channel") if request.GET.get(name)}
    after = f"{following.refusal or ''}.{following.decision or ''}" if following else ""
    context = {
        "tab": "trust_refusals",
        "rows": rows,
        "next": "?" + urlencode({**asked, "after": after}) if after else "",
        "first": "?" + urlencode(asked) if place else "",
        "wanted": wanted,
        "person": refusal_queries.names_of([wanted.party]).get(wanted.party, "") if wanted.party else "",
        "rules": kept.NOS,
        "classes": TouchClass.choices(),
        "channels": Channel.choices(),
        "is_narrowed": bool(asked),
    }
    return render(request, "web/trust_refusals.html", context)


@login_required
@require_POST
def begin(request: HttpRequest, task_id: int) -> HttpResponse:
    """Somebody is about to do a suggestion: may we, at this very moment? A no is kept. htmx gets the answer only."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    try:
        answer = tasks.begin(task_id, by=by)
    except NotFound as error:
        raise Http404(str(error)) from error
    except Conflict as error:
        messages.error(request, sentence_of(error))
        return redirect("today")
    if wants_part(request):
        return render(request, "web/trust_may.html", {"answer": answer})
    if answer.allowed:
        messages.success(request, _("Yes, you may. %(why)s") % {"why": answer.text})
    else:
        messages.warning(request, _("No. %(why)s") % {"why": answer.text})
    return redirect(reverse("today") + ("?whose=all" if request.POST.get("back") == "all" else ""))


@login_required
@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    """What people asked about their data, the soonest due first."""
    user, after = staff(request), _day_and_number(request.GET.get("after", ""))
    found = data_requests.due(ROWS + 1, after=after)
    last = found[ROWS - 1] if len(found) > ROWS else None
    context = {
        "tab": "trust_requests",
        "rows": found[:ROWS],
        "today": business_day(),
        "next": "?" + urlencode({"after": f"{last.due_on.isoformat()}.{last.pk}"}) if last else "",
        "is_first": after is None,
        "may_answer": user.may(Deed.EXPORT),
    }
    return render(request, "web/trust_requests.html", context)


@login_required
@require_POST
def answer_request(request: HttpRequest, request_id: int) -> HttpResponse:
    """What was done about one request."""
    by = staff_for(request, Deed.EXPORT)
    get_object_or_404(DataRequest, pk=request_id)
    try:
        data_requests.answer(request_id, answer=request.POST.get("answer", ""), by=by)
    except NotFound as error:
        raise Http404(str(error)) from error
    except (BadInput, Conflict) as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("The answer is written down."))
    return redirect("trust_requests")


@login_required
@require_GET
def never_again(request: HttpRequest) -> HttpResponse:
    """How many must never be reached again, and why. No address is on this page."""
    staff(request)
    groups = trust.never_again()
    context = {
        "tab": "trust_never",
        "groups": groups,
        "total": sum(group.addresses for group in groups),
        "is_cut": len(groups) == trust.GROUPS,
        "kinds": IdentityKind.choices(),
    }
    return render(request, "web/trust_never.html", context)


@login_required
@require_POST
def ask_never_again(request: HttpRequest) -> HttpResponse:
    """Is this one address on the list? The answer says yes or no and repeats no address."""
    by = staff(request)
    kind = next((word for word in IdentityKind if word.value == request.POST.get("kind")), None)
    try:
        if kind is None:
            raise BadInput(_("what it is was not chosen"), remedy=_("Choose e-mail, phone or customer number."))
        is_on_it = trust.on_never_again(
            kind, request.POST.get("address", ""), by=by, source=request.POST.get("source", "").strip()
        )
    except BadInput as error:
        messages.error(request, sentence_of(error))
    else:
        if is_on_it:
            messages.warning(request, _("Yes, it is on the list: nothing reaches it, on any road."))
        else:
            messages.success(request, _("No, it is not on the list."))
    return redirect("trust_never")


@login_required
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """The audit trail, newest first."""
    user = staff(request)
    wanted, below = _wanted_deed(request), request.GET.get("below", "")
    if below and not _is_number(below):
        raise Http404("no such place in the trail")
    rows, following = audit_queries.page(wanted, limit=ROWS, below=int(below) if below else None)
    asked = {name: request.GET[name] for name in ("verb", "actor", "subject", "from", "to") if request.GET.get(name)}
    context = {
        "tab": "trust_audit",
        "rows": rows,
        "next": "?" + urlencode({**asked, "below": following}) if following else "",
        "first": "?" + urlencode(asked) if below else "",
        "asked": request.GET,
        "wanted": wanted,
        "staff": User.objects.order_by("name", "email"),
        "checked": trust.last_check(),
        "newest": audit_queries.last(),
        "may_check": user.may(Deed.SETTINGS),
        "may_export": user.may(Deed.EXPORT),
        "is_narrowed": bool(asked),
    }
    return render(request, "web/trust_audit.html", context)


@login_required
@require_POST
def check_audit(request: HttpRequest) -> HttpResponse:
    """Follow the trail link by link, now."""
    found = trust.check_chain(by=staff_for(request, Deed.SETTINGS))
    if found.broken_at is None:
        messages.success(request, _("The trail is whole, up to entry %(n)s.") % {"n": found.up_to})
    else:
        messages.error(request, _("Entry %(n)s does not follow from the one before it.") % {"n": found.broken_at})
    return redirect("trust_audit")


@login_required
@require_POST
def audit_file(request: HttpRequest) -> StreamingHttpResponse:
    """The trail, as narrowed on the page, as a file for a spreadsheet. Taking it is itself written down: a POST."""
    by = staff_for(request, Deed.EXPORT)
    try:
        lines = trust.audit_file(_wanted_deed(request, given=request.POST), by=by)
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit-{business_day().isoformat()}.csv"'
    return answer


def _wanted_no(request: HttpRequest) -> refusal_queries.Wanted:
    """Which refusals the address asks for; words it does not know are left out."""
    person = request.GET.get("person", "")
    return refusal_queries.Wanted(
        rule=next((rule for rule in kept.NOS if rule == request.GET.get("rule")), ""),
        party=int(person) if _is_number(person) else None,
        touch_class=next((word for word in TouchClass if word.value == request.GET.get("class")), None),
        channel=next((word for word in Channel if word.value == request.GET.get("channel")), None),
    )


def _wanted_deed(request: HttpRequest, *, given: Any = None) -> audit_queries.Wanted:
    """Which entries are asked for; days are the business's own, the last one included."""
    given = request.GET if given is None else given
    actor, since, until = given.get("actor", ""), _day(given.get("from", "")), _day(given.get("to", ""))
    return audit_queries.Wanted(
        verb=given.get("verb", "")[:40].strip().replace("\x00", ""),
        actor=int(actor) if _is_number(actor) else None,
        subject=given.get("subject", "")[:80].strip().replace("\x00", ""),
        since=_midnight(since) if since else None,
        until=_midnight(until + timedelta(days=1)) if until else None,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), business_zone())


def _day(text: str) -> date | None:
    """A day of the address; None for what is none, or so far off that no entry can be there."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year <= 2200 else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _place(text: str) -> refusal_queries.Place | None:
    """Where the page before ended. Raises Http404 for what is no place."""
    if not text:
        return None
    refusal, dot, decision = text.partition(".")
    if not dot or not all(part == "" or _is_number(part) for part in (refusal, decision)):
        raise Http404("no such place among the refusals")
    return refusal_queries.Place(int(refusal) if refusal else None, int(decision) if decision else None)


def _day_and_number(text: str) -> tuple[date, int] | None:
    if not text:
        return None
    day, _dot, number = text.partition(".")
    on = _day(day)
    if on is None or not _is_number(number):
        raise Http404("no such place among the requests")
    return on, int(number)


urlpatterns: list[URLPattern] = [
    path("trust/", trust_policies.page, name="trust"),
    path("trust/policy/", trust_policies.keep, name="trust_policy"),
    path("trust/policy/people/", trust_policies.people, name="trust_people"),
    path("trust/law/", law, name="trust_law"),
    path("trust/clocks/", clocks, name="trust_clocks"),
    path("trust/refusals/", refusals, name="trust_refusals"),
    path("trust/requests/", requests, name="trust_requests"),
    path("trust/requests/<int:request_id>/answer/", answer_request, name="trust_answer"),
    path("trust/never-again/", never_again, name="trust_never"),
    path("trust/never-again/ask/", ask_never_again, name="trust_never_ask"),
    path("trust/audit/", audit, name="trust_audit"),
    path("trust/audit/check/", check_audit, name="trust_check"),
    path("trust/audit/file/", audit_file, name="trust_file"),
    path("tasks/<int:task_id>/begin/", begin, name="task_begin"),
]
