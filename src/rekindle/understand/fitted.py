"""What a fitted model keeps, and how it is written down and read back: plain JSON, nothing to unpickle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np

from rekindle.errors import BadInput, Degenerate
from rekindle.understand.compression import Floats
from rekindle.understand.likelihood import Peak, sigma_points
from rekindle.understand.survival import Z_80

F = TypeVar("F", bound="Fitted")


class TimedFit(Protocol):
    """What `in_longer_unit` reads of a fit."""

    times: ClassVar[tuple[str, ...]]

    @property
    def parameters(self) -> dict[str, float]:
        """By the letters of the paper."""

    @property
    def standard_errors(self) -> dict[str, float] | None:
        """By the same letters; None when the likelihood has no proper peak."""

    @property
    def log_likelihood(self) -> float:
        """Over all people."""


@dataclass(frozen=True)
class Fitted:
    """A model fitted by maximum likelihood on the logarithms of its parameters.

    parameters        by the letters of the paper
    log_likelihood    over all people
    n                 people
    converged         the search ended on a flat top
    boundary          None, or one sentence naming the limit the fit ran to
    standard_errors   of the parameters by the delta method; None when the likelihood has no proper peak
    covariance        (k, k) of the log-parameters in the order of `names`; None likewise
    held_out          how it did on a window it had not seen (`choice.HeldOut` as a dict); None until it was judged
    """

    model: ClassVar[str] = ""
    names: ClassVar[tuple[str, ...]] = ()
    times: ClassVar[tuple[str, ...]] = ()  # the letters that are lengths of time

    parameters: dict[str, float]
    log_likelihood: float
    n: float
    converged: bool
    boundary: str | None
    standard_errors: dict[str, float] | None
    covariance: list[list[float]] | None
    held_out: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def letters(self) -> tuple[float, ...]:
        """The parameters in the order of `names`."""
        return tuple(self.parameters[name] for name in self.names)

    def likely_letters(self) -> Floats:
        """(2k, k) equally likely parameter sets around the fit, (1, k) when its uncertainty is not known."""
        at = np.log(np.array(self.letters))
        covariance = None if self.covariance is None else np.array(self.covariance)
        return np.asarray(np.exp(sigma_points(at, covariance)), dtype=np.float64)

    def likely_fits(self) -> list[Self]:
        """The same fit with each of those parameter sets in turn."""
        sets = self.likely_letters().tolist()
        return [replace(self, parameters=dict(zip(self.names, letters, strict=True))) for letters in sets]

    def to_json(self) -> dict[str, Any]:
        """The fit as plain JSON values."""
        return {"model": self.model, **asdict(self)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The fit that `to_json` wrote. Raises BadInput for another model's, or one with letters missing."""
        values = dict(stored)
        if values.pop("model", None) != cls.model:
            raise BadInput(f"stored model is {stored.get('model')!r}, wanted {cls.model!r}", remedy="Fit again.")
        try:
            fit = cls(**values)
            fit.letters  # noqa: B018  a letter that is missing shows itself here, not in some later prediction
        except (TypeError, KeyError) as error:
            raise BadInput(f"stored {cls.model} fit cannot be read: {error}", remedy="Fit again.") from error
        return fit


def in_longer_unit(fit: TimedFit, *, of: float, repeats: float) -> dict[str, Any]:
    """Parameters, standard errors and log-likelihood of a purchase model as if time had been told in a longer unit.

    of        old units in a new one: 7 from days to weeks
    repeats   repeat purchases of everybody: each has a density in time, which grows by `of`
    """

    def told(values: dict[str, float]) -> dict[str, float]:
        return {name: value / of if name in fit.times else value for name, value in values.items()}

    return {
        "parameters": told(fit.parameters),
        "standard_errors": None if fit.standard_errors is None else told(fit.standard_errors),
        "log_likelihood": fit.log_likelihood + repeats * math.log(of),
    }


def parameter_range(fit: F, answer: Callable[[F], Floats]) -> tuple[Floats, Floats]:
    """(n,) and (n,): where an answer lies 8 times in 10, as far as the parameters are not known exactly.

    answer   what is asked of a fit, with all the rest filled in; (n,) numbers >= 0, worked on as logarithms
    It is the range of what holds for such people on average; what one of them does varies far more.
    Raises Degenerate where the fit's own uncertainty is not known; BadInput for an answer below 0.
    """
    if fit.covariance is None:
        raise Degenerate(
            f"how sure the {fit.model} fit is cannot be told: {fit.boundary or 'its likelihood has no peak'}",
            remedy="Show the answer without a range, with this sentence.",
        )
    found = np.array([answer(likely) for likely in fit.likely_fits()])
    if not (found >= 0).all():
        raise BadInput("a range is asked of an answer below 0", remedy="Ask for its size and keep the sign.")
    logs = np.log(np.maximum(found, 1e-300))
    middle, spread = logs.mean(axis=0), Z_80 * logs.std(axis=0)
    never = found.max(axis=0) == 0
    return np.where(never, 0.0, np.exp(middle - spread)), np.where(never, 0.0, np.exp(middle + spread))


def fields_of(peak: Peak, names: Sequence[str], *, people: float, boundary: str | None) -> dict[str, Any]:
    """The fields of a `Fitted` from the top of its likelihood."""
    found = np.exp(peak.log_parameters)
    errors = None
    if peak.covariance is not None:
        spread = found * np.sqrt(np.diag(peak.covariance))
        errors = dict(zip(names, spread.tolist(), strict=True))
    return {
        "parameters": dict(zip(names, found.tolist(), strict=True)),
        "log_likelihood": peak.mean * people,
        "n": people,
        "converged": peak.converged,
        "boundary": boundary,
        "standard_errors": errors,
        "covariance": None if peak.covariance is None else peak.covariance.tolist(),
    }
