"""What machines say about our mail: delivery reports (RFC 3464), complaints (RFC 5965), and older forms of the same.

A report names our message in up to four places: the address it was sent to (VERP), a field of the report, the headers
of the mail that it gives back, the mail itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from typing import Final

from rekindle.act.inbound.headers import Mail, body, decoded, message_ids, parts, value

_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_DAEMONS: Final = ("mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon")
HARD: Final = re.compile(r"5\.(1\.[0-36]|1\.10|2\.1)")
"""Nobody is behind that address: bad mailbox or domain, moved, null MX, mailbox disabled (RFC 3463, RFC 7505)."""


@dataclass(frozen=True)
class Report:
    """What a report says of one mail.

    said     "failed", "delayed", "delivered", or "complained", "opted_out", "nothing"
    code     the enhanced status, "5.1.1"; empty where the report has none
    about    Message-IDs that it names, the surest first
    """

    said: str
    code: str
    about: tuple[str, ...]


def is_hard(code: str) -> bool:
    """Whether a status says that the address itself is dead; a full mailbox or a filter says nothing of the kind."""
    return HARD.fullmatch(code) is not None


def report(mail: Mail, *, sender: str) -> Report | None:
    """The report that a mail is; None where it is none."""
    about = (*_named_in_fields(mail), *_given_back(mail))
    for part in parts(mail):
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return Report(_feedback(part), "", about)
        if kind == "message/delivery-status":
            return _delivery(part, about)
        if kind == "message/disposition-notification":
            return Report("nothing", "", about)
    if value(mail, "X-Failed-Recipients") or sender.partition("@")[0].lower() in _DAEMONS:
        found = _STATUS.search(body(mail)[:20_000])
        code = found.group(0) if found else ""
        # An old form without fields: what a daemon writes to us is a failure unless its number says it only waits.
        return Report("delayed" if code.startswith("4") else "failed", code, about)
    return None


def _delivery(part: Mail, about: tuple[str, ...]) -> Report:
    """The worst that one of its blocks says; our mail has one recipient, but a list behind it may have more."""
    worst, code = "nothing", ""
    order = ("nothing", "delivered", "delayed", "failed")
    for block in _blocks(part):
        said = value(block, "Action").lower().split(" ")[0]
        found = _STATUS.search(value(block, "Status")) or _STATUS.search(value(block, "Diagnostic-Code"))
        if said in order and order.index(said) > order.index(worst):
            worst, code = said, found.group(0) if found else ""
    return Report(worst, code, about)


def _blocks(part: Mail) -> list[Mail]:
    payload = part.get_payload()
    blocks = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
    return blocks[:50]


def _feedback(part: Mail) -> str:
    fields = next(iter(_blocks(part)), None)
    told = value(fields, "Feedback-Type").lower() if fields is not None else ""
    if not told:
        found = re.search(r"(?im)^feedback-type:[ \t]*([a-z-]{1,40})", decoded(part))
        told = found.group(1).lower() if found else "abuse"
    if told.startswith("not-spam"):
        return "nothing"
    return "opted_out" if told.startswith("opt-out") else "complained"


def _named_in_fields(mail: Mail) -> tuple[str, ...]:
    found: list[str] = []
    for part in parts(mail):
        if part.get_content_type() in {"message/delivery-status", "message/disposition-notification"}:
            for block in _blocks(part):
                found += message_ids(block, "Original-Message-ID", "X-Original-Message-ID")
    return tuple(found)


def _given_back(mail: Mail) -> tuple[str, ...]:
    """The Message-ID of the mail that is given back, whole or its headers only."""
    found: list[str] = []
    for part in parts(mail):
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            found += message_ids(message_from_string(decoded(part)[:50_000]), "Message-ID")
        elif kind in {"message/rfc822", "message/global"}:
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if isinstance(inner, Message):
                found += message_ids(inner, "Message-ID")
    return tuple(found)
