"""Mails as strangers write them: what is read out of them, and that nothing in them breaks the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as of_properties
from hypothesis import strategies as st

from rekindle.act.inbound import replies
from rekindle.act.inbound.html_words import words_of
from rekindle.act.inbound.mail import Heard, read
from rekindle.act.inbound.reports import is_hard
from rekindle.act.inbound.scanners import Visit, judge

HEAD = "From: Ben <ben@example.org>\r\nTo: in@oak.example\r\nMessage-ID: <a@b.example>\r\n"


def said(body: str, *more: str, kind: str = "text/plain; charset=utf-8") -> str:
    head = HEAD + "".join(f"{line}\r\n" for line in more)
    return read(f"{head}Content-Type: {kind}\r\n\r\n{body}".encode()).words


@pytest.mark.parametrize(
    "quote",
    [
        "On Thu, 12 Mar 2026 at 10:00, Dana Frey <dana@oak.example> wrote:\n> Hello\n> there",
        "On Thu, 12 Mar 2026 at 10:00, Dana Frey\n<dana@oak.example>\nwrote:\n> Hello",
        "Am Do., 12. März 2026 um 10:00 Uhr schrieb Dana Frey <dana@oak.example>:\n> Hallo",
        "Am 12.03.2026 um 10:00 schrieb Dana Frey:\n>\n> Hallo",
        "Dana Frey <dana@oak.example> schrieb am Do. 12. März 2026 um 10:00:\n> Hallo",
        "-----Original Message-----\nFrom: Dana\nSubject: x\n\nHello",
        "-----Ursprüngliche Nachricht-----\nVon: Dana\n\nHallo",
        "________________________________\nFrom: Dana\nSent: x\nHello",
        "From: Dana Frey <dana@oak.example>\nSent: Thursday\nTo: Ben\nSubject: x\n\nHello",
        "Von: Dana Frey <dana@oak.example>\nGesendet: Donnerstag\nAn: Ben\nBetreff: x\n\nHallo",
        "> Hello\n> there",
        "-- \nBen Okafor\n+44 7700 900002",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
    ],
)
def test_quotes_and_signatures_go(quote: str) -> None:
    assert said(f"I was ill.\nBack in May.\n\n{quote}\n") == "I was ill.\nBack in May."


def test_an_answer_below_the_quote_is_found() -> None:
    assert (
        said("On Mon, Jan 5, 2026 Dana wrote:\n> How are you?\n\nFine, thank you.\n> Bye\n\nBen")
        == "Fine, thank you.\n\nBen"
    )


def test_plain_sentences_are_no_quote() -> None:
    text = "On Monday I wrote to you.\nFrom: here on I will be in Leeds.\nAm I still a member?"
    assert said(text) == text


def test_html_alone_is_read_without_its_quote_and_style() -> None:
    html = "<head><style>p{}</style></head><p>I was <b>ill</b>.</p><blockquote><p>Hello</p></blockquote>"
    assert said(html, kind="text/html") == "I was ill."


def test_text_goes_before_html_and_attachments_are_not_read() -> None:
    body = (
        '--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nattached\r\n'
        "--x\r\nContent-Type: text/html\r\n\r\n<p>markup</p>\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x--"
    )
    assert said(body, kind='multipart/mixed; boundary="x"') == "plain"


@pytest.mark.parametrize(
    "headers",
    [
        ("Auto-Submitted: auto-replied",),
        ("X-Autoreply: yes",),
        ("Precedence: auto_reply",),
        ("Subject: Out of office: back Monday", "X-Auto-Response-Suppress: All"),
        ("Subject: Abwesenheitsnotiz", "Precedence: bulk"),
        ("List-Id: <x.y>", "Precedence: list"),
    ],
)
def test_machines_are_told_apart(headers: tuple[str, ...]) -> None:
    raw = HEAD + "".join(f"{line}\r\n" for line in headers) + "\r\nI am away."
    assert read(raw.encode()).heard is Heard.AUTO_REPLY


@pytest.mark.parametrize(
    "headers",
    [("Auto-Submitted: no",), ("Subject: Out of office space?",), ("Precedence: bulk",), ("Subject: Urlaub",)],
)
def test_one_weak_sign_makes_no_machine(headers: tuple[str, ...]) -> None:
    raw = HEAD + "".join(f"{line}\r\n" for line in headers) + "\r\nHello."
    assert read(raw.encode()).heard is Heard.REPLY


@pytest.mark.parametrize("code", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_dead_addresses(code: str) -> None:
    assert is_hard(code)


@pytest.mark.parametrize("code", ["", "4.1.1", "5.1.7", "5.1.8", "5.2.2", "5.7.1", "5.1.11", "2.1.5", "15.1.1"])
def test_everything_else_is_not_dead(code: str) -> None:
    assert not is_hard(code)


def test_old_reports_without_fields_are_read() -> None:
    raw = (
        "From: MAILER-DAEMON@x.example\r\nTo: a@b.example\r\nX-Failed-Recipients: c@d.example\r\n\r\n550 5.1.1 unknown"
    )
    found = read(raw.encode())
    assert (found.heard, found.code) == (Heard.BOUNCED, "5.1.1")


def test_a_number_in_an_address_is_no_status() -> None:
    raw = "From: MAILER-DAEMON@x.example\r\nTo: a@b.example\r\n\r\nhost 10.5.1.1.example said no"
    assert read(raw.encode()).code == ""


@pytest.mark.parametrize("text", ["STOP", "stop.", "Please unsubscribe me, thanks", "Keine E-Mails mehr!", "Opt-out",
                                  "Don’t email me again", "Unsubscribe\n\nBen Okafor", "Bitte abmelden!"])  # fmt: skip
def test_whole_answers_that_say_stop(text: str) -> None:
    assert replies.asks_to_stop(text)


@pytest.mark.parametrize("text", ["", "Stop by tomorrow", "Please stop the music", "I cannot stop thinking of the pool",
                                  "Thanks", "stop " * 60, "Remove the sauna from my plan",
                                  "Stop\nbut do send me the bill for last month please"])  # fmt: skip
def test_answers_that_do_not(text: str) -> None:
    assert not replies.asks_to_stop(text)


def test_a_mail_passed_on_names_its_writer() -> None:
    found = replies.read(
        "fyi\n\nAnfang der weitergeleiteten Nachricht:\n\nVon: Ben <ben@Example.ORG>\nBetreff: x\n\nHi"
    )
    assert (found.words, found.passed_from, found.passed_words) == ("fyi", "ben@example.org", "Hi")


def test_the_same_mail_by_two_roads_has_one_number() -> None:
    tail = "Date: Thu, 12 Mar 2026 12:00:00 +0000\r\n\r\nHello"
    assert read((HEAD + tail).encode()).number == read(("Received: by x\r\n" + HEAD + tail).encode()).number
    assert read((HEAD + tail).encode()).number != read((HEAD.replace("<a@", "<b@") + tail).encode()).number


HOSTILE = [
    b"", b"\r\n", b"\x00" * 5000, b"From: " + b"<" * 50_000, b"To: " + b"a@b.c," * 50_000 + b"\r\n\r\n",
    b"From: a@b.example\r\n" + b"X: y\r\n" * 20_000 + b"\r\nhi",
    b"From: a@b.example\r\nContent-Type: text/plain; charset=unicode_escape\r\n\r\n\\ud800",
    b"From: a@b.example\r\nContent-Type: text/plain; charset=" + b"x" * 9000 + b"\r\n\r\nhi",
    b"From: =?utf-8?b?////?=\r\nSubject: =?x?q?=ff?=\r\nDate: 99 Foo 99999\r\n\r\nhi",
    b"From: a@b.example\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    b"From: a@b.example\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822",
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
    b"From: a@b.example\r\n\r\n" + b"On " * 100_000, b"From: a@b.example\r\n\r\n" + b"On a\n" * 100_000,
    b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + b"<blockquote>" * 50_000 + b"<![" * 999,
    b"From: a@b.example\r\nReferences: " + b"<a@b> " * 100_000 + b"\r\n\r\nhi",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_mails_are_read(number: int) -> None:
    found = read(HOSTILE[number])
    found.words.encode()
    assert len(found.words) <= replies.LONGEST_WORDS
    assert "\x00" not in found.words + found.subject
    assert len(found.number) == 64


@given(st.binary(max_size=3000))
@of_properties(max_examples=150)
def test_any_bytes_are_read(raw: bytes) -> None:
    found = read(HEAD.encode() + raw)
    assert isinstance(found.heard, Heard)
    found.words.encode()


@given(st.text(max_size=2000))
@of_properties(max_examples=100)
def test_any_text_is_read_and_never_grows(text: str) -> None:
    assert len(replies.read(text).words) <= max(len(text), 1)
    words_of(text)


@given(st.text(alphabet="abcdefg .,\n", min_size=1, max_size=300))
@of_properties(max_examples=100)
def test_words_without_quotes_stay(text: str) -> None:
    assert replies.read(text).words.split() == text.split()


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


def test_a_person_who_reads_is_no_machine() -> None:
    assert not judge(Visit("GET", BROWSER, "de-DE,de;q=0.9", 3_600.0)).is_machine
    assert not judge(Visit("GET", BROWSER, "de", 45.0)).is_machine
    assert not judge(Visit("GET", BROWSER, "de", None)).is_machine
    assert not judge(Visit("GET", BROWSER, "", 3_600.0)).is_machine


@pytest.mark.parametrize(
    "visit",
    [
        Visit("GET", BROWSER, "de", 9.9),
        Visit("HEAD", BROWSER, "de", 3_600.0),
        Visit("GET", "Barracuda Sentinel (EE)", "de", 3_600.0),
        Visit("GET", "python-requests/2.32", "", 3_600.0),
        Visit("GET", "", "", 3_600.0),
        Visit("GET", BROWSER, "", 30.0),
        Visit("GET", BROWSER, "de", 3_600.0, links_at_once=3),
    ],
)
def test_machines_are_known_and_say_why(visit: Visit) -> None:
    found = judge(visit)
    assert found.is_machine
    assert found.why


@given(st.text(max_size=300), st.text(max_size=50), st.floats(0, 1e7), st.integers(1, 50))
@of_properties(max_examples=100)
def test_a_score_is_a_chance(agent: str, languages: str, seconds: float, at_once: int) -> None:
    assert 0.0 <= judge(Visit("GET", agent, languages, seconds, at_once)).score <= 1.0
