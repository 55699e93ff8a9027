"""One number a person out of every caution sign and the silence: the chance of an end within the horizon.

    logit P(end within the horizon) = b0 + sum over columns of b z

z is 1 where a sign is shown and 0 where not; beside the signs stand three columns of recency: doublings of the days
silent, doublings of the silence against the own limit (that of the sign `silence`; 0 without a rhythm), and 1 without
a rhythm. Penalised maximum likelihood: every b but b0 has a normal prior with standard deviation 1, so that a sign
seen three times cannot weigh more than it has shown; recency columns in units of their own standard deviation.

Whether it is worth more than silence alone is measured in `early_warning_record`; only then does it warn of anybody.
Source of the penalty: le Cessie & van Houwelingen (1992), "Ridge estimators in logistic regression", Applied
Statistics 41.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rekindle.errors import Degenerate, NotEnoughData
from rekindle.understand.caution_signs import RAISED, SHORTEST_SILENCE, Sign

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

PRIOR_SD: Final = 1.0
"""Log-odds: a sign that multiplies the odds by e is ordinary, one by 20 needs to be seen often. Our choice."""
FARTHEST: Final = 4.0
"""Doublings of the own limit: 16 times as long is as sure as it gets. Our choice."""

RECENCY: Final = {
    "silent": "each doubling of the days silent",
    "beyond": "each doubling of the silence against the own limit",
    "no_rhythm": "no rhythm of their own yet",
}
SIGNS: Final = tuple(sign for sign in Sign if sign is not Sign.EARLY_WARNING)
COLUMNS: Final = (*RECENCY, *(sign.value for sign in SIGNS))


@dataclass(frozen=True)
class Together:
    """The learned sign: log-odds by column (those of recency a unit of it), and what it learned from.

    base_rate   share of the rows it learned from that ended within the horizon
    """

    intercept: float
    weights: dict[str, float]
    shown: dict[str, int]
    base_rate: float
    n: int

    def chance(self, columns: Floats) -> Floats:
        """(n,) chance of an end within the horizon, in (0, 1), of `columns` rows."""
        from scipy.special import expit

        return np.asarray(expit(self.intercept + columns @ np.array([self.weights[name] for name in COLUMNS])))

    def told_weights(self) -> list[dict[str, Any]]:
        """Every column that was ever seen, heaviest first: code, label, log_odds, odds (how many fold)."""
        labels = RECENCY | {sign.value: str(sign.label) for sign in SIGNS}
        rows = [
            {"code": name, "label": labels[name], "log_odds": round(b, 4), "odds": round(float(np.exp(b)), 3)}
            for name, b in self.weights.items()
            if self.shown[name]
        ]
        return sorted(rows, key=lambda row: -abs(float(str(row["log_odds"]))))


def columns(summary: pa.Table, raised: pa.Table) -> Floats:
    """(n, k) what the combined sign reads of every SUMMARY row, in the order of COLUMNS.

    summary  SUMMARY rows by party_id
    raised   RAISED of the same day
    """
    party = summary["party_id"].to_numpy()
    silent = _floats(summary, "T") - _floats(summary, "t_x")
    limit = np.maximum(_floats(summary, "gap_q95"), SHORTEST_SILENCE)
    has_rhythm = np.isfinite(_floats(summary, "usual_gap")) & np.isfinite(silent)
    silent = np.where(np.isfinite(silent), silent, 0.0)
    beyond = np.log2((silent + 1) / (np.where(has_rhythm, limit, 0.0) + 1))
    found = np.zeros((len(party), len(COLUMNS)))
    found[:, 0] = np.log2(1 + silent)
    found[:, 1] = np.where(has_rhythm, np.clip(beyond, -FARTHEST, FARTHEST), 0.0)
    found[:, 2] = ~has_rhythm
    of_signs = raised.filter(pc.is_in(raised["code"], value_set=pa.array(COLUMNS)))
    at = pc.index_in(of_signs["code"], value_set=pa.array(COLUMNS)).to_numpy()
    found[np.searchsorted(party, of_signs["party_id"].to_numpy()), at] = 1.0
    return found


def learn(rows: Floats, ended: Bools) -> Together:
    """The combined sign by penalised maximum likelihood.

    rows    (n, k) `columns`
    ended   (n,) whether the end came within the horizon
    Raises NotEnoughData where nobody or everybody ended, Degenerate where Newton's steps do not settle.
    """
    y, n = ended.astype(np.float64), ended.size
    if not n or y.sum() in (0, n):
        raise NotEnoughData(f"{int(y.sum())} of {n} ended; nothing tells them apart.", remedy="Wait for more.")
    scale = np.ones(len(COLUMNS))
    for place in (0, 1):  # of the recency columns; signs are 0 or 1 and stay so
        spread = float(rows[:, place].std())
        scale[place] = spread if spread > 0 else 1.0
    found = _newton(np.column_stack([np.ones(n), rows / scale]), y)
    return Together(
        intercept=float(found[0]),
        weights={name: float(b) for name, b in zip(COLUMNS, found[1:] / scale, strict=True)},
        shown={name: int(count) for name, count in zip(COLUMNS, (rows != 0).sum(axis=0), strict=True)},
        base_rate=float(y.mean()),
        n=n,
    )


def _newton(z: Floats, y: Floats) -> Floats:
    """(k + 1,) the penalised maximum; the problem is concave, and halved steps never lose ground."""
    from scipy.special import expit, logit

    prior = np.full(z.shape[1], PRIOR_SD**-2)
    prior[0] = 0.0
    b = np.zeros(z.shape[1])
    b[0] = logit(y.mean())

    def loss(at: Floats) -> float:
        score = z @ at
        return float(np.sum(np.logaddexp(0, score) - y * score) + np.sum(prior * at * at) / 2)

    now = loss(b)
    for _ in range(100):
        p = expit(z @ b)
        slope = z.T @ (y - p) - prior * b
        bend = (z * (p * (1 - p))[:, None]).T @ z + np.diag(prior)
        step = np.linalg.solve(bend, slope)
        if np.abs(step).max() < 1e-9:
            return b
        size = 1.0
        while size > 1e-9 and loss(b + size * step) > now:
            size /= 2
        if size <= 1e-9:  # no better point within rounding
            return b
        b = b + size * step
        now = loss(b)
    raise Degenerate("the combined sign did not settle in 100 steps", where="early warning")


def highest(chance: Floats, party: Ints, *, count: int) -> Bools:
    """(n,) bool: the `count` people with the highest chance; of equal ones the lower number, so that nights agree."""
    chosen = np.zeros(chance.size, dtype=bool)
    chosen[np.lexsort((party, -chance))[:count]] = True
    return chosen


def warnings(together: Together, summary: pa.Table, raised: pa.Table, *, among: Bools, as_of: date) -> pa.Table:
    """RAISED rows of the combined sign as of a day, of as many people as show `silence`.

    summary   SUMMARY rows by party_id (n)
    raised    RAISED of the same day
    among     (n,) bool, who is in a relationship
    Nobody is warned of whose chance is not above the base rate.
    """
    here = np.flatnonzero(among)
    party = summary["party_id"].to_numpy()[here]
    chance = together.chance(columns(summary, raised)[here])
    count = int(pc.sum(pc.equal(raised["code"], Sign.SILENCE.value)).as_py() or 0)
    chosen = highest(chance, party, count=count) & (chance > together.base_rate)
    n = int(chosen.sum())
    return pa.table(
        {
            "party_id": party[chosen],
            "code": pa.repeat(Sign.EARLY_WARNING.value, n),
            "strength": 1 - together.base_rate / chance[chosen],
            "usual": np.full(n, together.base_rate),
            "now": chance[chosen],
            "unit": pa.repeat("share", n),
            "since": pa.repeat(pa.scalar(as_of, pa.date32()), n),
            "currency": pa.nulls(n, pa.string()),
        },
        schema=RAISED,
    )


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
