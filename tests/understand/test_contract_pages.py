"""The worked numbers on the pages of the contract models are what the models answer, to the printed digit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rekindle.understand import bdw, bgbb, sbg

PAGES = Path(__file__).parents[2] / "docs" / "models"


def worked(page):
    """The letters given above the table of worked numbers, and its rows: question and printed answers."""
    text = (PAGES / page).read_text(encoding="utf-8").split("## Worked numbers")[1].split("\n## ")[0]
    given = re.split(r"[.;](?:\s|$)", text.strip(), maxsplit=1)[0]
    letters = {name: float(value) for name, value in re.findall(r"([a-z]+) (\d*\.\d+)", given)}
    rows = re.findall(r"^\| (?!asked)(.+?) \| ([\d. ]+) \|$", text, flags=re.MULTILINE)
    return letters, {question: answer.split() for question, answer in rows}


def digits_agree(found, printed):
    for value, text in zip(np.ravel(found), printed, strict=True):
        assert value == pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.split(".")[1])), text


@pytest.mark.parametrize(("page", "module", "kind"), [("sbg.md", sbg, sbg.Sbg), ("bdw.md", bdw, bdw.Bdw)])
def test_the_numbers_on_a_page_of_contracts_are_the_models(page, module, kind):
    letters, rows = worked(page)
    assert tuple(letters) == kind.names
    fit = kind(letters, -1.0, 100.0, True, None, None, None)
    answers = {
        "survivor at 1, 7, 12": module.survivor(fit, [1, 7, 12]),
        "retention at 1, 2, 7": module.retention(fit, [1, 2, 7]),
        "p_leaves within 3 renewals, tenure 0 and 4": module.p_leaves(fit, [0, 4], horizon=3),
        "residual_tenure within 10 renewals, tenure 0 and 4": module.residual_tenure(fit, [0, 4], horizon=10),
        "discounted_renewals at .1 a period, tenure 0 and 4": module.discounted_renewals(fit, [0, 4], discount=0.1),
        "renewal_value of 120 each, tenure 4, half a period to go": module.renewal_value(
            fit, [4], value=120.0, discount=0.1, until_next=0.5
        ),
    }
    assert set(rows) == set(answers)
    for question, printed in rows.items():
        digits_agree(answers[question], printed)


def test_the_numbers_on_the_page_of_opportunities_are_the_models():
    letters, rows = worked("bgbb.md")
    assert tuple(letters) == bgbb.BgBb.names
    fit = bgbb.BgBb(letters, -1.0, 100.0, True, None, None, None)
    donors = ([0, 1, 3, 6], [0, 6, 4, 6], [6] * 4)
    counts = bgbb.log_chance_of_count(fit, *donors, horizon=5, count=[0, 2, 2, 5])
    answers = {
        "p_alive in year 7": bgbb.p_alive(fit, *donors, ahead=1),
        "p_none in the next 5": bgbb.p_none(fit, *donors, horizon=5),
        "expected_transactions in the next 5": bgbb.expected_transactions(fit, *donors, horizon=5),
        "exactly 0, 2, 2, 5 of the next 5": np.exp(counts),
    }
    assert set(rows) == set(answers)
    for question, printed in rows.items():
        digits_agree(answers[question], printed)
