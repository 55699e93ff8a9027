"""Everything out: every table of both books as CSV, the history as Parquet, with a list of what is what.

1. the folder must be new or empty, so that nothing is mixed or overwritten;
2. tables row by row, in batches, keyset by primary key, secrets left out;
3. the history as it is read: loads taken in, nothing that was taken back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models

from rekindle import home
from rekindle.errors import BadInput
from rekindle.workflows import staging, take_in

ROWS = 5_000
LEFT_OUT = {"accounts.user": {"password"}, "accounts.setuplink": {"token_hash"}}
APPS = ("accounts", "relationships", "journal")


def everything(folder: Path, *, progress: staging.Progress = take_in.silent) -> dict[str, Any]:
    """Write everything; gives {"folder", "files": {name: rows}}. Raises BadInput where the folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput("the folder is not empty.", where=str(folder), remedy="Name a new one.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files: dict[str, int] = {}
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            if model._meta.proxy:
                continue
            name = f"{model._meta.label_lower.replace('.', '-')}.csv"
            progress(f"writing {name}")
            files[name] = _table(model, folder / name)
    progress("writing the history")
    files["events.parquet"] = _history(folder / "events.parquet")
    (folder / "contents.json").write_text(json.dumps(files, indent=2))
    return {"folder": str(folder), "files": files}


def _table(model: type[models.Model], path: Path) -> int:
    left_out = LEFT_OUT.get(model._meta.label_lower, set())
    columns = [field.attname for field in model._meta.concrete_fields if field.attname not in left_out]
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in _rows(model, columns):
            writer.writerow([staging.harmless(_text(value)) for value in row])
            rows += 1
    return rows


def _rows(model: type[models.Model], columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """All rows by primary key, a batch at a time: memory stays small and no long reading holds the books."""
    last: Any = None
    while True:
        some = model._default_manager.order_by("pk")
        if last is not None:
            some = some.filter(pk__gt=last)
        batch = list(some.values_list("pk", *columns)[:ROWS])
        if not batch:
            return
        for pk, *row in batch:
            last = pk
            yield tuple(row)


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value


def _history(path: Path) -> int:
    from rekindle.observe.history import History

    if not home.history_folder().exists():
        return 0
    with staging.columns() as db:
        view = History(home.history_folder()).relation(db, without=take_in.hidden_loads())
        target = str(path).replace("'", "''")
        db.execute(f"COPY (SELECT * FROM {view}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608
        return int(db.execute(f"SELECT count(*) FROM {view}").fetchall()[0][0])  # noqa: S608  # a view of ours
