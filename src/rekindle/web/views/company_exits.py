"""Endings by us: who is thought about, one ladder with its proposal and its second signature, and how one begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.relationships import company_exit_queries as exits_of
from rekindle.relationships import queries
from rekindle.relationships.models import CompanyExit, LadderStep, Party, Relationship
from rekindle.relationships.vocabulary import ExitGround, ExitState, Rung
from rekindle.web.acts import sentence_of
from rekindle.web.company_exit_forms import ProposalForm, StepForm
from rekindle.web.gate import staff, staff_for
from rekindle.web.views import burdens as burdens_pages
from rekindle.web.views import clean_break as clean_break_pages
from rekindle.workflows import burdens, company_exit_notice, company_exits, endings
from rekindle.workflows.company_exit_notice import Contract

SHOWN: Final = 20
ROWS: Final = 40
_LANES: Final = (ExitState.PROPOSED, ExitState.APPROVED, ExitState.OPEN, ExitState.ANNOUNCED)
"""What waits for somebody comes first."""


def _titles() -> dict[ExitState, tuple[str, str]]:
    """Heading of each lane, and what somebody does there next."""
    return {
        ExitState.PROPOSED: (
            _("Waits for a second person"),
            _("Read the facts and the notice; agree, or send it back."),
        ),
        ExitState.APPROVED: (
            _("Approved, not yet told"),
            _("Tell them, face to face where you can. Nobody learns it by silence."),
        ),
        ExitState.OPEN: (_("Being thought about"), _("Rung by rung; it may well end with them staying.")),
        ExitState.ANNOUNCED: (_("Told, notice runs"), _("Help them to leave well.")),
    }


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Everyone we think of letting go, by what is to be done next; and what became of earlier ones."""
    user, titles = staff(request), _titles()
    lanes = []
    for state in _LANES:
        title, following = titles[state]
        found = _stretch(exits_of.exits([state], limit=SHOWN))
        lanes.append({"title": title, "following": following, "state": state, **found})
    over = _stretch(exits_of.exits(exits_of.OVER, limit=SHOWN))
    context = {
        "lanes": [lane for lane in lanes if lane["cards"]],
        "over": over,
        "many": exits_of.MANY,
        "may_approve": user.may(Deed.APPROVE),
    }
    return render(request, "web/company_exits.html", context)


@login_required
@require_GET
def lane(request: HttpRequest, slug: str) -> HttpResponse:
    """One lane, or everything that is over, a page at a time."""
    states = {**{state.value: [state] for state in _LANES}, "over": list(exits_of.OVER)}.get(slug)
    if states is None:
        raise Http404(_("There is no such list."))
    before = request.GET.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0
    found = _stretch(exits_of.exits(states, limit=ROWS, before=number))
    title = _("Ended, or they stayed") if slug == "over" else _titles()[states[0]][0]
    return render(request, "web/company_exit_lane.html", {"lane": found, "title": title, "many": exits_of.MANY})


@login_required
@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, party_id: int) -> HttpResponse:
    """Give a doubt its name. Where somebody has done so already, their page is shown instead."""
    user, relationship = staff_for(request, Deed.ANSWER_TASKS), _relationship(party_id)
    known = exits_of.standing_exit(relationship)
    if known is not None:
        return redirect("company_exit", number=known.pk)
    error = ""
    if request.method == "POST":
        ground = next((word for word in ExitGround if word.value == request.POST.get("ground")), None)
        if ground is None:
            error = _("Choose what it is about.")
        else:
            try:
                made = company_exits.open(relationship, ground=ground, by=user)
            except RekindleError as refused:
                error = sentence_of(refused)
            else:
                return redirect("company_exit", number=made.pk)
    context = {
        "party": relationship.party,
        "name": _name(relationship),
        "grounds": [(ground.value, ground.label, _about(ground)) for ground in ExitGround],
        "error": error,
        "weight": burdens.of_person(relationship),
    }
    return render(request, "web/company_exit_begin.html", context)


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One ending by us: the ladder, what carries it, the proposal, the notice, the second signature."""
    return render(request, "web/company_exit.html", _one(request, _exit(number)))


@login_required
@require_POST
def act(request: HttpRequest, number: int) -> HttpResponse:
    """One deed, named by the button. What was typed into a form that cannot be kept stays on the page."""
    user, company_exit = staff_for(request, Deed.ANSWER_TASKS), _exit(number)
    deed = request.POST.get("deed", "")
    if deed == "step":
        return _step(request, company_exit, user)
    if deed in ("propose", "preview"):
        return _propose(request, company_exit, user, is_preview=deed == "preview")
    said = _DEEDS.get(deed)
    if said is None:
        raise Http404(_("There is no such deed."))
    try:
        messages.success(request, said(company_exit, user, request.POST.get("words", "")))
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    return redirect("company_exit", number=company_exit.pk)


def _step(request: HttpRequest, company_exit: CompanyExit, user: User) -> HttpResponse:
    form = StepForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            company_exits.step(company_exit, **{**given, "rung": Rung(given["rung"])}, by=user)
        except RekindleError as error:
            form.add_error(None, sentence_of(error))
        else:
            messages.success(request, _("The rung is written down."))
            return redirect("company_exit", number=company_exit.pk)
    return render(request, "web/company_exit.html", _one(request, company_exit, step=form))


def _propose(request: HttpRequest, company_exit: CompanyExit, user: User, *, is_preview: bool) -> HttpResponse:
    form, preview = ProposalForm(request.POST, company_exit=company_exit), None
    if form.is_valid():
        try:
            if is_preview:
                preview = company_exit_notice.draft(
                    company_exit.relationship, ground=ExitGround(company_exit.ground), proposal=form.proposal()
                )
            else:
                company_exits.propose(company_exit, proposal=form.proposal(), by=user)
                messages.success(request, _("Proposed. Nobody is told before a second person has agreed."))
                return redirect("company_exit", number=company_exit.pk)
        except RekindleError as error:
            form.add_error(None, sentence_of(error))
    return render(request, "web/company_exit.html", _one(request, company_exit, proposal=form, preview=preview))


def _pass_over(company_exit: CompanyExit, user: User, words: str) -> str:
    company_exits.pass_over(company_exit, reason=words, by=user)
    return _("The ladder is passed over, with your reason.")


def _approve(company_exit: CompanyExit, user: User, _words: str) -> str:
    company_exits.approve(company_exit, by=user)
    return _("Both of you have said so. Now tell them.")


def _send_back(company_exit: CompanyExit, user: User, words: str) -> str:
    company_exits.send_back(company_exit, reason=words, by=user)
    return _("Sent back, with your words.")


def _announce(company_exit: CompanyExit, user: User, words: str) -> str:
    told = company_exits.announce(company_exit, how=words, by=user)
    if told.state == ExitState.ENDED.value:
        return _("They have been told, and it has ended.")
    return _("They have been told; the notice runs.")


def _drop(company_exit: CompanyExit, user: User, words: str) -> str:
    company_exits.drop(company_exit, reason=words, by=user)
    return _("They stay.")


_DEEDS: Final[dict[str, Callable[[CompanyExit, User, str], str]]] = {
    "pass_over": _pass_over,
    "approve": _approve,
    "send_back": _send_back,
    "announce": _announce,
    "drop": _drop,
}


def _stretch(found: exits_of.Stretch) -> dict[str, Any]:
    names = queries.numbers_of([one.relationship.party_id for one in found.exits if not one.relationship.party.name])
    cards = [{"exit": one, "name": _called(one.relationship, names)} for one in found.exits]
    return {"cards": cards, "count": found.count, "next": found.next}


def _one(
    request: HttpRequest,
    company_exit: CompanyExit,
    *,
    step: StepForm | None = None,
    proposal: ProposalForm | None = None,
    preview: company_exit_notice.Notice | None = None,
) -> dict[str, Any]:
    user, relationship = staff(request), company_exit.relationship
    state, ground = ExitState(company_exit.state), ExitGround(company_exit.ground)
    today = endings.local_day(relationship)
    taken = exits_of.ladder_of(company_exit)
    missing = company_exits.missing(company_exit)
    is_open = state is ExitState.OPEN
    return {
        "exit": company_exit,
        "relationship": relationship,
        "party": relationship.party,
        "name": _name(relationship),
        "state": state,
        "ground": ground,
        "today": today,
        "ladder": [_rung(rung, taken) for rung in (*company_exits.LADDER, Rung.TERMINATE)],
        "missing": missing,
        "at_one_go": ground in company_exits.AT_ONE_GO and bool(missing),
        "facts": company_exits.facts(company_exit) if is_open else None,
        "weight": burdens.of_person(relationship),
        "steps": step or StepForm(initial={"on": today, "rung": missing[0].value if missing else None}),
        "is_step_wrong": step is not None,
        "proposal": proposal or ProposalForm(company_exit=company_exit, initial=_initial(company_exit)),
        "is_proposing": proposal is not None,
        "periods": _periods(relationship),
        "preview": preview,
        "is_over": state in exits_of.OVER,
        "may": user.may(Deed.ANSWER_TASKS),
        "may_approve": user.may(Deed.APPROVE) and company_exit.proposed_by_id != user.pk,
        "may_send_back": user.may(Deed.APPROVE) or company_exit.proposed_by_id == user.pk,
        "is_mine": company_exit.proposed_by_id == user.pk,
    }


def _initial(company_exit: CompanyExit) -> dict[str, Any]:
    """What was proposed before and sent back; else the first last day that keeps the period."""
    relationship = company_exit.relationship
    earliest = company_exit_notice.earliest(relationship, contract=Contract.CONTINUING)
    return {
        "ends_on": max(company_exit.ends_on or earliest, earliest),
        "contract": Contract.CONTINUING.value,
        "reason_told": company_exit.reason_told,
        "keeps": company_exit.keeps,
        "could_go_to": company_exit.could_go_to,
        "helper": company_exit.helper_id or relationship.owner_id,
    }


def _periods(relationship: Relationship) -> list[dict[str, Any]]:
    """What the law wants where they live, for each kind of contract."""
    found = [company_exit_notice.rule_for(relationship, contract=contract) for contract in Contract]
    return [{"label": rule.contract.label, "days": rule.days, "id": rule.id, "mark": rule.mark} for rule in found]


def _rung(rung: Rung, taken: list[LadderStep]) -> dict[str, Any]:
    """One rung of the ladder as it stands: tried, passed over, or not yet."""
    steps = [step for step in taken if step.rung == rung.value]
    state = "open" if not steps else "over" if all(step.is_passed_over for step in steps) else "tried"
    return {"rung": rung, "steps": steps, "state": state, "is_last": rung is Rung.TERMINATE}


def _about(ground: ExitGround) -> str:
    """What a ground leads to, in a sentence."""
    if ground in company_exits.AT_ONE_GO:
        return _("Closed for good on the last day, on every road. The ladder may be passed over with one reason.")
    return _("Rung by rung. After the last day a long quiet follows.")


def _exit(number: int) -> CompanyExit:
    found = exits_of.exit_of(number)
    if found is None:
        raise Http404(_("There is no such ending by us."))
    return found


def _relationship(party_id: int) -> Relationship:
    relationship = queries.relationship_of(get_object_or_404(Party, pk=party_id))
    if relationship is None:
        raise Http404(_("There is no relationship yet that could end."))
    return relationship


def _name(relationship: Relationship) -> str:
    return _called(relationship, queries.numbers_of([relationship.party_id]))


def _called(relationship: Relationship, numbers: dict[int, str]) -> str:
    party = relationship.party
    number = numbers.get(party.pk)
    return party.name or (_("customer %(number)s") % {"number": number} if number else str(party))


urlpatterns: list[URLPattern] = [
    path("endings/by-us/", page, name="company_exits"),
    path("endings/by-us/list/<slug:slug>/", lane, name="company_exit_lane"),
    path("endings/by-us/<int:number>/", one, name="company_exit"),
    path("endings/by-us/<int:number>/do/", act, name="company_exit_do"),
    path("people/<int:party_id>/end-by-us/", begin, name="company_exit_begin"),
    *burdens_pages.urlpatterns,
    *clean_break_pages.urlpatterns,
]
