"""From text rows to what is kept and what is refused, each with its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.observe import identities
from rekindle.observe.kept import INSTANT, KEPT, REJECTS
from rekindle.observe.plans import Plan
from rekindle.observe.readers.layout import Rows, text_column
from rekindle.relationships.vocabulary import IntakeKind

MOST_PROPERTIES = 2_000
SHOWN = 200


@dataclass(frozen=True)
class Refusal:
    """Rows (mask over a batch) at fault with one value, for one reason; `at` is the column position, None for none."""

    mask: pa.Array
    at: int | None
    reason: str


def session(*, time_zone: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB that takes times without a zone for times in `time_zone`."""
    con = duckdb.connect()
    con.execute("set TimeZone = ?", [time_zone])
    # With more, DuckDB gives rows of one query in any order; `clean` relies on theirs.
    con.execute("set threads = 1")
    return con


def clean(
    rows: Rows, plan: Plan, *, con: duckdb.DuckDBPyConnection, file: str, file_number: int, region: str | None
) -> tuple[pa.Table, pa.Table]:
    """(kept, rejects) of a run of rows, with the schemas of `kept.KEPT` and `kept.REJECTS`.

    region   two-letter country of phone numbers written without one
    """
    con.register("batch", rows.table)
    result = con.sql(plan.sql_plain if _is_plain(rows, plan) else plan.sql).to_arrow_table().combine_chunks()
    con.unregister("batch")
    columns: dict[str, pa.Array] = {name: _flat(result[name]) for name in result.column_names}
    refusals = _softer(plan, columns.pop("faults"))
    fault = columns.pop("fault")
    refusals += _identities(plan, columns, region=region)
    nobody = pc.and_(pc.and_(pc.is_null(columns["who"]), pc.is_null(columns["email"])), pc.is_null(columns["phone"]))
    fault = pc.if_else(pc.and_(nobody, pc.is_null(fault)), pa.scalar(0, pa.int16()), fault)
    whole = pc.is_null(fault)
    # What was left out of a row that is refused altogether is not reported twice.
    refusals = [Refusal(pc.and_(refusal.mask, whole), refusal.at, refusal.reason) for refusal in refusals]
    if pc.any(pc.is_valid(fault)).as_py():
        for number in pc.drop_null(pc.unique(fault)).to_pylist():
            check = plan.checks[number]
            mask = pc.fill_null(pc.equal(fault, number), False)
            refusals.append(Refusal(mask, plan.positions.get(check.field), check.reason))
    kept = _kept(plan.kind, columns, file_number=file_number).filter(whole)
    return kept, _rejects(rows, refusals, plan, file=file)


def _is_plain(rows: Rows, plan: Plan) -> bool:
    """Whether every number of these rows is written plainly."""
    return all(
        pc.all(pc.match_substring_regex(rows.table[text_column(at)], plan.plain_shape)).as_py() is not False
        for at in plan.numeric
    )


def _softer(plan: Plan, faults: pa.Array) -> list[Refusal]:
    if not pc.any(pc.not_equal(faults, 0)).as_py():
        return []
    found = []
    for number, check in enumerate(plan.softer):
        mask = pc.not_equal(pc.bit_wise_and(faults, 1 << number), 0)
        if pc.any(mask).as_py():
            found.append(Refusal(mask, plan.positions.get(check.field), check.reason))
    return found


def _identities(plan: Plan, columns: dict[str, pa.Array], *, region: str | None) -> list[Refusal]:
    """Put addresses, numbers and codes into normal form in place; gives what was no address, number or code."""
    refusals = []

    def settle(name: str, normal: pa.Array, what: str) -> None:
        unread = pc.and_(pc.is_valid(columns[name]), pc.is_null(normal))
        if pc.any(unread).as_py():
            refusals.append(Refusal(unread, plan.positions.get(name), f"kept without the {what}: not one"))
        columns[name] = normal

    if plan.kind is IntakeKind.SUPPRESSIONS:
        # A suppression must never be lost: what cannot be read is kept as it is, to match whatever else has it.
        for name, normal in (("email", identities.emails(columns["email"])),
                             ("phone", identities.phones(columns["phone"], region=region))):  # fmt: skip
            columns[name] = pc.coalesce(normal, pc.utf8_lower(columns[name]))
        return refusals
    settle("email", identities.emails(columns["email"]), "e-mail address")
    if "country" in columns:
        codes = identities.countries(columns["country"])
        settle("phone", _phones_by_country(columns["phone"], codes, region=region), "phone number")
        _keep_in_extra("country", codes, columns)
        settle("language", identities.languages(columns["language"]), "language")
        settle("time_zone", identities.time_zones(columns["time_zone"]), "time zone")
    else:
        settle("phone", identities.phones(columns["phone"], region=region), "phone number")
    return refusals


def _phones_by_country(raw: pa.Array, codes: pa.Array, *, region: str | None) -> pa.Array:
    """Each number read as dialled in its own country, in `region` where that is not known."""
    normal = identities.phones(pc.if_else(pc.is_null(codes), raw, pa.scalar(None, pa.string())), region=region)
    for code in pc.drop_null(pc.unique(codes)).to_pylist():
        here = pc.if_else(pc.fill_null(pc.equal(codes, code), False), raw, pa.scalar(None, pa.string()))
        normal = pc.coalesce(normal, identities.phones(here, region=code))
    return normal


def _keep_in_extra(name: str, normal: pa.Array, columns: dict[str, pa.Array]) -> None:
    """A value without a normal form stays among the extras under its own name."""
    unread = pc.and_(pc.is_valid(columns[name]), pc.is_null(normal))
    if pc.any(unread).as_py():
        extras = columns["extra"].to_pylist()
        for row, (lost, value) in enumerate(zip(unread.to_pylist(), columns[name].to_pylist(), strict=True)):
            if lost:
                extras[row] = json.dumps({name: value} | json.loads(extras[row] or "{}"), ensure_ascii=False)
        columns["extra"] = pa.array(extras, pa.string())
    columns[name] = normal


def _kept(kind: IntakeKind, columns: dict[str, pa.Array], *, file_number: int) -> pa.Table:
    schema = KEPT[kind]
    spare = "properties" if kind is IntakeKind.EVENTS else "extra"
    columns[spare] = _capped(columns[spare])
    count = len(columns["row"])
    arrays = [pa.repeat(pa.scalar(file_number, pa.int32()), count) if field.name == "file"
              else pc.cast(columns[field.name], INSTANT if field.type == INSTANT else field.type)
              for field in schema]  # fmt: skip
    return pa.table(arrays, schema=schema)


def _capped(objects: pa.Array) -> pa.Array:
    """JSON objects of at most 2,000 characters: entries are kept in order while they fit, a long one is cut."""
    long = pc.fill_null(pc.greater(pc.utf8_length(objects), MOST_PROPERTIES), False)
    if not pc.any(long).as_py():
        return objects
    shorter = [_shorter(text) for text in objects.filter(long).to_pylist()]
    return pc.replace_with_mask(objects, long, pa.array(shorter, pa.string()))


def _shorter(text: str) -> str:
    kept: dict[str, str] = {}
    room = MOST_PROPERTIES - 2
    for name, value in json.loads(text).items():
        # Six characters is what one may grow to when escaped; a name may be as long as any value.
        short = value[:500]
        need = len(json.dumps({name: short}, ensure_ascii=False))
        if need > room:
            continue
        kept[name] = short
        room -= need
    return json.dumps(kept, ensure_ascii=False)


def _rejects(rows: Rows, refusals: list[Refusal], plan: Plan, *, file: str) -> pa.Table:
    parts = [pa.table([[file] * len(rows.torn), [torn.row for torn in rows.torn], [""] * len(rows.torn),
                       [torn.text[:SHOWN] for torn in rows.torn], [torn.reason for torn in rows.torn]],
                      schema=REJECTS)]  # fmt: skip
    for refusal in refusals:
        numbers = _flat(rows.table["row"]).filter(refusal.mask)
        count = len(numbers)
        if refusal.at is None:
            values = pa.repeat(pa.scalar(""), count)
        else:
            values = pc.utf8_slice_codeunits(_flat(rows.table[text_column(refusal.at)]).filter(refusal.mask), 0, SHOWN)
        name = "" if refusal.at is None else plan.names[refusal.at]
        parts.append(pa.table([pa.repeat(pa.scalar(file), count), numbers, pa.repeat(pa.scalar(name), count), values,
                               pa.repeat(pa.scalar(refusal.reason), count)], schema=REJECTS))  # fmt: skip
    return pa.concat_tables(parts).sort_by([("row", "ascending")])


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
