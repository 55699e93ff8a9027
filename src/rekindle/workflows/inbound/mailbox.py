"""The mailbox of the house: where answers and reports arrive. Read each minute; nothing in it is changed.

1. `change` keeps where it is; the password is sealed and never shown again
2. `try_now` opens it and says how many mails of the last two weeks it holds; nothing is taken
3. `read_mailbox` takes what is new: by UID under the UIDVALIDITY that was kept. Read for the first time, or numbered
   anew by its server, it is read from two weeks back, and what was taken before is known by its own number
4. how far it was read is written after each mail; cut off anywhere, the next time goes on there
5. a fault is kept, shown and tried again; it ends nothing. A mail that cannot be read is kept as such and passed over
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.inbound.imap import Box, Reader, check
from rekindle.act.inbound.mail import Heard, Parsed, read
from rekindle.errors import BadInput, RekindleError
from rekindle.journal.models import Mailbox, Security
from rekindle.workflows import audit
from rekindle.workflows.inbound.take import IMAP, take
from rekindle.workflows.sealed import seal, unseal

BACK: Final = timedelta(days=14)
"""How far back a mailbox is read at first: older answers were read by somebody, or never will be. Our choice."""
AT_ONCE: Final = 200
LATE: Final = timedelta(minutes=15)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What a form says. `password` None: the one that is kept stays."""

    is_on: bool
    host: str
    port: int
    security: Security
    username: str
    password: str | None
    folder: str


def mailbox() -> Mailbox:
    """The row that says where answers arrive; where nothing was ever kept, one that is off and not written down."""
    return Mailbox.objects.filter(pk=1).first() or Mailbox(pk=1)


def change(wanted: Wanted, *, by: User) -> Mailbox:
    """Keep where it is; switched on, it is opened first. Raises BadInput, Conflict where it does not let us in."""
    kept = mailbox()
    password = kept.password if wanted.password is None else seal(wanted.password) if wanted.password else ""
    folder = wanted.folder or "INBOX"
    box = Box(wanted.host, wanted.port, wanted.security.value, wanted.username,
              unseal(password) if password else "", folder)  # fmt: skip
    if wanted.host or wanted.is_on:
        check(box)
    if wanted.is_on:
        with Reader(box):
            pass
    with transaction.atomic():
        Mailbox.objects.get_or_create(pk=1)
        row = Mailbox.objects.select_for_update().get(pk=1)
        if (row.host, row.username, row.folder) != (wanted.host, wanted.username, folder):
            row.uid_validity, row.last_uid = None, 0
        row.is_on, row.host, row.port, row.security = wanted.is_on, wanted.host, wanted.port, wanted.security.value
        row.username, row.password, row.folder, row.fault = wanted.username, password, folder, ""
        row.changed_at, row.changed_by = timezone.now(), by
        row.save()
        audit.record("mailbox.changed", actor=by, details={"on": row.is_on, "password": wanted.password is not None})
    return row


def try_now() -> int:
    """Open it as it is kept, and give how many mails of the last two weeks it holds. Takes nothing. Raises Conflict."""
    row = mailbox()
    if not row.host:
        raise BadInput("no mailbox is set", remedy="Fill it in and keep it first.")
    with Reader(_box(row)) as reader:
        return len(reader.since((timezone.now() - BACK).date()))


def read_mailbox() -> int:
    """Take what is new; gives how many mails were looked at. For the worker, each minute; never raises for a fault."""
    row = mailbox()
    if not row.is_on or not row.host:
        return 0
    try:
        with Reader(_box(row)) as reader:
            done = _read(reader, row)
    except (RekindleError, OSError) as error:
        Mailbox.objects.filter(pk=1).update(fault=str(error)[:300])
        _log.warning("the mailbox waits: %s", error)
        return 0
    except (OperationalError, InterfaceError):
        _log.warning("the mailbox waits for the books")
        return 0
    Mailbox.objects.filter(pk=1).update(fault="", read_at=timezone.now())
    return done


def fault() -> str:
    """What stands against reading it, in a sentence; empty where it is off or all is well."""
    row = mailbox()
    if not row.is_on:
        return ""
    if row.fault:
        return row.fault
    if row.read_at is None:
        return "the mailbox has not been read yet"
    if timezone.now() - row.read_at > LATE:
        return f"the mailbox was last read on {row.read_at:%d %B at %H:%M} UTC; is the server running?"
    return ""


def told() -> tuple[bool, str]:
    """(whether all is well, a line) for the check of the installation."""
    row = mailbox()
    if not row.is_on:
        return True, "no mailbox is read; answers reach nobody here" if not row.host else "the mailbox is switched off"
    wrong = fault()
    return not wrong, wrong or f"the mailbox at {row.host} is read each minute"


def _read(reader: Reader, row: Mailbox) -> int:
    if row.uid_validity != reader.uid_validity:
        waiting = reader.since((timezone.now() - BACK).date())
        first = waiting[0] - 1 if waiting else reader.newest()
        moved = Mailbox.objects.filter(pk=1, uid_validity=row.uid_validity)
        moved.update(uid_validity=reader.uid_validity, last_uid=first)
    else:
        waiting = reader.after(row.last_uid)
    for uid in waiting[:AT_ONCE]:
        _take(reader.words(uid), name=f"{reader.uid_validity}:{uid}")
        here = Mailbox.objects.filter(pk=1, uid_validity=reader.uid_validity, last_uid__lt=uid)
        here.update(last_uid=uid)
    return len(waiting[:AT_ONCE])


def _take(raw: bytes, *, name: str) -> None:
    if not raw:
        return  # somebody took it out of the mailbox meanwhile
    parsed = read(raw)
    try:
        take(IMAP, parsed.number, parsed)
    except (OperationalError, InterfaceError, OSError):
        raise  # the books or the disk: read again in a minute
    except Exception:  # noqa: BLE001  # one mail must not hold up all those behind it
        _log.exception("a mail cannot be taken in")
        take(IMAP, hashlib.sha256(name.encode()).hexdigest(), Parsed(Heard.UNREADABLE, parsed.number))


def _box(row: Mailbox) -> Box:
    password = unseal(row.password) if row.password else ""
    return Box(row.host, row.port, row.security, row.username, password, row.folder)
