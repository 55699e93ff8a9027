"""What stands at a public address, read once, and never from a place inside our own walls.

1. the address is read and every address behind its name is looked at, as for a word of ours (`channels.webhook`);
2. it is asked whether anything is new since the last time: where nothing is, nothing is sent to us;
3. a redirect is followed three times at most, and looked at each time like the first address;
4. at most 2 MB are read, unpacked by nobody, and all of it, redirects included, has one deadline.

Source: RFC 9110 (13.1 conditional requests, 15.4 redirects); OWASP ASVS 5.0, 1.3.6 and 13.2.4.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

from rekindle.act.channels.webhook import NotReached, Place, Resolve, Walls, asked, broken, left, reach, read
from rekindle.errors import BadInput

MOST_BYTES: Final = 2 * 1024 * 1024
MOST_REDIRECTS: Final = 3
PATIENCE: Final = 10.0  # seconds for all of it
LONGEST_ETAG: Final = 200  # the columns of the books; a longer one is not kept, and the next reading is a whole one
LONGEST_DAY: Final = 80

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_WANTED: Final = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"


@dataclass(frozen=True)
class Fetched:
    """What stood there, and what to ask with the next time; empty where the other side names neither."""

    body: bytes
    etag: str
    last_modified: str


@dataclass(frozen=True)
class NotModified:
    """Nothing is new since the last time."""


@dataclass(frozen=True)
class NotFetched:
    """Nothing was read; why, in one line. is_gone: the other side says that it is gone for good."""

    why: str
    is_gone: bool = False


@dataclass(frozen=True)
class _Moved:
    to: str


def get(
    url: str,
    *,
    etag: str = "",
    last_modified: str = "",
    walls: Walls,
    context: ssl.SSLContext | None = None,
    resolve: Resolve | None = None,
    seconds: float = PATIENCE,
) -> Fetched | NotModified | NotFetched:
    """Read it once. Never raises for what the address or the other side is.

    etag, last_modified  as the last `Fetched` gave them; empty asks for all of it
    context              how certificates are looked at; None: as this machine trusts them
    """
    until = time.monotonic() + seconds
    headers = {"User-Agent": "Rekindle", "Accept": _WANTED, "Accept-Encoding": "identity"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": last_modified} if last_modified else {}
    context = context or ssl.create_default_context()
    for _ in range(MOST_REDIRECTS + 1):
        try:
            place = read(url)
        except BadInput as error:
            return NotFetched(f"the address cannot be opened: {error.what.partition(': ')[2] or error.what}")
        line = reach(place, walls=walls, context=context, resolve=resolve, seconds=seconds, until=until)
        if isinstance(line, NotReached):
            return NotFetched(line.why)
        with line:
            try:
                got = _said(line, place, headers, until=until)
            except http.client.HTTPException:
                return NotFetched("what came was not an answer of HTTP")
            except (OSError, ValueError) as error:
                return NotFetched(broken(error, seconds=seconds).why)
        if not isinstance(got, _Moved):
            return got
        url = urldefrag(urljoin(url, got.to)).url
    return NotFetched(f"it sent us on more than {MOST_REDIRECTS} times")


def _said(
    line: ssl.SSLSocket, place: Place, headers: dict[str, str], *, until: float
) -> Fetched | NotModified | NotFetched | _Moved:
    line.settimeout(left(until))
    line.sendall(asked("GET", place, headers))
    answer = http.client.HTTPResponse(_Reader(line, until), method="GET")  # type: ignore[arg-type]
    answer.begin()
    if answer.status in _REDIRECTS:
        to = answer.headers.get("Location", "")
        return _Moved(to) if _PLAIN.fullmatch(to) and to else NotFetched(f"it answered {answer.status} and not where")
    if answer.status == 304 and ("If-None-Match" in headers or "If-Modified-Since" in headers):
        return NotModified()
    if answer.status != 200:
        return NotFetched(f"it answered {answer.status}", is_gone=answer.status == 410)
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return NotFetched("it came packed, which was not asked for")
    body = answer.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return NotFetched(f"it is longer than {MOST_BYTES // 1024 // 1024} MB")
    if answer.length:
        return NotFetched("the line broke before the end of it")
    return Fetched(
        body, _kept(answer.headers.get("ETag"), LONGEST_ETAG), _kept(answer.headers.get("Last-Modified"), LONGEST_DAY)
    )


def _kept(value: str | None, longest: int) -> str:
    """A header that may be said back as it came, or nothing."""
    value = (value or "").strip()
    return value if len(value) <= longest and _PLAIN.fullmatch(value) else ""


class _Reader(io.RawIOBase):
    """A line that is read against one deadline, however slowly it drips. It looks like a socket to `http.client`."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line, self._until = line, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(left(self._until))
        return self._line.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)
