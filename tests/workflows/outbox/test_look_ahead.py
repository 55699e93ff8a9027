"""Asked ahead for all that was claimed: true while nobody writes, and asked again the moment somebody does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from chaos.letters import NOON, write
from chaos.post_office import PostOffice
from django.db import connection
from people_cast import consents, person

from rekindle.journal.models import Message, MessageState
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Stage, TouchClass
from rekindle.workflows import unsubscribe
from rekindle.workflows.outbox import fence, hand, said_before, worker
from rekindle.workflows.why_not import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon")]


@pytest.fixture
def ben() -> Relationship:
    one = person("Ben Okoro", email="ben@example.org", country="GB", time_zone="Europe/London")
    consents(one, purpose=TouchClass.RELATIONSHIP)
    return one


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whom the rules were asked about at the mark."""
    found: list[int] = []
    ask = said_before.ask

    def noted(letters: Sequence[said_before.Letter], *, also_at: datetime | None = None, **given: Any) -> list[Answer]:
        found.extend(row.pk for row, _party in letters if also_at is None)
        return ask(letters, also_at=also_at, **given)

    monkeypatch.setattr(said_before, "ask", noted)
    return found


def elsewhere(deed: Callable[[], object]) -> None:
    """Done and committed by another connection."""

    def run() -> None:
        deed()
        connection.close()

    one = threading.Thread(target=run)
    one.start()
    one.join()


def marked(claims: list[hand.Claim], ahead: said_before.Ahead | None) -> list[Message | None]:
    return [hand.mark(claimed, worker="w", ahead=ahead) for claimed in claims]


def test_nobody_is_asked_about_again_while_nothing_changes(
    cleo: Relationship, ben: Relationship, office: PostOffice, asked: list[int]
) -> None:
    write(cleo), write(ben, "letter:ben")
    assert worker.run_once() == 2
    assert {taken.recipient for taken in office.taken()} == {"cleo@example.org", "ben@example.org"}
    assert asked == [] if connection.vendor == "sqlite" else len(asked) == 2


def test_who_says_stop_after_it_was_asked_ahead_gets_nothing(
    cleo: Relationship, ben: Relationship, asked: list[int]
) -> None:
    first, second = write(cleo), write(ben, "letter:ben")
    claims = hand.claim("w", most=5)
    ahead = hand.look_ahead(claims, road=fence.check(deep=False))
    assert (ahead is None) == (connection.vendor != "sqlite")
    elsewhere(lambda: unsubscribe.stop(cleo.party, what=unsubscribe.scope("email"), said="no more"))
    assert [row.pk if row else None for row in marked(claims, ahead)] == [None, second.pk]
    assert asked == [first.pk, second.pk]
    assert Message.objects.get(pk=first.pk).state == MessageState.CANCELLED


def test_an_answer_is_not_used_when_its_time_is_over(cleo: Relationship, ben: Relationship, noon, asked) -> None:
    write(cleo), write(ben, "letter:ben")
    claims = hand.claim("w", most=5)
    ahead = hand.look_ahead(claims, road=fence.check(deep=False))
    noon(NOON + said_before.FRESH + timedelta(seconds=1))
    assert all(marked(claims, ahead))
    assert len(asked) == 2


def test_nobody_is_asked_ahead_across_the_border_of_the_quiet_hours(
    cleo: Relationship, ben: Relationship, noon, asked
) -> None:
    write(cleo), write(ben, "letter:ben")
    evening = NOON.replace(hour=19, minute=59, second=59)
    noon(evening)
    claims = hand.claim("w", most=5)
    ahead = hand.look_ahead(claims, road=fence.check(deep=False))
    assert ahead is None or ahead.answers == {}
    marked(claims, ahead)
    assert len(asked) == 2


def test_two_messages_to_one_person_are_asked_one_by_one(
    cleo: Relationship, ben: Relationship, office: PostOffice, asked: list[int]
) -> None:
    one, other = write(cleo), write(cleo, "letter:2")
    write(ben, "letter:ben")
    worker.run_once()
    assert {one.pk, other.pk} <= set(asked)
    assert len([taken for taken in office.taken() if taken.recipient == "cleo@example.org"]) == 1


def test_a_refusal_ahead_is_asked_again_and_kept(cleo: Relationship, ben: Relationship, asked: list[int]) -> None:
    first, _second = write(cleo), write(ben, "letter:ben")
    cleo.stage = Stage.CLOSED.value
    cleo.save()
    claims = hand.claim("w", most=5)
    marked(claims, hand.look_ahead(claims, road=fence.check(deep=False)))
    assert first.pk in asked
    assert Message.objects.get(pk=first.pk).state == MessageState.CANCELLED


@pytest.mark.parametrize("point", ["mail.before_dot", "mail.after_dot", "mail.after_answer"])
def test_who_says_stop_while_one_is_on_the_wire_gets_at_most_that_one(
    cleo: Relationship, ben: Relationship, office: PostOffice, monkeypatch, point: str
) -> None:
    write(cleo), write(ben, "letter:ben"), write(ben, "letter:ben:2"), write(cleo, "letter:2")
    said: list[str] = []

    def reach(name: str) -> None:
        if name == point and not said:
            said.append(name)
            for one in (cleo, ben):
                elsewhere(lambda party=one.party: unsubscribe.stop(party, what=unsubscribe.scope("email"), said="no"))

    monkeypatch.setattr(worker, "reach", reach)
    worker.run_once()
    assert said == [point]
    assert len(office.taken()) <= 1
    assert Message.objects.filter(state=MessageState.CANCELLED.value).count() == 3
