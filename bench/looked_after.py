"""How fast Today, who spoke last, coverage and say-and-do answer in a large house, on SQLite in a temporary home.

    python bench/looked_after.py --people 100000

Fills the books with so many people (a value each; one in ten wrote, one in ten has a note, one in five left, tasks
and promises for one owner), then asks each question as its page does. Prints a table; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median

ROUNDS = 5


def fill(n: int) -> object:
    """The books of so many people; gives the member of staff whose day it is."""
    from django.utils import timezone

    from rekindle.accounts.models import User
    from rekindle.accounts.roles import Role
    from rekindle.journal.models import Inbound, Outlook
    from rekindle.relationships.models import Brand, Episode, Note, Party, Promise, Relationship, Task

    now = timezone.now()
    today, brand = now.date(), Brand.objects.create(name="Gym", slug="gym", currency="EUR")
    owner = User.objects.create_user("owner@example.org", name="Olive", role=Role.OWNER.value)
    for start in range(1, n + 1, 10_000):
        numbers = range(start, min(start + 10_000, n + 1))
        Party.objects.bulk_create([Party(id=i, name=f"Person {i}") for i in numbers])
        Relationship.objects.bulk_create(
            Relationship(
                id=i, party_id=i, brand=brand, stage="breakup" if i % 5 == 0 else "ongoing", life=1,
                commercial="ended" if i % 5 == 0 else "live", stage_since=today - timedelta(days=i % 400),
                owner=owner if i % 700 == 0 else None,
            )
            for i in numbers
        )  # fmt: skip
        Outlook.objects.bulk_create(
            Outlook(
                relationship_id=i, as_of=today, model="x", horizon_days=90, value_horizon_days=730, usual_gap=7.0,
                value_at_stake_minor=(i * 7919) % 90_000, currency="EUR",
            )
            for i in numbers
        )  # fmt: skip
        Episode.objects.bulk_create(
            Episode(
                relationship_id=i, number=1, began_on=today - timedelta(days=500 + i % 3_000), pulses=9,
                last_seen_on=today - timedelta(days=i % 400),
                ended_on=today - timedelta(days=i % 400) if i % 5 == 0 else None,
            )
            for i in numbers
        )  # fmt: skip
        said = [i for i in numbers if i % 10 == 0]
        Inbound.objects.bulk_create(
            Inbound(
                source="imap", number=str(i), kind="reply", party_id=i, is_done=True,
                occurred_at=now - timedelta(days=i % 300),
            )
            for i in said
        )  # fmt: skip
        Note.objects.bulk_create(
            Note(relationship_id=i - 1, text="x", by=owner, at=now - timedelta(days=i % 300)) for i in said
        )
        Promise.objects.bulk_create(
            Promise(relationship_id=i, text="x", made_by=owner, due_on=today - timedelta(days=i % 9))
            for i in said[::100]
        )
        Task.objects.bulk_create(
            Task(
                relationship_id=i, owner=owner, suggestion="check_in", touch_class="service", channel="call",
                rank=i, made_on=today, due_on=today,
            )
            for i in said[::100]
        )  # fmt: skip
    return owner


def seconds(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(REKINDLE_HOME=home, DJANGO_SETTINGS_MODULE="rekindle.settings")
        import django

        django.setup()
        from django.core.management import call_command
        from django.utils import timezone

        from rekindle.accounts.models import User
        from rekindle.workflows import coverage, say_do, who_spoke
        from rekindle.workflows.todays_work import todays_work

        call_command("migrate", verbosity=0)
        owner, now = fill(people), timezone.now()
        assert isinstance(owner, User)
        place = (45_000, people // 2)
        asked: dict[str, Callable[[], object]] = {
            "Today": lambda: todays_work(owner, day=now.date(), at=now),
            "who spoke last, first page": lambda: who_spoke.by_value(owner=None, after=None, limit=51, at=now),
            "who spoke last, a page in the middle": lambda: who_spoke.by_value(
                owner=None, after=place, limit=51, at=now
            ),
            "they wait for an answer": lambda: who_spoke.waiting(owner=None, limit=50, at=now),
            "taken for granted": lambda: who_spoke.taken_for_granted(owner=None, limit=50, at=now),
            "coverage, everybody (night)": coverage.counts,
            "coverage, a page of nobody": lambda: coverage.forgotten(limit=51),
            "say and do, a month (night)": lambda: say_do.audit_of(now.date(), at=now),
        }
        print(f"{people:,} people, SQLite, median of {ROUNDS}")
        for name, ask in asked.items():
            print(f"  {seconds(ask) * 1_000:>9.0f} ms  {name}")


if __name__ == "__main__":
    main()
