"""On which day a season falls where somebody lives, by the calendar of public holidays of their country."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from rekindle.act.playbooks import Season

# The name a calendar gives the day, and how many days from there the day itself lies.
_NAMES: Final[dict[Season, tuple[tuple[str, int], ...]]] = {
    Season.NEW_YEAR: (("New Year's Day", 0),),
    Season.CHRISTMAS: (("Christmas Day", 0),),
    Season.EASTER: (("Easter Sunday", 0), ("Easter Monday", -1), ("Good Friday", 2)),
}
_SHIFTED: Final = ("observed", "substitute", "second", "in lieu")


@lru_cache(maxsize=512)
def day_of(season: Season, *, country: str, year: int) -> date | None:
    """The day, or None where that country does not keep it, or its calendar is not known.

    New Year's Day is the first of January where no calendar says otherwise: everybody writes the same year.
    """
    named = _calendar(country, year)
    for name, offset in _NAMES[season]:
        for day, title in named:
            if name in title and not any(word in title.lower() for word in _SHIFTED):
                return day + timedelta(days=offset)
    return date(year, 1, 1) if season is Season.NEW_YEAR else None


def countries_on(season: Season, *, countries: Iterable[str], first: date, last: date) -> dict[str, date]:
    """The countries where the season falls on a day from `first` to `last`, and that day."""
    found: dict[str, date] = {}
    for country in countries:
        for year in range(first.year, last.year + 1):
            day = day_of(season, country=country, year=year)
            if day is not None and first <= day <= last:
                found[country] = day
    return found


@lru_cache(maxsize=256)
def _calendar(country: str, year: int) -> tuple[tuple[date, str], ...]:
    import holidays  # brings the calendars of 200 countries

    if len(country) != 2 or country not in holidays.list_supported_countries():
        return ()
    try:
        found = holidays.country_holidays(country, years=year, language="en_US")
    except (NotImplementedError, KeyError, ValueError):
        return ()
    return tuple(sorted((day, str(title)) for day, title in found.items() if day.year == year))
