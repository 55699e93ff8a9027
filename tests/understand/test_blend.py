"""A blend: weights no single model beats on what taught them, answers that are the weighed mean, and real shops."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import baselines, blend, mbgnbd, nbd
from rekindle.understand.candidates import CANDIDATES, model_of
from rekindle.understand.choice import score
from rekindle.understand.origins import PurchaseDays, Window

PLAIN = {name: CANDIDATES[name] for name in ("mbgnbd", "nbd")}
PAGE = Path(__file__).parents[2] / "docs" / "models" / "blend.md"
CUTOFF, HORIZON, BEFORE = date(1997, 9, 30), 273, 136


def honeymoons():
    """3,000 people of one start who buy often at first, then a fifth as often, and some of whom leave."""
    rng = np.random.default_rng(3)
    party, day = [], []
    for person in range(3000):
        joined, pace = float(rng.integers(0, 60)), rng.gamma(0.6, 1 / 25)
        now, fresh, leaves = joined, rng.exponential(60), rng.beta(0.3, 2.7)
        while now < 540:
            party.append(person)
            day.append(int(now))
            if rng.random() < leaves:
                break
            now += max(1.0, rng.exponential(1 / max(pace * (1 if now < joined + fresh else 0.2), 1e-9)))
    return PurchaseDays(np.array(party), np.array(day))


@pytest.fixture(scope="module")
def windows():
    days = honeymoons()
    return days.window(date(1970, 12, 31), horizon_days=170), days.window(date(1970, 7, 14), horizon_days=170)


@pytest.fixture(scope="module")
def blended(windows):
    return blend.fit(*windows, before_days=170, models=PLAIN)


LOG_CHANCES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(-30, -1e-3, allow_nan=False)
)


@given(LOG_CHANCES)
def test_the_weights_add_up_and_no_model_alone_does_better(logs):
    weights = blend.best_weights(logs)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    mixed = np.log(weights @ np.exp(logs)).mean()
    assert mixed >= logs.mean(axis=1).max() - 1e-5


@given(LOG_CHANCES)
def test_the_order_of_models_and_people_changes_no_weight(logs):
    weights = blend.best_weights(logs)
    np.testing.assert_allclose(blend.best_weights(logs[::-1, ::-1])[::-1], weights, atol=1e-9)


def test_known_shares_come_back():
    rng = np.random.default_rng(1)
    kinds = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    truth = 0.25
    seen = np.where(rng.random(40_000) < truth, rng.choice(3, 40_000, p=kinds[0]), rng.choice(3, 40_000, p=kinds[1]))
    assert blend.best_weights(np.log(kinds[:, seen]))[0] == pytest.approx(truth, abs=0.015)


def test_the_pages_worked_numbers_are_what_it_gives():
    rows = re.findall(r"^\| (?:first|second) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    table = np.array([row.split(" | ") for row in rows], dtype=float)
    assert table.shape == (2, 5)
    np.testing.assert_allclose(blend.best_weights(np.log(table[:, :-1])), table[:, -1], atol=5.1e-4)


def test_a_model_that_is_right_alone_gets_all_the_weight():
    logs = np.log(np.array([[0.6, 0.5, 0.7], [0.3, 0.4, 0.1]]))
    np.testing.assert_allclose(blend.best_weights(logs), [1, 0], atol=1e-4)


def test_where_people_slow_down_and_stay_the_blend_tells_a_later_window_better_than_any_model_alone(windows, blended):
    now, _ = windows
    assert set(blended.weights) == {"mbgnbd", "nbd"}
    assert blended.gain > 0
    columns, seen = now.columns(), now.seen
    told = blend.log_chance_of_count(blended, *columns, horizon=170, count=seen).mean()
    alone = [
        model_of(name).asks.log_chance_of_count(one, *columns, horizon=170, count=seen).mean()
        for name, one in blended.fits.items()
    ]
    assert told > max(alone)


def test_every_answer_is_the_weighed_mean(windows, blended):
    columns = [column[:200] for column in windows[0].columns()]
    share = blended.weights["nbd"]
    for ask, other in (
        (blend.expected_purchases, (mbgnbd.expected_purchases, nbd.expected_purchases)),
        (blend.p_none, (mbgnbd.p_none, nbd.p_none)),
    ):
        leaving, staying = (
            one(blended.fits[name], *columns, horizon=90) for name, one in zip(("mbgnbd", "nbd"), other, strict=True)
        )
        np.testing.assert_allclose(
            ask(blended, *columns, horizon=90), (1 - share) * leaving + share * staying, rtol=1e-12
        )
    alive = blend.p_alive(blended, *columns)
    # The other model cannot tell: in it nobody ever leaves.
    np.testing.assert_allclose(alive, mbgnbd.p_alive(blended.fits["mbgnbd"], *columns), rtol=1e-12)


def test_chances_of_all_counts_add_up_and_none_is_the_count_nothing(windows, blended):
    columns = [column[:50] for column in windows[0].columns()]
    chances = np.exp(
        [blend.log_chance_of_count(blended, *columns, horizon=20, count=np.full(50, n)) for n in range(200)]
    )
    np.testing.assert_allclose(chances.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(chances[0], blend.p_none(blended, *columns, horizon=20), rtol=1e-9)


@pytest.mark.parametrize("row", [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1e5, 1, 10_957)])
def test_extremes_stay_finite(blended, row):
    found = [
        blend.p_alive(blended, *row)[0],
        blend.p_none(blended, *row, horizon=90)[0],
        blend.expected_purchases(blended, *row, horizon=90)[0],
        blend.log_chance_of_count(blended, *row, horizon=90, count=[2])[0],
    ]
    assert np.isfinite(found).all()


def test_nothing_after_today_is_read(windows):
    now, before = windows
    hidden = Window(now.x, now.t_x, now.T, np.full(now.x.size, np.nan), now.sum_log_gaps)
    assert blend.fit(hidden, before, before_days=170, models=PLAIN) == blend.fit(
        now, before, before_days=170, models=PLAIN
    )


def test_it_comes_back_from_json_as_it_was_and_another_models_is_refused(blended):
    stored = json.loads(json.dumps(blended.to_json(), allow_nan=False))
    assert blend.Blend.from_json(stored) == blended
    with pytest.raises(BadInput, match="wanted 'blend'"):
        blend.Blend.from_json({**stored, "model": "nbd"})
    with pytest.raises(BadInput, match="cannot be read"):
        blend.Blend.from_json({**stored, "weights": {}})


def test_one_model_without_a_limit_is_named_and_nothing_is_blended(windows):
    with pytest.raises(NotEnoughData, match="nbd alone") as told:
        blend.fit(*windows, before_days=170, models={"nbd": CANDIDATES["nbd"]})
    assert told.value.remedy == "Use nbd."


def test_too_few_people_then_are_refused(windows):
    few = honeymoons().window(date(1970, 1, 1), horizon_days=9)
    few = Window(few.x[:9], few.t_x[:9], few.T[:9], few.seen[:9], few.sum_log_gaps[:9])
    with pytest.raises(NotEnoughData, match="9 people were known"):
        blend.fit(windows[0], few, before_days=9)


@pytest.mark.parametrize("logs", [[], [[np.nan, -1]], [[0.5, -1]], [-1.0, -2.0]])
def test_chances_that_are_none_are_refused(logs):
    with pytest.raises(BadInput, match="log chances"):
        blend.best_weights(np.array(logs))


def test_what_no_model_held_possible_is_refused_with_its_row():
    with pytest.raises(BadInput, match="no model") as told:
        blend.best_weights(np.array([[-1, -np.inf], [-2, -np.inf]]))
    assert told.value.where == "row 1"


@pytest.mark.parametrize("file", ["cdnow_sample", "cdnow"])
def test_on_cdnow_its_total_is_within_a_tenth_and_it_beats_both_guesses(file, request):
    bought = request.getfixturevalue(file)
    days = PurchaseDays(bought.person, bought.day)
    now = days.window(CUTOFF, horizon_days=HORIZON)
    found = blend.fit(now, days.window(CUTOFF - timedelta(days=BEFORE), horizon_days=BEFORE), before_days=BEFORE)
    columns, seen = now.columns(), now.seen
    expected = blend.expected_purchases(found, *columns, horizon=HORIZON)
    told = score(1 / (1 + expected), expected, seen)
    rate = baselines.expected_purchases(baselines.learn_rate(*columns), *columns, horizon=HORIZON)
    silence = score(1 - 1 / (1 + now.T - now.t_x), expected, seen)
    assert abs(told.total_error) < 0.10
    assert told.mae < score(1 / (1 + rate), rate, seen).mae
    assert told.auc > silence.auc
    assert told.auc > score(1 / (1 + rate), rate, seen).auc
