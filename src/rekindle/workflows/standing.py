"""Where we stand, moved by people: trials, pauses, the soft touches after the quiet, and old friends.

    begin_trial   courtship -> trying us out     end_trial  back to courtship, nothing came of it
    pause         live -> paused, until a day or a condition; never counted as a loss
    resume        the pause is over
    begin_woo     cooling off -> soft touches    guarded: quiet over, wanted back, nothing open, a ground to write
    rest          courtship, cooling off or soft touches -> old friends: a few touches a year, nothing more
    undo          a slip, within a day

Each deed locks the relationship, takes one step of `relationships.stages.TRANSITIONS`, sets both axes, and leaves one
audit entry. `settle` is the night's: what had a last day ends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.decide.eligibility import Rule
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.relationships.models import Relationship, StageChange
from rekindle.relationships.policy import UNDO_WITHIN
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, Stage, Terms, TouchClass, WantBack
from rekindle.workflows import audit, endings, why_not
from rekindle.workflows.want_back import answers

OURS: Final = ("trial_begun", "trial_ended", "pause_agreed", "pause_over", "woo_begun", "woo_over", "courtship_rested")
"""The steps of the table that these deeds take."""
_LIVE: Final = frozenset({Stage.EARLY, Stage.ONGOING, Stage.AT_RISK, Stage.PHOENIX})
_LONGEST_DAYS: Final = 2 * 365
_HARSH: Final = frozenset({Terms.BAD.value, Terms.TOXIC.value})
_ROADS: Final = (Channel.EMAIL, Channel.LETTER, Channel.CALL, Channel.SMS)


def begin_trial(relationship: Relationship, *, by: User, until: date, reason: str) -> StageChange:
    """They try us out until a day. Raises Refused, BadInput for a day that cannot be, Conflict from any other stage."""
    return _move(relationship, Stage.DATING, by=by, reason=reason, commercial=Commercial.TRIALING, until=until,
                 verb="trial.begun", of={Stage.COURTSHIP})  # fmt: skip


def end_trial(relationship: Relationship, *, by: User, reason: str) -> StageChange:
    """Nothing came of it, for now. Raises as `begin_trial`."""
    return _move(relationship, Stage.COURTSHIP, by=by, reason=reason, commercial=Commercial.COURTING,
                 verb="trial.ended", of={Stage.DATING})  # fmt: skip


def pause(relationship: Relationship, *, by: User, reason: str, until: date | None = None) -> StageChange:
    """A pause both agreed on, until a day or, without one, until what the reason says has come.

    Raises Refused, BadInput, Conflict from a stage that cannot pause.
    """
    return _move(relationship, Stage.PAUSED, by=by, reason=reason, commercial=Commercial.PAUSED, until=until,
                 verb="pause.agreed", of=_LIVE)  # fmt: skip


def resume(relationship: Relationship, *, by: User, reason: str) -> StageChange:
    """The pause is over and life goes on. Raises as `pause`."""
    return _move(relationship, Stage.ONGOING, by=by, reason=reason, commercial=Commercial.LIVE,
                 verb="pause.over", of={Stage.PAUSED})  # fmt: skip


def begin_woo(relationship: Relationship, *, by: User, reason: str) -> StageChange:
    """Soft touches may begin. The rules of contact guard it: quiet over, wanted back, nothing owed, a ground to write.

    Raises Refused with the sentence of the rule that stands against a touch on every road, Conflict from other stages.
    """
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        if Stage(relationship.stage) is Stage.COOLING_OFF:
            _guard(relationship)
        return _move(relationship, Stage.WOOING, by=by, reason=reason, commercial=Commercial.ENDED,
                     contact=Contact.WOO, verb="woo.begun", of={Stage.COOLING_OFF})  # fmt: skip


def rest(relationship: Relationship, *, by: User, reason: str) -> StageChange:
    """Old friends from now on: a few touches a year at most, and nothing is sold.

    Raises Refused while the quiet runs or where we parted on bad terms, Conflict from other stages.
    """
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        stage = Stage(relationship.stage)
        if endings.is_quiet(relationship, timezone.now()):
            raise Refused("the quiet still runs", rule="cooling_off", remedy="Wait until it is over.")
        if relationship.terms in _HARSH:
            raise Refused("we did not part on good terms", rule="terms", remedy="Mend it first, or leave it closed.")
        commercial = Commercial.NONE if stage is Stage.COURTSHIP else Commercial.ENDED
        return _move(relationship, Stage.OLD_FRIENDS, by=by, reason=reason, commercial=commercial,
                     contact=Contact.STEADY, verb="friends.placed",
                     of={Stage.COURTSHIP, Stage.COOLING_OFF, Stage.WOOING})  # fmt: skip


def undo(relationship: Relationship, *, by: User, reason: str) -> None:
    """Take the newest of these steps back within a day: stage and axes are what they were, the record stays.

    Raises Conflict where something else happened since, or more than a day has gone by.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="what went wrong")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        newest = _undoable(relationship)
        if newest is None:
            raise Conflict(
                "there is no such step to take back", where=f"relationship {relationship.pk}",
                remedy="A step is taken back within a day, and before the next one; else take the next step.",
            )  # fmt: skip
        before = newest.evidence["before"]
        newest.undone_at = timezone.now()
        newest.evidence = {**newest.evidence, "undone": {"reason": reason, "by": by.pk}}
        newest.save(update_fields=["undone_at", "evidence"])
        since = before["stage_since"]
        Relationship.objects.filter(pk=relationship.pk).update(
            **{**before, "stage_since": date.fromisoformat(since) if since else None}
        )
        audit.record(
            "standing.undone", actor=by, subject=f"relationship:{relationship.pk}", details={"rule": newest.rule}
        )


def may_undo(relationship: Relationship) -> bool:
    """Whether the newest step is one of these, and not older than a day."""
    return _undoable(relationship) is not None


def settle(at: datetime | None = None) -> int:
    """For the night: trials and pauses whose last day has come are over; gives how many."""
    at = at or timezone.now()
    newest = StageChange.objects.filter(relationship=OuterRef("pk"), undone_at=None).order_by("-id")
    waiting = Relationship.objects.filter(stage__in=[Stage.DATING.value, Stage.PAUSED.value]).annotate(
        until=Subquery(newest.values("evidence__until")[:1])
    )
    moved = 0
    for relationship in waiting.exclude(until=None).order_by("pk"):
        with transaction.atomic():
            held = endings.locked(relationship.pk)
            is_over = date.fromisoformat(relationship.until) <= endings.local_day(held, at)
            if not is_over or held.stage != relationship.stage:
                continue
            is_trial = Stage(held.stage) is Stage.DATING
            _step(
                held,
                Stage.COURTSHIP if is_trial else Stage.ONGOING,
                on=endings.local_day(held, at),
                commercial=Commercial.COURTING if is_trial else Commercial.LIVE,
                evidence={"until": relationship.until},
            )
            audit.record("standing.settled", actor=None, subject=f"relationship:{held.pk}")
            moved += 1
    return moved


def choices(relationship: Relationship) -> Sequence[str]:
    """The deeds that stage allows, by name, for the page."""
    stage = Stage(relationship.stage)
    of_stage: dict[Stage, tuple[str, ...]] = {
        Stage.COURTSHIP: ("begin_trial", "rest"),
        Stage.DATING: ("end_trial",),
        Stage.PAUSED: ("resume",),
        Stage.COOLING_OFF: ("begin_woo", "rest"),
        Stage.WOOING: ("rest",),
        **dict.fromkeys(_LIVE, ("pause",)),
    }
    return of_stage.get(stage, ())


def _undoable(relationship: Relationship) -> StageChange | None:
    newest = StageChange.objects.filter(relationship=relationship, undone_at=None).order_by("-id").first()
    is_ours = newest is not None and newest.rule in OURS and "before" in newest.evidence
    return newest if is_ours and newest and timezone.now() - newest.recorded_at <= UNDO_WITHIN else None


def _guard(relationship: Relationship) -> None:
    """Whether a relationship touch by any road is allowed now, the hour of the day aside."""
    if answers([relationship.pk]).get(relationship.pk) not in (WantBack.YES, WantBack.MAYBE):
        raise Refused("nobody has decided that we would like them back", rule="want_back", remedy="Decide that first.")
    now, zone = timezone.now(), why_not.business_zone()
    gathered = why_not.facts([relationship.party_id], at=now)
    said = [
        why_not.ask(gathered, touch_class=TouchClass.RELATIONSHIP, channel=road, at=now, zone=zone) for road in _ROADS
    ]
    if not any(one.allowed for one in said):
        against = next((one for one in said if one.rule is not Rule.IDENTITY_MISSING), said[0])
        raise Refused(against.text.rstrip("."), rule=against.rule.value, remedy="Look at what the rules say.")


def _move(
    relationship: Relationship, to: Stage, *, by: User, reason: str, commercial: Commercial, verb: str,
    of: frozenset[Stage] | set[Stage], contact: Contact | None = None, until: date | None = None,
) -> StageChange:  # fmt: skip
    endings.may(by)
    reason = endings.reason_of(reason, what="why")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        stage, today = Stage(relationship.stage), endings.local_day(relationship)
        if stage not in of:
            raise Conflict(
                f"{stage.label} is no stage from which this is done", where=f"relationship {relationship.pk}",
                remedy="Look at the person again.",
            )  # fmt: skip
        if until is not None and not 0 < (until - today).days <= _LONGEST_DAYS:
            raise BadInput(f"{until} is past, or very far away", where="until", remedy="Give a day within two years.")
        evidence: dict[str, Any] = {"reason": reason, "before": _before(relationship)}
        if until is not None:
            evidence["until"] = until.isoformat()
        change = _step(relationship, to, on=today, commercial=commercial, evidence=evidence, contact=contact, by=by)
        if to in (Stage.PAUSED, Stage.WOOING, Stage.OLD_FRIENDS):
            endings.withdraw_tasks(relationship, why=f"now {to.label}")
        audit.record(verb, actor=by, subject=f"relationship:{relationship.pk}", details={"to": to.value})
    return change


def _step(
    relationship: Relationship, to: Stage, *, on: date, commercial: Commercial, evidence: dict[str, Any],
    contact: Contact | None = None, by: User | None = None,
) -> StageChange:  # fmt: skip
    change = endings.move(relationship, to, on=on, by=by, evidence=evidence)
    if change is None:  # the caller has just read another stage from the locked row
        raise Conflict(f"already {to.label}", where=f"relationship {relationship.pk}")
    relationship.commercial = commercial.value
    relationship.contact = contact.value if contact is not None else relationship.contact
    relationship.save(update_fields=["commercial", "contact"])
    return change


def _before(relationship: Relationship) -> dict[str, Any]:
    since = relationship.stage_since
    return {
        "stage": relationship.stage,
        "stage_since": since.isoformat() if since else None,
        "commercial": relationship.commercial,
        "contact": relationship.contact,
    }
