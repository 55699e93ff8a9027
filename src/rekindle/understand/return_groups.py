"""Names of the groups that returns are told by: one name a level, the widest first, joined into one text."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rekindle.understand.compression import Ints

SEPARATOR: Final = " / "


def name_of(group: tuple[str, ...]) -> str:
    """The name of a group in `ReturnHazard.groups`."""
    return SEPARATOR.join(group)


def path_of(name: str) -> tuple[str, ...]:
    """The group of that name."""
    return tuple(name.split(SEPARATOR)) if name else ()


def different(path: NDArray[Any]) -> tuple[list[str], Ints, Ints]:
    """Names in order, the first row of each, and each row's place among them; by hashing, not by sorting all rows."""
    encoded = pa.array(path, pa.string()).dictionary_encode()
    found: list[str] = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(found, dtype=object), kind="stable")
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    code = place[np.asarray(encoded.indices.to_numpy(), dtype=np.int64)]
    first = np.full(len(found), code.size, dtype=np.int64)
    np.minimum.at(first, code, np.arange(code.size))
    return [found[k] for k in order], first, code
