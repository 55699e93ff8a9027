"""Who comes back, and when: the chance of a return in each month since the end, whole and by group.

    month m of an absence   the days end + m L .. end + (m + 1) L - 1, L = month_days, m from 0
    n, k                    who was still away at its start and could be watched through all of it; who returned in it
    whole                   h(m) ~ Beta(1/2 + k, 1/2 + n - k), Jeffreys
    a group                 h(m) ~ Beta(s u(m) + k, s (1 - u(m)) + n - k), u(m) the mean of the group it lies in

The spread of a group's chance is that of its Beta and, as far as it leans on it, of u: the pair kept is the Beta of
the same mean with both in it. Where groups do not differ theirs is as wide as that of the whole, never narrower.

A group is drawn to the group it lies in (reason, then reason and wound, then reason, wound and first life; or any
levels, the widest first) the more strongly the fewer it holds. s is how alike the groups of one level are: the s under
which all their months are most likely (beta-binomial). Nothing competes with a return here: a month somebody cannot
be watched through, because `as_of` lies in it, is not counted for them, whatever happened in it.
    still away after M months   product of (1 - h(m)); intervals are of 80 %
Sources: Kaplan & Meier (1958), JASA 53; Stauss & Friege (1999), J. Service Research 1(4); Kumar, Bhagwat & Zhang
(2015), J. Marketing 79(4); Griffiths (1973), Biometrics 29, for the beta-binomial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, betaln

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.return_groups import SEPARATOR, different, name_of
from rekindle.understand.survival import Z_80

FEWEST_ENDS = 30  # our choice: fewer say nothing about months
MONTH_DAYS = 30.4375  # a twelfth of 365.25
_FEWEST_WATCHED = 30  # a month with fewer watched through it is past the reach of the whole
_ALIKE = 1e5  # prior weight from which groups cannot be told apart


@dataclass(frozen=True)
class Group:
    """One group's months: watched (m,), returned (m,), and the Beta(a, b) of the chance in each."""

    watched: list[float]
    returned: list[float]
    a: list[float]
    b: list[float]


@dataclass(frozen=True)
class ReturnHazard:
    """Chances of a return.

    parameters        likeness s by level; large where the groups of the level do not differ
    log_likelihood    of the months of the narrowest level, beta-binomial; of the whole where there is no level
    n, returns        ends, and returns seen
    boundary          None, or what the data cannot say
    levels            names, the widest first
    groups            by their names joined with " / "; "" is the whole
    """

    model: ClassVar[str] = "return_hazard"
    converged: ClassVar[bool] = True  # one bounded search a level
    standard_errors: ClassVar[None] = None  # every chance carries its own interval
    covariance: ClassVar[None] = None

    parameters: dict[str, float]
    log_likelihood: float
    n: float
    returns: float
    boundary: str | None
    month_days: float
    levels: list[str]
    groups: dict[str, Group]

    @property
    def reach(self) -> int:
        """Months the whole can speak of."""
        return len(self.groups[""].a)

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
            values["groups"] = {name: Group(**group) for name, group in values["groups"].items()}
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise BadInput(f"stored {cls.model} fit cannot be read: {error}", remedy="Fit again.") from error


@dataclass(frozen=True)
class ReturnCurve:
    """month (M,) from 0; chance (M,) of a return in it for who is still away, low, high; by (M,) back by its end."""

    month: Ints
    chance: Floats
    low: Floats
    high: Floats
    by: Floats
    by_low: Floats
    by_high: Floats


def fit(
    ended: ArrayLike,
    returned: ArrayLike,
    *,
    as_of: int,
    levels: Mapping[str, ArrayLike] | None = None,
    months: int = 24,
    month_days: float = MONTH_DAYS,
) -> ReturnHazard:
    """The chances learned from ends.

    ended      (n,) whole day of each end; ends after as_of are not read
    returned   (n,) day of the return; NaN while away. A return after as_of is not read
    levels     (n,) text each, the widest first: reason group, wound, a band of the first life
    months     the furthest month asked for; fewer where fewer than 30 could be watched
    Raises BadInput naming the row; NotEnoughData under 30 ends, or where nobody could be watched for a month.
    """
    if months < 1 or not np.isfinite(month_days) or month_days <= 0:
        raise BadInput(f"months is {months}, month_days {month_days}", remedy="Give numbers > 0.")
    left, back, kept = _checked(ended, returned, as_of)
    names = {name: _names(values, name, kept) for name, values in (levels or {}).items()}
    if left.size < FEWEST_ENDS:
        raise NotEnoughData(f"{left.size} ends are too few for returns by month", remedy=f"Wait for {FEWEST_ENDS}.")
    watchable = np.floor((as_of + 1 - left) / month_days)
    came = np.where(np.isnan(back), np.inf, np.floor((back - left) / month_days))
    watched, returns = _table(np.zeros(left.size, dtype=np.int64), 1, watchable, came, months)
    reach = int(np.argmin(np.append(watched[0] >= _FEWEST_WATCHED, False)))
    if reach == 0:
        raise NotEnoughData(
            f"{int(watched[0][0])} ends could be watched for a month, {_FEWEST_WATCHED} are wanted",
            remedy="Wait, or take more ends in.",
        )
    whole = _posterior(watched[0, :reach], returns[0, :reach], 0.5, 0.5)
    groups, parameters = {"": whole}, {}
    stayed = (watched - returns)[0, :reach]
    log_likelihood = float(np.sum(returns[0, :reach] * np.log(_mean(whole)) + stayed * np.log1p(-_mean(whole))))
    path = np.full(left.size, "", dtype=object)
    for depth, (level, values) in enumerate(names.items()):
        parent = path
        path = values if depth == 0 else parent + SEPARATOR + values
        log_likelihood, parameters[level] = _level(groups, parent, path, watchable, came, reach)
    alike = _alike(parameters)
    return ReturnHazard(
        parameters=parameters,
        log_likelihood=log_likelihood,
        n=float(left.size),
        returns=float(np.isfinite(came).sum()),
        boundary=_boundary(float(returns[0, :reach].sum()), left.size, reach, alike),
        month_days=float(month_days),
        levels=list(names),
        groups=groups,
    )


def curve(fit: ReturnHazard, *, group: tuple[str, ...] = (), months_away: int = 0) -> ReturnCurve:
    """Month by month for a group, of somebody already away for so many whole months.

    group   names of the widest levels first; a group never seen raises BadInput: ask for the one it lies in
    Raises BadInput where `months_away` is past the reach.
    """
    found = _group(fit, group)
    if not 0 <= months_away < fit.reach:
        raise BadInput(
            f"{months_away} months away, returns are known for {fit.reach}",
            where="return hazard",
            remedy="Nobody here was watched so long: say so instead of a number.",
        )
    a, b = np.array(found.a)[months_away:], np.array(found.b)[months_away:]
    mean = a / (a + b)
    away = np.cumprod(1 - mean)
    spread = np.cumsum(_spread(found)[months_away:])
    wide = Z_80 * np.sqrt(spread) / np.abs(np.log(away))
    return ReturnCurve(
        month=np.arange(months_away, fit.reach),
        chance=mean,
        low=np.asarray(betaincinv(a, b, 0.1)),
        high=np.asarray(betaincinv(a, b, 0.9)),
        by=1 - away,
        by_low=1 - away ** np.exp(-wide),
        by_high=1 - away ** np.exp(wide),
    )


@dataclass(frozen=True)
class Chances:
    """(n,) chance of each, and its 80 % interval."""

    value: Floats
    low: Floats
    high: Floats


def within(
    fit: ReturnHazard,
    months_away: ArrayLike,
    *,
    horizon_months: int,
    groups: Sequence[tuple[str, ...]] = ((),),
    group_of: ArrayLike | None = None,
) -> Chances:
    """The chance that each comes back in the next `horizon_months`, given away for `months_away` whole months.

    months_away   (n,) whole months
    groups        (g,) different groups, as in `curve`
    group_of      (n,) the place of each one's group in `groups`; the first when left out
    Raises BadInput naming the first row whose months lie past the reach, or whose group there is none of.
    """
    away = np.atleast_1d(np.asarray(months_away, dtype=np.float64))
    bad = ~(away >= 0) | (away != np.floor(away)) | (away + horizon_months > fit.reach)
    if horizon_months < 1 or bad.any():
        row = int(np.argmax(bad))
        raise BadInput(
            f"{away[row] if away.size else 0:g} months away and {horizon_months} ahead, known are {fit.reach}",
            where=f"row {row}",
            remedy="Ask for whole months within the reach.",
        )
    of = np.zeros(away.size, dtype=np.int64) if group_of is None else np.asarray(group_of, dtype=np.int64)
    if of.shape != away.shape or (of.size and (of.min() < 0 or of.max() >= len(groups))):
        raise BadInput(f"{of.size} places in {len(groups)} groups for {away.size} people", remedy="Give one each.")
    found = [_group(fit, group) for group in groups]
    kept = np.array([[0.0, *np.cumsum(np.log1p(-_mean(group)))] for group in found])
    spreads = np.array([[0.0, *np.cumsum(_spread(group))] for group in found])
    start = away.astype(np.int64)
    stays = kept[of, start + horizon_months] - kept[of, start]
    wide = Z_80 * np.sqrt(spreads[of, start + horizon_months] - spreads[of, start]) / np.abs(stays)
    return Chances(-np.expm1(stays), -np.expm1(stays * np.exp(-wide)), -np.expm1(stays * np.exp(wide)))


def p_return(
    fit: ReturnHazard, months_away: ArrayLike, *, horizon_months: int, groups: list[tuple[str, ...]] | None = None
) -> Floats:
    """(n,) the chance alone, as in `within`, of people each with a group of their own.

    groups   one a person; the whole when left out
    Raises BadInput naming the first row whose months lie past the reach.
    """
    away = np.atleast_1d(np.asarray(months_away, dtype=np.float64))
    asked: list[tuple[str, ...]] = [()] * away.size if groups is None else groups
    if len(asked) != away.size:
        raise BadInput(f"{len(asked)} groups for {away.size} people", remedy="Give one each.")
    place = {group: k for k, group in enumerate(sorted(set(asked)) or [()])}
    of = np.array([place[group] for group in asked], dtype=np.int64)
    return within(fit, away, horizon_months=horizon_months, groups=list(place), group_of=of).value


def levels_alike(fit: ReturnHazard) -> list[str]:
    """Levels whose groups cannot be told apart."""
    return _alike(fit.parameters)


def nearest(fit: ReturnHazard, group: tuple[str, ...]) -> tuple[str, ...]:
    """The narrowest group that anybody has left in and that `group` lies in; () where there is none."""
    while group and name_of(group) not in fit.groups:
        group = group[:-1]
    return group


def first_life_band(days: ArrayLike) -> NDArray[np.object_]:
    """(n,) text: how long each first life lasted, in bands a person would say. Raises BadInput naming the row."""
    lasted = np.asarray(days, dtype=np.float64)
    bad = ~np.isfinite(lasted) | (lasted < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(f"a first life of {lasted[row]} days", where=f"row {row}", remedy="Check its dates.")
    place = np.searchsorted(np.array([90.0, 365.0, 3 * 365.0]), lasted, side="right")
    return np.array(["under 3 months", "under a year", "under 3 years", "3 years and over"], dtype=object)[place]


def _mean(group: Group) -> Floats:
    a, b = np.array(group.a), np.array(group.b)
    return np.asarray(a / (a + b))


def _variance(group: Group) -> Floats:
    a, b = np.array(group.a), np.array(group.b)
    return np.asarray(a * b / ((a + b) ** 2 * (a + b + 1)))


def _spread(group: Group) -> Floats:
    """Variance of the log of each month's staying away: their sum under log(-log) keeps the band inside [0, 1]."""
    a, b = np.array(group.a), np.array(group.b)
    return np.asarray(a / (b * (a + b + 1)))


def _group(fit: ReturnHazard, group: tuple[str, ...]) -> Group:
    found = fit.groups.get(name_of(group))
    if found is None:
        raise BadInput(f"nobody of {group} has left", where="return hazard", remedy=f"Give up to {fit.levels}.")
    return found


def _checked(ended: ArrayLike, returned: ArrayLike, as_of: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    left, back = np.asarray(ended, dtype=np.float64), np.asarray(returned, dtype=np.float64)
    if left.ndim != 1 or left.shape != back.shape:
        raise BadInput(f"ended is {left.shape}, returned is {back.shape}", remedy="Give two columns of one length.")
    back = np.where(back > as_of, np.nan, back)
    for bad, values, what in (
        (~np.isfinite(left) | (left != np.floor(left)), left, "ended is {}, wanted a whole day"),
        (np.isinf(back), back, "returned is {}, wanted a day or NaN"),
        (back < left, back, "returned is {}, before the end"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(what.format(values[row]), where=f"row {row}", remedy="Check its dates.")
    kept = left <= as_of
    return left[kept], back[kept], kept


def _names(values: ArrayLike, level: str, kept: NDArray[np.bool_]) -> NDArray[Any]:
    names = np.asarray(values, dtype=object)
    if names.shape != kept.shape:
        raise BadInput(f"{level} is {names.shape}, wanted {kept.shape}", remedy="Give one name an end.")
    bad = [name for name in set(names.tolist()) if not isinstance(name, str) or not name or SEPARATOR in name]
    if bad:
        row = next(row for row, name in enumerate(names.tolist()) if name in bad)
        raise BadInput(f"{names[row]!r} is no name of a group", where=f"{level}: row {row}", remedy="Say 'not told'.")
    return names[kept]


def _table(code: Ints, size: int, watchable: Floats, came: Floats, months: int) -> tuple[Floats, Floats]:
    """(size, months) watched through each month while still away at its start, and returned in it."""
    watched, returns = np.zeros((size, months)), np.zeros((size, months))
    for m in range(months):
        here = (watchable > m) & (came >= m)
        watched[:, m] = np.bincount(code[here], minlength=size)
        returns[:, m] = np.bincount(code[here & (came == m)], minlength=size)
    return watched, returns


def _posterior(watched: Floats, returned: Floats, a: ArrayLike, b: ArrayLike) -> Group:
    up, down = np.asarray(a) + returned, np.asarray(b) + watched - returned
    return Group(watched.tolist(), returned.tolist(), up.tolist(), down.tolist())


def _wider(group: Group, more: Floats) -> Group:
    """The Beta of the same mean whose variance is greater by `more`."""
    mean = _mean(group)
    strength = mean * (1 - mean) / (_variance(group) + more) - 1
    return Group(group.watched, group.returned, (mean * strength).tolist(), ((1 - mean) * strength).tolist())


def _level(
    groups: dict[str, Group], parent: NDArray[Any], path: NDArray[Any], watchable: Floats, came: Floats, reach: int
) -> tuple[float, float]:
    """Adds the groups of one level, each drawn to the group it lies in; gives the log-likelihood and the likeness."""
    names, first, code = different(path)
    watched, returns = _table(code, len(names), watchable, came, reach)
    inside = np.array([_mean(groups[parent[row]]) for row in first])
    unsure = np.array([_variance(groups[parent[row]]) for row in first])

    def loss(log_likeness: float) -> float:
        a, b = np.exp(log_likeness) * inside, np.exp(log_likeness) * (1 - inside)
        return float(np.sum(betaln(a, b) - betaln(a + returns, b + watched - returns)))

    found = minimize_scalar(loss, bounds=(0.0, np.log(_ALIKE) + 1e-3), method="bounded", options={"xatol": 1e-6})
    # The bounded search never steps on its own edge.
    edge = np.log(_ALIKE)
    best = edge if loss(edge) <= found.fun + 1e-6 else float(found.x)
    likeness = float(np.exp(best))
    for k, name in enumerate(names):
        own = _posterior(watched[k], returns[k], likeness * inside[k], likeness * (1 - inside[k]))
        groups[name] = _wider(own, unsure[k] * (likeness / (likeness + watched[k])) ** 2)
    return -loss(best), likeness


def _alike(parameters: Mapping[str, float]) -> list[str]:
    return [level for level, likeness in parameters.items() if likeness > 0.99 * _ALIKE]


def _boundary(returns: float, ends: int, reach: int, alike: list[str]) -> str | None:
    if returns == 0:
        return f"nobody of {ends} came back within {reach} months: only an upper limit can be told"
    if alike:
        return f"the data shows no difference between groups of {', '.join(alike)}: the wider group is used"
    return None
