"""How everything that asks for a human becomes one list: the order, the room of the day, and that nothing is lost."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput
from rekindle.workflows.todays_order import OWED, SEES, Desk, Lane, Work, desk_for, merge

DAY = date(2026, 3, 12)


def work(lane: Lane, key: str = "", minutes: int = 10, due: int = 0, rank: int | None = None) -> Work:
    return Work(lane, key or f"{lane.value}:{due}:{rank}", minutes, DAY + timedelta(days=due), rank=rank)


def keys(works: tuple[Work, ...]) -> list[str]:
    return [one.key for one in works]


def test_who_spoke_comes_first_and_the_nights_suggestions_last() -> None:
    found = merge([work(lane, lane.value) for lane in reversed(Lane)], capacity=None)
    assert keys(found.today) == ["spoke", "promise", "plan", "day", "alert", "night"]


def test_within_a_lane_the_earlier_day_comes_first_but_the_night_goes_by_rank() -> None:
    found = merge(
        [
            work(Lane.PROMISE, "due today"),
            work(Lane.PROMISE, "overdue", due=-3),
            work(Lane.NIGHT, "unranked", due=-9),
            work(Lane.NIGHT, "second", due=-1, rank=2),
            work(Lane.NIGHT, "first", rank=1),
        ],
        capacity=None,
    )
    assert keys(found.today) == ["overdue", "due today", "first", "second", "unranked"]


@pytest.mark.parametrize(("capacity", "waits"), [(30, 0), (29, 1), (20, 1), (19, 2), (0, 3)])
def test_what_no_longer_fits_can_wait(capacity: int, waits: int) -> None:
    found = merge([work(Lane.NIGHT, str(n), rank=n) for n in range(3)], capacity=capacity)
    assert len(found.can_wait) == waits
    assert found.minutes == 10 * (3 - waits)


def test_a_shorter_one_further_down_takes_the_room_that_is_left() -> None:
    found = merge(
        [
            work(Lane.NIGHT, "long", 30, rank=1),
            work(Lane.NIGHT, "longer", 40, rank=2),
            work(Lane.NIGHT, "s", 10, rank=3),
        ],
        capacity=45,
    )
    assert (keys(found.today), keys(found.can_wait)) == (["long", "s"], ["longer"])


def test_what_is_owed_is_todays_even_where_the_day_is_full() -> None:
    found = merge([work(Lane.SPOKE), work(Lane.PROMISE), work(Lane.PLAN)], capacity=5)
    assert [one.lane for one in found.today] == [Lane.SPOKE, Lane.PROMISE]
    assert [one.lane for one in found.can_wait] == [Lane.PLAN]


def test_an_alert_takes_no_time_and_is_always_seen() -> None:
    assert keys(merge([work(Lane.ALERT, "down", 0)], capacity=0).today) == ["down"]


def test_the_same_thing_from_two_places_stands_once_in_its_first_lane() -> None:
    found = merge([work(Lane.NIGHT, "task:1"), work(Lane.SPOKE, "task:1")], capacity=None)
    assert [one.lane for one in found.today] == [Lane.SPOKE]


def test_what_a_desk_leaves_out_is_named() -> None:
    found = merge([work(Lane.DAY), work(Lane.SPOKE)], capacity=60, desk=Desk.AGENT)
    assert [one.lane for one in found.today] == [Lane.SPOKE]
    assert [one.lane for one in found.elsewhere] == [Lane.DAY]


def test_everybody_who_spoke_is_seen_from_every_desk() -> None:
    assert all(Lane.SPOKE in lanes for lanes in SEES.values())


@pytest.mark.parametrize(
    ("role", "alone", "desk"),
    [
        (Role.MARKETER, False, Desk.MARKETER), (Role.AGENT, False, Desk.AGENT), (Role.MANAGER, False, Desk.MANAGER),
        (Role.OWNER, False, Desk.SOLO), (Role.ANALYST, False, Desk.SOLO), (Role.AGENT, True, Desk.SOLO),
    ],
)  # fmt: skip
def test_each_role_starts_at_its_desk_and_who_is_alone_at_all_of_them(role: Role, alone: bool, desk: Desk) -> None:
    assert desk_for(role.value, is_alone=alone) is desk
    assert desk_for("nonsense", is_alone=False) is Desk.SOLO


@pytest.mark.parametrize("given_", [([], -1), ([work(Lane.DAY, minutes=-1)], 10)])
def test_a_day_or_a_deed_of_less_than_no_time_is_refused(given_: tuple[list[Work], int]) -> None:
    with pytest.raises(BadInput):
        merge(given_[0], capacity=given_[1])


_WORK = st.builds(
    Work,
    lane=st.sampled_from(Lane),
    key=st.uuids().map(str),
    minutes=st.integers(0, 90),
    due_on=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    rank=st.none() | st.integers(1, 9),
)


@given(works=st.lists(_WORK, max_size=30), capacity=st.integers(0, 300), desk=st.sampled_from(Desk))
def test_nothing_is_lost_nothing_stands_twice_and_the_day_is_kept(works: list[Work], capacity: int, desk: Desk) -> None:
    found = merge(works, capacity=capacity, desk=desk)
    assert sorted(keys(found.today + found.can_wait + found.elsewhere)) == sorted(one.key for one in works)
    chosen = sum(one.minutes for one in found.today if one.lane not in OWED)
    owed = sum(one.minutes for one in found.today if one.lane in OWED)
    assert chosen <= max(0, capacity - owed)
    assert not [one for one in found.can_wait if one.lane in OWED]
    assert merge(reversed(works), capacity=capacity, desk=desk) == found
