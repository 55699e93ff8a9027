"""Models asked at earlier days see nothing later, are scored by what came, and one is trusted for a reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import mbgnbd
from rekindle.understand.backtest import METRICS, Backtest, Standing, backtest, calibration_curve
from rekindle.understand.candidates import CANDIDATES, model_of
from rekindle.understand.origins import EPOCH, Origin, PurchaseDays, Window
from rekindle.understand.sign_record import wilson

PAGE = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
TWO = {name: CANDIDATES[name] for name in ("mbgnbd", "bgnbd")}
FIRST = EPOCH + timedelta(days=20_000)


def shop(people: int, *, seed: int, days: int = 720) -> PurchaseDays:
    """Buyers who come all the time, each with a pace and a chance of leaving of their own."""
    rng = np.random.default_rng(seed)
    now = 20_000 + np.floor(rng.random(people) * days)
    pace, leave = 1 / rng.gamma(0.7, 1 / 30, people), rng.beta(0.8, 2.4, people)
    party, day, here = [], [], np.arange(people)
    while here.size:
        party.append(here)
        day.append(now[here])
        here = here[rng.random(here.size) >= leave[here]]
        now[here] += 1 + np.floor(rng.exponential(pace[here]))
        here = here[now[here] < 20_000 + days]
    pairs = np.stack([np.concatenate(party), np.concatenate(day).astype(np.int64)], axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return PurchaseDays(pairs[:, 0].astype(np.int64), pairs[:, 1])


def origins(days: PurchaseDays, *after: int, horizon: int = 90) -> list[Origin]:
    return [days.origin(FIRST + timedelta(days=k), horizon_days=horizon) for k in after]


@pytest.fixture(scope="module")
def tested() -> Backtest:
    return backtest(origins(shop(3000, seed=1), 360, 450, 540, 630), horizon_days=90)


def test_what_comes_after_a_cutoff_changes_no_answer():
    one = origins(shop(1500, seed=2), 450)[0]
    shuffled = np.random.default_rng(3).permutation(one.after.seen)
    other = replace(one, after=replace(one.after, seen=shuffled + 3))
    plain, planted = (backtest([o], horizon_days=90).held[0] for o in (one, other))
    for mine, theirs in zip(plain.trials, planted.trials, strict=True):
        assert mine.parameters == theirs.parameters
        assert mine.expected == theirs.expected
        assert [b.told for b in mine.calibration] == [b.told for b in theirs.calibration]
    assert plain.trials[0].held_out != planted.trials[0].held_out


def test_events_planted_after_the_window_change_nothing_at_all():
    days = shop(1500, seed=4)
    end = 20_000 + 450 + 90
    early = days.day <= end
    extra = np.arange(0, 1500, 3)
    party = np.concatenate([days.party[early], extra])
    day = np.concatenate([days.day[early], np.full(extra.size, end + 1)])
    order = np.lexsort((day, party))
    planted = PurchaseDays(party[order], day[order])
    assert backtest(origins(planted, 360, 450), horizon_days=90) == backtest(origins(days, 360, 450), horizon_days=90)


def test_the_recency_baseline_learns_from_the_window_before_alone(tested):
    table = tested.held[0].trial("recency")
    days = shop(3000, seed=1)
    silenced = replace(origins(days, 360)[0], before=None)
    without = backtest([silenced], horizon_days=90).held[0].trial("recency")
    assert table.refused is None
    assert without.held_out is None
    assert "no 90 days before" in without.refused


def test_scores_are_those_a_plain_count_gives():
    origin = origins(shop(800, seed=5), 400)[0]
    held = backtest([origin], horizon_days=90, models=TWO).held[0]
    fit = mbgnbd.fit(*origin.after.columns())
    none = mbgnbd.p_none(fit, *origin.after.columns(), horizon=90)
    seen = origin.after.seen
    loss = -np.mean([np.log(1 - p) if s else np.log(p) for p, s in zip(none, seen, strict=True)])
    trial = held.trial("mbgnbd")
    assert trial.held_out.log_loss == pytest.approx(loss)
    pairs = [(a > b) + (a == b) / 2 for a in 1 - none[seen > 0] for b in 1 - none[seen == 0]]
    assert trial.held_out.auc == pytest.approx(np.mean(pairs))
    chance = mbgnbd.log_chance_of_count(fit, *origin.after.columns(), horizon=90, count=seen)
    assert trial.held_out.count_log_score == pytest.approx(chance.mean())
    assert trial.expected == pytest.approx(mbgnbd.expected_purchases(fit, *origin.after.columns(), horizon=90).sum())
    assert (held.people, held.seen) == (seen.size, seen.sum())


def test_the_curve_holds_everybody_once_with_wilson_intervals():
    rng = np.random.default_rng(6)
    none = np.concatenate([rng.random(4000), np.full(1000, 0.5)])
    seen = np.where(rng.random(5000) < none, 0.0, 2.0)
    curve = calibration_curve(none, seen)
    assert sum(b.people for b in curve) == 5000
    assert len(curve) in (9, 10)  # a thousand with one and the same chance stay together
    assert [b.told for b in curve] == sorted(b.told for b in curve)
    for b in curve:
        assert (b.low, b.high) == pytest.approx(wilson(b.seen, n=b.people))
        assert b.low <= b.seen <= b.high
    assert sum(b.low <= b.told <= b.high for b in curve) >= 0.5 * len(curve)
    assert len(calibration_curve(np.full(50, 0.3), np.zeros(50))) == 1


def test_over_cutoffs_mean_and_spread_are_plain(tested):
    for standing in tested.standings:
        trials = [one.trial(standing.model) for one in tested.held]
        assert standing.cutoffs == sum(t.refused is None for t in trials)
        losses = [t.held_out.log_loss for t in trials if t.refused is None]
        assert standing.mean["log_loss"] == pytest.approx(np.mean(losses))
        assert standing.spread["log_loss"] == pytest.approx(np.std(losses, ddof=1))
        assert set(standing.mean) == set(standing.spread) == set(METRICS)


def test_one_is_trusted_and_each_says_why(tested):
    assert sum(s.chosen for s in tested.standings) == 1
    assert all(s.why for s in tested.standings)
    assert tested.winner.model in CANDIDATES
    rate = next(s for s in tested.standings if s.model == "rate")
    assert tested.winner.mean["log_loss"] <= rate.mean["log_loss"]
    assert tested.winner.mean["rmse"] <= rate.mean["rmse"]


def test_with_one_cutoff_no_spread_is_claimed():
    alone = backtest(origins(shop(1500, seed=7), 450), horizon_days=90, models=TWO)
    assert all(value is None for s in alone.standings for value in s.spread.values())


@pytest.mark.parametrize(("first_coin", "wanted"), [(1, "mbgnbd"), (0, "bgnbd")])
def test_the_model_that_made_the_data_is_trusted(simulate_buyers, first_coin, wanted):
    held = []
    for seed in (1, 2):
        people = simulate_buyers(20_000, seed=seed, first_coin=first_coin)
        window = Window(people.x, people.t_x, people.T, people.count_after)
        held.append(Origin(date(2024, seed, 1), window, None))
    assert backtest(held, horizon_days=90, models=TWO).winner.model == wanted


def told(shop: str) -> dict[str, list[str]]:
    """The rows of the table in docs/backtest.md: model -> cells."""
    rows = re.findall(rf"^\| {shop} \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    return {model: cells.split(" | ") for model, cells in rows}


def as_told(standing: Standing) -> list[str]:
    figures = (
        ("log_loss", 1, 4),
        ("auc", 1, 3),
        ("mae", 1, 3),
        ("rmse", 1, 3),
        ("total_error", 100, 1),
        ("count_log_score", 1, 4),
    )
    cells = [
        "-"
        if (mean := standing.mean[name]) is None
        else f"{mean * by:.{digits}f} ± {standing.spread[name] * by:.{digits}f}"
        for name, by, digits in figures
    ]
    return [str(standing.cutoffs), *cells]


def over_quarters(days: PurchaseDays, *, until: date, quarters: int) -> Backtest:
    found = [days.origin(until - timedelta(days=90 * k), horizon_days=90) for k in range(quarters, 0, -1)]
    return backtest(found, horizon_days=90)


def test_on_cdnow_a_model_is_trusted_and_its_total_is_within_ten_percent(cdnow):
    found = over_quarters(PurchaseDays(cdnow.person, cdnow.day), until=date(1998, 6, 30), quarters=4)
    standing = {s.model: s for s in found.standings}
    assert found.winner.model == "mbgnbd"
    assert abs(found.winner.mean["total_error"]) < 0.10
    assert found.winner.mean["mae"] < min(standing["rate"].mean["mae"], standing["recency"].mean["mae"])
    assert found.winner.mean["auc"] > max(standing["rate"].mean["auc"], standing["recency"].mean["auc"])
    page = told("CDNOW")
    assert len(page) == 7
    assert {model: as_told(standing[model]) for model in page} == page


def test_on_online_retail_the_model_with_a_rhythm_is_trusted_and_those_without_an_end_are_not(online_retail):
    days = PurchaseDays(online_retail.person, online_retail.day)
    found = over_quarters(days, until=date(2011, 12, 9), quarters=3)
    standing = {s.model: s for s in found.standings}
    assert all("no measurable drop-out" in standing[model].why for model in ("mbgnbd", "bgnbd", "paretonbd"))
    assert found.winner.model == "mbgcnbd"
    assert all(found.winner.mean[name] < standing["rate"].mean[name] for name in ("log_loss", "rmse", "brier"))
    assert abs(found.winner.mean["total_error"]) < 0.10 < abs(standing["rate"].mean["total_error"])
    assert "mean absolute error is larger than the rate baseline's (0.897 against 0.870)" in found.winner.why
    assert "nobody ever leaves" in standing["nbd"].why
    assert found.held[-1].trial("mbgnbd").held_out is not None  # shown all the same
    page = told("Online Retail")
    assert len(page) == 5
    assert {model: as_told(standing[model]) for model in page} == page


def test_two_names_of_one_model_are_no_lead(cdnow):
    days = PurchaseDays(cdnow.person, cdnow.day)
    known = days.origin(date(1997, 9, 30), horizon_days=120)
    found = backtest([replace(known, before=None)], horizon_days=120)  # no window before it, so no blend
    assert found.held[0].trial("mbgcnbd").parameters["k"] == 1
    assert found.winner.model == "mbgnbd"
    assert "mbgcnbd" not in found.winner.why


def test_it_comes_back_from_json_as_it_was(tested):
    assert Backtest.from_json(json.loads(json.dumps(tested.to_json(), allow_nan=False))) == tested
    with pytest.raises(BadInput, match="cannot be read"):
        Backtest.from_json({"horizon_days": 90})


def test_a_cutoff_with_too_few_people_is_left_out_and_says_why():
    days = shop(1500, seed=8)
    found = backtest(origins(days, 5, 450), horizon_days=90, models=TWO)
    (day,) = found.skipped
    assert day == (FIRST + timedelta(days=5)).isoformat()
    assert "too few" in found.skipped[day] or "second day" in found.skipped[day]
    assert len(found.held) == 1
    with pytest.raises(NotEnoughData, match="no cutoff can be judged"):
        backtest(origins(days, 5), horizon_days=90)
    with pytest.raises(NotEnoughData, match="no day was given"):
        backtest([], horizon_days=90)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "seen"),
    [
        (1e5, 10_956.0, 10_957.0, 900.0),  # one huge customer over thirty years
        (0.0, 0.0, 10_957.0, 0.0),
        (3.0, 10_957.0, 10_957.0, 40.0),
        (0.0, 0.0, 0.0, 2.0),
    ],
)
def test_an_extreme_customer_leaves_every_figure_finite_or_refused_by_name(x, t_x, T, seen):
    plain = origins(shop(1500, seed=12), 450)[0].after
    logs = x * np.log(max(t_x, 1) / max(x, 1)) - 1e-6 if x else 0.0
    window = Window(*(np.append(c, v) for c, v in ((plain.x, x), (plain.t_x, t_x), (plain.T, T), (plain.seen, seen))))
    window = replace(window, sum_log_gaps=np.append(plain.sum_log_gaps, logs))
    found = backtest([Origin(FIRST, window, None)], horizon_days=90)
    json.dumps(found.to_json(), allow_nan=False)
    for trial in found.held[0].trials:
        assert trial.held_out is not None or trial.refused
        if trial.held_out is not None:
            values = [trial.held_out.log_loss, trial.held_out.mae, trial.held_out.brier, trial.expected]
            assert np.isfinite(values).all()


def test_a_shop_of_one_timers_is_refused_by_name():
    people = np.arange(500, dtype=np.int64)
    days = PurchaseDays(people, 20_000 + people)
    with pytest.raises(NotEnoughData, match="nobody has bought on a second day"):
        backtest(origins(days, 300), horizon_days=90)


def test_without_the_pauses_no_rhythm_is_claimed():
    one = origins(shop(1500, seed=13), 450)[0]
    found = backtest([replace(one, after=replace(one.after, sum_log_gaps=None))], horizon_days=90)
    assert "pauses between purchases are not known" in found.held[0].trial("mbgcnbd").refused
    assert found.held[0].trial("mbgnbd").refused is None


def test_impossible_rows_and_days_are_refused_by_name():
    one = origins(shop(500, seed=9), 450)[0]
    with pytest.raises(BadInput, match="the same day"):
        backtest([one, one], horizon_days=90)
    with pytest.raises(BadInput, match="horizon"):
        backtest([one], horizon_days=0)
    wrong = one.after.T.copy()
    wrong[3] = -1
    with pytest.raises(BadInput, match="row 3"):
        backtest([replace(one, after=replace(one.after, T=wrong))], horizon_days=90)
    halves = one.after.seen + 0.5
    with pytest.raises(BadInput, match="row 0: held-out count"):
        backtest([replace(one, after=replace(one.after, seen=halves))], horizon_days=90)


def test_every_candidate_answers_and_comes_back_from_json():
    window = origins(shop(2000, seed=10), 540)[0].after
    for name, model in CANDIDATES.items():
        fit = model.fit(*window.columns(), window.sum_log_gaps)
        assert fit.model == name
        assert model_of(name).kind.from_json(json.loads(json.dumps(fit.to_json()))) == fit
        none = model.asks.p_none(fit, *window.columns(), horizon=90)
        count = model.asks.log_chance_of_count(fit, *window.columns(), horizon=90, count=np.zeros(none.size))
        np.testing.assert_allclose(np.exp(count), none, atol=1e-9)
    with pytest.raises(BadInput, match="not known"):
        model_of("oracle")
