"""Columns, causes and trust in words that need no statistics."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.relationships.vocabulary import EventKind
from rekindle.understand.person_periods import CAUSES
from rekindle.workflows.leaving_words import cause_label, column_label, nothing_yet, trust_sentence, weighty_sentence


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("visit_30", "days with visits in the last 30 days"),
        ("payment_failed_90", "days with failed payments in the last 90 days"),
        ("complaint_days_since", "time since the last complaint"),
        ("payment_amount", "amount of the last payment"),
        ("age_days", "time with us"),
        ("first_channel", "where they came from"),
        ("spa_visit_30", "days with spa visit in the last 30 days"),  # a kind of the user's own
    ],
)
def test_a_column_is_called_what_people_call_it(column: str, label: str) -> None:
    assert column_label(column) == label


def test_every_known_kind_of_event_and_every_cause_has_words() -> None:
    outcomes = {"ended", "cancel_notice", "returned"}
    for kind in EventKind:
        if kind.value not in outcomes:
            assert "_" not in column_label(f"{kind.value}_30")
            assert kind.value in {"usage"} or column_label(f"{kind.value}_30") != column_label(f"{kind.value}_90")
    for cause in (*CAUSES, "by_us"):
        assert cause_label(cause) != cause
    assert cause_label("something_new") == "something new"


def test_never_is_said_as_never() -> None:
    assert nothing_yet("complaint_days_since") == "no complaint so far"
    assert nothing_yet("first_amount") == "money of the first day: not known"


@pytest.mark.parametrize(
    ("rises", "words"), [(True, "the higher the odds"), (False, "the lower"), (None, "up or down")]
)
def test_a_weight_says_its_direction_and_its_size(rises: bool | None, words: str) -> None:
    said = weighty_sentence({"column": "visit_30", "log_odds": 0.0454, "rises": rises})
    assert words in said
    assert "1.05" in said


def trust(**words: Any) -> dict[str, Any]:
    plain = {"auc": 0.6, "ece": 0.012}
    return {"auc": 0.8, "ece": 0.004, "plain": plain, "plain_column": "visit_days_since", "boundary": None, **words}


def test_trust_names_both_rankings_and_how_far_chances_are_off() -> None:
    said = trust_sentence(trust())
    for words in ("80 times in 100", "(time since the last visit) 60 times", "0.4 points in 100"):
        assert words in said
    assert "coin" not in said


def test_a_ranking_near_a_coin_is_called_one() -> None:
    assert "coin" in trust_sentence(trust(auc=0.599))
    assert "coin" not in trust_sentence(trust(auc=0.6))


def test_a_plain_guess_in_use_is_judged_by_its_own_error() -> None:
    said = trust_sentence(trust(boundary="the trees do not beat one chance for all"))
    assert "that fact is used: time since the last visit." in said
    assert "1.2 points in 100" in said


def test_without_ends_on_both_sides_nothing_is_said_of_trust() -> None:
    assert "Too few ends" in trust_sentence(trust(auc=None))
