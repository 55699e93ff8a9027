"""A public address is read once, to the end or not at all, and never from inside our walls."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from listener import Listener, http, listening

from rekindle.act import fetch
from rekindle.act.channels.webhook import Walls, networks
from rekindle.act.fetch import Fetched, NotFetched, NotModified

OURS = Walls(inside=networks("127.0.0.0/8"))


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path / "tls") as one:
        yield one


def get(
    of: Listener,
    path: str = "/feed",
    *,
    walls: Walls = OURS,
    find: Callable[[str], str] = lambda host: "127.0.0.1",
    etag: str = "",
    last_modified: str = "",
    seconds: float = 5.0,
) -> Fetched | NotModified | NotFetched:
    return fetch.get(
        f"https://localhost:{of.port}{path}", etag=etag, last_modified=last_modified, walls=walls,
        context=of.context, resolve=lambda host, port: [find(host)], seconds=seconds,
    )  # fmt: skip


def test_what_stands_there_comes_with_what_to_ask_next_time(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, b"<rss/>", 'ETag: "a1"', "Last-Modified: Mon, 02 Mar 2026 10:00:00 GMT")
    assert get(theirs) == Fetched(b"<rss/>", '"a1"', "Mon, 02 Mar 2026 10:00:00 GMT")
    head = theirs.heads()[0].split("\r\n")
    assert head[0] == "GET /feed HTTP/1.1"
    assert f"Host: localhost:{theirs.port}" in head
    assert not any(row.startswith(("If-", "Cookie", "Authorization")) for row in head)


def test_nothing_new_is_not_sent_again(theirs: Listener) -> None:
    theirs.answer = lambda said: http(304)
    assert get(theirs, etag='"a1"', last_modified="Mon, 02 Mar 2026 10:00:00 GMT") == NotModified()
    head = theirs.heads()[0].split("\r\n")
    assert 'If-None-Match: "a1"' in head
    assert "If-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT" in head


def test_nothing_new_without_a_question_is_a_fault(theirs: Listener) -> None:
    theirs.answer = lambda said: http(304)
    assert get(theirs) == NotFetched("it answered 304")


def test_pieces_are_put_together(theirs: Listener) -> None:
    head = b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n"
    theirs.answer = lambda said: head + b"3\r\n<rs\r\n3\r\ns/>\r\n0\r\n\r\n"
    assert get(theirs) == Fetched(b"<rss/>", "", "")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed(theirs: Listener, code: int) -> None:
    def answer(said: bytes) -> bytes:
        at = int(said.split(b" ")[1].rpartition(b"/")[2])
        return http(200, b"here") if at == 3 else http(code, b"", f"Location: /at/{at + 1}#part")

    theirs.answer = answer
    assert get(theirs, "/at/0") == Fetched(b"here", "", "")
    assert len(theirs.said) == 4


def test_a_fourth_redirect_is_not_followed(theirs: Listener) -> None:
    theirs.answer = lambda said: http(302, b"", "Location: /round")
    assert get(theirs) == NotFetched("it sent us on more than 3 times")
    assert len(theirs.said) == 4


@pytest.mark.parametrize(
    ("to", "why"),
    [("https://inside.example/", "not on the open internet"), ("http://localhost/", "not https"),
     ("https://2130706433/", "hides a number"), ("https://a:b@localhost/", "password"), ("file:///etc/passwd", "https"),
     ("https://outside.example:22/", "port 22")],
)  # fmt: skip
def test_a_redirect_is_looked_at_like_the_first_address(theirs: Listener, to: str, why: str) -> None:
    theirs.answer = lambda said: http(302, b"", f"Location: {to}")
    places = {"localhost": "127.0.0.1", "inside.example": "10.0.0.7", "outside.example": "8.8.8.8"}
    got = get(theirs, find=places.__getitem__)
    assert isinstance(got, NotFetched)
    assert why in got.why
    assert len(theirs.said) == 1


def test_a_redirect_to_nowhere_says_so(theirs: Listener) -> None:
    theirs.answer = lambda said: http(302)
    assert get(theirs) == NotFetched("it answered 302 and not where")


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_no_place_inside_our_walls_is_read(theirs: Listener, ip: str) -> None:
    got = get(theirs, walls=Walls(ports=frozenset({theirs.port})), find=lambda host: ip)
    assert isinstance(got, NotFetched)
    assert "open internet" in got.why
    assert theirs.said == []


def test_two_megabytes_are_read_and_not_one_byte_more(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, b"x" * fetch.MOST_BYTES)
    got = get(theirs)
    assert isinstance(got, Fetched)
    assert len(got.body) == fetch.MOST_BYTES
    theirs.answer = lambda said: http(200, b"x" * (fetch.MOST_BYTES + 1))
    assert get(theirs) == NotFetched("it is longer than 2 MB")


def test_half_of_it_is_not_taken_for_all_of_it(theirs: Listener) -> None:
    def cut(said: bytes) -> bytes:
        theirs.cut = 0  # and hangs up
        return b"HTTP/1.1 200 So\r\nContent-Length: 400\r\n\r\n<rss>"

    theirs.answer = cut
    assert get(theirs) == NotFetched("the line broke before the end of it")


def test_what_comes_packed_is_left(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, gzip.compress(b"<rss/>"), "Content-Encoding: gzip")
    assert get(theirs) == NotFetched("it came packed, which was not asked for")


@pytest.mark.parametrize("code", [403, 404, 410, 500])
def test_what_it_answered_is_told(theirs: Listener, code: int) -> None:
    theirs.answer = lambda said: http(code)
    assert get(theirs) == NotFetched(f"it answered {code}", is_gone=code == 410)


@pytest.mark.parametrize("answer", [b"", b"no such thing\r\n\r\n", b"HTTP/1.1 9999 x\r\n\r\n", b"\x00" * 70_000])
def test_no_answer_is_not_taken_for_one(theirs: Listener, answer: bytes) -> None:
    theirs.answer = lambda said: answer
    assert isinstance(get(theirs, seconds=2.0), NotFetched)


def test_who_never_answers_is_left_in_time(theirs: Listener) -> None:
    theirs.answer = lambda said: None
    before = time.monotonic()
    assert get(theirs, seconds=0.3) == NotFetched("no answer within 0.3 seconds")
    assert time.monotonic() - before < 3


def test_a_mark_that_cannot_be_said_back_is_not_kept(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, b"x", f'ETag: "{"a" * 300}"', "Last-Modified: M\x01n")
    assert get(theirs) == Fetched(b"x", "", "")
