"""The door for other systems, and the page that lets them in."""

from __future__ import annotations

import json
from typing import Any

import hook_cast as cast
import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, WebhookDelivery, WebhookSource
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.web.views.hook_settings import ROWS
from rekindle.workflows import webhooks
from rekindle.workflows.hooks import signatures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def olive(client: Client) -> User:
    user = staff(Role.OWNER, name="Olive Owner")
    client.force_login(user)
    return user


@pytest.fixture
def stripe() -> WebhookSource:
    return cast.source(staff(Role.OWNER))


def post(client: Client, said: Any, *, slug: str = "pay", secret: str = cast.SECRET, **more: Any) -> Any:
    raw = said if isinstance(said, bytes) else cast.body(said)
    headers = signatures.sign(WebhookShape.STRIPE, secret=secret, body=raw, at=timezone.now())
    return client.post(f"/hooks/{slug}/", data=raw, content_type="application/json", headers=headers, **more)


# The door


def test_a_signed_delivery_needs_no_account_and_no_token(stripe: WebhookSource) -> None:
    answer = post(Client(enforce_csrf_checks=True), cast.customer(at=timezone.now()))
    assert answer.status_code == 200
    assert json.loads(answer.content) == {"said": "Somebody new."}
    assert WebhookDelivery.objects.count() == 1


def test_forged_unknown_and_closed(client: Client, stripe: WebhookSource) -> None:
    said = cast.customer(at=timezone.now())
    forged = post(client, said, secret="not the secret at all")
    unsigned = client.post("/hooks/pay/", data=b"{}", content_type="application/json")
    assert (forged.status_code, unsigned.status_code) == (401, 401)
    assert forged.content == unsigned.content
    assert post(client, said, slug="nobody").status_code == 404
    webhooks.close(stripe.pk, by=staff(Role.OWNER))
    assert post(client, said).status_code == 410
    assert not WebhookDelivery.objects.exists()


def test_too_long_is_told_before_it_is_read(client: Client, stripe: WebhookSource) -> None:
    answer = post(client, b" " * (webhooks.MOST_BYTES + 1))
    assert answer.status_code == 413
    assert post(client, b" " * webhooks.MOST_BYTES).status_code == 202
    lied = client.post("/hooks/pay/", data=b"{}", content_type="application/json", CONTENT_LENGTH="many")
    assert lied.status_code == 413


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"])
def test_the_raw_bytes_are_read_whatever_they_are_called(client: Client, stripe: WebhookSource, kind: str) -> None:
    raw = cast.body(cast.customer(at=timezone.now()))
    headers = signatures.sign(WebhookShape.STRIPE, secret=cast.SECRET, body=raw, at=timezone.now())
    assert client.generic("POST", "/hooks/pay/", raw, content_type=kind, headers=headers).status_code == 200


def test_looking_at_the_door_does_nothing(client: Client, stripe: WebhookSource) -> None:
    assert client.get("/hooks/pay/").status_code == 405


def test_books_that_are_busy_ask_for_it_again(
    client: Client, stripe: WebhookSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(webhooks, "arrive", busy)
    answer = post(client, {})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"


# The page


def test_an_owner_lets_a_system_in_and_sees_its_secret_once(client: Client, olive: User) -> None:
    answer = client.post(reverse("hooks_make"), {"slug": "till-2", "shape": "plain"}, follow=True)
    source = WebhookSource.objects.get()
    assert answer.redirect_chain == [(reverse("hooks_source", args=[source.pk]), 302)]
    assert "rk_" in answer.content.decode()
    assert f"/hooks/{source.slug}/" in answer.content.decode()
    again = client.get(reverse("hooks_source", args=[source.pk]))
    assert "rk_" not in again.content.decode()


def test_a_secret_of_theirs_is_never_shown(client: Client, olive: User) -> None:
    given = {"slug": "pay", "shape": "stripe", "secret": cast.SECRET}
    answer = client.post(reverse("hooks_make"), given, follow=True)
    assert cast.SECRET not in answer.content.decode()
    assert "rk_" not in answer.content.decode()


@pytest.mark.parametrize(
    "given",
    [
        {"slug": "", "shape": "plain"},
        {"slug": "x", "shape": "odd"},
        {"slug": "x"},
        {"slug": "x", "shape": "plain", "secret": "short"},
    ],
)
def test_what_cannot_be_is_said_on_the_page(client: Client, olive: User, given: dict[str, str]) -> None:
    answer = client.post(reverse("hooks_make"), given, follow=True)
    assert 'class="notice risk"' in answer.content.decode()
    assert not WebhookSource.objects.exists()


def test_a_secret_is_changed_the_old_one_ended_and_the_source_closed(
    client: Client, olive: User, stripe: WebhookSource
) -> None:
    page = reverse("hooks_source", args=[stripe.pk])
    changed = client.post(reverse("hooks_rotate", args=[stripe.pk]), follow=True).content.decode()
    assert "rk_" in changed
    assert "End the old one" in changed
    assert (
        "End the old one" not in client.post(reverse("hooks_end_old", args=[stripe.pk]), follow=True).content.decode()
    )
    closed = client.post(reverse("hooks_close", args=[stripe.pk]), follow=True).content.decode()
    assert "Change the secret" not in closed
    assert client.post(reverse("hooks_rotate", args=[stripe.pk])).headers["Location"] == page
    verbs = list(AuditEntry.objects.filter(subject=f"hook:{stripe.pk}").order_by("id").values_list("verb", flat=True))
    assert verbs == ["webhook.made", "webhook.secret_changed", "webhook.old_secret_ended", "webhook.closed"]


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_other_roles_read_and_change_nothing(client: Client, stripe: WebhookSource, role: Role) -> None:
    client.force_login(staff(role))
    for name, numbers in (("hooks", []), ("hooks_source", [stripe.pk])):
        answer = client.get(reverse(name, args=numbers))
        assert answer.status_code == 200
        assert 'method="post" action="/settings/webhooks' not in answer.content.decode()
    for name in ("hooks_rotate", "hooks_end_old", "hooks_close"):
        assert client.post(reverse(name, args=[stripe.pk])).status_code == 403
    assert client.post(reverse("hooks_make"), {"slug": "x", "shape": "plain"}).status_code == 403
    stripe.refresh_from_db()
    assert (WebhookSource.objects.count(), stripe.closed_at, stripe.old_secret) == (1, None, "")


def test_strangers_sign_in_and_what_is_not_there_is_404(client: Client, olive: User) -> None:
    assert Client().get(reverse("hooks")).status_code == 302
    assert client.get(reverse("hooks_source", args=[999])).status_code == 404
    assert client.post(reverse("hooks_close", args=[999])).status_code == 404


@pytest.mark.parametrize("before", ["x", "-1", "9" * 20, "1.5"])
def test_a_place_that_is_none_is_404(client: Client, olive: User, stripe: WebhookSource, before: str) -> None:
    assert client.get(reverse("hooks_source", args=[stripe.pk]), {"before": before}).status_code == 404


def test_deliveries_are_paged_by_key_and_words_are_escaped(
    client: Client, olive: User, stripe: WebhookSource, django_assert_max_num_queries: Any
) -> None:
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(source=stripe, number=str(turn), kind="<b>kind</b>", body_hash="0", outcome=f"outcome {turn}.")
        for turn in range(ROWS + 3)
    )
    page = reverse("hooks_source", args=[stripe.pk])
    with django_assert_max_num_queries(8):
        first = client.get(page).content.decode()
    assert "outcome 52." in first
    assert "outcome 2." not in first
    assert "<b>kind</b>" not in first
    older = first.split('href="?before=')[1].split('"')[0]
    second = client.get(page, {"before": older}).content.decode()
    assert "outcome 2." in second
    assert "outcome 52." not in second


def test_what_waits_is_counted_on_the_page(client: Client, olive: User, stripe: WebhookSource) -> None:
    now = timezone.now()
    person(email="ana@example.org")
    cast.deliver(stripe, cast.invoice("paid", at=now), at=now)
    cast.deliver(stripe, cast.over(at=now, customer="cus_Nobody"), at=now)
    said = client.get(reverse("hooks_source", args=[stripe.pk])).content.decode()
    assert "1 delivery goes into the history" in said
    assert "1 delivery is not settled" in said
    assert "not settled" in said


def test_the_list_asks_few_questions(client: Client, olive: User, django_assert_max_num_queries: Any) -> None:
    for turn in range(12):
        cast.source(olive, slug=f"till-{turn}")
    with django_assert_max_num_queries(6):
        assert client.get(reverse("hooks")).status_code == 200
