"""The buckets: so many at once, so many a minute, shared by every process, nobody's word believed about an address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from rekindle.web import rate
from rekindle.web.rate import Limit, address_of, may

SMALL = Limit("small", burst=3, per_minute=6)


@pytest.fixture(autouse=True)
def _own_home(home: Any) -> None:
    """Buckets of their own for each test."""


def test_a_bucket_holds_so_many_and_fills_by_the_minute() -> None:
    assert [may(SMALL, "ana", now=1_000.0) for _ in range(4)] == [True, True, True, False]
    assert not may(SMALL, "ana", now=1_009.9)
    assert may(SMALL, "ana", now=1_010.1)
    assert not may(SMALL, "ana", now=1_010.2)
    assert [may(SMALL, "ana", now=9_000.0) for _ in range(4)] == [True, True, True, False]


def test_keys_and_limits_are_apart() -> None:
    for _ in range(3):
        assert may(SMALL, "ana", now=1.0)
    assert may(SMALL, "ben", now=1.0)
    assert may(Limit("other", burst=1, per_minute=1), "ana", now=1.0)


def test_a_clock_set_back_gives_nothing() -> None:
    for _ in range(3):
        assert may(SMALL, "ana", now=1_000.0)
    assert not may(SMALL, "ana", now=10.0)
    assert not may(SMALL, "ana", now=1_000.0)
    assert may(SMALL, "ana", now=1_011.0)


def test_many_at_once_never_take_the_same_token() -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: may(Limit("many", burst=50, per_minute=0.001), "ana", now=5.0), range(200)))
    assert sum(taken) == 50


def test_the_file_never_grows(home: Any) -> None:
    for n in range(200):
        may(SMALL, str(n), now=1.0)
    assert (home / "attempts" / "small.buckets").stat().st_size <= rate.SLOTS * 16


def test_a_store_that_cannot_be_written_stays_shut(home: Any) -> None:
    home.mkdir(parents=True)
    (home / "attempts").write_text("in the way")
    with pytest.raises(OSError):  # noqa: PT011  # which one depends on the system; that it raises is the point
        may(SMALL, "ana")


def test_an_address_is_what_our_own_proxies_say() -> None:
    ask = RequestFactory().post("/", headers={"x-forwarded-for": "6.6.6.6, 10.0.0.9"}, REMOTE_ADDR="192.0.2.1")
    assert address_of(ask) == "192.0.2.1"
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        assert address_of(ask) == "10.0.0.9"


def test_one_household_is_one_address() -> None:
    told = {address_of(RequestFactory().get("/", REMOTE_ADDR=f"2001:db8:1:2::{n}")) for n in range(1, 9)}
    assert told == {"2001:db8:1:2::/64"}
