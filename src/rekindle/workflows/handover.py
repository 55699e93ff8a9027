"""Handover: whom a member of staff looks after goes to named colleagues, for a leave or for good.

1. `preview` reads whom it would move, with the promises and tasks that go along; nothing is written;
2. `hand_over` moves them in one transaction: the relationships, their open tasks, and what the giver held for others;
   promises follow by themselves, they are asked of whoever looks after the person;
3. `return_due` brings back whoever was handed over for a leave that has ended; `take_back` does so at once.

What a colleague passed on in the meantime, or a person whom somebody else was given since, stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from rekindle.accounts.models import HandedOver, Handover, User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import Promise, Relationship, Task
from rekindle.relationships.vocabulary import PromiseState, Stage, TaskState
from rekindle.workflows import audit
from rekindle.workflows.today import business_day

NAMED: Final = 20
"""So many are named to a colleague in a preview; the rest are counted."""
WRITTEN_AT_ONCE: Final = 5_000
SHOWN: Final = 20
"""So many handovers a page shows, the newest first."""

_OPEN: Final = (TaskState.OPEN.value, TaskState.LATER.value)


@dataclass(frozen=True)
class Share:
    """What one colleague would take: how many people, the first of them by name, and their free minutes a day."""

    taker: User
    free_minutes: int
    people: int
    names: list[Relationship]


@dataclass(frozen=True)
class Preview:
    """What a handover would move. `left_open` are the giver's tasks at people whom others look after."""

    people: int
    by_stage: list[tuple[str, int]]
    promises: int
    tasks: int
    left_open: int
    shares: list[Share]


def givers() -> QuerySet[User]:
    """Closed accounts that still stand as somebody's owner, with `held`, how many relationships that are not closed."""
    held = Count("relationships", filter=~Q(relationships__stage=Stage.CLOSED.value))
    return User.objects.filter(is_active=False).annotate(held=held).filter(held__gt=0).order_by("name", "pk")


def colleagues(giver: User) -> QuerySet[User]:
    """Who may take people over: everybody active who does more than read."""
    return (
        User.objects.filter(is_active=True)
        .exclude(pk=giver.pk)
        .exclude(role=Role.ANALYST.value)
        .order_by("name", "email")
    )


def free_minutes(takers: Sequence[User], *, day: date) -> dict[int, int]:
    """Minutes a day that each has left after the open tasks due by that day; never below nothing."""
    due = Task.objects.filter(owner__in=takers, state=TaskState.OPEN.value, due_on__lte=day)
    spoken_for = dict(due.order_by().values_list("owner").annotate(minutes=Sum("minutes")))
    return {taker.pk: max(0, taker.minutes_per_day - spoken_for.get(taker.pk, 0)) for taker in takers}


def spread(numbers: Sequence[int], weights: Sequence[int]) -> list[int]:
    """For each relationship the place of its taker, in shares that follow the weights, mixed evenly along the list.

    weights  >= 0, not all 0. The shares differ from the exact ones by less than one person (largest remainders).
    """
    total, n = sum(weights), len(numbers)
    shares = [n * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(n * weights[place] % total), place))
    for place in by_remainder[: n - sum(shares)]:
        shares[place] += 1
    turns = [((turn + 0.5) / share, place) for place, share in enumerate(shares) for turn in range(share)]
    return [place for _turn, place in sorted(turns)]


def preview(giver: User, takers: Sequence[User], *, stages: Sequence[Stage] = ()) -> Preview:
    """What `hand_over` would do now. Raises BadInput as it does."""
    held = _held(giver, stages)
    numbers = list(held.order_by("pk").values_list("pk", flat=True))
    free = free_minutes(takers, day=business_day())
    by_taker = _by_taker(numbers, takers, free) if takers else {}
    counted = dict(held.order_by().values_list("stage").annotate(n=Count("pk")))
    tasks = Task.objects.filter(owner=giver, state__in=_OPEN)
    along = tasks.filter(relationship__in=held.values("pk")).count()
    return Preview(
        people=len(numbers),
        by_stage=[(str(stage.label), counted[stage.value]) for stage in Stage if stage.value in counted],
        promises=Promise.objects.filter(state=PromiseState.OPEN.value, relationship__in=held.values("pk")).count(),
        tasks=along,
        left_open=0 if stages else tasks.count() - along,
        shares=[_share(taker, free[taker.pk], by_taker[taker.pk]) for taker in takers],
    )


def hand_over(
    giver_id: int, taker_ids: Sequence[int], *, by: User, stages: Sequence[Stage] = (), until: date | None = None
) -> Handover:
    """Move whom the giver looks after; gives the handover. One colleague takes all, several by their free minutes.

    stages  only people in these; empty: everybody who is not closed for good, and tasks at others' people become
            anybody's
    until   the last day of a leave; None for good
    Raises Refused unless `by` may rule staff, BadInput for a day that is past and colleagues who cannot take over,
    Conflict where there is nobody to move.
    """
    _must_rule_staff(by)
    if until is not None and until < business_day():
        raise BadInput(
            _("%(day)s is past.") % {"day": until}, where="until", remedy=_("Give the last day of the leave.")
        )
    with transaction.atomic():
        giver = _locked(giver_id)
        takers = list(colleagues(giver).filter(pk__in=taker_ids))
        if not takers or len(takers) != len(set(taker_ids)):
            raise BadInput(
                _("It is not clear who takes over."),
                where="to whom",
                remedy=_("Choose colleagues with an open account."),
            )
        numbers = list(_held(giver, stages).select_for_update().order_by("pk").values_list("pk", flat=True))
        if not numbers:
            raise Conflict(_("%(name)s looks after nobody of these.") % {"name": giver})
        free = free_minutes(takers, day=business_day())
        handover = Handover.objects.create(giver=giver, by=by, until=until, stages=[stage.value for stage in stages])
        for taker_id, theirs in _by_taker(numbers, takers, free).items():
            rows = [HandedOver(handover=handover, relationship=number, taker_id=taker_id) for number in theirs]
            HandedOver.objects.bulk_create(rows, batch_size=WRITTEN_AT_ONCE)
            _move(handover, from_=giver.pk, to=taker_id, of=taker_id)
        if not stages:
            # Whoever is away answers no task; without a name it stands on everybody's list.
            Task.objects.filter(owner=giver, state__in=_OPEN).update(owner=None)
        audit.record("staff.handed_over", actor=by, subject=f"user:{giver.pk}", details={
            "handover": handover.pk, "people": len(numbers), "to": sorted(taker.pk for taker in takers),
            "until": until.isoformat() if until else None, "stages": handover.stages,
        })  # fmt: skip
    return handover


def take_back(handover_id: int, *, by: User) -> int:
    """Undo a handover; gives how many came back. Raises Refused, NotFound, Conflict (back already, account closed)."""
    _must_rule_staff(by)
    with transaction.atomic():
        handover = Handover.objects.select_for_update().filter(pk=handover_id).first()
        if handover is None:
            raise NotFound(_("There is no such handover."), where=f"handover {handover_id}")
        if handover.returned_at is not None:
            raise Conflict(_("They have come back already."))
        if not handover.giver.is_active:
            raise Conflict(
                _("%(name)s's account is closed.") % {"name": handover.giver}, remedy=_("Open it again first.")
            )
        return _bring_back(handover, is_undone=True, by=by)


def return_due() -> int:
    """Bring back whoever was handed over for a leave that has ended; gives how many people. Twice does no more.

    Whoever went for good during their leave gets nobody back.
    """
    today, came = business_day(), 0
    due = Handover.objects.filter(returned_at=None, until__lt=today, giver__is_active=True).order_by("pk")
    for number in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            # Asked again under the lock: an owner may have taken them back at the same moment.
            handover = Handover.objects.select_for_update().filter(pk=number, returned_at=None).first()
            if handover is not None:
                came += _bring_back(handover, is_undone=False, by=None)
    return came


def of(giver: User) -> list[dict[str, Any]]:
    """The newest handovers of a member of staff: {"handover", "people", "takers": [(name, n)], "may_return"}."""
    found = list(giver.handovers.select_related("by").order_by("-pk")[:SHOWN])
    counts: dict[int, list[tuple[str, int]]] = {one.pk: [] for one in found}
    rows = HandedOver.objects.filter(handover__in=found).order_by("handover", "taker")
    for number, name, email, n in rows.values_list("handover", "taker__name", "taker__email").annotate(n=Count("pk")):
        counts[number].append((name or email, n))
    return [
        {
            "handover": one,
            "people": sum(n for _name, n in counts[one.pk]),
            "takers": counts[one.pk],
            "may_return": one.returned_at is None and giver.is_active,
        }
        for one in found
    ]


def lent_by(giver: User) -> QuerySet[HandedOver, int]:
    """The numbers of the relationships that colleagues look after until somebody's leave ends."""
    rows = HandedOver.objects.filter(handover__giver=giver, handover__returned_at=None, handover__until__isnull=False)
    return rows.values_list("relationship", flat=True)


def before(relationship: Relationship) -> list[HandedOver]:
    """Who looked after somebody before, the newest handover first: the giver, the day, and until when."""
    rows = HandedOver.objects.filter(relationship=relationship.pk, handover__is_undone=False)
    return list(rows.select_related("handover__giver", "taker").order_by("-handover")[:SHOWN])


def _held(giver: User, stages: Sequence[Stage]) -> QuerySet[Relationship]:
    held = Relationship.objects.filter(owner=giver).exclude(stage=Stage.CLOSED.value)
    return held.filter(stage__in=[stage.value for stage in stages]) if stages else held


def _by_taker(numbers: Sequence[int], takers: Sequence[User], free: dict[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {taker.pk: [] for taker in takers}
    weights = [1] if len(takers) == 1 else [free[taker.pk] for taker in takers]
    if not any(weights):
        raise BadInput(
            _("None of them has a free minute a day."),
            where="to whom",
            remedy=_("Choose one colleague who takes all, or somebody with more minutes a day."),
        )
    for number, place in zip(numbers, spread(numbers, weights), strict=True):
        found[takers[place].pk].append(number)
    return found


def _share(taker: User, free: int, numbers: list[int]) -> Share:
    names = Relationship.objects.filter(pk__in=numbers[:NAMED]).select_related("party").order_by("pk")
    return Share(taker, free, len(numbers), list(names))


def _move(handover: Handover, *, from_: int, to: int, of: int) -> int:
    """Give the rows of one taker (`of`) in a handover from one member of staff to another; gives how many moved.

    Three statements whatever the number of people. Who is in other hands by now stays there.
    """
    numbers = HandedOver.objects.filter(handover=handover, taker=of).values("relationship")
    moved = Relationship.objects.filter(pk__in=numbers, owner=from_).update(owner=to)
    theirs = Relationship.objects.filter(pk__in=numbers, owner=to).values("pk")
    Task.objects.filter(relationship__in=theirs, owner=from_, state__in=_OPEN).update(owner=to)
    # What was held for a colleague on an earlier leave is held by the next one now, and comes back from there.
    held = HandedOver.objects.filter(relationship__in=theirs, taker=from_, handover__lt=handover.pk)
    held.filter(handover__returned_at=None, handover__until__isnull=False).update(taker=to)
    return moved


def _bring_back(handover: Handover, *, is_undone: bool, by: User | None) -> int:
    takers = list(handover.people.order_by().values_list("taker", flat=True).distinct())
    came = sum(_move(handover, from_=taker, to=handover.giver_id, of=taker) for taker in takers)
    handover.returned_at, handover.is_undone = timezone.now(), is_undone
    handover.save(update_fields=["returned_at", "is_undone"])
    audit.record("staff.handed_back", actor=by, subject=f"user:{handover.giver_id}", details={
        "handover": handover.pk, "people": came, "undone": is_undone,
    })  # fmt: skip
    return came


def _must_rule_staff(by: User) -> None:
    if not by.may(Deed.STAFF):
        raise Refused(_("Only an owner may hand over whom a colleague looks after."), rule="role")


def _locked(user_id: int) -> User:
    """The giver, locked: of two handovers at once the second finds nobody left."""
    giver = User.objects.select_for_update().filter(pk=user_id).first()
    if giver is None:
        raise NotFound(_("There is no such account."), where=f"user {user_id}")
    return giver
