"""A mailbox read by IMAP (RFC 9051): new mails only, nothing marked, moved or deleted; TLS with a checked certificate.

Mails are known by their UID under the mailbox's UIDVALIDITY. The folder is opened read-only and words are asked for
with PEEK, so that a human who reads the same mailbox finds it as it was.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self

from rekindle.act.inbound.mail import MOST_BYTES
from rekindle.errors import BadInput, Conflict

PATIENCE: Final = 30.0  # seconds for each answer
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FOLDER: Final = re.compile(r'[^\x00-\x1f\x7f-\uffff"\\]{1,120}')
_FAULTS: Final = (imaplib.IMAP4.error, OSError, ValueError, EOFError)


@dataclass(frozen=True)
class Box:
    """A mailbox. security: "tls", "starttls", or "none", which is for this machine only."""

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str = "INBOX"
    timeout: float = PATIENCE

    def is_here(self) -> bool:
        """Whether it is on this very machine."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


class Reader:
    """An open mailbox. Raises Conflict, in a sentence, for whatever its server does."""

    def __init__(self, box: Box) -> None:
        check(box)
        self._box = box
        try:
            self._line = _open(box)
        except _FAULTS as error:
            raise _trouble(box, error) from error
        try:
            self._line.login(box.username, box.password)
            said, told = self._line.select(f'"{box.folder}"', readonly=True)
            if said != "OK":
                raise Conflict(
                    f"there is no folder {box.folder!r} in the mailbox",
                    remedy="Name one that is there, such as INBOX.",
                )
            self.uid_validity = self._number("UIDVALIDITY")
        except _FAULTS as error:
            self.close()
            raise _trouble(box, error) from error
        except Conflict:
            self.close()
            raise
        del told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a server that does not listen any more is left."""
        try:
            self._line.logout()
        except _FAULTS:
            try:
                self._line.shutdown()
            except OSError:
                return

    def after(self, uid: int) -> list[int]:
        """The numbers of the mails that came after that one, the oldest first."""
        # "n:*" names the newest mail even where its number is below n (RFC 9051, 6.4.8).
        return [number for number in self._search(f"UID {uid + 1}:*") if number > uid]

    def newest(self) -> int:
        """The number of the newest mail; 0 where there is none."""
        return max(self._search("UID *"), default=0)

    def since(self, day: date) -> list[int]:
        """The numbers of the mails that came on that day or later, the oldest first."""
        return self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    def words(self, uid: int) -> bytes:
        """One mail, its first two megabytes; empty where it is gone meanwhile."""
        try:
            _said, told = self._line.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        except _FAULTS as error:
            raise _trouble(self._box, error) from error
        found = [one[1] for one in told or () if isinstance(one, tuple) and len(one) > 1 and _is_of(one[0], uid)]
        return next((one[:MOST_BYTES] for one in found if isinstance(one, bytes)), b"")

    def _search(self, asked: str) -> list[int]:
        try:
            said, told = self._line.uid("SEARCH", asked)
        except _FAULTS as error:
            raise _trouble(self._box, error) from error
        if said != "OK":
            raise Conflict("the mailbox does not tell what is in it", where=self._box.host)
        return sorted(set(_numbers(told)))

    def _number(self, name: str) -> int:
        _said, told = self._line.response(name)
        number = next(iter(_numbers(told or [])), None)
        if number is None:
            raise Conflict(f"the mailbox tells no {name}", where=self._box.host, remedy="Is it an IMAP server?")
        return number


def check(box: Box) -> None:
    """Raises BadInput for a mailbox that cannot be one, or whose line would be open to read."""
    if not box.host or not 1 <= box.port <= 65_535:
        raise BadInput("the mailbox has no server or no port", remedy="993 is usual, with TLS from the start.")
    if box.security not in {"tls", "starttls", "none"}:
        raise BadInput(f"{box.security!r} is no way to protect a line", remedy="Use TLS or STARTTLS.")
    if box.security == "none" and not box.is_here():
        raise BadInput(f"{box.host} is not this machine, and the line would be open to read", remedy="Choose TLS.")
    if not _FOLDER.fullmatch(box.folder):
        raise BadInput(f"{box.folder[:40]!r} is no name of a folder", remedy="INBOX is usual.")
    if any(ord(letter) < 32 for letter in f"{box.username}{box.password}{box.host}"):
        raise BadInput("the name or the password holds a line break", remedy="Write one line.")


class _Capped(imaplib.IMAP4):
    """A line whose other side cannot make us hold more than we asked for."""

    def read(self, size: int) -> bytes:
        if size > MOST_BYTES + 4096:
            raise self.abort(f"the mailbox sends {size} bytes at once")
        return super().read(size)


class _CappedTls(imaplib.IMAP4_SSL):
    def read(self, size: int) -> bytes:
        if size > MOST_BYTES + 4096:
            raise self.abort(f"the mailbox sends {size} bytes at once")
        return super().read(size)


def _open(box: Box) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if box.security == "tls":
        return _CappedTls(box.host, box.port, ssl_context=context, timeout=box.timeout)
    line = _Capped(box.host, box.port, timeout=box.timeout)
    if box.security == "starttls":
        try:
            line.starttls(ssl_context=context)  # raises where the server offers none: no password in the open
        except BaseException:
            line.shutdown()
            raise
    return line


def _is_of(head: Any, uid: int) -> bool:
    """Whether an answer is about that mail: a server may tell of others in between."""
    return isinstance(head, bytes) and re.search(rb"\bUID %d\b" % uid, head) is not None


def _numbers(told: Any) -> Iterator[int]:
    for one in told or ():
        if isinstance(one, bytes):
            yield from (int(text) for text in one[:10_000_000].split() if text.isdigit() and len(text) <= 10)


def _trouble(box: Box, error: Exception) -> Conflict:
    told = str(error).strip("b'\"") or type(error).__name__
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in told).split())
    hidden = plain.replace(box.password, "…") if box.password else plain
    return Conflict(
        f"the mailbox at {box.host}:{box.port} cannot be read: {hidden[:160]}",
        remedy="Check the server, the name and the password.",
    )
