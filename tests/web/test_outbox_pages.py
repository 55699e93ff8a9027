"""The outbox and the settings of sending, as people use them."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from chaos.letters import words, write
from chaos.post_office import open_post_office
from django.test import Client
from people_cast import consents, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Message, MessageState, Road, Sending
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.outbox.put import sending

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
SECRET = "a secret of the server"


def signed_in(role: Role = Role.OWNER) -> Client:
    """Somebody who has shown the password lately."""
    client = Client()
    client.force_login(staff(role))
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    return client


@pytest.fixture
def cleo() -> Relationship:
    one = person("Cleo Marchetti", email="cleo@example.org", country="GB", time_zone="Europe/London")
    consents(one, purpose=TouchClass.RELATIONSHIP)
    return one


FORM = {
    "host": "127.0.0.1", "port": "2525", "security": "none", "username": "", "password": "", "from_name": "Dana Frey",
    "from_address": "dana@oak.example", "reply_to": "", "postal_address": "1 Oak Street", "per_minute": "600",
}  # fmt: skip


def test_sending_is_off_until_somebody_switches_it_on(tmp_path: Path) -> None:
    client = signed_in()
    assert "nothing leaves this machine" in client.get("/settings/sending/").content.decode()
    with open_post_office(tmp_path / "ledger") as office:
        client.post("/settings/sending/keep/", {**FORM, "port": str(office.port)})
        assert sending().road == Road.LOCAL
        page = client.post("/settings/sending/on/", follow=True).content.decode()
        assert "nobody outside can know oak.example" in page
        assert sending().road == Road.LOCAL
        page = client.post("/settings/sending/on/", {"anyway": "yes"}, follow=True).content.decode()
    assert "Mail goes out from now on" in page
    assert sending().road == Road.SMTP
    assert AuditEntry.objects.get(verb="sending.switched").details == {"to": "smtp", "missing": ["domain"]}


def test_a_server_that_does_not_answer_is_not_switched_to() -> None:
    client = signed_in()
    client.post("/settings/sending/keep/", {**FORM, "port": "1"})
    page = client.post("/settings/sending/on/", follow=True).content.decode()
    assert "does not let us in" in page
    assert sending().road == Road.LOCAL


def test_an_open_line_to_another_machine_is_refused() -> None:
    page = signed_in().post("/settings/sending/keep/", {**FORM, "host": "mail.example"}, follow=True)
    assert "open to read" in page.content.decode()
    assert not sending().host


def test_a_password_is_sealed_stays_when_left_empty_and_is_never_shown() -> None:
    client = signed_in()
    client.post("/settings/sending/keep/", {**FORM, "password": SECRET})
    sealed = sending().password
    assert sealed
    assert SECRET not in sealed
    client.post("/settings/sending/keep/", {**FORM, "from_name": "Dana"})
    assert sending().password == sealed
    assert SECRET not in client.get("/settings/sending/").content.decode()
    assert SECRET not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_an_agent_reads_and_does_not_change() -> None:
    client = signed_in(Role.AGENT)
    assert client.get("/settings/sending/").status_code == 200
    assert client.post("/settings/sending/keep/", FORM).status_code == 403
    assert not sending().host


def test_what_waits_can_be_read_and_held_back(cleo: Relationship) -> None:
    message = write(cleo, words=words("A word of thanks"))
    client = signed_in(Role.AGENT)
    assert "A word of thanks" in client.get("/outbox/").content.decode()
    page = client.get(f"/outbox/{message.pk}/").content.decode()
    assert "Thank you for the years with us." in page
    assert "It waits" in page
    client.post(f"/outbox/{message.pk}/hold/")
    assert Message.objects.get().state == MessageState.CANCELLED
    assert "already" not in client.post(f"/outbox/{message.pk}/hold/", follow=True).content.decode()


def test_what_nobody_knows_is_settled_by_a_human(cleo: Relationship) -> None:
    message = write(cleo)
    Message.objects.update(state=MessageState.UNKNOWN.value, epoch=1)
    client = signed_in(Role.AGENT)
    assert "nobody knows whether it arrived" in client.get("/outbox/").content.decode()
    client.post(f"/outbox/{message.pk}/arrived/")
    assert Message.objects.get().state == MessageState.ACCEPTED
    page = client.post(f"/outbox/{message.pk}/again/", follow=True).content.decode()
    assert "Only what is not known can be settled" in page


def test_a_pause_says_why_and_is_let_go_by_a_human() -> None:
    sending()
    Sending.objects.update(paused="the mail server does not let us in: 535")
    client = signed_in()
    assert "535" in client.get("/outbox/").content.decode()
    client.post("/settings/sending/resume/")
    assert sending().paused == ""


def test_a_long_list_comes_page_by_page(cleo: Relationship) -> None:
    for number in range(55):
        write(cleo, f"letter:{number}", words=words(f"Number {number}."))
    client = signed_in(Role.AGENT)
    first = client.get("/outbox/").content.decode()
    assert "Number 54." in first
    assert "Number 3." not in first
    older = Message.objects.get(subject="Number 5.").pk
    assert "Number 3." in client.get(f"/outbox/?before={older}").content.decode()
    assert client.get("/outbox/?before=x").status_code == 404
    assert client.get("/outbox/?list=other").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_forgotten_person_leaves_no_words_in_the_outbox(cleo: Relationship) -> None:
    from rekindle.workflows.forget import forget

    write(cleo, words=words("For Cleo alone"))
    forget(cleo.party, by=staff(Role.OWNER))
    row = Message.objects.get()
    assert (row.recipient, row.subject, row.text, row.state) == ("", "", "", MessageState.CANCELLED)
    assert "somebody forgotten" in signed_in().get("/outbox/?list=held").content.decode()
    assert row.expires_at - row.created_at >= timedelta(days=1)


def test_a_letter_is_proposed_looked_over_and_put_into_the_outbox(cleo: Relationship) -> None:
    client = signed_in(Role.AGENT)
    page = client.get(f"/people/{cleo.party_id}/write/").content.decode()
    assert "?letter=check_in" in page
    draft = client.get(f"/people/{cleo.party_id}/write/?letter=check_in")
    form = draft.context["form"]
    assert "Hello Cleo Marchetti" in form["text"]
    assert "{{" not in form["text"]
    given = {"class": "relationship", "subject": form["subject"], "text": form["text"], "token": form["token"]}
    looked = client.post(f"/people/{cleo.party_id}/write/", {**given, "do": "look"})
    assert looked.status_code == 200
    assert not Message.objects.exists()
    for _twice in range(2):
        client.post(f"/people/{cleo.party_id}/write/", {**given, "letter": "check_in", "do": "send"})
    message = Message.objects.get()
    assert "Hear nothing more like this: http" in message.text
    assert message.content == "letter:check_in:1"


def test_selling_in_a_card_is_not_put_into_the_outbox(cleo: Relationship) -> None:
    given = {"class": "relationship", "subject": "For you", "text": "Come back, 20 % off.\n\nDana", "token": "t"}
    client = signed_in(Role.AGENT)
    page = client.post(f"/people/{cleo.party_id}/write/", {**given, "do": "send"}).content.decode()
    assert "It sells" in page
    assert not Message.objects.exists()


def test_a_letter_that_needs_what_is_not_known_says_what(cleo: Relationship) -> None:
    client = signed_in(Role.AGENT)
    page = client.get(f"/people/{cleo.party_id}/write/").content.decode()
    assert "needs what is not known: what we owe them" in page
    page = client.get(f"/people/{cleo.party_id}/write/?letter=mend").content.decode()
    assert "It needs what is not known" in page
    assert "There is no letter" in client.get(f"/people/{cleo.party_id}/write/?letter=nonsense").content.decode()
