"""Every model and baseline asked at several earlier days what would come, and held against what came.

1. At each cutoff every candidate is fitted on the histories up to that day and asked about the `horizon_days` after
   it. It is handed nothing later: an `Origin` keeps what was known apart from what came.
2. The recency baseline learns from the window that had just ended at the cutoff, so here it has seen as little of
   the future as everybody else (in `choice` it knows the season). A blend of the models learns its weights from the
   same window.
3. A model counts where it gave answers and its fit ran to no boundary. It is out when it did not at the newest
   cutoff, or when over the cutoffs where it did its root mean squared error or log loss was worse than the rate's.
4. Between models left over, the log chance each gave to the exact counts decides, as in `choice`: the default stays
   unless another is ahead by more than two standard errors, and a model in which nobody leaves is used only where no
   other is left. The same people come back at other cutoffs, so the paired errors do not shrink with the number of
   cutoffs; what the lead differs between cutoffs is added:
       noise^2 = (mean of the paired standard errors)^2 + variance of the leads / cutoffs
   A lead of less than a hundred-thousandth is the rounding of the search and none.
5. No model left over: the rate baseline, or recency where that was better at both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import baselines, blend
from rekindle.understand.baselines import Baseline
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import CANDIDATES, PurchaseFit, PurchaseModel, fit_or_why
from rekindle.understand.choice import (
    BARS,
    GUESSES,
    HeldOut,
    absolute_caveat,
    beaten,
    champion,
    checked_counts,
    expected_purchases,
    p_none,
    score,
)
from rekindle.understand.compression import Floats, Histories, compress
from rekindle.understand.origins import Origin, Window
from rekindle.understand.sign_record import wilson

BINS = 10
_NO_WINDOW = "the history has no {horizon:g} days before this cutoff to learn from"
METRICS = ("log_loss", "brier", "auc", "mae", "rmse", "total_error", "count_log_score", "calibration_error")


@dataclass(frozen=True)
class Bin:
    """People who were told about the same chance of no purchase.

    people      how many
    told        mean chance of none they were told
    seen        share that had none
    low, high   its 80 % interval (Wilson)
    """

    people: int
    told: float
    seen: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """One model or baseline at one cutoff.

    parameters          None when it could not be fitted; an infinite one is None
    log_likelihood      None for a baseline
    boundary            in words; None when there is none
    expected            purchases it expected of all together
    held_out            its error; None when it gave no answer
    calibration         by rising chance of none, up to ten groups; empty when it gave no answer
    calibration_error   mean distance of told from seen over the groups, by people
    refused             why this trial does not count; None when it does
    """

    model: str
    parameters: dict[str, float | None] | None
    log_likelihood: float | None
    boundary: str | None
    expected: float | None
    held_out: HeldOut | None
    calibration: tuple[Bin, ...]
    calibration_error: float | None
    refused: str | None


@dataclass(frozen=True)
class Held:
    """One cutoff: how many were known, how many days with a purchase came, and every trial."""

    cutoff: date
    people: int
    repeat_purchases: int
    seen: int
    trials: tuple[Trial, ...]

    def trial(self, model: str) -> Trial:
        """The trial of that model."""
        return next(t for t in self.trials if t.model == model)


@dataclass(frozen=True)
class Standing:
    """One model or baseline over the cutoffs where it counts.

    cutoffs   how many those are
    mean      metric -> mean over them; None where it is not known
    spread    metric -> standard deviation between them; None for fewer than two
    chosen    the one to use
    why       why it is or is not
    """

    model: str
    cutoffs: int
    mean: dict[str, float | None]
    spread: dict[str, float | None]
    chosen: bool
    why: str


@dataclass(frozen=True)
class Backtest:
    """What every candidate was worth here. Cutoffs rise; `skipped` says of a day why nothing could be learned."""

    horizon_days: float
    held: tuple[Held, ...]
    standings: tuple[Standing, ...]
    skipped: dict[str, str]

    @property
    def winner(self) -> Standing:
        """The one to use."""
        return next(s for s in self.standings if s.chosen)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "horizon_days": self.horizon_days,
            "cutoffs": [_plain(one) for one in self.held],
            "models": [asdict(one) for one in self.standings],
            "skipped": self.skipped,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Backtest:
        """What `to_json` wrote. Raises BadInput when it is something else."""
        try:
            return cls(
                horizon_days=float(stored["horizon_days"]),
                held=tuple(_held_from(one) for one in stored["cutoffs"]),
                standings=tuple(Standing(**one) for one in stored["models"]),
                skipped=dict(stored["skipped"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"stored backtest cannot be read: {error}", remedy="Run the backtest again.") from error


def backtest(
    origins: Sequence[Origin], *, horizon_days: float, models: Mapping[str, PurchaseModel] = CANDIDATES
) -> Backtest:
    """What every model and baseline was worth at these cutoffs.

    models   name -> model, the default first
    Raises BadInput for an impossible row or two cutoffs of one day; NotEnoughData when no cutoff has enough.
    """
    horizon = checked_horizon(horizon_days)
    days = [origin.cutoff for origin in origins]
    if len(set(days)) < len(days):
        raise BadInput("two cutoffs are the same day", remedy="Give each day once.")
    held: list[Held] = []
    log_chances: list[dict[str, Floats]] = []
    skipped: dict[str, str] = {}
    for origin in sorted(origins, key=lambda o: o.cutoff):
        try:
            one, chances = _judged(origin, horizon, models)
        except NotEnoughData as error:
            skipped[origin.cutoff.isoformat()] = str(error)
            continue
        held.append(one)
        log_chances.append(chances)
    if not held:
        told = "; ".join(f"{day}: {why}" for day, why in skipped.items()) or "no day was given"
        raise NotEnoughData(f"no cutoff can be judged ({told})", remedy="Choose later cutoffs or a shorter horizon.")
    return Backtest(horizon, tuple(held), _standings(held, log_chances, [*models, blend.MODEL]), skipped)


def calibration_curve(none: Floats, seen: Floats) -> tuple[Bin, ...]:
    """Told against seen chance of no purchase in up to ten groups of about equal size, by rising chance.

    none   (n,) chance of none that was told
    seen   (n,) purchases that came
    People told the same stay together, so where few different chances were told there are fewer groups.
    """
    edge = np.unique(np.quantile(none, np.arange(1, BINS) / BINS))
    _, group = np.unique(np.searchsorted(edge, none, side="left"), return_inverse=True)
    people = np.bincount(group)
    told = np.bincount(group, weights=none) / people
    quiet = np.bincount(group, weights=seen == 0) / people
    return tuple(
        Bin(n, t, s, *wilson(s, n=n)) for n, t, s in zip(people.tolist(), told.tolist(), quiet.tolist(), strict=True)
    )


def _judged(origin: Origin, horizon: float, models: Mapping[str, PurchaseModel]) -> tuple[Held, dict[str, Floats]]:
    columns = origin.after.columns()
    seen = checked_counts(origin.after.seen, columns[0].size)
    rate = baselines.learn_rate(*columns)
    h = compress(*columns, with_rows=True)
    fits = {name: fit_or_why(model, *columns, origin.after.sum_log_gaps) for name, model in models.items()}
    trials: list[Trial] = []
    chances: dict[str, Floats] = {}
    for name, fit in {**fits, blend.MODEL: _blend_or_why(fits, origin.before, horizon, models)}.items():
        if isinstance(fit, str):
            trials.append(_no_trial(name, fit))
            continue
        chance = None
        if isinstance(fit, Blend):
            chance = blend.mixed_log_chance(fit, chances)
        elif fit.boundary is None:
            chance = models[name].asks.log_chance_of_count(fit, *columns, horizon=horizon, count=seen)
        trial = _trial(fit, h, seen, horizon, log_chance=chance)
        trials.append(trial)
        if chance is not None:
            chances[name] = chance
    chances = {trial.model: chances[trial.model] for trial in trials if trial.refused is None}
    trials += [_trial(rate, h, seen, horizon), _recency_trial(origin.before, h, seen, horizon)]
    people, repeats = columns[0].size, int(columns[0].sum())
    return Held(origin.cutoff, people, repeats, int(seen.sum()), tuple(trials)), chances


def _blend_or_why(
    fits: Mapping[str, PurchaseFit | str], before: Window | None, horizon: float, models: Mapping[str, PurchaseModel]
) -> Blend | str:
    if before is None:
        return _NO_WINDOW.format(horizon=horizon)
    try:
        return blend.learn(fits, before, before_days=horizon, models=models)
    except NotEnoughData as error:
        return str(error)


def _recency_trial(before: Window | None, h: Histories, seen: Floats, horizon: float) -> Trial:
    if before is None:
        return _no_trial("recency", _NO_WINDOW.format(horizon=horizon))
    try:
        table = baselines.learn_recency(*before.columns(), seen=before.seen, horizon=horizon)
    except NotEnoughData as error:
        return _no_trial("recency", f"in the window before this cutoff {error}")
    return _trial(table, h, seen, horizon)


def _no_trial(name: str, why: str) -> Trial:
    return Trial(name, None, None, None, None, None, (), None, why)


def _trial(
    fit: PurchaseFit | Blend | Baseline, h: Histories, seen: Floats, horizon: float, *, log_chance: Floats | None = None
) -> Trial:
    none = p_none(fit, h.x, h.t_x, h.T, horizon=horizon)[h.row]
    expected = expected_purchases(fit, h.x, h.t_x, h.T, horizon=horizon)[h.row]
    found = score(none, expected, seen, log_chance=log_chance)
    parameters = {k: float(v) if np.isfinite(v) else None for k, v in fit.parameters.items()}
    told = (found.log_loss, found.mae, found.count_log_score or 0.0, fit.log_likelihood or 0.0)
    if not np.isfinite(told).all():
        return Trial(
            fit.model, parameters, None, fit.boundary, None, None, (), None, "some of its answers are not finite"
        )
    curve = calibration_curve(none, seen)
    return Trial(
        model=fit.model,
        parameters=parameters,
        log_likelihood=fit.log_likelihood,
        boundary=fit.boundary,
        expected=float(expected.sum()),
        held_out=found,
        calibration=curve,
        calibration_error=sum(b.people * abs(b.told - b.seen) for b in curve) / found.n,
        refused=fit.boundary,
    )


def _standings(
    held: Sequence[Held], log_chances: Sequence[dict[str, Floats]], models: list[str]
) -> tuple[Standing, ...]:
    why_not = {name: _refusal(name, held) for name in models}
    left = [name for name in models if why_not[name] is None]
    winner, why = _winner(left, held, log_chances)
    standings = []
    for name in [*models, *GUESSES]:
        reason = why if name == winner else why_not.get(name) or beaten(name, winner)
        counted = [t for t in (one.trial(name) for one in held) if t.refused is None]
        mean, spread = _over(counted)
        standings.append(Standing(name, len(counted), mean, spread, name == winner, reason))
    return tuple(standings)


def _over(counted: Sequence[Trial]) -> tuple[dict[str, float | None], dict[str, float | None]]:
    mean: dict[str, float | None] = {}
    spread: dict[str, float | None] = {}
    for metric in METRICS:
        known = [value for trial in counted if (value := _metric(trial, metric)) is not None]
        mean[metric] = float(np.mean(known)) if known else None
        spread[metric] = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return mean, spread


def _metric(trial: Trial, metric: str) -> float | None:
    value = trial.calibration_error if metric == "calibration_error" else getattr(trial.held_out, metric)
    return None if value is None else float(value)


def _worse(name: str, other: str, held: Sequence[Held]) -> list[str] | None:
    """At what `name` was worse than `other` over the cutoffs where both count; None where there are none."""
    told = []
    for words, metric in BARS:
        both = _means(name, other, held, metric)
        if both is None:
            return None
        if both[0] > both[1]:
            told.append(f"{words} {both[0]:.3f} against {both[1]:.3f}")
    return told


def _means(name: str, other: str, held: Sequence[Held], metric: str) -> tuple[float, float] | None:
    """The metric of both over the cutoffs where both count; None where there are none."""
    pairs = [(one.trial(name), one.trial(other)) for one in held]
    both = [(a.held_out, b.held_out) for a, b in pairs if a.refused is None and b.refused is None]
    scored = [(getattr(a, metric), getattr(b, metric)) for a, b in both if a is not None and b is not None]
    if not scored:
        return None
    mine, theirs = np.mean(scored, axis=0).tolist()
    return mine, theirs


def _refusal(name: str, held: Sequence[Held]) -> str | None:
    newest = held[-1].trial(name)
    if newest.refused is not None:
        return f"Not used: at the newest cutoff {newest.refused}."
    if worse := _worse(name, "rate", held):
        return f"Not used: over all cutoffs it did not beat the rate baseline ({'; '.join(worse)})."
    return None


def _winner(left: list[str], held: Sequence[Held], log_chances: Sequence[dict[str, Floats]]) -> tuple[str, str]:
    if not left:
        if held[-1].trial("recency").refused is None and _worse("recency", "rate", held) == []:
            return "recency", "Used: no model beat the rate baseline, and the silence alone did at both scores."
        return "rate", "Used: no model beat it at these cutoffs."
    best, why = champion(left, lambda other, now: _lead(other, now, log_chances))
    absolute = _means(best, "rate", held, "mae")
    return best, f"Used: {why}.{'' if absolute is None else absolute_caveat(*absolute)}"


def _lead(other: str, best: str, log_chances: Sequence[dict[str, Floats]]) -> tuple[float, float]:
    gains: list[NDArray[np.float64]] = [c[other] - c[best] for c in log_chances if other in c and best in c]
    leads = np.array([gain.mean() for gain in gains])
    paired = np.mean([gain.std(ddof=1) / np.sqrt(gain.size) for gain in gains])
    between = leads.var(ddof=1) / leads.size if leads.size > 1 else 0.0
    return float(leads.mean()), float(np.sqrt(paired**2 + between))


def _plain(held: Held) -> dict[str, Any]:
    trials = [{**asdict(one), "calibration": [asdict(group) for group in one.calibration]} for one in held.trials]
    return {**asdict(held), "cutoff": held.cutoff.isoformat(), "trials": trials}


def _held_from(stored: dict[str, Any]) -> Held:
    trials = []
    for one in stored["trials"]:
        held_out = None if one["held_out"] is None else HeldOut(**one["held_out"])
        bins = tuple(Bin(**b) for b in one["calibration"])
        trials.append(Trial(**{**one, "held_out": held_out, "calibration": bins}))
    return Held(**{**stored, "cutoff": date.fromisoformat(stored["cutoff"]), "trials": tuple(trials)})
