"""A message as other programs read it: nothing broken, whatever stands in it."""

from __future__ import annotations

import dataclasses
import email
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act.envelope import Envelope, wire
from rekindle.errors import BadInput

LINK = f"<https://oak.example/stop/{'x' * 300}>"
LETTER = Envelope(
    "<abc@oak.example>", "Dana Frey", "dana@oak.example", "cleo@example.org", "A word of thanks", "Thank you.\n",
    datetime(2026, 3, 12, 12, 0, tzinfo=UTC), headers={"List-Unsubscribe": LINK},
)  # fmt: skip
PRINTED = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=120)


def read(letter: Envelope) -> EmailMessage:
    found = email.message_from_bytes(wire(letter), policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_long_link_stays_a_link() -> None:
    assert f"List-Unsubscribe: {LINK}\r\n".encode() in wire(LETTER)


def test_a_long_message_id_stays_one() -> None:
    number = f"<{'a' * 100}@oak.example>"
    assert f"Message-ID: {number}\r\n".encode() in wire(dataclasses.replace(LETTER, message_id=number))


@given(PRINTED)
def test_any_subject_is_read_as_it_was_written_in_short_lines(subject: str) -> None:
    letter = dataclasses.replace(LETTER, subject=subject)
    assert read(letter)["Subject"].split() == subject.split()
    assert all(len(line) <= 998 for line in wire(letter).split(b"\r\n"))
    assert wire(letter).isascii()


@given(PRINTED)
def test_any_name_of_ours_is_read_as_it_was_written(name: str) -> None:
    letter = email.message_from_bytes(wire(dataclasses.replace(LETTER, sender_name=name)))
    shown, address = parseaddr(letter["From"])
    assert address == "dana@oak.example"
    assert str(make_header(decode_header(shown))).split() == name.split()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=300))
def test_any_words_are_read_as_they_were_written(text: str) -> None:
    found = read(dataclasses.replace(LETTER, text=text, html=f"<p>{text}</p>"))
    plain = found.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_letters_of_other_scripts_in_an_address_go_as_they_are() -> None:
    assert "To: jörg@xn--exmple-cua.org\r\n".encode() in wire(dataclasses.replace(LETTER, recipient="jörg@exämple.org"))


@pytest.mark.parametrize("bad", ["one\r\nBcc: x@example.org", "one\x00", "one\ntwo"])
def test_a_header_that_would_break_out_is_refused(bad: str) -> None:
    for letter in (
        dataclasses.replace(LETTER, subject=bad), dataclasses.replace(LETTER, sender_name=bad),
        dataclasses.replace(LETTER, message_id=bad), dataclasses.replace(LETTER, headers={"X-A": bad}),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            wire(letter)
