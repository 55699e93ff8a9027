"""BG/BB: opportunities that come one by one (a yearly appeal, a weekly market), each taken or not.

    before each opportunity a person may leave for good, with the own chance theta ~ Beta(gamma, delta)
    who is still here takes it with the own chance p ~ Beta(alpha, beta)

Letters
  x     opportunities taken, whole number
  t_x   number of the last one taken, 0 where x is 0; x <= t_x <= n
  n     opportunities there were

    L = B(alpha+x, beta+n-x)/B(alpha, beta) B(gamma, delta+n)/B(gamma, delta)         still here
      + sum over j = t_x..n-1 of B(alpha+x, beta+j-x)/B(alpha, beta) B(gamma+1, delta+j)/B(gamma, delta)    left after j

Given that somebody is still here, p ~ Beta(alpha+x, beta+n-x) and theta ~ Beta(gamma, delta+n), independent of each
other, so what comes next is the same model over again with these letters.
Source: Fader, Hardie & Shang (2010), "Customer-Base Analysis in a Discrete-Time Noncontractual Setting", Marketing
Science 29(6), 1086-1108. The sums over j are in `bgbbsums`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.bgbbsums import Likelihood, log_future, log_odds_gone
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, Histories, as_numbers, compress
from rekindle.understand.fitted import Fitted, fields_of
from rekindle.understand.likelihood import Peak, climb

MOST = 2_000  # opportunities in a fit: five years of days; its tables grow with their square
MOST_AHEAD = 100_000  # in one history or one horizon
_ALIKE = 1e3  # our choice: two letters beyond it leave people's chances within 2 % of each other
_CLOSE = 20.0  # our choice: only where two letters add up to more is it asked whether people differ at all
_NO_SPREAD = 1e6  # a letter so large that people differ by less than any table shows
_DIFFERENCE = 1.353  # of log-likelihood, as in `betaweibull`


@dataclass(frozen=True)
class BgBb(Fitted):
    """A fitted BG/BB model; fields as in `Fitted`, times in opportunities."""

    model: ClassVar[str] = "bgbb"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")


def fit(x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, weights: ArrayLike | None = None) -> BgBb:
    """The BG/BB under which these histories are most likely.

    x         (k,) opportunities taken, whole number >= 0
    t_x       (k,) number of the last one taken, 0 where x is 0, x <= t_x <= n
    n         (k,) opportunities there were, at most 2,000
    weights   (k,) people behind each row; one each when left out
    A fit at the edge of its parameters is given with `boundary` saying so.
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody ever took an
    opportunity, or with fewer than three of them.
    """
    histories = compress(*_checked(x, t_x, n), weights=weights)
    _enough(histories)
    likelihood, people = Likelihood(histories), histories.people
    peak = climb(likelihood, np.log([1.0, 1.0, 0.7, 3.0]), people=people)  # near what the paper's donors show
    gain = (peak.mean - _staying_mean(histories)) * people
    alike = [_are_alike(likelihood, peak, second) for second in (1, 3)]
    return BgBb(**fields_of(peak, BgBb.names, people=people, boundary=_boundary(peak, gain=gain, alike=alike)))


def p_alive(fit: BgBb, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, ahead: int = 0) -> Floats:
    """(k,) chance of being still here at opportunity n + ahead; exactly 1 where the last one was taken and ahead is 0.

    Raises BadInput naming the row.
    """
    histories = compress(*_checked(x, t_x, n), with_rows=True)
    _, _, gamma, delta = fit.letters
    alive = expit(-log_odds_gone(fit.letters, histories))
    if ahead != 0:
        further = _whole(ahead, "ahead")
        alive = alive * np.exp(betaln(gamma, delta + histories.T + further) - betaln(gamma, delta + histories.T))
    return np.asarray(alive[histories.row])


def expected_transactions(fit: BgBb, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, horizon: int) -> Floats:
    """(k,) how many of the next `horizon` opportunities are expected to be taken. Raises BadInput naming the row.

    P(alive) (alpha+x)/(alpha+beta+n), times the sum over k = 1..horizon of the chance to be here still at n + k.
    Adding it up holds also at gamma = 1, where the paper's closed form divides by zero.
    """
    steps = _whole(horizon, "horizon")
    histories = compress(*_checked(x, t_x, n), with_rows=True)
    alpha, beta, gamma, delta = fit.letters
    lengths, which = np.unique(histories.T, return_inverse=True)
    here, total = np.ones(lengths.size), np.zeros(lengths.size)
    for k in range(steps):
        here = here * ((delta + lengths + k) / (gamma + delta + lengths + k))
        total += here
    takes = (alpha + histories.x) / (alpha + beta + histories.T)
    expected = expit(-log_odds_gone(fit.letters, histories)) * takes * total[which]
    return np.asarray(expected[histories.row])


def p_none(fit: BgBb, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, horizon: int) -> Floats:
    """(k,) chance that none of the next `horizon` opportunities is taken. Raises BadInput naming the row."""
    count = np.zeros(np.atleast_1d(np.asarray(x)).shape)
    return np.asarray(np.exp(log_chance_of_count(fit, x, t_x, n, horizon=horizon, count=count)))


def log_chance_of_count(
    fit: BgBb, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, *, horizon: int, count: ArrayLike
) -> Floats:
    """(k,) log of the chance that exactly `count` of the next `horizon` opportunities are taken.

    -inf where count exceeds the horizon. Raises BadInput naming the row.
    """
    steps = _whole(horizon, "horizon")
    histories = compress(*_checked(x, t_x, n), with_rows=True)
    wanted = np.atleast_1d(as_numbers(count, "count"))
    if wanted.shape != histories.row.shape or not np.isfinite(wanted).all():
        raise BadInput("counts must be whole numbers >= 0, one a person", remedy="Count opportunities taken.")
    if (wanted < 0).any() or (wanted != np.floor(wanted)).any():
        row = int(np.argmax((wanted < 0) | (wanted != np.floor(wanted))))
        raise BadInput(f"count is {wanted[row]:g}, wanted a whole number >= 0", where=f"row {row}", remedy="Count.")
    kinds, which = np.unique(
        np.stack([histories.x[histories.row], histories.T[histories.row], wanted]), axis=1, return_inverse=True
    )
    future = log_future(fit.letters, kinds[0], kinds[1], kinds[2], horizon=steps)[which.ravel()]
    odds = log_odds_gone(fit.letters, histories)[histories.row]
    here, gone = -np.logaddexp(0, odds), -np.logaddexp(0, -odds)
    return np.asarray(np.where(wanted == 0, np.logaddexp(gone, here + future), here + future))


def _checked(x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    columns = [np.atleast_1d(as_numbers(c, name)) for c, name in ((x, "x"), (t_x, "t_x"), (n, "n"))]
    if any(c.ndim != 1 for c in columns) or len({c.size for c in columns}) != 1:
        shapes = ", ".join(f"{name} {c.shape}" for name, c in zip(("x", "t_x", "n"), columns, strict=True))
        raise BadInput(f"the columns do not line up: {shapes}", remedy="Give three columns of one length.")
    taken, last, there = columns
    whole = np.ones(taken.size, dtype=np.bool_)
    for column in columns:
        whole &= np.isfinite(column) & (column >= 0)
    whole[whole] = np.all([c[whole] == np.floor(c[whole]) for c in columns], axis=0)
    for bad, what, remedy in (
        (~whole, "not all are whole numbers >= 0", "Count opportunities."),
        (there > MOST_AHEAD, f"more than {MOST_AHEAD} opportunities", "Merge them into longer periods."),
        (last > there, "the last one taken is after the last there was", "Check the number of opportunities."),
        (taken > last, "more were taken than there had been by then", "Count an opportunity once."),
        ((taken == 0) & (last > 0), "x is 0 but t_x is not", "Set t_x to 0 or count what was taken."),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            seen = f"x {taken[row]:g}, t_x {last[row]:g}, n {there[row]:g}"
            raise BadInput(f"{what} ({seen})", where=f"row {row}", remedy=remedy)
    return taken, last, there


def _enough(histories: Histories) -> None:
    if histories.people < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{histories.people:g} people are too few to fit a model of opportunities, wanted {FEWEST_PEOPLE}",
            remedy="Wait for more people or import older history.",
        )
    most = histories.T.max()
    if most < 3:
        raise NotEnoughData(
            f"there were {most:g} opportunities, and three are needed to tell leaving from passing",
            remedy="Wait for more opportunities or import older ones.",
        )
    if most > MOST:
        raise BadInput(
            f"there were {most:g} opportunities, at most {MOST} are fitted",
            remedy="Merge them into longer periods or use a model in continuous time.",
        )
    if not histories.x.any():
        raise NotEnoughData(
            "nobody has taken an opportunity yet, so no chance can be learned", remedy="Wait for the first ones."
        )


def _whole(given: int, name: str) -> int:
    if not np.isfinite(given) or given != int(given) or not 1 <= given <= MOST_AHEAD:
        raise BadInput(
            f"{name} is {given}, wanted a whole number from 1 to {MOST_AHEAD}", remedy="Give a number of opportunities."
        )
    return int(given)


def _staying_mean(histories: Histories) -> float:
    """Log-likelihood per person at its top where nobody ever leaves: the beta-binomial."""
    x, n, weight, people = histories.x, histories.T, histories.weight, histories.people

    def objective(log_parameters: Floats) -> tuple[float, Floats]:
        alpha, beta = np.exp(log_parameters)
        value = np.einsum("i,i->", weight, betaln(alpha + x, beta + n - x)) - people * betaln(alpha, beta)
        both = digamma(alpha + beta + n) - digamma(alpha + beta)
        slope = np.array(
            [
                np.einsum("i,i->", weight, digamma(alpha + x) - both) / people - digamma(alpha),
                np.einsum("i,i->", weight, digamma(beta + n - x) - both) / people - digamma(beta),
            ]
        )
        return -float(value) / people, -slope * np.array([alpha, beta])

    return climb(objective, np.log([1.0, 1.0]), people=people).mean


def _are_alike(likelihood: Likelihood, peak: Peak, second: int) -> bool:
    """Whether one and the same chance for everybody fits as well as two letters, of which `second` is the later."""
    first, total = np.exp(peak.log_parameters[second - 1]), np.exp(peak.log_parameters[[second - 1, second]]).sum()
    if total < _CLOSE:
        return False
    free = np.arange(4) != second
    start = peak.log_parameters.copy()
    start[second - 1], start[second] = np.log(_NO_SPREAD * first / (total - first)), np.log(_NO_SPREAD)

    def objective(log_parameters: Floats) -> tuple[float, Floats]:
        every = start.copy()
        every[free] = log_parameters
        value, slope = likelihood(every)
        return value, slope[free]

    people = likelihood.people
    return (peak.mean - climb(objective, start[free], people=people).mean) * people < _DIFFERENCE


def _boundary(peak: Peak, *, gain: float, alike: list[bool]) -> str | None:
    alpha, beta, gamma, delta = np.exp(peak.log_parameters)
    if gain < _DIFFERENCE:
        return (
            f"this data shows no measurable drop-out: a chance of {gamma / (gamma + delta):.0e} to leave before an "
            f"opportunity raises the log-likelihood by {max(gain, 0.0):.2f} only"
        )
    if peak.low[2:].any():
        return f"people leave at once or never here: {BgBb.names[2 + int(np.argmax(peak.low[2:]))]} fell to its lowest"
    if alike[1] or peak.high[2:].any() or min(gamma, delta) > _ALIKE:
        letters = f"gamma is {gamma:.1e} and delta {delta:.1e}"
        return f"everybody leaves with one and the same chance {gamma / (gamma + delta):.3g} as far as seen: {letters}"
    if peak.low[:2].any():
        return f"people take every opportunity or none here: {BgBb.names[int(np.argmax(peak.low))]} fell to its lowest"
    if alike[0] or peak.high[:2].any() or min(alpha, beta) > _ALIKE:
        chance, letters = alpha / (alpha + beta), f"alpha is {alpha:.1e} and beta {beta:.1e}"
        return f"everybody takes an opportunity with one and the same chance {chance:.3g} as far as seen: {letters}"
    if peak.covariance is None:
        return f"the likelihood has no peak: {BgBb.names[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {BgBb.names[peak.loosest]}: one standard error is over a factor of seven"
    return None
