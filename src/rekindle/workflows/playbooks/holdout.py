"""Some of those who would enter a plan are left alone instead, drawn once and for good, so that we learn what it does.

1. begin   say which part and for how long; the plan goes on as before for everybody else
2. split   as people enter, in the very transaction: each is drawn by a hash of the salt and their number, and the arm
           is written down with the enrolment, or in its place
3. lift    a human lets one person be spoken to again, and says why; they still count as they were drawn
4. finish  nobody is drawn any more; who was left alone stays so until their own day

Who is left alone hears nothing of our own accord, by any road and from any plan: the rules of contact see to that
(`decide.gate_rules.holdout`). What is owed to them, and answers to what they say, go as ever.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import Arm, Assignment, Holdout, Playbook
from rekindle.relationships.models import Party
from rekindle.workflows import audit
from rekindle.workflows.playbooks import books
from rekindle.workflows.playbooks.occasions import Found
from rekindle.workflows.writing import must_write

MOST: Final = 0.5
LONGEST_DAYS: Final = 730
LONGEST_WHY: Final = 300
_AT_ONCE: Final = 500


def begin(code: str, *, share: float, days: int, by: User) -> Holdout:
    """Leave a part of those who enter from now on alone. Raises BadInput, Refused, NotFound, and Conflict where the
    plan has one already.

    share  more than 0, at most 0.5; days: for how long each of them, and how long everybody is looked at
    """
    _may(by)
    if not 0 < share <= MOST:
        raise BadInput(
            f"{share:.0%} cannot be left alone", where=code, remedy="Say more than nothing and at most half."
        )
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput(f"{days} days cannot be looked at", where=code, remedy=f"Say 1 to {LONGEST_DAYS} days.")
    row = books.playbook(code)
    try:
        with transaction.atomic():
            made = Holdout.objects.create(playbook=row, share=share, days=days, salt=secrets.token_hex(16), began_by=by)
            audit.record("holdout.began", actor=by, subject=f"playbook:{code}", details={"share": share, "days": days})
    except IntegrityError as error:
        raise Conflict("somebody is left alone for this plan already", where=code, remedy="End that first.") from error
    return made


def finish(code: str, *, by: User) -> Holdout:
    """Draw nobody any more. Raises Refused, NotFound, and Conflict where nobody is drawn."""
    _may(by)
    with transaction.atomic():
        row = open_of(books.playbook(code), lock=True)
        if row is None:
            raise Conflict("nobody is being left alone for this plan", where=code, remedy="Begin that first.")
        row.ended_at, row.ended_by = timezone.now(), by
        row.save(update_fields=["ended_at", "ended_by"])
        audit.record("holdout.ended", actor=by, subject=f"playbook:{code}", details={"holdout": row.pk})
    return row


def open_of(playbook: Playbook, *, lock: bool = False) -> Holdout | None:
    """The one by which people are drawn now."""
    rows = Holdout.objects.filter(playbook=playbook, ended_at=None)
    return (rows.select_for_update() if lock else rows).first()


def split(playbook: Playbook, entering: Sequence[Found], *, at: datetime) -> list[Found]:
    """Draw everybody who enters, inside the transaction that enters them; gives those who do.

    Somebody drawn before stays in their arm; drawn to be left alone, they are for this occasion too.
    """
    row = open_of(playbook, lock=True)
    if row is None or not entering:
        return list(entering)
    known: dict[int, tuple[int, str, bool]] = {}
    parties = sorted({one.party for one in entering})
    for start in range(0, len(parties), _AT_ONCE):
        some = Assignment.objects.filter(holdout=row, party__in=parties[start : start + _AT_ONCE])
        for pk, party, arm, lifted in some.values_list("pk", "party", "arm", "lifted_at"):
            known[party] = (pk, arm, lifted is not None)
    until = at + timedelta(days=row.days)
    fresh: dict[int, Assignment] = {}
    goes: list[Found] = []
    again: list[int] = []
    for one in entering:
        if one.party in known:
            pk, arm, is_lifted = known[one.party]
            alone = arm == Arm.HELD_OUT.value and not is_lifted
            again += [pk] if alone else []
        else:
            drawn = fresh.setdefault(one.party, _drawn(row, one, at=at, until=until))
            alone = drawn.arm == Arm.HELD_OUT.value
        goes += [] if alone else [one]
    Assignment.objects.bulk_create(fresh.values(), batch_size=_AT_ONCE)
    for start in range(0, len(again), _AT_ONCE):
        Assignment.objects.filter(pk__in=again[start : start + _AT_ONCE]).update(until=until)
    return goes


def lift(number: int, *, why: str, by: User) -> Assignment:
    """Let one person be spoken to again before their day. Raises Refused, NotFound, BadInput without a reason, and
    Conflict where they are not left alone."""
    must_write(by)
    why = " ".join(why.split())
    if not why or len(why) > LONGEST_WHY:
        raise BadInput("there is no reason", where="why", remedy=f"Say in 1 to {LONGEST_WHY} letters why.")
    with transaction.atomic():
        row = Assignment.objects.select_for_update(of=("self",)).filter(pk=number).first()
        if row is None:
            raise NotFound(f"no assignment {number}")
        if row.arm != Arm.HELD_OUT.value or row.lifted_at is not None or row.until <= timezone.now():
            raise Conflict("this person is not being left alone", where=str(row.party), remedy="Look again.")
        row.lifted_at, row.lifted_by, row.lifted_why = timezone.now(), by, why
        row.save(update_fields=["lifted_at", "lifted_by", "lifted_why"])
        audit.record("holdout.lifted", actor=by, subject=f"party:{row.party_id}", details={"holdout": row.holdout_id})
    return row


def of_party(party: Party, *, at: datetime | None = None) -> list[Assignment]:
    """Why somebody is being left alone now; usually nothing."""
    rows = Assignment.objects.filter(
        party=party, arm=Arm.HELD_OUT.value, lifted_at=None, until__gt=at or timezone.now()
    )
    return list(rows.select_related("holdout__playbook__current").order_by("until"))


def arm_of(salt: str, party: int, share: float) -> Arm:
    """Which arm a number falls into: the same for ever, and by chance alone."""
    drawn = int.from_bytes(hashlib.sha256(f"{salt}:{party}".encode()).digest()[:8]) / 2**64
    return Arm.HELD_OUT if drawn < share else Arm.TREATED


def _drawn(row: Holdout, one: Found, *, at: datetime, until: datetime) -> Assignment:
    return Assignment(
        holdout=row, party_id=one.party, arm=arm_of(row.salt, one.party, row.share).value, assigned_at=at, until=until,
        occurrence=one.occurrence,
    )  # fmt: skip


def _may(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not leave people alone to learn", rule="role", remedy="Ask an owner or a manager.")
