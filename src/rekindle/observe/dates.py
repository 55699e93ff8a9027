"""Which way a column writes its dates, found from all its values, and the SQL that reads them.

A reading is a tuple of formats tried in turn: "iso", "epoch_s", "epoch_ms" or a strptime pattern. Day and month are
never guessed where the values leave it open: one value with a day over 12 settles it, else the user is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from rekindle.observe.readers.values import BLANKS

EARLIEST = "1970-01-01"
_TIMES = {"": "", "N:N": "%H:%M", "N:N:N": "%H:%M:%S", "N:N:N.N": "%H:%M:%S.%f", "N:N:N.Y": "%H:%M:%S.%f"}
_NUMERIC = re.compile(r"^N([./-])N\1(Y|N)$")
_NAMED = {
    "N M Y": ("%d {month} %Y",), "N-M-Y": ("%d-{month}-%Y",), "N/M/Y": ("%d/{month}/%Y",), "N-M-N": ("%d-{month}-%y",),
    "N. M Y": ("%d. {month} %Y",), "M N, Y": ("{month} %d, %Y",), "M N Y": ("{month} %d %Y",),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """One way of writing seen in a column. `first`, `second` are the largest leading numbers, None where not two."""

    shape: str
    count: int
    first: int | None
    second: int | None
    example: str


@dataclass(frozen=True)
class DateReading:
    """How a column's dates are read.

    formats   tried in this order; empty where `problem` says why
    example   one value as it stands in the file
    problem   what the user must say first, None when all is clear
    """

    formats: tuple[str, ...]
    example: str
    problem: str | None = None


def shapes(texts: Iterable[pa.Table]) -> dict[str, list[Shape]]:
    """The ways of writing in text columns, commonest first, by the column's name.

    texts   tables with string columns `name` and `value`: values of any columns, one below the other
    """
    con = duckdb.connect()
    con.execute("set variable blanks = ?", [BLANKS])
    con.execute(
        "create table seen (name varchar, shape varchar, n bigint, first bigint, second bigint, example varchar)"
    )
    for table in texts:
        con.register("batch", table)
        con.execute(r"""
            insert into seen
            with trimmed as (select trim(value, getvariable('blanks')) as v, name from batch), shaped as (
                select name, v, case
                    when regexp_matches(v, '^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T].*)?$') then 'iso'
                    when regexp_matches(v, '^(19|20)[0-9]{6}$') then 'compact'
                    when regexp_matches(v, '^(19|20)[0-9]{12}$') then 'compact_time'
                    when regexp_matches(v, '^[0-9]{9,10}([.][0-9]+)?$') then 'epoch_s'
                    when regexp_matches(v, '^[0-9]{12,13}$') then 'epoch_ms'
                    else regexp_replace(regexp_replace(regexp_replace(regexp_replace(
                        v, '([0-9]) ?([AaPp])[.]?[Mm][.]?$', '\1 \2m'), '\b[A-Za-z]{3,9}\b[.]?', 'M', 'g'),
                        '[0-9]{4,6}', 'Y', 'g'), '[0-9]{1,3}', 'N', 'g') end as shape,
                from trimmed where v <> '')
            select name, left(shape, 40), count(*), max(try_cast(regexp_extract(v, '^([0-9]+)', 1) as bigint)),
                max(try_cast(regexp_extract(v, '^[0-9]+[./-]([0-9]+)', 1) as bigint)), min(v)
            from shaped group by all""")
        con.unregister("batch")
    rows = con.execute("""select name, shape, sum(n)::bigint as n, max(first), max(second), min(example) from seen
                          group by name, shape order by name, n desc, shape""").fetchall()
    con.close()
    found: dict[str, list[Shape]] = {}
    for name, *shape in rows:
        found.setdefault(name, []).append(Shape(*shape))
    return found


def reading(seen: list[Shape], *, order: str | None = None) -> DateReading:
    """How to read a column whose values have these shapes.

    order   "dmy" or "mdy" where the user said so
    Values in a shape nobody writes dates in are left for the rows to be refused, unless there are only such.
    """
    formats: list[str] = []
    example = ""
    numeric = [shape for shape in seen if _NUMERIC.match(_split_time(shape.shape)[0])]
    if numeric and order is None:
        order, problem = _settle_order(numeric)
        if problem:
            return DateReading((), numeric[0].example, problem)
    for shape in seen:
        made = _formats(shape.shape, order or "dmy")
        example = example or (shape.example if made else "")
        formats.extend(pattern for pattern in made if pattern not in formats)
    if not formats:
        shown = repr(seen[0].example[:40]) if seen else "nothing"
        return DateReading((), seen[0].example if seen else "", f"holds {shown}, which is no date known here")
    # Two-figure years first: "%Y" would read 24 as the year 24, while "%y" never reads 2024.
    return DateReading(tuple(sorted(formats, key=lambda pattern: "%y" not in pattern)), example)


def sql_instant(text: str, formats: tuple[str, ...]) -> str:
    """SQL giving TIMESTAMPTZ, NULL where unreadable, from SQL text; times without a zone are the session's zone."""
    tries = [_sql_one(text, pattern) for pattern in formats]
    return f"coalesce({', '.join(tries)})" if len(tries) > 1 else tries[0]


def _sql_one(text: str, pattern: str) -> str:
    if pattern == "iso":
        return f"try_cast({text} as timestamptz)"
    if pattern == "epoch_s":
        return (
            f"case when regexp_matches({text}, '^[0-9]{{9,10}}([.][0-9]+)?$') "
            f"then make_timestamptz(cast(try_cast({text} as decimal(20,6)) * 1000000 as bigint)) end"
        )
    if pattern == "epoch_ms":
        return (
            f"case when regexp_matches({text}, '^[0-9]{{12,13}}$') "
            f"then make_timestamptz(try_cast({text} as bigint) * 1000) end"
        )
    return f"cast(try_strptime({text}, '{pattern}') as timestamptz)"


def _settle_order(numeric: list[Shape]) -> tuple[str, str | None]:
    first = max(shape.first or 0 for shape in numeric)
    second = max(shape.second or 0 for shape in numeric)
    if first > 12 and second > 12:
        return "", (
            f"holds dates written both ways, such as {numeric[0].example!r}: some have the day first, some the "
            "month; write them one way in the file, or say which holds with date_order=dmy or date_order=mdy"
        )
    if first > 12:
        return "dmy", None
    if second > 12:
        return "mdy", None
    return "", (
        f"holds dates such as {numeric[0].example!r}, where day and month cannot be told apart; "
        "say date_order=dmy or date_order=mdy (on the command line: --map date_order=dmy)"
    )


def _split_time(shape: str) -> tuple[str, str, bool]:
    """The date part, the time part and whether it ends in am or pm."""
    half = shape.endswith(("Am", "am", "Pm", "pm"))
    bare = shape[:-2].rstrip() if half else shape
    day, gap, clock = bare.partition(" ") if "M" not in bare else (bare, "", "")
    if "M" in bare and ":" in bare:
        day, gap, clock = bare.rpartition(" ")
    if not gap and "T" in bare:
        day, gap, clock = bare.partition("T")
    return day.rstrip(","), clock.strip(), half


def _formats(shape: str, order: str) -> tuple[str, ...]:
    fixed = {
        "iso": "iso",
        "compact": "%Y%m%d",
        "compact_time": "%Y%m%d%H%M%S",
        "epoch_s": "epoch_s",
        "epoch_ms": "epoch_ms",
    }
    if shape in fixed:
        return (fixed[shape],)
    day, clock, half = _split_time(shape)
    if clock not in _TIMES:
        return ()
    time = _TIMES[clock]
    if half:
        time = time.replace("%H", "%I") + " %p"
    comma = "," if f"{day}, " in shape else ""
    tail = f"{comma}{'T' if 'T' in shape else ' '}{time}" if time else ""
    if match := _NUMERIC.match(day):
        mark, year = match.group(1), "%Y" if match.group(2) == "Y" else "%y"
        parts = ("%d", "%m", year) if order == "dmy" else ("%m", "%d", year)
        return (mark.join(parts) + tail,)
    return tuple(pattern.format(month=month) + tail for pattern in _NAMED.get(day, ()) for month in ("%b", "%B"))
