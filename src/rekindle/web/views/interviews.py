"""Exit interviews as staff hold them: begun from an end, asked question by question, what came of them, the letter.

The person's own side, by their link, is `interview_public`.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, RekindleError
from rekindle.relationships import interview_queries, queries
from rekindle.relationships.endings_queries import end_of
from rekindle.relationships.models import Breakup, ExitInterview, Party, ThreeQuestions
from rekindle.relationships.vocabulary import Channel, InterviewMode, TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.interview_forms import value_of
from rekindle.web.views import interview_public
from rekindle.workflows import endings, interview_letter, interview_reminders, interviews, three_questions
from rekindle.workflows.interview_view import View, became, of_person, view_of
from rekindle.workflows.why_not import why_not

ROWS: Final = 40
REMINDERS: Final = 10
"""At a time: each is a letter somebody sends by hand. Our choice."""


@login_required
@require_GET
def everybody(request: HttpRequest) -> HttpResponse:
    """Interviews that run, or are over; who may be reminded, once; and apart from them, what came after the quiet."""
    user = staff(request)
    is_over = request.GET.get("show") == "over"
    before = request.GET.get("before", "")
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    if request.GET.get("show") == "quiet":
        return _after_quiet(request, before=place)
    found = interview_queries.page(is_over=is_over, before=place, limit=ROWS + 1)
    may = user.may(Deed.ANSWER_TASKS)
    reminders = interview_reminders.due(limit=REMINDERS) if may and not is_over and place is None else []
    context = {
        "rows": [(row, row.breakup.relationship.party.name or str(row.breakup.relationship.party))
                 for row in found[:ROWS]],
        "is_over": is_over,
        "next": found[ROWS - 1].pk if len(found) > ROWS else None,
        "reminders": [(one, _link(request, one.interview)) for one in reminders],
        "may": may,
    }  # fmt: skip
    return render(request, "web/interviews.html", context)


def _after_quiet(request: HttpRequest, *, before: int | None) -> HttpResponse:
    """What people answered to the three questions, the newest first, and how they say we parted."""
    found = three_questions.page(before=before, limit=ROWS + 1)
    context = {
        "rows": [(row, row.breakup.relationship.party, _answers(row)) for row in found[:ROWS]],
        "next": found[ROWS - 1].pk if len(found) > ROWS else None,
        "told": three_questions.told_together() if before is None else None,
    }
    return render(request, "web/three_questions_desk.html", context)


def _answers(row: ThreeQuestions) -> tuple[three_questions.Line, ...]:
    """As the desk reads them; what was left out says nothing there."""
    shown = three_questions.shown_to(row.breakup.relationship, language="en")
    return tuple(line for line in three_questions.lines_of(row, shown=shown) if line.answer)


@login_required
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, number: int) -> HttpResponse:
    """Before the first question: which questions, and who holds the pen."""
    user = staff_for(request, Deed.ANSWER_TASKS)
    end = end_of(number)
    if end is None:
        raise Http404(_("There is no such end on record."))
    known = interview_queries.of_end(end)
    if request.method == "POST":
        mode = InterviewMode.PUBLIC if request.POST.get("mode") == InterviewMode.PUBLIC.value else InterviewMode.STAFF
        try:
            made = interviews.begin(end, mode=mode, by=user, script=request.POST.get("script", "")[:24])
        except RekindleError as error:
            messages.error(request, sentence_of(error))
            return redirect("interview_start", number=number)
        return redirect("interview", number=made.pk)
    if known is not None:
        return redirect("interview", number=known.pk)
    fitting = interviews.scripts_for(end)
    context = {
        **_about(end),
        "scripts": [(one.code, one.title.get("en"), one.minutes, len(one.questions)) for one in fitting],
        "listens": fitting[0].listens,
        "is_close": user.pk in interviews.tied_staff(end.relationship),
        "asks": [(channel.label, why_not(end.relationship.party, touch_class=TouchClass.RESEARCH, channel=channel))
                 for channel in (Channel.EMAIL, Channel.SMS, Channel.LETTER)],
    }  # fmt: skip
    return render(request, "web/interview_start.html", context)


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One interview: the script beside the record; afterwards, what came of it."""
    user, interview = staff(request), _interview(number)
    view = view_of(interview, reader=user, at=request.GET.get("at", "")[:24])
    if view.is_over or interview.breakup.withdrawn_at is not None:
        return render(request, "web/interview_over.html", _over(view, user))
    return render(request, "web/interview.html", _running(request, view, user))


@login_required
@require_POST
def act(request: HttpRequest, number: int) -> HttpResponse:
    """One deed about an interview, named by the button that was pressed."""
    user, interview = staff_for(request, Deed.ANSWER_TASKS), _interview(number)
    deed = _DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise Http404(_("There is no such deed."))
    try:
        deed(request, interview, user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
        code = request.POST.get("code", "")[:24]
        return redirect(reverse("interview", args=[interview.pk]) + (f"?at={code}" if code.isidentifier() else ""))
    return redirect("interviews" if request.POST.get("here") == "list" else reverse("interview", args=[interview.pk]))


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person's section: their interviews, and the end nobody has asked about."""
    party = get_object_or_404(Party, pk=party_id)
    relationship = queries.relationship_of(party)
    found = of_person(relationship) if relationship else None
    told = three_questions.of_relationship(relationship) if relationship else []
    unasked = found.unasked.pk if found is not None and found.unasked is not None else None
    context = {
        "party": party,
        "interviews": found,
        "after_quiet": [(row, _answers(row)) for row in told],
        # Who answered after the quiet has told us; nobody is asked the same twice.
        "has_told": any(row.breakup_id == unasked for row in told),
        "may": staff(request).may(Deed.ANSWER_TASKS),
    }
    name = "web/interviews_person.html" if wants_part(request) else "web/interviews_person_page.html"
    return render(request, name, context)


def _answer(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    code = request.POST.get("code", "")[:24]
    question = interviews.script_of(interview).question(code)
    if question is None:
        raise BadInput(_("that question is not asked here"), remedy=_("Go on with the one shown."))
    value = value_of(question, request.POST)
    if value is None:
        interviews.skip(interview, code=code, by=user)
    else:
        interviews.answer(interview, code=code, value=value, by=user)


def _skip(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    interviews.skip(interview, code=request.POST.get("code", "")[:24], by=user)


def _complete(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    done = interviews.complete(interview, by=user)
    if done.completed_at is not None:
        messages.success(request, _("Thank them. Everything they said is kept, and this is what follows from it."))


def _decline(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    interviews.decline(interview, by=user)
    messages.info(request, _("That is their good right. The end stands as it does."))


def _hand_over(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    interviews.begin(interview.breakup, mode=InterviewMode.PUBLIC, by=user)
    messages.success(request, _("The pen is theirs now. Here is their link."))


def _take_back(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    interviews.begin(interview.breakup, mode=InterviewMode.STAFF, by=user)
    messages.success(request, _("You hold the pen again; their link still works."))


def _letter(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    interview_letter.write(interview, text=request.POST.get("letter", ""), by=user)
    messages.success(request, _("The letter is kept as you wrote it."))


def _remind(request: HttpRequest, interview: ExitInterview, user: User) -> None:
    channel = next((one for one in Channel if one.value == request.POST.get("channel")), None)
    if channel is None:
        raise BadInput(_("it is not said on which road"), remedy=_("Choose one."))
    interview_reminders.remind(interview, channel=channel, by=user)
    messages.success(request, _("Written down: they were reminded, and nobody does it again."))


_DEEDS: Final = {
    "answer": _answer,
    "skip": _skip,
    "complete": _complete,
    "decline": _decline,
    "hand_over": _hand_over,
    "take_back": _take_back,
    "letter": _letter,
    "remind": _remind,
}


def _running(request: HttpRequest, view: View, user: User) -> dict[str, Any]:
    is_public = view.interview.mode == InterviewMode.PUBLIC.value
    return {
        **_about(view.end),
        "view": view,
        "ask": view.ask,
        "months": interview_public.months(),
        "may": user.may(Deed.ANSWER_TASKS),
        "is_public": is_public,
        "link": _link(request, view.interview) if is_public else "",
    }


def _over(view: View, user: User) -> dict[str, Any]:
    done = view.interview.completed_at is not None
    answer = why_not(view.relationship.party, touch_class=TouchClass.SERVICE, channel=Channel.LETTER) if done else None
    return {
        **_about(view.end),
        "view": view,
        "became": became(view.interview, reader=user) if done else None,
        "letter_rule": answer,
        "may": user.may(Deed.ANSWER_TASKS),
    }


def _about(end: Breakup) -> dict[str, Any]:
    party = end.relationship.party
    is_notice = end.ended_on > endings.local_day(end.relationship)
    return {"end": end, "party": party, "name": party.name or str(party), "is_notice": is_notice}


def _link(request: HttpRequest, interview: ExitInterview) -> str:
    return request.build_absolute_uri(reverse("interview_public", args=[interviews.link_token(interview)]))


def _interview(number: int) -> ExitInterview:
    found = interview_queries.interview_of(number)
    if found is None:
        raise Http404(_("There is no such interview."))
    return found


urlpatterns: list[URLPattern] = [
    path("interviews/", everybody, name="interviews"),
    path("interviews/<int:number>/", one, name="interview"),
    path("interviews/<int:number>/do/", act, name="interview_do"),
    path("endings/<int:number>/interview/", start, name="interview_start"),
    path("people/<int:party_id>/interviews/", person, name="person_interviews"),
    *interview_public.urlpatterns,
]
