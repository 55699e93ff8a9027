"""Chances that mean what they say: of all who were told 30 %, three in ten.

Three maps from a score's chance to an honest one, learned on people the score had not seen
  none       as it is
  beta       logit g = a ln p - b ln(1 - p) + c, a, b >= 0: three numbers, smooth and rising
  isotonic   the rising steps nearest to what was seen (pool adjacent violators), each step shrunk by Jeffreys'
             half an event so that no chance is exactly 0 or 1, straight lines between the middles of steps
`learn` takes the one with the smallest log loss on parts of the people it was not learned from.
Sources: Kull, Silva Filho & Flach (2017), AISTATS, "Beta calibration"; Zadrozny & Elkan (2002), KDD; for the error,
Naeini, Cooper & Hauskrecht (2015), AAAI; for intervals of shares, Wilson (1927), JASA 22.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit, xlogy
from scipy.stats import rankdata

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.survival import Z_80

FEWEST: Final = 30  # of each outcome: fewer cannot tell three numbers
_TINY: Final = 1e-9  # a chance nearer to 0 or 1 than this is told as this
_BINS: Final = 10
_MANY: Final = 20_000  # over it log-odds are rounded to a thousandth, and equal ones counted once
PARTS: Final = 5


@dataclass(frozen=True)
class Calibration:
    """A map of chances: kind none, beta (values a, b, c) or isotonic (at -> values, both rising)."""

    kind: str
    values: list[float]
    at: list[float]

    def to_json(self) -> dict[str, Any]:
        """The map as plain JSON values."""
        return asdict(self)

    def __call__(self, chance: ArrayLike) -> Floats:
        """(n,) honest chances, inside (0, 1), never falling where the given ones rise."""
        p = np.clip(np.asarray(chance, dtype=np.float64), _TINY, 1 - _TINY)
        if self.kind == "beta":
            a, b, c = self.values
            p = expit(a * np.log(p) - b * np.log1p(-p) + c)
        elif self.kind == "isotonic":
            p = np.interp(p, self.at, self.values)
        return np.asarray(np.clip(p, _TINY, 1 - _TINY))


NONE: Final = Calibration("none", [], [])


@dataclass(frozen=True)
class Scores:
    """How chances compare with what was seen.

    n, events   rows, and how many of them saw the event
    log_loss    nats a row
    brier       mean squared error
    auc         chance that a row with the event is ranked over one without; None when all were alike
    ece         mean distance of told from seen over ten groups of equal size
    """

    n: int
    events: int
    log_loss: float
    brier: float
    auc: float | None
    ece: float


@dataclass(frozen=True)
class Reliability:
    """Groups by chance told, rising: told (g,) mean chance, seen (g,) share, low and high its 80 % Wilson interval."""

    people: Ints
    told: Floats
    seen: Floats
    low: Floats
    high: Floats


def scores(chance: ArrayLike, seen: ArrayLike) -> Scores:
    """All measures at once. Raises BadInput naming the first row that is no chance or no yes or no."""
    p, y = _checked(chance, seen)
    safe = np.clip(p, _TINY, 1 - _TINY)
    return Scores(
        n=p.size,
        events=int(y.sum()),
        log_loss=float(-np.mean(xlogy(y, safe) + xlogy(1 - y, 1 - safe))),
        brier=float(np.mean((p - y) ** 2)),
        auc=_auc(p, y),
        ece=ece(p, y),
    )


def ece(chance: ArrayLike, seen: ArrayLike, *, bins: int = _BINS, equal_width: bool = False) -> float:
    """Expected calibration error: |told - seen| averaged over groups, each by its people.

    equal_width   groups by tenths of the scale instead of tenths of the people
    """
    p, y = _checked(chance, seen)
    group = np.minimum((p * bins).astype(np.int64), bins - 1) if equal_width else _groups(p, bins)
    told, happened = np.bincount(group, weights=p), np.bincount(group, weights=y)
    return float(np.abs(told - happened).sum() / p.size)


def reliability(chance: ArrayLike, seen: ArrayLike, *, bins: int = _BINS) -> Reliability:
    """The calibration curve: up to `bins` groups of equal size. Raises BadInput as `scores`."""
    p, y = _checked(chance, seen)
    group = np.unique(_groups(p, bins), return_inverse=True)[1]
    people = np.bincount(group)
    share = np.bincount(group, weights=y) / people
    low, high = wilson(share * people, people)
    return Reliability(people.astype(np.int64), np.bincount(group, weights=p) / people, share, low, high)


def wilson(events: ArrayLike, n: ArrayLike, *, z: float = Z_80) -> tuple[Floats, Floats]:
    """Interval of a share, by default of 80 %, inside [0, 1]. n > 0."""
    k, m = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    share, grown = k / m, m + z * z
    middle = (k + z * z / 2) / grown
    half = z * np.sqrt(m * share * (1 - share) + z * z / 4) / grown
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def learn_beta(chance: ArrayLike, seen: ArrayLike) -> Calibration:
    """Beta calibration by maximum likelihood. Raises NotEnoughData under 30 of either outcome."""
    p, y = _enough(chance, seen)
    people = np.ones_like(p)
    if p.size > _MANY:
        step, row = np.unique(np.round(logit(p) * 1000), return_inverse=True)
        people = np.bincount(row).astype(np.float64)
        p, y = expit(step / 1000), np.bincount(row, weights=y) / people
    left, right, share = np.log(p), -np.log1p(-p), people / people.sum()

    def loss(at: Floats) -> tuple[float, Floats]:
        score = at[0] * left + at[1] * right + at[2]
        off = share * (expit(score) - y)
        value = np.sum(share * (np.logaddexp(0, score) - y * score))
        return float(value), np.array([np.sum(off * left), np.sum(off * right), np.sum(off)])

    found = minimize(
        loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]
    )
    return Calibration("beta", [float(v) for v in found.x], [])


def learn_isotonic(chance: ArrayLike, seen: ArrayLike) -> Calibration:
    """Isotonic calibration. Raises NotEnoughData under 30 of either outcome."""
    p, y = _enough(chance, seen)
    at, row = np.unique(p, return_inverse=True)
    people, happened = np.bincount(row).astype(np.float64), np.bincount(row, weights=y)
    blocks = isotonic_regression(happened / people, weights=people).blocks[:-1]
    size, events = np.add.reduceat(people, blocks), np.add.reduceat(happened, blocks)
    middle = np.add.reduceat(people * at, blocks) / size
    # Half an event in a small step can turn the order round; the second pass mends it.
    steps = isotonic_regression((events + 0.5) / (size + 1), weights=size).x
    return Calibration("isotonic", [float(v) for v in steps], [float(v) for v in middle])


def learn(chance: ArrayLike, seen: ArrayLike, *, part: ArrayLike) -> tuple[Calibration, Floats]:
    """The best of the three maps, and what it says of each row when learned without the row's own part.

    part   (n,) whole numbers from 0; rows that must not be told apart (of one life) share a part
    Gives NONE and the chances as they are for one part only, or where leaving a part out leaves under 30 of an outcome.
    """
    p, y = _checked(chance, seen)
    parts = np.asarray(part, dtype=np.int64)
    if parts.shape != p.shape:
        raise BadInput(f"part is {parts.shape}, wanted {p.shape}", where="calibration")
    folds = np.unique(parts)
    rest = [(y.sum() - y[parts == f].sum(), (1 - y).sum() - (1 - y)[parts == f].sum()) for f in folds]
    if folds.size < 2 or min(min(pair) for pair in rest) < FEWEST:
        return NONE, p
    best, best_loss, best_told = NONE, scores(p, y).log_loss, p
    for method in (learn_beta, learn_isotonic):
        told = np.empty_like(p)
        for f in folds:
            told[parts == f] = method(p[parts != f], y[parts != f])(p[parts == f])
        loss = scores(told, y).log_loss
        if loss < best_loss:
            best, best_loss, best_told = method(p, y), loss, told
    return best, best_told


def _groups(p: Floats, bins: int) -> Ints:
    """(n,) group of each chance; equal chances share one."""
    edges = np.quantile(p, np.arange(1, bins) / bins)
    return np.searchsorted(edges, p, side="left").astype(np.int64)


def _auc(p: Floats, y: Floats) -> float | None:
    events = y.sum()
    others = y.size - events
    if not events or not others:
        return None
    return float((rankdata(p)[y > 0].sum() - events * (events + 1) / 2) / (events * others))


def _enough(chance: ArrayLike, seen: ArrayLike) -> tuple[Floats, Floats]:
    p, y = _checked(chance, seen)
    if min(y.sum(), (1 - y).sum()) < FEWEST:
        raise NotEnoughData(
            f"{int(y.sum())} of {y.size} saw the event; calibration needs {FEWEST} who did and {FEWEST} who did not",
            remedy="Wait for more.",
        )
    return np.clip(p, _TINY, 1 - _TINY), y


def _checked(chance: ArrayLike, seen: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(chance, dtype=np.float64), np.asarray(seen, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape or not p.size:
        raise BadInput(f"chances are {p.shape}, what was seen {y.shape}", remedy="Give two columns of one length.")
    for bad, values, what in ((~((p >= 0) & (p <= 1)), p, "a chance"), ((y != 0) & (y != 1), y, "0 or 1")):
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(f"{values[row]} is not {what}", where=f"row {row}", remedy="Check the column.")
    return p, y
