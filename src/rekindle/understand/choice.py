"""Which model to believe for one business: the one that did best on a window it had not seen.

1. Every candidate is fitted on the histories up to a day and asked about the `horizon_days` after it.
2. A model is out when it could not be fitted, when its fit ran to a boundary, when its answers are not finite, or when
   the rate baseline had a smaller log loss of "none or some" or a smaller root mean squared error of the count.
3. Between models left over, the chance each gave to the exact counts seen decides; MBG/NBD, in which a one-time
   buyer can leave, stays unless it is worse by more than two paired standard errors. A model in which nobody ever
   leaves is used only where no other is left. Where an earlier window is given, a blend of the models, with the
   weights that told that window best, is one more of them.
4. No model left over: the rate baseline, or the recency baseline where that was better at both.

Squared and not absolute error judges a model because what it tells is a mean, of which totals are made: the absolute
error is smallest for the median, and most people's median is to do nothing. It is shown, and said where it is worse.
The rate baseline, like the models, has seen nothing of the held-out window. The recency baseline can only learn
from such a window, so it is scored on people it did not learn from, in five parts; it knows the season all the
same, which is why it is shown beside a model and decides nothing about one.
`refit` then learns the chosen model's parameters from everybody up to today.
Source: Gneiting (2011), "Making and Evaluating Point Forecasts", Journal of the American Statistical Association 106.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import baselines, blend
from rekindle.understand.baselines import Baseline, Rate, Recency
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import CANDIDATES, Predictors, PurchaseFit, fit_or_why, model_of
from rekindle.understand.compression import Floats, checked, compress
from rekindle.understand.origins import Window

Fit = PurchaseFit | Blend | Baseline
MODELS = CANDIDATES  # the default first
GUESSES = ("rate", "recency")
NOISE = 2.0  # paired standard errors
ROUNDING = 1e-5  # nats a person: two models this near are one, as MBG/CNBD-k is MBG/NBD at k = 1
BARS = (("root mean squared error", "rmse"), ("log loss", "log_loss"))  # what a model must not be worse at than rate
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
    rmse            root mean squared error of the expected count; None where it was stored before it was kept
    """

    n: int
    log_loss: float
    brier: float
    auc: float | None
    mae: float
    total_error: float | None
    count_log_score: float | None
    rmse: float | None = None


@dataclass(frozen=True)
class Candidate:
    """One model or baseline, how it did, and why it is or is not used."""

    fit: Fit
    held_out: HeldOut
    chosen: bool
    why: str


@dataclass(frozen=True)
class Choice:
    """Every candidate, the default model first and the baselines last; exactly one is chosen.

    skipped   model -> why it could not be fitted at all
    """

    candidates: tuple[Candidate, ...]
    horizon_days: float
    skipped: dict[str, str] = field(default_factory=dict)

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
                "skipped": self.skipped,
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
            skipped = dict(stored[0].get("skipped", {}))
        except (KeyError, TypeError, IndexError) as error:
            raise BadInput(f"stored choice cannot be read: {error}", remedy="Choose a model again.") from error
        if sum(c.chosen for c in found) != 1:
            raise BadInput("stored choice has not exactly one chosen model", remedy="Choose a model again.")
        return cls(found, horizon_days, skipped)


def fit_from_json(stored: dict[str, Any]) -> Fit:
    """A stored fit of any purchase model or baseline. Raises BadInput for an unknown one."""
    model = stored.get("model")
    if model in GUESSES:
        return baselines.from_json(stored)
    if model == blend.MODEL:
        return Blend.from_json(stored)
    return model_of(model).kind.from_json(stored)


def asks_of(fit: PurchaseFit | Blend) -> Predictors:
    """The module with the predictors of a fit."""
    return blend if isinstance(fit, Blend) else model_of(fit.model).asks


def p_none(fit: Fit, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase in the next `horizon`, by whichever fit."""
    if isinstance(fit, Baseline):
        return baselines.p_none(fit, x, t_x, T, horizon=horizon)
    return asks_of(fit).p_none(fit, x, t_x, T, horizon=horizon)


def expected_purchases(fit: Fit, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) purchase days to expect in the next `horizon`, by whichever fit."""
    if isinstance(fit, Baseline):
        return baselines.expected_purchases(fit, x, t_x, T, horizon=horizon)
    return asks_of(fit).expected_purchases(fit, x, t_x, T, horizon=horizon)


def choose(
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    held_out: ArrayLike,
    *,
    horizon_days: float,
    sum_log_gaps: ArrayLike | None = None,
    before: Window | None = None,
) -> Choice:
    """The model to believe, with what every candidate scored; each fit keeps its own score as `held_out`.

    x, t_x, T      (n,) histories up to a day, times in days
    held_out       (n,) days with a purchase in the `horizon_days` after it, whole number >= 0
    sum_log_gaps   (n,) sum of the natural logs of each person's x pauses up to that day; without it MBG/CNBD-k
                   is skipped
    before         the window of the same length that ends at that day, which a blend of the models learns its
                   weights from; without it no blend is tried
    Raises BadInput naming the first impossible row; NotEnoughData as the fits do.
    """
    columns = checked(x, t_x, T)
    seen = checked_counts(held_out, columns[0].size)
    horizon = checked_horizon(horizon_days)
    guesses: list[Baseline] = [baselines.learn_rate(*columns)]  # refuses what no model can be fitted to
    pauses = None if sum_log_gaps is None else np.atleast_1d(np.asarray(sum_log_gaps, dtype=np.float64))
    h = compress(*columns, with_rows=True)
    tried = {name: fit_or_why(model, *columns, pauses) for name, model in MODELS.items()}
    fits = {name: fit for name, fit in tried.items() if not isinstance(fit, str)}
    log_chances: dict[str, Floats] = {
        name: MODELS[name].asks.log_chance_of_count(fit, *columns, horizon=horizon, count=seen)
        for name, fit in fits.items()
        if fit.boundary is None
    }
    asked: list[Fit] = [*fits.values(), guesses[0]]
    nones = {fit.model: p_none(fit, h.x, h.t_x, h.T, horizon=horizon)[h.row] for fit in asked}
    means = {fit.model: expected_purchases(fit, h.x, h.t_x, h.T, horizon=horizon)[h.row] for fit in asked}
    contenders: dict[str, PurchaseFit | Blend] = {**fits}
    skipped = {name: why for name, why in tried.items() if isinstance(why, str)}
    if before is not None:
        try:
            mixed = contenders[blend.MODEL] = blend.learn(tried, before, before_days=horizon, models=MODELS)
            log_chances[blend.MODEL] = blend.mixed_log_chance(mixed, log_chances)
            nones[blend.MODEL], means[blend.MODEL] = (blend.mean_answer(mixed, by_model) for by_model in (nones, means))
        except NotEnoughData as error:
            skipped[blend.MODEL] = str(error)
    scored = {name: score(nones[name], means[name], seen, log_chance=log_chances.get(name)) for name in nones}
    guesses.append(baselines.learn_recency(*columns, seen=seen, horizon=horizon))
    scored["recency"] = score(*_recency_of_others(columns, seen, horizon), seen)
    refused = {name: _refusal(fit, scored[name], scored["rate"]) for name, fit in contenders.items()}
    winner, why = _winner([name for name in contenders if refused[name] is None], log_chances, scored)
    judged: list[Fit] = [replace(fit, held_out=asdict(scored[name])) for name, fit in contenders.items()]
    return Choice(
        tuple(
            Candidate(
                fit=f,
                held_out=scored[f.model],
                chosen=f.model == winner,
                why=why if f.model == winner else refused.get(f.model) or beaten(f.model, winner),
            )
            for f in [*judged, *guesses]
        ),
        horizon,
        skipped,
    )


def refit(
    choice: Choice, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, sum_log_gaps: ArrayLike | None = None
) -> Choice:
    """The same choice with parameters learned from everybody up to today.

    The recency baseline keeps its table: it needs a window that has been seen. A model that runs to a boundary on
    all the data, or cannot be fitted to them, is dropped for the rate baseline, and says so.
    Raises BadInput and NotEnoughData as the fits do.
    """
    now = choice.chosen
    if isinstance(now.fit, Recency):
        return choice
    columns = checked(x, t_x, T)
    rate = baselines.learn_rate(*columns)
    if isinstance(now.fit, Rate):
        return _with(choice, replace(now, fit=rate))
    pauses = None if sum_log_gaps is None else np.atleast_1d(np.asarray(sum_log_gaps, dtype=np.float64))
    fresh: PurchaseFit | Blend | str
    if isinstance(now.fit, Blend):
        fresh = blend.fit_again_or_why(now.fit, *columns, pauses)
    else:
        fresh = fit_or_why(MODELS[now.fit.model], *columns, pauses)
    if not isinstance(fresh, str):
        fresh = replace(fresh, held_out=now.fit.held_out)
        if fresh.boundary is None:
            return _with(choice, replace(now, fit=fresh))
    told = fresh if isinstance(fresh, str) else fresh.boundary
    kept = now.fit if isinstance(fresh, str) else fresh
    dropped = replace(now, fit=kept, chosen=False, why=f"Not used: on all the data, {told}.")
    instead = next(c for c in choice.candidates if isinstance(c.fit, Rate))
    reason = f"Used because {now.fit.model} ran to a boundary on all the data."
    return _with(_with(choice, dropped), replace(instead, fit=rate, chosen=True, why=reason))


def _with(choice: Choice, one: Candidate) -> Choice:
    """The choice with this in place of the candidate of the same model."""
    return replace(choice, candidates=tuple(one if c.fit.model == one.fit.model else c for c in choice.candidates))


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
        rmse=float(np.sqrt(((expected - seen) ** 2).mean())),
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


def _refusal(fit: PurchaseFit | Blend, mine: HeldOut, rate: HeldOut) -> str | None:
    if fit.boundary is not None:
        return f"Not used: {fit.boundary}."
    if not np.isfinite([mine.log_loss, mine.mae, mine.rmse or 0.0, mine.count_log_score or 0.0]).all():
        return "Not used: some of its answers are not finite."
    worse = [
        f"{words} {getattr(mine, name):.3f} against {getattr(rate, name):.3f}"
        for words, name in BARS
        if getattr(mine, name) > getattr(rate, name)
    ]
    if worse:
        return f"Not used: it did not beat the rate baseline on the held-out window ({'; '.join(worse)})."
    return None


def _winner(left: list[str], log_chances: dict[str, Floats], scored: dict[str, HeldOut]) -> tuple[str, str]:
    rate, recency = scored["rate"], scored["recency"]
    if not left:
        if all(getattr(recency, name) <= getattr(rate, name) for _, name in BARS):
            return "recency", "Used: no model beat the rate baseline, and the silence alone did at both scores."
        return "rate", "Used: no model beat it on the held-out window."

    def lead(other: str, best: str) -> tuple[float, float]:
        gain = log_chances[other] - log_chances[best]
        return float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(gain.size))

    best, why = champion(left, lead)
    return best, f"Used: {why}.{absolute_caveat(scored[best].mae, rate.mae)}"


def champion(left: Sequence[str], lead: Callable[[str, str], tuple[float, float]]) -> tuple[str, str]:
    """The one of these models to use, the default first, and why.

    lead   (other, best) -> how far other's log chance of the counts is ahead of best's, nats a person, and its noise
    """
    leaving = [name for name in left if blend.people_leave(name)]
    which = "the only model in which people leave" if leaving and len(leaving) < len(left) else "the only model"
    left = leaving or list(left)
    best, why = left[0], f"{which} that beat the rate baseline"
    for other in left[1:]:
        ahead, noise = lead(other, best)
        if ahead > max(NOISE * noise, ROUNDING):
            why = f"ahead of {best} on the held-out counts by more than noise ({_told(ahead, noise)})"
            best = other
    if best == left[0] and len(left) > 1:
        leads = {other: lead(other, best) for other in left[1:]}
        apart = {other: by for other, by in leads.items() if abs(by[0]) > ROUNDING} or leads
        nearest = max(apart, key=lambda other: apart[other][0])
        why = f"{nearest} is not ahead on the held-out counts by more than noise ({_told(*apart[nearest])})"
    return best, why


def _told(ahead: float, noise: float) -> str:
    return f"{ahead:+.5f} nats a person, standard error {noise:.5f}"


def absolute_caveat(mine: float, rate: float) -> str:
    """A sentence where the mean absolute error is worse than the rate's; empty where it is not."""
    if mine <= rate:
        return ""
    return (
        f" Its mean absolute error is larger than the rate baseline's ({mine:.3f} against {rate:.3f}): "
        "that error is smallest for who guesses that most people do nothing."
    )


def beaten(model: str, winner: str) -> str:
    """Why a model or baseline without a fault of its own is not the one used."""
    if model in GUESSES:
        return "Shown for comparison." if winner not in GUESSES else f"Not used: {winner} did better."
    if winner not in GUESSES and not blend.people_leave(model) and blend.people_leave(winner):
        return "Not used: in it nobody ever leaves, and a model in which people leave beat the rate baseline too."
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
