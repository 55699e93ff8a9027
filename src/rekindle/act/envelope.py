"""What every road takes, and the three things it can answer. There is no fourth: what is not sure is `Unknown`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.generator import BytesGenerator
from email.header import Header
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from io import BytesIO
from typing import Final

from email_validator import EmailNotValidError, validate_email

from rekindle.errors import BadInput

LONGEST_HEADER: Final = 900  # octets of one header's value; RFC 5322 allows 998 in a line


@dataclass(frozen=True)
class Envelope:
    """One message to one address.

    message_id   with its angle brackets
    at           the instant of the Date header, with a time zone
    headers      further headers by name
    """

    message_id: str
    sender_name: str
    sender: str
    recipient: str
    subject: str
    text: str
    at: datetime
    html: str = ""
    reply_to: str = ""
    bounces_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Accepted:
    """Their side has taken it."""

    code: int
    reply: str


@dataclass(frozen=True)
class NotAccepted:
    """Their side surely has not: it said no, or we never finished handing it over.

    is_final     trying again would change nothing
    is_address   it is the address that does not exist or is closed
    is_server    every message would meet the same: a wrong password, no way there
    """

    code: int | None
    reply: str
    is_final: bool = False
    is_address: bool = False
    is_server: bool = False


@dataclass(frozen=True)
class Unknown:
    """The last dot was under way when the line went dead: they have it, or they have not."""

    reply: str


Handed = Accepted | NotAccepted | Unknown


def address(text: str) -> Address:
    """An address that may stand in a header and on the wire. Raises BadInput.

    Letters of other scripts are kept in the part before the @ only where the other side takes them (SMTPUTF8); the
    domain always goes as ASCII.
    """
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise BadInput(f"{text!r} is no e-mail address", remedy="Correct it, or leave it out.") from error
    return Address(username=found.local_part, domain=found.ascii_domain or found.domain)


def clean(text: str, *, where: str) -> str:
    """One line of a header. Raises BadInput for a line break, NUL or another control in it, or where it is too long."""
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        raise BadInput("a header holds a line break or a control character", where=where, remedy="Write one line.")
    if len(text.encode()) > LONGEST_HEADER:
        raise BadInput(f"a header is longer than {LONGEST_HEADER} bytes", where=where, remedy="Write a shorter one.")
    return text


_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class _Policy(EmailPolicy):
    """The library's, but for headers of plain ASCII: they stay in one line, as RFC 5322 allows up to 998 letters.

    Folded at 78 by the library, a long link to hear nothing more becomes an encoded word, which mail programs do not
    read there.
    """

    def header_store_parse(self, name: str, value: str) -> tuple[str, str]:
        plain = value.isascii() and value.isprintable()
        return (name, value) if plain else super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return f"{name}: {value}\r\n".encode() if value.isascii() else super().fold_binary(name, value)


_POLICY: Final = _Policy(linesep="\r\n", header_factory=HeaderRegistry(use_default_map=False))
_IN_UTF8: Final = _POLICY.clone(utf8=True)  # for an address that only SMTPUTF8 carries (RFC 6532)


def wire(envelope: Envelope) -> bytes:
    """The message as it goes over the wire. Raises BadInput for what cannot stand in a header."""
    to = address(envelope.recipient).addr_spec
    message = EmailMessage(policy=_POLICY if to.isascii() else _IN_UTF8)
    message["Message-ID"] = clean(envelope.message_id, where="Message-ID")
    message["Date"] = format_datetime(envelope.at)
    message["From"] = _from(envelope.sender_name, envelope.sender)
    message["To"] = to
    if envelope.reply_to:
        message["Reply-To"] = address(envelope.reply_to).addr_spec
    message["Subject"] = clean(envelope.subject, where="Subject")
    for header, value in envelope.headers.items():
        if not _HEADER_NAME.fullmatch(header) or header in message:
            raise BadInput(f"{header!r} cannot be set as a header", where="headers")
        message[header] = clean(value, where=header)
    message.set_content(envelope.text, cte="quoted-printable")
    if envelope.html:
        message.add_alternative(envelope.html, subtype="html", cte="quoted-printable")
    buffer = BytesIO()
    BytesGenerator(buffer, policy=message.policy).flatten(message)
    return buffer.getvalue()


@lru_cache(maxsize=64)
def _from(name: str, sender: str) -> str:
    """Our own name and address, each part of the name that is not ASCII as a word of its own; both were looked at."""
    user, _at, domain = clean(sender, where="From").rpartition("@")
    whole = Address(clean(name, where="From"), user, domain)
    if name.isascii():
        return str(whole)
    return f"{Header(name, 'utf-8').encode(linesep='')} <{whole.addr_spec}>"
