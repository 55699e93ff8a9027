"""A word to another system goes where it was meant to go, and nowhere inside our walls."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listener import Listener, http, listening

from rekindle.act.channels import webhook
from rekindle.act.channels.webhook import Answered, NotReached, Walls
from rekindle.errors import BadInput

OURS = Walls(inside=webhook.networks("127.0.0.0/8"))


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path / "tls") as one:
        yield one


def say(to: Listener, *, host: str = "localhost", walls: Walls = OURS, seconds: float = 5.0, path: str = "/in?a=1",
        trusted: ssl.SSLContext | None = None, found: list[str] | None = None) -> Answered | NotReached:  # fmt: skip
    return webhook.post(
        webhook.read(f"https://{host}:{to.port}{path}"), b'{"a":1}', headers={"X-One": "1"}, walls=walls,
        context=trusted or to.context, seconds=seconds, resolve=lambda host, port: found or ["127.0.0.1"],
    )  # fmt: skip


def test_it_is_said_once_under_the_name_that_was_asked_for(theirs: Listener) -> None:
    assert say(theirs) == Answered(200)
    assert theirs.bodies() == [b'{"a":1}']
    head = theirs.heads()[0].split("\r\n")
    assert head[0] == "POST /in?a=1 HTTP/1.1"
    assert f"Host: localhost:{theirs.port}" in head
    assert "X-One: 1" in head


def test_the_name_is_looked_up_once_and_the_line_goes_to_the_number_that_was_looked_at(theirs: Listener) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    place = webhook.read(f"https://localhost:{theirs.port}/")
    got = webhook.post(place, b"", headers={}, walls=OURS, context=theirs.context, resolve=rebinding)
    assert (got, asked) == (Answered(200), ["localhost"])


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
     "255.255.255.255", "224.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1",
     "::127.0.0.1", "::8.8.8.8", "2001:db8::1", "fe80::1%eth0"],
)  # fmt: skip
def test_no_place_inside_our_walls_is_opened(theirs: Listener, ip: str) -> None:
    walls = Walls(ports=frozenset({theirs.port}))
    got = say(theirs, walls=walls, found=[ip])
    assert isinstance(got, NotReached)
    assert got.is_forbidden
    assert "open internet" in got.why
    assert theirs.said == []


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_place_of_the_open_internet_may_be_opened(ip: str) -> None:
    assert Walls().why_not(ipaddress.ip_address(ip), 443) == ""


@given(st.integers(0, 2**32 - 1))
def test_a_number_inside_another_is_looked_at(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    assert webhook.is_open_internet(nat64) == webhook.is_open_internet(plain)
    assert not webhook.is_open_internet(ipaddress.ip_address(f"::ffff:{plain}"))
    assert not webhook.is_open_internet(ipaddress.ip_address(f"::{plain}"))


def test_a_name_that_is_half_inside_is_not_opened_at_all(theirs: Listener) -> None:
    got = say(theirs, walls=Walls(ports=frozenset({theirs.port})), found=["8.8.8.8", "10.0.0.1"])
    assert isinstance(got, NotReached)
    assert got.is_forbidden


def test_other_ports_are_closed_but_in_a_network_that_was_named() -> None:
    out, within = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("10.1.2.3")
    assert "port 22" in Walls().why_not(out, 22)
    assert Walls().why_not(out, 8443) == ""
    assert Walls(inside=webhook.networks("10.1.0.0/16")).why_not(within, 9000) == ""
    assert "open internet" in Walls(inside=webhook.networks("10.2.0.0/16")).why_not(within, 443)


@pytest.mark.parametrize(
    ("url", "why"),
    [("http://shop.example/", "not https"), ("ftp://shop.example/", "not https"), ("", "not https"),
     ("https://a:b@shop.example/", "password"), ("https://shop.example@10.0.0.1/", "password"),
     ("https://2130706433/", "hides a number"), ("https://0177.0.0.1/", "hides a number"),
     ("https://0x7f.1/", "hides a number"), ("https://127.1/", "hides a number"),
     ("https://0x7f000001/", "hides a number"), ("https:///path", "its name"), ("https://[::1%25eth0]/", "its name"),
     ("https://shop.example/\r\nX: 1", "odd letter"), ("https://shop.example/a b", "odd letter"),
     ("https://shöp.example/", "odd letter"), ("https://shop.example\\@10.0.0.1/", "odd letter"),
     ("https://shop.example:99999/", "read"), ("https://shop.example/#x", "#")],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_with_its_reason(url: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        webhook.read(url)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    try:
        place = webhook.read(f"https://{text}")
    except BadInput:
        return
    assert place.host
    assert "\r" not in place.target


def test_a_redirect_is_an_answer_and_is_not_followed(theirs: Listener) -> None:
    theirs.answer = lambda said: http(302, b"", "Location: https://127.0.0.1/inside")
    assert say(theirs) == Answered(302)
    assert len(theirs.said) == 1


def test_what_is_said_on_the_way_is_passed_over(theirs: Listener) -> None:
    theirs.answer = lambda said: b"HTTP/1.1 100 Continue\r\n\r\n" + http(204)
    assert say(theirs) == Answered(204)


@pytest.mark.parametrize(
    "answer", [b"", b"no such thing\r\n", b"HTTP/1.1 9999 x\r\n", b"HTTP/2 200\r\n", b"\x00" * 70_000]
)
def test_no_answer_is_not_taken_for_one(theirs: Listener, answer: bytes) -> None:
    theirs.answer = lambda said: answer
    assert isinstance(say(theirs), NotReached)


def test_who_never_answers_is_left_in_time(theirs: Listener) -> None:
    theirs.answer = lambda said: None
    before = time.monotonic()
    got = say(theirs, seconds=0.3)
    assert isinstance(got, NotReached)
    assert "no answer within 0.3 seconds" in got.why
    assert time.monotonic() - before < 3


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(theirs: Listener) -> None:
    got = say(theirs, trusted=ssl.create_default_context())
    assert isinstance(got, NotReached)
    assert "certificate" in got.why
    assert theirs.said == []


def test_a_certificate_for_another_name_is_not_trusted(theirs: Listener) -> None:
    got = say(theirs, host="shop.example")
    assert isinstance(got, NotReached)
    assert "certificate" in got.why


def test_a_name_nobody_knows_is_said_so(theirs: Listener) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    got = webhook.post(webhook.read("https://shop.example/"), b"", headers={}, walls=Walls(), resolve=unknown)
    assert got == NotReached("nobody knows where shop.example is")


def test_networks_are_read_or_named() -> None:
    assert [str(one) for one in webhook.networks(" 10.1.0.0/16, 192.168.7.4 ,")] == ["10.1.0.0/16", "192.168.7.4/32"]
    with pytest.raises(BadInput, match="'lan' is no network"):
        webhook.networks("10.0.0.0/8,lan")
