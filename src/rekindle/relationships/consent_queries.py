"""Questions about grounds to write: those of one person, and those that may run out soon.

The clocks of law are worked out above (`workflows.consent_clocks`); here only what could be on such a list is found,
in the database, so that a million people do not have to be read for the few whose ground runs out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from rekindle.relationships.models import Breakup, Consent, DataRequest, Episode, Party


@dataclass(frozen=True)
class Window:
    """A stretch of time, first instant to last, in which a clock must have started to run out when it matters."""

    first: datetime
    last: datetime


def expiring(*, own_day: Window, clocks: Mapping[str, Sequence[Window]]) -> QuerySet[Consent, tuple[Any, ...]]:
    """Grounds that stand and may run out: (id, party, channel, purpose, basis, obtained_at, expires_at).

    own_day  when a ground's own last day must fall
    clocks   when its clock must have started, by basis: one window a length of clock
    Gives more than those: a sign of life may have started the clock again. Never fewer. Each set of windows reads the
    last days of lives and the ends once, however many grounds there are.
    """
    wanted = Q(expires_at__gt=own_day.first, expires_at__lte=own_day.last)
    by_windows: dict[tuple[Window, ...], list[str]] = {}
    for basis, windows in clocks.items():
        by_windows.setdefault(tuple(windows), []).append(basis)
    for windows, bases in by_windows.items():
        lived = Episode.objects.filter(_within("last_seen_on", windows)).values("relationship__party")
        ended = Breakup.objects.filter(_within("ended_on", windows), withdrawn_at=None).values("relationship__party")
        began = Q(party__in=lived) | Q(party__in=ended)
        for window in windows:
            began |= Q(obtained_at__gte=window.first, obtained_at__lte=window.last)
        wanted |= Q(basis__in=bases) & began
    rows = Consent.objects.filter(withdrawn_at=None).filter(wanted)
    return rows.order_by().values_list("id", "party_id", "channel", "purpose", "basis", "obtained_at", "expires_at")


def _within(column: str, windows: Iterable[Window]) -> Q:
    wanted = Q(pk__in=[])
    for window in windows:
        wanted |= Q(**{f"{column}__gte": window.first.date(), f"{column}__lte": window.last.date()})
    return wanted


def names_of(party_ids: Iterable[int]) -> dict[int, str]:
    """What people are called, for the few of one page."""
    return {party.pk: str(party) for party in Party.objects.filter(pk__in=list(party_ids))}


def standing(party: Party) -> list[Consent]:
    """Every word on record of one person, yes and no, by road and purpose."""
    return list(Consent.objects.filter(party=party).order_by("channel", "purpose"))


def requests_open(*, after: tuple[Any, int] | None, limit: int) -> list[DataRequest]:
    """Requests about data that wait for an answer, the soonest due first; `after`: (due_on, id) of the last seen."""
    rows = DataRequest.objects.filter(answered_at=None).select_related("party")
    if after is not None:
        rows = rows.filter(Q(due_on__gt=after[0]) | Q(due_on=after[0], id__gt=after[1]))
    return list(rows.order_by("due_on", "id")[:limit])


def requests_of(party: Party, *, limit: int) -> list[DataRequest]:
    """One person's requests, the newest first."""
    rows = DataRequest.objects.filter(party=party).select_related("answered_by")
    return list(rows.order_by("-asked_at", "-id")[:limit])
