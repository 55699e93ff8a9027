"""Ranges for one person: how many purchases, what they are worth, and how sure the chance of none is.

All ranges carry both kinds of not knowing: the person's own rate and chance of leaving given their history, and
the parameters themselves (a few equally likely sets around the fit, see `likelihood.sigma_points`). They hold 8
cases in 10. A range of counts or values is about what will be seen, so where nine in ten do nothing it is 0 to 0
even though the expectation is above 0.

    P(N >= n) = P(alive) P(NB(shape, z) >= n) E[(1-p)^(n-1)],  z = h/(time + h)
    total of n purchases, given x of mean m before:  (v + x m) BetaPrime(p n, q + p x)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, expit, gammaincinv, gammaln

from rekindle.understand.baselines import Rate
from rekindle.understand.betageometric import Dropout, log_odds_gone
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.gammagamma import GammaGamma

LOW, HIGH = 0.1, 0.9
_PLAIN = 24  # counts up to here are walked one by one; above, doubling and bisection
_POINTS = 32  # own rates looked at for each person and state: levels of 1/32 are finer than a range can mean
_TOLD = 1e-6  # a chance is kept to 20 bits on the way; the ends are moved out by as much
_GRID = 64  # amounts at which a total's distribution is worked out; spacing is under half a purchase's spread
_CHUNK = 16_384  # histories at a time, so that what is worked on stays in the processor's cache


@dataclass(frozen=True)
class Belief:
    """What one parameter set says about the histories.

    alive        (m,) chance of being with us
    shape, time  (m,) the rate of buying is Gamma(shape, time)
    a, left      chance of leaving is Beta(a, left), left (m,); a == 0 means nobody leaves
    """

    alive: Floats
    shape: Floats
    time: Floats
    a: float
    left: Floats

    def rows(self, rows: slice | Ints) -> Belief:
        """The same for some of the histories."""
        return Belief(self.alive[rows], self.shape[rows], self.time[rows], self.a, self.left[rows])

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon, n (m,)."""
        seen = betainc(n, self.shape, horizon / (self.time + horizon))
        stay = gammaln(self.left + n - 1) - gammaln(self.left)
        stay = stay + gammaln(self.a + self.left) - gammaln(self.a + self.left + n - 1)
        return np.asarray(self.alive * seen * np.exp(stay))


def beliefs(fit: Dropout | Rate, x: Floats, t_x: Floats, T: Floats) -> list[Belief]:
    """One belief for every equally likely parameter set."""
    if isinstance(fit, Rate):
        shape, time = fit.belief(x, T)
        return [Belief(np.ones_like(x), shape, time, 0.0, np.ones_like(x))]
    found = []
    for letters in fit.likely_letters():
        r, alpha, a, b = letters
        alive = expit(-log_odds_gone(letters, x, t_x, T, first_coin=fit.first_coin))
        found.append(Belief(alive, r + x, alpha + T, float(a), b + x + fit.first_coin))
    return found


def reach_table(held: Sequence[Belief], *, horizon: float) -> Floats:
    """(m, k) chance of at least 1, 2, .. k purchases, k <= 25, averaged over the beliefs; under 1e-4 it is 0."""
    total = np.zeros((_PLAIN + 1, held[0].shape.size))
    deepest = 1
    for one in held:
        z = horizon / (one.time + horizon)
        shape, left, rows = one.shape, one.left, np.arange(z.size)
        exact = np.exp(shape * np.log1p(-z))
        more, stay = 1 - exact, one.alive / len(held)
        for n in range(1, _PLAIN + 2):
            reach = stay * more
            if n % 3 == 1:  # most people are through after a few counts: go on with the rest
                going = np.flatnonzero(reach > 1e-4 / len(held))
                rows, reach, shape, left, z = rows[going], reach[going], shape[going], left[going], z[going]
                exact, more, stay = exact[going], more[going], stay[going]
                if rows.size == 0:
                    break
            total[n - 1, rows] += reach
            deepest = max(deepest, n)
            exact = exact * (z * (shape + n - 1) / n)
            more = np.maximum(more - exact, 0)
            stay = stay * ((left + n - 1) / (one.a + left + n - 1))
    return total[:deepest].T


def count_ranges(held: Sequence[Belief], *, horizon: float) -> tuple[Floats, Floats]:
    """(m,) and (m,): 8 in 10 such people will have this many purchase days, both ends included."""
    size = held[0].shape.size
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
    firsts = np.flatnonzero(np.concatenate(([True], np.diff(x[order]) > 0)))
    for start, end in zip(firsts, np.append(firsts[1:], size), strict=True):
        for i in range(start, end, _CHUNK):
            rows = order[i : min(i + _CHUNK, end)]
            low[rows], high[rows] = _totals_of_one_x(held, spend, float(x[rows[0]]), rows, horizon, typical)
    return low, high


def _totals_of_one_x(
    held: Sequence[Belief], spend: GammaGamma, x: float, rows: Ints, horizon: float, typical: float
) -> tuple[Floats, Floats]:
    some = [o.rows(rows) for o in held]
    reach = reach_table(some, horizon=horizon)
    counts = np.arange(1, reach.shape[1] + 1, dtype=np.float64)
    if reach.shape[1] > _PLAIN:
        reach, counts = _extended(some, reach, counts, horizon)
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


def own_none_ranges(fit: Dropout | Rate, x: Floats, t_x: Floats, T: Floats, *, horizon: float) -> tuple[Floats, Floats]:
    """(m,) and (m,): the range that holds a person's own chance of no purchase, 8 times in 10.

    The person's own rate lambda and chance of leaving p, given the history, are spread as
      still here  lambda ~ Gamma(r+x, alpha+T),   p ~ Beta(a, b+c)
      gone        lambda ~ Gamma(r+x, alpha+t_x), p ~ Beta(a+1, b+c-1)
    in proportion P(alive) to 1 - P(alive), and the own chance of none in the next h is
      1 - (1 - e^(-lambda h)) / (1 + p/(1-p) e^(lambda (T - t_x)))
    (the divisor 1 where no coin was tossed). Worked out at 32 even points of each spread.
    """
    xs, which = np.unique(x, return_inverse=True)
    if isinstance(fit, Rate):
        time = fit.belief(x, T)[1]
        rates = [gammaincinv(xs + 0.5, level)[which] / time for level in (HIGH, LOW)]
        return np.exp(-rates[0] * horizon), np.exp(-rates[1] * horizon)
    sets = fit.likely_letters()
    k = np.arange(_POINTS)
    r, alpha, a, b = sets[k % len(sets)].T
    level, other = (k + 0.5) / _POINTS, ((k + 0.5) * 0.6180339887498949) % 1  # golden ratio: evenly over both
    rate = gammaincinv(r + xs[:, None], level)
    left = b + xs[:, None] + fit.first_coin
    here = _log_odds(np.asarray(betaincinv(a, left, other), dtype=np.float64))
    gone = _log_odds(np.asarray(betaincinv(a + 1, np.maximum(left - 1, 1e-3), other), dtype=np.float64))
    coins = xs + fit.first_coin > 0
    low, high = np.empty(x.size), np.empty(x.size)
    weights = np.stack([expit(-log_odds_gone(s, x, t_x, T, first_coin=fit.first_coin)) for s in sets], axis=1)
    for i in range(0, x.size, _CHUNK):
        part = slice(i, i + _CHUNK)
        at = which[part]
        silence = (T - t_x)[part, None]
        alive = weights[part][:, k % len(sets)]
        chances = []
        for odds, seen in ((here, T), (gone, t_x)):
            own = rate[at] / (alpha + seen[part, None])
            some = -np.expm1(-own * horizon)
            stay = np.where(coins[at, None], expit(-(odds[at] + own * silence)), 1.0)
            chances.append(1 - some * stay)
        chance = np.concatenate(chances, axis=1)
        weight = np.concatenate([alive, 1 - alive], axis=1) / _POINTS
        low[part], high[part] = _weighted_ends(chance, weight)
    return np.maximum(low - _TOLD, 0), np.minimum(high + _TOLD, 1)


def _log_odds(p: Floats) -> Floats:
    inside = np.clip(p, 1e-300, 1 - 1e-16)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _weighted_ends(value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    # Value in 20 bits and weight in 11 make one number, so that one plain sort (far faster than an index sort)
    # carries the weight along; a chance is told to one part in a million and a weight to one in two thousand.
    packed = (np.rint(value * (2**20 - 1)).astype(np.int32) << 11) | np.rint(weight * 2047).astype(np.int32)
    packed.sort(axis=1)
    run = np.cumsum(packed & 2047, axis=1)
    row = np.arange(value.shape[0])
    ends = []
    for level in (LOW, HIGH):
        first = (run < level * run[:, -1:]).sum(axis=1)
        ends.append((packed[row, np.minimum(first, value.shape[1] - 1)] >> 11) / (2**20 - 1))
    return ends[0], ends[1]
