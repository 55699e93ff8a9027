"""What we owe: the page of promises, and the acts on one person's section. GET asks, POST acts and goes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput
from rekindle.relationships import owed_queries, queries
from rekindle.relationships.models import Case, Feedback, Goal, Milestone, Party, Promise, StakeholderRole, Tie
from rekindle.relationships.vocabulary import FeedbackKind, MilestoneKind, PromiseState, StakeholderKind
from rekindle.web.acts import Act, View, writes
from rekindle.web.gate import staff, wants_part
from rekindle.web.given import day as given_day
from rekindle.web.given import number as given_number
from rekindle.web.given import party as given_party
from rekindle.web.given import place_of
from rekindle.web.given import word as given_word
from rekindle.words import Word
from rekindle.workflows import cases, feedback, milestones, promises, roles
from rekindle.workflows.owed import feedback_views, owed_view, promise_views
from rekindle.workflows.today import business_day

ROWS: Final = 50
FEEDBACK_ROWS: Final = 20
RECORD_DAYS: Final = 365

W = TypeVar("W", bound=Word)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Promises by their day: those that wait, or what became of the others; htmx gets the list only."""
    user = staff(request)
    is_all, is_answered = request.GET.get("whose") == "all", request.GET.get("show") == "answered"
    chosen, after = _member(request.GET.get("of", "")), place_of(request.GET.get("after", ""), date.fromisoformat)
    whose = chosen or (None if is_all else user)
    today = business_day()
    ask = owed_queries.promises_answered if is_answered else owed_queries.promises_waiting
    found = ask(whose=whose, after=after, limit=ROWS + 1)
    rows = promise_views(found[:ROWS], today=today)
    record = owed_queries.promise_record(whose=whose, until=today, days=RECORD_DAYS)
    context = {
        "groups": [] if is_answered else _groups(rows),
        "answered": rows if is_answered else [],
        "is_all": is_all,
        "chosen": chosen,
        "staff": queries.owners(),
        "is_answered": is_answered,
        "today": today,
        "record": record,
        "bad_marks": feedback_views(owed_queries.unanswered_feedback(whose=whose, limit=FEEDBACK_ROWS)),
        "next": _next(found[ROWS - 1], is_all=is_all, is_answered=is_answered, of=chosen) if len(found) > ROWS else "",
        "is_first": after is None,
        "here": "promises",
        "may_answer": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/promises_list.html" if wants_part(request) else "web/promises.html", context)


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person's section by itself; htmx gets the section only."""
    party = get_object_or_404(Party, pk=party_id)
    context = {
        "owed": owed_view(party),
        "party": party,
        "here": "owed",
        "may_answer": staff(request).may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/owed_person.html" if wants_part(request) else "web/owed.html", context)


def _groups(rows: list[Any]) -> list[dict[str, Any]]:
    """Open promises under a heading each: overdue, today, later; empty ones left out."""
    groups = [
        {"title": _("Overdue"), "wash": "risk", "rows": [row for row in rows if row.is_overdue]},
        {"title": _("Due today"), "wash": "note", "rows": [row for row in rows if row.is_due_today]},
        {"title": _("Still to come"), "wash": "", "rows": [row for row in rows if row.days < 0]},
    ]
    return [group for group in groups if group["rows"]]


def _member(text: str) -> User | None:
    """The member of staff whose promises are asked for, from the address. Raises Http404 for nobody of ours."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404("no such member of staff")
    return get_object_or_404(User, pk=int(text))


def _next(last: Promise, *, is_all: bool, is_answered: bool, of: User | None) -> str:
    asked = {"whose": "all" if is_all else "", "show": "answered" if is_answered else ""}
    asked["of"] = str(of.pk) if of else ""
    place = {"after": f"{last.due_on.isoformat()}.{last.pk}"}
    return "?" + urlencode({**{name: value for name, value in asked.items() if value}, **place})


_NAMED: Final[Mapping[str, type[Model]]] = {
    "party_id": Party,
    "promise_id": Promise,
    "milestone_id": Milestone,
    "case_id": Case,
    "feedback_id": Feedback,
    "goal_id": Goal,
    "role_id": StakeholderRole,
    "tie_id": Tie,
}
"""What each number of an address names: one that names nothing is 404, whatever else the form says."""


def _writes(said: LazyText) -> Callable[[Act], View]:
    return writes(said, named=_NAMED, back=_back)


def _back(given: QueryDict, *, party_id: int | None) -> str:
    """Where the form stood: Promises, the section by itself, or the person's page. No address is taken from it."""
    here, whom = given.get("here", ""), given.get("whom", "")
    if party_id is None and whom.isascii() and whom.isdigit() and len(whom) < 19:
        party_id = int(whom)
    if here == "promises" or party_id is None:
        return reverse("promises") + ("?whose=all" if given.get("whose") == "all" else "")
    return reverse("person_owed" if here == "owed" else "person", args=[party_id]) + "#owed"


@_writes(gettext_lazy("The promise is kept in mind."))
def make_promise(given: QueryDict, *, by: User, party_id: int) -> int:
    due_on = given_day(given, "due_on")
    if due_on is None:
        raise BadInput(_("the day it is due is missing"), remedy=_("Give the day by which it is to be kept."))
    promises.make(given_party(party_id), text=given.get("text", ""), due_on=due_on, by=by)
    return party_id


@_writes(gettext_lazy("What became of the promise is written down."))
def answer_promise(given: QueryDict, *, by: User, promise_id: int) -> int:
    state = given_word(PromiseState, given.get("state"), what=_("what became of it"))
    outcome, told = given.get("outcome", ""), given.get("told") == "on"
    return promises.answer(promise_id, state=state, by=by, outcome=outcome, told=told).relationship.party_id


@_writes(gettext_lazy("They have heard of it."))
def tell_promise(_given: QueryDict, *, by: User, promise_id: int) -> int:
    return promises.tell(promise_id, by=by).relationship.party_id


@_writes(gettext_lazy("The promise is open again."))
def undo_promise(_given: QueryDict, *, by: User, promise_id: int) -> int:
    return promises.undo(promise_id, by=by).relationship.party_id


@_writes(gettext_lazy("The day is kept."))
def add_milestone(given: QueryDict, *, by: User, party_id: int) -> int:
    on, precision = milestones.known_parts(
        day=given_number(given, "day"), month=given_number(given, "month"), year=given_number(given, "year")
    )
    milestones.add(
        given_party(party_id),
        kind=given_word(MilestoneKind, given.get("kind"), what=_("what happened")),
        on=on,
        precision=precision,
        title=given.get("title", ""),
        is_sensitive=given.get("is_sensitive") == "on",
        may_remember=given.get("may_remember") == "on",
        by=by,
    )
    return party_id


@_writes(gettext_lazy("Their word is kept."))
def allow_milestone(given: QueryDict, *, by: User, milestone_id: int) -> int:
    return milestones.allow(milestone_id, may_remember=given.get("may_remember") == "on", by=by).party_id


@_writes(gettext_lazy("The day is forgotten."))
def remove_milestone(_given: QueryDict, *, by: User, milestone_id: int) -> int:
    return milestones.remove(milestone_id, by=by)


@_writes(gettext_lazy("The case is open."))
def open_case(given: QueryDict, *, by: User, party_id: int) -> int:
    cases.open_case(given_party(party_id), title=given.get("title", ""), words=given.get("words", ""), by=by)
    return party_id


@_writes(gettext_lazy("The case is solved."))
def solve_case(given: QueryDict, *, by: User, case_id: int) -> int:
    return cases.solve(case_id, outcome=given.get("outcome", ""), by=by).relationship.party_id


@_writes(gettext_lazy("The case is open again."))
def reopen_case(_given: QueryDict, *, by: User, case_id: int) -> int:
    return cases.reopen(case_id, by=by).relationship.party_id


@_writes(gettext_lazy("Their answer is kept."))
def give_feedback(given: QueryDict, *, by: User, party_id: int) -> int:
    kind = given_word(FeedbackKind, given.get("kind"), what=_("the kind of answer"))
    feedback.give(
        given_party(party_id), kind=kind, score=given_number(given, "score"), words=given.get("words", ""), by=by
    )
    return party_id


@_writes(gettext_lazy("What you answered is kept."))
def close_feedback(given: QueryDict, *, by: User, feedback_id: int) -> int:
    return feedback.close(feedback_id, answer=given.get("answer", ""), by=by).relationship.party_id


@_writes(gettext_lazy("The goal is kept."))
def set_goal(given: QueryDict, *, by: User, party_id: int) -> int:
    cases.set_goal(given_party(party_id), text=given.get("text", ""), by_day=given_day(given, "by_day"), by=by)
    return party_id


@_writes(gettext_lazy("What became of the goal is written down."))
def end_goal(given: QueryDict, *, by: User, goal_id: int) -> int:
    end = {"reached": cases.reach, "given_up": cases.give_up}.get(given.get("to", ""))
    if end is None:
        raise BadInput(_("what became of the goal is missing"), remedy=_("Say reached or given up."))
    return end(goal_id, by=by).relationship.party_id


@_writes(gettext_lazy("The role is written down."))
def take_role(given: QueryDict, *, by: User, party_id: int) -> int:
    name = given.get("organisation", "").strip()
    roles.take_role(
        given_party(party_id),
        kind=given_word(StakeholderKind, given.get("kind"), what=_("the role")),
        organisation=roles.organisation_named(name, by=by) if name else None,
        from_day=given_day(given, "from_day"),
        note=given.get("note", ""),
        by=by,
    )
    return party_id


@_writes(gettext_lazy("The role has ended; it stays in the record."))
def end_role(given: QueryDict, *, by: User, role_id: int) -> int:
    return roles.end_role(role_id, to_day=given_day(given, "to_day"), by=by).party_id


@_writes(gettext_lazy("The move is written down."))
def change_employer(given: QueryDict, *, by: User, party_id: int) -> int:
    left, on = given_number(given, "from"), given_day(given, "on")
    if left is None or on is None:
        raise BadInput(_("the old employer or the day is missing"), remedy=_("Give both."))
    roles.change_employer(
        given_party(party_id),
        from_=given_party(left),
        to=roles.organisation_named(given.get("to", ""), by=by),
        on=on,
        kind=given_word(StakeholderKind, given.get("kind"), what=_("the role")),
        is_told_by_them=given.get("told") == "on",
        by=by,
    )
    return party_id


@_writes(gettext_lazy("The tie is written down."))
def write_tie(given: QueryDict, *, by: User, party_id: int) -> int:
    member = User.objects.filter(pk=given_number(given, "staff") or 0).first()
    if member is None:
        raise BadInput(_("nobody is chosen"), remedy=_("Choose who of us knows them."))
    strength, since = given_number(given, "strength") or 1, given_day(given, "since")
    roles.tie(given_party(party_id), staff=member, since=since, strength=strength, note=given.get("note", ""), by=by)
    return party_id


@_writes(gettext_lazy("The tie has ended."))
def end_tie(_given: QueryDict, *, by: User, tie_id: int) -> int:
    return roles.end_tie(tie_id, by=by).party_id


urlpatterns: list[URLPattern] = [
    path("promises/", page, name="promises"),
    path("promises/<int:promise_id>/answer/", answer_promise, name="promise_answer"),
    path("promises/<int:promise_id>/told/", tell_promise, name="promise_told"),
    path("promises/<int:promise_id>/undo/", undo_promise, name="promise_undo"),
    path("people/<int:party_id>/owed/", person, name="person_owed"),
    path("people/<int:party_id>/promises/", make_promise, name="promise_make"),
    path("people/<int:party_id>/milestones/", add_milestone, name="milestone_add"),
    path("milestones/<int:milestone_id>/allow/", allow_milestone, name="milestone_allow"),
    path("milestones/<int:milestone_id>/remove/", remove_milestone, name="milestone_remove"),
    path("people/<int:party_id>/cases/", open_case, name="case_open"),
    path("cases/<int:case_id>/solve/", solve_case, name="case_solve"),
    path("cases/<int:case_id>/reopen/", reopen_case, name="case_reopen"),
    path("people/<int:party_id>/feedback/", give_feedback, name="feedback_give"),
    path("feedback/<int:feedback_id>/close/", close_feedback, name="feedback_close"),
    path("people/<int:party_id>/goals/", set_goal, name="goal_set"),
    path("goals/<int:goal_id>/end/", end_goal, name="goal_end"),
    path("people/<int:party_id>/roles/", take_role, name="role_take"),
    path("roles/<int:role_id>/end/", end_role, name="role_end"),
    path("people/<int:party_id>/employer/", change_employer, name="employer_change"),
    path("people/<int:party_id>/ties/", write_tie, name="tie_write"),
    path("ties/<int:tie_id>/end/", end_tie, name="tie_end"),
]
