"""The address on an envelope, from what a load kept, as the country writes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_cast import brand

from rekindle.errors import NotFound
from rekindle.relationships.models import Party
from rekindle.workflows.paper.addresses import LONGEST, MOST_LINES, is_inch_paper, postal_of, written


def party(name: str = "Ana Weber", country: str = "", **extra: object) -> Party:
    return Party(pk=1, name=name, country=country, extra=extra)


@pytest.mark.parametrize(
    ("country", "extra", "wanted"),
    [
        ("DE", {"street": "Hauptstraße 1", "plz": 10115, "city": "Berlin"}, "Hauptstraße 1\n10115 Berlin\nGERMANY"),
        ("GB", {"street": "1 Oak St", "city": "London", "postcode": "N1"}, "1 Oak St\nLondon\nN1"),
        ("US", {"Street": "1 Oak St", "City": "Troy", "State": "NY", "ZIP": "12180"},
         "1 Oak St\nTroy, NY 12180\nUNITED STATES"),
        ("", {"postal_address": "1 Oak St\nLondon\nN1 7GU"}, "1 Oak St\nLondon\nN1 7GU"),
        ("", {"address": "1 Oak St, London N1"}, "1 Oak St\nLondon N1"),
        ("GB", {"address": "1 Oak St", "city": "London"}, "1 Oak St\nLondon"),
        ("FR", {"street": "1 rue X", "address_2": "c/o Y", "postcode": "75001", "city": "Paris"},
         "1 rue X\nc/o Y\n75001 Paris\nFRANCE"),
    ],
)  # fmt: skip
def test_an_address_is_written_as_its_country_writes_it(country: str, extra: dict[str, object], wanted: str) -> None:
    assert written(party(country=country, **extra), home="GB") == f"Ana Weber\n{wanted}"


@pytest.mark.parametrize(
    ("who", "lacks"),
    [
        (party("", street="1 Oak St", city="London"), "name"),
        (party(), "street"),
        (party(street="", city="London"), "street"),
        (party(street="1 Oak St"), "town"),
        (party(address="1 Oak St"), "town"),
        (party(address="x" * 400 + "\nLondon"), "too long"),
        (party(address="\n".join("abcdefgh")), "too long"),
    ],
)
def test_where_something_lacks_it_is_said_and_nothing_is_guessed(who: Party, lacks: str) -> None:
    with pytest.raises(NotFound, match=lacks):
        written(who, home="GB")


@pytest.mark.django_db
def test_the_country_is_left_out_at_home() -> None:
    brand(region="DE")
    assert postal_of(party(country="DE", street="Weg 1", plz="10115", city="Berlin")).endswith("10115 Berlin")


def test_inches_are_where_letter_size_is() -> None:
    assert is_inch_paper("us")
    assert not is_inch_paper("GB")
    assert not is_inch_paper("")


KEPT = st.one_of(st.text(max_size=60), st.integers(), st.none(), st.booleans(), st.lists(st.text()))


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["street", "city", "address", "postcode", "state"]), KEPT))
def test_whatever_a_load_kept_gives_clean_lines_or_a_sentence(extra: dict[str, object]) -> None:
    try:
        lines = written(party(**extra), home="").split("\n")
    except NotFound:
        return
    assert lines[0] == "Ana Weber"
    assert 3 <= len(lines) <= MOST_LINES
    assert all(line == line.strip() and line and line.isprintable() for line in lines)
    assert len("\n".join(lines)) <= LONGEST
