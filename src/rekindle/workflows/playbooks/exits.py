"""What makes people leave a plan at once, also while it waits; and who has answered since they entered.

Each exit is one query over everybody under way. It asks first for the few to whom the thing happened at all, and only
of them whether it happened since they entered: with a million under way, those who leave today are few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from rekindle.act.playbooks import Exit, Plan
from rekindle.journal.models import Click, Enrolment, EnrolmentState, Inbound, InboundKind, PlaybookState
from rekindle.relationships.models import (
    Consent,
    Episode,
    Feedback,
    Identity,
    Relationship,
    SafeReturn,
    StageChange,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import Commercial, Contact, IdentityKind, Stage
from rekindle.workflows.playbooks import occasions, rows
from rekindle.workflows.why_not import business_zone

_LATELY: Final = timedelta(days=2)
"""The never-again list is gone through for what is new on it: the night before has seen the rest, the gate sees all."""


@dataclass(frozen=True)
class Sign:
    """Something that happens to people. hint: to whom it happened since an instant, by relationship; since: whether
    it happened since an enrolment was entered."""

    hint: Callable[[datetime], QuerySet[Any]]
    since: Callable[[], Q]


def sweep(plans: dict[int, Plan], *, at: datetime, only_due: bool = False) -> int:
    """Everybody whose exit holds leaves now, paused plans included; gives how many.

    plans     what each version in use says, by its number
    only_due  look only at those whose next step is due: what each minute does; the night looks at everybody
    """
    left = 0
    for exit_ in Exit:
        versions = [number for number, plan in plans.items() if exit_ in plan.leave]
        if not versions:
            continue
        active = _active(versions, at=at if only_due else None)
        if exit_ is Exit.NOT_WHERE:
            left += sum(_not_where(active.filter(version=number), plans[number], at=at) for number in versions)
            continue
        since = active.aggregate(since=Min("entered_at"))["since"]
        for sign in _SIGNS[exit_] if since is not None else ():
            left += rows.out(_hit(active, sign, since=since), why=exit_.label, at=at)
        if exit_ is Exit.OPTED_OUT and since is not None and not only_due:
            left += rows.out(_never_again(active, since=max(since, at - _LATELY)), why=exit_.label, at=at)
    return left


def engaged(some: QuerySet[Enrolment]) -> set[int]:
    """The numbers of those who have answered since they entered: a reply, a click of a human, feedback."""
    since = some.aggregate(since=Min("entered_at"))["since"]
    if since is None:
        return set()
    return {number for sign in _ENGAGED for number in _hit(some, sign, since=since)}


def _active(versions: list[int], *, at: datetime | None) -> QuerySet[Enrolment]:
    found = Enrolment.objects.filter(state=EnrolmentState.ACTIVE.value, version__in=versions)
    return found if at is None else found.filter(due_at__lte=at, playbook__state=PlaybookState.ON.value)


def _hit(some: QuerySet[Enrolment], sign: Sign, *, since: datetime) -> list[int]:
    hint = sign.hint(since)
    if not hint.exists():
        return []
    return list(some.filter(relationship__in=hint).filter(sign.since()).values_list("pk", flat=True))


def _not_where(some: QuerySet[Enrolment], plan: Plan, *, at: datetime) -> int:
    asked = occasions.conditions(plan.enter.where, on=at.astimezone(business_zone()).date())
    if not asked or not some.exists():
        return 0
    fit = Relationship.objects.all()
    for _name, condition in asked:
        fit = fit.filter(condition)
    numbers = list(some.exclude(relationship__in=fit.values("pk")).values_list("pk", flat=True))
    return rows.out(numbers, why=Exit.NOT_WHERE.label, at=at)


def _never_again(some: QuerySet[Enrolment], *, since: datetime) -> list[int]:
    """The list holds keyed hashes only, so the addresses of those under way are hashed and looked up."""
    fresh = set(Suppression.objects.filter(recorded_at__gte=since).values_list("kind", "key_hash"))
    if not fresh:
        return []
    kinds = {kind for kind, _ in fresh}
    parties = some.values("relationship__party")
    told = Identity.objects.filter(party__in=parties, kind__in=kinds).values_list("party", "kind", "source", "normal")
    hit = {
        party
        for party, kind, source, normal in told.iterator(chunk_size=5_000)
        if (kind, suppression_hash(IdentityKind(kind), normal, source=source)) in fresh
    }
    found: list[int] = []
    for parties_hit in rows.slices(sorted(hit), size=500):
        found += some.filter(relationship__party__in=parties_hit).values_list("pk", flat=True)
    return found


def _came_back(kind: InboundKind) -> Sign:
    """Something that came back from them, by its kind."""
    return Sign(
        lambda since: _of_parties(Inbound.objects.filter(kind=kind.value, occurred_at__gte=since, party__isnull=False)),
        lambda: Q(
            Exists(
                Inbound.objects.filter(
                    party=OuterRef("relationship__party"), kind=kind.value, occurred_at__gte=OuterRef("entered_at")
                )
            )
        ),
    )


def _of_parties(found: QuerySet[Any]) -> QuerySet[Any]:
    return Relationship.objects.filter(party__in=found.values("party")).values("pk")


def _mine(model: Any, when: str, **of: Any) -> Sign:
    """A row about the relationship itself, by its instant."""
    return Sign(
        lambda since: model.objects.filter(**{f"{when}__gte": since}, **of).values("relationship"),
        lambda: Q(
            Exists(
                model.objects.filter(
                    relationship=OuterRef("relationship"), **{f"{when}__gte": OuterRef("entered_at")}, **of
                )
            )
        ),
    )


def _standing(condition: Q) -> Sign:
    """How a relationship stands now, since whenever."""
    return Sign(lambda _since: Relationship.objects.filter(condition).values("pk"), Q)


_WITHDRAWN: Final = Sign(
    lambda since: _of_parties(Consent.objects.filter(withdrawn_at__gte=since)),
    lambda: Q(
        Exists(Consent.objects.filter(party=OuterRef("relationship__party"), withdrawn_at__gte=OuterRef("entered_at")))
    ),
)
_NEW_LIFE: Final = Sign(
    lambda since: Episode.objects.filter(number__gt=1, began_on__gte=since.date()).values("relationship"),
    lambda: Q(
        Exists(
            Episode.objects.filter(
                relationship=OuterRef("relationship"), number__gt=1, began_on__gte=OuterRef("entered_at__date")
            )
        )
    ),
)
_CLICKED: Final = Sign(
    lambda since: Relationship.objects.filter(
        party__in=Click.objects.filter(at__gte=since, is_machine=False, message__party__isnull=False).values(
            "message__party"
        )
    ).values("pk"),
    lambda: Q(
        Exists(
            Click.objects.filter(
                message__party=OuterRef("relationship__party"), is_machine=False, at__gte=OuterRef("entered_at")
            )
        )
    ),
)
_ENDED: Final = Q(commercial=Commercial.ENDED.value) | Q(
    commercial=Commercial.NONE.value, stage__in=[stage.value for stage in AFTER_END]
)
_REPLIED: Final = (_came_back(InboundKind.REPLY), _mine(StageChange, "recorded_at", rule="they_wrote_first"))
_ENGAGED: Final = (*_REPLIED, _CLICKED, _mine(Feedback, "given_at"))

_SIGNS: Final[dict[Exit, tuple[Sign, ...]]] = {
    Exit.REPLIED: _REPLIED,
    Exit.OPTED_OUT: (_WITHDRAWN, _came_back(InboundKind.UNSUBSCRIBED)),
    Exit.COMPLAINED: (_came_back(InboundKind.COMPLAINED),),
    Exit.RETURNED: (_mine(SafeReturn, "opened_at"), _NEW_LIFE),
    Exit.ENDED: (_standing(_ENDED),),
    Exit.CLOSED: (_standing(Q(stage=Stage.CLOSED.value) | Q(contact=Contact.SILENT.value)),),
    Exit.DECEASED: (_standing(Q(party__deceased_on__isnull=False)),),
    Exit.BOUNCED: (_came_back(InboundKind.BOUNCED),),
}
