"""Who another system speaks of: found by its own number, else by an address, else made new, as a load does it.

1. the source's number of them is known: it is them;
2. else one person, and one only, has the e-mail address or the phone number: it is them, and the number is learnt;
3. else, where the delivery tells who they are, somebody new; with a bare number nobody is made: the delivery waits
   until a load or another delivery says whose number it is.

Two sources never share numbers. Somebody who asked to be forgotten is not made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from rekindle.journal.models import WebhookSource
from rekindle.relationships.models import Identity, Party, Relationship, Suppression, suppression_hash
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit, forgotten
from rekindle.workflows.brand import the_brand
from rekindle.workflows.hooks.told import Who


@dataclass(frozen=True)
class Found:
    """Whom a delivery is about; or why nobody: `is_waiting` where it may become known later."""

    relationship: Relationship | None
    is_waiting: bool = False
    why: str = ""
    is_new: bool = False


def normal(who: Who) -> Who:
    """The same with addresses as loads keep them; what is no address or number is left out."""
    import pyarrow as pa

    from rekindle.observe import identities

    email = identities.emails(pa.array([who.email], pa.string()))[0].as_py() if who.email else ""
    region = who.country if len(who.country) == 2 and who.country.isalpha() else the_brand().region
    phone = identities.phones(pa.array([who.phone], pa.string()), region=region or None)[0].as_py() if who.phone else ""
    return replace(who, email=email or "", phone=phone or "")


def find(who: Who, *, source: WebhookSource) -> Party | None:
    """Steps 1 and 2, reading only. `who` as `normal` gives it."""
    if who.number:
        known = Identity.objects.filter(kind=IdentityKind.EXTERNAL.value, source=source.slug, normal=who.number)
        found = known.select_related("party").first()
        if found is not None:
            return found.party
    for kind, value in _addresses(who):
        rows = Identity.objects.filter(kind=kind.value, normal=value, valid_to=None)
        parties = list(rows.order_by("party_id").values_list("party_id", flat=True).distinct()[:2])
        if len(parties) == 1:
            return Party.objects.get(pk=parties[0])
    return None


def find_or_make(who: Who, *, source: WebhookSource) -> Found:
    """All three steps, in one transaction; the caller holds the source's row, so that nobody is made twice."""
    if who.is_nobody:
        return Found(None, why="It says of nobody whom we could know.")
    brand = the_brand()
    with transaction.atomic():
        party, gone = find(who, source=source), _forgotten(who, source=source)
        is_new = party is None
        if party is None:
            if gone:
                return Found(None, why="They asked to be forgotten; nothing is kept.")
            if not who.introduces:
                return Found(
                    None,
                    is_waiting=True,
                    why="Nobody is known under this number yet. It waits: load your customers with source "
                    f"{source.slug}, or let {source.slug} send who they are.",
                )
            party = Party.objects.create(name=who.name, **_said(who))
            audit.record("party.made", actor=None, subject=f"party:{party.pk}", details={"source": source.slug})
        elif who.introduces:
            _fill(party, who)
        for kind, value in _identities(who):
            if (kind, value) not in gone:
                Identity.objects.get_or_create(
                    party=party,
                    kind=kind.value,
                    source=source.slug if kind is IdentityKind.EXTERNAL else "",
                    normal=value,
                    defaults={"value": value},
                )
        relationship = Relationship.objects.get_or_create(party=party, brand=brand)[0]
    return Found(relationship, is_new=is_new)


def numbers_of(party: Party, *, source: WebhookSource) -> list[str]:
    """Every way this source may have named them: its numbers of them, their addresses."""
    rows = Identity.objects.filter(party=party).order_by("pk")
    return [row.normal for row in rows if row.kind != IdentityKind.EXTERNAL.value or row.source == source.slug]


def _addresses(who: Who) -> list[tuple[IdentityKind, str]]:
    found = [(IdentityKind.EMAIL, who.email.lower()), (IdentityKind.PHONE, who.phone)]
    return [(kind, value) for kind, value in found if value]


def _identities(who: Who) -> list[tuple[IdentityKind, str]]:
    return [*([(IdentityKind.EXTERNAL, who.number)] if who.number else []), *_addresses(who)]


def _forgotten(who: Who, *, source: WebhookSource) -> set[tuple[IdentityKind, str]]:
    """Those of their numbers and addresses that belong to somebody who asked to be forgotten."""
    hashes = {suppression_hash(kind, value, source=source.slug): (kind, value) for kind, value in _identities(who)}
    gone = Suppression.objects.filter(reason=forgotten.REASON, key_hash__in=hashes)
    return {hashes[key] for key in gone.values_list("key_hash", flat=True)}


def _said(who: Who) -> dict[str, Any]:
    return {"given_name": who.given_name, "language": who.language[:16], "country": who.country[:64]}


def _fill(party: Party, who: Who) -> None:
    """What we did not know yet; what we know stands."""
    said = {"name": who.name, **_said(who)}
    fresh = [field for field, value in said.items() if value and not getattr(party, field)]
    for field in fresh:
        setattr(party, field, said[field])
    if fresh:
        party.save(update_fields=fresh)
