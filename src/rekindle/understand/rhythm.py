"""A person's own rhythm: how long the pauses between their days usually are, and when a pause becomes unusual.

Pauses (gaps, days) are read as gamma distributed with shape k and the person's own mean: k = 1 is chance alone,
a large k a clock. From a person's number of gaps n, their sum and the sum of their logarithms,

    s = ln(mean gap) - mean(ln gap)
    k = (3 - s + sqrt((s - 3)^2 + 24 s)) / (12 s)

the closed approximation of the maximum likelihood shape (Minka 2002, "Estimating a Gamma distribution"; within
1.5 % of it). The usual gap is the median by Wilson & Hilferty (1931): mean * (1 - 1/(9k))^3.

The unusual gap is the one the *next* gap exceeds with 5 % chance. With few gaps the mean itself is uncertain, so it
is a predictive quantile: next gap / mean gap follows F with 2k and 2nk degrees of freedom, approximated by
Paulson (1942), the Wilson-Hilferty cube root on both sides of the ratio. Its k leans a little to chance. Simulated
with k from 1 to 10: the plain quantile is exceeded by 24-26 % of people with two gaps and 13 % with five; this one
by 2-15 % and 4-8 %. No gap is under one day, since two events of one day are one sign of life.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SHAPE_MOST = 100.0
"""A clockwork: the spread is a tenth of the gap. Whole days cannot show more; our choice, it bounds k."""
GAPS_FOR_USUAL = 2
GAPS_FOR_SHAPE = 3
Z_95 = 1.6448536269514722

CHANCE_GAPS = 0.25
"""Our choice, by the simulation above: at 0 two even gaps look like a clock, at 1 real clocks are noticed late."""

LEAST_SHAPE_OF_MEAN = 0.6
"""Below it Paulson's ratio has no finite 95 % point; our choice, met only by two gaps of very unequal length."""


def shape(gaps: Integers, *, gap_sum: Integers, gap_log_micro: Integers, chance_gaps: float = 0.0) -> Floats:
    """k of each person's rhythm; NaN under two gaps.

    gaps           (n,) number of gaps
    gap_sum        (n,) their sum, days
    gap_log_micro  (n,) sum of round(1e6 ln(gap))
    chance_gaps    weight, in gaps, of a rhythm of chance alone mixed in (its s is Euler's constant)
    Gives (n,) in (0, SHAPE_MOST].
    """
    known = gaps >= GAPS_FOR_USUAL
    count = np.where(known, gaps, 1).astype(np.float64)
    mean = np.where(known, gap_sum, 1) / count
    spread = np.log(mean) - np.where(known, gap_log_micro, 0) / 1e6 / count
    spread = np.maximum(spread, 1e-6)  # equal gaps give 0 up to the rounding of the logarithms
    spread = (count * spread + chance_gaps * np.euler_gamma) / (count + chance_gaps)
    fitted: Floats = (3 - spread + np.sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)
    bounded: Floats = np.where(known, np.minimum(fitted, SHAPE_MOST), np.nan)
    return bounded


def median(mean: Floats, *, k: Floats) -> Floats:
    """The gamma distribution's median, in the unit of `mean`."""
    gap: Floats = mean * np.maximum(1 - 1 / (9 * k), 0.0) ** 3
    return gap


def unusual(mean: Floats, *, gaps: Integers, k: Floats, z: float = Z_95) -> Floats:
    """The gap that the next one exceeds with the chance of the normal deviate z, given the mean of `gaps` gaps."""
    own = 1 / (9 * k)
    others = 1 / (9 * np.maximum(gaps * k, LEAST_SHAPE_OF_MEAN))
    square = (1 - others) ** 2 - z * z * others
    half = (1 - own) * (1 - others)
    rest = (1 - own) ** 2 - z * z * own
    ratio: Floats = (half + np.sqrt(np.maximum(half * half - square * rest, 0.0))) / square
    gap: Floats = mean * np.maximum(ratio, 0.0) ** 3
    return gap


def own_rhythm(gaps: Integers, *, gap_sum: Integers, gap_log_micro: Integers) -> tuple[Floats, Floats, Floats]:
    """(usual_gap, gap_q95, rhythm_k), days and shape; NaN where the person's own gaps are too few to tell."""
    known = gaps >= GAPS_FOR_USUAL
    mean = np.where(known, gap_sum, np.nan) / np.where(known, gaps, 1)
    k = shape(gaps, gap_sum=gap_sum, gap_log_micro=gap_log_micro)
    leaning = shape(gaps, gap_sum=gap_sum, gap_log_micro=gap_log_micro, chance_gaps=CHANCE_GAPS)
    usual: Floats = np.maximum(median(mean, k=k), 1.0)
    q95: Floats = np.maximum(unusual(mean, gaps=gaps, k=leaning), 1.0)
    return usual, q95, np.where(gaps >= GAPS_FOR_SHAPE, k, np.nan)


def with_population(summaries: pa.Table) -> pa.Table:
    """The rhythm of everyone: their own, or the population's where their own gaps are too few.

    summaries  SUMMARY rows
    Gives a table (party_id, usual_gap_filled, gap_q95_filled, filled_from) in the same order; filled_from is
    `own`, `population`, or null (with null gaps) where not even the population has a rhythm.
    The population's usual gap is the median over people with a rhythm of their own. Its q95 is that of the first
    gap: people with one repeat day have one first gap, everyone else's mean gap stands for theirs; the longest
    5 % of these are cut off, and people who never came back are not in it, so that it is rather short than long.
    """
    usual, q95 = _floats(summaries["usual_gap"]), _floats(summaries["gap_q95"])
    repeats = np.nan_to_num(_floats(summaries["x"]), nan=0.0)
    gap_sum = _floats(summaries["gap_sum"])
    own = ~np.isnan(usual)
    came_back = repeats >= 1
    population_q95 = float(np.quantile(gap_sum[came_back] / repeats[came_back], 0.95)) if came_back.any() else np.nan
    population_usual = float(np.median(usual[own])) if own.any() else np.nan
    if np.isnan(population_usual) and came_back.any():
        population_usual = float(np.median(gap_sum[came_back] / repeats[came_back]))
    known = own | bool(came_back.any())
    source = np.where(own, "own", "population")
    return pa.table(
        {
            "party_id": summaries["party_id"],
            "usual_gap_filled": _nullable(np.where(own, usual, population_usual)),
            "gap_q95_filled": _nullable(np.where(own, q95, population_q95)),
            "filled_from": pa.array(source, mask=~known),
        }
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Any = column.cast(pa.float64()).to_numpy()
    return np.asarray(values, dtype=np.float64)


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
