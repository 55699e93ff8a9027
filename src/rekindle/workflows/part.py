"""Record that a relationship is over or will be, and put that record right.

    record_end       somebody told us, or we ended it            withdraw_notice  they stay after all
    confirm_presumed the silence was an end                      deny_presumed    it was not
    correct_end_date the day was another                         undo             a slip, within a day

Each deed, in one transaction:

1. lock the relationship; refuse what cannot be (ended before it began, a second end of the same life);
2. keep the end: one a relationship and day, a second telling of it joins the first and repeats nothing;
3. freeze scores, signs and place as they stood; book the loss as two figures that are never summed;
4. store the instant at which the quiet is over; nothing but `workflows.cooling_off` ever makes it shorter;
5. take the step of the stage, the axes and the terms with it; take waiting suggestions back;
6. one audit entry, without the person's words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Relationship, StageChange
from rekindle.relationships.policy import BY_US, CLEAN_BREAK, DECIDE_WITHIN_DAYS, UNDO_WITHIN, day_begins
from rekindle.relationships.reasons import ranked
from rekindle.relationships.vocabulary import BreakupKind, Contact, Feeling, Initiator, Stage, Terms, Wound
from rekindle.workflows import audit, clean_break, endings, policies
from rekindle.workflows.hooks_out import events, tell

FURTHEST: Final = timedelta(days=5 * 366)
"""An end announced for later than in five years is a slip of the pen. Our choice."""

_GRAVITY: Final = tuple(Wound)


@dataclass(frozen=True)
class Told:
    """What was told of an end; everything but the day may be missing.

    ended_on   the last day of the relationship, in the person's own time zone; in the future it is a notice
    noticed_on the day we learnt of it; None is today
    reasons    up to three codes of `relationships.reasons`, first the weightiest
    terms      the terms we part on; None leaves them as they are
    """

    ended_on: date
    noticed_on: date | None = None
    kind: BreakupKind | None = None
    initiator: Initiator = Initiator.CUSTOMER
    reasons: tuple[str, ...] = ()
    verbatim: str = ""
    feeling: Feeling = Feeling.NOT_TOLD
    wound: Wound = Wound.NONE
    terms: Terms | None = None
    competitor: str = ""
    return_condition: str = ""
    expected_return_on: date | None = None


@dataclass(frozen=True)
class Parted:
    """What came of it. `quiet_until` is None where the relationship is closed for good."""

    breakup: Breakup
    quiet_until: datetime | None
    is_news: bool
    tasks_withdrawn: int
    decide_by: date


def record_end(
    relationship: Relationship, *, by: User, told: Told, source: str = "staff", seconded_by: User | None = None
) -> Parted:
    """Keep one end and give what came of it. The same telling again changes nothing.

    seconded_by  a second person, wanted where we close a relationship for good (abuse, unpaid bills, a law)
    Raises Refused for a role that may not or a missing second person, BadInput for days or reasons that cannot be,
    Conflict where another end of the same life is on record.
    """
    endings.may(by)
    if told.kind in CLEAN_BREAK:
        endings.two_people(by, seconded_by, what="closing a relationship for good")
    told = _tidy(told)
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        _check(relationship, told)
        end, is_news = _kept(relationship, told, source=source)
        if told.kind in CLEAN_BREAK:
            clean_break.sign(end, by=by, seconded_by=seconded_by)
        parted = _settle(relationship, end, by=by)
        if is_news:
            details = {"relationship": relationship.pk, "kind": end.kind, "ended_on": end.ended_on.isoformat()}
            if seconded_by is not None:
                details["seconded_by"] = seconded_by.pk
            audit.record("end.recorded", actor=by, subject=f"breakup:{end.pk}", details=details)
            tell.person(events.PERSON_LEFT, relationship, key=f"breakup:{end.pk}")
    return Parted(end, parted[0], is_news, parted[1], decide_by(end))


def decide_by(end: Breakup) -> date:
    """The day by which somebody says whether we would like them back."""
    return end.ended_on + timedelta(days=DECIDE_WITHIN_DAYS)


def confirm_presumed(relationship: Relationship, *, by: User, told: Told | None = None) -> Parted:
    """The silence was an end: record it from the presumed day, with at least 45 quiet days from now.

    told  anything else that is known of it; its day is not looked at
    Raises Conflict where no end is presumed.
    """
    endings.may(by)
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        day = presumed_on(relationship)
        words = {field.name: getattr(told, field.name) for field in fields(Told)} if told else {}
        if told is None:
            words = {"kind": BreakupKind.QUIET_FADE, "initiator": Initiator.NOBODY, "reasons": ("not_asked",)}
        parted = record_end(relationship, by=by, told=Told(**{**words, "ended_on": day}), source="presumed")
        policy = policies.quiet(parted.breakup.recorded_at)
        floor = day_begins(
            endings.local_day(relationship) + timedelta(days=policy.floor_presumed), endings.zone_of(relationship)
        )
        if parted.quiet_until is None or parted.quiet_until >= floor:
            return parted
        relationship = endings.locked(relationship.pk)
        endings.replace_quiet(
            relationship, end=parted.breakup, begins_at=timezone.now(), ends_at=floor,
            basis=f"policy {policy.version}: {policy.floor_presumed} left after a presumed end is confirmed",
        )  # fmt: skip
        _enter_quiet(relationship, parted.breakup, ends_at=floor, by=by)
    return Parted(parted.breakup, floor, parted.is_news, parted.tasks_withdrawn, parted.decide_by)


def deny_presumed(relationship: Relationship, *, by: User, reason: str) -> StageChange:
    """They are still with us: the presumed end heals, and the reason is kept beside the day.

    Raises Conflict where no end is presumed, BadInput without a reason.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="why they are still with us")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        day, today = presumed_on(relationship), endings.local_day(relationship)
        change = endings.move(
            relationship, Stage.ONGOING, on=today, by=by, rule="presumed_denied",
            evidence={"reason": reason, "presumed_on": day.isoformat()},
        )  # fmt: skip
        if change is None:  # presumed_on has just read another stage from the locked row
            raise Conflict("no end is presumed", where=f"relationship {relationship.pk}")
        _presumed(relationship).update(healed_on=today)
        endings.withdraw_tasks(relationship, why="somebody knows better than the silence")
        audit.record("end.denied", actor=by, subject=f"relationship:{relationship.pk}", details={"on": day.isoformat()})
    return change


def presumed_on(relationship: Relationship) -> date:
    """The day from which the silence is presumed to be an end. Raises Conflict where none is presumed."""
    day = _presumed(relationship).order_by("-number").values_list("ended_on", flat=True).first()
    if Stage(relationship.stage) is not Stage.PRESUMED_BREAKUP or day is None:
        raise Conflict(
            "no end is presumed here any more",
            where=f"relationship {relationship.pk}",
            remedy="Look at the person again; somebody answered, or they came back.",
        )
    return day


def withdraw_notice(end: Breakup, *, by: User, reason: str) -> Breakup:
    """They stay after all: the announced end is taken back, the relationship goes on. Once withdrawn it stays so.

    Raises Conflict where the end has come already.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="why they stay")
    with transaction.atomic():
        relationship = endings.locked(end.relationship_id)
        end = _again(end)
        if end.withdrawn_at is not None:
            return end
        today = endings.local_day(relationship)
        if end.ended_on <= today:
            raise Conflict(
                f"it ended on {end.ended_on:%d %B %Y}", where=f"breakup {end.pk}",
                remedy="A notice is withdrawn before its day; if they came back, the next purchase says so.",
            )  # fmt: skip
        _withdraw(end, why={"withdrawn": {"reason": reason, "on": today.isoformat(), "by": by.pk}})
        was_at_risk = end.frozen.get("before", {}).get("stage") == Stage.AT_RISK.value
        if Stage(relationship.stage) is Stage.NOTICE:
            to = Stage.AT_RISK if was_at_risk else Stage.ONGOING
            endings.move(relationship, to, on=today, by=by, evidence={"breakup": end.pk, "reason": reason})
        audit.record(
            "notice.withdrawn", actor=by, subject=f"breakup:{end.pk}", details={"relationship": relationship.pk}
        )
    return end


def correct_end_date(
    end: Breakup, *, ended_on: date, by: User, reason: str, seconded_by: User | None = None
) -> Breakup:
    """Give an end its right day. The quiet follows when that makes it longer; shorter, only with a second person.

    Raises Conflict where the end was withdrawn or another end has that day, BadInput for a day that cannot be.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="how the right day is known")
    with transaction.atomic():
        relationship = endings.locked(end.relationship_id)
        end = _again(end)
        if end.withdrawn_at is not None:
            raise Conflict("this end was taken back", where=f"breakup {end.pk}", remedy="Record it anew.")
        if end.ended_on == ended_on:
            return end
        if Breakup.objects.filter(relationship=relationship, ended_on=ended_on).exists():
            raise Conflict("another end is on record for that day", where=f"breakup {end.pk}")
        _check(relationship, Told(ended_on=ended_on), but_not=end)
        was, end.ended_on = end.ended_on, ended_on
        end.save(update_fields=["ended_on"])
        if seconded_by is not None:
            endings.two_people(by, seconded_by, what="making the quiet shorter")
        _settle(relationship, end, by=by, shortened=(by, seconded_by, reason) if seconded_by else None)
        audit.record(
            "end.date_corrected", actor=by, subject=f"breakup:{end.pk}",
            details={"relationship": relationship.pk, "from": was.isoformat(), "to": ended_on.isoformat(),
                     "seconded_by": seconded_by.pk if seconded_by else None},
        )  # fmt: skip
    return end


def undo(end: Breakup, *, by: User, reason: str) -> Breakup:
    """Take a slip back within a day of recording it: stage, axes and terms are what they were, the record stays.

    Raises Conflict when more than a day has gone by or something else has happened since, Refused where the
    relationship was closed and the role is not an owner's.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="what went wrong")
    with transaction.atomic():
        relationship = endings.locked(end.relationship_id)
        end = _again(end)
        if end.withdrawn_at is not None:
            return end
        before = end.frozen.get("before")
        if before is None or timezone.now() - end.recorded_at > UNDO_WITHIN:
            raise Conflict(
                "an end can be taken back within a day of recording it", where=f"breakup {end.pk}",
                remedy="Correct its date instead, or withdraw the notice.",
            )  # fmt: skip
        if Stage(relationship.stage) is Stage.CLOSED and not by.may(Deed.STAFF):
            raise Refused("only an owner opens a closed relationship again", rule="closed", remedy="Ask an owner.")
        ours = StageChange.objects.filter(relationship=relationship, undone_at=None, evidence__breakup=end.pk)
        newest = StageChange.objects.filter(relationship=relationship, undone_at=None).order_by("-id").first()
        if newest is not None and newest.evidence.get("breakup") != end.pk:
            raise Conflict("the relationship has moved on since", where=f"breakup {end.pk}")
        ours.update(undone_at=timezone.now())
        since = before["stage_since"]
        Relationship.objects.filter(pk=relationship.pk).update(
            **{**before, "stage_since": date.fromisoformat(since) if since else None}
        )
        if end.frozen.get("deceased"):
            relationship.party.deceased_on = None
            relationship.party.save(update_fields=["deceased_on"])
        clean_break.taken_back(relationship, by=by, reason=reason)
        _withdraw(end, why={"undone": {"reason": reason, "by": by.pk}})
        audit.record("end.undone", actor=by, subject=f"breakup:{end.pk}", details={"relationship": relationship.pk})
    return end


def _tidy(told: Told) -> Told:
    """Words without control characters and blanks, cut nowhere. Raises BadInput for what cannot be."""
    words = {name: getattr(told, name).replace("\x00", "").strip() for name in _LONGEST}
    for name, text in words.items():
        if len(text) > _LONGEST[name]:
            raise BadInput(f"{len(text):,} characters", where=name, remedy=f"Keep it within {_LONGEST[name]:,}.")
    if told.kind in BY_US and told.initiator is not Initiator.COMPANY:
        words["initiator"] = Initiator.COMPANY
    return Told(**{**{field.name: getattr(told, field.name) for field in fields(Told)}, **words,
                   "reasons": tuple(ranked(told.reasons))})  # fmt: skip


_LONGEST: Final = {"verbatim": 10_000, "competitor": 120, "return_condition": 200}


def _check(relationship: Relationship, told: Told, *, but_not: Breakup | None = None) -> None:
    """Days that can be, and no other end of the same life."""
    today = endings.local_day(relationship)
    if told.ended_on > today + FURTHEST:
        raise BadInput(f"{told.ended_on} lies more than five years ahead", where="last day", remedy="Check the year.")
    if told.kind is BreakupKind.DECEASED and told.ended_on > today:
        raise BadInput("a death cannot be announced", where="last day", remedy="Give the day it happened.")
    if told.noticed_on is not None and told.noticed_on > today:
        raise BadInput(f"{told.noticed_on} is still to come", where="told on", remedy="Give the day you learnt of it.")
    if told.expected_return_on is not None and told.expected_return_on <= told.ended_on:
        raise BadInput("they would return before they left", where="expected return", remedy="Check the two days.")
    began = Episode.objects.filter(relationship=relationship).aggregate(day=Min("began_on"))["day"]
    if began is not None and told.ended_on < began:
        raise BadInput(
            f"it ended before it began, on {began:%d %B %Y}", where="last day", remedy="Give a day from then on."
        )
    standing = endings.standing_end(relationship)
    if standing is not None and standing != but_not and standing.ended_on != told.ended_on:
        raise Conflict(
            f"an end is on record for {standing.ended_on:%d %B %Y}",
            where=f"breakup {standing.pk}",
            remedy="Correct its date; one life ends once.",
        )
    if standing is None and Stage(relationship.stage) is Stage.CLOSED:
        raise Conflict("this relationship is closed already", where=f"relationship {relationship.pk}")


def _kept(relationship: Relationship, told: Told, *, source: str) -> tuple[Breakup, bool]:
    """(the end of that day, whether the telling brought anything new)."""
    end = Breakup.objects.filter(relationship=relationship, ended_on=told.ended_on).first()
    if end is not None and end.withdrawn_at is None:
        return end, _join(end, told)
    loss = endings.loss_of(relationship, on=told.ended_on)
    facts: dict[str, Any] = {
        "noticed_on": told.noticed_on or endings.local_day(relationship),
        "terms_before": relationship.terms,
        "terms_after": (told.terms or Terms(relationship.terms)).value,
        "run_rate_lost_minor": loss.run_rate_minor,
        "residual_lost_minor": loss.residual_minor,
        "currency": loss.currency,
        "frozen": {
            **endings.frozen_of(relationship),
            "loss_unknown": loss.unknown,
            "ends_before": Breakup.objects.filter(
                relationship=relationship, withdrawn_at=None, ended_on__lt=told.ended_on
            ).count(),
        },
        "withdrawn_at": None,
        "source": source,
        "recorded_at": timezone.now(),
        "quiet_until": day_begins(told.ended_on, endings.zone_of(relationship)),  # `_settle` gives it its length
        **_columns(told),
    }
    if end is None:
        return Breakup.objects.create(relationship=relationship, ended_on=told.ended_on, **facts), True
    for name, value in facts.items():
        setattr(end, name, value)
    end.save()
    return end, True


def _columns(told: Told) -> dict[str, Any]:
    """What was told, as the table keeps it."""
    words = asdict(told)
    for name in ("ended_on", "noticed_on", "terms"):
        del words[name]
    return {**words, "kind": told.kind.value if told.kind else "", "initiator": told.initiator.value,
            "feeling": told.feeling.value, "wound": told.wound.value, "reasons": list(told.reasons)}  # fmt: skip


def _join(end: Breakup, told: Told) -> bool:
    """A second telling fills what is empty and adds new words; what was told first stands. Gives whether it did."""
    before = {name: getattr(end, name) for name in _columns(told)} | {"terms_after": end.terms_after}
    if not end.kind and told.kind is not None:
        end.initiator = told.initiator.value  # who ended it follows from how it ended, which nobody had said yet
    for name, value in _columns(told).items():
        if not getattr(end, name) and value:
            setattr(end, name, value)
    if told.feeling is not Feeling.NOT_TOLD and end.feeling == Feeling.NOT_TOLD.value:
        end.feeling = told.feeling.value
    end.wound = max(Wound(end.wound), told.wound, key=_GRAVITY.index).value
    if told.verbatim and told.verbatim not in end.verbatim:
        end.verbatim = f"{end.verbatim}\n{told.verbatim}"
    if told.terms is not None and end.terms_after in ("", end.terms_before):
        end.terms_after = told.terms.value
    if all(getattr(end, name) == value for name, value in before.items()):
        return False
    end.save()
    return True


def _settle(
    relationship: Relationship,
    end: Breakup,
    *,
    by: User,
    shortened: tuple[User, User | None, str] | None = None,
) -> tuple[datetime | None, int]:
    """Bring quiet, stage, axes and terms to where the end puts them; (the quiet's end or None, suggestions taken back).

    Doing it again changes nothing.
    """
    kind = BreakupKind(end.kind) if end.kind else None
    policy, country = policies.quiet(end.recorded_at), relationship.party.country
    of_end: dict[str, Any] = {"wound": Wound(end.wound), "ends_before": end.frozen.get("ends_before", 0)}
    days, basis = policy.days(kind, country=country, **of_end), policy.basis(kind, country=country, **of_end)
    if end.terms_after and end.terms_after != relationship.terms:
        relationship.terms = end.terms_after
        relationship.save(update_fields=["terms"])
    has_come = end.ended_on <= endings.local_day(relationship)
    ends_at = None if days is None else _quiet(relationship, end, days=days, basis=basis, shortened=shortened)
    if not has_come:
        _announce(relationship, end, by=by)
    elif ends_at is None:
        _close(relationship, end, by=by)
    else:
        _enter_quiet(relationship, end, ends_at=ends_at, by=by)
    return ends_at, endings.withdraw_tasks(relationship, why="an end is on record")


def _quiet(
    relationship: Relationship,
    end: Breakup,
    *,
    days: int,
    basis: str,
    shortened: tuple[User, User | None, str] | None,
) -> datetime:
    """The instant the quiet is over: as the policy has it, but never sooner than a stretch that stands already."""
    zone = endings.zone_of(relationship)
    begins_at, ends_at = day_begins(end.ended_on, zone), day_begins(end.ended_on + timedelta(days=days), zone)
    standing = endings.standing_quiet(relationship)
    running = standing is not None and (standing.breakup_id == end.pk or standing.ends_at > timezone.now())
    words: dict[str, Any] = {"basis": basis[:80]}
    if standing is not None and running and standing.ends_at >= ends_at:
        if shortened is None or standing.ends_at == ends_at:
            if standing.breakup_id == end.pk and standing.begins_at == begins_at:
                return standing.ends_at
            # The record of the stretch moves to this end and day; its end does not come nearer.
            ends_at, words["basis"] = max(standing.ends_at, begins_at), standing.basis
        else:
            words |= {"shortened_by": shortened[0], "seconded_by": shortened[1], "reason": shortened[2]}
    endings.replace_quiet(relationship, end=end, begins_at=begins_at, ends_at=ends_at, **words)
    return ends_at


def _announce(relationship: Relationship, end: Breakup, *, by: User) -> None:
    """A notice: still a customer until the day, and no quiet yet."""
    if relationship.contact == Contact.QUIET.value:
        relationship.contact = Contact.OPEN.value
        relationship.save(update_fields=["contact"])
    evidence = {"breakup": end.pk, "ends_on": end.ended_on.isoformat()}
    endings.move(relationship, Stage.NOTICE, on=endings.local_day(relationship), by=by, evidence=evidence)


def _enter_quiet(relationship: Relationship, end: Breakup, *, ends_at: datetime, by: User | None) -> None:
    """Break-up on its day, and cooling off the same day while the quiet runs."""
    stage, evidence = Stage(relationship.stage), {"breakup": end.pk, "ended_day": end.ended_on.isoformat()}
    if stage not in (Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS, Stage.CLOSED):
        endings.move(relationship, Stage.BREAKUP, on=end.ended_on, by=by, evidence=evidence)
    if ends_at <= timezone.now() or Stage(relationship.stage) is not Stage.BREAKUP:
        return
    endings.move(
        relationship, Stage.COOLING_OFF, on=end.ended_on, by=by,
        evidence={"breakup": end.pk, "until": ends_at.isoformat()},
    )  # fmt: skip
    if relationship.contact != Contact.SILENT.value:
        relationship.contact = Contact.QUIET.value
        relationship.save(update_fields=["contact"])


def _close(relationship: Relationship, end: Breakup, *, by: User | None) -> None:
    """Closed for good, on both axes. A death is written on the person, so that nobody congratulates them."""
    if end.kind == BreakupKind.DECEASED.value and relationship.party.deceased_on is None:
        relationship.party.deceased_on = end.ended_on
        relationship.party.save(update_fields=["deceased_on"])
        end.frozen = {**end.frozen, "deceased": True}
        end.save(update_fields=["frozen"])
    endings.move(relationship, Stage.CLOSED, on=end.ended_on, by=by, evidence={"breakup": end.pk, "kind": end.kind})
    if relationship.contact != Contact.SILENT.value:
        relationship.contact = Contact.SILENT.value
        relationship.save(update_fields=["contact"])
    clean_break.of_end(relationship, end=end)


def _presumed(relationship: Relationship) -> QuerySet[Episode]:
    return Episode.objects.filter(
        relationship=relationship, is_presumed=True, ended_on__isnull=False, healed_on__isnull=True
    )


def _again(end: Breakup) -> Breakup:
    """The end as it stands now, read after its relationship was locked."""
    found = Breakup.objects.filter(pk=end.pk).first()
    if found is None:
        raise NotFound(f"no end {end.pk}", remedy="Look at the person again.")
    return found


def _withdraw(end: Breakup, *, why: dict[str, Any]) -> None:
    end.withdrawn_at, end.frozen = timezone.now(), {**end.frozen, **why}
    end.save(update_fields=["withdrawn_at", "frozen"])
    CoolingOff.objects.filter(breakup=end, superseded_at=None).update(superseded_at=timezone.now())
