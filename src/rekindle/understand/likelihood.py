"""Maximum likelihood on log-parameters: quasi-Newton, then a Newton step, then the curvature at the top.

Every positive parameter is searched as its logarithm, so none can turn negative and the steps are relative.
The curvature gives the standard errors and the Laplace approximation (log-parameters are about normal around
the fit); where it shows no peak, the weakest direction is named instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]

SPAN = float(np.log(1e6))  # a parameter may wander a million-fold from its start; further is a boundary
_TOLERANCE = 3e-7  # on the mean log-likelihood's slope; tighter triples the steps and moves no printed digit
_MOST_STEPS = 300
_LONGEST = 2.0  # in logarithms, so that one step changes no parameter more than sevenfold
_RIDGE = 30  # steps after which hardly rising on is a ridge without an end, not a top still to come
_HARDLY = 1e-6  # nats a person over the last ten of them
_STEP = 1e-4  # for the curvature from slopes: error about 1e-8 relative
_LOOSE = 2.0  # a standard error above this (a factor of e^2 = 7.4) means the data do not say


@dataclass(frozen=True)
class Peak:
    """The top of a likelihood.

    log_parameters   (k,)
    mean             log-likelihood per person at the top
    converged        the slope there is as good as zero
    covariance       (k, k) of the log-parameters; None when there is no proper peak
    low, high        (k,) True where a parameter ran to its lower / upper limit
    loosest          index of the parameter the data pin down least
    """

    log_parameters: Floats
    mean: float
    converged: bool
    covariance: Floats | None
    low: NDArray[np.bool_]
    high: NDArray[np.bool_]
    loosest: int

    @property
    def is_loose(self) -> bool:
        """Whether the least known parameter is unknown by more than a factor of seven."""
        if self.covariance is None:
            return True
        return bool(np.sqrt(np.diag(self.covariance)).max() > _LOOSE)


def climb(objective: Objective, start: Floats, *, people: float) -> Peak:
    """The parameters under which the data are most likely.

    objective   log-parameters (k,) -> (mean NEGATIVE log-likelihood per person, its slope (k,))
    start       (k,) log-parameters; the limits lie a million-fold to either side
    people      how many people the mean is over
    """
    low, high = start - SPAN, start + SPAN
    at, value, slope = _descend(objective, start, low, high)
    inside = (at > low + 0.1) & (at < high - 0.1)
    curvature = _curvature(objective, at)
    if inside.all() and _is_peak(curvature):
        step = at - np.linalg.solve(curvature, slope)
        moved, new_slope = objective(step)
        if moved <= value and np.abs(new_slope).max() <= np.abs(slope).max():
            at, value, slope = step, moved, new_slope
    proper = inside.all() and _is_peak(curvature)
    weakest = np.linalg.eigh(curvature)[1][:, 0]
    return Peak(
        log_parameters=at,
        mean=-value,
        converged=bool(np.abs(slope[inside]).max(initial=0.0) < 1e-5),
        covariance=np.asarray(np.linalg.inv(curvature) / people, dtype=np.float64) if proper else None,
        low=at <= low + 0.1,
        high=at >= high - 0.1,
        loosest=int(np.argmax(np.abs(weakest))),
    )


def sigma_points(at: Floats, covariance: Floats | None) -> Floats:
    """A few log-parameter sets of equal weight with the mean and covariance of the Laplace approximation.

    Gives (2k, k), or (1, k), the fit alone, when no covariance is known.
    Source: Julier & Uhlmann (1997), the unscented transform, with no weight on the centre.
    """
    if covariance is None:
        return at[None, :]
    spread = np.linalg.cholesky(covariance) * np.sqrt(at.size)
    return np.concatenate([at + spread.T, at - spread.T])


def _descend(objective: Objective, start: Floats, low: Floats, high: Floats) -> tuple[Floats, float, Floats]:
    """BFGS within limits: where it stands, the value and the slope there.

    Written out here because a handful of parameters needs no linear algebra library: its threads cost more than
    the whole search. A parameter at its limit that wants to go further is left out of the step.
    """
    at = start.copy()
    value, slope = objective(at)
    inverse = np.eye(at.size)
    values = [value]
    for step_number in range(_MOST_STEPS):
        if step_number >= _RIDGE and len(values) > 10 and values[-10] - value < _HARDLY:
            break
        free = ~(((at <= low) & (slope > 0)) | ((at >= high) & (slope < 0)))
        if np.abs(slope[free]).max(initial=0.0) < _TOLERANCE:
            break
        direction = np.where(free, -(inverse @ np.where(free, slope, 0.0)), 0.0)
        direction /= max(1.0, float(np.abs(direction).max()) / _LONGEST)
        moved, new_value, new_slope = _line_search(objective, at, value, slope, direction, low, high)
        if new_value >= value:
            if np.array_equal(inverse, np.eye(at.size)):
                break  # not even straight downhill gains anything: this is the bottom, to rounding
            inverse = np.eye(at.size)
            continue
        s, y = moved - at, new_slope - slope
        along = float(s @ y)
        if along > 1e-14:
            if step_number == 0:
                inverse *= along / float(y @ y)
            left = np.eye(at.size) - np.outer(s, y) / along
            inverse = left @ inverse @ left.T + np.outer(s, s) / along
        at, value, slope = moved, new_value, new_slope
        values.append(value)
    return at, value, slope


def _line_search(
    objective: Objective,
    at: Floats,
    value: float,
    slope: Floats,
    direction: Floats,
    low: Floats,
    high: Floats,
) -> tuple[Floats, float, Floats]:
    # Halving by the parabola through what is known; Armijo's constant is the customary 1e-4.
    down = float(slope @ direction)
    length = 1.0
    moved, new_value, new_slope = at, value, slope
    for _ in range(30):
        moved = np.clip(at + length * direction, low, high)
        new_value, new_slope = objective(moved)
        if np.isfinite(new_value) and new_value <= value + 1e-4 * length * down:
            break
        bend = new_value - value - length * down
        best = -down * length**2 / (2 * bend) if np.isfinite(bend) and bend > 0 else length / 2
        length = float(np.clip(best, length / 10, length / 2))
    return moved, new_value, new_slope


def _curvature(objective: Objective, at: Floats) -> Floats:
    rows = []
    for k in range(at.size):
        nudge = np.zeros_like(at)
        nudge[k] = _STEP
        rows.append((objective(at + nudge)[1] - objective(at - nudge)[1]) / (2 * _STEP))
    square = np.array(rows)
    return np.asarray((square + square.T) / 2, dtype=np.float64)


def _is_peak(curvature: Floats) -> bool:
    # 1e-9: slopes carry about 1e-12 of rounding, over a step of 1e-4; anything flatter is noise.
    return bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature)[0] > 1e-9)
