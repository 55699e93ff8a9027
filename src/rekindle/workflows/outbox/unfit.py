"""What the words and the address of one message lack, at the instant it would go; None where nothing does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from django.conf import settings

from rekindle.act import tone
from rekindle.decide.eligibility import ALWAYS
from rekindle.decide.law import law
from rekindle.journal.models import Message, Road, Sending
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Breakup, Consent, Identity, Party
from rekindle.relationships.queries import valid_on
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass


def lacking(letters: Sequence[tuple[Message, Party]], *, road: Sending, at: datetime) -> list[str | None]:
    """The first thing that keeps each message from going to its person at that instant, as a sentence."""
    numbers = {party.pk for _row, party in letters}
    identities = Identity.objects.filter(valid_on(at.date()), party__in=numbers, kind=IdentityKind.EMAIL.value)
    addresses = set(identities.values_list("party_id", "value"))
    grounds: dict[int, set[str]] = defaultdict(lambda: {"none"})
    for party, basis in Consent.objects.filter(party__in=numbers, withdrawn_at=None).values_list("party_id", "basis"):
        grounds[party].add(basis)
    ended = Breakup.objects.filter(relationship__party__in=numbers, withdrawn_at=None)
    left = set(ended.values_list("relationship__party_id", flat=True))
    return [
        "The address is not theirs any more."
        if row.channel == Channel.EMAIL.value and (party.pk, row.recipient) not in addresses
        else _unfit(row, party, road=road, grounds=frozenset(grounds[party.pk]), has_left=party.pk in left)
        for row, party in letters
    ]


def _unfit(row: Message, party: Party, *, road: Sending, grounds: frozenset[str], has_left: bool) -> str | None:
    if road.road != Road.LOCAL.value and not (road.from_name and road.from_address):
        return "It does not say who writes; name a sender in Settings."
    touch_class = TouchClass(row.touch_class)
    if touch_class in ALWAYS:
        return None
    if settings.SITE_URL not in row.text:
        return "It holds no way to hear nothing more."
    needs = _requires(party.country.upper() or None, touch_class, grounds)
    if "postal_address" in needs and not _has_postal(row, road.postal_address):
        return "The law where they are asks for our postal address in it; write it in Settings."
    first = has_left and is_first_after_end(party, but=row.pk)
    found = tone.findings(row.text, subject=row.subject, touch_class=touch_class, first_after_end=first)
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
def _requires(country: str | None, touch_class: TouchClass, grounds: frozenset[str]) -> frozenset[str]:
    """All that any ground they may rest on asks of the words; the strictest where the country is not known."""
    rules = (
        law().rule(country=country, channel=Channel.EMAIL, touch_class=touch_class, basis=basis) for basis in grounds
    )
    return frozenset(need for rule in rules if rule for need in rule.requires)


def _has_postal(row: Message, postal: str) -> bool:
    flat = " ".join(row.text.split())
    return bool(postal) and " ".join(postal.split()) in flat
