"""A text message is handed to the one system that sends them, once, after every rule was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chaos.letters import NOON
from listener import Answer, Listener, http, listening
from people_cast import consents, person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.act.envelope import Accepted, Handed, NotAccepted, Unknown
from rekindle.errors import Conflict
from rekindle.journal.models import Message, MessageState, Road, Sending, Telling
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import text_links
from rekindle.workflows.compose import compose
from rekindle.workflows.hooks import signatures
from rekindle.workflows.hooks_out import deliver, events, hooks
from rekindle.workflows.hooks_out.tell import tell
from rekindle.workflows.hooks_out.texts import Texts, road_of_texts
from rekindle.workflows.outbox import hand, headers
from rekindle.workflows.outbox.put import put, sending
from rekindle.workflows.outbox.text_road import open_texts
from rekindle.workflows.words.text_foot import with_text_foot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
PHONE = "+447700900003"


@pytest.fixture
def owner(db: None) -> User:
    return staff(Role.OWNER)


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening(tmp_path / "tls") as one:
        monkeypatch.setenv("REKINDLE_WEBHOOK_NETWORKS", "127.0.0.0/8")
        monkeypatch.setattr(deliver, "trust", lambda: one.context)
        monkeypatch.setattr("rekindle.workflows.outbox.clock.now", lambda: NOON)
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
        yield one


@pytest.fixture
def cleo() -> Relationship:
    return person("Cleo Marchetti", phone=PHONE, country="GB", time_zone="Europe/London")


def asked(to: Listener, owner: User, *, name: str = "texts") -> hooks.Opened:
    return hooks.make(name, url=f"https://127.0.0.1:{to.port}/sms", events=[events.MESSAGE_TEXT], by=owner)


def queued(to: Relationship) -> Message:
    return Message.objects.create(
        key="text:1", party=to.party, channel=Channel.SMS.value, touch_class=TouchClass.RELATIONSHIP.value,
        recipient=PHONE, subject="x", message_id="<abc234@oak.example>", made_by="test",
        text=with_text_foot(
            to.party, "Thank you for the years with us.\nDana Frey", touch_class=TouchClass.RELATIONSHIP
        ),
        not_before=NOON, expires_at=NOON + timedelta(days=1),
    )  # fmt: skip


def go_round() -> Handed | None:
    """What became of the one that is due; None where the rules held it back, or nothing is due."""
    road = road_of_texts()
    assert road is not None
    for claimed in hand.claim("a worker", most=9, channel=Channel.SMS):
        row = hand.mark(claimed, worker="a worker")
        if row is None:
            return None
        handed = road.hand_over(headers.envelope(row, sending()))
        hand.settle(row, handed, worker="a worker")
        return handed
    return None


def test_it_goes_once_with_the_number_and_the_words_signed(theirs: Listener, owner: User, cleo: Relationship) -> None:
    secret = asked(theirs, owner).secret
    consents(cleo, channel=Channel.SMS)
    queued(cleo)
    assert isinstance(go_round(), Accepted)
    assert go_round() is None
    said = json.loads(theirs.bodies()[0])
    assert (said["id"], said["event"]) == ("abc234", "message.text")
    assert said["data"]["to"] == PHONE
    assert "Thank you for the years" in said["data"]["text"]
    lines = theirs.heads()[0].split("\r\n")[1:]
    signed = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines}
    shape = signatures.WebhookShape.PLAIN
    signatures.check(shape, secrets=[secret], headers=signed, body=theirs.bodies()[0], at=NOON)
    assert Message.objects.get().state == MessageState.ACCEPTED
    assert not Telling.objects.exists()  # nobody's words lie there


def test_a_letter_reaches_the_wire_as_a_text_message(theirs: Listener, owner: User, cleo: Relationship) -> None:
    asked(theirs, owner)
    Sending.objects.update_or_create(pk=1, defaults={"road": Road.SMTP.value})
    consents(cleo, channel=Channel.SMS)
    said = compose(cleo, "still_here", at=NOON, signer=owner, channel=Channel.SMS)
    row = put(
        cleo.party, said.words, key="playbook:1:0", touch_class=said.touch_class, made_by="playbook:woo:0",
        channel=Channel.SMS, not_before=NOON, chosen=said.chosen,
    )  # fmt: skip
    assert isinstance(open_texts(sending(), folder=Path("nowhere")), Texts)
    assert isinstance(go_round(), Accepted)
    assert go_round() is None
    (body,) = theirs.bodies()
    data = json.loads(body)["data"]
    assert data == {"to": PHONE, "text": row.text}
    assert data["text"].startswith("Hello Cleo Marchetti, it has been quiet between us")
    assert f"/p/t/{text_links.make(cleo.party)}/" in data["text"]
    row.refresh_from_db()
    assert (row.state, row.channel) == (MessageState.ACCEPTED, "sms")
    same = put(cleo.party, said.words, key="playbook:2:0", touch_class=said.touch_class, made_by="test",
               channel=Channel.SMS)  # fmt: skip
    assert go_round() is None
    same.refresh_from_db()
    assert same.state == MessageState.CANCELLED  # the same words, and too soon after


def test_who_did_not_agree_to_text_messages_gets_none(theirs: Listener, owner: User, cleo: Relationship) -> None:
    asked(theirs, owner)
    consents(cleo, channel=Channel.EMAIL)
    queued(cleo)
    assert go_round() is None
    assert theirs.said == []
    assert Message.objects.get().state == MessageState.CANCELLED


@pytest.mark.parametrize(
    ("answer", "kind", "state"),
    [(http(500), Unknown, MessageState.UNKNOWN), (b"", Unknown, MessageState.UNKNOWN),
     (http(429), NotAccepted, MessageState.QUEUED), (http(422), NotAccepted, MessageState.FAILED),
     (http(401), NotAccepted, MessageState.QUEUED), (http(302), NotAccepted, MessageState.QUEUED)],
)  # fmt: skip
def test_what_it_answers_is_where_it_stands(
    answer: Answer, kind: type, state: MessageState, theirs: Listener, owner: User, cleo: Relationship
) -> None:
    asked(theirs, owner)
    consents(cleo, channel=Channel.SMS)
    queued(cleo)
    theirs.answer = lambda said: answer
    assert isinstance(go_round(), kind)
    assert Message.objects.get().state == state
    assert len(theirs.said) == 1


def test_nobody_there_is_surely_not_sent(theirs: Listener, owner: User, cleo: Relationship) -> None:
    hook = asked(theirs, owner).hook
    hooks.change(hook.pk, name="texts", url="https://127.0.0.1:1/", events=[events.MESSAGE_TEXT], by=owner)
    consents(cleo, channel=Channel.SMS)
    queued(cleo)
    assert isinstance(go_round(), NotAccepted)
    assert Message.objects.get().state == MessageState.QUEUED


def test_without_a_system_that_is_on_there_is_no_road(theirs: Listener, owner: User) -> None:
    assert road_of_texts() is None
    hook = asked(theirs, owner).hook
    assert road_of_texts() is not None
    hooks.stop(hook.pk, by=owner)
    assert road_of_texts() is None


def test_two_systems_never_send_the_same_text(theirs: Listener, owner: User) -> None:
    first = asked(theirs, owner).hook
    with pytest.raises(Conflict, match="sends the text messages already"):
        asked(theirs, owner, name="another")
    url = f"https://127.0.0.1:{theirs.port}/in"
    second = hooks.make("another", url=url, events=[events.PERSON_LEFT], by=owner).hook
    with pytest.raises(Conflict):
        hooks.change(second.pk, name="another", url=url, events=[events.MESSAGE_TEXT], by=owner)
    hooks.change(first.pk, name="texts", url=url, events=[events.MESSAGE_TEXT, events.PERSON_LEFT], by=owner)


def test_a_text_message_is_never_told_as_news() -> None:
    with pytest.raises(ValueError, match="no event"):
        tell(events.MESSAGE_TEXT, {"to": PHONE})
