"""Headers and texts of a mail that anybody may have written: capped, decoded, never raising.

The parsed header objects of the standard library are not used: some hostile values make them raise, long ones make
them slow. Here every value is cut first and read by the plain functions of `email.utils`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from rekindle.act.inbound.html_words import words_of

Mail: TypeAlias = "Message[Any, Any]"

LONGEST_HEADER: Final = 8_000
MOST_HEADERS: Final = 400
MOST_PARTS: Final = 100
LONGEST_TEXT: Final = 200_000
MOST_ADDRESSES: Final = 50
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{3,190}>")


def values(mail: Mail, name: str) -> list[str]:
    """Every value of a header, unfolded and cut, as it was sent."""
    wanted = name.lower()
    found = (str(value) for key, value in islice(mail.raw_items(), MOST_HEADERS) if key.lower() == wanted)
    return [" ".join(_readable(value[:LONGEST_HEADER]).split()) for value in found]


def _readable(raw: str) -> str:
    """Bytes that stood bare in a header, read as UTF-8."""
    return raw if raw.isascii() else raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def value(mail: Mail, name: str) -> str:
    """The first value of a header; empty where there is none."""
    return next(iter(values(mail, name)), "")


def text(mail: Mail, name: str, *, longest: int) -> str:
    """A header as people read it, without controls, cut."""
    raw = value(mail, name)
    try:
        told = str(make_header(decode_header(raw)))
    except (LookupError, ValueError, UnicodeError, TypeError):
        told = raw
    return " ".join("".join(letter if letter.isprintable() else " " for letter in told).split())[:longest]


def addresses(mail: Mail, *names: str) -> tuple[str, ...]:
    """The addresses in these headers, domain in lower case, each once, in order."""
    said = [one for name in names for one in values(mail, name)]
    found = (address for _, address in getaddresses(said)[:MOST_ADDRESSES])
    return tuple(dict.fromkeys(plain for address in found if (plain := plain_address(address))))


def plain_address(text_: str) -> str:
    """An address with its domain in lower case; empty for what is none."""
    user, at, domain = text_.strip().strip("<>").rpartition("@")
    if not at or not user or "." not in domain or len(text_) > 320:
        return ""
    if any(not letter.isprintable() or letter in "<>,; " for letter in f"{user}{domain}"):
        return ""
    return f"{user}@{domain.lower()}"


def message_ids(mail: Mail, *names: str) -> tuple[str, ...]:
    """The Message-IDs in these headers, with their brackets, each once; of many the first and the last ten."""
    found = [one for name in names for said in values(mail, name) for one in _MESSAGE_ID.findall(said)]
    return tuple(dict.fromkeys(found if len(found) <= 20 else [*found[:10], *found[-10:]]))


def instant(mail: Mail) -> datetime | None:
    """The Date header; None where it says nothing that can be true of a mail."""
    try:
        at = parsedate_to_datetime(value(mail, "Date"))
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at if 1990 <= at.year <= 2200 else None


def parts(mail: Mail) -> Iterator[Mail]:
    """The mail and its parts, at most a hundred."""
    return islice(mail.walk(), MOST_PARTS)


def body(mail: Mail) -> str:
    """What it says: the plain text where there is one, else the words of its HTML; never an attachment."""
    html = ""
    for part in _shown(mail):
        kind = part.get_content_type()
        if kind == "text/plain" and (said := decoded(part)).strip():
            return said
        if kind == "text/html" and not html:
            html = decoded(part)
    return words_of(html) if html else ""


def decoded(part: Mail) -> str:
    """The text of one part by its own charset, or as good as it gets."""
    payload = part.get_payload(decode=True)
    raw = payload[: LONGEST_TEXT * 2] if isinstance(payload, bytes) else b""
    charset = value(part, "Content-Type").lower().partition("charset=")[2].strip("\"' ").partition(";")[0].strip("\"' ")
    for name in (charset, "utf-8", "cp1252", "latin-1"):
        try:
            said = raw.decode(name) if name else None
        except (LookupError, UnicodeError, ValueError):
            continue
        if said is not None:
            # Some charsets make halves of letters, which no database takes.
            whole = said[:LONGEST_TEXT].encode("utf-8", "replace").decode()
            return whole.replace("\r\n", "\n").replace("\x00", "")
    return ""


def _shown(mail: Mail) -> Iterator[Mail]:
    """Parts that are the mail's own words: no attachment, and nothing inside a mail that is attached."""
    waiting, seen = [mail], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        if "attachment" in value(part, "Content-Disposition").lower()[:40]:
            continue
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting[:0] = [one for one in inner if isinstance(one, Message)]
        elif part.get_content_maintype() == "text":
            yield part
