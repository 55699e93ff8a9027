"""Where a page of a list begins, read from an address: what was written comes back, and nothing else opens a page."""

from __future__ import annotations

from datetime import date

import pytest
from django.http import Http404
from hypothesis import given as told
from hypothesis import strategies as st

from rekindle.web.given import place, place_of, whole

KEYS = st.integers(min_value=0, max_value=10**18 - 1)


@told(st.dates(), KEYS)
def test_a_key_of_a_day_and_a_row_comes_back(day: date, key: int) -> None:
    assert place_of(f"{day.isoformat()}.{key}", date.fromisoformat) == (day, key)


@told(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1), KEYS)
def test_a_key_of_an_amount_and_a_row_comes_back(amount: int, key: int) -> None:
    assert place_of(f"{amount}.{key}", whole) == (amount, key)


@told(st.text(max_size=40))
def test_whatever_stands_in_an_address_is_a_key_or_no_page(text: str) -> None:
    try:
        found = place_of(text, whole)
    except Http404:
        return
    assert (found is None) is (text == "")


def test_an_empty_address_is_the_first_page() -> None:
    assert place("") is None
    assert place_of("", whole) is None


@pytest.mark.parametrize(
    "text", ["5", "5.", ".5", "5.x", "x.5", "--5.1", "5.-1", "٣.1", "1_0.1", " 5.1", f"1.{'9' * 19}"]
)
def test_half_a_key_opens_nothing(text: str) -> None:
    with pytest.raises(Http404):
        place_of(text, whole)
