"""Past clients whom we dropped in silence: parted in peace, a lawful road to them, and nothing from us for a year.

1. by sets: over for a year or longer, on good or neutral terms, living, nobody's work under way, nobody against them,
   and in a year no message that reached them, no task done, no note of a talk
2. in parts, the gate: a letter or a mail of ours would be lawful, whatever it says about hours and decisions of ours
3. each with what is missing; `ask_again` gives a human the question whether we would like them back. Nothing is sent

Reading costs by the part: LOOKED_AT candidates at most are put to the gate for one page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.errors import BadInput
from rekindle.journal.models import Enrolment, EnrolmentState
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Breakup, Note, Relationship, Task, WantBackDecision
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import (
    Channel,
    Contact,
    Suggestion,
    TaskSource,
    TaskState,
    Terms,
    TouchClass,
    WantBack,
)
from rekindle.words import Word
from rekindle.workflows import audit
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import must_write

SILENT_DAYS: Final = 365
"""A year without a word: every season in which one would have had a reason to write has passed. Our choice."""
LOOKED_AT: Final = 2_000
AT_ONCE: Final = 500
AT_MOST: Final = 200
"""People in one deed. More is a campaign, and nobody would answer the questions. Our choice."""

_OVER: Final = tuple(stage.value for stage in AFTER_END)
"""A presumed end is none of these: first a human says whether it is one."""
_WORK: Final = (TaskState.OPEN.value, TaskState.LATER.value)
_ROADS: Final = (Channel.EMAIL, Channel.LETTER)
_LAWFUL: Final = frozenset(
    RULES.index(rule) for rule in (Rule.ALLOWED, Rule.WANT_BACK, Rule.TOUCH_CAP, Rule.TOUCH_GAP, Rule.QUIET_HOURS)
)
"""Refusals that our own decisions or the hour alone stand behind: law and wishes have said nothing against it."""


class Missing(Word):
    """Why nothing happened with somebody we parted from in peace."""

    NEVER_ASKED = "never_asked", "nobody has said whether we would like them back"
    WANTED = "wanted", "wanted back, and nothing came of it"
    MAYBE = "maybe", "the day to look at them again has passed"


@dataclass(frozen=True)
class Dropped:
    """One of them, with what is missing."""

    relationship: Relationship
    missing: Missing


def page(*, after: int = 0, limit: int, at: datetime | None = None) -> tuple[list[Dropped], int | None]:
    """Up to `limit` of them by number, from behind one on; and behind which number the next page begins, None at the
    end. A page may be short, or empty, and have a next one: LOOKED_AT.
    """
    at = at or timezone.now()
    found: list[Dropped] = []
    looked = 0
    while looked < LOOKED_AT:
        some = list(_candidates(at).filter(pk__gt=after).select_related("party", "owner").order_by("pk")[:AT_ONCE])
        for one in _reachable(some, at=at):
            found.append(Dropped(one, Missing(one.missing)))
            if len(found) == limit:
                is_last = one.pk == some[-1].pk and len(some) < AT_ONCE
                return found, None if is_last else one.pk
        if len(some) < AT_ONCE:
            return found, None
        after, looked = some[-1].pk, looked + len(some)
    return found, after


def counts(*, at: datetime | None = None) -> tuple[dict[Missing, int], bool]:
    """How many of each among the first LOOKED_AT candidates, and whether these are all candidates there are."""
    at = at or timezone.now()
    rows = list(_candidates(at).order_by("pk")[: LOOKED_AT + 1])
    found = dict.fromkeys(Missing, 0)
    for start in range(0, min(len(rows), LOOKED_AT), AT_ONCE):
        for one in _reachable(rows[start : min(start + AT_ONCE, LOOKED_AT)], at=at):
            found[Missing(one.missing)] += 1
    return found, len(rows) <= LOOKED_AT


def ask_again(numbers: Collection[int], *, by: User) -> int:
    """For each of these who is still dropped, the question whether we would like them back, as a task; how many.

    It goes to whoever looks after them, with an open account, else to whoever is free. Asking twice asks once.
    Raises Refused for a role that only reads, BadInput for nobody or for more than AT_MOST.
    """
    must_write(by)
    if not numbers or len(numbers) > AT_MOST:
        raise BadInput(
            f"{len(numbers):,} people are chosen",
            remedy=f"Choose at least one person and at most {AT_MOST:,} at a time.",
        )
    at, today = timezone.now(), business_day()
    with transaction.atomic():
        held = list(Relationship.objects.select_for_update().filter(pk__in=numbers).values_list("pk", flat=True))
        # Asked again under the lock: who was given a task since is left out.
        some = list(_candidates(at).filter(pk__in=held).select_related("owner").order_by("pk"))
        chosen = _reachable(some, at=at)
        Task.objects.bulk_create(
            Task(
                relationship=one,
                # They did not speak to us, and the night takes back whatever it did not suggest itself.
                source=TaskSource.PLAYBOOK.value,
                owner=one.owner if one.owner and one.owner.is_active else None,
                suggestion=Suggestion.NOTHING.value,
                touch_class=TouchClass.SERVICE.value,
                channel=Channel.IN_PERSON.value,
                why_now=[
                    "We parted in peace, and they have heard nothing from us for a year or longer.",
                    "Nothing is to be said to them now; decide on the endings desk whether we would like them back.",
                ],
                minutes=5,
                made_on=today,
                due_on=today,
            )
            for one in chosen
        )
        if chosen:
            audit.record("dropped.asked_again", actor=by, details={"relationships": [one.pk for one in chosen]})
    return len(chosen)


def _candidates(at: datetime) -> QuerySet[Any]:
    """Whom no work, no word and no decision holds, each with what is `missing`; the gate has not been asked."""
    since, today = at - timedelta(days=SILENT_DAYS), business_day()
    mine = OuterRef("pk")
    newest = WantBackDecision.objects.filter(relationship=mine).order_by("-id")
    told = reached().filter(party=OuterRef("party"))
    spoke = (
        Exists(told.filter(Q(handed_at__gte=since) | Q(handed_at=None, final_at__gte=since))),
        Exists(Task.objects.filter(relationship=mine, state=TaskState.DONE.value, answered_at__gte=since)),
        Exists(Note.objects.filter(relationship=mine, by__isnull=False, at__gte=since)),
        Exists(Task.objects.filter(relationship=mine, state__in=_WORK)),
        Exists(Enrolment.objects.filter(relationship=mine, state=EnrolmentState.ACTIVE.value)),
    )
    rows = Relationship.objects.filter(
        stage__in=_OVER,
        stage_since__lte=today - timedelta(days=SILENT_DAYS),
        terms__in=[Terms.GOOD.value, Terms.NEUTRAL.value],
        party__deceased_on=None,
    ).exclude(contact=Contact.SILENT.value)
    rows = rows.filter(Exists(Breakup.objects.filter(relationship=mine, withdrawn_at=None)))
    rows = rows.annotate(
        answer=Subquery(newest.values("answer")[:1]), review_on=Subquery(newest.values("review_on")[:1])
    ).filter(*(~one for one in spoke))
    is_no = Q(answer=WantBack.NO.value)
    # NULL is neither equal nor unequal: who was never asked has to be let in by name.
    waits = Q(answer=WantBack.MAYBE.value, review_on__gte=today)
    rows = rows.filter(Q(answer=None) | ~is_no).filter(Q(answer=None) | Q(review_on=None) | ~waits)
    return rows.annotate(
        missing=Case(
            When(answer=WantBack.YES.value, then=Value(Missing.WANTED.value)),
            When(answer=WantBack.MAYBE.value, then=Value(Missing.MAYBE.value)),
            default=Value(Missing.NEVER_ASKED.value),
            output_field=CharField(),
        )
    )


def _reachable(some: Sequence[Any], *, at: datetime) -> list[Any]:
    """Those to whom a mail or a letter of ours would be lawful."""
    if not some:
        return []
    gathered = facts([one.party_id for one in some], at=at)
    may = [False] * len(some)
    for road in _ROADS:
        verdict = eligibility.check(gathered, touch_class=TouchClass.RELATIONSHIP, channel=road, at=at, hour=False)
        may = [before or int(rule) in _LAWFUL for before, rule in zip(may, verdict.rule, strict=True)]
    return [one for one, is_open in zip(some, may, strict=True) if is_open]
