"""One end: the form that records it, everything that was told, and everything that may be done about it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import BadInput, RekindleError
from rekindle.relationships import endings_queries as desk_of
from rekindle.relationships import queries
from rekindle.relationships.models import Breakup, CoolingOff, Note, Party, Relationship, WantBackDecision
from rekindle.relationships.policy import CLEAN_BREAK, UNDO_WITHIN
from rekindle.relationships.reasons import label_of
from rekindle.relationships.vocabulary import Feeling, Stage, WantBack
from rekindle.web.acts import sentence_of
from rekindle.web.ending_forms import EndForm
from rekindle.web.ending_words import kind_of, quiet_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import autopsy, company_exits, cooling_off, endings, notes, part, want_back
from rekindle.workflows.autopsy import Avoidable
from rekindle.workflows.deeds import second as second_hand


@login_required
@require_http_methods(["GET", "POST"])
def record(request: HttpRequest, party_id: int) -> HttpResponse:
    """Record an end: the last day is enough."""
    user = staff_for(request, Deed.ANSWER_TASKS)
    relationship = _relationship(party_id)
    today = endings.local_day(relationship)
    standing = endings.standing_end(relationship)
    # A second telling adds to the end on record, so its day stands there already.
    day = standing.ended_on if standing is not None else today
    form = EndForm(request.POST or None, initial={"ended_on": day, "noticed_on": None if standing else today})
    if request.method == "POST" and form.is_valid():
        try:
            parted = part.record_end(relationship, by=user, told=form.told())
        except RekindleError as error:
            form.add_error(None, sentence_of(error))
        else:
            _say_parted(request, parted)
            return redirect("end", number=parted.breakup.pk)
    context = {
        "form": form,
        "party": relationship.party,
        "name": _name(relationship),
        "standing": standing,
    }
    return render(request, "web/ending_record.html", context)


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One end: what was told, what it cost, until when it is quiet, and what may be done."""
    return render(request, "web/ending.html", _ending(request, _end(number)))


@login_required
@require_POST
def act(request: HttpRequest, number: int) -> HttpResponse:
    """One deed about an end, named by the button that was pressed."""
    user, end = staff_for(request, Deed.ANSWER_TASKS), _end(number)
    deed = _DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise Http404(_("There is no such deed."))
    try:
        said = deed(request, end, user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, said)
    return redirect("end", number=end.pk)


@login_required
@require_POST
def presumed(request: HttpRequest, party_id: int) -> HttpResponse:
    """A silence was an end, or it was not."""
    user, relationship = staff_for(request, Deed.ANSWER_TASKS), _relationship(party_id)
    try:
        if request.POST.get("answer") == "yes":
            parted = part.confirm_presumed(relationship, by=user)
            _say_parted(request, parted)
            return redirect("end", number=parted.breakup.pk)
        part.deny_presumed(relationship, by=user, reason=request.POST.get("reason", ""))
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("Good to know: they are still with us."))
    return redirect("endings")


@login_required
@require_POST
def shorten(request: HttpRequest, number: int) -> HttpResponse:
    """The first of two people asks for a shorter quiet; gives a link for the second. Nothing is changed yet.

    The reason is kept as a note, so that no words about a person stand in an address.
    """
    user, end = staff_for(request, Deed.ANSWER_TASKS), _end(number)
    link = ""
    try:
        until = _day(request, "until")
        reason = endings.reason_of(request.POST.get("reason", ""), what="why the quiet may be shorter")
        note = notes.write(end.relationship.party, text=reason, by=user)
        token = signing.dumps([end.pk, until.isoformat(), user.pk, note.pk], salt=second_hand.QUIET)
        link = request.build_absolute_uri(reverse("quiet_second")) + "?" + urlencode({"t": token})
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    return render(request, "web/ending.html", {**_ending(request, end), "second_link": link})


@login_required
@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponse:
    """The second of two people reads what is asked for and says yes, or closes the page."""
    user = staff_for(request, Deed.ANSWER_TASKS)
    try:
        number, day, first_id, note_id = signing.loads(
            request.POST.get("t") or request.GET.get("t", ""), salt=second_hand.QUIET, max_age=second_hand.LASTS
        )
    except signing.BadSignature as error:
        raise Http404(_("This link has run out or was never one of ours.")) from error
    end, first = _end(number), get_object_or_404(User, pk=first_id)
    note, until = get_object_or_404(Note, pk=note_id, relationship=end.relationship_id), date.fromisoformat(day)
    if request.method == "POST":
        try:
            cooling_off.shorten(end.relationship, until=until, by=first, seconded_by=user, reason=note.text)
        except RekindleError as error:
            messages.error(request, sentence_of(error))
        else:
            messages.success(request, _("Both of you have said so: the quiet is shorter."))
        return redirect("end", number=end.pk)
    context = {"end": end, "name": _name(end.relationship), "until": until, "first": first, "reason": note.text,
               "is_same": first.pk == user.pk, "token": request.GET.get("t", "")}  # fmt: skip
    return render(request, "web/ending_second.html", context)


def _decide(request: HttpRequest, end: Breakup, user: User) -> str:
    answer = next((word for word in WantBack if word.value == request.POST.get("answer")), None)
    if answer is None:
        raise BadInput(_("no answer is chosen"), remedy=_("Choose yes, maybe or no."))
    review = _day(request, "review_on") if request.POST.get("review_on") else None
    said = want_back.decide(
        end.relationship, answer=answer, reason=request.POST.get("reason", ""), by=user, review_on=review
    )
    if said.review_on and answer is WantBack.NO:
        return _("Kept. A no so soon after being left is looked at again in thirty days.")
    return _("Kept, with your reason.")


def _extend(request: HttpRequest, end: Breakup, user: User) -> str:
    cooling_off.extend(end.relationship, until=_day(request, "until"), by=user, reason=request.POST.get("reason", ""))
    return _("The quiet is longer now.")


def _wrote(_request: HttpRequest, end: Breakup, user: User) -> str:
    until = cooling_off.customer_wrote(end.relationship, by=user)
    if until is None:
        return _("No quiet runs: you may answer.")
    return _("You may answer that thread for fourteen days; everything else stays quiet.")


def _correct(request: HttpRequest, end: Breakup, user: User) -> str:
    part.correct_end_date(end, ended_on=_day(request, "ended_on"), by=user, reason=request.POST.get("reason", ""))
    return _("The day is corrected. The quiet became longer, or stayed as it was.")


def _withdraw(request: HttpRequest, end: Breakup, user: User) -> str:
    part.withdraw_notice(end, by=user, reason=request.POST.get("reason", ""))
    company_exits.follow(end.relationship)
    return _("The notice is withdrawn: they stay.")


def _undo(request: HttpRequest, end: Breakup, user: User) -> str:
    part.undo(end, by=user, reason=request.POST.get("reason", ""))
    company_exits.follow(end.relationship)
    if end.kind in CLEAN_BREAK:
        return _("Taken back, but for the never-again list: their addresses stay on it until they lift it themselves.")
    return _("Taken back: everything is as it was before.")


def _learn(request: HttpRequest, end: Breakup, user: User) -> str:
    given = request.POST.get("owner", "")
    owner = User.objects.filter(pk=int(given)).first() if given.isascii() and given.isdigit() else None
    judged = next((word for word in Avoidable if word.value == request.POST.get("avoidable")), Avoidable.UNKNOWN)
    autopsy.keep(
        end,
        finding=request.POST.get("finding", ""),
        avoidable=judged,
        action=request.POST.get("action", ""),
        owner=owner,
        by=user,
    )
    return _("What we learn from it is kept.")


_DEEDS: Final = {
    "decide": _decide,
    "learn": _learn,
    "extend": _extend,
    "wrote": _wrote,
    "correct": _correct,
    "withdraw": _withdraw,
    "undo": _undo,
}


def _ending(request: HttpRequest, end: Breakup) -> dict[str, Any]:
    relationship = end.relationship
    today = endings.local_day(relationship)
    is_standing = endings.standing_end(relationship) == end
    before = end.frozen.get("before")
    may_undo = end.withdrawn_at is None and before and timezone.now() - end.recorded_at <= UNDO_WITHIN
    stretches = CoolingOff.objects.filter(breakup=end).select_related("shortened_by", "seconded_by").order_by("-id")
    said = WantBackDecision.objects.filter(relationship=relationship, decided_at__gte=end.recorded_at)
    return {
        "end": end,
        "party": relationship.party,
        "autopsy": autopsy.draft(end),
        "avoidable": Avoidable.choices(),
        "autopsy_owner": User.objects.filter(pk=end.autopsy.get("owner") or 0).first(),
        "owners": User.objects.filter(is_active=True).exclude(role=Role.ANALYST.value).order_by("name", "email")[:200],
        "relationship": relationship,
        "name": _name(relationship),
        "stage": Stage(relationship.stage),
        "kind": kind_of(end),
        "reasons": [label_of(code) for code in end.reasons],
        "feeling": Feeling(end.feeling).label if end.feeling != Feeling.NOT_TOLD.value else "",
        "quiet": quiet_of(relationship, end),
        "reply_until": cooling_off.reply_until(relationship),
        "is_closed": Stage(relationship.stage) is Stage.CLOSED,
        "is_standing": is_standing,
        "is_notice": end.ended_on > today,
        "is_braked": want_back.is_fresh(end, today=today),
        "stretches": stretches,
        "answers": said.select_related("decided_by", "seconded_by").order_by("-id"),
        "choices": [(word.value, word.label) for word in WantBack if word is not WantBack.UNDECIDED],
        "decide_by": part.decide_by(end),
        "unknown": end.frozen.get("loss_unknown", {}),
        "signs": end.frozen.get("signs", []),
        "outlook": end.frozen.get("outlook"),
        "review_from": today + timedelta(days=1),
        "may_undo": bool(may_undo),
        "may": staff(request).may(Deed.ANSWER_TASKS),
    }


def _say_parted(request: HttpRequest, parted: part.Parted) -> None:
    if not parted.is_news:
        messages.info(request, _("This end was on record already; nothing was added."))
        return
    words = [_("The end is kept.")]
    if parted.tasks_withdrawn:
        words.append(_("Suggestions that waited for this person were taken back."))
    messages.success(request, " ".join(words))


def _day(request: HttpRequest, name: str) -> date:
    """A day of the form. Raises BadInput where it is none."""
    try:
        day = parse_date(request.POST.get(name, ""))
    except ValueError:
        day = None
    if day is None:
        raise BadInput(_("the day is missing"), remedy=_("Choose a day."))
    return day


def _relationship(party_id: int) -> Relationship:
    party = get_object_or_404(Party, pk=party_id)
    relationship = queries.relationship_of(party)
    if relationship is None:
        raise Http404(_("There is no relationship yet that could end."))
    return relationship


def _end(number: int) -> Breakup:
    end = desk_of.end_of(number)
    if end is None:
        raise Http404(_("There is no such end on record."))
    return end


def _name(relationship: Relationship) -> str:
    party = relationship.party
    if party.name:
        return party.name
    number = queries.numbers_of([party.pk]).get(party.pk)
    return _("customer %(number)s") % {"number": number} if number else str(party)


urlpatterns: list[URLPattern] = [
    path("endings/second/", second, name="quiet_second"),
    path("endings/<int:number>/", one, name="end"),
    path("endings/<int:number>/do/", act, name="end_do"),
    path("endings/<int:number>/shorten/", shorten, name="end_shorten"),
    path("people/<int:party_id>/end/", record, name="end_record"),
    path("people/<int:party_id>/presumed/", presumed, name="presumed"),
]
