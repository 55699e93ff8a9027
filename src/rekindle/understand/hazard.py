"""The chance that a relationship ends in its next period, by cause, from all that is known at the period's start.

    h_c(row)   chance to end by cause c in the period, given still with us at its start
    score_c    log-odds by boosted trees, averaged over the models of up to five parts of the people
    h_c        = calibration of 1 / (1 + exp(-score_c)), learned on people those trees had not seen
    h          = sum of h_c, at most 1

Each cause has trees of its own, in which an end by another cause counts as "not by this one in this period"
(cause-specific hazards in discrete time). A cause with under 30 ends has no trees but one chance for all.
Beside it, always, two plain guesses: one constant chance, and the chance by twentieths of one column (days since last
seen, or age). Trees that do not beat both on people they had not seen say so in `boundary` and should not be used.
Rows: `person_periods`. Curves over many periods: `hazard_curve`. Reasons: `hazard_reasons`.
Sources: Allison (1982), Sociological Methodology 13, 61-98; Braun & Schweidel (2011), Marketing Science 30(5), for
competing causes; Ke et al. (2017), NeurIPS, for LightGBM; Kull et al. (2017) for the calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from rekindle.errors import BadInput, NotEnoughData, RekindleError
from rekindle.understand import calibration, tree_columns
from rekindle.understand.calibration import Calibration, Scores
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, Ints
from rekindle.understand.plain_hazard import PlainHazard, judge, learn_plain, plain_told
from rekindle.understand.tree_columns import Design

if TYPE_CHECKING:
    import lightgbm

FEWEST_ENDINGS = 30  # our choice: fewer ends cannot be split and calibrated
_PARTS = 5
_SIZES = (
    # rows up to, rate, leaves, fewest in a leaf, most rounds, bins, parts held out in turn
    (20_000, 0.03, 8, 30, 800, 255, 5),
    (100_000, 0.1, 8, 50, 240, 255, 5),
    (np.inf, 0.25, 15, 200, 40, 63, 1),  # on so many one model on four fifths is as good as five
)  # our choice, by the held-out ranking of the data in bench/hazard.py and its seconds
_HOG = 0.2  # share of all rows from which one life is too much of the whole


@dataclass(frozen=True)
class CauseModel:
    """What is believed about one cause.

    endings       how many ended by it
    trees         each model as LightGBM's own text; none where the ends were too few
    rounds        trees a model
    constant      share of periods that ended by it, half an end added
    calibration   from the trees' chance to an honest one
    """

    cause: str
    endings: int
    trees: list[str]
    rounds: int
    constant: float
    calibration: Calibration


@dataclass(frozen=True)
class Hazard:
    """A fitted hazard.

    parameters        settings of the trees; rounds by cause
    log_likelihood    of what became of the held-out rows, by cause, nats; they were not seen by the trees that speak
    n, rows           lives and person-periods learned from
    converged         more trees would not have done better
    boundary          None, or why it should not be used
    held_out          scores of "ends at all" by the trees, the constant and the plain guess on rows not learned from
    gain, gain_error  log-likelihood over the better plain guess, nats a life, and its standard error
    plain             the plain guess, ready to be used instead
    reliability       of "ends at all" on rows not learned from: chance told, share seen, its 80 % interval, rows
    """

    model: ClassVar[str] = "hazard"
    standard_errors: ClassVar[None] = None  # trees have none; `gain_error` says how sure the gain is
    covariance: ClassVar[None] = None

    parameters: dict[str, float]
    log_likelihood: float
    n: float
    rows: int
    converged: bool
    boundary: str | None
    held_out: dict[str, Scores]
    gain: float
    gain_error: float
    period_days: float
    design: Design
    causes: list[CauseModel]
    plain: PlainHazard
    reliability: dict[str, list[float]] = field(default_factory=dict)

    @property
    def cause_names(self) -> tuple[str, ...]:
        """In the order of the hazards' columns."""
        return tuple(cause.cause for cause in self.causes)

    def to_json(self) -> dict[str, Any]:
        """The fit as plain JSON values; the trees are text."""
        return {"model": self.model, **asdict(self)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The fit that `to_json` wrote. Raises BadInput for another model's."""
        values = dict(stored)
        if values.pop("model", None) != cls.model:
            raise BadInput(f"stored model is {stored.get('model')!r}, wanted {cls.model!r}", remedy="Fit again.")
        try:
            values["held_out"] = {name: Scores(**found) for name, found in values["held_out"].items()}
            values["design"] = Design(**values["design"])
            values["plain"] = PlainHazard(**values["plain"])
            values["causes"] = [
                CauseModel(**{**cause, "calibration": Calibration(**cause["calibration"])})
                for cause in values["causes"]
            ]
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise BadInput(f"stored {cls.model} fit cannot be read: {error}", remedy="Fit again.") from error


@dataclass(frozen=True)
class _Settings:
    """How trees grow: slow and small on few rows, faster on many."""

    rate: float
    leaves: int
    fewest: int
    most_rounds: int
    bins: int
    parts: int
    seed: int
    threads: int

    def said(self) -> dict[str, float]:
        """What shapes the trees, under LightGBM's names."""
        return {
            "learning_rate": self.rate,
            "num_leaves": float(self.leaves),
            "min_data_in_leaf": float(self.fewest),
        }

    def of_lightgbm(self) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.fewest,
            "feature_fraction": 0.6,
            "max_bin": self.bins,
            "lambda_l2": 5.0,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }


def fit(
    columns: Mapping[str, ArrayLike],
    outcome: ArrayLike,
    *,
    life: ArrayLike,
    period_days: float,
    seed: int,
    causes: Sequence[str] = ("ended",),
    recency: str = "age_days",
    threads: int = 1,
) -> Hazard:
    """The hazard learned from person-periods.

    columns   (n,) each, numbers (NaN for not known) or text, what was known at the start of each row's period
    outcome   (n,) 0 still with us at its end, k ended in it by causes[k - 1]
    life      (n,) whose period; rows of one life are never on both sides of a split
    recency   the column of the plain guess: days since last seen where that is known
    threads   cores; one is the safe choice where other work runs: idle LightGBM threads wait by spinning
    Raises BadInput naming the row; NotEnoughData under 30 lives, under 30 ends or under 30 periods outlived.
    """
    length = _checked_period(period_days)
    design = tree_columns.learn(columns)
    values = tree_columns.matrix(design, columns)
    happened, lives = _checked_outcome(outcome, life, tuple(causes), len(values))
    if recency not in design.names or recency in design.levels:
        raise BadInput(f"{recency!r} is no column of numbers", where="recency", remedy="Name one; age_days is usual.")
    owner, part = _parts(lives, seed)
    settings, rows = _prepared(values, owner, part, design, seed=seed, threads=threads)
    held = rows.held
    found = [_cause_model(rows, happened == k, settings, cause) for k, cause in enumerate(causes, start=1)]
    told = _capped(np.column_stack([chance for _, chance, _ in found]))
    column = values[:, design.names.index(recency)]
    others = plain_told(column, happened > 0, part=part)[held]
    verdict = judge(told.sum(axis=1), others, happened[held] > 0, life=owner[held], column=recency)
    hog = float(np.bincount(owner).max() / owner.size)
    return Hazard(
        parameters={**settings.said(), **{f"rounds_{model.cause}": float(model.rounds) for model, _, _ in found}},
        log_likelihood=_log_likelihood(told, happened[held]),
        n=float(owner.max() + 1),
        rows=len(values),
        converged=all(calm for _, _, calm in found),
        boundary=f"one life is {hog:.0%} of all periods: it is mostly about that one" if hog > _HOG else verdict.why,
        held_out=verdict.scores,
        gain=verdict.gain,
        gain_error=verdict.gain_error,
        period_days=length,
        design=design,
        causes=[model for model, _, _ in found],
        plain=learn_plain(column, happened > 0, column=recency),
        reliability=verdict.reliability,
    )


@dataclass(frozen=True)
class _Rows:
    """The rows as LightGBM keeps them and as they are; part (n,), the parts held out in turn, among (held,) for
    calibration: one slice is calibrated and judged by its own fifths, five slices by each other."""

    data: lightgbm.Dataset
    values: Floats
    part: Ints
    folds: range
    held: NDArray[np.bool_]
    among: Ints


def _prepared(
    values: Floats, owner: Ints, part: Ints, design: Design, *, seed: int, threads: int
) -> tuple[_Settings, _Rows]:
    tier = next(tier for tier in _SIZES if len(values) <= tier[0])
    settings = _Settings(*tier[1:], seed, threads)
    data = _lightgbm().Dataset(
        values, np.zeros(len(values)), categorical_feature=design.text_places, params=settings.of_lightgbm()
    )
    folds = range(settings.parts)
    held = np.isin(part, folds)
    among = part[held] if settings.parts > 1 else owner[held] % _PARTS
    return settings, _Rows(data.construct(), values, part, folds, held, among)


def _cause_model(
    rows: _Rows, happened: NDArray[np.bool_], settings: _Settings, cause: str
) -> tuple[CauseModel, Floats, bool]:
    """The model of one cause, its honest chances of the held-out rows, and whether more trees would not help."""
    endings, constant = int(happened.sum()), _share(happened)
    if endings < FEWEST_ENDINGS:
        same = np.full(rows.among.size, constant)
        return CauseModel(cause, endings, [], 0, constant, calibration.NONE), same, True
    grown, losses = [], []
    for fold in rows.folds:
        train, valid = np.flatnonzero(rows.part != fold), np.flatnonzero(rows.part == fold)
        booster, loss = _grow(rows.data, happened, train, valid, settings)
        grown.append((booster, valid))
        losses.append(np.array(loss) * valid.size)
    rounds = int(np.argmin(np.sum(losses, axis=0))) + 1
    raw = np.empty(happened.size)
    for booster, valid in grown:
        raw[valid] = _told(booster, rows.values[valid], rounds, settings.threads)
    learned, chance = calibration.learn(expit(raw[rows.held]), happened[rows.held], part=rows.among)
    trees = [booster.model_to_string(num_iteration=rounds) for booster, _ in grown]
    calm = rounds < 0.95 * settings.most_rounds
    return CauseModel(cause, endings, trees, rounds, constant, learned), chance, calm


def _grow(
    data: lightgbm.Dataset,
    happened: NDArray[np.bool_],
    train: Ints,
    valid: Ints,
    settings: _Settings,
) -> tuple[lightgbm.Booster, list[float]]:
    """One model on the rows of `train`, and its log loss on `valid` after each tree."""
    seen: dict[str, dict[str, list[float]]] = {}
    label = happened.astype(np.float64)
    # A part must stand before it gets its label: a label set earlier is silently replaced by the whole's.
    library = _lightgbm()
    booster: lightgbm.Booster = library.train(
        settings.of_lightgbm(),
        data.subset(train.tolist()).construct().set_label(label[train]),
        settings.most_rounds,
        valid_sets=[data.subset(valid.tolist()).construct().set_label(label[valid])],
        valid_names=["held"],
        callbacks=[library.record_evaluation(seen)],
        keep_training_booster=True,
    )
    return booster, seen["held"]["binary_logloss"]


def _told(trees: lightgbm.Booster, values: Floats, rounds: int, threads: int) -> Floats:
    """(n,) log-odds by the first `rounds` trees, by all of them for -1."""
    return np.asarray(trees.predict(values, raw_score=True, num_iteration=rounds, num_threads=threads), np.float64)


def scores_by_cause(fit: Hazard, values: Floats, *, threads: int = 1) -> Floats:
    """(n, c) log-odds by the trees before calibration; the constant's where a cause has none."""
    made = np.empty((len(values), len(fit.causes)))
    for k, cause in enumerate(fit.causes):
        if not cause.trees:
            made[:, k] = np.log(cause.constant) - np.log1p(-cause.constant)
            continue
        told = [_told(booster(text), values, -1, threads) for text in cause.trees]
        made[:, k] = np.mean(told, axis=0)
    return made


def hazards_of(fit: Hazard, values: Floats, *, threads: int = 1) -> Floats:
    """(n, c) as `hazards`, from the matrix of the columns."""
    raw = scores_by_cause(fit, values, threads=threads)
    told = [cause.calibration(expit(raw[:, k])) for k, cause in enumerate(fit.causes)]
    return _capped(np.column_stack(told))


def hazards(fit: Hazard, columns: Mapping[str, ArrayLike], *, threads: int = 1) -> Floats:
    """(n, c) chance to end in the next period by each cause, in the order of `cause_names`; rows sum to at most 1.

    Raises BadInput naming column and row; UnknownColumn for one that was learned from and is not given.
    """
    return hazards_of(fit, tree_columns.matrix(fit.design, columns), threads=threads)


def p_ending(fit: Hazard, columns: Mapping[str, ArrayLike], *, threads: int = 1) -> Floats:
    """(n,) chance to end in the next period, by whatever cause. Raises BadInput as `hazards`."""
    return np.asarray(np.minimum(hazards(fit, columns, threads=threads).sum(axis=1), 1.0))


@lru_cache(maxsize=64)
def booster(text: str) -> lightgbm.Booster:
    """The trees of a text, read once."""
    found: lightgbm.Booster = _lightgbm().Booster(model_str=text)
    return found


def _lightgbm() -> Any:
    """The library, on first use. Raises RekindleError where it, or the OpenMP library it stands on, is missing."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise RekindleError(
            f"LightGBM cannot be loaded ({error})",
            where="hazard",
            remedy="Install lightgbm, and OpenMP: libgomp1 on Debian and Ubuntu, libgomp on Fedora, libomp on macOS.",
        ) from error
    return lightgbm


def _checked_outcome(outcome: ArrayLike, life: ArrayLike, causes: tuple[str, ...], n: int) -> tuple[Ints, Ints]:
    told, lives = np.asarray(outcome, dtype=np.float64), np.asarray(life)
    if told.shape != (n,) or lives.shape != (n,):
        raise BadInput(f"outcome is {told.shape}, life {lives.shape}, wanted ({n},)", remedy="Give one a row.")
    if not causes or len(set(causes)) != len(causes):
        raise BadInput(f"causes are {causes}", remedy="Name each cause once.")
    bad = np.flatnonzero(~((told >= 0) & (told <= len(causes)) & (told == np.floor(told))))
    if bad.size:
        raise BadInput(f"outcome is {told[bad[0]]}, wanted 0 to {len(causes)}", where=f"row {bad[0]}")
    owner = np.unique(lives, return_inverse=True)[1].astype(np.int64)
    people, endings = int(owner.max(initial=-1) + 1), int((told > 0).sum())
    for seen, wanted, what in (
        (people, FEWEST_PEOPLE, "lives"),
        (endings, FEWEST_ENDINGS, "ends"),
        (n - endings, FEWEST_ENDINGS, "periods outlived"),
    ):
        if seen < wanted:
            raise NotEnoughData(f"{seen} {what} are too few for a hazard", remedy=f"Wait for {wanted}.")
    return told.astype(np.int64), owner


def _checked_period(period_days: float) -> float:
    if not np.isfinite(period_days) or period_days <= 0:
        raise BadInput(f"period_days is {period_days}", remedy="Give a number of days > 0.")
    return float(period_days)


def _parts(owner: Ints, seed: int) -> tuple[Ints, Ints]:
    """Each row's life, and the part that life fell into."""
    n = int(owner.max()) + 1
    return owner, (np.random.default_rng(seed).permutation(n) % _PARTS)[owner].astype(np.int64)


def _share(happened: NDArray[np.bool_]) -> float:
    return float((happened.sum() + 0.5) / (happened.size + 1))


def _capped(chances: Floats) -> Floats:
    """Causes calibrated one by one can add up to over 1 for somebody almost sure to end; then they share the 1."""
    return np.asarray(chances / np.maximum(chances.sum(axis=1, keepdims=True), 1.0))


def _log_likelihood(told: Floats, happened: Ints) -> float:
    stays = np.maximum(1 - told.sum(axis=1), 1e-12)
    chance = np.column_stack([stays, told])[np.arange(happened.size), happened]
    return float(np.log(np.maximum(chance, 1e-12)).sum())
