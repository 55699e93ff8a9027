"""Records that may be one person, as pairs with the reasons; nothing is decided and nothing changes.

1. addresses and numbers that two to `SHARED_AT_MOST` parties have now: every two of them are a pair;
2. names that two to `SHARED_AT_MOST` parties have, to the letter: every two of them that also share the part of an
   e-mail address before the @, or a domain that few have, are a pair;
3. the strength of a pair comes from a table of what they share, and pairs come in its order, a page at a time.

One statement for all, whatever the number of people. "Not the same" is not remembered: there is no table for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

from rekindle.errors import BadInput
from rekindle.relationships.models import Identity, Party
from rekindle.relationships.vocabulary import IdentityKind

SHARED_AT_MOST: Final = 20
"""An address that more people have is a switchboard, a name that more people have is a common one. Our choice."""

DOMAIN_AT_MOST: Final = 50
"""A domain that more people have is a mail provider and says nothing. Our choice."""

STRENGTH: Final = {
    ("address", "same name"): 98,
    ("address", "no name"): 85,
    ("number", "same name"): 95,
    ("number", "no name"): 75,
    ("address", "other name"): 55,
    ("number", "other name"): 40,
    ("local part", "same name"): 70,
    ("domain", "same name"): 60,
}
"""How far up a pair stands, 0 to 100: an order of our choice, not a chance. A shared address under two names is more
often a couple than one person."""


@dataclass(frozen=True)
class Pair:
    """Two parties, the older record first, what they share in words, and how strong that is (0 to 100)."""

    one: Party
    other: Party
    strength: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """Pairs, strongest first; `next` is the place of the page after this one, empty at the end."""

    pairs: tuple[Pair, ...]
    next: str


def find(*, limit: int = 25, after: str = "") -> Page:
    """One page of pairs. Raises BadInput for a place that is none."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY.format(at=_AT[connection.vendor]), {**_FACTS, **_place(after), "limit": limit + 1})
        found = cursor.fetchall()
    parties = Party.objects.in_bulk({number for row in found[:limit] for number in row[1:3]})
    shared = _shared([(one, other) for _, one, other in found[:limit]])
    pairs = tuple(
        Pair(
            parties[one],
            parties[other],
            strength,
            (*_same_name(parties[one], parties[other]), *shared.get((one, other), ())),
        )
        for strength, one, other in found[:limit]
    )
    last = found[limit - 1] if len(found) > limit else None
    return Page(pairs, "-".join(str(number) for number in last) if last else "")


def _place(after: str) -> dict[str, int]:
    if not after:
        return {"strength": 101, "one": 0, "other": 0}
    parts = after.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise BadInput(f"{after!r} is no place in the list", remedy="Begin at the beginning.")
    return dict(zip(("strength", "one", "other"), map(int, parts), strict=True))


def _same_name(one: Party, other: Party) -> tuple[str, ...]:
    return ("the same name",) if one.name and one.name.lower() == other.name.lower() else ()


def _shared(pairs: list[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, ...]]:
    """In words, which addresses and numbers each of these pairs has in common."""
    of: dict[int, dict[str, set[str]]] = {}
    wanted = {number for pair in pairs for number in pair}
    kinds = (IdentityKind.EMAIL.value, IdentityKind.PHONE.value)
    for row in Identity.objects.filter(party_id__in=wanted, kind__in=kinds, valid_to=None):
        of.setdefault(row.party_id, {}).setdefault(row.kind, set()).add(row.normal)
    said = {}
    for one, other in pairs:
        mine, theirs = of.get(one, {}), of.get(other, {})
        mails, others = mine.get(kinds[0], set()), theirs.get(kinds[0], set())
        words = [f"both have {text}" for text in sorted(mails & others)]
        words += [f"both have {text}" for text in sorted(mine.get(kinds[1], set()) & theirs.get(kinds[1], set()))]
        if not words:
            locals_ = {text.split("@")[0] for text in mails} & {text.split("@")[0] for text in others}
            domains = {text.split("@")[-1] for text in mails} & {text.split("@")[-1] for text in others}
            words = [f"both are {text}@ somewhere" for text in sorted(locals_)]
            words += [f"both are at {text}" for text in sorted(domains)]
        said[one, other] = tuple(words)
    return said


_AT = {"sqlite": "instr(i.normal, '@')", "postgresql": "strpos(i.normal, '@')"}

_FACTS = {
    "shared": SHARED_AT_MOST,
    "domain": DOMAIN_AT_MOST,
    "mail": IdentityKind.EMAIL.value,
    "phone": IdentityKind.PHONE.value,
    **{f"{shares}_{name}".replace(" ", "_"): points for (shares, name), points in STRENGTH.items()},
}

_QUERY = """
WITH shared AS (
    SELECT i.normal, i.kind FROM relationships_identity i WHERE i.kind IN (%(mail)s, %(phone)s) AND i.valid_to IS NULL
    GROUP BY i.normal, i.kind HAVING count(*) BETWEEN 2 AND %(shared)s
), named AS (
    SELECT name FROM relationships_party WHERE name <> ''
    GROUP BY name HAVING count(*) BETWEEN 2 AND %(shared)s
), namesake AS (
    SELECT p.id, p.name, substr(i.normal, 1, {at}) AS local_part, substr(i.normal, {at} + 1) AS domain
    FROM named n JOIN relationships_party p ON p.name = n.name
    JOIN relationships_identity i ON i.party_id = p.id AND i.kind = %(mail)s AND i.valid_to IS NULL
), alike AS (
    SELECT m.id AS one, n.id AS other, m.local_part = n.local_part AS is_local, m.domain
    FROM namesake m JOIN namesake n ON n.name = m.name AND n.id > m.id
    WHERE (m.local_part = n.local_part) <> (m.domain = n.domain)
), few AS (
    SELECT substr(i.normal, {at} + 1) AS domain FROM relationships_identity i
    WHERE i.kind = %(mail)s AND i.valid_to IS NULL AND EXISTS (SELECT 1 FROM alike)
    GROUP BY 1 HAVING count(DISTINCT i.party_id) <= %(domain)s
), pair AS (
    SELECT a.party_id AS one, b.party_id AS other, s.kind AS what FROM shared s
    JOIN relationships_identity a ON a.normal = s.normal AND a.kind = s.kind AND a.valid_to IS NULL
    JOIN relationships_identity b ON b.normal = s.normal AND b.kind = s.kind AND b.valid_to IS NULL
        AND b.party_id > a.party_id
    UNION
    SELECT one, other, CASE WHEN is_local THEN 'local part' ELSE 'domain' END FROM alike
    WHERE is_local OR domain IN (SELECT domain FROM few)
), weighed AS (
    SELECT pair.one, pair.other, max(CASE
        WHEN what = 'local part' THEN %(local_part_same_name)s
        WHEN what = 'domain' THEN %(domain_same_name)s
        WHEN p.name = '' OR q.name = ''
            THEN CASE what WHEN %(mail)s THEN %(address_no_name)s ELSE %(number_no_name)s END
        WHEN lower(p.name) = lower(q.name)
            THEN CASE what WHEN %(mail)s THEN %(address_same_name)s ELSE %(number_same_name)s END
        ELSE CASE what WHEN %(mail)s THEN %(address_other_name)s ELSE %(number_other_name)s END
    END) AS strength
    FROM pair JOIN relationships_party p ON p.id = pair.one JOIN relationships_party q ON q.id = pair.other
    WHERE p.kind = q.kind
    GROUP BY pair.one, pair.other
)
SELECT strength, one, other FROM weighed
WHERE strength < %(strength)s OR (strength = %(strength)s AND (one > %(one)s OR (one = %(one)s AND other > %(other)s)))
ORDER BY strength DESC, one, other LIMIT %(limit)s
"""
