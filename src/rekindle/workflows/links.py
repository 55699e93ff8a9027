"""Signed links: what lets somebody without an account reach their own page, and nothing else.

A link is bound to one purpose and one party, and to how many sets of links that party was given: one set more
(`end_all`), and every link given out before is dead. It holds no name and no address. A wrong one, an old one and one
for another purpose are answered alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import NotFound
from rekindle.relationships.models import Party
from rekindle.words import Word
from rekindle.workflows import audit


class LinkPurpose(Word):
    """What a link lets its holder do. A link for one purpose opens no other door."""

    INTERVIEW = "interview", "answer why they left"
    PREFERENCES = "preferences", "say what they would like to hear"
    UNSUBSCRIBE = "unsubscribe", "hear nothing more, in one click"
    DOOR = "door", "come back, or anything else"
    REFERRAL = "referral", "speak to us, recommended by a friend"
    THREE_QUESTIONS = "three_questions", "tell what could have been better"


LONGEST_ABOUT: Final = 64


@dataclass(frozen=True)
class Holder:
    """Who a link belongs to, and what it is about: an interview's number, a channel; often nothing."""

    party: Party
    about: str


def make(purpose: LinkPurpose, party: Party, *, about: str = "") -> str:
    """A token for that purpose and party, safe in an address, valid until `end_all`.

    about  at most 64 letters, digits, dots and dashes
    """
    if len(about) > LONGEST_ABOUT or not all(letter.isalnum() or letter in ".-_" for letter in about):
        raise ValueError(f"{about!r} cannot stand in a link")
    return _signer(purpose).sign(f"{party.pk}~{party.links_given}~{about}")


def read(purpose: LinkPurpose, token: str) -> Holder:
    """Who holds it. Raises NotFound, with the same words for every kind of wrong link."""
    try:
        number, given, about = _signer(purpose).unsign(token).split("~")
    except (BadSignature, ValueError) as error:
        raise _gone() from error
    party = Party.objects.filter(pk=int(number), links_given=int(given)).first()
    if party is None:
        raise _gone()
    return Holder(party, about)


def end_all(party: Party, *, by: User | None) -> None:
    """Make every link given to that party useless, at once: a mail was passed on, or an address went to another."""
    with transaction.atomic():
        Party.objects.filter(pk=party.pk).update(links_given=F("links_given") + 1)
        party.refresh_from_db(fields=["links_given"])
        audit.record("links.ended", actor=by, subject=f"party:{party.pk}")


def _gone() -> NotFound:
    return NotFound("this link is not valid any more", remedy="Ask us for a new one; any of our staff can make it.")


def _signer(purpose: LinkPurpose) -> Signer:
    # The salt binds to the purpose; 256 bits of HMAC-SHA256 leave nothing to guess.
    return Signer(key=home.key("links"), sep=".", salt=f"rekindle.link.{purpose.value}")
