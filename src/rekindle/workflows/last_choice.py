"""What the last night chose for one person, and what each choice rests on.

Apart from the step that decides, so that a page about one person does not load the engine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rekindle import home
from rekindle.journal.models import Decision, Night, NightState
from rekindle.relationships.models import Relationship

if TYPE_CHECKING:
    import pyarrow as pa


def last_choice(relationship: Relationship) -> Decision | None:
    """What the last finished night chose for one relationship, from its snapshot; not a row of the books.

    None before the first night, and for somebody who came after it.
    """
    night = Night.objects.filter(state=NightState.DONE.value).order_by("-ended_at", "-id").first()
    if night is None:
        return None
    import pyarrow.parquet as pq

    path = home.night_folder(night.pk) / "decisions.parquet"
    if not path.exists():
        return None
    rows = pq.read_table(path, filters=[("party_id", "=", relationship.party_id)])
    if not rows.num_rows:
        return None
    row = rows.to_pylist()[0]
    return Decision(
        relationship=relationship,
        as_of=night.as_of,
        night=night.pk,
        suggestion=row["suggestion"],
        channel=row["channel"] or "",
        reason=row["reason"],
        evidence=json.loads(evidence(rows)[0]),
        value_at_stake_minor=None if row["at_stake"] is None else round(row["at_stake"]),
        currency=relationship.brand.currency,
        rank=row["rank"],
        wanted=row["wished"] or "",
        refusal=row["refusal"] or "",
        refused_until=row["refusal_until"],
    )


def evidence(rows: pa.Table) -> list[str]:
    """What each choice rests on, for replaying and for the sentence that tells it."""
    columns = ["until", "stake_basis", "worth", "ground"]
    texts = []
    for until, basis, gain, ground in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        facts = {
            "until": until.isoformat() if until else None,
            "stake_basis": basis,
            "worth": None if gain is None else round(gain),
            "ground": ground,
        }
        texts.append(json.dumps({key: value for key, value in facts.items() if value is not None}))
    return texts
