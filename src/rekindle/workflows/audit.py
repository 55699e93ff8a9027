"""Write one deed into the audit trail.

1. lock the newest entry, so that two deeds at once cannot both follow it;
2. hash the deed together with that entry's digest;
3. add the row. The database refuses every later change of it (trigger in journal's first migration).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.journal.models import AuditEntry

_LOCK = 0x52656B69  # any fixed number; PostgreSQL's advisory lock for the end of the chain


def record(verb: str, *, actor: User | None, subject: str = "", details: dict[str, Any] | None = None) -> AuditEntry:
    """Add one entry and give it. Call it inside the transaction of the deed, so that both stand or fall together.

    verb     what was done, lower case, e.g. "load.taken"
    subject  to what, e.g. "intake:12"
    details  plain JSON without personal data: the trail outlives an erased person
    """
    at = timezone.now()
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEntry.objects.order_by("-id").values_list("digest", flat=True).first() or ""
        entry = AuditEntry(at=at, actor=actor, verb=verb, subject=subject, details=details or {}, before=last)
        entry.digest = digest(entry)
        entry.save(force_insert=True)
    return entry


def digest(entry: AuditEntry) -> str:
    """SHA-256, hex, over the entry's facts and the digest before it."""
    facts = [
        entry.at.isoformat(),
        entry.actor_id,
        entry.verb,
        entry.subject,
        entry.details,
        entry.before,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def first_broken() -> int | None:
    """The id of the first entry that does not follow from the one before it; None when the chain is whole."""
    before = ""
    for entry in AuditEntry.objects.order_by("id").iterator():
        if entry.before != before or entry.digest != digest(entry):
            return entry.pk
        before = entry.digest
    return None
