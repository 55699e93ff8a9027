"""How often a public page may be posted to: token buckets in a small file a limit, the same for every process.

A bucket holds so many tokens and fills again by the minute; a post takes one, and an empty bucket says wait. Two
buckets: one a link, so that a link passed on does no harm; one an address, so that nobody floods us through many
links. Hearing nothing more is never held up by the address: the mail services of the world press that button for many
people from few addresses. There, only links that open nothing are counted.

A file has a fixed number of slots of 16 bytes, found by a keyed hash, so it never grows and nobody can aim at a
slot; two keys that share one share their limit. A slot is read and written under a lock of the operating system, so
two posts at once never take the same token. Where the file cannot be written, counting raises, and the page answers
with an error: closed, not open.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import ipaddress
import os
import struct
import time
from dataclasses import dataclass
from typing import Final

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from rekindle import home

SLOTS: Final = 65_536
_SLOT: Final = struct.Struct("<dd")


@dataclass(frozen=True)
class Limit:
    """A bucket of `burst` tokens that gets `per_minute` new ones. Our choice; docs/preferences.md lists them."""

    name: str
    burst: int
    per_minute: float


LINK: Final = Limit("link", burst=20, per_minute=4)
ADDRESS: Final = Limit("address", burst=60, per_minute=20)


def may(limit: Limit, key: str, *, now: float | None = None) -> bool:
    """Take one token from that key's bucket; False where it is empty.

    now  seconds of the clock, for tests; a clock set back gives nothing and takes nothing
    """
    at = time.time() if now is None else now
    place = _slot(key) * _SLOT.size
    folder = home.prepare() / "attempts"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / f"{limit.name}.buckets", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, or its process dies
        held = os.pread(file, _SLOT.size, place)
        spent, since = _SLOT.unpack(held) if len(held) == _SLOT.size else (0.0, at)
        # What is kept is what was spent, so that an empty slot is a full bucket.
        spent = max(0.0, spent - max(0.0, at - since) / 60 * limit.per_minute)
        if spent + 1 > limit.burst:
            return False
        os.pwrite(file, _SLOT.pack(spent + 1, max(at, since)), place)
        return True
    finally:
        os.close(file)


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as far as our own proxies vouch for it: what a client claims is not believed.

    An IPv6 address counts as its /64, which one household has to itself.
    """
    told = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    if isinstance(told, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((told, 64), strict=False))
    return str(told)


def _slot(key: str) -> int:
    digest = hmac.digest(home.key("buckets").encode(), key.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % SLOTS
