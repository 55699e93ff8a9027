"""What is due in the plans is done, once: one pass over everybody, in columns wherever nobody hears from us.

1. whoever an exit applies to leaves, due or not; tasks of plans that nobody answered in their time are taken back;
2. who stands at a step in which nothing is said, or that is not for them, goes past it, thousands at a time;
3. the rules of contact are asked about everybody whose touch is due, with one gathering of facts;
4. a no that changes by itself in the step's time puts the step off; one that lasts passes it over, and is kept;
5. whom the rules allow gets their touch, one transaction a person (`taking`); the outbox asks the rules again.

Cut off anywhere and run again, or run twice at once, it does nothing twice: a step is noted once for a person, a
message has one key, and only who still stands at a step goes past it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import Count, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from rekindle.act.playbooks import WRITTEN, Do, OnlyIf, Plan, Step
from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.journal.models import Enrolment, EnrolmentState, EnrolmentStep, PlaybookState, PlaybookVersion
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import Channel, TaskSource, TaskState, TouchClass
from rekindle.workflows import audit, bulk
from rekindle.workflows.playbooks import books, exits, rows, taking
from rekindle.workflows.why_not import facts

ROUNDS: Final = 24
"""As many steps as a plan may have: several of them may be due on one day."""
AT_ONCE: Final = 1_000_000
"""People about whom the rules are asked with one gathering: some 300 bytes each."""
A_DAY: Final = timedelta(days=1)
_PACED: Final = 500
_LASTING: Final = frozenset({Rule.SUPPRESSED, Rule.CLOSED_OR_DECEASED})
"""Not only this step: no later one would be allowed either."""
_GONE: Final = "its time has passed"


@dataclass(frozen=True)
class _Group:
    """Everybody who stands at one step of one version and whose step is due."""

    version: int
    plan: Plan
    step: Step

    def rows(self, at: datetime) -> QuerySet[Enrolment]:
        return _standing(at).filter(version=self.version, step=self.step.number)


@dataclass(frozen=True)
class _Due:
    """Touches of one group that are due: enrolments, their parties and since when each is due, row by row."""

    group: _Group
    enrolments: NDArray[np.int64]
    parties: NDArray[np.int64]
    since: tuple[datetime, ...]


def run_due(at: datetime | None = None, *, everybody: bool = True) -> dict[str, int]:
    """Do what is due at an instant; gives how many left, and how many steps came to which outcome, and how many wait.

    everybody  whether those whose step is not due are looked at for exits too, as a night does; the worker, which
               comes each minute, looks at those whose step is due
    """
    at = at or timezone.now()
    counts: Counter[str] = Counter()
    if not everybody and not _standing(at).exists():
        return {}
    plans = _plans()
    counts["left"] = exits.sweep(plans, at=at, only_due=not everybody)
    if everybody:
        counts["withdrawn"] = _take_back_tasks(at=at)
    classes = books.letter_classes()
    for _round in range(ROUNDS):
        groups = list(_groups(plans, at=at))
        if not groups:
            break
        due: list[_Due] = []
        for group in groups:
            touches = _past_in_columns(group, at=at, counts=counts)
            if touches is not None:
                due.append(touches)
        _touch(due, classes, at=at, counts=counts)
    told = {name: n for name, n in sorted(counts.items()) if n}
    if told:
        audit.record("playbooks.advanced", actor=None, details=told)
    return told


def _plans() -> dict[int, Plan]:
    """What each version says in which somebody is under way, by its number."""
    in_use = Enrolment.objects.filter(state=EnrolmentState.ACTIVE.value).values("version").distinct()
    return {version.pk: books.plan(version) for version in PlaybookVersion.objects.filter(pk__in=in_use)}


def _groups(plans: dict[int, Plan], *, at: datetime) -> Iterator[_Group]:
    due = _standing(at)
    for version, step in (
        due.order_by().values_list("version", "step").annotate(n=Count("pk")).values_list("version", "step")
    ):
        plan = plans.get(version)
        if plan is not None and step < len(plan.steps):  # who entered this very minute is next minute's
            yield _Group(version, plan, plan.steps[step])


def _standing(at: datetime) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(
        state=EnrolmentState.ACTIVE.value, due_at__lte=at, playbook__state=PlaybookState.ON.value
    )


def _past_in_columns(group: _Group, *, at: datetime, counts: Counter[str]) -> _Due | None:
    """Let everybody go past a step that says nothing to them; gives those whom it would reach."""
    step, standing = group.step, group.rows(at)
    if step.do is Do.SILENCE:
        (numbers,) = bulk.read(standing, "pk")
        counts["silence"] += _silence(group, numbers, why="", at=at)
        return None
    numbers, parties, since, reasons = bulk.read(standing, "pk", "relationship__party_id", "due_at", "reason")
    if not numbers:
        return None
    fits = np.ones(len(numbers), dtype=np.bool_)
    if step.only_if is not OnlyIf.ALWAYS:
        answered = exits.engaged(standing)
        wanted = step.only_if is OnlyIf.ENGAGED
        fits = np.fromiter(((number in answered) is wanted for number in numbers), dtype=np.bool_, count=len(numbers))
        others = np.asarray(numbers, dtype=np.int64)[~fits].tolist()
        counts["silence"] += _silence(group, others, why=step.only_if.label, at=at)
    if not fits.any():
        return None
    first = _first_due(group, [n for n, reason in zip(numbers, reasons, strict=True) if reason])
    return _Due(
        group,
        np.asarray(numbers, dtype=np.int64)[fits],
        np.asarray(parties, dtype=np.int64)[fits],
        tuple(
            first.get(number) or _aware(when)
            for number, when, fit in zip(numbers, since, fits.tolist(), strict=True)
            if fit
        ),
    )


def _silence(group: _Group, numbers: Sequence[int], *, why: str, at: datetime) -> int:
    with bulk.in_earnest():
        return rows.past(numbers, group.plan, group.step.number, outcome="silence", why=why, at=at)


def _first_due(group: _Group, numbers: list[int]) -> dict[int, datetime]:
    """Of those put off before: since when their step waits."""
    name = f"{rows.WAITS}{group.step.number}"
    found: dict[int, datetime] = {}
    for some in rows.slices(numbers, size=500):
        for number, known in Enrolment.objects.filter(pk__in=some).values_list("pk", "facts"):
            if name in known:
                found[number] = datetime.fromisoformat(known[name])
    return found


def _touch(due: Sequence[_Due], classes: Any, *, at: datetime, counts: Counter[str]) -> None:
    """Ask the rules about all of them with one gathering of facts, and do what they say."""
    if not due:
        return
    people = np.unique(np.concatenate([one.parties for one in due]))
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        gathered = facts(some, at=at)
        answers: dict[tuple[TouchClass, Channel], eligibility.Verdict] = {}
        for one in due:
            step = one.group.step
            touch_class = step.touch_class if step.do is Do.TASK else classes.get(step.letter)
            of = np.flatnonzero((one.parties >= some[0]) & (one.parties <= some[-1]))
            if touch_class is None or step.channel is None:
                numbers = one.enrolments[of].tolist()
                counts["lacking"] += rows.past(
                    numbers, one.group.plan, step.number, outcome=taking.LACKING,
                    why=f"there is no letter {step.letter!r}", at=at,
                )  # fmt: skip
                continue
            asked = (touch_class, step.channel)
            if asked not in answers:
                answers[asked] = eligibility.check(
                    gathered, touch_class=touch_class, channel=step.channel, at=at, hour=False
                )
            _obey(one, of, np.searchsorted(some, one.parties[of]), answers[asked], at=at, counts=counts)


def _obey(
    one: _Due,
    of: NDArray[np.intp],
    people: NDArray[np.intp],
    answer: eligibility.Verdict,
    *,
    at: datetime,
    counts: Counter[str],
) -> None:
    """Refused: put off, passed over or out, in columns. Allowed: one by one."""
    plan, step = one.group.plan, one.group.step
    rule, until = answer.rule[people], answer.until[people]
    for code in np.unique(rule):
        name = RULES[int(code)]
        here = np.flatnonzero(rule == code)
        numbers = one.enrolments[of[here]]
        if name is Rule.ALLOWED:
            _allowed(one, of[here].tolist(), at=at, counts=counts)
            continue
        if name in _LASTING:
            counts["left"] += rows.out(numbers.tolist(), why=name.label, at=at)
            continue
        ends = np.array(
            [(one.since[place] + timedelta(days=step.expires_days)).replace(tzinfo=None) for place in of[here]],
            dtype="datetime64[us]",
        )
        waits = until[here] <= ends  # NaT compares False: a no without an end lasts
        put_off = [
            (int(numbers[place]), max(_aware(until[here][place].item()), at + timedelta(seconds=1)),
             one.since[of[here][place]], f"waits: {name.value}")
            for place in np.flatnonzero(waits)
        ]  # fmt: skip
        rows.put_off(put_off, step.number)
        counts["waiting"] += len(put_off)
        with bulk.in_earnest():
            counts["refused"] += rows.past(
                numbers[~waits].tolist(), plan, step.number, outcome="refused", why=name.value, at=at
            )


def _allowed(one: _Due, places: Sequence[int], *, at: datetime, counts: Counter[str]) -> None:
    """One by one; what they did themselves, from which hour and day are chosen, is read for many at once."""
    writes = one.group.step.do in WRITTEN
    for some in rows.slices(places, size=_PACED):
        paces = _paces(one.parties[list(some)], at=at) if writes else {}
        for place in some:
            number, since = int(one.enrolments[place]), one.since[place]
            _take(number, one, since=since, pace=paces.get(int(one.parties[place])), at=at, counts=counts)


def _paces(parties: NDArray[np.int64], *, at: datetime) -> dict[int, Mapping[str, Any]]:
    from rekindle.workflows.words.pacing_books import (
        pacing_of,
    )  # the columnar engine, only where somebody is written to

    return {row["party_id"]: row for row in pacing_of(parties.tolist(), at=at).to_pylist()}


def _take(
    number: int, one: _Due, *, since: datetime, pace: Mapping[str, Any] | None, at: datetime, counts: Counter[str]
) -> None:
    step = one.group.step
    taken = taking.take(number, one.group.plan, step, since=since, pace=pace, at=at)
    if taken.outcome != taking.BUSY:
        counts[taken.outcome] += bool(taken.outcome)
    elif at + A_DAY <= since + timedelta(days=step.expires_days):
        rows.put_off([(number, at + A_DAY, since, taken.why)], step.number)
        counts["waiting"] += 1
    else:
        counts["lacking"] += rows.past(
            [number], one.group.plan, step.number, outcome=taking.LACKING, why=taken.why, at=at
        )


def _take_back_tasks(*, at: datetime) -> int:
    """A task that nobody did in its time is taken back: the next step comes all the same, or came already."""
    open_ones = Task.objects.filter(
        source=TaskSource.PLAYBOOK.value, state__in=[TaskState.OPEN.value, TaskState.LATER.value]
    )
    steps = EnrolmentStep.objects.filter(
        enrolment__relationship__in=open_ones.values("relationship"), outcome="task", task__in=open_ones.values("pk")
    )
    laid = list(steps.values_list("enrolment__version", "step", "at", "task"))
    versions = PlaybookVersion.objects.in_bulk({version for version, *_ in laid})
    plans = {number: books.plan(version) for number, version in versions.items()}
    old = [
        task
        for version, step, since, task in laid
        if task is not None and since < at - timedelta(days=plans[version].steps[step].expires_days)
    ]
    taken_back = 0
    for some in rows.slices(old, size=500):
        taken_back += open_ones.filter(pk__in=some).update(state=TaskState.WITHDRAWN.value, answer=_GONE)
    return taken_back


def _aware(value: Any) -> datetime:
    """An instant as the books give it to columns: text in UTC from SQLite, an aware one from PostgreSQL."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
