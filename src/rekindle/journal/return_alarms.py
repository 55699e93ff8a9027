"""Returned, and a second leaving shows: the watch over the first quarter after a return.

A return keeps the stage phoenix for its first 90 days whatever the signs say, so the watch looks at the signs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from rekindle.journal.models import CautionSign
from rekindle.relationships.models import SafeReturn
from rekindle.relationships.return_queries import watched, with_people
from rekindle.relationships.vocabulary import Stage


def alarms(as_of: date, *, limit: int) -> list[SafeReturn]:
    """Watched returns that show a caution sign or a presumed end, the newest return first; with the people."""
    return list(with_people(_alarmed(watched(as_of))).order_by("-returned_on", "-pk")[:limit])


def alarmed_among(relationship_ids: Iterable[int], *, as_of: date) -> set[int]:
    """Which of these relationships are watched after a return and show a sign: they come first in Today."""
    rows = _alarmed(watched(as_of).filter(relationship_id__in=list(relationship_ids)))
    return set(rows.values_list("relationship_id", flat=True))


def _alarmed(rows: QuerySet[SafeReturn]) -> QuerySet[SafeReturn]:
    signs = CautionSign.objects.filter(relationship=OuterRef("relationship"), cleared_on=None)
    at_risk = [Stage.AT_RISK.value, Stage.PRESUMED_BREAKUP.value]
    return rows.filter(Q(relationship__stage__in=at_risk) | Exists(signs))
