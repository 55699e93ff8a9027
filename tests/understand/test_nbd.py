"""NBD: the published value, known truth, its limit, and agreement with the law it is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import nbinom

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import nbd

PAGE = Path(__file__).parents[2] / "docs" / "models" / "nbd.md"


def model(r=0.385, alpha=12.072):
    return nbd.Nbd({"r": r, "alpha": alpha}, -1.0, 100.0, True, None, None, None)


def random_histories(n, *, seed):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 60, n)
    x = rng.poisson(rng.gamma(0.8, 3, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0), T


def simulate(n, *, seed, r, alpha):
    rng = np.random.default_rng(seed)
    T = rng.integers(180, 541, n).astype(float)
    x = rng.poisson(rng.gamma(r, 1 / alpha, n) * T).astype(float)
    return x, np.where(x > 0, np.ceil(T / 2), 0.0), T


def test_it_gives_the_published_parameters_on_cdnow(cdnow_calibration):
    fit = nbd.fit(*cdnow_calibration)
    assert [round(v, 3) for v in fit.parameters.values()] == [0.385, 12.072]
    assert fit.log_likelihood == pytest.approx(-9763.66, abs=0.01)
    assert fit.converged
    assert fit.boundary is None


def test_a_small_table_gives_the_best_of_a_fine_grid():
    x, T = np.repeat([0.0, 1, 2, 5, 9], [30, 8, 5, 3, 1]), np.full(47, 30.0)
    fit = nbd.fit(x, np.where(x > 0, 20.0, 0.0), T)
    r, alpha = (v * np.linspace(0.5, 2, 301) for v in fit.letters)
    # scipy counts purchases; ours is the chance of their days, which lacks T^x / x! whatever r and alpha are.
    total = sum(
        nbinom.logpmf(k, r[:, None], alpha / (alpha + 30)) * n
        for k, n in zip(*np.unique(x, return_counts=True), strict=True)
    )
    best = np.unravel_index(np.argmax(total), total.shape)
    assert fit.parameters["r"] == pytest.approx(r[best[0]], rel=0.01)
    assert fit.parameters["alpha"] == pytest.approx(alpha[best[1]], rel=0.01)


def test_known_parameters_come_back():
    fit = nbd.fit(*simulate(20_000, seed=2, r=0.5, alpha=40.0))
    for name, truth in {"r": 0.5, "alpha": 40.0}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]


def test_the_slope_is_the_slope():
    objective = nbd._objective(nbd.compress(*random_histories(300, seed=1)))
    at = np.log([0.4, 3.0])
    _, slope = objective(at)
    for k, nudge in enumerate(np.eye(2) * 1e-5):
        plain = (objective(at + nudge)[0] - objective(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-6)


def test_counts_follow_the_negative_binomial_law():
    fit, (x, t_x, T) = model(), random_histories(1000, seed=4)
    shape, keep = 0.385 + x, (12.072 + T) / (12.072 + T + 39)
    count = np.random.default_rng(5).poisson(2, 1000)
    ours = nbd.log_chance_of_count(fit, x, t_x, T, horizon=39, count=count)
    np.testing.assert_allclose(ours, nbinom.logpmf(count, shape, keep), rtol=1e-9)
    np.testing.assert_allclose(nbd.p_none(fit, x, t_x, T, horizon=39), nbinom.pmf(0, shape, keep), rtol=1e-12)
    np.testing.assert_allclose(nbd.expected_purchases(fit, x, t_x, T, horizon=39), nbinom.mean(shape, keep), rtol=1e-12)


def test_nobody_ever_leaves():
    assert (nbd.p_alive(model(), [0, 50], [0, 1], [300, 300]) == 1).all()


def test_everybody_alike_is_named():
    rng = np.random.default_rng(3)
    x = rng.binomial(300, 0.01, 2000).astype(float)  # even less spread than one common rate gives
    fit = nbd.fit(x, np.where(x > 0, 200.0, 0.0), np.full(2000, 300.0))
    assert "one and the same rate" in fit.boundary


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1, 1e-9, 1)])
def test_extremes_stay_finite(x, t_x, T):
    fit = model()
    assert 0 <= nbd.p_none(fit, x, t_x, T, horizon=90)[0] <= 1
    assert np.isfinite(nbd.expected_purchases(fit, x, t_x, T, horizon=90)).all()
    assert np.isfinite(nbd.log_chance_of_count(fit, x, t_x, T, horizon=90, count=[5])).all()


def test_impossible_rows_and_too_few_people_are_refused_by_name():
    with pytest.raises(BadInput, match="row 1"):
        nbd.fit([0, 3], [0, 50], [9, 40])
    with pytest.raises(NotEnoughData, match="1 people are too few"):
        nbd.fit([2], [5], [9])
    with pytest.raises(NotEnoughData, match="second day"):
        nbd.fit(np.zeros(50), np.zeros(50), np.full(50, 9.0))
    with pytest.raises(BadInput, match="whole numbers"):
        nbd.log_chance_of_count(model(), 1, 2, 3, horizon=9, count=[0.5])
    with pytest.raises(BadInput, match="horizon"):
        nbd.p_none(model(), 1, 2, 3, horizon=0)


def test_it_comes_back_from_json_as_it_was():
    fit = nbd.fit(*simulate(500, seed=6, r=0.5, alpha=40.0))
    assert nbd.Nbd.from_json(json.loads(json.dumps(fit.to_json()))) == fit


def test_the_pages_worked_numbers_are_what_it_gives():
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 3
    for x, t_x, T, none, expected in rows:
        history = float(x), float(t_x), float(T)
        assert f"{nbd.p_none(model(), *history, horizon=39)[0]:.4f}" == none
        assert f"{nbd.expected_purchases(model(), *history, horizon=39)[0]:.4f}" == expected
