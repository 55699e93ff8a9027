"""Codes into sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.decide.explain import Reason, chance_text, reason_text, stake_text, why_now
from rekindle.decide.worth import StakeBasis
from rekindle.errors import BadInput

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EVIDENCE = {"worth": "12.00 EUR", "ground": "prior, untested", "until": "3 May 2024", "refusal": "Asked never again."}


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_and_a_line_in_the_docs(reason: Reason) -> None:
    text = reason_text(reason, **EVIDENCE)
    assert text.endswith(".")
    assert "{" not in text
    assert f"`{reason.value}`" in DOC


def test_missing_evidence_is_named() -> None:
    with pytest.raises(BadInput, match="'until'"):
        reason_text(Reason.TOO_EARLY)


def test_why_now_is_three_facts_strongest_first_each_once() -> None:
    facts = [(0.2, "d"), (0.9, "a"), (0.5, "b"), (0.5, "c"), (0.4, "a")]
    assert why_now(facts) == ["a", "b", "c"]
    assert why_now([]) == []


def test_a_chance_is_told_with_its_interval_and_never_as_certainty() -> None:
    assert chance_text(0.62, low=0.48, high=0.74, horizon_days=90) == (
        "the chance of not coming in the next 90 days is 62 of 100 (48 to 74)"
    )
    assert chance_text(0.62, low=None, high=None, horizon_days=90).endswith("is 62 of 100")
    assert "over 99 of 100" in chance_text(1.0, low=None, high=None, horizon_days=90)
    assert "under 1 of 100" in chance_text(0.001, low=None, high=None, horizon_days=90)
    assert chance_text(None, low=None, high=None, horizon_days=90).endswith("is not known yet")


def test_what_is_at_stake_says_what_it_rests_on() -> None:
    assert stake_text(StakeBasis.VALUE, amount="25.00 EUR", horizon_days=90) == (
        "At stake within 90 days: 25.00 EUR (value to come, times the chance of losing it)."
    )
    assert "not known" in stake_text(StakeBasis.UNKNOWN, amount=None, horizon_days=90)
