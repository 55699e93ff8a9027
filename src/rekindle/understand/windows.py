"""The rolling windows of the summary: which columns there are, over which days, and what each of them adds up."""

from __future__ import annotations

from dataclasses import dataclass

NEVER = -(2**31)
"""A day before all days: the neutral element of max()."""


@dataclass(frozen=True)
class Window:
    """One rolling count: `measure` summed over days whose age a = as_of - day has youngest <= a < oldest."""

    column: str
    measure: str
    youngest: int
    oldest: int


WINDOWS = (
    Window("pulses_7", "pulse", 0, 7),
    Window("pulses_30", "pulse", 0, 30),
    Window("pulses_90", "pulse", 0, 90),
    Window("pulses_365", "pulse", 0, 365),
    Window("pulses_prev_90", "pulse", 90, 180),
    Window("money_90", "money", 0, 90),
    Window("money_prev_90", "money", 90, 180),
    Window("complaints_90", "complaint", 0, 90),
    Window("payments_failed_90", "payment_failed", 0, 90),
    Window("refunds_90", "refund", 0, 90),
    Window("visits_30", "visit", 0, 30),
    Window("visits_prev_30", "visit", 30, 60),
    Window("payments_90", "payment", 0, 90),
    Window("visits_90", "visit_day", 0, 90),
    Window("visits_prev_90", "visit_day", 90, 180),
    Window("purchases_90", "purchase_day", 0, 90),
    Window("purchases_prev_90", "purchase_day", 90, 180),
    Window("uses_90", "use_day", 0, 90),
    Window("uses_prev_90", "use_day", 90, 180),
    Window("paid_60", "paid", 0, 60),
    Window("paid_log_60", "paid_log", 0, 60),
    Window("paid_prev_180", "paid", 60, 240),
    Window("paid_log_prev_180", "paid_log", 60, 240),
    Window("paid_log_sq_240", "paid_log_sq", 0, 240),
    Window("seats_60", "seats", 0, 60),
    Window("seats_log_60", "seats_log", 0, 60),
    Window("seats_prev_180", "seats", 60, 240),
    Window("seats_log_prev_180", "seats_log", 60, 240),
    Window("seats_log_sq_240", "seats_log_sq", 0, 240),
)
"""pulses_*, visits_*, purchases_* and uses_* count distinct days, payments_*, complaints_* and refunds_* events;
money_* are sums in minor units. paid_* are the days with a payment, seats_* those on which a use told how many used
it; *_log_* sum the logs of that day's amount or number, *_log_sq_* their squares, in steps of 1 / LOG_STEPS."""

COUNTED = ("complaint", "payment_failed", "refund", "payment")
HABITS = (
    "visit_day", "purchase_day", "use_day", "paid", "paid_log", "paid_log_sq", "seats", "seats_log", "seats_log_sq",
)  # fmt: skip
"""Measures of single days that `habits` gives."""
LOG_STEPS = 100_000
"""Logs are summed as whole numbers, so that an increment is exact. At a hundred-thousandth an amount of up to 100,000
minor units comes back to the unit, and the squares of 400,000 days still fit into 63 bits."""
