"""A simulated gym: people who join, come, stop coming, say so or slip away, and sometimes return.

    world = live(Gym(until=date(2026, 10, 31)))
    write(world, folder)                         # the files a real gym would export, for `rekindle take-in`

Made anew from its seed: the same `Gym` gives the same bytes. What is simulated, with which rates, is in docs/demo.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import BadInput
from rekindle.simulate import money
from rekindle.simulate.contacts import ascii_word, introduce
from rekindle.simulate.files import write
from rekindle.simulate.lives import LIVES, Lives, unfold
from rekindle.simulate.people import LEAVING_TRAINER, TRAINER_LEAVES_AT, Ints, People, settle
from rekindle.simulate.register import (
    Numbers,
    cancellations_table,
    consents_table,
    number,
    organisations_table,
    people_table,
    suppressions_table,
)
from rekindle.simulate.truth import truth_table
from rekindle.simulate.visits import visit_seconds, visits
from rekindle.simulate.window import NEVER, Window, window_of
from rekindle.simulate.world import Trainer, World

__all__ = ["Gym", "World", "live", "write"]

NAME, TIME_ZONE, CURRENCY = "Northgate Gym", "Europe/Dublin", "EUR"
TRAINER_NAMES = ("Gráinne Tierney", "Marek Zieliński", "Dara Okafor", "Sinéad Mallon", "Paulo Ribeiro", "Hannah Baxter")


@dataclass(frozen=True, kw_only=True)
class Gym:
    """What to simulate: how many people in all, over how many months, up to and including which day."""

    people: int = 5000
    months: int = 24
    seed: int = 7
    until: date


def live(gym: Gym) -> World:
    """The whole world of a gym, hidden truth included; raises BadInput for a gym that cannot be."""
    _check(gym)
    window = window_of(until=gym.until, months=gym.months)
    chance = [np.random.default_rng([gym.seed, part]) for part in range(8)]
    people = settle(gym.people, window=window, rng=chance[0])
    lives = unfold(people, window=window, rng=chance[1])
    contacts = introduce(gym.people, rng=chance[2])
    checkins = _checkins(people, lives, window=window, rng=chance[3])
    entries = _everything(people, lives, checkins, window=window, rng=chance[4])
    numbers = number(lives, window=window, rng=chance[5])
    trainers = _trainers(window)
    register = people_table(
        people,
        lives,
        contacts,
        numbers=numbers,
        trainers=tuple(trainer.name for trainer in trainers),
        window=window,
        rng=chance[5],
    )
    return World(
        name=NAME,
        time_zone=TIME_ZONE,
        currency=CURRENCY,
        first=window.first,
        last=window.last,
        trainers=trainers,
        events=_event_table(entries, lives, numbers=numbers, gym=gym, window=window),
        people=register,
        cancellations=cancellations_table(lives, numbers=numbers, window=window, rng=chance[6]),
        consents=consents_table(lives, contacts, numbers=numbers, window=window, rng=chance[7]),
        suppressions=suppressions_table(lives, register, numbers=numbers, window=window, rng=chance[7]),
        organisations=organisations_table(),
        truth=truth_table(
            people,
            lives,
            members=numbers.of,
            labels=numbers.labels,
            last_visit=_last_visits(checkins, lives),
            window=window,
        ),
    )


def _check(gym: Gym) -> None:
    if not 1 <= gym.people <= 1_000_000:
        raise BadInput(f"a gym of {gym.people} people", where="people", remedy="Ask for 1 to 1,000,000.")
    if not 1 <= gym.months <= 120:
        raise BadInput(f"a window of {gym.months} months", where="months", remedy="Ask for 1 to 120.")
    if gym.until.year < 1985:
        raise BadInput(f"a gym that ends on {gym.until}", where="until", remedy="Choose a day after 1984.")
    if gym.seed < 0:
        raise BadInput(f"the seed {gym.seed}", where="seed", remedy="Choose zero or a positive number.")


def _checkins(people: People, lives: Lives, *, window: Window, rng: np.random.Generator) -> money.Log:
    person, day = visits(people, lives, window=window, rng=rng)
    second = visit_seconds(people, person, day, window=window, rng=rng)
    return money.log(person, day, second=second, kind=money.VISIT, channel=money.IN_PERSON)


def _everything(
    people: People, lives: Lives, checkins: money.Log, *, window: Window, rng: np.random.Generator
) -> money.Log:
    """All events of the window in order of time."""
    return money.joined(
        [
            checkins,
            *money.fees(people, lives, window=window, rng=rng),
            money.joining_fees(people, lives, window=window),
            money.cards(people, checkins, window=window, rng=rng),
            money.shop(checkins, rng=rng),
            *money.complaints(people, lives, window=window, rng=rng),
        ]
    )


def _event_table(entries: money.Log, lives: Lives, *, numbers: Numbers, gym: Gym, window: Window) -> pa.Table:
    n = len(entries)
    first = int(np.datetime64(window.first, "s").astype(np.int64))
    at = (first + entries.day * 86_400 + entries.second).astype("datetime64[s]")
    member = numbers.of[entries.person, money.life_of(lives, entries.person, entries.day)]
    serial = pc.utf8_lpad(pa.array(np.arange(1, n + 1)).cast(pa.string()), width=8, padding="0")
    return pa.table(
        {
            "event_id": pc.binary_join_element_wise(f"g{gym.seed}", serial, "-"),
            "member": pa.array(numbers.labels).take(pa.array(member)),
            "at": pa.array(at),
            "kind": pa.array([kind.value for kind in money.KINDS]).take(pa.array(entries.kind)),
            "amount_minor": pa.array(entries.amount, mask=~entries.has_amount),
            "currency": pa.array([CURRENCY]).take(pa.array(np.zeros(n, dtype=np.int64), mask=~entries.has_amount)),
            "channel": pa.array(money.CHANNELS).take(pa.array(entries.channel)),
            "note": pa.array(money.NOTES).take(pa.array(entries.note, mask=entries.note == money.NO_NOTE)),
        }
    )


def _last_visits(checkins: money.Log, lives: Lives) -> Ints:
    """(n, LIVES) day of the last visit in each life, NEVER where there is none."""
    last = np.full((len(lives.began), LIVES), -1, dtype=np.int64)
    np.maximum.at(last, (checkins.person, money.life_of(lives, checkins.person, checkins.day)), checkins.day)
    return np.where(last < 0, NEVER, last)


def _trainers(window: Window) -> tuple[Trainer, ...]:
    left_on = window.first + timedelta(days=int(TRAINER_LEAVES_AT * window.days))
    return tuple(
        Trainer(name, f"{ascii_word(name.split()[0])}@northgate.example.org", left_on if i == LEAVING_TRAINER else None)
        for i, name in enumerate(TRAINER_NAMES)
    )
