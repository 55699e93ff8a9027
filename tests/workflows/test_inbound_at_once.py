"""Two readers of one mailbox, and a writer who is about to write: what comes back counts once and in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chaos.letters import words
from chaos.mailbag import answer, complaint, dsn
from django.db import OperationalError, connection
from django.utils import timezone
from people_cast import consents, person, staff

from rekindle.act.inbound.mail import read
from rekindle.journal.models import AuditEntry, Inbound, Message, MessageState
from rekindle.relationships.models import Note, Task
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.inbound.take import IMAP, take
from rekindle.workflows.outbox.put import put

pytestmark = pytest.mark.django_db(transaction=True)


def _taken(raw: bytes) -> int:
    parsed = read(raw)
    try:
        for _ in range(50):
            try:
                return take(IMAP, parsed.number, parsed).pk
            except OperationalError:  # as the mailbox does: it is read again
                continue
        raise AssertionError("the books were never free")
    finally:
        connection.close()


@pytest.mark.parametrize("turn", range(3))
def test_the_same_mails_taken_by_four_at_once_count_once(home: Path, turn: int) -> None:
    cleo = person("Cleo Marchetti", email="cleo@example.org", owner=staff())
    consents(cleo)
    message = put(cleo.party, words(), key=f"letter:{turn}", touch_class=TouchClass.RELATIONSHIP, made_by="test")
    Message.objects.update(state=MessageState.UNKNOWN.value, handed_at=timezone.now(), epoch=1)
    mails = [answer(message, "One."), answer(message, "Two."), dsn(message, "4.2.2"), complaint(message)]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(_taken, mails * 4))
    assert len(set(numbers)) == Inbound.objects.count() == 4
    assert Note.objects.count() == 2
    assert Task.objects.filter(state="open").count() <= 1
    assert AuditEntry.objects.filter(verb="inbound.taken").count() == 4
    assert Message.objects.get().state == MessageState.FAILED
