"""Whether people have changed since a model was learned: what it reads, what it says, and whether it still holds.

What it reads   days bought on again (x), silence (T - t_x) and, of who came back, the mean gap (t_x / x); then and now
What it says    the chance of no purchase that one and the same fit gives, then and now
Whether it holds   what was expected of the last horizon against what came

A customer base grows older by itself, and older customers have bought more often and been silent longer. So of today
only people known no longer than anybody was then are looked at; then a base that takes on new customers as before
shows no drift however old it gets.

For each of them two figures:
    PSI   sum over ten groups (tenths of then) of (now - then) ln(now / then), shares (k + 1/2) / (n + groups / 2).
          Without drift (1/n_then + 1/n_now)^-1 PSI is about chi-square with groups - 1 degrees of freedom, which gives
          what chance alone reaches once in a hundred. Under .1 a shift is commonly held to be small, from .25 large.
    KS    the largest difference between the two cumulative shares, with the asymptotic p of two separate samples
Many people are in both samples and days come in whole numbers: both make the p larger than it should be, so drift is
called too seldom rather than too often.
Sources: Yurdakul & Naranjo (2020), Journal of Risk Model Validation 14(4); Smirnov (1948), Ann. Math. Stat. 19(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri, kolmogorov

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import blend
from rekindle.understand.baselines import Baseline, learn_rate, learn_recency
from rekindle.understand.betageometric import NAMES, checked_horizon
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import CANDIDATES, PurchaseFit, fit_or_why
from rekindle.understand.choice import checked_counts, expected_purchases, p_none
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, Histories, checked, compress
from rekindle.understand.origins import Origin, Window

GROUPS = 10
SMALL, LARGE = 0.1, 0.25  # the customary marks of credit scoring
SMALL_TOTAL, SMALL_SHARE = 0.1, 0.03  # our choice: a tenth of all purchases, three people in a hundred
RARE = 0.01  # our choice: of a hundred features that did not move one is called moved
_Z = 1.959963984540054  # two-sided 95 %: a figure somebody acts on alone, not one of many people

Columns = tuple[ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Shift:
    """How one feature is spread now against then.

    feature            x, silence, gap or p_none
    then, now          people in each sample
    median_then, median_now
    psi                population stability index
    psi_by_chance      what it reaches without drift once in a hundred
    ks, ks_p           largest difference of cumulative shares, and the chance of one so large without drift
    has_drifted        more than chance by both, and PSI from .1
    text               the same as a sentence
    """

    feature: str
    then: int
    now: int
    median_then: float
    median_now: float
    psi: float
    psi_by_chance: float
    ks: float
    ks_p: float
    has_drifted: bool
    text: str


@dataclass(frozen=True)
class Miss:
    """What was expected of the last horizon against what came.

    quantity      purchases (of all together) or none (share of people without one)
    expected      by the fit
    seen          what came
    low, high     where what was expected would lie by chance, 95 %: seen, give or take how unevenly it missed people
                  and how surely the fit knows its parameters
    has_drifted   it lies outside, and off by a tenth of the purchases or three people in a hundred
    text          the same as a sentence
    """

    quantity: str
    expected: float
    seen: float
    low: float
    high: float
    has_drifted: bool
    text: str


@dataclass(frozen=True)
class Drift:
    """Every shift that could be told, the misses, why the rest could not, and one sentence over all."""

    shifts: tuple[Shift, ...]
    misses: tuple[Miss, ...]
    unknown: dict[str, str]
    text: str

    @property
    def has_drifted(self) -> bool:
        """Whether anything moved by more than chance."""
        return any(one.has_drifted for one in self.shifts) or any(one.has_drifted for one in self.misses)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "has_drifted": self.has_drifted,
            "text": self.text,
            "shifts": [asdict(one) for one in self.shifts],
            "misses": [asdict(one) for one in self.misses],
            "unknown": self.unknown,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Drift:
        """What `to_json` wrote. Raises BadInput when it is something else."""
        try:
            return cls(
                tuple(Shift(**one) for one in stored["shifts"]),
                tuple(Miss(**one) for one in stored["misses"]),
                dict(stored["unknown"]),
                str(stored["text"]),
            )
        except (KeyError, TypeError) as error:
            raise BadInput(f"stored drift cannot be read: {error}", remedy="Run the backtest again.") from error


def since(model: str, newest: Origin, now: Window, *, horizon_days: int) -> Drift:
    """What moved since the newest cutoff, by that model as it is learned from what was known there.

    model    a candidate's or a baseline's name, or that of their blend
    newest   what was known at the cutoff, and what came in the horizon after it
    now      what is known a horizon later
    Raises as `drift`, and NotEnoughData where the model cannot be learned from what was known at the cutoff.
    """
    then, horizon = newest.after, float(horizon_days)
    fit: Any
    if model == "recency" and newest.before is not None:
        fit = learn_recency(*newest.before.columns(), seen=newest.before.seen, horizon=horizon)
    elif model == blend.MODEL and newest.before is not None:
        fit = blend.fit(then, newest.before, before_days=horizon)
    elif model in CANDIDATES:
        fit = fit_or_why(CANDIDATES[model], *then.columns(), then.sum_log_gaps)
        if isinstance(fit, str):
            raise NotEnoughData(f"the model could not be learned from what was known then: {fit}")
    else:
        fit = learn_rate(*then.columns())
    return drift(fit, then.columns(), now.columns(), came=then.seen, horizon_days=horizon)


def drift(
    fit: PurchaseFit | Blend | Baseline, then: Columns, now: Columns, *, came: ArrayLike, horizon_days: float
) -> Drift:
    """What changed between the day the fit was learned and a horizon later.

    fit            learned from `then`
    then, now      x, t_x, T in days, (n,) each, of everybody known at the two days
    came           (n_then,) days with a purchase in the horizon after `then`
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people then.
    """
    horizon = checked_horizon(horizon_days)
    old, new = checked(*then), checked(*now)
    seen = checked_counts(came, old[0].size)
    if old[0].size < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{old[0].size} people then are too few to tell drift from chance, wanted {FEWEST_PEOPLE}",
            remedy="Choose a later cutoff.",
        )
    young = new[2] <= old[2].max()
    new = (new[0][young], new[1][young], new[2][young])
    shifts, unknown = [], {}
    for feature in ("x", "silence", "gap", "p_none"):
        before, after = (_feature(feature, c, fit, horizon) for c in (old, new))
        if min(before.size, after.size) < FEWEST_PEOPLE:
            unknown[feature] = (
                f"it needs {FEWEST_PEOPLE} people then and now who are known no longer than anybody was then; "
                f"there are {before.size} and {after.size}"
            )
            continue
        shifts.append(shift(feature, before, after))
    misses = _misses(fit, old, seen, horizon)
    return Drift(tuple(shifts), misses, unknown, _whole(shifts, misses))


def shift(feature: str, then: Floats, now: Floats) -> Shift:
    """How one feature is spread now (m,) against then (n,). Raises NotEnoughData when either is empty."""
    if not then.size or not now.size:
        raise NotEnoughData(f"nobody has a {feature} to compare", remedy="Choose another day.")
    psi, groups = stability_index(then, now)
    scale = 1 / then.size + 1 / now.size
    by_chance = float(chdtri(groups - 1, RARE)) * scale if groups > 1 else 0.0
    ks = _largest_difference(then, now)
    p = float(kolmogorov(ks / np.sqrt(scale)))
    is_more_than_chance = p < RARE and psi > by_chance
    medians = (float(np.median(then)), float(np.median(now)))
    visible = float(np.sqrt(-np.log(RARE / 2) / 2 * scale))
    return Shift(
        feature=feature,
        then=int(then.size),
        now=int(now.size),
        median_then=medians[0],
        median_now=medians[1],
        psi=psi,
        psi_by_chance=by_chance,
        ks=ks,
        ks_p=p,
        has_drifted=is_more_than_chance and psi >= SMALL,
        text=_told(feature, medians, psi=psi, ks=ks, is_more_than_chance=is_more_than_chance, visible=visible),
    )


def stability_index(then: Floats, now: Floats) -> tuple[float, int]:
    """Population stability index over tenths of `then`, and how many groups that gave (equal values stay together)."""
    edge = np.unique(np.quantile(then, np.arange(1, GROUPS) / GROUPS, method="inverted_cdf"))
    counts = [np.bincount(np.searchsorted(edge, v, side="left"), minlength=edge.size + 1) for v in (then, now)]
    kept = (counts[0] + counts[1]) > 0
    shares = [(c[kept] + 0.5) / (c.sum() + kept.sum() / 2) for c in counts]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()), int(kept.sum())


def _largest_difference(then: Floats, now: Floats) -> float:
    at = np.unique(np.concatenate([then, now]))
    below = [np.searchsorted(np.sort(v), at, side="right") / v.size for v in (then, now)]
    return float(np.abs(below[0] - below[1]).max())


def _feature(
    feature: str, columns: tuple[Floats, Floats, Floats], fit: PurchaseFit | Blend | Baseline, horizon: float
) -> Floats:
    x, t_x, T = columns
    if feature == "x":
        return x
    if feature == "silence":
        return np.asarray(T - t_x)
    if feature == "gap":
        return np.asarray(t_x[x > 0] / x[x > 0])
    return p_none(fit, x, t_x, T, horizon=horizon) if x.size else x


_NAMES = {
    "x": ("repeat purchases", "{:g}"),
    "silence": ("days of silence", "{:g}"),
    "gap": ("days between purchases", "{:.1f}"),
    "p_none": ("the chance of no purchase that people are told", "{:.0%}"),
}


_MISSED = {"purchases": "purchases against those expected", "none": "the share without a purchase against the told one"}


def _told(
    feature: str, medians: tuple[float, float], *, psi: float, ks: float, is_more_than_chance: bool, visible: float
) -> str:
    name, form = _NAMES.get(feature, (feature, "{:g}"))
    middle = f"half have up to {form.format(medians[1])}, then {form.format(medians[0])}"
    if feature == "p_none":
        middle = f"the median is {form.format(medians[1])}, then {form.format(medians[0])}"
    figures = f"PSI {psi:.3f}, shares differ by up to {ks:.1%}"
    whole = name[0].upper() + name[1:]
    if not is_more_than_chance:
        return (
            f"{whole}: no drift that this many people could show; {middle} ({figures}; "
            f"from about {visible:.1%} it would show)."
        )
    if psi < SMALL:
        return f"{whole}: moved by more than chance, but little; {middle} ({figures}; small under {SMALL:g})."
    if psi < LARGE:
        return f"{whole}: moved; {middle} ({figures}; large from {LARGE:g})."
    return f"{whole}: moved a lot; {middle} ({figures}). What was learned then may not hold."


def _misses(
    fit: PurchaseFit | Blend | Baseline, old: tuple[Floats, Floats, Floats], seen: Floats, horizon: float
) -> tuple[Miss, ...]:
    # Two kinds of chance: what people do though the fit is right, and a fit learned from so many people and no more.
    h, people, quiet = compress(*old, with_rows=True), float(seen.size), seen == 0
    expected, none = _answers(fit, h, horizon)
    others = [[(h.weight * c).sum() for c in _answers(one, h, horizon)] for one in _likely(fit)]
    learned = np.var(np.array(others), axis=0) if others else np.zeros(2)
    wide = _Z * np.sqrt(people * np.var(seen - expected[h.row], ddof=1) + learned[0])
    narrow = _Z * np.sqrt(people * np.var(quiet - none[h.row], ddof=1) + learned[1]) / people
    total, share = float(seen.sum()), float(quiet.mean())
    told = [float((h.weight * c).sum()) for c in (expected, none)]
    purchases = (told[0], total, max(total - float(wide), 0.0), total + float(wide))
    nothing = (told[1] / people, share, max(share - float(narrow), 0.0), min(share + float(narrow), 1.0))
    return (
        _miss("purchases", purchases, "{:,.0f}", seen.size, horizon),
        _miss("none", nothing, "{:.1%}", seen.size, horizon),
    )


def _answers(fit: PurchaseFit | Blend | Baseline, h: Histories, horizon: float) -> tuple[Floats, Floats]:
    columns = (h.x, h.t_x, h.T)
    return expected_purchases(fit, *columns, horizon=horizon), p_none(fit, *columns, horizon=horizon)


def _likely(fit: Any) -> list[PurchaseFit]:
    """Equally likely fits around this one; none where its uncertainty is not known."""
    if getattr(fit, "covariance", None) is None:
        return []
    names = getattr(fit, "names", NAMES)
    return [
        replace(fit, parameters={**fit.parameters, **dict(zip(names, letters, strict=True))})
        for letters in fit.likely_letters().tolist()
    ]


def _miss(quantity: str, figures: tuple[float, ...], form: str, people: int, horizon: float) -> Miss:
    expected, seen, low, high = figures
    is_more_than_chance = not low <= expected <= high
    told, came, least, most = (form.format(f) for f in figures)
    if quantity == "none":
        subject = f"In the last {horizon:g} days {told} of people were expected to buy nothing and {came} did"
        is_small, mark = abs(expected - seen) < SMALL_SHARE, f"{SMALL_SHARE:.0%} of people"
    else:
        subject = f"In the last {horizon:g} days {told} purchases were expected and {came} came"
        is_small, mark = abs(expected - seen) < SMALL_TOTAL * seen, f"{SMALL_TOTAL:.0%}"
    judged = f"no drift that {people:,} people could show"
    if is_more_than_chance:
        judged = (
            f"more than chance, but less than {mark}" if is_small else f"more than {people:,} people leave to chance"
        )
    text = f"{subject}: {judged} ({least} to {most})."
    return Miss(quantity, expected, seen, low, high, is_more_than_chance and not is_small, text)


def _whole(shifts: Sequence[Shift], misses: Sequence[Miss]) -> str:
    moved = [_NAMES[one.feature][0] for one in shifts if one.has_drifted]
    moved += [_MISSED[one.quantity] for one in misses if one.has_drifted]
    if moved:
        return f"Drift: {', '.join(moved)}."
    is_moving = any(one.ks_p < RARE and one.psi > one.psi_by_chance for one in shifts)
    is_missed = any(not one.low <= one.expected <= one.high for one in misses)
    whole = "No drift that this many people could show"
    if is_moving or is_missed:
        whole = "No drift that matters: what moved by more than chance moved little"
    return f"{whole}." if shifts else f"{whole}; whether the people themselves changed cannot be told."
