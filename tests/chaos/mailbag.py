"""Mails as they come in: answers, reports, complaints, made by hand so that no library decides what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from zlib import crc32

from rekindle.journal.models import Message

_numbers = count(1)
BEFORE = datetime.now(UTC) - timedelta(hours=1)


def mail(
    about: str,
    *,
    sender: str,
    to: str = "dana@oak.example",
    text: str,
    headers: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> bytes:
    """A plain mail; `about` the Message-ID it answers, or nothing."""
    lines = {
        "From": sender, "To": to, "Subject": "Re: A word of thanks", "Date": format_datetime(at or BEFORE),
        "Message-ID": f"<{crc32(f'{about} {sender} {text}'.encode())}@mail.example>",
        **({"In-Reply-To": about} if about else {}),
        "Content-Type": "text/plain; charset=utf-8", **(headers or {}),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()


def answer(message: Message, text: str) -> bytes:
    return mail(message.message_id, sender=f"Somebody <{message.recipient}>", text=text)


def auto_reply(message: Message) -> bytes:
    return mail(message.message_id, sender=message.recipient, text="I am away until Monday.",
                headers={"Auto-Submitted": "auto-replied", "Subject": "Out of office"})  # fmt: skip


def dsn(message: Message, status: str, *, action: str = "failed", at: datetime | None = None) -> bytes:
    """A delivery report (RFC 3464) that gives back the headers of the message."""
    said = f"Status: {status}\r\n" if status else ""
    parts = (
        ("text/plain", "Your mail could not be delivered."),
        ("message/delivery-status",
         f"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {message.recipient}\r\n"
         f"Action: {action}\r\n{said}"),
        ("text/rfc822-headers", f"Message-ID: {message.message_id}\r\nSubject: {message.subject}"),
    )  # fmt: skip
    return _report("delivery-status", "MAILER-DAEMON@mx.example", parts, at=at)


def complaint(message: Message, *, feedback: str = "abuse") -> bytes:
    """A complaint (RFC 5965) with the message in it."""
    parts = (
        ("text/plain", "This is an abuse report."),
        ("message/feedback-report", f"Feedback-Type: {feedback}\r\nUser-Agent: Mailbox/1\r\nVersion: 1"),
        ("message/rfc822", f"Message-ID: {message.message_id}\r\nSubject: {message.subject}\r\n\r\nHello"),
    )
    return _report("feedback-report", "fbl@mailbox.example", parts, at=None)


def _report(kind: str, sender: str, parts: tuple[tuple[str, str], ...], *, at: datetime | None) -> bytes:
    head = (
        f"From: {sender}\r\nTo: bounces@oak.example\r\nSubject: Report\r\nDate: {format_datetime(at or BEFORE)}\r\n"
        f"Message-ID: <report{next(_numbers)}@mx.example>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="cut"\r\n\r\n'
    )
    body = "".join(f"--cut\r\nContent-Type: {name}\r\n\r\n{text}\r\n" for name, text in parts)
    return (head + body + "--cut--\r\n").encode()
