"""Everyone we owe a relationship: roles over time, people who change their employer, and who of us knows whom.

1. refuse who reads only, and days in an order no calendar allows;
2. lock what is changed; the same step again changes nothing; no role is ever deleted, it ends on a day;
3. a change of employer, in one transaction: end every role at the old firm on the day before, begin one at the new,
   and, where the person told us, keep the new job as a day to remember, without consent to remember it;
4. write it, and one audit entry with numbers and words of the domain only.

A role counts from its first day until its last, both included; an unknown day is None.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Party, StakeholderRole, Tie
from rekindle.relationships.queries import name_spellings
from rekindle.relationships.vocabulary import MilestoneKind, PartyKind, StakeholderKind
from rekindle.workflows import audit, milestones
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import day_within, must_write, words

NOTE: Final = 200
STRENGTH: Final = (1, 3)
"""1 has met, 2 knows well, 3 is trusted. Our choice: more steps than people can tell apart help nobody."""

EARLIEST: Final = date(1900, 1, 1)


def take_role(
    party: Party,
    *,
    kind: StakeholderKind,
    by: User,
    organisation: Party | None = None,
    from_day: date | None = None,
    note: str = "",
) -> StakeholderRole:
    """Begin a role and give it; one that is held already, of the same kind at the same place, is given as it is.

    Raises Refused, BadInput for a day to come or an organisation that is none.
    """
    must_write(by)
    note = words(note, what="the note", at_most=NOTE, are_needed=False)
    if from_day is not None:
        day_within(from_day, what="the first day", earliest=EARLIEST, latest=business_day())
    if organisation is not None:
        _must_be_organisation(organisation, but_not=party)
    with transaction.atomic():
        held = StakeholderRole.objects.filter(party=party, kind=kind.value, organisation=organisation, to_day=None)
        return held.first() or _begin(party, kind=kind, at=organisation, from_day=from_day, note=note, by=by)


def end_role(role_id: int, *, by: User, to_day: date | None = None) -> StakeholderRole:
    """End a role on its last day (None is today) and give it; it stays in the record.

    Raises Refused, NotFound, BadInput for a day before its first or still to come, Conflict for another end.
    """
    must_write(by)
    today = business_day()
    to_day = to_day or today
    with transaction.atomic():
        role = StakeholderRole.objects.select_for_update().filter(pk=role_id).first()
        if role is None:
            raise NotFound(f"no role {role_id}", remedy="Look at the person's page again.")
        day_within(to_day, what="the last day", earliest=role.from_day or EARLIEST, latest=today)
        if role.to_day not in (None, to_day):
            raise Conflict(f"this role ended on {role.to_day.isoformat()}", where=f"role {role.pk}")
        if role.to_day is None:
            _end(role, on=to_day, by=by)
    return role


def change_employer(
    person: Party,
    *,
    from_: Party,
    to: Party,
    on: date,
    by: User,
    kind: StakeholderKind = StakeholderKind.PROSPECT,
    is_told_by_them: bool = False,
) -> StakeholderRole:
    """The person left one organisation for another; gives the role begun there. History and person stay one.

    on               their first day at the new place; the roles at the old one end the day before
    kind             what they are to us there; a champion of one firm is at first a prospect at the next
    is_told_by_them  whether we have it from themselves: then the new job is a day that may be spoken of
    Raises Refused, BadInput for a day to come, the same firm twice, or a role that began on that day or later,
    Conflict where no role at the old firm is held.
    """
    must_write(by)
    if from_.pk == to.pk:
        raise BadInput("old and new employer are the same", remedy="Name the organisation they went to.")
    for organisation in (from_, to):
        _must_be_organisation(organisation, but_not=person)
    day_within(on, what="the first day there", earliest=EARLIEST, latest=business_day())
    with transaction.atomic():
        held = StakeholderRole.objects.select_for_update().filter(party=person, organisation=from_, to_day=None)
        roles = list(held.order_by("pk"))
        begun = StakeholderRole.objects.filter(party=person, organisation=to, kind=kind.value, to_day=None).first()
        if not roles:
            if begun is not None and begun.from_day == on:
                return begun  # the same move told twice
            raise Conflict(f"{person} holds no role at {from_}", remedy="Write down the role there first.")
        last = on - timedelta(days=1)
        late = next((role for role in roles if role.from_day and role.from_day > last), None)
        if late is not None and late.from_day is not None:
            raise BadInput(
                f"a role at {from_} began on {late.from_day.isoformat()}", remedy="Give a later first day there."
            )
        for role in roles:
            _end(role, on=last, by=by)
        begun = begun or _begin(person, kind=kind, at=to, from_day=on, note="", by=by)
        if is_told_by_them:
            milestones.add(person, kind=MilestoneKind.NEW_JOB, on=on, title=to.name[: milestones.TITLE], by=by)
    return begun


def organisation_named(name: str, *, by: User) -> Party:
    """The one organisation of that name, made where there is none yet.

    Raises Refused, BadInput where several bear the name or none is given.
    """
    must_write(by)
    name = " ".join(words(name, what="the organisation's name", at_most=NOTE).split())
    found = owed_queries.organisations_named(name_spellings(name), limit=2)
    if len(found) > 1:
        raise BadInput(f"several organisations are called {name}", remedy="Give one of them another name first.")
    if found:
        return found[0]
    with transaction.atomic():
        organisation = Party.objects.create(kind=PartyKind.ORGANISATION.value, name=name)
        audit.record("organisation.named", actor=by, subject=f"party:{organisation.pk}")
    return organisation


def tie(party: Party, *, staff: User, by: User, since: date | None = None, strength: int = 1, note: str = "") -> Tie:
    """Write that a member of staff knows a person, and give the tie; a tie that had ended lives again.

    Raises Refused, BadInput for a day to come, a strength off its scale, or somebody who works here no more.
    """
    must_write(by)
    note = words(note, what="the note", at_most=NOTE, are_needed=False)
    low, high = STRENGTH
    if not low <= strength <= high:
        raise BadInput(f"a tie of strength {strength}", remedy=f"Give {low}, met, to {high}, trusted.")
    if since is not None:
        day_within(since, what="the day it began", earliest=EARLIEST, latest=business_day())
    if not staff.is_active:
        raise BadInput(f"{staff}'s account is closed", remedy="Choose somebody who works here.")
    with transaction.atomic():
        known = Tie.objects.select_for_update().filter(party=party, staff=staff).first()
        fresh = {"since": since, "strength": strength, "note": note, "ended_on": None}
        if known is not None:
            fresh["since"] = since or known.since
            if all(getattr(known, name) == value for name, value in fresh.items()):
                return known
        found, _is_new = Tie.objects.update_or_create(party=party, staff=staff, defaults=fresh)
        audit.record(
            "tie.written", actor=by, subject=f"tie:{found.pk}", details={"party": party.pk, "strength": strength}
        )
    return found


def end_tie(tie_id: int, *, by: User, on: date | None = None) -> Tie:
    """End a tie on a day up to today (None is today) and give it. Raises Refused, NotFound, BadInput."""
    must_write(by)
    today = business_day()
    on = on or today
    with transaction.atomic():
        found = Tie.objects.select_for_update().filter(pk=tie_id).first()
        if found is None:
            raise NotFound(f"no tie {tie_id}", remedy="Look at the person's page again.")
        day_within(on, what="the last day", earliest=found.since or EARLIEST, latest=today)
        if found.ended_on is None:
            found.ended_on = on
            found.save(update_fields=["ended_on"])
            audit.record("tie.ended", actor=by, subject=f"tie:{found.pk}", details={"on": on.isoformat()})
    return found


def _must_be_organisation(organisation: Party, *, but_not: Party) -> None:
    if organisation.kind != PartyKind.ORGANISATION.value or organisation.pk == but_not.pk:
        raise BadInput(f"{organisation} is no organisation to hold a role at", remedy="Name a firm or a club.")


def _begin(
    party: Party, *, kind: StakeholderKind, at: Party | None, from_day: date | None, note: str, by: User
) -> StakeholderRole:
    role = StakeholderRole.objects.create(
        party=party, kind=kind.value, organisation=at, from_day=from_day, note=note
    )  # fmt: skip
    details = {"party": party.pk, "kind": kind.value, "organisation": at.pk if at else None}
    audit.record("role.begun", actor=by, subject=f"role:{role.pk}", details=details)
    return role


def _end(role: StakeholderRole, *, on: date, by: User) -> None:
    role.to_day = on
    role.save(update_fields=["to_day"])
    audit.record("role.ended", actor=by, subject=f"role:{role.pk}", details={"on": on.isoformat()})
