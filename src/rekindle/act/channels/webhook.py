"""One signed word to an address that somebody of ours named, and never to a place inside our own walls.

1. the address is read strictly: https, the usual ports, no name and password in it, no disguised number for a name;
2. its name is resolved once; where any answer is not an address of the open internet, nothing is opened;
3. the line goes to the very address that was looked at, under the name that was asked for (SNI, Host, certificate);
4. no redirect is followed, nothing of the answer but its number is kept, and all of it has one deadline.

Source: OWASP ASVS 5.0, 1.3.6 and 13.2.4 (requests made by a server); RFC 6052 and 8215 (addresses of IPv4 inside IPv6).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from rekindle.errors import BadInput

PORTS: Final = frozenset({443, 8443})
PATIENCE: Final = 10.0  # seconds for all of it, the name included where the system lets us wait less
MOST_BYTES: Final = 65_536  # of the answer are read; more of it is nobody's business here
LONGEST_URL: Final = 500

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[str]]

_HOST: Final = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?"
)
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)$")
_TARGET: Final = re.compile(r"[\x21-\x7e]*")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True)
class Place:
    """An address, taken apart. host: a name, or a number in its plain form; target: path and question."""

    host: str
    port: int
    target: str


@dataclass(frozen=True)
class Answered:
    """The number that the other side answered with, 100 to 599."""

    code: int


@dataclass(frozen=True)
class NotReached:
    """No answer; why, in one line.

    is_forbidden  it is our own rule that keeps us from going there
    is_written    all of it had left us: they have it, or they have not
    """

    why: str
    is_forbidden: bool = False
    is_written: bool = False


@dataclass(frozen=True)
class Walls:
    """Where we may go. inside: networks of our own that somebody opened by name; there any port will do."""

    inside: tuple[Network, ...] = ()
    ports: frozenset[int] = PORTS

    def why_not(self, ip: Ip, port: int) -> str:
        """Why this address may not be opened; empty where it may."""
        if any(ip.version == network.version and ip in network for network in self.inside):
            return ""
        if port not in self.ports:
            return f"port {port} is none of {', '.join(str(one) for one in sorted(self.ports))}"
        return "" if is_open_internet(ip) else "it leads to a place that is not on the open internet"


def networks(text: str) -> tuple[Network, ...]:
    """Networks written as "10.1.0.0/16, 192.168.7.4". Raises BadInput naming the one that is none."""
    found: list[Network] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise BadInput(f"{part[:60]!r} is no network", remedy="Write it as 10.1.0.0/16 or 192.168.7.4.") from error
    return tuple(found)


def is_open_internet(ip: Ip) -> bool:
    """Whether it is an address of the open internet, and so is every address that hides inside it.

    An IPv4 address dressed as IPv6 (::ffff:8.8.8.8) is none: no name has a reason to answer with one.
    """
    if isinstance(ip, ipaddress.IPv6Address):
        inner = list(filter(None, (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ()))))
        last = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if ip in _COMPATIBLE or any(ip in network for network in _NAT64):
            inner.append(last)
        if ip in _NAT64[1] or ip in _COMPATIBLE or not all(is_open_internet(one) for one in inner):
            return False
        if ip in _NAT64[0]:
            return True  # the IPv4 address in it was looked at
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_unspecified)


def read(url: str) -> Place:
    """The address taken apart. Raises BadInput, one sentence for what is wrong with it."""
    if len(url) > LONGEST_URL or not url.isascii() or not _TARGET.fullmatch(url) or "\\" in url:
        raise _no("it is too long, or holds a space or an odd letter", "Paste it as the other system shows it.")
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError as error:
        raise _no("it cannot be read", "Paste it as the other system shows it.") from error
    if parts.scheme != "https":
        raise _no("it is not https, and the line would be open to read", "Give an address that begins with https://.")
    if "@" in parts.netloc:
        raise _no("it holds a name or a password", "Leave them out: every word is signed with a secret of its own.")
    if parts.fragment:
        raise _no("it holds a #", "Leave out the # and what follows.")
    host = (parts.hostname or "").lower()
    return Place(_host(host), port or 443, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def post(
    place: Place,
    body: bytes,
    *,
    headers: Mapping[str, str],
    walls: Walls,
    context: ssl.SSLContext | None = None,
    resolve: Resolve | None = None,
    seconds: float = PATIENCE,
) -> Answered | NotReached:
    """Say it once. Never raises for what the other side does.

    headers  what is said beside the body; Host, lengths and the end of the line are set here
    context  how certificates are looked at; None: as this machine trusts them
    """
    until = time.monotonic() + seconds
    line = reach(place, walls=walls, context=context, resolve=resolve, seconds=seconds, until=until)
    if isinstance(line, NotReached):
        return line
    is_written = False
    with line:
        try:
            line.settimeout(left(until))
            line.sendall(asked("POST", place, {"Content-Length": str(len(body)), **headers}) + body)
            is_written = True
            return Answered(_number_of(line, until=until))
        except (OSError, ValueError) as error:
            return broken(error, seconds=seconds, is_written=is_written)


def reach(
    place: Place,
    *,
    walls: Walls,
    context: ssl.SSLContext | None,
    resolve: Resolve | None,
    seconds: float,
    until: float,
) -> ssl.SSLSocket | NotReached:
    """A sealed line to the place, opened only after every address behind its name was looked at; steps 2 and 3.

    until  the instant of the monotonic clock by which it stands; seconds: what is said where it does not
    """
    try:
        found = (resolve or resolved)(place.host, place.port)
    except OSError:
        return NotReached(f"nobody knows where {place.host} is")
    ips = list(_numbers(found))
    if not ips:
        return NotReached(f"nobody knows where {place.host} is")
    # All of them: a name that is half inside our walls is a trap, whichever half would be taken today.
    for ip in ips:
        refused = walls.why_not(ip, place.port)
        if refused:
            return NotReached(f"{place.host} is not opened: {refused}", is_forbidden=True)
    try:
        return _sealed(ips, place, context or ssl.create_default_context(), until=until)
    except (OSError, ValueError) as error:
        return broken(error, seconds=seconds)


def asked(method: str, place: Place, headers: Mapping[str, str]) -> bytes:
    """The head of a question, after which the other side closes the line. Raises ValueError for what is no header."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    named = host if place.port == 443 else f"{host}:{place.port}"
    lines = [f"{method} {place.target} HTTP/1.1", f"Host: {named}", "Connection: close"]
    for name, value in headers.items():
        if not _TARGET.fullmatch(name) or "\r" in value or "\n" in value:
            raise ValueError(f"{name!r} cannot be a header")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def left(until: float) -> float:
    """Seconds of the deadline that are left, above 0. Raises TimeoutError where none are."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def broken(error: Exception, *, seconds: float, is_written: bool = False) -> NotReached:
    """What the other side or the line did, in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotReached(f"its certificate is not to be trusted: {error.verify_message}")
    if isinstance(error, TimeoutError):
        return NotReached(f"no answer within {seconds:g} seconds", is_written=is_written)
    return NotReached(f"the line broke: {type(error).__name__}", is_written=is_written)


def resolved(host: str, port: int) -> list[str]:
    """The addresses behind a name, as this machine knows them. Raises OSError."""
    return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _sealed(ips: Sequence[Ip], place: Place, context: ssl.SSLContext, *, until: float) -> ssl.SSLSocket:
    bare = _opened(ips, place.port, until=until)
    try:
        bare.settimeout(left(until))
        return context.wrap_socket(bare, server_hostname=place.host.rstrip("."))
    except BaseException:
        bare.close()
        raise


def _opened(ips: Sequence[Ip], port: int, *, until: float) -> socket.socket:
    """A line to the first address that takes it: to the number itself, so that no name is looked up twice."""
    trouble: OSError | None = None
    for ip in ips[:4]:
        family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(left(until))
            line.connect((str(ip), port))
        except OSError as error:
            line.close()
            trouble = error
        else:
            return line
    raise trouble or OSError("no address")


def _number_of(line: socket.socket, *, until: float) -> int:
    """The status of the answer; what is said on the way to it (1xx) is passed over."""
    read = b""
    while len(read) < MOST_BYTES:
        line.settimeout(left(until))
        some = line.recv(4_096)
        if not some:
            break
        read += some
        while (first := _STATUS.match(read)) is not None:
            code = int(first.group(1))
            if code // 100 != 1:
                return code
            _head, end, rest = read.partition(b"\r\n\r\n")
            if not end:
                break
            read = rest
        if first is None and b"\n" in read:
            break
    raise ValueError("not an answer of HTTP")


def _numbers(found: Iterable[str]) -> Iterable[Ip]:
    for text in dict.fromkeys(found):
        yield ipaddress.ip_address(text.partition("%")[0])


def _host(host: str) -> str:
    try:
        if "%" not in host:
            return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise _no("its name cannot be read", "Give it as https://name.example/path; other alphabets as xn--.")
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        # 2130706433, 0x7f.1 and 0177.0.0.1 are all this very machine to the system that would look them up.
        raise _no("it hides a number behind a name", "Give the name, or four plain numbers with dots.")
    return host


def _no(what: str, remedy: str) -> BadInput:
    return BadInput(f"this address cannot be told: {what}", where="address", remedy=remedy)
