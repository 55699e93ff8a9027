"""Two plain guesses every model must beat: how often somebody bought, and how long they have been silent.

rate      the future repeats the past: expected = x / T * horizon, and 0 for who never repeated. For the chance of
          none that would be certainty, so there the person's rate starts from half a purchase at the crowd's rate
          (lambda ~ Gamma(x + 1/2, T + 1/(2 crowd_rate))): p_none = (1 + horizon / that)^-(x + 1/2).
          It learns one number, from the histories alone.
recency   people silent equally long behave alike: both answers come from up to 20 groups by T - t_x, learned
          from a window that has been seen. Answers only ever fall with the silence (pool adjacent violators); the
          share of a group is (k + 1/2) / (n + 1), Jeffreys, so that no chance is exactly 0 or 1. For another
          horizon h the chance of none is taken to the power h / horizon and the expectation times that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, Ints, as_numbers, checked, compress, enough

_GROUPS = 20  # our choice: twentieths follow the curve and still hold enough people in a small shop


@dataclass(frozen=True)
class Rate:
    """Everybody goes on as before.

    n            people learned from
    crowd_rate   repeat purchases of all over time of all
    """

    model: ClassVar[str] = "rate"
    boundary: ClassVar[None] = None
    log_likelihood: ClassVar[None] = None

    n: float
    crowd_rate: float

    @property
    def parameters(self) -> dict[str, float]:
        """The one number it learns, per unit of the times."""
        return {"crowd_rate": self.crowd_rate}

    def to_json(self) -> dict[str, Any]:
        """The guess as plain JSON values."""
        return {"model": self.model, **asdict(self)}

    def belief(self, x: Floats, T: Floats) -> tuple[Floats, Floats]:
        """Shape and rate, (n,) each, of the gamma spread of each person's own rate."""
        return x + 0.5, T + 0.5 / self.crowd_rate


@dataclass(frozen=True)
class Recency:
    """What groups of people did in a window of `horizon` after the histories they were sorted by.

    n            people learned from
    horizon      length of the window, in the unit of the times
    edge         (g - 1,) silences between the groups, rising
    people       (g,) people a group
    p_none       (g,) chance of no purchase, rising
    purchases    (g,) mean purchases, falling
    few, many    (g,) what one in ten stays at or under, and nine in ten stay at or under
    """

    model: ClassVar[str] = "recency"
    boundary: ClassVar[None] = None
    log_likelihood: ClassVar[None] = None

    n: float
    horizon: float
    edge: list[float]
    people: list[float]
    p_none: list[float]
    purchases: list[float]
    few: list[float]
    many: list[float]

    @property
    def parameters(self) -> dict[str, float]:
        """Nothing is fitted but the table itself."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        return {"model": self.model, **asdict(self)}


Baseline = Rate | Recency


def from_json(stored: dict[str, Any]) -> Baseline:
    """The baseline that `to_json` wrote. Raises BadInput when it is not one."""
    values = dict(stored)
    kinds: dict[Any, type[Baseline]] = {"rate": Rate, "recency": Recency}
    kind = kinds.get(values.pop("model", None))
    if kind is None:
        raise BadInput(f"stored baseline is {stored.get('model')!r}", remedy="Choose a model again.")
    try:
        return kind(**values)
    except TypeError as error:
        raise BadInput(f"stored baseline cannot be read: {error}", remedy="Choose a model again.") from error


def learn_rate(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Rate:
    """The rate baseline. Raises BadInput naming the first impossible row; NotEnoughData as the models do."""
    histories = compress(x, t_x, T)
    enough(histories)
    time = float((histories.weight * histories.T).sum())
    return Rate(n=histories.people, crowd_rate=float((histories.weight * histories.x).sum()) / time)


def learn_recency(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, seen: ArrayLike, horizon: float) -> Recency:
    """The recency baseline.

    x, t_x, T   (n,) histories up to a day
    seen        (n,) days with a purchase in the `horizon` after that day, whole number >= 0
    horizon     a finite length > 0, in the unit of the times
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people.
    """
    _, lasts, ages = checked(x, t_x, T)
    silence = ages - lasts
    count = np.atleast_1d(as_numbers(seen, "seen"))
    far = checked_horizon(horizon)
    if count.shape != silence.shape:
        raise BadInput(f"seen is {count.shape}, the histories {silence.shape}", remedy="Give one count a person.")
    bad = np.flatnonzero(~np.isfinite(count) | (count < 0) | (count != np.floor(count)))
    if bad.size:
        raise BadInput(
            f"seen is {count[bad[0]]}, wanted a whole number >= 0",
            where=f"row {bad[0]}",
            remedy="Count days with a purchase.",
        )
    if silence.size < FEWEST_PEOPLE:
        raise NotEnoughData(f"{silence.size} people are too few for groups", remedy="Wait for more customers.")
    edge = np.unique(np.quantile(silence, np.arange(1, _GROUPS) / _GROUPS))
    filled, group = np.unique(np.searchsorted(edge, silence, side="left"), return_inverse=True)
    edge = edge[filled[:-1]]
    people = np.bincount(group).astype(np.float64)
    active = (np.bincount(group, weights=count > 0) + 0.5) / (people + 1)
    mean = np.bincount(group, weights=count) / people
    ranges = [np.quantile(count[group == g], [0.1, 0.9], method="inverted_cdf") for g in range(people.size)]
    return Recency(
        n=float(silence.size),
        horizon=far,
        edge=edge.tolist(),
        people=people.tolist(),
        p_none=_rising(1 - active, people).tolist(),
        purchases=(-_rising(-mean, people)).tolist(),
        few=[float(r[0]) for r in ranges],
        many=[float(r[1]) for r in ranges],
    )


def p_none(fit: Baseline, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase in the next `horizon`. Raises BadInput naming the first impossible row."""
    xs, lasts, ages = checked(x, t_x, T)
    far = checked_horizon(horizon)
    if isinstance(fit, Rate):
        shape, time = fit.belief(xs, ages)
        return np.asarray(np.exp(-shape * np.log1p(far / time)))
    return np.asarray(np.array(fit.p_none)[_group(fit, lasts, ages)] ** (far / fit.horizon))


def expected_purchases(fit: Baseline, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput naming the first bad row."""
    xs, lasts, ages = checked(x, t_x, T)
    far = checked_horizon(horizon)
    if isinstance(fit, Rate):
        return np.divide(xs, ages, out=np.zeros_like(xs), where=ages > 0) * far
    return np.asarray(np.array(fit.purchases)[_group(fit, lasts, ages)] * (far / fit.horizon))


def count_range(fit: Recency, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats]:
    """(n,) and (n,): how many purchase days 8 in 10 of the group stayed between, over the table's own horizon."""
    group = _group(fit, np.asarray(t_x, dtype=np.float64), np.asarray(T, dtype=np.float64))
    return np.array(fit.few)[group], np.array(fit.many)[group]


def _group(fit: Recency, t_x: Floats, T: Floats) -> Ints:
    return np.searchsorted(np.array(fit.edge), T - t_x, side="left").astype(np.int64)


def _rising(value: Floats, weight: Floats) -> Floats:
    """The nearest rising sequence, by pooling neighbours that fall. Source: Ayer et al. (1955)."""
    blocks: list[tuple[float, float, int]] = []
    for v, w in zip(value.tolist(), weight.tolist(), strict=True):
        blocks.append((v, w, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (v2, w2, n2), (v1, w1, n1) = blocks.pop(), blocks.pop()
            blocks.append(((v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2))
    return np.concatenate([np.full(n, v) for v, _, n in blocks])
