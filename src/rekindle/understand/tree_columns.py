"""Named columns into the numbers a tree reads, the same way when learning and when scoring.

Numbers stay as they are and NaN means "not known", which a tree treats as a case of its own. Text becomes the place of
its level among the levels seen when learning; a level never seen then is "not known", not a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput, NotEnoughData, UnknownColumn
from rekindle.understand.compression import Floats

_MOST_LEVELS = 200  # our choice: more levels than this is a name or a number, not a fact that repeats


@dataclass(frozen=True)
class Design:
    """names (k,) of the columns in order; levels by name of those that are text."""

    names: list[str]
    levels: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """The design as plain JSON values."""
        return asdict(self)

    @property
    def text_places(self) -> list[int]:
        """Places of the text columns."""
        return [place for place, name in enumerate(self.names) if name in self.levels]

    def said(self, place: int, value: float) -> str | None:
        """A value as text: its level, or the number in short; None where it is not known."""
        if np.isnan(value):
            return None
        levels = self.levels.get(self.names[place])
        return f"{value:,.4g}" if levels is None else levels[int(value)]


def learn(columns: Mapping[str, ArrayLike]) -> Design:
    """The design of these columns, in the order of the mapping.

    Raises NotEnoughData for no column, BadInput naming a text column with too many levels.
    """
    if not columns:
        raise NotEnoughData("no column says anything about anybody", remedy="Give at least one.")
    levels = {}
    for name, column in columns.items():
        values = np.asarray(column)
        if not _is_text(values):
            continue
        seen = [level for level in pa.array(_texts(values, name)).unique().to_pylist() if level is not None]
        if len(seen) > _MOST_LEVELS:
            raise BadInput(f"{len(seen)} different values", where=name, remedy="Group them, or leave the column out.")
        levels[name] = sorted(seen)
    return Design(list(columns), levels)


def matrix(design: Design, columns: Mapping[str, ArrayLike]) -> Floats:
    """(n, k) the columns as numbers.

    Columns the design does not know are not read. Raises UnknownColumn for one that is missing, BadInput for an
    infinite number, a wrong kind or columns of different lengths.
    """
    missing = [name for name in design.names if name not in columns]
    if missing:
        raise UnknownColumn(f"{missing[0]!r} is not given", where="columns", remedy="Give all that was learned from.")
    arrays = {name: np.asarray(columns[name]) for name in design.names}
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) != 1 or any(len(shape) != 1 for shape in shapes):
        told = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise BadInput(f"the columns do not line up: {told}", remedy="Give columns of one length.")
    made = np.empty((next(iter(shapes))[0], len(design.names)))
    for place, (name, values) in enumerate(arrays.items()):
        made[:, place] = _codes(values, name, design.levels[name]) if name in design.levels else _numbers(values, name)
    return made


def _is_text(values: NDArray[Any]) -> bool:
    """Text when the first value that is known is text; of a column nobody knows, numbers."""
    if values.dtype.kind != "O":
        return values.dtype.kind == "U"
    return isinstance(next((v for v in values.tolist() if v is not None), None), str)


def _texts(values: NDArray[Any], name: str) -> list[str | None]:
    found: list[str | None] = values.tolist()
    bad = next((row for row, v in enumerate(found) if v is not None and not isinstance(v, str)), None)
    if bad is not None:
        raise BadInput(f"{found[bad]!r} among texts", where=f"{name}: row {bad}", remedy="Give text or None.")
    return found


def _codes(values: NDArray[Any], name: str, levels: list[str]) -> Floats:
    if values.dtype.kind not in "UO":
        raise BadInput(f"{values.dtype} where text was learned", where=name, remedy="Give the same kind of column.")
    coded = pa.array(_texts(values, name), pa.string()).dictionary_encode()
    place = {level: float(i) for i, level in enumerate(levels)}
    table = np.array([place.get(level, np.nan) for level in coded.dictionary.to_pylist()] + [np.nan])
    return np.asarray(table[coded.indices.fill_null(table.size - 1).to_numpy(zero_copy_only=False)])


def _numbers(values: NDArray[Any], name: str) -> Floats:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput("text where numbers were learned", where=name, remedy="Give numbers, NaN if unknown.") from error
    bad = np.flatnonzero(np.isinf(numbers))
    if bad.size:
        raise BadInput(
            f"{numbers[bad[0]]} is not a number", where=f"{name}: row {bad[0]}", remedy="Use NaN for not known."
        )
    return numbers
