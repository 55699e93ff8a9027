"""What a night writes of its models: every candidate, its error, and its letters by the week as papers print them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rekindle.understand import choice
from rekindle.understand.origins import Window
from rekindle.workflows.night import fit as step

PUBLISHED = {  # a week, on the 2,357 buyers of CDNOW's first 39 weeks
    "mbgnbd": ({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, -9582.13),
    "bgnbd": ({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, -9582.43),
    "paretonbd": ({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, -9594.98),
    "nbd": ({"r": 0.385, "alpha": 12.072}, -9763.66),
}


@pytest.fixture
def histories(shared_data: Path) -> tuple[np.ndarray, ...]:
    """x, t_x, T in days."""
    path = shared_data / "cdnow" / "cdnow_customers_summary.csv"
    x, t_x, T = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2, 3), unpack=True)
    return x, np.round(t_x * 7), np.round(T * 7)


def documents_of(
    histories: tuple[np.ndarray, ...], *, before: Window | None = None, **words: np.ndarray
) -> dict[str, dict]:
    seen = np.minimum(histories[0], 2.0)  # not what came, but every model is judged by the same
    judged = choice.choose(*histories, seen, horizon_days=90, before=before, **words)
    picked = choice.refit(judged, *histories, **words)
    picked = step._all_again(picked, *histories, words.get("sum_log_gaps", np.zeros_like(seen)))
    repeats = float(histories[0].sum())
    found = step._documents(picked, repeats_then=repeats, repeats_now=repeats)
    return {one["model"]: one for one in found}


def test_every_model_is_told_by_the_week_as_published(histories) -> None:
    found = documents_of(histories)
    for model, (letters, log_likelihood) in PUBLISHED.items():
        weekly = found[model]["per_week"]
        assert {name: round(value, 3) for name, value in weekly["parameters"].items()} == letters
        assert weekly["log_likelihood"] == pytest.approx(log_likelihood, abs=0.01)
        error = found[model]["standard_errors"]
        assert weekly["standard_errors"]["alpha"] == pytest.approx(error["alpha"] / 7)
        assert weekly["standard_errors"]["r"] == error["r"]


def test_a_model_that_could_not_be_fitted_stands_there_with_its_reason(histories) -> None:
    told = documents_of(histories)["mbgcnbd"]
    assert not told["chosen"]
    assert (told["n"], told["fit"], told["held_out"]) == (0, None, {})
    assert "the pauses between purchases are not known" in told["why"]


def test_with_pauses_the_model_with_a_rhythm_is_told_by_the_week_too(histories) -> None:
    x, t_x, _ = histories
    even = np.where(x > 0, x * np.log(np.maximum(t_x, 1) / np.maximum(x, 1)), 0.0)  # clocks: all pauses alike
    told = documents_of(histories, sum_log_gaps=even)["mbgcnbd"]
    assert told["parameters"]["k"] > 1
    assert told["per_week"]["parameters"]["k"] == told["parameters"]["k"]
    assert told["per_week"]["parameters"]["alpha"] == pytest.approx(told["parameters"]["alpha"] / 7)
    assert told["fit"]["held_out"] == told["held_out"]


def test_a_blend_stands_there_by_its_weights_whether_used_or_not(histories) -> None:
    x, t_x, T = histories
    before = Window(x=x, t_x=t_x, T=T, seen=np.minimum(x, 2.0))  # any window teaches weights; it proves nothing here
    told = documents_of(histories, before=before)
    weights = told["blend"]["parameters"]
    assert sum(weights.values()) == pytest.approx(1)
    assert set(weights) <= set(PUBLISHED)
    assert (told["blend"]["boundary"], told["blend"]["log_likelihood"]) == (None, None)
    assert told["blend"]["fit"]["held_out"] == told["blend"]["held_out"]
    assert sum(one["chosen"] for one in told.values()) == 1


def test_a_history_that_reaches_no_further_back_says_why_there_is_no_blend(histories) -> None:
    nobody = Window(*(np.zeros(0) for _ in range(4)))
    told = documents_of(histories, before=nobody)["blend"]
    assert not told["chosen"]
    assert "0 people were known 90 days ago" in told["why"]
