"""The same bad day for a well-kept peer, django-post_office, so that the comparison is counted and not quoted.

    python tests/chaos/peer.py --messages 600 --kills 8 [--faults] [--hosts 2]

One project of its own in REKINDLE_HOME with SQLite, one mail to each of N people, workers as its documentation runs
them (`send_queued_mail_until_done`, a lock file a host), our post office with its ledger, SIGKILL from outside at
moments drawn by the seed. Prints one JSON object: how many people heard how often.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # in the place of this folder: our post office has the name of the peer

PATIENCE = 240.0
RATES = {
    "refuse_rcpt_4": 0.02, "refuse_data_4": 0.02, "refuse_end_4": 0.02, "refuse_end_5": 0.01, "drop_before_dot": 0.01,
    "drop_after_dot": 0.01, "late_421": 0.02, "garbage": 0.01, "slow": 0.01,
}  # fmt: skip
"""As in our own drill."""


def main() -> None:
    options = argparse.ArgumentParser()
    for name, usual in (("messages", 600), ("kills", 8), ("hosts", 1), ("seed", 1), ("port", 0)):
        options.add_argument(f"--{name}", type=int, default=usual)
    options.add_argument("--faults", action="store_true")
    options.add_argument("--work", type=int, default=-1, help="be the worker of that host")
    asked = options.parse_args()
    home = Path(os.environ["REKINDLE_HOME"])
    _project(home, port=asked.port)
    if asked.work >= 0:
        from post_office.mail import send_queued_mail_until_done

        send_queued_mail_until_done(str(home / f"host{asked.work}"))
        return
    _day(asked, home)


def _project(home: Path, *, port: int) -> None:
    """A Django project that has nothing but the peer."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="of one day",
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3", "NAME": home / "peer.sqlite3",
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        EMAIL_BACKEND="post_office.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port,
        POST_OFFICE={"BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"}, "MAX_RETRIES": 5,
                     "RETRY_INTERVAL": timedelta(0)},
        USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )  # fmt: skip
    django.setup()


def _day(asked: argparse.Namespace, home: Path) -> None:
    from chaos.post_office import open_post_office
    from django.core.management import call_command
    from post_office import mail
    from post_office.models import STATUS, Email

    call_command("migrate", verbosity=0)
    for number in range(asked.messages):
        mail.send(f"person{number}@example.org", "dana@oak.example", subject="Thanks", message="Thank you.")
    chance, kills, begun = random.Random(asked.seed), 0, time.monotonic()
    with open_post_office(home / "ledger", rates=RATES if asked.faults else {}, seed=asked.seed) as office:
        command = [sys.executable, __file__, "--port", str(office.port), "--work"]
        log = (home / "workers.log").open("ab")
        workers = {host: subprocess.Popen([*command, str(host)], stderr=log) for host in range(asked.hosts)}
        last = 0
        while time.monotonic() - begun < PATIENCE:
            time.sleep(0.02)
            taken = len(office.taken())
            for host, one in workers.items():
                grown = taken - last > asked.messages / (asked.kills + 2)
                if kills < asked.kills and one.poll() is None and grown and chance.random() < 0.5:
                    one.send_signal(signal.SIGKILL)
                    one.wait()
                    kills, last = kills + 1, taken
                if one.poll() is not None and Email.objects.exclude(status__in=[STATUS.sent, STATUS.failed]).exists():
                    workers[host] = subprocess.Popen([*command, str(host)], stderr=log)
            if all(one.poll() is not None for one in workers.values()):
                break
        for one in workers.values():
            one.kill()
            one.wait()
        heard = Counter(one.recipient for one in office.taken())
    rows = {to[0]: status for to, status in Email.objects.values_list("to", "status")}
    print(json.dumps({
        "peer": f"django-post_office {version('django-post-office')}", "messages": asked.messages, "kills": kills,
        "faults": asked.faults, "hosts": asked.hosts, "seconds": round(time.monotonic() - begun, 1),
        "heard": len(heard), "heard_twice_or_more": sum(count > 1 for count in heard.values()),
        "taken_but_failed": sum(rows[one] == STATUS.failed for one in heard),
        "never_heard": asked.messages - len(heard),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
