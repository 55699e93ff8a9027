"""Everybody whose life goes on, asked of the hazard: chances, curve, days to expect, renewal value, as pages show them.

In slices, so that a million people need no more memory than a hundred thousand.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rekindle.understand import hazard_curve, hazard_reasons
from rekindle.understand.compression import Floats
from rekindle.understand.hazard import Hazard
from rekindle.understand.hazard_curve import LifeCurves, Settling
from rekindle.workflows.night import leaving_rows
from rekindle.workflows.night.leaving_ends import LifeEnds
from rekindle.workflows.night.leaving_rows import Columns
from rekindle.workflows.night.reading import Reading, floats, place_of

PERIOD_DAYS: Final = 30
PERIODS: Final = 12
SLICE: Final = 100_000
MANY: Final = 20_000  # from so many people the trees are asked about the 1st, 5th, 9th and 12th period only
ASK_EVERY: Final = 4
WEIGHED: Final = 2_000  # people: an average over so many stands still; contributions cost a hundred times a score
WEIGHTIEST: Final = 8
FEWEST_DAYS_OF_MONEY: Final = 90  # a first yearly payment read as a month's would be twelve times too much
_LEAST: Final = 0.001

BELIEVED: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("life", pa.int32()),
        ("p_end", pa.float64()),
        ("p_end_horizon", pa.float64()),
        ("by_cause", pa.string()),
        ("curve", pa.string()),
        ("residual_days", pa.float64()),
        ("renewal_value_minor", pa.int64()),
        ("currency", pa.string()),
        ("unknown", pa.string()),
    ]
)
"""One row a running life, by party; rounded as shown; JSON as text."""


def believed(
    reading: Reading, fit: Hazard, columns: Columns, ends: LifeEnds, summary: pa.Table, *, settles: Settling
) -> tuple[pa.Table, pa.Table]:
    """BELIEVED of everybody, and what was known of each whom the hazard was asked about, also kept as `leaving_rows`.

    Who gave notice is asked about no more: when it ends is known.
    """
    running = pa.table(
        {
            "party_id": ends.party[ends.runs],
            "number": ends.number[ends.runs],
            "began": pa.array(ends.began[ends.runs].astype(np.int32)).cast(pa.date32()),
        }
    )
    with reading.events() as (db, view):
        rows = leaving_rows.tonight(db, view, columns, running=running, brand=reading.brand, as_of=reading.as_of)
    reading.write("leaving_rows", rows)
    every = ASK_EVERY if rows.num_rows > MANY else 1
    periods = max(PERIODS, -(-reading.brand.horizon_days // PERIOD_DAYS))
    found = [_under_notice(ends)]
    for start in range(0, rows.num_rows, SLICE):
        some = rows.slice(start, SLICE)
        known = known_of(fit, some)
        if fit.boundary is None:
            curve = hazard_curve.curves(fit, known, periods=periods, ask_every=every, settles=settles)
        else:
            curve = hazard_curve.plain_curves(fit, known, periods=periods)
        found.append(_shown(reading, curve, some, summary))
    return pa.concat_tables(found).sort_by("party_id"), rows


def known_of(fit: Hazard, rows: pa.Table) -> dict[str, NDArray[Any]]:
    """The rows as columns the fit reads."""
    return {
        name: np.array(rows[name].to_pylist(), dtype=object) if name in fit.design.levels else floats(rows[name])
        for name in {*fit.design.names, fit.plain.column}
    }


def weighty(fit: Hazard, rows: pa.Table) -> list[dict[str, Any]]:
    """The columns that move the log-odds most, by the mean size of their contributions on a steady sample of people.

    More causes than one are averaged by how many ended by each. `rises` tells whether a higher value goes with higher
    odds; None for words, and where it goes both ways.
    """
    if not len(rows):
        return []
    at = np.unique(np.linspace(0, len(rows) - 1, min(WEIGHED, len(rows))).astype(np.int64))
    known = known_of(fit, rows.take(pa.array(at)))
    asked = [cause for cause in fit.causes if cause.trees]
    ends = float(sum(cause.endings for cause in asked))
    size, pull = np.zeros(len(fit.design.names)), np.zeros((len(at), len(fit.design.names)))
    for cause in asked:
        parts = hazard_reasons.contributions(fit, known, cause=cause.cause).by_column
        size += np.abs(parts).mean(axis=0) * cause.endings / ends
        pull += parts * cause.endings / ends
    order = [int(k) for k in np.argsort(-size, kind="stable")[:WEIGHTIEST] if size[k] > 0]
    return [
        {
            "column": fit.design.names[k],
            "log_odds": round(float(size[k]), 4),
            "rises": _rises(known[fit.design.names[k]], pull[:, k]),
        }
        for k in order
    ]


def _rises(values: NDArray[Any], pull: Floats) -> bool | None:
    if values.dtype == object:
        return None
    seen = np.isfinite(values)
    if seen.sum() < 2 or np.ptp(values[seen]) == 0 or np.ptp(pull[seen]) == 0:
        return None
    from scipy.stats import rankdata

    together = float(np.corrcoef(rankdata(values[seen]), rankdata(pull[seen]))[0, 1])
    return None if abs(together) < 0.3 else together > 0  # under it the line bends more than it leans; our choice


def _shown(reading: Reading, full: LifeCurves, rows: pa.Table, summary: pa.Table) -> pa.Table:
    """BELIEVED of some people; `full` reaches as far as the horizon, what is kept of it twelve periods."""
    horizon = reading.brand.horizon_days
    curve = LifeCurves(full.here[:, : PERIODS + 1], full.gone[:, : PERIODS + 1], full.period_days, full.causes)
    value, currency, why = _value(reading, curve, rows, summary)
    return pa.table(
        {
            "party_id": rows["party_id"],
            "life": rows["life_number"],
            "p_end": _share(1 - curve.here[:, 1], digits=3),
            "p_end_horizon": _share(1 - hazard_curve.p_still_here(full, horizon_days=float(horizon)), digits=2),
            "by_cause": _object(curve.causes, np.round(curve.gone[:, 1], 3)),
            "curve": _list(np.round(curve.here[:, 1:], 2)),
            "residual_days": np.round(hazard_curve.residual_days(curve)),
            "renewal_value_minor": value,
            "currency": currency,
            "unknown": why,
        },
        schema=BELIEVED,
    )


def _value(
    reading: Reading, curve: LifeCurves, rows: pa.Table, summary: pa.Table
) -> tuple[pa.Array, list[str], list[str]]:
    """Renewal value in minor units to a whole hundred, its currency, and why it is not known."""
    at = place_of(rows["party_id"].to_numpy(), summary["party_id"].to_numpy())
    # The summary names a currency only where all of a person's money is in one.
    currency = np.array(summary["currency"].fill_null("").to_pylist(), dtype=object)[at]
    money, age = floats(rows["money_365"]), floats(rows["age_days"])
    has_money = np.isfinite(money) & (currency != "")
    usable = has_money & (age >= FEWEST_DAYS_OF_MONEY)
    margin = float(reading.brand.margin) if reading.brand.margin is not None else 1.0
    each = np.where(usable, money, 0.0) / np.minimum(age, 365.0) * PERIOD_DAYS * margin
    worth = hazard_curve.renewal_value(
        curve, margin_per_period=each, discount_rate_per_year=float(reading.brand.discount_rate_per_year)
    )
    why = np.where(
        usable,
        "",
        np.where(has_money, "their money is too new to tell what a month brings", "no amount in one currency is known"),
    )
    whole = np.where(usable, np.round(worth / 100) * 100, 0).astype(np.int64)
    return pa.array(whole, mask=~usable), currency.tolist(), why.tolist()


def _under_notice(ends: LifeEnds) -> pa.Table:
    n = int(ends.notice.sum())
    nothing = pa.nulls(n)
    return pa.table(
        {
            "party_id": ends.party[ends.notice],
            "life": ends.number[ends.notice].astype(np.int32),
            "p_end": nothing,
            "p_end_horizon": nothing,
            "by_cause": ["{}"] * n,
            "curve": ["[]"] * n,
            "residual_days": nothing,
            "renewal_value_minor": nothing,
            "currency": [""] * n,
            "unknown": ["notice is given, so when it ends is known"] * n,
        },
        schema=BELIEVED,
    )


def _share(chance: Floats, *, digits: int) -> Floats:
    """Rounded as shown, but never to a certainty that no chance here is."""
    return np.asarray(np.clip(np.round(chance, digits), _LEAST, 1 - _LEAST))


def _list(values: Floats) -> pa.Array:
    """(n,) JSON lists of each row."""
    import pyarrow.compute as pc

    columns = [pa.array(values[:, k]).cast(pa.string()) for k in range(values.shape[1])]
    return pc.binary_join_element_wise("[", pc.binary_join_element_wise(*columns, ", "), "]", "")


def _object(names: tuple[str, ...], values: Floats) -> pa.Array:
    """(n,) JSON objects of each row."""
    import pyarrow.compute as pc

    parts = [
        pc.binary_join_element_wise(f"{json.dumps(name)}: ", pa.array(values[:, k]).cast(pa.string()), "")
        for k, name in enumerate(names)
    ]
    return pc.binary_join_element_wise("{", pc.binary_join_element_wise(*parts, ", "), "}", "")
