"""Pareto/NBD with covariates: known truth, the plain model inside it, plain integrals, and what is refused."""

from __future__ import annotations

import json
import re
from math import exp, lgamma, log
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import paretocovariates, paretonbd
from rekindle.understand.paretocovariates import Likelihood

PAGE = Path(__file__).parents[2] / "docs" / "models" / "paretocovariates.md"
NAMES = ["shop", "first_basket"]
TRUTH = {
    "r": 0.5, "alpha0": 40.0, "s": 0.6, "beta0": 90.0,
    "gamma1[shop]": 0.5, "gamma1[first_basket]": -0.2, "gamma2[shop]": -0.4, "gamma2[first_basket]": 0.3,
}  # fmt: skip


def model(names=NAMES, parameters=TRUTH):
    return paretocovariates.ParetoNbdCovariates(
        dict(parameters), -1.0, 100.0, True, None, None, None, covariates=list(names)
    )


def simulate(n, *, seed):
    """Histories in whole days and their covariates, under TRUTH."""
    rng = np.random.default_rng(seed)
    z = np.stack([rng.random(n) < 0.3, rng.normal(2, 1, n).round(1)], axis=1).astype(float)
    T = rng.integers(180, 541, n).astype(float)
    rate = rng.gamma(0.5, 1 / 40, n) * np.exp(z @ [0.5, -0.2])
    leave = rng.gamma(0.6, 1 / 90, n) * np.exp(z @ [-0.4, 0.3])
    seen = np.minimum(rng.exponential(1 / np.maximum(leave, 1e-12)), T)
    x = rng.poisson(rate * seen).astype(float)
    t_x = np.where(x > 0, seen * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return (x, t_x, T), z


def own(z):
    """The plain model of people who all have covariates z."""
    r, alpha, s, beta = model().letters_of(np.atleast_2d(z))
    letters = {"r": r, "alpha": float(alpha[0]), "s": s, "beta": float(beta[0])}
    return paretonbd.ParetoNbd(letters, -1.0, 100.0, True, None, None, None)


def test_known_effects_come_back():
    histories, z = simulate(20_000, seed=1)
    fit = paretocovariates.fit(*histories, z, names=NAMES)
    assert fit.converged
    assert fit.boundary is None
    for name, truth in TRUTH.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name], name
    assert fit.standard_errors["gamma1[shop]"] < 0.05


def test_a_covariate_that_says_nothing_leaves_the_plain_fit():
    rng = np.random.default_rng(2)
    (x, t_x, T), _ = simulate(4000, seed=2)
    fit = paretocovariates.fit(x, t_x, T, rng.integers(0, 2, (4000, 1)), names=["coin"])
    plain = paretonbd.fit(x, t_x, T)
    assert 0 <= fit.log_likelihood - plain.log_likelihood < 7  # chi-square of 2 goes past 14 once in a thousand
    for name in ("gamma1[coin]", "gamma2[coin]"):
        assert abs(fit.parameters[name]) < 3.3 * fit.standard_errors[name]


def test_the_likelihood_is_the_plain_one_by_quadrature():
    (x, t_x, T), z = simulate(40, seed=3)
    point = np.array([log(0.5), log(40), log(0.6), log(90), 0.5, -0.2, -0.4, 0.3])
    total = 0.0
    for a, b, c, row in zip(x, t_x, T, z, strict=True):
        r, alpha, s, beta = own(row).letters

        def left(u, a=a, c=c, r=r, alpha=alpha, s=s, beta=beta):
            return ((alpha + c) / (alpha + u)) ** (r + a) * s / (beta + u) * ((beta + c) / (beta + u)) ** s

        here = lgamma(r + a) - lgamma(r) + r * log(alpha) - (r + a) * log(alpha + c) + s * log(beta / (beta + c))
        total += here + log(1 + quad(left, b, c, epsabs=0, epsrel=1e-12)[0])
    mean, _ = Likelihood(x, t_x, T, z, np.ones(40))(point)
    assert -mean * 40 == pytest.approx(total, abs=1e-8)


def test_the_slope_is_the_slope():
    (x, t_x, T), z = simulate(300, seed=4)
    likelihood = Likelihood(x, t_x, T, z, np.arange(300) % 3 + 1.0)
    at = np.array([-0.7, 3.0, -0.3, 4.0, 0.3, 0.1, -0.2, 0.2])
    _, slope = likelihood(at)
    for k, nudge in enumerate(np.eye(8) * 1e-5):
        plain = (likelihood(at + nudge)[0] - likelihood(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-5, abs=1e-8)


def test_everybody_is_asked_as_the_plain_model_with_their_own_scales():
    histories, z = simulate(60, seed=5)
    count = np.arange(60) % 4
    for i in range(60):
        row, fit = [c[i] for c in histories], own(z[i])
        one = {"covariates": z[i : i + 1]}
        assert paretocovariates.p_alive(model(), *row, **one) == pytest.approx(paretonbd.p_alive(fit, *row), rel=1e-12)
        for name in ("p_none", "expected_purchases"):
            ours = getattr(paretocovariates, name)(model(), *row, **one, horizon=90)
            assert ours == pytest.approx(getattr(paretonbd, name)(fit, *row, horizon=90), rel=1e-12)
    together = paretocovariates.log_chance_of_count(model(), *histories, covariates=z, horizon=90, count=count)
    alone = [
        paretonbd.log_chance_of_count(own(z[i]), *(c[i] for c in histories), horizon=90, count=count[i : i + 1])[0]
        for i in range(60)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-10)


def test_equal_people_as_weights_give_the_same_fit():
    (x, t_x, T), z = simulate(1500, seed=6)
    twice = [np.tile(c, 2) for c in (x, t_x, T)]
    one = paretocovariates.fit(x, t_x, T, z, names=NAMES, weights=np.full(1500, 2.0))
    other = paretocovariates.fit(*twice, np.tile(z, (2, 1)), names=NAMES)
    assert one.n == other.n == 3000
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
    assert one.parameters == pytest.approx(other.parameters, rel=1e-4)


def test_the_unit_of_a_covariate_changes_its_effect_alone():
    histories, z = simulate(3000, seed=7)
    fit = paretocovariates.fit(*histories, z, names=NAMES)
    moved = paretocovariates.fit(*histories, z * [1, 100] + [0, 5000], names=NAMES)
    assert moved.parameters["gamma1[first_basket]"] * 100 == pytest.approx(
        fit.parameters["gamma1[first_basket]"], rel=1e-3
    )
    assert moved.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-4)
    here, there = (
        paretocovariates.p_alive(f, *histories, covariates=c) for f, c in ((fit, z), (moved, z * [1, 100] + [0, 5000]))
    )
    np.testing.assert_allclose(here, there, rtol=1e-3)


def test_two_covariates_that_say_the_same_are_named():
    histories, z = simulate(2000, seed=8)
    fit = paretocovariates.fit(*histories, np.stack([z[:, 0], 1 - z[:, 0]], axis=1), names=["shop", "online"])
    assert "no peak" in fit.boundary
    assert fit.standard_errors is None


def test_it_comes_back_from_json_as_it_was_with_sets_around_it():
    histories, z = simulate(3000, seed=9)
    fit = paretocovariates.fit(*histories, z, names=NAMES)
    assert paretocovariates.ParetoNbdCovariates.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    sets = fit.likely_letters()
    assert sets.shape == (16, 8)
    np.testing.assert_allclose(sets[:, 4:].mean(axis=0), list(fit.parameters.values())[4:], rtol=1e-9)


def test_what_cannot_be_is_refused_by_name():
    (x, t_x, T), z = simulate(100, seed=10)
    with pytest.raises(BadInput, match="'shop' is the same for everybody"):
        paretocovariates.fit(x, t_x, T, np.ones((100, 1)), names=["shop"])
    with pytest.raises(BadInput, match="shape"):
        paretocovariates.fit(x, t_x, T, z[:50], names=NAMES)
    with pytest.raises(BadInput, match="different names"):
        paretocovariates.fit(x, t_x, T, z, names=["shop", "shop"])
    z[3, 1] = np.nan
    with pytest.raises(BadInput, match=r"row 3.*'first_basket' is nan"):
        paretocovariates.fit(x, t_x, T, z, names=NAMES)
    with pytest.raises(BadInput, match="row 3"):
        paretocovariates.p_alive(model(), x, t_x, T, covariates=z)
    with pytest.raises(NotEnoughData, match="10 people"):
        paretocovariates.fit(x[:10], t_x[:10], T[:10], z[90:], names=NAMES)


def test_the_pages_worked_numbers_are_what_it_gives():
    number = r"(-?[\d.]+) \|"
    rows = re.findall(r"^\| " + " ".join([number] * 8) + "$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 3
    for shop, basket, x, t_x, T, *printed in rows:
        history, z = (float(x), float(t_x), float(T)), np.array([[float(shop), float(basket)]])
        found = [
            paretocovariates.p_alive(model(), *history, covariates=z),
            paretocovariates.p_none(model(), *history, covariates=z, horizon=90),
            paretocovariates.expected_purchases(model(), *history, covariates=z, horizon=90),
        ]
        assert [f"{v[0]:.4f}" for v in found] == printed
    assert f"exp(0.5) = {exp(0.5):.2f}" in PAGE.read_text()
