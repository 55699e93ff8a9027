"""Endings: the desk, the form that records one, and one end with everything that may be done about it."""

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
from rekindle.relationships.endings_queries import Card, Column, Wanted
from rekindle.relationships.models import Breakup, CoolingOff, Note, Party, Relationship, WantBackDecision
from rekindle.relationships.policy import CLEAN_BREAK, UNDO_WITHIN
from rekindle.relationships.reasons import label_of
from rekindle.relationships.vocabulary import BreakupKind, Feeling, Stage, WantBack
from rekindle.web.acts import sentence_of
from rekindle.web.ending_forms import EndForm
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.workflows import autopsy, company_exits, cooling_off, endings, notes, part, want_back
from rekindle.workflows.autopsy import Avoidable
from rekindle.workflows.deeds import second as second_hand

SHOWN: Final = 8
ROWS: Final = 40


_COLUMNS: Final = (Column.NOTICE, Column.ENDED, Column.DECIDE, Column.BACK, Column.CLOSED)


def _titles() -> dict[Column, tuple[str, str]]:
    """Heading of each column, and what it says while nobody stands in it."""
    return {
        Column.NOTICE: (_("Notice"), _("Nobody has given notice.")),
        Column.ENDED: (_("Ended, cooling off"), _("Nobody is cooling off.")),
        Column.DECIDE: (_("Decide"), _("No quiet is over that nobody has looked at.")),
        Column.BACK: (_("Back"), _("Nobody came back in the last 90 days.")),
        Column.CLOSED: (_("Closed"), _("Nobody is closed for good.")),
        Column.PRESUMED: (_("Presumed ends"), _("Nobody has fallen silent beyond their own rhythm.")),
        Column.WOOING: (_("Soft touches"), ""),
        Column.OLD_FRIENDS: (_("Old friends"), ""),
    }


@login_required
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Everyone whose relationship has ended or is about to, in columns that add up."""
    wanted, asked = _wanted(request, staff(request))
    titles = _titles()
    columns = [_column(which, wanted=wanted, asked=asked, limit=SHOWN, titles=titles) for which in _COLUMNS]
    presumed = _column(Column.PRESUMED, wanted=wanted, asked=asked, limit=SHOWN, titles=titles)
    later = [
        _column(which, wanted=wanted, asked=asked, limit=0, titles=titles)
        for which in (Column.WOOING, Column.OLD_FRIENDS)
    ]
    context = {
        "columns": columns,
        "presumed": presumed,
        "later": later,
        "many": desk_of.MANY,
        "total": _sum([*columns, presumed, *later]),
        "is_empty": not asked and not any(one["cards"] or one["count"] for one in [*columns, presumed, *later]),
        "asked": asked,
        "kinds": BreakupKind.choices(),
        "may": staff(request).may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/endings.html", context)


@login_required
@require_GET
def column(request: HttpRequest, slug: str) -> HttpResponse:
    """One column, a page at a time; htmx gets the cards only."""
    which = next((one for one in Column if one.slug == slug), None)
    if which is None:
        raise Http404(_("The desk has no such column."))
    wanted, asked = _wanted(request, staff(request))
    after = request.GET.get("after", "")[:60]
    shown = _column(which, wanted=wanted, asked=asked, limit=ROWS, after=after, titles=_titles())
    name = "web/endings_cards.html" if wants_part(request) else "web/endings_column.html"
    context = {"column": shown, "asked": asked, "may": staff(request).may(Deed.ANSWER_TASKS), "many": desk_of.MANY}
    return render(request, name, context)


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


def _wanted(request: HttpRequest, user: User) -> tuple[Wanted, dict[str, str]]:
    """(the question to the desk, the part of the address that asks it); unknown words are left out."""
    kind = next((kind for kind in BreakupKind if kind.value == request.GET.get("kind")), None)
    is_mine = request.GET.get("whose") == "mine"
    asked = {**({"whose": "mine"} if is_mine else {}), **({"kind": kind.value} if kind else {})}
    return Wanted(at=timezone.now(), owner=user.pk if is_mine else None, kind=kind), asked


def _column(
    which: Column,
    *,
    wanted: Wanted,
    asked: dict[str, str],
    limit: int,
    titles: dict[Column, tuple[str, str]],
    after: str = "",
) -> dict[str, Any]:
    found = desk_of.column(which, wanted=wanted, limit=limit, after=after)
    title, empty = titles[which]
    return {
        "slug": which.slug,
        "title": title,
        "empty": empty,
        "count": found.count,
        "cards": [_dressed(card, which) for card in found.cards],
        "all": "?" + urlencode(asked) if asked else "",
        "next": "?" + urlencode({**asked, "after": found.next}) if found.next else "",
    }


def _sum(columns: list[dict[str, Any]]) -> int | None:
    """Everyone on the desk; None where one column is too long to be counted on a page."""
    counts = [one["count"] for one in columns]
    return None if None in counts else sum(counts)


def _dressed(card: Card, which: Column) -> dict[str, Any]:
    """A card as the desk shows it: the day that matters, how far the quiet has come, and why they left."""
    relationship, end = card.relationship, card.end
    quiet = _quiet(relationship, end) if end is not None and which is Column.ENDED else None
    return {
        "name": card.name,
        "party": relationship.party,
        "relationship": relationship,
        "end": end,
        "kind": _kind(end) if end else "",
        "reasons": [label for code in end.reasons if (label := label_of(code)) != _kind(end)] if end else [],
        "feeling": Feeling(end.feeling).label if end and end.feeling != Feeling.NOT_TOLD.value else "",
        "quiet": quiet,
        "presumed": card.presumed,
        "answer": card.answer,
        "want_back": card.want_back,
        "decide_by": part.decide_by(end) if end else None,
        "is_overdue": end is not None and part.decide_by(end) < endings.local_day(relationship),
    }


def _quiet(relationship: Relationship, end: Breakup) -> dict[str, Any]:
    """Day n of m, both in the person's own days, and the day from which it is over."""
    zone = endings.zone_of(relationship)
    over_on = end.quiet_until.astimezone(zone).date()
    length = max((over_on - end.ended_on).days, 0)
    day = min(max((endings.local_day(relationship) - end.ended_on).days, 0), length)
    return {"day": day, "length": length, "over_on": over_on, "is_over": end.quiet_until <= timezone.now()}


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
        "kind": _kind(end),
        "reasons": [label_of(code) for code in end.reasons],
        "feeling": Feeling(end.feeling).label if end.feeling != Feeling.NOT_TOLD.value else "",
        "quiet": _quiet(relationship, end),
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


def _kind(end: Breakup) -> str:
    return BreakupKind(end.kind).label if end.kind else end.stated_reason


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
    path("endings/", desk, name="endings"),
    path("endings/column/<slug:slug>/", column, name="endings_column"),
    path("endings/second/", second, name="quiet_second"),
    path("endings/<int:number>/", one, name="end"),
    path("endings/<int:number>/do/", act, name="end_do"),
    path("endings/<int:number>/shorten/", shorten, name="end_shorten"),
    path("people/<int:party_id>/end/", record, name="end_record"),
    path("people/<int:party_id>/presumed/", presumed, name="presumed"),
]
