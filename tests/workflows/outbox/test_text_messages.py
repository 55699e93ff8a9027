"""A text message in the outbox: written down once, to a number of theirs, with who writes and how to hear no more."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from chaos.letters import NOON
from django.conf import settings
from people_cast import consents, ended, person

from rekindle.act.channels.text_folder import TextFolder
from rekindle.act.envelope import Accepted, NotAccepted
from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import Message, MessageState, Road, Sending
from rekindle.relationships.models import Identity, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, IdentityKind, Stage, TouchClass
from rekindle.workflows import links, text_links, unsubscribe
from rekindle.workflows.outbox import explain, hand, headers
from rekindle.workflows.outbox.dead_address import end_address
from rekindle.workflows.outbox.erase import erase
from rekindle.workflows.outbox.put import Words, put, sending
from rekindle.workflows.outbox.text_road import open_texts
from rekindle.workflows.words.text_foot import with_text_foot

pytestmark = pytest.mark.usefixtures("noon")
PHONE, OTHER, LANDLINE = "+447700900003", "+447700900004", "+442079460000"


@pytest.fixture
def dana() -> Relationship:
    """A customer in London with a phone, who said yes to text messages."""
    one = person("Dana Marsh", email="dana@example.org", phone=PHONE, country="GB", time_zone="Europe/London")
    consents(one, channel=Channel.SMS)
    return one


def text(to: Relationship, said: str = "Thank you for the years with us.\nKim Hand") -> str:
    return with_text_foot(to.party, said, touch_class=TouchClass.RELATIONSHIP)


def write(to: Relationship, said: str = "", *, key: str = "text:1", **fields: object) -> Message:
    return put(
        to.party, Words("", said or text(to)), key=key, touch_class=TouchClass.RELATIONSHIP, made_by="test",
        channel=Channel.SMS, **fields,
    )  # type: ignore[arg-type]  # fmt: skip


def phone(to: Relationship, number: str, **fields: object) -> None:
    kind = IdentityKind.PHONE.value
    Identity.objects.create(party=to.party, kind=kind, value=number, normal=number, **fields)


def go(message: Message) -> Message:
    """One round of the outbox for text messages into the folder of this house."""
    road = open_texts(sending(), folder=_folder())
    assert isinstance(road, TextFolder)
    for claimed in hand.claim("a worker", most=9, channel=Channel.SMS):
        row = hand.mark(claimed, worker="a worker")
        if row is not None:
            hand.settle(row, road.hand_over(headers.envelope(row, sending())), worker="a worker", kept=True)
    return Message.objects.get(pk=message.pk)


def _folder() -> Path:
    from rekindle.workflows.outbox.worker import outbox_folder

    return outbox_folder()


def test_it_waits_for_their_newest_number_and_is_named_by_its_first_words(dana: Relationship) -> None:
    phone(dana, OTHER)
    row = write(dana)
    assert (row.channel, row.recipient, row.html) == ("sms", OTHER, "")
    assert row.subject == "Thank you for the years with us. Kim Hand Oak Street Gym…"
    assert write(dana, "quite another one").pk == row.pk


def test_a_number_that_takes_no_text_messages_is_passed_over(dana: Relationship) -> None:
    phone(dana, LANDLINE)
    assert write(dana).recipient == PHONE
    with pytest.raises(NotFound, match=r"\+442079460000 is no number of theirs that takes"):
        write(dana, key="text:2", recipient=LANDLINE)
    with pytest.raises(NotFound, match="is no number of theirs"):
        write(dana, key="text:3", recipient=OTHER)


def test_a_number_that_is_over_is_no_road(dana: Relationship) -> None:
    Identity.objects.filter(normal=PHONE).update(valid_to=NOON.date() - timedelta(days=1))
    with pytest.raises(NotFound, match="no phone number that takes text messages"):
        write(dana)


def test_words_that_no_phone_would_take_are_refused(dana: Relationship) -> None:
    with pytest.raises(BadInput, match="would go in 4 parts"):
        write(dana, "a" * 460)
    with pytest.raises(BadInput, match="has no HTML"):
        put(dana.party, Words("", "a", html="<p>a</p>"), key="x", touch_class=TouchClass.SERVICE, made_by="test",
            channel=Channel.SMS)  # fmt: skip
    assert not Message.objects.exists()


def test_until_sending_is_on_it_is_kept_in_this_house(dana: Relationship) -> None:
    row = go(write(dana))
    assert row.state == MessageState.KEPT
    kept = list(_folder().glob("*.txt"))
    assert len(kept) == 1
    said = kept[0].read_text()
    assert f"To: {PHONE}" in said
    assert "Thank you for the years with us." in said


def test_a_folder_that_cannot_be_written_is_surely_not_sent(dana: Relationship, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    envelope = headers.envelope(write(dana), sending())
    said = TextFolder(tmp_path / "file").hand_over(envelope)
    assert isinstance(said, NotAccepted)
    assert said.is_server
    assert isinstance(TextFolder(tmp_path).hand_over(envelope), Accepted)
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file() and path.name != "file"] == [".txt"]


def test_with_sending_on_and_no_system_that_sends_them_they_wait(dana: Relationship) -> None:
    row = write(dana)
    assert "waits; nothing" in explain.explain(row)["next"]
    Sending.objects.update(road=Road.SMTP.value)
    assert open_texts(sending(), folder=_folder()) is None
    said = explain.explain(row)
    assert "no system here sends text messages" in said["next"]
    assert explain.in_lines(said)[0] == f"message {row.pk}: relationship by text message, for test"


def test_on_the_wire_it_is_its_words_and_nothing_of_a_mail(dana: Relationship) -> None:
    one = headers.envelope(write(dana), sending())
    assert (one.recipient, one.subject, one.html, dict(one.headers)) == (PHONE, "", "", {})
    assert one.text == text(dana)


def test_below_the_words_stand_the_house_and_the_way_to_hear_no_more(dana: Relationship) -> None:
    lines = text(dana).splitlines()
    assert lines[2] == "Oak Street Gym"
    assert lines[3].startswith(f"Stop: {settings.SITE_URL}/p/t/")
    assert len(lines) == 4  # the law of the United Kingdom asks for no postal address
    assert text(dana, "Oak street gym says hello.").count("\n") == 1
    german = with_text_foot(dana.party, "Hallo", touch_class=TouchClass.RELATIONSHIP, language="de")
    assert "Stopp: " in german


def test_where_a_law_asks_for_our_address_it_stands_in_it(dana: Relationship) -> None:
    dana.party.country = "CA"
    dana.party.save()
    row = write(dana)
    assert "The law where they are asks for our postal address" in go(row).gate["text"]
    Sending.objects.update(postal_address="1 Oak Street\nLondon N1 2AB")
    said = text(dana)
    assert "1 Oak Street, London N1 2AB" in said
    assert go(write(dana, said, key="text:2")).state == MessageState.KEPT


def test_the_link_in_it_stops_text_messages_and_only_those(dana: Relationship) -> None:
    token = text(dana).rpartition("/p/t/")[2].rstrip("/")
    held = links.read(links.LinkPurpose.UNSUBSCRIBE, text_links.page(token).split("/")[-2])
    row = write(dana)
    unsubscribe.stop(held.party, what=unsubscribe.scope(held.about), said="no more texts")
    assert go(row).state == MessageState.CANCELLED
    assert not unsubscribe.is_stopped(dana.party, unsubscribe.scope("email"))
    assert unsubscribe.is_stopped(dana.party, unsubscribe.scope("sms"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Thank you.\nKim Hand\nStop: {link}", "does not say who writes"),
        ("Thank you.\nKim Hand\nOak Street Gym", "no way to hear nothing more"),
        ("Thank you.\nKim Hand\nOak Street Gym {site}/p/door/abc", "no way to hear nothing more"),
        ("Hello {{first_name}}, thank you.\nKim Hand\nOak Street Gym\n{link}", "not filled in"),
        ("Half price today only for you!\nKim Hand\nOak Street Gym\n{link}", "It sells"),
    ],
)
def test_what_it_lacks_holds_it_back_at_the_hand_over(dana: Relationship, said: str, why: str) -> None:
    link = text_links.address(dana.party)
    words = said.replace("{link}", link).replace("{site}", settings.SITE_URL).replace("{{", "{").replace("}}", "}")
    row = go(write(dana, words))
    assert row.state == MessageState.CANCELLED
    assert row.gate["rule"] == "unfit"
    assert why in row.gate["text"]
    assert not list(_folder().glob("*.txt"))


def test_a_link_that_was_ended_meanwhile_holds_it_back(dana: Relationship) -> None:
    row = write(dana)
    links.end_all(dana.party, by=None)
    assert "no way to hear nothing more" in go(row).gate["text"]


def test_a_number_that_went_to_somebody_else_gets_nothing(dana: Relationship) -> None:
    row = write(dana)
    assert end_address(PHONE, at=NOON, party=dana.party, about=f"message:{row.pk}") == 1
    phone(dana, OTHER)
    row = go(row)
    assert row.state == MessageState.CANCELLED
    assert row.gate["text"].endswith("The number is not theirs any more.")
    assert Identity.objects.get(kind=IdentityKind.EMAIL.value, party=dana.party).valid_to is None


def test_mail_may_be_agreed_to_and_text_messages_not(dana: Relationship) -> None:
    eve = person("Eve Marsh", email="eve@example.org", phone=OTHER, country="GB", time_zone="Europe/London")
    consents(eve, channel=Channel.EMAIL)
    row = go(write(eve))
    assert row.state == MessageState.CANCELLED
    assert row.gate["rule"] != "unfit"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("All the best to you.\nKim Hand", MessageState.CANCELLED),
        ("You are no longer a customer of ours; this is no mistake. All the best.\nKim Hand", MessageState.KEPT),
    ],
)
def test_the_first_word_after_the_end_says_that_we_know_it(said: str, state: MessageState) -> None:
    left = person(
        "Fay Marsh", phone=OTHER, country="GB", time_zone="Europe/London", stage=Stage.OLD_FRIENDS,
        commercial=Commercial.ENDED, contact=Contact.STEADY,
    )  # fmt: skip
    ended(left, on=date(2025, 3, 10))
    consents(left, channel=Channel.SMS)
    assert go(write(left, text(left, said))).state == state


def test_a_forgotten_person_leaves_no_word_no_number_and_no_file(dana: Relationship) -> None:
    kept = go(write(dana))
    phone(dana, OTHER)
    waiting = write(dana, key="text:2")
    assert list(_folder().glob("*.txt"))
    assert erase(dana.party_id) == 2
    for row, state in ((kept, MessageState.KEPT), (waiting, MessageState.CANCELLED)):
        row.refresh_from_db()
        assert (row.recipient, row.subject, row.text, row.party_id) == ("", "", "", None)
        assert row.state == state
    assert not list(_folder().glob("*.txt"))
