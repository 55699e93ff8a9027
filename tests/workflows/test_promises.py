"""Promises: by a day, answered once, never silently; and what the lists and the record say of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Party, Promise
from rekindle.relationships.vocabulary import PromiseState
from rekindle.workflows import audit, promises
from rekindle.workflows.promises import ALLOWED
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db

REASON = {"outcome": "the part never came"}
ANSWERS: dict[PromiseState, dict[str, Any]] = {
    PromiseState.KEPT: {},
    PromiseState.BROKEN: REASON,
    PromiseState.RELEASED: {},
}


@pytest.fixture
def dana() -> User:
    return staff()


def promise(*, days: int = 3, state: PromiseState = PromiseState.OPEN, **fields: Any) -> Promise:
    relationship = fields.pop("relationship", None) or person()
    due = business_day() + timedelta(days=days)
    answered = None if state is PromiseState.OPEN else timezone.now()
    return Promise.objects.create(
        **{
            "relationship": relationship, "text": "call back", "due_on": due, "state": state.value,
            "answered_at": answered, **fields,
        }
    )  # fmt: skip


def test_a_promise_keeps_who_to_whom_and_by_when(dana: User) -> None:
    ana = person()
    due = business_day() + timedelta(days=2)
    made = promises.make(ana.party, text="  send the plan ", due_on=due, by=dana)
    made.refresh_from_db()
    assert (made.relationship, made.text, made.due_on, made.made_by) == (ana, "send the plan", due, dana)
    assert made.state == PromiseState.OPEN.value


def test_today_is_the_first_day_a_promise_may_be_due_and_yesterday_is_refused(dana: User) -> None:
    party = person().party
    assert promises.make(party, text="call", due_on=business_day(), by=dana).due_on == business_day()
    with pytest.raises(BadInput, match="the day it is due is"):
        promises.make(party, text="call", due_on=business_day() - timedelta(days=1), by=dana)


def test_the_last_day_of_five_years_is_a_promise_and_the_day_after_a_hope(dana: User) -> None:
    party, last = person().party, business_day() + timedelta(days=promises.DUE_WITHIN_DAYS)
    promises.make(party, text="call", due_on=last, by=dana)
    with pytest.raises(BadInput):
        promises.make(party, text="call", due_on=last + timedelta(days=1), by=dana)


@pytest.mark.parametrize("text", ["", "  \x00 ", "x" * 401])
def test_words_that_cannot_be_kept_are_refused(dana: User, text: str) -> None:
    with pytest.raises(BadInput):
        promises.make(person().party, text=text, due_on=business_day(), by=dana)


def test_a_party_known_by_name_only_is_promised_nothing(dana: User) -> None:
    with pytest.raises(BadInput, match="no relationship"):
        promises.make(Party.objects.create(name="Nobody"), text="call", due_on=business_day(), by=dana)


def test_a_double_click_makes_one_promise(dana: User) -> None:
    party = person().party
    first = promises.make(party, text="call", due_on=business_day(), by=dana)
    assert promises.make(party, text="call", due_on=business_day(), by=dana) == first
    assert AuditEntry.objects.filter(verb="promise.made").count() == 1


@pytest.mark.parametrize("before", PromiseState)
@pytest.mark.parametrize("state", ANSWERS)
def test_only_steps_of_the_table_are_taken(dana: User, before: PromiseState, state: PromiseState) -> None:
    one = promise(state=before, outcome="said before")
    if state in ALLOWED[before]:
        assert promises.answer(one.pk, state=state, by=dana, **ANSWERS[state]).state == state.value
    elif state is before:
        assert promises.answer(one.pk, state=state, by=dana, **ANSWERS[state]).outcome == "said before"
    else:
        with pytest.raises(Conflict, match="already"):
            promises.answer(one.pk, state=state, by=dana, **ANSWERS[state])
        one.refresh_from_db()
        assert one.state == before.value


def test_open_is_not_an_answer(dana: User) -> None:
    with pytest.raises(BadInput):
        promises.answer(promise().pk, state=PromiseState.OPEN, by=dana)


def test_a_broken_promise_needs_its_reason_and_says_whether_they_know(dana: User) -> None:
    one = promise()
    with pytest.raises(BadInput, match="reason"):
        promises.answer(one.pk, state=PromiseState.BROKEN, by=dana)
    broken = promises.answer(one.pk, state=PromiseState.BROKEN, by=dana, **REASON)
    assert (broken.outcome, broken.told_customer) == (REASON["outcome"], False)
    assert promises.tell(one.pk, by=dana).told_customer


def test_what_is_open_cannot_have_been_told(dana: User) -> None:
    with pytest.raises(Conflict, match="still open"):
        promises.tell(promise().pk, by=dana)


def test_an_answer_is_taken_back_on_its_day_and_leaves_nothing(dana: User) -> None:
    one = promise()
    promises.answer(one.pk, state=PromiseState.BROKEN, by=dana, told=True, **REASON)
    open_again = promises.undo(one.pk, by=dana)
    assert (open_again.state, open_again.outcome, open_again.told_customer) == (PromiseState.OPEN.value, "", False)
    assert open_again.answered_at is None
    assert promises.undo(one.pk, by=dana).state == PromiseState.OPEN.value


def test_an_answer_of_yesterday_stands(dana: User) -> None:
    one = promise(state=PromiseState.KEPT, answered_at=timezone.now() - timedelta(days=1))
    assert not promises.may_undo(one)
    with pytest.raises(Conflict, match="own day"):
        promises.undo(one.pk, by=dana)


def test_who_reads_only_changes_nothing(dana: User) -> None:
    reader, one = staff(Role.ANALYST), promise()
    for act in (
        lambda: promises.make(one.relationship.party, text="x", due_on=business_day(), by=reader),
        lambda: promises.answer(one.pk, state=PromiseState.KEPT, by=reader),
        lambda: promises.tell(one.pk, by=reader),
        lambda: promises.undo(one.pk, by=reader),
    ):
        with pytest.raises(Refused):
            act()
    assert Promise.objects.get().state == PromiseState.OPEN.value
    assert not AuditEntry.objects.exists()


def test_a_promise_that_is_not_there_is_not_found(dana: User) -> None:
    with pytest.raises(NotFound):
        promises.answer(99, state=PromiseState.KEPT, by=dana)


def test_every_step_is_in_the_trail_without_its_words(dana: User) -> None:
    made = promises.make(person().party, text="secret plan", due_on=business_day(), by=dana)
    promises.answer(made.pk, state=PromiseState.BROKEN, by=dana, outcome="secret reason")
    promises.tell(made.pk, by=dana)
    promises.undo(made.pk, by=dana)
    trail = list(AuditEntry.objects.order_by("id"))
    assert [entry.verb for entry in trail] == ["promise.made", "promise.answered", "promise.told", "promise.reopened"]
    assert "secret" not in str([entry.details for entry in trail])
    assert audit.first_broken() is None


def test_open_promises_come_the_longest_overdue_first_page_by_page() -> None:
    made = [promise(days=days).pk for days in (5, -3, 0, 0, -9)]
    promise(state=PromiseState.KEPT)
    seen: list[int] = []
    after = None
    while page := owed_queries.promises_waiting(whose=None, after=after, limit=2):
        seen += [one.pk for one in page]
        after = (page[-1].due_on, page[-1].pk)
    assert seen == [made[4], made[1], made[2], made[3], made[0]]


def test_answered_promises_come_the_latest_due_first_page_by_page() -> None:
    made = [promise(days=days, state=PromiseState.KEPT).pk for days in (-5, -1, -1, -30)]
    promise()
    seen: list[int] = []
    after = None
    while page := owed_queries.promises_answered(whose=None, after=after, limit=2):
        seen += [one.pk for one in page]
        after = (page[-1].due_on, page[-1].pk)
    assert seen == [made[2], made[1], made[0], made[3]]


def test_mine_are_those_i_made_and_those_to_my_people(dana: User) -> None:
    other = staff(name="Erik Falk")
    mine = {
        promise(made_by=dana).pk,
        promise(made_by=other, relationship=person("Bea", owner=dana)).pk,
    }
    promise(made_by=other, relationship=person("Cy", owner=other))
    assert {one.pk for one in owed_queries.promises_waiting(whose=dana, after=None, limit=9)} == mine


def test_the_record_counts_a_year_and_never_guesses(dana: User) -> None:
    today = business_day()
    empty = owed_queries.promise_record(whose=None, until=today, days=365)
    assert (empty.kept, empty.broken, empty.rate) == (0, 0, None)
    for days, state in (
        (0, PromiseState.KEPT), (-364, PromiseState.KEPT), (-365, PromiseState.KEPT), (-1, PromiseState.BROKEN),
        (-2, PromiseState.RELEASED), (1, PromiseState.KEPT), (-4, PromiseState.OPEN),
    ):  # fmt: skip
        promise(days=days, state=state)
    record = owed_queries.promise_record(whose=None, until=today, days=365)
    assert (record.kept, record.broken, record.released) == (2, 1, 1)
    assert record.rate == pytest.approx(2 / 3)


def test_only_what_we_were_let_off_gives_no_rate() -> None:
    promise(days=-1, state=PromiseState.RELEASED)
    assert owed_queries.promise_record(whose=None, until=business_day(), days=365).rate is None


def test_the_record_is_of_those_asked_for(dana: User) -> None:
    promise(days=-1, state=PromiseState.KEPT, made_by=dana)
    promise(days=-1, state=PromiseState.BROKEN, relationship=person("Cy"))
    assert owed_queries.promise_record(whose=dana, until=business_day(), days=365).rate == 1.0


def test_a_far_day_is_no_overflow() -> None:
    far = (date(2026, 1, 1), 2**62)
    assert owed_queries.promises_waiting(whose=None, after=far, limit=1) == []
