"""Which model to believe for one business: the one that did best on a window it had not seen.

1. Every candidate is fitted on the histories up to a day and asked about the `horizon_days` after it.
2. A model is out when its fit ran to a boundary, when its answers are not finite, or when the rate baseline had
   a smaller mean absolute error or a smaller log loss of "none or some".
3. Between models left over, the chance each gave to the exact counts seen decides; MBG/NBD, in which a one-time
   buyer can leave, stays unless it is worse by more than two paired standard errors.
4. No model left over: the rate baseline, or the recency baseline where that was better at both.

The rate baseline, like the models, has seen nothing of the held-out window. The recency baseline can only learn
from such a window, so it is scored on people it did not learn from, in five parts; it knows the season all the
same, which is why it is shown beside a model and decides nothing about one.
`refit` then learns the chosen model's parameters from everybody up to today.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand import baselines, bgnbd, mbgnbd
from rekindle.understand.baselines import Baseline, Rate, Recency
from rekindle.understand.betageometric import Dropout, checked_horizon
from rekindle.understand.candidates import PurchaseFit, model_of
from rekindle.understand.compression import Floats, checked

Fit = Dropout | Baseline
MODELS = {"mbgnbd": mbgnbd.fit, "bgnbd": bgnbd.fit}  # the default first; of `candidates`, what a night can use
GUESSES = ("rate", "recency")
NOISE = 2.0  # paired standard errors
_PARTS = 5


@dataclass(frozen=True)
class HeldOut:
    """How answers compare with what people did.

    n               people
    log_loss        of "none or some", nats a person; a chance under 1e-12 counts as that
    brier           mean squared error of the chance of some
    auc             chance that an active person was ranked over an inactive one; None when all were alike
    mae             mean absolute error of the expected count
    total_error     expected over seen purchases, minus 1; None when none were seen
    count_log_score mean log chance of the exact count, nats; None for a baseline, which gives no such chance
    """

    n: int
    log_loss: float
    brier: float
    auc: float | None
    mae: float
    total_error: float | None
    count_log_score: float | None


@dataclass(frozen=True)
class Candidate:
    """One model or baseline, how it did, and why it is or is not used."""

    fit: Fit
    held_out: HeldOut
    chosen: bool
    why: str


@dataclass(frozen=True)
class Choice:
    """Every candidate, the default model first and the baselines last; exactly one is chosen."""

    candidates: tuple[Candidate, ...]
    horizon_days: float

    @property
    def chosen(self) -> Candidate:
        """The one to use."""
        return next(c for c in self.candidates if c.chosen)

    def to_json(self) -> list[dict[str, Any]]:
        """One JSON object a candidate; `fit` holds what `from_json` needs."""
        guesses = {c.fit.model: asdict(c.held_out) for c in self.candidates if isinstance(c.fit, Baseline)}
        return [
            {
                "model": c.fit.model,
                "parameters": c.fit.parameters,
                "log_likelihood": c.fit.log_likelihood,
                "n": c.fit.n,
                "boundary": c.fit.boundary,
                "held_out": asdict(c.held_out),
                "baselines": guesses,
                "chosen": c.chosen,
                "why": c.why,
                "horizon_days": self.horizon_days,
                "fit": c.fit.to_json(),
            }
            for c in self.candidates
        ]

    @classmethod
    def from_json(cls, stored: list[dict[str, Any]]) -> Choice:
        """The choice that `to_json` wrote. Raises BadInput when it is not one."""
        try:
            found = tuple(
                Candidate(fit_from_json(s["fit"]), HeldOut(**s["held_out"]), s["chosen"], s["why"]) for s in stored
            )
            horizon_days = float(stored[0]["horizon_days"])
        except (KeyError, TypeError, IndexError) as error:
            raise BadInput(f"stored choice cannot be read: {error}", remedy="Choose a model again.") from error
        if sum(c.chosen for c in found) != 1:
            raise BadInput("stored choice has not exactly one chosen model", remedy="Choose a model again.")
        return cls(found, horizon_days)


def fit_from_json(stored: dict[str, Any]) -> Fit:
    """A stored fit of any purchase model or baseline. Raises BadInput for an unknown one."""
    model = stored.get("model")
    if model in GUESSES:
        return baselines.from_json(stored)
    for kind in (mbgnbd.MbgNbd, bgnbd.BgNbd):
        if model == kind.model:
            return kind.from_json(stored)
    raise BadInput(f"stored model {model!r} is not known", remedy="Choose a model again.")


def p_none(fit: PurchaseFit | Baseline, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase in the next `horizon`, by whichever fit."""
    if isinstance(fit, Baseline):
        return baselines.p_none(fit, x, t_x, T, horizon=horizon)
    return model_of(fit.model).asks.p_none(fit, x, t_x, T, horizon=horizon)


def expected_purchases(
    fit: PurchaseFit | Baseline, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float
) -> Floats:
    """(n,) purchase days to expect in the next `horizon`, by whichever fit."""
    if isinstance(fit, Baseline):
        return baselines.expected_purchases(fit, x, t_x, T, horizon=horizon)
    return model_of(fit.model).asks.expected_purchases(fit, x, t_x, T, horizon=horizon)


def choose(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, held_out: ArrayLike, *, horizon_days: float) -> Choice:
    """The model to believe, with what every candidate scored.

    x, t_x, T      (n,) histories up to a day, times in days
    held_out       (n,) days with a purchase in the `horizon_days` after it, whole number >= 0
    Raises BadInput naming the first impossible row; NotEnoughData as the fits do.
    """
    columns = checked(x, t_x, T)
    seen = checked_counts(held_out, columns[0].size)
    horizon = checked_horizon(horizon_days)
    fits: list[Dropout] = [job(*columns) for job in MODELS.values()]
    log_chances = {
        f.model: bgnbd.log_chance_of_count(f, *columns, horizon=horizon, count=seen) for f in fits if f.boundary is None
    }
    scored: dict[str, HeldOut] = {}
    for fit in fits:
        answers = (p_none(fit, *columns, horizon=horizon), expected_purchases(fit, *columns, horizon=horizon))
        scored[fit.model] = score(*answers, seen, log_chance=log_chances.get(fit.model))
    guesses: list[Baseline] = [
        baselines.learn_rate(*columns),
        baselines.learn_recency(*columns, seen=seen, horizon=horizon),
    ]
    scored["rate"] = score(
        p_none(guesses[0], *columns, horizon=horizon),
        expected_purchases(guesses[0], *columns, horizon=horizon),
        seen,
    )
    scored["recency"] = score(*_recency_of_others(columns, seen, horizon), seen)
    refused = {f.model: _refusal(f, scored[f.model], scored["rate"]) for f in fits}
    left = [f for f in fits if refused[f.model] is None]
    winner, why = _winner(left, log_chances, scored)
    return Choice(
        tuple(
            Candidate(
                fit=f,
                held_out=scored[f.model],
                chosen=f.model == winner,
                why=why if f.model == winner else refused.get(f.model) or _beaten(f.model, winner),
            )
            for f in [*fits, *guesses]
        ),
        horizon,
    )


def refit(choice: Choice, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Choice:
    """The same choice with parameters learned from everybody up to today.

    The recency baseline keeps its table: it needs a window that has been seen. A model that runs to a boundary on
    all the data is dropped for the rate baseline, and says so.
    Raises BadInput and NotEnoughData as the fits do.
    """
    now = choice.chosen
    if isinstance(now.fit, Recency):
        return choice
    rate = baselines.learn_rate(x, t_x, T)
    fresh: Fit = rate if isinstance(now.fit, Rate) else MODELS[now.fit.model](x, t_x, T)
    if fresh.boundary is None:
        kept = replace(now, fit=fresh)
        return replace(choice, candidates=tuple(kept if c.chosen else c for c in choice.candidates))
    dropped = replace(now, fit=fresh, chosen=False, why=f"Not used: on all the data, {fresh.boundary}.")
    reason = f"Used because {now.fit.model} ran to a boundary on all the data."
    return replace(
        choice,
        candidates=tuple(
            dropped if c.chosen else replace(c, fit=rate, chosen=True, why=reason) if c.fit.model == "rate" else c
            for c in choice.candidates
        ),
    )


def score(none: Floats, expected: Floats, seen: Floats, *, log_chance: Floats | None = None) -> HeldOut:
    """How answers compare with what was seen.

    none, expected, seen   (n,) chance of no purchase, expected count, count
    log_chance             (n,) log chance of that exact count, where the model gives one
    """
    some = seen > 0
    p_seen = np.where(some, 1 - none, none)
    actives, total = int(some.sum()), float(seen.sum())
    auc = None
    if 0 < actives < some.size:
        ranks = _middle_ranks(1 - none)[some].sum()
        auc = float((ranks - actives * (actives + 1) / 2) / (actives * (some.size - actives)))
    return HeldOut(
        n=int(some.size),
        log_loss=float(-np.log(np.maximum(p_seen, 1e-12)).mean()),
        brier=float(((1 - none - some) ** 2).mean()),
        auc=auc,
        mae=float(np.abs(expected - seen).mean()),
        total_error=float(expected.sum() / total - 1) if total else None,
        count_log_score=None if log_chance is None else float(log_chance.mean()),
    )


def _middle_ranks(value: Floats) -> Floats:
    # Ranks from 1, equal values sharing the middle one; written out because scipy.stats takes a second to load.
    _, code, count = np.unique(value, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[code])


def _recency_of_others(columns: tuple[Floats, Floats, Floats], seen: Floats, horizon: float) -> tuple[Floats, Floats]:
    none, expected = np.empty(seen.size), np.empty(seen.size)
    part = np.arange(seen.size) % _PARTS
    for i in range(_PARTS):
        mine, others = part == i, part != i
        table = baselines.learn_recency(*(c[others] for c in columns), seen=seen[others], horizon=horizon)
        rows = [c[mine] for c in columns]
        none[mine] = baselines.p_none(table, *rows, horizon=horizon)
        expected[mine] = baselines.expected_purchases(table, *rows, horizon=horizon)
    return none, expected


def _refusal(fit: Dropout, mine: HeldOut, rate: HeldOut) -> str | None:
    if fit.boundary is not None:
        return f"Not used: {fit.boundary}."
    if not np.isfinite([mine.log_loss, mine.mae, mine.count_log_score or 0.0]).all():
        return "Not used: some of its answers are not finite."
    worse = [
        f"{name} {a:.3f} against {b:.3f}"
        for name, a, b in (
            ("mean absolute error", mine.mae, rate.mae),
            ("log loss", mine.log_loss, rate.log_loss),
        )
        if a > b
    ]
    if worse:
        return f"Not used: it did not beat the rate baseline on the held-out window ({'; '.join(worse)})."
    return None


def _winner(left: list[Dropout], log_chances: dict[str, Floats], scored: dict[str, HeldOut]) -> tuple[str, str]:
    if not left:
        rate, recency = scored["rate"], scored["recency"]
        if recency.mae <= rate.mae and recency.log_loss <= rate.log_loss:
            return "recency", "Used: no model beat the rate baseline, and the silence alone did at both scores."
        return "rate", "Used: no model beat it on the held-out window."
    best = left[0]
    why = "the only model that beat the rate baseline"
    for other in left[1:]:
        gain = log_chances[other.model] - log_chances[best.model]
        noise = float(gain.std(ddof=1) / np.sqrt(gain.size))
        ahead = float(gain.mean())
        told = f"{ahead:+.5f} nats a person, standard error {noise:.5f}"
        if ahead > NOISE * noise:
            best, why = other, f"ahead of {best.model} on the held-out counts by more than noise ({told})"
        else:
            why = f"{other.model} is not ahead on the held-out counts by more than noise ({told})"
    return best.model, f"Used: {why}."


def _beaten(model: str, winner: str) -> str:
    if model in GUESSES:
        return "Shown for comparison." if winner not in GUESSES else f"Not used: {winner} did better."
    return f"Not used: {winner} is kept unless another is ahead by more than noise."


def checked_counts(held_out: ArrayLike, n: int) -> Floats:
    """(n,) held-out counts, whole numbers >= 0. Raises BadInput naming the first other row."""
    seen = np.atleast_1d(np.asarray(held_out, dtype=np.float64))
    if seen.shape != (n,):
        raise BadInput(f"held_out is {seen.shape}, the histories ({n},)", remedy="Give one count a person.")
    bad = np.flatnonzero(~np.isfinite(seen) | (seen < 0) | (seen != np.floor(seen)))
    if bad.size:
        raise BadInput(
            f"held-out count is {seen[bad[0]]}, wanted a whole number >= 0",
            where=f"row {bad[0]}",
            remedy="Count days with a purchase.",
        )
    return seen
