"""Settings, Webhooks out, as the owner of a small business uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from listener import Listener, http, listening
from people_cast import staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Hook, Telling
from rekindle.workflows.hooks_out import deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
HERE = "/settings/webhooks-out/"


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening(tmp_path / "tls") as one:
        monkeypatch.setenv("REKINDLE_WEBHOOK_NETWORKS", "127.0.0.0/8")
        monkeypatch.setattr(deliver, "trust", lambda: one.context)
        yield one


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(staff(Role.OWNER))
    return client


def form(port: int = 443) -> dict[str, object]:
    return {"name": "The till", "url": f"https://127.0.0.1:{port}/in", "events": ["person.left", "message.failed"]}


def test_a_system_is_named_its_secret_shown_once_and_a_test_answered(owner: Client, theirs: Listener) -> None:
    assert "Nobody is told anything" in owner.get(HERE).content.decode()
    page = owner.post(f"{HERE}make/", form(theirs.port), follow=True).content.decode()
    secret = re.search(r"rk_[\w-]{20,}", page)
    assert secret is not None
    place = f"{HERE}{Hook.objects.get().pk}/"
    assert secret.group() not in owner.get(place).content.decode()
    assert secret.group() not in str(list(Hook.objects.values()) + list(AuditEntry.objects.values("details")))
    assert "It heard us and answered 200" in owner.post(f"{place}test/", follow=True).content.decode()
    theirs.answer = lambda said: http(500, b"<b>their words</b>")
    page = owner.post(f"{place}test/", follow=True).content.decode()
    assert "It did not take the test: it answered 500" in page
    assert "their words" not in page
    assert page.count("<b>test</b>") == 2


def test_it_is_stopped_started_changed_and_removed(owner: Client, theirs: Listener) -> None:
    owner.post(f"{HERE}make/", form(theirs.port))
    place = f"{HERE}{Hook.objects.get().pk}/"
    assert "is told nothing more" in owner.post(f"{place}stop/", follow=True).content.decode()
    assert ">stopped<" in owner.get(place).content.decode()
    owner.post(f"{place}start/")
    owner.post(f"{place}change/", {**form(theirs.port), "events": ["reply.received"]})
    assert Hook.objects.get().events == ["reply.received"]
    assert "with everything that was told" in owner.post(f"{place}remove/", follow=True).content.decode()
    assert not Hook.objects.exists()
    assert not Telling.objects.exists()
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert {f"hook_out.{verb}" for verb in ("made", "stopped", "started", "changed", "removed")} <= verbs


def test_what_cannot_be_told_is_said_where_it_was_asked(owner: Client) -> None:
    page = owner.post(f"{HERE}make/", {**form(), "url": "http://till.example/"}, follow=True).content.decode()
    assert "not https" in page
    page = owner.post(f"{HERE}make/", {**form(), "events": []}, follow=True).content.decode()
    assert "Nothing was chosen to tell" in page
    assert not Hook.objects.exists()


def test_only_who_may_change_settings_sees_the_addresses(client: Client) -> None:
    hook = Hook.objects.create(name="till", url="https://till.example/a-secret-path", events=[], secret="x")
    for role in (Role.AGENT, Role.ANALYST):
        client.force_login(staff(role))
        for place in (HERE, f"{HERE}{hook.pk}/"):
            assert client.get(place).status_code == 403
        assert client.post(f"{HERE}{hook.pk}/stop/").status_code == 403
    assert Hook.objects.get().is_on
