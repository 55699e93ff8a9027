"""Deeds where the ending is ours: the ladder and its approval, burdens, the clean break."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import NotFound
from rekindle.relationships.company_exit_queries import exit_of
from rekindle.relationships.models import BurdenFact, CleanBreak, CompanyExit, Relationship
from rekindle.relationships.vocabulary import Burden, ExitGround, Rung
from rekindle.workflows import burdens, clean_break, company_exits
from rekindle.workflows.company_exit_notice import Contract, Proposal
from rekindle.workflows.deeds import endings, second
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Text, Title
from rekindle.workflows.deeds.lookup import member, relationship
from rekindle.workflows.deeds.table import Result, Verb


class OpenExit(Given):
    person: Person
    ground: Annotated[ExitGround, Field(strict=False)]


class OneExit(Given):
    exit: Number = Field(description="Number of the company ending.")


class ExitWithReason(OneExit):
    reason: Line


class ExitStep(OneExit):
    rung: Annotated[Rung, Field(strict=False)]
    on: Day
    what: Text = Field(description="What was tried; or why it is passed over.")
    outcome: Text = Field(default="", description="What came of it; needed unless it is passed over.")
    is_passed_over: bool = False


class ProposeExit(OneExit):
    ends_on: Day = Field(description="The last day, in the person's own time zone.")
    reason_told: Text = Field(description="The specific reason, as they will read it.")
    keeps: Text = Field(description="What they keep: data, credit, warranty.")
    could_go_to: Text = Field(description="Where they could go instead.")
    helper: Title = Field(default="", description="E-mail address of the colleague who helps them to leave well.")
    contract: Annotated[Contract, Field(strict=False)] = Contract.CONTINUING
    at_once_because: Text = Field(default="", description="Why no period is kept; only for abuse and a law.")


class AnnounceExit(OneExit):
    how: Title = Field(description="How they were told.")


class RecordBurden(Given):
    person: Person
    kind: Annotated[Burden, Field(strict=False)]
    on: Day
    what: Text = Field(description="What happened, as the person may read it.")
    expires_on: Day | None = Field(default=None, description="The last day it counts; 24 months where left out.")


class OneBurden(Given):
    burden: Number = Field(description="Number of the fact.")


class DisputeBurden(OneBurden):
    words: Text = Field(description="Their own answer to it.")


class WithdrawBurden(OneBurden):
    reason: Line


class CloseForGood(Given):
    person: Person
    reason: Line


class Reopen(CloseForGood):
    their_approach: Line = Field(description="How and when they came to us; we never open it from our side.")


def _exit(number: int) -> CompanyExit:
    found = exit_of(number)
    if found is None:
        raise NotFound(f"there is no company ending {number}", remedy="Look at the list again.")
    return found


def _told(company_exit: CompanyExit) -> Result:
    return {
        "exit": company_exit.pk,
        "state": company_exit.state,
        "ground": company_exit.ground,
        "missing": [rung.value for rung in company_exits.missing(company_exit)],
        "ends_on": company_exit.ends_on.isoformat() if company_exit.ends_on else None,
        "notice_days": company_exit.notice_days,
        "end": company_exit.breakup_id,
    }


def _open(given: OpenExit, by: User) -> Result:
    return _told(company_exits.open(relationship(given.person), ground=given.ground, by=by))


def _step(given: ExitStep, by: User) -> Result:
    company_exit = _exit(given.exit)
    company_exits.step(
        company_exit,
        rung=given.rung,
        on=given.on,
        what=given.what,
        by=by,
        outcome=given.outcome,
        is_passed_over=given.is_passed_over,
    )
    return _told(company_exit)


def _pass_over(given: ExitWithReason, by: User) -> Result:
    company_exit = _exit(given.exit)
    company_exits.pass_over(company_exit, reason=given.reason, by=by)
    return _told(company_exit)


def _propose(given: ProposeExit, by: User) -> Result:
    proposal = Proposal(
        ends_on=given.ends_on,
        reason_told=given.reason_told,
        keeps=given.keeps,
        could_go_to=given.could_go_to,
        helper=member(given.helper) if given.helper else None,
        contract=given.contract,
        at_once_because=given.at_once_because,
    )
    return _told(company_exits.propose(_exit(given.exit), proposal=proposal, by=by))


def _approve(given: OneExit, by: User) -> Result:
    return _told(company_exits.approve(_exit(given.exit), by=by))


def _send_back(given: ExitWithReason, by: User) -> Result:
    return _told(company_exits.send_back(_exit(given.exit), reason=given.reason, by=by))


def _announce(given: AnnounceExit, by: User) -> Result:
    return _told(company_exits.announce(_exit(given.exit), how=given.how, by=by))


def _drop(given: ExitWithReason, by: User) -> Result:
    return _told(company_exits.drop(_exit(given.exit), reason=given.reason, by=by))


def _record_burden(given: RecordBurden, by: User) -> Result:
    return _burden(
        burdens.record(
            relationship(given.person),
            kind=given.kind,
            on=given.on,
            what=given.what,
            by=by,
            expires_on=given.expires_on,
        )
    )


def _burden(fact: BurdenFact) -> Result:
    return {
        "burden": fact.pk,
        "kind": fact.kind,
        "expires_on": fact.expires_on.isoformat(),
        "is_disputed": bool(fact.disputed),
        "is_withdrawn": fact.withdrawn_at is not None,
    }


def _dispute(given: DisputeBurden, by: User) -> Result:
    return _burden(burdens.dispute(given.burden, words_of_theirs=given.words, by=by))


def _withdraw_burden(given: WithdrawBurden, by: User) -> Result:
    return _burden(burdens.withdraw(given.burden, reason=given.reason, by=by))


def _ask_break(given: CloseForGood, by: User) -> Result:
    """The first of two people asks; nothing is closed yet."""
    found = relationship(given.person)
    return second.propose(
        second.CLEAN_BREAK, [found.pk], relationship=found, by=by, reason=given.reason, of="why it is closed for good"
    )


def _second_break(given: endings.Proposal, by: User) -> Result:
    (number,), first, note = second.read(second.CLEAN_BREAK, given.proposal, facts=1)
    found = Relationship.objects.select_related("party", "brand").filter(pk=number).first()
    if found is None:
        raise NotFound("the relationship is gone", remedy="Look the person up again.")
    return _broken(clean_break.close(found, by=first, seconded_by=by, reason=note.text))


def _broken(broken: CleanBreak) -> Result:
    return {
        "clean_break": broken.pk,
        "person": broken.relationship.party_id,
        "is_standing": broken.reopened_at is None,
    }


def _reopen(given: Reopen, by: User) -> Result:
    return _broken(
        clean_break.reopen(relationship(given.person), by=by, reason=given.reason, their_approach=given.their_approach)
    )


VERBS: Final = (
    Verb("exit.open", "Think about ending a relationship from our side, on a ground.", OpenExit, _open),
    Verb("exit.step", "Write a rung of the ladder down: tried, or passed over with a reason.", ExitStep, _step),
    Verb("exit.pass_over", "Pass over every rung that is left, where the ground allows it.", ExitWithReason,
         _pass_over),
    Verb("exit.propose", "Propose the ending, with the notice as it will be told.", ProposeExit, _propose,
         is_personal=True),
    Verb("exit.approve", "Approve an ending by us that a colleague proposed.", OneExit, _approve, needs=Deed.APPROVE,
         is_personal=True),
    Verb("exit.send_back", "Send a proposal back to the ladder.", ExitWithReason, _send_back),
    Verb("exit.announce", "They have been told: the end goes on record and the notice runs.", AnnounceExit, _announce,
         is_personal=True),
    Verb("exit.drop", "They stay after all.", ExitWithReason, _drop),
    Verb("burden.record", "Keep a dated fact that weighs on a relationship.", RecordBurden, _record_burden),
    Verb("burden.dispute", "Keep the person's own answer beside a fact.", DisputeBurden, _dispute),
    Verb("burden.withdraw", "It was not so: the fact stays to be read and counts no more.", WithdrawBurden,
         _withdraw_burden),
    Verb("clean_break.ask", "Propose to close a relationship for good; a colleague must second it within three days.",
         CloseForGood, _ask_break, is_personal=True),
    Verb("clean_break.second", "Second a clean break that a colleague proposed.", endings.Proposal, _second_break,
         is_personal=True),
    Verb("clean_break.reopen", "They came to us: open a closed relationship again.", Reopen, _reopen,
         needs=Deed.STAFF),
)  # fmt: skip
