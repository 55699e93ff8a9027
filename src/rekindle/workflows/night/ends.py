"""Lives of everybody: split where somebody told us it was over and came back, and where a silence said so.

A told end always counts: a sign of life after it begins a new life, whatever the rhythm. Between two told ends a
life also ends where the silence presumes it (understand.lives).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.relationships.models import Breakup
from rekindle.understand import lives
from rekindle.understand.lives import Alive
from rekindle.workflows import bulk
from rekindle.workflows.night.reading import Ints, Reading, days, ordinal

DAY_BITS = 24  # a day number, shifted to be positive, fits into 24 bits for 20,000 years either way
DAY_ZERO = 1 << 23

LIVES = pa.schema(
    [
        ("party_id", pa.int64()),
        ("number", pa.int32()),
        ("began", pa.date32()),
        ("last_seen", pa.date32()),
        ("pulses", pa.int32()),
        ("ended_on", pa.date32()),
        ("is_presumed", pa.bool_()),
        ("ended_chance", pa.float64()),
        ("band_from", pa.date32()),
        ("band_to", pa.date32()),
        ("healed_on", pa.date32()),
        ("presumed_from", pa.date32()),
    ]
)
"""One row a life, by party and number. A life that goes on has null from ended_on to healed_on. presumed_from is the
first night on which the silence would have presumed the end, a told end or not; null where it never did."""


@dataclass(frozen=True)
class ToldEnds:
    """Ends somebody told us, sorted by party and day: (n,) each."""

    party: Ints
    day: Ints

    def keys(self) -> Ints:
        return _keys(self.party, self.day)

    def last_of(self, parties: Ints) -> Ints:
        """The last told end of each party; the least integer where there is none."""
        after = np.searchsorted(self.party, parties, side="right") - 1
        found = (
            (after >= 0) & (self.party[np.maximum(after, 0)] == parties)
            if len(self.party)
            else np.zeros(len(parties), bool)
        )
        return np.where(found, self.day[np.maximum(after, 0)] if len(self.day) else 0, np.iinfo(np.int64).min)


def told_ends(reading: Reading, summary: pa.Table) -> ToldEnds:
    """Ends up to the day, from the books and from events of kind `ended`."""
    parties, ended = bulk.read(
        Breakup.objects.filter(relationship__brand=reading.brand, ended_on__lte=reading.as_of, withdrawn_at=None),
        "relationship__party_id",
        "ended_on",
    )
    told = np.array(ended, dtype="datetime64[D]").astype(np.int64) if ended else np.zeros(0, np.int64)
    said = summary.filter(pc.is_valid(summary["ended_day"]))
    party = np.concatenate([np.array(parties, dtype=np.int64), said["party_id"].to_numpy()])
    day = np.concatenate([told, ordinal(said["ended_day"])])
    keys = np.unique(_keys(party, day))
    return ToldEnds(keys >> DAY_BITS, (keys & ((1 << DAY_BITS) - 1)) - DAY_ZERO)


def all_lives(pulse_days: pa.Table, told: ToldEnds, *, alive: Alive, crowd_gap_q95: float, as_of: int) -> pa.Table:
    """LIVES of everybody with a sign of life.

    pulse_days  (party_id, day) distinct and sorted, none after as_of
    """
    party, day = pulse_days["party_id"].to_numpy(), ordinal(pulse_days["day"])
    if not len(party):
        return LIVES.empty_table()
    stretch = _stretches(party, day, told)
    split = lives.split_lives(stretch, day, alive=alive, crowd_gap_q95=crowd_gap_q95, as_of=as_of)
    first = np.flatnonzero(np.concatenate(([True], stretch[1:] != stretch[:-1])))
    return _joined(split, party[first], told)


def _stretches(party: Ints, day: Ints, told: ToldEnds) -> Ints:
    """A number a stretch of one person's days without a told end between them."""
    before = np.searchsorted(told.keys(), _keys(party, day), side="left")
    new = np.concatenate(([True], (party[1:] != party[:-1]) | (before[1:] != before[:-1])))
    return np.cumsum(new) - 1


def _joined(split: pa.Table, party_of: Ints, told: ToldEnds) -> pa.Table:
    """Stretches back to people: lives numbered through, a told end closing the last life before it."""
    stretch = split["party_id"].to_numpy()
    party = party_of[stretch]
    began, last_seen = ordinal(split["began"]), ordinal(split["last_seen"])
    last_of_stretch = np.append(stretch[1:] != stretch[:-1], True)
    same_person_next = np.append(party[1:] == party[:-1], False)
    number = np.arange(len(party)) - np.searchsorted(party, party) + 1
    at = np.searchsorted(told.keys(), _keys(party, last_seen), side="left")
    at_most = np.minimum(at, max(len(told.party) - 1, 0))
    has_end = last_of_stretch & (at < len(told.party)) if len(told.party) else np.zeros(len(party), bool)
    if len(told.party):
        has_end &= told.party[at_most] == party
    told_day = told.day[at_most] if len(told.party) else np.zeros(len(party), np.int64)
    # A presumed end in the last life of a stretch was read as of today; a return after a told end takes it back.
    presumed = split["ended"].to_numpy(zero_copy_only=False) & ~has_end
    ended = has_end | presumed
    presumed_from, low, high, healed = (
        ordinal(split[name]) for name in ("presumed_from", "band_low", "band_high", "healed_on")
    )
    healed = np.where(has_end & same_person_next, np.append(began[1:], 0), healed)
    never = np.iinfo(np.int64).min
    not_healed = ~ended | (healed == never) | (has_end & ~same_person_next)
    return pa.table(
        {
            "party_id": party,
            "number": number.astype(np.int32),
            "began": split["began"],
            "last_seen": split["last_seen"],
            "pulses": split["purchases"],
            "ended_on": days(np.where(has_end, told_day, presumed_from), unknown=~ended),
            "is_presumed": presumed,
            "ended_chance": pa.array(np.where(has_end, 1.0, np.round(_or_nan(split["p_ended"]), 3)), mask=~ended),
            "band_from": days(np.where(has_end, told_day, low), unknown=~ended),
            "band_to": days(np.where(has_end, told_day, high), unknown=~ended),
            "healed_on": days(healed, unknown=not_healed),
            "presumed_from": days(presumed_from, unknown=presumed_from == never),
        },
        schema=LIVES,
    )


def _or_nan(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _keys(party: Ints, day: Ints) -> Ints:
    """One sortable integer a person and day."""
    return (party << DAY_BITS) | (day + DAY_ZERO)
