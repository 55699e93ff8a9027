"""A bad day for the outbox: real workers, a real mail server that fails, real SIGKILL, and the ledger as the truth.

    python tests/chaos/drill.py --messages 2000 --kills 40 --workers 3 --seed 1

Books of its own in REKINDLE_HOME (and REKINDLE_DATABASE_URL). Prints one JSON object: what was sent, what the ledger
says, and every way in which the two must never differ.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rekindle.settings")

import django  # noqa: E402

django.setup()

from chaos.post_office import PostOffice, open_post_office  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, close_old_connections  # noqa: E402

from rekindle.journal.models import (  # noqa: E402
    Arm,
    Assignment,
    Holdout,
    Message,
    MessageState,
    Playbook,
    Road,
    Security,
    Sending,
)
from rekindle.journal.models.message import OPEN  # noqa: E402
from rekindle.relationships.models import Brand, Breakup, Consent, Identity, Party, Relationship  # noqa: E402
from rekindle.relationships.vocabulary import Basis, Channel, Commercial, IdentityKind, Stage, TouchClass  # noqa: E402
from rekindle.workflows import suppress  # noqa: E402
from rekindle.workflows.outbox.failpoints import POINTS  # noqa: E402
from rekindle.workflows.outbox.put import Words, put, sending  # noqa: E402

RATES = {
    "refuse_rcpt_4": 0.02, "refuse_data_4": 0.02, "refuse_end_4": 0.02, "refuse_end_5": 0.01, "drop_before_dot": 0.01,
    "drop_after_dot": 0.01, "late_421": 0.02, "garbage": 0.01, "slow": 0.01,
}  # fmt: skip
BLOCKED = 0.05  # of all people say never again before it begins; as many while it runs
PATIENCE = 400.0  # seconds, and a tenth more for each message


def people(count: int) -> list[Party]:
    """Customers who allow letters by mail and are wide awake now."""
    hour = datetime.now(UTC).hour
    zone = f"Etc/GMT{'+' if hour > 12 else '-'}{abs(hour - 12)}" if hour != 12 else "Etc/GMT"  # POSIX signs: + is west
    brand = Brand.objects.create(name="Drill", slug="drill", pulse="visit", region="GB", time_zone=zone)
    parties = Party.objects.bulk_create(
        Party(name=f"Person {number}", country="GB", time_zone=zone) for number in range(count)
    )
    Relationship.objects.bulk_create(
        Relationship(party=one, brand=brand, stage=Stage.ONGOING.value, commercial=Commercial.LIVE.value, life=1)
        for one in parties
    )
    Identity.objects.bulk_create(
        Identity(party=one, kind=IdentityKind.EMAIL.value, value=mail_of(one.pk), normal=mail_of(one.pk))
        for one in parties
    )
    Consent.objects.bulk_create(
        Consent(
            party=one, channel=Channel.EMAIL.value, purpose=TouchClass.RELATIONSHIP.value, basis=Basis.CONSENT.value,
            obtained_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
        for one in parties
    )  # fmt: skip
    return parties


def mail_of(number: int) -> str:
    return f"person{number}@example.org"


def worker(point: str, log: Path) -> subprocess.Popen[bytes]:
    """A worker with a short lease, which comes to grief at that point."""
    environment = {**os.environ, "REKINDLE_FAILPOINT": point}
    code = (
        "import django; django.setup(); import threading; from datetime import timedelta; "
        "from rekindle.workflows.outbox import hand, worker; hand.LEASE = timedelta(seconds=6); "
        "worker.SWEEP_SECONDS = 1.0; worker.AFTER_TROUBLE = 1.0; worker.work(threading.Event(), idle_seconds=0.1)"
    )
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=file, stderr=file)


def grief(chance: random.Random) -> str:
    """Where and how the next worker breaks; half of them are killed from outside instead."""
    if chance.random() < 0.5:
        return ""
    what = chance.choice(["kill", "kill", "raise", "sleep=8"])
    return f"{chance.choice(POINTS)}:{what}:{chance.randint(1, 40)}"


def main() -> None:
    options = argparse.ArgumentParser()
    for name, usual in (("messages", 600), ("kills", 12), ("workers", 3), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=usual)
    asked = options.parse_args()
    call_command("migrate", verbosity=0)
    chance = random.Random(asked.seed)
    home = Path(os.environ["REKINDLE_HOME"])
    parties = people(asked.messages)
    before, during, quiet, alone = _blocked(parties, chance)
    stop = "http://127.0.0.1:8000/stop"
    for one in parties:
        said = Words("A word of thanks", f"Thank you for the years.\n\nDana Frey\n\nHear nothing more: {stop}\n")
        put(one, said, key=f"drill:{one.pk}", touch_class=TouchClass.RELATIONSHIP, made_by="drill")
    for one in before:
        suppress.suppress(one, reason="never again", source="drill", by=None)
    for theirs in Relationship.objects.filter(party__in=quiet):
        _ended(theirs)
    _leave_alone(alone)
    begun = time.monotonic()
    with open_post_office(home / "ledger", rates=RATES, seed=asked.seed) as office:
        sending()
        Sending.objects.update(
            road=Road.SMTP.value, host="127.0.0.1", port=office.port, security=Security.NONE.value,
            from_name="Dana Frey", from_address="dana@oak.example", per_minute=1_000_000,
        )  # fmt: skip
        kills, said_no = _run(asked, chance, during, home)
    found = _verdict(office, parties, [before, [*quiet, *alone]], said_no, kills=kills)
    print(json.dumps({**found, "seconds": round(time.monotonic() - begun, 1)}))


def _blocked(parties: list[Party], chance: random.Random) -> tuple[list[Party], ...]:
    """Who says never again before it begins, who says so while it runs, who is left in peace after an end, and who is
    left alone to learn what a plan does."""
    some = chance.sample(parties, int(3 * BLOCKED * len(parties)))
    sixth = len(some) // 6
    return some[: 2 * sixth], some[2 * sixth : 4 * sixth], some[4 * sixth : 5 * sixth], some[5 * sixth :]


def _leave_alone(some: list[Party]) -> None:
    """Drawn to be left alone for half a year."""
    now = datetime.now(UTC)
    row = Holdout.objects.create(playbook=Playbook.objects.create(code="drill"), share=0.1, days=180, salt="drill")
    Assignment.objects.bulk_create(
        Assignment(
            holdout=row, party=one, arm=Arm.HELD_OUT.value, assigned_at=now, until=now + timedelta(days=180),
            occurrence="drill",
        )
        for one in some
    )  # fmt: skip


def _ended(theirs: Relationship) -> None:
    """It ended ten days ago: they are left in peace for eighty more."""
    today = datetime.now(UTC)
    Breakup.objects.create(
        relationship=theirs, ended_on=today.date() - timedelta(days=10), quiet_until=today + timedelta(days=80)
    )
    theirs.stage, theirs.commercial = Stage.COOLING_OFF.value, Commercial.ENDED.value
    theirs.save(update_fields=["stage", "commercial"])


def _run(
    asked: argparse.Namespace, chance: random.Random, during: list[Party], home: Path
) -> tuple[int, dict[int, datetime]]:
    """Workers come and go until every message has come to an end; gives (kills, when each person said no)."""
    said_no: dict[int, datetime] = {}
    workers = [worker(grief(chance), home / "workers.log") for _ in range(asked.workers)]
    kills, deadline = 0, time.monotonic() + PATIENCE + asked.messages / 10
    waiting = list(during)
    ended = threading.Event()
    while time.monotonic() < deadline:
        ended.wait(0.15)
        try:
            if waiting:
                suppress.suppress(waiting[-1], reason="never again", source="drill", by=None)
                said_no[waiting.pop().pk] = datetime.now(UTC)
        except DatabaseError:
            close_old_connections()  # it fell over: the no was not taken, and is said again
            continue
        for place, one_worker in enumerate(workers):
            if kills < asked.kills and one_worker.poll() is None and chance.random() < 0.06:
                one_worker.send_signal(signal.SIGKILL)
            if one_worker.poll() is not None:
                one_worker.wait()
                kills += 1
                workers[place] = worker(grief(chance) if kills < asked.kills else "", home / "workers.log")
        try:
            if sending().paused or (not waiting and not _unsettled()):
                break
        except DatabaseError:
            close_old_connections()
    for one_worker in workers:
        one_worker.kill()
        one_worker.wait()
    return kills, said_no


def _unsettled() -> bool:
    """Whether any message is still on its way. What was refused for now would wait minutes: the drill does not."""
    Message.objects.filter(state=MessageState.QUEUED.value, not_before__gt=datetime.now(UTC)).update(
        not_before=datetime.now(UTC)
    )
    return Message.objects.filter(state__in=[state.value for state in OPEN]).exists()


def _verdict(
    office: PostOffice,
    parties: list[Party],
    blocked: list[list[Party]],
    said_no: dict[int, datetime],
    *,
    kills: int,
) -> dict[str, object]:
    taken = office.taken()
    by_id = Counter(one.message_id for one in taken)
    rows = {row.message_id: row for row in Message.objects.all()}
    arrived = set(by_id)
    states = Counter(row.state for row in rows.values())
    never, quiet = ({mail_of(one.pk) for one in some} for some in blocked)
    late = []
    for one in taken:
        number = int(one.recipient.removeprefix("person").partition("@")[0])
        row = rows[one.message_id]
        no = said_no.get(number)
        if no is not None and row.handed_at is not None and row.handed_at > no:
            late.append(one.recipient)
    return {
        "messages": len(parties),
        "kills": kills,
        "states": dict(states),
        "taken": len(taken),
        "duplicates": sum(count - 1 for count in by_id.values()),
        "to_never_again": sum(one.recipient in never for one in taken),
        "to_quiet_or_held_out": sum(one.recipient in quiet for one in taken),
        "after_they_said_no": len(late),
        "lost": sum(row.state == MessageState.ACCEPTED.value for row in rows.values() if row.message_id not in arrived),
        "taken_but_failed": sum(
            row.message_id in arrived
            and row.state in {MessageState.FAILED.value, MessageState.CANCELLED.value, MessageState.EXPIRED.value}
            for row in rows.values()
        ),
        "unsettled": sum(states[state.value] for state in (
            MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER)),
        "paused": sending().paused,
    }  # fmt: skip


if __name__ == "__main__":
    main()
