"""Settings, Sending: providers, their keys, the look at the domain, where bounces arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.test import Client
from listener import Listener, http, listening
from name_server import NameServer, naming
from people_cast import staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Road, Sending
from rekindle.workflows.outbox.providers import keys_of
from rekindle.workflows.outbox.put import sending

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
HERE = "/settings/sending/"
KEY = "a-planted-key-0123456789"
FORM = {
    "host": "", "port": "587", "security": "starttls", "username": "", "password": "", "from_name": "Dana Frey",
    "from_address": "dana@oak.example", "reply_to": "", "postal_address": "1 Oak Street", "per_minute": "600",
    "per_domain_minute": "30", "bounces_to": "bounces@oak.example", "provider": "postmark",
}  # fmt: skip


@pytest.fixture
def owner(client: Client) -> Client:
    """Who has shown the password lately."""
    client.force_login(staff(Role.OWNER))
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    return client


@pytest.fixture
def theirs() -> Iterator[Listener]:
    with listening() as one:
        yield one


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with naming() as server:
        monkeypatch.setenv("REKINDLE_NAME_SERVER", server.place)
        yield server


def test_a_provider_is_chosen_its_keys_asked_for_and_never_shown_again(owner: Client, theirs: Listener) -> None:
    page = owner.post(f"{HERE}keep/", FORM, follow=True).content.decode()
    assert 'name="key_server_token"' in page
    assert 'name="key_secret_key"' not in page
    keys = {"key_server_token": KEY, "key_api_url": f"http://127.0.0.1:{theirs.port}/", "key_message_stream": "letters"}
    page = owner.post(f"{HERE}keep/", {**FORM, **keys}, follow=True).content.decode()
    assert "Keys are kept, sealed" in page
    row = sending()
    kept = {"server_token": KEY, "api_url": f"http://127.0.0.1:{theirs.port}/", "message_stream": "letters"}
    assert keys_of(row) == kept
    for text in (page, row.provider_keys, str(list(AuditEntry.objects.values_list("details", flat=True)))):
        assert KEY not in text
    owner.post(f"{HERE}keep/", {**FORM, "key_message_stream": "cards"})
    assert keys_of(sending()) == {**kept, "message_stream": "cards"}
    owner.post(f"{HERE}keep/", {**FORM, "provider": "resend"})
    assert sending().provider_keys == ""
    assert (sending().bounces_to, sending().per_domain_minute) == ("bounces@oak.example", 30)


def test_mail_goes_by_the_provider_once_it_is_there_and_the_owner_said_so_twice(
    owner: Client, theirs: Listener
) -> None:
    theirs.answer = lambda said: http(404)
    keys = {"key_server_token": KEY, "key_api_url": f"http://127.0.0.1:{theirs.port}/"}
    owner.post(f"{HERE}keep/", {**FORM, **keys})
    page = owner.post(f"{HERE}on/", follow=True).content.decode()
    assert "nobody outside can know oak.example" in page
    assert "begin as it is" in page
    assert sending().road == Road.LOCAL
    assert "begin as it is" not in owner.get(HERE).content.decode()
    owner.post(f"{HERE}on/", {"anyway": "yes"})
    assert sending().road == Road.PROVIDER
    owner.post(f"{HERE}off/")
    assert sending().road == Road.LOCAL


def test_a_provider_without_its_keys_is_not_switched_to(owner: Client) -> None:
    owner.post(f"{HERE}keep/", FORM)
    page = owner.post(f"{HERE}on/", {"anyway": "yes"}, follow=True).content.decode()
    assert "Postmark needs its server token" in page
    assert sending().road == Road.LOCAL


def test_a_provider_that_cannot_be_reached_is_not_switched_to(owner: Client) -> None:
    keys = {"key_server_token": KEY, "key_api_url": "http://127.0.0.1:1/"}
    owner.post(f"{HERE}keep/", {**FORM, **keys})
    page = owner.post(f"{HERE}on/", {"anyway": "yes"}, follow=True).content.decode()
    assert "Postmark does not let us in" in page
    assert sending().road == Road.LOCAL


def test_while_mail_goes_out_the_new_road_is_asked_first(owner: Client, theirs: Listener) -> None:
    keys = {"key_server_token": KEY, "key_api_url": f"http://127.0.0.1:{theirs.port}/"}
    owner.post(f"{HERE}keep/", {**FORM, **keys})
    Sending.objects.update(road=Road.PROVIDER.value)
    server = {**FORM, "provider": "", "host": "127.0.0.1", "port": "1", "security": "none"}
    assert "does not let us in" in owner.post(f"{HERE}keep/", server, follow=True).content.decode()
    assert (sending().road, sending().provider) == (Road.PROVIDER, "postmark")


@pytest.mark.parametrize(
    ("given", "says"),
    [({"provider": "carrier-pigeon"}, "no provider we know"), ({"per_domain_minute": "999999"}, "to one domain"),
     ({"bounces_to": "no address"}, "no e-mail address"), ({"bounces_to": "a+b@oak.example"}, "holds a +"),
     ({"bounces_to": f"{'a' * 37}@oak.example"}, "too long"), ({"key_api_url": "http://far.example/"}, "Server token"),
     ({"key_server_token": KEY, "key_api_url": "http://far.example/"}, "not https")],
)  # fmt: skip
def test_what_cannot_be_is_said_and_not_kept(owner: Client, given: dict[str, str], says: str) -> None:
    page = owner.post(f"{HERE}keep/", {**FORM, **given}, follow=True).content.decode()
    assert says.lower() in page.lower()
    assert sending().from_name == ""


def test_the_domain_is_looked_at_when_asked_and_nothing_is_changed(owner: Client, world: NameServer) -> None:
    world.knows("_dmarc.oakstreetgym.co.uk", "TXT", "v=DMARC1; p=reject")
    owner.post(f"{HERE}keep/", {**FORM, "from_address": "dana@oakstreetgym.co.uk", "bounces_to": "", "provider": ""})
    entries = AuditEntry.objects.count()
    page = owner.post(f"{HERE}look/", {"selector": "own"}, follow=True).content.decode()
    assert "_dmarc.oakstreetgym.co.uk says reject" in page
    assert "there is no key at own._domainkey.oakstreetgym.co.uk" in page
    assert "begin as it is" not in page
    assert AuditEntry.objects.count() == entries
    assert sending().road == Road.LOCAL
    assert "no selector" in owner.post(f"{HERE}look/", {"selector": "a b"}, follow=True).content.decode()


def test_who_may_not_change_settings_asks_nobody(client: Client, world: NameServer) -> None:
    client.force_login(staff(Role.AGENT))
    assert client.post(f"{HERE}look/").status_code == 403
    assert world.asked == []
