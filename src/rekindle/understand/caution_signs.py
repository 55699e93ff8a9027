"""Caution signs: what each one is, who shows it as of a day, and what it was worth in the past.

A sign compares a person with the same person earlier, never with a segment. Everything read is a column of the
SUMMARY as of the day, so nothing after the day can leak in. People whose relationship is over show no sign.

`strength` is, for every sign, the share of the usual that is missing, in (0, 1]: silence twice the limit is 0.5,
a third of the usual visits is 0.67. For things that should not happen at all it is n / (n + 1): one failed payment
0.5, two 0.67. It orders the signs of one person; it is not a probability.

Whether a sign means anything here is measured on the business's own endings (`measure`), and only a sign that has
proved better than the base rate puts somebody at risk (`at_risk`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rekindle.errors import UnknownColumn
from rekindle.understand.windows import LOG_STEPS
from rekindle.words import Word

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.int64]

RAISED: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("code", pa.string()),
        ("strength", pa.float64()),
        ("usual", pa.float64()),  # the person's own figure before; null where nothing of the kind is usual
        ("now", pa.float64()),
        ("unit", pa.string()),  # day | active_day | visit | money_minor | user | habit | time | share
        ("since", pa.date32()),  # silence: first day beyond the limit; the others: first day of the later stretch
        ("currency", pa.string()),
    ]
)
"""One row: one sign of one person as of one day. Sorted by party, then strongest first."""

SHORTEST_SILENCE: Final = 7.0
"""Under a week nobody is silent, however dense the rhythm: weekends and a cold are not signs. Our choice."""
SLOWING_TAIL: Final = 0.05
"""The usual level at which a falling count is no longer put down to chance."""
SLOWING_EARLIER: Final = 6
"""Fewer earlier days give no rate to fall below: at 5 expected, even 1 seen has a tail of 4 %. Our choice."""
SLOWING_STRETCH: Final = 30
"""Days the earlier rate must have been seen over; a burst in the first week is not a rate. Our choice."""
FEWER_VISITS_FROM: Final = 4
"""Four visits in the month before: once a week is the thinnest habit that can halve visibly. Our choice."""
LEVEL_TAIL: Final = 0.05
"""The usual level at which lower amounts are no longer put down to their own scatter."""
LEVEL_BEFORE: Final = 3
"""Fewer days before give no usual amount: of two nobody can say which one was the exception. Our choice."""
CHEAPER_BY: Final = 0.1
"""A tenth: less is a change of tax, a coupon or an exchange rate, not another plan. Our choice."""
FEWER_USERS_BY: Final = 0.2
"""A fifth of the users: below it one holiday in a small team would do. Our choice."""
HABIT_DAYS: Final = 5
"""Days in 90 that make a habit: at an unchanged rate none at all in the next 90 then has a chance of at most 3 %."""


class Sign(Word):
    """What may be seen before an ending. The value is stored, the label is the title on the page."""

    SILENCE = "silence", "Unusually silent"
    SLOWING = "slowing", "Coming less often"
    FEWER_VISITS = "fewer_visits", "Pays, but hardly comes"
    SPENDING_LESS = "spending_less", "Spending less"
    FAILED_PAYMENT = "failed_payment", "Payment failed"
    COMPLAINT = "complaint", "Complained"
    REFUND = "refund", "Money went back"
    CHEAPER_PLAN = "cheaper_plan", "Pays for a smaller plan"
    FEWER_USERS = "fewer_users", "Fewer people use it"
    NARROWER = "narrower", "Gave up a habit"
    EARLY_WARNING = "early_warning", "All signs together"


@dataclass(frozen=True)
class Definition:
    """A sign in words: how far it looks back (None: the whole life), what is compared, in which unit."""

    sign: Sign
    look_back_days: int | None
    compares: str
    unit: str


DEFINITIONS: Final[tuple[Definition, ...]] = (
    Definition(Sign.SILENCE, None, "days of silence against the 95 % quantile of the own gaps, over 7 days", "day"),
    Definition(Sign.SLOWING, 90, "active days in 90 against the own earlier rate, chance under 5 %", "active_day"),
    Definition(Sign.FEWER_VISITS, 60, "visits in 30 days under half of the 30 before, while still paying", "visit"),
    Definition(Sign.SPENDING_LESS, 180, "money in 90 days under half of the 90 before, active in both", "money_minor"),
    Definition(Sign.FAILED_PAYMENT, 90, "payments that failed", "time"),
    Definition(Sign.COMPLAINT, 90, "complaints", "time"),
    Definition(Sign.REFUND, 90, "refunds", "time"),
    Definition(Sign.CHEAPER_PLAN, 240, "amount paid in 60 days a tenth or more under the 180 before", "money_minor"),
    Definition(Sign.FEWER_USERS, 240, "users told in 60 days a fifth or more under the 180 before", "user"),
    Definition(Sign.NARROWER, 180, "habits of the 90 days before of which none is left in 90", "habit"),
    Definition(Sign.EARLY_WARNING, None, "chance of an end by all signs and the silence together", "share"),
)
"""In the order they are shown; the last one is not found in the SUMMARY but learned (understand.early_warning)."""


@dataclass(frozen=True)
class _Finding:
    """One sign over all people: who shows it, and the evidence, (n,) each."""

    shown: Bools
    strength: Floats
    usual: Floats
    now: Floats
    since: Days


class _Columns:
    """The SUMMARY's columns as arrays, each read once; null becomes NaN (numbers) or NaN days (dates)."""

    def __init__(self, summary: pa.Table) -> None:
        self._table = summary
        self._read: dict[str, Floats] = {}

    def __getitem__(self, name: str) -> Floats:
        if name not in self._read:
            if name not in self._table.column_names:
                raise UnknownColumn(f"no column {name}", where="summary", remedy="Build it with understand.summaries.")
            column = self._table[name].combine_chunks()
            if pa.types.is_date32(column.type):
                column = column.cast(pa.int32())
            self._read[name] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return self._read[name]


def raise_signs(summary: pa.Table, *, as_of: date, among: Bools | None = None) -> pa.Table:
    """Every sign that every person shows at the end of the day.

    summary  SUMMARY rows as of that day (n)
    as_of    the day the summary was built for
    among    (n,) bool, who is still in a relationship by the caller's knowledge; None: everyone
    Gives RAISED. Somebody with a recorded end on or before the day and no sign of life or return after it
    shows none, whatever `among` says.
    Raises UnknownColumn naming the SUMMARY column that is missing.
    """
    read = _Columns(summary)
    today = (as_of - date(1970, 1, 1)).days
    ended = read["ended_day"]  # NaN compares False: no end on record
    over = (ended <= today) & ~(read["returned_day"] >= ended) & ~(read["last_day"] > ended)
    live = ~over if among is None else ~over & among
    party = summary["party_id"].to_numpy()
    currency = (
        summary["currency"].combine_chunks()
        if "currency" in summary.column_names
        else pa.nulls(len(summary), pa.string())
    )
    priced = live & currency.is_valid().to_numpy(zero_copy_only=False)

    parts = []
    for definition in DEFINITIONS:
        if definition.sign not in _FINDERS:
            continue
        finding = _FINDERS[definition.sign](read, today)
        # Sums in no named currency, or in several, are not comparable.
        comparable = priced if definition.unit == "money_minor" else live
        rows = np.flatnonzero(finding.shown & comparable)
        money = definition.unit == "money_minor"
        parts.append(
            pa.table(
                {
                    "party_id": party[rows],
                    "code": pa.repeat(definition.sign.value, len(rows)),
                    "strength": finding.strength[rows],
                    "usual": pa.array(finding.usual[rows], from_pandas=True),
                    "now": finding.now[rows],
                    "unit": pa.repeat(definition.unit, len(rows)),
                    "since": pa.array(finding.since[rows].astype(np.int32), pa.int32()).cast(pa.date32()),
                    "currency": currency.take(pa.array(rows)) if money else pa.nulls(len(rows), pa.string()),
                },
                schema=RAISED,
            )
        )
    return in_order(pa.concat_tables(parts))


def in_order(raised: pa.Table) -> pa.Table:
    """RAISED rows by party, then strongest first."""
    by = [("party_id", "ascending"), ("strength", "descending"), ("code", "ascending")]
    return raised.combine_chunks().sort_by(by)


def _silence(read: _Columns, today: int) -> _Finding:
    """Silent for longer than nearly all own gaps so far; nobody without gaps of their own shows it."""
    silent = today - read["last_day"]
    limit = np.maximum(read["gap_q95"], SHORTEST_SILENCE)
    first_day_beyond = read["last_day"] + np.floor(limit) + 1
    return _Finding(
        (silent > limit) & np.isfinite(read["usual_gap"]),
        _missing(limit, silent),
        read["usual_gap"],
        silent,
        _days(first_day_beyond, otherwise=today),
    )


def _slowing(read: _Columns, today: int) -> _Finding:
    """Active days in the last 90 against the own rate before them.

    Two Poisson counts are compared exactly: given their sum, the later one is binomial with its share of the time
    (Przyborowski & Wilenski 1940, "Homogeneity of results in testing samples from Poisson series"). The first
    active day is left out, since it begins the time and would be counted with certainty.
    """
    now = read["pulses_90"]
    stretch = read["T"] - 90
    earlier = read["pulse_days"] - now - 1
    enough = (earlier + 1 >= SLOWING_EARLIER) & (stretch >= SLOWING_STRETCH)
    count, days = np.where(enough, earlier, 1.0), np.where(enough, stretch, 1.0)
    expected = count / days * 90
    seen = np.where(enough, now, 0.0)
    from scipy.special import bdtr  # here, so that pages which only name signs start without SciPy

    chance = bdtr(seen, (count + seen).astype(np.int64), 90 / (days + 90))
    shown = enough & (chance < SLOWING_TAIL)
    return _Finding(shown, _missing(expected, now, falls=True), expected, now, _look_back(read, today, 90))


def _fewer_visits(read: _Columns, today: int) -> _Finding:
    now, before = read["visits_30"], read["visits_prev_30"]
    shown = (before >= FEWER_VISITS_FROM) & (now < before / 2) & (read["payments_90"] > 0)
    return _Finding(shown, _missing(before, now, falls=True), before, now, _look_back(read, today, 30))


def _spending_less(read: _Columns, today: int) -> _Finding:
    now, before = read["money_90"], read["money_prev_90"]
    active = (read["pulses_90"] > 0) & (read["pulses_prev_90"] > 0)
    shown = active & (before > 0) & (now < before / 2)
    return _Finding(shown, _missing(before, now, falls=True), before, now, _look_back(read, today, 90))


def _cheaper_plan(read: _Columns, today: int) -> _Finding:
    """The usual payment has stepped down; payment days without an amount are left out."""
    level = _level(read, "paid")
    before, now = np.exp(level.before), np.exp(level.now)
    shown = level.is_lower & (now <= (1 - CHEAPER_BY) * before)
    strength, since = _missing(before, now, falls=True), _look_back(read, today, 60)
    return _Finding(shown, strength, np.rint(before), np.rint(now), since)


def _fewer_users(read: _Columns, today: int) -> _Finding:
    """Fewer people use it, by the number (`quantity`) that each use tells."""
    level = _level(read, "seats")
    before, now = np.expm1(level.before), np.expm1(level.now)
    shown = level.is_lower & (now <= (1 - FEWER_USERS_BY) * before)
    strength, since = _missing(before, now, falls=True), _look_back(read, today, 60)
    return _Finding(shown, strength, np.rint(before * 10) / 10, np.rint(now * 10) / 10, since)


def _narrower(read: _Columns, today: int) -> _Finding:
    """Comes, buys or uses as ever, but gave one of the three up; who gave all up is silent, which is another sign."""
    before = np.stack([read[f"{way}_prev_90"] for way in ("visits", "purchases", "uses")])
    now = np.stack([read[f"{way}_90"] for way in ("visits", "purchases", "uses")])
    is_habit = before >= HABIT_DAYS
    had, left = is_habit.sum(axis=0).astype(np.float64), (is_habit & (now > 0)).sum(axis=0).astype(np.float64)
    return _Finding((left < had) & (left > 0), _missing(had, left, falls=True), had, left, _look_back(read, today, 90))


@dataclass(frozen=True)
class _Level:
    """Mean log of a day's figure before and now, (n,) each, and whether now is lower by more than its own scatter."""

    before: Floats
    now: Floats
    is_lower: Bools


def _level(read: _Columns, what: str) -> _Level:
    """Days of the last 60 days against those of the 180 before, in logs, so that scatter is a share of the amount.

    Student's two-sample t with one common variance (Student 1908, Biometrika 6), one-sided at LEVEL_TAIL. Where all
    days of each stretch are alike, as with a plan, there is no scatter and any fall counts.
    """
    n, m = read[f"{what}_60"], read[f"{what}_prev_180"]
    enough = (n >= 1) & (m >= LEVEL_BEFORE)
    n, m = np.where(enough, n, 1.0), np.where(enough, m, 2.0)
    now, before = read[f"{what}_log_60"] / LOG_STEPS / n, read[f"{what}_log_prev_180"] / LOG_STEPS / m
    squares = read[f"{what}_log_sq_240"] / LOG_STEPS**2
    scatter = np.maximum(squares - n * now**2 - m * before**2, 0.0)
    from scipy.special import stdtr  # here, as above

    alike = scatter < 1e-7  # the logs are whole steps: this is nothing but their rounding
    spread = np.sqrt(np.where(alike, 1.0, scatter) / (n + m - 2) * (1 / n + 1 / m))
    chance = np.where(alike, 0.0, stdtr(n + m - 2, (now - before) / spread))
    return _Level(before, now, enough & (now < before) & (chance < LEVEL_TAIL))


def _counted(column: str) -> Callable[[_Columns, int], _Finding]:
    """A sign that is the mere presence of something that should not happen."""

    def find(read: _Columns, today: int) -> _Finding:
        times = read[column]
        unusual = np.full(len(times), np.nan)
        return _Finding(times > 0, times / (times + 1), unusual, times, _look_back(read, today, 90))

    return find


_FINDERS: Final[dict[Sign, Callable[[_Columns, int], _Finding]]] = {
    Sign.SILENCE: _silence,
    Sign.SLOWING: _slowing,
    Sign.FEWER_VISITS: _fewer_visits,
    Sign.SPENDING_LESS: _spending_less,
    Sign.FAILED_PAYMENT: _counted("payments_failed_90"),
    Sign.COMPLAINT: _counted("complaints_90"),
    Sign.REFUND: _counted("refunds_90"),
    Sign.CHEAPER_PLAN: _cheaper_plan,
    Sign.FEWER_USERS: _fewer_users,
    Sign.NARROWER: _narrower,
}


def _missing(usual: Floats, now: Floats, *, falls: bool = False) -> Floats:
    """Share of the usual that is missing: 1 - usual/now where growing is the trouble, 1 - now/usual where falling."""
    over, under = (now, usual) if falls else (usual, now)
    with np.errstate(divide="ignore", invalid="ignore"):  # rows that do not show the sign may hold 0 or NaN
        return np.clip(1.0 - over / under, 0.0, 1.0)


def _days(days: Floats, *, otherwise: int) -> Days:
    return np.where(np.isfinite(days), days, otherwise).astype(np.int64)


def _look_back(read: _Columns, today: int, days: int) -> Days:
    """First day of a window of so many days that ends with today."""
    return np.full(len(read["last_day"]), today - days + 1, dtype=np.int64)


def look_back_begins(sign: Sign, *, as_of: date) -> date | None:
    """First day the sign looks at, None for the whole life."""
    days = next(definition.look_back_days for definition in DEFINITIONS if definition.sign is sign)
    return None if days is None else as_of - timedelta(days=days - 1)
