"""What a mail provider tells by its webhook: delivered, came back, reported, stopped; or a mail that came in.

1. an address of its own for each provider, with a name and a secret in it (HTTP basic authentication), always asked
   for; where the provider signs and that key is kept with the settings of sending, the signature is checked too
2. what it says is brought into one form by django-anymail, and taken once each, by the provider's own number
3. it is about the message that it names; where it names none, about the address it names, for its word is proven
Nothing is fetched from anywhere, nothing is kept of opens and of clicks that it counts itself.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest

from rekindle import home
from rekindle.act.inbound.mail import Heard, Parsed, read
from rekindle.errors import NotFound
from rekindle.journal.models import Sending
from rekindle.relationships.models import Party
from rekindle.workflows.inbound.take import take
from rekindle.workflows.inbound.whom import Whom, message_of, parties_at
from rekindle.workflows.outbox.put import sending
from rekindle.workflows.sealed import unseal

TRACKING: Final = {
    "brevo": ("brevo", "BrevoTrackingWebhookView"),
    "mailersend": ("mailersend", "MailerSendTrackingWebhookView"),
    "mailgun": ("mailgun", "MailgunTrackingWebhookView"),
    "mailjet": ("mailjet", "MailjetTrackingWebhookView"),
    "mailtrap": ("mailtrap", "MailtrapTrackingWebhookView"),
    "mandrill": ("mandrill", "MandrillCombinedWebhookView"),
    "postal": ("postal", "PostalTrackingWebhookView"),
    "postmark": ("postmark", "PostmarkTrackingWebhookView"),
    "resend": ("resend", "ResendTrackingWebhookView"),
    "sparkpost": ("sparkpost", "SparkPostTrackingWebhookView"),
    "unisender-go": ("unisender_go", "UnisenderGoTrackingWebhookView"),
}
ARRIVING: Final = {
    "mailersend": ("mailersend", "MailerSendInboundWebhookView"),
    "mailgun": ("mailgun", "MailgunInboundWebhookView"),
    "mailjet": ("mailjet", "MailjetInboundWebhookView"),
    "mandrill": ("mandrill", "MandrillCombinedWebhookView"),
    "postal": ("postal", "PostalInboundWebhookView"),
    "postmark": ("postmark", "PostmarkInboundWebhookView"),
    "sparkpost": ("sparkpost", "SparkPostInboundWebhookView"),
}
"""Providers whose mail comes whole with the call; others only say where it could be fetched."""

USER: Final = "rekindle"
MOST_BYTES: Final = 2_400_000
SIGNED: Final = {
    "mailersend": ("signing_secret", "inbound_secret"), "mailgun": ("webhook_signing_key", "webhook_signing_key"),
    "mailtrap": ("tracking_secret", ""), "mandrill": ("webhook_key", "webhook_key"),
    "postal": ("webhook_key", "webhook_key"), "unisender-go": ("api_key", ""),
}  # fmt: skip
"""By which key each signs, where it does: for what it tells, and for mail that comes in."""
_HEARD: Final = {
    "delivered": Heard.DELIVERED, "bounced": Heard.BOUNCED, "rejected": Heard.BOUNCED, "failed": Heard.BOUNCED,
    "deferred": Heard.DEFERRED, "complained": Heard.COMPLAINED, "unsubscribed": Heard.UNSUBSCRIBED,
    "autoresponded": Heard.AUTO_REPLY,
}  # fmt: skip
_STATUS: Final = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_TOKEN: Final = re.compile(r"[a-z2-7]{26}")
_EVENTS_AT_MOST: Final = 2_000


@dataclass(frozen=True)
class Answer:
    """What the provider is told: an HTTP status and a sentence."""

    status: int
    said: str


def address(provider: str, *, is_mail: bool = False) -> str:
    """The path of a provider's own address. Raises NotFound for a provider we do not understand."""
    if provider not in (ARRIVING if is_mail else TRACKING):
        raise NotFound(f"no provider {provider}")
    return f"/hooks/mail/{provider}/{'inbound/' if is_mail else ''}"


def secret(provider: str) -> str:
    """The secret of its address: 128 bits, told by a key of this house, another one for each provider."""
    told = hmac.digest(bytes.fromhex(home.key("provider-hooks")), provider.encode(), hashlib.sha256)
    return told[:16].hex()


def arrive(provider: str, request: HttpRequest, *, is_mail: bool) -> Answer:
    """One call of a provider, proven, and all it tells taken. Raises NotFound for a provider we do not understand."""
    from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
    from anymail.webhooks.base import AnymailBasicAuthMixin

    known = ARRIVING if is_mail else TRACKING
    if provider not in known:
        raise NotFound(f"no provider {provider}")
    module, reader_name = known[provider]
    view = getattr(importlib.import_module(f"anymail.webhooks.{module}"), reader_name)
    name, key = _key(provider, sending(), is_mail=is_mail)
    try:
        # Some cannot be made without a key; without one of ours the signature is then not asked for.
        reader = view(webhook_secret=f"{USER}:{secret(provider)}", **({name: key or "none"} if name else {}))
        reader.setup(request)
        AnymailBasicAuthMixin.validate_request(reader, request)
        if key:
            reader.run_validators(request)
    except (AnymailWebhookValidationFailure, ValueError, TypeError, AttributeError):
        return Answer(HTTPStatus.FORBIDDEN, "Not signed as agreed.")
    try:
        events = list(reader.parse_events(request))[:_EVENTS_AT_MOST]
    except (AnymailError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return Answer(HTTPStatus.BAD_REQUEST, "This could not be read.")
    taken = 0
    for event in events:
        taken += _take(provider, event)
    return Answer(HTTPStatus.OK, f"{taken} taken.")


def _key(provider: str, road: Sending, *, is_mail: bool) -> tuple[str, str]:
    """(the name of the key by which it signs, the key that is kept with the settings of sending); empty: none."""
    name = SIGNED.get(provider, ("", ""))[is_mail]
    if not name or not road.provider_keys or road.provider.replace("_", "-") != provider:
        return name, ""
    return name, str(json.loads(unseal(road.provider_keys)).get(name, ""))


def _take(provider: str, event: Any) -> int:
    message = getattr(event, "message", None)
    if event.event_type == "inbound" and message is not None:
        parsed = read(message.as_bytes())
        take(provider, parsed.number, parsed)
        return 1
    heard = _HEARD.get(str(event.event_type))
    if heard is None:
        return 0
    about = message_of(_named(event), tokens=_tokens(event))
    recipient = str(event.recipient or "")[:320]
    address_ = about.recipient if about is not None and about.recipient else recipient
    number = _number(event)
    parsed = Parsed(heard, number, at=_instant(event.timestamp), code=_code(event) if heard is Heard.BOUNCED else "")
    if about is not None and about.party is not None:
        take(provider, number, parsed, sure=Whom(about, about.party), address=address_)
        return 1
    theirs = parties_at([recipient]) if recipient else []
    if len(theirs) < 2 or heard not in (Heard.COMPLAINED, Heard.UNSUBSCRIBED):
        take(provider, number, parsed, sure=Whom(about, next(iter(theirs), None)), address=address_)
        return 1
    for party in theirs:  # an address of several: the no is that of all of them
        _take_for(provider, number, parsed, party, address_)
    return 1


def _take_for(provider: str, number: str, parsed: Parsed, party: Party, address_: str) -> None:
    take(provider, f"{number[:180]}:{party.pk}", parsed, sure=Whom(None, party), address=address_)


def _named(event: Any) -> list[str]:
    """Message-IDs that an event holds: its own number, or what we gave it along."""
    return [text if text.startswith("<") else f"<{text}>" for text in _texts(event) if "@" in text]


def _tokens(event: Any) -> list[str]:
    return [text for text in _texts(event) if _TOKEN.fullmatch(text)]


def _texts(event: Any) -> Iterator[str]:
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    for value in (event.message_id, *list(metadata.values())[:20], *list(event.tags or ())[:20]):
        if isinstance(value, str) and len(value) <= 200 and value.isprintable():
            yield value.strip()


def _number(event: Any) -> str:
    """The provider's own number of the event; where it has none, what makes it one."""
    if event.event_id:
        return f"{event.event_type}:{event.event_id}"[:190]
    facts = [event.event_type, event.message_id, event.recipient, str(event.timestamp)]
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def _code(event: Any) -> str:
    """The enhanced status; where there is none, 5.1.1 for what the provider itself calls an address that is not."""
    for text in (event.mta_response, event.description):
        found = _STATUS.search(str(text or "")[:2_000])
        if found:
            return found.group(0)
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    said = " ".join(str(raw.get(name, "")) for name in ("Type", "type", "event", "bounce_category")).lower()
    if event.reject_reason == "invalid" or "hard" in said:
        return "5.1.1"
    return ""


def _instant(at: Any) -> datetime | None:
    if not isinstance(at, datetime):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
