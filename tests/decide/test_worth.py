"""Value at stake, the worth of an option, and the order of everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.decide.worth import BASES, StakeBasis, Stakes, option_worth, rank, stakes
from rekindle.errors import BadInput

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
NAN = np.nan


def of(value: list[float], p: list[float], spend: list[float] | None = None) -> Stakes:
    usual = np.full(len(value), NAN) if spend is None else np.array(spend)
    return stakes(value_to_come=np.array(value), p_lose=np.array(p), usual_spend=usual)


def order(at: Stakes) -> list[int]:
    return rank(np.arange(len(at.amount)), at=at).tolist()


def test_value_at_stake_is_value_times_the_chance_of_losing_it() -> None:
    at = of([10_000.0], [0.25], [4_000.0])
    assert (at.amount[0], at.keeps[0], BASES[at.basis[0]]) == (2_500.0, 10_000.0, StakeBasis.VALUE)


def test_nobody_ranks_by_the_risk_of_leaving_alone() -> None:
    high_risk_low_value, medium_risk_high_value = 0, 1
    ranks = order(of([1_000.0, 50_000.0], [0.95, 0.40]))
    assert ranks[medium_risk_high_value] < ranks[high_risk_low_value]


def test_one_usual_purchase_stands_in_where_the_value_is_not_known() -> None:
    at = of([NAN], [0.5], [3_000.0])
    assert (at.amount[0], BASES[at.basis[0]]) == (1_500.0, StakeBasis.USUAL_SPEND)


def test_what_is_not_known_is_never_zero() -> None:
    at = of([NAN, 5_000.0, NAN], [0.5, NAN, NAN])
    assert np.isnan(at.amount).all()
    assert [BASES[code] for code in at.basis] == [StakeBasis.CHANCE_ONLY, StakeBasis.UNKNOWN, StakeBasis.UNKNOWN]
    assert np.isnan(option_worth(at, effect=0.1, harm=0.0, cost_minor=5.0)).all()


def test_money_ranks_before_chance_and_chance_before_nothing_known() -> None:
    at = of([NAN, NAN, 10.0, NAN, -10.0, NAN], [0.2, 0.9, 0.5, NAN, 0.5, 0.2])
    assert order(at) == [4, 3, 1, 6, 2, 5]


def test_equal_money_goes_by_party_id_not_by_risk() -> None:
    assert order(of([1_000.0, 500.0], [0.25, 0.50])) == [1, 2]
    at = of([1_000.0, 500.0], [0.25, 0.50])
    assert rank(np.array([9, 4]), at=at).tolist() == [2, 1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([NAN, -5.0, 0.0, 1.0, 2.0]), st.sampled_from([NAN, 0.0, 0.5, 1.0]),
            st.sampled_from([NAN, 0.0, 3.0]),
        ),
        max_size=20,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_everybody_has_a_rank_and_the_rows_order_does_not_matter(
    people: list[tuple[float, ...]], random: object
) -> None:
    columns = np.array(people, dtype=np.float64).reshape(-1, 3)
    ids = np.arange(len(people))
    at = stakes(value_to_come=columns[:, 0], p_lose=columns[:, 1], usual_spend=columns[:, 2])
    ranks = rank(ids, at=at)
    assert sorted(ranks.tolist()) == list(range(1, len(people) + 1))
    shuffled = ids[::-1]
    other = stakes(value_to_come=columns[shuffled, 0], p_lose=columns[shuffled, 1], usual_spend=columns[shuffled, 2])
    assert rank(ids[shuffled], at=other).tolist() == ranks[shuffled].tolist()


def test_worth_is_what_is_kept_less_cost_and_harm() -> None:
    at = of([10_000.0], [0.5])
    assert option_worth(at, effect=0.1, harm=0.01, cost_minor=300.0)[0] == pytest.approx(500 - 300 - 100)


def test_disturbing_somebody_with_nothing_to_come_is_no_gain() -> None:
    assert option_worth(of([-10_000.0], [0.0]), effect=0.1, harm=0.01, cost_minor=300.0)[0] == -300.0


@pytest.mark.parametrize("p", [-0.01, 1.01])
def test_a_chance_outside_zero_to_one_is_refused_by_row(p: float) -> None:
    with pytest.raises(BadInput, match="row 1: chance of loss"):
        of([1.0, 1.0], [0.5, p])


def test_an_infinite_value_is_refused_by_row() -> None:
    with pytest.raises(BadInput, match="row 0: value_to_come is infinite"):
        of([np.inf], [0.5])
    with pytest.raises(BadInput, match="row 0: usual_spend is infinite"):
        of([1.0], [0.5], [np.inf])


@pytest.mark.parametrize("basis", list(StakeBasis))
def test_every_basis_is_documented(basis: StakeBasis) -> None:
    assert f"`{basis.value}`" in DOC
