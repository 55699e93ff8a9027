"""The mailbox settings, what came back, links of letters and the door of mail providers, as people and machines use
them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chaos.letters import words
from chaos.mailbag import answer, dsn
from chaos.mailroom import PASSWORD, Mailroom, open_mailroom
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, person, staff

from rekindle.accounts.roles import Role
from rekindle.act.inbound.mail import read
from rekindle.journal.models import AuditEntry, Click, Inbound, InboundKind, Mailbox, Message, MessageState, Sending
from rekindle.relationships.models import Consent, Identity, Note, Relationship, Task
from rekindle.relationships.vocabulary import TaskState, TouchClass
from rekindle.web.views.inbound import came_back
from rekindle.workflows import click_links, tasks
from rekindle.workflows.inbound import provider
from rekindle.workflows.inbound.take import IMAP, take
from rekindle.workflows.outbox.put import Words, put, sending
from rekindle.workflows.sealed import seal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 Chrome/140.0", "HTTP_ACCEPT_LANGUAGE": "de-DE"}


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
    one = person("Cleo Marchetti", email="cleo@example.org", country="GB", owner=staff())
    consents(one)
    return one


@pytest.fixture
def message(cleo: Relationship) -> Message:
    return sent(cleo)


def sent(to: Relationship, *, said: Words | None = None, touch_class: TouchClass = TouchClass.RELATIONSHIP) -> Message:
    row = put(to.party, said or words(), key="letter:1", touch_class=touch_class, made_by="test")
    hour_ago = timezone.now() - timedelta(hours=1)
    Message.objects.filter(pk=row.pk).update(state=MessageState.ACCEPTED.value, handed_at=hour_ago, epoch=1)
    row.refresh_from_db()
    return row


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with open_mailroom() as opened:
        yield opened


# The mailbox


def form(room: Mailroom, **fields: str) -> dict[str, str]:
    return {
        "host": "127.0.0.1", "port": str(room.port), "security": "none", "username": "in@oak.example",
        "password": PASSWORD, "folder": "INBOX", "is_on": "yes", **fields,
    }  # fmt: skip


def test_the_mailbox_is_set_tried_and_its_password_never_shown(room: Mailroom) -> None:
    client = signed_in()
    page = client.post("/settings/mailbox/keep/", form(room), follow=True).content.decode()
    assert "The mailbox lets us in" in page
    assert Mailbox.objects.get().is_on
    page += client.post("/settings/mailbox/try/", follow=True).content.decode()
    assert "It holds 0 mails" in page
    assert PASSWORD not in page + client.get("/settings/mailbox/").content.decode()


def test_a_mailbox_that_does_not_let_us_in_is_said_and_not_kept(room: Mailroom) -> None:
    page = signed_in().post("/settings/mailbox/keep/", form(room, password="wrong"), follow=True).content.decode()
    assert "cannot be read" in page
    assert not Mailbox.objects.filter(is_on=True).exists()


def test_only_who_may_change_settings_may_set_the_mailbox(room: Mailroom) -> None:
    client = signed_in(Role.AGENT)
    assert client.post("/settings/mailbox/keep/", form(room)).status_code == 403
    assert client.post("/settings/mailbox/hook/", {"provider": "postmark"}).status_code == 403
    assert room.asked == []


def test_who_has_not_shown_the_password_lately_is_asked(room: Mailroom) -> None:
    client = Client()
    client.force_login(staff(Role.OWNER, password="a sentence to sign in with"))
    for page in ("keep", "try", "hook"):
        answered = client.post(f"/settings/mailbox/{page}/", form(room))
        assert answered["Location"].startswith(reverse("account_reauthenticate"))
    assert room.asked == []


def test_the_address_of_a_provider_is_shown_on_asking_and_noted() -> None:
    client = signed_in()
    secret = provider.secret("postmark")
    assert secret not in client.get("/settings/mailbox/").content.decode()
    page = client.post("/settings/mailbox/hook/", {"provider": "postmark"}).content.decode()
    assert f"rekindle:{secret}@" in page
    assert AuditEntry.objects.get(verb="provider_hook.shown").details == {"provider": "postmark"}
    assert (
        "Choose a provider" in client.post("/settings/mailbox/hook/", {"provider": "x"}, follow=True).content.decode()
    )


# What came back


def heard(raw: bytes) -> Inbound:
    parsed = read(raw)
    return take(IMAP, parsed.number, parsed)


def test_an_answer_waits_until_somebody_has_looked(message: Message) -> None:
    client = signed_in()
    row = heard(answer(message, "I was <b>ill</b>."))
    page = client.get("/inbound/").content.decode()
    assert "I was &lt;b&gt;ill&lt;/b&gt;." in page
    client.post(f"/inbound/{row.pk}/done/")
    client.post(f"/inbound/{row.pk}/done/")
    assert "Nothing needs a look" in client.get("/inbound/").content.decode()
    assert "I was &lt;b&gt;" in client.get("/inbound/?list=all").content.decode()
    assert AuditEntry.objects.filter(verb="inbound.looked_at").count() == 1


def test_an_answered_task_is_a_look(message: Message, cleo: Relationship) -> None:
    heard(answer(message, "Hello."))
    tasks.answer(Task.objects.get().pk, state=TaskState.DONE, by=cleo.owner)
    assert "Nothing needs a look" in signed_in().get("/inbound/").content.decode()


def test_who_reads_only_cannot_say_that_it_was_looked_at(message: Message) -> None:
    row = heard(answer(message, "Hello."))
    assert signed_in(Role.ANALYST).post(f"/inbound/{row.pk}/done/").status_code == 403
    row.refresh_from_db()
    assert not row.is_done


def test_the_list_costs_the_same_for_one_and_for_many(
    cleo: Relationship, message: Message, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        Inbound.objects.create(source="x", number=str(number), kind="reply", party=cleo.party, message=message,
                               occurred_at=timezone.now())  # fmt: skip
    client = signed_in()
    with django_assert_max_num_queries(20):
        page = client.get("/inbound/").content.decode()
    assert "Older" in page
    assert client.get("/inbound/?list=nothing").status_code == 404
    assert client.get("/inbound/?before=x").status_code == 404


def test_the_page_of_a_message_can_tell_what_came_back(message: Message) -> None:
    heard(dsn(message, "5.1.1"))
    shown = came_back(message)
    assert [row.code for row in shown["came_back"]] == ["5.1.1"]
    assert shown["clicks"] == {"people": 0, "machines": 0}


def test_a_part_of_a_page_shows_what_came_back(message: Message) -> None:
    heard(answer(message, "I was <b>ill</b>."))
    Click.objects.create(message=message, url="https://x.example/", machine_score=1.0, is_machine=True)
    part = render_to_string("web/outbox_came_back.html", came_back(message))
    assert "I was &lt;b&gt;ill&lt;/b&gt;." in part
    assert "1 visit was a scanner" in part
    assert render_to_string("web/outbox_came_back.html", {"came_back": [], "clicks": {}}).strip() == ""


# Links of content letters

READING = "https://blog.oak.example/knees?a=1&b=2"


@pytest.fixture
def letter(cleo: Relationship) -> Message:
    stop = f"{settings.SITE_URL}/p/unsubscribe/x/"
    text = f"Read {READING}. And http://other.example/b, too.\n\nHear nothing more: {stop}\n"
    html = f'<p>Read <a href="{READING.replace("&", "&amp;")}">this</a>.</p><p><a href="{stop}">stop</a></p>'
    return sent(cleo, said=Words("Knees", text, html), touch_class=TouchClass.CONTENT)


def token(letter: Message, at: int = 0) -> str:
    return click_links.address(letter, at).removeprefix(settings.SITE_URL)


def test_a_reading_is_wrapped_and_leads_where_it_led(letter: Message) -> None:
    text, html = click_links.links_in(letter.text, letter), click_links.links_in(letter.html, letter)
    assert READING not in text
    assert READING.replace("&", "&amp;") not in html
    assert f"{settings.SITE_URL}/p/unsubscribe/x/" in text
    assert f"{settings.SITE_URL}/p/unsubscribe/x/" in html
    assert token(letter) in text
    assert token(letter) in html
    response = Client().get(token(letter), **BROWSER)
    assert (response.status_code, response["Location"]) == (302, READING)
    assert response["Referrer-Policy"] == "no-referrer"
    visit = Click.objects.get()
    assert (visit.url, visit.is_machine, visit.message) == (READING, False, letter)


def test_the_sentence_around_a_link_stays(letter: Message) -> None:
    text = click_links.links_in(letter.text, letter)
    assert f"{click_links.address(letter, 0)}. And {click_links.address(letter, 1)}, too." in text


def test_other_letters_keep_their_links(message: Message) -> None:
    assert click_links.links_in(message.text, message) == message.text


@pytest.mark.parametrize("wrong", ["x", "1~0.abc", "https:..evil.example", "a" * 900])
def test_a_link_that_was_changed_leads_nowhere(letter: Message, wrong: str) -> None:
    assert Client().get(f"/p/c/{wrong}/?url=https://evil.example").status_code == 404
    assert not Click.objects.exists()


def test_every_changed_letter_of_a_token_is_found(letter: Message) -> None:
    path = token(letter)
    for at in range(len("/p/c/"), len(path) - 1):
        changed = path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]
        assert Client().get(changed).status_code == 404, at


def test_a_link_that_is_not_in_the_letter_leads_nowhere(letter: Message) -> None:
    assert Client().get(token(letter, 7)).status_code == 404


def test_a_scanner_is_no_sign_of_life(letter: Message) -> None:
    Client().head(token(letter), **BROWSER)
    Client().get(token(letter), HTTP_USER_AGENT="Barracuda Sentinel", HTTP_ACCEPT_LANGUAGE="de")
    Message.objects.filter(pk=letter.pk).update(handed_at=timezone.now())
    Client().get(token(letter), **BROWSER)
    assert list(Click.objects.values_list("is_machine", flat=True)) == [True] * 3
    assert came_back(letter)["clicks"] == {"people": 0, "machines": 3}


def test_three_links_at_once_were_all_a_machine(cleo: Relationship) -> None:
    letter = sent(cleo, said=Words("Three", "https://a.example/1 https://a.example/2 https://a.example/3 x"),
                  touch_class=TouchClass.CONTENT)  # fmt: skip
    for at in range(3):
        Client().get(token(letter, at), **BROWSER)
    assert list(Click.objects.values_list("is_machine", flat=True)) == [True] * 3


def test_a_link_only_takes_get_and_head(letter: Message) -> None:
    assert Client().post(token(letter)).status_code == 405


def test_visits_without_end_are_not_all_written_down(letter: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click_links, "MOST_CLICKS", 3)
    for _ in range(6):
        assert Client().get(token(letter), **BROWSER).status_code == 302
    assert Click.objects.count() == 3


# Mail providers


def basic(name: str) -> dict[str, str]:
    told = base64.b64encode(f"rekindle:{provider.secret(name)}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {told}"}


def postmark(kind: str, message: Message | None = None, **fields: object) -> dict[str, object]:
    named = {"rekindle": message.message_id.strip("<>").partition("@")[0]} if message is not None else {}
    return {
        "RecordType": kind, "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Recipient": "cleo@example.org",
        "Email": "cleo@example.org", "Metadata": named, "DeliveredAt": datetime.now(UTC).isoformat(),
        "BouncedAt": datetime.now(UTC).isoformat(), "ID": 42, **fields,
    }  # fmt: skip


def call(body: object, *, name: str = "postmark", **headers: str) -> Any:
    return Client().post(f"/hooks/mail/{name}/", json.dumps(body), content_type="application/json", **headers)


def test_a_bounce_told_by_a_provider_ends_the_address_once(message: Message, cleo: Relationship) -> None:
    told = postmark("Bounce", message, Type="HardBounce", TypeCode=1, Details="smtp;550 5.1.1 no such user")
    for _ in range(3):
        assert call(told, **basic("postmark")).status_code == 200
    assert Inbound.objects.get().code == "5.1.1"
    assert Message.objects.get().state == MessageState.FAILED
    assert not Identity.objects.filter(party=cleo.party, valid_to=None).exists()


def test_a_bounce_of_an_address_alone_is_believed_of_a_provider(message: Message, cleo: Relationship) -> None:
    told = postmark("Bounce", None, Type="HardBounce", TypeCode=1, Details="smtp;550 5.1.1 no such user")
    call(told, **basic("postmark"))
    assert Inbound.objects.get().party == cleo.party
    assert not Identity.objects.filter(party=cleo.party, valid_to=None).exists()


def test_a_delivery_settles_an_unknown(message: Message) -> None:
    Message.objects.update(state=MessageState.UNKNOWN.value)
    call(postmark("Delivery", message), **basic("postmark"))
    assert Message.objects.get().state == MessageState.ACCEPTED


def test_a_complaint_stops_the_mail(message: Message, cleo: Relationship) -> None:
    call(postmark("SpamComplaint", message, Type="SpamComplaint", TypeCode=512), **basic("postmark"))
    assert Inbound.objects.get().kind == InboundKind.COMPLAINED
    assert not Consent.objects.filter(party=cleo.party, withdrawn_at=None).exists()


def test_an_address_of_two_people_is_stopped_for_both(cleo: Relationship) -> None:
    carl = person("Carl Marchetti", email="cleo@example.org")
    call(postmark("SpamComplaint", None, Type="SpamComplaint", TypeCode=512), **basic("postmark"))
    stopped = set(Consent.objects.exclude(withdrawn_at=None).values_list("party_id", flat=True))
    assert stopped == {cleo.party_id, carl.party_id}


def test_opens_and_clicks_a_provider_counts_are_not_kept(message: Message) -> None:
    assert call(postmark("Open", message), **basic("postmark")).status_code == 200
    assert not Inbound.objects.exists()


def test_mail_that_a_provider_took_in_is_an_answer(message: Message) -> None:
    told = {
        "FromFull": {"Email": "cleo@example.org", "Name": "Cleo"}, "From": "cleo@example.org", "To": "in@oak.example",
        "MessageID": "22c74902", "Subject": "Re: x",
        "TextBody": "Hello again.", "HtmlBody": "", "Attachments": [],
        "ToFull": [{"Email": "in@oak.example", "Name": ""}], "CcFull": [], "Date": "Thu, 5 Apr 2026 16:59:01 +0200",
        "Headers": [
            {"Name": "In-Reply-To", "Value": message.message_id}, {"Name": "Message-ID", "Value": "<q@x.example>"}
        ],
    }  # fmt: skip
    answered = Client().post("/hooks/mail/postmark/inbound/", json.dumps(told), content_type="application/json",
                             **basic("postmark"))  # fmt: skip
    assert answered.status_code == 200, answered.content
    assert Note.objects.get().text == "By mail: Hello again."


@pytest.mark.parametrize("headers", [{}, {"HTTP_AUTHORIZATION": "Basic eDp5"}, {"HTTP_AUTHORIZATION": "Bearer x"}])
def test_who_does_not_prove_it_is_refused(message: Message, headers: dict[str, str]) -> None:
    told = postmark("Bounce", message, Type="HardBounce", TypeCode=1, Details="550 5.1.1")
    assert call(told, **headers).status_code == 403
    assert call(told, **basic("mailjet")).status_code == 403
    assert not Inbound.objects.exists()


def test_an_unknown_provider_is_not_there() -> None:
    assert call({}, name="pigeon").status_code == 404
    assert Client().head("/hooks/mail/pigeon/").status_code == 404
    assert Client().head("/hooks/mail/postmark/").status_code == 200
    assert Client().get("/hooks/mail/postmark/").status_code == 405


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"RecordType": 7}', b"7"])
def test_nonsense_is_answered_and_nothing_kept(body: bytes) -> None:
    answered = Client().post("/hooks/mail/postmark/", body, content_type="application/json", **basic("postmark"))
    assert answered.status_code in {200, 400}
    assert not Inbound.objects.exists()


def test_a_body_without_end_is_refused() -> None:
    body = b"x" * (provider.MOST_BYTES + 1)
    answered = Client().post("/hooks/mail/postmark/", body, content_type="application/json", **basic("postmark"))
    assert answered.status_code == 413


def mailgun(message: Message, *, key: str) -> dict[str, object]:
    at, nonce = str(int(time.time())), "a" * 50
    signed = hmac.new(key.encode(), f"{at}{nonce}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": at, "token": nonce, "signature": signed},
        "event-data": {
            "id": "ev1", "event": "failed", "severity": "permanent", "timestamp": time.time(), "reason": "bounce",
            "recipient": "cleo@example.org", "message": {"headers": {"message-id": message.message_id.strip("<>")}},
            "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
        },
    }  # fmt: skip


def test_a_provider_that_signs_is_asked_for_its_signature_too(message: Message) -> None:
    sending()
    Sending.objects.update(
        provider="mailgun", provider_keys=seal(json.dumps({"api_key": "x", "webhook_signing_key": "k"}))
    )
    assert call(mailgun(message, key="other"), name="mailgun", **basic("mailgun")).status_code == 403
    assert call(mailgun(message, key="k"), name="mailgun").status_code == 403
    assert call(mailgun(message, key="k"), name="mailgun", **basic("mailgun")).status_code == 200
    assert Message.objects.get().state == MessageState.FAILED


def test_a_provider_whose_key_is_not_kept_is_believed_by_its_secret(message: Message) -> None:
    assert call(mailgun(message, key="k"), name="mailgun").status_code == 403
    assert call(mailgun(message, key="k"), name="mailgun", **basic("mailgun")).status_code == 200
    assert Message.objects.get().state == MessageState.FAILED


@pytest.mark.parametrize("name", sorted(provider.TRACKING))
def test_every_provider_is_closed_without_its_secret(name: str) -> None:
    assert call({}, name=name).status_code == 403
    assert call({}, name=name, **basic("none")).status_code == 403
    assert call({}, name=name, **basic(name)).status_code in {200, 400}
    assert len({provider.secret(one) for one in provider.TRACKING}) == len(provider.TRACKING)
