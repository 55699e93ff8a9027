"""Headers and error pages: what holds for every answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound, Refused, RekindleError
from rekindle.web.middleware import NamedErrors


def broken(_request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("nobody should read this")


urlpatterns = [path("broken/", broken)]


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_user("ana@example.org", "a quiet morning swim", role="owner"))
    return client


@pytest.mark.parametrize("address", ["/accounts/sign-in/", "/nowhere/", "/static/web/rekindle.css", "/settings/"])
def test_every_answer_carries_the_security_headers(client: Client, db: None, address: str) -> None:
    answer = client.get(address)
    answer.close()
    headers = answer.headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for directive in ("script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]


def test_a_foreign_host_name_is_refused_with_the_policy(client: Client, db: None) -> None:
    answer = client.get("/accounts/sign-in/", headers={"host": "elsewhere.example"})

    assert answer.status_code == 400
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_pages_of_signed_in_people_stay_out_of_caches(signed_in: Client) -> None:
    for name in ("settings", "settings_staff", "settings_me"):
        assert "no-store" in signed_in.get(reverse(name))["Cache-Control"]
    assert "no-store" in signed_in.get("/nowhere/")["Cache-Control"]


def test_pages_carry_no_inline_script_and_no_inline_style(signed_in: Client) -> None:
    for address in ("/settings/", "/settings/staff/", "/settings/me/", "/nowhere/"):
        page = signed_in.get(address).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert all(" src=" in tag.split(">")[0] for tag in page.split("<script")[1:])


def test_a_missing_page_says_what_to_do(signed_in: Client) -> None:
    answer = signed_in.get("/nowhere/")

    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_a_form_without_its_token_is_refused_in_words(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/sign-in/", {"login": "a@example.org", "password": "x"})

    assert answer.status_code == 403
    assert "This page was open too long" in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_a_broken_page_tells_nothing_of_its_inside(db: None) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("ana@example.org", "a quiet morning swim"))

    answer = client.get("/broken/")

    assert answer.status_code == 500
    page = answer.content.decode()
    assert "Something broke on our side" in page
    assert "nobody should read this" not in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html", "429.html", "500.html"])
def test_every_error_page_renders_without_a_request(template: str) -> None:
    assert "<h1>" in render_to_string(template)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("No such load."), 404),
        (Refused("Not before June.", rule="cooling_off"), 403),
        (BadInput("Not a date."), 400),
        (Conflict("Already running."), 409),
    ],
)
def test_a_named_error_becomes_a_page_with_its_sentence(error: RekindleError, status: int) -> None:
    answer = NamedErrors(lambda _: HttpResponse()).process_exception(RequestFactory().get("/"), error)

    assert answer is not None
    assert answer.status_code == status
    assert error.what in answer.content.decode()


def test_an_unnamed_error_passes_on() -> None:
    assert NamedErrors(lambda _: HttpResponse()).process_exception(RequestFactory().get("/"), KeyError()) is None


def deploy_check(home: Path, **said: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"],
        env={**os.environ, "REKINDLE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "rekindle.settings", **said},
        capture_output=True,
        text=True,
        check=False,
    )


def test_djangos_own_deployment_check_finds_nothing(tmp_path: Path) -> None:
    answer = deploy_check(tmp_path, REKINDLE_SITE_URL="https://crm.example.org", REKINDLE_PROXIES="1")

    assert answer.returncode == 0, answer.stderr


def test_a_proxy_count_that_is_no_number_is_refused_in_a_line(tmp_path: Path) -> None:
    answer = deploy_check(tmp_path, REKINDLE_PROXIES="many")

    assert answer.returncode != 0
    assert "write how many proxies" in answer.stderr
    assert "Traceback" not in answer.stderr
