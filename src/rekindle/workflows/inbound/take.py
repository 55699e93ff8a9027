"""Take one thing that came back, exactly once.

1. the same number from the same source is given as it was taken, and nothing happens again;
2. whose it is, by our Message-ID or by address, is asked before anything is held;
3. in one transaction: the person's rows are held in the order in which the gate takes them, the row is written, and
   what follows from it follows; cut off in between, nothing of it happened and it is read again;
4. one audit entry, without words, for what is a deed of somebody.

In any order: a delivery after a refusal changes nothing, three refusals count whichever comes first, a no stands
whatever comes later. What machines say is kept without words; so is what strangers write, whom nobody could forget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.act.inbound.mail import Heard, Parsed
from rekindle.errors import NotFound
from rekindle.journal.models import Inbound, InboundKind
from rekindle.relationships.models import Party
from rekindle.workflows import audit, consent
from rekindle.workflows.inbound import follow, whom
from rekindle.workflows.inbound.follow import Outcome
from rekindle.workflows.inbound.whom import Whom

IMAP: Final = "imap"
_OLDEST: Final = timedelta(days=400)


@dataclass(frozen=True)
class _Found:
    """What is known before anything is held."""

    whom: Whom
    kind: InboundKind
    theirs: tuple[Party, ...]
    is_from_them: bool
    address: str


def take(source: str, number: str, parsed: Parsed, *, sure: Whom | None = None, address: str = "") -> Inbound:
    """Keep it and let follow what follows; gives its row.

    source   "imap", or the slug of a provider; number: its id there, up to 200 letters
    sure     whose it is, where the source says so itself and is believed; None: it is found by what the mail names
    address  the address it is about, where the source is believed
    """
    source, number = source[:40], number[:200]
    known = Inbound.objects.filter(source=source, number=number).first()
    if known is not None:
        return known
    found = _found(parsed, sure, address)
    now = timezone.now()
    with transaction.atomic():
        party = _held(found)
        about = Whom(found.whom.message, party, found.whom.several, found.whom.staff, found.whom.is_ours)
        # A stranger's words are not kept: nobody could ask us to forget them.
        words, subject = (parsed.words, parsed.subject) if party is not None else ("", "")
        row, made = Inbound.objects.get_or_create(
            source=source, number=number,
            defaults={
                "kind": found.kind.value, "message": about.message, "party": party, "received_at": now,
                "occurred_at": _when(parsed.at, now=now), "code": parsed.code[:20],
                "subject": subject if found.kind in _WORDS else "", "words": words if found.kind in _WORDS else "",
            },
        )  # fmt: skip
        if not made:
            return row
        outcome = _follow(row, about, parsed, found)
        row.is_done, row.outcome = outcome.is_done, outcome.text[:300]
        row.save(update_fields=["is_done", "outcome"])
        if found.kind not in _NO_DEED:
            audit.record("inbound.taken", actor=None, subject=f"inbound:{row.pk}",
                         details={"kind": row.kind, "party": row.party_id, "message": row.message_id})  # fmt: skip
    return row


_NO_DEED: Final = frozenset({InboundKind.DELIVERED, InboundKind.DEFERRED, InboundKind.AUTO_REPLY})
"""What machines say of every mail and nobody did: the message's own trail holds what changed, not the audit's."""
_WORDS: Final = frozenset({InboundKind.REPLY, InboundKind.UNSUBSCRIBED})
_KINDS: Final = {heard: InboundKind(heard.value) for heard in Heard}


def _found(parsed: Parsed, sure: Whom | None, address: str) -> _Found:
    about = sure or whom.of(parsed)
    kind, theirs, is_from_them = _KINDS[parsed.heard], [], False
    if sure is None and parsed.heard is Heard.REPLY:
        if parsed.wants_stop and not about.is_from_us:
            kind = InboundKind.UNSUBSCRIBED
        elif about.is_from_us:
            kind, is_from_them = InboundKind.FORWARDED, bool(parsed.passed_from)
            theirs = whom.parties_at([parsed.passed_from] if is_from_them else parsed.to)
            if is_from_them and len(theirs) > 1:
                theirs = []  # whose of them it was, nobody can tell
            about = Whom(about.message, theirs[0] if len(theirs) == 1 else None, (), about.staff, about.is_ours)
    elif sure is None and parsed.heard is not Heard.REPLY and about.message is None:
        # What a machine says of an address is believed only where it names a message of ours.
        about = Whom(staff=about.staff, is_ours=about.is_ours)
    if not address and about.message is not None:
        address = about.message.recipient
    return _Found(about, kind, tuple(theirs), is_from_them, address)


def _held(found: _Found) -> Party | None:
    """The person's rows, and those of everybody else it names, held in order of their numbers."""
    wanted = {party.pk: party for party in (*found.theirs, *([found.whom.party] if found.whom.party else []))}
    held: dict[int, Party] = {}
    for number in sorted(wanted):
        try:
            held[number] = consent.locked(wanted[number])
        except NotFound:  # forgotten, or made one with another, in this very moment
            continue
    return held.get(found.whom.party.pk) if found.whom.party is not None else None


def _follow(row: Inbound, about: Whom, parsed: Parsed, found: _Found) -> Outcome:
    kind = found.kind
    if kind is InboundKind.DELIVERED:
        return follow.delivered(about)
    if kind is InboundKind.BOUNCED:
        return follow.bounced(row, about, address=found.address)
    if kind is InboundKind.DEFERRED:
        return Outcome("Their side still tries.")
    if kind is InboundKind.COMPLAINED:
        return follow.complained(about)
    if kind is InboundKind.UNSUBSCRIBED:
        # A no is believed even of a doubtful sender: it takes nothing from anybody.
        return follow.opted_out(about, said=row.words or "asked their mail provider to stop our mail")
    if kind is InboundKind.AUTO_REPLY:
        return follow.answered_by_machine(about)
    if kind is InboundKind.UNREADABLE:
        return Outcome("It could not be read. Look into the mailbox.", is_done=False)
    if parsed.is_doubtful and (about.message is None or about.is_from_us):
        return follow.DOUBTED
    if kind is InboundKind.FORWARDED:
        words = parsed.passed_words if found.is_from_them else parsed.words
        return follow.passed_on(row, about, theirs=list(found.theirs), is_from_them=found.is_from_them, words=words)
    return follow.replied(row, about)


def _when(at: datetime | None, *, now: datetime) -> datetime:
    """When it happened: as it says, unless that lies ahead or too long ago to be true."""
    return at if at is not None and now - _OLDEST <= at <= now else now
