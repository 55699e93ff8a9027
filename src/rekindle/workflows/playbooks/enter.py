"""Who enters a plan today, for which occasion; and who does not, and why.

1. every occasion of the plan (`occasions`), each person's by their own day;
2. the plan's conditions, one query each; the first that fails is told;
3. never twice for one occasion, be it by another plan of the family; never into two plans of one family;
4. not those whom a rule that lasts would refuse at every step: never again, closed, no longer living, left alone;
5. where a part is left alone to learn (`holdout`), everybody who would enter is drawn now, and only the others go on;
6. one row a person, with the version, the occasion and the day of the first step, frozen; one audit entry a plan.

Asked again the same day nobody enters twice: the books hold one row an occasion, whoever asks at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.playbooks import Plan
from rekindle.errors import Conflict
from rekindle.journal.models import Enrolment, EnrolmentState, Playbook, PlaybookState, PlaybookVersion
from rekindle.relationships.models import Relationship
from rekindle.words import Word
from rekindle.workflows import audit
from rekindle.workflows.playbooks import books, holdout, occasions
from rekindle.workflows.playbooks.occasions import Found
from rekindle.workflows.why_not import business_zone, facts
from rekindle.workflows.writing import must_write

NAMED: Final = 500  # numbers in one list of a query, under SQLite's limit of parameters
ROWS: Final = 2_000


class Entry(Word):
    """Whether somebody enters a plan; else the first reason why not."""

    ENTERS = "enters", "enters"
    STAGE = "stage", "at another stage"
    TERMS = "terms", "not on such terms with us"
    WANT_BACK = "want_back", "nobody has decided that we would like them back"
    BREAKUP_KINDS = "breakup_kinds", "left in another way"
    REASONS = "reasons", "left for another reason"
    ROLES = "roles", "does not hold such a role"
    LIVES = "lives", "has not been with us so often"
    ALREADY = "already", "has entered for this occasion before"
    OTHER_PLAN = "other_plan", "is under way in a plan of the same family"
    SUPPRESSED = "suppressed", "asked never to be contacted again"
    CLOSED = "closed", "closed for good"
    DECEASED = "deceased", "no longer living"
    HOLDOUT = "holdout", "left alone, so that we learn what a plan does"


@dataclass(frozen=True)
class Candidates:
    """Everybody with an occasion, in the order of their numbers, and what becomes of each."""

    found: tuple[Found, ...]
    entries: tuple[Entry, ...]

    @property
    def counts(self) -> dict[Entry, int]:
        """How many enter, and how many do not for each reason; a reason nobody has is not named."""
        counted = Counter(self.entries)
        return {entry: counted[entry] for entry in Entry if counted[entry]}

    @property
    def entering(self) -> list[Found]:
        """Those who enter."""
        return [one for one, entry in zip(self.found, self.entries, strict=True) if entry is Entry.ENTERS]


def candidates(plan: Plan, *, at: datetime, playbook: Playbook | None = None) -> Candidates:
    """Everybody with an occasion for the plan at an instant, each with a verdict. Reads only.

    playbook  whose plan it is: who entered for the occasion before does not again; None: a plan nobody has entered
    """
    found = sorted(occasions.found(plan, at=at), key=lambda one: (one.relationship, one.at, one.occurrence))
    entries = [Entry.ENTERS] * len(found)
    if not found:
        return Candidates((), ())
    people = {one.relationship for one in found}
    day = at.astimezone(business_zone()).date()
    for name, condition in occasions.conditions(plan.enter.where, on=day):
        holds = _among(condition, people)
        _say(entries, Entry(name), [one.relationship not in holds for one in found])
    if playbook is not None:
        before = _entered(Q(playbook=playbook), people)
        _say(entries, Entry.ALREADY, [(one.relationship, one.occurrence) in before for one in found])
    if plan.family:
        busy = _under_way(plan.family)
        _say(entries, Entry.OTHER_PLAN, [one.relationship in busy for one in found])
        taken: set[int] = set()
        for place, one in enumerate(found):  # two occasions on one day: the first one counts
            if entries[place] is Entry.ENTERS:
                if one.relationship in taken:
                    entries[place] = Entry.OTHER_PLAN
                taken.add(one.relationship)
        # Whoever answered one plan that woos is not asked the same by the next one.
        before = _entered(Q(family=plan.family), people)
        _say(entries, Entry.ALREADY, [(one.relationship, one.occurrence) in before for one in found])
    _lasting(found, entries, at=at)
    return Candidates(tuple(found), tuple(entries))


def enter(playbook: Playbook, *, at: datetime | None = None) -> dict[Entry, int]:
    """Let everybody in who enters now; gives the counts by verdict. A plan that is off or paused lets nobody in."""
    at = at or timezone.now()
    with transaction.atomic():
        row = Playbook.objects.select_for_update().get(pk=playbook.pk)
        version = row.current
        if row.state != PlaybookState.ON.value or version is None:
            return {}
        plan = books.plan(version)
        who = candidates(plan, at=at, playbook=row)
        entering = holdout.split(row, who.entering, at=at)
        for start in range(0, len(entering), ROWS):
            some = [_row(row, version, plan, one, at=at) for one in entering[start : start + ROWS]]
            Enrolment.objects.bulk_create(some, ignore_conflicts=True)
        if entering:
            details = {"version": version.number, "entered": len(entering)}
            audit.record("playbook.entered", actor=None, subject=f"playbook:{row.code}", details=details)
    counts, drawn = Counter(who.entries), len(who.entering) - len(entering)
    counts[Entry.ENTERS] -= drawn
    counts[Entry.HOLDOUT] += drawn
    return {entry: counts[entry] for entry in Entry if counts[entry]}


def everybody(at: datetime | None = None) -> dict[str, dict[str, int]]:
    """For the night: every plan that is on; {code: {verdict: how many}}, plans without an occasion left out."""
    at = at or timezone.now()
    working = Playbook.objects.filter(state=PlaybookState.ON.value).order_by("code")  # of one family the first by name
    counted = {row.code: enter(row, at=at) for row in working}
    return {code: {entry.value: n for entry, n in of.items()} for code, of in counted.items() if of}


def by_hand(relationship: Relationship, code: str, *, by: User, at: datetime | None = None) -> Enrolment:
    """Let one person in by somebody's own decision, today; the same day again gives the same row.

    The plan's occasion is not asked for, its conditions are. Raises Refused, NotFound, and Conflict with the reason
    where the plan is not for them, is off, or they are in a plan of the same family.
    """
    must_write(by)
    at = at or timezone.now()
    row = books.playbook(code)
    version = row.current
    if version is None or row.state != PlaybookState.ON.value:
        raise Conflict("this playbook is not on", where=code, remedy="Turn it on first.")
    plan, day = books.plan(version), at.astimezone(business_zone()).date()
    one = Found(relationship.pk, relationship.party_id, f"hand:{day}", at - timedelta(days=plan.enter.days))
    known = Enrolment.objects.filter(playbook=row, relationship=relationship, occurrence=one.occurrence).first()
    if known is not None:
        return known
    entries = [Entry.ENTERS]
    for name, condition in occasions.conditions(plan.enter.where, on=day):
        _say(entries, Entry(name), [relationship.pk not in _among(condition, {relationship.pk})])
    active = Enrolment.objects.filter(relationship=relationship, state=EnrolmentState.ACTIVE.value)
    _say(entries, Entry.ALREADY, [active.filter(playbook=row).exists()])
    _say(entries, Entry.OTHER_PLAN, [bool(plan.family) and active.filter(family=plan.family).exists()])
    _lasting([one], entries, at=at)
    if entries[0] is not Entry.ENTERS:
        raise Conflict(entries[0].label, where=str(relationship.party), remedy="Choose another playbook.")
    with transaction.atomic():
        fresh = _row(row, version, plan, one, at=at)
        Enrolment.objects.bulk_create([fresh], ignore_conflicts=True)  # a colleague did the same this moment
        kept = Enrolment.objects.filter(playbook=row, relationship=relationship, occurrence=one.occurrence).first()
        if kept is None:
            raise Conflict(Entry.OTHER_PLAN.label, where=str(relationship.party), remedy="Look again.")
        details = {"relationship": relationship.pk, "enrolment": kept.pk}
        audit.record("playbook.entered", actor=by, subject=f"playbook:{code}", details=details)
    return kept


def first_due(plan: Plan, occasion: datetime) -> datetime:
    """When the first step is due, for an occasion at an instant."""
    return (occasion + timedelta(days=plan.enter.days + plan.steps[0].wait_days)).replace(microsecond=0)


def _row(playbook: Playbook, version: PlaybookVersion, plan: Plan, one: Found, *, at: datetime) -> Enrolment:
    return Enrolment(
        playbook=playbook,
        version=version,
        relationship_id=one.relationship,
        family=plan.family,
        occurrence=one.occurrence,
        due_at=first_due(plan, one.at),
        entered_at=at,
        facts={"occasion_at": one.at.isoformat()},
    )


def _say(entries: list[Entry], entry: Entry, applies: Sequence[bool]) -> None:
    """The first reason stands."""
    for place, does in enumerate(applies):
        if does and entries[place] is Entry.ENTERS:
            entries[place] = entry


def _among(condition: Q, people: set[int]) -> set[int]:
    """Who of them meets a condition: by name while they are few, else the whole table is asked once."""
    rows = Relationship.objects.filter(condition)
    if len(people) <= NAMED:
        rows = rows.filter(pk__in=people)
    return set(rows.values_list("pk", flat=True)) & people


def _entered(which: Q, people: set[int]) -> set[tuple[int, str]]:
    rows = Enrolment.objects.filter(which)
    if len(people) <= NAMED:
        rows = rows.filter(relationship__in=people)
    return set(rows.values_list("relationship", "occurrence"))


def _under_way(family: str) -> set[int]:
    rows = Enrolment.objects.filter(state=EnrolmentState.ACTIVE.value, family=family)
    return set(rows.values_list("relationship", flat=True))


def _lasting(found: Sequence[Found], entries: list[Entry], *, at: datetime) -> None:
    """What lasts is asked of the very facts the rules see; a fact not known refuses here too."""
    parties = sorted({one.party for one, entry in zip(found, entries, strict=True) if entry is Entry.ENTERS})
    if not parties:
        return
    people = facts(parties, at=at).people
    for entry in (Entry.SUPPRESSED, Entry.CLOSED, Entry.DECEASED, Entry.HOLDOUT):
        says = people[entry.value].to_pylist()
        refused = {party for party, yes in zip(parties, says, strict=True) if yes is not False}
        _say(entries, entry, [one.party in refused for one in found])
