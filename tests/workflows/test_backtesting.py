"""The backtest of a business: out of its own history, blind to what came later, kept as plain JSON."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rekindle import home as homes
from rekindle.errors import BadInput, NotEnoughData
from rekindle.journal.models import Night
from rekindle.workflows import backtest
from rekindle.workflows.brand import the_brand

from .conftest import purchases

pytestmark = pytest.mark.django_db

DAY = date(2025, 6, 30)
CUTOFFS = (date(2024, 9, 30), date(2025, 2, 28))
PAGE = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")


def shop(people: int = 300, *, seed: int = 11) -> list[tuple[str, str, str]]:
    """Buyers with a pace of their own, some of whom stop; the last purchase of all is on DAY."""
    rng = np.random.default_rng(seed)
    rows = [("c000", DAY.isoformat(), "5.00")]
    for number in range(1, people):
        day = DAY - timedelta(days=int(rng.integers(30, 720)))
        pace = rng.gamma(2.0, 12.0) + 3
        leave = rng.beta(0.8, 2.4)
        while day <= DAY:
            rows.append((f"c{number:03d}", day.isoformat(), f"{rng.gamma(3.0, 9.0):.2f}"))
            if rng.random() < leave:
                break
            day += timedelta(days=1 + int(rng.exponential(pace)))
    return rows


@pytest.fixture
def business(load, write) -> None:
    load(write("sales.csv", purchases(shop())))


def keys_in(value: Any) -> set[str]:
    """Every key of a document that is not a word of the data (a model, a day, a parameter)."""
    if isinstance(value, list):
        return set().union(*(keys_in(one) for one in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    by_name = {"parameters", "skipped", "unknown"}
    return set(value) | set().union(set(), *(keys_in(one) for key, one in value.items() if key not in by_name))


def test_it_asks_at_days_a_horizon_apart_that_end_with_the_history(business) -> None:
    found = backtest.run()
    assert found["as_of"] == DAY.isoformat()
    assert found["horizon_days"] == 90
    days = [date.fromisoformat(one["cutoff"]) for one in found["cutoffs"]]
    assert days == [DAY - timedelta(days=90 * back) for back in (4, 3, 2, 1)]
    assert (found["pulse"], found["skipped"], found["notes"]) == (["purchase"], {}, [])
    assert all(one["people"] > 30 and one["seen"] > 0 for one in found["cutoffs"])


def test_every_model_and_both_baselines_are_there_and_one_is_trusted(business) -> None:
    found = backtest.run()
    names = [one["model"] for one in found["models"]]
    assert {"mbgnbd", "bgnbd", "rate", "recency"} <= set(names)
    assert [one["model"] for one in found["models"] if one["chosen"]] == [found["winner"]["model"]]
    assert all([t["model"] for t in one["trials"]] == names for one in found["cutoffs"])
    assert found["winner"]["mean"]["log_loss"] > 0


def test_it_is_kept_as_plain_json_and_every_key_is_documented(business) -> None:
    assert backtest.latest() is None
    found = backtest.run(progress=(said := []).append)
    assert backtest.latest() == found == json.loads(json.dumps(found, allow_nan=False))
    assert not list(homes.home().glob("backtest.draft"))
    assert said
    assert not sorted(key for key in keys_in(found) if f"`{key}`" not in PAGE)


def test_events_planted_after_a_cutoff_change_no_answer_from_it(load, write) -> None:
    load(write("sales.csv", purchases(shop())))
    before = backtest.run(cutoffs=CUTOFFS)
    end = CUTOFFS[-1] + timedelta(days=90)
    inside = [(f"c{n:03d}", (CUTOFFS[-1] + timedelta(days=1 + n % 80)).isoformat(), "9.00") for n in range(1, 300)]
    beyond = [(f"c{n:03d}", (end + timedelta(days=1)).isoformat(), "9.00") for n in range(1, 300)]
    load(write("beyond.csv", purchases(beyond)))
    assert {**backtest.run(cutoffs=CUTOFFS), "as_of": before["as_of"]} == before

    load(write("inside.csv", purchases(inside)))
    after = backtest.run(cutoffs=CUTOFFS)
    assert after["cutoffs"][0] == before["cutoffs"][0]
    assert after["cutoffs"][1]["seen"] > before["cutoffs"][1]["seen"]
    for mine, theirs in zip(after["cutoffs"][1]["trials"], before["cutoffs"][1]["trials"], strict=True):
        for key in ("model", "parameters", "expected", "log_likelihood", "boundary"):
            assert mine[key] == theirs[key]
        assert [one["told"] for one in mine["calibration"]] == [one["told"] for one in theirs["calibration"]]


def test_another_sign_of_life_that_came_later_is_not_used_but_told(load, write) -> None:
    load(write("sales.csv", purchases(shop())))
    plain = backtest.run(cutoffs=CUTOFFS)
    late = (CUTOFFS[0] + timedelta(days=3)).isoformat()
    for kind in ("visit", "payment"):
        rows = "customer,date\n" + "".join(f"c{n:03d},{late}\n" for n in range(1, 300))
        load(write(f"{kind}.csv", rows), event_kind=kind)
    found = backtest.run(cutoffs=CUTOFFS)
    assert found["pulse"] == ["purchase"]
    assert found["notes"] == ["The sign of life is visit today; at the first cutoff it was purchase."]
    assert found["cutoffs"] == plain["cutoffs"]


def honeymoons(people: int = 900) -> list[tuple[str, str, str]]:
    """People of one start who buy often at first, then a fifth as often, and some of whom leave."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(people):
        joined, pace = float(rng.integers(0, 60)), rng.gamma(0.6, 1 / 25)
        now, fresh, leaves = joined, rng.exponential(60), rng.beta(0.3, 2.7)
        while now < 540:
            rows.append((f"c{number:04d}", (DAY - timedelta(days=539 - int(now))).isoformat(), "5.00"))
            if rng.random() < leaves:
                break
            now += max(1.0, rng.exponential(1 / max(pace * (1 if now < joined + fresh else 0.2), 1e-9)))
    return rows


def test_where_a_blend_is_trusted_what_moved_is_told_by_it(load, write) -> None:
    load(write("sales.csv", purchases(honeymoons())))
    found = backtest.run(cutoffs=[DAY - timedelta(days=175)], horizon_days=170)
    assert found["winner"]["model"] == "blend"
    (trial,) = [one for one in found["cutoffs"][0]["trials"] if one["model"] == "blend"]
    assert sum(trial["parameters"].values()) == pytest.approx(1)
    (missed,) = [one for one in found["drift"]["misses"] if one["quantity"] == "purchases"]
    assert missed["expected"] == pytest.approx(trial["expected"])


def test_it_reads_no_further_than_the_last_night(business) -> None:
    Night.objects.create(as_of=date(2025, 3, 31), state="done", inputs="x")
    assert backtest.run()["as_of"] == "2025-03-31"


def test_a_large_business_is_judged_on_a_steady_sample(business, monkeypatch) -> None:
    whole = backtest.run()["cutoffs"][-1]["people"]
    monkeypatch.setattr(backtest, "MOST_TO_JUDGE", 150)
    found = backtest.run()
    assert found == backtest.run()
    assert 0.2 * whole < found["cutoffs"][-1]["people"] < 0.8 * whole
    assert found["notes"] == ["Judged on a steady sample of one in 2 people."]


def test_a_short_history_takes_a_third_of_itself_as_the_horizon(load, write) -> None:
    recent = [row for row in shop() if row[1] > (DAY - timedelta(days=120)).isoformat()]
    load(write("recent.csv", purchases(recent)))
    found = backtest.run()
    assert 30 <= found["horizon_days"] <= 40
    assert len(found["cutoffs"]) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"cutoffs": [date(2025, 6, 1)]}, "90 days after 2025-06-01 are not over: the history ends on 2025-06-30"),
        ({"cutoffs": [date(2015, 6, 1)]}, "before the first sign of life"),
        ({"horizon_days": 3}, "says nothing about people"),
        ({"horizon_days": 0}, "says nothing about people"),
        ({"cutoffs": [date(9999, 12, 31)]}, "are not over"),
    ],
)
def test_what_the_history_cannot_answer_is_refused_by_name(business, words, told) -> None:
    with pytest.raises(BadInput, match=told):
        backtest.run(**words)
    assert backtest.latest() is None


def test_too_little_to_learn_from_is_said(home, load, write) -> None:
    with pytest.raises(NotEnoughData, match="no history yet"):
        backtest.run()
    load(write("three.csv", purchases([("a", "2025-06-01", "1.00"), ("a", "2025-06-09", "1.00")])))
    with pytest.raises(NotEnoughData, match="spans 8 days"):
        backtest.run()
    for horizon in (90, 10**9):
        with pytest.raises(NotEnoughData, match=f"too few for {horizon}"):
            backtest.run(horizon_days=horizon)
    load(write("more.csv", purchases([("b", "2025-01-01", "1.00")])))
    with pytest.raises(NotEnoughData, match="no cutoff can be judged"):
        backtest.run(horizon_days=30)


def test_the_sign_of_life_told_in_settings_is_used(business) -> None:
    brand = the_brand()
    brand.pulse = "visit"
    brand.save()
    with pytest.raises(NotEnoughData, match="visit is the sign of life, and the history holds none"):
        backtest.run()


def test_unasked_it_takes_no_cutoff_before_todays_sign_of_life_was_recorded(load, write) -> None:
    load(write("sales.csv", purchases(shop())))
    logins = "customer,date\n" + "".join(f"c{n:03d},2020-01-{1 + n % 28:02d}\n" for n in range(1, 300))
    load(write("logins.csv", logins), event_kind="login")
    found = backtest.run()
    assert (found["pulse"], found["notes"], len(found["cutoffs"])) == (["purchase"], [], 4)
    with pytest.raises(NotEnoughData, match="too few for 800"):
        backtest.run(horizon_days=800)


def test_the_page_names_every_figure_of_a_model() -> None:
    from rekindle.understand.backtest import METRICS

    assert not [name for name in METRICS if not re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE)]
