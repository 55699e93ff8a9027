"""The numbers on the pages of the hazard of ending and of return are what the code answers, to the printed digit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

from rekindle.understand import calibration, hazard_curve, return_hazard, second_lives

PAGES = Path(__file__).parents[2] / "docs" / "models"


def rows(page):
    """Question -> printed numbers, of every table with the heads asked and answer."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = re.findall(r"^\| (?!asked)([^|]+) \| ([\d. ]+) \|$", text, flags=re.MULTILINE)
    return {question: answer.split() for question, answer in found}


def digits_agree(printed, answers):
    assert set(printed) == set(answers)
    for question, found in answers.items():
        for text, value in zip(printed[question], np.ravel(found), strict=True):
            assert value == pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.split(".")[1])), question


def test_the_page_of_the_hazard_is_right() -> None:
    here = np.concatenate([[1.0], np.cumprod(1 - np.array([0.06, 0.05, 0.04]))])[None, :]
    curve = hazard_curve.LifeCurves(here, (1 - here)[:, :, None], 30.0, ("ended",))
    value = hazard_curve.renewal_value(curve, margin_per_period=20, discount_rate_per_year=0.1)
    again = [np.array([[0.06]])] * 2
    settled = hazard_curve.worn_down(again, hazard_curve.Settling([float(logit(0.03))], [0.5]))[1]
    digits_agree(
        rows("hazard.md"),
        {
            "S(1), S(2), S(3)": here[0, 1:],
            "still here after 45 days": hazard_curve.p_still_here(curve, horizon_days=45),
            "days left within 90": hazard_curve.residual_days(curve),
            "renewal value": value,
            "hazard of .06 where the average is .03 and half of the distance is left": settled,
            "beta calibration of .05, .3, .8": calibration.Calibration("beta", [0.8, 1.1, -0.2], [])([0.05, 0.3, 0.8]),
            "80 % interval of 30 in 100": calibration.wilson(30, 100),
        },
    )


def test_the_page_of_returns_is_right() -> None:
    returned = np.full(45, np.nan)
    returned[:6] = [0, 29, 30, 59, 60, 89]
    returned[40] = 75
    fit = return_hazard.fit(np.repeat([0, 70], [40, 5]), returned, as_of=89, month_days=30)
    curve = return_hazard.curve(fit)
    days = np.tile(np.repeat([10, 20, 30], [20, 10, 10]), 2)
    ended = np.tile(np.repeat([True, False, False], [20, 10, 10]), 2)
    lives = second_lives.compare(days, ended, 3.0 * days, number=np.repeat([1, 2], 40)).second
    digits_agree(
        rows("return_hazard.md"),
        {
            "chance in months 0, 1, 2": curve.chance,
            "low end of 80 %": curve.low,
            "high end of 80 %": curve.high,
            "back by their end": curve.by,
            "days within 30, low, high": [lives.days.value, lives.days.low, lives.days.high],
            "value within 30, low, high": [lives.value.value, lives.value.low, lives.value.high],
        },
    )
