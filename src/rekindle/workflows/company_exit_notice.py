"""The notice of an ending by us: how long before the last day, and what it says. Nothing is stored here.

The order is fixed: decision and date first, the specific reason, what they keep, where they could go, who helps them
to leave well, how to complain. It offers nothing and sells nothing. A fact that is missing stops it; no notice goes
out with a gap or a guess in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.decide.law import Contract, NoticeRule, law
from rekindle.errors import BadInput
from rekindle.relationships.models import Relationship
from rekindle.relationships.queries import numbers_of
from rekindle.relationships.vocabulary import BreakupKind, ExitGround
from rekindle.workflows import endings
from rekindle.workflows.writing import words

__all__ = ["Contract", "Notice", "Proposal", "draft", "earliest", "kind_of", "rule_for"]

LONGEST: Final = 1_000
"""Characters of each part of the notice, as wide as its column."""

AT_ONCE: Final = frozenset({ExitGround.ABUSE, ExitGround.LEGAL})
"""Grounds on which a relationship may end without the notice period, with the reason written down."""

_KIND: Final = {
    ExitGround.ABUSE: BreakupKind.TOXIC,
    ExitGround.UNPAID: BreakupKind.UNPAID,
    ExitGround.LEGAL: BreakupKind.LEGAL,
    ExitGround.UNPROFITABLE: BreakupKind.UNPROFITABLE,
    ExitGround.WELLBEING: BreakupKind.UNPROFITABLE,
    ExitGround.FIT: BreakupKind.UNPROFITABLE,
    ExitGround.STRATEGY: BreakupKind.STRATEGY,
    ExitGround.CAPACITY: BreakupKind.STRATEGY,
}
"""What kind of end each ground leads to: "not viable, after the ladder" holds for what the two of us could not make
work, "we changed" for what is ours alone."""


@dataclass(frozen=True)
class Proposal:
    """What is proposed and will be told.

    ends_on          the last day, in the person's own time zone
    reason_told      the specific reason, as they will read it
    keeps            what they keep: data, credit, warranty, the trainer's plan
    could_go_to      where they could go instead
    helper           the member of staff who helps them to leave well
    contract         what runs between us; the law's period hangs on it
    at_once_because  why no period is kept; only for abuse and a law
    """

    ends_on: date
    reason_told: str
    keeps: str
    could_go_to: str
    helper: User | None
    contract: Contract = Contract.CONTINUING
    at_once_because: str = ""


@dataclass(frozen=True)
class Notice:
    """The notice as it would go out: its days, the rule they come from, and its text."""

    days: int
    basis: str
    text: str


def kind_of(ground: ExitGround) -> BreakupKind:
    """The kind of end a ground leads to."""
    return _KIND[ground]


def rule_for(relationship: Relationship, *, contract: Contract) -> NoticeRule:
    """The law's notice where the person lives; where that is not known, the longest of all."""
    return law().notice(country=relationship.party.country.upper() or None, contract=contract)


def earliest(relationship: Relationship, *, contract: Contract) -> date:
    """The first last day that keeps the period, told today."""
    return endings.local_day(relationship) + timedelta(days=rule_for(relationship, contract=contract).days)


def draft(relationship: Relationship, *, ground: ExitGround, proposal: Proposal) -> Notice:
    """The notice of a proposal. Reads only.

    Raises BadInput naming the fact that is missing or the day that is too near.
    """
    reason = words(proposal.reason_told, what="the reason they are told", at_most=LONGEST)
    keeps = words(proposal.keeps, what="what they keep", at_most=LONGEST)
    could_go_to = words(proposal.could_go_to, what="where they could go", at_most=LONGEST)
    helper = _helper(proposal.helper)
    rule = rule_for(relationship, contract=proposal.contract)
    days, basis = _period(relationship, ground=ground, proposal=proposal, rule=rule)
    house = relationship.brand.name.strip()
    if not house:
        raise BadInput("our own name is missing", remedy="Write it in Settings; nobody is told by nobody.")
    text = "\n\n".join(
        (
            f"Dear {_whom(relationship)},",
            f"We have decided to end our relationship with you. Its last day is {_said(proposal.ends_on)}.",
            f"Why: {reason}",
            f"What you keep: {keeps}",
            f"Where you could go: {could_go_to}",
            f"Who helps you: {helper} helps you to leave well and answers your questions: {helper.email}.",
            f"If you do not agree: {rule.complaint}",
            house,
        )
    )
    return Notice(days, basis, text)


def _period(relationship: Relationship, *, ground: ExitGround, proposal: Proposal, rule: NoticeRule) -> tuple[int, str]:
    """(days of notice, their basis). Raises BadInput where the last day is too near."""
    today = endings.local_day(relationship)
    because = proposal.at_once_because.strip()
    if proposal.ends_on < today:
        raise BadInput(f"{_said(proposal.ends_on)} has gone by", where="last day", remedy="Give today or a later day.")
    if proposal.ends_on >= today + timedelta(days=rule.days):
        return rule.days, f"{rule.id}: {rule.days} days"
    if ground not in AT_ONCE:
        raise BadInput(
            f"{_said(proposal.ends_on)} is too near: {rule.days} days of notice are due ({rule.id})", where="last day",
            remedy=f"Give {_said(today + timedelta(days=rule.days))} or a later day.",
        )  # fmt: skip
    if not because:
        raise BadInput(
            f"it would end before {rule.days} days of notice are over", where="last day",
            remedy="Say why no notice is kept, or give a later day.",
        )  # fmt: skip
    return 0, f"at once: {words(because, what='why no notice is kept', at_most=180)}"


def _helper(helper: User | None) -> User:
    """Who helps. Raises BadInput where nobody does or they are gone: nobody is let go without a human to turn to."""
    if helper is None:
        raise BadInput("nobody helps them to leave", remedy="Name a member of staff they can turn to.")
    if not helper.may(Deed.ANSWER_TASKS):
        raise BadInput(f"{helper} cannot help: their role only reads", remedy="Name somebody who may act.")
    return helper


def _whom(relationship: Relationship) -> str:
    party = relationship.party
    number = numbers_of([party.pk]).get(party.pk)
    if not party.name.strip() and not number:
        raise BadInput("neither a name nor a number of theirs is known", remedy="Nobody is told without being named.")
    return party.name.strip() or f"customer {number}"


def _said(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
