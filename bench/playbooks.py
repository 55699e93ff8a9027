"""How long one pass over the plans takes when everybody's step is due on the same day, beside its bare floor.

    python bench/playbooks.py --people 100000
    python bench/playbooks.py --people 1000000

Everybody is under way in one plan. Of 100 people, 60 stand at a deliberate silence, 25 at a mail only for those who
answered (few did, by a click), and 15 at a mail for which most gave no ground, so that a rule refuses. All exits and
rules are asked; 2 in 10,000 do get their mail, each in a transaction of its own. One in 1,000 has replied and leaves.
The floor writes the same rows of steps and the same changes in two statements and asks nothing. Books in a temporary
folder, or PostgreSQL where REKINDLE_DATABASE_URL names one. Prints a table.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
PLAN = """
playbook: bench
version: "1"
family: bench
title: {en: "Bench"}
about: {en: "Silence, a mail for those who answered, a mail for all, a long wait."}
enter: {on: first_day}
leave: [replied, opted_out, complained, returned, closed, deceased, bounced, not_where]
steps:
  - {wait_days: 0, do: silence}
  - {wait_days: 30, do: mail, letter: check_in, only_if: engaged}
  - {wait_days: 30, do: mail, letter: thanks}
  - {wait_days: 30, do: silence}
"""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REKINDLE_HOME"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "rekindle.settings"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _measured(asked.people)


def _measured(people: int) -> None:
    from rekindle.journal.models import Enrolment, EnrolmentStep
    from rekindle.workflows.playbooks.advance import run_due

    begun = time.perf_counter()
    _books(people)
    print(f"{people:,} people under way, every step due; written in {time.perf_counter() - begun:.0f} s", flush=True)
    begun = time.perf_counter()
    floor = _floor()
    print(f"{'floor: the same rows, nothing asked':44}{floor:8.2f} s", flush=True)
    begun = time.perf_counter()
    worked = time.process_time()
    with _timed() as touches:
        counts = run_due(AT)
    took, worked = time.perf_counter() - begun, time.process_time() - worked
    print(f"{'one pass, exits and rules asked':44}{took:8.2f} s   {took / floor:.1f} of the floor")
    print(f"{'  of which this processor worked':44}{worked:8.2f} s")
    print(f"{'  of which the mails, one by one':44}{sum(touches):8.2f} s   {len(touches):,} of them")
    print("  " + ", ".join(f"{name} {n:,}" for name, n in counts.items()))
    begun = time.perf_counter()
    again = run_due(AT)
    print(
        f"{'the same pass again: exits, nobody is due':44}{time.perf_counter() - begun:8.2f} s   {again or 'nothing'}"
    )
    begun = time.perf_counter()
    run_due(AT, everybody=False)
    print(f"{'what each minute does, nobody is due':44}{time.perf_counter() - begun:8.2f} s")
    print(f"steps noted {EnrolmentStep.objects.count():,} of {Enrolment.objects.count():,} people; peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")  # fmt: skip


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Seconds of each touch taken in the block."""
    from rekindle.workflows.playbooks import taking

    seconds: list[float] = []
    take = taking.take

    def timed(*args: Any, **words: Any) -> Any:
        begun = time.perf_counter()
        try:
            return take(*args, **words)
        finally:
            seconds.append(time.perf_counter() - begun)

    taking.take = timed
    try:
        yield seconds
    finally:
        taking.take = take


def _floor() -> float:
    """Undone again, so that the pass finds the same books."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                begun = time.perf_counter()
                cursor.execute(
                    "INSERT INTO journal_enrolmentstep (enrolment_id, step, at, outcome, why)"
                    " SELECT id, step, due_at, 'silence', '' FROM journal_enrolment WHERE state = 'active'"
                )
                cursor.execute(
                    "UPDATE journal_enrolment SET step = step + 1, due_at = %s WHERE state = 'active'",
                    [AT + timedelta(days=30)],
                )
                took = time.perf_counter() - begun
                raise InterruptedError
        except InterruptedError:
            return took


def _books(people: int) -> None:
    import numpy as np
    import pyarrow as pa

    from rekindle.accounts.models import User
    from rekindle.journal.models import (
        Click,
        Enrolment,
        Inbound,
        Message,
        Playbook,
        PlaybookState,
        PlaybookVersion,
    )
    from rekindle.relationships.models import Brand, Consent, Episode, Identity, Party, Relationship
    from rekindle.workflows import bulk
    from rekindle.workflows.playbooks import books

    brand = Brand.objects.create(name="Oak Street Gym", slug="oak", currency="EUR", region="GB")
    owner = User.objects.create_user("dana@oak.example", name="Dana Frey", role="owner")
    plan = books.draft(PLAN)
    playbook = Playbook.objects.create(code="bench", family="bench", state=PlaybookState.ON.value)
    version = PlaybookVersion.objects.create(playbook=playbook, number=1, body=dict(plan.body))
    Playbook.objects.update(current=version)
    numbers = pa.array(np.arange(1, people + 1))
    place = np.arange(people) % 10_000
    step = np.select([place < 6_000, place < 8_500], [0, 1], 2)

    def same(value: object) -> pa.Array:
        return pa.array([value] * people)

    old = same(AT - timedelta(days=60))
    bulk.insert(Party, pa.table({
        "id": numbers, "kind": same("person"), "name": same("Ana Weber"), "given_name": same("Ana"),
        "language": same("en"), "time_zone": same("Europe/London"), "country": same("GB"), "extra": same("{}"),
        "links_given": same(0), "created_at": old,
    }))  # fmt: skip
    address = pa.array([f"p{number}@example.org" for number in range(people)])
    bulk.insert(Identity, pa.table({
        "party_id": numbers, "kind": same("email"), "source": same(""), "value": address, "normal": address,
    }))  # fmt: skip
    bulk.insert(Relationship, pa.table({
        "id": numbers, "party_id": numbers, "brand_id": same(brand.pk), "owner_id": same(owner.pk),
        "commercial": same("live"), "contact": same("open"), "terms": same("neutral"), "stage": same("ongoing"),
        "life": same(1),
    }))  # fmt: skip
    began = same(AT.date() - timedelta(days=500))
    bulk.insert(Episode, pa.table({
        "relationship_id": numbers, "number": same(1), "began_on": began, "pulses": same(80),
        "last_seen_on": same(AT.date() - timedelta(days=20)), "is_presumed": same(False),
    }))  # fmt: skip
    grounds = pa.array(np.flatnonzero((place < 8_500) | (place >= 9_999)) + 1)
    n = len(grounds)
    given = [AT - timedelta(days=90)] * n
    bulk.insert(Consent, pa.table({
        "party_id": grounds, "channel": ["email"] * n, "purpose": ["relationship"] * n, "basis": ["consent"] * n,
        "obtained_at": given, "recorded_at": given, "source": [""] * n, "proof": [""] * n,
        "withdrawn_reason": [""] * n,
    }))  # fmt: skip
    bulk.insert(Enrolment, pa.table({
        "id": numbers, "playbook_id": same(playbook.pk), "version_id": same(version.pk), "relationship_id": numbers,
        "family": same("bench"), "occurrence": same("life:1"), "state": same("active"), "step": pa.array(step),
        "due_at": same(AT - timedelta(hours=6)), "entered_at": old, "reason": same(""), "facts": same("{}"),
    }))  # fmt: skip
    for number in np.flatnonzero(place == 6_000) + 1:
        message = Message.objects.create(
            key=f"bench:{number}", party_id=int(number), channel="email", touch_class="relationship",
            message_id=f"<{number}@bench>", state="accepted", expires_at=AT, made_by="bench",
            handed_at=AT - timedelta(days=30),
        )  # fmt: skip
        Click.objects.create(
            message=message, url="https://oak.example", at=AT - timedelta(days=29), machine_score=0, is_machine=False
        )
    Inbound.objects.bulk_create(
        Inbound(source="imap", number=str(number), kind="reply", party_id=int(number), occurred_at=AT)
        for number in np.flatnonzero(place % 1_000 == 0) + 1
    )


if __name__ == "__main__":
    main()
