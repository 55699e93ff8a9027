"""An address or number that is no road to anybody any more, whoever said so: a server, a report, a provider."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from rekindle.relationships.models import Identity, Party
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit
from rekindle.workflows.outbox import clock


def forms_of(address: str) -> set[str]:
    """The normal forms under which an address may be in the books: as written with its domain in lower case, or all
    of it in lower case."""
    user, at, domain = address.rpartition("@")
    return {f"{user}{at}{domain.lower()}", address.lower()} if address else set()


def end_address(address: str, *, at: datetime, party: Party | None, about: str) -> int:
    """Nobody is behind that address or number any more: it is no road from today; gives how many rows that ended.

    at     when it was refused: an address that somebody wrote down again after that day stays
    about  what it was learned of, for the audit trail: "message:12"
    """
    yesterday = clock.now().date() - timedelta(days=1)
    is_mail = "@" in address
    kind, forms = (IdentityKind.EMAIL, forms_of(address)) if is_mail else (IdentityKind.PHONE, {address})
    rows = Identity.objects.filter(kind=kind.value, normal__in=forms)
    rows = rows.filter(Q(valid_to=None) | Q(valid_to__gt=yesterday)).exclude(valid_from__gt=at.date())
    ended = rows.update(valid_to=yesterday)
    if ended:
        audit.record("address.bounced", actor=None, subject=about,
                     details={"party": party.pk if party is not None else None})  # fmt: skip
    return ended
