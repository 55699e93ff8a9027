"""The yearly review: every relationship we look after is looked at once a year, the most valuable each quarter.

`open_due` (the night): 1. who is with us for a year, or whose agreed day has come, gets one card, unless one waits;
2. each owner gets no more a night than their year needs, and none while a full pile waits; 3. nothing is opened twice
for one day, so a night that is taken up again hands nobody a second helping.

`answer`: 1. refuse who reads only and words that cannot be kept; 2. lock the card, so that of two answers one counts;
3. do what the answer asks for: a mend makes a promise, letting go or closing opens an ending by us, with its ground;
4. keep the answer, its minutes, what the card showed and the next day, and one audit entry without its words.

`put_off` moves the day, `undo` takes an answer back on its own day. Nothing here ends a relationship: two people do,
on the ending's own page.
"""

from __future__ import annotations

from calendar import isleap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import review_queries
from rekindle.relationships.models import Brand, CompanyExit, Relationship, Review
from rekindle.relationships.policy import day_begins
from rekindle.relationships.vocabulary import ExitGround, ExitState, ReviewAnswer
from rekindle.workflows import audit, promises, staging
from rekindle.workflows.brand import the_brand
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import LONGEST, day_within, is_today, must_write, words

A_YEAR: Final = 365
A_QUARTER: Final = 91
QUARTERLY: Final = 4
"""Reviews a year of the top tenth by value; of everybody else it is one. domain: yearly portfolio, quarterly top."""

A_NIGHT: Final = 5
"""Cards a night an owner is handed at most: five minutes each, half an hour a day. Our choice."""
PILE: Final = 25
"""A week's work of that; while so many wait nobody is handed more. Our choice."""
CATCH_UP: Final = 7
"""Where nights were left out, so many are made up for at once, and no more. Our choice."""

LATER_AT_MOST_DAYS: Final = 90
NEXT_AT_MOST_DAYS: Final = 2 * A_YEAR
"""A day further off than two years is no review any more. Our choice."""

ENDINGS: Final = frozenset({ReviewAnswer.LET_GO, ReviewAnswer.CLOSE})
LOOKED_AT_SOON: Final = frozenset({ReviewAnswer.MEND, ReviewAnswer.RENEGOTIATE, *ENDINGS})
"""What was decided to change is looked at again in a quarter, whoever it is about."""


@dataclass(frozen=True)
class Decided:
    """What is decided on one card.

    minutes  why, in words that may be read years later; wanted for everything but "keep"
    next_on  when it is looked at again; None is the usual day
    promise  for "mend": what we promise them, kept until promise_on
    ground   for "let go" and "close": why we think of ending it
    """

    answer: ReviewAnswer
    minutes: str = ""
    next_on: date | None = None
    promise: str = ""
    promise_on: date | None = None
    ground: ExitGround | None = None


@dataclass(frozen=True)
class Week:
    """How far this week's pile has come. `is_many` where there are more than a page counts."""

    done: int
    of: int
    is_many: bool


def open_due(as_of: date) -> int:
    """For the night: make the cards that fall due on a day and give how many; a second run for a day makes none.

    Reads the relationships somebody looks after, or of the top value, with one query; writes only what falls due.
    """
    brand = the_brand()
    zone = ZoneInfo(brand.time_zone)
    newest = Review.objects.order_by("-pk").values_list("asked_at", flat=True).first()
    nights = (as_of - newest.astimezone(zone).date()).days if newest else 1
    if nights <= 0:
        return 0
    top_from = review_queries.top_value(brand)
    loads = review_queries.load_of_a_year(brand, top_from=top_from, quarterly=QUARTERLY)
    if not loads:
        return 0
    piles = review_queries.piles()
    room = {
        owner: min(helping(load) * min(nights, CATCH_UP), PILE - piles.get(owner, 0)) for owner, load in loads.items()
    }
    found = review_queries.due(
        brand, as_of=as_of, year_ago=year_before(as_of), top_from=top_from, an_owner=max([0, *room.values()])
    )
    handed: dict[int | None, int] = defaultdict(int)
    asked_at, fresh = day_begins(as_of, zone), []
    for one in found:
        if handed[one.owner] >= room.get(one.owner, 0):
            continue
        handed[one.owner] += 1
        tier = {"is_top": one.is_top, "top_from_minor": top_from if one.is_top else None}
        due_on = one.agreed or year_after(one.first)
        fresh.append(Review(relationship_id=one.relationship, due_on=due_on, asked_at=asked_at, facts={"tier": tier}))
    # Somebody may open a card by hand meanwhile: the one that waits already is enough.
    Review.objects.bulk_create(fresh, batch_size=500, ignore_conflicts=True)
    return len(fresh)


def helping(load_of_a_year: int) -> int:
    """How many cards a night carry an owner once around in a year; never more than A_NIGHT."""
    return min(A_NIGHT, -(-load_of_a_year // A_YEAR))


def answer(review_id: int, *, decided: Decided, by: User, shown: dict[str, Any] | None = None) -> Review:
    """Keep the answer of one card and give it; the same answer again is one answer.

    shown  what the card showed, as plain JSON (`review_card.Card.as_json`)
    Raises Refused, NotFound, BadInput for what is missing or a day out of reach, Conflict for a card answered
    otherwise, and whatever opening an ending by us refuses.
    """
    must_write(by)
    is_keep = decided.answer is ReviewAnswer.KEEP
    minutes = words(decided.minutes, what="the minutes", at_most=LONGEST, are_needed=not is_keep)
    _check(decided)
    with transaction.atomic():
        review = _locked(review_id)
        if review.answered_at is not None:
            if (review.answer, review.minutes) == (decided.answer.value, minutes):
                return review
            raise Conflict(
                f"this card was answered: {ReviewAnswer(review.answer).label}",
                where=f"review {review.pk}",
                remedy="Undo that answer first; this works on the same day.",
            )
        today = business_day()
        next_on = decided.next_on or usual_next(review, decided.answer, today=today)
        latest = today + timedelta(days=NEXT_AT_MOST_DAYS)
        day_within(next_on, what="the next day", earliest=today + timedelta(days=1), latest=latest)
        followed = _follow(review.relationship, decided, by=by)
        review.answer, review.minutes, review.next_on = decided.answer.value, minutes, next_on
        review.answered_at, review.answered_by = timezone.now(), by
        review.facts = {**review.facts, "shown": shown or {}, "followed": followed}
        review.save(update_fields=["answer", "minutes", "next_on", "answered_at", "answered_by", "facts"])
        _record(
            "review.answered",
            review,
            by=by,
            details={"answer": review.answer, "next_on": next_on.isoformat(), **followed},
        )
    return review


def put_off(review_id: int, *, until: date, by: User) -> Review:
    """Ask again on a day from tomorrow to a quarter ahead. Raises Refused, NotFound, BadInput, Conflict if answered."""
    must_write(by)
    today = business_day()
    day_within(
        until,
        what="the day it is put off to",
        earliest=today + timedelta(days=1),
        latest=today + timedelta(days=LATER_AT_MOST_DAYS),
    )
    with transaction.atomic():
        review = _locked(review_id)
        if review.answered_at is not None:
            raise Conflict("this card is answered already", where=f"review {review.pk}", remedy="Look at it again.")
        if review.due_on != until:
            review.due_on = until
            review.save(update_fields=["due_on"])
            _record("review.put_off", review, by=by, details={"until": until.isoformat()})
    return review


def undo(review_id: int, *, by: User) -> Review:
    """Take back an answer of today: the card waits again. What followed from it has a life of its own and stays.

    Raises Refused, NotFound, Conflict for an earlier day, where the next card waits already, or while the ending by
    us that the answer opened is not dropped.
    """
    must_write(by)
    with transaction.atomic():
        review = _locked(review_id)
        if review.answered_at is None:
            return review
        where = f"review {review.pk}"
        if not may_undo(review):
            raise Conflict(
                "an answer can be taken back on its own day only",
                where=where,
                remedy="Answer otherwise when the next card comes.",
            )
        ending = review.facts.get("followed", {}).get("company_exit")
        standing = CompanyExit.objects.filter(pk=ending).exclude(state=ExitState.DROPPED.value)
        if ending is not None and standing.exists():
            raise Conflict("the ending it opened is under way", where=where, remedy="Drop that ending first.")
        if Review.objects.filter(relationship=review.relationship_id, answered_at=None).exists():
            raise Conflict("another card of theirs waits already", where=where, remedy="Answer that one.")
        before = review.answer
        review.answer, review.minutes, review.next_on = "", "", None
        review.answered_at = review.answered_by = None
        review.facts = {name: value for name, value in review.facts.items() if name == "tier"}
        review.save(update_fields=["answer", "minutes", "next_on", "answered_at", "answered_by", "facts"])
        _record("review.reopened", review, by=by, details={"from": before})
    return review


def may_undo(review: Review) -> bool:
    """Whether the answer was given today, in the business's time zone of the relationship."""
    return is_today(review.answered_at, zone=review.relationship.brand.time_zone)


def is_top(review: Review) -> bool:
    """Whether the relationship was among the top by value when its card was made."""
    return bool(review.facts.get("tier", {}).get("is_top"))


def usual_next(review: Review, answer: ReviewAnswer, *, today: date) -> date:
    """The next day unless another is named: a quarter for the top and for what is to change, else a year."""
    is_soon = is_top(review) or answer in LOOKED_AT_SOON
    return today + timedelta(days=A_QUARTER) if is_soon else year_after(today)


def week(whose: review_queries.Whose) -> Week:
    """This week, Monday to Sunday in the business's time zone: how many were answered, of how many."""
    today, zone = business_day(), ZoneInfo(the_zone())
    monday = today - timedelta(days=today.weekday())
    done, left = review_queries.of_a_week(
        whose, begins=day_begins(monday, zone), last_day=monday + timedelta(days=6)
    )  # fmt: skip
    return Week(done, done + left, is_many=review_queries.MANY in (done, left))


MINUTES_COLUMNS: Final = (
    "answered_on", "person", "relationship", "owner", "answer", "minutes", "next_on", "answered_by", "due_on", "review",
)  # fmt: skip


def minutes_of(first: date, last: date, *, by: User) -> Iterator[list[str]]:
    """The minutes of the cards answered from one day to another, both included: a heading, then a row a card.

    Each cell is harmless to a spreadsheet. The taking is on record before the first row is given.
    Raises Refused for who may not export, BadInput where the last day is before the first.
    """
    if not by.may(Deed.EXPORT):
        raise Refused("your role may not export", rule="role", remedy="Ask an owner or a manager.")
    if last < first:
        raise BadInput(
            f"the last day, {last.isoformat()}, is before the first", remedy="Give the earlier day first."
        )  # fmt: skip
    audit.record(
        "reviews.exported", actor=by, details={"first": first.isoformat(), "last": last.isoformat()}
    )  # fmt: skip
    return _minutes(first, last)


def _minutes(first: date, last: date) -> Iterator[list[str]]:
    zone = ZoneInfo(the_zone())
    begins, ends = day_begins(first, zone), day_begins(last + timedelta(days=1), zone)
    yield list(MINUTES_COLUMNS)
    after, rows = 0, 500
    while True:
        some = review_queries.minutes_between(begins, ends, after=after, limit=rows)
        for review in some:
            after, relationship = review.pk, review.relationship
            answered_at = (review.answered_at or datetime.combine(review.due_on, time(), UTC)).astimezone(zone)
            cells = (
                answered_at.date().isoformat(), str(relationship.party), str(relationship.pk),
                str(relationship.owner or ""), ReviewAnswer(review.answer).label, review.minutes,
                review.next_on.isoformat() if review.next_on else "", str(review.answered_by or ""),
                review.due_on.isoformat(), str(review.pk),
            )  # fmt: skip
            yield [staging.harmless(cell) for cell in cells]
        if len(some) < rows:
            return


def the_zone() -> str:
    """The business's own time zone; UTC before one is set up."""
    return Brand.objects.order_by("pk").values_list("time_zone", flat=True).first() or "UTC"


def year_after(day: date) -> date:
    """The same day next year; 28 February for the 29th, as everywhere in this house."""
    is_gone = (day.month, day.day) == (2, 29) and not isleap(day.year + 1)
    return day.replace(year=day.year + 1, day=28) if is_gone else day.replace(year=day.year + 1)


def year_before(day: date) -> date:
    """The latest day of which `year_after` is not past that day."""
    if (day.month, day.day) == (2, 28) and isleap(day.year - 1):
        return date(day.year - 1, 2, 29)
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _check(decided: Decided) -> None:
    """What goes with which answer, before anything is read."""
    is_mend, is_ending = decided.answer is ReviewAnswer.MEND, decided.answer in ENDINGS
    if is_mend and not (decided.promise.strip() and decided.promise_on):
        raise BadInput("a mend needs a promise", remedy="Say what we will do for them, and by which day.")
    if not is_mend and (decided.promise.strip() or decided.promise_on):
        raise BadInput("a promise belongs to “mend”", remedy="Choose mend, or leave the promise out.")
    if is_ending and decided.ground is None:
        raise BadInput("the ground is missing", remedy="Choose why we think of ending it.")
    if not is_ending and decided.ground is not None:
        raise BadInput("a ground belongs to letting go or closing", remedy="Leave it out, or choose one of those.")


def _follow(relationship: Relationship, decided: Decided, *, by: User) -> dict[str, int]:
    """Do what the answer asks for; gives the numbers of what was made."""
    if decided.answer is ReviewAnswer.MEND and decided.promise_on is not None:
        promise = promises.make(relationship.party, text=decided.promise, due_on=decided.promise_on, by=by)
        return {"promise": promise.pk}
    if decided.answer in ENDINGS and decided.ground is not None:
        # Only a card that decides so pays for loading the endings by us and the law behind them.
        from rekindle.workflows import company_exits

        return {"company_exit": company_exits.open(relationship, ground=decided.ground, by=by).pk}
    return {}


def _locked(review_id: int) -> Review:
    rows = Review.objects.select_for_update(of=("self",)).select_related("relationship__brand", "relationship__party")
    review = rows.filter(pk=review_id).first()
    if review is None:
        raise NotFound(f"no review {review_id}", remedy="Look at Reviews again; the list may have changed.")
    return review


def _record(verb: str, review: Review, *, by: User, details: dict[str, Any]) -> None:
    audit.record(
        verb, actor=by, subject=f"review:{review.pk}", details={**details, "relationship": review.relationship_id}
    )
