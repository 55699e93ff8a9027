"""Endings from our side: never alone, never at a whim, never by silence.

    open       a doubt has a name: the ground                step       one rung of the ladder tried, or passed over
    pass_over  all rungs at once: abuse, bills, a law        propose    day, reason, what they keep, who helps
    approve    a second person agrees                        send_back  not like this, and why
    announce   they are told; the end goes on record         drop       they stay
    settle     for the night: what the day has brought

The road: open -> proposed -> approved -> announced -> ended; dropped from anywhere before the end. Each deed, in one
transaction:

1. refuse the role; lock the relationship, then the exit, and read it anew;
2. refuse what the state does not allow, what stands on no dated fact, and the same person twice;
3. write, and one audit entry without anybody's words.

Nothing is told before it is approved; what is told is the text that was approved. The end itself is `part.record_end`,
with everything that follows from its kind: a quiet, or a clean break on the last day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import company_exit_queries as queries
from rekindle.relationships.models import CompanyExit, LadderStep, Relationship
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import ExitGround, ExitState, Initiator, Rung, Stage
from rekindle.workflows import audit, clean_break, company_exit_notice, endings, kept_silent, part
from rekindle.workflows.company_exit_notice import Proposal
from rekindle.workflows.writing import words

LADDER: Final = (Rung.REASSESS, Rung.EDUCATE, Rung.RENEGOTIATE, Rung.MIGRATE)
"""What comes before the end, in the order in which it is usually tried; any order is taken."""
AT_ONE_GO: Final = frozenset({ExitGround.ABUSE, ExitGround.UNPAID, ExitGround.LEGAL})
"""Grounds on which all rungs may be passed over at once: nobody must educate somebody who threatens our people."""
ABOUT_THEM: Final = frozenset(
    {ExitGround.ABUSE, ExitGround.UNPAID, ExitGround.UNPROFITABLE, ExitGround.WELLBEING, ExitGround.FIT}
)
"""Grounds that say something about the customer: a rung passed over is no fact for them."""
LONGEST: Final = 1_000
FACTS_FROM: Final = timedelta(days=5 * 366)
"""A rung tried longer ago than five years says nothing about today. Our choice."""

_REASON: Final = {
    ExitGround.ABUSE: "abuse", ExitGround.UNPAID: "bad_debt", ExitGround.LEGAL: "regulation", ExitGround.FIT: "fit",
    ExitGround.STRATEGY: "tier_closed",
}  # fmt: skip
"""The code of the reason on record, where one says the same as the ground."""
_OVER: Final = (*AFTER_END, Stage.NOTICE, Stage.CLOSED)


def open(relationship: Relationship, *, ground: ExitGround, by: User) -> CompanyExit:  # noqa: A001  # the verb it is
    """A relationship is thought about; gives the exit that stands, a new one or the one that is there already.

    Raises Refused for a role that may not, Conflict where nothing runs that could be ended by us, or where another
    ground is being looked at.
    """
    endings.may(by)
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        known = queries.standing_exit(relationship)
        if known is not None and known.ground == ground.value:
            return known
        if known is not None:
            raise Conflict(
                f"this relationship is looked at already: {ExitGround(known.ground).label}",
                where=f"exit {known.pk}", remedy="Go on there, or drop it first.",
            )  # fmt: skip
        stage = Stage(relationship.stage)
        if stage in _OVER or stage is Stage.COURTSHIP:
            raise Conflict(
                f"there is nothing to end: {stage.label}", where=f"relationship {relationship.pk}",
                remedy="Somebody who shall never be reached again is closed by a clean break.",
            )  # fmt: skip
        made = CompanyExit.objects.create(relationship=relationship, ground=ground.value, opened_by=by)
        _record("exit.opened", made, by=by, details={"ground": ground.value})
    return made


def step(
    company_exit: CompanyExit, *, rung: Rung, on: date, what: str, by: User, outcome: str = "",
    is_passed_over: bool = False,
) -> LadderStep:  # fmt: skip
    """One rung tried on a day, with what was done and what came of it; or passed over, `what` being the reason.

    Raises Refused, BadInput for the last rung (that is `propose`), missing words or a day that cannot be, Conflict
    once it is proposed.
    """
    endings.may(by)
    if rung not in LADDER:
        raise BadInput("the last rung is not climbed here", remedy="Propose the end when the rungs before are done.")
    what = words(what, what="why it is passed over" if is_passed_over else "what was tried", at_most=LONGEST)
    outcome = words(outcome, what="what came of it", at_most=LONGEST, are_needed=not is_passed_over)
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.OPEN)
        today = endings.local_day(company_exit.relationship)
        if not today - FACTS_FROM <= on <= today:
            raise BadInput(f"{on} cannot be", where="on", remedy="Give the day it happened, within five years.")
        made = LadderStep.objects.create(
            company_exit=company_exit, rung=rung.value, on=on, is_passed_over=is_passed_over, what=what,
            outcome="" if is_passed_over else outcome, by=by,
        )  # fmt: skip
        _record("exit.step", company_exit, by=by, details={"rung": rung.value, "passed_over": is_passed_over})
    return made


def pass_over(company_exit: CompanyExit, *, reason: str, by: User) -> list[LadderStep]:
    """Pass over every rung that is left, for one reason. Raises Refused where the ground wants each rung looked at."""
    endings.may(by)
    reason = words(reason, what="why the ladder is passed over", at_most=LONGEST)
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.OPEN)
        if ExitGround(company_exit.ground) not in AT_ONE_GO:
            raise Refused(
                "on this ground each rung is tried, or passed over for a reason of its own", rule="ladder",
                remedy="Write down rung by rung what was tried.",
            )  # fmt: skip
        today = endings.local_day(company_exit.relationship)
        made = [
            LadderStep.objects.create(
                company_exit=company_exit, rung=rung.value, on=today, is_passed_over=True, what=reason, by=by
            )
            for rung in missing(company_exit)
        ]
        if made:
            _record("exit.ladder_passed_over", company_exit, by=by, details={"rungs": [one.rung for one in made]})
    return made


def missing(company_exit: CompanyExit) -> tuple[Rung, ...]:
    """The rungs neither tried nor passed over yet."""
    seen = set(LadderStep.objects.filter(company_exit=company_exit).values_list("rung", flat=True))
    return tuple(rung for rung in LADDER if rung.value not in seen)


def propose(company_exit: CompanyExit, *, proposal: Proposal, by: User) -> CompanyExit:
    """Propose the end: the text of the notice is written now and is what will be told.

    Raises Refused, Conflict while a rung is missing or no dated fact carries the ground, BadInput naming the fact that
    is missing or the day that is too near.
    """
    endings.may(by)
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.OPEN)
        relationship, ground = company_exit.relationship, ExitGround(company_exit.ground)
        left = missing(company_exit)
        if left:
            raise Conflict(
                f"the ladder is not done: {', '.join(rung.label for rung in left)}", where=f"exit {company_exit.pk}",
                remedy="Try each rung, or pass it over with a reason.",
            )  # fmt: skip
        carried = facts(company_exit)
        if not carried:
            raise Conflict(
                "no dated fact carries this ground", where=f"exit {company_exit.pk}",
                remedy="Write down what happened and when; a fact that expired or was withdrawn is no ground.",
            )  # fmt: skip
        notice = company_exit_notice.draft(relationship, ground=ground, proposal=proposal)
        company_exit.state, company_exit.sent_back = ExitState.PROPOSED.value, ""
        company_exit.proposed_by, company_exit.proposed_at = by, timezone.now()
        company_exit.ends_on, company_exit.helper = proposal.ends_on, proposal.helper
        company_exit.reason_told, company_exit.keeps = proposal.reason_told.strip(), proposal.keeps.strip()
        company_exit.could_go_to, company_exit.notice_text = proposal.could_go_to.strip(), notice.text
        company_exit.notice_days, company_exit.notice_basis = notice.days, notice.basis
        company_exit.save()
        details = {"ends_on": proposal.ends_on.isoformat(), "notice_days": notice.days, "facts": carried}
        _record("exit.proposed", company_exit, by=by, details=details)
    return company_exit


def facts(company_exit: CompanyExit) -> int:
    """How many dated facts carry the ground today: burdens that count, and rungs tried.

    A rung passed over is a fact only for what lies with us or with a law, not for what we say about the customer.
    """
    relationship = company_exit.relationship
    burdens = queries.counting(relationship, on=endings.local_day(relationship)).count()
    rungs = LadderStep.objects.filter(company_exit=company_exit)
    if ExitGround(company_exit.ground) in ABOUT_THEM:
        rungs = rungs.filter(is_passed_over=False)
    return burdens + rungs.count()


def approve(company_exit: CompanyExit, *, by: User) -> CompanyExit:
    """A second person agrees, having read the facts and the notice. Nothing is told yet.

    Raises Refused for a role that may not approve and for the one who proposed it, Conflict unless it is proposed.
    """
    if not by.may(Deed.APPROVE):
        raise Refused("your role does not approve endings", rule="role", remedy="Ask a manager or an owner.")
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.PROPOSED)
        if company_exit.proposed_by_id == by.pk:
            raise Refused(
                "who proposes an ending does not approve it", rule="second_person", remedy="Ask another manager."
            )
        company_exit.state = ExitState.APPROVED.value
        company_exit.approved_by, company_exit.approved_at = by, timezone.now()
        company_exit.save(update_fields=["state", "approved_by", "approved_at"])
        _record("exit.approved", company_exit, by=by, details={})
    return company_exit


def send_back(company_exit: CompanyExit, *, reason: str, by: User) -> CompanyExit:
    """Not like this: back to the ladder, with the words why. The proposer may take the own proposal back so.

    Raises Refused for anyone else who may not approve, BadInput without words, Conflict unless it waits or is approved.
    """
    reason = endings.reason_of(reason, what="what is to be looked at again")
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.PROPOSED, ExitState.APPROVED)
        if not by.may(Deed.APPROVE) and not (by.may(Deed.ANSWER_TASKS) and company_exit.proposed_by_id == by.pk):
            raise Refused("your role does not send a proposal back", rule="role", remedy="Ask a manager or an owner.")
        company_exit.state, company_exit.sent_back = ExitState.OPEN.value, reason
        company_exit.approved_by = company_exit.approved_at = None
        company_exit.proposed_by = company_exit.proposed_at = None
        company_exit.save()
        _record("exit.sent_back", company_exit, by=by, details={})
    return company_exit


def announce(company_exit: CompanyExit, *, how: str, by: User) -> CompanyExit:
    """They have been told, face to face, by letter or by call: the end goes on record, and the notice runs.

    how  how they were told, in words
    Raises Refused, BadInput without words, Conflict unless it is approved, where the period would now be too short,
    or where another end is on record.
    """
    endings.may(by)
    how = words(how, what="how they were told", at_most=200)
    with transaction.atomic():
        company_exit = _locked(company_exit, ExitState.APPROVED)
        relationship, ground = company_exit.relationship, ExitGround(company_exit.ground)
        ends_on, today = company_exit.ends_on, endings.local_day(relationship)
        if ends_on is None or ends_on < today + timedelta(days=company_exit.notice_days or 0):
            raise Conflict(
                f"told today, {company_exit.notice_days} days of notice would not be kept",
                where=f"exit {company_exit.pk}", remedy="Send it back and propose a later day.",
            )  # fmt: skip
        # The two who decided stand behind the end; who tells them may be one of the two.
        second = company_exit.proposed_by if company_exit.approved_by_id == by.pk else company_exit.approved_by
        code = _REASON.get(ground)
        told = part.Told(
            ended_on=ends_on, noticed_on=today, kind=company_exit_notice.kind_of(ground), initiator=Initiator.COMPANY,
            reasons=(code,) if code else (),
        )  # fmt: skip
        parted = part.record_end(relationship, by=by, told=told, source="ended by us", seconded_by=second)
        LadderStep.objects.create(
            company_exit=company_exit,
            rung=Rung.TERMINATE.value,
            on=today,
            what=how,
            outcome=f"ends on {ends_on}",
            by=by,
        )
        company_exit.state = (ExitState.ENDED if ends_on <= today else ExitState.ANNOUNCED).value
        company_exit.announced_at, company_exit.announced_how = timezone.now(), how
        company_exit.breakup = parted.breakup
        company_exit.save(update_fields=["state", "announced_at", "announced_how", "breakup"])
        _record("exit.announced", company_exit, by=by, details={"ends_on": ends_on.isoformat()})
    return company_exit


def drop(company_exit: CompanyExit, *, reason: str, by: User) -> CompanyExit:
    """They stay. An end that was told and has not come is withdrawn with it; a second drop changes nothing.

    Raises Refused, BadInput without a reason, Conflict once the last day has come.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="why they stay")
    with transaction.atomic():
        company_exit = _locked(company_exit)
        if company_exit.state == ExitState.DROPPED.value:
            return company_exit
        if company_exit.state == ExitState.ENDED.value:
            raise Conflict("it has ended", where=f"exit {company_exit.pk}", remedy="See the end on record.")
        if company_exit.breakup is not None:
            part.withdraw_notice(company_exit.breakup, by=by, reason=reason)
        _dropped(company_exit, why=reason, by=by)
    return company_exit


def follow(relationship: Relationship, *, at: datetime | None = None) -> int:
    """Bring the exits of one relationship to where its record of ends stands; gives how many moved."""
    return _follow(Q(relationship=relationship), at=at or timezone.now())


def settle(at: datetime | None = None) -> int:
    """For the night, after `cooling_off.begin` has closed and ended; gives how many rows moved.

    Exits whose day has come are ended, those the record has overtaken are dropped, clean breaks that were announced
    are made, and the never-again list follows merges.
    """
    moved = _follow(Q(), at=at or timezone.now())
    return moved + clean_break.overdue() + kept_silent.sweep()


def _follow(which: Q, *, at: datetime) -> int:
    standing = Q(state__in=[state.value for state in queries.STANDING])
    undone = Q(state=ExitState.ENDED.value, breakup__withdrawn_at__isnull=False)  # a slip, taken back within a day
    told = Q(breakup__withdrawn_at__isnull=False) | Q(breakup__ended_on__lte=(at + timedelta(days=1)).date())
    overtaken = Q(breakup=None, relationship__stage__in=[stage.value for stage in (*AFTER_END, Stage.CLOSED)])
    moved = 0
    due = CompanyExit.objects.filter(which).filter(standing & (told | overtaken) | undone)
    for number in list(due.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            moved += _follow_one(_locked(CompanyExit(pk=number)), at=at)
    return moved


def _follow_one(company_exit: CompanyExit, *, at: datetime) -> bool:
    end = company_exit.breakup
    is_undone = company_exit.state == ExitState.ENDED.value and end is not None and end.withdrawn_at is not None
    if company_exit.state not in queries.STANDING and not is_undone:
        return False  # somebody was quicker
    if end is None:
        _dropped(company_exit, why="it ended before we had told them", by=None)
    elif end.withdrawn_at is not None:
        _dropped(company_exit, why="the end was taken back", by=None)
    elif end.ended_on <= endings.local_day(company_exit.relationship, at):
        company_exit.state = ExitState.ENDED.value
        company_exit.save(update_fields=["state"])
        _record("exit.ended", company_exit, by=None, details={"breakup": end.pk})
    else:
        return False
    return True


def _dropped(company_exit: CompanyExit, *, why: str, by: User | None) -> None:
    company_exit.state = ExitState.DROPPED.value
    company_exit.dropped_at, company_exit.dropped_why = timezone.now(), why
    company_exit.save(update_fields=["state", "dropped_at", "dropped_why"])
    _record("exit.dropped", company_exit, by=by, details={})


def _locked(company_exit: CompanyExit, *states: ExitState) -> CompanyExit:
    """The exit as it stands now, its relationship locked before it. Raises Conflict where the state is another."""
    number = CompanyExit.objects.filter(pk=company_exit.pk).values_list("relationship_id", flat=True).first()
    if number is None:
        raise NotFound(f"no exit {company_exit.pk}", remedy="Look at the list again.")
    relationship = endings.locked(number)
    found = CompanyExit.objects.select_for_update(of=("self",)).select_related(
        "breakup", "helper", "proposed_by", "approved_by"
    ).get(pk=company_exit.pk)  # fmt: skip
    found.relationship = relationship
    if states and ExitState(found.state) not in states:
        raise Conflict(
            f"it is {ExitState(found.state).label}", where=f"exit {found.pk}",
            remedy="Look at it again; somebody has moved it on.",
        )  # fmt: skip
    return found


def _record(verb: str, company_exit: CompanyExit, *, by: User | None, details: dict[str, Any]) -> None:
    audit.record(verb, actor=by, subject=f"company_exit:{company_exit.pk}",
                 details={**details, "relationship": company_exit.relationship_id})  # fmt: skip
