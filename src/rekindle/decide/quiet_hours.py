"""The hour of the day where the person is: a delay, never a refusal for good.

Our hours are 9 to 20 local time, stricter than 8 to 21 of the Telephone Consumer Protection Act (47 CFR 64.1200(c)(1));
calls rest on Sundays too. They are the recipient's hours: by the person's own zone, else in every zone of their country
at once, else in every zone where somebody of this business plausibly lives. Letters and talks in person have no hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.decide.gate_facts import Facts, Known, never
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel

Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]

SUNDAY: Final = 6


@dataclass(frozen=True)
class Hours:
    """Open from `opens` until before `closes`, local time, on every day but those in `rests` (0 Monday, 6 Sunday)."""

    opens: time
    closes: time
    rests: frozenset[int] = frozenset()

    def is_open(self, local: datetime) -> bool:
        return self.opens <= local.time() < self.closes and local.weekday() not in self.rests


_DAY: Final = Hours(time(9), time(20))
HOURS: Final = {
    Channel.EMAIL: _DAY,
    Channel.SMS: _DAY,
    Channel.SOCIAL: _DAY,
    Channel.CALL: Hours(_DAY.opens, _DAY.closes, frozenset({SUNDAY})),
}
"""Roads that have hours. Holidays differ by place and are not known here; an operator closes them by hand."""

# A week holds every weekday; two more days carry over a Sunday and the turn of the date line.
_SEARCH_DAYS: Final = 9


def next_allowed(at: datetime, *, zones: Iterable[str], hours: Hours) -> datetime | None:
    """The first instant from `at` on, UTC, at which the hours are open in every one of the zones.

    at     an instant with a time zone
    zones  IANA names; none at all: nobody knows where, so None
    Gives None where no instant within nine days is open everywhere (zones too far apart).
    Raises BadInput for an instant without a time zone, or a zone that is not known.
    """
    if at.tzinfo is None:
        raise BadInput(f"{at} has no time zone", where="quiet hours", remedy="Pass an aware datetime.")
    places = [_zone(name) for name in zones]
    begin = moment = at.astimezone(UTC)
    while places and moment - begin <= timedelta(days=_SEARCH_DAYS):
        # Each zone can only move the moment on, so a round in which none does is the answer, and the first one.
        latest = moment
        for place in places:
            latest = _next_in(latest, place=place, hours=hours)
        if latest == moment:
            return moment
        moment = latest
    return None


def _next_in(at: datetime, *, place: ZoneInfo, hours: Hours) -> datetime:
    """The first open instant of one zone from `at` on.

    The wall clock is not trusted: an opening time may come twice or not at all when clocks change, so each candidate
    is read back from UTC.
    """
    local = at.astimezone(place)
    if hours.is_open(local):
        return at
    for ahead in range(_SEARCH_DAYS):
        day = local.date() + timedelta(days=ahead)
        for fold in (0, 1):
            found = datetime.combine(day, hours.opens, place).replace(fold=fold).astimezone(UTC)
            if found >= at and hours.is_open(found.astimezone(place)):
                return found
    raise BadInput(f"no open hour within {_SEARCH_DAYS} days in {place}", where="quiet hours")


def refused(facts: Facts, *, people: Known, channel: Channel, at: datetime) -> tuple[Bools, Bools, Instants]:
    """(asleep, nobody knows, next open instant) for each person; the instant is NaT where it is not asleep."""
    hours = HOURS.get(channel)
    if hours is None:
        return people.nobody, people.nobody, never(len(people))
    zones = people.words("time_zone").combine_chunks().dictionary_encode()
    countries = people.words("country").combine_chunks().dictionary_encode()
    by_zone = [
        _opens(at, (name,) if name in known_zones() else (), hours=hours) for name in zones.dictionary.to_pylist()
    ]
    by_country = [_opens(at, zones_of(name), hours=hours) for name in countries.dictionary.to_pylist()]
    home = _opens(at, facts.home_zones, hours=hours)
    opens = _taken(by_zone, zones)
    # What the first source does not know, the next is asked.
    opens = np.where(np.isnat(opens), _taken(by_country, countries), opens)
    is_placed = _placed(zones, known_zones()) | _placed(
        countries, {c for c in countries.dictionary.to_pylist() if zones_of(c)}
    )
    opens = np.where(np.isnat(opens) & ~is_placed, home, opens)
    unknown = np.isnat(opens)
    now = np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")
    asleep = ~unknown & (opens > now)
    return asleep, unknown, np.where(asleep, opens, np.datetime64("NaT", "us"))


def _opens(at: datetime, zones: Iterable[str], *, hours: Hours) -> np.datetime64:
    found = next_allowed(at, zones=zones, hours=hours)
    return np.datetime64("NaT", "us") if found is None else np.datetime64(found.replace(tzinfo=None), "us")


def _taken(values: list[np.datetime64], coded: pa.DictionaryArray) -> Instants:
    """The value of each person's word; NaT where there is no word."""
    table = np.array([*values, np.datetime64("NaT", "us")], dtype="datetime64[us]")
    taken: Instants = table[np.asarray(compute.fill_null(coded.indices, len(values)).to_numpy(zero_copy_only=False))]
    return taken


def _placed(coded: pa.DictionaryArray, known: Iterable[str]) -> Bools:
    """Whether the word of each person is a known one."""
    known = frozenset(known)
    is_known = np.array([*(word in known for word in coded.dictionary.to_pylist()), False], dtype=np.bool_)
    last = len(is_known) - 1
    placed: Bools = is_known[np.asarray(compute.fill_null(coded.indices, last).to_numpy(zero_copy_only=False))]
    return placed


def _zone(name: str) -> ZoneInfo:
    if name not in known_zones():
        raise BadInput(f"time zone {name!r} is not known", where="quiet hours", remedy="Say for example Europe/Berlin.")
    return ZoneInfo(name)


@cache
def known_zones() -> frozenset[str]:
    """Every IANA zone name of this system."""
    return frozenset(available_timezones())


@cache
def zones_of(country: str) -> tuple[str, ...]:
    """Every zone of a two-letter country, by the time zone database (zone.tab); empty for a country not in it."""
    return _by_country().get(country, ())


@cache
def _by_country() -> dict[str, tuple[str, ...]]:
    text = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            if zone in known_zones():
                found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}
