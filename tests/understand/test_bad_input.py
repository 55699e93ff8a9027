"""Every fit and predictor of purchases against bad input: refused by name with a remedy, or a limit that is named.

Nothing here may come back as NaN, as an infinity, or as a number that says nothing about its limit.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import (
    baselines,
    bdw,
    bgbb,
    bgnbd,
    gammagamma,
    mbgcnbd,
    mbgnbd,
    nbd,
    paretocovariates,
    paretonbd,
    sbg,
)
from rekindle.understand.compression import compress, outweighed

from .simulated import leaving_any_time, with_a_rhythm

PEOPLE, BAD = 60, 7
YEARS_30 = 10_957.0


def pauses(x, t_x):
    """Sums of log pauses of people who buy evenly, but for one doubled and one halved pause."""
    with np.errstate(all="ignore"):
        even = x * np.log(np.maximum(t_x, 1) / np.maximum(x, 1))
    return np.where((x > 0) & np.isfinite(even), even - 0.3 * (x > 1), 0.0)


def group(x):
    return (np.arange(len(x)) % 2)[:, None]


HISTORY_FITS = {
    "bgnbd": bgnbd.fit,
    "mbgnbd": mbgnbd.fit,
    "paretonbd": paretonbd.fit,
    "nbd": nbd.fit,
    "mbgcnbd at k 2": lambda *columns, **w: mbgcnbd.fit(*columns, k=2, **w),
    "mbgcnbd": lambda x, t_x, T, **w: mbgcnbd.fit(x, t_x, T, sum_log_gaps=pauses(x, t_x), **w),
    "paretocovariates": lambda x, t_x, T, **w: paretocovariates.fit(x, t_x, T, group(x), names=["shop"], **w),
}
LEARNERS = {**HISTORY_FITS, "rate": baselines.learn_rate}


def crowd(*, seed=5, people=PEOPLE):
    rng = np.random.default_rng(seed)
    T = rng.integers(60, 200, people).astype(float)
    x = rng.poisson(rng.gamma(0.7, 2, people)).astype(float)
    t_x = np.where(x > 0, np.ceil(T * rng.uniform(0.1, 1, people)), 0.0)
    return np.minimum(x, t_x), t_x, T


BAD_ROWS = {
    "x negative": (-1, 0, 9),
    "x not a number": (np.nan, 0, 9),
    "x infinite": (np.inf, 5, 9),
    "x half": (1.5, 5, 9),
    "t_x negative": (1, -5, 9),
    "t_x not a number": (1, np.nan, 9),
    "t_x infinite": (1, np.inf, 9),
    "T negative": (0, 0, -9),
    "T not a number": (0, 0, np.nan),
    "T infinite": (0, 0, np.inf),
    "T under t_x": (2, 50, 40),
    "a last purchase of nobody": (0, 5, 9),
    "repeats on the first day": (2, 0, 9),
}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("row", BAD_ROWS)
def test_an_impossible_history_is_refused_with_its_row_and_a_remedy(name, row):
    columns = crowd()
    for column, value in zip(columns, BAD_ROWS[row], strict=True):
        column[BAD] = value
    with pytest.raises(BadInput) as told:
        LEARNERS[name](*columns)
    assert told.value.where == f"row {BAD}"
    assert told.value.remedy


@pytest.mark.parametrize("name", HISTORY_FITS)
@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_none_is_refused_with_its_row(name, weight):
    weights = np.ones(PEOPLE)
    weights[BAD] = weight
    with pytest.raises(BadInput, match="weight") as told:
        HISTORY_FITS[name](*crowd(), weights=weights)
    assert told.value.where == f"row {BAD}"


TOO_LITTLE = {
    "under 30 people": (lambda: crowd(people=29), "29 people"),
    "all bought once": (lambda: (np.zeros(PEOPLE), np.zeros(PEOPLE), crowd()[2]), "second day"),
    "all on one day": (lambda: (np.zeros(PEOPLE), np.zeros(PEOPLE), np.zeros(PEOPLE)), "one day only"),
}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("case", TOO_LITTLE)
def test_too_little_to_learn_from_is_refused_with_a_remedy(name, case):
    columns, what = TOO_LITTLE[case]
    with pytest.raises(NotEnoughData, match=what) as told:
        LEARNERS[name](*columns())
    assert told.value.remedy


def once_repeated():
    one = np.arange(PEOPLE) == BAD
    return np.where(one, 1.0, 0.0), np.where(one, 30.0, 0.0), crowd()[2]


def weekly():
    _, _, T = crowd()
    return np.floor(T / 7), np.floor(T / 7) * 7, T


SAYS_LITTLE = {
    "one repeat in all": once_repeated,
    "all one and the same": lambda: (np.full(PEOPLE, 3.0), np.full(PEOPLE, 50.0), np.full(PEOPLE, 100.0)),
    "all bought today": lambda: (np.full(PEOPLE, 3.0), crowd()[2], crowd()[2]),
    "all gone at once": lambda: (np.ones(PEOPLE), np.ones(PEOPLE), np.full(PEOPLE, 150.0)),
    "all repeated once": lambda: (np.ones(PEOPLE), np.ceil(crowd()[2] / 2), crowd()[2]),
    "all by the clock": weekly,
}


def numbers(fit):
    """Every number a fit tells of itself."""
    told = [*fit.parameters.values(), fit.log_likelihood, fit.n, *(fit.standard_errors or {}).values()]
    return np.array([*told, *np.ravel(fit.covariance or [])], dtype=float)


@pytest.mark.parametrize("name", HISTORY_FITS)
@pytest.mark.parametrize("case", SAYS_LITTLE)
def test_a_crowd_that_says_little_names_the_limit(name, case):
    fit = HISTORY_FITS[name](*SAYS_LITTLE[case]())
    assert np.isfinite(numbers(fit)).all()
    assert len(fit.boundary.split()) > 5


EXTREME = {
    "one huge buyer": lambda: with_row(1e5, 199.0, 200.0),
    "one daily buyer of 30 years": lambda: with_row(YEARS_30, YEARS_30, YEARS_30),
    "30 years of everybody": lambda: tuple(c * unit for c, unit in zip(crowd(), (1, 60, 60), strict=True)),
    "time in microseconds": lambda: tuple(c * unit for c, unit in zip(crowd(), (1, 8.64e10, 8.64e10), strict=True)),
    "time in millions of days": lambda: tuple(c * unit for c, unit in zip(crowd(), (1, 1e-6, 1e-6), strict=True)),
    "one cohort": lambda: (crowd()[0], np.minimum(crowd()[1], 100), np.full(PEOPLE, 100.0)),
}


def with_row(*row):
    columns = crowd()
    for column, value in zip(columns, row, strict=True):
        column[BAD] = value
    return columns


@pytest.mark.parametrize("name", [n for n in HISTORY_FITS if n not in ("mbgcnbd", "paretocovariates")])
@pytest.mark.parametrize("case", EXTREME)
def test_an_extreme_crowd_gives_a_fit_with_errors_or_a_named_limit(name, case):
    fit = HISTORY_FITS[name](*EXTREME[case]())
    assert np.isfinite(numbers(fit)).all()
    assert fit.boundary is not None or (fit.standard_errors is not None and fit.converged)


@pytest.mark.parametrize("factor", [8.64e10, 1e-6])
def test_the_unit_of_time_decides_nothing_but_the_times(factor):
    x, t_x, T = crowd()
    days, other = nbd.fit(x, t_x, T), nbd.fit(x, t_x * factor, T * factor)
    assert other.parameters["r"] == pytest.approx(days.parameters["r"], rel=1e-4)
    assert other.parameters["alpha"] == pytest.approx(days.parameters["alpha"] * factor, rel=1e-4)


def test_one_person_with_over_half_of_all_repeats_is_named():
    x, t_x, T = crowd()
    most = x[np.arange(PEOPLE) != BAD].sum()
    for share, named in ((most - 1, False), (most, False), (most + 1, True)):
        x[BAD], t_x[BAD], T[BAD] = share, 199, 200
        found = outweighed(compress(x, t_x, T))
        assert (found is not None) == named
    assert "one person has 5" in found
    assert f"({most + 1:g})" in found
    x[BAD] = 1e5
    assert "one person has 100%" in nbd.fit(x, t_x, T).boundary


def test_many_people_who_share_a_busy_history_outweigh_nobody():
    assert outweighed(compress([9, 1], [9, 9], [9, 9], weights=[40, 5])) is None


FITTED = {
    "bgnbd": (bgnbd, bgnbd.BgNbd({"r": 0.25, "alpha": 31.0, "a": 0.8, "b": 2.4}, -1.0, 9.0, True, None, None, None)),
    "mbgnbd": (
        mbgnbd,
        mbgnbd.MbgNbd({"r": 0.5, "alpha": 43.0, "a": 0.9, "b": 1.6}, -1.0, 9.0, True, None, None, None),
    ),
    "nbd": (nbd, nbd.Nbd({"r": 0.4, "alpha": 84.0}, -1.0, 9.0, True, None, None, None)),
    "paretonbd": (
        paretonbd,
        paretonbd.ParetoNbd({"r": 0.55, "alpha": 74.0, "s": 0.6, "beta": 82.0}, -1.0, 9.0, True, None, None, None),
    ),
}
HISTORIES = {
    "bought today": (0, 0, 0),
    "once, 30 years ago": (0, 0, YEARS_30),
    "every day of 30 years": (YEARS_30, YEARS_30, YEARS_30),
    "100,000 until today": (1e5, YEARS_30, YEARS_30),
    "100,000, then 30 years of silence": (1e5, 1, YEARS_30),
    "twice, 30 years apart": (1, YEARS_30, YEARS_30),
    "twice in a second": (1, 1e-5, 1e-5),
}


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("horizon", [0.01, 90, YEARS_30])
def test_an_extreme_history_gets_a_finite_answer_and_the_same_alone_as_among_others(name, history, horizon):
    module, fit = FITTED[name]
    row = [np.array([value], dtype=float) for value in HISTORIES[history]]
    among = [np.append(value, other) for value, other in zip(row, (3, 20, 60), strict=True)]
    alive = module.p_alive(fit, *row)
    none = module.p_none(fit, *row, horizon=horizon)
    expected = module.expected_purchases(fit, *row, horizon=horizon)
    count = module.log_chance_of_count(fit, *row, horizon=horizon, count=[2])
    assert 0 <= alive[0] <= 1
    assert 0 <= none[0] <= 1
    assert np.isfinite(expected[0])
    assert expected[0] >= 0
    assert np.isfinite(count[0])
    assert count[0] <= 0
    np.testing.assert_allclose(module.expected_purchases(fit, *among, horizon=horizon)[0], expected[0], rtol=1e-9)
    np.testing.assert_allclose(module.p_alive(fit, *among)[0], alive[0], rtol=1e-12)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("row", BAD_ROWS)
def test_no_predictor_answers_for_an_impossible_history(name, row):
    module, fit = FITTED[name]
    columns = [[good, good, bad] for good, bad in zip((3, 20, 60), BAD_ROWS[row], strict=True)]
    asks = (
        lambda: module.p_alive(fit, *columns),
        lambda: module.p_none(fit, *columns, horizon=9),
        lambda: module.expected_purchases(fit, *columns, horizon=9),
        lambda: module.log_chance_of_count(fit, *columns, horizon=9, count=[1, 1, 1]),
    )
    for ask in asks:
        with pytest.raises(BadInput) as told:
            ask()
        assert told.value.where == "row 2"


def spenders():
    rng = np.random.default_rng(3)
    x = rng.integers(1, 6, PEOPLE).astype(float)
    return x, rng.gamma(6 * x, 1 / rng.gamma(3.7, 1 / 1500, PEOPLE)) / x


def givers():
    rng = np.random.default_rng(4)
    n = rng.integers(4, 9, 400)
    taken = rng.random((400, 8)) < rng.beta(0.9, 0.7, 400)[:, None]
    taken &= np.arange(8) < np.minimum(n, rng.geometric(rng.beta(1.2, 4, 400)) - 1)[:, None]
    return taken.sum(axis=1), np.where(taken.any(axis=1), 8 - np.argmax(taken[:, ::-1], axis=1), 0), n


def buyers():
    return crowd(people=400, seed=8)


KEPT = {
    **{name: (fit, buyers) for name, fit in HISTORY_FITS.items()},
    "gammagamma": (gammagamma.fit, spenders),
    "bgbb": (bgbb.fit, givers),
    "sbg by lives": (sbg.fit_lives, lambda: (np.tile([1, 2, 3, 5, 8, 8], 20), np.tile([1, 1, 0, 1, 1, 0], 20))),
    "bdw by lives": (bdw.fit_lives, lambda: (np.tile([1, 2, 3, 5, 8, 8], 20), np.tile([1, 1, 0, 1, 1, 0], 20))),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_weight_of_two_is_two_people_and_a_fit_comes_back_from_json_as_it_was(name):
    job, columns = KEPT[name]
    given = columns()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twice = job(*(np.concatenate([c, c]) for c in given))
        weighted = job(*given, weights=np.full(len(given[0]), 2.0))
    assert weighted.n == twice.n
    assert weighted.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-9)
    if twice.boundary is None:
        for letter, value in twice.parameters.items():
            assert weighted.parameters[letter] == pytest.approx(value, rel=1e-4), letter
    stored = json.dumps(weighted.to_json(), allow_nan=False)
    assert type(weighted).from_json(json.loads(stored)) == weighted


@pytest.mark.parametrize("model", [sbg, bdw])
def test_a_cohort_comes_back_from_json_as_it_was(model):
    fit = model.fit([400, 262, 204, 171, 150, 136, 126])
    assert type(fit).from_json(json.loads(json.dumps(fit.to_json(), allow_nan=False))) == fit


@pytest.mark.parametrize("name", HISTORY_FITS)
def test_a_fit_leaves_its_input_as_it_was(name):
    columns = buyers()
    before = [c.copy() for c in columns]
    HISTORY_FITS[name](*columns)
    for now, then in zip(columns, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", HISTORY_FITS)
def test_one_huge_customer_is_a_limit_of_every_model_of_purchases(name):
    columns = with_row(1e5, 199.0, 200.0)
    fit = HISTORY_FITS[name](*columns)
    assert fit.boundary is not None


STEADY = {
    "bgnbd": lambda: with_a_rhythm(1_500, k=1, seed=4, horizon=9),
    "mbgnbd": lambda: with_a_rhythm(1_500, k=1, seed=4, horizon=9),
    "mbgcnbd at k 2": lambda: with_a_rhythm(1_500, k=2, seed=4, horizon=9),
    "paretonbd": lambda: leaving_any_time(1_500, seed=4, horizon=9),
    "paretocovariates": lambda: leaving_any_time(1_500, seed=4, horizon=9),
}


@pytest.mark.parametrize("name", STEADY)
def test_a_fit_inside_its_limits_still_names_one_customer_with_most_of_the_repeats(name):
    found = STEADY[name]()
    columns = found.x, found.t_x, found.T
    assert HISTORY_FITS[name](*columns).boundary is None
    most = float(found.x.sum()) + 1
    for column, value in zip(columns, (most, 500.0, 501.0), strict=True):
        column[BAD] = value
    assert "one person has 50%" in HISTORY_FITS[name](*columns).boundary


WORDS = ["many", *["3"] * (PEOPLE - 1)]
WORDED = {
    "x": lambda: gammagamma.fit(WORDS, np.full(PEOPLE, 9.0)),
    "mean value": lambda: gammagamma.fit(np.full(PEOPLE, 3.0), WORDS),
    "t_x": lambda: bgbb.fit(np.ones(PEOPLE), WORDS, np.full(PEOPLE, 4.0)),
    "n": lambda: bgbb.fit(np.ones(PEOPLE), np.ones(PEOPLE), WORDS),
    "survivors": lambda: sbg.fit(["100", "most", "40"]),
    "survivors ": lambda: bdw.fit(["100", "most", "40"]),
    "T": lambda: bgnbd.fit(*crowd()[:2], WORDS),
    "weights": lambda: nbd.fit(*crowd(), weights=WORDS),
    "covariates": lambda: paretocovariates.fit(*crowd(), [[word] for word in WORDS], names=["shop"]),
    "seen": lambda: baselines.learn_recency(*crowd(), seen=WORDS, horizon=9),
}


@pytest.mark.parametrize("column", WORDED)
def test_words_where_numbers_belong_are_refused_by_the_name_of_the_column(column):
    with pytest.raises(BadInput, match=f"^{column.strip()} cannot be read as numbers") as told:
        WORDED[column]()
    assert told.value.remedy


def test_covariates_of_nobody_are_too_little_to_learn_from():
    with pytest.raises(NotEnoughData, match="nobody"):
        paretocovariates.fit([], [], [], np.empty((0, 1)), names=["shop"])


def test_a_mean_value_near_the_largest_float_leaves_every_figure_finite():
    x, means = spenders()
    means[BAD] = 1e300
    fit = gammagamma.fit(x, means)
    assert np.isfinite(numbers(fit)).all()
    assert -1 <= fit.correlation <= 1


@pytest.mark.parametrize("horizon", [0, -5, np.nan, np.inf])
def test_a_plain_guess_refuses_a_horizon_that_is_no_length(horizon):
    columns, ones = crowd(), np.ones(PEOPLE)
    guesses = baselines.learn_rate(*columns), baselines.learn_recency(*columns, seen=ones, horizon=30)
    for ask in (baselines.p_none, baselines.expected_purchases):
        for guess in guesses:
            with pytest.raises(BadInput, match="horizon is"):
                ask(guess, *columns, horizon=horizon)
    with pytest.raises(BadInput, match="horizon is"):
        baselines.learn_recency(*columns, seen=ones, horizon=horizon)


@pytest.mark.parametrize("count", [-1, 0.5, np.nan, np.inf])
def test_what_was_seen_must_be_a_count(count):
    seen = np.ones(PEOPLE)
    seen[BAD] = count
    with pytest.raises(BadInput, match="seen is") as told:
        baselines.learn_recency(*crowd(), seen=seen, horizon=30)
    assert told.value.where == f"row {BAD}"


@pytest.mark.parametrize(
    ("model", "letters"), [(bgnbd.BgNbd, (0.25, 31.0, 0.8, 2.4)), (mbgnbd.MbgNbd, (0.5, 43.0, 0.9, 1.6))]
)
def test_what_is_expected_is_the_same_however_many_are_asked_at_once(model, letters):
    fit = model(dict(zip(("r", "alpha", "a", "b"), letters, strict=True)), -1.0, 9.0, True, None, None, None)
    module = {bgnbd.BgNbd: bgnbd, mbgnbd.MbgNbd: mbgnbd}[model]
    columns = crowd(people=3_000, seed=2)
    together = module.expected_purchases(fit, *columns, horizon=90)
    for row in range(0, 3_000, 97):
        alone = module.expected_purchases(fit, *(c[[row]] for c in columns), horizon=90)
        np.testing.assert_allclose(together[row], alone[0], rtol=1e-12)
    shifted = [np.append(c, extra) for c, extra in zip(columns, (0.0, 0.0, 1e6 + 0.5), strict=True)]
    np.testing.assert_allclose(module.expected_purchases(fit, *shifted, horizon=90)[:-1], together, rtol=1e-12)
    assert module.expected_purchases(fit, [], [], [], horizon=90).size == 0
