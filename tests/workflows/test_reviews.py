"""The yearly review: who falls due, how many a night, what an answer does, what it never does."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people_cast import ended, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, Outlook
from rekindle.relationships.models import Brand, CompanyExit, Episode, Promise, Relationship, Review
from rekindle.relationships.review_queries import Whose
from rekindle.relationships.vocabulary import ExitGround, ExitState, ReviewAnswer, Stage
from rekindle.workflows import audit, merge, reviews
from rekindle.workflows.reviews import A_NIGHT, PILE, Decided, year_after, year_before
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

A = ReviewAnswer
DAY = date(2026, 3, 12)


@pytest.fixture
def dana() -> User:
    return staff()


def with_us(name: str = "Ana Weber", *, since: date = date(2024, 1, 8), **fields: Any) -> Relationship:
    relationship = person(name, since=since, **fields)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=since, last_seen_on=max(since, DAY), pulses=9
    )  # fmt: skip
    return relationship


def worth(relationship: Relationship, minor: int | None) -> None:
    Outlook.objects.create(
        relationship=relationship, as_of=DAY, model="x", horizon_days=90, value_horizon_days=730,
        value_minor=minor, currency="EUR",
    )  # fmt: skip


def card(relationship: Relationship, **fields: Any) -> Review:
    return Review.objects.create(**{"relationship": relationship, "due_on": business_day(), **fields})


def test_the_first_review_comes_when_the_first_year_is_over(dana: User) -> None:
    ana = with_us(since=date(2025, 3, 12), owner=dana)
    with_us("Too new", since=date(2025, 3, 13), owner=dana)
    assert reviews.open_due(DAY - timedelta(days=1)) == 0
    assert reviews.open_due(DAY) == 1
    review = Review.objects.get()
    assert (review.relationship_id, review.due_on) == (ana.pk, DAY)


def test_who_began_on_a_leap_day_is_due_on_the_28th(dana: User) -> None:
    with_us(since=date(2024, 2, 29), owner=dana)
    assert reviews.open_due(date(2025, 2, 27)) == 0
    assert reviews.open_due(date(2025, 2, 28)) == 1
    assert Review.objects.get().due_on == date(2025, 2, 28)


@given(day=st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_a_year_before_is_the_last_day_whose_year_is_over(day: date) -> None:
    before = year_before(day)
    assert year_after(before) <= day < year_after(before + timedelta(days=1))


def test_only_living_relationships_that_are_looked_after_or_most_valuable(dana: User) -> None:
    for stage in Stage:
        with_us(f"In {stage.value}", stage=stage, owner=dana)
    with_us("Nobody's", stage=Stage.ONGOING)
    worth(with_us("Nobody's, and the most valuable"), 90_000)
    found = 0
    for n in range(40):
        found += reviews.open_due(DAY + timedelta(days=n))
    names = set(Review.objects.values_list("relationship__party__name", flat=True))
    live = {"early", "ongoing", "at_risk", "paused", "phoenix"}
    assert names == {f"In {stage}" for stage in live} | {"Nobody's, and the most valuable"}
    assert found == len(names)


def test_one_in_ten_by_value_is_the_top_and_is_looked_at_each_quarter(dana: User) -> None:
    rows = [with_us(f"Nr {n}", owner=dana) for n in range(20)]
    for n, row in enumerate(rows):
        worth(row, 1_000 * (n + 1))
    assert reviews.open_due(DAY) == 1
    first = Review.objects.get()
    assert first.relationship_id in {rows[18].pk, rows[19].pk}
    assert reviews.is_top(first)
    assert reviews.usual_next(first, A.KEEP, today=DAY) == DAY + timedelta(days=91)
    for n in range(1, 30):
        reviews.open_due(DAY + timedelta(days=n))
    assert {one.relationship_id for one in Review.objects.all() if reviews.is_top(one)} == {rows[18].pk, rows[19].pk}
    plain = next(one for one in Review.objects.all() if not reviews.is_top(one))
    assert reviews.usual_next(plain, A.KEEP, today=DAY) == date(2027, 3, 12)
    assert reviews.usual_next(plain, A.MEND, today=DAY) == DAY + timedelta(days=91)


def test_without_any_outlook_nobody_is_the_top(dana: User) -> None:
    ana = with_us(owner=dana)
    worth(ana, None)
    reviews.open_due(DAY)
    assert not reviews.is_top(Review.objects.get())


def test_a_big_portfolio_is_spread_and_the_same_books_give_the_same_cards(dana: User) -> None:
    erin = staff(name="Erin")
    many = [with_us(f"Nr {n}", owner=dana) for n in range(60)]
    with_us("Erin's", owner=erin)
    handed = []
    for n in range(10):
        reviews.open_due(DAY + timedelta(days=n))
        handed.append(Counter(Review.objects.values_list("relationship__owner", flat=True)))
    assert [counts[dana.pk] for counts in handed] == list(range(1, 11))
    assert {counts[erin.pk] for counts in handed} == {1}
    mine = Review.objects.filter(relationship__owner=dana).order_by("pk").values_list("relationship_id", flat=True)
    assert list(mine) == [row.pk for row in many[:10]]


def test_an_owner_is_never_handed_more_than_a_night_nor_a_pile(dana: User) -> None:
    brand = with_us(owner=dana).brand
    assert reviews.helping(10_000) == A_NIGHT
    Relationship.objects.all().delete()
    for n in range(PILE + 8):
        with_us(f"Nr {n}", owner=dana)
    for n in range(60):
        reviews.open_due(DAY + timedelta(days=n))
    assert Review.objects.filter(relationship__brand=brand).count() == PILE


def test_a_night_taken_up_again_hands_nobody_a_second_helping(dana: User) -> None:
    for n in range(9):
        with_us(f"Nr {n}", owner=dana)
    assert reviews.open_due(DAY) == 1
    assert reviews.open_due(DAY) == 0
    assert reviews.open_due(DAY - timedelta(days=3)) == 0
    assert reviews.open_due(DAY + timedelta(days=3)) == 3  # the nights between were left out


def test_no_card_while_one_waits_or_an_ending_by_us_runs(dana: User) -> None:
    ana, ben = with_us(owner=dana), with_us("Ben", owner=dana)
    card(ana, asked_at=datetime(2026, 1, 1, tzinfo=UTC))
    exit_ = CompanyExit.objects.create(relationship=ben, ground="fit", opened_by=dana)
    assert reviews.open_due(DAY) == 0
    exit_.state = ExitState.DROPPED.value
    exit_.save()
    assert reviews.open_due(DAY) == 1


def test_the_next_card_comes_on_the_day_agreed(dana: User) -> None:
    ana = with_us(owner=dana)
    card(ana, answer="keep", answered_at=datetime(2025, 3, 1, tzinfo=UTC), next_on=DAY,
         asked_at=datetime(2025, 3, 1, tzinfo=UTC))  # fmt: skip
    assert reviews.open_due(DAY - timedelta(days=1)) == 0
    assert reviews.open_due(DAY) == 1
    assert Review.objects.get(answered_at=None).due_on == DAY


def test_the_night_asks_a_fixed_number_of_questions(
    dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        worth(with_us(f"Nr {n}", owner=dana), n)
    with django_assert_max_num_queries(12):
        reviews.open_due(DAY)


def test_keep_needs_no_words_and_comes_back_in_a_year(dana: User) -> None:
    review = card(with_us(owner=dana))
    kept = reviews.answer(review.pk, decided=Decided(A.KEEP), by=dana, shown={"facts": []})
    assert kept.next_on == year_after(business_day())
    assert (kept.answer, kept.answered_by, kept.facts["shown"]) == ("keep", dana, {"facts": []})
    entry = AuditEntry.objects.get(verb="review.answered")
    assert entry.details["answer"] == "keep"
    assert audit.first_broken() is None


def test_mend_makes_a_promise_in_our_name(dana: User) -> None:
    review = card(with_us(owner=dana))
    due_on = business_day() + timedelta(days=7)
    kept = reviews.answer(
        review.pk, decided=Decided(A.MEND, "we were slow", promise="call back", promise_on=due_on), by=dana
    )
    promise = Promise.objects.get()
    assert (promise.text, promise.due_on, promise.made_by) == ("call back", due_on, dana)
    assert kept.facts["followed"] == {"promise": promise.pk}
    assert kept.next_on == business_day() + timedelta(days=91)
    assert "slow" not in str(AuditEntry.objects.get(verb="review.answered").details)


@pytest.mark.parametrize("word", [A.LET_GO, A.CLOSE])
def test_letting_go_opens_an_ending_by_us_and_ends_nothing(dana: User, word: A) -> None:
    ana = with_us(owner=dana)
    review = card(ana)
    kept = reviews.answer(review.pk, decided=Decided(word, "no fit", ground=ExitGround.FIT), by=dana)
    opened = CompanyExit.objects.get()
    assert (opened.relationship_id, opened.ground, opened.opened_by) == (ana.pk, "fit", dana)
    assert kept.facts["followed"] == {"company_exit": opened.pk}
    ana.refresh_from_db()
    assert (ana.stage, ana.contact) == ("ongoing", "open")


@pytest.mark.parametrize(
    ("decided", "match"),
    [
        (Decided(A.RENEGOTIATE), "minutes"),
        (Decided(A.MEND, "why"), "promise"),
        (Decided(A.MEND, "why", promise="call"), "promise"),
        (Decided(A.KEEP, promise="call"), "promise belongs"),
        (Decided(A.LET_GO, "why"), "ground is missing"),
        (Decided(A.KEEP, ground=ExitGround.FIT), "ground belongs"),
        (Decided(A.KEEP, next_on=date(2020, 1, 1)), "next day"),
        (Decided(A.KEEP, next_on=date(2099, 1, 1)), "next day"),
        (Decided(A.KEEP, "x" * 5_001), "5,001"),
        (Decided(A.MEND, "why", promise="call", promise_on=date(2020, 1, 1)), "due"),
    ],
)
def test_what_is_missing_or_out_of_reach_is_said_and_nothing_changes(dana: User, decided: Decided, match: str) -> None:
    review = card(with_us(owner=dana))
    with pytest.raises(BadInput, match=match):
        reviews.answer(review.pk, decided=decided, by=dana)
    review.refresh_from_db()
    assert review.answered_at is None
    assert not Promise.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_reads_only_answers_nothing(dana: User) -> None:
    review, anna = card(with_us(owner=dana)), staff(Role.ANALYST)
    for deed in (
        lambda: reviews.answer(review.pk, decided=Decided(A.KEEP), by=anna),
        lambda: reviews.put_off(review.pk, until=business_day() + timedelta(days=3), by=anna),
        lambda: reviews.undo(review.pk, by=anna),
        lambda: reviews.minutes_of(DAY, DAY, by=dana),
    ):
        with pytest.raises(Refused):
            deed()
    assert Review.objects.filter(answered_at=None, due_on=business_day()).exists()
    assert not AuditEntry.objects.exists()


def test_the_same_answer_again_is_one_and_another_is_refused(dana: User) -> None:
    review = card(with_us(owner=dana))
    reviews.answer(review.pk, decided=Decided(A.KEEP, "fine"), by=dana)
    reviews.answer(review.pk, decided=Decided(A.KEEP, "fine"), by=staff())
    assert Review.objects.get().answered_by == dana
    assert AuditEntry.objects.count() == 1
    with pytest.raises(Conflict, match="answered"):
        reviews.answer(review.pk, decided=Decided(A.RENEGOTIATE, "other"), by=dana)
    with pytest.raises(Conflict):
        reviews.put_off(review.pk, until=business_day() + timedelta(days=3), by=dana)
    with pytest.raises(NotFound):
        reviews.answer(review.pk + 1, decided=Decided(A.KEEP), by=dana)


def test_later_moves_the_day_within_a_quarter(dana: User) -> None:
    review = card(with_us(owner=dana))
    for days in (0, -1, 91):
        with pytest.raises(BadInput):
            reviews.put_off(review.pk, until=business_day() + timedelta(days=days), by=dana)
    until = business_day() + timedelta(days=90)
    reviews.put_off(review.pk, until=until, by=dana)
    reviews.put_off(review.pk, until=until, by=dana)
    assert Review.objects.get().due_on == until
    assert AuditEntry.objects.filter(verb="review.put_off").count() == 1


def test_an_answer_is_taken_back_on_its_own_day_only(dana: User) -> None:
    review = card(with_us(owner=dana), facts={"tier": {"is_top": True}})
    reviews.answer(review.pk, decided=Decided(A.RENEGOTIATE, "terms"), by=dana, shown={"facts": [1]})
    back = reviews.undo(review.pk, by=dana)
    assert (back.answer, back.minutes, back.next_on, back.answered_at) == ("", "", None, None)
    assert back.facts == {"tier": {"is_top": True}}
    assert reviews.undo(review.pk, by=dana) == back
    reviews.answer(review.pk, decided=Decided(A.KEEP), by=dana)
    Review.objects.update(answered_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Conflict, match="own day"):
        reviews.undo(review.pk, by=dana)


def test_what_an_ending_by_us_refuses_leaves_the_card_open(dana: User) -> None:
    ana = with_us(owner=dana)
    review = card(ana)
    CompanyExit.objects.create(relationship=ana, ground="unpaid", opened_by=dana)
    with pytest.raises(Conflict):
        reviews.answer(review.pk, decided=Decided(A.LET_GO, "no fit", ground=ExitGround.FIT), by=dana)
    review.refresh_from_db()
    assert review.answered_at is None
    assert not AuditEntry.objects.exists()


def test_an_answer_stays_while_the_ending_it_opened_is_under_way(dana: User) -> None:
    review = card(with_us(owner=dana))
    reviews.answer(review.pk, decided=Decided(A.LET_GO, "no fit", ground=ExitGround.FIT), by=dana)
    with pytest.raises(Conflict, match="under way"):
        reviews.undo(review.pk, by=dana)
    CompanyExit.objects.update(state=ExitState.DROPPED.value)
    assert reviews.undo(review.pk, by=dana).answered_at is None


def test_a_second_card_that_waits_stands_against_taking_an_answer_back(dana: User) -> None:
    ana = with_us(owner=dana)
    review = card(ana)
    reviews.answer(review.pk, decided=Decided(A.KEEP), by=dana)
    card(ana)
    with pytest.raises(Conflict, match="another card"):
        reviews.undo(review.pk, by=dana)


def test_the_week_counts_what_was_answered_of_what_was_there(dana: User) -> None:
    erin = staff(name="Erin")
    rows = [card(with_us(f"Nr {n}", owner=dana)) for n in range(3)]
    card(with_us("Erin's", owner=erin))
    card(with_us("Gone", owner=dana, stage=Stage.COOLING_OFF))
    card(with_us("Next month", owner=dana), due_on=business_day() + timedelta(days=30))
    reviews.answer(rows[0].pk, decided=Decided(A.KEEP), by=dana)
    week = reviews.week(Whose(owner=dana.pk))
    assert (week.done, week.of, week.is_many) == (1, 3, False)
    assert reviews.week(Whose()).of == 4


def test_the_minutes_are_harmless_to_a_spreadsheet_and_their_taking_is_on_record(dana: User) -> None:
    review = card(with_us("=cmd()", owner=dana))
    reviews.answer(review.pk, decided=Decided(A.RENEGOTIATE, " +1+1"), by=dana)
    today, owner = business_day(), staff(Role.OWNER)
    rows = list(reviews.minutes_of(today, today, by=owner))
    assert rows[0] == list(reviews.MINUTES_COLUMNS)
    assert rows[1][1] == "'=cmd()"
    assert rows[1][5] == "'+1+1"
    assert len(rows) == 2
    assert list(reviews.minutes_of(today - timedelta(days=9), today - timedelta(days=1), by=owner))[1:] == []
    assert AuditEntry.objects.filter(verb="reviews.exported").count() == 2
    with pytest.raises(BadInput, match="before the first"):
        reviews.minutes_of(today, today - timedelta(days=1), by=owner)


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_no_cell_of_the_minutes_begins_a_formula(text: str) -> None:
    from rekindle.workflows.staging import harmless

    assert not harmless(text).lstrip().startswith(("=", "+", "-", "@"))


def test_a_minute_of_late_evening_belongs_to_the_day_of_the_business(dana: User) -> None:
    review = card(with_us(owner=dana))
    Brand.objects.update(time_zone="Pacific/Auckland")
    reviews.answer(review.pk, decided=Decided(A.KEEP), by=dana)
    Review.objects.update(answered_at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC))  # 00:30 on the 2nd, there
    rows = list(reviews.minutes_of(date(2026, 3, 2), date(2026, 3, 2), by=staff(Role.MANAGER)))
    assert [row[0] for row in rows[1:]] == ["2026-03-02"]


def test_two_cards_of_one_person_become_one_by_a_merge_and_come_apart_again(dana: User) -> None:
    one, other = with_us(owner=dana), with_us("Anna", owner=dana)
    card(one)
    card(other)
    card(other, answer="keep", answered_at=datetime(2025, 3, 1, tzinfo=UTC), next_on=DAY)
    ended(other, on=date(2025, 1, 1))
    row = merge.merge(one.party, other.party, by=dana)
    assert Review.objects.filter(relationship=one, answered_at=None).count() == 1
    assert Review.objects.filter(relationship=one).count() == 2
    merge.undo(row, by=dana)
    assert Review.objects.filter(relationship=other).count() == 2
