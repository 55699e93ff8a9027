"""Gamma-Gamma: what a purchase of each person is worth on average, from few purchases that vary.

    one purchase   z ~ Gamma(shape p, rate nu), the person's own nu ~ Gamma(shape q, rate v)
    own mean       zeta = p / nu, in the crowd E[zeta] = p v / (q - 1) for q > 1
    given x purchases with mean m:  nu ~ Gamma(p x + q, v + x m)

so what is expected is the crowd's mean and the person's own, weighted by (q-1) and p x. It assumes that how
often somebody buys says nothing about how much: the correlation is measured and reported with every fit.
Source: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com/notes/025.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from rekindle.errors import BadInput, Degenerate, NotEnoughData
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, as_numbers, checked_weights
from rekindle.understand.likelihood import Objective, Peak, climb, sigma_points

NAMES = ("p", "q", "v")
STRONG_CORRELATION = 0.3  # our choice; CDNOW, on which the model is published, has 0.11


@dataclass(frozen=True)
class GammaGamma:
    """A fitted Gamma-Gamma model.

    parameters        p, q, v (v in the unit of the values given)
    correlation       of x and mean value over the people fitted; None when one of them does not vary
    caution           None, or one sentence when that correlation is strong
    other fields      as in `betageometric.Dropout`; covariance in the order p, q, v
    """

    model: ClassVar[str] = "gammagamma"

    parameters: dict[str, float]
    log_likelihood: float
    n: float
    converged: bool
    boundary: str | None
    standard_errors: dict[str, float] | None
    covariance: list[list[float]] | None
    correlation: float | None
    caution: str | None
    held_out: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def letters(self) -> tuple[float, float, float]:
        """p, q, v."""
        return self.parameters["p"], self.parameters["q"], self.parameters["v"]

    def likely_letters(self) -> Floats:
        """(6, 3) equally likely parameter sets around the fit, (1, 3) when its uncertainty is not known."""
        at = np.log(np.array(self.letters))
        covariance = None if self.covariance is None else np.array(self.covariance)
        return np.asarray(np.exp(sigma_points(at, covariance)), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """The fit as plain JSON values."""
        return {"model": self.model, **asdict(self)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The fit that `to_json` wrote. Raises BadInput for another model's."""
        values = dict(stored)
        if values.pop("model", None) != cls.model:
            raise BadInput(f"stored model is {stored.get('model')!r}, wanted {cls.model!r}", remedy="Fit again.")
        try:
            return cls(**values)
        except TypeError as error:
            raise BadInput(f"stored {cls.model} fit cannot be read: {error}", remedy="Fit again.") from error


def fit(x: ArrayLike, mean_value: ArrayLike, *, weights: ArrayLike | None = None) -> GammaGamma:
    """The Gamma-Gamma model under which these mean values are most likely.

    x            (n,) repeat purchases of each person, whole number >= 1: leave out those who never repeated
    mean_value   (n,) mean value of those x purchases, any one unit, > 0: net out refunds first
    weights      (n,) people behind each row; one each when left out
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people or when nobody has two
    purchases or all means are equal.
    """
    xs, m = _checked(x, mean_value)
    given = checked_weights(weights, xs.size)
    w = np.ones(xs.size) if given is None else given
    people = float(w.sum())
    if people < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{people:g} people with repeat purchases are too few to fit their value, wanted {FEWEST_PEOPLE}",
            remedy="Wait for more repeat purchases.",
        )
    if xs.max() < 2 or m.max() == m.min():
        what = "nobody has two repeat purchases" if xs.max() < 2 else f"every mean value is {m[0]:g}"
        raise NotEnoughData(f"{what}, so spread cannot be learned", remedy="Use the plain mean value.")
    scale = float(np.einsum("i,i->", w, m) / people)
    peak = climb(_objective(xs, m / scale, w), np.log(np.array([4.0, 4.0, 1.0])), people=people)
    p, q, v = np.exp(peak.log_parameters) * np.array([1.0, 1.0, scale])
    found = np.array([p, q, v])
    errors = None
    if peak.covariance is not None:
        errors = dict(zip(NAMES, (found * np.sqrt(np.diag(peak.covariance))).tolist(), strict=True))
    correlation = _correlation(xs, m / scale, w)  # in parts of the mean: squares of huge amounts are no floats
    return GammaGamma(
        parameters=dict(zip(NAMES, found.tolist(), strict=True)),
        log_likelihood=(peak.mean - float(np.log(scale))) * people,  # back in the unit given
        n=people,
        converged=peak.converged,
        boundary=_boundary(peak, q=float(q)),
        standard_errors=errors,
        covariance=None if peak.covariance is None else peak.covariance.tolist(),
        correlation=correlation,
        caution=_caution(correlation),
    )


def population_mean(fit: GammaGamma) -> float:
    """Mean value of a purchase over everybody, in the unit of the fit. Raises Degenerate when q <= 1."""
    p, q, v = fit.letters
    if q <= 1:
        raise Degenerate(f"q is {q:.3f}, so the mean value has no limit", remedy="Use the plain mean value.")
    return p * v / (q - 1)


def expected_value(fit: GammaGamma, x: ArrayLike, mean_value: ArrayLike) -> Floats:
    """(n,) value of each person's next purchase, the crowd's mean where nothing of their own is known.

    x            (n,) repeat purchases, >= 0
    mean_value   (n,) mean value of those, > 0; not looked at where x == 0
    Raises Degenerate when q <= 1; BadInput naming the first impossible row.
    """
    population_mean(fit)
    xs = np.atleast_1d(as_numbers(x, "x"))
    m = np.where(xs == 0, 1.0, np.atleast_1d(as_numbers(mean_value, "mean value")))
    _checked(np.maximum(xs, 1), m)
    p, q, v = fit.letters
    return np.asarray(p * (v + np.where(xs == 0, 0.0, xs * m)) / (p * xs + q - 1))


def _checked(x: ArrayLike, mean_value: ArrayLike) -> tuple[Floats, Floats]:
    xs, m = np.atleast_1d(as_numbers(x, "x")), np.atleast_1d(as_numbers(mean_value, "mean value"))
    if xs.shape != m.shape or xs.ndim != 1:
        raise BadInput(f"x is {xs.shape}, mean_value is {m.shape}", remedy="Give two columns of one length.")
    bad_x = ~np.isfinite(xs) | (xs < 1) | (xs != np.floor(xs))
    bad_m = ~np.isfinite(m) | (m <= 0)
    for bad, name, column, remedy in (
        (bad_x, "x", xs, "Leave out people without a repeat purchase."),
        (bad_m, "mean value", m, "Net out refunds and leave out values that are not positive."),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            wanted = "a whole number >= 1" if name == "x" else "a finite number > 0"
            raise BadInput(f"{name} is {column[row]}, wanted {wanted}", where=f"row {row}", remedy=remedy)
    return xs, m


def _objective(x: Floats, m: Floats, weight: Floats) -> Objective:
    values, code = np.unique(x, return_inverse=True)
    people = np.bincount(code, weights=weight)
    n = float(weight.sum())
    log_m = float(np.einsum("i,i->", weight, np.log(m)))
    x_log_m = float(np.einsum("i,i->", weight * x, np.log(m)))
    total = x * m

    def objective(log_parameters: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(log_parameters)
        px = p * values
        row_log, row_share = np.log(total + v), weight / (total + v)
        log_by_x = np.bincount(code, weights=weight * row_log)
        both = digamma(px + q)
        value = np.einsum("i,i->", people, gammaln(px + q) - gammaln(px) + px * np.log(values))
        value += n * (q * np.log(v) - gammaln(q)) + p * x_log_m - log_m
        value -= np.einsum("i,i->", px + q, log_by_x)
        slope_p = np.einsum("i,i->", people * values, both - digamma(px) + np.log(values))
        slope_p += x_log_m - np.einsum("i,i->", values, log_by_x)
        slope_q = np.einsum("i,i->", people, both) + n * (np.log(v) - digamma(q)) - log_by_x.sum()
        slope_v = n * q / v - np.einsum("i,i->", (px + q)[code], row_share)
        slope = np.array([slope_p * p, slope_q * q, slope_v * v])
        return -float(value) / n, -slope / n

    return objective


def _correlation(x: Floats, m: Floats, weight: Floats) -> float | None:
    n = weight.sum()
    dx = x - np.einsum("i,i->", weight, x) / n
    dm = m - np.einsum("i,i->", weight, m) / n
    spread = np.einsum("i,i->", weight, dx**2) * np.einsum("i,i->", weight, dm**2)
    return float(np.einsum("i,i->", weight * dx, dm) / np.sqrt(spread)) if spread > 0 else None


def _caution(correlation: float | None) -> str | None:
    if correlation is None or abs(correlation) < STRONG_CORRELATION:
        return None
    way = "more" if correlation > 0 else "less"
    return (
        f"frequent buyers spend {way} a purchase here (correlation {correlation:.2f}); "
        "values are pulled towards the crowd's mean as if the two had nothing to do with each other"
    )


def _boundary(peak: Peak, *, q: float) -> str | None:
    if peak.low[0] or peak.low[1] or peak.low[2]:
        return f"the spread of values has no limit here: {NAMES[int(np.argmax(peak.low))]} fell to its lowest"
    if q <= 1:
        return f"the mean value of a purchase has no limit: q is {q:.3f}, and over 1 is needed"
    if peak.high[0]:
        return "every purchase of a person has one and the same value: p grew without end"
    if peak.high[1] or peak.high[2]:
        return "everybody's mean value is one and the same: q and v grew without end"
    if peak.covariance is None:
        return f"the likelihood has no peak: {NAMES[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {NAMES[peak.loosest]}: one standard error is over a factor of seven"
    return None
