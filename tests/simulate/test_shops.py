"""The simulated shop: ordered, inside its window, of known truth, and as large as asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rekindle.errors import BadInput
from rekindle.simulate import shops
from rekindle.simulate.shops import Custom, shop, shop_truth


def events(people: int = 4000, *, seed: int = 3, visits: float = 2.0) -> pa.Table:
    return shop(people, days=730, seed=seed, visits_per_purchase=visits).read_all()


def test_the_same_seed_is_the_same_shop() -> None:
    assert events(500).equals(events(500))
    assert not events(500).equals(events(500, seed=4))


def test_it_streams_in_blocks_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shops, "BLOCK", 100)
    sizes = [batch["member"].to_numpy() for batch in shop(250, days=90, seed=1, visits_per_purchase=1.0)]
    assert [(int(block.min()), int(block.max())) for block in sizes] == [(1, 100), (101, 200), (201, 250)]


def test_everybody_buys_once_at_least_and_inside_the_window() -> None:
    table = events()
    bought = table.filter(pc.equal(table["kind"], "purchase"))
    assert set(bought["member"].to_pylist()) == set(range(1, 4001))
    opened = datetime(2024, 1, 1, tzinfo=UTC)
    assert pc.min(table["occurred_at"]).as_py() >= opened
    assert pc.max(table["occurred_at"]).as_py() < opened + timedelta(days=730)


def test_events_are_in_order_of_member_and_time() -> None:
    table = events()
    member = table["member"].to_numpy()
    when = table["occurred_at"].cast(pa.int64()).to_numpy()
    same = member[1:] == member[:-1]
    assert (np.diff(member) >= 0).all()
    assert (np.diff(when)[same] >= 0).all()


def test_only_purchases_carry_money() -> None:
    table = events()
    visit = pc.equal(table["kind"], "visit")
    assert table.filter(visit)["amount_minor"].null_count == pc.sum(visit).as_py()
    bought = table.filter(pc.invert(visit))
    assert bought["amount_minor"].null_count == bought["currency"].null_count == 0
    assert pc.min(bought["amount_minor"]).as_py() >= 0


def test_visits_per_purchase_is_a_mean() -> None:
    kinds = events(visits=3.0)["kind"]
    visits = pc.sum(pc.equal(kinds, "visit")).as_py()
    assert visits / (len(kinds) - visits) == pytest.approx(3.0, rel=0.02)
    assert pc.sum(pc.equal(events(visits=0.0)["kind"], "visit")).as_py() == 0


def test_the_truth_belongs_to_the_events() -> None:
    table, truth = events(), shop_truth(4000, days=730, seed=3).read_all()
    bought = table.filter(pc.equal(table["kind"], "purchase"))
    grouped = bought.group_by("member").aggregate([("occurred_at", "min"), ("occurred_at", "max"), ("member", "count")])
    grouped = grouped.sort_by("member")
    assert grouped["member_count"].to_pylist() == truth["purchases"].to_pylist()
    assert grouped["occurred_at_min"].to_pylist() == truth["joined_at"].to_pylist()
    gone = truth["gone_at"].to_pylist()
    last = grouped["occurred_at_max"].to_pylist()
    assert all(end is None or end == seen for end, seen in zip(gone, last, strict=True))


def test_the_truth_follows_its_parameters() -> None:
    custom = Custom(r=2.0, alpha=20.0, a=1.0, b=4.0)
    truth = shop_truth(60_000, days=365, seed=9, custom=custom).read_all()
    assert pc.mean(truth["rate_per_day"]).as_py() == pytest.approx(2.0 / 20.0, rel=0.02)
    assert pc.variance(truth["rate_per_day"]).as_py() == pytest.approx(2.0 / 400.0, rel=0.05)
    assert pc.mean(truth["dropout"]).as_py() == pytest.approx(1.0 / 5.0, rel=0.02)
    # After the first repeat purchase each leaves with the own chance: E[p] of all who repeat, weighted by repeating.
    repeated = truth.filter(pc.greater(truth["purchases"], 1))
    once = repeated.filter(pc.and_(pc.equal(repeated["purchases"], 2), pc.is_valid(repeated["gone_at"])))
    assert once.num_rows / repeated.num_rows == pytest.approx(pc.mean(repeated["dropout"]).as_py(), rel=0.04)


def test_money_follows_its_parameters() -> None:
    custom = Custom(p=5.0, q=6.0, v=20.0)
    table = shop(40_000, days=365, seed=2, visits_per_purchase=0.0, custom=custom).read_all()
    means = table.group_by("member").aggregate([("amount_minor", "mean")])["amount_minor_mean"].to_numpy()
    assert float(means.mean()) / 100 == pytest.approx(5.0 * 20.0 / 5.0, rel=0.03)


@pytest.mark.parametrize(
    ("people", "days", "seed", "visits"), [(0, 30, 1, 1.0), (10, 0, 1, 1.0), (10, 30, -1, 1.0), (10, 30, 1, -1.0)]
)
def test_a_shop_that_cannot_be_is_refused(people: int, days: int, seed: int, visits: float) -> None:
    with pytest.raises(BadInput):
        shop(people, days=days, seed=seed, visits_per_purchase=visits)
