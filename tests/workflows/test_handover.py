"""Somebody on leave, or gone: whom they look after goes to colleagues, comes back, or is taken back."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some
from people_cast import person, staff, task

from rekindle.accounts.models import HandedOver, User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Promise, Relationship
from rekindle.relationships.vocabulary import Stage, TaskState
from rekindle.workflows import coverage, handover
from rekindle.workflows import staff as accounts
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def olive() -> User:
    return staff(Role.OWNER, name="Olive Owner")


@pytest.fixture
def dana() -> User:
    return staff(name="Dana Frey")


@pytest.fixture
def eli() -> User:
    return staff(name="Eli Roth")


def owners(*relationships: Relationship) -> list[User | None]:
    for one in relationships:
        one.refresh_from_db()
    return [one.owner for one in relationships]


def days(n: int) -> timedelta:
    return timedelta(days=n)


def over(leave_days: int = 3) -> None:
    """Every leave ended yesterday."""
    handover.Handover.objects.update(until=business_day() - days(1))


def test_everybody_goes_with_their_open_tasks_but_not_what_was_answered(olive: User, dana: User, eli: User) -> None:
    ana, ben = person("Ana", owner=dana), person("Ben", owner=dana)
    mine = task(ana, owner=dana)
    done = task(ben, owner=dana, state=TaskState.DONE.value)

    handover.hand_over(dana.pk, [eli.pk], by=olive)

    assert owners(ana, ben) == [eli, eli]
    mine.refresh_from_db()
    done.refresh_from_db()
    assert (mine.owner, done.owner) == (eli, dana)


def test_only_the_stages_asked_for_go(olive: User, dana: User, eli: User) -> None:
    ana, ben = person("Ana", owner=dana), person("Ben", owner=dana, stage=Stage.BREAKUP)

    handover.hand_over(dana.pk, [eli.pk], by=olive, stages=[Stage.BREAKUP])

    assert owners(ana, ben) == [dana, eli]


def test_a_closed_relationship_is_nobodys_work_and_stays(olive: User, dana: User, eli: User) -> None:
    person("Ana", owner=dana, stage=Stage.CLOSED)

    with pytest.raises(Conflict, match="looks after nobody"):
        handover.hand_over(dana.pk, [eli.pk], by=olive)


def test_a_leave_ends_by_itself_the_day_after_its_last_day(olive: User, dana: User, eli: User) -> None:
    ana = person("Ana", owner=dana)
    one = task(ana, owner=dana)
    handover.hand_over(dana.pk, [eli.pk], by=olive, until=business_day())

    assert handover.return_due() == 0
    assert owners(ana) == [eli]

    over()
    assert handover.return_due() == 1
    assert handover.return_due() == 0
    one.refresh_from_db()
    assert (owners(ana), one.owner) == ([dana], dana)


def test_whoever_left_for_good_gets_nobody_back(olive: User, dana: User, eli: User) -> None:
    ana = person("Ana", owner=dana)
    handover.hand_over(dana.pk, [eli.pk], by=olive)
    away = handover.hand_over(eli.pk, [dana.pk], by=olive, until=business_day())
    accounts.deactivate(eli, by=olive)
    over()

    assert handover.return_due() == 0
    assert owners(ana) == [dana]
    with pytest.raises(Conflict, match="closed"):
        handover.take_back(away.pk, by=olive)


def test_taken_back_is_as_before_but_for_who_was_moved_since(olive: User, dana: User, eli: User) -> None:
    ana, ben, third = person("Ana", owner=dana), person("Ben", owner=dana), staff(name="Kim Sun")
    done = handover.hand_over(dana.pk, [eli.pk], by=olive)
    Relationship.objects.filter(pk=ben.pk).update(owner=third)

    assert handover.take_back(done.pk, by=olive) == 1
    assert owners(ana, ben) == [dana, third]
    assert handover.before(ana) == []
    with pytest.raises(Conflict, match="already"):
        handover.take_back(done.pk, by=olive)
    with pytest.raises(NotFound):
        handover.take_back(0, by=olive)


def test_a_leave_within_a_leave_comes_back_in_steps(olive: User, dana: User, eli: User) -> None:
    ana, third = person("Ana", owner=dana), staff(name="Kim Sun")
    longer = handover.hand_over(dana.pk, [eli.pk], by=olive, until=business_day() + days(9))
    shorter = handover.hand_over(eli.pk, [third.pk], by=olive, until=business_day() + days(2))
    assert owners(ana) == [third]

    handover.take_back(shorter.pk, by=olive)
    assert owners(ana) == [eli]
    handover.take_back(longer.pk, by=olive)
    assert owners(ana) == [dana]


def test_who_comes_back_first_gets_them_from_the_one_who_holds_them_now(olive: User, dana: User, eli: User) -> None:
    ana, third = person("Ana", owner=dana), staff(name="Kim Sun")
    first = handover.hand_over(dana.pk, [eli.pk], by=olive, until=business_day() + days(2))
    second = handover.hand_over(eli.pk, [third.pk], by=olive, until=business_day() + days(9))

    handover.take_back(first.pk, by=olive)
    handover.take_back(second.pk, by=olive)

    assert owners(ana) == [dana]


def test_several_take_shares_by_their_free_minutes(olive: User, dana: User) -> None:
    rows = [person(f"P{n}", owner=dana) for n in range(8)]
    roomy, busy = staff(name="Roomy", minutes_per_day=60), staff(name="Busy", minutes_per_day=30)
    task(person("Q"), owner=busy, minutes=10, due_on=business_day())

    seen = handover.preview(dana, [roomy, busy])
    handover.hand_over(dana.pk, [roomy.pk, busy.pk], by=olive)

    assert [(one.taker, one.free_minutes, one.people) for one in seen.shares] == [(roomy, 60, 6), (busy, 20, 2)]
    assert sorted(str(owner) for owner in owners(*rows)) == ["Busy"] * 2 + ["Roomy"] * 6


def test_without_a_free_minute_nobody_is_chosen_by_chance(olive: User, dana: User) -> None:
    person("Ana", owner=dana)
    takers = [staff(minutes_per_day=0), staff(minutes_per_day=0)]

    with pytest.raises(BadInput, match="free minute"):
        handover.hand_over(dana.pk, [one.pk for one in takers], by=olive)
    assert not HandedOver.objects.exists()


def test_a_task_at_somebody_elses_person_goes_on_everybodys_list(olive: User, dana: User, eli: User) -> None:
    person("Ana", owner=dana)
    helping = task(person("Ben", owner=eli), owner=dana)

    assert handover.preview(dana, [eli]).left_open == 1
    handover.hand_over(dana.pk, [eli.pk], by=olive)

    helping.refresh_from_db()
    assert helping.owner is None


def test_the_preview_counts_what_goes_along_and_writes_nothing(dana: User, eli: User) -> None:
    ana, ben = person("Ana", owner=dana), person("Ben", owner=dana, stage=Stage.BREAKUP)
    task(ana, owner=dana)
    Promise.objects.create(relationship=ben, text="x", due_on=business_day(), made_by=dana)

    seen = handover.preview(dana, [eli])

    assert (seen.people, seen.tasks, seen.promises, seen.left_open) == (2, 1, 1, 0)
    assert dict(seen.by_stage) == {"ongoing": 1, "break-up": 1}
    assert [one.party.name for one in seen.shares[0].names] == ["Ana", "Ben"]
    assert owners(ana, ben) == [dana, dana]


def test_who_looked_after_them_before_is_kept(olive: User, dana: User, eli: User) -> None:
    ana = person("Ana", owner=dana)
    handover.hand_over(dana.pk, [eli.pk], by=olive)

    assert [(row.handover.giver, row.taker) for row in handover.before(ana)] == [(dana, eli)]


def test_what_is_lent_is_known_until_it_is_back(olive: User, dana: User, eli: User) -> None:
    ana = person("Ana", owner=dana)
    done = handover.hand_over(dana.pk, [eli.pk], by=olive, until=business_day())
    assert list(handover.lent_by(dana)) == [ana.pk]

    handover.take_back(done.pk, by=olive)
    assert list(handover.lent_by(dana)) == []


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.ANALYST])
def test_only_an_owner_hands_over(role: Role, dana: User, eli: User) -> None:
    person("Ana", owner=dana)

    with pytest.raises(Refused):
        handover.hand_over(dana.pk, [eli.pk], by=staff(role))


def test_to_oneself_to_a_reader_to_a_closed_account_or_to_nobody_is_refused(olive: User, dana: User) -> None:
    person("Ana", owner=dana)
    closed, reader = staff(is_active=False), staff(Role.ANALYST)

    for takers in ([], [dana.pk], [closed.pk], [reader.pk], [0]):
        with pytest.raises(BadInput, match="takes over"):
            handover.hand_over(dana.pk, takers, by=olive)


def test_a_leave_that_is_over_already_is_refused(olive: User, dana: User, eli: User) -> None:
    with pytest.raises(BadInput, match="past"):
        handover.hand_over(dana.pk, [eli.pk], by=olive, until=business_day() - days(1))


def test_the_trail_names_the_deed_and_no_person(olive: User, dana: User, eli: User) -> None:
    person("Ana Weber", owner=dana)
    done = handover.hand_over(dana.pk, [eli.pk], by=olive)
    handover.take_back(done.pk, by=olive)

    given_, back = AuditEntry.objects.filter(verb__startswith="staff.handed").order_by("id")
    assert given_.details == {"handover": done.pk, "people": 1, "to": [eli.pk], "until": None, "stages": []}
    assert back.details == {"handover": done.pk, "people": 1, "undone": True}


def test_it_asks_the_books_equally_often_whatever_the_number(
    olive: User, dana: User, eli: User, django_assert_max_num_queries: object
) -> None:
    for n in range(60):
        person(f"P{n}", owner=dana)

    with django_assert_max_num_queries(20):  # type: ignore[operator]
        handover.hand_over(dana.pk, [eli.pk], by=olive)


def test_whom_a_closed_account_left_behind_is_counted_as_nobodys(olive: User, dana: User) -> None:
    person("Ana", owner=dana)
    person("Ben", owner=olive)
    person("Cleo", owner=dana, stage=Stage.CLOSED)
    assert coverage.counts()["without_owner"] == 0

    accounts.deactivate(dana, by=olive)

    assert coverage.counts()["without_owner"] == 1
    assert [(one, one.held) for one in handover.givers()] == [(dana, 1)]


@given(some.integers(0, 300), some.lists(some.integers(0, 90), min_size=1, max_size=6).filter(any))
def test_shares_follow_the_weights_within_one_person(n: int, weights: list[int]) -> None:
    places = handover.spread(range(n), weights)

    assert len(places) == n
    for place, weight in enumerate(weights):
        assert abs(places.count(place) - n * weight / sum(weights)) < 1
        turns = [turn for turn, one in enumerate(places) if one == place]
        # Mixed evenly: nobody waits much longer for the next one than their share says.
        assert all(later - sooner <= sum(weights) / weight * 2 + len(weights) for sooner, later in pairwise(turns))
