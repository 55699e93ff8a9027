"""Bad days of one worker, on real books, a real mail server and real files: each prints one JSON object.

    python tests/chaos/bad_days.py full_disk --messages 120
    python tests/chaos/bad_days.py restored --messages 500
    python tests/chaos/bad_days.py clock --messages 60

Books of its own in REKINDLE_HOME, in SQLite.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from chaos import drill  # noqa: E402  # sets Django up
from chaos.post_office import PostOffice, open_post_office  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from rekindle.accounts.models import User  # noqa: E402
from rekindle.accounts.roles import Role  # noqa: E402
from rekindle.journal.models import Message, MessageState, Road, Security, Sending  # noqa: E402
from rekindle.relationships.vocabulary import TouchClass  # noqa: E402
from rekindle.workflows.outbox import clock, fence, hand, settle, worker  # noqa: E402
from rekindle.workflows.outbox.put import Words, put, sending  # noqa: E402

ROOM = 96 * 1024  # bytes that the disk of the full day has left


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("day", choices=["full_disk", "restored", "clock", "work"])
    options.add_argument("--messages", type=int, default=120)
    asked = options.parse_args()
    if asked.day == "work":
        _work_in_little_room()
        return
    call_command("migrate", verbosity=0)
    parties = drill.people(asked.messages)
    home = Path(os.environ["REKINDLE_HOME"])
    with open_post_office(home / "ledger") as office:
        sending()
        Sending.objects.update(
            road=Road.SMTP.value, host="127.0.0.1", port=office.port, security=Security.NONE.value,
            from_name="Dana Frey", from_address="dana@oak.example", per_minute=1_000_000,
        )  # fmt: skip
        for one in parties:
            said = Words("Thanks", "Thank you.\n\nDana Frey\n\nHear nothing more: http://127.0.0.1:8000/stop\n")
            put(one, said, key=f"day:{one.pk}", touch_class=TouchClass.RELATIONSHIP, made_by="drill")
        found = {"full_disk": _full_disk, "restored": _restored, "clock": _clock}[asked.day](office)
    print(json.dumps({"messages": len(parties), **found, **_world(office)}))


def _world(office: PostOffice) -> dict[str, Any]:
    taken = Counter(one.message_id for one in office.taken())
    rows = dict(Message.objects.values_list("message_id", "state"))
    return {
        "taken": sum(taken.values()),
        "duplicates": sum(count - 1 for count in taken.values()),
        "states": dict(Counter(rows.values())),
        "lost": sum(state == MessageState.ACCEPTED.value for name, state in rows.items() if name not in taken),
        "paused": sending().paused,
    }


def _until_empty() -> None:
    while worker.run_once():
        pass


def _full_disk(office: PostOffice) -> dict[str, Any]:
    """The disk is full while it sends; then there is room again."""
    connections.close_all()
    process = subprocess.run([sys.executable, __file__, "work"], check=False, capture_output=True, text=True)
    taken = len(office.taken())
    Message.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now() - timedelta(minutes=1))
    hand.sweep()
    paused = sending().paused
    if paused:
        fence.resume(by=_owner())
    _until_empty()
    return {"ended": process.returncode, "taken_in_little_room": taken, "paused_by_full_disk": paused}


def _work_in_little_room() -> None:
    """No file may grow beyond the room that is left: what a full disk does to a process, without filling one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    home = Path(os.environ["REKINDLE_HOME"])
    # The largest file decides: the write-ahead log is the one that grows.
    largest = max(path.stat().st_size for path in home.rglob("*") if path.is_file())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + ROOM, largest + ROOM))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
    _until_empty()


def _restored(office: PostOffice) -> dict[str, Any]:
    """A copy of the books from before all was sent takes their place."""
    fence.check(deep=True)  # these books are those that send from here, and the copy is of them
    name = Path(connection.settings_dict["NAME"])
    copy = name.with_name("copy.sqlite3")
    connections.close_all()
    with sqlite3.connect(name) as books, sqlite3.connect(copy) as kept:
        books.backup(kept)
    _until_empty()
    sent = len(office.taken())
    connections.close_all()
    for old in name.parent.glob(f"{name.name}*"):
        old.unlink()
    copy.rename(name)
    _until_empty()
    found = {"sent": sent, "after_restore": len(office.taken()) - sent, "noticed": sending().paused}
    found["settled_by_log"] = fence.resume(by=_owner())
    _until_empty()
    return found


def _clock(office: PostOffice) -> dict[str, Any]:
    """The clock jumps 400 days ahead and back while messages are claimed and handed over."""
    real, shift = clock.now, timedelta(0)

    def shifted() -> datetime:
        return real() + shift

    clock.now = shifted
    road = fence.check(deep=True)
    opened = worker.open_channel(road)
    for days in (0, 400, -400, 0):
        shift = timedelta(days=days)
        claims = hand.claim("w", most=10)
        for claimed in claims[:5]:
            row = hand.mark(claimed, worker="w", settled_at=road.changed_at)
            if row is not None:
                handed = opened.hand_over(worker.headers.envelope(row, road))
                shift = timedelta(days=days + 400)
                hand.settle(row, handed, worker="w")
                shift = timedelta(days=days)
        hand.sweep()
        settle.close_old()
    opened.close()
    shift = timedelta(0)
    Message.objects.filter(lease_until__isnull=False).update(lease_until=real() - timedelta(minutes=1))
    hand.sweep()
    _until_empty()
    return {}


def _owner() -> User:
    return User.objects.create_user("owner@oak.example", name="Owner", role=Role.OWNER.value)


if __name__ == "__main__":
    main()
