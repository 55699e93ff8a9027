"""What every deed at the ending desk stands on: the record locked, the local day, one step of the stage, the quiet.

The deeds themselves are `part` (an end is told, confirmed, corrected, taken back), `cooling_off` (the quiet is made
longer or shorter, or the customer writes first) and `want_back` (would we like them back?).
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal import queries as journal
from rekindle.relationships.models import Breakup, CoolingOff, Relationship, StageChange, Task
from rekindle.relationships.policy import day_begins
from rekindle.relationships.stages import allowed, steps
from rekindle.relationships.vocabulary import Commercial, Stage, TaskState

LONGEST_REASON: Final = 400

RUN_RATE_DAYS: Final = 365
"""What they brought in the last year is the run-rate; it is never stretched to a year for somebody newer."""
_EVENTS_AT_MOST: Final = 5_000
"""More events than this in a year are no person's; the run-rate is then not known rather than cut short."""

COMMERCIAL_OF: Final = {
    Stage.NOTICE: Commercial.NOTICE,
    Stage.BREAKUP: Commercial.ENDED,
    Stage.COOLING_OFF: Commercial.ENDED,
    Stage.CLOSED: Commercial.ENDED,
    Stage.ONGOING: Commercial.LIVE,
    Stage.AT_RISK: Commercial.LIVE,
    Stage.COURTSHIP: Commercial.COURTING,
    Stage.DATING: Commercial.TRIALING,
    Stage.PAUSED: Commercial.PAUSED,
    Stage.WOOING: Commercial.ENDED,
    Stage.OLD_FRIENDS: Commercial.ENDED,
}
"""Where we stand in business at each stage this desk moves somebody to."""


def may(by: User) -> None:
    """Raises Refused for a role that reads only."""
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")


def two_people(by: User, seconded_by: User | None, *, what: str) -> User:
    """The second person. Raises Refused where there is none, where it is the same, or where their role reads only."""
    if seconded_by is None or seconded_by.pk == by.pk:
        raise Refused(
            f"{what} takes two different people", rule="second_person", remedy="Ask a colleague to second it."
        )
    may(seconded_by)
    return seconded_by


def reason_of(text: str, *, what: str) -> str:
    """The reason, trimmed. Raises BadInput for an empty or overlong one."""
    text = " ".join(text.replace("\x00", "").split())
    if not text:
        raise BadInput("the reason is missing", remedy=f"Say in a few words {what}.")
    if len(text) > LONGEST_REASON:
        raise BadInput(f"the reason has {len(text)} characters", remedy=f"Keep it within {LONGEST_REASON}.")
    return text


def locked(number: int) -> Relationship:
    """The relationship, its row held until the transaction ends: two deeds at once follow one another."""
    rows = Relationship.objects.select_for_update(of=("self",)).select_related("party", "brand", "owner")
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound(f"no relationship {number}", remedy="Look the person up again.")
    return found


def zone_of(relationship: Relationship) -> ZoneInfo:
    """The person's own time zone where it is known and real, else the business's."""
    for name in (relationship.party.time_zone, relationship.brand.time_zone):
        try:
            return ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue  # a load may have kept any text; the next one is asked
    return ZoneInfo("UTC")


def local_day(relationship: Relationship, at: datetime | None = None) -> date:
    """The day it is for the person, at an instant (None: now)."""
    return (at or timezone.now()).astimezone(zone_of(relationship)).date()


def move(
    relationship: Relationship, to: Stage, *, on: date, by: User | None, evidence: dict[str, Any], rule: str = ""
) -> StageChange | None:
    """Take one step of the table and keep it; None where the relationship stands there already.

    rule  names the step; empty takes the table's own name
    Raises Conflict where the table has no such step.
    """
    stage = Stage(relationship.stage)
    if stage is to:
        return None
    if not allowed(stage, to):
        raise Conflict(
            f"nobody goes from {stage.label} to {to.label}",
            where=f"relationship {relationship.pk}",
            remedy="Closed is for good; only an administrator opens it again." if stage is Stage.CLOSED else "",
        )
    relationship.stage, relationship.stage_since = to.value, on
    relationship.commercial = COMMERCIAL_OF[to].value
    relationship.save(update_fields=["stage", "stage_since", "commercial"])
    return StageChange.objects.create(
        relationship=relationship,
        from_stage=stage.value,
        to_stage=to.value,
        on=on,
        rule=rule or steps(stage, to)[0].rule,
        evidence=evidence,
        by=by,
    )


def standing_end(relationship: Relationship) -> Breakup | None:
    """The end that holds: the latest one not withdrawn, whether it has come or is announced. None where they live on.

    An end that a later life followed is over and done.
    """
    end = Breakup.objects.filter(relationship=relationship, withdrawn_at=None).order_by("-ended_on", "-id").first()
    if end is None or relationship.episodes.filter(began_on__gt=end.ended_on).exists():
        return None
    return None if Stage(relationship.stage) is Stage.PHOENIX else end


def standing_quiet(relationship: Relationship) -> CoolingOff | None:
    """The stretch of quiet that counts: the newest not replaced by another, past or running."""
    rows = CoolingOff.objects.filter(relationship=relationship, superseded_at=None)
    return rows.order_by("-ends_at", "-id").first()


def is_quiet(relationship: Relationship, at: datetime) -> bool:
    """Whether the quiet of the standing stretch covers an instant: from its beginning until, not including, its end."""
    quiet = standing_quiet(relationship)
    return quiet is not None and quiet.begins_at <= at < quiet.ends_at


def replace_quiet(
    relationship: Relationship, *, end: Breakup | None, begins_at: datetime, ends_at: datetime, **words: Any
) -> CoolingOff:
    """A new stretch in the place of those that stand. The end's own instant follows, so that every reader agrees.

    words  basis, and for a shorter one shortened_by, seconded_by and reason
    """
    CoolingOff.objects.filter(relationship=relationship, superseded_at=None).update(superseded_at=timezone.now())
    if end is not None and end.quiet_until != ends_at:
        end.quiet_until = ends_at
        end.save(update_fields=["quiet_until"])
    return CoolingOff.objects.create(
        relationship=relationship, breakup=end, begins_at=begins_at, ends_at=ends_at, **words
    )


def withdraw_tasks(relationship: Relationship, *, why: str) -> int:
    """Take every waiting suggestion back; gives how many."""
    waiting = Task.objects.filter(relationship=relationship, state__in=[TaskState.OPEN.value, TaskState.LATER.value])
    return waiting.update(state=TaskState.WITHDRAWN.value, answer=why)


@dataclass(frozen=True)
class Loss:
    """What an end costs, two figures that are never summed, in minor units of `currency`; None where not known.

    run_rate_minor  what they brought in the 365 days up to the end
    residual_minor  what we believed, on the last night, that they would still bring
    """

    run_rate_minor: int | None
    residual_minor: int | None
    currency: str
    unknown: dict[str, str]


def loss_of(relationship: Relationship, *, on: date) -> Loss:
    """The loss as it stands on the day, from the history and the outlook. Reads only."""
    outlook = journal.outlook_of(relationship.pk)
    unknown: dict[str, str] = {}
    run_rate, currency = _run_rate(relationship, on=on, unknown=unknown)
    residual = outlook.value_minor if outlook else None
    if outlook is None:
        unknown["residual"] = "no night has read this person"
    elif residual is None:
        unknown["residual"] = outlook.unknown or "the value was not known on the last night"
    elif currency and outlook.currency and outlook.currency != currency:
        unknown["residual"], residual = f"believed in {outlook.currency}, paid in {currency}", None
    currency = currency or (outlook.currency if outlook else "") or relationship.brand.currency
    return Loss(run_rate, residual, currency, unknown)


def _run_rate(relationship: Relationship, *, on: date, unknown: dict[str, str]) -> tuple[int | None, str]:
    from rekindle.workflows.story import the_history  # the columnar engine is loaded only where an end is recorded

    zone = zone_of(relationship)
    first, after = day_begins(on - timedelta(days=RUN_RATE_DAYS), zone), day_begins(on + timedelta(days=1), zone)
    events = the_history().of(relationship.party_id, before=after, limit=_EVENTS_AT_MOST)
    paid = [
        (event["amount_minor"], event["currency"] or "")
        for event in events.select(["occurred_at", "amount_minor", "currency"]).to_pylist()
        if event["amount_minor"] is not None and event["occurred_at"].astimezone(UTC) >= first
    ]
    currencies = {currency for _, currency in paid}
    if not paid:
        unknown["run_rate"] = "no amount is on record in the year before"
    elif len(currencies) > 1:
        unknown["run_rate"] = f"paid in {', '.join(sorted(word or 'no currency' for word in currencies))}"
    elif events.num_rows == _EVENTS_AT_MOST:
        unknown["run_rate"] = f"more than {_EVENTS_AT_MOST:,} events in the year before"
    else:
        return sum(amount for amount, _ in paid), currencies.pop()
    return None, ""


_SCORES: Final = (
    "model", "horizon_days", "p_alive", "p_none", "p_none_low", "p_none_high", "value_horizon_days", "value_minor",
    "value_low_minor", "value_high_minor", "currency", "usual_gap", "silent_days", "unknown",
)  # fmt: skip


def frozen_of(relationship: Relationship) -> dict[str, Any]:
    """Scores, signs and place as they stand, as plain JSON: what an autopsy reads must not change afterwards."""
    outlook = journal.outlook_of(relationship.pk)
    return {
        "outlook": {"as_of": outlook.as_of.isoformat(), **{name: getattr(outlook, name) for name in _SCORES}}
        if outlook
        else None,
        "signs": [
            {"code": sign.code, "raised_on": sign.raised_on.isoformat(), "strength": sign.strength}
            for sign in journal.open_signs([relationship.pk])
        ],
        "before": {
            "stage": relationship.stage,
            "stage_since": relationship.stage_since.isoformat() if relationship.stage_since else None,
            "commercial": relationship.commercial,
            "contact": relationship.contact,
            "terms": relationship.terms,
        },
    }
