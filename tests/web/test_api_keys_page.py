"""Settings, API: a key is made, shown once, seen by its owner, revoked."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import staff

from rekindle.accounts.models import ApiToken, User
from rekindle.accounts.roles import Role
from rekindle.workflows import api_tokens

pytestmark = pytest.mark.django_db

FORM = {"name": "the till", "acts": "reads", "days": "90"}


@pytest.fixture
def dana(client: Client) -> User:
    return sign_in(client, staff())


def sign_in(client: Client, user: User) -> User:
    """Signed in, and confirmed just now that it is them, as the page asks for."""
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    return user


def test_a_key_is_shown_once_and_kept_nowhere(client: Client, dana: User) -> None:
    page = client.post(reverse("tokens"), FORM).content.decode()
    key = re.search(r"rk_[\w-]{40,}", page)
    assert key is not None
    found = api_tokens.holder(key[0])
    assert found is not None
    assert (found.user, found.reads_only, found.name) == (dana, True, "the till")
    after = client.get(reverse("tokens")).content.decode()
    assert key[0] not in after
    assert found.starts_with in after
    assert key[0] not in str(client.session.items())


def test_the_page_is_never_kept_by_a_browser(client: Client, dana: User) -> None:
    assert "no-store" in client.post(reverse("tokens"), FORM).headers["Cache-Control"]


def test_who_makes_a_key_confirms_with_the_password(client: Client) -> None:
    password = "a sentence to sign in with"
    client.force_login(staff(password=password))
    assert client.get(reverse("tokens")).status_code == 200
    answer = client.post(reverse("tokens"), FORM)
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    wrong = client.post(answer.headers["Location"], {"password": "another sentence"})
    assert "rk_" not in wrong.content.decode()
    # The form that waited goes through, and its answer shows the key.
    shown = client.post(answer.headers["Location"], {"password": password}).content.decode()
    key = re.search(r"rk_[\w-]{40,}", shown)
    assert key is not None
    assert api_tokens.holder(key[0])


def test_the_same_form_again_makes_no_second_key(client: Client, dana: User) -> None:
    client.post(reverse("tokens"), FORM)
    assert "called the till already" in client.post(reverse("tokens"), FORM).content.decode()
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("change", [{"name": ""}, {"name": "x" * 81}, {"acts": "everything"}, {"days": "9999"}])
def test_a_form_that_will_not_do_makes_nothing(change: dict[str, str], client: Client, dana: User) -> None:
    assert client.post(reverse("tokens"), {**FORM, **change}).status_code == 200
    assert not ApiToken.objects.exists()


def test_a_key_is_revoked_by_its_owner_and_a_strangers_is_not_there(client: Client, dana: User) -> None:
    key, mine = api_tokens.make(name="a", reads_only=True, lasts_days=1, by=dana)
    _key, theirs = api_tokens.make(name="b", reads_only=True, lasts_days=1, by=staff())
    assert client.post(reverse("token_revoke", args=[theirs.pk])).status_code == 404
    assert client.post(reverse("token_revoke", args=[999_999])).status_code == 404
    assert client.get(reverse("token_revoke", args=[mine.pk])).status_code == 405
    assert client.post(reverse("token_revoke", args=[mine.pk])).url == reverse("tokens")
    assert api_tokens.holder(key) is None
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_an_owner_sees_whose_each_key_is(client: Client) -> None:
    api_tokens.make(name="theirs", reads_only=False, lasts_days=1, by=staff(name="Rosa Ray"))
    sign_in(client, staff(Role.OWNER))
    assert "Rosa Ray" in client.get(reverse("tokens")).content.decode()
    sign_in(client, staff(Role.MANAGER))
    assert "Rosa Ray" not in client.get(reverse("tokens")).content.decode()


def test_nobody_outside_sees_the_page(client: Client) -> None:
    assert client.get(reverse("tokens")).status_code == 302
    assert client.post(reverse("tokens"), FORM).status_code == 302
