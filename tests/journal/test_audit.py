"""The trail is only ever added to, and an altered entry shows."""

import pytest
from django.db import DatabaseError, connection, transaction

from rekindle.journal.models import AuditEntry
from rekindle.workflows import audit

pytestmark = pytest.mark.django_db


def test_each_entry_follows_from_the_one_before() -> None:
    first = audit.record("load.taken", actor=None, subject="intake:1", details={"kept": 3})
    second = audit.record("load.undone", actor=None, subject="intake:1")
    assert second.before == first.digest
    assert audit.first_broken() is None


@pytest.mark.parametrize("statement", ["UPDATE journal_auditentry SET verb = 'x'", "DELETE FROM journal_auditentry"])
def test_the_database_refuses_to_change_the_trail(statement: str) -> None:
    audit.record("load.taken", actor=None)
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get().verb == "load.taken"
