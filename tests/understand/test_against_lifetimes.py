"""What lifetimes answers too and no model's own test asks: newcomers, values and discounted values, row by row."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from rekindle.understand import bgnbd, gammagamma, mbgnbd, paretonbd
from rekindle.understand.lifetime_value import DAYS_A_YEAR, lifetime_value

ROWS = 1000
LETTERS = {
    "bgnbd": {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426},
    "mbgnbd": {"r": 0.525, "alpha": 43.3, "a": 0.891, "b": 1.614},
    "paretonbd": {"r": 0.553, "alpha": 74.0, "s": 0.606, "beta": 81.7},
}
KINDS = {"bgnbd": bgnbd.BgNbd, "mbgnbd": mbgnbd.MbgNbd, "paretonbd": paretonbd.ParetoNbd}
MODULES = {"bgnbd": bgnbd, "mbgnbd": mbgnbd, "paretonbd": paretonbd}
SPEND = {"p": 6.25, "q": 3.74, "v": 1545.0}
MONTH = 30  # days, as lifetimes counts them


def ours(name):
    return KINDS[name](LETTERS[name], -1.0, 100.0, True, None, None, None)


def spend():
    return gammagamma.GammaGamma(SPEND, -1.0, 100.0, True, None, None, None, None, None)


def theirs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes
        import pandas as pd

        kind = {
            "bgnbd": lifetimes.BetaGeoFitter,
            "mbgnbd": lifetimes.ModifiedBetaGeoFitter,
            "paretonbd": lifetimes.ParetoNBDFitter,
            "gammagamma": lifetimes.GammaGammaFitter,
        }[name]
        found = kind()
        found.params_ = pd.Series(LETTERS.get(name, SPEND))
        if name != "gammagamma":
            found.predict = found.conditional_expected_number_of_purchases_up_to_time  # set by their `fit`
    return found


def random_histories(*, seed):
    rng = np.random.default_rng(seed)
    T = rng.integers(30, 720, ROWS).astype(float)
    x = rng.poisson(rng.gamma(0.8, 3, ROWS)).astype(float)
    t_x = np.where(x > 0, np.ceil(T * rng.uniform(0.01, 1, ROWS)), 0.0)
    mean = np.where(x > 0, rng.gamma(5, 600, ROWS), np.nan)
    return x, t_x, T, mean


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd"])
@pytest.mark.parametrize("days", [1, 30, 365])
def test_a_newcomers_chance_of_each_count_is_theirs(name, days):
    counts = np.arange(8)
    new = np.zeros(counts.size)
    other = [theirs(name).probability_of_n_purchases_up_to_time(days, n) for n in counts.tolist()]
    chance = np.exp(MODULES[name].log_chance_of_count(ours(name), new, new, new, horizon=days, count=counts))
    np.testing.assert_allclose(chance, np.ravel(other), rtol=1e-7, atol=1e-12)  # theirs are 1 less a sum


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("days", [1, 90, 720])
def test_what_to_expect_of_a_newcomer_is_theirs(name, days):
    other = theirs(name).expected_number_of_purchases_up_to_time(days)
    found = MODULES[name].expected_purchases(ours(name), 0, 0, 0, horizon=days)
    np.testing.assert_allclose(found, np.ravel(other), rtol=1e-7)


def test_the_value_of_a_purchase_is_theirs_on_a_thousand_rows():
    x, _, _, mean = random_histories(seed=1)
    other = theirs("gammagamma").conditional_expected_average_profit(x, np.nan_to_num(mean))
    np.testing.assert_allclose(gammagamma.expected_value(spend(), x, mean), other, rtol=1e-12)


def priced(name, columns, *, months, rate_per_month):
    """Our discounted value and theirs, which takes each month's purchases at the month's end."""
    import pandas as pd

    x, t_x, T, mean = columns
    yearly = (1 + rate_per_month) ** (DAYS_A_YEAR / MONTH) - 1
    found = lifetime_value(
        ours(name), spend(), x, t_x, T, mean, horizon_days=MONTH * months, discount_rate_per_year=yearly
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = [pd.Series(column) for column in (x, t_x, T, np.nan_to_num(mean))]
        other = theirs("gammagamma").customer_lifetime_value(
            theirs(name), *table, time=months, discount_rate=rate_per_month, freq="D"
        )
    return found["mid"], other.to_numpy()


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd"])
def test_undiscounted_value_is_theirs_on_a_thousand_rows(name):
    found, other = priced(name, random_histories(seed=2), months=12, rate_per_month=0.0)
    np.testing.assert_allclose(found, other, rtol=1e-6)


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd"])
def test_discounted_value_lies_between_months_paid_at_their_end_and_at_their_beginning(name):
    rate = 0.02
    found, at_the_end = priced(name, random_histories(seed=3), months=12, rate_per_month=rate)
    assert (found >= at_the_end * (1 - 1e-9)).all()
    assert (found <= at_the_end * (1 + rate) * (1 + 1e-9)).all()
    np.testing.assert_allclose(found, at_the_end * (1 + rate) ** 0.5, rtol=2e-3)
