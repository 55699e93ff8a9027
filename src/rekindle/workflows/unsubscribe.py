"""Hear less, nothing on one road, or nothing ever again: by link, at once, without signing in.

Each deed in one transaction that is over before the answer goes out, with the person's rows locked in the order in
which the gate takes them: whoever is about to write to them either did so before, or reads the no.

    stop         a no to all that is not owed, on the road the link came by
    less         at most a few times a year, on every road
    tell_why     the reason, where they like to give one; never asked before it is done
    never_again  a no on every road; who is no customer is closed for good and every address goes on the
                 never-again list, who still is one keeps bills and legal notices and nothing else

Doing the same again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.relationships import queries, wishes
from rekindle.relationships.models import Consent, Note, Party, Relationship
from rekindle.relationships.vocabulary import RUNNING, Channel, Contact, Stage, TouchClass
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import audit, consent, endings
from rekindle.workflows.consent import ASKED_ABOUT, pairs
from rekindle.workflows.hooks_out import events, tell
from rekindle.workflows.suppress import is_suppressed, suppress

VIA: Final = "unsubscribe link"
LONGEST_WHY: Final = 400


@dataclass(frozen=True)
class Scope:
    """What a link stops: these roads for these purposes."""

    roads: tuple[Channel, ...]
    purposes: tuple[TouchClass, ...]

    @property
    def is_one_road(self) -> bool:
        return len(self.roads) == 1


def scope(about: str) -> Scope:
    """What the link is about: "email", "email.content", or nothing, which is e-mail.

    Anything else stops everything: a link that we cannot read must not stop less than its holder meant.
    """
    road, _dot, purpose = about.partition(".")
    channel = next((word for word in Channel if word.value == (road or Channel.EMAIL.value)), None)
    chosen = tuple(word for word in ASKED_ABOUT if word.value == purpose) if purpose else ASKED_ABOUT
    if channel is None or not chosen:
        return Scope(tuple(Channel), ASKED_ABOUT)
    return Scope((channel,), chosen)


def is_stopped(party: Party, what: Scope) -> bool:
    """Whether a no stands for everything the link is about, or the person is not written to at all."""
    if is_never(party):
        return True
    noes = set(Consent.objects.filter(party=party, withdrawn_at__isnull=False).values_list("channel", "purpose"))
    return all((road.value, purpose.value) in noes for road, purpose in pairs(what.roads, what.purposes))


def is_never(party: Party) -> bool:
    """Whether they asked never to be written to, or everything is closed."""
    return is_suppressed(party) or consent.is_closed(party)


def is_customer(party: Party) -> bool:
    """Whether a contract of theirs still runs, so that bills and notices are owed."""
    return Relationship.objects.filter(party=party, commercial__in=[word.value for word in RUNNING]).exists()


def stop(party: Party, *, what: Scope, said: str, via: str = VIA) -> int:
    """A no to what the link is about; gives how many grounds that closed or newly forbids. `said`: as it was shown."""
    with transaction.atomic():
        refused = consent.refuse(party, about=pairs(what.roads, what.purposes), via=via, said=said)
        tell.person(events.PERSON_UNSUBSCRIBED, party, about="some")
    return refused


def less(party: Party, *, via: str = VIA) -> bool:
    """A few times a year at most, from now on; False where that holds already."""
    with transaction.atomic():
        party = consent.locked(party)
        if wishes.how_often(party.extra) is HowOften.YEAR:
            return False
        now = timezone.now().isoformat()
        party.extra = {**party.extra, wishes.HOW_OFTEN: HowOften.YEAR.value, wishes.WISHED_AT: now}
        party.save(update_fields=["extra"])
        audit.record("preferences.changed", actor=None, subject=f"party:{party.pk}",
                     details={"what": ["how_often"], "how_often": HowOften.YEAR.value, "via": via})  # fmt: skip
    return True


def tell_why(party: Party, *, words: str) -> None:
    """Why they stopped, in their words, if they like: a note, cut at 400 characters. Nothing follows from it."""
    words = " ".join(words.replace("\x00", "").split())[:LONGEST_WHY]
    relationship = queries.relationship_of(party)
    if not words or relationship is None:
        return
    with transaction.atomic():
        consent.locked(party)
        text = f"On hearing nothing more: {words}"
        if not Note.objects.filter(relationship=relationship, by=None, text=text).exists():
            note = Note.objects.create(relationship=relationship, by=None, text=text)
            audit.record("note.written", actor=None, subject=f"note:{note.pk}",
                         details={"relationship": relationship.pk, "via": VIA})  # fmt: skip


def never_again(party: Party, *, said: str, via: str = VIA) -> None:
    """Goodbye for good, as the person asked. Nothing here can be taken back by a link: only they, coming to us."""
    with transaction.atomic():
        party = consent.locked(party)
        roads = tuple(Channel)
        still = is_customer(party)
        # Service to a customer is part of the contract; to anybody else it is one more letter they did not want.
        purposes = ASKED_ABOUT if still else consent.ON_RECORD
        consent.refuse(party, about=pairs(roads, purposes), via=via, said=said)
        for relationship in Relationship.objects.filter(party=party).select_related("party", "brand").order_by("pk"):
            _silence(relationship, via=via, closes=not still)
        if not still:
            suppress(party, reason="asked never to be contacted again", source=via[:64], by=None)
        tell.person(events.PERSON_UNSUBSCRIBED, party, about="never")


def _silence(relationship: Relationship, *, via: str, closes: bool) -> None:
    if relationship.contact == Contact.SILENT.value and (not closes or relationship.stage == Stage.CLOSED.value):
        return
    relationship.contact = Contact.SILENT.value
    relationship.save(update_fields=["contact"])
    if closes:
        endings.move(
            relationship, Stage.CLOSED, on=endings.local_day(relationship), by=None, evidence={"asked_by": via}
        )
    withdrawn = endings.withdraw_tasks(relationship, why="they asked never to be contacted again")
    audit.record("contact.silenced", actor=None, subject=f"relationship:{relationship.pk}",
                 details={"via": via, "closed": closes, "tasks": withdrawn})  # fmt: skip
