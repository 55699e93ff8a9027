"""What each life brought and at what pace, for people who have had more than one: nothing is carried over a return.

    money of a life     amounts from its first day on, up to the day before the next life begins; what lies before
                        the first life (a payment before the first visit) belongs to the first
    mean of repeats     as in the summary, its first day left out
    usual pause         of the pauses within the life; the absence before it is none
People with one life are not here: their summary says it all.
"""

from __future__ import annotations

from datetime import date

import duckdb
import ibis
import numpy as np
import pyarrow as pa

from rekindle.understand import features
from rekindle.understand.features import Pulse
from rekindle.understand.rhythm import own_rhythm

BY_LIFE = pa.schema(
    [
        ("party_id", pa.int64()),
        ("number", pa.int32()),
        ("money_minor", pa.int64()),
        ("money_mean_minor", pa.float64()),
        ("usual_gap", pa.float64()),
    ]
)
"""One row a life of a person with several, by party and number. The mean is null where no repeat day brought
anything, the pause where there are too few. Amounts of several currencies are added up as they stand: the summary's
currency is null for such a person, and nothing may be said of their money."""


def by_life(
    con: duckdb.DuckDBPyConnection, events_view: str, lives: pa.Table, *, as_of: date, pulse: Pulse, time_zone: str
) -> pa.Table:
    """BY_LIFE of the people with several lives.

    lives   party_id, number, began; sorted by party and number, numbers from 1
    """
    of = lives["party_id"].to_numpy()
    several = np.zeros(len(of), dtype=bool)
    if len(of):
        again = np.asarray(of[1:] == of[:-1])
        several = np.append(again, False) | np.append(False, again)
    wanted = lives.filter(pa.array(several)).select(["party_id", "number", "began"])
    if not wanted.num_rows:
        return BY_LIFE.empty_table()
    con.execute(f"CREATE OR REPLACE TEMP MACRO rekindle_local_us(instant_us) AS {_clock(time_zone, as_of)}")
    begun = pa.table(
        {
            "party_id": wanted["party_id"],
            "number": wanted["number"],
            "began": wanted["began"].cast(pa.int32()),
        }
    )
    con.register("lives_begun", begun)
    try:
        counted = con.sql(_counted(events_view, as_of=as_of, pulse=pulse, time_zone=time_zone)).to_arrow_table()
    finally:
        con.unregister("lives_begun")
    return _shaped(counted)


def _clock(time_zone: str, as_of: date) -> str:
    return features.clock(time_zone, until=as_of)


def _counted(events_view: str, *, as_of: date, pulse: Pulse, time_zone: str) -> str:
    """SQL of the sums of every life that was begun."""
    events = features.seen(events_view, as_of=as_of, time_zone=time_zone)
    people = ibis.table({"party_id": "int64", "number": "int32", "began": "int32"}, name="lives_begun")
    rows = events.filter(events.kind.isin(sorted({*pulse.kinds, *pulse.money_kinds}))).semi_join(people, "party_id")
    rows = features.dated(rows)
    days = rows.group_by("party_id", "day").agg(
        pulse=rows.kind.isin(list(pulse.kinds)).cast("int32").max(),
        money=rows.kind.isin(list(pulse.money_kinds)).ifelse(rows.amount_minor, ibis.null("int64")).sum(),
    )
    # Where the sign of life is itself a payment a repeat is such a day; else all money after the first day counts,
    # and every further sign of life is a day.
    paid = "pulse = 1 AND gap IS NOT NULL AND money IS NOT NULL" if pulse.carries_money else "FALSE"
    repeat_money = f"money) FILTER ({paid}" if pulse.carries_money else "money) FILTER (day > began"
    repeat_days = paid if pulse.carries_money else "pulse = 1 AND gap IS NOT NULL"
    return f"""
        WITH days AS ({ibis.to_sql(days, dialect="duckdb", pretty=False)}),
        placed AS (
            SELECT days.*, COALESCE(begun.number, 1) AS number, COALESCE(begun.began, days.day) AS began
            FROM days ASOF LEFT JOIN lives_begun AS begun
            ON days.party_id = begun.party_id AND days.day >= begun.began
        ),
        gaps AS (
            SELECT *, CASE WHEN pulse = 1 THEN
                day - lag(day) OVER (PARTITION BY party_id, number, pulse ORDER BY day) END AS gap
            FROM placed
        )
        SELECT party_id, number,
            COALESCE(sum(money), 0)::BIGINT AS money_minor,
            COALESCE(sum({repeat_money}), 0)::BIGINT AS repeat_money_minor,
            count(*) FILTER ({repeat_days}) AS repeat_money_days,
            count(gap) AS repeats,
            COALESCE(sum(gap), 0)::BIGINT AS gap_sum,
            COALESCE(sum(round(ln(gap) * 1000000)::BIGINT), 0)::BIGINT AS gap_log_micro
        FROM gaps GROUP BY party_id, number ORDER BY party_id, number
    """  # noqa: S608  # own names


def _shaped(counted: pa.Table) -> pa.Table:
    names = ("repeat_money_minor", "repeat_money_days", "repeats", "gap_sum", "gap_log_micro")
    money, days, repeats, gap_sum, gap_log = (
        np.asarray(counted[name].to_numpy(zero_copy_only=False), dtype=np.int64) for name in names
    )
    usual, _q95, _k = own_rhythm(repeats, gap_sum=gap_sum, gap_log_micro=gap_log)
    known = (days > 0) & (money > 0)
    return pa.table(
        {
            "party_id": counted["party_id"],
            "number": counted["number"].cast(pa.int32()),
            "money_minor": counted["money_minor"].cast(pa.int64()),
            "money_mean_minor": pa.array(money / np.where(known, days, 1), mask=~known),
            "usual_gap": pa.array(usual, mask=np.isnan(usual)),
        },
        schema=BY_LIFE,
    )
