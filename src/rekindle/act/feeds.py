"""What somebody published, read from the bytes of a feed that they let us read. Never goes anywhere by itself.

1. refuse what is too long, or brings entities of its own: they can grow without end;
2. read RSS or Atom; of each entry its number, title, address and day, and nothing else;
3. a title is plain words, an address is http or https, or it is left out.

Source: RFC 4287 (Atom), RSS 2.0; OWASP XML External Entity Prevention.
"""

from __future__ import annotations

import calendar
import hashlib
import html
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from rekindle.errors import BadInput

MOST_BYTES: Final = 2 * 1024 * 1024
MOST_ENTRIES: Final = 200
LONGEST_TITLE: Final = 300  # the columns of the books
LONGEST_URL: Final = 500

_ENTITY: Final = re.compile(rb"<!\s*entity", re.IGNORECASE)
_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True)
class Entry:
    """One thing they published. number: 64 hex digits, the same at every reading; published_at: in UTC, None where
    the feed does not say."""

    number: str
    title: str
    url: str
    published_at: datetime | None


def read(body: bytes) -> list[Entry]:
    """The entries as the feed orders them, at most 200, each number once; a feed without entries gives none.

    Raises BadInput, one sentence, for what is no feed, is longer than 2 MB or brings entities of its own.
    """
    import feedparser

    if len(body) > MOST_BYTES:
        raise _no(f"it is longer than {MOST_BYTES // 1024 // 1024} MB")
    if _ENTITY.search(body.replace(b"\0", b"")):  # without the zeros of UTF-16, which would hide it
        raise _no("it brings entities of its own, which a feed has no need of")
    # A stream, never bare bytes: those could be taken for the name of a file or an address.
    found = feedparser.parse(io.BytesIO(body))
    if not found.get("version"):  # of nothing at all it does not even say so much
        raise _no("this is neither RSS nor Atom")
    entries: dict[str, Entry] = {}
    for one in found.entries[:MOST_ENTRIES]:
        entry = _entry(one)
        if entry is not None:
            entries.setdefault(entry.number, entry)
    return list(entries.values())


def web_address(text: str) -> str:
    """The text where it is an address of the web that a person may be sent to, else nothing."""
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    return text if is_web and len(text) <= LONGEST_URL and not _BLANK.search(text) else ""


def _entry(one: dict[str, Any]) -> Entry | None:
    """None where it has neither an id nor a link, so that nobody could tell it from another."""
    named = str(one.get("id") or one.get("link") or "").strip()
    if not named:
        return None
    number = hashlib.sha256(named.encode(errors="replace")).hexdigest()
    return Entry(number, _plain(str(one.get("title") or "")), web_address(str(one.get("link") or "")), _when(one))


def _plain(text: str) -> str:
    """The words without markup. Twice: what was escaped twice is markup again after the first time."""
    import nh3

    for _ in range(2):
        text = html.unescape(nh3.clean(text, tags=set()))
    return _BLANK.sub(" ", text).strip()[:LONGEST_TITLE].rstrip()


def _when(one: dict[str, Any]) -> datetime | None:
    # The plain look into the row: its own would guess one day from the other, and warn of it.
    said = dict.get(one, "published_parsed") or dict.get(one, "updated_parsed")
    try:
        return datetime.fromtimestamp(calendar.timegm(said), tz=UTC) if said else None
    except (ValueError, OverflowError, OSError):
        return None


def _no(what: str) -> BadInput:
    return BadInput(f"this feed cannot be read: {what}", where="feed", remedy="Give the address of RSS or Atom.")
