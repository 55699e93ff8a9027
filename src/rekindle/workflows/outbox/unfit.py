"""What the words and the address of one message lack, at the instant it would go; None where nothing does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from django.conf import settings

from rekindle.act import text_message, tone
from rekindle.decide.eligibility import ALWAYS
from rekindle.decide.law import law
from rekindle.journal.models import Message, Road, Sending
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Brand, Breakup, Consent, Identity, Party, Relationship
from rekindle.relationships.queries import valid_on
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass
from rekindle.workflows import text_links


def lacking(letters: Sequence[tuple[Message, Party]], *, road: Sending, at: datetime) -> list[str | None]:
    """The first thing that keeps each message from going to its person at that instant, as a sentence."""
    numbers = {party.pk for _row, party in letters}
    roads = {row.channel for row, _party in letters}
    identities = Identity.objects.filter(valid_on(at.date()), party__in=numbers)
    addresses = set(identities.filter(kind=IdentityKind.EMAIL.value).values_list("party_id", "value"))
    phones: set[tuple[int, str]] = set()
    houses: dict[int, set[str]] = defaultdict(set)
    if Channel.SMS.value in roads:
        phones = set(identities.filter(kind=IdentityKind.PHONE.value).values_list("party_id", "normal"))
        named = Relationship.objects.filter(party__in=numbers).values_list("party_id", "brand__name")
        for number, name in named:
            houses[number].add(name)
    grounds: dict[int, set[str]] = defaultdict(lambda: {"none"})
    for number, basis in Consent.objects.filter(party__in=numbers, withdrawn_at=None).values_list("party_id", "basis"):
        grounds[number].add(basis)
    ours = frozenset(Brand.objects.exclude(name="").values_list("name", flat=True))
    ended = Breakup.objects.filter(relationship__party__in=numbers, withdrawn_at=None)
    left = set(ended.values_list("relationship__party_id", flat=True))
    found: list[str | None] = []
    for row, party in letters:
        if row.channel == Channel.EMAIL.value and (party.pk, row.recipient) not in addresses:
            found.append("The address is not theirs any more.")
        elif row.channel == Channel.SMS.value and (party.pk, row.recipient) not in phones:
            found.append("The number is not theirs any more.")
        else:
            who = frozenset({*houses[party.pk], road.from_name} - {""}) if row.channel == Channel.SMS.value else None
            found.append(
                _unfit(
                    row,
                    party,
                    road=road,
                    grounds=frozenset(grounds[party.pk]),
                    has_left=party.pk in left,
                    who=who,
                    ours=ours,
                )
            )
    return found


def says(text: str, name: str) -> bool:
    """Whether the name stands in the words, however its letters, accents and blanks are written."""
    return _as_read(name) in _as_read(text)


def _as_read(text: str) -> str:
    return " ".join(text_message.plain(text).split()).casefold()


def asked_by_law(party: Party, *, touch_class: TouchClass, channel: Channel) -> frozenset[str]:
    """What any ground of theirs asks of the words of such a touch, by the law where they are."""
    known = Consent.objects.filter(party=party, withdrawn_at=None).values_list("basis", flat=True)
    return _requires(party.country.upper() or None, touch_class, channel, frozenset({"none", *known}))


def _unfit(
    row: Message,
    party: Party,
    *,
    road: Sending,
    grounds: frozenset[str],
    has_left: bool,
    who: frozenset[str] | None,
    ours: frozenset[str],
) -> str | None:
    """What one message lacks.

    who   the names by one of which a text message must say who writes; None for what has a sender of its own
    ours  names of the house, which sign nothing
    """
    if who is not None and not any(says(row.text, name) for name in who):
        return "It does not say who writes; a text message names the house in its words."
    if who is None and road.road != Road.LOCAL.value and not (road.from_name and road.from_address):
        return "It does not say who writes; name a sender in Settings."
    touch_class = TouchClass(row.touch_class)
    if touch_class in ALWAYS:
        return None
    # No header of a text message stops anything: the link in its words must be the one that works today.
    stop = settings.SITE_URL if who is None else text_links.address(party)
    if stop not in row.text:
        return "It holds no way to hear nothing more."
    needs = _requires(party.country.upper() or None, touch_class, Channel(row.channel), grounds)
    if "postal_address" in needs and not _has_postal(row, road.postal_address):
        return "The law where they are asks for our postal address in it; write it in Settings."
    first = has_left and is_first_after_end(party, but=row.pk)
    found = tone.findings(
        row.text, subject=row.subject, touch_class=touch_class, first_after_end=first,
        signer=str((row.chosen.get("sender") or {}).get("is") or ""), houses=ours,
    )  # fmt: skip
    return str(found[0].tone.label) if found and found[0].stops else None


def is_first_after_end(party: Party, *, but: int | None = None) -> bool:
    """Whether their relationship is over and nothing of ours reached them since."""
    end = Breakup.objects.filter(relationship__party=party, withdrawn_at=None).order_by("-ended_on", "-id").first()
    if end is None or end.relationship.episodes.filter(began_on__gt=end.ended_on).exists():
        return False
    since = reached().filter(party=party, handed_at__date__gte=end.ended_on)
    others = since if but is None else since.exclude(pk=but)
    return not others.exclude(touch_class__in=[word.value for word in ALWAYS]).exists()


@lru_cache(maxsize=1024)
def _requires(
    country: str | None, touch_class: TouchClass, channel: Channel, grounds: frozenset[str]
) -> frozenset[str]:
    """All that any ground they may rest on asks of the words; the strictest where the country is not known."""
    rules = (law().rule(country=country, channel=channel, touch_class=touch_class, basis=basis) for basis in grounds)
    return frozenset(need for rule in rules if rule for need in rule.requires)


def _has_postal(row: Message, postal: str) -> bool:
    """Whether the address stands in it, on lines of its own or in one with commas."""
    return bool(postal) and _as_read(postal.replace(",", " ")) in _as_read(row.text.replace(",", " "))
