"""Rows changed one by one, each with what stood before, so that all of it can be taken apart again exactly.

An entry is plain JSON: {"did": "set" | "drop" | "write", "table", "key", ...}. `take_apart` reads them from last to
first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction

from rekindle.errors import Conflict


class Ledger:
    """What was done so far, in order."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def set(self, row: models.Model, **values: Any) -> None:
        """Change columns of one row. Raises IntegrityError where a row like it is already there; nothing is noted."""
        before = {name: _plain(getattr(row, name)) for name in values}
        with transaction.atomic():
            _rows(type(row)).filter(pk=row.pk).update(**values)
        for name, value in values.items():
            setattr(row, name, value)
        after = {name: _plain(value) for name, value in values.items()}
        self.entries.append(
            {"did": "set", "table": _table(row), "key": row.pk, "before": before, "after": after},
        )

    def drop(self, row: models.Model) -> None:
        """Delete one row that nothing else hangs on. Raises Conflict where something does."""
        entry = {"did": "drop", "table": _table(row), "key": row.pk, "row": facts_of(row)}
        deleted, which = row.delete()
        if deleted != 1:
            raise Conflict(f"something still hangs on {entry['table']} {entry['key']}: {', '.join(sorted(which))}.")
        self.entries.append(entry)

    def write(self, rows: Sequence[models.Model], **found_by: int) -> None:
        """Add rows that, taken apart, are found again by these columns, whatever became of them since."""
        if not rows:
            return
        _rows(type(rows[0])).bulk_create(rows)
        self.entries.append({"did": "write", "table": _table(rows[0]), "found_by": found_by})


def facts_of(row: models.Model) -> dict[str, Any]:
    """One row as plain JSON, by column: every instant to the microsecond, every number as it is."""
    return {field.attname: _plain(getattr(row, field.attname)) for field in row._meta.concrete_fields}


def give(gone: models.Model, keep: models.Model, ledger: Ledger) -> None:
    """Point every row of any table that points at `gone` to `keep`; one that is there already is noted and dropped.

    Asked of the models, so that a table made later moves too.
    """
    for link in pointing_at(type(gone)):
        for row in link.model._base_manager.filter(**{link.attname: gone.pk}):
            if link.primary_key:  # what we believe of a relationship, one row each: the night writes it anew
                ledger.drop(row)
                continue
            try:
                ledger.set(row, **{link.attname: keep.pk})
            except IntegrityError:
                ledger.drop(row)


def pointing_at(model: type[models.Model]) -> list[Any]:
    """The foreign keys of all tables that point at that one."""
    links = model._meta.get_fields(include_hidden=True)
    return [
        link.field  # type: ignore[union-attr]
        for link in links
        if link.auto_created and not link.concrete and (link.one_to_many or link.one_to_one)
    ]


def take_apart(entries: Sequence[dict[str, Any]]) -> None:
    """Undo entries from last to first; call it inside a transaction.

    A value that somebody changed since stays as they left it. Raises Conflict where what happened since leaves no
    room for what stood before; the transaction must then be rolled back.
    """
    tables = {model._meta.label_lower: model for model in apps.get_models()}
    for entry in reversed(entries):
        model = tables[entry["table"]]
        try:
            with transaction.atomic():
                _ONE[entry["did"]](model, entry)
        except IntegrityError as error:
            raise Conflict(
                "what was merged has changed too much since to be taken apart.",
                where=f"{model._meta.verbose_name} {entry.get('key', '')}".strip(),
            ) from error


def _unset(model: type[models.Model], entry: dict[str, Any]) -> None:
    row = _rows(model).filter(pk=entry["key"]).first()
    if row is None:
        return
    now = {name: _plain(getattr(row, name)) for name in entry["after"]}
    values = {name: before for name, before in entry["before"].items() if now[name] == entry["after"][name]}
    if values:
        _rows(model).filter(pk=entry["key"]).update(**_read(model, values))


def _undrop(model: type[models.Model], entry: dict[str, Any]) -> None:
    model(**_read(model, entry["row"])).save(force_insert=True)


def _unwrite(model: type[models.Model], entry: dict[str, Any]) -> None:
    _rows(model).filter(**entry["found_by"]).delete()


_ONE = {"set": _unset, "drop": _undrop, "write": _unwrite}


def _rows(model: type[models.Model]) -> Any:
    return model._base_manager


def _table(row: models.Model) -> str:
    return str(row._meta.concrete_model._meta.label_lower) if row._meta.concrete_model else row._meta.label_lower


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return json.loads(json.dumps(value))  # a copy: nobody changes a noted JSON value afterwards


def _read(model: type[models.Model], values: dict[str, Any]) -> dict[str, Any]:
    columns = {field.attname: field for field in model._meta.concrete_fields}
    return {name: columns[name].to_python(value) for name, value in values.items()}
