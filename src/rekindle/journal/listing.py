"""The list of people, a page at a time, by key: nothing is counted and nothing is skipped, however many there are.

Unfiltered, a page is a stretch of one index. With a filter that few people pass (FEW), their sort keys are read and
sorted here; with one that many pass, the order's own index is walked and those who do not pass are left out. People
without a figure come last, in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from rekindle.errors import BadInput
from rekindle.journal.models import CautionSign, Outlook
from rekindle.journal.queries import open_signs
from rekindle.relationships.models import Relationship
from rekindle.relationships.queries import numbers_of, search
from rekindle.relationships.vocabulary import Stage
from rekindle.words import Word

FEW: Final = 5_000
SEARCH_AT_MOST: Final = 200
"""So many a search looks at; who typed two letters types a third."""


class Sort(Word):
    STAKE = "stake", "value at stake"
    SEEN = "seen", "last seen"
    NAME = "name", "name"


_COLUMN: Final = {Sort.STAKE: "value_at_stake_minor", Sort.SEEN: "last_on"}


@dataclass(frozen=True)
class Asked:
    """What a list is asked for. `owner` is a member of staff's number, 0 for people nobody looks after."""

    text: str = ""
    stage: Stage | None = None
    owner: int | None = None
    sign: str = ""
    sort: Sort = Sort.STAKE
    after: str = ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.stage or self.owner is not None or self.sign)


@dataclass(frozen=True)
class Row:
    relationship: Relationship
    outlook: Outlook | None
    number: str
    signs: tuple[str, ...]

    @property
    def name(self) -> str:
        party = self.relationship.party
        return party.name or (f"customer {self.number}" if self.number else str(party))


@dataclass(frozen=True)
class Page:
    """Rows in order, the key after which the next page begins (empty: this is the last), and the order they are in:
    another than asked where many pass a filter and the wanted order cannot be walked."""

    rows: tuple[Row, ...]
    next: str
    sort: Sort


def people(asked: Asked, *, limit: int) -> Page:
    """One page. Raises BadInput for a key that is not one of ours."""
    if asked.text:
        found = search(asked.text, limit=SEARCH_AT_MOST)
        ids = list(_passing(Relationship.objects.filter(party_id__in=found), asked).values_list("id", flat=True))
        keys = _sorted_keys(Relationship.objects.filter(id__in=ids), asked.sort)
    elif asked.is_filtered and (few := _few(asked)) is not None:
        keys = _sorted_keys(Relationship.objects.filter(id__in=few), asked.sort)
    else:
        return _walk(replace(asked, sort=_order_for_many(asked)), limit=limit)
    if asked.after:
        after = _sort_key(_read_key(asked.after, asked.sort), asked.sort)
        keys = [key for key in keys if _sort_key(key, asked.sort) > after]
    return _page(keys[: limit + 1], sort=asked.sort, limit=limit)


def _passing(relationships: QuerySet[Relationship], asked: Asked) -> QuerySet[Relationship]:
    if asked.stage is not None:
        relationships = relationships.filter(stage=asked.stage.value)
    if asked.owner is not None:
        relationships = (
            relationships.filter(owner_id=asked.owner or None)
            if asked.owner
            else relationships.filter(owner__isnull=True)
        )
    if asked.sign:
        shown = CautionSign.objects.filter(code=asked.sign, cleared_on__isnull=True)
        relationships = relationships.filter(id__in=shown.values("relationship_id"))
    return relationships


def _few(asked: Asked) -> list[int] | None:
    """The numbers of all who pass the filter where they are few, else None; reads at most FEW + 1 of them."""
    ids = list(_passing(Relationship.objects.all(), asked).order_by().values_list("id", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


_RESTING: Final = frozenset(
    {Stage.COURTSHIP, Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS, Stage.CLOSED}
)
"""Stages in which nothing is at stake and nobody was seen lately: their people stand at the far end of both orders."""


def _order_for_many(asked: Asked) -> Sort:
    """The order that can be walked for a filter that many pass: by name, where the wanted order holds them all at its
    end and would be walked in vain (1.2 s for a million people, measured)."""
    is_late = asked.stage is Stage.PRESUMED_BREAKUP or bool(asked.sign)
    if asked.stage in _RESTING or (asked.sort is Sort.SEEN and is_late):
        return Sort.NAME
    return asked.sort


_Key = tuple[Any, int]
"""(the value sorted by, None where not known; the number that settles ties: of the relationship)."""


def _sorted_keys(relationships: QuerySet[Relationship], sort: Sort) -> list[_Key]:
    column = "party__name" if sort is Sort.NAME else f"outlook__{_COLUMN[sort]}"
    return sorted(relationships.order_by().values_list(column, "id"), key=lambda key: _sort_key(key, sort))


def _sort_key(key: _Key, sort: Sort) -> tuple[Any, ...]:
    """What Python compares: highest first for figures, first letter first for names, unknown last."""
    value, number = key
    if sort is Sort.NAME:
        return (False, value, number)
    if value is None:
        return (True, 0, number)
    return (False, -(value.toordinal() if isinstance(value, date) else value), number)


def _walk(asked: Asked, *, limit: int) -> Page:
    after = _read_key(asked.after, asked.sort) if asked.after else None
    if asked.sort is Sort.NAME:
        return _page(_walk_names(asked, after=after, limit=limit), sort=asked.sort, limit=limit)
    column = _COLUMN[asked.sort]
    keys: list[_Key] = []
    if after is None or after[0] is not None:
        known = _walked(asked).filter(**{f"{column}__isnull": False})
        if after is not None:
            value, number = after
            # The plain bound is there for the index; the pair cuts exactly.
            known = known.filter(**{f"{column}__lte": value}).filter(
                Q(**{f"{column}__lt": value}) | Q(relationship_id__gt=number)
            )
        keys = list(known.order_by(f"-{column}", "relationship_id").values_list(column, "relationship_id")[: limit + 1])
    if len(keys) <= limit:
        beyond = after[1] if after is not None and after[0] is None else 0
        unknown = _walked(asked).filter(**{f"{column}__isnull": True}, relationship_id__gt=beyond)
        ids = unknown.order_by("relationship_id").values_list("relationship_id", flat=True)
        keys += [(None, number) for number in ids[: limit + 1 - len(keys)]]
    return _page(keys, sort=asked.sort, limit=limit)


def _walked(asked: Asked) -> QuerySet[Outlook]:
    """Outlooks of those who pass, the filter written so that no other index than the order's can serve it."""
    outlooks = Outlook.objects.all()
    if asked.stage is not None:
        outlooks = outlooks.annotate(_stage=Coalesce(F("relationship__stage"), Value(""))).filter(
            _stage=asked.stage.value
        )
    if asked.owner is not None:
        outlooks = outlooks.annotate(_owner=Coalesce(F("relationship__owner_id"), Value(0))).filter(_owner=asked.owner)
    if asked.sign:
        outlooks = outlooks.filter(_shows(asked.sign, OuterRef("relationship_id")))
    return outlooks


def _walk_names(asked: Asked, *, after: _Key | None, limit: int) -> list[_Key]:
    """Names in the order of their index; the key is (name, relationship), ties by the party's number."""
    from rekindle.relationships.models import Party

    parties = Party.objects.all()
    if asked.is_filtered:
        passing = Relationship.objects.filter(party=OuterRef("pk"))
        if asked.stage is not None:
            passing = passing.filter(stage=asked.stage.value)
        if asked.owner is not None:
            passing = passing.filter(owner_id=asked.owner) if asked.owner else passing.filter(owner__isnull=True)
        if asked.sign:
            passing = passing.filter(_shows(asked.sign, OuterRef("pk")))
        parties = parties.filter(Exists(passing))
    if after is not None:
        name, number = after
        party = Relationship.objects.filter(pk=number).values_list("party_id", flat=True).first() or 0
        parties = parties.filter(name__gte=name).filter(Q(name__gt=name) | Q(id__gt=party))
    page = list(parties.order_by("name", "id").values_list("id", "name")[: limit + 1])
    related = dict(
        Relationship.objects.filter(party_id__in=[number for number, _ in page]).values_list("party_id", "id")
    )
    return [(name, related[number]) for number, name in page if number in related]


def _shows(code: str, relationship: OuterRef) -> Exists:
    return Exists(CautionSign.objects.filter(relationship_id=relationship, code=code, cleared_on__isnull=True))


def _page(keys: Sequence[_Key], *, sort: Sort, limit: int) -> Page:
    shown = keys[:limit]
    ids = [number for _, number in shown]
    found = {
        one.pk: one
        for one in Relationship.objects.filter(id__in=ids).select_related("party", "owner", "outlook", "brand")
    }
    numbers = numbers_of(one.party_id for one in found.values() if not one.party.name)
    signs: dict[int, list[str]] = {}
    for sign in open_signs(ids):
        signs.setdefault(sign.relationship_id, []).append(sign.code)
    rows = tuple(
        Row(found[number], getattr(found[number], "outlook", None), numbers.get(found[number].party_id, ""),
            tuple(signs.get(number, ())))
        for number in ids
        if number in found
    )  # fmt: skip
    return Page(rows, _write_key(shown[-1]) if len(keys) > limit and shown else "", sort)


def _write_key(key: _Key) -> str:
    value, number = key
    return f"{number}." if value is None else f"{number}.{value}"


def _read_key(text: str, sort: Sort) -> _Key:
    number, dot, value = text.partition(".")
    try:
        if not dot:
            raise ValueError(text)
        if sort is Sort.NAME:
            return value, int(number)
        if not value:
            return None, int(number)
        return (int(value) if sort is Sort.STAKE else date.fromisoformat(value)), int(number)
    except ValueError:
        raise BadInput(f"{text!r} is not a place in this list", remedy="Begin again at the first page.") from None
