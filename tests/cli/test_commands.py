"""The command line as a contract: keys, exit codes, one line an error. Real processes on a home of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DAY = date(2025, 6, 30)
Rekindle = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def rekindle(tmp_path_factory: pytest.TempPathFactory) -> Rekindle:
    """The command on a small business with one night read."""
    folder = tmp_path_factory.mktemp("business")
    environment = {**os.environ, "REKINDLE_HOME": str(folder / "home")}
    environment.pop("REKINDLE_DATABASE_URL", None)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rekindle", *words], env=environment, text=True, capture_output=True, cwd=folder
        )

    rng = np.random.default_rng(3)
    rows = []
    for number in range(120):
        day = DAY - timedelta(days=int(rng.integers(150, 500)))
        while day <= DAY:
            rows.append(f"c{number:03d},c{number}@example.org,{day},{rng.gamma(3, 9):.2f},EUR")
            if rng.random() < 0.07:
                break
            day += timedelta(days=1 + int(rng.exponential(20)))
    (folder / "sales.csv").write_text("customer,email,date,amount,currency\n" + "\n".join(rows) + "\n")
    (folder / "never.csv").write_text("email\nc7@example.org\n")
    assert run("take-in", "sales.csv", "--as", "events", "--json").returncode == 0
    assert run("take-in", "never.csv", "--as", "suppressions").returncode == 0
    assert run("nightly", "--as-of", DAY.isoformat(), "--json").returncode == 0
    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_night_prints_its_steps_and_totals(rekindle: Rekindle) -> None:
    night = document(rekindle("nightly", "--as-of", DAY.isoformat(), "--json"))
    assert night["as_of"] == DAY.isoformat()
    assert {"name", "seconds", "rows"} <= set(night["steps"][0])
    assert night["people"] == 120 == sum(night["stages"].values()) == sum(night["decisions"].values())


def test_today_prints_people_with_reasons(rekindle: Rekindle) -> None:
    cards = document(rekindle("today", "--as-of", DAY.isoformat(), "--limit", "3", "--json"))
    assert 0 < len(cards) <= 3
    keys = {"person", "stage", "why_now", "suggestion", "value_at_stake", "opening_line"}
    assert all(keys <= set(card) for card in cards)
    assert all(card["why_now"] for card in cards)
    assert "Nothing urgent" not in rekindle("today", "--as-of", DAY.isoformat()).stdout


def test_a_person_is_found_by_number_and_by_address(rekindle: Rekindle) -> None:
    by_number = document(rekindle("person", "c003", "--json"))
    assert by_number == document(rekindle("person", "c3@example.org", "--json"))
    assert {"person", "stage", "episodes", "outlook", "signs", "decisions", "refusals"} <= set(by_number)
    low, value, high = (by_number["outlook"]["p_none"][key] for key in ("low", "value", "high"))
    assert 0 < value < 1
    assert (low, high) == (None, None) or low <= value <= high  # a baseline knows no range, and says none
    words = rekindle("person", "c003").stdout
    assert "chance of no sign of life in 90 days" in words
    assert "None" not in words


def test_fits_print_held_out_errors_beside_baselines(rekindle: Rekindle) -> None:
    fits = document(rekindle("fits", "--json"))
    keys = {"model", "parameters", "log_likelihood", "n", "boundary", "held_out", "baselines"}
    assert all(keys <= set(fit) for fit in fits)
    assert {"mbgnbd", "bgnbd", "rate", "recency"} <= {fit["model"] for fit in fits}
    assert sum(fit["chosen"] for fit in fits if fit["unit"] == "days") == 1


def test_why_not_answers_with_the_exit_code_too(rekindle: Rekindle) -> None:
    refused = rekindle("why-not", "c007", "--class", "service", "--channel", "in_person", "--json")
    assert refused.returncode == 1
    answer = json.loads(refused.stdout)
    assert (answer["allowed"], answer["rule"]) == (False, "suppressed")
    assert {"allowed", "rule", "until", "text"} == set(answer)
    allowed = rekindle("why-not", "c003", "--class", "service", "--channel", "in_person", "--json")
    assert (allowed.returncode, json.loads(allowed.stdout)["allowed"]) == (0, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("why-not", "c003", "--class", "sermon", "--channel", "email"), 2),
        (("take-in", "sales.csv", "--as", "poems"), 2),
        (("nightly", "--as-of", "yesterday"), 2),
        (("dance",), 2),
        (("person", "nobody@example.org"), 1),
        (("take-in", "missing.csv", "--as", "events"), 1),
        (("undo", "99"), 1),
        (("nightly", "--as-of", "2999-01-01"), 1),
    ],
)
def test_wrong_words_are_two_and_refusals_are_one(rekindle: Rekindle, words: tuple[str, ...], code: int) -> None:
    done = rekindle(*words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code == 1:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("rekindle: ")


def test_loading_the_same_again_is_said_and_changes_nothing(rekindle: Rekindle) -> None:
    again = document(rekindle("take-in", "sales.csv", "--as", "events", "--json"))
    assert again["kept"] == 0
    assert "taken in before" in again["state"]


def test_everything_comes_out_and_nothing_overwrites(rekindle: Rekindle, tmp_path: Path) -> None:
    target = tmp_path / "out"
    files = document(rekindle("export", str(target), "--json"))["files"]
    assert files["relationships-party.csv"] == 120
    assert files["events.parquet"] > 500
    assert "password" not in (target / "accounts-user.csv").read_text()
    refused = rekindle("export", str(target))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr


def test_check_finds_nothing_wrong(rekindle: Rekindle) -> None:
    assert all(finding["ok"] for finding in document(rekindle("check", "--json")))
