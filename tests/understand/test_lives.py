"""One person, several lives: the vectorised answer is the row-by-row one, and each border day is right."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.understand import mbgnbd
from rekindle.understand.lives import GONE_UNDER, OWN_GAPS, SCHEMA, split_lives

FIT = mbgnbd.MbgNbd({"r": 0.7, "alpha": 12.0, "a": 0.6, "b": 1.8}, -1.0, 100.0, True, None, None, None)


def alive(x, t_x, T):
    return mbgnbd.p_alive(FIT, x, t_x, T)


def date(day):
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))


def split(purchases, *, as_of, crowd=20.0, min_days=30, chance=alive):
    """Lives of {person: [days]} as dictionaries."""
    rows = sorted((p, d) for p, days in purchases.items() for d in days)
    party = np.array([p for p, _ in rows], dtype=np.int64)
    day = np.array([d for _, d in rows], dtype=np.int32)
    table = split_lives(party, day, alive=chance, crowd_gap_q95=crowd, as_of=as_of, min_days=min_days)
    return table.to_pylist()


def presumed(days, night, crowd, min_days):
    """The rule as it is said, for one person's purchase days of one life and one night."""
    gaps = np.diff(days)
    rhythm = np.quantile(gaps, 0.95) if gaps.size >= OWN_GAPS else crowd
    silence = night - days[-1]
    chance = alive(len(days) - 1, days[-1] - days[0], night - days[0])[0]
    return silence >= min_days and silence > rhythm and chance < GONE_UNDER


def plain_lives(person, days, *, as_of, crowd, min_days):
    """Row by row and night by night."""
    lives, life = [], [days[0]]
    for following in [*days[1:], None]:
        last_night = as_of if following is None else following - 1
        nights = [n for n in range(life[-1], last_night + 1) if presumed(life, n, crowd, min_days)]
        if nights or following is None:
            chance = alive(len(life) - 1, life[-1] - life[0], last_night - life[0])[0]
            lives.append(
                {
                    "party_id": person,
                    "number": len(lives) + 1,
                    "began": date(life[0]),
                    "last_seen": date(life[-1]),
                    "purchases": len(life),
                    "ended": bool(nights),
                    "p_ended": pytest.approx(1 - chance),
                    "presumed_from": date(nights[0]) if nights else None,
                    "band_low": date(life[-1]) if nights else None,
                    "band_high": date(nights[0]) if nights else None,
                    "healed_on": date(following) if following is not None else None,
                }
            )
            life = []
        if following is not None:
            life.append(following)
    return lives


GAPS = st.lists(st.one_of(st.integers(1, 25), st.integers(1, 400)), max_size=14)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 300), GAPS), min_size=1, max_size=5),
    st.integers(0, 400),
    st.sampled_from([5.0, 20.0, 60.5]),
    st.sampled_from([1, 30]),
)
def test_it_is_the_plain_row_by_row_answer(people, wait, crowd, min_days):
    purchases = {p: np.cumsum([first, *gaps]).tolist() for p, (first, gaps) in enumerate(people)}
    as_of = max(days[-1] for days in purchases.values()) + wait
    wanted = [
        life
        for person, days in purchases.items()
        for life in plain_lives(person, days, as_of=as_of, crowd=crowd, min_days=min_days)
    ]
    assert split(purchases, as_of=as_of, crowd=crowd, min_days=min_days) == wanted


def test_a_steady_buyer_has_one_life_that_goes_on():
    (life,) = split({1: range(0, 200, 10)}, as_of=205)
    assert (life["number"], life["purchases"], life["ended"]) == (1, 20, False)
    assert life["presumed_from"] is life["band_low"] is life["healed_on"] is None


def test_a_return_after_a_long_silence_is_a_second_life():
    first, second = split({1: [*range(0, 100, 10), 400, 410]}, as_of=415)
    assert first["ended"]
    assert first["healed_on"] == second["began"] == date(400)
    assert first["last_seen"] == first["band_low"] == date(90)
    assert date(90) < first["presumed_from"] < date(400)
    assert not second["ended"]
    assert second["number"] == 2


def test_the_second_life_is_judged_by_its_own_rhythm_alone():
    # 60 days of silence end a ten-day rhythm; the second life buys every 50 days and goes on through it.
    lives = split({1: [*range(0, 100, 10), *range(400, 801, 50), 861]}, as_of=861, crowd=100.0)
    assert [life["purchases"] for life in lives] == [10, 10]


def test_the_border_day_of_the_least_silence():
    def gone(x, t_x, T):
        return np.zeros_like(x)

    (before,) = split({1: [0]}, as_of=29, crowd=5.0, chance=gone)
    (on,) = split({1: [0]}, as_of=30, crowd=5.0, chance=gone)
    assert not before["ended"]
    assert on["ended"]
    assert on["presumed_from"] == date(30)


def test_a_silence_just_at_the_quantile_is_not_over_it():
    def gone(x, t_x, T):
        return np.zeros_like(x)

    (on,) = split({1: [0]}, as_of=40, crowd=40.0, chance=gone)
    (over,) = split({1: [0]}, as_of=41, crowd=40.0, chance=gone)
    assert not on["ended"]
    assert over["ended"]
    assert over["presumed_from"] == date(41)


def test_the_day_of_the_return_itself_is_not_a_silent_night():
    def gone(x, t_x, T):
        return np.zeros_like(x)

    assert len(split({1: [0, 30]}, as_of=30, crowd=5.0, chance=gone)) == 1
    assert len(split({1: [0, 31]}, as_of=31, crowd=5.0, chance=gone)) == 2


def test_nobody_is_no_life():
    none = np.array([], dtype=np.int64)
    table = split_lives(none, none, alive=alive, crowd_gap_q95=20.0, as_of=0)
    assert table.num_rows == 0
    assert table.schema == SCHEMA


@pytest.mark.parametrize(
    ("party", "day", "told"),
    [
        ([2, 1], [5, 5], "not sorted"),
        ([1, 1], [5, 5], "does not rise"),
        ([1, 1], [5, 99], "after as_of"),
        ([1], [99], "after as_of"),
        ([1, 2], [5], "one length"),
        ([1], [5.5], "whole numbers"),
    ],
)
def test_what_is_not_sorted_days_is_refused(party, day, told):
    with pytest.raises(BadInput, match=told):
        split_lives(party, day, alive=alive, crowd_gap_q95=20.0, as_of=50)


def test_lives_of_a_real_shop_share_out_every_purchase_day(cdnow):
    end = int(np.datetime64("1998-06-30", "D").astype(int))
    table = split_lives(cdnow.person, cdnow.day, alive=alive, crowd_gap_q95=200.0, as_of=end)
    assert sum(table["purchases"].to_pylist()) == cdnow.day.size
    began, seen = (table[name].to_numpy() for name in ("began", "last_seen"))
    assert (began <= seen).all()
    ended = table["ended"].to_numpy()
    assert (table["presumed_from"].to_numpy()[ended] > seen[ended]).all()
