"""Forget one person, everywhere; or hand them everything there is about them.

`forget`: 1. nothing else moves meanwhile; 2. a keyed hash of every address and number is kept, so that they are never
written to and no load brings them back; 3. the files of loads that hold them go; 4. their events go out of the
history, its old files and its log; 5. their rows go out of both books, and samples and messages that show their
addresses are blanked; 6. the database gives the freed pages back empty. Cut off anywhere before 5, the person is
still there and forgetting them again goes on.

Not ours to reach: files the operator exported, copied or loaded from outside the home folder, backups, and what
somebody wrote about this person in a note on another. The page and docs/forget.md say so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.db import OperationalError, connection, models, transaction

from rekindle import home
from rekindle.accounts.models import User
from rekindle.journal.models import Intake, IntakeState, Job, Night
from rekindle.observe.history import History
from rekindle.relationships.models import (
    DataRequest,
    Identity,
    Merge,
    Party,
    Relationship,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit, events_waiting, forgotten, hook_waiting, merge, staging
from rekindle.workflows.merge_rows import facts_of, pointing_at
from rekindle.workflows.outbox.erase import erase as erase_messages

BLANK: Final = "(forgotten)"
SHORTEST: Final = 6
"""A number shorter than this is looked for in its own column only: as text it stands in every file. Our choice."""

EVENTS_AT_MOST: Final = 100_000
CHUNK: Final = 2**20
_WAITING: Final = frozenset({IntakeState.SURVEYED.value, IntakeState.STAGED.value})
_LOOKED_AT_ELSEWHERE: Final = frozenset({"history", "intakes", "keys", "locks", "nights", "spill", "uploads"})


@dataclass(frozen=True)
class Erased:
    """What went. `rows` by table; `loads` whose files went; `remains` what could not be erased, in sentences."""

    party: int
    rows: dict[str, int]
    events: int
    hashes: int
    loads: tuple[int, ...]
    files: int
    remains: tuple[str, ...]


def forget(party: Party, *, by: User | None) -> Erased:
    """Erase one person for good and give what went. Raises Conflict while a load or a night is running."""
    with merge.standing_still("Forgetting"):
        number = party.pk
        identities = list(Identity.objects.filter(party=party))
        words = _words(party, identities)
        hashes = _keep_hashes(identities)
        hook_waiting.forget_waiting(party)
        events_waiting.forget_waiting(_told_as(identities))
        loads = _loads_with(party, identities, words)
        files = _clean_files(loads, number, words)
        merge.read_afresh(number)
        events = History(home.history_folder()).erase_party(number)
        with transaction.atomic():
            Merge.objects.filter(gone=number).delete()
            DataRequest.objects.filter(party=number).update(words="", answer="")
            erase_messages(number)
            _total, rows = Party.objects.filter(pk=number).delete()
            _blank(loads, words)
            merge.begin_nights_anew()
            audit.record(
                "party.forgotten",
                actor=by,
                subject=f"party:{number}",
                details={"rows": sum(rows.values()), "events": events, "hashes": hashes},
            )
        remains = (*_sweep(words), *_empty_free_pages())
    named = {label.split(".")[-1].lower(): n for label, n in sorted(rows.items()) if n}
    return Erased(number, named, events, hashes, tuple(loads), files, remains)


def everything_about(party: Party) -> dict[str, Any]:
    """Everything the books and the history hold about one party, as plain JSON: {"about", "tables", "events"}.

    tables   {name of the table: rows}, asked of the models, so that a table made later is in it too
    events   newest first; "events_left_out" tells how many were too many for one document
    """
    relationships = list(Relationship.objects.filter(party=party).order_by("pk"))
    identities = list(Identity.objects.filter(party=party).order_by("pk"))
    staff = {user.pk: str(user) for user in User.objects.all()}
    tables: dict[str, list[dict[str, Any]]] = {"relationships": [_told(row, staff) for row in relationships]}
    said: set[tuple[type[models.Model], Any]] = {(Relationship, row.pk) for row in relationships}
    holders: list[tuple[type[models.Model], list[Any]]] = [(Party, [party.pk]), (Relationship, [pk for _, pk in said])]
    for model, keys in holders:  # grows: what hangs on a row of theirs (an interview on an end) is theirs too
        for link in pointing_at(model):
            if link.model in (Party, Relationship):
                continue
            found = link.model._base_manager.filter(**{f"{link.attname}__in": keys}).order_by("pk")
            fresh = [row for row in found if (link.model, row.pk) not in said]
            if not fresh:
                continue
            said |= {(link.model, row.pk) for row in fresh}
            tables.setdefault(str(link.model._meta.verbose_name_plural), []).extend(_told(row, staff) for row in fresh)
            holders.append((link.model, [row.pk for row in fresh]))
    hashes = [suppression_hash(IdentityKind(row.kind), row.normal, source=row.source) for row in identities]
    events = History(home.history_folder()).of(party.pk, limit=EVENTS_AT_MOST + 1).to_pylist()
    return {
        "about": {
            **_told(party, staff),
            "never_to_be_reached": Suppression.objects.filter(key_hash__in=hashes).exists(),
        },
        "tables": tables,
        "events": [_event(row) for row in events[:EVENTS_AT_MOST]],
        "events_left_out": len(events) > EVENTS_AT_MOST,
    }


def _told(row: models.Model, staff: dict[int, str]) -> dict[str, Any]:
    """One row without what is empty; coded words and members of staff by name, so that a human can read it."""
    said = {}
    for field in row._meta.concrete_fields:
        value = facts_of(row)[field.attname]
        if value in (None, "", [], {}):
            continue
        is_staff = field.related_model is User
        words = {**staff} if is_staff else dict(field.flatchoices)
        said[field.name if is_staff else field.attname] = str(words[value]) if words and value in words else value
    return said


def _event(row: dict[str, Any]) -> dict[str, Any]:
    left_out = {"event_key", "party_id"}
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in left_out and value is not None
    }


def _words(party: Party, identities: Iterable[Identity]) -> tuple[str, ...]:
    """What shows this person in a text, in lower case: addresses, long numbers, the name where it has two words.

    Twice where a letter is not ASCII: bytes of a file are only lowered where they are ASCII.
    """
    texts = {text for row in identities for text in (row.value, row.normal) if len(text) >= SHORTEST}
    if " " in party.name.strip():
        texts.add(party.name.strip())
    as_bytes = {text.encode().lower().decode() for text in texts}
    return tuple(sorted(as_bytes | {text.casefold() for text in texts}))


def _told_as(identities: Iterable[Identity]) -> list[tuple[str, str, str]]:
    """(column, value, source) under which an event may name them."""
    named = {kind.value: name for name, kind in forgotten.KEYS.items()}
    return [(named[row.kind], text, row.source) for row in identities for text in (row.value, row.normal)]


def _keep_hashes(identities: Iterable[Identity]) -> int:
    hashes = {(row.kind, suppression_hash(IdentityKind(row.kind), row.normal, source=row.source)) for row in identities}
    with transaction.atomic():
        for kind, key in hashes:
            Suppression.objects.update_or_create(
                kind=kind, key_hash=key, defaults={"reason": forgotten.REASON, "source": "", "load": None}
            )
    return len(hashes)


def _loads_with(party: Party, identities: list[Identity], words: tuple[str, ...]) -> list[int]:
    """Numbers of the loads whose rows, staged files, uploads or samples hold this person."""
    named = {party.load, *(row.load for row in identities)}
    for row in everything_about(party)["tables"].values():
        named |= {one.get("load") for one in row}
    named |= {
        event["intake"] for event in History(home.history_folder()).of(party.pk, limit=EVENTS_AT_MOST).to_pylist()
    }
    return [
        intake.pk
        for intake in Intake.objects.order_by("pk")
        if intake.pk in named
        or _is_staged(staging.folder(intake.pk), party.pk, identities)
        or any(_shows(path, words) for path in [*_own_files(intake), staging.folder(intake.pk).rejects])
        or _mentions([intake.survey, intake.error, intake.files], words)
    ]


def _is_staged(place: staging.Folder, party: int, identities: list[Identity]) -> bool:
    """Whether the parties of a staged load hold this one, by number or by any key or address beside it."""
    if not place.parties.exists():
        return False
    values = sorted({text for row in identities for text in (row.value, row.normal)})
    with staging.columns() as db:
        found = db.execute(
            "SELECT count(*) FROM read_parquet($1) WHERE party_id = $2 OR key IN (SELECT unnest($3::VARCHAR[])) "
            "OR email IN (SELECT unnest($3::VARCHAR[])) OR phone IN (SELECT unnest($3::VARCHAR[]))",
            [str(place.parties), party, values],
        ).fetchall()
    return bool(found[0][0])


def _own_files(intake: Intake) -> list[Path]:
    """The files of a load that lie in our home; the operator's own are not ours to change."""
    return [path for path in map(Path, intake.files) if path.is_relative_to(home.uploads_folder())]


def _clean_files(loads: list[int], party: int, words: tuple[str, ...]) -> int:
    """Remove the uploads and staged files of these loads, and what stood before in every other; gives how many."""
    gone = 0
    for intake in Intake.objects.filter(pk__in=loads):
        for path in _own_files(intake):
            gone += path.exists()
            path.unlink(missing_ok=True)
        place = staging.folder(intake.pk).path
        for path in sorted(place.iterdir()) if place.exists() else ():
            if path.name != "before.json":
                gone += 1
                path.unlink()
    for place in home.home().glob("intakes/*/before.json"):
        rows = json.loads(place.read_text())
        if any(row["id"] == party for row in rows):
            draft = place.with_suffix(".draft")
            draft.write_text(json.dumps([row for row in rows if row["id"] != party]))
            draft.replace(place)
    for folder in home.uploads_folder().glob("*"):  # an upload that never became a load
        if folder.is_dir() and any(_shows(path, words) for path in folder.iterdir()):
            gone += 1
            shutil.rmtree(folder)
    return gone


def _blank(loads: list[int], words: tuple[str, ...]) -> None:
    """Take samples out of the survey of these loads, and texts that show the person out of loads, jobs and nights."""
    for intake in Intake.objects.filter(pk__in=loads):
        for column in intake.survey.get("columns") or []:
            column["samples"] = []
        intake.survey, intake.files = _without(intake.survey, words), _without(intake.files, words)
        intake.error = _without(intake.error, words)
        if intake.state in _WAITING:
            intake.state = IntakeState.FAILED.value
            intake.error = "its files held somebody who asked to be forgotten and were removed; load them again."
        intake.save(update_fields=["survey", "files", "error", "state"])
    for job in Job.objects.all():
        if _mentions([job.arguments, job.progress, job.error], words):
            job.arguments, job.progress = _without(job.arguments, words), _without(job.progress, words)
            job.error = _without(job.error, words)
            job.save(update_fields=["arguments", "progress", "error"])
    for night in Night.objects.exclude(error=""):
        if _mentions(night.error, words):
            Night.objects.filter(pk=night.pk).update(error=BLANK)


def _without(said: Any, words: tuple[str, ...]) -> Any:
    """The same JSON with every text that shows the person blanked."""
    if isinstance(said, dict):
        return {name: _without(value, words) for name, value in said.items()}
    if isinstance(said, list):
        return [_without(value, words) for value in said]
    return BLANK if isinstance(said, str) and _mentions(said, words) else said


def _mentions(said: Any, words: tuple[str, ...]) -> bool:
    text = json.dumps(said, ensure_ascii=False).casefold()
    return any(word in text for word in words)


def _shows(path: Path, words: tuple[str, ...]) -> bool:
    """Whether a file holds one of the words in the usual encodings of text, ASCII letters of any size.

    What is packed (XLSX, Parquet) is known by the load it belongs to, not by its bytes.
    """
    if not path.is_file():
        return False
    sought = {
        form
        for word in words
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "cp1252")
        if (form := word.encode(encoding, "ignore"))
    }
    longest = max(map(len, sought), default=0)
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            seen = before + chunk.lower()
            if any(form in seen for form in sought):
                return True
            before = seen[-longest:]
    return False


def _sweep(words: tuple[str, ...]) -> Iterator[str]:
    """Files that lie in the home folder and are not ours, and still show the person."""
    for place in sorted(home.home().iterdir()):
        if place.name in _LOOKED_AT_ELSEWHERE or place.name.startswith(home.books_file().name):
            continue
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if _shows(path, words):
                yield f"{path} still names them; it is not ours to change. Remove it if it is a copy you made."


def _empty_free_pages() -> Iterator[str]:
    """Leave no deleted row in the database's free pages or its log; says what could not be done.

    PostgreSQL keeps its write-ahead log and its backups by their own rules, which the operator set.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM")
            return
        try:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = bool(cursor.fetchone()[0])
        except OperationalError:
            busy = True
        if busy:
            yield "The database's log could not be emptied while others read it; forgotten rows go with its next turn."
