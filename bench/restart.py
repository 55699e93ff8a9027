"""From kill -9 to the first message that the mail server takes, with a long queue waiting.

    python bench/restart.py --messages 200000

Books with so many queued messages in a temporary folder; a worker is started, killed with SIGKILL once the server has
taken a few, and started anew. Prints the seconds from the kill to the next message that is taken, start-up included,
beside the floor: the start of Python with Django and the books, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests"))

WORK = (
    "import django; django.setup(); import threading; from rekindle.workflows.outbox import worker; "
    "worker.work(threading.Event())"
)
FLOOR = "import django; django.setup(); from rekindle.journal.models import Message; Message.objects.first()"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=200_000)
    options.add_argument("--kills", type=int, default=5)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"REKINDLE_HOME": folder, "DJANGO_SETTINGS_MODULE": "rekindle.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _measured(asked, Path(folder))


def _measured(asked: argparse.Namespace, folder: Path) -> None:
    from chaos.drill import mail_of, people
    from django.db import connections
    from django.utils import timezone
    from outbox import post_office

    from rekindle.journal.models import Message, Road, Security, Sending
    from rekindle.relationships.vocabulary import Channel, TouchClass
    from rekindle.workflows.outbox.put import sending, token_of

    parties, at = people(asked.messages), timezone.now()
    text = "Thank you.\n\nDana Frey\n\nHear nothing more: http://127.0.0.1:8000/stop\n"
    Message.objects.bulk_create(
        (
            Message(
                key=f"bench:{one.pk}", party=one, channel=Channel.EMAIL.value, recipient=mail_of(one.pk), text=text,
                touch_class=TouchClass.RELATIONSHIP.value, subject="A word of thanks", made_by="bench",
                message_id=f"<{token_of(str(one.pk))}@oak.example>", not_before=at,
                expires_at=at.replace(year=at.year + 1),
            )
            for one in parties
        ),
        batch_size=2_000,
    )  # fmt: skip
    ledger = folder / "ledger"
    with post_office(ledger) as port:
        sending()
        Sending.objects.update(
            road=Road.SMTP.value, host="127.0.0.1", port=port, security=Security.NONE.value,
            from_name="Dana Frey", from_address="dana@oak.example", per_minute=10_000_000,
        )  # fmt: skip
        connections.close_all()
        took = [_seconds_to_next(ledger) for _ in range(asked.kills + 1)][1:]  # the first begins, it comes from no kill
    floor = [_seconds(FLOOR) for _ in range(asked.kills)]
    print(f"{asked.messages:,} queued, {asked.kills} kills; seconds, median and longest")
    print(f"{'kill to the next message taken':34}{statistics.median(took):8.2f}{max(took):8.2f}")
    print(f"{'floor: Python, Django, one row':34}{statistics.median(floor):8.2f}{max(floor):8.2f}")


def _seconds_to_next(ledger: Path) -> float:
    before, begun = _taken(ledger), time.perf_counter()
    worker = subprocess.Popen([sys.executable, "-c", WORK])
    while _taken(ledger) == before:
        time.sleep(0.005)
    took = time.perf_counter() - begun
    while _taken(ledger) < before + 20:
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return took


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def _taken(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


if __name__ == "__main__":
    main()
