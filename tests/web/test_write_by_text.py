"""Writing a text message by hand, its pages, and the short link in it."""

from __future__ import annotations

import pytest
from chaos.letters import NOON
from django.conf import settings
from django.test import Client
from people_cast import consents, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import Hook, Message, MessageState
from rekindle.relationships.models import Consent, Identity, Party, Relationship
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass
from rekindle.workflows import links, text_links
from rekindle.workflows.hooks_out import events, hooks
from rekindle.workflows.mirror import mirror
from rekindle.workflows.outbox.put import Words, put
from rekindle.workflows.words.text_foot import with_text_foot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
PHONE = "+447700900003"


@pytest.fixture
def cleo(monkeypatch: pytest.MonkeyPatch) -> Relationship:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    one = person(
        "Cleo Marchetti", email="cleo@example.org", phone=PHONE, country="GB", time_zone="Europe/London",
        owner=staff(name="Kim Hand"),
    )  # fmt: skip
    consents(one, channel=Channel.EMAIL, purpose=TouchClass.RELATIONSHIP)
    consents(one, channel=Channel.SMS, purpose=TouchClass.RELATIONSHIP)
    return one


@pytest.fixture
def road(cleo: Relationship) -> Hook:
    """A system of this house that sends text messages."""
    owner = staff(Role.OWNER)
    return hooks.make("texts", url="https://texts.example.org/sms", events=[events.MESSAGE_TEXT], by=owner).hook


def client(role: Role = Role.AGENT) -> Client:
    one = Client()
    one.force_login(staff(role, name="Dana Frey"))
    return one


def write(to: Relationship) -> str:
    return f"/people/{to.party_id}/write/"


FORM = {
    "letter": "", "class": "relationship", "subject": "", "token": "abc", "road": "sms",
    "text": "Hello Cleo, thank you for the years with us.\r\nDana Frey",
}  # fmt: skip


def test_without_a_system_that_sends_them_there_is_no_choice(cleo: Relationship) -> None:
    page = client().get(write(cleo)).content.decode()
    assert "text message" not in page
    page = client().post(write(cleo), {**FORM, "do": "send"}).content.decode()
    assert "They cannot be written to on that road." in page
    assert "Hello Cleo, thank you for the years with us." in page
    assert not Message.objects.exists()


def test_the_road_is_chosen_looked_over_with_its_parts_and_sent(cleo: Relationship, road: Hook) -> None:
    desk = client()
    page = desk.get(write(cleo)).content.decode()
    assert f"text message to {PHONE}" in page
    page = desk.post(write(cleo), {**FORM, "do": "look"}).content.decode()
    assert "1 part<" in page
    assert "three parts at most" in page
    assert 'type="hidden" name="subject"' in page
    assert "Oak Street Gym<br>Stop: http" in page
    assert not Message.objects.exists()
    for _again in range(2):
        desk.post(write(cleo), {**FORM, "do": "send"})
    row = Message.objects.get()
    assert (row.channel, row.recipient, row.html, row.made_by) == ("sms", PHONE, "", "by hand")
    assert row.text.startswith("Hello Cleo, thank you for the years with us.\nDana Frey\nOak Street Gym\nStop: ")


def test_what_was_looked_over_as_mail_does_not_go_as_a_text_message(cleo: Relationship, road: Hook) -> None:
    desk = client()
    mail = {**FORM, "road": "email", "subject": "Thank you"}
    assert 'name="looked" value="email"' in desk.post(write(cleo), {**mail, "do": "look"}).content.decode()
    page = desk.post(write(cleo), {**mail, "road": "sms", "looked": "email", "do": "send"}).content.decode()
    assert "Look it over once more." in page
    assert 'name="looked" value="sms"' in page
    assert not Message.objects.exists()
    desk.post(write(cleo), {**mail, "looked": "email", "do": "send"})
    assert Message.objects.get().channel == "email"


def test_too_long_a_text_message_is_told_and_not_sent(cleo: Relationship, road: Hook) -> None:
    long = {**FORM, "text": "Hello Cleo, " + "thank you so much " * 30 + "\r\nDana Frey"}
    desk = client()
    page = desk.post(write(cleo), {**long, "do": "look"}).content.decode()
    assert "too long" in page
    assert "Put it into the outbox" not in page
    page = desk.post(write(cleo), {**long, "do": "send"}).content.decode()
    assert "letters would go in" in page
    assert not Message.objects.exists()


def test_letters_are_offered_that_have_words_for_it(cleo: Relationship, road: Hook) -> None:
    desk = client()
    page = desk.get(write(cleo) + "?road=sms").content.decode()
    assert "?letter=still_here&amp;road=sms" in page
    assert "letter=deepen" not in page
    page = desk.get(write(cleo) + "?letter=still_here&road=sms").content.decode()
    assert "I only wanted you to know that we are still here" in page
    assert "has no words for a text message" in desk.get(write(cleo) + "?letter=mend&road=sms").content.decode()


def test_who_agreed_to_mail_alone_is_told_so_before_anything_is_sent(cleo: Relationship, road: Hook) -> None:
    Consent.objects.filter(channel=Channel.SMS.value).delete()
    page = client().post(write(cleo), {**FORM, "do": "look"}).content.decode()
    assert "a rule says no" in page
    assert "Put it into the outbox" not in page


def test_without_a_number_that_takes_them_there_is_no_choice(cleo: Relationship, road: Hook) -> None:
    Identity.objects.filter(kind=IdentityKind.PHONE.value).update(normal="+442079460000")
    assert "text message" not in client().get(write(cleo)).content.decode()


def sent(to: Relationship) -> Message:
    text = with_text_foot(to.party, "Thank you for the years.\nDana Frey", touch_class=TouchClass.RELATIONSHIP)
    row = put(to.party, Words("", text), key="text:1", touch_class=TouchClass.RELATIONSHIP, made_by="test",
              channel=Channel.SMS)  # fmt: skip
    Message.objects.filter(pk=row.pk).update(state=MessageState.ACCEPTED.value, handed_at=NOON)
    return Message.objects.get(pk=row.pk)


def test_the_pages_name_it_by_its_first_words_and_its_road(cleo: Relationship) -> None:
    row = sent(cleo)
    desk = client()
    page = desk.get("/outbox/?list=gone").content.decode()
    assert "Thank you for the years. Dana Frey" in page
    assert "text message" in page
    page = desk.get(f"/outbox/{row.pk}/").content.decode()
    assert "<h1>Thank you for the years. Dana Frey" in page
    assert "text message" in page
    assert PHONE in page


def test_from_their_side_it_is_a_text_message_with_its_words(cleo: Relationship) -> None:
    sent(cleo)
    (one,) = [row for row in mirror(cleo.party, at=NOON).rows if row.road is Channel.SMS]
    assert one.what.startswith("Thank you for the years.")
    assert "Stop: " in one.words


def test_the_short_link_leads_to_the_page_that_stops_text_messages_and_changes_nothing(cleo: Relationship) -> None:
    stranger = Client()
    short = text_links.address(cleo.party).removeprefix(settings.SITE_URL)
    answer = stranger.get(short)
    assert answer.status_code == 302
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = stranger.get(answer.headers["Location"]).content.decode()
    assert "Stop everything by text message." in page
    assert not Consent.objects.exclude(withdrawn_at=None).exists()
    assert stranger.post(short).status_code == 405
    stranger.post(answer.headers["Location"], {"deed": "stop"})
    noes = Consent.objects.exclude(withdrawn_at=None)
    assert set(noes.values_list("channel", flat=True)) == {"sms"}


def test_a_wrong_an_old_and_a_foreign_link_are_answered_alike(cleo: Relationship) -> None:
    right = text_links.make(cleo.party)
    other = person("Somebody Else").party
    number, given, signature = right.split(".")
    wrong = [
        "x", "1", "..", "...", f"{number}.{given}.", f".{given}.{signature}", f"{number}.{given}.{signature[:-1]}",
        f"{text_links.make(other).split('.')[0]}.{given}.{signature}", f"{number}.1.{signature}", "é.0." + signature,
        links.make(links.LinkPurpose.UNSUBSCRIBE, cleo.party), "z" * 300, f"{number.upper()}A.{given}.{signature}",
    ]  # fmt: skip
    answers = {(answer.status_code, answer.content) for answer in (Client().get(f"/p/t/{one}/") for one in wrong)}
    links.end_all(cleo.party, by=None)
    answer = Client().get(f"/p/t/{right}/")
    assert answers == {(404, answer.content)}
    assert answer.status_code == 404
    cleo.party.refresh_from_db()
    assert Client().get(f"/p/t/{text_links.make(cleo.party)}/").status_code == 302


def test_every_party_has_a_short_link_of_its_own_that_leads_to_them() -> None:
    for number in (1, 35, 36, 1_000_000, 2**40):
        party = Party.objects.create(pk=number, name=f"Person {number}")
        token = text_links.make(party)
        assert len(token) <= 36
        held = links.read(links.LinkPurpose.UNSUBSCRIBE, text_links.page(token).split("/")[-2])
        assert (held.party.pk, held.about) == (number, "sms")
