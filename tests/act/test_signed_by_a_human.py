"""A human's name stands below what is personal: the house, a team or a closing sign nothing, and it does not go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import tone
from rekindle.act.tone import Tone
from rekindle.relationships.vocabulary import TouchClass

HOUSE = {"Oak Street Gym"}
FOOT = "\n\n-- \nHear nothing more like this: http://oak.example/stop\nOak Street Gym\nOak Street, London\n"

SIGNED = (
    "Hello Ana,\n\nthanks.\n\nDana Frey\nOak Street Gym",
    "Hello Ana,\n\nthanks.\n\nBest wishes,\nDana",
    "Hello Ana,\n\nthanks.\n\nYours, Dana",
    "Hallo Ana,\n\ndanke.\n\nViele Grüße\nJürgen von der Heide",
    "Hello Ana,\n\nthanks.\n\nDr. Anne-Marie O’Neil, Head of Care",
    "Hello Ana,\n\nthanks.\n\n— Dana F.",
    "Hello Ana,\n\nthanks.\n\nDana Frey\nOwner\nOak Street Gym\n1 Oak Street\nLondon",
    "Hello Ana,\n\nthanks.\n\n田中",
    "Thanks for three years with us. Dana, Oak Street Gym",
)
UNSIGNED = (
    "Hello Ana,\n\nthanks.",
    "Hello Ana,\n\nthanks.\n\nOak Street Gym",
    "Hello Ana,\n\nthanks.\n\nKind regards\nYour Oak Street Gym team",
    "Hello Ana,\n\nthanks.\n\nCustomer Service",
    "Hallo Ana,\n\ndanke.\n\nMit freundlichen Grüßen\nIhr Oak Street Gym",
    "Guten Tag Ana Weber,\n\ndanke.\n\nIhr Kundenservice",
    "Hello Dana Frey,\n\nthanks for all of it.",
    "Thanks for three years with us. Oak Street Gym",
    "Hello Ana,\n\nthanks.\n\nhttps://oak.example/about",
)


@pytest.mark.parametrize("text", SIGNED)
def test_a_name_at_the_end_signs(text: str) -> None:
    assert tone.is_signed(text, houses=HOUSE)
    assert tone.is_signed(text + FOOT, houses=HOUSE)


@pytest.mark.parametrize("text", UNSIGNED)
def test_the_house_a_team_a_closing_or_their_own_name_do_not(text: str) -> None:
    assert not tone.is_signed(text, houses=HOUSE)
    assert not tone.is_signed(text + FOOT, houses=HOUSE)
    assert not tone.is_signed(text, signer="Dana Frey", houses=HOUSE)


def test_the_known_signer_may_write_their_name_as_they_like_and_the_house_may_bear_it() -> None:
    assert tone.is_signed("Hello Ana,\n\nthanks.\n\nyours, dana", signer="Dana Frey")
    assert not tone.is_signed("Hello Ana,\n\nthanks.\n\nFrey Physio", signer="Dana Frey", houses={"Frey Physio"})


@pytest.mark.parametrize("touch_class", list(TouchClass))
def test_it_stops_cards_questions_and_things_to_read_and_nothing_else(touch_class: TouchClass) -> None:
    text = "Hello Ana,\n\nyou are no longer a customer of ours, and this is no mistake.\n\nOak Street Gym"
    found = tone.findings(text, touch_class=touch_class, houses=HOUSE)
    stops = [one.tone for one in found if one.stops]
    expected = {TouchClass.RELATIONSHIP, TouchClass.RESEARCH, TouchClass.CONTENT}
    assert stops == ([Tone.NO_NAME_BELOW] if touch_class in expected else [])


@given(
    st.sampled_from(["Dana Frey", "Li Wei", "Ana-Maria da Silva", "Björn Ødegård", "O’Neil Shay"]), st.text(max_size=80)
)
def test_whatever_is_said_the_signer_on_the_last_line_signs_it(name: str, said: str) -> None:
    text = f"Hello,\n\n{said.replace('-- ', '')}\n\nsomething more is said here.\n\n{name}\nOak Street Gym"
    assert tone.is_signed(text.replace("\n--\n", "\n"), signer=name, houses=HOUSE)
