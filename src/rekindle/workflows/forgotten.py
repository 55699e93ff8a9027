"""Who asked to be forgotten stays forgotten: a load that brings them again leaves their rows out.

Nothing of them is kept but a keyed hash of each address and number, so a row is known by its hash alone. Runs in the
dry run of a load, before anything counts or numbers its people; the refusal is counted and its value written nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rekindle.relationships.models import Suppression, suppression_hash
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import staging

if TYPE_CHECKING:
    import pyarrow as pa

REASON: Final = "asked to be forgotten"
"""In `Suppression.reason` it marks a hash that also keeps loads out; in a load's counts it is the refusal."""

KEYS: Final = {"who": IdentityKind.EXTERNAL, "email": IdentityKind.EMAIL, "phone": IdentityKind.PHONE}
"""The columns of staged rows that say who somebody is."""


def leave_out(place: staging.Folder, counts: dict[str, Any], *, source: str) -> dict[str, Any]:
    """Take the rows of forgotten people out of the staged files; gives the counts with what was refused for it."""
    import pyarrow.parquet as pq

    hashes = frozenset(Suppression.objects.filter(reason=REASON).values_list("key_hash", flat=True))
    if not hashes:
        return counts
    refused = 0
    counted = set(place.kept())
    for path in [*sorted(place.path.glob("kept-*.parquet")), place.path / "lines.parquet"]:
        if not path.exists():
            continue
        rows = pq.read_table(path)
        stay = _not_forgotten(rows, hashes, source=source)
        if stay.num_rows < rows.num_rows:
            refused += (rows.num_rows - stay.num_rows) if path in counted else 0
            draft = path.with_suffix(".draft")
            pq.write_table(stay, draft, compression="lz4")
            draft.replace(path)
    if not refused:
        return counts
    reasons = {**counts["reasons"], REASON: counts["reasons"].get(REASON, 0) + refused}
    return {**counts, "refused": counts["refused"] + refused, "reasons": reasons}


def _not_forgotten(rows: pa.Table, hashes: frozenset[str], *, source: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, kind in KEYS.items():
        if name not in rows.column_names:
            continue
        known = [value for value in pc.unique(rows[name]).to_pylist() if value]
        gone = [value for value in known if suppression_hash(kind, _normal(kind, value), source=source) in hashes]
        if gone:
            rows = rows.filter(pc.invert(pc.is_in(rows[name], value_set=pa.array(gone, pa.string()))))
    return rows


def _normal(kind: IdentityKind, value: str) -> str:
    return value.lower() if kind is IdentityKind.EMAIL else value
