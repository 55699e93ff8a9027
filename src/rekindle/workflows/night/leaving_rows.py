"""What the hazard looks at: the same columns for the past, period by period, and for everybody tonight.

    age_days                days since this life began
    life_number             1 for a first life
    first_channel           where they came from: a channel of their first day, the first in the alphabet
    first_amount            money of their first day, minor units
    <kind>_30, <kind>_90    days with such an event in the last 30 and 90
    <kind>_days_since       days since the last one in this life; none while there was none
    <kind>_amount           the last amount of that kind, minor units

For the past they are made by `understand.person_periods` out of every day of a sample; for tonight by DuckDB over
everybody, since a million histories need not be held at once. Both give the same values (a test compares them).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.relationships.models import Brand
from rekindle.relationships.vocabulary import EventKind
from rekindle.understand import features
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.person_periods import WINDOWS, Dated, Past
from rekindle.workflows.night.ends import DAY_BITS, DAY_ZERO
from rekindle.workflows.night.reading import floats, ordinal

if TYPE_CHECKING:
    import duckdb

MOST_KINDS: Final = 10  # the most frequent; our choice, so that a night over odd data stays a night
FEWEST_OF_A_KIND: Final = 100  # days with it in the sample: rarer kinds teach nothing that lasts
MOST_CHANNELS: Final = 20  # the others are one level
OTHER: Final = "another"
OUTCOMES: Final = {EventKind.ENDED.value, EventKind.CANCEL_NOTICE.value, EventKind.RETURNED.value}
"""Words about the end itself: to foretell an end from its own notice would be no foretelling."""
_AMOUNT_BITS: Final = 37  # a minute (to the year 2097) and an amount (to 10^9 euros) share one integer
_MOST_AMOUNT: Final = (1 << _AMOUNT_BITS) - 1
_CODE: Final = (
    f"CASE WHEN amount_minor >= 0 THEN epoch_us(occurred_at) // 60000000 * {_MOST_AMOUNT + 1}"
    f" + least(amount_minor, {_MOST_AMOUNT}) END"
)
"""The greatest of these holds the amount of the latest minute, of several the largest: in whatever order they come."""
_LOCAL_DAY: Final = f"rekindle_local_us(epoch_us(occurred_at)) // {features.MICROSECONDS_PER_DAY}"


@dataclass(frozen=True)
class Columns:
    """kinds counted; those of them whose amounts are known; channels told apart; the kinds that carry money."""

    kinds: list[str]
    paid: list[str]
    channels: list[str]
    money: list[str]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @property
    def names(self) -> list[str]:
        """In the order of `person_periods`."""
        fixed = ["life_number", "first_channel", *(["first_amount"] if self.paid else [])]
        counted = [f"{kind}_{what}" for kind in self.kinds for what in (*map(str, WINDOWS), "days_since")]
        return ["age_days", *fixed, *[f"{kind}_amount" for kind in self.paid], *counted]


@dataclass(frozen=True)
class Sampled:
    """Days with events of the sampled `parties`: (m,) sorted by party and day.

    which   (m,) place in `kind`
    amount  (m,) the day's last amount of the kind, money what its kinds of money add up to, NaN where none is known
    """

    parties: Ints
    party: Ints
    day: Ints
    kind: list[str]
    which: Ints
    amount: Floats
    money: Floats
    channel: pa.StringArray
    is_one_currency: bool


def set_clock(db: duckdb.DuckDBPyConnection, *, brand: Brand, as_of: date) -> None:
    """Teach the connection the business's local days."""
    db.execute(
        "CREATE OR REPLACE TEMP MACRO rekindle_local_us(instant_us) AS " + features.clock(brand.time_zone, until=as_of)
    )


def sampled_days(
    db: duckdb.DuckDBPyConnection,
    view: str,
    *,
    parties: Ints,
    brand: Brand,
    as_of: date,
    money: list[str],
    one_in: int,
) -> Sampled:
    """Every day with an event of one in so many of these parties, the same ones every night."""
    set_clock(db, brand=brand, as_of=as_of)
    db.register("life_parties", pa.table({"party_id": np.unique(parties)}))
    everybody = ibis.table({"party_id": "int64"}, name="life_parties")
    some = everybody.filter(features.in_sample(everybody.party_id, keep=1, of=one_in))
    db.execute(f"CREATE OR REPLACE TEMP TABLE sampled_parties AS {ibis.to_sql(some, dialect='duckdb')}")
    found = db.sql(
        f"""
        SELECT party_id, kind, CAST({_LOCAL_DAY} AS INTEGER) AS day, max({_CODE}) & {_MOST_AMOUNT} AS amount,
               CAST(sum(amount_minor) FILTER (kind IN ({_texts(money)})) AS DOUBLE) AS money, min(channel) AS channel,
               min(currency) AS currency_least, max(currency) AS currency_most
        FROM {view} SEMI JOIN sampled_parties USING (party_id) WHERE kind NOT IN ({_texts(sorted(OUTCOMES))})
        GROUP BY ALL ORDER BY party_id, day, kind"""  # noqa: S608  # own names; texts are quoted
    ).to_arrow_table()
    sampled = db.sql("SELECT party_id FROM sampled_parties ORDER BY party_id").to_arrow_table()
    coded = found["kind"].combine_chunks().dictionary_encode()
    currencies = {pc.min(found["currency_least"]).as_py(), pc.max(found["currency_most"]).as_py()}
    return Sampled(
        parties=sampled["party_id"].to_numpy(),
        party=found["party_id"].to_numpy(),
        day=found["day"].to_numpy().astype(np.int64),
        kind=coded.dictionary.to_pylist(),
        which=coded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        amount=floats(found["amount"]),
        money=floats(found["money"]),
        channel=found["channel"].combine_chunks(),
        is_one_currency=len(currencies) == 1 and None not in currencies,
    )


def columns_of(sample: Sampled, *, money: list[str]) -> Columns:
    """What is frequent enough to look at."""
    n = np.bincount(sample.which, minlength=len(sample.kind))
    order = [int(k) for k in np.argsort(-n, kind="stable") if n[k] >= FEWEST_OF_A_KIND][:MOST_KINDS]
    known = np.bincount(sample.which, weights=np.isfinite(sample.amount), minlength=len(sample.kind))
    paid = [sample.kind[k] for k in order if sample.kind[k] in money and known[k] > n[k] / 2 and sample.is_one_currency]
    counted = pc.value_counts(sample.channel.drop_null())
    times = sorted(counted.to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    channels = sorted(one["values"] for one in times[:MOST_CHANNELS])
    return Columns([sample.kind[k] for k in order], paid, channels, money)


def past_of(sample: Sampled, columns: Columns, *, party: Ints, began: Ints, number: Ints) -> Past:
    """What may be looked up about these lives, sorted by party and beginning.

    party, began, number   (n,) of each life
    """
    starts = (party << DAY_BITS) | (began + DAY_ZERO)
    life = np.searchsorted(starts, (sample.party << DAY_BITS) | (sample.day + DAY_ZERO), side="right") - 1
    own = (life >= 0) & (party[np.maximum(life, 0)] == sample.party) if len(party) else np.zeros(len(life), bool)
    life = np.maximum(life, 0)
    fixed: dict[str, Any] = {"life_number": number.astype(np.float64)}
    first = own & (sample.day == began[life]) if len(party) else own
    fixed["first_channel"] = _first_channel(sample, columns, life, first, len(party))
    if columns.paid:
        spent = np.zeros(len(party))
        told = np.zeros(len(party), bool)
        with_money = first & np.isfinite(sample.money)
        np.add.at(spent, life[with_money], sample.money[with_money])
        told[life[with_money]] = True
        fixed["first_amount"] = np.where(told, spent, np.nan)
    known, counted = {}, {}
    for kind in columns.kinds:
        rows = np.flatnonzero(own & (sample.which == sample.kind.index(kind)))
        counted[kind] = Dated(life[rows], sample.day[rows])
        if kind in columns.paid:
            priced = rows[np.isfinite(sample.amount[rows])]
            known[f"{kind}_amount"] = Dated(life[priced], sample.day[priced], sample.amount[priced])
    return Past(counted=counted, known=known, fixed=fixed)


def _first_channel(sample: Sampled, columns: Columns, life: Ints, first: Any, n: int) -> np.ndarray[Any, Any]:
    """(n,) object: the channel of each life's first day, `another` for a rare one, None where none is told."""
    rows = np.flatnonzero(first & pc.is_valid(sample.channel).to_numpy(zero_copy_only=False))
    said, code = np.unique(sample.channel.take(pa.array(rows)).to_pylist(), return_inverse=True)
    told = np.full(n, len(said), dtype=np.int64)
    np.minimum.at(told, life[rows], code)
    common = set(columns.channels)
    return np.array([*(str(name) if name in common else OTHER for name in said), None], dtype=object)[told]


def tonight(
    db: duckdb.DuckDBPyConnection, view: str, columns: Columns, *, running: pa.Table, brand: Brand, as_of: date
) -> pa.Table:
    """One row a running life, by party: its columns for the period from tomorrow, and `money_365`.

    running    (party_id, number, began) of lives that go on
    money_365  net money of this life in the last 365 days, minor units; null where no amount is known
    """
    set_clock(db, brand=brand, as_of=as_of)
    db.register("running_lives", _with_instants(running, brand=brand))
    quoted = {"view": view, "outcomes": _texts(sorted(OUTCOMES)), "money": _texts(columns.money)}
    try:
        year = features.day_start(as_of - timedelta(days=364), time_zone=brand.time_zone)
        db.execute(_LATEST.format(**quoted, code=_CODE, year=_instant(year)))
        recent = features.day_start(as_of - timedelta(days=max(WINDOWS) - 1), time_zone=brand.time_zone)
        db.execute(_LATELY.format(**quoted, day=_LOCAL_DAY, recent=_instant(recent), kinds=_texts(columns.kinds)))
        return db.sql(_tonight_sql(columns, tomorrow=features.day_number(as_of) + 1)).to_arrow_table()
    finally:
        db.execute("DROP TABLE IF EXISTS latest")
        db.execute("DROP TABLE IF EXISTS lately")
        db.unregister("running_lives")


_LATEST: Final = """
    CREATE OR REPLACE TEMP TABLE latest AS
    SELECT e.party_id, e.kind, max(occurred_at) AS occurred_at, max({code}) AS code,
           sum(amount_minor) FILTER (e.kind IN ({money}) AND occurred_at >= {year}) AS money_365,
           min(channel) FILTER (occurred_at < r.second_at) AS channel,
           sum(amount_minor) FILTER (e.kind IN ({money}) AND occurred_at < r.second_at) AS first_amount
    FROM {view} e JOIN running_lives r ON e.party_id = r.party_id AND e.occurred_at >= r.began_at
    WHERE e.kind NOT IN ({outcomes})
    GROUP BY e.party_id, e.kind"""
"""One row a party and kind, of the current life."""

_LATELY: Final = """
    CREATE OR REPLACE TEMP TABLE lately AS
    SELECT DISTINCT e.party_id, e.kind, CAST({day} AS INTEGER) AS day
    FROM {view} e JOIN running_lives r ON e.party_id = r.party_id AND e.occurred_at >= r.began_at
    WHERE e.occurred_at >= {recent} AND e.kind IN ({kinds})"""
"""One row a party, kind and day within the longest window."""


def _tonight_sql(columns: Columns, *, tomorrow: int) -> str:
    """The columns in their order out of `latest` and `lately`."""
    of_last, of_window, shown = [], [], []
    for kind in columns.paid:
        of_last.append(f"max(code) FILTER (kind = {_text(kind)}) & {_MOST_AMOUNT} AS {_name(kind, 'amount')}")
        shown.append(f"CAST(l.{_name(kind, 'amount')} AS DOUBLE) AS {_name(kind, 'amount')}")
    for kind in columns.kinds:
        for window in WINDOWS:
            name = _name(kind, str(window))
            of_window.append(f"count(*) FILTER (kind = {_text(kind)} AND day >= {tomorrow - window}) AS {name}")
            shown.append(f"CAST(coalesce(w.{name}, 0) AS INTEGER) AS {name}")
        name = _name(kind, "days_since")
        of_last.append(f"CAST({tomorrow} - max({_LOCAL_DAY}) FILTER (kind = {_text(kind)}) AS INTEGER) AS {name}")
        shown.append(f"l.{name}")
    common = _texts(columns.channels)
    first = ["CAST(r.number AS INTEGER) AS life_number", _FIRST_CHANNEL.format(common=common, other=_text(OTHER))]
    if columns.paid:
        first.append("CAST(l.first_amount AS DOUBLE) AS first_amount")
    return f"""
        SELECT r.party_id, CAST({tomorrow} - r.began_day AS INTEGER) AS age_days, {", ".join([*first, *shown])},
               CAST(l.money_365 AS DOUBLE) AS money_365
        FROM running_lives r
        LEFT JOIN (SELECT party_id, min(channel) AS channel, sum(first_amount) AS first_amount,
                          sum(money_365) AS money_365{"".join(", " + one for one in of_last)}
                   FROM latest GROUP BY party_id) l ON l.party_id = r.party_id
        LEFT JOIN (SELECT party_id{"".join(", " + one for one in of_window)}
                   FROM lately GROUP BY party_id) w ON w.party_id = r.party_id
        ORDER BY r.party_id"""  # noqa: S608  # own names; texts are quoted


_FIRST_CHANNEL: Final = (
    "CASE WHEN l.channel IS NULL THEN NULL WHEN l.channel IN ({common}) THEN l.channel ELSE {other} END "
    "AS first_channel"
)


def _with_instants(running: pa.Table, *, brand: Brand) -> pa.Table:
    """The lives with the first instants of their first and second day."""
    began = ordinal(running["began"])
    different, which = np.unique(began, return_inverse=True)

    def instants(later: int) -> pa.Array:
        starts = [
            features.day_start(features.EPOCH + timedelta(days=int(day) + later), time_zone=brand.time_zone)
            for day in different
        ]
        return pa.array(starts, pa.timestamp("us", "UTC")).take(pa.array(which))

    return pa.table(
        {
            "party_id": running["party_id"],
            "number": running["number"],
            "began_day": pa.array(began),
            "began_at": instants(0),
            "second_at": instants(1),
        }
    )


def _name(kind: str, what: str) -> str:
    """A column's name in SQL; kinds are words of the user."""
    return '"' + f"{kind}_{what}".replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: list[str]) -> str:
    """A list for IN; never empty, for SQL knows no empty list."""
    return ", ".join(_text(value) for value in values) or "NULL"


def _instant(at: datetime) -> str:
    return f"TIMESTAMPTZ '{at.isoformat()}'"
