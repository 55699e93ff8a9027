"""The outbox by the road of a provider: what it answers is where the message stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from chaos.letters import write
from listener import Answer, Listener, http, listening

from rekindle.errors import BadInput
from rekindle.journal.models import Message, MessageState, Road, Sending
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.outbox import worker
from rekindle.workflows.outbox.provider import of_settings
from rekindle.workflows.outbox.put import sending, token_of
from rekindle.workflows.sealed import seal

TAKEN = b'{"To":"cleo@example.org","MessageID":"m-17","ErrorCode":0,"Message":"OK"}'


@pytest.fixture
def theirs(noon: Callable[[datetime], None]) -> Iterator[Listener]:
    with listening() as one:
        sending()
        keys = {"server_token": "k", "api_url": f"http://127.0.0.1:{one.port}/"}
        Sending.objects.update(
            road=Road.PROVIDER.value, provider="postmark", provider_keys=seal(json.dumps(keys)), from_name="Dana Frey",
            from_address="dana@oak.example", postal_address="1 Oak Street, London",
        )  # fmt: skip
        yield one


def go_round() -> int:
    road = sending()
    with worker.lines_of(road) as lines:
        return worker.hand_round("a worker", road, lines, most=9)


def test_it_is_handed_over_once_under_its_own_message_id(cleo: Relationship, theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, TAKEN)
    write(cleo, key="letter:1")
    assert go_round() == 1
    assert go_round() == 0
    row = Message.objects.get()
    assert (row.state, row.last_code) == (MessageState.ACCEPTED, 200)
    said = json.loads(theirs.bodies()[0])
    headers = {one["Name"]: one["Value"] for one in said["Headers"]}
    assert headers["Message-ID"] == row.message_id
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert said["Metadata"] == {"rekindle_message": token_of("letter:1")}


@pytest.mark.parametrize(
    ("answer", "touch_class", "state"),
    [(http(500), TouchClass.RELATIONSHIP, MessageState.UNKNOWN), (b"", TouchClass.RELATIONSHIP, MessageState.UNKNOWN),
     (http(500), TouchClass.SERVICE, MessageState.QUEUED), (http(429), TouchClass.RELATIONSHIP, MessageState.QUEUED),
     (http(400), TouchClass.RELATIONSHIP, MessageState.FAILED)],
)  # fmt: skip
def test_what_it_answers_is_where_the_message_stands(
    answer: Answer, touch_class: TouchClass, state: MessageState, cleo: Relationship, theirs: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(worker, "_server_trouble", lambda handed: None)  # it waits a second
    theirs.answer = lambda said: answer
    write(cleo, touch_class=touch_class)
    go_round()
    assert Message.objects.get().state == state
    assert len(theirs.said) == 1


def test_without_a_provider_the_road_is_none() -> None:
    with pytest.raises(BadInput, match="no mail provider is chosen"):
        of_settings(sending())
