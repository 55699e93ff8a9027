"""What every command stands on: Django made ready, days as people type them, JSON on stdout, a line of progress."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import typer


def ready() -> None:
    """Set Django up, bring the tables up to date and finish what a killed process left."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rekindle.settings")
    # Said before NumPy loads: threads of the linear algebra cost our many small fits more than they give.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import django

    django.setup()
    from rekindle.workflows import start

    start.prepare()


def day(text: str | None) -> date | None:
    """A date typed by a person."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not a day; write it as 2026-03-31.") from error


def say_json(document: Any) -> None:
    """One JSON document on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line that tells how far long work has come, on a terminal only and never in JSON."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("beginning") as status:
        yield lambda text: status.update(text)
