"""Many people, few different histories: equal rows of (x, t_x, T) collapse into one with a weight.

At day resolution a million buyers have about a hundred thousand different histories, and everything a
beta-geometric model says about a person depends on the history alone; so it is worked out once a history.

Letters, the same in every model here
  x     (n,) repeat purchases: days with a purchase after the first one, whole number >= 0
  t_x   (n,) age at the last purchase, 0 <= t_x <= T, and 0 where x == 0
  T     (n,) age at the end of the window
Times are in any one unit (the product uses days); results carry the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput, NotEnoughData

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_PEOPLE = 30  # our choice: under it four parameters cannot be told apart, whatever the data say
_KEY_LIMIT = 2**62
_MOSTLY = 0.5  # of all repeat purchases; among 2,357 buyers one with that share takes a quarter to 40 % off what is
# expected of one-time buyers, one with a tenth under 9 %


@dataclass(frozen=True)
class Column:
    """One column as codes into its sorted values: column == values[code]."""

    values: Floats
    code: Ints


@dataclass(frozen=True)
class Histories:
    """The different histories, sorted by x, with how many people share each.

    x, t_x, T   (m,) the histories
    weight      (m,) people behind each, > 0
    row         (n,) history of each input row; empty unless it was asked for
    age, last   T and t_x again as codes into their different values, for tables of logarithms
    """

    x: Floats
    t_x: Floats
    T: Floats
    weight: Floats
    row: Ints
    age: Column
    last: Column

    @property
    def people(self) -> float:
        """How many people all histories stand for."""
        return float(self.weight.sum())


def as_numbers(given: ArrayLike, name: str) -> Floats:
    """One number or a column of them as float64, in the shape given.

    Raises BadInput naming the column where it holds words, dates or rows of unequal length.
    """
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} cannot be read as numbers: {error}", remedy="Give plain numbers.") from error


def checked(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The three columns as float64, each (n,), once every row is a possible history.

    Raises BadInput naming the first bad row (counted from 0), the value seen and the remedy.
    """
    columns = [np.atleast_1d(as_numbers(c, name)) for c, name in ((x, "x"), (t_x, "t_x"), (T, "T"))]
    if any(c.ndim != 1 for c in columns) or len({c.size for c in columns}) != 1:
        shapes = ", ".join(f"{n} {c.shape}" for n, c in zip(("x", "t_x", "T"), columns, strict=True))
        raise BadInput(f"the columns do not line up: {shapes}", remedy="Give three columns of one length.")
    n_x, n_last, n_age = columns
    _refuse(~np.isfinite(n_x) | (n_x < 0), columns, "x is not a finite number >= 0", "Count repeat days.")
    _refuse(n_x != np.floor(n_x), columns, "x is not a whole number", "Count days with a purchase.")
    _refuse(~np.isfinite(n_age) | (n_age < 0), columns, "T is not a finite number >= 0", "Check as_of.")
    _refuse(~np.isfinite(n_last) | (n_last < 0), columns, "t_x is not a finite number >= 0", "Check the days.")
    _refuse(n_last > n_age, columns, "the last purchase is after the window", "Check the window end.")
    _refuse((n_x == 0) & (n_last > 0), columns, "x is 0 but t_x is not", "Set t_x to 0 or count the repeat.")
    _refuse((n_x > 0) & (n_last <= 0), columns, "x repeats but t_x is 0", "Merge purchases of one day.")
    return n_x, n_last, n_age


def checked_weights(weights: ArrayLike | None, n: int) -> Floats | None:
    """How many people each row stands for, (n,), finite and > 0; None when each stands for one."""
    if weights is None:
        return None
    weight = np.atleast_1d(as_numbers(weights, "weights"))
    if weight.shape != (n,):
        raise BadInput(f"weights have shape {weight.shape}, wanted ({n},)", remedy="Give one a row.")
    bad = np.flatnonzero(~np.isfinite(weight) | (weight <= 0))
    if bad.size:
        raise BadInput(
            f"weight is {weight[bad[0]]}, wanted a finite number > 0", where=f"row {bad[0]}", remedy="Drop it."
        )
    return weight


def compress(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None = None, with_rows: bool = False
) -> Histories:
    """The different histories and how many people share each.

    with_rows   also give, for every input row, the history it became (costs a slower sort)
    Raises BadInput as `checked` does.
    """
    xs, lasts, ages = checked(x, t_x, T)
    weight = checked_weights(weights, xs.size)
    if xs.size == 0:
        raise NotEnoughData("there is nobody to look at", remedy="Import purchases first.")
    age, last = coded(ages), coded(lasts)
    x_values, x_code = coded_counts(xs)
    spans = (age.values.size, last.values.size)
    if x_values.size * spans[0] * spans[1] >= _KEY_LIMIT:
        raise BadInput("too many different times to tell apart", remedy="Round times to whole days.")
    key = (x_code * spans[0] + age.code) * spans[1] + last.code
    row = np.empty(0, dtype=np.int64)
    if with_rows or weight is not None:
        unique, row = np.unique(key, return_inverse=True)
        count = np.bincount(row, weights=weight, minlength=unique.size).astype(np.float64)
    else:
        key.sort()
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        unique, count = key[starts], np.diff(starts, append=key.size).astype(np.float64)
    rest, last_code = np.divmod(unique, spans[1])
    kept_x, age_code = np.divmod(rest, spans[0])
    return Histories(
        x=x_values[kept_x],
        t_x=last.values[last_code],
        T=age.values[age_code],
        weight=count,
        row=row if with_rows else np.empty(0, dtype=np.int64),
        age=Column(age.values, age_code),
        last=Column(last.values, last_code),
    )


def enough(histories: Histories) -> None:
    """Refuses what no purchase model can be fitted to.

    Raises NotEnoughData: under 30 people, nobody who came back, or a window of no length.
    """
    if histories.people < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{histories.people:g} people are too few to fit a purchase model, wanted {FEWEST_PEOPLE}",
            remedy="Wait for more customers or import older history.",
        )
    if not histories.T.any():
        raise NotEnoughData(
            "everyone is seen on one day only, so no time has passed",
            remedy="Import older history or wait; as_of must lie after the first purchases.",
        )
    if not histories.x.any():
        raise NotEnoughData(
            "nobody has bought on a second day yet, so no rate can be learned",
            remedy="Wait for repeat purchases or widen the window.",
        )


def outweighed(histories: Histories) -> str | None:
    """One sentence where one person has over half of all repeat purchases, so that a fit is about that one."""
    most = float(histories.x.max())
    total = float(np.einsum("i,i->", histories.weight, histories.x))
    if most <= _MOSTLY * total:
        return None
    return (
        f"one person has {most / max(total, most):.0%} of all repeat purchases ({most:g}): the fit is mostly about "
        "that one, so fit the others without them"
    )


def coded(values: Floats) -> Column:
    """(n,) numbers >= 0 as codes; among the values may be some that no row has."""
    # Whole numbers in a short range, the daily case, need no sort: the number is its own code.
    top = float(values.max())
    if top < 2**17:
        code = values.astype(np.int64)
        if np.array_equal(code, values):
            return Column(np.arange(int(top) + 1, dtype=np.float64), code)
    unique, code = np.unique(values, return_inverse=True)
    return Column(unique, code)


def coded_counts(x: Floats) -> tuple[Floats, Ints]:
    """The different values of (n,) whole numbers >= 0, rising, and which of them each row is."""
    code = x.astype(np.int64)
    if code.max() < 2**20:
        seen = np.bincount(code) > 0
        return np.flatnonzero(seen).astype(np.float64), (np.cumsum(seen) - 1)[code]
    unique, code = np.unique(x, return_inverse=True)
    return unique, code


def _refuse(bad: NDArray[np.bool_], columns: list[Floats], what: str, remedy: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        x, t_x, T = (float(c[row]) for c in columns)
        raise BadInput(f"{what} (x {x:g}, t_x {t_x:g}, T {T:g})", where=f"row {row}", remedy=remedy)
