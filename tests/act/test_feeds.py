"""What they published, read from bytes: every entry once, plain words, and nothing that grows or runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import feeds
from rekindle.errors import BadInput


def rss(items: str, head: str = "") -> bytes:
    text = f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>Ana</title>{items}</channel></rss>'
    return text.encode()


def item(number: str = "1", *, title: str = "A new shop", link: str = "https://ana.example/1", day: str = "") -> str:
    when = f"<pubDate>{day}</pubDate>" if day else ""
    return f"<item><guid>{number}</guid><title>{title}</title><link>{link}</link>{when}</item>"


def test_an_entry_has_its_words_its_address_and_its_instant_in_utc() -> None:
    [entry] = feeds.read(rss(item(day="Mon, 02 Mar 2026 10:00:00 +0200")))
    assert (entry.title, entry.url) == ("A new shop", "https://ana.example/1")
    assert entry.published_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert len(entry.number) == 64


def test_atom_is_read_as_well() -> None:
    [entry] = feeds.read(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><id>x</id><title>Won</title>'
        b'<link href="https://ana.example/w"/><updated>2026-03-02T10:00:00Z</updated></entry></feed>'
    )
    assert (entry.title, entry.published_at) == ("Won", datetime(2026, 3, 2, 10, tzinfo=UTC))


def test_no_day_is_not_known_and_never_today() -> None:
    assert feeds.read(rss(item()))[0].published_at is None
    assert feeds.read(rss(item(day="some day")))[0].published_at is None


def test_the_same_number_twice_is_one_entry_and_it_stays_the_same() -> None:
    first = feeds.read(rss(item("1") + item("1", title="Again") + item("2")))
    assert [one.title for one in first] == ["A new shop", "A new shop"]
    assert feeds.read(rss(item("1", title="Changed")))[0].number == first[0].number


def test_what_has_neither_id_nor_link_is_left_out() -> None:
    assert feeds.read(rss("<item><title>x</title></item>")) == []


def test_two_hundred_entries_are_read_and_not_one_more() -> None:
    assert len(feeds.read(rss("".join(item(str(n)) for n in range(201))))) == 200


@pytest.mark.parametrize(
    "markup", ["&lt;b&gt;Hi&lt;/b&gt;", "&amp;lt;b&amp;gt;Hi", "<![CDATA[<script>x()</script>Hi]]>"]
)
def test_a_title_is_plain_words(markup: str) -> None:
    assert feeds.read(rss(item(title=markup)))[0].title == "Hi"


def test_a_long_title_is_cut_at_what_the_books_hold() -> None:
    assert len(feeds.read(rss(item(title="x" * 900)))[0].title) == 300


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "https://a:b@c.example/", "https://c.example/" + "x" * 500]
)
def test_an_address_that_is_not_of_the_web_is_left_out(link: str) -> None:
    assert feeds.read(rss(item(link=link)))[0].url == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_its_own_are_refused(encoding: str) -> None:
    bomb = rss(item(title="&b;"), '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>').decode()
    with pytest.raises(BadInput, match="entities"):
        feeds.read(bomb.encode(encoding))


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"/etc/passwd", b"https://ana.example/feed", b"<html><p>Hi</p></html>"]
)
def test_what_is_no_feed_gets_a_sentence(body: bytes) -> None:
    with pytest.raises(BadInput, match="neither RSS nor Atom"):
        feeds.read(body)


def test_more_than_two_megabytes_are_refused() -> None:
    with pytest.raises(BadInput, match="longer than 2 MB"):
        feeds.read(b" " * (feeds.MOST_BYTES + 1))


@given(st.binary(max_size=400))
def test_no_bytes_bring_it_down(noise: bytes) -> None:
    for body in (noise, rss(item()).replace(b"A new shop", noise)):
        try:
            found = feeds.read(body)
        except BadInput:
            continue
        assert all(len(one.title) <= 300 and len(one.number) == 64 for one in found)
