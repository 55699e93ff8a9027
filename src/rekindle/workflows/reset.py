"""The reset button: put back what the leaving took away, and name what cannot be put back.

    preview   what stays, what comes back, what cannot, each with its reason; reads only
    put_back  does it, once a return
    undo      a slip, within a day

1. lock the relationship and the return;
2. the person of contact (if none is left: whoever they trusted most and still works here), the terms they had before,
   ties, roles and goals that ended with the relationship: each is put back where it was;
3. what we cannot put back is named: plan and price live in another system, a consent that was withdrawn stays
   withdrawn, an address on the never-again list stays there, a colleague who left is gone;
4. keep both lists with the return, each thing with what stood before; one audit entry a thing.

Nothing here opens a channel: whoever comes back is asked anew what they would like to hear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import Conflict
from rekindle.relationships import return_queries
from rekindle.relationships.models import (
    Breakup,
    Consent,
    Goal,
    Identity,
    Milestone,
    Relationship,
    SafeReturn,
    StakeholderRole,
    Suppression,
    Tie,
    suppression_hash,
)
from rekindle.relationships.policy import UNDO_WITHIN
from rekindle.relationships.vocabulary import IdentityKind, StakeholderKind, Terms
from rekindle.workflows import audit, endings
from rekindle.workflows.returns import locked_return

AROUND_DAYS: Final = 1
"""Ties, roles and goals are closed on the last day, or on the day before or after: one sitting at the desk. Ours."""

_TABLES: Final[dict[str, type[models.Model]]] = {
    "relationship": Relationship, "tie": Tie, "goal": Goal, "role": StakeholderRole,
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """One thing that can be put back: a column of one row, what stands there and what will. `what` names it."""

    kind: str
    what: str
    table: str
    key: int
    column: str
    now: Any
    then: Any

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the return; days as text. The words of people stay in their own rows."""
        return {"kind": self.kind, "table": self.table, "key": self.key, "column": self.column,
                "before": _plain(self.now), "after": _plain(self.then)}  # fmt: skip


@dataclass(frozen=True)
class Cannot:
    """One thing that cannot be put back, by a code with the reason in words. `detail` is a figure or a name."""

    code: str
    detail: str = ""

    @property
    def what(self) -> str:
        return CANNOT[self.code][0]

    @property
    def why(self) -> str:
        return CANNOT[self.code][1]


CANNOT: Final = {
    "plan_and_price": (
        "Their plan and their price",
        "Both live in another system. Agree them anew, and tell them before the first bill.",
    ),
    "consents": (
        "Consents that were withdrawn",
        "A withdrawn consent stays withdrawn until they give a new one. Ask; do not assume.",
    ),
    "never_again": (
        "Addresses on the never-again list",
        "They stay there whoever comes back. Another address, given by them, may be used.",
    ),
    "colleague_gone": ("A colleague who has left us", "Say so before they ask, and introduce who is here now."),
    "contact_person": (
        "The person who looked after them",
        "Nobody is on record any more who is still here. Choose somebody by name.",
    ),
    "closed_details": (
        "What was erased",
        "What somebody asked us to erase is gone for good. Ask them again only for what you need.",
    ),
}
"""Code -> what, and why not. The last one is named where addresses are missing that a customer usually has."""


@dataclass(frozen=True)
class Preview:
    """What pressing the button would do. `stays` needs nothing; `done_at` is set where it was pressed already."""

    stays: tuple[str, ...]
    comes_back: tuple[Thing, ...]
    cannot: tuple[Cannot, ...]
    done_by: str
    may_undo: bool
    is_done: bool


def preview(returned: SafeReturn) -> Preview:
    """What is there, what would come back and what cannot. Reads only, a fixed number of queries."""
    relationship = returned.relationship
    if returned.restored_at is not None:
        return Preview(
            stays=_stays(relationship),
            comes_back=tuple(_from_json(row) for row in returned.restored),
            cannot=tuple(Cannot(row["code"], row.get("detail", "")) for row in returned.not_restored),
            done_by=str(returned.restored_by or ""),
            may_undo=timezone.now() - returned.restored_at <= UNDO_WITHIN,
            is_done=True,
        )
    things, gone = _things(returned)
    cannot = _cannot(returned, colleagues_gone=gone, has_contact_person=_has_contact_person(relationship, things))
    return Preview(_stays(relationship), tuple(things), tuple(cannot), "", may_undo=False, is_done=False)


def put_back(returned: SafeReturn, *, by: User) -> SafeReturn:
    """Put back what can be put back and keep both lists; a second time changes nothing.

    Raises Refused for a role that reads only, Conflict for a return of an earlier life or one that was none.
    """
    endings.may(by)
    with transaction.atomic():
        relationship = endings.locked(returned.relationship_id)
        returned = locked_return(returned.pk)
        if returned.restored_at is not None:
            return returned
        if returned.life != relationship.life or returned.evidence.get("not_a_return"):
            raise Conflict("this return is not the life that runs", where=f"return {returned.pk}")
        returned.relationship = relationship
        things, gone = _things(returned)
        cannot = _cannot(returned, colleagues_gone=gone, has_contact_person=_has_contact_person(relationship, things))
        for thing in things:
            _TABLES[thing.table]._default_manager.filter(pk=thing.key).update(**{thing.column: thing.then})
            audit.record(
                "return.put_back", actor=by, subject=f"{thing.table}:{thing.key}",
                details={"return": returned.pk, "what": thing.kind, "column": thing.column},
            )  # fmt: skip
        returned.restored = [thing.as_json() for thing in things]
        returned.not_restored = [{"code": one.code, "detail": one.detail} for one in cannot]
        returned.restored_at, returned.restored_by = timezone.now(), by
        returned.evidence = {**returned.evidence, "begun": True}
        returned.save(update_fields=["restored", "not_restored", "restored_at", "restored_by", "evidence"])
        audit.record("return.reset", actor=by, subject=f"return:{returned.pk}",
                     details={"put_back": len(things), "cannot": [one.code for one in cannot]})  # fmt: skip
    return returned


def undo(returned: SafeReturn, *, by: User) -> SafeReturn:
    """Take the reset back within a day; what somebody changed since stays as they left it. Raises Refused, Conflict."""
    endings.may(by)
    with transaction.atomic():
        endings.locked(returned.relationship_id)
        returned = locked_return(returned.pk)
        if returned.restored_at is None:
            return returned
        if timezone.now() - returned.restored_at > UNDO_WITHIN:
            raise Conflict(
                "a reset can be taken back within a day", where=f"return {returned.pk}",
                remedy="Change on the person's page what is not right.",
            )  # fmt: skip
        taken = 0
        for row in reversed(returned.restored):
            rows = _TABLES[row["table"]]._default_manager.filter(pk=row["key"], **_where(row["column"], row["after"]))
            taken += rows.update(**{row["column"]: row["before"]})
        returned.restored, returned.not_restored, returned.restored_at, returned.restored_by = [], [], None, None
        returned.save(update_fields=["restored", "not_restored", "restored_at", "restored_by"])
        audit.record("return.reset_undone", actor=by, subject=f"return:{returned.pk}", details={"taken_back": taken})
    return returned


def _things(returned: SafeReturn) -> tuple[list[Thing], list[str]]:
    """What comes back, and the names of colleagues who are gone and with whom a tie ended."""
    relationship = returned.relationship
    end = return_queries.end_before(relationship, returned_on=returned.returned_on)
    ties = return_queries.ties_of(relationship.party_id)
    things = [*_contact_person(relationship, ties), *_terms(relationship, end)]
    ended_on = end.ended_on if end is not None else _silent_since(returned)
    if ended_on is None:
        return things, []
    near = (ended_on - timedelta(days=AROUND_DAYS), ended_on + timedelta(days=AROUND_DAYS))
    gone = []
    for tie in ties:
        if tie.ended_on is None or not near[0] <= tie.ended_on <= near[1]:
            continue
        if tie.staff.is_active:
            things.append(Thing("tie", str(tie.staff), "tie", tie.pk, "ended_on", tie.ended_on, None))
        else:
            gone.append(str(tie.staff))
    things += _goals(relationship, near)
    things += _roles(relationship, near, returned_on=returned.returned_on)
    return things, gone


def _contact_person(relationship: Relationship, ties: list[Tie]) -> Iterator[Thing]:
    if relationship.owner is not None and relationship.owner.is_active:
        return
    trusted = next((tie.staff for tie in ties if tie.staff.is_active), None)
    if trusted is not None:
        yield Thing("contact_person", str(trusted), "relationship", relationship.pk, "owner_id",
                    relationship.owner_id, trusted.pk)  # fmt: skip


def _terms(relationship: Relationship, end: Breakup | None) -> Iterator[Thing]:
    """The terms from before the end, where the end made them worse and nobody has changed them since."""
    if end is None or not end.terms_before or end.terms_after != relationship.terms:
        return
    order = (Terms.GOOD, Terms.NEUTRAL, Terms.SORE, Terms.BAD, Terms.TOXIC)
    if order.index(Terms(end.terms_before)) < order.index(Terms(relationship.terms)):
        yield Thing("terms", Terms(end.terms_before).label, "relationship", relationship.pk, "terms",
                    relationship.terms, end.terms_before)  # fmt: skip


def _goals(relationship: Relationship, near: tuple[date, date]) -> Iterator[Thing]:
    given_up = Goal.objects.filter(relationship=relationship, reached_on=None, given_up_on__range=near)
    for goal in given_up.order_by("pk"):
        yield Thing("goal", goal.text, "goal", goal.pk, "given_up_on", goal.given_up_on, None)


def _roles(relationship: Relationship, near: tuple[date, date], *, returned_on: date) -> Iterator[Thing]:
    """Roles that ended with the relationship go on; being a former customer ends on the day of return."""
    was = Q(to_day__range=near) & ~Q(kind__in=_FORMER)
    for role in StakeholderRole.objects.filter(was, party=relationship.party_id).order_by("pk"):
        held = StakeholderRole.objects.filter(
            party=relationship.party_id, kind=role.kind, organisation=role.organisation_id, to_day=None
        )
        if not held.exists():
            yield Thing("role", role.get_kind_display(), "role", role.pk, "to_day", role.to_day, None)
    former = StakeholderRole.objects.filter(party=relationship.party_id, kind__in=_FORMER, to_day=None)
    for role in former.filter(Q(from_day=None) | Q(from_day__lte=returned_on)).order_by("pk"):
        yield Thing("former_role", role.get_kind_display(), "role", role.pk, "to_day", None, returned_on)


_FORMER: Final = (StakeholderKind.EX_CUSTOMER.value, StakeholderKind.EX_USER.value)


def _silent_since(returned: SafeReturn) -> date | None:
    before = returned.relationship.episodes.filter(number=returned.life - 1).first()
    return before.ended_on if before is not None else None


def _has_contact_person(relationship: Relationship, things: list[Thing]) -> bool:
    owner = relationship.owner
    return (owner is not None and owner.is_active) or any(thing.kind == "contact_person" for thing in things)


def _cannot(returned: SafeReturn, *, colleagues_gone: list[str], has_contact_person: bool) -> Iterator[Cannot]:
    party = returned.relationship.party
    yield Cannot("plan_and_price")
    withdrawn = Consent.objects.filter(party=party, withdrawn_at__isnull=False).count()
    if withdrawn:
        yield Cannot("consents", str(withdrawn))
    if suppressed := _suppressed(party.pk):
        yield Cannot("never_again", str(suppressed))
    for name in dict.fromkeys(colleagues_gone):
        yield Cannot("colleague_gone", name)
    if not has_contact_person:
        yield Cannot("contact_person")
    ways = [IdentityKind.EMAIL.value, IdentityKind.PHONE.value]
    if not Identity.objects.filter(party=party, kind__in=ways).exists():
        yield Cannot("closed_details")


def _suppressed(party_id: int) -> int:
    """How many of their addresses and numbers stand on the never-again list."""
    ways = Identity.objects.filter(party=party_id).values_list("kind", "source", "normal")
    hashes = {
        (kind, suppression_hash(IdentityKind(kind), normal, source=source if kind == "external" else ""))
        for kind, source, normal in ways
    }
    known = Suppression.objects.filter(key_hash__in=[digest for _, digest in hashes]).values_list("kind", "key_hash")
    return len(hashes & set(known))


def _stays(relationship: Relationship) -> tuple[str, ...]:
    """What no end ever takes away, by code."""
    party = relationship.party
    stays = ["history"]
    if party.language:
        stays.append("language")
    if party.time_zone:
        stays.append("time_zone")
    if relationship.owner is not None and relationship.owner.is_active:
        stays.append("contact_person")
    if Milestone.objects.filter(party=party).exists():
        stays.append("milestones")
    return tuple(stays)


def _from_json(row: dict[str, Any]) -> Thing:
    return Thing(row["kind"], _name_of(row), row["table"], row["key"], row["column"], row["before"], row["after"])


def _name_of(row: dict[str, Any]) -> str:
    """The words of a thing put back, from its own row: none are kept beside it."""
    if row["column"] == "owner_id":
        return str(User.objects.filter(pk=row["after"]).first() or "")
    if row["column"] == "terms":
        return Terms(row["after"]).label
    found = _TABLES[row["table"]]._default_manager.filter(pk=row["key"]).first()
    match found:
        case Tie():
            return str(found.staff)
        case Goal():
            return found.text
        case StakeholderRole():
            return str(found.get_kind_display())
        case _:
            return ""


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _where(column: str, value: Any) -> dict[str, Any]:
    return {f"{column}__isnull": True} if value is None else {column: value}
