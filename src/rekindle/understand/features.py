"""What a person's events say, written once as Ibis expressions, so that DuckDB and Spark read the same sentence.

Everything here is an unbound expression over a relation of EVENT rows; nothing runs. Days are counted as whole
numbers since 1970-01-01 in the business's time zone; `NEVER` stands for "no such day" until `summaries` turns
it into a null. Sums are integers throughout, so that a night's increment and a full rebuild agree to the bit.

Distinct days are counted in two steps (group by party and day, then by party): on 50,000,000 events that is
several times faster than `count(distinct day)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis
import ibis.expr.types as ir

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import EventKind
from rekindle.understand.windows import COUNTED, HABITS, LOG_STEPS, NEVER, WINDOWS, Window

MICROSECONDS_PER_DAY = 86_400_000_000
EPOCH = date(1970, 1, 1)

TWO_WAY = (
    EventKind.PURCHASE, EventKind.VISIT, EventKind.USAGE, EventKind.LOGIN, EventKind.COMPLAINT,
    EventKind.TICKET_OPENED, EventKind.CLICK, EventKind.REPLY, EventKind.RETURNED, EventKind.REFERRAL,
    EventKind.REVIEW, EventKind.SURVEY,
)  # fmt: skip
"""Kinds in which the customer turned to us. A mail marked as opened is left out: mail programs open mail by
themselves. So are payments, which run by standing order, and the words of an ending, which have own columns."""

EVENT_COLUMNS = {
    "party_id": "int64", "occurred_at": "timestamp('UTC')", "kind": "string", "amount_minor": "int64",
    "currency": "string", "quantity": "float64",
}  # fmt: skip


@dataclass(frozen=True)
class Pulse:
    """What counts as a sign of life in this business, and what counts as money.

    kinds        a purchase for a shop, a visit for a gym
    money_kinds  kinds whose amounts are summed; refunds come with a minus
    """

    kinds: tuple[str, ...]
    money_kinds: tuple[str, ...] = ("purchase", "refund", "payment")

    @property
    def carries_money(self) -> bool:
        """Whether the sign of life is itself a payment, so that a day's worth is that day's money."""
        return bool(set(self.kinds) & set(self.money_kinds))


HABIT_KINDS = (EventKind.VISIT, EventKind.PURCHASE, EventKind.USAGE, EventKind.LOGIN, EventKind.PAYMENT)
MOST_SEATS = 1e9  # as loads refuse more; NaN is not under it either


def epoch_us(_at: ir.TimestampValue) -> ir.IntegerValue:
    """Microseconds since 1970-01-01T00:00Z; DuckDB's own function, called `unix_micros` on Spark."""
    raise NotImplementedError  # only its name and types are used: the engine brings the function


def rekindle_local_us(_at: ir.IntegerValue) -> ir.IntegerValue:
    """Microseconds since 1970-01-01T00:00 on the local clock; what `clock` defines in the engine."""
    raise NotImplementedError  # as above


_microseconds = ibis.udf.scalar.builtin(signature=(("timestamp('UTC')",), "int64"))(epoch_us)
_local_microseconds = ibis.udf.scalar.builtin(signature=(("int64",), "int64"))(rekindle_local_us)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises BadInput when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInput(
            f"'{name}' is not a time zone.", where="time_zone", remedy="Use a name such as Europe/Berlin."
        ) from error


def day_start(day: date, *, time_zone: str) -> datetime:
    """The instant (UTC) at which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(time_zone)).astimezone(UTC)


def end_of(as_of: date, *, time_zone: str) -> datetime:
    """The first instant (UTC) that the night of `as_of` must not see."""
    return day_start(as_of + timedelta(days=1), time_zone=time_zone)


@lru_cache(maxsize=64)
def changes_of_clock(time_zone: str, *, until: date) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A zone's offset before 1900 and each later change up to `until`.

    Gives (offset, ((instant, offset from then on), ...)) in microseconds, oldest first. One reading of the zone's
    rules for every engine: DuckDB's and Spark's own tables may be of different years.
    """
    place = zone(time_zone)

    def offset(second: int) -> int:
        delta = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).astimezone(place).utcoffset()
        return 0 if delta is None else round(delta.total_seconds())

    first, last = day_number(date(1900, 1, 1)) * 86_400, (day_number(until) + 2) * 86_400
    changes: list[tuple[int, int]] = []
    before = offset(first)
    opening = before
    for second in range(first, last, 86_400):
        after = offset(second + 86_400)
        if after != before:
            low, high = second, second + 86_400  # the change lies in (low, high]
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) == after else (middle, high)
            changes.append((high * 1_000_000, after * 1_000_000))
            before = after
    return opening * 1_000_000, tuple(changes)


def clock(time_zone: str, *, until: date) -> str:
    """SQL of the zone's local clock over microseconds `instant_us`, right for every instant up to the day `until`.

    To be defined in the engine as the function `rekindle_local_us(instant_us)` before an expression with days is run:
    far faster there than as two hundred nodes of each expression, and several times faster than DuckDB's own zones.
    """
    # Asked for whole years, so that the nights of a year share one reading of the zone.
    before, changes = changes_of_clock(time_zone, until=date(until.year, 12, 31))
    return _clock(before, changes)


def _clock(before: int, changes: tuple[tuple[int, int], ...]) -> str:
    """The instant plus its offset, as a tree of comparisons leaning to the present, where most events are."""
    if not changes:
        return f"instant_us + {before}"
    pivot = len(changes) * 3 // 4
    instant, offset = changes[pivot]
    late, early = _clock(offset, changes[pivot + 1 :]), _clock(before, changes[:pivot])
    return f"CASE WHEN instant_us >= {instant} THEN {late} ELSE {early} END"


def seen(view: str, *, after: date | None = None, as_of: date, time_zone: str) -> ir.Table:
    """Events of the local days in (after, as_of]; nothing later can be read from it."""
    events = ibis.table(EVENT_COLUMNS, name=view)
    kept = events.filter(events.occurred_at < _instant(end_of(as_of, time_zone=time_zone)))
    return kept if after is None else kept.filter(_since(kept, day=after, time_zone=time_zone))


def dated(events: ir.Table) -> ir.Table:
    """The events with their local `day` (int32); the engine must know the `clock`."""
    local = _local_microseconds(_microseconds(events.occurred_at))
    return events.mutate(day=(local // MICROSECONDS_PER_DAY).cast("int32"))


def _since(events: ir.Table, *, day: date, time_zone: str) -> ir.BooleanValue:
    return events.occurred_at >= _instant(end_of(day, time_zone=time_zone))


def _instant(at: datetime) -> ir.TimestampScalar:
    return ibis.literal(at.isoformat(), type="timestamp('UTC')")


def days_of_life(events: ir.Table, *, as_of: date, pulse: Pulse, time_zone: str) -> ir.Table:
    """One row a party and local day with a sign of life, money or (as far back as a window looks) a visit.

    Columns: pulse and visit 0/1; money the day's sum, null when no amount is known.
    """
    reach = max(window.oldest for window in WINDOWS if window.measure == "visit")
    lasting = sorted({*pulse.kinds, *pulse.money_kinds})
    wanted = events.kind.isin(lasting)
    if EventKind.VISIT not in lasting:
        recent = _since(events, day=as_of - timedelta(days=reach), time_zone=time_zone)
        wanted = wanted | ((events.kind == EventKind.VISIT.value) & recent)
    rows = dated(events.filter(wanted))
    return rows.group_by("party_id", "day").agg(
        pulse=rows.kind.isin(list(pulse.kinds)).cast("int32").max(),
        visit=(rows.kind == EventKind.VISIT.value).cast("int32").max(),
        money=_when(rows.kind.isin(list(pulse.money_kinds)), rows.amount_minor).sum(),
    )


def lives(days: ir.Table, *, as_of: date, pulse: Pulse) -> ir.Table:
    """One row a party out of its `days_of_life`: counts, gaps, money and the windows over days.

    The window partition (party, pulse) makes `lag` skip days that are not pulses. `whole_money_minor` and
    `whole_money_days` are what the repeat columns would be if there had been a pulse before; an increment adds
    those.
    """
    beats = ibis.window(group_by=["party_id", "pulse"], order_by="day")
    rows = days.mutate(
        gap=_when(days.pulse == 1, days.day - days.day.lag().over(beats)), beat=_when(days.pulse == 1, days.day)
    )
    is_repeat, is_whole = rows.gap.notnull(), rows.pulse == 1
    repeat_days, whole_days = is_repeat & rows.money.notnull(), is_whole & rows.money.notnull()
    if not pulse.carries_money:
        rows = rows.mutate(first_beat=rows.beat.min().over(ibis.window(group_by="party_id")))
        is_repeat, is_whole = rows.day > rows.first_beat, rows.day > NEVER
        repeat_days, whole_days = rows.gap.notnull(), rows.pulse == 1
    return rows.group_by("party_id").agg(
        pulse_days=rows.pulse.sum(),
        first_day=rows.beat.min(),
        last_day=rows.beat.max(),
        gap_log_micro=(rows.gap.cast("float64").ln() * 1_000_000).round().cast("int64").sum(),
        gap_sq=(rows.gap.cast("int64") * rows.gap.cast("int64")).sum(),
        money_minor=rows.money.sum(),
        money_days=rows.money.count(),
        repeat_money_minor=_when(is_repeat, rows.money).sum(),
        repeat_money_days=repeat_days.cast("int32").sum(),
        whole_money_minor=_when(is_whole, rows.money).sum(),
        whole_money_days=whole_days.cast("int32").sum(),
        **{
            window.column: _when(_is_inside(rows.day, window=window, as_of=as_of), rows[window.measure]).sum()
            for window in WINDOWS
            if window.measure not in (*COUNTED, *HABITS)
        },
    )


def habits(events: ir.Table, *, as_of: date, time_zone: str) -> ir.Table:
    """One row a party and local day with a visit, a purchase, a use or a payment, as far back as a habit is read.

    Columns: visit_day, purchase_day, use_day, paid, seats 0/1; paid_log the log of all that was paid that day in minor
    units, seats_log the log of 1 + the most users a use told of that day, both in steps of 1 / LOG_STEPS and null where
    nothing of the kind was told; *_sq their squares.
    """
    reach = max(window.oldest for window in WINDOWS if window.measure in HABITS)
    wanted = events.kind.isin([kind.value for kind in HABIT_KINDS])
    rows = dated(events.filter(wanted & _since(events, day=as_of - timedelta(days=reach), time_zone=time_zone)))

    def was(*kinds: EventKind) -> ir.IntegerScalar:
        return rows.kind.isin([kind.value for kind in kinds]).cast("int32").max()

    is_told = (rows.kind == EventKind.USAGE.value) & (rows.quantity >= 0) & (rows.quantity <= MOST_SEATS)
    days = rows.group_by("party_id", "day").agg(
        visit_day=was(EventKind.VISIT),
        purchase_day=was(EventKind.PURCHASE),
        use_day=was(EventKind.USAGE, EventKind.LOGIN),
        sum_paid=_when(rows.kind == EventKind.PAYMENT.value, rows.amount_minor).sum(),
        most_seats=_when(is_told, rows.quantity).max(),
    )
    days = days.mutate(
        paid_log=_when(days.sum_paid > 0, _steps_of_log(days.sum_paid.cast("float64"))),
        seats_log=_when(days.most_seats.notnull(), _steps_of_log(days.most_seats + 1)),
    )
    return days.mutate(
        paid=days.paid_log.notnull().cast("int32"),
        seats=days.seats_log.notnull().cast("int32"),
        paid_log_sq=days.paid_log * days.paid_log,
        seats_log_sq=days.seats_log * days.seats_log,
    )


def habit_windows(days: ir.Table, *, as_of: date) -> ir.Table:
    """One row a party out of its `habits`: the windows over them."""
    return days.group_by("party_id").agg(
        **{
            window.column: _when(_is_inside(days.day, window=window, as_of=as_of), days[window.measure]).sum()
            for window in WINDOWS
            if window.measure in HABITS
        }
    )


def _steps_of_log(value: ir.FloatingValue) -> ir.IntegerValue:
    return (value.ln() * LOG_STEPS).round().cast("int64")


def standing(events: ir.Table, *, as_of: date, pulse: Pulse) -> ir.Table:
    """One row a party with any event: its latest days of note, its currencies, and how many of each signal."""
    events = dated(events)

    def latest(*kinds: str) -> ir.IntegerScalar:
        return _when(events.kind.isin([str(kind) for kind in kinds]), events.day).max()

    is_money = events.kind.isin(list(pulse.money_kinds)) & events.amount_minor.notnull()
    return events.group_by("party_id").agg(
        last_two_way_day=latest(*TWO_WAY),
        ended_day=latest(EventKind.ENDED),
        cancel_notice_day=latest(EventKind.CANCEL_NOTICE),
        returned_day=latest(EventKind.RETURNED),
        currency_least=_when(is_money, events.currency).min(),
        currency_most=_when(is_money, events.currency).max(),
        **{
            window.column: ((events.kind == window.measure) & _is_inside(events.day, window=window, as_of=as_of))
            .cast("int32")
            .sum()
            for window in WINDOWS
            if window.measure in COUNTED
        },
    )


def profile(events: ir.Table, *, as_of: date, pulse: Pulse, time_zone: str) -> ir.Table:
    """Every feature of every party with any event in `events` (a `seen` relation).

    Three passes over the events, on purpose: one pass would have to keep all of them grouped by day, and the days of
    habits, which reach less far back, would widen the rows that are sorted for the gaps.
    """
    days = days_of_life(events, as_of=as_of, pulse=pulse, time_zone=time_zone)
    lately = habit_windows(habits(events, as_of=as_of, time_zone=time_zone), as_of=as_of)
    known = standing(events, as_of=as_of, pulse=pulse)
    both = known.left_join(lives(days, as_of=as_of, pulse=pulse), "party_id").drop("party_id_right")
    return both.left_join(lately, "party_id").drop("party_id_right")


def window_shift(events: ir.Table, *, before: date, as_of: date, pulse: Pulse, time_zone: str) -> ir.Table:
    """How each party's windows change when the date moves from `before` to `as_of` and nothing new happens.

    `events` is the `seen` relation as of `before`; of it only days that cross the border of a window count.
    """
    borders = sorted({border for window in WINDOWS for border in (window.youngest, window.oldest)} - {0})
    ends = [(before - timedelta(days=border), as_of - timedelta(days=border)) for border in borders]
    moving = events.filter(
        ibis.or_(
            *(
                _since(events, day=first, time_zone=time_zone) & ~_since(events, day=last, time_zone=time_zone)
                for first, last in ends
            )
        )
    )
    days = days_of_life(moving, as_of=before, pulse=pulse, time_zone=time_zone)
    lately = habits(moving, as_of=before, time_zone=time_zone)
    moving = dated(moving)

    def change(rows: ir.Table, window: Window, amount: ir.IntegerValue) -> ir.IntegerScalar:
        now, then = (_is_inside(rows.day, window=window, as_of=day) for day in (as_of, before))
        return (amount * (now.cast("int32") - then.cast("int32"))).sum()

    counted = moving.group_by("party_id").agg(
        **{
            window.column: change(moving, window, (moving.kind == window.measure).cast("int32"))
            for window in WINDOWS
            if window.measure in COUNTED
        }
    )
    summed = days.group_by("party_id").agg(
        **{w.column: change(days, w, days[w.measure]) for w in WINDOWS if w.measure not in (*COUNTED, *HABITS)}
    )
    habitual = lately.group_by("party_id").agg(
        **{w.column: change(lately, w, lately[w.measure]) for w in WINDOWS if w.measure in HABITS}
    )
    both = counted.left_join(summed, "party_id").drop("party_id_right")
    return both.left_join(habitual, "party_id").drop("party_id_right")


def _when(condition: ir.BooleanValue, value: ir.Value) -> ir.Value:
    """The value where the condition holds, null elsewhere."""
    return ibis.ifelse(condition, value, ibis.null(value.type()))


def _is_inside(day: ir.IntegerValue, *, window: Window, as_of: date) -> ir.BooleanValue:
    today = day_number(as_of)
    return (day <= today - window.youngest) & (day > today - window.oldest)


def in_sample(party_id: ir.IntegerValue, *, keep: int, of: int) -> ir.BooleanValue:
    """A steady share keep/of of all parties, the same on every engine and every night.

    Two rounds of the minimal standard generator (Park & Miller 1988; multipliers of Lehmer type modulo 2^31 - 1)
    with a shift between: all products stay inside 63 bits, so no engine overflows.
    """
    prime = 2**31 - 1
    mixed = (((party_id % prime) + prime) % prime * 48_271 + 11) % prime
    mixed = ((mixed ^ (mixed // 65_536)) % prime * 69_621 + 17) % prime
    return (mixed // 8) % of < keep
