"""`rekindle fits` in words: every model has a line, whatever kind of parameters it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.cli.reading import show_fits


def told(model: str, **fields: Any) -> dict[str, Any]:
    given = {
        "model": model,
        "unit": "days",
        "parameters": {},
        "log_likelihood": None,
        "n": 1200,
        "boundary": None,
        "held_out": {},
        "baselines": {},
        "chosen": True,
        "why": "Used.",
    }
    return {**given, **fields}


def test_a_parameter_without_bound_and_a_list_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    show_fits([told("hazard", parameters={"trees": 120, "b": None, "causes": [1, 2, 3]}, unit="30-day periods")])

    assert "trees 120  b without bound  causes (3)   (times in 30-day periods)" in capsys.readouterr().out


def test_amounts_are_called_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    show_fits([told("gammagamma", parameters={"p": 6.25}, unit="minor units")])

    assert "p 6.25   (amounts in minor units)" in capsys.readouterr().out


def test_held_out_figures_stand_beside_their_baselines_and_what_is_no_number_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_fits(
        [
            told(
                "return_hazard",
                held_out={"n": 65421, "brier": 0.08, "calibration": []},
                baselines={"alike": {"brier": 0.09}},
            )
        ]
    )

    out = capsys.readouterr().out
    assert "held out: n 65421, brier 0.08\n" in out
    assert "alike: brier 0.09\n" in out
