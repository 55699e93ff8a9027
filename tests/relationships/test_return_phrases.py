"""A wish to come back is read only where it stands, and never where it is denied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.relationships.return_phrases import DENIALS, MATCHES, PHRASES, wish_to_return
from rekindle.relationships.safe_return import BY_CODE, ITEMS, WITH_COMPANIONS


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello! I'd like to come back.", "en"),
        ("I\u2019d like to come back", "en"),
        ("She says she WOULD LIKE to come   back in May", "en"),
        ("The bill was wrong. Can I rejoin?", "en"),
        ("Ich möchte zurückkommen, geht das?", "de"),
        ("Darf ich zurückkommen", "de"),
        ("ICH MÖCHTE ZURÜCKKOMMEN!", "de"),
        ("Ich würde gern wieder Mitglied werden.", "de"),
    ],
)
def test_it_hears_a_wish(text: str, language: str) -> None:
    phrase = wish_to_return(text)
    assert phrase is not None
    assert phrase.language == language
    assert phrase.text in PHRASES[language]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I do not want to come back.",
        "I don't think I would like to come back",
        "I never said I'd like to come back",
        "Ich möchte nicht zurückkommen.",
        "Nie wieder anmelden!",
        "please call me back",
        "the return of my parcel",
        "I rejoin them",
    ],
)
def test_it_hears_no_wish_where_none_is(text: str) -> None:
    assert wish_to_return(text) is None


def test_it_quotes_the_sentence_as_it_was_written() -> None:
    phrase = wish_to_return("Thank you. Yes,  I want to come back in May! Bye.")
    assert phrase is not None
    assert phrase.sentence == "Yes, I want to come back in May"


PAIRS = [(language, phrase) for language, phrases in PHRASES.items() for phrase in phrases]


@given(st.sampled_from(PAIRS), st.sampled_from([word for word in DENIALS if word.isalpha()]))
def test_every_phrase_is_heard_and_every_denial_silences_it(pair: tuple[str, str], denial: str) -> None:
    _, phrase = pair
    assert wish_to_return(f"well, {phrase}") is not None
    assert wish_to_return(f"{denial} {phrase}") is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    wish_to_return(text)


def test_every_item_has_its_own_code_and_says_why() -> None:
    assert len(BY_CODE) == len(ITEMS) + 1 == 10
    assert all(item.text and item.why for item in (*ITEMS, WITH_COMPANIONS))
    assert {code for code, match in MATCHES.items() if not match.is_strong} == {
        "name_and_country", "phone_in_another_form",
    }  # fmt: skip
