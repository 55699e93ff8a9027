"""How numbers, days and money read; None is "not known", never a zero."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone as here
from django.utils.translation import override

from rekindle.web.money import CODES, digits
from rekindle.web.templatetags.rekindle import about, amounts, day, days, initials, money, percent, span


@pytest.mark.parametrize(
    ("minor", "currency", "read"),
    [
        (41230, "EUR", "€\u202f412.30"),
        (123456789, "USD", "$1,234,567.89"),
        (-500, "GBP", "−£5.00"),
        (0, "EUR", "€\u202f0.00"),
        (500, "JPY", "¥500"),
        (1500, "KWD", "KWD\u202f1.500"),
        (990, "", "9.90"),
        (None, "EUR", "not known"),
    ],
)
def test_money_reads_exactly(minor: int | None, currency: str, read: str) -> None:
    assert money(minor, currency) == read


def test_an_estimate_reads_in_whole_units() -> None:
    assert about(41251, "EUR") == "€\u202f413"
    assert about(-30, "EUR") == "€\u202f0"


def test_germans_read_money_their_way() -> None:
    with override("de"):
        assert money(123456, "EUR") == "1.234,56\u202f€"
        assert percent(0.25) == "25\u202f%"


@pytest.mark.parametrize(
    ("fraction", "read"),
    [(0.087, "9%"), (0, "0%"), (1, "100%"), (0.004, "under 1%"), (0.999, "over 99%"), (None, "not known")],
)
def test_a_share_never_claims_more_than_it_knows(fraction: float | None, read: str) -> None:
    assert percent(fraction) == read


@pytest.mark.parametrize(
    ("length", "read"),
    [
        (1, "1 day"),
        (19.2, "19 days"),
        (3.44, "3.4 days"),
        (0, "0 days"),
        (float("nan"), "not known"),
        (None, "not known"),
    ],
)
def test_days_keep_their_unit(length: float | None, read: str) -> None:
    assert days(length) == read


@pytest.mark.parametrize(
    ("length", "read"),
    [(40, "40 days"), (200, "6 months"), (853, "2 years 4 months"), (365.25, "1 year"), (None, "not known")],
)
def test_long_times_read_as_people_say_them(length: float | None, read: str) -> None:
    assert span(length) == read


def test_a_day_shows_its_year_only_when_it_is_another() -> None:
    this_year = here.localdate().year

    assert day(date(this_year, 3, 12)) == "12 March"
    assert day(date(2021, 3, 12)) == "12 March 2021"
    assert day(None) == "not known"


def test_an_instant_is_read_in_the_readers_zone() -> None:
    with here.override("Asia/Tokyo"):
        assert day(datetime(2021, 3, 12, 20, 0, tzinfo=UTC)) == "13 March 2021"


@pytest.mark.parametrize(
    ("name", "read"), [("Clara Keller", "CK"), ("ana@example.org", "AE"), ("Müller-Lüdenscheidt", "M"), ("", "#")]
)
def test_initials(name: str, read: str) -> None:
    assert initials(name) == read


def test_every_currency_has_three_letters_and_at_most_three_digits() -> None:
    assert all(len(code) == 3 and digits(code) in {0, 2, 3} for code in CODES)


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("spent 1,204.50 EUR, 0.65 EUR before", "spent €\u202f1,204.50, €\u202f0.65 before"),
        ("worth -3.20 GBP", "worth −£3.20"),
        ("about 500 JPY", "about ¥500"),
        ("came 9 times, 3 ABC", "came 9 times, 3 ABC"),
        ("no money at all", "no money at all"),
        (None, ""),
    ],
)
def test_amounts_in_a_sentence_read_as_elsewhere(sentence: str | None, read: str) -> None:
    assert amounts(sentence) == read


def test_germans_read_amounts_in_a_sentence_their_way() -> None:
    with override("de"):
        assert amounts("spent 1,204.50 EUR") == "spent 1.204,50\u202f€"
