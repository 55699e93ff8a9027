"""When one person is best written to: their own hours and days, leaned on those of everybody while theirs are few.

A person's hours are counts over 24, drawn from a distribution of their own; before anything is seen it is the
business's profile, and that counts as much as `strength` observations (a Dirichlet prior). The chance of an hour is
then (own count + strength x profile) / (own number + strength): with two visits the house speaks, with forty the
person does. The hour chosen is the one around which most of that lies, over three hours, among those in which a letter
is welcome. Days of the week and gaps between two contacts are leaned on the house in the same way.

Everything is columns: one row a person. Nothing known, of them or of the house, is -1 or NaN and never a guess.
Source: the Dirichlet-multinomial posterior mean, as in Gelman et al. (2013), Bayesian Data Analysis, section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rekindle.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS, DAYS = 24, 7
WELCOME: Final = range(9, 20)
"""Hours in which a letter is welcome: the quiet hours of the rules are 20:00 to 09:00."""
STRENGTH: Final = 12.0
"""The house counts as much as so many of their own; fewer than a dozen visits can be chance. Our choice."""
HOUSE_AT_LEAST: Final = 50
"""Fewer observations of everybody are no profile. Our choice."""
NEAR: Final = 1
"""Hours to either side that count as the same habit."""
DAY_AT_LEAST, DAY_CHANCE = 8, 0.30
"""A weekday is waited for only where so many were seen and so much falls on it, twice an even share. Our choice."""
GAP_STRENGTH: Final = 3.0
"""The house's usual gap counts as much as three of their own. Our choice."""


@dataclass(frozen=True)
class Paces:
    """One row a person.

    hour          (n,) of the day where they are, 0 to 23; -1 where nothing is known
    hour_chance   (n,) how much of their doings lies within an hour of it, leaned on the house; NaN where unknown
    hour_near     (n,) how many of their own doings lie within an hour of it
    hour_seen     (n,) how many of their own doings have an hour
    weekday       (n,) 0 is Monday; -1 where no day stands out
    weekday_near  (n,) how many of their own fall on it
    """

    hour: Ints
    hour_chance: Floats
    hour_near: Ints
    hour_seen: Ints
    weekday: Ints
    weekday_near: Ints


def paces(hours: Ints, weekdays: Ints, *, house_hours: Ints, house_weekdays: Ints, strength: float = STRENGTH) -> Paces:
    """The best hour and weekday of each.

    hours, weekdays              (n, 24) and (n, 7), own counts
    house_hours, house_weekdays  (24,) and (7,), counts of everybody
    strength                     how many observations the house is worth, > 0
    Raises BadInput for counts of another shape or below zero.
    """
    _check(hours, weekdays, house_hours, house_weekdays, strength)
    seen = hours.sum(axis=1)
    chance = _around(_leaned(hours, house_hours, strength=strength))
    welcome = np.full(HOURS, -np.inf)
    welcome[list(WELCOME)] = 0.0
    # The middle of a habit, not its edge: where three hours hold as much, the one whose own hour holds most.
    single = _leaned(hours, house_hours, strength=strength)
    hour = np.argmax(chance + 1e-6 * single + welcome, axis=1) if len(hours) else np.zeros(0, np.int64)
    rows = np.arange(len(hours))
    is_known = (seen > 0) | (house_hours.sum() >= HOUSE_AT_LEAST)
    near = _around(hours.astype(np.float64))[rows, hour].astype(np.int64)
    day_chance = _leaned(weekdays, house_weekdays, strength=strength)
    day = np.argmax(day_chance, axis=1) if len(hours) else np.zeros(0, np.int64)
    stands_out = (weekdays.sum(axis=1) >= DAY_AT_LEAST) & (day_chance[rows, day] >= DAY_CHANCE)
    return Paces(
        hour=np.where(is_known, hour, -1),
        hour_chance=np.where(is_known, chance[rows, hour], np.nan),
        hour_near=np.where(is_known, near, 0),
        hour_seen=seen,
        weekday=np.where(stands_out, day, -1),
        weekday_near=np.where(stands_out, weekdays[rows, day], 0),
    )


def gaps(own_median: Floats, own_n: Ints, *, house_median: float) -> Floats:
    """(n,) days between two contacts, theirs leaned on the house's, on the scale of logarithms; NaN where not known.

    own_median    (n,) days, > 0, or NaN
    own_n         (n,) how many gaps it is the median of
    house_median  days, or NaN
    """
    own_known = (own_n > 0) & (own_median > 0)
    if not house_median > 0:  # NaN too
        return np.where(own_known, own_median, np.nan)
    own = np.log(np.where(own_known, own_median, house_median))
    weight = np.where(own_known, own_n / (own_n + GAP_STRENGTH), 0.0)
    return np.asarray(np.exp(weight * own + (1 - weight) * np.log(house_median)))


def next_at(at: datetime, *, hour: int, weekday: int = -1, zone: ZoneInfo) -> datetime:
    """The first instant from `at` on that is within that hour of the day, on that weekday, where they live.

    weekday  0 is Monday; -1: any day
    An hour that a clock change skips is the first instant behind it.
    """
    here = at.astimezone(zone)
    for ahead in range(2 * DAYS):
        day = here.date() + timedelta(days=ahead)
        if weekday >= 0 and day.weekday() != weekday:
            continue
        begins = datetime.combine(day, time(hour), tzinfo=zone)
        if here < begins + timedelta(hours=1):
            return max(begins.astimezone(at.tzinfo), at)
    raise BadInput(f"no weekday {weekday}", remedy="Give 0 for Monday to 6 for Sunday, or -1.")


def _leaned(counts: Ints, house: Ints, *, strength: float) -> Floats:
    """(n, k) chances: own counts, and the house's profile worth `strength` of them; even where it has none."""
    k = counts.shape[1]
    total = house.sum()
    profile = house / total if total >= HOUSE_AT_LEAST else np.full(k, 1.0 / k)
    return np.asarray((counts + strength * profile) / (counts.sum(axis=1, keepdims=True) + strength))


def _around(chances: Floats) -> Floats:
    """(n, 24) sums over an hour to either side; midnight lies beside eleven at night."""
    return np.asarray(sum(np.roll(chances, shift, axis=1) for shift in range(-NEAR, NEAR + 1)))


def _check(hours: Ints, weekdays: Ints, house_hours: Ints, house_weekdays: Ints, strength: float) -> None:
    for name, values, wanted in (
        ("hours", hours, (len(hours), HOURS)),
        ("weekdays", weekdays, (len(hours), DAYS)),
        ("house_hours", house_hours, (HOURS,)),
        ("house_weekdays", house_weekdays, (DAYS,)),
    ):
        if values.shape != wanted:
            raise BadInput(f"{name} has the shape {values.shape}", remedy=f"Give counts of the shape {wanted}.")
        if values.size and values.min() < 0:
            raise BadInput(f"{name} holds {values.min()}", remedy="Counts are 0 or more.")
    if not strength > 0:
        raise BadInput(f"strength is {strength}", remedy="Give more than 0.")
