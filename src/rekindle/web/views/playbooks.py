"""Playbooks: the list, one plan as a flow, its people, its versions, its text, a dry run. GET asks, POST acts."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise as LazyText
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, Refused, RekindleError
from rekindle.journal import playbook_queries
from rekindle.journal.models import Enrolment, EnrolmentState, Playbook, PlaybookState, PlaybookVersion
from rekindle.relationships.models import Party, Relationship
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.workflows import playbook_text, playbook_view
from rekindle.workflows.playbooks import books, dry_run
from rekindle.workflows.playbooks.dry_run import DryRun
from rekindle.workflows.playbooks.enter import Entry, first_due

PEOPLE: Final = 25
NAMES: Final = 50
VERSIONS: Final = 20
LONGEST_TEXT: Final = 60_000
_PLACEHOLDER: Final = """playbook: my_plan
version: "1"
title: {en: "What it is called"}
about: {en: "One or two sentences."}
enter:
  on: first_day
  days: 7
  within_days: 7
leave: [opted_out, closed, deceased, ended]
steps:
  - wait_days: 0
    do: task
    task: call
    class: relationship
    line: {en: "How was the first week?"}
"""
"""What the form of a new playbook begins with; it is a whole plan, and turned off until somebody turns it on."""

TURNS: Final[dict[str, tuple[tuple[PlaybookState, ...], LazyText]]] = {
    "on": ((PlaybookState.OFF,), gettext_lazy("It is on. Whoever has the occasion enters.")),
    "pause": ((PlaybookState.ON,), gettext_lazy("It is paused. Everybody stays where they are.")),
    "resume": ((PlaybookState.PAUSED,), gettext_lazy("It goes on where everybody stood.")),
    "off": ((PlaybookState.ON, PlaybookState.PAUSED), gettext_lazy("It is off. Nobody is under way in it any more.")),
}
"""Each turn: from which states it is offered, and the sentence after it."""


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every playbook, those that work first."""
    user = staff(request)
    context = {"rows": playbook_view.rows(language=_language()), "may_change": user.may(Deed.SETTINGS)}
    return render(request, "web/playbooks.html", context)


@login_required
@require_GET
def one(request: HttpRequest, plan: str) -> HttpResponse:
    """One playbook drawn as a flow, who is in it, and its versions; htmx gets the people only."""
    user, row = staff(request), _playbook(plan)
    state = next((word for word in EnrolmentState if word.value == request.GET.get("state")), EnrolmentState.ACTIVE)
    before = _number(request.GET.get("before", ""))
    people, after = playbook_view.people(row, state, before=before, limit=PEOPLE, language=_language())
    context: dict[str, Any] = {
        "playbook": row,
        "people": people,
        "next": after,
        "is_first": before is None,
        "shown_state": state,
        "states": list(EnrolmentState),
    }
    if wants_part(request):
        return render(request, "web/playbook_people.html", context)
    said = books.plan(row.current)  # type: ignore[arg-type]  # _playbook gives none without a version
    state_of = PlaybookState(row.state)
    context |= {
        **_named(row),
        "about": said.said("about", _language()),
        "flow": playbook_view.flow(said, language=_language()),
        "state": state_of,
        "wash": playbook_view.WASH_OF_STATE[state_of],
        "turns": [turn for turn, (states, _said) in TURNS.items() if state_of in states],
        "may_change": user.may(Deed.SETTINGS),
        **_versions(row, request.GET.get("version", "")),
    }
    return render(request, "web/playbook.html", context)


def _versions(row: Playbook, asked: str) -> dict[str, Any]:
    """The newest versions, and one of them beside the one before it."""
    versions = list(row.versions.select_related("made_by").order_by("-number")[:VERSIONS])
    shown = next((one for one in versions if str(one.number) == asked), versions[0] if versions else None)
    before = row.versions.filter(number__lt=shown.number).order_by("-number").first() if shown else None
    pairs = _compared(before, shown) if shown and before else []
    return {"versions": versions, "shown_version": shown, "before_version": before, "pairs": pairs}


def _compared(before: PlaybookVersion, shown: PlaybookVersion) -> list[playbook_text.Pair]:
    return playbook_text.side_by_side(playbook_text.as_text(before.body), playbook_text.as_text(shown.body))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def turn(request: HttpRequest, plan: str) -> HttpResponse:
    """Turn it on, pause it, let it go on, turn it off: first what will happen, then the act."""
    if request.method != "POST":
        user, row = staff(request), _playbook(plan)
        to = _turn(request.GET.get("to", ""), row)
        run = _run(row) if to == "on" else None
        context = {
            **_named(row),
            "to": to,
            "run": run,
            "counts": _counts(run) if run else (),
            "under_way": playbook_queries.under_way([row])[row.pk],
            "may_change": user.may(Deed.SETTINGS),
        }
        return render(request, "web/playbook_turn.html", context)
    by, row = staff_for(request, Deed.SETTINGS), _playbook(plan)
    to = request.POST.get("to", "")
    acts = {"on": books.turn_on, "pause": books.pause, "resume": books.resume, "off": books.turn_off}
    if to not in acts:
        messages.error(request, _("Say whether to turn it on, pause it or turn it off."))
        return redirect("playbook", row.code)
    try:
        acts[to](row.code, by=by)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, str(TURNS[to][1]))
    return redirect("playbook", row.code)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, plan: str = "") -> HttpResponse:
    """A playbook as text. Looking runs it dry; keeping makes a new version. What is wrong is said beside its line."""
    by = staff_for(request, Deed.SETTINGS)
    row = _playbook(plan) if plan else None
    form = {
        "text": playbook_text.as_text(row.current.body) if row and row.current else _PLACEHOLDER,
        "note": "",
        "after": str(row.current.number) if row and row.current else "",
    }
    context: dict[str, Any] = {"form": form, "playbook": row, "longest": LONGEST_TEXT}
    if row:
        context |= _named(row)
    if request.method == "POST":
        form |= {
            "text": request.POST.get("text", "").replace("\r\n", "\n"),
            "note": request.POST.get("note", ""),
            "after": request.POST.get("after", ""),
        }
        try:
            kept = _keep_or_look(request, row, form, context, by=by)
        except RekindleError as error:
            context["fault"] = _with_stop(error)
            if isinstance(error, BadInput):
                context["line"] = playbook_text.fault_line(form["text"], error)
                context["place"] = error.where.partition(": ")[2]
        else:
            if kept is not None:
                messages.success(request, _("Kept as a new version. People under way stay in the one they entered."))
                return redirect("playbook", kept)
    return render(request, "web/playbook_edit.html", context)


def _keep_or_look(
    request: HttpRequest, row: Playbook | None, form: dict[str, str], context: dict[str, Any], *, by: User
) -> str | None:
    """The code of the playbook that was kept; None where it was only looked at. Raises RekindleError."""
    made = books.draft(form["text"])
    if row is not None and made.code != row.code:
        raise BadInput(
            _("it calls itself %(code)s") % {"code": made.code},
            where="this playbook: playbook",
            remedy=_("Keep the name %(code)s, or write a new playbook.") % {"code": row.code},
        )
    if row is None and Playbook.objects.filter(code=made.code).exists():
        raise BadInput(
            _("there is a playbook %(code)s already") % {"code": made.code},
            where="this playbook: playbook",
            remedy=_("Give it another name, or change that one."),
        )
    if request.POST.get("do") == "keep":
        after = int(form["after"]) if form["after"].isascii() and form["after"].isdigit() else None
        books.new_version(form["text"], by=by, note=form["note"], after=after)
        return made.code
    run = dry_run.dry_run(made, playbook=row)
    names, more = run.names(Entry.ENTERS, limit=NAMES)
    context |= {
        "run": run,
        "counts": _counts(run),
        "names": names,
        "more": more is not None,
        "flow": playbook_view.flow(made, language=_language()),
    }
    return None


@login_required
@require_GET
def dry(request: HttpRequest, plan: str) -> HttpResponse:
    """Who would enter now, who would not and why, with names, a page at a time; htmx gets the names only."""
    staff(request)
    row = _playbook(plan)
    run = _run(row)
    entry = next((word for word in Entry if word.value == request.GET.get("entry")), Entry.ENTERS)
    after = _number(request.GET.get("after", ""))
    names, more = run.names(entry, after=-1 if after is None else after, limit=NAMES)
    context = {**_named(row), "run": run, "counts": _counts(run), "entry": entry, "names": names, "more": more,
               "is_first": after is None}  # fmt: skip
    return render(request, "web/playbook_names.html" if wants_part(request) else "web/playbook_dry_run.html", context)


@login_required
@require_GET
def preview(request: HttpRequest, plan: str, party_id: int) -> HttpResponse:
    """One person's way through the plan: each step with its day, its road, the very words, and what the rules say."""
    staff(request)
    party = get_object_or_404(Party, pk=party_id)
    row = _playbook(plan)
    relationship = Relationship.objects.filter(party=party).select_related("party", "owner", "brand").first()
    if relationship is None:
        raise Http404("no relationship")
    active = Enrolment.objects.filter(
        playbook=row, relationship=relationship, state=EnrolmentState.ACTIVE.value
    ).select_related("version", "playbook", "relationship__party", "relationship__owner", "relationship__brand")
    enrolment = active.first()
    if enrolment is not None:
        way = playbook_view.on_the_way([enrolment], language=_language())[0]
        ahead = dry_run.ahead_of(enrolment)
    else:
        said = books.plan(row.current)  # type: ignore[arg-type]  # _playbook gives none without a version
        way, now = None, timezone.now()
        ahead = dry_run.steps_of(relationship, said, first=max(first_due(said, now), now))
    titles = playbook_view.letter_titles([one.step.letter for one in ahead], language=_language())
    steps = [(one, titles.get(one.step.letter, ""), _wash(one)) for one in ahead]
    return render(request, "web/playbook_preview.html", {**_named(row), "party": party, "way": way, "steps": steps})


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """The plans one person is in; htmx gets the section only."""
    staff(request)
    party = get_object_or_404(Party, pk=party_id)
    is_part = wants_part(request)
    context = {
        "party": party,
        "plans": playbook_view.plans_of(party, language=_language()),
        "left_alone": playbook_view.left_alone(party, language=_language()),
        "is_whole_page": not is_part,
    }
    return render(request, "web/plans_person.html" if is_part else "web/plans_person_page.html", context)


def _wash(one: dry_run.StepAhead) -> str:
    return playbook_view.WASH_OF_CLASS[one.touch_class] if one.touch_class else "quiet"


def _run(row: Playbook) -> DryRun:
    return dry_run.dry_run(books.plan(row.current), playbook=row)  # type: ignore[arg-type]  # has a version


def _counts(run: DryRun) -> tuple[tuple[Entry, int], ...]:
    """Who enters first, then the reasons by how many they keep out."""
    return tuple(sorted(run.counts.items(), key=lambda one: (one[0] is not Entry.ENTERS, -one[1], one[0].value)))


def _playbook(code: str) -> Playbook:
    """Raises Http404 where there is none of that code."""
    try:
        return books.playbook(code)
    except NotFound as error:
        raise Http404(str(error)) from error


def _named(row: Playbook) -> dict[str, Any]:
    said = books.plan(row.current)  # type: ignore[arg-type]  # _playbook gives none without a version
    return {"playbook": row, "title": said.said("title", _language())}


def _turn(to: str, row: Playbook) -> str:
    """The turn asked about; the first that fits where none is named. Raises Http404 for one that is none."""
    state = PlaybookState(row.state)
    if not to:
        return next(name for name, (states, _said) in TURNS.items() if state in states)
    if to not in TURNS:
        raise Http404("no such turn")
    return to


def _number(text: str) -> int | None:
    """A place in a list, from the address. Raises Http404 for what is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404("no such place in this list")
    return int(text)


def _language() -> str:
    return (get_language() or "en")[:2]


def _with_stop(error: RekindleError) -> str:
    if isinstance(error, Refused):
        raise PermissionDenied(str(error)) from error
    return sentence_of(error)


urlpatterns: list[URLPattern] = [
    path("playbooks/", page, name="playbooks"),
    path("playbooks/new/", edit, name="playbook_new"),
    path("playbooks/<slug:plan>/", one, name="playbook"),
    path("playbooks/<slug:plan>/turn/", turn, name="playbook_turn"),
    path("playbooks/<slug:plan>/edit/", edit, name="playbook_edit"),
    path("playbooks/<slug:plan>/dry-run/", dry, name="playbook_dry_run"),
    path("playbooks/<slug:plan>/preview/<int:party_id>/", preview, name="playbook_preview"),
    path("people/<int:party_id>/plans/", person, name="person_plans"),
]
