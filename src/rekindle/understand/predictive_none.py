"""How sure the chance of no purchase is: the range that holds a person's own, 8 times in 10.

Each model spreads a person's own rate and chance (or rate) of leaving, given the history, one way for "still here" and
one for "gone", in proportion P(alive) to 1 - P(alive); each pair of them tells an own chance of none in the next h.
Both spreads are looked at in 32 even points (64 in steps, where a third thing is not known), over the equally likely
parameter sets in turn.

after a purchase   here  lambda ~ Gamma(r+x, alpha+T),       p ~ Beta(a, b+c)
                   gone  lambda ~ Gamma(r+x, alpha+t_x),     p ~ Beta(a+1, b+c-1)
                   own   1 - (1 - e^(-lambda h)) / (1 + p/(1-p) e^(lambda (T - t_x)))
in steps           here  lambda ~ Gamma(r+kx+j, alpha+T), step j as in `erlang`;  gone as above with r+kx
                   own   1 - (1 - Q(T - t_x + h)/Q(T - t_x)) / (1 + p/(1-p) / Q(T - t_x)),
                         Q(t) the chance of fewer than k steps at rate lambda in t
at any time        here  lambda ~ Gamma(r+x, alpha+T),       mu ~ Gamma(s, beta+T)
                   gone  lambda ~ Gamma(r+x, alpha+u),       mu ~ Gamma(s+1, beta+u), left at age u in (t_x, T) with
                         density as (alpha+u)^-(r+x) (beta+u)^-(s+1)
                   own   1 - lambda/m (1 - e^(-m h)) / (1 + mu/m (e^(m (T - t_x)) - 1)),  m = lambda + mu
nobody leaves      lambda ~ Gamma(r+x, alpha+T),  own e^(-lambda h)
a blend            the points of all its models, each with its model's weight
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, gammaincinv

from rekindle.understand.baselines import Rate
from rekindle.understand.betageometric import Dropout, log_odds_gone
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import PurchaseFit
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.erlang import step_chances
from rekindle.understand.mbgcnbd import MbgCnbdK, log_odds_of_steps
from rekindle.understand.nbd import Nbd
from rekindle.understand.paretochances import log_alive
from rekindle.understand.paretonbd import ParetoNbd
from rekindle.understand.predictive import HIGH, LOW, surely_known

_TOLD = 1e-6  # a chance is kept to 20 bits on the way; the ends are moved out by as much
_CHUNK = 16_384  # histories at a time, so that what is worked on stays in the processor's cache
_MOST = 700.0  # exp of more is no float


@dataclass(frozen=True)
class _Grid:
    """Even levels for up to three things not known at once, each (p,)."""

    turn: Ints
    level: Floats
    other: Floats
    third: Floats


def _grid(points: int) -> _Grid:
    turn = np.arange(points)
    # Steps by the golden ratio, and by the inverse of the plastic number, keep every two of the three even.
    level, other, third = (np.asarray((turn + 0.5) * step % 1) for step in (1 / points, 0.61803398875, 0.75487766625))
    return _Grid(turn, level, other, third)


_TWO = _grid(32)  # levels of 1/32 are finer than a range can mean
_THREE = _grid(64)  # with a third thing not known 32 leave the range two in a hundred too narrow

Points = Callable[[slice], tuple[Floats, Floats]]  # histories -> own chances (m, p) and their weights (m, p)


def own_none_ranges(
    fit: PurchaseFit | Blend | Rate, x: Floats, t_x: Floats, T: Floats, *, horizon: float
) -> tuple[Floats, Floats]:
    """(m,) and (m,): the range that holds a person's own chance of no purchase, 8 times in 10."""
    if isinstance(fit, Rate):
        xs, which = np.unique(x, return_inverse=True)
        time = fit.belief(x, T)[1]
        rates = [gammaincinv(xs + 0.5, level)[which] / time for level in (HIGH, LOW)]
        return np.exp(-rates[0] * horizon), np.exp(-rates[1] * horizon)
    is_blend = isinstance(fit, Blend)
    points = _of_all(fit, x, t_x, T, horizon) if isinstance(fit, Blend) else _points(fit, x, t_x, T, horizon)
    low, high = np.empty(x.size), np.empty(x.size)
    step = _CHUNK // 4 if is_blend else _CHUNK
    for i in range(0, x.size, step):
        part = slice(i, i + step)
        low[part], high[part] = _weighted_ends(*points(part), is_fine=is_blend)
    return np.maximum(low - _TOLD, 0), np.minimum(high + _TOLD, 1)


def _of_all(blend: Blend, x: Floats, t_x: Floats, T: Floats, horizon: float) -> Points:
    """The points of every model in the blend."""
    asked = {name: _points(surely_known(fit), x, t_x, T, horizon) for name, fit in blend.fits.items()}

    def points(part: slice) -> tuple[Floats, Floats]:
        told = [(name, *ask(part)) for name, ask in asked.items()]
        chances = np.concatenate([chance for _, chance, _ in told], axis=1)
        return chances, np.concatenate([blend.weights[name] * weight for name, _, weight in told], axis=1)

    return points


def _points(fit: PurchaseFit, x: Floats, t_x: Floats, T: Floats, horizon: float) -> Points:
    if isinstance(fit, Dropout):
        return _after_purchases(fit, x, t_x, T, horizon)
    if isinstance(fit, MbgCnbdK):
        return _in_steps(fit, x, t_x, T, horizon)
    if isinstance(fit, ParetoNbd):
        return _at_any_time(fit, x, t_x, T, horizon)
    return _for_good(fit, x, T, horizon)


def _after_purchases(fit: Dropout, x: Floats, t_x: Floats, T: Floats, horizon: float) -> Points:
    xs, which = np.unique(x, return_inverse=True)
    sets = fit.likely_letters()
    r, alpha, a, b = sets[_TWO.turn % len(sets)].T
    rate = gammaincinv(r + xs[:, None], _TWO.level)
    left = b + xs[:, None] + fit.first_coin
    here, gone = _leaving(a, left, _TWO.other)
    coins = xs + fit.first_coin > 0
    weights = np.stack([expit(-log_odds_gone(s, x, t_x, T, first_coin=fit.first_coin)) for s in sets], axis=1)

    def points(part: slice) -> tuple[Floats, Floats]:
        at = which[part]
        silence = (T - t_x)[part, None]
        alive = weights[part][:, _TWO.turn % len(sets)]
        chances = []
        for odds, seen in ((here, T), (gone, t_x)):
            own = rate[at] / (alpha + seen[part, None])
            some = -np.expm1(-own * horizon)
            stay = np.where(coins[at, None], expit(-(odds[at] + own * silence)), 1.0)
            chances.append(1 - some * stay)
        return np.concatenate(chances, axis=1), np.concatenate([alive, 1 - alive], axis=1) / _TWO.turn.size

    return points


def _in_steps(fit: MbgCnbdK, x: Floats, t_x: Floats, T: Floats, horizon: float) -> Points:
    xs, which = np.unique(x, return_inverse=True)
    sets, k = fit.likely_letters(), fit.k
    grid = _TWO if k == 1 else _THREE
    r, alpha, a, b = sets[grid.turn % len(sets)].T
    shape = r + k * xs[:, None]
    rate = np.stack([gammaincinv(shape + j, grid.level) for j in range(k)])
    here, gone = _leaving(a, b + xs[:, None] + 1, grid.other)
    weights = np.stack([expit(-log_odds_of_steps(s, k, x, t_x, T)) for s in sets], axis=1)

    def points(part: slice) -> tuple[Floats, Floats]:
        at, now = which[part], T[part]
        silence = (now - t_x[part])[:, None]
        alive = weights[part][:, grid.turn % len(sets)]
        # Where the silent stand, at the middle of the sets: it only says which of k rates a point looks at.
        stands = np.cumsum(
            step_chances(k, fit.letters[0] + k * x[part], silence[:, 0] / (fit.letters[1] + now)), axis=0
        )
        step = (stands[:-1, :, None] < grid.third).sum(axis=0)
        chances = []
        for odds, own in (
            (here, rate[step, at[:, None], grid.turn] / (alpha + now[:, None])),
            (gone, rate[0][at] / (alpha + t_x[part, None])),
        ):
            still = _log_under(k, own * silence)
            some = -np.expm1(np.minimum(_log_under(k, own * (silence + horizon)) - still, 0.0))
            chances.append(1 - some * expit(still - odds[at]))
        return np.concatenate(chances, axis=1), np.concatenate([alive, 1 - alive], axis=1) / grid.turn.size

    return points


def _at_any_time(fit: ParetoNbd, x: Floats, t_x: Floats, T: Floats, horizon: float) -> Points:
    xs, which = np.unique(x, return_inverse=True)
    sets = fit.likely_letters()
    r, alpha, s, beta = sets[_TWO.turn % len(sets)].T
    rate = gammaincinv(r + xs[:, None], _TWO.level)
    here, gone = gammaincinv(s, _TWO.other), gammaincinv(s + 1, _TWO.other)
    weights = np.stack([np.exp(log_alive(_four(one), x, t_x, T)) for one in sets], axis=1)

    def own(buys: Floats, leaves: Floats, silence: Floats) -> Floats:
        both = buys + leaves
        some = -np.expm1(-both * horizon) * buys / both
        return np.asarray(1 - some / (1 + leaves / both * np.expm1(np.minimum(both * silence, _MOST))))

    def points(part: slice) -> tuple[Floats, Floats]:
        at, now, then = which[part], T[part, None], t_x[part, None]
        alive = weights[part][:, _TWO.turn % len(sets)]
        age, trust = _ages_left(r + x[part, None], alpha, s + 1, beta, then, now)
        chances = [
            own(rate[at] / (alpha + now), here / (beta + now), now - then),
            own(rate[at] / (alpha + age), gone / (beta + age), now - then),
        ]
        weight = np.concatenate([alive, (1 - alive) * trust / trust.mean(axis=1, keepdims=True)], axis=1)
        return np.concatenate(chances, axis=1), weight / _TWO.turn.size

    return points


def _for_good(fit: Nbd, x: Floats, T: Floats, horizon: float) -> Points:
    xs, which = np.unique(x, return_inverse=True)
    sets = fit.likely_letters()
    r, alpha = sets[_TWO.turn % len(sets)].T
    rate = gammaincinv(r + xs[:, None], _TWO.level)

    def points(part: slice) -> tuple[Floats, Floats]:
        chance = np.exp(-rate[which[part]] / (alpha + T[part, None]) * horizon)
        return chance, np.full_like(chance, 1 / _TWO.turn.size)

    return points


def _four(letters: Floats) -> tuple[float, float, float, float]:
    r, alpha, s, beta = letters.tolist()
    return r, alpha, s, beta


def _ages_left(c: Floats, alpha: Floats, d: Floats, beta: Floats, then: Floats, now: Floats) -> tuple[Floats, Floats]:
    """(m, p) and (m, p): ages at leaving, spread nearly as (alpha+u)^-c (beta+u)^-d over (then, now), and weights.

    One power of gamma+u, gamma between alpha and beta, can be drawn from; the weights mend what it is off by.
    """
    power = c + d
    gamma = (c * alpha + d * beta) / power
    fall = np.expm1((1 - power) * np.log((gamma + now) / (gamma + then)))
    age = np.clip((gamma + then) * np.exp(-np.log1p(_TWO.third * fall) / (power - 1)) - gamma, then, now)
    off = c * np.log((gamma + age) / (alpha + age)) + d * np.log((gamma + age) / (beta + age))
    return age, np.exp(off - off.max(axis=1, keepdims=True))


def _leaving(a: Floats, left: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Log-odds of leaving at a purchase, of who is here and of who is gone; a and level (p,), left (k, p)."""
    here = _log_odds(np.asarray(betaincinv(a, left, level), dtype=np.float64))
    gone = _log_odds(np.asarray(betaincinv(a + 1, np.maximum(left - 1, 1e-3), level), dtype=np.float64))
    return here, gone


def _log_under(k: int, steps: Floats) -> Floats:
    """Log of the chance of fewer than k steps where `steps` are expected."""
    if k == 1:
        return -steps
    term, total = np.ones_like(steps), np.ones_like(steps)
    for j in range(1, k):
        term = term * (steps / j)
        total += term
    return np.asarray(np.log(total) - steps)


def _log_odds(p: Floats) -> Floats:
    inside = np.clip(p, 1e-300, 1 - 1e-16)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _weighted_ends(value: Floats, weight: Floats, *, is_fine: bool = False) -> tuple[Floats, Floats]:
    # Value in 20 bits and weight in 11 make one number, so that one plain sort (far faster than an index sort)
    # carries the weight along; a chance is told to one part in a million and a weight to one in two thousand, or of a
    # blend, where a faint model's weights are small, to one in a million.
    bits = 20 if is_fine else 11
    most = (1 << bits) - 1
    packed: NDArray[np.signedinteger[Any]]
    if is_fine:
        packed = (np.rint(value * (2**20 - 1)).astype(np.int64) << bits) | np.rint(weight * most).astype(np.int64)
    else:
        packed = (np.rint(value * (2**20 - 1)).astype(np.int32) << bits) | np.rint(weight * most).astype(np.int32)
    packed.sort(axis=1)
    run = np.cumsum(packed & most, axis=1)
    row = np.arange(value.shape[0])
    ends = []
    for level in (LOW, HIGH):
        first = (run < level * run[:, -1:]).sum(axis=1)
        ends.append((packed[row, np.minimum(first, value.shape[1] - 1)] >> bits) / (2**20 - 1))
    return ends[0], ends[1]
