"""Step 2. One row a person of everything the models and signs read.

1. carry the summary of an earlier day on where that is possible: the same meaning, no load taken back since;
2. else build it anew from the whole history;
3. remember it as the one to carry on, unless a later day is already kept.

People who were merged, taken apart or forgotten since are read afresh from their whole past (`afresh.json`).
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rekindle import home
from rekindle.errors import RekindleError
from rekindle.observe.history import History
from rekindle.understand import summaries
from rekindle.workflows import merge, take_in
from rekindle.workflows.brand import end_of
from rekindle.workflows.night.reading import Reading


def run(reading: Reading) -> int:
    """Gives the number of people with any event."""
    merge.finish()
    plan = reading.noted("plan")
    to = reading.folder / "summary.parquet"
    if not plan["loads"]:
        pq.write_table(summaries.SUMMARY.empty_table(), to)
        return 0
    pulse = summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"]))
    kept = _kept(reading, plan)
    rows = None
    if kept is not None:
        reading.tell("carrying the summary on")
        try:
            rows = _advance(reading, kept, plan, pulse, to)
        except (RekindleError, OSError, pa.ArrowException):
            rows = None  # whatever is wrong with what was kept, the history itself is still there to read
    if rows is None:
        reading.tell("reading the whole history")
        with reading.events() as (db, view):
            rows = summaries.rebuild_to(
                db, view, as_of=reading.as_of, pulse=pulse, time_zone=reading.brand.time_zone, to=to
            )
    _keep(reading, plan, to)
    return rows


def _advance(reading: Reading, kept: dict[str, Any], plan: dict[str, Any], pulse: summaries.Pulse, to: Path) -> int:
    since = end_of(date.fromisoformat(kept["as_of"]), reading.brand)
    with reading.events() as (db, view):
        History(home.history_folder()).relation(
            db,
            before=end_of(reading.as_of, reading.brand),
            without=take_in.hidden_loads(),
            name="new_events",
            intakes=[number for number in plan["loads"] if number not in set(kept["loads"])],
            since=since,
        )
        return summaries.advance(
            db,
            Path(kept["summary"]),
            "new_events",
            view,
            as_of=reading.as_of,
            pulse=pulse,
            time_zone=reading.brand.time_zone,
            to=to,
            afresh=pa.array(_afresh(), pa.int64()),
        )


def _afresh() -> list[int]:
    """Parties whose events moved or went since the summary was kept."""
    place = home.home() / "history" / "afresh.json"
    return json.loads(place.read_text()) if place.exists() else []


def _place() -> Path:
    return home.home() / "history" / "kept.json"


def _kept(reading: Reading, plan: dict[str, Any]) -> dict[str, Any] | None:
    """The summary to carry on; None where it must be built anew."""
    if not _place().exists():
        return None
    kept: dict[str, Any] = json.loads(_place().read_text())
    usable = (
        kept["as_of"] <= reading.as_of.isoformat()
        and kept["time_zone"] == reading.brand.time_zone
        and set(kept["loads"]) <= set(plan["loads"])
        and Path(kept["summary"]).exists()
    )
    return kept if usable else None


def _keep(reading: Reading, plan: dict[str, Any], summary: Path) -> None:
    kept = _kept_day()
    if kept is not None and kept > reading.as_of.isoformat():
        return
    draft = _place().with_suffix(".draft")
    facts = {
        "as_of": reading.as_of.isoformat(),
        "time_zone": reading.brand.time_zone,
        "loads": plan["loads"],
        "summary": str(summary),
    }
    draft.write_text(json.dumps(facts))
    draft.replace(_place())
    # Only now: the list belongs to the summary that was kept before this one.
    (home.home() / "history" / "afresh.json").unlink(missing_ok=True)


def _kept_day() -> str | None:
    return json.loads(_place().read_text())["as_of"] if _place().exists() else None
