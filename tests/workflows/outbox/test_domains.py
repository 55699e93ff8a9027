"""One domain of theirs is not flooded, and a bounce tells which message it is about."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from chaos.letters import NOON, write
from chaos.post_office import PostOffice
from people_cast import person

from rekindle.journal.models import Message, MessageAttempt, MessageState, Sending
from rekindle.relationships.models import Relationship
from rekindle.workflows.outbox import domains, worker
from rekindle.workflows.outbox.headers import bounces_to, envelope
from rekindle.workflows.outbox.put import sending, token_of


def gone(to: str, *, seconds: int, key: str) -> Message:
    """A message that was handed over so long ago."""
    row = write(person(key, email=to), key=key)
    at = NOON - timedelta(seconds=seconds)
    MessageAttempt.objects.create(message=row, epoch=1, phase=MessageState.HANDING_OVER.value, at=at)
    return row


def test_without_a_limit_nobody_waits() -> None:
    gone("a@big.example", seconds=5, key="1")
    assert domains.over_limit(["b@big.example"] * 9, at=NOON) == set()


def test_a_domain_that_had_enough_in_the_last_minute_waits_and_others_do_not() -> None:
    for n, seconds in enumerate((5, 59, 61)):
        gone(f"a{n}@Big.example", seconds=seconds, key=str(n))
    asked = ["b@big.example", "c@BIG.example", "d@small.example"]
    assert domains.over_limit(asked, at=NOON, limit=2) == {"b@big.example", "c@BIG.example"}
    assert domains.over_limit(asked, at=NOON, limit=3) == {"c@BIG.example"}
    assert domains.over_limit(asked, at=NOON, limit=4) == set()
    assert domains.over_limit(asked, at=NOON + timedelta(seconds=56), limit=2) == set()


def test_the_limit_is_the_one_of_the_settings() -> None:
    sending()
    Sending.objects.update(per_domain_minute=1)
    assert domains.over_limit(["a@big.example", "b@big.example"], at=NOON) == {"b@big.example"}


def test_a_full_domain_does_not_hold_up_the_rest() -> None:
    gone("a@big.example", seconds=5, key="1")
    write(person("Ben", email="ben@big.example"), key="2")
    other = write(person("Cleo", email="cleo@notbig.example"), key="3")
    rows = Message.objects.exclude(key="1")
    assert list(domains.without_full(rows, at=NOON, limit=1)) == [other]
    assert domains.without_full(rows, at=NOON, limit=2).count() == 2


def test_a_bounce_arrives_where_its_own_message_is_named(cleo: Relationship) -> None:
    row = write(cleo, key="letter:1")
    road = sending()
    assert envelope(row, road).bounces_to == ""
    road.bounces_to = "bounces@oak.example"
    assert envelope(row, road).bounces_to == f"bounces+{token_of('letter:1')}@oak.example"
    assert bounces_to("", road) == ""


def test_the_server_is_told_where_bounces_arrive(
    cleo: Relationship, office: PostOffice, noon: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    Sending.objects.update(bounces_to="bounces@oak.example")
    write(cleo, key="letter:1")
    said: list[bytes] = []
    plain = smtplib.SMTP.send

    def heard(line: smtplib.SMTP, words: bytes | str) -> None:
        said.append(words if isinstance(words, bytes) else words.encode())
        plain(line, words)

    monkeypatch.setattr(smtplib.SMTP, "send", heard)
    assert worker.run_once() == 1
    assert f"MAIL FROM:<bounces+{token_of('letter:1')}@oak.example>\r\n".encode() in b"".join(said)
    assert len(office.taken()) == 1
