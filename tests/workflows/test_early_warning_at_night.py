"""A night of a business whose people complain before they say goodbye: all signs together, and drift."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from rekindle import home as homes
from rekindle.journal.models import CautionSign, Night, SignRecord
from rekindle.workflows import nightly, take_in

pytestmark = pytest.mark.django_db

DAY = date(2025, 6, 30)


def studio(people: int = 500, *, seed: int = 3, complains: float = 0.8) -> list[tuple[str, str, str, str]]:
    """Buyers of a steady pace; 6 in 100 a month leave, most of them after a complaint, one in four without a word;
    pauses come by themselves."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(people):
        who, day, pace = f"s{number:04d}", DAY - timedelta(days=int(rng.integers(430, 600))), rng.gamma(4.0, 1.5) + 2
        leaves = day + timedelta(days=60 + int(rng.exponential(450)))
        while day < min(leaves, DAY + timedelta(days=1)):
            rows.append((who, day.isoformat(), "purchase", f"{rng.gamma(3.0, 9.0):.2f}"))
            day += timedelta(days=1 + int(rng.exponential(pace)) + (25 if rng.random() < 0.04 else 0))
        if leaves <= DAY:
            if rng.random() < complains:
                rows.append((who, (leaves - timedelta(days=int(rng.integers(5, 80)))).isoformat(), "complaint", ""))
            if rng.random() < 0.75:
                rows.append((who, leaves.isoformat(), "ended", ""))
    return rows


def csv(rows: list[tuple[str, str, str, str]]) -> str:
    head = "customer,date,kind,amount,currency\n"
    return head + "".join(f"{who},{on},{kind},{much},{'EUR' if much else ''}\n" for who, on, kind, much in rows)


def noted(night: Night, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((homes.night_folder(night.pk) / f"{name}.json").read_text())
    return found


@pytest.fixture(autouse=True)
def as_far_as_the_signs(monkeypatch) -> None:
    """The rest of a night reads what is tested here, and has tests of its own."""
    monkeypatch.setattr(nightly, "STEPS", nightly.STEPS[: nightly.STEPS.index("signs") + 1])


def test_all_signs_together_count_where_they_beat_silence(load, write) -> None:
    load(write("studio.csv", csv(studio())))
    night = nightly.run(as_of=DAY)
    found = noted(night, "early_warning")
    assert found["used"]
    assert found["measured_on"] == "told"
    assert found["combined"]["raised"] == found["silence"]["raised"] >= 20
    assert found["low"] > 0
    assert found["sentence"].startswith("Better than silence alone here")
    assert found["weights"][0]["code"] == "complaint"
    record = SignRecord.objects.get(night=night, code="early_warning")
    assert record.precision > record.base_rate
    warned = set(
        CautionSign.objects.filter(code="early_warning", cleared_on=None).values_list("relationship__party", flat=True)
    )
    assert 0 < len(warned) <= CautionSign.objects.filter(code="silence", cleared_on=None).count()
    risk = pq.read_table(homes.night_folder(night.pk) / "at_risk.parquet")
    assert warned <= set(risk.filter(risk["at_risk"])["party_id"].to_pylist())
    assert noted(night, "trust")["early_warning"] == found["sentence"]
    drift = noted(night, "drift")
    assert {shift["feature"] for shift in drift["shifts"]} == {"x", "silence", "gap", "p_none"}
    assert drift["since"] == (DAY - timedelta(days=90)).isoformat()
    assert drift["text"]


def test_where_nobody_says_goodbye_it_is_not_used_and_says_on_what_it_rests(load, write) -> None:
    rows = [row for row in studio(people=300) if row[2] == "purchase"]
    load(write("studio.csv", csv(rows)))
    night = nightly.run(as_of=DAY)
    found = noted(night, "early_warning")
    assert not found["used"]
    assert found["measured_on"] in ("", "told and presumed")
    assert not CautionSign.objects.filter(code="early_warning").exists()


def test_a_goodbye_long_after_they_were_as_good_as_gone_was_not_foreseen(load, write) -> None:
    """On the night of a cut-off they were presumed gone; that they would still say goodbye nobody knew."""
    rows = [row for row in studio(people=300) if row[2] == "purchase"]
    last = {who: on for who, on, *_ in rows}
    later = [(who, date.fromisoformat(on) + timedelta(days=200)) for who, on in last.items()]
    rows += [(who, on.isoformat(), "ended", "") for who, on in later if on <= DAY]
    load(write("studio.csv", csv(rows)))
    found = noted(nightly.run(as_of=DAY), "early_warning")
    assert sum(on <= DAY for _, on in later) > 60
    assert found["measured_on"] != "told"
    assert not found["used"]


def test_a_young_history_says_why_nothing_is_known(load, write) -> None:
    rows = [row for row in studio(people=60) if row[1] > "2025-03-01"]
    load(write("young.csv", csv(rows)))
    night = nightly.run(as_of=DAY)
    assert noted(night, "early_warning")["sentence"] == (
        "Not known yet: the history must have run 90 days before a day whose next 90 days are over."
    )


def test_what_comes_after_the_night_is_never_learned_from(load, write) -> None:
    first = load(write("studio.csv", csv(studio(people=300))))
    expected = [noted(nightly.run(as_of=DAY), name) for name in ("early_warning", "drift")]
    take_in.undo(first)
    future = [
        (f"s{number:04d}", (DAY + timedelta(days=1 + number % 50)).isoformat(), "ended", "") for number in range(300)
    ]
    load(write("with-future.csv", csv([*studio(people=300), *future])))
    assert [noted(nightly.run(as_of=DAY), name) for name in ("early_warning", "drift")] == expected


def test_people_who_stop_coming_are_drift(load, write) -> None:
    since = (DAY - timedelta(days=60)).isoformat()
    rows = [row for number, row in enumerate(studio(people=400)) if row[1] < since or number % 4 == 0]
    load(write("studio.csv", csv([row for row in rows if row[2] == "purchase"])))
    moved = noted(nightly.run(as_of=DAY), "drift")
    assert moved["has_drifted"]
    assert next(miss for miss in moved["misses"] if miss["quantity"] == "purchases")["has_drifted"]


def test_without_a_model_drift_has_a_reason(home) -> None:
    night = nightly.run(as_of=DAY)
    assert "nobody has shown a sign of life" in noted(night, "drift")["why_none"]
    assert noted(night, "early_warning")["used"] is False
