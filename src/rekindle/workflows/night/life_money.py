"""What each life brought, for people with several: read once a night, by whichever step asks first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rekindle.understand import by_life, summaries
from rekindle.workflows.night.reading import Reading, floats, place_of

Floats = npt.NDArray[np.float64]
NAME = "life_money"


@dataclass(frozen=True)
class CurrentLife:
    """(n,) mean money of repeat days and usual pause of each one's current life; NaN where it does not tell yet."""

    money_mean_minor: Floats
    usual_gap: Floats


def of_current_life(reading: Reading, lives: pa.Table, summary: pa.Table) -> CurrentLife:
    """The summary's own figures for people with one life; of the last life alone for who came back."""
    mean, gap = floats(summary["money_mean_minor"]).copy(), floats(summary["usual_gap"]).copy()
    several = of_lives(reading, lives)
    party = several["party_id"].to_numpy()
    last = np.append(party[1:] != party[:-1], True) if len(party) else np.zeros(0, dtype=bool)
    at = place_of(party[last], summary["party_id"].to_numpy())
    own_mean, own_gap = (floats(several[name])[last] for name in ("money_mean_minor", "usual_gap"))
    # Where currencies mix nothing may be said of money, whatever the life.
    is_mixed = np.isnan(floats(summary["money_minor"]))
    here = at[at >= 0]
    mean[here], gap[here] = np.where(is_mixed[here], np.nan, own_mean[at >= 0]), own_gap[at >= 0]
    return CurrentLife(mean, gap)


def of_lives(reading: Reading, lives: pa.Table) -> pa.Table:
    """by_life.BY_LIFE of everybody with several lives."""
    if (reading.folder / f"{NAME}.parquet").exists():
        return reading.read(NAME)
    plan = reading.noted("plan")
    table = by_life.BY_LIFE.empty_table()
    if lives.num_rows:
        with reading.events() as (db, view):
            table = by_life.by_life(
                db,
                view,
                lives,
                as_of=reading.as_of,
                pulse=summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"])),
                time_zone=reading.brand.time_zone,
            )
    reading.write(NAME, table)
    return table
