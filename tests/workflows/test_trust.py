"""What the house can show: the law as the gate reads it, the list nobody is taken off, the trail that only grows."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from people_cast import brand, staff, suppressed

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide.law import law
from rekindle.errors import BadInput, Refused
from rekindle.journal import audit_queries
from rekindle.journal.audit_queries import Wanted
from rekindle.journal.models import AuditEntry, Night, NightState
from rekindle.relationships.models import Suppression
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit, trust

pytestmark = pytest.mark.django_db


@pytest.fixture
def olive() -> User:
    return staff(Role.OWNER, name="=Olive")


def test_every_rule_of_law_is_on_the_table_with_its_source() -> None:
    brand(region="CA")
    places = trust.law_table()
    assert (places[0].code, places[-1].code) == ("ca", "unknown"), "ours first, the unknown last"
    lines = {line.id: line for place in places for line in place.rules}
    assert set(lines) == {rule.id for rule in law().rules}
    assert all(line.source and line.mark in "VKP" for line in lines.values())
    assert lines["ca.casl.ebr.purchase"].clock == "24 months from the last purchase, or the end"
    assert (lines["ca.casl.express"].optout, lines["eu.electronic.consent"].optout) == ("10 working days", "24 hours")
    assert lines["de.electronic.research"].ground.endswith("not enough here")
    assert len({place.mark_of_file for place in places}) == len(places)


# Never again


def test_the_list_is_counted_by_reason_and_way_and_shows_no_address() -> None:
    for number in range(3):
        suppressed(f"a{number}@example.org")
    Suppression.objects.update(reason="clean break", source="clean break")
    suppressed("b@example.org")
    Suppression.objects.filter(reason="").update(reason="call +44 7700 900123 or b@example.org", source="file")
    groups = trust.never_again()
    assert [(group.addresses, group.reason) for group in groups] == [
        (3, "clean break"),
        (1, "call (an address) or (an address)"),
    ]


@pytest.mark.parametrize(
    ("kind", "kept", "typed"),
    [
        (IdentityKind.EMAIL, "gone@example.org", "  Gone <gone@EXAMPLE.org> "),
        (IdentityKind.PHONE, "+442071838750", "020 7183 8750"),
    ],
)
def test_one_address_is_asked_as_people_type_it(olive: User, kind: IdentityKind, kept: str, typed: str) -> None:
    brand(region="GB")
    suppressed(kept, kind=kind)
    assert trust.on_never_again(kind, typed, by=olive)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.details) == ("suppression.asked", {"kind": kind.value, "is_on_it": True})


def test_a_customer_number_means_nothing_without_its_system(olive: User) -> None:
    suppressed("00017", kind=IdentityKind.EXTERNAL, source="till")
    assert trust.on_never_again(IdentityKind.EXTERNAL, "00017", by=olive, source="till")
    assert not trust.on_never_again(IdentityKind.EXTERNAL, "00017", by=olive)


@pytest.mark.parametrize("typed", ["", "   ", "no address", "x" * 400 + "@example.org"])
def test_what_is_no_address_is_said_to_be_none(olive: User, typed: str) -> None:
    with pytest.raises(BadInput):
        trust.on_never_again(IdentityKind.EMAIL, typed, by=olive)
    assert not AuditEntry.objects.exists()


# The trail


def test_the_trail_is_followed_and_what_was_found_is_itself_a_deed(olive: User) -> None:
    for number in range(5):
        last = audit.record("task.answered", actor=olive, subject=f"task:{number}")
    found = trust.check_chain(by=olive)
    assert (found.up_to, found.digest, found.broken_at, found.by) == (last.pk, last.digest, None, "=Olive")
    assert trust.last_check() == found
    assert trust.check_chain(by=olive).up_to == last.pk + 1


def test_an_altered_entry_is_named(olive: User) -> None:
    entries = [audit.record("task.answered", actor=olive, subject=f"task:{number}") for number in range(3)]
    altered = AuditEntry(
        at=timezone.now(), actor=olive, verb="made.up", subject="", details={}, before=entries[-1].digest, digest="0"
    )
    altered.save()
    assert trust.check_chain(by=olive).broken_at == altered.pk


def test_a_check_and_a_file_are_for_those_who_may() -> None:
    audit.record("task.answered", actor=None)
    for role in (Role.MARKETER, Role.AGENT, Role.ANALYST):
        with pytest.raises(Refused):
            trust.check_chain(by=staff(role))
        with pytest.raises(Refused):
            trust.audit_file(Wanted(), by=staff(role))
    assert AuditEntry.objects.count() == 1


def test_before_anything_was_done_there_is_nothing_to_check(olive: User) -> None:
    assert trust.last_check() is None
    assert trust.check_chain(by=olive).up_to == 0


def test_the_file_has_every_entry_once_and_no_cell_runs(olive: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_queries, "_ROWS", 3)
    for number in range(10):
        audit.record("task.answered", actor=olive, subject=f"@task:{number}", details={"from": "open"})
    text = "".join(trust.audit_file(Wanted(verb="task."), by=olive))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["subject"] for row in rows] == [f"'@task:{number}" for number in range(10)]
    assert {row["actor"] for row in rows} == {"'=Olive"}
    assert AuditEntry.objects.order_by("-id")[0].verb == "audit.exported"


def at(entry: AuditEntry, when: datetime) -> None:
    """Give an entry another instant; the triggers that forbid it stand aside, in this test only."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal_auditentry'"
            )
            triggers = cursor.fetchall()
            for name, _sql in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
        AuditEntry.objects.filter(pk=entry.pk).update(at=when)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            for _name, sql in triggers:
                cursor.execute(sql)


def test_the_trail_is_narrowed_and_paged(olive: User) -> None:
    other, noon = staff(name="Dana"), datetime(2026, 3, 1, 12, tzinfo=UTC)
    for day in range(8):
        one = audit.record(
            "task.answered" if day % 2 else "party.merged", actor=[olive, other, None][day % 3], subject=f"task:{day}"
        )
        at(one, noon + timedelta(day))

    def subjects(**wanted: Any) -> list[str]:
        found, place = [], None
        while True:
            rows, place = audit_queries.page(Wanted(**wanted), limit=2, below=place)
            found += [row.subject.removeprefix("task:") for row in rows]
            if place is None:
                return found

    assert subjects() == list("76543210")
    assert subjects(verb="task") == list("7531")
    assert subjects(actor=olive.pk) == list("630")
    assert subjects(actor=0) == list("52")
    assert subjects(subject="task:4") == ["4"]
    days = {"since": datetime(2026, 3, 3, tzinfo=UTC), "until": datetime(2026, 3, 5, tzinfo=UTC)}
    assert subjects(**days) == list("32")
    assert subjects(since=noon + timedelta(3)) == list("76543"), "the very instant counts"
    assert subjects(until=noon + timedelta(3)) == list("210")
    assert subjects(since=noon + timedelta(30)) == []


def test_a_page_of_the_trail_is_few_queries(olive: User, django_assert_num_queries: Any) -> None:
    for _ in range(20):
        audit.record("task.answered", actor=olive)
    with django_assert_num_queries(1):
        assert len(audit_queries.page(Wanted(), limit=10)[0]) == 10


# Coverage


def test_nobody_is_forgotten_or_it_is_said() -> None:
    assert trust.coverage() is None
    night = Night.objects.create(
        as_of=date(2026, 3, 12), inputs="x", state=NightState.DONE.value, people=12,
        decisions={"nothing": 9, "check_in": 3}, ended_at=timezone.now(),
    )  # fmt: skip
    found = trust.coverage()
    assert found is not None
    assert (found.people, found.chosen, found.silent, found.is_whole) == (12, 12, 9, True)
    night.people = 13
    night.save()
    assert not getattr(trust.coverage(), "is_whole", True)
