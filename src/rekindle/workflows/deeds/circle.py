"""Deeds about who belongs together and who decided what on their side."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.relationships.models import PartyLink
from rekindle.relationships.vocabulary import LinkKind, StakeholderKind, Stance
from rekindle.workflows import together
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Title
from rekindle.workflows.deeds.lookup import party
from rekindle.workflows.deeds.table import Result, Verb


class MakeHousehold(Given):
    name: Title
    members: list[Person] = Field(min_length=1, max_length=50, description="Who belongs to it.")
    from_day: Day | None = None


class OneHousehold(Given):
    household: Number = Field(description="Number of the household.")


class AddMember(OneHousehold):
    person: Person
    from_day: Day | None = None
    to_day: Day | None = None
    note: Title = ""


class RenameHousehold(OneHousehold):
    name: Title


class DissolveHousehold(OneHousehold):
    on: Day | None = Field(default=None, description="Today where left out.")


class WriteLink(Given):
    person: Person
    kind: Annotated[LinkKind, Field(strict=False)]
    other: Person = Field(description="Number of the other; read it as person, kind, other.")
    from_day: Day | None = None
    to_day: Day | None = Field(default=None, description="For what is over.")
    note: Title = ""


class OneLink(Given):
    link: Number = Field(description="Number of the link.")


class EndLink(OneLink):
    to_day: Day | None = Field(default=None, description="The last day; today where left out.")


class RecordDecision(Given):
    person: Person = Field(description="Whose decision it was: a customer, or the firm.")
    on: Day
    what: Line = Field(description="What was decided.")
    outcome: Line = ""


class KeepStance(Given):
    decision: Number = Field(description="Number of the decision.")
    person: Person
    stance: Annotated[Stance, Field(strict=False)]
    role: Annotated[StakeholderKind | None, Field(strict=False)] = Field(
        default=None, description="What they were to us then."
    )
    note: Title = ""


class DecisionOutcome(Given):
    decision: Number = Field(description="Number of the decision.")
    outcome: Line = Field(description="How it came out.")


def _make(given: MakeHousehold, by: User) -> Result:
    members = [party(number) for number in given.members]
    return {"household": together.make_household(given.name, members=members, by=by, from_day=given.from_day).pk}


def _add(given: AddMember, by: User) -> Result:
    return _link(
        together.add_member(
            party(given.household),
            party(given.person),
            by=by,
            from_day=given.from_day,
            to_day=given.to_day,
            note=given.note,
        )
    )


def _link(link: PartyLink) -> Result:
    return {
        "link": link.pk,
        "person": link.party_id,
        "kind": link.kind,
        "other": link.other_id,
        "to_day": link.to_day.isoformat() if link.to_day else None,
    }


def _rename(given: RenameHousehold, by: User) -> Result:
    return {"household": together.rename(party(given.household), name=given.name, by=by).pk}


def _dissolve(given: DissolveHousehold, by: User) -> Result:
    return {"household": together.dissolve(party(given.household), by=by, on=given.on).pk}


def _write(given: WriteLink, by: User) -> Result:
    return _link(
        together.link(
            party(given.person),
            party(given.other),
            kind=given.kind,
            by=by,
            from_day=given.from_day,
            to_day=given.to_day,
            note=given.note,
        )
    )


def _end(given: EndLink, by: User) -> Result:
    return _link(together.end_link(given.link, by=by, to_day=given.to_day))


def _remove(given: OneLink, by: User) -> Result:
    return {"person": together.remove_link(given.link, by=by)}


def _decision(given: RecordDecision, by: User) -> Result:
    kept = together.record_decision(party(given.person), on=given.on, what=given.what, by=by, outcome=given.outcome)
    return {"decision": kept.pk, "on": kept.on.isoformat()}


def _stance(given: KeepStance, by: User) -> Result:
    told = together.StanceTold(party(given.person), given.stance, given.role, given.note)
    kept = together.set_stance(given.decision, told=told, by=by)
    return {"decision": kept.record_id, "person": kept.party_id, "stance": kept.stance}


def _outcome(given: DecisionOutcome, by: User) -> Result:
    return {"decision": together.set_outcome(given.decision, outcome=given.outcome, by=by).pk}


VERBS: Final = (
    Verb("household.make", "Make a household of people who live together.", MakeHousehold, _make),
    Verb("household.add", "Somebody belongs to a household, or did.", AddMember, _add),
    Verb("household.rename", "Give a household another name.", RenameHousehold, _rename),
    Verb("household.dissolve", "End every membership of a household; it stays to be read.", DissolveHousehold,
         _dissolve),
    Verb("link.write", "Keep how one person belongs to another.", WriteLink, _write),
    Verb("link.end", "End a link, or a membership, on its last day.", EndLink, _end),
    Verb("link.remove", "Remove a link that never was.", OneLink, _remove),
    Verb("decision.record", "Keep a decision on their side.", RecordDecision, _decision),
    Verb("decision.stance", "Keep where somebody stood in a decision.", KeepStance, _stance),
    Verb("decision.outcome", "Keep how a decision came out.", DecisionOutcome, _outcome),
)  # fmt: skip
