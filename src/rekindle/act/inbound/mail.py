"""One mail that came in, read into what it says. Anybody may have written it, and nothing in it makes this raise."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from enum import StrEnum
from typing import Final

from rekindle.act.inbound import automatic, headers, replies, reports
from rekindle.act.inbound.headers import Mail

MOST_BYTES: Final = 2 * 2**20
"""As much of a mail as is read: its words and its report stand at its beginning, attachments below. Our choice."""
_TOKEN: Final = re.compile(r"^[^@\s]{1,200}\+([a-z2-7]{26})@")
_FAILED: Final = re.compile(r"(?i)\bdmarc=fail\b")


class Heard(StrEnum):
    """What a mail is, as far as its bytes tell; who wrote it is asked of the books."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DEFERRED = "deferred"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    AUTO_REPLY = "auto_reply"
    REPLY = "reply"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Parsed:
    """What came back.

    number     what makes it one, the same however often it is read: 64 hex digits
    at         when it says it was written; None where it does not say
    sender     the address in From; to: those in To and Cc, and those it was delivered to
    about      Message-IDs it may be about, the surest first, with brackets
    token      the token of the address it came back to (VERP); empty without one
    code       the enhanced status of a report, "5.1.1"
    words      a person's own words, without quotes and signature
    passed_from, passed_words   whose mail it passes on, and what that said
    is_doubtful   the mail server that took it in found that the sender is not who it says (DMARC)
    """

    heard: Heard
    number: str
    at: datetime | None = None
    sender: str = ""
    to: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    token: str = ""
    code: str = ""
    subject: str = ""
    words: str = ""
    wants_stop: bool = False
    passed_from: str = ""
    passed_words: str = ""
    is_doubtful: bool = False


_SAID: Final = {
    "failed": Heard.BOUNCED, "delayed": Heard.DEFERRED, "delivered": Heard.DELIVERED, "complained": Heard.COMPLAINED,
    "opted_out": Heard.UNSUBSCRIBED, "nothing": Heard.AUTO_REPLY,
}  # fmt: skip


def read(raw: bytes) -> Parsed:
    """What a mail says; UNREADABLE where it cannot be read. Only its first two megabytes are looked at."""
    raw = raw[:MOST_BYTES]
    unread = Parsed(Heard.UNREADABLE, _digest(raw))
    if not raw.strip():
        return unread
    try:
        return _read(message_from_bytes(raw), raw)
    except Exception:  # noqa: BLE001  # whatever a stranger wrote, the next mail must still be read
        return unread


def _read(mail: Mail, raw: bytes) -> Parsed:
    sender = next(iter(headers.addresses(mail, "From", "Sender")), "")
    came_to = headers.addresses(mail, "Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
    if not sender and not came_to and not headers.value(mail, "Message-ID"):
        return Parsed(Heard.UNREADABLE, _digest(raw))
    token = next((found.group(1) for one in came_to if (found := _TOKEN.match(one.lower()))), "")
    answered = headers.message_ids(mail, "In-Reply-To"), headers.message_ids(mail, "References")[::-1]
    known = Parsed(
        Heard.REPLY, _number(mail, raw, sender), at=headers.instant(mail), sender=sender, to=came_to,
        about=tuple(dict.fromkeys((*answered[0], *answered[1]))), token=token,
        subject=headers.text(mail, "Subject", longest=300),
        is_doubtful=any(_FAILED.search(said) for said in headers.values(mail, "Authentication-Results")[:1]),
    )  # fmt: skip
    told = reports.report(mail, sender=sender)
    if told is not None:
        about = tuple(dict.fromkeys((*told.about, *known.about)))
        return replace(known, heard=_SAID[told.said], about=about, code=told.code)
    if automatic.is_automatic(mail, sender=sender):
        return replace(known, heard=Heard.AUTO_REPLY)
    said = replies.read(headers.body(mail))
    passed_from, passed_words = said.passed_from, said.passed_words
    if not passed_from:
        passed_from, passed_words = _attached(mail)
    return replace(
        known,
        words=said.words,
        wants_stop=said.wants_stop,
        passed_from=passed_from,
        passed_words=passed_words,
    )


def _attached(mail: Mail) -> tuple[str, str]:
    """(whose mail is attached whole, its words); empty where none is."""
    for part in headers.parts(mail):
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if part.get_content_type() != "message/rfc822" or not isinstance(inner, Message):
            continue
        sender = next(iter(headers.addresses(inner, "From")), "")
        if sender:
            return sender, replies.read(headers.body(inner)).words
    return "", ""


def _number(mail: Mail, raw: bytes, sender: str) -> str:
    """By Message-ID, sender and date where there is one: the same mail comes by two roads with other headers."""
    own = next(iter(headers.message_ids(mail, "Message-ID")), "")
    return _digest(f"{own}\n{sender}\n{headers.value(mail, 'Date')}".encode()) if own else _digest(raw)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
