"""Never again: put every way a party was ever known by on the list of those who must not be reached.

1. hash every identity, past ones too, under the business's own key;
2. add the hashes that are not there yet; nothing is ever taken off here;
3. one audit entry with counts, no address.
"""

from __future__ import annotations

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.relationships.models import Identity, Party, Suppression, suppression_hash
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit

LONGEST_REASON = 200


def suppress(party: Party, *, reason: str, source: str, by: User | None) -> int:
    """Put all identities of a party on the never-again list; gives how many are on it now for this party.

    source  who asked for it: "clean break", "preferences", "webhook"
    Raises BadInput without a reason.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise BadInput("the reason is missing or too long", remedy=f"Say why in up to {LONGEST_REASON} characters.")
    with transaction.atomic():
        keys = {
            (row.kind, suppression_hash(IdentityKind(row.kind), row.normal, source=row.source))
            for row in Identity.objects.filter(party=party)
        }
        Suppression.objects.bulk_create(
            [Suppression(kind=kind, key_hash=key, reason=reason, source=source) for kind, key in sorted(keys)],
            ignore_conflicts=True,
        )
        audit.record(
            "party.suppressed",
            actor=by,
            subject=f"party:{party.pk}",
            details={"identities": len(keys), "source": source},
        )
    return len(keys)


def is_suppressed(party: Party) -> bool:
    """Whether any identity the party ever had is on the list."""
    keys = [
        suppression_hash(IdentityKind(row.kind), row.normal, source=row.source)
        for row in Identity.objects.filter(party=party)
    ]
    return Suppression.objects.filter(key_hash__in=keys).exists()
