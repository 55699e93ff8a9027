"""Who gets which items of an issue: of everybody at once, in columns, with a reason for who gets none.

1. everybody with whom there is a relationship, in the language of the issue;
2. whoever has it already is past; whom nobody can greet by name is not written to;
3. the items that fit them: by their interests and the words of their goals, by what they are to us, never one they
   were sent before, alone or in another issue; fewer than two are no newsletter;
4. the rules of contact, asked about those who are left, by the very function that every message meets again.

`content.interests_of` and `content.kinds_of` say the same of one person. Reading only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform
from numpy.typing import NDArray

from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES
from rekindle.journal.models import ContentItem, Issue, Message
from rekindle.relationships.models import Goal, Party, Relationship, StakeholderRole
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.words import Word
from rekindle.workflows import bulk, content
from rekindle.workflows.why_not import facts

AT_LEAST: Final = 2
"""Items below which there is no newsletter for somebody."""
AT_MOST: Final = 8
_SOME: Final = 500

Ints = NDArray[np.int64]
Masks = NDArray[np.uint8]
Codes = NDArray[np.int8]


class Receipt(Word):
    """What becomes of one person when an issue is sent."""

    GETS = "gets", "get it"
    REFUSED = "refused", "are not written to: a rule says no"
    FEW = "few", "get none: fewer than two items fit that they do not have"
    LANGUAGE = "language", "read another language"
    NAMELESS = "nameless", "have no name here to be greeted by"
    ALREADY = "already", "have it already"


RECEIPTS: Final = tuple(Receipt)


@dataclass(frozen=True)
class Readers:
    """Everybody, in the order of their numbers.

    parties  (n,) numbers
    receipt  (n,) codes of RECEIPTS
    mask     (n,) bit k is set where item k of the issue is for them
    rule     (n,) codes of RULES for those whom a rule refuses, -1 otherwise
    """

    parties: Ints
    receipt: Codes
    mask: Masks
    rule: Codes

    def those(self, receipt: Receipt) -> Ints:
        """Positions of those with that answer."""
        return np.flatnonzero(self.receipt == RECEIPTS.index(receipt))

    def counts(self) -> dict[str, int]:
        """How many by answer, none left out."""
        found = np.bincount(self.receipt, minlength=len(RECEIPTS)).tolist()
        return {receipt.value: n for receipt, n in zip(RECEIPTS, found, strict=True)}

    def rules(self) -> dict[str, int]:
        """How many each rule refuses."""
        said: Counter[str] = Counter()
        for code, n in zip(*np.unique(self.rule[self.rule >= 0], return_counts=True), strict=True):
            said[RULES[int(code)].value] += int(n)
        return dict(said)


def key_of(issue: int, party: int | str) -> str:
    """What makes an issue one message for one person."""
    return f"issue:{issue}:{party}"


def messages_of(issue: int) -> Any:
    """The messages of an issue; a stretch of the keys, which are in order."""
    return Message.objects.filter(key__gte=key_of(issue, ""), key__lt=f"issue:{issue};")


def items_of(issue: Issue) -> list[ContentItem]:
    """Its items as they stand in the library, in its order; one that was withdrawn or is gone is left out."""
    known = ContentItem.objects.filter(withdrawn_at=None).in_bulk(issue.items)
    return [known[number] for number in issue.items if number in known][:AT_MOST]


def readers_of(issue: Issue, items: Sequence[ContentItem], *, at: datetime) -> Readers:
    """What becomes of everybody if the issue is sent with those items at an instant; bit k of a mask is item k."""
    rows = Relationship.objects.filter(party__deceased_on=None)
    numbers, languages = bulk.read(rows, "party_id", "party__language")
    parties, first = np.unique(np.asarray(numbers, dtype=np.int64), return_index=True)
    n = len(parties)
    spoken = np.array([(language or "en")[:2].casefold() == issue.language for language in languages], dtype=np.bool_)
    receipt = np.full(n, RECEIPTS.index(Receipt.GETS), dtype=np.int8)
    mask = _fitting(parties, items, at=at) & ~_had(parties, items)
    few = np.bitwise_count(mask) < AT_LEAST
    (nameless,) = bulk.read(Party.objects.filter(name=""), "pk")
    (have,) = bulk.read(messages_of(issue.pk).exclude(party=None), "party_id")
    rule = np.full(n, -1, dtype=np.int8)
    # The first answer that holds is theirs, so the last one written comes first.
    for said, which in (
        (Receipt.FEW, few),
        (Receipt.NAMELESS, _are(parties, nameless)),
        (Receipt.LANGUAGE, ~spoken[first] if n else few),
        (Receipt.ALREADY, _are(parties, have)),
    ):
        receipt[which] = RECEIPTS.index(said)
    asked = np.flatnonzero(receipt == RECEIPTS.index(Receipt.GETS))
    if len(asked):
        verdict = eligibility.check(
            facts(parties[asked], at=at), touch_class=TouchClass.CONTENT, channel=Channel.EMAIL, at=at, hour=False
        )
        refused = asked[~verdict.allowed]
        receipt[refused] = RECEIPTS.index(Receipt.REFUSED)
        rule[refused] = verdict.rule[~verdict.allowed]
    return Readers(parties, receipt, mask, rule)


def _fitting(parties: Ints, items: Sequence[ContentItem], *, at: datetime) -> Masks:
    """The items for each: about something they care about or about nothing in particular, and for who they are."""
    about = _bits(items, "interests")
    mask = np.full(len(parties), about.pop("", 0), dtype=np.uint8)
    if about:
        for numbers, masks in (_own_columns(about), _goals(about)):
            _add(mask, parties, numbers, masks)
    kinds = _bits(items, "kinds")
    allowed = np.full(len(parties), kinds.pop("", 0), dtype=np.uint8)
    if kinds:
        day = at.date()
        held = StakeholderRole.objects.filter(Q(to_day=None) | Q(to_day__gte=day), kind__in=list(kinds))
        numbers, words = bulk.read(held.filter(Q(from_day=None) | Q(from_day__lte=day)), "party_id", "kind")
        _add(allowed, parties, numbers, [kinds[word] for word in words])
    fit: Masks = mask & allowed
    return fit


def _bits(items: Sequence[ContentItem], field: str) -> dict[str, int]:
    """The items each word asks for, as bits; under "" those that ask for none."""
    found: dict[str, int] = {}
    for place, item in enumerate(items):
        for word in getattr(item, field) or [""]:
            found[word] = found.get(word, 0) | 1 << place
    return found


def _own_columns(about: dict[str, int]) -> tuple[list[int], list[int]]:
    """What people told us themselves. Many say the same: each text is read once."""
    told = Q()
    for name in content.INTERESTS:
        told |= Q(**{f"extra__{name}__isnull": False})
    rows = Party.objects.filter(told)
    columns = {f"told_{name}": KeyTextTransform(name, "extra") for name in content.INTERESTS}
    numbers, *texts = bulk.read(rows.annotate(**columns), "pk", *columns)
    known: dict[str, int] = {}
    masks = [0] * len(numbers)
    for column in texts:
        for place, text in enumerate(column):
            if text:
                if text not in known:
                    known[text] = _mask(content.as_interests(_as_told(text)), about)
                masks[place] |= known[text]
    return numbers, masks


def _goals(about: dict[str, int]) -> tuple[list[int], list[int]]:
    numbers, texts = bulk.read(Goal.objects.filter(given_up_on=None), "relationship__party_id", "text")
    known: dict[str, int] = {}
    for text in texts:
        if text not in known:
            known[text] = _mask(content.words_in(text), about)
    return numbers, [known[text] for text in texts]


def _as_told(text: str) -> Any:
    """A list where the column held one: the books give its text."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _mask(words: Any, about: dict[str, int]) -> int:
    found = 0
    for word in words:
        found |= about.get(word, 0)
    return found


def _had(parties: Ints, items: Sequence[ContentItem]) -> Masks:
    """The items each has, or is about to have: whatever stands in a message that did not come to nothing."""
    places = {item.pk: place for place, item in enumerate(items)}
    sent = Message.objects.filter(content__startswith=content.CONTENT).exclude(state__in=content.CAME_TO_NOTHING)
    told: dict[str, int] = {}
    for key in sent.order_by().values_list("content", flat=True).distinct():
        bits = sum(1 << places[number] for number in set(content.items_in(key)) if number in places)
        if bits:
            told[key] = bits
    mask = np.zeros(len(parties), dtype=np.uint8)
    keys = sorted(told)
    for start in range(0, len(keys), _SOME):
        rows = sent.filter(content__in=keys[start : start + _SOME]).exclude(party=None)
        numbers, found = bulk.read(rows, "party_id", "content")
        _add(mask, parties, numbers, [told[key] for key in found])
    return mask


def _are(parties: Ints, numbers: Sequence[int]) -> NDArray[np.bool_]:
    return np.isin(parties, np.asarray(numbers, dtype=np.int64))


def _add(mask: Masks, parties: Ints, numbers: Sequence[int], masks: Sequence[int]) -> None:
    """Set the bits of each number that is among the parties, which are in order."""
    if not len(parties) or not len(numbers):
        return
    wanted = np.asarray(numbers, dtype=np.int64)
    at = np.minimum(np.searchsorted(parties, wanted), len(parties) - 1)
    is_there = parties[at] == wanted
    np.bitwise_or.at(mask, at[is_there], np.asarray(masks, dtype=np.uint8)[is_there])
