"""Bring what other systems told us into the history, before a night reads it.

1. whoever became known meanwhile: what waited for their number is taken now;
2. refunds that name only an order are given to whoever placed it;
3. what waits is written as one table a source and day of arrival and taken in as any load is: looked at, cleaned,
   counted, undone like any other. An event told before, whatever the road, is recognised by its number;
4. only what is in the history leaves the disk.

Cut off anywhere, the next time does it all again and nothing is counted twice. A load that goes on meanwhile, or a
table that cannot be read, leaves everything waiting; nothing is raised, because the night must not fail for it.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from rekindle import home
from rekindle.errors import RekindleError
from rekindle.journal.models import Intake, IntakeState, WebhookSource
from rekindle.relationships.models import Identity
from rekindle.relationships.vocabulary import IdentityKind, IntakeKind
from rekindle.workflows import hook_deeds, hook_waiting, staging, take_in, webhooks
from rekindle.workflows.hook_waiting import Waiting
from rekindle.workflows.hooks.told import Happened, Who

_COLUMNS: Final = (
    "who", "email", "phone", "name", "occurred_at", "kind", "amount", "currency", "channel", "ref", "event_id",
)  # fmt: skip
_EXTRA: Final = "contract_ended_on"
"""The one column that is no field of a load: it is kept beside the event, in its properties."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gathered:
    """Deliveries whose events went into the history, the loads that took them, and deliveries that still wait."""

    deliveries: int
    loads: tuple[int, ...]
    waiting: int


def gather_waiting() -> Gathered:
    """All four steps, for every source; closed ones too, since what they told before was true."""
    sources = {source.pk: source for source in WebhookSource.objects.select_related("made_by")}
    for source in sources.values():
        webhooks.settle_held(source)
    ready: dict[tuple[int, date], list[Waiting]] = {}
    for one in _with_buyers(list(hook_waiting.waiting(is_held=False)), sources):
        if one.source in sources and not one.heard.who.is_nobody:
            ready.setdefault((one.source, one.received_on), []).append(one)
    taken, loads = 0, []
    for (number, day), some in sorted(ready.items()):
        load = _load(some, source=sources[number], day=day)
        if load is not None:
            loads.append(load.pk)
            taken += len(some)
            for one in some:
                one.remove()
    return Gathered(taken, tuple(loads), sum(1 for _ in hook_waiting.waiting()))


def how_many_wait(source: WebhookSource) -> tuple[int, int]:
    """(deliveries whose events wait for the next night, deliveries that wait until the books can take them)."""
    return hook_waiting.how_many(source, is_held=False), hook_waiting.how_many(source, is_held=True)


def _load(some: Sequence[Waiting], *, source: WebhookSource, day: date) -> Intake | None:
    """Step 3 for one source and day: the load, TAKEN; None where everything has to wait."""
    folder = home.uploads_folder() / f"gather-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700, parents=True)
    path = folder / f"{source.slug}-{day.isoformat()}.parquet"
    intake: Intake | None = None
    try:
        _write(path, some)
        mapping = {name: name for name in _COLUMNS} | {"decimal": "."}
        intake = take_in.begin(
            [path], kind=IntakeKind.EVENTS.value, source=source.slug, mapping=mapping, by=hook_deeds.acting(source)
        )
        twin = Intake.objects.filter(fingerprint=intake.fingerprint, state=IntakeState.TAKEN.value).first()
        if twin is not None:  # cut off after the load and before its files went
            intake.delete()
            return twin
        return take_in.commit(take_in.stage(intake))
    except RekindleError as error:
        _log.warning("what %s told on %s waits on: %s", source.slug, day, error)
        if intake is not None and intake.state in (IntakeState.SURVEYED.value, IntakeState.STAGED.value):
            shutil.rmtree(staging.folder(intake.pk).path, ignore_errors=True)
            intake.delete()
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, some: Iterable[Waiting]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = sorted(
        (row for one in some for row in (_row(one.heard.who, event) for event in one.heard.events)),
        key=lambda row: json.dumps(row),
    )
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in (*_COLUMNS, _EXTRA)}
    pq.write_table(pa.table(columns), path)


def _row(who: Who, event: Happened) -> dict[str, str | None]:
    """One event as text, as a file would bring it."""
    said: dict[str, Any] = {
        "who": who.number, "email": who.email, "phone": who.phone, "name": who.name,
        "occurred_at": event.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "kind": event.kind, "amount": event.amount,
        "currency": event.currency, "channel": event.channel, "ref": event.ref, "event_id": event.number,
        _EXTRA: event.contract_ended_on.isoformat() if event.contract_ended_on else "",
    }  # fmt: skip
    return {name: text or None for name, text in said.items()}


def _with_buyers(some: list[Waiting], sources: dict[int, WebhookSource]) -> list[Waiting]:
    """Step 2: refunds with the customer of their order, where the order waits too or is in the history."""
    placed = {
        (one.source, event.number): one.heard.who
        for one in some
        if not one.heard.who.is_nobody
        for event in one.heard.events
    }
    asked = {
        (one.source, event.order)
        for one in some
        if one.heard.who.is_nobody
        for event in one.heard.events
        if event.order
    }
    placed |= _buyers_in_history(sorted(asked - placed.keys()), sources)
    found = []
    for one in some:
        if one.heard.who.is_nobody:
            buyers = {placed.get((one.source, event.order)) for event in one.heard.events}
            buyer = buyers.pop() if len(buyers) == 1 else None
            one = replace(one, heard=replace(one.heard, who=buyer)) if buyer is not None else one
        found.append(one)
    return found


def _buyers_in_history(
    asked: Sequence[tuple[int, str]], sources: dict[int, WebhookSource]
) -> dict[tuple[int, str], Who]:
    """Who placed an order that a load of this source brought; without those we cannot name to it any more."""
    if not asked or not home.history_folder().exists():
        return {}
    from rekindle.observe.history import History

    by_slug = {sources[number].slug: number for number, _ in asked if number in sources}
    with staging.columns() as db:
        view = History(home.history_folder()).relation(db, without=take_in.hidden_loads())
        rows = db.execute(
            f"SELECT source, event_id, party_id FROM {view} "  # noqa: S608  # a view of ours
            "WHERE source IN (SELECT unnest($1::VARCHAR[])) AND event_id IN (SELECT unnest($2::VARCHAR[]))",
            [sorted(by_slug), sorted({order for _, order in asked})],
        ).fetchall()
    named: dict[tuple[int, str], Who] = {}
    for slug, order, party in rows:
        keys = Identity.objects.filter(party=party, valid_to=None).order_by("pk")
        number = keys.filter(kind=IdentityKind.EXTERNAL.value, source=slug).values_list("normal", flat=True).first()
        email = keys.filter(kind=IdentityKind.EMAIL.value).values_list("value", flat=True).first()
        named[by_slug[slug], order] = Who(number=number or "", email=email or "")
    return named
