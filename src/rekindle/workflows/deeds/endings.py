"""Deeds at the endings desk: an end told, corrected, taken back; the quiet; would we like them back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.relationships.policy import BY_US
from rekindle.relationships.vocabulary import BreakupKind, Feeling, Initiator, Terms, WantBack, Wound
from rekindle.workflows import autopsy, company_exits, cooling_off, endings, part, want_back
from rekindle.workflows.autopsy import Avoidable
from rekindle.workflows.deeds import second
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Text, Title
from rekindle.workflows.deeds.lookup import end as end_of
from rekindle.workflows.deeds.lookup import relationship as relationship_of
from rekindle.workflows.deeds.lookup import written
from rekindle.workflows.deeds.table import Result, Verb

_OF_ITSELF: Final = {"i": Initiator.CIRCUMSTANCE, "n": Initiator.CIRCUMSTANCE, "q": Initiator.NOBODY}
"""Who ended it where nobody says, by the first letter of the kind; all others are the customer's own."""


class RecordEnd(Given):
    person: Person
    ended_on: Day = Field(description="Last day, in the person's own time zone; a day to come is a notice.")
    kind: Annotated[BreakupKind | None, Field(strict=False)] = Field(
        default=None, description="An ending by us is proposed as a company ending and refused here."
    )
    initiator: Annotated[Initiator | None, Field(strict=False)] = Field(
        default=None, description="Left out, it follows from the kind."
    )
    reasons: list[Title] = Field(default=[], max_length=3, description="Codes of reasons, the weightiest first.")
    verbatim: Text = Field(default="", description="Their own words.")
    feeling: Annotated[Feeling, Field(strict=False)] = Feeling.NOT_TOLD
    wound: Annotated[Wound, Field(strict=False)] = Wound.NONE
    terms: Annotated[Terms | None, Field(strict=False)] = Field(default=None, description="The terms we part on.")
    noticed_on: Day | None = Field(default=None, description="The day we learnt of it; today where left out.")
    competitor: Title = ""
    return_condition: Title = ""
    expected_return_on: Day | None = None


class EndWithReason(Given):
    end: Number = Field(description="Number of the end.")
    reason: Line


class CorrectDate(EndWithReason):
    ended_on: Day = Field(description="The right last day. A quiet that would become shorter stays as it is.")


class Learn(Given):
    end: Number = Field(description="Number of the end.")
    finding: Text = Field(description="What was found.")
    avoidable: Annotated[Avoidable, Field(strict=False)] = Avoidable.UNKNOWN
    action: Text = Field(default="", description="What will be done; with an owner.")
    owner: Number | None = Field(default=None, description="Number of the member of staff who sees to it.")


class OnePerson(Given):
    person: Person


class PersonWithReason(OnePerson):
    reason: Line


class QuietUntil(PersonWithReason):
    until: Day = Field(description="The local day at whose beginning the quiet is over.")


class Proposal(Given):
    proposal: Annotated[str, Field(max_length=500)] = Field(description="As the first person got it.")


class DecideWantBack(PersonWithReason):
    answer: Annotated[WantBack, Field(strict=False)]
    review_on: Day | None = Field(default=None, description="Needed with maybe: the day to look at it again.")


def _record(given: RecordEnd, by: User) -> Result:
    relationship = relationship_of(given.person)
    if given.kind in BY_US:
        raise Refused(
            "an ending by us takes two people, who each say so themselves",
            rule="second_person",
            remedy="Propose it as a company ending; a colleague approves it.",
        )
    initiator = given.initiator or (_OF_ITSELF.get(given.kind.value[0]) if given.kind else None)
    told = part.Told(
        ended_on=given.ended_on,
        noticed_on=given.noticed_on,
        kind=given.kind,
        initiator=initiator or Initiator.CUSTOMER,
        reasons=tuple(given.reasons),
        verbatim=given.verbatim,
        feeling=given.feeling,
        wound=given.wound,
        terms=given.terms,
        competitor=given.competitor,
        return_condition=given.return_condition,
        expected_return_on=given.expected_return_on,
    )
    return _parted(part.record_end(relationship, by=by, told=told))


def _parted(parted: part.Parted) -> Result:
    return {
        "end": parted.breakup.pk,
        "ended_on": parted.breakup.ended_on.isoformat(),
        "is_news": parted.is_news,
        "quiet_until": written(parted.quiet_until),
        "decide_by": parted.decide_by.isoformat(),
        "tasks_withdrawn": parted.tasks_withdrawn,
    }


def _withdraw(given: EndWithReason, by: User) -> Result:
    end = part.withdraw_notice(end_of(given.end), by=by, reason=given.reason)
    company_exits.follow(end.relationship)
    return {"end": end.pk, "withdrawn_at": written(end.withdrawn_at)}


def _undo(given: EndWithReason, by: User) -> Result:
    end = part.undo(end_of(given.end), by=by, reason=given.reason)
    company_exits.follow(end.relationship)
    return {"end": end.pk, "withdrawn_at": written(end.withdrawn_at)}


def _correct(given: CorrectDate, by: User) -> Result:
    end = part.correct_end_date(end_of(given.end), ended_on=given.ended_on, by=by, reason=given.reason)
    return {"end": end.pk, "ended_on": end.ended_on.isoformat(), "quiet_until": written(end.quiet_until)}


def _confirm(given: OnePerson, by: User) -> Result:
    return _parted(part.confirm_presumed(relationship_of(given.person), by=by))


def _deny(given: PersonWithReason, by: User) -> Result:
    step = part.deny_presumed(relationship_of(given.person), by=by, reason=given.reason)
    return {"person": given.person, "stage": step.to_stage, "on": step.on.isoformat()}


def _lengthen(given: QuietUntil, by: User) -> Result:
    quiet = cooling_off.extend(relationship_of(given.person), until=given.until, by=by, reason=given.reason)
    return {"person": given.person, "quiet_until": written(quiet.ends_at)}


def _propose(given: QuietUntil, by: User) -> Result:
    """The first of two people asks; nothing about the quiet changes yet. Their reason is kept as a note."""
    relationship = relationship_of(given.person)
    end = endings.standing_end(relationship)
    if end is None:
        raise Conflict("there is no quiet here", where=f"person {given.person}", remedy="Record the end first.")
    facts = [end.pk, given.until.isoformat()]
    return second.propose(
        second.QUIET, facts, relationship=relationship, by=by, reason=given.reason, of="why the quiet may be shorter"
    )


def _second(given: Proposal, by: User) -> Result:
    (number, day), first, note = second.read(second.QUIET, given.proposal, facts=2)
    relationship = end_of(number).relationship
    until = date.fromisoformat(day)
    quiet = cooling_off.shorten(relationship, until=until, by=first, seconded_by=by, reason=note.text)
    return {"person": relationship.party_id, "quiet_until": written(quiet.ends_at)}


def _wrote(given: OnePerson, by: User) -> Result:
    until = cooling_off.customer_wrote(relationship_of(given.person), by=by)
    return {"person": given.person, "may_answer_until": written(until)}


def _decide(given: DecideWantBack, by: User) -> Result:
    if given.answer is WantBack.UNDECIDED:
        raise BadInput("“not decided yet” is no answer", where="answer", remedy="Say yes, maybe or no.")
    relationship = relationship_of(given.person)
    said = want_back.decide(relationship, answer=given.answer, reason=given.reason, by=by, review_on=given.review_on)
    return {
        "person": given.person,
        "answer": said.answer,
        "review_on": said.review_on.isoformat() if said.review_on else None,
    }


def _learn(given: Learn, by: User) -> Result:
    owner = User.objects.filter(pk=given.owner).first() if given.owner is not None else None
    if given.owner is not None and owner is None:
        raise BadInput(f"no member of staff {given.owner}", where="owner", remedy="Give the number of one who is here.")
    kept = autopsy.keep(
        end_of(given.end), finding=given.finding, avoidable=given.avoidable, action=given.action, owner=owner, by=by
    )
    return {"end": kept.pk, "avoidable": given.avoidable.value}


VERBS: Final = (
    Verb("end.autopsy", "Keep what we learn from an end: a finding, an action and who owns it.", Learn, _learn),
    Verb("end.record", "Keep that a relationship is over or will be; told again, it joins the first telling.",
         RecordEnd, _record),
    Verb("end.withdraw", "They stay after all: take an announced end back before its day.", EndWithReason, _withdraw),
    Verb("end.undo", "Take a slip back within a day of recording it.", EndWithReason, _undo),
    Verb("end.correct_date", "Give an end its right day; the quiet follows only where that makes it longer.",
         CorrectDate, _correct),
    Verb("presumed.confirm", "The silence was an end: keep it from the presumed day.", OnePerson, _confirm),
    Verb("presumed.deny", "They are still with us: the presumed end heals.", PersonWithReason, _deny),
    Verb("quiet.lengthen", "More quiet, up to the beginning of a local day.", QuietUntil, _lengthen),
    Verb("quiet.shorten", "Propose a shorter quiet; a colleague must second it within three days.", QuietUntil,
         _propose, is_personal=True),
    Verb("quiet.second", "Second a shorter quiet that a colleague proposed.", Proposal, _second, is_personal=True),
    Verb("quiet.they_wrote", "They wrote first: for fourteen local days they may be answered, that thread only.",
         OnePerson, _wrote),
    Verb("want_back.decide", "Say whether we would like them back, with a reason.", DecideWantBack, _decide),
)  # fmt: skip
