"""Time with us, counted across lives: who came back has not lost the years before.

Pure: lives in, figures out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rekindle.relationships.models import Episode


@dataclass(frozen=True)
class Tenure:
    """Time with us across all lives. A day on which they left and came back counts once.

    days_with_us  from the first to the last day of every life, up to the day asked for
    away_days     between the lives; the time since the last end is not a gap, it may be the end
    """

    first_day: date
    lives: int
    days_with_us: int
    away_days: int
    is_with_us: bool

    @property
    def years(self) -> int:
        """Whole years of the days with us, of 365.25 days each."""
        return int(self.days_with_us / 365.25)


def tenure_of(lives: Sequence[Episode], *, as_of: date) -> Tenure | None:
    """The tenure over these lives, in order; None where there is none yet."""
    if not lives:
        return None
    with_us = away = 0
    for number, life in enumerate(lives):
        is_last = number + 1 == len(lives)
        over = life.ended_on or (as_of if is_last else life.last_seen_on)
        with_us += max((over - life.began_on).days, 0)
        if not is_last:
            away += max((lives[number + 1].began_on - over).days, 0)
    return Tenure(lives[0].began_on, len(lives), with_us, away, is_with_us=lives[-1].ended_on is None)
