"""How a survey is made: layouts first, then columns, then everything that needs the values themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import BadInput
from rekindle.observe import amounts, columns, dates
from rekindle.observe.clean import session
from rekindle.observe.columns import Column
from rekindle.observe.dates import DateReading
from rekindle.observe.fields import FIELDS
from rekindle.observe.readers import files
from rekindle.observe.readers.layout import Layout, text_column
from rekindle.relationships.vocabulary import IntakeKind

# Shapes that can be read in one way only: a sample tells enough. Others are looked for in every row.
_PLAIN_SHAPES = frozenset({"iso", "compact", "compact_time", "epoch_s", "epoch_ms"})
# What a value holds is plain from its beginning; the rest of a very long one only takes time.
SAMPLE_CHARACTERS = 200
# Distinct amounts that are looked at to find the decimal mark.
MOST_AMOUNTS = 20_000


@dataclass(frozen=True)
class Survey:
    """What the files are and how they will be read.

    layouts       one a file: format, encoding, delimiter, header, column names
    columns       of the first file, with samples, guess and reason
    mapping       field -> column name
    dates         field -> how its dates are read
    decimal       decimal mark of amounts, "." or ","
    time_zone     of times written without one
    currency      ISO code of amounts that name none, None where not known
    event_kind    of rows that name none
    region        two-letter country of phone numbers written without one
    lines         True where rows are lines of invoices, to be gathered into one event each
    fingerprint   sha256 over file bytes, kind and everything told: the same load is recognised by it
    problems      what must be told before anything is read, empty when all is clear
    notes         what people should know: lines left out above the header, other sheets, mended letters
    sizes, mtimes_ns   of the files when looked at
    """

    paths: tuple[Path, ...]
    kind: IntakeKind
    layouts: tuple[Layout, ...]
    columns: tuple[Column, ...]
    mapping: dict[str, str]
    dates: dict[str, DateReading]
    decimal: str
    time_zone: str
    currency: str | None
    event_kind: str | None
    region: str | None
    lines: bool
    fingerprint: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    sizes: tuple[int, ...]
    mtimes_ns: tuple[int, ...]

    @property
    def format(self) -> str:
        return self.layouts[0].format

    @property
    def encoding(self) -> str | None:
        return self.layouts[0].encoding

    @property
    def delimiter(self) -> str | None:
        return self.layouts[0].delimiter

    @property
    def has_header(self) -> bool:
        return self.layouts[0].header_row is not None or self.format == "parquet"

    @property
    def date_format(self) -> str | None:
        """Formats of the date that matters most, None where the load has no dates."""
        first = next(iter(self.dates.values()), None)
        return " or ".join(first.formats) if first else None

    @property
    def date_example(self) -> str | None:
        first = next(iter(self.dates.values()), None)
        return first.example if first else None

    def to_json(self) -> str:
        """One JSON object; `from_json` gives the same survey back."""
        raw = asdict(self) | {"paths": [str(path) for path in self.paths], "kind": self.kind.value}
        shown = {
            "format": self.format,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "has_header": self.has_header,
            "date_format": self.date_format,
            "date_example": self.date_example,
        }
        return json.dumps(raw | shown, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Survey:
        raw: dict[str, Any] = json.loads(text)
        return cls(
            paths=tuple(Path(path) for path in raw["paths"]),
            kind=next(kind for kind in IntakeKind if kind.value == raw["kind"]),
            layouts=tuple(Layout.from_dict(layout) for layout in raw["layouts"]),
            columns=tuple(Column(**{**column, "samples": tuple(column["samples"])}) for column in raw["columns"]),
            mapping=raw["mapping"],
            dates={
                name: DateReading(tuple(found["formats"]), found["example"], found["problem"])
                for name, found in raw["dates"].items()
            },
            decimal=raw["decimal"],
            time_zone=raw["time_zone"],
            currency=raw["currency"],
            event_kind=raw["event_kind"],
            region=raw["region"],
            lines=raw["lines"],
            fingerprint=raw["fingerprint"],
            problems=tuple(raw["problems"]),
            notes=tuple(raw["notes"]),
            sizes=tuple(raw["sizes"]),
            mtimes_ns=tuple(raw["mtimes_ns"]),
        )

    def moved(self, paths: Sequence[Path]) -> Survey:
        """The same survey of the same files at another place (their sizes and times must be the same there)."""
        return replace(self, paths=tuple(paths))


def survey(
    paths: Sequence[Path],
    *,
    kind: IntakeKind,
    mapping: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
    currency: str | None = None,
    event_kind: str | None = None,
    region: str | None = None,
    latest: datetime,
) -> Survey:
    """Look at files of one kind and say how they will be read.

    mapping    FIELD -> COLUMN ("-" for "do not use"); also date_order=dmy|mdy, decimal=,|., delimiter, encoding,
               header=yes|no, sheet, and currency=EUR where there is no such column
    currency   ISO code of amounts that carry no sign and have no column
    latest     dates after it make no sense
    Raises BadInput where a file is no table, files differ in their columns, or something told is unknown. What only
    people can know (day or month first, which column is the customer) comes back in `problems`.
    """
    mapping = mapping or {}
    if not paths:
        raise BadInput("no file was named.", remedy="Name at least one.")
    if time_zone not in available_timezones():
        raise BadInput(f"time zone {time_zone!r} is not known.", remedy="Say for example Europe/Berlin.")
    settings = columns.settings_of(mapping)
    states = [path.stat() for path in paths if path.is_file()]
    layouts = [files.detect(path, settings=settings) for path in paths]
    _alike(paths, layouts)
    names = layouts[0].names
    mapping, currency = _currency_told(mapping, currency, names=names)
    samples = _samples(paths, layouts)
    found = columns.guess(names, samples, kind=kind, mapping=mapping,
                          has_header=layouts[0].header_row is not None or layouts[0].format == "parquet")  # fmt: skip
    source = _Source(paths, layouts, samples)
    readings = {
        field.name: _reading(source, found.mapping[field.name], order=settings.get("date_order"))
        for field in FIELDS[kind] if field.looks == "date" and field.name in found.mapping
    }  # fmt: skip
    decimal, currency, money_problems = _money(source, found.mapping, kind=kind, settings=settings, currency=currency)
    problems = [*found.problems, *(f"column {found.mapping[name]!r} {read.problem}"
                                   for name, read in readings.items() if read.problem), *money_problems]  # fmt: skip
    notes = [note for path, layout in zip(paths, layouts, strict=True) for note in files.notes(path, layout)]
    notes += _future(source, found.mapping, readings, time_zone=time_zone, latest=latest)
    return Survey(
        paths=tuple(paths), kind=kind, layouts=tuple(layouts), columns=found.columns, mapping=found.mapping,
        dates=readings, decimal=decimal, time_zone=time_zone, currency=currency, event_kind=event_kind, region=region,
        lines=kind is IntakeKind.EVENTS and {"ref", "quantity", "unit_price"} <= set(found.mapping)
        and "event_id" not in found.mapping,
        fingerprint=_fingerprint(paths, [kind.value, found.mapping, settings, time_zone, currency, event_kind, region]),
        problems=tuple(problems), notes=tuple(notes), sizes=tuple(state.st_size for state in states),
        mtimes_ns=tuple(state.st_mtime_ns for state in states),
    )  # fmt: skip


class _Source:
    """The files as columns of values: a sample at hand, all of them on request."""

    def __init__(self, paths: Sequence[Path], layouts: Sequence[Layout], samples: Mapping[str, list[str]]) -> None:
        self.paths, self.layouts, self.samples = paths, layouts, samples

    def every(self, name: str) -> Iterator[pa.Table]:
        """All values of a column, as tables with columns `name` and `value`."""
        for path, layout in zip(self.paths, self.layouts, strict=True):
            at = layout.names.index(name)
            for rows in files.rows(path, layout, only=[at]):
                values = rows.table[text_column(at)]
                yield pa.table({"name": pa.repeat(pa.scalar(name), len(values)), "value": values})


def _alike(paths: Sequence[Path], layouts: Sequence[Layout]) -> None:
    """Refuse files that differ in their columns; their order may differ."""
    first = layouts[0].names
    for path, layout in zip(paths[1:], layouts[1:], strict=True):
        lacking = [name for name in first if name not in layout.names]
        beyond = [name for name in layout.names if name not in first]
        if lacking or beyond:
            parts = [f"lacks {', '.join(map(repr, lacking[:10]))}" if lacking else "",
                     f"has {', '.join(map(repr, beyond[:10]))} besides" if beyond else ""]  # fmt: skip
            differs = " and ".join(part for part in parts if part)
            raise BadInput(f"other columns than {paths[0].name}: it {differs}.", where=path.name,
                           remedy="Take it in by itself.")  # fmt: skip


def _samples(paths: Sequence[Path], layouts: Sequence[Layout]) -> dict[str, list[str]]:
    """Values of the first rows of the first file that has any, empty ones left out."""
    for path, layout in zip(paths, layouts, strict=True):
        for rows in files.rows(path, layout):
            if rows.table.num_rows:
                head = rows.table.slice(0, files.SAMPLE_ROWS)
                columns_of = {name: head[text_column(at)].to_pylist() for at, name in enumerate(layout.names)}
                return {
                    name: [value[:SAMPLE_CHARACTERS] for value in values if value.strip()]
                    for name, values in columns_of.items()
                }
    raise BadInput("the file has a header but no rows.", where=paths[0].name, remedy="Export it again.")


def _currency_told(
    mapping: Mapping[str, str], currency: str | None, *, names: Sequence[str]
) -> tuple[dict[str, str], str | None]:
    """currency=EUR in a mapping means the currency itself where no column is called so."""
    told = dict(mapping)
    said = told.get("currency", "").upper()
    if said in amounts.CURRENCIES and told["currency"] not in names:
        currency = said
        told["currency"] = "-"
    if currency is not None and currency.upper() not in amounts.CURRENCIES:
        raise BadInput(f"currency {currency!r} is not known.", remedy="Say its three letters, for example EUR.")
    return told, currency.upper() if currency else None


def _reading(source: _Source, name: str, *, order: str | None) -> DateReading:
    values = source.samples[name]
    sample = pa.table({"name": [name] * len(values), "value": pa.array(values, pa.string())})
    seen = dates.shapes([sample]).get(name, [])
    if not seen or any(shape.shape not in _PLAIN_SHAPES for shape in seen):
        seen = dates.shapes(source.every(name)).get(name, [])
    if not seen:
        return DateReading(("iso",), "")  # an empty column: nothing to read, nothing to ask
    return dates.reading(seen, order=order)


def _money(
    source: _Source, mapping: Mapping[str, str], *, kind: IntakeKind, settings: Mapping[str, str], currency: str | None
) -> tuple[str, str | None, list[str]]:
    """The decimal mark, the currency, and what must be told about them."""
    if kind is not IntakeKind.EVENTS:
        return ".", currency, []
    delimiter = source.layouts[0].delimiter
    priced = [mapping[field] for field in ("amount", "unit_price", "quantity") if field in mapping]
    problems = []
    decimal, sure = amounts.decimal_mark((v for name in priced for v in source.samples[name]), delimiter=delimiter)
    if "decimal" in settings:
        decimal = settings["decimal"]
    elif priced and not (sure and _has_marks(source, priced)):
        marked = [value for name in priced for value in _marked(source, name)]
        decimal, sure = amounts.decimal_mark(marked, delimiter=delimiter)
        if not sure:
            example = next(value for value in marked if "," in value or "." in value)
            problems.append(f"amounts such as {example!r} can be read in two ways; say decimal=, or decimal=.")
    money = [mapping[field] for field in ("amount", "unit_price") if field in mapping]
    if currency is None and money and "currency" not in mapping:
        signs = amounts.signs_in(value for name in money for value in source.samples[name])
        currency = signs[0] if signs else None
        if currency is None:
            problems.append(
                f"nothing tells the currency of {money[0]!r}; say for example currency=EUR "
                "(on the command line: --currency EUR)"
            )
    return decimal, currency, problems


def _has_marks(source: _Source, names: Sequence[str]) -> bool:
    return any("," in value or "." in value for name in names for value in source.samples[name])


def _marked(source: _Source, name: str) -> list[str]:
    """Distinct values of a column that have a comma or a point in them."""
    found: list[str] = []
    for table in source.every(name):
        marked = table["value"].filter(pc.match_substring_regex(table["value"], "[.,]"))
        found.extend(pc.unique(marked).to_pylist()[: MOST_AMOUNTS - len(found)])
        if len(found) >= MOST_AMOUNTS:
            break
    return found


def _future(
    source: _Source,
    mapping: Mapping[str, str],
    readings: Mapping[str, DateReading],
    *,
    time_zone: str,
    latest: datetime,
) -> list[str]:
    """A warning where most dates of a sample lie in the future: day and month may be the wrong way round."""
    notes = []
    con = session(time_zone=time_zone)
    for field, reading in readings.items():
        values = source.samples[mapping[field]]
        if not reading.formats or not values or field in ("expires_at", "ended_on"):
            continue
        con.register("sample", pa.table({"v": values}))
        parsed = dates.sql_instant("v", reading.formats)
        row = con.execute(f"select count(*) from sample where {parsed} > ?", [latest]).fetchall()  # noqa: S608 - our SQL
        con.unregister("sample")
        if row[0][0] > len(values) / 2:
            notes.append(f"most dates in {mapping[field]!r} lie in the future: check date_order and the time zone")
    con.close()
    return notes


def _fingerprint(paths: Sequence[Path], told: list[object]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    whole.update(json.dumps(told, sort_keys=True).encode())
    return whole.hexdigest()
