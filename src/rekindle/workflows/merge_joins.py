"""Where two records say something about the same thing: which word stands. Always the one that protects more.

Every join works through a ledger (`workflows.merge_rows`): what does not stand is noted there, not lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from django.utils import timezone

from rekindle.journal.models import Arm, Assignment, Enrolment, EnrolmentState, EnrolmentStep
from rekindle.relationships.models import (
    Breakup,
    Consent,
    CoolingOff,
    DecisionStance,
    Episode,
    Feed,
    Identity,
    Party,
    PartyLink,
    Relationship,
    SocialHandle,
    Task,
    Tie,
)
from rekindle.relationships.vocabulary import Channel, Contact, Feeling, Stage, TaskState, Terms, TouchClass, Wound
from rekindle.workflows.merge_rows import Ledger, facts_of, give

STRICTEST_CONTACT: Final = (
    Contact.SILENT, Contact.QUIET, Contact.REPLY_ONLY, Contact.STEADY, Contact.WOO, Contact.OPEN,
)  # fmt: skip
STRICTEST_TERMS: Final = (Terms.TOXIC, Terms.BAD, Terms.SORE, Terms.NEUTRAL, Terms.GOOD)
_UNTOLD: Final[tuple[object, ...]] = (None, "", [], {}, Feeling.NOT_TOLD.value, Wound.NONE.value)
_OPEN_TASK = (TaskState.OPEN.value, TaskState.LATER.value)


def relationships(keep: Party, gone: Party, ledger: Ledger) -> None:
    """Relationships with the same brand become one; the others change their party."""
    kept = {one.brand_id: one for one in Relationship.objects.filter(party=keep)}
    for other in Relationship.objects.filter(party=gone):
        one = kept.get(other.brand_id)
        if one is None:
            ledger.set(other, party_id=keep.pk)
            continue
        _breakups(one, other, ledger)
        _open_task(one, other, ledger)
        _episodes(one, other, ledger)
        _enrolments(one, other, ledger)
        _standing(one, other, ledger)
        give(other, one, ledger)
        _quiet(one, ledger)
        ledger.drop(other)


def _standing(one: Relationship, other: Relationship, ledger: Ledger) -> None:
    """Contact and terms the strictest of both; a closed door stays closed, whoever closed it."""
    leads = one
    if other.stage == Stage.CLOSED or (one.stage == Stage.COURTSHIP and other.stage != Stage.COURTSHIP):
        leads = one if one.stage == Stage.CLOSED else other
    ledger.set(
        one,
        contact=min((Contact(one.contact), Contact(other.contact)), key=STRICTEST_CONTACT.index).value,
        terms=min((Terms(one.terms), Terms(other.terms)), key=STRICTEST_TERMS.index).value,
        stage=leads.stage,
        stage_since=leads.stage_since,
        commercial=leads.commercial,
        owner_id=one.owner_id or other.owner_id,
        life=Episode.objects.filter(relationship=one).count() or max(one.life, other.life),
    )


def _breakups(one: Relationship, other: Relationship, ledger: Ledger) -> None:
    """Two ends told for one day are one end: the longer quiet, blanks filled, the other account kept beside it."""
    same_day = {row.ended_on: row for row in Breakup.objects.filter(relationship=one)}
    for twin in Breakup.objects.filter(relationship=other):
        row = same_day.get(twin.ended_on)
        if row is None:
            continue
        said = facts_of(twin)
        blanks = {
            field.attname: getattr(twin, field.attname)
            for field in Breakup._meta.concrete_fields
            if getattr(row, field.attname) in _UNTOLD and getattr(twin, field.attname)
        }
        blanks["quiet_until"] = max(row.quiet_until, twin.quiet_until)
        autopsy = {**twin.autopsy, **row.autopsy}
        blanks["autopsy"] = {**autopsy, "also_told": [*row.autopsy.get("also_told", []), said]}
        if row.withdrawn_at is not None and twin.withdrawn_at is None:
            blanks["withdrawn_at"] = None  # one of the two notices was never taken back
        elif row.withdrawn_at is None:
            blanks.pop("withdrawn_at", None)
        ledger.set(row, **blanks)
        for quiet in CoolingOff.objects.filter(breakup=twin):
            ledger.set(quiet, breakup_id=row.pk, relationship_id=one.pk)
        ledger.drop(twin)


def _open_task(one: Relationship, other: Relationship, ledger: Ledger) -> None:
    """There is at most one open task a relationship and source: the one of the record that stays."""
    taken = set(Task.objects.filter(relationship=one, state__in=_OPEN_TASK).values_list("source", flat=True))
    for task in Task.objects.filter(relationship=other, state__in=_OPEN_TASK, source__in=taken):
        ledger.set(task, state=TaskState.WITHDRAWN.value)


def _enrolments(one: Relationship, other: Relationship, ledger: Ledger) -> None:
    """One way through a playbook an occasion, the one that is further: what was said once is not said again.

    Under way in one plan, or in two of one family, is one too: the record that goes leaves its own.
    """
    mine = list(Enrolment.objects.filter(relationship=one))
    same = {(row.playbook_id, row.occurrence): row for row in mine}
    active = [row for row in mine if row.state == EnrolmentState.ACTIVE.value]
    for row in Enrolment.objects.filter(relationship=other):
        twin = same.get((row.playbook_id, row.occurrence))
        if twin is not None:
            _one_way(twin, row, ledger)
        elif row.state == EnrolmentState.ACTIVE.value and any(
            row.playbook_id == stays.playbook_id or (row.family and row.family == stays.family) for stays in active
        ):
            ledger.set(row, state=EnrolmentState.LEFT.value, ended_at=timezone.now(), reason="two records became one")


def _one_way(twin: Enrolment, row: Enrolment, ledger: Ledger) -> None:
    """Whoever has left has left; else the place further along holds. Steps that only one has taken are kept."""
    gone = min((twin, row), key=lambda each: each.state != EnrolmentState.LEFT.value)
    leads = gone if gone.state == EnrolmentState.LEFT.value else max((twin, row), key=lambda each: each.step)
    if leads is row:
        ledger.set(
            twin, version_id=row.version_id, step=row.step, due_at=row.due_at, state=row.state, ended_at=row.ended_at,
            reason=row.reason, facts=row.facts,
        )  # fmt: skip
    taken = set(EnrolmentStep.objects.filter(enrolment=twin).values_list("step", flat=True))
    for step in EnrolmentStep.objects.filter(enrolment=row):
        if step.step in taken:
            ledger.drop(step)
        else:
            ledger.set(step, enrolment_id=twin.pk)
    ledger.drop(row)


def _episodes(one: Relationship, other: Relationship, ledger: Ledger) -> None:
    """The lives of both, numbered by their beginning. The next night reads them again from the joint history."""
    lives = sorted(
        Episode.objects.filter(relationship__in=[one, other]), key=lambda life: (life.began_on, life.last_seen_on)
    )
    for life in lives:
        ledger.drop(Episode.objects.get(pk=life.pk))
    for number, life in enumerate(lives, start=1):
        life.pk, life.number, life.relationship_id = None, number, one.pk
    ledger.write(lives, relationship_id=one.pk)


def _quiet(one: Relationship, ledger: Ledger) -> None:
    """Of the quiets that count, the longest does; the others are marked as replaced."""
    counting = sorted(CoolingOff.objects.filter(relationship=one, superseded_at=None), key=lambda row: row.ends_at)
    for row in counting[:-1]:
        ledger.set(row, superseded_at=counting[-1].recorded_at)


def consents(keep: Party, gone: Party, ledger: Ledger) -> None:
    """The strictest of both for each channel and purpose: withdrawn beats given, the shorter time beats the longer."""
    for one, other in _both(keep, gone):
        stricter = other if (other.withdrawn_at is not None and one.withdrawn_at is None) else one
        withdrawn = [row.withdrawn_at for row in (one, other) if row.withdrawn_at is not None]
        expiries = [row.expires_at for row in (one, other) if row.expires_at is not None]
        ledger.set(
            one,
            basis=stricter.basis,
            obtained_at=stricter.obtained_at,
            source=stricter.source,
            expires_at=min(expiries) if expiries else None,
            withdrawn_at=min(withdrawn) if withdrawn else None,
            withdrawn_reason="; ".join(_words(one.withdrawn_reason, other.withdrawn_reason))[:200],
            proof="\n".join(_words(one.proof, other.proof)),
        )
        ledger.drop(other)


def roads_that_close(keep: Party, gone: Party) -> Iterator[str]:
    """Channel and purpose where one record says yes and the other no, in words."""
    for one, other in _both(keep, gone):
        if (one.withdrawn_at is None) != (other.withdrawn_at is None):
            yield f"{Channel(one.channel).label}, {TouchClass(one.purpose).label}"


def identities(keep: Party, gone: Party, ledger: Ledger) -> None:
    """An address both have is one, valid as long as either was."""
    mine = {(row.kind, row.source, row.normal): row for row in Identity.objects.filter(party=keep)}
    for other in Identity.objects.filter(party=gone):
        one = mine.get((other.kind, other.source, other.normal))
        if one is None:
            continue
        ledger.set(
            one,
            valid_from=_earlier(one.valid_from, other.valid_from),
            valid_to=_last(one.valid_to, other.valid_to),
        )
        ledger.drop(other)


def assignments(keep: Party, gone: Party, ledger: Ledger) -> None:
    """Drawn in both records for one question: left alone wins."""
    mine = {row.holdout_id: row for row in Assignment.objects.filter(party=keep)}
    for row in Assignment.objects.filter(party=gone):
        twin = mine.get(row.holdout_id)
        if twin is None:
            continue
        leads = min((twin, row), key=lambda one: (one.arm != Arm.HELD_OUT.value, one.lifted_at is not None))
        ledger.set(
            twin, arm=leads.arm, until=max(row.until, twin.until), lifted_at=leads.lifted_at,
            lifted_by_id=leads.lifted_by_id, lifted_why=leads.lifted_why,
        )  # fmt: skip
        ledger.drop(row)


def ties(keep: Party, gone: Party, ledger: Ledger) -> None:
    """What binds both to the same others, told once: a tie with a colleague, a link, a stance, where they are heard."""
    _colleagues(keep, gone, ledger)
    _links(keep, gone, ledger)
    _stances(keep, gone, ledger)
    _heard(keep, gone, ledger)


def _colleagues(keep: Party, gone: Party, ledger: Ledger) -> None:
    """A tie of both with one colleague is one: the longer, the stronger, ended only when both are."""
    mine = {row.staff_id: row for row in Tie.objects.filter(party=keep)}
    for other in Tie.objects.filter(party=gone):
        one = mine.get(other.staff_id)
        if one is None:
            continue
        ledger.set(
            one,
            since=_earlier(one.since, other.since),
            strength=max(one.strength, other.strength),
            note="; ".join(_words(one.note, other.note))[:200],
            ended_on=_last(one.ended_on, other.ended_on),
        )
        ledger.drop(other)


def _links(keep: Party, gone: Party, ledger: Ledger) -> None:
    """A link between the two says nothing any more. One that both have to the same party, and that stands, is one."""
    links = PartyLink.objects
    for between in links.filter(party__in=[keep, gone], other__in=[keep, gone]):
        ledger.drop(between)
    for side, far in (("party", "other_id"), ("other", "party_id")):
        mine = {(getattr(row, far), row.kind): row for row in links.filter(**{side: keep}, to_day=None)}
        for other in links.filter(**{side: gone}, to_day=None):
            one = mine.get((getattr(other, far), other.kind))
            if one is None:
                continue
            ledger.set(
                one,
                from_day=_earlier(one.from_day, other.from_day),
                note="; ".join(_words(one.note, other.note))[:200],
            )
            ledger.drop(other)


def _stances(keep: Party, gone: Party, ledger: Ledger) -> None:
    """Two stances in one decision are one: the word of the record that stays, blanks filled from the other."""
    mine = {row.record_id: row for row in DecisionStance.objects.filter(party=keep)}
    for other in DecisionStance.objects.filter(party=gone):
        one = mine.get(other.record_id)
        if one is None:
            continue
        ledger.set(one, role=one.role or other.role, note="; ".join(_words(one.note, other.note))[:200])
        ledger.drop(other)


def _heard(keep: Party, gone: Party, ledger: Ledger) -> None:
    """An account or a feed of both is one, ended where either is; what they published there stays, each thing once."""
    accounts = {(row.network, row.handle): row for row in SocialHandle.objects.filter(party=keep)}
    for account in SocialHandle.objects.filter(party=gone):
        if (kept := accounts.get((account.network, account.handle))) is not None:
            ledger.set(kept, ended_on=kept.ended_on or account.ended_on)
            ledger.drop(account)
    feeds = {row.url: row for row in Feed.objects.filter(party=keep)}
    for feed in Feed.objects.filter(party=gone):
        if (read := feeds.get(feed.url)) is not None:
            ledger.set(read, ended_on=read.ended_on or feed.ended_on)
            give(feed, read, ledger)
            ledger.drop(feed)


def _both(keep: Party, gone: Party) -> Iterator[tuple[Consent, Consent]]:
    mine = {(row.channel, row.purpose): row for row in Consent.objects.filter(party=keep)}
    for other in Consent.objects.filter(party=gone).order_by("channel", "purpose"):
        if (one := mine.get((other.channel, other.purpose))) is not None:
            yield one, other


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day is not None), default=None)


def _last(one: date | None, other: date | None) -> date | None:
    """The later end; None, no end, where one of them has none."""
    return None if one is None or other is None else max(one, other)


def _words(*texts: str) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
