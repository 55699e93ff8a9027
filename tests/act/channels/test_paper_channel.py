"""Letters and cards as PDF: words are data, what cannot be drawn is named, the same pile is the same bytes."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.act.channels import paper
from rekindle.act.channels.paper import FOOT, Form, Piece, Sheet
from rekindle.errors import BadInput

AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
ONE = Piece(
    Form.LETTER, Sheet.A4, "Ana Müller\nHauptstraße 1\n10115 Berlin", "Twelve years",
    f"Hello Ana,\n\nthank you.\n\nDana Frey\nOak Street Gym{FOOT}Nothing more: https://x.example/{'ab' * 60}\n",
    on="12 March 2026", house="Oak Street Gym\n1 Oak Street, London",
)  # fmt: skip

MARKS = "#*_$`@<>[]{}()\\/\"'=-+~;:.,!?&%^| "


def pages(pdf: bytes) -> list[tuple[int, int]]:
    """The size of each page in points, also of those kept in compressed objects."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = [pdf]
    for stream in streams:
        try:
            opened.append(zlib.decompress(stream))
        except zlib.error:
            continue
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", b"".join(opened))
    return [(round(float(wide)), round(float(high))) for wide, high in boxes]


def pile(*pieces: Piece) -> bytes:
    return paper.pile(pieces, title="1", at=AT)


def test_a_letter_is_one_page_of_its_countrys_paper_and_a_card_one_sheet_of_two_sides() -> None:
    assert pages(pile(ONE)) == [(595, 842)]
    assert pages(pile(replace(ONE, sheet=Sheet.US))) == [(612, 792)]
    assert pages(pile(replace(ONE, form=Form.CARD))) == [(595, 420), (595, 420)]
    assert pages(pile(replace(ONE, form=Form.CARD, sheet=Sheet.US))) == [(720, 504), (720, 504)]


def test_the_same_pile_is_the_same_bytes_and_every_piece_is_in_it() -> None:
    three = (ONE, replace(ONE, form=Form.CARD), replace(ONE, front="Another"))
    assert pile(*three) == pile(*three)
    assert len(pages(pile(*three))) == 4


def test_a_long_letter_goes_on_on_the_next_page() -> None:
    long = "\n\n".join(["A paragraph that says a little more than nothing, again."] * 80)
    assert len(pages(pile(replace(ONE, text=long)))) > 1


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from(MARKS + "\nabcimportevalreadüЖα"), min_size=1, max_size=200))
def test_whatever_somebody_writes_is_words_and_never_a_program(words: str) -> None:
    said = replace(ONE, text=words, front=words.replace("\n", " "), address=words, house=words)
    assert pile(said, replace(said, form=Form.CARD)).startswith(b"%PDF")


def test_a_file_of_this_machine_cannot_be_read_by_words() -> None:
    trick = '#read("/etc/hostname") #include "pile.typ" #sys.inputs'
    assert len(pages(pile(replace(ONE, text=trick)))) == 1


def test_letters_of_many_tongues_are_drawn_and_those_that_are_not_are_named() -> None:
    assert paper.undrawable("Grüße, Ελλάδα, Привіт, Łódź, Đặng, Þór, ₴ € — “so”") == ()
    assert paper.undrawable("Ana 王小明 🎂 王") == ("王", "小", "明", "🎂")
    with pytest.raises(BadInput, match="cannot draw 王 小 明"):
        pile(replace(ONE, address="王小明\nHauptstraße 1\n10115 Berlin"))


def test_a_name_written_with_loose_accents_is_drawn_composed() -> None:
    assert paper.undrawable("Zoe\u0308 A\u030angstro\u0308m") == ()


def test_a_card_is_short_and_what_does_not_fit_is_a_letter() -> None:
    assert paper.form_of("Short words.\n\nDana") is Form.CARD
    assert paper.form_of("x" * 420) is Form.CARD
    assert paper.form_of("x" * 421) is Form.LETTER
    assert paper.form_of("x" + FOOT + "y" * 5000) is Form.CARD


def test_a_card_as_long_as_a_card_may_be_stays_on_its_two_sides() -> None:
    words = ("w" * 6 + " ") * 50 + "\n\nDana Frey\nOak Street Gym"
    assert paper.form_of(words) is Form.CARD
    for sheet in Sheet:
        assert len(pages(pile(replace(ONE, form=Form.CARD, text=words, sheet=sheet)))) == 2


@pytest.mark.parametrize(("sheet", "a_page"), [(Sheet.A4, 24), (Sheet.US, 30)])
def test_labels_fill_their_sheet_and_the_list_follows(sheet: Sheet, a_page: int) -> None:
    def sheets(n: int) -> int:
        rows = [("Ana Weber\n1 Oak Street\nLondon", "Twelve years")] * n
        return len(pages(paper.addresses(rows, sheet=sheet, title="Pile", names="To", about="About", at=AT)))

    assert sheets(1) == 2
    assert sheets(a_page + 1) - sheets(a_page) == 1


def test_an_empty_pile_and_one_too_large_are_refused() -> None:
    with pytest.raises(BadInput, match="0 letters"):
        pile()
    with pytest.raises(BadInput, match="501 letters"):
        pile(*[ONE] * 501)
