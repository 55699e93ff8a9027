"""Whether our interest ends with their money: by hand on few people, from the books, and where it is not known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people_cast import NOW, ended, person, staff, task

from rekindle.journal.models import Inbound
from rekindle.relationships.models import CoolingOff, Episode, Note, Relationship
from rekindle.relationships.vocabulary import TaskState, TouchClass
from rekindle.workflows.money_independence import ENOUGH, Left, measure, rates

LAST = date(2025, 10, 1)


def on(offset: int) -> date:
    return LAST + timedelta(days=offset)


def test_the_same_touches_before_and_after_are_one() -> None:
    found = rates([Left(1, LAST, 90, frozenset())], {1: [on(-80), on(-1), on(5), on(60)]})
    assert (found.before, found.after, found.ratio) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 1)


@pytest.mark.parametrize(
    ("offset", "before", "after"), [(-90, 0, 0), (-89, 1, 0), (0, 1, 0), (1, 0, 1), (90, 0, 1), (91, 0, 0)]
)
def test_the_border_days(offset: int, before: int, after: int) -> None:
    found = rates([Left(1, LAST, 90, frozenset())], {1: [on(offset)]})
    assert (found.before * 3, found.after * 3) == (pytest.approx(before), pytest.approx(after))


def test_a_short_life_is_measured_by_its_own_days() -> None:
    found = rates([Left(1, LAST, 30, frozenset())], {1: [on(-40), on(-2)]})
    assert found.before == pytest.approx(1)


def test_the_quiet_is_shown_and_taken_out() -> None:
    quiet = frozenset(range(1, 61))
    found = rates([Left(1, LAST, 90, quiet)], {1: [on(-1), on(10), on(70)]})
    assert found.ratio == pytest.approx(2)
    assert found.without_quiet == pytest.approx(30 * 1 / 30)


def test_where_every_day_was_quiet_the_other_reading_is_not_known() -> None:
    found = rates([Left(1, LAST, 90, frozenset(range(1, 91)))], {1: [on(-1)]})
    assert (found.without_quiet, found.ratio_without_quiet, found.ratio) == (None, None, 0)


def test_without_a_touch_before_there_is_no_ratio_and_nobody_is_refused() -> None:
    assert rates([Left(1, LAST, 90, frozenset())], {1: [on(4)]}).ratio is None
    with pytest.raises(ValueError, match="nobody"):
        rates([], {})


@given(offsets=st.lists(st.integers(-120, 120), max_size=30), quiet=st.frozensets(st.integers(1, 90), max_size=89))
def test_it_agrees_with_counting_by_hand(offsets: list[int], quiet: frozenset[int]) -> None:
    found = rates([Left(1, LAST, 90, quiet)], {1: [on(offset) for offset in offsets]})
    outside = [offset for offset in offsets if 1 <= offset <= 90 and offset not in quiet]
    assert found.after == pytest.approx(len([offset for offset in offsets if 1 <= offset <= 90]) / 3)
    assert found.without_quiet == pytest.approx(30 * len(outside) / (90 - len(quiet)))


def gone(n: int, *, last: date) -> Relationship:
    one = person(f"P{n}")
    Episode.objects.create(
        relationship=one, number=1, began_on=last - timedelta(days=400), last_seen_on=last, pulses=9, ended_on=last
    )
    return one


@pytest.mark.django_db
def test_from_the_books_with_quiet_transactional_touches_left_out_and_answers_timed() -> None:
    dana = staff()
    for n in range(ENOUGH):
        one = gone(n, last=LAST)
        end = ended(one, on=LAST)
        begins = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC)
        CoolingOff.objects.create(
            relationship=one, breakup=end, begins_at=begins, ends_at=begins + timedelta(days=45), basis="x"
        )
        for days, touch in ((-20, TouchClass.RELATIONSHIP), (60, TouchClass.RELATIONSHIP), (61, TouchClass.LEGAL)):
            if days == -20 or n % 2:
                task(
                    one, state=TaskState.DONE.value, answered_by=dana, touch_class=touch.value,
                    answered_at=begins + timedelta(days=days),
                )  # fmt: skip
    asked = begins - timedelta(days=30)
    Inbound.objects.create(source="imap", number="1", kind="reply", party=one.party, occurred_at=asked)
    Note.objects.create(relationship=one, text="x", by=dana, at=asked + timedelta(days=2))
    found = measure(at=NOW)
    assert (found["people"], found["unknown"]) == (ENOUGH, "")
    assert found["ratio"] == pytest.approx(0.5)
    assert found["ratio_without_quiet"] == pytest.approx(0.5 * 90 / 44, rel=0.03)
    assert found["answers"]["before"] == {"asked": 1, "answered": 1, "days": 2.0}
    assert found["answers"]["after"] == {"asked": 0, "answered": 0, "days": None}


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "people"), [(89, 0), (90, ENOUGH), (454, ENOUGH), (455, 0)])
def test_only_who_left_at_least_ninety_days_ago_is_measured(days: int, people: int) -> None:
    for n in range(ENOUGH):
        gone(n, last=NOW.date() - timedelta(days=days))
    assert measure(at=NOW)["people"] == people
