"""What the tests of the outbox write, and to whom they hand it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chaos.post_office import PostOffice
from django.conf import settings

from rekindle.journal.models import Message, Road, Security, Sending
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.outbox.put import Words, put, sending

NOON = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


def words(subject: str = "A word of thanks", *, content: str = "", text: str = "") -> Words:
    stop = f"{settings.SITE_URL}/stop"
    said = text or "Thank you for the years with us.\n\nDana Frey"
    return Words(subject, f"{said}\n\nHear nothing more: {stop}\n", content=content)


def write(to: Relationship | Party, key: str = "letter:1", **fields: Any) -> Message:
    party = to if isinstance(to, Party) else to.party
    said = fields.pop("words", None) or words()
    fields.setdefault("touch_class", TouchClass.RELATIONSHIP)
    return put(party, said, key=key, made_by="test", **fields)


def use(office: PostOffice) -> None:
    sending()
    Sending.objects.update(
        road=Road.SMTP.value, host="127.0.0.1", port=office.port, security=Security.NONE.value,
        from_name="Dana Frey", from_address="dana@oak.example", postal_address="1 Oak Street, London",
        per_minute=1_000_000,
    )  # fmt: skip
