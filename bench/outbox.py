"""How fast messages go through the outbox with every check, beside the bare cycle of claim, mark, finish and SMTP.

    python bench/outbox.py --messages 2000 [--workers 1] [--postgresql]

One post office of this machine, a process of its own, takes everything; several workers are processes too. The bare
cycle writes the same three commits a message and speaks the same SMTP, and asks no rule, keeps no log and locks no
person. Books in a temporary folder, or in a PostgreSQL server started for it. Prints a table.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=2000)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--postgresql", action="store_true")
    asked = options.parse_args()
    with ExitStack() as ends:
        folder = ends.enter_context(tempfile.TemporaryDirectory())
        os.environ["REKINDLE_HOME"] = folder
        os.environ.pop("REKINDLE_DATABASE_URL", None)
        if asked.postgresql:
            from postgres import Postgres

            server = Postgres.start()
            ends.callback(server.stop)
            os.environ["REKINDLE_DATABASE_URL"] = server.url
        os.environ["DJANGO_SETTINGS_MODULE"] = "rekindle.settings"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _measured(asked, Path(folder))


def _measured(asked: argparse.Namespace, folder: Path) -> None:
    from chaos.drill import people

    from rekindle.journal.models import Road, Security, Sending
    from rekindle.workflows.outbox.put import sending

    parties = people(2 * asked.messages)
    with post_office(folder / "ledger") as port:
        sending()
        Sending.objects.update(
            road=Road.SMTP.value, host="127.0.0.1", port=port, security=Security.NONE.value,
            from_name="Dana Frey", from_address="dana@oak.example", per_minute=10_000_000,
        )  # fmt: skip
        seconds = {}
        for name, run, some in (
            ("bare cycle", _bare, parties[: asked.messages]),
            ("outbox", _whole, parties[asked.messages :]),
        ):
            _queued(some)
            begun = time.perf_counter()
            _together(run, asked.workers)
            seconds[name] = time.perf_counter() - begun
    print(f"{'':14}{'messages/s':>12}{'of bare':>10}")
    for name, took in seconds.items():
        print(f"{name:14}{asked.messages / took:12,.0f}{seconds['bare cycle'] / took:10.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"accepted by the server: {len((folder / 'ledger').read_text().splitlines()):,}; peak memory {peak} MB")


@contextmanager
def post_office(ledger: Path) -> Iterator[int]:
    """Its port; it ends with the block."""
    code = (
        "import sys; from chaos.post_office import open_post_office\nfrom pathlib import Path\n"
        "with open_post_office(Path(sys.argv[1])) as office: print(office.port, flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "tests")}
    command = [sys.executable, "-c", code, str(ledger)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as office:
        assert office.stdin is not None
        assert office.stdout is not None
        yield int(office.stdout.readline())
        office.stdin.close()


def _together(run: Callable[[], None], workers: int) -> None:
    """One worker here, more as processes of their own: each has its own lines to the books."""
    from django.db import connections

    if workers == 1:
        run()
        return
    connections.close_all()
    children = [multiprocessing.get_context("fork").Process(target=run) for _ in range(workers)]
    for one in children:
        one.start()
    for one in children:
        one.join()


def _queued(parties: list) -> None:
    from rekindle.relationships.vocabulary import TouchClass
    from rekindle.workflows.outbox.put import Words, put

    said = Words("A word of thanks", "Thank you.\n\nDana Frey\n\nHear nothing more: http://127.0.0.1:8000/stop\n")
    for one in parties:
        put(one, said, key=f"bench:{one.pk}", touch_class=TouchClass.RELATIONSHIP, made_by="bench")


def _bare() -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    from rekindle.journal.models import Message, MessageState
    from rekindle.workflows.outbox import headers, worker
    from rekindle.workflows.outbox.put import sending

    road = sending()
    channel = worker.open_channel(road)
    while True:
        with transaction.atomic():
            rows = Message.objects.filter(state=MessageState.QUEUED.value).order_by("not_before", "id")
            if connection.vendor == "postgresql":
                rows = rows.select_for_update(skip_locked=True)
            found = list(rows[:50])
            Message.objects.filter(pk__in=[row.pk for row in found]).update(state=MessageState.CLAIMED.value)
        if not found:
            break
        for row in found:
            Message.objects.filter(pk=row.pk).update(state=MessageState.HANDING_OVER.value)
            channel.hand_over(headers.envelope(row, road))
            Message.objects.filter(pk=row.pk).update(state=MessageState.ACCEPTED.value, final_at=timezone.now())
    channel.close()
    connection.close()


def _whole() -> None:
    from django.db import connection

    from rekindle.workflows.outbox import fence, worker

    road = fence.check(deep=False)
    name = worker.name_of_worker()
    with worker.lines_of(road) as lines:
        while worker.hand_round(name, road, lines, most=worker.AT_ONCE):
            pass
    connection.close()


if __name__ == "__main__":
    main()
