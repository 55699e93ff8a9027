"""When people are best written to, from the history and the books: one person as well as a million.

1. what they did by themselves: visits, purchases, log-ins, use, clicks, replies; never an opened mail, never a machine;
2. the hour and the weekday of each where they live, or at the business where that is not known; what came with a day
   and no hour (midnight sharp) has a weekday alone;
3. leaned on the profile of everybody over the last half year, read once for each state of the history;
4. days between two contacts in the same way, and never more often than they wish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rekindle import home
from rekindle.journal.models.intake import OWN_SOURCE
from rekindle.relationships import wishes
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import EventKind
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import staging, take_in
from rekindle.workflows.fact_places import NAMED_AT_MOST
from rekindle.workflows.occurrences import zone_of
from rekindle.workflows.why_not import business_zone

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from rekindle.observe.history import History

KINDS: Final = tuple(
    kind.value
    for kind in (
        EventKind.VISIT, EventKind.PURCHASE, EventKind.LOGIN, EventKind.USAGE, EventKind.CLICK, EventKind.REPLY,
    )
)  # fmt: skip
"""Signs of life with an hour of their own; an opened mail is none."""
LOOKS_BACK: Final = timedelta(days=730)
EVENTS_OF_ONE: Final = 2_000
"""The newest of one person that are looked at; a habit shows in fewer. Our choice."""
HOUSE_LOOKS_BACK: Final = timedelta(days=183)
_WISHED_DAYS: Final = {HowOften.MONTH: 30.0, HowOften.YEAR: 90.0}
_ROWS: Final = """
    SELECT w.place, occurred_at AT TIME ZONE w.zone AS here, occurred_at, kind, coalesce(channel, '') AS channel
    FROM {source} e JOIN wanted w ON w.party_id = e.party_id WHERE kind IN ({kinds})
        AND e.source IS DISTINCT FROM '{own}'
        AND occurred_at >= getvariable('since')
"""


@dataclass(frozen=True)
class House:
    """What everybody does: counts by hour and weekday, and the usual days between two contacts (NaN: not known)."""

    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    gap_days: float


def pacing_of(party_ids: Sequence[int], *, at: datetime) -> pa.Table:
    """One row a party, in the order asked for, each once.

    Columns: party_id; hour and weekday (int64, -1: not known), hour_chance (float64, NaN), hour_near, hour_seen,
    weekday_near (int64); gap_days (float64, NaN); wished_days (float64, NaN); road (text, "" where they never answered)
    and road_answers (int64); zone (text).
    """
    import numpy as np
    import pyarrow as pa

    from rekindle.act import pacing
    from rekindle.observe.history import History

    asked = list(dict.fromkeys(int(number) for number in party_ids))
    people = _people(asked)
    history = History(home.history_folder())
    n = len(asked)
    hours, weekdays = np.zeros((n, pacing.HOURS), np.int64), np.zeros((n, pacing.DAYS), np.int64)
    own_gap, own_n = np.full(n, np.nan), np.zeros(n, np.int64)
    roads: dict[int, tuple[str, int]] = {}
    wanted = pa.table(
        {
            "place": pa.array(range(n), pa.int64()),
            "party_id": pa.array(asked, pa.int64()),
            "zone": [people[number][0] for number in asked],
        }
    )
    with staging.columns() as db:
        db.register("wanted", wanted)
        _rows(db, history, asked, at=at)
        for place, hour, count in db.execute(_HOURS).fetchall():
            hours[place, hour] = count
        for place, day, count in db.execute(_WEEKDAYS).fetchall():
            weekdays[place, day] = count
        for place, gap, count in db.execute(_GAPS).fetchall():
            own_gap[place], own_n[place] = gap, count
        for place, road, count in db.execute(_ROADS).fetchall():
            roads.setdefault(place, (road, count))
    house = house_now(history, at=at)
    found = pacing.paces(hours, weekdays, house_hours=np.array(house.hours), house_weekdays=np.array(house.weekdays))
    gaps = pacing.gaps(own_gap, own_n, house_median=house.gap_days)
    return pa.table(
        {
            "party_id": pa.array(asked, pa.int64()),
            "hour": found.hour, "hour_chance": found.hour_chance, "hour_near": found.hour_near,
            "hour_seen": found.hour_seen, "weekday": found.weekday, "weekday_near": found.weekday_near,
            "weekday_seen": weekdays.sum(axis=1), "gap_days": gaps, "gap_seen": own_n,
            "wished_days": np.array([people[number][1] for number in asked], np.float64),
            "road": [roads.get(place, ("", 0))[0] for place in range(n)],
            "road_answers": pa.array([roads.get(place, ("", 0))[1] for place in range(n)], pa.int64()),
            "zone": [people[number][0] for number in asked],
        }
    )  # fmt: skip


def house_now(history: History, *, at: datetime) -> House:
    """The profile of everybody over the last half year, read once a state of the history and a month."""
    version = history.version()
    if version is None:
        return House((0,) * 24, (0,) * 7, float("nan"))
    month = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return _house(str(home.history_folder()), version, month, str(business_zone()), tuple(take_in.hidden_loads()))


@lru_cache(maxsize=8)
def _house(_folder: str, _version: int, month: datetime, zone: str, hidden: tuple[int, ...]) -> House:
    from rekindle.observe.history import History

    history = History(home.history_folder())
    with staging.columns() as db:
        history.relation(
            db, before=month + timedelta(days=32), since=month - HOUSE_LOOKS_BACK, without=hidden, name="everybody"
        )
        db.execute("SET VARIABLE zone = ?", [zone])
        db.execute(
            "CREATE TEMP TABLE mine AS SELECT party_id AS place, occurred_at AT TIME ZONE getvariable('zone') AS here, "  # noqa: S608
            f"occurred_at FROM everybody WHERE kind IN ({_quoted()})"
        )
        hours, weekdays = [0] * 24, [0] * 7
        for hour, count in db.execute(
            f"SELECT hour(here), count(*) FROM mine WHERE {_HAS_AN_HOUR} GROUP BY 1"  # noqa: S608  own words
        ).fetchall():
            hours[hour] = count
        for day, count in db.execute("SELECT isodow(here) - 1, count(*) FROM mine GROUP BY 1").fetchall():
            weekdays[day] = count
        found = db.execute(f"SELECT median(gap), count(*) FROM ({_GAPS})").fetchone()  # noqa: S608  own words
    gap = float(found[0]) if found and found[0] is not None else float("nan")
    return House(tuple(hours), tuple(weekdays), gap)


_HAS_AN_HOUR: Final = "occurred_at <> date_trunc('day', occurred_at) AND here <> date_trunc('day', here)"
_HOURS: Final = f"SELECT place, hour(here), count(*) FROM mine WHERE {_HAS_AN_HOUR} GROUP BY ALL"  # noqa: S608
_WEEKDAYS: Final = "SELECT place, isodow(here) - 1, count(*) FROM mine GROUP BY ALL"
_GAPS: Final = """
    SELECT place, median(gap) AS gap, count(*) AS n FROM (
        SELECT place, date_diff('day', lag(day) OVER (PARTITION BY place ORDER BY day), day) AS gap
        FROM (SELECT DISTINCT place, here::DATE AS day FROM mine)
    ) WHERE gap IS NOT NULL GROUP BY place
"""
_ROADS: Final = """
    SELECT place, channel, count(*) AS n FROM mine WHERE kind IN ('click', 'reply') AND channel <> ''
    GROUP BY ALL ORDER BY place, n DESC, channel
"""


def _rows(db: duckdb.DuckDBPyConnection, history: History, asked: Sequence[int], *, at: datetime) -> None:
    """The table `mine`: what each did by themselves, with the hour it was where they live."""
    db.register("from_books", _from_books(asked, at=at))
    sources = ["from_books"]
    if history.version() is not None:
        if len(asked) <= NAMED_AT_MOST:
            import pyarrow as pa

            hidden = take_in.hidden_loads()
            parts = [history.of(number, before=at, limit=EVENTS_OF_ONE, without=hidden) for number in asked]
            if parts:
                db.register("from_history", pa.concat_tables(parts).select(_COLUMNS))
                sources.append("from_history")
        else:
            history.relation(db, before=at, since=at - LOOKS_BACK, without=take_in.hidden_loads(), name="from_history")
            sources.append("from_history")
    db.execute("SET VARIABLE since = ?", [at - LOOKS_BACK])
    rows = " UNION ALL ".join(_ROWS.format(source=source, kinds=_quoted(), own=OWN_SOURCE) for source in sources)
    db.execute(f"CREATE TEMP TABLE mine AS {rows}")


_COLUMNS: Final = ["party_id", "occurred_at", "kind", "channel", "source"]


def _from_books(asked: Sequence[int], *, at: datetime) -> pa.Table:
    """Clicks by people and replies, as the outbox heard of them; the history has them again, from our own loads."""
    import pyarrow as pa

    from rekindle.journal.models import Click, Inbound, InboundKind

    since = at - LOOKS_BACK
    clicks = Click.objects.filter(is_machine=False, at__gte=since, at__lt=at, message__party__isnull=False)
    replies = Inbound.objects.filter(kind=InboundKind.REPLY.value, occurred_at__gte=since, occurred_at__lt=at)
    if len(asked) <= NAMED_AT_MOST:
        clicks, replies = clicks.filter(message__party__in=asked), replies.filter(party__in=asked)
    rows = [(party, when, "click", "email", None) for party, when in clicks.values_list("message__party", "at")]
    rows += [
        (party, when, "reply", "email", None)
        for party, when in replies.exclude(party=None).values_list("party", "occurred_at")
    ]
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[], [], [], [], []]
    kinds = (pa.int64(), pa.timestamp("us", tz="UTC"), pa.string(), pa.string(), pa.string())
    return pa.table({n: pa.array(c, k) for n, c, k in zip(_COLUMNS, columns, kinds, strict=True)})


def _people(asked: Sequence[int]) -> dict[int, tuple[str, float]]:
    """{party: (zone, the days they wish between two touches; NaN where they said nothing)}"""
    business = business_zone()
    rows = Party.objects.only("pk", "time_zone", "extra")
    rows = rows.filter(pk__in=list(asked)) if len(asked) <= NAMED_AT_MOST else rows
    zones: dict[str, str] = {}
    found: dict[int, tuple[str, float]] = {}
    for party in rows.iterator(chunk_size=20_000):
        if party.time_zone not in zones:
            zones[party.time_zone] = str(zone_of(party, otherwise=business))
        wish = wishes.how_often(party.extra)
        found[party.pk] = (zones[party.time_zone], _WISHED_DAYS[wish] if wish else float("nan"))
    return {number: found.get(number, (str(business), float("nan"))) for number in asked}


def _quoted() -> str:
    return ", ".join(f"'{kind}'" for kind in KINDS)
