"""May we write? What a person says about it, and what staff write down of it by hand.

A person's own word, by a link of theirs (`refuse`, `agree`), and a word told to staff (`record`, `renew`,
`withdraw`). Each in one transaction:

1. lock the party and then its relationships, in the order in which the gate takes them, so that whoever is about to
   write to this person waits for the answer;
2. a no closes every ground on that road for that purpose, and is written where there was no ground at all, so that
   no other ground (a soft opt-in, an interest of ours) takes its place;
3. a yes after a no counts only as the person's own later word; nobody on the never-again list is asked or entered;
4. what was said, when and by which way is added to the proof, never in the place of what stood there;
5. one audit entry without words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import Consent, Party, Relationship
from rekindle.relationships.policy import day_begins
from rekindle.relationships.vocabulary import Basis, Channel, Contact, Stage, TouchClass
from rekindle.workflows import audit
from rekindle.workflows.suppress import is_suppressed
from rekindle.workflows.why_not import business_zone

ASKED_ABOUT: Final = (
    TouchClass.RELATIONSHIP,
    TouchClass.CONTENT,
    TouchClass.RESEARCH,
    TouchClass.REFERRAL_ASK,
    TouchClass.PROMOTIONAL,
)
"""What a person may allow or forbid. Service under a contract, bills and legal notices are owed and not asked about."""
ON_RECORD: Final = (*ASKED_ABOUT, TouchClass.SERVICE)
"""Purposes for which a ground may be on record."""
LONGEST_PROOF: Final = 2_000
LONGEST_HOW: Final = 60
LONGEST_REASON: Final = 200
_OLDEST: Final = date(1990, 1, 1)

Pair = tuple[Channel, TouchClass]


def locked(party: Party) -> Party:
    """The party and its relationships, their rows held until the transaction ends."""
    found = Party.objects.select_for_update().filter(pk=party.pk).first()
    if found is None:
        raise NotFound(f"no party {party.pk}")
    list(Relationship.objects.select_for_update().filter(party=found).order_by("pk").values_list("pk"))
    return found


def locked_all(parties: Collection[int]) -> dict[int, Party]:
    """The parties of these numbers that are in the books, locked as by `locked`, in one order whoever asks."""
    found = {one.pk: one for one in Party.objects.select_for_update().filter(pk__in=parties).order_by("pk")}
    list(Relationship.objects.select_for_update().filter(party__in=found).order_by("pk").values_list("pk"))
    return found


def pairs(roads: Iterable[Channel], purposes: Iterable[TouchClass]) -> list[Pair]:
    """Every road with every purpose."""
    these = tuple(purposes)
    return [(road, purpose) for road in roads for purpose in these]


def refuse(party: Party, *, about: Collection[Pair], via: str, said: str, by: User | None = None) -> int:
    """A no on each road for each purpose, now; gives how many grounds that closed or newly forbids.

    via   how the word reached us: "unsubscribe link", "preferences"
    said  the sentence as it was shown or told
    The same no again changes nothing.
    """
    with transaction.atomic():
        party, at = locked(party), timezone.now()
        have = {(row.channel, row.purpose): row for row in Consent.objects.filter(party=party)}
        word = _line(at, via=via, said=said)
        fresh, closed = [], []
        for road, purpose in dict.fromkeys(about):
            row = have.get((road.value, purpose.value))
            if row is None:
                fresh.append(
                    Consent(
                        party=party,
                        channel=road.value,
                        purpose=purpose.value,
                        basis=Basis.CONSENT.value,
                        obtained_at=at,
                        withdrawn_at=at,
                        withdrawn_reason=via[:LONGEST_REASON],
                        proof=word,
                        source=via[:64],
                    )
                )
            elif row.withdrawn_at is None:
                row.withdrawn_at, row.withdrawn_reason = at, via[:LONGEST_REASON]
                row.proof = _added(row.proof, word)
                closed.append(row)
        Consent.objects.bulk_create(fresh)
        Consent.objects.bulk_update(closed, ["withdrawn_at", "withdrawn_reason", "proof"])
        if fresh or closed:
            details = {"closed": len(closed), "forbidden": len(fresh), "via": via, **_named([*fresh, *closed])}
            audit.record("consent.withdrawn", actor=by, subject=f"party:{party.pk}", details=details)
    return len(fresh) + len(closed)


def agree(party: Party, *, about: Collection[tuple[Pair, str]], via: str) -> int:
    """The person's own yes, now; gives how many are new. Each pair comes with the sentence as it was shown.

    A consent that stands already is left as it is. Raises Refused where they are on the never-again list or closed.
    """
    with transaction.atomic():
        party, at = locked(party), timezone.now()
        if about:
            _must_be_reachable(party)
        have = {(row.channel, row.purpose): row for row in Consent.objects.filter(party=party)}
        changed = []
        for (road, purpose), said in about:
            row = have.get((road.value, purpose.value))
            if row is not None and row.withdrawn_at is None and row.basis == Basis.CONSENT.value:
                continue
            row = row or Consent(party=party, channel=road.value, purpose=purpose.value)
            _open(row, basis=Basis.CONSENT, at=at, expires_at=None, source=via, word=_line(at, via=via, said=said))
            changed.append(row)
        if changed:
            details = {"via": via, **_named(changed)}
            audit.record("consent.given", actor=None, subject=f"party:{party.pk}", details=details)
    return len(changed)


def record(
    party: Party,
    *,
    channel: Channel,
    purpose: TouchClass,
    basis: Basis,
    how: str,
    proof: str,
    by: User,
    given_on: date | None = None,
    expires_on: date | None = None,
) -> Consent:
    """A ground told to staff, with how it was given and what proves it.

    given_on    the day it was given, today where left out; never a day to come
    expires_on  the last day it holds, where the person named one; the clock of law runs all the same
    Raises Refused for a role that reads only, somebody on the never-again list or closed, or anything but consent
    after a no; BadInput for a missing proof or a day that cannot be; Conflict where the no is later than the word.
    """
    _may(by)
    _can_be_kept(purpose)
    how, proof = _text(how, what="how it was given", longest=LONGEST_HOW), _text(proof, what="the proof")
    with transaction.atomic():
        party = locked(party)
        _must_be_reachable(party)
        at = _given_at(given_on)
        row = Consent.objects.filter(party=party, channel=channel.value, purpose=purpose.value).first()
        if row is not None:
            _must_follow(row, basis=basis, at=at)
        row = row or Consent(party=party, channel=channel.value, purpose=purpose.value)
        word = _line(at, via=how, said=proof)
        _open(row, basis=basis, at=at, expires_at=_until(expires_on, at=at), source=how, word=word)
        audit.record("consent.recorded", actor=by, subject=f"party:{party.pk}",
                     details={"basis": basis.value, **_named([row])})  # fmt: skip
    return row


def renew(
    number: int, *, how: str, proof: str, by: User, given_on: date | None = None, expires_on: date | None = None
) -> Consent:
    """A consent given once more, so that its clock starts anew. Raises as `record`, and NotFound; Conflict where
    it was withdrawn or the ground is no consent: nothing but a person's own word can be given again."""
    _may(by)
    row = _row(number)
    if row.withdrawn_at is not None or row.basis != Basis.CONSENT.value:
        raise Conflict(
            "there is no consent to give again" if row.withdrawn_at is None else "they took this back",
            where=f"consent {row.pk}",
            remedy="Write down what they said as a new consent.",
        )
    return record(
        row.party, channel=Channel(row.channel), purpose=TouchClass(row.purpose), basis=Basis.CONSENT, how=how,
        proof=proof, by=by, given_on=given_on, expires_on=expires_on,
    )  # fmt: skip


def withdraw(party: Party, *, channel: Channel, purpose: TouchClass | None, reason: str, by: User) -> int:
    """A no told to staff; None: on that road for every purpose. Gives how many grounds that closed or newly forbids."""
    _may(by)
    if purpose is not None:
        _can_be_kept(purpose)
    reason = _text(reason, what="what they said", longest=LONGEST_REASON)
    about = pairs([channel], [purpose] if purpose else ON_RECORD)
    return refuse(party, about=about, via="told to staff", said=reason, by=by)


def is_closed(party: Party) -> bool:
    """Whether any relationship of theirs is silent for good."""
    rows = Relationship.objects.filter(party=party)
    return any(row.contact == Contact.SILENT.value or row.stage == Stage.CLOSED.value for row in rows)


def _may(by: User) -> None:
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")


def _row(number: int) -> Consent:
    row = Consent.objects.select_related("party").filter(pk=number).first()
    if row is None:
        raise NotFound(f"no consent {number}", remedy="Look at the person again.")
    return row


def _can_be_kept(purpose: TouchClass) -> None:
    if purpose not in ON_RECORD:
        raise BadInput(f"{purpose.label} touches are owed and need no ground", remedy="Choose another purpose.")


def _must_be_reachable(party: Party) -> None:
    if is_suppressed(party):
        raise Refused(
            "they asked never to be contacted again", rule="suppressed",
            remedy="Nobody on the never-again list is asked; only they themselves can come back to us.",
        )  # fmt: skip
    if is_closed(party) or party.deceased_on is not None:
        raise Refused("this relationship is closed for good", rule="closed_or_deceased", remedy="Leave it in peace.")


def _must_follow(row: Consent, *, basis: Basis, at: datetime) -> None:
    """A new word in the place of one on record must be the later one, and after a no it must be a consent."""
    if row.withdrawn_at is not None and basis is not Basis.CONSENT:
        raise Refused(
            "they said no to this", rule="objected",
            remedy="Only their own later yes opens it again, never a ground of ours.",
        )  # fmt: skip
    last = max(row.obtained_at, row.withdrawn_at or row.obtained_at)
    if at < last or (row.withdrawn_at is not None and at <= row.withdrawn_at):
        raise Conflict(
            f"a later word is on record, of {last.astimezone(business_zone()):%d %B %Y}",
            where=f"consent {row.pk}",
            remedy="Give the day on which they said so, if it was after that.",
        )


def _given_at(day: date | None) -> datetime:
    """The instant a ground counts from: now for today, else the beginning of that day where the business is."""
    now, zone = timezone.now(), business_zone()
    today = now.astimezone(zone).date()
    if day is None or day == today:
        return now
    if not _OLDEST <= day < today:
        raise BadInput(f"{day} cannot be the day it was given", remedy="Give today or an earlier day.")
    return day_begins(day, zone)


def _until(day: date | None, *, at: datetime) -> datetime | None:
    """The end of the last day; None without one."""
    if day is None:
        return None
    zone = business_zone()
    if day < at.astimezone(zone).date() or day.year > 2200:
        raise BadInput(f"{day} cannot be its last day", remedy="Give a day after it was given, or none.")
    return day_begins(date.fromordinal(day.toordinal() + 1), zone)


def _open(row: Consent, *, basis: Basis, at: datetime, expires_at: datetime | None, source: str, word: str) -> None:
    """A yes in the place of whatever stood there; what stood there stays readable in the proof."""
    if row.pk and row.withdrawn_at is not None:
        word = f"(closed {row.withdrawn_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {row.withdrawn_reason})\n{word}"
    row.basis, row.obtained_at, row.expires_at = basis.value, at, expires_at
    row.withdrawn_at, row.withdrawn_reason = None, ""
    row.source, row.proof = source[:64], _added(row.proof, word)
    row.recorded_at, row.load = timezone.now(), None
    row.save()


def _line(at: datetime, *, via: str, said: str) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {via}: {' '.join(said.split())}"


def _added(before: str, word: str) -> str:
    return f"{before}\n{word}" if before else word


def _named(rows: Iterable[Consent]) -> dict[str, list[str]]:
    these = list(rows)
    return {
        "channels": sorted({str(row.channel) for row in these}),
        "purposes": sorted({str(row.purpose) for row in these}),
    }


def _text(text: str, *, what: str, longest: int = LONGEST_PROOF) -> str:
    text = " ".join(text.replace("\x00", "").split())
    if not text:
        raise BadInput(f"{what} is missing", remedy="Say it in a few words; without it nothing is kept.")
    if len(text) > longest:
        raise BadInput(f"{what} has {len(text):,} characters", remedy=f"Keep it within {longest:,}.")
    return text
