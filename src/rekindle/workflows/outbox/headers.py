"""How a message goes on the wire: who it is from, where its bounce arrives, how to hear nothing more with one press.

A text message has none of that beside its words: what belongs to it stands in them, and its links are not wrapped, for
each letter counts.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from rekindle.act.envelope import Envelope
from rekindle.decide.eligibility import ALWAYS
from rekindle.journal.models import Message, Sending
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import click_links, links
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.outbox.put import NOWHERE

_NOBODY: Final = f"nobody@{NOWHERE}"


def envelope(row: Message, road: Sending) -> Envelope:
    """The message as it is handed over."""
    if row.channel == Channel.SMS.value:
        return Envelope(
            message_id=row.message_id, sender_name=road.from_name, sender=road.from_address or _NOBODY,
            recipient=row.recipient, subject="", text=row.text, at=timezone.now(),
        )  # fmt: skip
    extra = {"Auto-Submitted": "auto-generated"}
    if TouchClass(row.touch_class) not in ALWAYS and row.party is not None:
        extra["List-Unsubscribe"] = f"<{stop_link(row.party, TouchClass(row.touch_class))}>"
        extra["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    return Envelope(
        message_id=row.message_id,
        sender_name=road.from_name,
        sender=road.from_address or _NOBODY,
        recipient=row.recipient,
        subject=row.subject,
        text=click_links.links_in(row.text, row),
        html=click_links.links_in(row.html, row),
        reply_to=road.reply_to,
        bounces_to=bounces_to(row.message_id, road),
        at=timezone.now(),
        headers=extra,
    )


def bounces_to(message_id: str, road: Sending) -> str:
    """Where a bounce of this message arrives: the address of the settings with the message's own token before the @,
    so that it tells which message it is about even where nothing of that message comes back. Empty: to the sender.
    """
    user, at, domain = road.bounces_to.rpartition("@")
    token = message_id.strip("<>").partition("@")[0]
    return f"{user}+{token}@{domain}" if at and user and token else ""


def stop_link(party: Party, touch_class: TouchClass) -> str:
    """Where one press ends touches of this class by mail."""
    about = f"{Channel.EMAIL.value}.{touch_class.value}"
    token = links.make(LinkPurpose.UNSUBSCRIBE, party, about=about)
    return f"{settings.SITE_URL}{reverse('unsubscribe', args=[token])}"
