"""`rekindle take-in`: survey, dry run, commit; and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from rekindle.errors import BadInput, Conflict
from rekindle.relationships.vocabulary import IntakeKind

SHOWN_REASONS = 12


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """FIELD=COLUMN words as a mapping."""
    found = {}
    for text in texts:
        field, equals, column = text.partition("=")
        if not (field and equals and column):
            raise typer.BadParameter(f"--map {text}: write it as FIELD=COLUMN, e.g. --map who=CustomerID.")
        found[field.strip()] = column.strip()
    return found


def take_in(
    files: Sequence[Path],
    *,
    kind: str,
    mapping: dict[str, str],
    event_kind: str | None,
    currency: str | None,
    source: str,
    dry_run: bool,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """One load from first look to last row; gives the document of the command-line contract.

    A load of the very same files changes nothing and is told apart by "state": "already taken in".
    """
    from rekindle.journal.models import IntakeState
    from rekindle.workflows import take_in as loads

    if kind not in {word.value for word in IntakeKind}:
        raise typer.BadParameter(f"--as {kind}: choose one of {', '.join(word.value for word in IntakeKind)}.")
    for path in files:
        if not path.is_file():
            raise BadInput("there is no such file.", where=str(path))
    intake = loads.begin(files, kind=kind, source=source, mapping=mapping, event_kind=event_kind, currency=currency)
    loads.stage(intake, progress=progress)
    state = "dry run"
    if not dry_run:
        try:
            loads.commit(intake, progress=progress)
            state = IntakeState(intake.state).label
        except Conflict as conflict:
            if not conflict.what.startswith("these files were taken in before"):
                raise
            state = str(conflict)
    rejects = loads.rejects_file(intake)
    return {
        "intake": intake.pk,
        "state": state,
        "kind": intake.kind,
        "source": intake.source,
        "files": intake.files,
        "columns": intake.survey["columns"],
        "date_format": intake.survey.get("date_format"),
        "date_example": intake.survey.get("date_example"),
        "rejects_file": str(rejects) if rejects else None,
        **intake.counts,
    }


def show(document: dict[str, Any]) -> None:
    """The same for people: columns with samples and reasons first, then what was kept and what refused."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    columns = Table("column", "samples", "read as", "because", box=None, padding=(0, 2, 0, 0))
    for column in document["columns"]:
        columns.add_row(
            column["name"],
            " · ".join(str(sample)[:24] for sample in column["samples"]),
            column["field"] or "kept beside",
            column["why"],
        )
    console.print(columns)
    if document.get("date_format"):
        console.print(f"Dates read as {document['date_format']}: {document.get('date_example') or ''}")
    console.print(
        f"{document['seen']:,} rows read, {document['kept']:,} kept, {document.get('merged', 0):,} already known, "
        f"{document['refused']:,} refused; {document['new_people']:,} new people, {document['known_people']:,} known."
    )
    for kind in document.get("kinds", []):
        amount = kind["amount_minor"]
        money = f", {amount / 100:,.2f} {kind['currency'] or ''}" if amount is not None else ""
        console.print(f"  {kind['rows']:>10,}  {kind['kind']}{money}")
    for reason, rows in sorted(document["reasons"].items(), key=lambda item: -item[1])[:SHOWN_REASONS]:
        console.print(f"  {rows:>10,}  refused or mended: {reason}")
    if document["rejects_file"]:
        console.print(f"Refused rows, each with its reason: {document['rejects_file']}")
    console.print(f"Load {document['intake']}: {document['state'].rstrip('.')}.")
