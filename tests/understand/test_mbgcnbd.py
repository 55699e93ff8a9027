"""MBG/CNBD-k: known truth, plain integrals, the case k = 1, limits, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaincc
from scipy.stats import beta as beta_law
from scipy.stats import gamma as gamma_law

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import mbgcnbd, mbgnbd
from rekindle.understand.compression import compress
from rekindle.understand.mbgcnbd import Likelihood

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "mbgcnbd.md"
TRUTH = {"r": 1.5, "alpha": 40.0, "a": 0.8, "b": 2.4}  # alpha a purchase: k times as small a step
SMALL = [
    (0, 0, 30, 20), (1, 5, 30, 6), (1, 22, 30, 3), (2, 12, 30, 4), (3, 25, 30, 3), (4, 11, 30, 2),
]  # fmt: skip


def model(k=3, r=0.9, alpha=4.4, a=0.8, b=2.4):
    letters = {"k": float(k), "r": r, "alpha": alpha, "a": a, "b": b}
    return mbgcnbd.MbgCnbdK(letters, -1.0, 100.0, True, None, None, None, {})


def simulate(n, *, k, seed, after=180.0):
    """x, t_x, T, sum of log pauses and purchases in the time after, of buyers with Erlang-k pauses."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(180, 540, n)
    steps = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n) * k
    leave = rng.beta(TRUTH["a"], TRUTH["b"], n)
    x, t_x, now, logs, count = (np.zeros(n) for _ in range(5))
    here = np.flatnonzero(rng.random(n) >= leave)
    while here.size:
        pause = rng.gamma(k, 1 / np.maximum(steps[here], 1e-12))
        now[here] += pause
        inside = now[here] <= T[here] + after
        here, pause = here[inside], pause[inside]
        past = now[here] <= T[here]
        before = here[past]
        x[before] += 1
        t_x[before] = now[before]
        logs[before] += np.log(pause[past])
        count[here[~past]] += 1
        here = here[rng.random(here.size) >= leave[here]]
    return x, t_x, T, logs, count


def random_histories(n, *, seed):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 60, n)
    x = rng.poisson(rng.gamma(0.8, 3, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0), T


def plain_log_likelihood(fit, x, t_x, T):
    """The likelihood of one history but for S, by two plain integrals: over the rate and over the coin."""
    r, alpha, a, b = fit.letters
    k = fit.k

    def over_rate(inner):
        return quad(lambda y: gamma_law.pdf(y, r, scale=1 / alpha) * inner(y), 0, np.inf, epsabs=0, epsrel=1e-10)[0]

    steps = over_rate(lambda y: y ** (k * x) * exp(-y * t_x))
    silent = over_rate(lambda y: y ** (k * x) * exp(-y * t_x) * gammaincc(k, y * (T - t_x)))
    leaves = quad(lambda p: p * (1 - p) ** x * beta_law.pdf(p, a, b), 0, 1)[0]
    stays = quad(lambda p: (1 - p) ** (x + 1) * beta_law.pdf(p, a, b), 0, 1)[0]
    return log(steps * leaves + silent * stays)


def test_the_likelihood_is_that_of_plain_integrals():
    fit = model(k=3)
    x, t_x, T, people = (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))
    ours = Likelihood(compress(x, t_x, T, weights=people), k=3)(np.log(fit.letters))[0]
    plain = sum(n * plain_log_likelihood(fit, *row) for *row, n in SMALL)
    assert -ours * people.sum() == pytest.approx(plain, abs=1e-4)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_level_across_k_counts_the_density_of_every_pause(k):
    x, t_x, T, logs, _ = simulate(60, k=2, seed=4)
    fit = mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs, k=k)
    # What gamma_law's density of a pause has beyond rate^k e^(-rate pause), summed over all pauses.
    beyond = 0.0
    for n, total in zip(x, logs, strict=True):
        even = exp(total / n) if n else 1.0  # pauses of this length have the same sum of logs
        beyond += n * (gamma_law.logpdf(even, k) + even)
    plain = sum(plain_log_likelihood(fit, *row) for row in zip(x, t_x, T, strict=True))
    assert fit.log_likelihood == pytest.approx(plain + beyond, abs=0.01)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_known_parameters_and_k_come_back(k):
    x, t_x, T, logs, _ = simulate(20_000, k=k, seed=k)
    fit = mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs)
    assert fit.k == k
    assert fit.boundary is None
    assert fit.converged
    for name, truth in {**TRUTH, "alpha": TRUTH["alpha"] / k}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    by_k = fit.log_likelihood_by_k
    assert fit.log_likelihood == max(by_k.values()) == by_k[str(k)]
    assert str(k + 1) in by_k


@pytest.mark.parametrize("k", [1, 2, 4])
def test_even_spacing_alone_gives_k_and_agrees_with_wheat_and_morrison(k):
    x, t_x, _, logs, _ = simulate(20_000, k=k, seed=10 + k)
    assert mbgcnbd.likeliest_by_spacing(x, t_x, logs, weights=np.ones_like(x)) == k
    two = x == 2
    share = np.exp(logs[two]) / t_x[two] ** 2  # M (1 - M) of the two pauses; its mean is k / (4k + 2)
    mean = share.mean()
    assert 2 * mean / (1 - 4 * mean) == pytest.approx(k, rel=0.12)


def test_with_one_step_it_is_mbgnbd_exactly():
    x, t_x, T, _, seen = simulate(3000, k=1, seed=5)
    ours, theirs = mbgcnbd.fit(x, t_x, T, k=1), mbgnbd.fit(x, t_x, T)
    for name, value in theirs.parameters.items():
        assert ours.parameters[name] == pytest.approx(value, rel=1e-9)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-4)
    same = replace(ours, parameters={"k": 1.0, **theirs.parameters})
    rows = (x, t_x, T)
    np.testing.assert_allclose(mbgcnbd.p_alive(same, *rows), mbgnbd.p_alive(theirs, *rows), rtol=1e-12)
    for name in ("p_none", "expected_purchases"):
        one, other = getattr(mbgcnbd, name)(same, *rows, horizon=90), getattr(mbgnbd, name)(theirs, *rows, horizon=90)
        np.testing.assert_allclose(one, other, rtol=1e-10)
    np.testing.assert_allclose(
        mbgcnbd.log_chance_of_count(same, *rows, horizon=90, count=seen),
        mbgnbd.log_chance_of_count(theirs, *rows, horizon=90, count=seen),
        rtol=1e-8,
        atol=1e-10,
    )


def test_cdnow_shows_no_rhythm_in_first_and_last_days_alone(cdnow_calibration):
    fit = mbgcnbd.fit(*cdnow_calibration, k=1)
    assert [round(fit.parameters[n], 3) for n in ("r", "alpha", "a", "b")] == [0.525, 6.183, 0.891, 1.614]
    assert fit.log_likelihood == pytest.approx(-9582.13, abs=0.01)


def logs_of_pauses(purchases, until):
    """Sum of each person's log pauses, in days, of purchases up to that day."""
    kept = purchases.day <= int(np.datetime64(until, "D").astype(int))
    person, day = purchases.person[kept], purchases.day[kept]
    repeat = np.concatenate(([False], person[1:] == person[:-1]))
    _, code = np.unique(person, return_inverse=True)
    return np.bincount(code, weights=np.log(np.where(repeat, np.diff(day, prepend=day[0]), 1)))


def test_cdnow_buys_by_chance_alone(cdnow):
    fit = mbgcnbd.fit(*cdnow.histories("1997-09-30"), sum_log_gaps=logs_of_pauses(cdnow, "1997-09-30"))
    assert fit.k == 1


def test_online_retail_has_a_rhythm_and_then_a_drop_out(online_retail):
    rows, logs = online_retail.histories("2011-09-01"), logs_of_pauses(online_retail, "2011-09-01")
    assert "no measurable drop-out" in mbgnbd.fit(*rows).boundary
    fit = mbgcnbd.fit(*rows, sum_log_gaps=logs)
    assert fit.k == 2
    assert fit.boundary is None


@pytest.mark.parametrize("k", [1, 2, 3, 12])
def test_the_slope_is_the_slope(k):
    likelihood = Likelihood(compress(*random_histories(300, seed=1)), k=k)
    at = np.log([0.4, 3.0, 0.7, 2.5])
    _, slope = likelihood(at)
    for i, nudge in enumerate(np.eye(4) * 1e-5):
        plain = (likelihood(at + nudge)[0] - likelihood(at - nudge)[0]) / 2e-5
        assert slope[i] == pytest.approx(plain, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("horizon", [3, 26, 400])
def test_all_chances_of_counts_add_up_and_their_mean_is_the_expectation(k, horizon):
    fit, rows = model(k=k), random_histories(40, seed=k)
    counts = np.arange(4000 if horizon == 400 else 500)
    chances = np.array(
        [
            np.exp(mbgcnbd.log_chance_of_count(fit, *rows, horizon=horizon, count=np.full(40, n)))
            for n in (counts if horizon < 400 else counts[:1500])
        ]
    )
    np.testing.assert_allclose(chances[0], mbgcnbd.p_none(fit, *rows, horizon=horizon), rtol=1e-12)
    np.testing.assert_allclose(chances.sum(axis=0), 1, rtol=1e-6)
    mean = (np.arange(len(chances))[:, None] * chances).sum(axis=0)
    np.testing.assert_allclose(mbgcnbd.expected_purchases(fit, *rows, horizon=horizon), mean, rtol=1e-5)


def test_the_predictors_are_what_simulated_buyers_do():
    x, t_x, T, logs, seen = simulate(20_000, k=3, seed=7)
    fit = mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs)
    expected = mbgcnbd.expected_purchases(fit, x, t_x, T, horizon=180)
    none = mbgcnbd.p_none(fit, x, t_x, T, horizon=180)
    assert expected.sum() == pytest.approx(seen.sum(), rel=0.02)
    for part in np.array_split(np.argsort(none), 5):
        assert none[part].mean() == pytest.approx((seen[part] == 0).mean(), abs=0.02)


def test_a_regular_buyer_is_missed_sooner_than_a_chance_one():
    rows = ([6.0], [30.0], [42.0])  # every five days, now twelve without
    chance, clock = (mbgcnbd.p_alive(model(k=k, alpha=12.0 / k), *rows)[0] for k in (1, 4))
    assert clock < chance


def test_the_page_gives_what_the_code_gives():
    text = PAGE.read_text(encoding="utf-8")
    letters = re.search(r"k (\d), r ([.\d]+), alpha ([.\d]+), a ([.\d]+), b ([.\d]+)", text)
    fit = model(int(letters[1]), *(float(v) for v in letters.groups()[1:]))
    table = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| ([.\d]+) \| ([.\d]+) \| ([.\d]+) \|$", text, re.M)
    assert len(table) >= 4
    for line in table:
        x, t_x, T, alive, none, expected = (float(v) for v in line)
        assert mbgcnbd.p_alive(fit, x, t_x, T)[0] == pytest.approx(alive, abs=6e-5)
        assert mbgcnbd.p_none(fit, x, t_x, T, horizon=30)[0] == pytest.approx(none, abs=6e-5)
        assert mbgcnbd.expected_purchases(fit, x, t_x, T, horizon=30)[0] == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("k", [2, 12])
@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1e5, 1, 10_957), (1, 1e-9, 1), (3, 5, 5)],
)
def test_extremes_stay_finite(k, x, t_x, T):
    fit = model(k=k, alpha=31.0)
    alive = mbgcnbd.p_alive(fit, x, t_x, T)
    none = mbgcnbd.p_none(fit, x, t_x, T, horizon=90)
    expected = mbgcnbd.expected_purchases(fit, x, t_x, T, horizon=90)
    chance = mbgcnbd.log_chance_of_count(fit, x, t_x, T, horizon=90, count=[5])
    assert np.isfinite([alive, none, expected, chance]).all()
    assert 0 <= alive[0] <= 1
    assert 0 <= none[0] <= 1
    assert 0 <= expected[0] <= (0.9 + k * x + k) * 90 / (31 + T) + 1e-9


def test_clocks_run_to_the_limit_and_it_is_named():
    rng = np.random.default_rng(3)
    x, usual = rng.integers(2, 9, 400).astype(float), rng.uniform(5, 30, 400)
    t_x = x * usual
    fit = mbgcnbd.fit(x, t_x, t_x + usual * rng.uniform(0, 3, 400), sum_log_gaps=x * np.log(usual))
    assert fit.boundary is not None


def test_weights_stand_for_people():
    x, t_x, T, logs, _ = simulate(400, k=2, seed=8)
    weights = np.random.default_rng(1).integers(1, 4, 400)
    heavy = mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs, weights=weights)
    long = mbgcnbd.fit(*(np.repeat(c, weights) for c in (x, t_x, T)), sum_log_gaps=np.repeat(logs, weights))
    assert heavy.log_likelihood == pytest.approx(long.log_likelihood, rel=1e-10)
    assert heavy.parameters == pytest.approx(long.parameters, rel=1e-6)


def test_k_without_the_pauses_is_refused_by_name():
    x, t_x, T, _, _ = simulate(400, k=2, seed=9)
    with pytest.raises(BadInput, match="sum_log_gaps is missing"):
        mbgcnbd.fit(x, t_x, T)


def test_a_given_k_without_the_pauses_stands_beside_mbgnbd_by_first_and_last_days():
    x, t_x, T, _, _ = simulate(60, k=2, seed=4)
    fit = mbgcnbd.fit(x, t_x, T, k=2)
    beyond = 0.0
    for n, last in zip(x, t_x, strict=True):
        if n:  # density of the sum of n pauses, and of the same by chance, both at rate one
            beyond += gamma_law.logpdf(last, 2 * n) - gamma_law.logpdf(last, n)
    plain = sum(plain_log_likelihood(fit, *row) for row in zip(x, t_x, T, strict=True))
    assert fit.log_likelihood == pytest.approx(plain + beyond, abs=0.01)


@pytest.mark.parametrize(
    ("row", "value", "told"),
    [(0, np.nan, "not a finite"), (0, 5.0, "no pause"), (2, 50.0, "one unit")],
)
def test_sums_that_cannot_be_are_refused_with_their_row(row, value, told):
    x, t_x, T = np.array([0.0, 1, 2] * 20), np.array([0.0, 9, 12] * 20), np.full(60, 30.0)
    logs = np.array([0.0, np.log(9), 2 * np.log(6)] * 20)
    logs[row] = value
    with pytest.raises(BadInput, match=f"row {row}.*{told}"):
        mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs)


@pytest.mark.parametrize("k", [0, 13, 2.5, True])
def test_a_k_that_is_none_is_refused(k):
    with pytest.raises(BadInput, match="k is"):
        mbgcnbd.fit([1] * 40, [5] * 40, [9] * 40, k=k)


def test_what_no_model_can_learn_from_is_refused():
    with pytest.raises(NotEnoughData, match="too few"):
        mbgcnbd.fit([2], [5], [9], k=2)
    with pytest.raises(NotEnoughData, match="second day"):
        mbgcnbd.fit([0] * 50, [0] * 50, [9] * 50, k=2)
    with pytest.raises(BadInput, match="row 3"):
        mbgcnbd.fit([1, 1, 1, 1], [2, 2, 2, 12], [9, 9, 9, 9], k=2)


@pytest.mark.parametrize("count", [[-1], [1.5], [np.nan], [1, 2]])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(BadInput, match="counts"):
        mbgcnbd.log_chance_of_count(model(), [1], [2], [3], horizon=5, count=count)


def test_it_comes_back_from_json_as_it_was():
    x, t_x, T, logs, _ = simulate(500, k=2, seed=6)
    fit = mbgcnbd.fit(x, t_x, T, sum_log_gaps=logs)
    assert mbgcnbd.MbgCnbdK.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    with pytest.raises(BadInput, match="wanted 'mbgcnbd'"):
        mbgcnbd.MbgCnbdK.from_json({**fit.to_json(), "model": "mbgnbd"})
    with pytest.raises(BadInput, match="cannot be read"):
        mbgcnbd.MbgCnbdK.from_json({"model": "mbgcnbd"})
    with pytest.raises(BadInput, match="k is 40"):
        mbgcnbd.MbgCnbdK.from_json({**fit.to_json(), "parameters": {**fit.parameters, "k": 40.0}})
