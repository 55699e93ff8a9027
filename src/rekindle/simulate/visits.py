"""The visits of the simulated gym: a gamma rhythm in each person's own time.

Each person has an expected number of visits for every day (weekday pattern x season x fading x holidays). Its
running total is the person's own clock; visits fall where a renewal process with gamma gaps of mean 1 and shape k
strikes on that clock. So k is the regularity whatever the weekday pattern, and a Tuesday person comes on Tuesdays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekindle.simulate.lives import LIVES, Lives
from rekindle.simulate.people import Floats, Ints, People
from rekindle.simulate.window import NEVER, Window
from rekindle.simulate.words import INJURY

# People at a time: 2,048 x 730 days of float64 are 12 MB.
BLOCK = 2048


def visits(people: People, lives: Lives, *, window: Window, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """(person, day) of every visit, at most one a person and day, ordered by person and day."""
    crowd = window.crowd()
    persons, days = [], []
    for start in range(0, len(people), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(people)))
        pull = _pull(people, lives, block, crowd=crowd, window=window)
        person, day = _strikes(pull, k=people.k[block], rng=rng)
        persons.append(block[person])
        days.append(day)
    return np.concatenate(persons), np.concatenate(days)


def _pull(people: People, lives: Lives, block: Ints, *, crowd: Floats, window: Window) -> Floats:
    """(b, days) expected visits of each person on each day."""
    every_day = np.arange(window.days)
    weekday = window.weekdays(every_day)
    pull = people.weekdays[block][:, weekday] * crowd
    pull *= _presence(people, lives, block, every_day=every_day)
    for absence in range(people.away.shape[1]):
        first, length = people.away[block, absence, 0], people.away[block, absence, 1]
        pull[(every_day >= first[:, None]) & (every_day < (first + length)[:, None])] = 0.0
    for number in range(LIVES):  # the first day of a life usually is a visit: the induction, the coming back
        began = lives.began[block, number]
        here = np.flatnonzero((began >= 0) & (began < window.days))
        pull[here, began[here]] += 1.5 * (crowd[began[here]] > 0)
    return pull


def _presence(people: People, lives: Lives, block: Ints, *, every_day: Ints) -> NDArray[np.float32]:
    """(b, days) 0 outside every life, about 1 inside, less while it fades or where the habit never formed."""
    total = np.zeros((len(block), len(every_day)), dtype=np.float32)
    for number in range(LIVES):
        rows = np.flatnonzero(lives.began[block, number] < NEVER)
        who = block[rows]
        began, left = lives.began[who, number][:, None], lives.left[who, number][:, None]
        fades, quiet = lives.fades[who, number][:, None], lives.quiet[who, number][:, None]
        age = every_day - began
        level = np.ones(age.shape, dtype=np.float32)
        level += np.where(age < 35, 0.25, 0.0).astype(np.float32)
        level[(age > 18) & ~people.starts[who][:, None]] = 0.02
        thinning = 1.0 - 0.95 * (every_day - fades) / np.maximum(left - fades, 1)
        floor = np.where(lives.reason[who, number] == INJURY, 0.04, 0.60)[:, None]
        fading = np.where(quiet, np.clip(thinning, 0.05, 1.0), floor)
        level *= np.where(every_day >= fades, fading, 1.0).astype(np.float32)
        level *= (age >= 0) & (every_day <= left)
        total[rows] += level
    return total


def _strikes(pull: Floats, *, k: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Where gamma gaps of mean 1 and shape k strike on each row's running total; (row, day), ordered, unique."""
    rows, days = pull.shape
    clock = np.cumsum(pull, axis=1)
    length = clock[:, -1]
    draws = np.ceil(length + 6.0 * np.sqrt(length / k) + 12.0).astype(np.int64)
    owner = np.repeat(np.arange(rows), draws)
    gaps = rng.gamma(k[owner]) / k[owner]
    starts = np.cumsum(draws) - draws
    gaps[starts] *= rng.random(rows)  # the window opens in the middle of a gap
    running = np.cumsum(gaps)
    before = np.repeat(running[starts] - gaps[starts], draws)
    strikes = running - before
    inside = strikes < length[owner]
    lane = float(length.max()) + 2.0
    flat = (clock + lane * np.arange(rows)[:, None]).ravel()
    place = np.searchsorted(flat, (strikes + lane * owner)[inside], side="right")
    place = np.minimum(place, rows * days - 1)
    fresh = np.ones(len(place), dtype=np.bool_)
    fresh[1:] = place[1:] != place[:-1]
    place = place[fresh]
    return (place // days).astype(np.int64), (place % days).astype(np.int64)


def visit_seconds(people: People, person: Ints, day: Ints, *, window: Window, rng: np.random.Generator) -> Ints:
    """The second of the day of each check-in: near the person's hour, inside opening hours."""
    hour = people.hour[person] + rng.normal(0.0, 0.55, len(person))
    weekend = window.weekdays(day) >= 5
    hour = np.where(weekend, np.clip(hour, 8.5, 18.5), np.clip(hour, 6.0, 21.5))
    return (hour * 3600.0).astype(np.int64) + rng.integers(0, 900, len(person))
