"""Ranges for one person: how many purchases, and what they are worth. Of the chance of none: `predictive_none`.

All ranges carry both kinds of not knowing: the person's own rate and chance of leaving given their history, and
the parameters themselves (a few equally likely sets around the fit, see `likelihood.sigma_points`). They hold 8
cases in 10. A range of counts or values is about what will be seen, so where nine in ten do nothing it is 0 to 0
even though the expectation is above 0.

    P(N >= n) of each model: `predictive_beliefs`
    total of n purchases, given x of mean m before:  (v + x m) BetaPrime(p n, q + p x)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import betainc, betaincinv, expit

from rekindle.understand.baselines import Rate
from rekindle.understand.betageometric import Dropout, log_odds_gone
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import PurchaseFit
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.gammagamma import GammaGamma
from rekindle.understand.mbgcnbd import log_odds_of_steps
from rekindle.understand.nbd import Nbd
from rekindle.understand.paretochances import log_alive
from rekindle.understand.paretonbd import ParetoNbd
from rekindle.understand.predictive_beliefs import DEEPEST, AfterPurchases, AtAnyTime, Belief, InSteps, Weighed

LOW, HIGH = 0.1, 0.9
_PLAIN = DEEPEST - 1
_VERY_MANY = 20_000  # our choice: a parameter is known to about a hundredth then
_GRID = 64  # amounts at which a total's distribution is worked out; spacing is under half a purchase's spread
_CHUNK = 16_384  # histories at a time, so that what is worked on stays in the processor's cache


def beliefs(fit: PurchaseFit | Blend | Rate, x: Floats, t_x: Floats, T: Floats) -> list[Belief]:
    """One belief for every equally likely parameter set; of a blend those of its models by their weights.

    Learned from very many people, each model of a blend has one set: how far its parameters are not known is then
    nothing beside how far the models differ, and a blend costs no more than one model.
    """
    if isinstance(fit, Blend):
        told = {name: beliefs(surely_known(one), x, t_x, T) for name, one in fit.fits.items()}
        many = sum(len(some) for some in told.values())
        return [Weighed(one, fit.weights[name] * many / len(some)) for name, some in told.items() for one in some]
    if isinstance(fit, Rate):
        shape, time = fit.belief(x, T)
        return [_for_good(shape, time)]
    if isinstance(fit, Nbd):
        return [_for_good(r + x, alpha + T) for r, alpha in fit.likely_letters()]
    found: list[Belief] = []
    if isinstance(fit, Dropout):
        for letters in fit.likely_letters():
            r, alpha, a, b = letters
            alive = expit(-log_odds_gone(letters, x, t_x, T, first_coin=fit.first_coin))
            found.append(AfterPurchases(alive, r + x, alpha + T, float(a), b + x + fit.first_coin))
        return found
    if isinstance(fit, ParetoNbd):
        for r, alpha, s, beta in fit.likely_letters().tolist():
            alive = np.exp(log_alive((r, alpha, s, beta), x, t_x, T))
            found.append(AtAnyTime(alive, r + x, alpha + T, s, beta + T))
        return found
    for letters in fit.likely_letters():
        r, alpha, a, b = letters
        alive = expit(-log_odds_of_steps(letters, fit.k, x, t_x, T))
        found.append(InSteps(fit.k, alive, r + fit.k * x, alpha + T, T - t_x, float(a), b + x + 1))
    return found


def surely_known(fit: PurchaseFit) -> PurchaseFit:
    """The fit without its uncertainty where it was learned from very many people; else as it is."""
    return replace(fit, covariance=None) if fit.n >= _VERY_MANY else fit


def _for_good(shape: Floats, time: Floats) -> AfterPurchases:
    return AfterPurchases(np.ones_like(shape), shape, time, 0.0, np.ones_like(shape))


def reach_table(held: Sequence[Belief], *, horizon: float) -> Floats:
    """(m, k) chance of at least 1, 2, .. k purchases, k <= 25, averaged over the beliefs; under 1e-4 it is 0."""
    total = np.zeros((DEEPEST, held[0].size))
    share = 1 / len(held)
    deepest = max(one.add_reach(total, horizon, least=1e-4 * share, share=share) for one in held)
    return total[:deepest].T


def count_ranges(held: Sequence[Belief], *, horizon: float) -> tuple[Floats, Floats]:
    """(m,) and (m,): 8 in 10 such people will have this many purchase days, both ends included."""
    size = held[0].size
    low, high = np.empty(size), np.empty(size)
    for i in range(0, size, _CHUNK):
        part = slice(i, i + _CHUNK)
        some = [one.rows(part) for one in held]
        table = reach_table(some, horizon=horizon)
        for level, out in zip(_levels(1 - table[:, 0]), (low, high), strict=True):
            found = (table > 1 - level[:, None]).sum(axis=1).astype(np.float64)
            far = np.flatnonzero(found > _PLAIN)
            if far.size:
                found[far] = _far_count(some, far, 1 - level[far], horizon)
            out[part] = found
    return low, high


def _levels(nothing: Floats) -> tuple[Floats, Floats]:
    # The middle 8 in 10; but where more than one in ten do nothing the range starts there, and so ends where 8 in
    # 10 stay: with the ninth tenth kept it would hold 9 in 10.
    none = nothing >= LOW
    return np.where(none, 0.0, LOW), np.where(none, HIGH - LOW, HIGH)


def _far_count(held: Sequence[Belief], rows: Ints, rest: Floats, horizon: float) -> Floats:
    """Largest n with P(N >= n) > rest, for people known to exceed the table."""
    picked = [o.rows(rows) for o in held]

    def reach(n: Floats) -> Floats:
        return np.asarray(np.mean([o.reaching(n, horizon) for o in picked], axis=0))

    below = np.full(rows.size, float(_PLAIN))
    above = below * 2
    while (open_end := reach(above) > rest).any():
        below = np.where(open_end, above, below)
        above = np.where(open_end, above * 2, above)
    while (above - below).max() > 1:
        middle = np.floor((below + above) / 2)
        inside = reach(middle) > rest
        below, above = np.where(inside, middle, below), np.where(inside, above, middle)
    return below


def total_ranges(
    held: Sequence[Belief], spend: GammaGamma, x: Floats, *, horizon: float, typical: float
) -> tuple[Floats, Floats]:
    """(m,) and (m,): what 8 in 10 such people spend between, in units of v + x m of the spend fit.

    x         (m,) repeat purchases whose mean value is known, 0 where it is not; rising is fastest
    typical   a usual mean value, for how far other likely v move somebody with x purchases
    """
    size = x.size
    low, high = np.zeros(size), np.zeros(size)
    order = np.argsort(x, kind="stable")
    for i in range(0, size, _CHUNK):
        rows = order[i : i + _CHUNK]
        some = [one.rows(rows) for one in held]
        reach = reach_table(some, horizon=horizon)
        counts = np.arange(1, reach.shape[1] + 1, dtype=np.float64)
        if reach.shape[1] > _PLAIN:
            reach, counts = _extended(some, reach, counts, horizon)
        firsts = np.flatnonzero(np.concatenate(([True], np.diff(x[rows]) > 0)))
        for start, end in zip(firsts, np.append(firsts[1:], rows.size), strict=True):
            mine, own = rows[start:end], reach[start:end]
            deep = max(1, int((own > 0).any(axis=0).sum()))  # what others of the chunk may reach is not theirs
            low[mine], high[mine] = _totals_of_one_x(own[:, :deep], counts[:deep], spend, float(x[mine[0]]), typical)
    return low, high


def _totals_of_one_x(
    reach: Floats, counts: Floats, spend: GammaGamma, x: float, typical: float
) -> tuple[Floats, Floats]:
    """Of people with the same x: reach (m, k), the chance of at least `counts` (k,) purchases."""
    chance = reach - np.append(reach[:, 1:], np.zeros((reach.shape[0], 1)), axis=1)
    _, _, v = spend.letters
    sets = spend.likely_letters()
    p, q = sets[:, 0].mean(), sets[:, 1].mean()
    ends = betaincinv(p * counts[[0, -1]], q + p * x, [1e-3, 1 - 1e-3])
    near, far = np.log(ends / (1 - ends))
    grid = np.exp(np.linspace(near, far, _GRID))
    below = np.zeros((counts.size, _GRID))
    for p_j, q_j, v_j in sets:
        amount = grid * (v + x * typical) / (v_j + x * typical)
        below += betainc(p_j * counts[:, None], q_j + p_j * x, amount / (1 + amount))
    spread = 1 - reach[:, :1] + chance @ (below / len(sets))
    nothing = 1 - reach[:, 0]
    low, high = (_crossing(spread, grid, nothing, level) for level in _levels(nothing))
    return low, high


def _extended(held: Sequence[Belief], reach: Floats, counts: Floats, horizon: float) -> tuple[Floats, Floats]:
    # Above the table counts come in bands a fifth wide, each standing for its middle.
    edges, columns = [counts[-1]], [reach[:, -1]]
    while (far := np.flatnonzero(columns[-1] > 1e-3)).size:
        edges.append(np.ceil(edges[-1] * 1.2))
        n = np.full(far.size, edges[-1])
        column = np.zeros(reach.shape[0])
        column[far] = np.mean([o.rows(far).reaching(n, horizon) for o in held], axis=0)
        columns.append(column)
    middles = (np.array(edges[:-1]) + np.array(edges[1:]) - 1) / 2
    merged = np.concatenate([reach[:, :-1], np.stack(columns, axis=1)], axis=1)
    return merged, np.concatenate([counts[:-1], middles, edges[-1:]])


def _crossing(spread: Floats, grid: Floats, nothing: Floats, level: Floats) -> Floats:
    """Where each row of a distribution passes its level; 0 where that many spend nothing."""
    after = np.clip((spread < level[:, None]).sum(axis=1), 1, grid.size - 1)
    row = np.arange(spread.shape[0])
    left, right = spread[row, after - 1], spread[row, after]
    share = np.clip((level - left) / np.maximum(right - left, 1e-12), 0, 1)
    log_grid = np.log(grid)
    at = np.exp(log_grid[after - 1] + share * (log_grid[after] - log_grid[after - 1]))
    return np.where(nothing >= level, 0.0, at)
