"""What each caution sign was worth here: measured on the business's own endings.

The definitions are those every report shares:
    base rate      people who ended within the horizon / people live at the cut-off
    precision      ended within the horizon / raised
    false alarms   raised among those who stayed / those who stayed
    caught         endings with the sign raised at a cut-off whose horizon covers them
    lead time      end - first such cut-off, days; the sign may have been there earlier, never later
One row counted is a person at a cut-off. The same person raised at five cut-offs is not five pieces of evidence,
so the interval of the precision (Wilson, 80 %) takes the number of different people as its n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.errors import BadInput

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MEASURED: Final = pa.schema(
    [
        ("code", pa.string()),
        ("horizon_days", pa.int32()),
        ("raised", pa.int64()),  # person x cut-off
        ("people", pa.int64()),  # different people among them
        ("ended", pa.int64()),  # of the raised, within the horizon
        ("precision", pa.float64()),  # null under ENOUGH raised; `reason` says so
        ("precision_low", pa.float64()),
        ("precision_high", pa.float64()),
        ("base_rate", pa.float64()),
        ("false_alarm_rate", pa.float64()),
        ("endings", pa.int64()),  # endings that any cut-off could have warned of
        ("caught", pa.int64()),
        ("missed", pa.int64()),
        ("lead_days", pa.float64()),  # median, and the quartiles
        ("lead_low", pa.float64()),
        ("lead_high", pa.float64()),
        ("reason", pa.string()),
    ]
)

ENOUGH: Final = 20
"""Raised fewer times, the 80 % interval of a precision is wider than 0.28 at its widest: no figure is shown."""
Z80: Final = 1.2815515655446004
"""Normal quantile of a two-sided 80 % interval, the width used for people everywhere in the product."""


def measure(
    raised: pa.Table,
    *,
    live: pa.Table,
    endings: pa.Table,
    horizon_days: int,
    codes: Sequence[str],
    known_until: date,
) -> pa.Table:
    """How often each sign came before an ending, how often before nothing, and how long ahead.

    raised       party_id, code, cutoff date32: signs at earlier days, computed from what was known then
    live         party_id, cutoff date32: everyone in a relationship at each of these days
    endings      party_id, end_day date32: recorded ends, and the quiet ones by the caller's rule
    codes        the signs to report, in order
    known_until  last day whose endings are known
    Gives MEASURED, one row a code; a figure that cannot be told is null and `reason` says why.
    Raises BadInput when a cut-off's horizon is not over yet, or a raised row is not among the live.
    """
    parties, live_party = np.unique(live["party_id"].to_numpy(), return_inverse=True)
    live_day = _days(live["cutoff"])
    if len(live_day) and date(1970, 1, 1) + timedelta(days=int(live_day.max()) + horizon_days) > known_until:
        last = date(1970, 1, 1) + timedelta(days=int(live_day.max()))
        raise BadInput(
            f"cut-off {last} plus {horizon_days} days lies after {known_until}",
            where="measuring signs",
            remedy="Leave out cut-offs whose horizon is not over.",
        )
    keys = _key(live_party, live_day)
    order = np.argsort(keys, kind="stable")
    keys, live_party, live_day = keys[order], live_party[order], live_day[order]
    ending = _first_ending(parties, endings, live_party=live_party, live_day=live_day)
    within = ending.day <= live_day + horizon_days
    base_rate = float(within.mean()) if len(keys) else None
    # One ending seen from several cut-offs is one ending.
    warned = np.unique(ending.index[within])

    rows = [
        _row(
            code,
            at=_positions(raised.filter(compute.equal(raised["code"], code)), parties=parties, keys=keys),
            party=live_party,
            day=live_day,
            ending=ending,
            within=within,
            endings=len(warned),
        )
        | {"horizon_days": horizon_days, "base_rate": base_rate}
        for code in codes
    ]
    return pa.Table.from_pylist(rows, schema=MEASURED)


@dataclass(frozen=True)
class _Ending:
    """For each live row: the first ending after it, its place in the sorted endings (-1 none) and its day."""

    index: Ints
    day: Ints


_NEVER: Final = 2**40  # days; far beyond any horizon


def _first_ending(parties: Ints, endings: pa.Table, *, live_party: Ints, live_day: Ints) -> _Ending:
    known = np.isin(endings["party_id"].to_numpy(), parties)
    party = np.searchsorted(parties, endings["party_id"].to_numpy()[known])
    end_keys = np.unique(_key(party, _days(endings["end_day"])[known]))
    found = np.searchsorted(end_keys, _key(live_party, live_day), side="right")
    exists = found < len(end_keys)
    key = end_keys[np.where(exists, found, 0)] if len(end_keys) else np.zeros(len(found), dtype=np.int64)
    exists &= (key >> _SHIFT) == live_party
    return _Ending(np.where(exists, found, -1), np.where(exists, (key & _DAY_MASK) - _OFFSET, _NEVER))


def days_to_ending(live: pa.Table, endings: pa.Table) -> NDArray[np.float64]:
    """(n,) days from each cut-off to that person's first ending after it, in the order given; inf where there is none.

    live      party_id, cutoff date32
    endings   party_id, end_day date32
    """
    parties, party = np.unique(live["party_id"].to_numpy(), return_inverse=True)
    day = _days(live["cutoff"])
    ending = _first_ending(parties, endings, live_party=party, live_day=day)
    return np.where(ending.index >= 0, (ending.day - day).astype(np.float64), np.inf)


def _row(
    code: str, *, at: Ints, party: Ints, day: Ints, ending: _Ending, within: Bools, endings: int
) -> dict[str, object]:
    """Everything about one sign; `at` are the places of its raised rows among the live ones, sorted."""
    hits = at[within[at]]
    people = len(np.unique(party[at]))
    caught, first = np.unique(ending.index[hits], return_index=True)  # rows are in order of party and day
    lead = (ending.day[hits] - day[hits])[first]
    stays = len(within) - int(within.sum())
    row: dict[str, object] = {
        "code": code, "raised": len(at), "people": people, "ended": len(hits),
        "endings": endings, "caught": len(caught), "missed": endings - len(caught),
        "false_alarm_rate": (len(at) - len(hits)) / stays if stays else None,
        "lead_days": float(np.median(lead)) if len(lead) else None,
        "lead_low": float(np.quantile(lead, 0.25)) if len(lead) else None,
        "lead_high": float(np.quantile(lead, 0.75)) if len(lead) else None,
    }  # fmt: skip
    if len(at) < ENOUGH:
        times = (
            "never so far" if not len(at) else "only once so far" if len(at) == 1 else f"only {len(at)} times so far"
        )
        return row | {"reason": times}
    precision = len(hits) / len(at)
    low, high = wilson(precision, n=people)
    return row | {"precision": precision, "precision_low": low, "precision_high": high}


def wilson(share: float, *, n: int, z: float = Z80) -> tuple[float, float]:
    """Wilson score interval of a share seen in n (80 % unless told otherwise). Raises BadInput for n < 1.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if n < 1:
        raise BadInput(f"a share needs at least one case, n is {n}", where="Wilson interval")
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At a share of 0 or 1 the bound is the share itself, which rounding may miss by the last bit.
    return min(share, max(0.0, float(centre - half))), max(share, min(1.0, float(centre + half)))


@dataclass(frozen=True)
class Trust:
    """Which signs count, and for every sign measured one sentence why it does or does not."""

    codes: frozenset[str]
    why: dict[str, str]


def trusted(measured: pa.Table | None, *, when_unmeasured: str = "silence") -> Trust:
    """The signs that may put somebody at risk.

    A sign counts when even the low end of its measured precision is above the base rate. Before anything could be
    measured, silence beyond the own rhythm counts alone: it is the only sign that needs nobody else's history.
    """
    rows = [] if measured is None else measured.to_pylist()
    why = {row["code"]: _why(row) for row in rows}
    if all(row["precision"] is None for row in rows):
        why[when_unmeasured] = "counts for now: nothing has been measured here yet, and it rests on the own rhythm"
        return Trust(frozenset({when_unmeasured}), why)
    counts = (row for row in rows if row["precision"] is not None and row["precision_low"] > row["base_rate"])
    return Trust(frozenset(row["code"] for row in counts), why)


def _why(row: dict[str, object]) -> str:
    if row["precision"] is None:
        return f"does not count yet: raised {row['reason']}"
    verb = "counts" if float(str(row["precision_low"])) > float(str(row["base_rate"])) else "does not count"
    return (
        f"{verb}: {row['precision']:.0%} of those who showed it ended within {row['horizon_days']} days "
        f"({row['precision_low']:.0%} to {row['precision_high']:.0%}), of everyone {row['base_rate']:.0%}"
    )


def at_risk(party_id: Ints, *, raised: pa.Table, trust: Trust) -> Bools:
    """(n,) bool: whether each of these people shows at least one sign that counts."""
    counting = compute.is_in(raised["code"], value_set=pa.array(sorted(trust.codes), pa.string()))
    return np.isin(party_id, raised.filter(counting)["party_id"].to_numpy())


_SHIFT: Final = 24
_DAY_MASK: Final = (1 << _SHIFT) - 1
_OFFSET: Final = 1 << 23  # days from 1970 may be negative; 2**23 days are 22,900 years either way


def _key(party: Ints, day: Ints) -> Ints:
    """One sortable integer a person and day."""
    return (party.astype(np.int64) << _SHIFT) | (day + _OFFSET)


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int32()).to_numpy(), dtype=np.int64)


def _positions(raised: pa.Table, *, parties: Ints, keys: Ints) -> Ints:
    """Where the raised rows stand among the sorted live rows, sorted and each once."""
    party_id, day = raised["party_id"].to_numpy(), _days(raised["cutoff"])
    party = np.searchsorted(parties, party_id)
    wanted = _key(np.minimum(party, max(len(parties) - 1, 0)), day)
    at = np.searchsorted(keys, wanted)
    there = at < len(keys)
    there[there] = (keys[at[there]] == wanted[there]) & (
        parties[np.minimum(party, len(parties) - 1)][there] == party_id[there]
    )
    if not there.all():
        row = int(np.argmin(there))
        cutoff = date(1970, 1, 1) + timedelta(days=int(day[row]))
        raise BadInput(
            f"person {int(party_id[row])} is raised at {cutoff} but not live then",
            where="measuring signs",
            remedy="Raise signs among the live only.",
        )
    return np.unique(at)
