"""`rekindle backtest`: its words, its JSON and its refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rekindle.cli import backtest as command
from rekindle.errors import BadInput

DOCUMENT: dict[str, Any] = {
    "as_of": "2025-06-30",
    "horizon_days": 90,
    "pulse": ["purchase"],
    "why_pulse": "purchases are the first sign of life",
    "winner": {"model": "mbgnbd"},
    "models": [
        {
            "model": "mbgnbd",
            "cutoffs": 2,
            "mean": {
                "log_loss": 0.4,
                "brier": 0.1,
                "auc": 0.8,
                "mae": 0.7,
                "total_error": -0.05,
                "count_log_score": None,
                "calibration_error": 0.02,
            },
            "spread": {
                "log_loss": 0.01,
                "brier": None,
                "auc": None,
                "mae": None,
                "total_error": 0.03,
                "count_log_score": None,
                "calibration_error": None,
            },
            "chosen": True,
            "why": "Used: the only model that beat the rate baseline.",
        }
    ],
    "cutoffs": [
        {
            "cutoff": "2025-04-01",
            "people": 1200,
            "repeat_purchases": 900,
            "seen": 300,
            "trials": [
                {
                    "model": "mbgnbd",
                    "calibration": [{"people": 600, "told": 0.52, "seen": 0.5, "low": 0.474, "high": 0.526}],
                }
            ],
        }
    ],
    "skipped": {"2024-04-01": "12 people are too few"},
    "drift": {
        "has_drifted": False,
        "text": "No drift that this many people could show.",
        "shifts": [{"text": "Repeat purchases: no drift."}],
        "misses": [{"text": "In the last 90 days 310 purchases were expected and 300 came."}],
        "unknown": {"gap": "4 people then"},
    },
    "notes": ["Judged on a steady sample of one in 3 people."],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the workflow was asked; it answers with the document above."""
    from rekindle.workflows import backtest as workflow

    words: dict[str, Any] = {}

    def run(**given: Any) -> dict[str, Any]:
        words.update(given)
        return DOCUMENT

    monkeypatch.setattr(workflow, "run", run)
    monkeypatch.setattr(command, "ready", lambda: None)
    return words


def ask(*words: str) -> Any:
    app = typer.Typer()
    app.command()(command.backtest)
    return CliRunner().invoke(app, list(words))


def test_json_is_the_document_and_nothing_else(asked) -> None:
    done = ask("--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == DOCUMENT
    assert (asked["cutoffs"], asked["horizon_days"]) == ([], None)


def test_cutoffs_and_the_horizon_are_handed_on(asked) -> None:
    assert ask("--cutoff", "2025-01-31", "--cutoff", "2025-03-31", "--horizon-days", "60").exit_code == 0
    assert [day.isoformat() for day in asked["cutoffs"]] == ["2025-01-31", "2025-03-31"]
    assert asked["horizon_days"] == 60


def test_a_day_that_is_none_is_wrong_words(asked) -> None:
    assert ask("--cutoff", "yesterday").exit_code == 2
    assert not asked


def test_people_read_figures_with_their_spread_and_sentences(asked) -> None:
    words = ask().stdout
    for told in (
        "mbgnbd (2 cutoffs). Used: the only model",
        "1 cutoff, 90 days after each",
        "log loss 0.4000 ± 0.0100, Brier 0.1000, AUC 0.800",
        "total -5.0% ± 3.0%",
        "To trust: mbgnbd",
        "600 people  told  52.0%  seen  50.0%  (47.4% to 52.6%)",
        "2024-04-01  left out: 12 people are too few",
        "No drift that this many people could show.",
        "gap not compared: 4 people then",
        "one in 3 people",
    ):
        assert told in words
    assert "None" not in words


def test_a_refusal_is_left_to_the_one_line_of_the_program(asked, monkeypatch) -> None:
    from rekindle.workflows import backtest as workflow

    def refuse(**_: Any) -> dict[str, Any]:
        raise BadInput("a horizon of 3 days says nothing about people.")

    monkeypatch.setattr(workflow, "run", refuse)
    assert isinstance(ask("--horizon-days", "3").exception, BadInput)
