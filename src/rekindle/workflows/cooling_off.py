"""The quiet after an end: begun when the day has come, made longer, made shorter by two people, opened for a reply.

A stretch of quiet is stored as two instants and never worked out again. Every change is a new row in the place of the
old one, with who and why, so that what held at any time can be read later. Clocks, settings and restarts change
nothing: what is compared is always one stored instant with now.

Each deed, in one transaction: lock the relationship, check, write the new stretch, take the step, one audit entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.relationships.models import Breakup, CleanBreak, CoolingOff, Episode, Relationship, StageChange
from rekindle.relationships.policy import QUIET, day_begins
from rekindle.relationships.vocabulary import Commercial, Contact, Stage
from rekindle.workflows import audit, endings, policies

LONGEST: Final = timedelta(days=3 * 366)
"""Who wants to hear nothing for longer than three years wants to hear nothing: that is an objection. Our choice."""
_CLOSING: Final = frozenset(kind.value for kind in QUIET.closed)
_AT_ONCE: Final = 500
"""Rows in one statement: SQLite takes some 32,000 parameters, and a row here has up to nine."""


def extend(relationship: Relationship, *, until: date, by: User, reason: str) -> CoolingOff:
    """More quiet, up to the beginning of a local day. The same day again changes nothing.

    Raises Conflict where nothing has ended or the day lies before the present end, BadInput over three years.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="who asked for more time")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        end, standing = _ended(relationship)
        ends_at = day_begins(until, endings.zone_of(relationship))
        if ends_at > timezone.now() + LONGEST:
            raise BadInput(f"{until} lies more than three years ahead", remedy="Record an objection instead.")
        if ends_at == standing.ends_at:
            return standing
        if ends_at < standing.ends_at:
            raise Conflict(
                f"it is quiet until {standing.ends_at.astimezone(endings.zone_of(relationship)):%d %B %Y} already",
                where=f"relationship {relationship.pk}",
                remedy="Making it shorter takes two people.",
            )
        quiet = endings.replace_quiet(
            relationship, end=end, begins_at=standing.begins_at, ends_at=ends_at,
            basis="extended by hand", reason=reason,
        )  # fmt: skip
        if Stage(relationship.stage) in (Stage.BREAKUP, Stage.WOOING):
            evidence = {"breakup": end.pk, "until": ends_at.isoformat(), "reason": reason}
            endings.move(relationship, Stage.COOLING_OFF, on=endings.local_day(relationship), by=by, evidence=evidence)
        if relationship.contact != Contact.SILENT.value and Stage(relationship.stage) is Stage.COOLING_OFF:
            _set_contact(relationship, Contact.QUIET)
        audit.record("quiet.extended", actor=by, subject=f"cooling_off:{quiet.pk}",
                     details={"relationship": relationship.pk, "until": ends_at.isoformat()})  # fmt: skip
    return quiet


def shorten(relationship: Relationship, *, until: date, by: User, seconded_by: User, reason: str) -> CoolingOff:
    """Less quiet, by two different people; the database refuses one. The same day again changes nothing.

    Raises Refused for the same person twice or a role that may not, Conflict where no quiet runs or the day does not
    make it shorter.
    """
    endings.may(by)
    endings.two_people(by, seconded_by, what="making the quiet shorter")
    reason = endings.reason_of(reason, what="why it may be shorter")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        end, standing = _ended(relationship)
        now = timezone.now()
        ends_at = max(day_begins(until, endings.zone_of(relationship)), standing.begins_at)
        if ends_at == standing.ends_at:
            return standing
        if standing.ends_at <= now:
            raise Conflict("the quiet is over already", where=f"relationship {relationship.pk}")
        if ends_at > standing.ends_at:
            raise Conflict("that day makes it longer", remedy="One person alone can extend it.")
        if ends_at < day_begins(endings.local_day(relationship), endings.zone_of(relationship)):
            raise BadInput(f"{until} has gone by", remedy="Give today or a later day.")
        quiet = endings.replace_quiet(
            relationship, end=end, begins_at=standing.begins_at, ends_at=ends_at, basis="shortened by two people",
            shortened_by=by, seconded_by=seconded_by, reason=reason,
        )  # fmt: skip
        audit.record("quiet.shortened", actor=by, subject=f"cooling_off:{quiet.pk}",
                     details={"relationship": relationship.pk, "from": standing.ends_at.isoformat(),
                              "until": ends_at.isoformat(), "seconded_by": seconded_by.pk})  # fmt: skip
    return quiet


def customer_wrote(
    relationship: Relationship, *, by: User | None = None, at: datetime | None = None
) -> datetime | None:
    """They wrote first: for fourteen local days we may answer, that thread only; gives until when.

    None where no quiet runs, as nothing needs to be opened then. A later word of theirs opens it for longer; the
    quiet itself stays as long as it was. Raises Refused where the relationship is closed for good.
    """
    if by is not None:
        endings.may(by)
    at = at or timezone.now()
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        if relationship.contact == Contact.SILENT.value or Stage(relationship.stage) is Stage.CLOSED:
            raise Refused(
                "this relationship is closed for good", rule="closed",
                remedy="Ask an owner, who can open it since they came to us.",
            )  # fmt: skip
        if not endings.is_quiet(relationship, at):
            return None
        last_day = endings.local_day(relationship, at) + timedelta(days=policies.quiet().thread)
        until = day_begins(last_day, endings.zone_of(relationship))
        open_until = reply_until(relationship)
        if open_until is not None and open_until >= until:
            return open_until
        _set_contact(relationship, Contact.REPLY_ONLY)
        # The stage stays; the row is where the contact axis keeps its day.
        StageChange.objects.create(
            relationship=relationship, from_stage=relationship.stage, to_stage=relationship.stage,
            on=endings.local_day(relationship, at), rule="they_wrote_first", by=by,
            evidence={"contact": Contact.REPLY_ONLY.value, "until": until.isoformat()},
        )  # fmt: skip
        audit.record("quiet.reply_opened", actor=by, subject=f"relationship:{relationship.pk}",
                     details={"until": until.isoformat()})  # fmt: skip
    return until


def reply_until(relationship: Relationship) -> datetime | None:
    """The instant until which we may answer; None where they did not write first. It may lie in the past."""
    if relationship.contact != Contact.REPLY_ONLY.value:
        return None
    return reply_windows([relationship.pk]).get(relationship.pk)


def reply_windows(relationship_ids: Iterable[int]) -> dict[int, datetime]:
    """The newest window of each relationship that ever had one: one query for all of them."""
    rows = StageChange.objects.filter(
        relationship_id__in=list(relationship_ids), rule="they_wrote_first", undone_at=None
    ).order_by("id")
    return {
        number: datetime.fromisoformat(evidence["until"]).astimezone(UTC)
        for number, evidence in rows.values_list("relationship_id", "evidence")
    }


def begin(at: datetime | None = None) -> int:
    """For the night: ends whose day has come take effect, and ends that a load brought get their stretch of quiet.

    Gives how many relationships moved, in batches. Ends whose quiet is over long since stay break-ups: nobody waits
    for them.
    """
    at = at or timezone.now()
    later = Breakup.objects.filter(
        relationship=OuterRef("relationship"), withdrawn_at=None, ended_on__gt=OuterRef("ended_on")
    )
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    reopened = CleanBreak.objects.filter(
        relationship=OuterRef("relationship"), reopened_at__isnull=False, at__gte=OuterRef("recorded_at")
    )
    ends = (
        Breakup.objects.filter(withdrawn_at=None, ended_on__lte=(at + timedelta(days=1)).date())
        .filter(relationship__stage__in=[Stage.NOTICE.value, Stage.BREAKUP.value])
        .filter(Q(quiet_until__gt=at) | Q(relationship__stage=Stage.NOTICE.value) | Q(kind__in=_CLOSING))
        .exclude(Exists(later))
        .exclude(Exists(lived_on))
        .exclude(Exists(reopened), kind__in=_CLOSING)  # what an owner opened again is not closed by the same end
        .select_related("relationship__party", "relationship__brand")
        .order_by("pk")
    )
    moved, last = 0, 0
    # Asked again after each batch: rows are changed behind the reader.
    while batch := list(ends.filter(pk__gt=last)[:_AT_ONCE]):
        last = batch[-1].pk
        moved += _begin([end for end in batch if end.ended_on <= endings.local_day(end.relationship, at)], at=at)
    return moved


def _begin(ends: list[Breakup], *, at: datetime) -> int:
    """One batch in one transaction."""
    steps: list[StageChange] = []
    quiets: list[CoolingOff] = []
    to: dict[tuple[Stage, date], list[int]] = {}
    with transaction.atomic():
        rows = Relationship.objects.select_for_update().filter(pk__in=[end.relationship_id for end in ends])
        stages = dict(rows.order_by("pk").values_list("pk", "stage"))
        have = set(CoolingOff.objects.filter(breakup__in=ends, superseded_at=None).values_list("breakup_id", flat=True))
        for end in ends:
            stage, is_quiet = Stage(stages[end.relationship_id]), end.quiet_until > at
            closes = end.kind in _CLOSING
            path = _path(stage, closes=closes, is_quiet=is_quiet)
            steps += [_step(end, before, after) for before, after in zip([stage, *path], path, strict=False)]
            if path:
                to.setdefault((path[-1], end.ended_on), []).append(end.relationship_id)
            if is_quiet and not closes and end.pk not in have:
                begins_at = min(day_begins(end.ended_on, endings.zone_of(end.relationship)), end.quiet_until)
                quiets.append(CoolingOff(relationship_id=end.relationship_id, breakup=end, begins_at=begins_at,
                                         ends_at=end.quiet_until, basis="as loaded"))  # fmt: skip
        StageChange.objects.bulk_create(steps)
        CoolingOff.objects.bulk_create(quiets)
        for (stage, day), members in to.items():
            moved = Relationship.objects.filter(pk__in=members)
            moved.update(stage=stage.value, stage_since=day, commercial=Commercial.ENDED.value)
            if stage is not Stage.BREAKUP:
                contact = Contact.SILENT if stage is Stage.CLOSED else Contact.QUIET
                moved.exclude(contact=Contact.SILENT.value).update(contact=contact.value)
    return sum(map(len, to.values()))


def _path(stage: Stage, *, closes: bool, is_quiet: bool) -> list[Stage]:
    """The steps that lead to where the end belongs."""
    if stage not in (Stage.NOTICE, Stage.BREAKUP):
        return []
    if closes:
        return [Stage.CLOSED]
    first = [Stage.BREAKUP] if stage is Stage.NOTICE else []
    return [*first, Stage.COOLING_OFF] if is_quiet else first


def _step(end: Breakup, before: Stage, after: Stage) -> StageChange:
    rule = {Stage.BREAKUP: "end_on_record", Stage.COOLING_OFF: "cooling_off_begun", Stage.CLOSED: "closed"}[after]
    evidence = {"breakup": end.pk, "ended_day": end.ended_on.isoformat()}
    return StageChange(relationship_id=end.relationship_id, from_stage=before.value, to_stage=after.value,
                       on=end.ended_on, rule=rule, evidence=evidence)  # fmt: skip


def lift(at: datetime | None = None) -> int:
    """For the night: the contact axis follows the stored instants; gives how many relationships changed.

    A window for replies that has run out falls back to quiet; a quiet that is over is over. What may follow is asked
    of the want-back decision and the rules, never of this. Quiet that somebody set without an end stays.
    """
    at = at or timezone.now()
    standing = CoolingOff.objects.filter(relationship=OuterRef("pk"), superseded_at=None)
    hushed = Relationship.objects.filter(contact__in=[Contact.QUIET.value, Contact.REPLY_ONLY.value])
    with transaction.atomic():
        over = hushed.filter(Exists(standing)).exclude(Exists(standing.filter(ends_at__gt=at)))
        changed = over.update(contact=Contact.OPEN.value)
        answering = list(Relationship.objects.filter(contact=Contact.REPLY_ONLY.value).values_list("pk", flat=True))
        for start in range(0, len(answering), _AT_ONCE):
            some = answering[start : start + _AT_ONCE]
            past = [number for number, until in reply_windows(some).items() if until <= at]
            changed += Relationship.objects.filter(pk__in=past).update(contact=Contact.QUIET.value)
    return changed


def _ended(relationship: Relationship) -> tuple[Breakup, CoolingOff]:
    """The end that holds and its stretch of quiet; an end that a load brought has it in its own column only."""
    end = endings.standing_end(relationship)
    if end is None or end.kind in _CLOSING:
        raise Conflict(
            "there is no quiet here", where=f"relationship {relationship.pk}", remedy="Record the end first."
        )
    standing = endings.standing_quiet(relationship)
    if standing is None or standing.breakup_id != end.pk:
        begins_at = min(day_begins(end.ended_on, endings.zone_of(relationship)), end.quiet_until)
        standing = endings.replace_quiet(
            relationship, end=end, begins_at=begins_at, ends_at=end.quiet_until, basis="as loaded"
        )
    return end, standing


def _set_contact(relationship: Relationship, contact: Contact) -> None:
    if relationship.contact != contact.value:
        relationship.contact = contact.value
        relationship.save(update_fields=["contact"])
