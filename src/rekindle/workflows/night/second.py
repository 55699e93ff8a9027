"""Second lives beside first ones, for ends of each kind: how long, how much, and what each return would be worth.

The value of a return is counted from the restart, over one span, and is never added to what the first life brought.
Money is margin where the business has told its margin, as in every outlook; it is not discounted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import NotEnoughData
from rekindle.journal.models import Fit
from rekindle.understand import second_lives
from rekindle.understand.second_lives import Interval, LifeRecord, OwnPace, SecondLives
from rekindle.workflows.night import life_money
from rekindle.workflows.night.left import KINDS, Lived
from rekindle.workflows.night.reading import Ints, Reading, floats, place_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Returned:
    """What second lives after one kind of end taught.

    n             second lives seen
    lives, pace   None where too few came back, or where money cannot be told
    party         (p,) people by number, with what their first life brought and in how many days
    """

    n: int
    lives: SecondLives | None
    pace: OwnPace | None
    currency: str
    why_none: str
    why_no_money: str
    party: Ints = field(repr=False)
    first_money: Floats = field(repr=False)
    first_days: Floats = field(repr=False)

    @property
    def horizon_days(self) -> int | None:
        return self.lives.horizon_days if self.lives is not None and self.pace is not None else None

    def of_people(self, party: Ints) -> tuple[Floats, Floats, Floats]:
        """(n,) what a second life of each would bring within the horizon, low and high; NaN where not known."""
        if self.lives is None or self.pace is None or not len(self.party):
            unknown = np.full(len(party), np.nan)
            return unknown, unknown, unknown
        at = place_of(party, self.party)
        money = np.where(at >= 0, self.first_money[at], np.nan)
        days = np.where(at >= 0, self.first_days[at], np.nan)
        return second_lives.value_of_return(self.lives, self.pace, money, days)


def learn(reading: Reading, lives: pa.Table, lived: Lived) -> dict[str, Returned]:
    """Second lives after each kind of end."""
    summary = reading.read("summary")
    currencies = pc.unique(summary["currency"].drop_null()).to_pylist()
    money = _money(reading, lives, lived, summary)
    why = ""
    if len(currencies) > 1:
        why = f"amounts are in {', '.join(sorted(currencies))}: load one currency to have values told."
    elif not np.nan_to_num(money).any():
        why = "no amounts are on record."
    is_first = lived.number == 1
    people = lived.party[is_first]
    of_first = np.flatnonzero(is_first)
    first_of = of_first[np.searchsorted(people, lived.party)] if len(people) else np.zeros(0, np.int64)
    currency = currencies[0] if len(currencies) == 1 else ""
    found = {}
    for kind in KINDS:
        later = lived.follows == kind
        shared = {
            "n": int(later.sum()),
            "currency": currency,
            "party": people,
            "first_money": money[is_first],
            "first_days": lived.lasted[is_first].astype(np.float64),
        }
        found[kind] = _after(lived, np.zeros(len(money)) if why else np.nan_to_num(money), later, first_of, why, shared,
                             at_most_days=reading.brand.value_horizon_days)  # fmt: skip
    return found


def _after(
    lived: Lived,
    money: Floats,
    later: npt.NDArray[np.bool_],
    first_of: Ints,
    why_no_money: str,
    shared: dict[str, Any],
    *,
    at_most_days: int,
) -> Returned:
    """One kind: lives that follow such an end, against all first lives."""
    rows = later | (lived.number == 1)
    try:
        both = second_lives.compare(
            lived.lasted[rows],
            lived.ended[rows],
            money[rows],
            number=np.where(later[rows], 2, 1),
            at_most_days=at_most_days,
        )
    except NotEnoughData as error:
        return Returned(lives=None, pace=None, why_none=str(error), why_no_money=why_no_money, **shared)
    pace = None
    if not why_no_money:
        first = first_of[later]
        try:
            pace = second_lives.own_pace(
                money[first],
                lived.lasted[first],
                money[later],
                lived.lasted[later],
                everyone=both.first.value_per_day.value,
            )
        except NotEnoughData as error:
            why_no_money = str(error)
    return Returned(lives=both, pace=pace, why_none="", why_no_money=why_no_money, **shared)


def _money(reading: Reading, lives: pa.Table, lived: Lived, summary: pa.Table) -> Floats:
    """(n,) margin of each life; NaN where a person's amounts are of several currencies."""
    at = place_of(lived.party, summary["party_id"].to_numpy())
    whole = floats(summary["money_minor"])
    money = np.where(at >= 0, whole[at], np.nan) if len(whole) else np.full(len(lived.party), np.nan)
    several = life_money.of_lives(reading, lives)
    key = (several["party_id"].to_numpy() << 16) | several["number"].to_numpy().astype(np.int64)
    found = place_of((lived.party << 16) | lived.number, key)
    own = floats(several["money_minor"])
    split = (found >= 0) & ~np.isnan(money)
    money[split] = own[found[split]]
    margin = float(reading.brand.margin) if reading.brand.margin is not None else 1.0
    return np.asarray(money * margin)


def write_fit(reading: Reading, returned: dict[str, Returned], *, first: str, fingerprint: str) -> None:
    """The comparison as a row of the journal: the kind of end that returns are told of first, the other beside it."""
    order = [first, *(kind for kind in KINDS if kind != first)]
    known = [(kind, both) for kind in order if (both := returned[kind].lives) is not None]
    if not known:
        return
    kind, both = known[0]
    shown = returned[kind]
    pace = shown.pace
    Fit.objects.create(
        night=reading.night,
        model="second_lives",
        unit="days",
        parameters={
            "second_days": round(both.second.days.value, 2),
            "first_days": round(both.first.days.value, 2),
            "ratio": round(both.ratio.value, 4),
            **({"pull_days": round(pace.pull_days, 1), "pace_ratio": round(pace.ratio.value, 4)} if pace else {}),
        },
        n=shown.n,
        boundary=shown.why_no_money or None,
        why=f"lives within {both.horizon_days} days of their beginning; the value counts from the restart",
        state={"headline": kind, "kinds": {one: _document(returned[one], lives) for one, lives in known}},
        fingerprint=fingerprint,
    )


def _document(returned: Returned, both: SecondLives) -> dict[str, Any]:
    told = returned.pace is not None
    return {
        "n": returned.n,
        "horizon_days": both.horizon_days,
        "first_days": _interval(both.first.days),
        "second_days": _interval(both.second.days),
        "ratio": _interval(both.ratio),
        "value_per_day": {"first": _a_day(both.first, told), "second": _a_day(both.second, told)},
        "value": _interval(both.second.value) if told else None,
        "first_value": _interval(both.first.value) if told else None,
        "currency": returned.currency if told else "",
    }


def _a_day(record: LifeRecord, told: bool) -> dict[str, float] | None:
    return _interval(record.value_per_day) if told else None


def _interval(told: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(told).items()}


def whole_money(values: Floats) -> pa.Array:
    """Minor units rounded to a whole hundred, as pages show them; null where not known."""
    unknown = ~np.isfinite(values)
    return pa.array(np.where(unknown, 0, np.round(np.nan_to_num(values) / 100) * 100).astype(np.int64), mask=unknown)
