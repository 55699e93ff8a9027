"""Who belongs together, who introduced whom, who left together, and who stood where when their side decided.

1. refuse who reads only, days in an order no calendar allows, and links that say nothing or go in a circle;
2. lock the parties a link is between, so that the same link told twice at once is one; a link that stands already is
   given as it is, also where it was told from the other side;
3. a link ends on a day and stays in the record; one that never was is removed;
4. write it, and one audit entry with numbers and words of the domain only.

What a page shows of it is `together_view`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships import together_queries
from rekindle.relationships.models import DecisionRecord, DecisionStance, Party, PartyLink
from rekindle.relationships.vocabulary import LinkKind, PartyKind, StakeholderKind, Stance
from rekindle.workflows import audit
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import day_within, must_write, relationship_with, words

NOTE: Final = 200
EARLIEST: Final = date(1900, 1, 1)
AT_THE_TABLE: Final = 30
"""Stances a decision may hold; more people than that decide nothing together. Our choice."""

BOTH_WAYS: Final = frozenset({LinkKind.RELATED, LinkKind.LEFT_TOGETHER})
"""Links that read the same from either side: told from the other side they stand already."""


@dataclass(frozen=True)
class StanceTold:
    """Where one person stood. `role` is what they were to us then; None where nobody said."""

    party: Party
    stance: Stance
    role: StakeholderKind | None = None
    note: str = ""


def make_household(name: str, *, members: Sequence[Party], by: User, from_day: date | None = None) -> Party:
    """Make a household of at least one person and give it. Raises Refused, BadInput."""
    must_write(by)
    name = _name(name)
    if not members:
        raise BadInput("a household of nobody", remedy="Name at least one person who belongs to it.")
    with transaction.atomic():
        household = Party.objects.create(kind=PartyKind.HOUSEHOLD.value, name=name)
        audit.record("household.made", actor=by, subject=f"party:{household.pk}")
        for member in members:
            add_member(household, member, by=by, from_day=from_day)
    return household


def add_member(
    household: Party, member: Party, *, by: User, from_day: date | None = None, to_day: date | None = None,
    note: str = "",
) -> PartyLink:  # fmt: skip
    """Write that somebody belongs to a household, or did from one day to another.

    Raises Refused, BadInput for days out of order or a party that is no person, Conflict for a dissolved household.
    """
    _must_be_household(household)
    if household.extra.get("dissolved_on"):
        raise Conflict(f"{household} is dissolved", where=f"party {household.pk}", remedy="Make a new household.")
    return link(member, household, kind=LinkKind.MEMBER_OF, by=by, from_day=from_day, to_day=to_day, note=note)


def rename(household: Party, *, name: str, by: User) -> Party:
    """Give a household another name. Raises Refused, BadInput."""
    must_write(by)
    _must_be_household(household)
    name = _name(name)
    with transaction.atomic():
        household = _locked(household.pk)[0]
        if household.name != name:
            household.name = name
            household.save(update_fields=["name"])
            audit.record("household.renamed", actor=by, subject=f"party:{household.pk}")
    return household


def dissolve(household: Party, *, by: User, on: date | None = None) -> Party:
    """End every membership on a day up to today (None is today); the household stays to be read.

    Raises Refused, BadInput for a day to come or before somebody came.
    """
    must_write(by)
    _must_be_household(household)
    today = business_day()
    on = on or today
    with transaction.atomic():
        household = _locked(household.pk)[0]
        if household.extra.get("dissolved_on"):
            return household
        members = PartyLink.objects.select_for_update().filter(
            other=household, kind=LinkKind.MEMBER_OF.value, to_day=None
        )
        standing = list(members.order_by("pk"))
        earliest = max([EARLIEST, *(one.from_day for one in standing if one.from_day)])
        day_within(on, what="the last day", earliest=earliest, latest=today)
        for one in standing:
            _end(one, on=on, by=by)
        household.extra = {**household.extra, "dissolved_on": on.isoformat()}
        household.save(update_fields=["extra"])
        audit.record(
            "household.dissolved", actor=by, subject=f"party:{household.pk}", details={"members": len(standing)}
        )
    return household


def link(
    party: Party, other: Party, *, kind: LinkKind, by: User, from_day: date | None = None, to_day: date | None = None,
    note: str = "",
) -> PartyLink:  # fmt: skip
    """Write one link, read as "party, kind, other", and give it; one that stands already is given as it is.

    to_day  given at once for what is over
    Raises Refused, BadInput for a link to oneself, between the wrong kinds, in a circle of introductions, or with
    days out of order or to come.
    """
    must_write(by)
    note = words(note, what="the note", at_most=NOTE, are_needed=False)
    _check_kinds(party, other, kind)
    today = business_day()
    if from_day is not None:
        day_within(from_day, what="the first day", earliest=EARLIEST, latest=today)
    if to_day is not None:
        day_within(to_day, what="the last day", earliest=from_day or EARLIEST, latest=today)
    with transaction.atomic():
        _locked(party.pk, other.pk)
        if (known := _told_before(party, other, kind, from_day=from_day, to_day=to_day)) is not None:
            return known
        if kind is LinkKind.INTRODUCED_BY and party.pk in together_queries.introduced_before(other.pk):
            raise BadInput(
                f"{other} was introduced by {party}, at first or second hand",
                remedy="Nobody is introduced by somebody they brought; remove the other link if it is wrong.",
            )
        made = PartyLink.objects.create(
            party=party, other=other, kind=kind.value, from_day=from_day, to_day=to_day, note=note
        )
        audit.record("link.made", actor=by, subject=f"link:{made.pk}",
                     details={"party": party.pk, "other": other.pk, "kind": kind.value})  # fmt: skip
    return made


def end_link(link_id: int, *, by: User, to_day: date | None = None) -> PartyLink:
    """End a link on its last day (None is today); it stays in the record. For a household: somebody leaves it.

    Raises Refused, NotFound, BadInput for a day before its first or to come, Conflict for another end.
    """
    must_write(by)
    today = business_day()
    to_day = to_day or today
    with transaction.atomic():
        found = _link(link_id)
        day_within(to_day, what="the last day", earliest=found.from_day or EARLIEST, latest=today)
        if found.to_day not in (None, to_day):
            raise Conflict(f"this ended on {found.to_day.isoformat()}", where=f"link {found.pk}")
        if found.to_day is None:
            _end(found, on=to_day, by=by)
    return found


def remove_link(link_id: int, *, by: User) -> int:
    """Remove a link that never was, and give the number of the party it was told of. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        found = _link(link_id)
        number, details = found.party_id, {"party": found.party_id, "other": found.other_id, "kind": found.kind}
        audit.record("link.removed", actor=by, subject=f"link:{found.pk}", details=details)
        found.delete()
    return number


def record_decision(
    party: Party, *, on: date, what: str, by: User, outcome: str = "", stances: Sequence[StanceTold] = ()
) -> DecisionRecord:
    """Keep one decision on their side, with who stood where, and give it; told again it is one.

    party   whose decision it was: a customer, or the firm
    Raises Refused, BadInput for missing words, a day to come, somebody twice, or a party without a relationship.
    """
    must_write(by)
    what = words(what, what="what was decided")
    outcome = words(outcome, what="how it came out", are_needed=False)
    day_within(on, what="the day", earliest=EARLIEST, latest=business_day())
    _check_table([told.party for told in stances])
    relationship = relationship_with(party)
    with transaction.atomic():
        _locked(party.pk)
        record = DecisionRecord.objects.filter(relationship=relationship, on=on, what=what).first()
        if record is None:
            record = DecisionRecord.objects.create(relationship=relationship, on=on, what=what, outcome=outcome, by=by)
            audit.record("decision.recorded", actor=by, subject=f"decision_record:{record.pk}",
                         details={"relationship": relationship.pk, "on": on.isoformat()})  # fmt: skip
        for told in stances:
            set_stance(record.pk, told=told, by=by)
    return record


def set_stance(record_id: int, *, told: StanceTold, by: User) -> DecisionStance:
    """Write where somebody stood; told otherwise later, the later word stands. Raises Refused, NotFound, BadInput."""
    must_write(by)
    note = words(told.note, what="the note", at_most=NOTE, are_needed=False)
    if told.party.kind != PartyKind.PERSON.value:
        raise BadInput(f"{told.party} is no person", remedy="Name the people who decided.")
    fresh = {"stance": told.stance.value, "role": told.role.value if told.role else "", "note": note}
    with transaction.atomic():
        record = _record(record_id)
        known = DecisionStance.objects.select_for_update().filter(record=record, party=told.party).first()
        if known is not None and all(getattr(known, name) == value for name, value in fresh.items()):
            return known
        _check_table([told.party, *Party.objects.filter(stances__record=record).exclude(pk=told.party.pk)])
        kept, _is_new = DecisionStance.objects.update_or_create(record=record, party=told.party, defaults=fresh)
        details = {"record": record.pk, "party": told.party.pk, "stance": kept.stance}
        audit.record("stance.kept", actor=by, subject=f"stance:{kept.pk}",
                     details={**details, **({"from": known.stance} if known else {})})  # fmt: skip
    return kept


def set_outcome(record_id: int, *, outcome: str, by: User) -> DecisionRecord:
    """Write how a decision came out. Raises Refused, NotFound, BadInput."""
    must_write(by)
    outcome = words(outcome, what="how it came out")
    with transaction.atomic():
        record = _record(record_id)
        if record.outcome != outcome:
            record.outcome = outcome
            record.save(update_fields=["outcome"])
            audit.record("decision.outcome", actor=by, subject=f"decision_record:{record.pk}")
    return record


def _check_kinds(party: Party, other: Party, kind: LinkKind) -> None:
    if party.pk == other.pk:
        raise BadInput(f"{party} and themselves", remedy="Name somebody else.")
    if kind is LinkKind.MEMBER_OF:
        _must_be_household(other)
    elif PartyKind.HOUSEHOLD.value in (party.kind, other.kind):
        raise BadInput("a household has members and no other links", remedy="Write it down for the person.")
    if kind is not LinkKind.INTRODUCED_BY and party.kind != PartyKind.PERSON.value:
        raise BadInput(f"{party} is no person", remedy="Choose a person.")
    if kind in BOTH_WAYS and other.kind != PartyKind.PERSON.value:
        raise BadInput(f"{other} is no person", remedy="Choose a person, or write down a role there.")


def _check_table(people: Sequence[Party]) -> None:
    if len({person.pk for person in people}) != len(people):
        raise BadInput("somebody is named twice", remedy="Name each person once.")
    if len(people) > AT_THE_TABLE:
        raise BadInput(f"{len(people)} people at one decision", remedy=f"Keep it within {AT_THE_TABLE}.")


def _told_before(
    party: Party, other: Party, kind: LinkKind, *, from_day: date | None, to_day: date | None
) -> PartyLink | None:
    """The same link that stands, or the same stretch that is over; for links that read both ways, from either side."""
    sides = [(party, other), (other, party)] if kind in BOTH_WAYS else [(party, other)]
    for one, two in sides:
        same = PartyLink.objects.filter(party=one, other=two, kind=kind.value, to_day=to_day)
        same = same if to_day is None else same.filter(from_day=from_day)
        if (known := same.first()) is not None:
            return known
    return None


def _must_be_household(party: Party) -> None:
    if party.kind != PartyKind.HOUSEHOLD.value:
        raise BadInput(f"{party} is no household", remedy="Choose a household, or make one.")


def _name(name: str) -> str:
    return " ".join(words(name, what="the household's name", at_most=NOTE).split())


def _locked(*party_ids: int) -> list[Party]:
    """These parties, their rows held, in the order of their numbers so that two deeds never wait for each other."""
    found = list(Party.objects.select_for_update().filter(pk__in=party_ids).order_by("pk"))
    if len(found) != len(set(party_ids)):
        raise NotFound("one of them is not in the books any more", remedy="Look them up again.")
    return found


def _link(link_id: int) -> PartyLink:
    found = PartyLink.objects.select_for_update(of=("self",)).filter(pk=link_id).first()
    if found is None:
        raise NotFound(f"no link {link_id}", remedy="Look at the person's page again.")
    return found


def _record(record_id: int) -> DecisionRecord:
    record = DecisionRecord.objects.select_for_update(of=("self",)).filter(pk=record_id).first()
    if record is None:
        raise NotFound(f"no decision {record_id}", remedy="Look at the person's page again.")
    return record


def _end(found: PartyLink, *, on: date, by: User) -> None:
    found.to_day = on
    found.save(update_fields=["to_day"])
    details: dict[str, Any] = {"on": on.isoformat()}
    audit.record("link.ended", actor=by, subject=f"link:{found.pk}", details=details)
