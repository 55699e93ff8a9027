"""The door for files: `survey` says what they are and how they will be read, `read` reads them so.

    survey(paths, kind=..., latest=...)   looks, guesses, and says what must be told first; reads nothing for keeps
    read(survey, latest=...)              gives what is kept and what is refused, run by run, in bounded memory
    gather_lines(parts, out=...)          makes one event of the lines of each invoice, where survey.lines says so

A survey can be kept as JSON between the two; a file that changed in between is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from rekindle.errors import BadInput
from rekindle.observe import plans
from rekindle.observe.clean import clean, session
from rekindle.observe.columns import Column
from rekindle.observe.lines import gather_lines
from rekindle.observe.readers import files
from rekindle.observe.readers.layout import Rows
from rekindle.observe.surveying import Survey, survey

__all__ = ["Column", "Part", "Survey", "gather_lines", "read", "survey"]


@dataclass(frozen=True)
class Part:
    """One run of rows, cleaned.

    rows_seen   kept + refused, blank rows not counted
    kept        schema `kept.KEPT[kind]`
    rejects     schema `kept.REJECTS`; a reason that begins "kept without" left the row in
    """

    file: Path
    rows_seen: int
    kept: pa.Table
    rejects: pa.Table


def read(survey: Survey, *, latest: datetime, batch_rows: int = 80_000) -> Iterator[Part]:
    """Everything in the files, in order, as runs of about `batch_rows` rows.

    latest   events after it are refused
    Raises BadInput where the survey has problems, a file changed since or while it is read, or rows cannot be told
    apart; the parts given before that must then be thrown away.
    """
    if survey.problems:
        raise BadInput(survey.problems[0], where=survey.paths[0].name)
    con = session(time_zone=survey.time_zone)
    try:
        for number, (path, layout) in enumerate(zip(survey.paths, survey.layouts, strict=True)):
            _same(survey, number, when="since it was looked at")
            plan = plans.build(
                survey.kind, names=layout.names, mapping=survey.mapping, decimal=survey.decimal,
                readings={name: found.formats for name, found in survey.dates.items()}, currency=survey.currency,
                event_kind=survey.event_kind, latest=latest,
            )  # fmt: skip
            for rows in _runs(files.rows(path, layout), batch_rows=batch_rows):
                kept, rejects = clean(rows, plan, con=con, file=path.name, file_number=number, region=survey.region)
                yield Part(path, rows.table.num_rows + len(rows.torn), kept, rejects)
            _same(survey, number, when="while it was read")
    finally:
        con.close()


def _runs(source: Iterator[Rows], *, batch_rows: int) -> Iterator[Rows]:
    """Neighbouring runs joined until they hold `batch_rows`, larger ones cut."""
    held: list[Rows] = []
    count = 0
    for rows in source:
        held.append(rows)
        count += rows.table.num_rows + len(rows.torn)
        if count >= batch_rows:
            yield from _cut(_joined(held), batch_rows=batch_rows)
            held, count = [], 0
    if count:
        yield from _cut(_joined(held), batch_rows=batch_rows)


def _joined(held: Sequence[Rows]) -> Rows:
    return Rows(pa.concat_tables([rows.table for rows in held]), tuple(torn for rows in held for torn in rows.torn))


def _cut(rows: Rows, *, batch_rows: int) -> Iterator[Rows]:
    torn = rows.torn
    for start in range(0, max(rows.table.num_rows, 1), batch_rows):
        yield Rows(rows.table.slice(start, batch_rows), torn)
        torn = ()


def _same(survey: Survey, number: int, *, when: str) -> None:
    path = survey.paths[number]
    try:
        status = path.stat()
    except OSError as error:
        raise BadInput(f"the file went away {when}.", where=path.name, remedy="Look at it again.") from error
    if (status.st_size, status.st_mtime_ns) != (survey.sizes[number], survey.mtimes_ns[number]):
        raise BadInput(
            f"the file changed {when}.", where=path.name, remedy="Wait until it is complete, then start again."
        )
