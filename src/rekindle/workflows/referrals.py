"""Recommendations: a link that anybody who knows us may hand on, and what the friend tells us by their own act.

1. whoever has a door has a link to hand on; it names nobody and holds no address
2. the friend leaves a name, a way to reach them and a word; nothing is asked of the one who recommended, and no
   machine writes to the friend: a task for a human is all that follows
3. a human says what became of it; once that is settled, name and way go, and the one who recommended may be thanked
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Message
from rekindle.relationships import queries
from rekindle.relationships.models import Party, Referral, Relationship
from rekindle.relationships.vocabulary import (
    Channel,
    LinkKind,
    ReferralState,
    Terms,
)
from rekindle.workflows import audit, consent, links, together, unsubscribe
from rekindle.workflows.compose import compose
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.outbox.put import put
from rekindle.workflows.they_spoke import ask_to_answer
from rekindle.workflows.writing import must_write, words

LONGEST_WORDS: Final = 1_000
_SAME: Final = timedelta(minutes=10)
_BAD: Final = (Terms.BAD.value, Terms.TOXIC.value)
_OPEN: Final = (ReferralState.TOLD.value, ReferralState.MET.value)
THANKS: Final = "thank_you_referral"


@dataclass(frozen=True)
class Friend:
    """What a friend left. `reach` is an address or a number, as they wrote it."""

    name: str
    reach: str
    words: str = ""


def may_recommend(party: Party) -> bool:
    """Whether they are shown a link to hand on: not who asked for silence, nor who parted on bad terms."""
    relationship = queries.relationship_of(party)
    return relationship is not None and relationship.terms not in _BAD and not unsubscribe.is_never(party)


def link_of(party: Party, *, via: str = "door") -> str:
    """The address they may hand on. via: where they found it, kept with what comes of it."""
    token = links.make(LinkPurpose.REFERRAL, party, about=via)
    return f"{settings.SITE_URL}{reverse('recommended', args=[token])}"


def tell(referrer: Party, friend: Friend, *, via: str) -> Referral:
    """A friend of theirs spoke to us. The same within ten minutes is a second click and gives the first.

    Raises BadInput for a name or a way to reach them that is missing or too long.
    """
    said = Friend(
        words(friend.name, what="your name", at_most=200),
        words(friend.reach, what="how to reach you", at_most=320),
        words(friend.words, what="what you wrote", at_most=LONGEST_WORDS, are_needed=False),
    )
    with transaction.atomic():
        referrer = consent.locked(referrer)
        since = timezone.now() - _SAME
        twin = Referral.objects.filter(referrer=referrer, name=said.name, reach=said.reach, told_at__gt=since).first()
        if twin is not None:
            return twin
        found = Referral.objects.create(
            referrer=referrer, name=said.name, reach=said.reach, words=said.words, via=via or "link"
        )
        _task(referrer)
        audit.record("referral.told", actor=None, subject=f"referral:{found.pk}", details={"referrer": referrer.pk})
    return found


def met(number: int, *, by: User) -> Referral:
    """We are in touch. Raises NotFound, Refused, and Conflict where it is settled already."""
    return _to(number, ReferralState.MET, by=by)


def joined(number: int, *, friend: Party, by: User) -> Referral:
    """The friend is a customer now, and the books say who introduced them.

    Raises NotFound, Refused, BadInput for somebody who cannot be introduced by them, Conflict where it is settled.
    """
    with transaction.atomic():
        found = _held(number, by=by)
        if friend.pk == found.referrer_id:
            raise BadInput("nobody recommends themselves", remedy="Choose the record of the friend.")
        together.link(friend, found.referrer, kind=LinkKind.INTRODUCED_BY, by=by)
        found.friend = friend
        return _settle(found, ReferralState.JOINED, by=by)


def declined(number: int, *, by: User) -> Referral:
    """It came to nothing. Raises NotFound, Refused, and Conflict where it is settled already."""
    return _to(number, ReferralState.DECLINED, by=by)


def thank(number: int, *, by: User) -> Message:
    """A letter of thanks to the one who recommended, into the outbox, once.

    Raises NotFound, Refused, Conflict while nothing came of it, BadInput naming the fact that the letter lacks.
    """
    must_write(by)
    found = Referral.objects.select_related("referrer").filter(pk=number).first()
    if found is None:
        raise NotFound(f"no recommendation {number}")
    if found.state != ReferralState.JOINED.value:
        raise Conflict("there is nothing to thank for yet", remedy="Say first that the friend joined.")
    key = f"referral:{found.pk}:thanks"
    sent = Message.objects.filter(key=key).first()
    if sent is not None:
        return sent
    relationship = Relationship.objects.select_related("party", "brand", "owner").filter(party=found.referrer).first()
    if relationship is None:
        raise BadInput("there is no relationship with them", remedy="Thank them in person.")
    written = compose(relationship, THANKS, at=timezone.now(), signer=by)
    with transaction.atomic():
        message = put(
            found.referrer, written.words, key=key, touch_class=written.touch_class,
            made_by="referral", chosen=written.chosen, by=by,
        )  # fmt: skip
        if found.thanked_at is None:
            found.thanked_at = timezone.now()
            found.save(update_fields=["thanked_at"])
    return message


def _to(number: int, state: ReferralState, *, by: User) -> Referral:
    with transaction.atomic():
        return _settle(_held(number, by=by), state, by=by)


def _held(number: int, *, by: User) -> Referral:
    must_write(by)
    # Only its own row is locked: the friend's may be missing, and PostgreSQL locks no row that may be.
    rows = Referral.objects.select_for_update(of=("self",)).select_related("referrer")
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound(f"no recommendation {number}")
    if found.state not in _OPEN:
        raise Conflict(f"this recommendation is settled: {ReferralState(found.state).label}")
    return found


def _settle(found: Referral, state: ReferralState, *, by: User) -> Referral:
    found.state = state.value
    if state.value not in _OPEN:
        found.settled_at, found.settled_by = timezone.now(), by
        # They are in the books under their own name now, or they are nobody's business.
        found.name = found.reach = found.words = ""
    found.save()
    audit.record("referral.settled", actor=by, subject=f"referral:{found.pk}", details={"to": state.value})
    return found


def _task(referrer: Party) -> None:
    """Who looks after the one who recommended hears of the friend; one task, however many friends wrote."""
    relationship = queries.relationship_of(referrer)
    if relationship is None or not may_recommend(referrer):
        return  # the friend waits on the desk all the same; nobody is sent to somebody who asked for silence
    ask_to_answer(
        relationship,
        why="A friend they recommended us to left a word; see Recommendations.",
        line="Thank you for recommending us.",
        channel=Channel.IN_PERSON,
        is_theirs=False,
    )
