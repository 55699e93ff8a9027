"""Who spoke last to whom, who owes an answer, and who may feel taken for granted."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people_cast import NOW, person, staff, task

from rekindle.accounts.models import User
from rekindle.journal.models import Inbound, Message, Outlook
from rekindle.relationships.models import Case, Episode, Feedback, Note, Relationship
from rekindle.relationships.vocabulary import TaskState
from rekindle.workflows.who_spoke import below, board, by_value, taken_for_granted, waiting

pytestmark = pytest.mark.django_db
_numbers = count(1)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def reply(relationship: Relationship, *, days: float, kind: str = "reply") -> None:
    Inbound.objects.create(
        source="imap", number=str(next(_numbers)), kind=kind, party=relationship.party, occurred_at=ago(days)
    )


def mail(relationship: Relationship, *, days: float, actor: User | None, state: str = "accepted") -> None:
    n = next(_numbers)
    Message.objects.create(
        key=str(n), party=relationship.party, channel="email", touch_class="relationship", message_id=f"<{n}@x>",
        made_by="x", expires_at=NOW, state=state, handed_at=ago(days), actor=actor,
    )  # fmt: skip


def value(relationship: Relationship, minor: int | None, **fields: Any) -> None:
    Outlook.objects.create(
        relationship=relationship, as_of=NOW.date(), model="x", horizon_days=90, value_horizon_days=730,
        value_at_stake_minor=minor, currency="EUR", **fields,
    )  # fmt: skip


def row(relationship: Relationship) -> Any:
    return board([relationship.pk], at=NOW)[0]


def test_nothing_on_record_is_not_known_and_never_zero() -> None:
    found = row(person())
    assert (found.ours_days, found.theirs_days, found.owed_days, found.of_their_gap) == (None, None, None, None)


def test_who_spoke_last_without_an_answer_is_owed_one_since_then() -> None:
    ana, dana = person(), staff(name="Dana Frey")
    Note.objects.create(relationship=ana, text="x", by=dana, at=ago(9))
    reply(ana, days=4)
    found = row(ana)
    assert (found.ours_days, found.ours_by, found.theirs_what, found.owed_days) == (9, "Dana Frey", "reply", 4)


def test_our_word_after_theirs_settles_it() -> None:
    ana = person()
    reply(ana, days=4)
    task(ana, state=TaskState.DONE.value, answered_at=ago(3), answered_by=staff())
    assert row(ana).owed_days is None


def test_a_machines_mail_is_nobodys_word_and_a_humans_is() -> None:
    ana = person()
    reply(ana, days=4)
    mail(ana, days=1, actor=None)
    assert row(ana).owed_days == 4
    mail(ana, days=2, actor=staff(), state="queued")
    assert row(ana).owed_days == 4
    mail(ana, days=2, actor=staff())
    assert (row(ana).owed_days, row(ana).ours_what) == (None, "message")


@pytest.mark.parametrize("kind", ["auto_reply", "bounced", "delivered"])
def test_what_machines_answer_is_no_conversation(kind: str) -> None:
    ana = person()
    reply(ana, days=4, kind=kind)
    assert row(ana).theirs_at is None


def test_a_good_mark_without_words_asks_for_nothing() -> None:
    ana, ben = person("Ana"), person("Ben")
    Feedback.objects.create(relationship=ana, kind="nps", score=9, given_at=ago(2))
    Feedback.objects.create(relationship=ben, kind="nps", score=3, given_at=ago(2))
    assert (row(ana).owed_days, row(ben).owed_days) == (None, 2)


def test_silence_is_counted_in_their_own_gaps_once_both_have_spoken() -> None:
    ana = person()
    value(ana, 100, usual_gap=5.0)
    reply(ana, days=20)
    assert row(ana).of_their_gap is None
    Note.objects.create(relationship=ana, text="x", by=staff(), at=ago(10))
    assert row(ana).of_their_gap == 4.0


def test_the_most_at_stake_come_first_and_the_next_page_goes_on_behind_the_last() -> None:
    people = [person(f"P{n}") for n in range(4)]
    for one, minor in zip(people, (500, 900, 500, None), strict=True):
        value(one, minor)
    first = by_value(owner=None, after=None, limit=2, at=NOW)
    assert [one.relationship.pk for one in first] == [people[1].pk, people[0].pk]
    last = first[-1]
    rest = by_value(owner=None, after=(last.value_minor or 0, last.relationship.pk), limit=9, at=NOW)
    assert [one.relationship.pk for one in rest] == [people[2].pk]


def test_one_owner_sees_their_own_people() -> None:
    dana = staff()
    mine, other = person("Mine", owner=dana), person("Other")
    for one in (mine, other):
        value(one, 100)
        reply(one, days=3)
    assert [one.relationship.pk for one in by_value(owner=dana, after=None, limit=9, at=NOW)] == [mine.pk]
    assert [one.relationship.pk for one in waiting(owner=dana, limit=9, at=NOW)] == [mine.pk]


def test_who_has_waited_the_longest_stands_first_and_the_answered_do_not_stand_there() -> None:
    ana, ben, cleo = person("Ana"), person("Ben"), person("Cleo")
    reply(ana, days=2)
    Case.objects.create(relationship=ben, title="x", opened_at=ago(8))
    reply(cleo, days=30)
    Note.objects.create(relationship=cleo, text="x", by=staff(), at=ago(1))
    assert [(one.relationship.pk, one.owed_days) for one in waiting(owner=None, limit=9, at=NOW)] == [
        (ben.pk, 8), (ana.pk, 2),
    ]  # fmt: skip


def test_a_long_stay_and_a_long_silence_together_are_taken_for_granted() -> None:
    dana = staff()
    people = {}
    for name, years, spoken in (("old quiet", 9, 300), ("old loved", 9, 1), ("new quiet", 1, 300), ("never", 8, None)):
        one = people[name] = person(name)
        value(one, 100)
        Episode.objects.create(
            relationship=one, number=1, began_on=ago(365 * years).date(), last_seen_on=NOW.date(), pulses=9
        )
        if spoken is not None:
            Note.objects.create(relationship=one, text="x", by=dana, at=ago(spoken))
    rows = {str(one.relationship.party): one.taken for one in taken_for_granted(owner=None, limit=9, at=NOW)}
    assert next(iter(rows)) in {"old quiet", "never"}
    never = rows["never"]
    assert never
    assert never.is_never
    assert never.silent_days == never.tenure_days == 365 * 8
    assert rows["old quiet"].index > rows["old loved"].index  # type: ignore[union-attr]
    assert rows["old quiet"].index > rows["new quiet"].index  # type: ignore[union-attr]
    assert all(one and one.index == one.tenure * one.silence for one in rows.values())


def test_the_questions_do_not_grow_with_the_people(django_assert_max_num_queries: Any) -> None:
    people = [person(f"P{n}") for n in range(30)]
    for one in people:
        reply(one, days=3)
        Note.objects.create(relationship=one, text="x", by=staff(), at=ago(1))
    with django_assert_max_num_queries(14):
        board([one.pk for one in people], at=NOW)


@given(values=st.lists(st.integers(0, 50), min_size=2, max_size=40))
def test_a_place_among_the_others_lies_between_none_and_all_and_keeps_the_order(values: list[int]) -> None:
    places = below(values)
    assert all(0 <= place <= 1 for place in places)
    assert sum(places) == pytest.approx(len(values) / 2)
    for one, place in zip(values, places, strict=True):
        assert all(place < other for value_, other in zip(values, places, strict=True) if one < value_)


def test_alone_there_is_nobody_to_compare_with() -> None:
    assert below([7]) == [0.5]
