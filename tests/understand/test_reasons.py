"""Evidence into sentences."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from rekindle.errors import BadInput
from rekindle.understand.caution_signs import RAISED, Sign
from rekindle.understand.reasons import day_text, money_text, record_text, sentences, sign_text

SINCE = date(2024, 5, 3)


@pytest.mark.parametrize(
    ("code", "usual", "now", "text"),
    [
        ("silence", 6.0, 19.0, "usually every 6 days, now silent for 19 days"),
        ("silence", 1.0, 8.0, "usually every 1 day, now silent for 8 days"),
        ("slowing", 13.1, 3.0, "came on 3 days in the last 90; the time before makes about 13 likely"),
        ("slowing", 13.1, 1.0, "came on 1 day in the last 90; the time before makes about 13 likely"),
        ("slowing", 13.1, 0.0, "did not come in the last 90 days; the time before makes about 13 days likely"),
        ("fewer_visits", 9.0, 3.0, "came 9 times in the month before, 3 times in the last 30 days, and still pays"),
        ("fewer_visits", 9.0, 1.0, "came 9 times in the month before, once in the last 30 days, and still pays"),
        ("fewer_visits", 4.0, 0.0, "came 4 times in the month before, not once in the last 30 days, and still pays"),
        ("spending_less", 120000.0, 4550.0, "spent 45.50 EUR in the last 90 days, 1,200.00 EUR in the 90 before"),
        ("failed_payment", None, 2.0, "2 payments failed since 3 May 2024"),
        ("failed_payment", None, 1.0, "a payment failed since 3 May 2024"),
        ("complaint", None, 1.0, "complained once since 3 May 2024"),
        ("complaint", None, 4.0, "complained 4 times since 3 May 2024"),
        ("refund", None, 1.0, "money went back once since 3 May 2024"),
        ("cheaper_plan", 2999.0, 1999.0, "usually paid 29.99 EUR at a time, in the last 60 days 19.99 EUR"),
        ("fewer_users", 12.0, 7.0, "usually 12 people use it, in the last 60 days 7"),
        ("fewer_users", 12.0, 0.0, "usually 12 people use it, in the last 60 days nobody"),
        ("fewer_users", 1.0, 0.0, "usually 1 person uses it, in the last 60 days nobody"),
        ("narrower", 2.0, 1.0, "of 2 habits (coming, buying, using) 1 is left in the last 90 days"),
        ("narrower", 3.0, 2.0, "of 3 habits (coming, buying, using) 2 are left in the last 90 days"),
        (
            "early_warning",
            0.06,
            0.34,
            "of 100 people with signs like these about 34 left soon after, of everyone about 6",
        ),
    ],
)
def test_a_sign_is_told_in_the_persons_own_numbers(code: str, usual: float | None, now: float, text: str) -> None:
    assert sign_text(code, usual=usual, now=now, since=SINCE, currency="EUR") == text


def test_every_sign_has_a_sentence() -> None:
    for sign in Sign:
        assert sign_text(sign.value, usual=5.0, now=2.0, since=SINCE, currency="EUR")


def test_missing_evidence_is_named_never_guessed() -> None:
    with pytest.raises(BadInput, match="usual"):
        sign_text("silence", usual=None, now=3.0, since=SINCE)
    with pytest.raises(BadInput, match="first day"):
        sign_text("complaint", usual=None, now=3.0, since=None)
    with pytest.raises(BadInput, match="currency"):
        sign_text("spending_less", usual=3.0, now=3.0, since=SINCE)
    with pytest.raises(BadInput, match="currency"):
        sign_text("cheaper_plan", usual=3.0, now=3.0, since=SINCE)
    with pytest.raises(BadInput, match="Known: silence, slowing"):
        sign_text("weather", usual=1.0, now=3.0, since=SINCE)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(4550, "EUR", "45.50 EUR"), (4550, "JPY", "4,550 JPY"), (4550, "KWD", "4.550 KWD"), (-50, "USD", "-0.50 USD")],
)
def test_money_has_the_decimals_of_its_currency(minor: float, currency: str, text: str) -> None:
    assert money_text(minor, currency=currency) == text


def test_a_date_is_day_month_year() -> None:
    assert day_text(date(2024, 12, 1)) == "1 December 2024"


def known(**more: Any) -> dict[str, object]:
    return {"code": "silence", "precision": 0.34, "horizon_days": 90, "endings": 200, "caught": 124,
            "lead_days": 41.0} | more  # fmt: skip


def test_the_record_of_a_sign_is_told_with_its_lead() -> None:
    assert record_text(known()) == (
        "this came before 62 of 100 endings here, usually 41 days ahead; of 100 who showed it, 34 ended within 90 days"
    )


def test_few_endings_are_told_as_they_are() -> None:
    text = record_text(known(endings=7, caught=3, lead_days=1.0))
    assert text is not None
    assert text.startswith("this came before 3 of 7 endings here, usually 1 day ahead;")


def test_a_rare_sign_has_no_record() -> None:
    assert record_text(known(precision=None)) is None


def test_a_sign_that_caught_nothing_claims_no_lead() -> None:
    assert record_text(known(caught=0, lead_days=None)) == "of 100 who showed it, 34 ended within 90 days"
    assert record_text(known(precision=0.001, caught=0)) == ("of 100 who showed it, less than 1 ended within 90 days")


def test_sentences_keep_order_and_carry_the_record() -> None:
    raised = pa.Table.from_pylist(
        [
            {
                "party_id": 2,
                "code": "silence",
                "strength": 0.5,
                "usual": 6.0,
                "now": 19.0,
                "unit": "day",
                "since": SINCE,
            },
            {"party_id": 1, "code": "refund", "strength": 0.5, "now": 1.0, "unit": "time", "since": SINCE},
        ],
        schema=RAISED,
    )
    told = sentences(raised, measured=pa.Table.from_pylist([known()])).to_pylist()
    assert [row["party_id"] for row in told] == [2, 1]
    assert told[0]["record"].startswith("this came before 62")
    assert told[1]["record"] is None


def test_a_translation_sees_both_forms_and_the_number() -> None:
    def german(one: str, many: str, number: int) -> str:
        assert one != many
        return "{now} Zahlungen seit {since} fehlgeschlagen" if number != 1 else "eine Zahlung"

    assert sign_text("failed_payment", usual=None, now=2.0, since=SINCE, translate=german).startswith("2 Zahlungen")
