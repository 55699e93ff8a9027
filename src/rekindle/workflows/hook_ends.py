"""Where the contracts of one customer stand, from everything their source ever told, in the order it happened.

1. the step is written into the audit trail under a keyed digest of the customer: append-only, in the deed's own
   transaction, without a name, a number or a word of theirs; a step told twice counts once;
2. all steps of the customer are read again by their own time, so that late, shuffled and repeated deliveries give the
   same ends: the relationship is over when every contract we heard of is;
3. the books follow through `workflows.part`: a new end is recorded, a moved one corrected, a notice withdrawn.

Only ends that this source told are ever moved or withdrawn; one that a person or a load recorded is joined and stays.
A contract we never heard of cannot keep a relationship alive.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from django.db import transaction

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import RekindleError
from rekindle.journal.models import AuditEntry, WebhookSource
from rekindle.relationships.models import Breakup, Party, Relationship
from rekindle.workflows import audit, endings, part
from rekindle.workflows.hook_people import numbers_of
from rekindle.workflows.hooks.told import Leaving, Said, Step

VERB: Final = "hook.told"
SWITCH: Final = timedelta(days=1)
"""A new contract within a day of the old one's end is another plan, not a return. Our choice."""

_RANK: Final = {"lives": 0, "notice": 1, "ended": 2}
"""Of two steps told for one second the graver counts."""


@dataclass(frozen=True)
class End:
    """One end of the relationship. `stands` is False where it was taken back; `is_over` where every contract ended."""

    day: date
    stands: bool
    is_over: bool
    last_at: datetime


@dataclass(frozen=True)
class Read:
    """What the steps come to: ends in their order, and the instants at which somebody came back."""

    ends: tuple[End, ...]
    returns: tuple[datetime, ...]


@dataclass(frozen=True)
class Done:
    """What the books made of it: a sentence, the end it belongs to, new returns for the history."""

    said: str
    breakup: Breakup | None
    returns: tuple[datetime, ...]
    is_settled: bool = True


def source_of(source: WebhookSource) -> str:
    """How an end names this source."""
    return f"webhook:{source.slug}"


def tell(
    relationship: Relationship, steps: Sequence[Step], *, leaving: Leaving, source: WebhookSource, by: User, named: str
) -> Done:
    """All three steps for what one delivery told. Call it inside the delivery's transaction.

    named  how the delivery named the customer: their number, else their address
    """
    relationship = endings.locked(relationship.pk)
    zone = endings.zone_of(relationship)
    before = _told(relationship.party, source=source)
    for step in steps:
        if _key(_digested(step, source)) not in {_key(one) for one in before}:
            _write(step, source=source, by=by, named=named)
    after = _told(relationship.party, source=source)
    was, now = read(before, zone=zone), read(after, zone=zone)
    returns = tuple(at for at in now.returns if at not in was.returns)
    said, end, is_settled = _follow(relationship, now, leaving=leaving, source=source, by=by, zone=zone)
    return Done(said, end, returns, is_settled)


def read(steps: Iterable[Step], *, zone: ZoneInfo) -> Read:
    """Step 2, by itself: the same for any order of the same steps.

    zone  the person's own; an instant's day is counted in it
    """
    stand: dict[str, Step] = {}
    ends: list[End] = []
    returns: list[datetime] = []
    is_leaving = False
    for step in sorted(set(steps), key=lambda one: (one.at, _RANK[one.said], one.about, str(_day(one, zone)))):
        stand[step.about] = step
        if any(one.said == "lives" for one in stand.values()):
            if is_leaving:
                last = ends[-1]
                has_come = last.is_over or step.at.astimezone(zone).date() > last.day
                is_switch = last.is_over and step.at - last.last_at <= SWITCH
                if has_come and not is_switch:
                    returns.append(step.at)
                else:
                    ends[-1] = replace(last, stands=False)
            is_leaving = False
            continue
        day = max(found for one in stand.values() if (found := _day(one, zone)) is not None)
        end = End(day, True, all(one.said == "ended" for one in stand.values()), step.at)
        if is_leaving:
            ends[-1] = end
        else:
            ends.append(end)
        is_leaving = True
    return Read(tuple(ends), tuple(returns))


def _day(step: Step, zone: ZoneInfo) -> date | None:
    """The last day of a contract; for one that lives, none."""
    if step.said == "lives":
        return None
    return step.ends_on or (step.ends_at or step.at).astimezone(zone).date()


def _follow(
    relationship: Relationship, now: Read, *, leaving: Leaving, source: WebhookSource, by: User, zone: ZoneInfo
) -> tuple[str, Breakup | None, bool]:
    """Step 3. (a sentence, the end that stands, whether the books say what the source says)."""
    ours = list(
        Breakup.objects.filter(relationship=relationship, source=source_of(source), withdrawn_at=None).order_by(
            "ended_on"
        )
    )
    wanted = [end for end in now.ends if end.stands]
    days = {end.day for end in wanted}
    gone = [end for end in ours if end.ended_on not in days]
    missing = [end for end in wanted if end.day not in {one.ended_on for one in ours}]
    said: list[str] = []
    last: Breakup | None = None
    try:
        with transaction.atomic():
            for old in gone:
                # A day that another end was once recorded for, and taken back, is given to that record again.
                if missing and not Breakup.objects.filter(relationship=relationship, ended_on=missing[0].day).exists():
                    last = part.correct_end_date(
                        old, ended_on=missing.pop(0).day, by=by, reason=f"told by {source.slug}"
                    )
                    said.append(f"The end on record is now {last.ended_on.isoformat()}.")
                else:
                    said.append(_take_back(relationship, old, source=source, by=by))
            if wanted:
                last, sentence = _record(relationship, wanted[-1], leaving=leaving, source=source, by=by, zone=zone)
                said += [sentence] if sentence and not said else []
            for end in missing:
                if end is not wanted[-1]:
                    _record(relationship, end, leaving=Leaving(), source=source, by=by, zone=zone)
    except RekindleError as error:
        return f"The books say otherwise and stay as they are: {error}", None, False
    if not said:
        said.append("Known already." if ours or now.ends else "Their contract goes on; nothing to change.")
    return " ".join(said), last, True


def _record(
    relationship: Relationship, end: End, *, leaving: Leaving, source: WebhookSource, by: User, zone: ZoneInfo
) -> tuple[Breakup, str]:
    today = endings.local_day(relationship)
    told = part.Told(
        ended_on=end.day,
        noticed_on=min(end.last_at.astimezone(zone).date(), today),
        kind=leaving.kind,
        initiator=leaving.initiator,
        reasons=leaving.reasons,
        verbatim=leaving.verbatim,
        feeling=leaving.feeling,
    )
    parted = part.record_end(relationship, by=by, told=told, source=source_of(source))
    if not parted.is_news:
        return parted.breakup, ""
    when = end.day.isoformat()
    return parted.breakup, f"Notice is on record for {when}." if end.day > today else f"The end of {when} is on record."


def _take_back(relationship: Relationship, end: Breakup, *, source: WebhookSource, by: User) -> str:
    reason = f"told by {source.slug}: the contract goes on"
    if end.ended_on > endings.local_day(relationship):
        part.withdraw_notice(end, by=by, reason=reason)
        return "They stay; the notice is withdrawn."
    part.undo(end, by=by, reason=reason)
    return "The end is taken back: their contract goes on."


def _write(step: Step, *, source: WebhookSource, by: User, named: str) -> None:
    step = _digested(step, source)
    audit.record(
        VERB,
        actor=by,
        subject=_subject(source, named),
        details={
            "source": source.slug,
            "about": step.about,
            "said": step.said,
            "at": step.at.isoformat(),
            "ends_at": step.ends_at.isoformat() if step.ends_at else None,
            "ends_on": step.ends_on.isoformat() if step.ends_on else None,
        },
    )


def _told(party: Party, *, source: WebhookSource) -> list[Step]:
    """Every step the source told of them, under whichever of their numbers and addresses."""
    subjects = [_subject(source, named) for named in numbers_of(party, source=source)]
    rows = AuditEntry.objects.filter(subject__in=subjects, verb=VERB).order_by("id")
    return [_step(details) for details in rows.values_list("details", flat=True)]


def _step(details: dict[str, Any]) -> Step:
    said: Said = next(word for word in get_args(Said) if word == details["said"])
    return Step(
        about=details["about"],
        said=said,
        at=datetime.fromisoformat(details["at"]),
        ends_at=datetime.fromisoformat(details["ends_at"]) if details["ends_at"] else None,
        ends_on=date.fromisoformat(details["ends_on"]) if details["ends_on"] else None,
    )


def _digested(step: Step, source: WebhookSource) -> Step:
    """The same step about a contract that nobody can name any more."""
    return replace(step, about=digest(source, f"contract {step.about}") if step.about else "")


def _key(step: Step) -> tuple[Any, ...]:
    return (step.about, step.said, step.at, step.ends_at, step.ends_on)


def _subject(source: WebhookSource, named: str) -> str:
    return f"hook:{source.pk}:{digest(source, named.lower())}"


def digest(source: WebhookSource, text: str) -> str:
    """32 hex digits for a number or address of a source, under a key of this home; the same for the same."""
    return hmac.digest(bytes.fromhex(home.key("webhooks")), f"{source.pk}\x1f{text}".encode(), "sha256").hex()[:32]
