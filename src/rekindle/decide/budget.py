"""How many of tonight's suggestions a day has room for: each owner's minutes go to the most worth a minute.

Somebody who does not fit today is left in peace with the reason `capacity`; the rank by value at stake is kept, and
so is what was wished, so that a page can say what another hour would bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.decide.choose import DECISIONS
from rekindle.decide.explain import Reason
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Suggestion

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_OWNER: Final = -1
"""People without an owner share one day of their own."""


def within_capacity(decisions: pa.Table, *, owner: Ints, minutes: Mapping[int, float], otherwise: float) -> pa.Table:
    """The decisions a day has room for.

    decisions  DECISIONS, one row a person
    owner      (n,) who looks after each, NO_OWNER for nobody
    minutes    owner -> minutes a day; `otherwise` for owners that are not in it
    Gives DECISIONS in the same order. Money comes first, by worth a minute (ties by rank); then touches whose worth
    is not known, by rank. A touch that no longer fits is passed over for a shorter one further down.
    Raises BadInput for a negative day, or when the owners are not one a person.
    """
    if len(owner) != len(decisions):
        raise BadInput(f"{len(owner)} owners for {len(decisions)} people", where="capacity")
    for who, day in [*minutes.items(), ("otherwise", otherwise)]:
        if not day >= 0:
            raise BadInput(f"a day of {day} minutes", where=f"capacity of owner {who}")
    needs = decisions["minutes"].to_numpy()
    worth = decisions["worth"].to_numpy()
    asks = np.flatnonzero(needs > 0)
    priced = ~np.isnan(worth[asks])
    per_minute = np.where(priced, worth[asks], 0.0) / needs[asks]
    order = np.lexsort((decisions["rank"].to_numpy()[asks], -per_minute, ~priced, owner[asks]))
    asks = asks[order]
    owners, begins = np.unique(owner[asks], return_index=True)
    kept = np.zeros(len(decisions), dtype=np.bool_)
    ends = np.append(begins, len(asks))[1:]
    for who, begin, end in zip(owners.tolist(), begins.tolist(), ends.tolist(), strict=True):
        rows = asks[begin:end]
        kept[rows[_fill(needs[rows], day=minutes.get(who, otherwise))]] = True
    return _leave(decisions, rows=(needs > 0) & ~kept)


def _fill(needs: Floats, *, day: float) -> Bools:
    """Which touches fit into the day, taken in order; one that is too long is passed over.

    Each round takes the longest run that fits and drops everything longer than what is left, so there are at most as
    many rounds as different lengths.
    """
    taken = np.zeros(len(needs), dtype=np.bool_)
    left, rows = day, np.arange(len(needs))
    while len(rows := rows[needs[rows] <= left]):
        run = int(np.searchsorted(np.cumsum(needs[rows]), left, side="right"))
        taken[rows[:run]] = True
        left -= float(needs[rows[:run]].sum())
        rows = rows[run:]
    return taken


def _leave(decisions: pa.Table, *, rows: Bools) -> pa.Table:
    """The same decisions with nothing suggested in these rows, for want of time."""
    left = pa.array(rows)
    changed = {
        "suggestion": Suggestion.NOTHING.value,
        "channel": None,
        "reason": Reason.CAPACITY.value,
        "minutes": 0.0,
    }
    for name, value in changed.items():
        field = DECISIONS.field(name)
        column = compute.if_else(left, pa.scalar(value, field.type), decisions[name])
        decisions = decisions.set_column(decisions.schema.get_field_index(name), field, column)
    return decisions
