"""Signing in and out, the throttle, the second factor, the limits of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from rekindle.accounts.models import User
from rekindle.web import middleware

PASSWORD = "a quiet morning swim"
SIGN_IN = "/accounts/sign-in/"


@pytest.fixture(autouse=True)
def _no_attempts_before() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _quick_hashing(settings: Settings) -> None:
    """Argon2 is slow on purpose; what it protects is not what these tests ask."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ana(db: None) -> User:
    return User.objects.create_user("ana@example.org", PASSWORD, name="Ana Weber", role="owner")


def sign_in(client: Client, password: str = PASSWORD, email: str = "ana@example.org") -> int:
    return client.post(SIGN_IN, {"login": email, "password": password}).status_code


def test_a_stranger_is_led_to_the_sign_in_page_and_back(client: Client, ana: User) -> None:
    answer = client.get(reverse("settings"))
    assert answer.url == f"{SIGN_IN}?next=/settings/"

    answer = client.post(answer.url, {"login": "Ana@example.org", "password": PASSWORD, "next": "/settings/"})
    assert answer.url == "/settings/"


def test_nobody_is_led_to_another_site_after_signing_in(client: Client, ana: User) -> None:
    answer = client.post(SIGN_IN, {"login": ana.email, "password": PASSWORD, "next": "https://elsewhere.example/"})

    assert answer.url == reverse("today")


def test_a_wrong_password_and_an_unknown_address_read_the_same(client: Client, ana: User) -> None:
    wrong = client.post(SIGN_IN, {"login": ana.email, "password": "not it, not at all"})
    unknown = client.post(SIGN_IN, {"login": "eve@example.org", "password": "not it, not at all"})

    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert wrong.status_code == unknown.status_code == 200


def test_a_closed_account_cannot_sign_in(client: Client, ana: User) -> None:
    User.objects.update(is_active=False)

    sign_in(client)

    assert "_auth_user_id" not in client.session


def test_the_sixth_wrong_password_for_an_account_is_not_even_tried(ana: User) -> None:
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), "not it, not at all")
    client = Client(REMOTE_ADDR="10.0.0.99")

    sign_in(client)

    assert "_auth_user_id" not in client.session


def test_one_address_may_fail_ten_times_a_minute(ana: User) -> None:
    for number in range(10):
        sign_in(Client(), "not it, not at all", email=f"guess{number}@example.org")
    client = Client()

    sign_in(client)

    assert "_auth_user_id" not in client.session


def test_when_attempts_cannot_be_counted_nobody_signs_in(ana: User, tmp_path: Path) -> None:
    blocked = tmp_path / "attempts"
    blocked.write_text("a file where the folder should be")
    client = Client(raise_request_exception=False)
    from django.core.cache.backends.filebased import FileBasedCache
    from django.test import override_settings

    backend = f"{FileBasedCache.__module__}.{FileBasedCache.__name__}"
    with override_settings(CACHES={"default": {"BACKEND": backend, "LOCATION": str(blocked)}}):
        answer = sign_in(client)

    assert answer == 500
    assert "_auth_user_id" not in client.session


def test_an_empty_house_says_where_the_first_account_comes_from(client: Client, db: None) -> None:
    assert "No account has been made here yet" in client.get(SIGN_IN).content.decode()


def test_signing_in_gives_the_session_a_new_key(client: Client, ana: User) -> None:
    client.get(SIGN_IN)
    session = client.session
    session["before"] = 1
    session.save()
    before = session.session_key

    sign_in(client)

    assert client.session.session_key != before


def test_signing_out_takes_a_post_and_clears_what_the_browser_kept(client: Client, ana: User) -> None:
    client.force_login(ana)
    key = client.session.session_key

    client.get("/accounts/sign-out/")
    assert client.session["_auth_user_id"] == str(ana.pk)

    answer = client.post("/accounts/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not client.session.exists(key)


@pytest.mark.parametrize(
    "name", ["account_signup", "account_reset_password", "account_email", "account_request_login_code", "mfa_signup"]
)
def test_the_doors_we_do_not_use_have_no_address(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_a_session_ends_seven_days_after_its_beginning(client: Client, ana: User) -> None:
    client.force_login(ana)
    client.get(reverse("settings_me"))
    session = client.session
    session[middleware._BEGAN] -= settings.SESSION_LONGEST + 1
    session.save()

    assert client.get(reverse("settings_me")).status_code == 302


def test_a_session_ends_after_eight_hours_without_a_sign(client: Client, ana: User) -> None:
    client.force_login(ana)
    client.get(reverse("settings_me"))
    session = client.session
    session[middleware._SEEN] -= settings.SESSION_COOKIE_AGE + 1
    session.save()

    assert client.get(reverse("settings_me")).status_code == 302


def test_a_part_asked_for_after_the_session_loads_the_whole_page_again(client: Client, db: None) -> None:
    answer = client.get(reverse("settings_me"), headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert answer["HX-Refresh"] == "true"


def switch_on(client: Client, user: User) -> str:
    """The second factor through its pages, the password asked for again; gives the secret."""
    page = reverse("mfa_activate_totp")
    confirm = client.get(page).url
    client.post(confirm, {"password": PASSWORD, "next": page})
    answer = client.get(page)
    assert answer.status_code == 200
    assert "data:image/svg+xml" in answer.content.decode()
    secret = answer.context["form"].secret
    code = totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))
    answer = client.post(page, {"code": code})
    assert answer.status_code == 302
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    return secret


def test_the_second_factor_is_asked_for_and_its_secret_is_sealed(client: Client, ana: User) -> None:
    sign_in(client)
    secret = switch_on(client, ana)

    later = Client()
    assert later.post(SIGN_IN, {"login": ana.email, "password": PASSWORD}).url == reverse("mfa_authenticate")
    assert later.get(reverse("mfa_authenticate")).status_code == 200
    assert "_auth_user_id" not in later.session
    assert secret not in str(list(Authenticator.objects.values()))


def test_switching_on_the_second_factor_ends_every_other_session(
    client: Client, ana: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    elsewhere = Client()
    elsewhere.force_login(ana)
    sign_in(client)

    with django_capture_on_commit_callbacks(execute=True):
        switch_on(client, ana)

    assert elsewhere.get(reverse("settings_me")).status_code == 302
    assert client.get(reverse("settings_me")).status_code == 200


def test_the_pages_of_the_second_factor_show(client: Client, ana: User) -> None:
    sign_in(client)
    switch_on(client, ana)
    client.post(reverse("mfa_generate_recovery_codes"))

    for name in ("mfa_index", "mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_view_recovery_codes"):
        assert client.get(reverse(name)).status_code == 200, name
    kept = client.get(reverse("mfa_download_recovery_codes"))
    assert kept["Content-Disposition"].startswith("attachment")


def test_a_guarding_change_asks_for_the_password_again(client: Client, ana: User) -> None:
    client.force_login(ana)

    answer = client.get(reverse("mfa_activate_totp"), follow=True)

    assert answer.redirect_chain[-1][0].startswith(reverse("account_reauthenticate"))
    assert "Is it you?" in answer.content.decode()


def test_a_changed_password_signs_out_everywhere(client: Client, ana: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(ana)
    sign_in(client)
    fresh = {"oldpassword": PASSWORD, "password1": "the pool is open again", "password2": "the pool is open again"}

    assert client.get(reverse("account_change_password")).status_code == 200
    client.post(reverse("account_change_password"), fresh)

    assert client.get(reverse("settings_me")).status_code == 302
    assert elsewhere.get(reverse("settings_me")).status_code == 302
