"""A blend: several models of purchases at once, each with the weight that would have told best what came before.

    chance of a count   sum over models k of w_k p_k(count),   w_k >= 0, sum of w_k = 1
    w                   the weights under which the exact counts of an earlier window are most likely

Weights are learned from a window that had ended by the day of the fit, each model knowing only what came before that
window; the models are then fitted anew on everything. Where models err on different sides, as those in which people
leave too soon and one in which nobody does, the blend's total lies between them, and it ranks people better than any.
The best weights are where, for every model, the mean of p_k / (the blend's chance) is at most 1; each step multiplies
a weight by that mean (expectation-maximisation for the weights alone), which never lowers the likelihood.
Whether somebody is still a customer is asked of the models in it in which people leave; the others cannot tell.
Source: Yao, Vehtari, Simpson & Gelman (2018), "Using Stacking to Average Bayesian Predictive Distributions", Bayesian
Analysis 13(3), 917-1007.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.candidates import CANDIDATES, PurchaseFit, PurchaseModel, fit_or_why, model_of
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, checked
from rekindle.understand.origins import Window

MODEL = "blend"
_STEPS = 2_000
_CLOSE = 1e-9  # nats a person a step: far under what any two models differ by
_LEAST = 1e-3  # our choice: a model with less weight moves no answer anybody could see, and costs a fit


@dataclass(frozen=True)
class Blend:
    """Several fitted models and what each counts for.

    weights        model -> share of the blend, > 0, adding up to 1
    fits           model -> its fit on everything known
    learned_days   length of the window the weights come from
    n              people in it
    gain           nats a person by which the blend told that window's counts better than the best model alone
    held_out       how it did on a window it had not seen (`choice.HeldOut` as a dict); None until it was judged
    """

    model: ClassVar[str] = MODEL
    boundary: ClassVar[None] = None  # a model that ran to one is not in it
    log_likelihood: ClassVar[None] = None
    standard_errors: ClassVar[None] = None
    converged: ClassVar[bool] = True

    weights: dict[str, float]
    fits: dict[str, PurchaseFit]
    learned_days: float
    n: float
    gain: float
    held_out: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def parameters(self) -> dict[str, float]:
        """Its parameters are its weights."""
        return dict(self.weights)

    def to_json(self) -> dict[str, Any]:
        """The blend as plain JSON values."""
        return {
            "model": self.model,
            "weights": self.weights,
            "fits": {name: fit.to_json() for name, fit in self.fits.items()},
            "learned_days": self.learned_days,
            "n": self.n,
            "gain": self.gain,
            "held_out": self.held_out,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Blend:
        """The blend that `to_json` wrote. Raises BadInput for anything else."""
        if stored.get("model") != cls.model:
            raise BadInput(f"stored model is {stored.get('model')!r}, wanted {cls.model!r}", remedy="Fit again.")
        try:
            fits = {name: model_of(name).kind.from_json(one) for name, one in stored["fits"].items()}
            weights = {name: float(stored["weights"][name]) for name in fits}
            held_out = stored.get("held_out")
            return cls(weights, fits, stored["learned_days"], stored["n"], stored["gain"], held_out=held_out)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"stored blend cannot be read: {error}", remedy="Fit again.") from error


def fit(now: Window, before: Window, *, before_days: float, models: Mapping[str, PurchaseModel] = CANDIDATES) -> Blend:
    """The blend of all models that fit without a limit, at both days.

    now           everybody known today; what came after is not looked at
    before        everybody known `before_days` ago, and what they did since
    before_days   days; half the history, or the horizon where that is shorter, is usual
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people then, or where fewer than two
    models fit without running to a limit: use the one that is left.
    """
    fits = {name: fit_or_why(model, *now.columns(), now.sum_log_gaps) for name, model in models.items()}
    return learn(fits, before, before_days=before_days, models=models)


def learn(
    fits: Mapping[str, PurchaseFit | str],
    before: Window,
    *,
    before_days: float,
    models: Mapping[str, PurchaseModel] = CANDIDATES,
) -> Blend:
    """The blend of models that are fitted on what is known today already; else as `fit`.

    fits   model -> its fit, or why there is none
    """
    if before.x.size < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{before.x.size} people were known {before_days:g} days ago, wanted {FEWEST_PEOPLE}",
            remedy="Learn from a shorter window or use one model.",
        )
    told: dict[str, Floats] = {}
    used: dict[str, PurchaseFit] = {}
    columns = before.columns()
    for name, today in fits.items():
        if isinstance(today, str) or today.boundary is not None:
            continue
        earlier = fit_or_why(models[name], *columns, before.sum_log_gaps)
        if isinstance(earlier, str) or earlier.boundary is not None:
            continue
        used[name] = today
        asks = models[name].asks
        told[name] = asks.log_chance_of_count(earlier, *columns, horizon=before_days, count=before.seen)
    if len(used) < 2:
        left = next(iter(used), None)
        raise NotEnoughData(
            f"{left or 'no model'} alone fits this data without running to a limit, "
            "so there is nothing to weigh it against",
            remedy=f"Use {left}." if left else "Use a plain guess.",
        )
    chances = np.stack(list(told.values()))
    found = best_weights(chances)
    kept = np.where(found >= _LEAST, found, 0.0)
    kept /= kept.sum()
    gain = float(_mixed(chances, kept).mean() - chances.mean(axis=1).max())
    weights = {name: share for name, share in zip(used, kept.tolist(), strict=True) if share > 0}
    return Blend(weights, {name: used[name] for name in weights}, float(before_days), float(before.x.size), gain)


def fit_again_or_why(blend: Blend, x: Floats, t_x: Floats, T: Floats, sum_log_gaps: Floats | None) -> Blend | str:
    """The blend with its models fitted anew on everybody and the same weights, or why that cannot be, in words.

    A model that ran to a limit is left out, and the others share its weight. Raises BadInput as the fits do.
    """
    fresh = {name: fit_or_why(model_of(name), x, t_x, T, sum_log_gaps) for name in blend.weights}
    fits = {name: fit for name, fit in fresh.items() if not isinstance(fit, str) and fit.boundary is None}
    if len(fits) < 2:
        return f"{next(iter(fits), 'no model')} alone in it fits without running to a limit"
    whole = sum(blend.weights[name] for name in fits)
    return replace(blend, weights={name: blend.weights[name] / whole for name in fits}, fits=fits)


def best_weights(log_chances: Floats) -> Floats:
    """(k,) weights, >= 0 and adding up to 1, under which what was seen is most likely.

    log_chances   (k, n) log of the chance each of k models gave to what each of n people did
    Raises BadInput where they are no logs of chances, or where no model gave somebody any chance at all.
    """
    logs = np.asarray(log_chances, dtype=np.float64)
    if logs.ndim != 2 or 0 in logs.shape or np.isnan(logs).any() or (logs > 1e-9).any():
        raise BadInput(f"log chances have shape {logs.shape}, wanted (models, people), each at most 0")
    top = logs.max(axis=0)
    if np.isneginf(top).any():
        row = int(np.argmax(np.isneginf(top)))
        raise BadInput("no model gives what was seen any chance", where=f"row {row}", remedy="Check the counts.")
    relative = np.exp(logs - top)
    weights = np.full(len(logs), 1 / len(logs))
    level = -np.inf
    for _ in range(_STEPS):
        mixed = weights @ relative
        reached = float(np.log(mixed).mean())
        if reached - level < _CLOSE:
            break
        level = reached
        weights = weights * (relative / mixed).mean(axis=1)
        weights /= weights.sum()  # rounding only: the means weigh out to 1
    return weights


def people_leave(model: str) -> bool:
    """Whether somebody can leave in the model of that name; in a blend always, as NBD alone is none."""
    return model == MODEL or model_of(model).people_leave


def p_alive(blend: Blend, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """(n,) chance that each person is still with us, by the models in which people leave. Raises BadInput."""
    leaving = {name: share for name, share in blend.weights.items() if model_of(name).people_leave}
    whole = sum(leaving.values())
    told = [share / whole * model_of(name).asks.p_alive(blend.fits[name], x, t_x, T) for name, share in leaving.items()]
    return np.asarray(np.sum(told, axis=0)) if told else np.ones(checked(x, t_x, T)[0].size)


def p_none(blend: Blend, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase in the next `horizon`. Raises BadInput."""
    far = checked_horizon(horizon)
    return _weighed(blend, lambda asks, one: asks.p_none(one, x, t_x, T, horizon=far))


def expected_purchases(blend: Blend, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput."""
    far = checked_horizon(horizon)
    return _weighed(blend, lambda asks, one: asks.expected_purchases(one, x, t_x, T, horizon=far))


def log_chance_of_count(
    blend: Blend, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    far = checked_horizon(horizon)
    logs = [
        model_of(name).asks.log_chance_of_count(one, x, t_x, T, horizon=far, count=count)
        for name, one in blend.fits.items()
    ]
    return _mixed(np.stack(logs), np.array([blend.weights[name] for name in blend.fits]))


def mixed_log_chance(blend: Blend, log_chances: Mapping[str, Floats]) -> Floats:
    """(n,) log chance of what was seen, from the log chances (n,) its models have given by name already."""
    return _mixed(np.stack([log_chances[name] for name in blend.weights]), np.array(list(blend.weights.values())))


def mean_answer(blend: Blend, answers: Mapping[str, Floats]) -> Floats:
    """(n,) weighed mean of the answers (n,) its models have given by name already."""
    return np.asarray(np.sum([share * answers[name] for name, share in blend.weights.items()], axis=0))


def _weighed(blend: Blend, ask: Callable[[Any, PurchaseFit], Floats]) -> Floats:
    told = [blend.weights[name] * ask(model_of(name).asks, one) for name, one in blend.fits.items()]
    return np.asarray(np.sum(told, axis=0))


def _mixed(logs: Floats, weights: Floats) -> Floats:
    """(n,) log of the weighed mean of chances given by their logs, (k, n)."""
    top = logs.max(axis=0)
    safe = np.where(np.isneginf(top), 0.0, top)
    with np.errstate(divide="ignore"):  # a count no model gives any chance
        return np.asarray(safe + np.log(weights @ np.exp(logs - safe)))
