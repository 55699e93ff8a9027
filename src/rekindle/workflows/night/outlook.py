"""Step 5. What we believe about each person now.

1. read the lives of everybody: the current one is what the model is asked about, earlier ones stay as they were;
2. ask the chosen model: chance of no sign of life within the horizon, signs of life and value to come, with ranges;
3. days overdue against the own rhythm;
4. write an outlook where it changed to the eye: figures are kept at the precision they are shown with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.decide import worth
from rekindle.journal.models import Outlook
from rekindle.understand import choice, gammagamma, rhythm, summaries
from rekindle.understand import outlook as beliefs
from rekindle.understand.compression import Floats
from rekindle.understand.lives import Alive
from rekindle.workflows import bulk
from rekindle.workflows.night import ends, life_money
from rekindle.workflows.night.life_money import CurrentLife
from rekindle.workflows.night.reading import Ints, Reading, changed_rows, floats, ordinal, place_of

SMALLEST_SHARE = 0.001
COMPARED_WITHOUT = {"as_of", "silent_days", "overdue_days"}  # these move every night by themselves


def run(reading: Reading) -> int:
    """Gives the number of outlooks written."""
    summary, fits = reading.read("summary"), reading.noted("fits")
    chosen = choice.fit_from_json(fits["chosen"]) if fits["chosen"] else None
    filled = rhythm.with_population(summary)
    reading.tell("reading lives")
    lives = _lives(reading, summary, chosen, filled)
    reading.write("lives", lives)
    reading.tell("asking the model")
    now = life_money.of_current_life(reading, lives, summary)
    believed = _believed(reading, summary, lives, chosen, fits, now)
    reading.write("outlook", believed)
    reading.tell("writing outlooks")
    return _store(reading, believed)


def _lives(reading: Reading, summary: pa.Table, chosen: Any, filled: pa.Table) -> pa.Table:
    plan = reading.noted("plan")
    told = ends.told_ends(reading, summary)
    if summary.num_rows == 0 or not plan["pulse"]:
        return ends.LIVES.empty_table()
    with reading.events() as (db, view):
        pulses = summaries.pulse_days(
            db,
            view,
            as_of=reading.as_of,
            pulse=summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"])),
            time_zone=reading.brand.time_zone,
        )
    crowd = floats(filled.filter(pc.equal(filled["filled_from"], "population"))["gap_q95_filled"])
    crowd_q95 = float(crowd[0]) if len(crowd) and np.isfinite(crowd[0]) else _crowd_of_own(filled)
    return ends.all_lives(pulses, told, alive=_alive(chosen, filled), crowd_gap_q95=crowd_q95, as_of=_day(reading))


def _crowd_of_own(filled: pa.Table) -> float:
    """Where everyone has a rhythm of their own, the crowd's long gap is the median of theirs."""
    own = floats(filled["gap_q95_filled"])
    own = own[np.isfinite(own)]
    return float(np.median(own)) if len(own) else 0.0


def _alive(chosen: Any, filled: pa.Table) -> Alive:
    """P(alive) by the chosen model; by the own rhythm alone where that does not say whether somebody has left.

    The rhythm's chance is that of a pause at least this long, were the person still coming at their own rate, which
    one usual gap of the crowd keeps from being taken too far from few purchases.
    """
    if chosen is not None and (alive := beliefs.alive_by(chosen)) is not None:
        return alive
    usual = floats(filled["usual_gap_filled"])
    crowd = float(np.nanmedian(usual)) if np.isfinite(usual).any() else 1.0
    return lambda x, t_x, T: np.exp(-(T - t_x) * (x + 1) / (t_x + crowd))


def _believed(
    reading: Reading, summary: pa.Table, lives: pa.Table, chosen: Any, fits: dict[str, Any], now: CurrentLife
) -> pa.Table:
    """One row a person with any event, by party_id; rounded as shown."""
    party, as_of = summary["party_id"].to_numpy(), _day(reading)
    x, t_x, T, over = _current_life(party, lives, as_of)
    known = (T >= 0) & ~over
    n = len(party)
    columns: dict[str, Floats] = {name: np.full(n, np.nan) for name in FIGURES}
    unknown = np.where(T < 0, "no sign of life yet", np.where(over, "this relationship is over", "")).astype(object)
    if chosen is None:
        unknown[known] = fits["why_none"]
    elif known.any():
        value_fit = gammagamma.GammaGamma.from_json(fits["value"]) if fits["value"] else None
        means = now.money_mean_minor
        said = beliefs.outlook(
            chosen, value_fit, x[known], t_x[known], T[known], means[known],
            horizon_days=float(reading.brand.horizon_days),
            value_horizon_days=float(reading.brand.value_horizon_days),
            discount_rate_per_year=float(reading.brand.discount_rate_per_year),
        )  # fmt: skip
        for name in FIGURES:
            values = said[name]  # type: ignore[literal-required]  # FIGURES are its keys
            if values is not None:
                columns[name][known] = values
    usual = now.usual_gap  # of this life, or not known: the crowd's pace is not theirs
    last = ordinal(summary["last_day"])
    silent = np.where(T >= 0, as_of - last, 0)
    # Rounded as shown, but never to a certainty that no chance here is.
    shares = {
        name: _shown(np.clip(np.round(columns[name], 2), SMALLEST_SHARE, 1 - SMALLEST_SHARE), digits=3)
        for name in SHARES
    }
    margin = float(reading.brand.margin) if reading.brand.margin is not None else 1.0
    money = {f"{name}_minor": _whole_money(columns[name] * margin) for name in MONEY}
    return pa.table(
        {
            "party_id": summary["party_id"],
            "pulses": pc.fill_null(summary["pulse_days"], 0),
            "first_on": summary["first_day"],
            "last_on": summary["last_day"],
            **shares,
            **{name: _shown(columns[name], digits=1) for name in COUNTS},
            **money,
            "value_at_stake_minor": _whole_money(_at_stake(summary, columns["value"] * margin, columns["p_none"])),
            "spent_minor": summary["money_minor"],
            "currency": pc.fill_null(summary["currency"], ""),
            "usual_gap": _shown(usual, digits=1),
            "silent_days": pa.array(silent.astype(np.int32), mask=T < 0),
            "overdue_days": pa.array(np.round(silent - usual, 1), mask=(T < 0) | np.isnan(usual)),
            "unknown": pa.array(unknown.tolist(), pa.string()),
        }
    )


def _at_stake(summary: pa.Table, value: Floats, p_none: Floats) -> Floats:
    """What is at stake with each person, minor units; one usual sign of life's worth stands in for an unknown value."""
    spent, pulses = floats(summary["money_minor"]), floats(summary["pulse_days"])
    usual = np.divide(spent, pulses, out=np.full(len(spent), np.nan), where=pulses > 0)
    return worth.stakes(value_to_come=value, p_lose=p_none, usual_spend=usual).amount


SHARES = ("p_alive", "p_none", "p_none_low", "p_none_high")
COUNTS = ("expected", "expected_low", "expected_high")
MONEY = ("value", "value_low", "value_high")
FIGURES = (*SHARES, *COUNTS, *MONEY)


def _current_life(party: Ints, lives: pa.Table, as_of: int) -> tuple[Floats, Floats, Floats, Any]:
    """(x, t_x, T) of each person's current or last life, T = -1 where there is none, and who told us it is over."""
    of = lives["party_id"].to_numpy()
    last = np.append(of[1:] != of[:-1], True) if len(of) else np.zeros(0, bool)
    current = lives.filter(pa.array(last))
    at = place_of(party, current["party_id"].to_numpy())
    found = at >= 0
    if not current.num_rows:
        empty = np.zeros(len(party))
        return empty, empty, np.full(len(party), -1.0), np.zeros(len(party), bool)
    began, seen = ordinal(current["began"])[at], ordinal(current["last_seen"])[at]
    x = np.where(found, current["pulses"].to_numpy()[at] - 1, 0).astype(np.float64)
    t_x = np.where(found, seen - began, 0).astype(np.float64)
    T = np.where(found, as_of - began, -1).astype(np.float64)
    told = current["ended_on"].is_valid().to_numpy() & ~current["is_presumed"].to_numpy(zero_copy_only=False)
    return x, t_x, T, found & told[at]


def _store(reading: Reading, believed: pa.Table) -> int:
    """Into the books: the outlooks that changed to the eye."""
    before = reading.previous("outlook")
    compared = [name for name in believed.column_names if name not in COMPARED_WITHOUT]
    same_shape = before is not None and before.column_names == believed.column_names
    changed = changed_rows(
        believed.select(compared),
        before.select(compared) if before is not None and same_shape else None,
        key=["party_id"],
    )
    at = place_of(changed["party_id"].to_numpy(), believed["party_id"].to_numpy())
    rows = reading.with_relationship(believed.take(pa.array(at)))
    constant: Mapping[str, Any] = {
        "as_of": reading.as_of,
        "model": (reading.noted("fits")["chosen"] or {"model": ""})["model"],
        "horizon_days": reading.brand.horizon_days,
        "value_horizon_days": reading.brand.value_horizon_days,
    }
    table = rows
    for name, value in constant.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    update = [name for name in table.column_names if name != "relationship_id"]
    return bulk.insert(Outlook, table, conflict=["relationship_id"], update=update)


def _shown(values: Floats, *, digits: int) -> pa.Array:
    return pa.array(np.round(values, digits), mask=np.isnan(values))


def _whole_money(values: Floats) -> pa.Array:
    """Minor units rounded to a whole hundred, as pages show them; null where not known."""
    unknown = ~np.isfinite(values)
    return pa.array(np.where(unknown, 0, np.round(values / 100) * 100).astype(np.int64), mask=unknown)


def _day(reading: Reading) -> int:
    return int(np.datetime64(reading.as_of, "D").astype(np.int64))
