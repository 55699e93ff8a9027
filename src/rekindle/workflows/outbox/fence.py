"""What keeps a copy or a restored backup of this house from writing to people again.

Beside the books, never in them, lie
    instance.json     the generation that may send; a copy without it, or with another, does not
    sent/YYYY-MM.log  one line, flushed to the disk, before a message goes to the wire and after it has an answer

    2026-11-22T16:00:00+00:00 <epoch> <phase> <message id>

A database that does not know what the log says is an older one: sending stops by itself, the page says why, and
`reconcile` writes into it what had happened. No line holds a name or an address.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import Conflict
from rekindle.journal.models import Message, MessageState, Sending
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import audit
from rekindle.workflows.outbox.put import SENT, sending
from rekindle.workflows.outbox.trail import note

MONTHS: Final = 4  # of the log are looked at: longer than any message may wait
_FRESH: Final = (MessageState.QUEUED.value, MessageState.CLAIMED.value)
RESTORED: Final = "the sent log knows of messages that these books do not: they are an older copy"
OTHER: Final = "these books were copied, or their folder was: they are not the ones that may send from here"


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    at: str
    epoch: int
    phase: str
    message_id: str


def log(message: Message, phase: str, *, at: datetime) -> None:
    """Add a line and flush it to the disk. Raises OSError where that cannot be done: then nothing may be sent."""
    log_all([(message, phase)], at=at)


def log_all(lines: Sequence[tuple[Message, str]], *, at: datetime) -> None:
    """Add a line for each (message, phase) and flush them to the disk together. Raises OSError as `log` does."""
    folder = home.prepare() / "sent"
    folder.mkdir(mode=0o700, exist_ok=True)
    when = at.astimezone(UTC).isoformat(timespec="seconds")
    text = "".join(f"{when} {message.epoch} {phase} {message.message_id}\n" for message, phase in lines).encode()
    descriptor = os.open(folder / f"{at:%Y-%m}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # A disk that is nearly full takes a part and says so by the number alone.
        if os.write(descriptor, text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(*, deep: bool) -> Sending:
    """The row that says how to send; sending is paused in it where these books are not the ones that may.

    deep  also read the sent log, as a worker does when it begins; books do not grow older while it runs
    """
    row = sending()
    if row.paused:
        return row
    if not row.generation:
        row = _begin()
    if not row.generation or _kept(home.prepare() / "instance.json") != row.generation:
        return pause(OTHER)
    if deep and next(_unknown_to_books(), None) is not None:
        return pause(RESTORED)
    return row


def _begin() -> Sending:
    """The first generation of books from a folder that never sent, by whichever worker comes first.

    A folder that sent before knows other books: they get no generation here.
    """
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=1)
        if not row.generation and next(_lines(), None) is None:
            row.generation = secrets.token_hex(16)
            # Before the commit: cut off in between, the next one begins again, for nothing was sent.
            _keep(home.prepare() / "instance.json", row.generation)
            row.save(update_fields=["generation"])
    return row


def pause(why: str, *, by: User | None = None) -> Sending:
    """Nothing more is handed over until somebody resumes. The first reason stays."""
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=sending().pk)
        if not row.paused:
            row.paused, row.changed_at, row.changed_by = why[:300], timezone.now(), by
            row.save(update_fields=["paused", "changed_at", "changed_by"])
            audit.record("sending.paused", actor=by, details={"why": row.paused})
    return row


def reconcile() -> int:
    """Write into the books what the log says had happened; gives how many messages that settled.

    A message that the books do not know at all is written down without a person, so that its key is taken.
    """
    settled = 0
    for line in list(_unknown_to_books()):
        state = _state_of(line.phase)
        at = datetime.fromisoformat(line.at)
        with transaction.atomic():
            row = Message.objects.select_for_update().filter(message_id=line.message_id).first()
            if row is None:
                token = line.message_id.strip("<>").partition("@")[0]
                row = Message.objects.create(
                    key=f"{SENT}{token}"[:120],
                    channel=Channel.EMAIL.value,
                    touch_class=TouchClass.RELATIONSHIP.value,
                    message_id=line.message_id,
                    state=state,
                    expires_at=at,
                    not_before=at,
                    epoch=line.epoch,
                    made_by="sent log",
                    final_at=at,
                )
            else:
                row.state, row.epoch, row.lease_until, row.claimed_by = state, line.epoch, None, ""
                row.final_at = at
                row.save(update_fields=["state", "epoch", "lease_until", "claimed_by", "final_at"])
            note(row, state, reply="by the sent log")
        settled += 1
    return settled


def resume(*, by: User) -> int:
    """Let sending go on: the log is written into the books first, and this folder and these books become one again.

    Gives how many messages the log settled. Raises Conflict where nothing was paused.
    """
    if not sending().paused:
        raise Conflict("sending is not paused")
    settled = reconcile()
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=1)
        row.generation, row.paused = secrets.token_hex(16), ""
        row.changed_at, row.changed_by = timezone.now(), by
        row.save(update_fields=["generation", "paused", "changed_at", "changed_by"])
        _keep(home.prepare() / "instance.json", row.generation)
        audit.record("sending.resumed", actor=by, details={"settled_by_log": settled})
    return settled


def _unknown_to_books() -> Iterator[Line]:
    """The last line of each message of which the books know less than the log.

    Another worker may write between the log and the books, always into the log first. A line that the log has gone on
    from, once the books were read, was of somebody at work; that of an older copy stays as it is.
    """
    last = _last_lines()
    ids = list(last)
    found: list[Line] = []
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        rows = Message.objects.filter(message_id__in=some).values_list("message_id", "epoch", "state")
        known = {message_id: (epoch, state) for message_id, epoch, state in rows}
        for message_id in some:
            line = last[message_id]
            epoch, state = known.get(message_id, (-1, ""))
            surely_not = line.phase == MessageState.QUEUED.value
            if epoch < line.epoch or (epoch == line.epoch and state in _FRESH and not surely_not):
                found.append(line)
    now = _last_lines() if found else {}
    yield from (line for line in found if now.get(line.message_id) == line)


def _last_lines() -> dict[str, Line]:
    """What the log says last of each message."""
    last: dict[str, Line] = {}
    for line in _lines():
        known = last.get(line.message_id)
        if known is None or line.epoch >= known.epoch:
            last[line.message_id] = line
    return last


def _lines() -> Iterator[Line]:
    folder = home.home() / "sent"
    for path in sorted(folder.glob("*.log"))[-MONTHS:] if folder.exists() else []:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                parts = text.split()
                # A line cut off by a crash was never followed by a hand-over.
                if len(parts) == 4 and text.endswith("\n") and parts[1].isdecimal():
                    yield Line(parts[0], int(parts[1]), parts[2], parts[3])


def _state_of(phase: str) -> str:
    """What the books should say: where the log only knows that it was begun, nobody knows."""
    sure = (MessageState.ACCEPTED, MessageState.FAILED, MessageState.KEPT, MessageState.QUEUED, MessageState.CANCELLED)
    known = {state.value: str(state.value) for state in sure}
    return known.get(phase, str(MessageState.UNKNOWN.value))


def _keep(place: Path, generation: str) -> None:
    draft = place.with_suffix(".draft")
    draft.write_text(json.dumps({"generation": generation}), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(place)


def _kept(place: Path) -> str:
    try:
        return str(json.loads(place.read_text(encoding="utf-8"))["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
