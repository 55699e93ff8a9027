"""Lines of invoices gathered into one event an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from rekindle.observe import amounts
from rekindle.observe.plans import quoted

# Groups beyond this go to disk beside the output, so that any number of lines fits the memory of a small host.
MEMORY = "192MB"


def gather_lines(parts: Sequence[Path], *, out: Path) -> int:
    """Gather kept event rows into one event for each customer and reference; gives the number of events.

    parts   Parquet files with the kept schema of events
    out     Parquet file to write, same schema
    Lines are summed exactly and rounded once; the event has the earliest time, the summed quantity, the reference as
    event_id, and is a refund where money goes back. Rows without a reference stay events of their own. A reference
    used by two customers (or in two currencies, or for two kinds of event) gives an event each, and their event_ids
    are then told apart by the customer.
    """
    con = duckdb.connect()
    try:
        con.execute(f"set memory_limit = '{MEMORY}'")
        con.execute("set temp_directory = ?", [str(out.parent / f".{out.name}.spill")])
        con.execute("set preserve_insertion_order = false")
        con.execute("set TimeZone = 'UTC'")
        con.read_parquet([str(part) for part in parts]).create_view("line")
        con.execute(f"copy ({_SQL}) to {quoted(str(out))} (format parquet, compression zstd)")
        return int(pq.read_metadata(out).num_rows)
    finally:
        con.close()


# `unit` is what one event is: money of one currency, of one kind; purchases and refunds are one kind until summed.
_FACTOR = amounts.sql_minor_factor("currency")
_SQL = """
with grouped as (
    select coalesce('w' || who, 'e' || lower(email), 'p' || phone) as party, ref, currency,
        case when kind in ('purchase', 'refund') then 'purchase' else kind end as unit,
        min(file) as file, arg_min(row, (file, row)) as row, any_value(who) as who, any_value(email) as email,
        any_value(phone) as phone, any_value(name) as name, min(occurred_at) as occurred_at,
        cast(sum(amount) as decimal(38,6)) as amount, sum(quantity) as quantity, any_value(channel) as channel,
        case when min(properties) = max(properties) and count(properties) = count(*) then min(properties) end
            as properties
    from line where ref is not null group by all
), kinds as (
    select *,
        case when unit = 'purchase' and (amount < 0 or (ref like 'C%' and quantity < 0)) then 'refund' else unit end
        as kind, count(*) over (partition by ref) > 1 as shared
    from grouped
)
select file::integer as file, row::bigint as row, who, email, phone, name, occurred_at, kind,
    cast(round(amount * $factor) as bigint) as amount_minor, amount, currency, quantity,
    channel, ref, case when shared then concat_ws('/', ref, substr(party, 2), currency, unit) else ref end as event_id,
    properties
from kinds
union all by name
select file::integer as file, row::bigint as row, who, email, phone, name, occurred_at, kind, amount_minor, amount,
    currency, quantity, channel, ref, event_id, properties
from line where ref is null
""".replace("$factor", _FACTOR)
