"""Whether we still speak in public after the end: counted by hand's work, over days in which it could have been."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from people_cast import ended, person, staff, task

from rekindle.accounts.models import User
from rekindle.relationships.models import Breakup, Episode, Relationship, SocialHandle, Tie
from rekindle.relationships.vocabulary import Channel, TaskState
from rekindle.workflows.social import rates
from rekindle.workflows.social.rates import Rate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
TODAY = AT.date()


@pytest.fixture
def dana(db: None) -> User:
    return staff(name="Dana Frey")


def left(days_ago: int, *, told: int = 1_000, began: int = 2_000) -> Relationship:
    """Somebody who left so many days ago, with an account that we know since `told` days ago."""
    found = person("Ben")
    ended(found, on=TODAY - timedelta(days=days_ago))
    Episode.objects.create(
        relationship=found, number=1, began_on=TODAY - timedelta(days=began), pulses=9,
        last_seen_on=TODAY - timedelta(days=days_ago), ended_on=TODAY - timedelta(days=days_ago),
    )  # fmt: skip
    SocialHandle.objects.create(party=found.party, network="X", handle="ben", told_on=TODAY - timedelta(days=told))
    return found


def spoke(with_: Relationship, by: User, days_ago: int, *, channel: Channel = Channel.SOCIAL,
          state: TaskState = TaskState.DONE) -> None:  # fmt: skip
    task(with_, channel=channel.value, state=state.value, answered_by=by, answered_at=AT - timedelta(days=days_ago))


def test_what_was_done_before_and_after_is_told_for_thirty_days(dana: User) -> None:
    ben = left(60)
    for days_ago in (61, 100, 400, 60, 59, 1):
        spoke(ben, dana, days_ago)
    spoke(ben, dana, 426)  # more than a year before the end
    spoke(ben, dana, 70, channel=Channel.CALL)
    spoke(ben, dana, 70, state=TaskState.NOT_APPROPRIATE)
    found = rates.of_person(ben.party, at=AT)
    assert found == Rate(before=4, after=2, before_days=365, after_days=60)
    assert found.before_rate == pytest.approx(4 / 365 * 30)
    assert found.after_rate == pytest.approx(1.0)


@pytest.mark.parametrize(("days", "known"), [(29, False), (30, True)])
def test_fewer_than_thirty_days_say_nothing(dana: User, days: int, known: bool) -> None:
    found = rates.of_person(left(days).party, at=AT)
    assert found is not None
    assert (found.after_rate is not None) is known


def test_before_they_told_us_nothing_could_be_done(dana: User) -> None:
    found = rates.of_person(left(100, told=40).party, at=AT)
    assert found == Rate(0, 0, before_days=0, after_days=40)
    assert found.before_rate is None


def test_days_end_where_the_last_account_ended_and_where_they_came_back(dana: User) -> None:
    ben, cleo = left(200), left(200)
    SocialHandle.objects.filter(party=ben.party).update(ended_on=TODAY - timedelta(days=150))
    Episode.objects.create(
        relationship=cleo, number=2, began_on=TODAY - timedelta(days=90), last_seen_on=TODAY, pulses=3
    )
    assert rates.of_person(ben.party, at=AT) == Rate(0, 0, 365, 50)
    assert rates.of_person(cleo.party, at=AT) == Rate(0, 0, 365, 110)


def test_the_life_that_ended_is_looked_at_and_no_more(dana: User) -> None:
    assert rates.of_person(left(100, began=190).party, at=AT) == Rate(0, 0, 90, 100)


def test_who_stays_or_was_never_heard_or_whose_end_was_taken_back_has_no_rate(dana: User) -> None:
    stays, unheard, taken_back = person(), left(100), left(100)
    SocialHandle.objects.create(party=stays.party, network="X", handle="a", told_on=TODAY)
    SocialHandle.objects.filter(party=unheard.party).delete()
    Breakup.objects.filter(relationship=taken_back).update(withdrawn_at=AT)
    for one in (stays, unheard, taken_back):
        assert rates.of_person(one.party, at=AT) is None
    assert rates.of_staff(at=AT) == []


def test_each_of_us_is_measured_over_their_own_people(dana: User) -> None:
    otto = staff(name="Otto Berg")
    ben, cleo = left(100), left(200)
    Tie.objects.create(party=ben.party, staff=dana)
    for who, whom, days_ago in ((otto, ben, 50), (otto, cleo, 60), (dana, ben, 120)):
        spoke(whom, who, days_ago)
    found = {one.staff: (one.people, one.rate) for one in rates.of_staff(at=AT)}
    assert found == {dana: (1, Rate(1, 0, 365, 100)), otto: (2, Rate(0, 2, 730, 300))}


def test_everybody_is_asked_for_with_as_many_questions_as_few(dana: User) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            spoke(left(100), dana, 50)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            rates.of_staff(at=AT)
        counts.append(len(asked))
    assert counts[0] == counts[1]


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 400), st.integers(0, 400))
def test_a_rate_is_never_below_nothing_and_nothing_is_guessed(b: int, a: int, bd: int, ad: int) -> None:
    rate = Rate(b, a, bd, ad)
    for value, days in ((rate.before_rate, bd), (rate.after_rate, ad)):
        assert (value is None) is (days < 30)
        assert value is None or value >= 0
