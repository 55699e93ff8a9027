"""What the words and the address of one message lack, at the instant it would go; None where nothing does."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from rekindle.act import tone
from rekindle.decide.eligibility import ALWAYS
from rekindle.decide.law import law
from rekindle.journal.models import Message, Road, Sending
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Breakup, Consent, Identity, Party
from rekindle.relationships.queries import valid_on
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass


def unfit(row: Message, party: Party, *, road: Sending, at: datetime) -> str | None:
    """The first thing that keeps this message from going at that instant, as a sentence."""
    if row.channel == Channel.EMAIL.value and not _is_theirs(row, party, at=at):
        return "The address is not theirs any more."
    touch_class = TouchClass(row.touch_class)
    if road.road != Road.LOCAL.value and not (road.from_name and road.from_address):
        return "It does not say who writes; name a sender in Settings."
    if touch_class in ALWAYS:
        return None
    if settings.SITE_URL not in row.text:
        return "It holds no way to hear nothing more."
    if "postal_address" in _requires(party, touch_class) and not _has_postal(row, road.postal_address):
        return "The law where they are asks for our postal address in it; write it in Settings."
    found = tone.findings(
        row.text, subject=row.subject, touch_class=touch_class, first_after_end=is_first_after_end(party, but=row.pk),
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


def _is_theirs(row: Message, party: Party, *, at: datetime) -> bool:
    mine = Identity.objects.filter(valid_on(at.date()), party=party, kind=IdentityKind.EMAIL.value)
    return mine.filter(value=row.recipient).exists()


def _requires(party: Party, touch_class: TouchClass) -> frozenset[str]:
    """All that any ground they may rest on asks of the words; the strictest where the country is not known."""
    grounds = {"none", *Consent.objects.filter(party=party, withdrawn_at=None).values_list("basis", flat=True)}
    found: set[str] = set()
    for basis in grounds:
        rule = law().rule(
            country=party.country.upper() or None, channel=Channel.EMAIL, touch_class=touch_class, basis=str(basis)
        )
        found |= set(rule.requires) if rule else set()
    return frozenset(found)


def _has_postal(row: Message, postal: str) -> bool:
    flat = " ".join(row.text.split())
    return bool(postal) and " ".join(postal.split()) in flat
