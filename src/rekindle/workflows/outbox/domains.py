"""How much one domain of theirs is given a minute: who gets too much at once from a stranger takes it for a flood.

Counted in the trail of the messages themselves, so that several workers keep one measure and a restart forgets nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Lower, StrIndex, Substr

from rekindle.journal.models import Message, MessageAttempt, MessageState
from rekindle.workflows.outbox import clock
from rekindle.workflows.outbox.put import sending


def over_limit(recipients: Iterable[str], *, at: datetime | None = None, limit: int | None = None) -> set[str]:
    """Those of the addresses that must wait, because their domain has had enough in the minute before.

    recipients  in the order in which they would go: the first of a domain fill what room is left
    limit       mails a minute and domain; None: as the settings of sending say; 0: no limit
    """
    most = sending().per_domain_minute if limit is None else limit
    if not most:
        return set()
    gone: Counter[str] = Counter(_gone(at or clock.now()))
    waits: set[str] = set()
    for recipient in recipients:
        domain = domain_of(recipient)
        gone[domain] += 1
        if gone[domain] > most:
            waits.add(recipient)
    return waits


def without_full(rows: QuerySet[Message], *, at: datetime | None = None, limit: int | None = None) -> QuerySet[Message]:
    """The messages but for those to domains that have had enough: so that a big domain does not hold up the rest."""
    most = sending().per_domain_minute if limit is None else limit
    if not most:
        return rows
    for domain, count in _gone(at or clock.now()).items():
        if count >= most:
            rows = rows.exclude(recipient__iendswith=f"@{domain}")
    return rows


def domain_of(recipient: str) -> str:
    """What stands behind the last @, in lower case."""
    return recipient.rpartition("@")[2].lower()


def _gone(at: datetime) -> dict[str, int]:
    """How many were handed over in the last minute, by domain of theirs."""
    domain: Any = Lower(Substr("message__recipient", StrIndex("message__recipient", Value("@")) + 1))
    rows = (
        MessageAttempt.objects.filter(phase=MessageState.HANDING_OVER.value, at__gt=at - timedelta(minutes=1))
        .annotate(domain=domain)
        .values("domain")
        .annotate(count=Count("id"))
        .values_list("domain", "count")
        .order_by(F("domain"))
    )
    return {str(name): int(count) for name, count in rows}
