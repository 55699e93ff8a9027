"""The silence after a clean break holds for the same person under a new address, and for a record made anew of them.

    of_load   after the rows of a load are written: the identities it brought for somebody closed for good, or for a
              party that shares an address with them, go on the never-again list too
    sweep     for the night: identities that came to them by a merge or by hand

1. where nobody was ever closed for good, nothing is asked;
2. of the parties to which the load brought an identity that was not there before, find those who are closed or who
   hold an address on the list by a clean break;
3. add the hashes of what the load brought for them, and look again, until nothing is added.

An address that more parties share than a family has is nobody's address: it closes no one else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import Count, Exists, OuterRef, QuerySet

from rekindle.journal.models import Intake
from rekindle.relationships.models import CleanBreak, Identity, Suppression, suppression_hash
from rekindle.relationships.vocabulary import IdentityKind, Stage
from rekindle.workflows import bulk
from rekindle.workflows.clean_break import SOURCE

SHARED_BY: Final = 5
"""More parties than this with one address are an office or a placeholder, not one person. Our choice: a family."""

_REASON: Final = "new address of somebody closed for good"
_AT_ONCE: Final = 1_000

Key = tuple[str, str]
"""(kind of identity, its keyed hash)."""


def of_load(intake: Intake) -> int:
    """Keep silent what a load brought for those who are closed for good; gives how many identities were added.

    Runs inside the load's transaction, after its identities are written.
    """
    listed: set[Key] = set(Suppression.objects.filter(source=SOURCE).values_list("kind", "key_hash"))
    closed = set(_closed().values_list("relationship__party_id", flat=True))
    if not listed and not closed:
        return 0
    fresh = Identity.objects.filter(load=intake.pk)
    held = _hashed(Identity.objects.filter(party__in=fresh.values("party")))
    brought = {(one.party, one.key) for one in held if one.load == intake.pk}
    holders: dict[Key, set[int]] = {}
    for one in held:
        holders.setdefault(one.key, set()).add(one.party)
    normals = {one.key: one.normal for one in held}
    added: set[Key] = set()
    while True:
        hits = {key: normals[key] for key in holders if key in listed}
        silent = closed.union(*(holders[key] for key in hits.keys() - _crowded(hits)))
        found = {key for party, key in brought if party in silent} - listed
        if not found:
            break
        added |= found
        listed |= found
    return _keep(added, load=intake.pk)


def sweep() -> int:
    """Put on the list what those who are closed for good are known by and what is not there yet; gives how many."""
    parties = _closed().values("relationship__party")
    keys = {one.key for one in _hashed(Identity.objects.filter(party__in=parties))}
    known: set[Key] = set()
    hashes = sorted(key for _, key in keys)
    for start in range(0, len(hashes), _AT_ONCE):
        some = Suppression.objects.filter(key_hash__in=hashes[start : start + _AT_ONCE])
        known.update(some.values_list("kind", "key_hash"))
    return _keep(keys - known, load=None)


def _closed() -> QuerySet[CleanBreak]:
    """Clean breaks that hold."""
    later = CleanBreak.objects.filter(relationship=OuterRef("relationship"), pk__gt=OuterRef("pk"))
    return CleanBreak.objects.filter(reopened_at=None, relationship__stage=Stage.CLOSED.value).exclude(Exists(later))


class _Held(NamedTuple):
    """One identity: whose, its key, as it is compared, and the load that brought it."""

    party: int
    key: Key
    normal: str
    load: int | None


def _hashed(identities: QuerySet[Identity]) -> list[_Held]:
    columns = bulk.read(identities, "party_id", "kind", "source", "normal", "load")
    return [
        _Held(party, (kind, suppression_hash(IdentityKind(kind), normal, source=source)), normal, load)
        for party, kind, source, normal, load in zip(*columns, strict=True)
    ]


def _crowded(hits: dict[Key, str]) -> set[Key]:
    """Addresses on the list, by key as they are compared, that too many parties share."""
    found: set[Key] = set()
    normals = sorted(set(hits.values()))
    for start in range(0, len(normals), _AT_ONCE):
        held = Identity.objects.filter(normal__in=normals[start : start + _AT_ONCE])
        shared = held.values("kind", "source", "normal").annotate(n=Count("party")).filter(n__gt=SHARED_BY)
        found.update(
            (kind, suppression_hash(IdentityKind(kind), normal, source=source))
            for kind, source, normal in shared.order_by().values_list("kind", "source", "normal")
        )
    return found


def _keep(keys: Iterable[Key], *, load: int | None) -> int:
    rows = [
        Suppression(kind=kind, key_hash=key, reason=_REASON, source=SOURCE, load=load) for kind, key in sorted(keys)
    ]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)
    return len(rows)
