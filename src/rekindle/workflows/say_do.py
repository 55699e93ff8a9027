"""What our rules promise, beside what the log proves we did in one month.

Each line: how many times the promise fell due, how often it was kept, the 80 % Wilson interval, and the worst cases
by name. A promise that never fell due is "not known", never kept by silence. Reading only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, QuerySet

from rekindle.decide.pressure import CAPS, ENDED, LIVE, MARKETING, OWED
from rekindle.journal.models import Inbound, InboundKind, Playbook, PlaybookState
from rekindle.relationships.models import Breakup, Consent, CoolingOff, ExitInterview, Promise, Task
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Commercial,
    Initiator,
    PromiseState,
    Stage,
    TaskState,
    TouchClass,
)
from rekindle.workflows import money_independence
from rekindle.workflows.touches_seen import human_words, messages_between, messages_to
from rekindle.workflows.why_not import business_zone

ANSWER_DAYS: Final = 2
"""An answer within two days: our choice; a house that promises otherwise changes it here."""
LETTER_DAYS: Final = 3
"""The thank-you letter leaves the day after; two more days are a weekend."""
REPLY_DAYS: Final = 14
"""Who writes to us in the quiet may be answered for so long (domain, C7)."""
WORST: Final = 5
AT_MOST: Final = 20_000
"""Cases of one line read in one month; beyond this the interval no longer moves. Our choice."""
LETTER_PLAN: Final = "thank_you_letter"
_IN_QUIET: Final = [*(one.value for one in OWED), TouchClass.SERVICE.value]


@dataclass(frozen=True)
class Line:
    """One promise in one month. `worst` is (party, name, days) of cases not kept; days None where there is no length.

    unknown  why there is no share, as a code: nothing fell due, or the plan that would do it is off
    """

    code: str
    kept: int
    of: int
    worst: tuple[tuple[int, str, int | None], ...] = ()
    unknown: str = ""

    def as_facts(self) -> dict[str, Any]:
        """Plain values for the night and the page; the share and its bounds are None where nothing fell due."""
        from rekindle.understand.sign_record import wilson

        share = self.kept / self.of if self.of else None
        low, high = wilson(share, n=self.of) if share is not None else (None, None)
        return {
            "code": self.code, "kept": self.kept, "of": self.of, "share": share, "low": low, "high": high,
            "worst": [list(one) for one in self.worst], "unknown": self.unknown or ("" if self.of else "none_due"),
        }  # fmt: skip


def audit_of(month: date, *, at: datetime) -> dict[str, Any]:
    """One month as plain values: every line, money-independence, and the share of touches that ask for nothing.

    month  any day of it; at: now, for what has not had its time yet
    """
    zone = business_zone()
    first = month.replace(day=1)
    start, end = _begins(first, zone=zone), _begins((first + timedelta(days=32)).replace(day=1), zone=zone)
    lines = (
        _quiet(start, end), _letter(start, end, at=at), _interview(start, end), _promises(first, end, zone=zone, at=at),
        _replies(start, end, at=at), _unsubscribed(start, end), _caps(start, end),
    )  # fmt: skip
    return {
        "month": first.isoformat(),
        "at": at.isoformat(),
        "lines": [line.as_facts() for line in lines],
        "money": money_independence.measure(at=at),
        "stages": _unselfish(at),
    }


def _quiet(start: datetime, end: datetime) -> Line:
    """Nobody in the quiet hears from us, but for what is owed, an open case, and an answer to their own word."""
    stretches = CoolingOff.objects.filter(superseded_at=None, begins_at__lt=end, ends_at__gt=start)
    wrote = Inbound.objects.filter(
        party=OuterRef("party"), kind=InboundKind.REPLY.value, occurred_at__lt=OuterRef("went"),
        occurred_at__gt=OuterRef("went") - timedelta(days=REPLY_DAYS),
    )  # fmt: skip
    within = CoolingOff.objects.filter(
        relationship__party=OuterRef("party"), superseded_at=None, begins_at__lte=OuterRef("went"),
        ends_at__gt=OuterRef("went"),
    )  # fmt: skip
    broken = messages_between(start, end).exclude(touch_class__in=_IN_QUIET).filter(Exists(within), ~Exists(wrote))
    return _line("quiet", of=stretches.values("relationship").distinct().count(), broken=_parties(broken))


def _letter(start: datetime, end: datetime, *, at: datetime) -> Line:
    """The day after somebody left, a letter of thanks is on its way."""
    if not Playbook.objects.filter(code=LETTER_PLAN, state=PlaybookState.ON.value).exists():
        return Line("letter", 0, 0, unknown="plan_off")
    due = min(end, at - timedelta(days=LETTER_DAYS))
    ends = _left(start, due)
    sent = {
        (party, when)
        for party, when in messages_to({party for party, _, _ in ends})
        .filter(made_by__startswith=f"playbook:{LETTER_PLAN}")
        .values_list("party", "went")
    }
    missed = [
        (party, name, None)
        for party, name, told in ends
        if not any(who == party and told <= when <= told + timedelta(days=LETTER_DAYS) for who, when in sent)
    ]
    return Line("letter", len(ends) - len(missed), len(ends), tuple(missed[:WORST]))


def _interview(start: datetime, end: datetime) -> Line:
    """Whoever leaves is asked why, once, and may say nothing."""
    ends = _ends(start, end)
    missed = ends.exclude(Exists(ExitInterview.objects.filter(breakup=OuterRef("pk"))))
    named = missed.values_list("relationship__party", "relationship__party__name")[:WORST]
    of, without = ends.count(), missed.count()
    return Line("interview", of - without, of, tuple((party, name, None) for party, name in named))


def _promises(first: date, end: datetime, *, zone: ZoneInfo, at: datetime) -> Line:
    """What we promised is done by its day. Those we were let off are not counted, those overdue are not kept."""
    today = at.astimezone(zone).date()
    last = min(end.astimezone(zone).date(), today)  # a promise due today still has its day
    due = Promise.objects.filter(due_on__gte=first, due_on__lt=last).exclude(state=PromiseState.RELEASED.value)
    rows = due.values_list(
        "relationship__party", "relationship__party__name", "state", "due_on", "answered_at"
    )[:AT_MOST]  # fmt: skip
    kept, missed = 0, []
    for party, name, state, due_on, answered_at in rows:
        late = (answered_at.astimezone(zone).date() if answered_at else today) - due_on
        if state == PromiseState.KEPT.value and late.days <= 0:
            kept += 1
        else:
            missed.append((party, name, max(late.days, 0)))
    missed.sort(key=lambda one: -one[2])
    return Line("promises", kept, kept + len(missed), tuple(missed[:WORST]))


def _replies(start: datetime, end: datetime, *, at: datetime) -> Line:
    """Who writes to us has a human's word within two days."""
    wait = timedelta(days=ANSWER_DAYS)
    replies = Inbound.objects.filter(
        kind=InboundKind.REPLY.value, party__isnull=False, occurred_at__gte=start,
        occurred_at__lt=min(end, at - wait),
    )  # fmt: skip
    rows = list(replies.order_by("-id").values_list("party", "party__name", "occurred_at")[:AT_MOST])
    words = human_words({party for party, _, _ in rows})
    kept, missed = 0, []
    for party, name, when in rows:
        after = [word for word in words.get(party, ()) if word >= when]
        if after and after[0] - when <= wait:
            kept += 1
        else:
            missed.append((party, name, ((after[0] if after else at) - when).days))
    missed.sort(key=lambda one: -one[2])
    return Line("replies", kept, len(rows), tuple(missed[:WORST]))


def _unsubscribed(start: datetime, end: datetime) -> Line:
    """A no holds from the instant it is said."""
    said = Consent.objects.filter(withdrawn_at__gte=start, withdrawn_at__lt=end)
    no = Consent.objects.filter(
        party=OuterRef("party"), channel=OuterRef("channel"), purpose=OuterRef("touch_class"),
        withdrawn_at__gte=start, withdrawn_at__lt=OuterRef("went"),
    )  # fmt: skip
    before = Consent.objects.filter(pk=OuterRef("pk"), withdrawn_at__lt=end)
    broken = messages_to(said.values_list("party", flat=True)[:AT_MOST]).filter(Exists(no.filter(Exists(before))))
    return _line("unsubscribed", of=said.values("party").distinct().count(), broken=_parties(broken))


def _caps(start: datetime, end: datetime) -> Line:
    """Nobody hears from us more often than the rules allow within a month."""
    most = {cap.standing: cap.at_most for cap in CAPS if cap.days == 30 and cap.marketing}
    touches = messages_between(start, end).filter(touch_class__in=[one.value for one in MARKETING])
    per_person = list(
        touches.order_by()
        .values_list("party", "party__name", "party__relationships__commercial")
        .annotate(n=Count("pk", distinct=True))[:AT_MOST]
    )
    over = [
        (party, name, n)
        for party, name, commercial, n in per_person
        if n > most[ENDED if commercial == Commercial.ENDED.value else LIVE]
    ]
    over.sort(key=lambda one: -one[2])
    people = {party for party, *_ in per_person}
    return Line("caps", len(people) - len({party for party, *_ in over}), len(people), tuple(over[:WORST]))


def _unselfish(at: datetime) -> list[dict[str, Any]]:
    """Share of the last 90 days' touches that are neither business nor sale, by the stage people stand in now."""
    start = at - timedelta(days=90)
    counts: dict[str, list[int]] = {}
    sent = messages_between(start, at).values_list("party__relationships__stage", "touch_class")
    done = Task.objects.filter(state=TaskState.DONE.value, answered_at__gte=start, answered_at__lt=at)
    selfish = {one.value for one in OWED} | {TouchClass.PROMOTIONAL.value}
    for rows in (sent, done.values_list("relationship__stage", "touch_class")):
        for stage, touch_class, n in rows.order_by().annotate(n=Count("pk")):
            if stage:
                found = counts.setdefault(stage, [0, 0])
                found[0] += 0 if touch_class in selfish else n
                found[1] += n
    return [
        {"stage": stage.value, "n": counts[stage.value][0], "of": counts[stage.value][1]}
        for stage in Stage
        if stage.value in counts
    ]


def _ends(start: datetime, end: datetime) -> QuerySet[Breakup]:
    """Ends that customers told us in a stretch of time and did not take back; nobody asks the dead."""
    ends = Breakup.objects.filter(recorded_at__gte=start, recorded_at__lt=end, withdrawn_at=None, load=None)
    return ends.filter(initiator=Initiator.CUSTOMER.value).exclude(kind=BreakupKind.DECEASED.value)


def _left(start: datetime, end: datetime) -> list[tuple[int, str, datetime]]:
    rows = _ends(start, end).values_list("relationship__party", "relationship__party__name", "recorded_at")
    return list(rows[:AT_MOST])


def _parties(rows: QuerySet[Any]) -> list[tuple[int, str, int | None]]:
    found: Iterable[tuple[int, str]] = rows.order_by("party").values_list("party", "party__name").distinct()[:AT_MOST]
    return [(party, name, None) for party, name in found]


def _line(code: str, *, of: int, broken: list[tuple[int, str, int | None]]) -> Line:
    of = max(of, len(broken))
    return Line(code, of - len(broken), of, tuple(broken[:WORST]))


def _begins(day: date, *, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
