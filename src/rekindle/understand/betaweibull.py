"""What sBG and BdW share: a beta-spread chance of leaving, and a clock that may run faster or slower with time.

    chance of leaving at the first renewal  theta ~ Beta(alpha, beta)
    own chance to last beyond t renewals    (1 - theta)^(t^c); c is 1 in sBG, where the own chance never changes
    everybody's                             S(t) = B(alpha, beta + t^c) / B(alpha, beta)
    retention at renewal t                  S(t) / S(t-1)

With `met` and `left` people at each renewal (`renewals`), the log-likelihood is that of one coin a renewal:
    sum of  left log(1 - S(t)/S(t-1)) + (met - left) log(S(t)/S(t-1)),
for a cohort the same as the papers', and right as it stands for lives begun whenever and lives still going on.
Sources: Fader & Hardie (2007), Journal of Interactive Marketing 21(1), 76-90; Fader, Hardie, Liu, Davin &
Steenburgh (2018), Journal of Interactive Marketing 43, 1-16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma

from rekindle.understand.compression import Floats
from rekindle.understand.fitted import Fitted, fields_of
from rekindle.understand.gammaratio import digamma_gap, log_gamma_ratio
from rekindle.understand.likelihood import Peak, climb
from rekindle.understand.renewals import Renewals, enough

NAMES = ("alpha", "beta", "c")
_SMALLEST = 1e-300  # a chance that rounds to nothing; its logarithm is still a number
_LARGEST = 300.0  # logarithm of the largest time worked out; its square is a number yet, beyond only powers count
_LONGEST_LIMIT = 100.0  # the same where nobody differs and the time itself is summed
_DIFFERENCE = 1.353  # of log-likelihood: half of 2.706, exceeded by chance alone one time in twenty where the truth
# lies on the edge (Self & Liang 1987, JASA 82: an even mixture of nothing and chi-square of 1)
_CLOCK = 1.921  # of log-likelihood: half of 3.841, the same where the truth lies on no edge
_STOPS = 0.02  # our choice: with c below it the chance of leaving falls over fiftyfold after the first renewal
_AT_ONCE = 20.0  # our choice: with c above it one renewal decides for everybody


@dataclass(frozen=True)
class Contract(Fitted):
    """A fitted model of this family; fields as in `Fitted`, times in periods of the contract."""

    @property
    def alpha_beta_c(self) -> tuple[float, float, float]:
        """alpha, beta and the clock c, 1 where the model has none."""
        return self.parameters["alpha"], self.parameters["beta"], self.parameters.get("c", 1.0)

    def log_survivor(self, t: Floats) -> Floats:
        """(n,) log S(t) for t >= 0."""
        alpha, beta, c = self.alpha_beta_c
        _, y, log_y = _clock(beta, c, t)
        now = log_gamma_ratio(alpha, y, log_y)
        begin = log_gamma_ratio(alpha, np.array([beta]), np.log([beta]))
        return np.asarray(np.minimum(now - begin, 0.0))

    def retentions(self, t: Floats) -> Floats:
        """(n,) S(t) / S(t-1) for t >= 1."""
        alpha, beta, c = self.alpha_beta_c
        if c == 1.0:
            return np.asarray((beta + t - 1) / (alpha + beta + t - 1))
        now, before = (log_gamma_ratio(alpha, *_clock(beta, c, s)[1:]) for s in (t, t - 1))
        return np.asarray(np.exp(np.minimum(now - before, 0.0)))


class Likelihood:
    """The mean negative log-likelihood and its slope in (log alpha, log beta, log c)."""

    def __init__(self, renewals: Renewals) -> None:
        self.people = renewals.n
        self.left, self.renewed = renewals.left, renewals.renewed
        self.t = np.arange(renewals.met.size + 1, dtype=np.float64)
        self.log_t = np.log(np.maximum(self.t, 1.0))

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope."""
        alpha, beta, c = np.exp(log_parameters)
        power, y, log_y = _clock(beta, c, self.t)
        log_retention = np.minimum(np.diff(log_gamma_ratio(alpha, y, log_y)), -_SMALLEST)
        log_leave = np.log(np.maximum(-np.expm1(log_retention), _SMALLEST))
        value = _dot(self.left, log_leave) + _dot(self.renewed, log_retention)
        # d log(1 - e^u) = -e^u / (1 - e^u) du, where u is the log of retention
        pull = self.renewed - self.left * np.exp(np.minimum(log_retention - log_leave, _LARGEST))
        per_y = digamma_gap(alpha, y)
        slope_alpha = _dot(pull, -np.diff(digamma(y + alpha))) * alpha
        slope_beta = _dot(pull, np.diff(per_y)) * beta
        slope_c = _dot(pull, np.diff(per_y * power * self.log_t)) * c
        return -value / self.people, -np.array([slope_alpha, slope_beta, slope_c]) / self.people

    def without_clock(self, log_parameters: Floats) -> tuple[float, Floats]:
        """The same with c kept at 1, in (log alpha, log beta)."""
        value, slope = self(np.append(log_parameters, 0.0))
        return value, slope[:2]

    def alike(self, log_parameters: Floats) -> tuple[float, Floats]:
        """The same where nobody differs, S(t) = exp(-rate t^c), in (log rate, log c)."""
        rate, c = np.exp(log_parameters)
        power = np.where(self.t > 0, np.exp(np.minimum(c * self.log_t, _LONGEST_LIMIT)), 0.0)
        step, bend = np.diff(power), np.diff(power * self.log_t)
        log_retention = np.minimum(-rate * step, -_SMALLEST)
        log_leave = np.log(np.maximum(-np.expm1(log_retention), _SMALLEST))
        value = _dot(self.left, log_leave) + _dot(self.renewed, log_retention)
        pull = self.renewed - self.left * np.exp(np.minimum(log_retention - log_leave, _LONGEST_LIMIT))
        slope = -np.array([_dot(pull, step), _dot(pull, bend) * c]) * rate
        return -value / self.people, -slope / self.people


def fit_family(renewals: Renewals, *, has_clock: bool) -> dict[str, Any]:
    """The fields of a fitted model, by maximum likelihood over the renewals.

    Raises NotEnoughData under 30 people, when nobody left, or with fewer renewals than parameters.
    """
    names = NAMES if has_clock else NAMES[:2]
    enough(renewals, kinds=len(names))
    likelihood, people = Likelihood(renewals), renewals.n
    leave = float(np.clip(renewals.left.sum() / renewals.met.sum(), 1e-6, 1 - 1e-6))
    peak = climb(likelihood.without_clock, np.log([1.0, (1 - leave) / leave]), people=people)
    if has_clock:
        # Slow clocks and unlike people explain each other away: two ways up, and the higher top.
        near = np.clip(peak.log_parameters, np.log(0.05), np.log(50.0))
        starts = (np.append(near, 0.0), np.log([1.0, (1 - leave) / leave, 1.5]))
        peak = max((climb(likelihood, start, people=people) for start in starts), key=lambda top: top.mean)
    # The same where everybody's chance of leaving is one and the same: as it is, and changing with time.
    start = np.array([np.log(-np.log1p(-leave)), 0.0])
    constant, changing = -likelihood.alike(start)[0], climb(likelihood.alike, start, people=people)
    gain = (peak.mean - (changing.mean if has_clock else constant)) * people
    boundary = _boundary(peak, renewals, gain=gain)
    if boundary and not has_clock and (changing.mean - constant) * people > _CLOCK and changing.log_parameters[1] > 0:
        boundary += "; leaving grows likelier with time here, which BdW can show and sBG cannot"
    return fields_of(peak, names, people=people, boundary=boundary)


def _boundary(peak: Peak, renewals: Renewals, *, gain: float) -> str | None:
    alpha, beta = np.exp(peak.log_parameters[:2])
    c = float(np.exp(peak.log_parameters[2])) if peak.log_parameters.size == 3 else 1.0
    if not renewals.left[1:].any():
        return f"nobody leaves after the first renewal here: alpha is {alpha:.1e} and beta {beta:.1e}"
    if c < _STOPS:
        return f"leaving all but stops after the first renewal here: c fell to {c:.1e}"
    if c > _AT_ONCE:
        return f"everybody leaves at about one and the same renewal: c grew to {c:.1e}"
    if gain < _DIFFERENCE:
        chance = "chance of leaving" if peak.log_parameters.size == 2 else "chance of leaving, changing with time,"
        return (
            f"people show no measurable difference: one and the same {chance} fits as well, "
            f"{alpha / (alpha + beta):.3g} at the first renewal "
            f"(alpha is {alpha:.1e} and beta {beta:.1e}, log-likelihood higher by {max(gain, 0.0):.2f} only)"
        )
    if peak.low[:2].any():
        return f"people leave at the first renewal or never here: {NAMES[int(np.argmax(peak.low))]} fell to its lowest"
    if peak.covariance is None:
        return f"the likelihood has no peak: {NAMES[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {NAMES[peak.loosest]}: one standard error is over a factor of seven"
    return None


def _clock(beta: float, c: float, t: Floats) -> tuple[Floats, Floats, Floats]:
    """t^c, beta + t^c and the logarithm of that, the last one right also where the others are cut off."""
    log_power = c * np.log(np.maximum(t, 1.0))
    power = np.where(t > 0, np.exp(np.minimum(log_power, _LARGEST)), 0.0)
    y = beta + power
    return power, y, np.where(log_power > _LARGEST, log_power, np.log(y))


def _dot(left: Floats, right: Floats) -> float:
    return float(np.einsum("i,i->", left, right))
