"""Set-up links: one link, one account."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode
from pytest_django import Settings

from rekindle.accounts.models import SetUpLink, User
from rekindle.accounts.roles import Role
from rekindle.errors import RekindleError
from rekindle.journal.models import AuditEntry
from rekindle.workflows import staff

PASSWORD = "a quiet morning swim"
FORM = {
    "name": "Ana Weber",
    "email": "Ana@Example.org",
    "password": PASSWORD,
    "again": PASSWORD,
    "time_zone": "Europe/Berlin",
}


@pytest.fixture(autouse=True)
def _quick_hashing(settings: Settings) -> None:
    """Argon2 is slow on purpose; what it protects is not what these tests ask."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def token(db: None) -> str:
    return staff.owner_link()


def test_the_link_makes_an_owner_and_signs_them_in(client: Client, token: str) -> None:
    answer = client.post(reverse("set_up", args=[token]), FORM)

    assert answer.status_code == 302
    assert answer.url == reverse("today")
    ana = User.objects.get()
    assert (ana.email, ana.role, ana.time_zone) == ("ana@example.org", "owner", "Europe/Berlin")
    assert ana.check_password(PASSWORD)
    assert client.session["_auth_user_id"] == str(ana.pk)
    assert "staff.set_up" in AuditEntry.objects.values_list("verb", flat=True)


def test_looking_at_the_form_changes_nothing(client: Client, token: str) -> None:
    answer = client.get(reverse("set_up", args=[token]))

    assert answer.status_code == 200
    assert SetUpLink.objects.get().used_at is None
    assert not User.objects.exists()


def test_the_address_is_told_to_no_other_site_and_the_form_can_still_be_sent(client: Client, token: str) -> None:
    """Under "no-referrer" browsers send `Origin: null`, which the CSRF check refuses; "same-origin" does both."""
    assert client.get(reverse("set_up", args=[token]))["Referrer-Policy"] == "same-origin"


def test_a_second_post_makes_no_second_account(client: Client, token: str) -> None:
    address = reverse("set_up", args=[token])
    client.post(address, FORM)

    answer = Client().post(address, {**FORM, "email": "eve@example.org"})

    assert answer.status_code == 410
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_posts_at_once_one_makes_the_account() -> None:
    token = staff.owner_link()
    start, outcomes = threading.Barrier(2), []

    def post(email: str) -> None:
        start.wait()
        try:
            staff.set_up(token, email=email, name="", password=PASSWORD, time_zone="UTC")
            outcomes.append("made")
        except RekindleError:
            outcomes.append("refused")
        finally:
            connection.close()

    posts = [threading.Thread(target=post, args=[f"{name}@example.org"]) for name in ("ana", "eve")]
    for each in posts:
        each.start()
    for each in posts:
        each.join()

    assert sorted(outcomes) == ["made", "refused"]
    assert User.objects.count() == 1


def test_a_link_that_is_too_old_says_how_to_get_a_new_one(client: Client, token: str) -> None:
    SetUpLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answer = client.get(reverse("set_up", args=[token]))

    assert answer.status_code == 410
    assert "rekindle up --new-owner-link" in answer.content.decode()


def test_an_unknown_link_is_answered_by_the_same_page(client: Client, db: None) -> None:
    answer = client.get(reverse("set_up", args=["guess"]))

    assert answer.status_code == 410
    assert "rekindle up --new-owner-link" in answer.content.decode()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"again": "another one, longer"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"password": "ana@example.org", "again": "ana@example.org"}, "too similar"),
        ({"email": "ana"}, "valid email address"),
        ({"time_zone": "Moon/Crater"}, "Select a valid choice"),
    ],
)
def test_what_will_not_do_is_said_at_its_field(
    client: Client, token: str, changed: dict[str, str], sentence: str
) -> None:
    answer = client.post(reverse("set_up", args=[token]), {**FORM, **changed})

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not User.objects.exists()


def test_an_address_that_has_an_account_is_refused_and_the_link_stays_usable(client: Client, token: str) -> None:
    User.objects.create_user("ana@example.org", PASSWORD)

    answer = client.post(reverse("set_up", args=[token]), FORM)

    assert "There is an account with this e-mail address already." in answer.content.decode()
    assert SetUpLink.objects.get().used_at is None


def test_a_fresh_owner_link_ends_the_one_before(db: None) -> None:
    first = staff.owner_link()
    staff.owner_link()

    with pytest.raises(RekindleError, match="too old"):
        staff.usable_link(first)


def test_the_books_keep_only_a_hash_of_the_token(token: str) -> None:
    assert token not in str(SetUpLink.objects.values().get())


def test_a_new_password_by_link_ends_every_session_and_works_once(client: Client, db: None) -> None:
    owner = User.objects.create_user("owner@example.org", PASSWORD, role=Role.OWNER.value)
    ben = User.objects.create_user("ben@example.org", PASSWORD)
    client.force_login(ben)
    address = reverse("new_password", args=staff.new_password_link(ben, by=owner))
    fresh = {"password": "the pool is open again", "again": "the pool is open again"}
    stranger = Client()

    assert stranger.get(address).status_code == 200
    assert stranger.post(address, fresh).url == reverse("account_login")
    assert client.get(reverse("settings_me")).status_code == 302
    assert stranger.post(address, fresh).status_code == 410
    ben.refresh_from_db()
    assert ben.check_password("the pool is open again")


def test_one_who_is_still_signed_in_may_use_their_own_link(client: Client, db: None) -> None:
    owner = User.objects.create_user("owner@example.org", PASSWORD, role=Role.OWNER.value)
    client.force_login(owner)
    address = reverse("new_password", args=staff.new_password_link(owner, by=owner))
    fresh = {"password": "the pool is open again", "again": "the pool is open again"}

    answer = client.post(address, fresh, follow=True)

    assert answer.status_code == 200
    assert "The new password is set" in answer.content.decode()


def test_a_new_password_link_of_a_closed_account_opens_nothing(client: Client, db: None) -> None:
    ben = User.objects.create_user("ben@example.org", PASSWORD)
    who = urlsafe_base64_encode(str(ben.pk).encode())
    token = default_token_generator.make_token(ben)
    User.objects.update(is_active=False)

    assert client.get(reverse("new_password", args=[who, token])).status_code == 410
    assert client.get(reverse("new_password", args=["!!", token])).status_code == 410
