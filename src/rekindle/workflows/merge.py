"""Two records of one person made one, and taken apart again.

`merge`: 1. nothing else moves meanwhile: no load, no night; 2. in one transaction every row of the one that goes is
given to the one that stays; where both say something about the same thing the stricter word stands and the other is
kept in the ledger; 3. the events follow in one commit of the history, and the next night reads both afresh.

`undo`: the ledger backwards, the newest merge first; what was learned since stays with the one that stayed.

`finish` moves the events of a merge that was cut off between its two commits; merging, undoing and the night call it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Intake, IntakeState, Night, NightState
from rekindle.observe.history import History
from rekindle.relationships import wishes
from rekindle.relationships.models import Identity, Merge, Party, Relationship, Suppression, suppression_hash
from rekindle.relationships.vocabulary import IdentityKind, PartyKind
from rekindle.workflows import audit, merge_joins
from rekindle.workflows.alone import alone
from rekindle.workflows.merge_rows import Ledger, give, pointing_at, take_apart

_FILLED = ("name", "given_name", "language", "time_zone", "country", "deceased_on")


@dataclass(frozen=True)
class Side:
    """One of two records as a page shows it beside the other."""

    party: Party
    identities: tuple[Identity, ...]
    relationships: tuple[Relationship, ...]
    rows: dict[str, int]
    events: int
    is_suppressed: bool


@dataclass(frozen=True)
class Preview:
    """What a merge would do. `differing` are fields on which both have a word: (field, it stays, it goes)."""

    keep: Side
    gone: Side
    differing: tuple[tuple[str, str, str], ...]
    closed_roads: tuple[str, ...]


def preview(keep: Party, gone: Party) -> Preview:
    """Both sides and what would become of them; nothing changes. Raises BadInput where they cannot be one."""
    _may_be_one(keep, gone)
    differing = tuple(
        (name.replace("_", " "), str(getattr(keep, name)), str(getattr(gone, name)))
        for name in _FILLED
        if getattr(keep, name) and getattr(gone, name) and getattr(keep, name) != getattr(gone, name)
    )
    return Preview(_side(keep), _side(gone), differing, tuple(merge_joins.roads_that_close(keep, gone)))


def merge(keep: Party, gone: Party, *, by: User | None) -> Merge:
    """Make `gone` part of `keep`. Raises BadInput where they cannot be one, Conflict where something else is running.

    A suppression of either holds for both afterwards, because the identities move; an opt-out of either stands.
    """
    with standing_still("Merging"):
        keep, gone = Party.objects.get(pk=keep.pk), Party.objects.get(pk=gone.pk)
        _may_be_one(keep, gone)
        number = gone.pk
        with transaction.atomic():
            ledger = Ledger()
            row = Merge.objects.create(kept=keep, gone=number, by=by)
            _join(keep, gone, ledger)
            row.moved = {
                "rows": ledger.entries,
                "events": History(home.history_folder()).keys_of(number),
                "waiting": "moved",
            }
            row.save(update_fields=["moved"])
            begin_nights_anew()
            audit.record(
                "party.merged", actor=by, subject=f"party:{keep.pk}", details={"gone": number, "merge": row.pk}
            )
        _move_events(row)
    return row


def undo(row: Merge, *, by: User | None) -> Merge:
    """Take one merge apart; taking it apart twice is once. Raises Conflict unless it is the newest of its party."""
    with standing_still("Taking a merge apart"):
        row.refresh_from_db()
        if row.undone_at is not None:
            return row
        later = Merge.objects.filter(kept=row.kept_id, undone_at=None, pk__gt=row.pk).order_by("-pk").first()
        if later is not None:
            raise Conflict(f"merge {later.pk} came after merge {row.pk}.", remedy="Take the later one apart first.")
        with transaction.atomic():
            take_apart(row.moved["rows"])
            row.undone_at = timezone.now()
            row.moved = {**row.moved, "waiting": "back"}
            row.save(update_fields=["undone_at", "moved"])
            begin_nights_anew()
            audit.record("party.parted", actor=by, subject=f"party:{row.kept_id}", details={"merge": row.pk})
        _move_events(row)
    return row


def finish() -> int:
    """Move the events of merges that were cut off; gives how many there were."""
    waiting = list(Merge.objects.filter(moved__has_key="waiting").order_by("pk"))
    for row in waiting:
        _move_events(row)
    return len(waiting)


def finish_if_any() -> None:
    """At start: finish merges that were cut off, under the locks of a merge, which nobody takes when there are none.

    Raises Conflict while a night or a load runs: its end, or the next night, finishes them.
    """
    if Merge.objects.filter(moved__has_key="waiting").exists():
        with standing_still("A merge that was cut off"):
            pass  # entering has finished them


@contextmanager
def standing_still(doing: str) -> Iterator[None]:
    """Nobody loads and no night runs while the block does; what an earlier one left half done is finished first."""
    with alone("night", doing="A night"), alone("take-in", doing="A load"):
        if Intake.objects.filter(state=IntakeState.TAKING.value).exists():
            raise Conflict(f"{doing} waits: a load was cut off.", remedy="Any load or the next night finishes it.")
        finish()
        yield


def begin_nights_anew() -> None:
    """A night that was cut off has read people as they no longer are: it must not go on where it stopped."""
    Night.objects.exclude(state=NightState.DONE.value).update(inputs="")


def read_afresh(*parties: int) -> None:
    """The kept summary of these parties no longer holds; the next night reads their whole past again."""
    place = home.home() / "history" / "afresh.json"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = json.loads(place.read_text()) if place.exists() else []
    draft = place.with_suffix(".draft")
    draft.write_text(json.dumps(sorted({*known, *parties})))
    draft.replace(place)


def _move_events(row: Merge) -> None:
    """The second commit of a merge or its undoing. Safe to repeat: a key that was moved is moved."""
    history = History(home.history_folder())
    there, back = row.gone, row.kept_id
    if row.moved["waiting"] == "back":
        there, back = back, there
    read_afresh(there, back)
    history.move_party(there, to=back, keys=row.moved["events"])
    row.moved = {name: value for name, value in row.moved.items() if name != "waiting"}
    row.save(update_fields=["moved"])


def _may_be_one(keep: Party, gone: Party) -> None:
    if keep.pk == gone.pk:
        raise BadInput("this is one record already", remedy="Choose two.")
    if keep.kind != gone.kind:
        kinds = f"{PartyKind(keep.kind).label} and {PartyKind(gone.kind).label}"
        raise BadInput(f"a merge joins two of a kind, not {kinds}", remedy="Write down a role instead.")


def _join(keep: Party, gone: Party, ledger: Ledger) -> None:
    merge_joins.relationships(keep, gone, ledger)
    merge_joins.consents(keep, gone, ledger)
    merge_joins.identities(keep, gone, ledger)
    merge_joins.assignments(keep, gone, ledger)
    merge_joins.ties(keep, gone, ledger)
    give(gone, keep, ledger)
    filled = {name: getattr(gone, name) for name in _FILLED if not getattr(keep, name) and getattr(gone, name)}
    ledger.set(keep, **filled, extra={**gone.extra, **keep.extra, **wishes.strictest(keep.extra, gone.extra)})
    ledger.drop(gone)


def _side(party: Party) -> Side:
    relationships = tuple(
        Relationship.objects.filter(party=party).select_related("brand", "owner").order_by("brand_id")
    )
    identities = tuple(Identity.objects.filter(party=party).order_by("kind", "id"))
    rows: dict[str, int] = {}
    for model, keys in ((Party, [party.pk]), (Relationship, [one.pk for one in relationships])):
        for link in pointing_at(model):
            if link.model in (Relationship, Identity) or link.primary_key or link.model is Merge:
                continue
            if n := link.model._base_manager.filter(**{f"{link.attname}__in": keys}).count():
                name = str(link.model._meta.verbose_name_plural)
                rows[name] = rows.get(name, 0) + n
    hashes = {suppression_hash(IdentityKind(one.kind), one.normal, source=one.source) for one in identities}
    return Side(
        party=party,
        identities=identities,
        relationships=relationships,
        rows=rows,
        events=len(History(home.history_folder()).keys_of(party.pk)),
        is_suppressed=Suppression.objects.filter(key_hash__in=hashes).exists(),
    )
