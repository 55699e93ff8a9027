"""The newsletter: issues written, looked at, sent once to each whom they fit, and taken back. GET shows, POST acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal import job_queries
from rekindle.journal.models import ContentItem, Issue, IssueState, Job, JobState, MessageState
from rekindle.relationships.models import Party
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.load_pages import Work
from rekindle.workflows import newsletter
from rekindle.workflows.newsletter_readers import RECEIPTS, Receipt
from rekindle.workflows.why_not import business_zone

ROWS: Final = 30
OFFERED: Final = 100
"""Things worth reading that an issue is chosen from: the newest."""
BEGINS: Final = 9
"""The hour, where the business is, at which a day named for an issue begins. Our choice; quiet hours hold besides."""
PATIENCE: Final = timedelta(seconds=15)
VERBS: Final = (newsletter.LOOK, newsletter.SEND, newsletter.UNDO)


@dataclass(frozen=True)
class Answer:
    """One line of who would get it: how many, and some of them with a word about each."""

    receipt: Receipt
    n: int
    people: list[tuple[Party, str]]


@login_required
@require_GET
def issues(request: HttpRequest) -> HttpResponse:
    """All issues, the newest first."""
    user, before = staff(request), given.number(request.GET, "before")
    rows = Issue.objects.select_related("signer").order_by("-pk")
    found = list((rows if before is None else rows.filter(pk__lt=before))[: ROWS + 1])
    shown = found[:ROWS]
    context = {
        "rows": [{"issue": one, "state": IssueState(one.state)} for one in shown],
        "next": shown[-1].pk if len(found) > ROWS else None,
        "may_write": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/issues.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_issue(request: HttpRequest) -> HttpResponse:
    """A new issue, begun empty."""
    return _page(request, None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, issue_id: int) -> HttpResponse:
    """One issue: its words while it is a draft, who would get it, how it reads, and what became of it."""
    return _page(request, _known(issue_id))


@login_required
@require_POST
def look(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Have it worked out who would get it."""
    by = staff_for(request, Deed.ANSWER_TASKS)
    return _acted(request, issue_id, lambda: newsletter.ask_look(issue_id, by=by), "")


@login_required
@require_POST
def send(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Into the outbox; or go on with it, where a worker was lost."""
    by = staff_for(request, Deed.SETTINGS)
    verb = newsletter.go_on if request.POST.get("do") == "go_on" else newsletter.send
    return _acted(
        request, issue_id, lambda: verb(issue_id, by=by),
        _("On its way into the outbox. Each message is asked about again in the instant it goes."),
    )  # fmt: skip


@login_required
@require_POST
def undo(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Hold back what is still waiting."""
    by = staff_for(request, Deed.SETTINGS)
    return _acted(
        request, issue_id, lambda: newsletter.undo(issue_id, by=by),
        _("Taken back. What is still waiting is held; what went already stays with those who have it."),
    )  # fmt: skip


@login_required
@require_GET
def progress(request: HttpRequest, issue_id: int) -> HttpResponse:
    """The part that renews itself; when nothing is under way any more the whole page is asked for again."""
    one, job = _known(issue_id), _under_way(issue_id)
    if not wants_part(request):
        return redirect("issue", issue_id)
    if job is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "web/issue_progress.html", {"issue": one, "work": _work(job)})


def _page(request: HttpRequest, one: Issue | None) -> HttpResponse:
    user = staff(request) if request.method != "POST" else staff_for(request, Deed.ANSWER_TASKS)
    fault = ""
    if request.method == "POST":
        try:
            kept = newsletter.keep(_wanted(request.POST), by=user, number=one.pk if one else None)
        except (BadInput, Conflict) as error:
            fault = sentence_of(error)
        else:
            messages.success(request, _("Kept. Now look who would get it."))
            return redirect("issue", kept.pk)
    is_draft = one is None or one.state == IssueState.DRAFT.value
    context: dict[str, Any] = {
        "issue": one, "fault": fault, "is_draft": is_draft, "form": _form(one, request.POST if fault else None),
        "offered": _offered(one) if is_draft else [], "languages": newsletter.LANGUAGES,
        "signers": User.objects.filter(is_active=True).exclude(name="").order_by("name")[:OFFERED] if is_draft else [],
        "may_write": user.may(Deed.ANSWER_TASKS), "may_send": user.may(Deed.SETTINGS),
        "fastest": newsletter.FASTEST, "at_least": newsletter.AT_LEAST, "at_most": newsletter.AT_MOST,
    }  # fmt: skip
    if one is not None:
        context |= _standing(one) | _read_by(one, request.GET)
    return render(request, "web/issue.html", context)


def _standing(one: Issue) -> dict[str, Any]:
    """What is known of an issue: who would get it, what is under way, what became of it."""
    job, last = _under_way(one.pk), _jobs(one.pk).order_by("-pk").first()
    gets = (one.looked.get("counts") or {}).get(Receipt.GETS.value, 0)
    outcome = newsletter.outcome(one) if one.state != IssueState.DRAFT.value else {}
    return {
        "state": IssueState(one.state), "work": _work(job) if job else None,
        "trouble": last.error if last is not None and last.state == JobState.FAILED.value else "",
        "is_stopped": one.state == IssueState.QUEUEING.value and job is None,
        "answers": _answers(one), "rules": _rules(one), "findings": newsletter.findings(one),
        "lacks": newsletter.lacks(one), "chosen_items": newsletter.items_of(one), "gets": gets,
        "minutes": -(-gets // one.per_minute),
        "hours": gets / one.per_minute / 60,
        "outcome": None if outcome is None else [(MessageState(word), n) for word, n in sorted(outcome.items())],
        "may_undo": one.state in (IssueState.QUEUEING.value, IssueState.QUEUED.value)
        or bool(outcome and outcome.get(MessageState.QUEUED.value)),
    }  # fmt: skip


def _answers(one: Issue) -> list[Answer]:
    """The answers of the last look, with names; whoever is gone since has none."""
    counts, names = one.looked.get("counts") or {}, one.looked.get("names") or {}
    people = Party.objects.in_bulk([number for shown in names.values() for number, _n, _rule in shown])
    return [
        Answer(
            receipt, counts[receipt.value],
            [(people[number], _about(receipt, n, rule)) for number, n, rule in names.get(receipt.value, [])
             if number in people],
        )
        for receipt in RECEIPTS if counts.get(receipt.value)
    ]  # fmt: skip


def _about(receipt: Receipt, items: int, rule: int) -> str:
    if receipt is Receipt.REFUSED and rule >= 0:
        return newsletter.refused_by(rule)
    return _("%(n)s items") % {"n": items} if receipt is Receipt.GETS else ""


def _rules(one: Issue) -> list[tuple[str, int]]:
    """How many each rule refuses, the most first."""
    counted = sorted((one.looked.get("rules") or {}).items(), key=lambda told: -told[1])
    return [(newsletter.refused_by(word), n) for word, n in counted]


def _read_by(one: Issue, asked: QueryDict) -> dict[str, Any]:
    """How one person reads it: whoever was asked for, else the first of those who would get it."""
    number = given.number(asked, "person")
    if number is None:
        shown = (one.looked.get("names") or {}).get(Receipt.GETS.value) or []
        number = shown[0][0] if shown else None
    party = Party.objects.filter(pk=number).first() if number is not None else None
    if party is None:
        return {}
    fragment, items = newsletter.fragment(one, party)
    return {"reader": party, "reads": items, "fragment": fragment}


def _wanted(form: QueryDict) -> newsletter.Wanted:
    day, signer = given.day(form, "not_before"), given.number(form, "signer")
    per_minute = given.number(form, "per_minute")
    return newsletter.Wanted(
        title=form.get("title", ""), opening=form.get("opening", ""),
        items=tuple(int(one) for one in form.getlist("items") if one.isascii() and one.isdigit() and len(one) < 10),
        language=form.get("language", "en"), per_minute=60 if per_minute is None else per_minute,
        not_before=datetime(day.year, day.month, day.day, BEGINS, tzinfo=business_zone()) if day else None,
        signer=User.objects.filter(pk=signer, is_active=True).exclude(name="").first() if signer else None,
    )  # fmt: skip


def _form(one: Issue | None, posted: QueryDict | None) -> dict[str, Any]:
    """What stands in the form: what was written, or the issue as it is."""
    if posted is not None:
        names = ("title", "opening", "language", "per_minute", "not_before", "signer")
        return {name: posted.get(name, "") for name in names} | {"items": posted.getlist("items")}
    if one is None:
        return {"language": "en", "per_minute": 60, "items": []}
    day = timezone.localtime(one.not_before, business_zone()).date().isoformat() if one.not_before else ""
    return {
        "title": one.title, "opening": one.opening, "language": one.language, "per_minute": one.per_minute,
        "not_before": day, "signer": str(one.signer_id or ""), "items": [str(number) for number in one.items],
    }  # fmt: skip


def _offered(one: Issue | None) -> list[ContentItem]:
    """What may be chosen: what is not withdrawn nor old, the newest first, and whatever is chosen already."""
    today = timezone.localdate()
    rows = ContentItem.objects.filter(withdrawn_at=None)
    fresh = [item for item in rows.order_by("-pk")[: 2 * OFFERED] if not item.fresh_until or item.fresh_until >= today]
    chosen = [item for item in rows.filter(pk__in=one.items) if item not in fresh[:OFFERED]] if one else []
    return fresh[:OFFERED] + chosen


def _acted(request: HttpRequest, issue_id: int, act: Callable[[], Job], said: str) -> HttpResponse:
    _known(issue_id)
    try:
        act()
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    except (BadInput, Conflict) as error:
        messages.error(request, sentence_of(error))
    else:
        if said:
            messages.success(request, said)
    return redirect("issue", issue_id)


def _known(number: int) -> Issue:
    try:
        return newsletter.find(number)
    except NotFound as error:
        raise Http404(str(error)) from error


def _jobs(number: int) -> Any:
    return Job.objects.filter(verb__in=VERBS, arguments={"issue": number})


def _under_way(number: int) -> Job | None:
    found: Job | None = _jobs(number).filter(state__in=job_queries.UNFINISHED).order_by("-pk").first()
    return found


def _work(job: Job) -> dict[str, Any]:
    """The work as the shared part shows it, under a title of its own."""
    told = Work.of(job, now=timezone.now(), patience=PATIENCE)
    titles = {
        newsletter.LOOK: _("Working out who would get it"),
        newsletter.SEND: _("Putting it into the outbox"),
        newsletter.UNDO: _("Taking it back"),
    }
    return {
        "title": titles[job.verb], "progress": job.progress, "is_waiting": told and told.is_waiting,
        "is_stuck": told and told.is_stuck,
    }  # fmt: skip


urlpatterns: list[URLPattern] = [
    path("content/issues/", issues, name="issues"),
    path("content/issues/new/", new_issue, name="issue_new"),
    path("content/issues/<int:issue_id>/", issue, name="issue"),
    path("content/issues/<int:issue_id>/look/", look, name="issue_look"),
    path("content/issues/<int:issue_id>/send/", send, name="issue_send"),
    path("content/issues/<int:issue_id>/undo/", undo, name="issue_undo"),
    path("content/issues/<int:issue_id>/progress/", progress, name="issue_progress"),
]
