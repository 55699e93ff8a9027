"""The hidden truth of the simulated gym, one row a life: what no business ever sees, for tests and honest scores."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rekindle.simulate.lives import LIVES, WOUNDS, Lives
from rekindle.simulate.people import PLANS, Bools, Ints, People
from rekindle.simulate.window import NEVER, Window
from rekindle.simulate.words import REASONS

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def truth_table(
    people: People,
    lives: Lives,
    *,
    members: Ints,
    labels: list[str],
    last_visit: Ints,
    window: Window,
) -> pa.Table:
    """One row for every life that began by the end of the window, ordered by person and life.

    members      (n, LIVES) index into `labels`, the member number used in each life
    last_visit   (n, LIVES) day number of the last visit in each life, NEVER where there is none
    Columns: party (int, one a human being), member, life, began_on, fading_from, true_left_on (last day really with
    us: the last contract day of those who told us, the last visit of the quiet; null while the person is with us),
    quiet, reason, wound, noticed_on, ended_on, paid_until, returned_on (first day of the next life), never_again,
    visits_per_week, regularity_k, favourite_weekday, plan, never_started, satisfaction.
    """
    person, number = np.nonzero(lives.began < window.days)
    began, left = lives.began[person, number], lives.left[person, number]
    quiet, reason = lives.quiet[person, number], lives.reason[person, number]
    gone = left < window.days
    seen = last_visit[person, number]
    true_left = np.where(quiet, np.where(seen < NEVER, seen, np.maximum(began, 0)), left)
    known = (reason >= 0) & (
        (lives.fades[person, number] < window.days) | (lives.noticed[person, number] < window.days)
    )
    next_began = np.full(lives.began.shape, NEVER)
    next_began[:, : LIVES - 1] = lives.began[:, 1:]
    forever = lives.forever[person] & (lives.forever_on[person] < window.days)

    def dates(days: Ints, when: Bools | None = None) -> pa.Array:
        return dates_of(days, window=window, when=when, within=False)

    return pa.table(
        {
            "party": pa.array(person, pa.int64()),
            "member": pa.array(labels).take(pa.array(members[person, number])),
            "life": pa.array(number + 1, pa.int64()),
            "began_on": dates(began),
            "fading_from": dates_of(lives.fades[person, number], window=window),
            "true_left_on": dates(true_left, gone),
            "quiet": pa.array(quiet, mask=~known),
            "reason": pa.array([reason.word for reason in REASONS]).take(pa.array(reason, mask=~known)),
            "wound": pa.array(WOUNDS).take(pa.array(lives.wound[person, number])),
            "noticed_on": dates_of(lives.noticed[person, number], window=window),
            "ended_on": dates(lives.ended[person, number], lives.noticed[person, number] < window.days),
            "paid_until": dates(lives.paid_until[person, number], gone),
            "returned_on": dates_of(next_began[person, number], window=window),
            "never_again": pa.array(forever),
            "visits_per_week": pa.array(np.round(people.rate[person], 4)),
            "regularity_k": pa.array(np.round(people.k[person], 4)),
            "favourite_weekday": pa.array(WEEKDAYS).take(pa.array(people.weekdays[person].argmax(axis=1))),
            "plan": pa.array([plan.word for plan in PLANS]).take(pa.array(people.plan[person])),
            "never_started": pa.array(~people.starts[person]),
            "satisfaction": pa.array(np.round(lives.satisfaction[person], 4)),
        }
    )


def dates_of(days: Ints, *, window: Window, when: Bools | None = None, within: bool = True) -> pa.Array:
    """Day numbers as date32; null where `when` is false, where it never happens, or `within` the window fails."""
    known = days < (window.days if within else NEVER // 2)
    if when is not None:
        known = known & when
    first = int(np.datetime64(window.first, "D").astype(np.int64))
    return pa.array((days + first).astype(np.int32), pa.int32(), mask=~known).cast(pa.date32())
