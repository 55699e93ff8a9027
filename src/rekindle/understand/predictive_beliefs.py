"""What one parameter set says about many histories: the chance of at least 1, 2, 3 .. purchases to come.

One class for each way of leaving; all give the same two answers, `reaching` and `add_reach`.
    after a purchase   P(N >= n) = P(alive) E[(1-p)^(n-1)] P(NB(shape, z) >= n),  z = h/(time + h)
    at any time        P(N >= n) = P(alive) E[P(NB(shape, z_L) >= n)],  L the shorter of h and the time to leaving
    in steps           P(N >= n) = P(alive) E[(1-p)^(n-1)] P(position >= k n)
In the last, a position counts steps since the last purchase. Of i such steps each fell into the silence s with chance
f = s/(s+h), and fewer than k did, or there would have been a purchase; so with W from `erlang`
    P(position = i) = NB(shape, (s+h)/(time+h); i) P(Binomial(i, f) < k) / P(NB(shape, s/time) < k)
which one walk over the steps adds up, whatever k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import betainc, gammaln

from rekindle.understand.compression import Floats, Ints
from rekindle.understand.erlang import log_steps, step_chances

DEEPEST = 25  # counts up to here are walked one by one; above, `reaching` is asked
# Times of leaving looked at: the more purchases are likely within the horizon (from 4, from 20), the finer. The chance
# of a count is then within 6e-3 of the exact one a year ahead and within 1e-3 a quarter ahead, which the tests hold.
_FINER_FROM = np.array([4.0, 20.0])
_RULES = [np.polynomial.legendre.leggauss(size) for size in (3, 5, 12)]


class Belief(Protocol):
    """What one parameter set says about m histories."""

    @property
    def size(self) -> int:
        """m."""

    def rows(self, rows: slice | Ints) -> Belief:
        """The same for some of the histories."""

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon, n (m,)."""

    def add_reach(self, total: Floats, horizon: float, *, least: float, share: float) -> int:
        """Adds `share` of the chance of at least 1, 2, .. to the rows of total (counts, m); gives the last row touched.

        least   a smaller chance, times share, may be left out
        """


@dataclass(frozen=True)
class AfterPurchases:
    """Who is here may leave after each purchase.

    alive        (m,) chance of being with us
    shape, time  (m,) the rate of buying is Gamma(shape, time)
    a, left      chance of leaving is Beta(a, left), left (m,); a == 0 means nobody leaves
    """

    alive: Floats
    shape: Floats
    time: Floats
    a: float
    left: Floats

    @property
    def size(self) -> int:
        """m."""
        return self.shape.size

    def rows(self, rows: slice | Ints) -> AfterPurchases:
        """The same for some of the histories."""
        return AfterPurchases(self.alive[rows], self.shape[rows], self.time[rows], self.a, self.left[rows])

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon."""
        seen = betainc(n, self.shape, horizon / (self.time + horizon))
        return np.asarray(self.alive * seen * _stays(self.a, self.left, n))

    def add_reach(self, total: Floats, horizon: float, *, least: float, share: float) -> int:
        """As in `Belief`."""
        rows, z = np.arange(self.size), horizon / (self.time + horizon)
        return _walk(total, rows, self.alive * share, self.shape, z, self.a, self.left, least)


@dataclass(frozen=True)
class AtAnyTime:
    """Who is here may leave at any moment: the time to leaving is longer than t with chance (b/(b+t))^s.

    alive        (m,) chance of being with us
    shape, time  (m,) the rate of buying is Gamma(shape, time)
    s, b         the rate of leaving is Gamma(s, b), b (m,)
    """

    alive: Floats
    shape: Floats
    time: Floats
    s: float
    b: Floats

    @property
    def size(self) -> int:
        """m."""
        return self.shape.size

    def rows(self, rows: slice | Ints) -> AtAnyTime:
        """The same for some of the histories."""
        return AtAnyTime(self.alive[rows], self.shape[rows], self.time[rows], self.s, self.b[rows])

    def _exposures(self, horizon: float) -> Iterator[tuple[Ints, Floats, Floats, int]]:
        # Rows, the weight and the z of one possible time with us, and how many such there are for these rows. Here to
        # the end of the horizon is one of them; the times of leaving before are Gauss-Legendre nodes of their own
        # distribution function, in which the chance of many purchases is smooth.
        likely = self.shape * horizon / self.time
        fine = np.searchsorted(_FINER_FROM, likely, side="right")
        for which, (at, weight) in enumerate(_RULES):
            rows = np.flatnonzero(fine == which)
            if not rows.size:
                continue
            b, time = self.b[rows], self.time[rows]
            log_stays = -self.s * np.log1p(horizon / b)
            leaves = -np.expm1(log_stays)
            yield rows, np.exp(log_stays), horizon / (time + horizon), at.size + 1
            for level, part in zip((at + 1) / 2, weight / 2, strict=True):
                t = b * np.expm1(-np.log1p(-leaves * level) / self.s)
                yield rows, part * leaves, t / (time + t), at.size + 1

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon."""
        found = np.zeros(self.size)
        for rows, weight, z, _ in self._exposures(horizon):
            found[rows] += self.alive[rows] * weight * betainc(n[rows], self.shape[rows], z)
        return found

    def add_reach(self, total: Floats, horizon: float, *, least: float, share: float) -> int:
        """As in `Belief`."""
        deepest = 1
        for rows, weight, z, parts in self._exposures(horizon):
            stay, shape = self.alive[rows] * weight * share, self.shape[rows]
            deepest = max(deepest, _walk(total, rows, stay, shape, z, 0.0, stay, least / parts))
        return deepest


@dataclass(frozen=True)
class InSteps:
    """Buyers with a rhythm, every purchase the last of k steps, who may leave after each.

    k                     steps in a pause
    alive                 (m,) chance of being with us
    shape, time, silence  (m,) at the last purchase the rate of steps was Gamma(shape, time - silence); the silence
                          since, in which fewer than k came
    a, left               chance of leaving is Beta(a, left), left (m,)
    """

    k: int
    alive: Floats
    shape: Floats
    time: Floats
    silence: Floats
    a: float
    left: Floats

    @property
    def size(self) -> int:
        """m."""
        return self.shape.size

    def rows(self, rows: slice | Ints) -> InSteps:
        """The same for some of the histories."""
        columns = (self.alive[rows], self.shape[rows], self.time[rows], self.silence[rows])
        return InSteps(self.k, *columns, self.a, self.left[rows])

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon, step by step of where the silent may stand."""
        at = step_chances(self.k, self.shape, self.silence / self.time)
        z = horizon / (self.time + horizon)
        seen = sum((at[j] * betainc(self.k * n - j, self.shape + j, z) for j in range(self.k)), start=np.float64(0))
        return np.asarray(self.alive * seen * _stays(self.a, self.left, n))

    def add_reach(self, total: Floats, horizon: float, *, least: float, share: float) -> int:
        """As in `Belief`; a walk over k times as many steps as there are counts."""
        k, deepest = self.k, 1
        rows = np.flatnonzero(self.alive * share > least)
        shape, left, stay = self.shape[rows], self.left[rows], self.alive[rows] * share
        silence, ahead = self.silence[rows], self.time[rows] + horizon
        log_silent = log_steps(k, shape, silence / self.time[rows])
        z, inside = (silence + horizon) / ahead, silence / (silence + horizon)
        # One of i steps: its chance were nothing known of the silence, and the chance that under k fell into it.
        exact = np.exp(-shape * np.log1p(horizon / self.time[rows]) - log_silent)
        under, edge = np.ones(rows.size), inside ** (k - 1)
        more, i = 1 - exact, 0
        for n in range(1, DEEPEST + 1):
            while i < k * n - 1:
                exact = exact * (z * (shape + i) / (i + 1))
                i += 1
                if i >= k:
                    under = np.maximum(under - inside * edge, 0)
                    edge = edge * ((1 - inside) * i / (i + 1 - k))
                more = np.maximum(more - exact * under, 0)
            reach = stay * more
            if n % 3 == 1:
                going = np.flatnonzero(reach > least)
                rows, reach, shape, left, z = rows[going], reach[going], shape[going], left[going], z[going]
                exact, more, stay, under = exact[going], more[going], stay[going], under[going]
                inside, edge = inside[going], edge[going]
                if rows.size == 0:
                    break
            total[n - 1, rows] += reach
            deepest = n
            stay = stay * ((left + n - 1) / (self.a + left + n - 1))
        return deepest


@dataclass(frozen=True)
class Weighed:
    """A belief that counts for more or less than the others in the list it stands in.

    one      what it says
    weight   how often it counts where another counts once, > 0; over a list they average 1
    """

    one: Belief
    weight: float

    @property
    def size(self) -> int:
        """m."""
        return self.one.size

    def rows(self, rows: slice | Ints) -> Weighed:
        """The same for some of the histories."""
        return Weighed(self.one.rows(rows), self.weight)

    def reaching(self, n: Floats, horizon: float) -> Floats:
        """(m,) chance of at least n >= 1 purchases within the horizon, times the weight."""
        return np.asarray(self.weight * self.one.reaching(n, horizon))

    def add_reach(self, total: Floats, horizon: float, *, least: float, share: float) -> int:
        """As in `Belief`."""
        return self.one.add_reach(total, horizon, least=least, share=share * self.weight)


def _walk(
    total: Floats, rows: Ints, stay: Floats, shape: Floats, z: Floats, a: float, left: Floats, least: float
) -> int:
    """Adds stay E[(1-p)^(n-1)] P(NB(shape, z) >= n) to row n - 1 of total, n = 1, 2, ..; gives the last n."""
    deepest = 1
    exact = np.exp(shape * np.log1p(-z))
    more = 1 - exact
    for n in range(1, DEEPEST + 1):
        reach = stay * more
        if n % 3 == 1:  # most people are through after a few counts: go on with the rest
            going = np.flatnonzero(reach > least)
            rows, reach, shape, left, z = rows[going], reach[going], shape[going], left[going], z[going]
            exact, more, stay = exact[going], more[going], stay[going]
            if rows.size == 0:
                break
        total[n - 1, rows] += reach
        deepest = n
        exact = exact * (z * (shape + n - 1) / n)
        more = np.maximum(more - exact, 0)
        if a:
            stay = stay * ((left + n - 1) / (a + left + n - 1))
    return deepest


def _stays(a: float, left: Floats, n: Floats) -> Floats:
    """(m,) chance of not leaving at n - 1 purchases, p ~ Beta(a, left)."""
    log_stays = gammaln(left + n - 1) - gammaln(left) + gammaln(a + left) - gammaln(a + left + n - 1)
    return np.asarray(np.exp(log_stays))
