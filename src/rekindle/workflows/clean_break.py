"""The clean break: one act by two people after which nobody of ours reaches somebody again, and the proof of it.

    close     close for good, at once, by two different people
    of_end    the same as part of an end for abuse, unpaid bills or a law, on its day
    overdue   for the night: ends of that kind whose day has come, and whose clean break is still to be made
    reopen    they came to us, and an owner wrote why

What closing does, in one transaction with the row of the relationship held:

1. take every waiting suggestion about the person back;
2. withdraw every ground to write to them;
3. end every link they were given;
4. put every address and number they were ever known by on the never-again list, as keyed hashes;
5. stage closed, contact silent for good;
6. keep the proof: counts and instants, no address; one audit entry.

Open promises are left as they are: that we part does not release us. The proof counts them, so that somebody sees to
them. Whether the silence holds is never read from the proof but asked of the gate anew
(`workflows.clean_break_proof`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import Conflict, Refused
from rekindle.relationships.models import (
    Breakup,
    Case,
    CleanBreak,
    Consent,
    Identity,
    Promise,
    Relationship,
    StageChange,
    Task,
)
from rekindle.relationships.policy import CLEAN_BREAK
from rekindle.relationships.stages import steps
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Commercial,
    Contact,
    PromiseState,
    Stage,
    TaskState,
)
from rekindle.workflows import audit, endings, links, suppress

SOURCE: Final = "clean break"
"""In `Suppression.source` it marks hashes that also close the new addresses of the same person
(`workflows.kept_silent`)."""

_KINDS: Final = frozenset(kind.value for kind in CLEAN_BREAK)


def close(relationship: Relationship, *, by: User, seconded_by: User | None, reason: str) -> CleanBreak:
    """Close for good, now. Doing it again changes nothing.

    Raises Refused for a role that may not or a missing second person, BadInput without a reason, Conflict while an end
    of another kind is announced.
    """
    endings.may(by)
    second = endings.two_people(by, seconded_by, what="closing a relationship for good")
    reason = endings.reason_of(reason, what="why it is closed for good")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        before = {"stage": relationship.stage, "contact": relationship.contact}
        if (known := standing(relationship)) is not None:
            return known
        return _carry_out(relationship, by=by, seconded_by=second, reason=reason, before=before, end=None)


def standing(relationship: Relationship) -> CleanBreak | None:
    """The clean break that holds; None where there is none or the last one was reopened."""
    newest = CleanBreak.objects.filter(relationship=relationship).select_related("by", "seconded_by", "reopened_by")
    found = newest.order_by("-id").first()
    return found if found is not None and found.reopened_at is None else None


def sign(end: Breakup, *, by: User, seconded_by: User | None) -> None:
    """Keep beside an end who closes for good, so that a day still to come finds both names."""
    signed = {"by": by.pk, "seconded_by": seconded_by.pk if seconded_by else None}
    if end.frozen.get("closing") is None:
        end.frozen = {**end.frozen, "closing": signed}
        end.save(update_fields=["frozen"])


def of_end(relationship: Relationship, *, end: Breakup) -> CleanBreak | None:
    """The clean break that an end calls for, once; None for any other kind of end.

    Call it inside the transaction of the deed, the relationship locked and its end come.
    """
    if end.kind not in _KINDS:
        return None
    if (known := standing(relationship)) is not None:
        return known
    signed = end.frozen.get("closing", {})
    people = User.objects.in_bulk([number for number in signed.values() if number is not None])
    stood = end.frozen.get("before", {})
    return _carry_out(
        relationship,
        by=people.get(signed.get("by")),
        seconded_by=people.get(signed.get("seconded_by")),
        reason=BreakupKind(end.kind).label,
        before={name: stood.get(name, "") for name in ("stage", "contact")},
        end=end,
    )


def overdue() -> int:
    """For the night: make the clean breaks whose announced day has come; gives how many.

    The night closes the relationships (`cooling_off.begin`); the two people signed when they announced it.
    """
    made_since = CleanBreak.objects.filter(relationship=OuterRef("relationship"), at__gte=OuterRef("recorded_at"))
    ends = Breakup.objects.filter(kind__in=_KINDS, withdrawn_at=None, relationship__stage=Stage.CLOSED.value).exclude(
        Exists(made_since)
    )
    made = 0
    for end in ends.order_by("pk"):
        with transaction.atomic():
            made += of_end(endings.locked(end.relationship_id), end=end) is not None
    return made


def taken_back(relationship: Relationship, *, by: User, reason: str) -> None:
    """The end that closed it was a slip and is undone: the clean break no longer holds; the never-again list stays."""
    broken = standing(relationship)
    if broken is None:
        return
    broken.reopened_at, broken.reopened_by, broken.reopened_why = timezone.now(), by, reason
    broken.save(update_fields=["reopened_at", "reopened_by", "reopened_why"])
    audit.record("clean_break.taken_back", actor=by, subject=f"clean_break:{broken.pk}",
                 details={"relationship": relationship.pk, "list_stays": True})  # fmt: skip


def reopen(relationship: Relationship, *, by: User, reason: str, their_approach: str) -> CleanBreak:
    """They came to us: courtship begins anew. The never-again list stays as it is until they lift it themselves.

    their_approach  how and when they came, in words; we never open it from our side
    Raises Refused for anyone but an owner, BadInput where a reason is missing, Conflict where nothing is closed.
    """
    if not by.may(Deed.STAFF):
        raise Refused("only an owner opens a closed relationship again", rule="closed", remedy="Ask an owner.")
    reason = endings.reason_of(reason, what="why it is opened again")
    their_approach = endings.reason_of(their_approach, what="how they came to us")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        broken = standing(relationship)
        if broken is None or Stage(relationship.stage) is not Stage.CLOSED:
            raise Conflict("no clean break holds here", where=f"relationship {relationship.pk}")
        broken.reopened_at, broken.reopened_by = timezone.now(), by
        broken.reopened_why, broken.their_approach = reason, their_approach
        broken.save(update_fields=["reopened_at", "reopened_by", "reopened_why", "their_approach"])
        today = endings.local_day(relationship)
        StageChange.objects.create(
            relationship=relationship, from_stage=Stage.CLOSED.value, to_stage=Stage.COURTSHIP.value, on=today, by=by,
            rule=steps(Stage.CLOSED, Stage.COURTSHIP)[0].rule, evidence={"clean_break": broken.pk},
        )  # fmt: skip
        relationship.stage, relationship.stage_since = Stage.COURTSHIP.value, today
        relationship.commercial, relationship.contact = Commercial.COURTING.value, Contact.REPLY_ONLY.value
        relationship.save(update_fields=["stage", "stage_since", "commercial", "contact"])
        audit.record("clean_break.reopened", actor=by, subject=f"clean_break:{broken.pk}",
                     details={"relationship": relationship.pk, "list_stays": True})  # fmt: skip
    return broken


def _carry_out(
    relationship: Relationship,
    *,
    by: User | None,
    seconded_by: User | None,
    reason: str,
    before: dict[str, str],
    end: Breakup | None,
) -> CleanBreak:
    """The six steps; the relationship is locked."""
    party, now = relationship.party, timezone.now()
    waiting = Task.objects.filter(relationship__party=party, state__in=[TaskState.OPEN.value, TaskState.LATER.value])
    tasks = waiting.update(state=TaskState.WITHDRAWN.value, answer="closed for good")
    grounds = Consent.objects.filter(party=party, withdrawn_at=None)
    consents = grounds.update(withdrawn_at=now, withdrawn_reason="closed for good")
    links.end_all(party, by=by)
    kinds = Counter(Identity.objects.filter(party=party).values_list("kind", flat=True))
    on_list = suppress.suppress(party, reason="closed for good", source=SOURCE, by=by)
    broken = CleanBreak.objects.create(relationship=relationship, at=now, by=by, seconded_by=seconded_by, reason=reason)
    endings.move(relationship, Stage.CLOSED, on=endings.local_day(relationship), by=by,
                 evidence={"clean_break": broken.pk})  # fmt: skip
    if relationship.contact != Contact.SILENT.value:
        relationship.contact = Contact.SILENT.value
        relationship.save(update_fields=["contact"])
    proof: dict[str, Any] = {
        "at": now.isoformat(),
        "before": before,
        "tasks_withdrawn": tasks,
        "consents_withdrawn": consents,
        "links_ended": True,
        "on_never_again_list": on_list,
        "by_kind": dict(sorted(kinds.items())),
        "promises_open": Promise.objects.filter(relationship__party=party, state=PromiseState.OPEN.value).count(),
        "cases_open": Case.objects.filter(relationship__party=party, solved_at=None).count(),
        "breakup": end.pk if end else None,
    }
    broken.proof = proof
    broken.save(update_fields=["proof"])
    audit.record(
        "clean_break.made", actor=by, subject=f"clean_break:{broken.pk}",
        details={"relationship": relationship.pk, "seconded_by": seconded_by.pk if seconded_by else None,
                 "on_never_again_list": on_list, "tasks": tasks, "consents": consents},
    )  # fmt: skip
    return broken
