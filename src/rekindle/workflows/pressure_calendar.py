"""Everything about to reach people, by day, and who has heard a great deal from us lately. Reads only.

1. messages that wait, steps of playbooks that are due, tasks: each source is read in the order of its days, up to READ
   rows; days to remember are told by a list that has its own bound;
2. where a source has more, the page ends with the last day of which everything was read, and the next page begins
   there: nothing is counted and no day is shown by half, unless one day alone has more;
3. pressure is a sum of weights over what was done in 30 days (domain, C11), read from the newest messages and tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Q
from django.utils import timezone

from rekindle.act.playbooks import Do, Plan
from rekindle.errors import BadInput
from rekindle.journal import outbox_queries
from rekindle.journal.models import Enrolment, EnrolmentState, Message, MessageState, PlaybookState, PlaybookVersion
from rekindle.relationships.models import Party, Relationship, Task
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import Channel, Suggestion, TaskState, TouchClass
from rekindle.workflows import playbook_view
from rekindle.workflows.occurrences import Occurrence, occurrences
from rekindle.workflows.playbooks import books
from rekindle.workflows.why_not import business_zone

DAYS: Final = 28
READ: Final = 400
"""Rows of one source on one page: our choice, more than anybody reads."""
PRESSED: Final = 25
NAMES: Final = 5
FOLDED: Final = 100
"""Names of one thing on one day before the others are folded away, and before they are only a number."""
_ORDER: Final = ("message", "step", "task", "milestone")
PRESSURE_DAYS: Final = 30
NEWEST: Final = 50_000
"""So many of the newest messages and tasks are looked at for pressure: a month of a house with 20,000 customers."""
WEIGHTS: Final = {
    Channel.CALL: 3.0,
    Channel.LETTER: 2.0,
    Channel.SMS: 2.0,
    Channel.EMAIL: 1.0,
    Channel.SOCIAL: 0.5,
    Channel.IN_PERSON: 0.0,
}
"""Of one touch (domain, C11). Who stands at our desk came to us."""
LIMIT: Final = 6.0
LIMIT_ENDED: Final = 2.0
"""From here on somebody is pressed: six e-mails a month, as the caps of the rules have it; one letter or two e-mails
for those who left."""
_OWED: Final = (TouchClass.TRANSACTIONAL.value, TouchClass.LEGAL.value)
_OPEN_TASKS: Final = (TaskState.OPEN.value, TaskState.LATER.value)


@dataclass(frozen=True)
class Asked:
    """What the calendar is asked for. first: the first day, None is today; owner: a member of staff's number."""

    first: date | None = None
    party: int | None = None
    owner: int | None = None
    touch_class: TouchClass | None = None


@dataclass(frozen=True)
class Item:
    """One thing that reaches one person on a day. what: message, step, task or milestone; number: its row; code: the
    playbook's, for a step."""

    day: date
    what: str
    party: int
    name: str
    text: str
    channel: Channel | None = None
    touch_class: TouchClass | None = None
    number: int | None = None
    code: str = ""
    plan: str = ""
    is_overdue: bool = False

    @property
    def wash(self) -> str:
        if self.what == "milestone":
            return "note"
        return playbook_view.WASH_OF_CLASS[self.touch_class] if self.touch_class else "quiet"


@dataclass(frozen=True)
class Bundle:
    """What is the same for several people on one day: the first names, the others, and how many more than those."""

    of: Item
    names: tuple[Item, ...]
    others: tuple[Item, ...]
    more: int

    @property
    def folded(self) -> int:
        """How many are not among the first names."""
        return len(self.others) + self.more


@dataclass(frozen=True)
class Calendar:
    """Days that have something, in order. last: the last day shown; next: where the next page begins, None at the end
    of the 28 days; is_cut: the first day alone has more than is shown; too_many_milestones: they are left out."""

    first: date
    last: date
    days: tuple[tuple[date, tuple[Bundle, ...]], ...]
    next: date | None
    is_cut: bool
    too_many_milestones: bool


@dataclass(frozen=True)
class Pressed:
    """Somebody who has heard a great deal. pressure: the sum of weights in 30 days; limit: what is a great deal."""

    party: int
    name: str
    pressure: float
    limit: float
    touches: int


@dataclass
class _Source:
    """Items of one source in the order of their days, and whether there are more behind the last one."""

    items: list[Item] = field(default_factory=list)
    last_read: date | None = None
    is_cut: bool = False


def calendar(asked: Asked, *, at: datetime | None = None, language: str = "en") -> Calendar:
    """One page of the calendar. Raises BadInput for a first day before today or beyond a year."""
    at, zone = at or timezone.now(), business_zone()
    today = at.astimezone(zone).date()
    first = asked.first or today
    if not today <= first <= today + timedelta(days=366):
        raise BadInput(f"the calendar cannot begin on {first}", remedy="Choose a day from today to a year ahead.")
    last = first + timedelta(days=DAYS - 1)
    falling, too_many = _falling(first, asked, zone=zone)
    sources = [
        _messages(first, last, today, asked, zone=zone),
        _steps(first, last, today, asked, zone=zone, language=language),
        _tasks(first, last, today, asked),
        falling,
    ]
    cuts = [source.last_read for source in sources if source.is_cut and source.last_read is not None]
    is_cut = False
    following: date | None = None
    if cuts:
        cut = min(cuts)
        is_cut = cut <= first
        last = first if is_cut else cut - timedelta(days=1)
        following = last + timedelta(days=1)
    by_day: dict[date, list[Item]] = defaultdict(list)
    for source in sources:
        for item in source.items:
            if item.day <= last:
                by_day[item.day].append(item)
    days = tuple((day, _bundled(by_day[day])) for day in sorted(by_day))
    return Calendar(first, last, days, following, is_cut, too_many)


def _bundled(items: Iterable[Item]) -> tuple[Bundle, ...]:
    """What reaches people comes before what is only to be remembered; a few names stand for many."""
    same: dict[tuple[Any, ...], list[Item]] = defaultdict(list)
    for one in items:
        same[(_ORDER.index(one.what), one.plan, one.text, one.channel, one.touch_class, one.is_overdue)].append(one)
    found = []
    for _key, theirs in sorted(same.items(), key=lambda pair: (pair[0][0], str(pair[0][1]), str(pair[0][2]))):
        theirs.sort(key=lambda one: (one.name.casefold(), one.party))
        found.append(
            Bundle(theirs[0], tuple(theirs[:NAMES]), tuple(theirs[NAMES:FOLDED]), max(0, len(theirs) - FOLDED))
        )
    return tuple(found)


def pressed(*, owner: int | None = None, party: int | None = None, at: datetime | None = None) -> list[Pressed]:
    """Those above their limit, the most pressed first, up to PRESSED; one person asked for is given at any pressure."""
    at = at or timezone.now()
    since = at - timedelta(days=PRESSURE_DAYS)
    sums: dict[int, float] = defaultdict(float)
    touches: dict[int, int] = defaultdict(int)
    for number, channel, n in [*_written(since, at, party=party), *_done(since, at, party=party)]:
        sums[number] += WEIGHTS.get(Channel(channel), 1.0) * n
        touches[number] += n
    if party is not None:
        wanted = [party] if party in sums else []
    else:
        wanted = sorted((one for one in sums if sums[one] > LIMIT_ENDED), key=lambda one: (-sums[one], one))
    found: list[Pressed] = []
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        rows = Relationship.objects.filter(party__in=some).select_related("party").order_by("pk")
        if owner is not None:
            rows = rows.filter(owner=owner)
        standing = {row.party_id: row for row in rows}
        for number in some:
            row = standing.get(number)
            if row is None:
                continue
            limit = LIMIT_ENDED if row.stage in {stage.value for stage in AFTER_END} else LIMIT
            if party is not None or sums[number] > limit:
                found.append(Pressed(number, str(row.party), sums[number], limit, touches[number]))
        if len(found) >= PRESSED:
            break
    return found[:PRESSED]


def _written(since: datetime, at: datetime, *, party: int | None) -> Iterator[tuple[int, str, int]]:
    rows = outbox_queries.reached().exclude(touch_class__in=_OWED)
    if party is not None:
        rows = rows.filter(party=party)
    else:
        newest = Message.objects.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1].first()
        rows = rows.filter(pk__gt=newest or 0, party__isnull=False)
    rows = rows.filter(handed_at__gt=since, handed_at__lte=at)
    yield from rows.order_by().values_list("party", "channel").annotate(n=Count("pk"))


def _done(since: datetime, at: datetime, *, party: int | None) -> Iterator[tuple[int, str, int]]:
    rows = Task.objects.filter(state=TaskState.DONE.value, answered_at__gt=since, answered_at__lte=at)
    if party is not None:
        rows = rows.filter(relationship__party=party)
    else:
        newest = Task.objects.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1].first()
        rows = rows.filter(pk__gt=newest or 0)
    rows = rows.exclude(touch_class__in=_OWED)
    yield from rows.order_by().values_list("relationship__party", "channel").annotate(n=Count("pk"))


def _messages(first: date, last: date, today: date, asked: Asked, *, zone: ZoneInfo) -> _Source:
    rows = Message.objects.filter(
        state=MessageState.QUEUED.value, party__isnull=False, not_before__lt=_after(last, zone)
    )
    if first > today:
        rows = rows.filter(not_before__gte=_begin(first, zone))
    if asked.party is not None:
        rows = rows.filter(party=asked.party)
    if asked.owner is not None:
        rows = rows.filter(party__in=Relationship.objects.filter(owner=asked.owner).values("party"))
    if asked.touch_class is not None:
        rows = rows.filter(touch_class=asked.touch_class.value)
    found = _Source()
    ordered = rows.select_related("party").defer("text", "html").order_by("not_before", "pk")
    for row in _read(ordered, found, day=lambda one: max(one.not_before.astimezone(zone).date(), first)):
        day = max(row.not_before.astimezone(zone).date(), first)
        found.items.append(
            Item(day, "message", row.party_id, str(row.party), row.subject, Channel(row.channel),
                 TouchClass(row.touch_class), row.pk)
        )  # fmt: skip
    return found


def _steps(first: date, last: date, today: date, asked: Asked, *, zone: ZoneInfo, language: str) -> _Source:
    rows = Enrolment.objects.filter(
        state=EnrolmentState.ACTIVE.value, due_at__lt=_after(last, zone), playbook__state=PlaybookState.ON.value
    )
    if first > today:
        rows = rows.filter(due_at__gte=_begin(first, zone))
    if asked.party is not None:
        rows = rows.filter(relationship__party=asked.party)
    if asked.owner is not None:
        rows = rows.filter(relationship__owner=asked.owner)
    found = _Source()
    ordered = rows.select_related("relationship__party", "playbook").order_by("due_at", "pk")
    read = list(_read(ordered, found, day=lambda one: max(one.due_at.astimezone(zone).date(), first)))
    versions = PlaybookVersion.objects.filter(pk__in={row.version_id for row in read})
    plans = {version.pk: books.plan(version) for version in versions}
    titles = playbook_view.letter_titles(
        [code for plan in plans.values() for code in plan.letters], language=language
    )  # fmt: skip
    classes = books.letter_classes() if read else {}
    for row in read:
        item = _step_item(row, plans[row.version_id], titles, classes, first=first, zone=zone, language=language)
        if item is not None and (asked.touch_class is None or item.touch_class is asked.touch_class):
            found.items.append(item)
    return found


def _step_item(
    row: Enrolment, plan: Plan, titles: Any, classes: Any, *, first: date, zone: ZoneInfo, language: str
) -> Item | None:
    """None where nobody hears of it: silence, or nothing more to come."""
    if row.step >= len(plan.steps) or plan.steps[row.step].do is Do.SILENCE:
        return None
    step, party = plan.steps[row.step], row.relationship.party
    touch_class = step.touch_class if step.do is Do.TASK else classes.get(step.letter)
    text = titles.get(step.letter, step.letter) or (step.task.label if step.task else "")
    day = max(row.due_at.astimezone(zone).date(), first)
    return Item(
        day, "step", party.pk, str(party), text, step.channel, touch_class, row.pk, row.playbook.code,
        plan.said("title", language),
    )  # fmt: skip


def _tasks(first: date, last: date, today: date, asked: Asked) -> _Source:
    rows = Task.objects.filter(state__in=_OPEN_TASKS, due_on__lte=last)
    rows = rows.exclude(suggestion=Suggestion.NOTHING.value)  # whom a decision leaves in peace nothing reaches
    if first > today:
        rows = rows.filter(due_on__gte=first)
    if asked.party is not None:
        rows = rows.filter(relationship__party=asked.party)
    if asked.owner is not None:
        rows = rows.filter(Q(owner=asked.owner) | Q(owner=None, relationship__owner=asked.owner))
    if asked.touch_class is not None:
        rows = rows.filter(touch_class=asked.touch_class.value)
    found = _Source()
    ordered = rows.select_related("relationship__party").order_by("due_on", "pk")
    for row in _read(ordered, found, day=lambda one: max(one.due_on, first)):
        party = row.relationship.party
        found.items.append(
            Item(max(row.due_on, first), "task", party.pk, str(party), row.get_suggestion_display(),
                 Channel(row.channel), TouchClass(row.touch_class), row.pk, is_overdue=row.due_on < today)
        )  # fmt: skip
    return found


def _falling(first: date, asked: Asked, *, zone: ZoneInfo) -> tuple[_Source, bool]:
    """Days to remember; they reach somebody only by a message or a task, so a class other than theirs hides them."""
    found = _Source()
    if asked.touch_class not in (None, TouchClass.RELATIONSHIP):
        return found, False
    try:
        falling: list[Occurrence] = occurrences(at=datetime.combine(first, time(12), zone), days=DAYS)
    except BadInput:
        return found, True
    if asked.party is not None:
        falling = [one for one in falling if one.party_id == asked.party]
    if asked.owner is not None:
        theirs = _looked_after({one.party_id for one in falling}, owner=asked.owner)
        falling = [one for one in falling if one.party_id in theirs]
    for one in falling:
        text = one.title or one.kind.label
        if one.years:
            text = f"{text}, {one.years} {'year' if one.years == 1 else 'years'}"
        found.items.append(Item(max(one.on, first), "milestone", one.party_id, one.name, text, number=one.milestone))
    return found, False


def _looked_after(parties: set[int], *, owner: int) -> set[int]:
    numbers, found = sorted(parties), set[int]()
    for start in range(0, len(numbers), 500):
        rows = Relationship.objects.filter(party__in=numbers[start : start + 500], owner=owner)
        found |= set(rows.values_list("party", flat=True))
    return found


def _read(rows: Any, found: _Source, *, day: Any) -> Iterable[Any]:
    read = list(rows[: READ + 1])
    found.is_cut = len(read) > READ
    shown = read[:READ]
    if shown:
        found.last_read = day(shown[-1])
    return shown


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _after(day: date, zone: ZoneInfo) -> datetime:
    return _begin(day + timedelta(days=1), zone)


def party_named(number: int) -> Party | None:
    """Whom the calendar is asked about."""
    return Party.objects.filter(pk=number).first()
