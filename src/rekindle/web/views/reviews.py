"""Reviews: the pile, one card at a time, what was answered, and the minutes as a file. GET asks, POST acts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, Refused, RekindleError
from rekindle.relationships import queries, review_queries
from rekindle.relationships.models import Party, Review
from rekindle.relationships.review_queries import Whose
from rekindle.relationships.vocabulary import ExitGround, ReviewAnswer
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.given import day as given_day
from rekindle.web.templatetags.rekindle import day as day_text
from rekindle.workflows import reviews
from rekindle.workflows.review_card import Card, card
from rekindle.workflows.reviews import Decided
from rekindle.workflows.story import the_history
from rekindle.workflows.today import business_day

ROWS: Final = 50
OF_ONE: Final = 20


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Cards that wait by their day, or what was answered; htmx gets the list only."""
    user = staff(request)
    asked, whose = _whose(request.GET, user)
    is_done, after = request.GET.get("show") == "done", request.GET.get("after", "")
    today = business_day()
    if is_done:
        found = review_queries.answered(whose, before=_answered(after), limit=ROWS + 1)
    else:
        found = review_queries.waiting(whose, after=_place(after), limit=ROWS + 1)
    shown = found[:ROWS]
    context = {
        "now": [review for review in shown if not is_done and review.due_on <= today],
        "later": [review for review in shown if not is_done and review.due_on > today],
        "done": [{"of": one, "may_undo": reviews.may_undo(one)} for one in shown] if is_done else [],
        "is_done": is_done,
        "is_first": not after,
        "whose": asked,
        "mine": _query(whose="", show=is_done),
        "everybody": _query(whose="all", show=is_done),
        "due_address": _query(whose=asked, show=False),
        "done_address": _query(whose=asked, show=True),
        "next": _next(shown[-1], whose=asked, is_done=is_done) if len(found) > ROWS else "",
        "owners": queries.owners(),
        "week": reviews.week(whose),
        "today": today,
        "year_ago": today - timedelta(days=reviews.A_YEAR),
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "may_export": user.may(Deed.EXPORT),
    }
    return render(request, "web/reviews_list.html" if wants_part(request) else "web/reviews.html", context)


@login_required
@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One card: what is known, what is suggested and why, and the answer; with the cards before and behind it."""
    return render(request, "web/review.html", _card_page(request, _review(number)))


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """When one person was looked at, and what came of it; htmx gets the section only."""
    staff(request)
    party = get_object_or_404(Party, pk=party_id)
    relationship = queries.relationship_of(party)
    found = review_queries.reviews_of(relationship, limit=OF_ONE) if relationship else []
    context = {"party": party, "reviews": found}
    return render(request, "web/review_person.html" if wants_part(request) else "web/review_page.html", context)


@login_required
@require_POST
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Keep an answer and go to the next card; what is missing is said beside what was written."""
    user, review = staff_for(request, Deed.ANSWER_TASKS), _review(number)
    asked, whose = _whose(request.POST, user)
    _before, behind = review_queries.beside(review, whose)
    shown = card(review, history=the_history()).as_json() if review.answered_at is None else {}
    try:
        kept = reviews.answer(number, decided=_decided(request.POST), by=user, shown=shown)
    except (BadInput, NotFound) as error:
        context = _card_page(request, review)
        return render(request, "web/review.html", {**context, "given": request.POST, "problem": sentence_of(error)})
    except RekindleError as error:
        messages.error(request, sentence_of(error))
        return redirect(_address(number, whose=asked))
    said = _("%(name)s: %(answer)s. Looked at again on %(day)s.") % {
        "name": kept.relationship.party, "answer": ReviewAnswer(kept.answer).label, "day": day_text(kept.next_on),
    }  # fmt: skip
    messages.success(request, said)
    return redirect(_address(behind, whose=asked) if behind else reverse("reviews") + _query(whose=asked, show=False))


@login_required
@require_POST
def later(request: HttpRequest, number: int) -> HttpResponse:
    """Put a card off to a day, and go to the next one."""
    user, review = staff_for(request, Deed.ANSWER_TASKS), _review(number)
    asked, whose = _whose(request.POST, user)
    _before, behind = review_queries.beside(review, whose)
    try:
        until = given_day(request.POST, "until")
        if until is None:
            raise BadInput(_("the day is missing"), remedy=_("Say when to ask again."))
        reviews.put_off(number, until=until, by=user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
        return redirect(_address(number, whose=asked))
    messages.success(request, _("Put off to %(day)s.") % {"day": day_text(until)})
    return redirect(_address(behind, whose=asked) if behind else reverse("reviews") + _query(whose=asked, show=False))


@login_required
@require_POST
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take an answer of today back."""
    user, review = staff_for(request, Deed.ANSWER_TASKS), _review(number)
    try:
        reviews.undo(review.pk, by=user)
    except RekindleError as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("The card waits again."))
    return redirect("review", number=review.pk)


@login_required
@require_POST
def minutes(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The minutes of some days as a CSV file. A POST, because the taking is kept on record."""
    user = staff_for(request, Deed.EXPORT)
    try:
        first, last = given_day(request.POST, "first"), given_day(request.POST, "last")
        if first is None or last is None:
            raise BadInput(_("a day is missing"), remedy=_("Give the first and the last day."))
        rows = reviews.minutes_of(first, last, by=user)
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    except BadInput as error:
        messages.error(request, sentence_of(error))
        return redirect("reviews")
    named = f"review-minutes-{first.isoformat()}-{last.isoformat()}.csv"
    return StreamingHttpResponse(
        _lines(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{named}"'},
    )


class _Echo:
    """What `csv` writes into: it gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterator[list[str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow(row)


def _card_page(request: HttpRequest, review: Review) -> dict[str, Any]:
    user = staff(request)
    asked, whose = _whose(request.GET if request.method == "GET" else request.POST, user)
    is_open = review.answered_at is None
    before, behind = review_queries.beside(review, whose) if is_open else (None, None)
    today = business_day()
    shown: Card | None = card(review, history=the_history()) if is_open else None
    return {
        "review": review,
        "card": shown,
        "kept": review.facts.get("shown", {}),
        "name": shown.name if shown else review.relationship.party.name or str(review.relationship.party),
        "party": review.relationship.party,
        "is_top": reviews.is_top(review),
        "whose": asked,
        "list": _query(whose=asked, show=False),
        "previous": _address(before, whose=asked) if before else "",
        "next": _address(behind, whose=asked) if behind else "",
        "week": reviews.week(whose),
        "answers": ReviewAnswer.choices(),
        "grounds": ExitGround.choices(),
        "suggested": shown.advice.answer.value if shown and shown.advice.answer else "",
        "usual_keep": reviews.usual_next(review, ReviewAnswer.KEEP, today=today),
        "usual_soon": reviews.usual_next(review, ReviewAnswer.MEND, today=today),
        "tomorrow": today + timedelta(days=1),
        "in_a_week": today + timedelta(days=7),
        "latest_later": today + timedelta(days=reviews.LATER_AT_MOST_DAYS),
        "latest_next": today + timedelta(days=reviews.NEXT_AT_MOST_DAYS),
        "today": today,
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "may_undo": reviews.may_undo(review),
        "given": {},
        "problem": "",
    }


def _decided(given: QueryDict) -> Decided:
    """The words of the form. What belongs to another answer is left out: its fields are hidden on the page."""
    word = next((word for word in ReviewAnswer if word.value == given.get("answer")), None)
    if word is None:
        raise BadInput(_("no answer is chosen"), remedy=_("Choose one of the five."))
    is_mend, is_ending = word is ReviewAnswer.MEND, word in reviews.ENDINGS
    ground = next((one for one in ExitGround if one.value == given.get("ground")), None)
    return Decided(
        answer=word,
        minutes=given.get("minutes", ""),
        next_on=given_day(given, "next_on"),
        promise=given.get("promise", "") if is_mend else "",
        promise_on=given_day(given, "promise_on") if is_mend else None,
        ground=ground if is_ending else None,
    )


def _whose(given: QueryDict, user: User) -> tuple[str, Whose]:
    """Whose cards, as in the address and as asked: nothing is one's own and nobody's, "all", or a member's number."""
    text = given.get("whose", "")
    if text == "all":
        return text, Whose()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return text, Whose(owner=int(text), with_nobodys=False)
    return "", Whose(owner=user.pk)


def _query(*, whose: str, show: bool, **more: str) -> str:
    asked = {"whose": whose, "show": "done" if show else "", **more}
    text = urlencode({name: value for name, value in asked.items() if value})
    return f"?{text}" if text else ""


def _address(number: int, *, whose: str) -> str:
    return reverse("review", args=[number]) + _query(whose=whose, show=False)


def _next(last: Review, *, whose: str, is_done: bool) -> str:
    place = str(last.pk) if is_done else f"{last.due_on.isoformat()}~{last.pk}"
    return _query(whose=whose, show=is_done, after=place)


def _parts(text: str) -> tuple[str, int]:
    when, _mark, number = text.partition("~")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404(_("There is no such place among the reviews."))
    return when, int(number)


def _place(text: str) -> review_queries.Key | None:
    if not text:
        return None
    when, number = _parts(text)
    try:
        return date.fromisoformat(when), number
    except ValueError as error:
        raise Http404(_("There is no such place among the reviews.")) from error


def _answered(text: str) -> Review | None:
    """The last card of the page before, by its number. Raises Http404 for what is none."""
    if not text:
        return None
    found = _review(_parts("~" + text)[1])
    if found.answered_at is None:
        raise Http404(_("There is no such place among the reviews."))
    return found


def _review(number: int) -> Review:
    review = review_queries.one(number) if number < 2**63 else None
    if review is None:
        raise Http404(_("There is no such review."))
    return review


urlpatterns: list[URLPattern] = [
    path("reviews/", page, name="reviews"),
    path("reviews/minutes/", minutes, name="review_minutes"),
    path("people/<int:party_id>/reviews/", person, name="person_reviews"),
    path("reviews/<int:number>/", one, name="review"),
    path("reviews/<int:number>/answer/", answer, name="review_answer"),
    path("reviews/<int:number>/later/", later, name="review_later"),
    path("reviews/<int:number>/undo/", undo, name="review_undo"),
]
