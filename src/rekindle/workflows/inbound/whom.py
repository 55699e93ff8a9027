"""Whom something that came back is about: by our Message-ID first, for only its addressee can know it; then by address.

A Message-ID of ours holds 128 bits of HMAC: a report or an answer that names one comes from somebody who had the
message. An address alone proves nothing in a mail; it is believed of a provider, whose word is signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.inbound.mail import Parsed
from rekindle.journal.models import Message
from rekindle.relationships.models import Identity, Party
from rekindle.relationships.vocabulary import Channel, IdentityKind
from rekindle.workflows.outbox.dead_address import forms_of
from rekindle.workflows.outbox.put import NOWHERE, sending

_MOST: Final = 20


@dataclass(frozen=True)
class Whom:
    """message  the one of ours that it names
    party    who it is about; None where nobody is, or where several could be (`several` their numbers)
    staff    the member of staff in whose name it came; ours: it came from the house's own address
    """

    message: Message | None = None
    party: Party | None = None
    several: tuple[int, ...] = ()
    staff: User | None = None
    is_ours: bool = False

    @property
    def is_from_us(self) -> bool:
        return self.staff is not None or self.is_ours


def of(parsed: Parsed) -> Whom:
    """Whom a mail is about."""
    message = message_of(parsed.about, tokens=[parsed.token] if parsed.token else [])
    staff = User.objects.filter(email__iexact=parsed.sender, is_active=True).first() if parsed.sender else None
    road = sending()
    ours = {text.lower() for text in (road.from_address, road.reply_to, road.bounces_to) if text}
    is_ours = parsed.sender.lower() in ours
    if message is not None and message.party is not None:
        return Whom(message, message.party, (), staff, is_ours)
    if staff is not None or is_ours:
        return Whom(message, None, (), staff, is_ours)
    found = parties_at([parsed.sender])
    one = found[0] if len(found) == 1 else None
    return Whom(message, one, tuple(party.pk for party in found) if one is None else ())


def message_of(message_ids: Iterable[str], *, tokens: Iterable[str] = ()) -> Message | None:
    """The message of ours that is named, the first one first; None where none is."""
    road = sending()
    domains = dict.fromkeys(
        text.rpartition("@")[2] for text in (road.from_address, road.bounces_to, f"@{NOWHERE}") if text
    )
    told = [*list(message_ids)[:_MOST], *(f"<{token}@{domain}>" for token in tokens for domain in domains)]
    found = {
        row.message_id: row
        for row in Message.objects.filter(message_id__in=told, channel=Channel.EMAIL.value).select_related("party")
    }
    return next((found[one] for one in told if one in found), None)


def parties_at(addresses: Iterable[str], *, on: date | None = None) -> list[Party]:
    """Everybody who has one of these addresses on that day, in order of their numbers; at most twenty."""
    day = on or timezone.now().date()
    wanted = {form for text in addresses for form in forms_of(text)}
    if not wanted:
        return []
    rows = Identity.objects.filter(kind=IdentityKind.EMAIL.value, normal__in=wanted).filter(
        Q(valid_to=None) | Q(valid_to__gte=day)
    )
    return list(Party.objects.filter(pk__in=rows.values("party_id")).order_by("pk")[:_MOST])
