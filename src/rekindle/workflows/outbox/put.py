"""Write a message down. From here on it has a name, an end, and everybody can see where it stands.

1. one key, one message: asked for again, by a retry, a second worker or a second click, the first one is given;
2. its Message-ID is told by the key and a secret of this house: the same for ever, and nobody can guess it;
3. nothing is asked of the rules here that will not be asked again at the hand-over; a no now is kept and told at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from rekindle import home
from rekindle.accounts.models import User
from rekindle.act import text_message
from rekindle.act.envelope import address, clean
from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import Message, MessageState, Sending
from rekindle.relationships.models import Identity, Party
from rekindle.relationships.queries import valid_on
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass
from rekindle.workflows import audit
from rekindle.workflows.outbox import trail

LONGEST_KEY: Final = 120
LONGEST_TEXT: Final = 200_000
LIFETIME: Final = timedelta(days=3)  # our choice: a personal word that comes later than that reads as a mistake
SENT: Final = "sent:"
"""Begins the key of a message that only the sent log knows, by the token of its Message-ID."""
_ROADS: Final = frozenset({Channel.EMAIL, Channel.SMS, Channel.LETTER})
NOWHERE: Final = "rekindle.invalid"  # reserved by RFC 2606: until the owner names an address of theirs


@dataclass(frozen=True)
class Words:
    """What a message says; a text message has no HTML, and its subject may be empty.

    content  a key of what it says, for never saying it twice; empty: it is not asked
    """

    subject: str
    text: str
    html: str = ""
    content: str = ""


def put(
    party: Party,
    words: Words,
    *,
    key: str,
    touch_class: TouchClass,
    made_by: str,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    by: User | None = None,
    recipient: str = "",
    channel: Channel = Channel.EMAIL,
    chosen: Mapping[str, Any] | None = None,
) -> Message:
    """One e-mail, text message or letter on paper to one party; the message of that key, where there is one already.

    key         what makes it one: "letter:<interview>", "playbook:<run>:<step>"
    not_before  the earliest instant; None is now
    expires_at  from then on it is too late; None is three days after `not_before`
    recipient   one of their own addresses or numbers; empty: the newest that is valid. On paper: the address by lines
    channel     EMAIL, SMS, or LETTER, which waits in the print queue for a human
    chosen      what was chosen for this one person, and the facts by which
    Raises BadInput for words that cannot be sent, NotFound where the party has no such address or number.
    """
    at = timezone.now()
    first = not_before or at
    last = expires_at or first + LIFETIME
    _check(key, words, channel=channel, first=first, last=last)
    if channel not in _ROADS or (channel is Channel.LETTER and not recipient.strip()):
        raise BadInput("a message has no road, or a letter no address", remedy="Name the road and where it goes.")
    token = token_of(key)
    with transaction.atomic():
        known = Message.objects.filter(key__in=[key, f"{SENT}{token}"]).first()
        if known is not None:
            return known
        to = _where_to(party, recipient, channel=channel, at=at)
        message = Message.objects.create(
            key=key,
            party=party,
            channel=channel.value,
            touch_class=touch_class.value,
            recipient=to,
            subject=words.subject.strip() or text_message.opening(words.text),
            text=words.text,
            html=words.html,
            content=words.content,
            message_id=f"<{token}@{domain()}>",
            not_before=first,
            expires_at=last,
            made_by=made_by,
            chosen=dict(chosen or {}),
            actor=by,
            created_at=at,
        )
        trail.note(message, MessageState.QUEUED.value, at=at)
        audit.record("message.queued", actor=by, subject=f"message:{message.pk}",
                     details={"party": party.pk, "class": touch_class.value, "made_by": made_by})  # fmt: skip
    return message


def token_of(key: str) -> str:
    """128 bits of HMAC-SHA256 of the key, in letters that any mail program leaves alone."""
    digest = hmac.digest(bytes.fromhex(home.key("outbox")), key.encode(), hashlib.sha256)[:16]
    return base64.b32encode(digest).decode().rstrip("=").lower()


def sending() -> Sending:
    """The row that says where mail goes; made at first use, as a folder in this house."""
    found, _made = Sending.objects.get_or_create(pk=1)
    return found


def domain() -> str:
    """The domain of our own address, for Message-IDs."""
    return sending().from_address.rpartition("@")[2] or NOWHERE


def _check(key: str, words: Words, *, channel: Channel, first: datetime, last: datetime) -> None:
    if not key or len(key) > LONGEST_KEY:
        raise BadInput("a message has no key, or too long a one", remedy=f"Give 1 to {LONGEST_KEY} letters.")
    if not words.text.strip() or len(words.text) > LONGEST_TEXT or len(words.html) > LONGEST_TEXT:
        raise BadInput("a message says nothing, or too much", remedy=f"Write 1 to {LONGEST_TEXT:,} letters.")
    if "\x00" in words.text or "\x00" in words.html:
        raise BadInput("a message holds a NUL", remedy="Take it out.")
    if channel is Channel.SMS:
        text_message.check(words.text)
        if words.html:
            raise BadInput("a text message has no HTML", remedy="Give its words alone.")
    elif not words.subject.strip():
        raise BadInput("a message has no subject", remedy="Say in a few words what it is about.")
    clean(words.subject, where="subject")
    if last <= first:
        raise BadInput("a message would be too late before it may go", remedy="Give it a later end.")


def _where_to(party: Party, recipient: str, *, channel: Channel, at: datetime) -> str:
    if channel is Channel.LETTER:
        return recipient
    if channel is Channel.SMS:
        return phone_of(party, recipient, at=at)
    return _address_of(party, recipient, at=at)


def phone_of(party: Party, recipient: str = "", *, at: datetime) -> str:
    """The number a text message goes to, with its + and country: the newest of theirs that takes any.

    recipient  one of theirs, as written or in full; empty: any
    Raises NotFound.
    """
    rows = Identity.objects.filter(valid_on(at.date()), party=party, kind=IdentityKind.PHONE.value)
    if recipient:
        rows = rows.filter(Q(value=recipient) | Q(normal=recipient))
    for number in rows.order_by("-id").values_list("normal", flat=True):
        if text_message.takes_texts(number):
            return number
    if recipient:
        raise NotFound(f"{recipient} is no number of theirs that takes text messages", where=f"party {party.pk}",
                       remedy="Choose another number, or reach them by another road.")  # fmt: skip
    raise NotFound("there is no phone number that takes text messages", where=f"party {party.pk}",
                   remedy="Add one with its + and country, or reach them by another road.")  # fmt: skip


def _address_of(party: Party, recipient: str, *, at: datetime) -> str:
    rows = Identity.objects.filter(valid_on(at.date()), party=party, kind=IdentityKind.EMAIL.value)
    if recipient:
        rows = rows.filter(Q(value=recipient) | Q(normal=recipient))
    wanted = rows.order_by("-id").first()
    if wanted is None:
        what = (
            f"{recipient} is not an address of theirs" if recipient else "there is no e-mail address that still works"
        )
        raise NotFound(
            what,
            where=f"party {party.pk}",
            remedy="Add one to the person, or reach them by another road.",
        )
    address(wanted.value)
    return wanted.value
