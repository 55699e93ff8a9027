"""How long a text message may be, and which number takes one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import text_message
from rekindle.errors import BadInput

PLAIN = "abcäöüß 1?\nÅΩ"
TWO = "€{}[]\\~^|"
WIDE = "“„—čŁя"
BEYOND = "🙂"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 0), ("a", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("a" * 459, 3),
        ("a" * 460, 4), ("€" * 80, 1), ("€" * 81, 2), ("a" * 159 + "€", 2),
        ("—" * 70, 1), ("—" * 71, 2), ("—" * 134, 2), ("—" * 135, 3), ("a" * 200 + "—", 3), ("🙂" * 35, 1),
        ("🙂" * 36, 2),
    ],
)  # fmt: skip
def test_it_goes_in_so_many_parts(text: str, parts: int) -> None:
    assert text_message.parts(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 66 + "🙂" + "—" * 65, 2),
        ("a" * 66 + "🙂" + "—" * 66, 3),
    ],
)
def test_a_letter_of_two_places_is_never_cut_in_two(text: str, parts: int) -> None:
    assert text_message.parts(text) == parts


def plainly(text: str) -> int:
    """The same by packing one letter after another, as a phone would."""
    wide = any(letter in WIDE + BEYOND for letter in text)
    whole, room = (70, 67) if wide else (160, 153)
    sizes = [2 if letter in BEYOND or (letter in TWO and not wide) else 1 for letter in text]
    if sum(sizes) <= whole:
        return 1 if sizes else 0
    packed: list[list[int]] = [[]]
    for size in sizes:
        if sum(packed[-1]) + size > room:
            packed.append([])
        packed[-1].append(size)
    return len(packed)


@given(st.text(alphabet=PLAIN + TWO, max_size=600) | st.text(alphabet=PLAIN + TWO + WIDE + BEYOND, max_size=300))
def test_it_agrees_with_packing_letter_by_letter(text: str) -> None:
    assert text_message.parts(text) == plainly(text)


@given(st.text(alphabet=PLAIN + TWO + WIDE + BEYOND, min_size=1, max_size=700))
def test_what_is_let_through_fits_into_three_parts(text: str) -> None:
    try:
        said = text_message.check(text)
    except BadInput:
        assert not text.strip() or plainly(text) > 3
    else:
        assert 1 <= said <= 3
        assert said == plainly(text)


def test_too_long_a_one_says_how_long_it_may_be() -> None:
    with pytest.raises(BadInput, match="460 letters would go in 4 parts") as told:
        text_message.check("a" * 460)
    assert "up to 459 letters" in told.value.remedy


def test_a_letter_that_makes_it_short_is_named() -> None:
    with pytest.raises(BadInput, match="would go in 4 parts") as told:
        text_message.check("a" * 201 + "—")
    assert "up to 201 letters" in told.value.remedy
    assert "—" in told.value.remedy


@pytest.mark.parametrize("text", ["", " \n ", "a\x00b", "a\tb", "a\rb", "a\x7fb", "a\x85b", "a\ud800b"])
def test_no_words_and_controls_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        text_message.check(text)


@pytest.mark.parametrize(
    ("text", "plainly"),
    [
        ("Seán Ó Murchú", "Sean O Murchu"), ("Čapek, Łukasz, Đorđe", "Capek, Lukasz, Dorde"),
        ("José Muñoz", "José Muñoz"),
        ("“So” – he’s…", '"So" - he\'s...'), ("Юрий 🙂", "Юрий 🙂"), ("Zoë, Käthe, Ærø €", "Zoe, Käthe, Ærø €"),
    ],
)  # fmt: skip
def test_a_letter_outside_the_alphabet_has_a_nearest_one_or_stays(text: str, plainly: str) -> None:
    assert text_message.plain(text) == plainly
    assert text_message.plain(plainly) == plainly


def test_its_first_words_name_it() -> None:
    assert text_message.opening("Hello Ana,\nall is well.") == "Hello Ana, all is well."
    long = text_message.opening("Hello Ana, " + "we have not seen you for a while " * 3)
    assert long.endswith("…")
    assert len(long) <= 60
    assert len(text_message.opening("x" * 100)) == 60


@pytest.mark.parametrize(
    ("number", "takes"),
    [
        ("+4915112345678", True), ("+12025550123", True), ("+447700900003", True),  # mobile, either, nobody can tell
        ("+442079460000", False), ("+4930123456", False),  # fixed lines
        ("+448001111111", False), ("+449012345678", False),  # free, premium
        ("07700900003", False), ("+44 7700 900003", False), ("", False), ("+0441234567", False),
        ("+999123456789", False),
    ],
)  # fmt: skip
def test_a_text_message_goes_to_numbers_that_take_one(number: str, takes: bool) -> None:
    assert text_message.takes_texts(number) is takes
