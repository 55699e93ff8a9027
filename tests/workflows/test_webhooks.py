"""What other systems tell us: let in when signed, once, in any order; forged, late and torn it changes nothing."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import hook_cast as cast
import pytest
from django.utils import timezone
from hook_cast import deliver, latest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import person, staff, suppressed

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry, WebhookDelivery, WebhookSource
from rekindle.relationships.models import (
    Breakup,
    DataRequest,
    Identity,
    Party,
    Relationship,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.vocabulary import (
    BreakupKind,
    IdentityKind,
    Initiator,
    RequestKind,
    Stage,
    WebhookShape,
)
from rekindle.workflows import endings, forgotten, hook_ends, hook_waiting, part, sealed, webhooks
from rekindle.workflows.hook_ends import End
from rekindle.workflows.hooks.told import Step

_ZERO = datetime(2026, 3, 1, 9, tzinfo=UTC)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def olive() -> User:
    return staff(Role.OWNER, name="Olive Owner")


@pytest.fixture
def stripe(olive: User) -> WebhookSource:
    return cast.source(olive)


@pytest.fixture
def shop(olive: User) -> WebhookSource:
    return cast.source(olive, shape=WebhookShape.SHOPIFY, slug="shop")


@pytest.fixture
def till(olive: User) -> WebhookSource:
    return cast.source(olive, shape=WebhookShape.PLAIN, slug="till-2")


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


def known(source: WebhookSource, number: str = "cus_Ana", **words: Any) -> Relationship:
    """Ana, with the number that source has of her."""
    relationship = person(**{"email": "ana@example.org", **words})
    Identity.objects.create(party=relationship.party, kind="external", source=source.slug, value=number, normal=number)
    return relationship


def books() -> tuple[int, ...]:
    """How much of everything there is."""
    tables = (WebhookDelivery, Breakup, Party, Identity, Suppression, DataRequest, AuditEntry, Relationship)
    return (*(table.objects.count() for table in tables), sum(1 for _ in hook_waiting.waiting()))


# Sources


def test_a_secret_of_ours_is_made_sealed_and_given_once(olive: User) -> None:
    opened = webhooks.make("till-2", shape=WebhookShape.PLAIN, by=olive)
    assert opened.secret.startswith("rk_")
    assert len(opened.secret) > 40
    assert opened.secret not in opened.source.secret
    assert sealed.unseal(opened.source.secret) == opened.secret
    assert AuditEntry.objects.filter(verb="webhook.made", subject=f"hook:{opened.source.pk}").exists()


@pytest.mark.parametrize("slug", ["", "Shop", "a shop", "-shop", "main", "staff", "x" * 49, "läden", "../etc"])
def test_a_short_name_that_cannot_be(olive: User, slug: str) -> None:
    with pytest.raises(BadInput):
        webhooks.make(slug, shape=WebhookShape.PLAIN, by=olive)
    assert not WebhookSource.objects.exists()


@pytest.mark.parametrize("secret", ["short", "x" * 201, "with a line\nbreak in it", "schlüssel-aus-umlauten"])
def test_a_secret_that_cannot_be(olive: User, secret: str) -> None:
    with pytest.raises(BadInput):
        webhooks.make("pay", shape=WebhookShape.STRIPE, by=olive, secret=secret)


def test_a_short_name_is_given_once(olive: User, stripe: WebhookSource) -> None:
    with pytest.raises(Conflict):
        webhooks.make("pay", shape=WebhookShape.PLAIN, by=olive)


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_who_may_not_change_settings_may_not_let_anybody_in(stripe: WebhookSource, role: Role) -> None:
    by, before = staff(role), books()
    for deed in (
        lambda: webhooks.make("x", shape=WebhookShape.PLAIN, by=by),
        lambda: webhooks.rotate(stripe.pk, by=by),
        lambda: webhooks.end_old_secret(stripe.pk, by=by),
        lambda: webhooks.close(stripe.pk, by=by),
    ):
        with pytest.raises(Refused):
            deed()
    assert books() == before


def test_two_secrets_open_until_the_old_one_is_ended(olive: User, stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    new = webhooks.rotate(stripe.pk, by=olive).secret
    for place, secret in enumerate((cast.SECRET, new)):
        answer = deliver(stripe, cast.subscription(at=now - timedelta(minutes=place)), at=now, secret=secret)
        assert answer.status == HTTPStatus.OK
    webhooks.end_old_secret(stripe.pk, by=olive)
    assert deliver(stripe, cast.customer(at=now), at=now).status == HTTPStatus.UNAUTHORIZED
    assert deliver(stripe, cast.customer(at=now), at=now, secret=new).status == HTTPStatus.OK


def test_a_secret_older_than_the_one_before_no_longer_opens(olive: User, stripe: WebhookSource, now: datetime) -> None:
    webhooks.rotate(stripe.pk, by=olive)
    webhooks.rotate(stripe.pk, by=olive)
    assert deliver(stripe, cast.customer(at=now), at=now).status == HTTPStatus.UNAUTHORIZED


# The door


def test_an_unknown_source_and_a_closed_one(olive: User, stripe: WebhookSource, now: datetime) -> None:
    assert webhooks.arrive("nobody", headers={}, body=b"{}").status == HTTPStatus.NOT_FOUND
    webhooks.close(stripe.pk, by=olive)
    assert deliver(stripe, cast.customer(at=now), at=now).status == HTTPStatus.GONE
    assert not WebhookDelivery.objects.exists()
    with pytest.raises(Conflict):
        webhooks.rotate(stripe.pk, by=olive)


def test_a_body_over_a_mebibyte_is_not_read(stripe: WebhookSource) -> None:
    body = b" " * (webhooks.MOST_BYTES + 1)
    assert webhooks.arrive("pay", headers={}, body=body).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("shape", list(WebhookShape))
def test_whatever_is_wrong_with_a_signature_the_answer_is_the_same(
    olive: User, shape: WebhookShape, now: datetime
) -> None:
    source = cast.source(olive, shape=shape, slug="some")
    time = cast.seconds(now)
    wrong = [
        {}, {"Stripe-Signature": ""}, {"Stripe-Signature": f"t={time}"}, {"Stripe-Signature": "v1=00"},
        {"Stripe-Signature": f"t={time},v1={'0' * 64}"}, {"Stripe-Signature": f"t=soon,v1={'0' * 64}"},
        {"Stripe-Signature": f"t={time},v1=zz"}, {"Stripe-Signature": f"t={time},v0={'0' * 64}"},
        {"X-Shopify-Hmac-Sha256": "AAAA"}, {"X-Shopify-Hmac-Sha256": "not base64"}, {"X-Shopify-Hmac-Sha256": "é"},
        {"Rekindle-Signature": f"t={time},v1={'0' * 64}", "Rekindle-Delivery": "1"},
        {"Rekindle-Signature": "é" * 3_000},
    ]  # fmt: skip
    before = books()
    answers = {webhooks.arrive("some", headers=headers, body=b"{}", at=now) for headers in wrong}
    answers.add(deliver(source, {}, at=now, secret="some other secret 123"))
    assert answers == {webhooks.Answer(HTTPStatus.UNAUTHORIZED, "this is not signed with our secret")}
    assert books() == before


@pytest.mark.parametrize("shape", list(WebhookShape))
def test_one_byte_of_the_body_changed_and_it_is_forged(olive: User, shape: WebhookShape, now: datetime) -> None:
    from rekindle.workflows.hooks import signatures

    cast.source(olive, shape=shape, slug="some")
    headers = signatures.sign(shape, secret=cast.SECRET, body=b'{"a": 1}', at=now, number="1")
    answer = webhooks.arrive("some", headers=headers, body=b'{"a": 2}', at=now)
    assert answer.status == HTTPStatus.UNAUTHORIZED


def test_a_plain_delivery_cannot_be_sent_again_under_another_number(till: WebhookSource, now: datetime) -> None:
    from rekindle.workflows.hooks import signatures

    body = cast.body({"kind": "event", "who": "1", "email": "a@example.org", "event": "visit"})
    headers = signatures.sign(WebhookShape.PLAIN, secret=cast.SECRET, body=body, at=now, number="1")
    assert webhooks.arrive("till-2", headers=headers, body=body, at=now).status == HTTPStatus.OK
    forged = {**headers, "Rekindle-Delivery": "2"}
    assert webhooks.arrive("till-2", headers=forged, body=body, at=now).status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(300, 200), (-300, 200), (301, 401), (-301, 401)],
    ids=["border before", "border after", "too old", "too new"],
)
def test_a_right_signature_by_a_wrong_clock_is_told_so(
    stripe: WebhookSource, now: datetime, seconds: int, status: int
) -> None:
    answer = deliver(stripe, cast.customer(at=now), at=now, signed_at=now - timedelta(seconds=seconds))
    assert answer.status == status
    if status == 401:
        assert "301 seconds" in answer.said
        assert "clock" in answer.said
        assert not WebhookDelivery.objects.exists()


def test_stripe_signs_as_its_documentation_shows() -> None:
    """The header of one body by hand: HMAC-SHA256 over the time, a point and the body."""
    import hmac

    from rekindle.workflows.hooks import signatures

    at = datetime(2026, 3, 12, 12, tzinfo=UTC)
    by_hand = hmac.new(cast.SECRET.encode(), f"{int(at.timestamp())}.".encode() + b"{}", hashlib.sha256).hexdigest()
    signed = signatures.sign(WebhookShape.STRIPE, secret=cast.SECRET, body=b"{}", at=at)
    assert signed == {"Stripe-Signature": f"t={int(at.timestamp())},v1={by_hand}"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@pytest.mark.parametrize("shape", list(WebhookShape))
def test_any_bytes_signed_are_answered_and_kept(olive: User, shape: WebhookShape, body: bytes) -> None:
    now = timezone.now()
    source = WebhookSource.objects.filter(slug="some").first() or cast.source(olive, shape=shape, slug="some")
    answer = deliver(source, body, at=now, topic="orders/create", number="x")
    assert answer.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED)
    assert latest(source).outcome


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 100_000, b"{}", b"[]", b"null", b'{"kind": NaN}', b'{"kind": "event", "who": 1e999}', b"\xff\xfe",
     b'{"type": "customer.created", "created": 1e30, "data": {"object": {}}}', b"9" * 6_000,
     b'{"kind": "event", "who": "\\ud800", "event": "visit", "email": "a\\u0000@example.org"}'],
)  # fmt: skip
@pytest.mark.parametrize("shape", list(WebhookShape))
def test_what_is_not_understood_is_kept_and_said(olive: User, shape: WebhookShape, now: datetime, body: bytes) -> None:
    source = cast.source(olive, shape=shape, slug="some")
    people = Party.objects.count()
    answer = deliver(source, body, at=now, topic="orders/create")
    assert answer.status == HTTPStatus.ACCEPTED
    assert "Not understood" in answer.said
    assert latest(source).is_done
    assert latest(source).body_hash == hashlib.sha256(body).hexdigest()
    assert Party.objects.count() == people


_ODD = [
    "2026-03-31",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    "a@example.org",
    253402300799,
    -(10**10),
]
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(_ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_CANCELLATION = {
    "kind": "cancellation", "who": "7", "email": "a@example.org", "ended_on": "2026-02-28", "reasons": ["health"],
    "how": "i1_moved", "feeling": "sad", "contract": "m", "at": _ZERO.isoformat(),
}  # fmt: skip
_EVENT = {"kind": "event", "email": "a@example.org", "event": "visit", "amount": "1.00", "id": "1"}
_TRUE = [
    (WebhookShape.STRIPE, "", cast.over(at=_ZERO)),
    (WebhookShape.STRIPE, "", cast.notice(at=_ZERO, until=_ZERO + timedelta(days=9))),
    (WebhookShape.STRIPE, "", cast.customer(at=_ZERO)),
    (WebhookShape.STRIPE, "", cast.invoice("paid", at=_ZERO)),
    (WebhookShape.SHOPIFY, "orders/paid", cast.order(at=_ZERO)),
    (WebhookShape.SHOPIFY, "refunds/create", cast.refund(at=_ZERO)),
    (WebhookShape.SHOPIFY, "subscription_contracts/cancel", cast.contract("cancelled")),
    (WebhookShape.SHOPIFY, "customers/redact", cast.asks("customers/redact")),
    (WebhookShape.PLAIN, "", _CANCELLATION),
    (WebhookShape.PLAIN, "", _EVENT),
]


def _places(said: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a document."""
    inside = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [place for key, value in inside for place in [(*path, key), *_places(value, (*path, key))]]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(true=st.sampled_from(_TRUE), value=_json, data=st.data())
def test_a_true_delivery_with_anything_odd_in_it_is_answered(
    olive: User, true: tuple[WebhookShape, str, Any], value: Any, data: st.DataObject
) -> None:
    import copy

    shape, topic, said = true
    said = copy.deepcopy(said)
    *way, last = data.draw(st.sampled_from(_places(said)))
    inside = said
    for key in way:
        inside = inside[key]
    inside[last] = value
    source = WebhookSource.objects.filter(slug=shape.value).first() or cast.source(olive, shape=shape, slug=shape.value)
    answer = deliver(source, said, at=timezone.now(), topic=topic, number=str(data.draw(st.integers(0, 10**6))))
    assert answer.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED)
    assert answer.said


def test_the_program_in_the_docs_is_understood(till: WebhookSource, monkeypatch: pytest.MonkeyPatch) -> None:
    import re
    import urllib.request
    from pathlib import Path

    docs = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    program: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", docs, re.DOTALL)[0], program)  # noqa: S102  # our own docs
    sent: list[urllib.request.Request] = []

    def opened(request: urllib.request.Request) -> Any:
        sent.append(request)
        return type("Answer", (), {"status": 200})

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    program["tell"]("https://crm.example/hooks/till-2/", cast.SECRET, "n-1", {"kind": "customer", "who": 7})
    raw = sent[0].data
    assert isinstance(raw, bytes)
    assert webhooks.arrive("till-2", headers=dict(sent[0].header_items()), body=raw).status == HTTPStatus.OK


def test_an_event_we_know_nothing_of_does_not_make_stripe_try_again(stripe: WebhookSource, now: datetime) -> None:
    answer = deliver(stripe, cast.event("radar.early_fraud_warning.created", {"id": "issfr_1"}, at=now), at=now)
    assert answer.status == HTTPStatus.ACCEPTED
    assert "radar.early_fraud_warning.created" in answer.said


def test_test_mode_changes_nothing(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    before = Breakup.objects.count()
    answer = deliver(stripe, {**cast.over(at=now), "livemode": False}, at=now)
    assert "test mode" in answer.said
    assert Breakup.objects.count() == before


# Once


def test_the_same_delivery_again_is_answered_and_changes_nothing(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    assert deliver(stripe, cast.over(at=now), at=now).status == HTTPStatus.OK
    after = books()
    for _ in range(3):
        assert deliver(stripe, cast.over(at=now), at=now) == webhooks.Answer(
            HTTPStatus.OK, "Told before; nothing changed."
        )
    assert books() == after


def test_the_same_number_with_another_body_is_not_taken(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    said = cast.subscription(at=now)
    deliver(stripe, said, at=now)
    answer = deliver(stripe, {**cast.over(at=now), "id": said["id"]}, at=now)
    assert "Told before" in answer.said
    assert not Breakup.objects.exists()


def test_what_shopify_signed_once_cannot_come_again_by_another_header(shop: WebhookSource, now: datetime) -> None:
    known(shop, "77")
    said = cast.contract("cancelled")
    deliver(shop, said, at=now, topic="subscription_contracts/cancel")
    after = books()
    later = deliver(shop, said, at=now + timedelta(days=90), topic="subscription_contracts/update")
    assert "Told before" in later.said
    assert books() == after


def test_two_sources_with_the_same_customer_number_do_not_mix(
    olive: User, stripe: WebhookSource, now: datetime
) -> None:
    other = cast.source(olive, slug="other")
    ana, ben = known(stripe), known(other, name="Ben Okafor", email="ben@example.org")
    deliver(other, cast.over(at=now), at=now)
    assert not Breakup.objects.filter(relationship=ana).exists()
    assert Breakup.objects.get(relationship=ben).source == "webhook:other"


# Who


def test_a_customer_is_made_as_a_load_would_make_them(stripe: WebhookSource, now: datetime) -> None:
    deliver(stripe, cast.customer(at=now, email="Ana@Example.org"), at=now)
    party = Party.objects.get()
    assert party.name == "Ana Weber"
    found = {(row.kind, row.source, row.normal) for row in party.identities.all()}
    assert found == {("external", "pay", "cus_Ana"), ("email", "", "ana@example.org")}
    assert party.relationships.get().stage == Stage.COURTSHIP.value


def test_an_address_we_know_learns_the_number_and_nobody_is_made_twice(stripe: WebhookSource, now: datetime) -> None:
    ana = person(email="ana@example.org")
    deliver(stripe, cast.customer(at=now), at=now)
    assert Party.objects.get() == ana.party
    deliver(stripe, cast.over(at=now), at=now)
    assert Breakup.objects.get().relationship == ana


def test_an_address_that_two_people_share_is_nobodys(stripe: WebhookSource, now: datetime) -> None:
    person(email="ana@example.org")
    person("Ben Okafor", email="ana@example.org")
    deliver(stripe, cast.customer(at=now), at=now)
    assert Party.objects.count() == 3


def test_a_bare_number_waits_until_somebody_says_whose_it_is(stripe: WebhookSource, now: datetime) -> None:
    answer = deliver(stripe, cast.over(at=now, comment="too far away"), at=now)
    assert "Nobody is known" in answer.said
    assert "source pay" in answer.said
    assert not Party.objects.exists()
    assert not latest(stripe).is_done
    deliver(stripe, cast.customer(at=now), at=now)
    end = Breakup.objects.get()
    assert end.verbatim == "too far away"
    first = WebhookDelivery.objects.earliest("id")
    assert (first.is_done, first.breakup) == (True, end.pk)
    assert not list(hook_waiting.waiting())


def test_what_waits_is_taken_once_a_load_brought_the_number(stripe: WebhookSource, now: datetime) -> None:
    deliver(stripe, cast.over(at=now), at=now)
    known(stripe)
    assert webhooks.settle_held(stripe) == 1
    assert webhooks.settle_held(stripe) == 0
    assert Breakup.objects.count() == 1


def test_who_asked_to_be_forgotten_is_not_made_again(stripe: WebhookSource, now: datetime) -> None:
    for kind, value in ((IdentityKind.EMAIL, "ana@example.org"), (IdentityKind.EXTERNAL, "cus_Ana")):
        key = suppression_hash(kind, value, source="pay")
        Suppression.objects.create(kind=kind.value, key_hash=key, reason=forgotten.REASON)
    for said in (cast.customer(at=now), cast.invoice("paid", at=now), cast.over(at=now)):
        assert "forgotten" in deliver(stripe, said, at=now).said
    assert not Party.objects.exists()
    assert not list(hook_waiting.waiting())


def test_a_suppressed_address_stays_suppressed_whoever_brings_it(stripe: WebhookSource, now: datetime) -> None:
    from rekindle.workflows import suppress

    suppressed("ana@example.org")
    deliver(stripe, cast.customer(at=now), at=now)
    assert suppress.is_suppressed(Party.objects.get())


def test_deliveries_at_the_same_moment_have_one_effect(
    transactional_db: None, olive: User, stripe: WebhookSource, now: datetime
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    known(stripe)

    def once(_: int) -> int:
        try:
            return deliver(stripe, cast.over(at=now), at=now).status
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(once, range(8))) == {HTTPStatus.OK}
    assert WebhookDelivery.objects.count() == Breakup.objects.count() == 1
    assert AuditEntry.objects.filter(verb=hook_ends.VERB).count() == 1


def test_forgetting_somebody_takes_what_waits_about_them(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe)
    deliver(stripe, cast.invoice("paid", at=now), at=now)
    assert len(list(hook_waiting.waiting())) == 1
    assert hook_waiting.forget_waiting(ana.party) == 1
    assert not list(hook_waiting.waiting())


def test_forgetting_itself_finds_what_waits(
    transactional_db: None, stripe: WebhookSource, now: datetime
) -> None:  # PostgreSQL gives freed pages back outside a transaction only
    from rekindle.workflows import forget

    ana = known(stripe)
    deliver(stripe, cast.invoice("paid", at=now), at=now)
    forget.forget(ana.party, by=None)
    assert not list(hook_waiting.waiting())
    assert "forgotten" in deliver(stripe, cast.over(at=now), at=now).said


def test_what_was_told_of_somebody_outlives_a_merge(olive: User, stripe: WebhookSource, now: datetime) -> None:
    from rekindle.workflows import merge

    ana, twin = known(stripe), person("Ana Weber-Roth", email="roth@example.org")
    deliver(stripe, cast.notice(at=now - timedelta(hours=2), until=now + timedelta(days=20)), at=now)
    merge.merge(twin.party, gone=ana.party, by=olive)
    deliver(stripe, cast.subscription(at=now - timedelta(hours=1)), at=now)
    assert Breakup.objects.get().withdrawn_at is not None


# What it becomes


def test_a_notice_and_its_end_are_one_end(stripe: WebhookSource, now: datetime) -> None:
    ana, until = known(stripe), now + timedelta(days=20)
    deliver(stripe, cast.notice(at=now, until=until), at=now)
    ana.refresh_from_db()
    assert (ana.stage, Breakup.objects.get().ended_on) == (Stage.NOTICE.value, until.date())
    deliver(stripe, cast.over(at=until, feedback="too_complex", comment="I never found the door"), at=until)
    end = Breakup.objects.get()
    assert (end.kind, end.reasons, end.verbatim) == (
        BreakupKind.DISSATISFIED.value, ["hard_to_use"], "I never found the door",
    )  # fmt: skip
    assert set(WebhookDelivery.objects.values_list("breakup", flat=True)) == {end.pk}


def test_an_older_period_end_and_the_newer_place_of_it(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    said = cast.subscription(at=now, cancel_at_period_end=True)
    deliver(stripe, said, at=now)
    assert Breakup.objects.get().ended_on == (now + timedelta(days=1)).date()


def test_a_notice_taken_back_is_withdrawn_whichever_comes_first(stripe: WebhookSource, now: datetime) -> None:
    ana, until = known(stripe), now + timedelta(days=20)
    deliver(stripe, cast.notice(at=now - timedelta(hours=2), until=until), at=now)
    deliver(stripe, cast.subscription(at=now - timedelta(hours=1)), at=now)
    assert Breakup.objects.get().withdrawn_at is not None
    # The same notice told late, under another number, does not bring it back.
    late = {**cast.notice(at=now - timedelta(hours=2), until=until), "id": "evt_late"}
    deliver(stripe, late, at=now)
    assert endings.standing_end(ana) is None


def test_an_end_on_another_day_than_announced_moves_the_one_end(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    deliver(stripe, cast.notice(at=now - timedelta(days=3), until=now + timedelta(days=20)), at=now)
    deliver(stripe, cast.over(at=now), at=now)
    assert Breakup.objects.get().ended_on == now.date()


def test_a_failed_payment_that_ends_it_is_nobodys_wish(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe)
    deliver(stripe, cast.over(at=now, reason="payment_failed"), at=now)
    end = Breakup.objects.get()
    assert (end.kind, end.initiator) == (BreakupKind.TECHNICAL.value, Initiator.CIRCUMSTANCE.value)
    quiet = endings.standing_quiet(ana)
    assert quiet is not None
    assert (quiet.ends_at.date() - end.ended_on).days == 14


def test_who_keeps_one_contract_has_not_left(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    deliver(stripe, cast.subscription(at=now - timedelta(days=9), kind="created", contract="sub_2"), at=now)
    answer = deliver(stripe, cast.over(at=now - timedelta(days=2), contract="sub_1"), at=now)
    assert "goes on" in answer.said
    assert not Breakup.objects.exists()
    deliver(stripe, cast.over(at=now, contract="sub_2"), at=now)
    assert Breakup.objects.get().ended_on == now.date()


def test_another_plan_within_a_day_is_no_return_and_no_end(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe)
    deliver(stripe, cast.over(at=now - timedelta(hours=2), contract="sub_1"), at=now)
    deliver(stripe, cast.subscription(at=now - timedelta(hours=1), kind="created", contract="sub_2"), at=now)
    assert Breakup.objects.get().withdrawn_at is not None
    ana.refresh_from_db()
    assert ana.stage == Stage.ONGOING.value


def test_a_new_contract_later_is_a_return_and_the_end_stays(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    deliver(stripe, cast.over(at=now - timedelta(days=60), contract="sub_1"), at=now)
    deliver(stripe, cast.subscription(at=now, kind="created", contract="sub_2"), at=now)
    assert Breakup.objects.get().withdrawn_at is None
    assert [event.kind for one in hook_waiting.waiting() for event in one.heard.events] == ["returned"]


def test_stripe_a_list_and_a_form_tell_one_end_in_any_order(
    olive: User, stripe: WebhookSource, now: datetime, load: Any, write: Any
) -> None:
    day = now.date()
    path = write("left.csv", f"customer,ended on,reason\ncus_Ana,{day.isoformat()},money\n")
    for turn, order in enumerate(itertools.permutations(("stripe", "list", "form"))):
        Party.objects.all().delete()
        ana = known(stripe)
        for told in order:
            if told == "stripe":
                deliver(stripe, {**cast.over(at=now), "id": f"evt_{turn}"}, at=now)
            elif told == "list":
                path.write_text(f"customer,ended on,reason\ncus_Ana,{day.isoformat()},money {turn}\n")
                load(path, kind="cancellations", source="pay")
            else:
                part.record_end(ana, by=olive, told=part.Told(ended_on=day))
        assert Breakup.objects.filter(relationship=ana).count() == 1, order


def test_an_end_our_people_recorded_for_another_day_stays_and_it_is_said(
    olive: User, stripe: WebhookSource, now: datetime
) -> None:
    ana = known(stripe)
    part.record_end(ana, by=olive, told=part.Told(ended_on=now.date() - timedelta(days=3)))
    answer = deliver(stripe, cast.over(at=now), at=now)
    assert "stay as they are" in answer.said
    end = Breakup.objects.get()
    assert end.ended_on == now.date() - timedelta(days=3)
    assert not latest(stripe).is_done
    assert webhooks.settle_held(stripe) == 0
    part.correct_end_date(end, ended_on=now.date(), by=olive, reason="their letter says so")
    assert webhooks.settle_held(stripe) == 1
    assert latest(stripe).is_done
    assert not list(hook_waiting.waiting())


def test_after_two_weeks_what_the_books_say_stands(olive: User, stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe)
    part.record_end(ana, by=olive, told=part.Told(ended_on=now.date() - timedelta(days=3)))
    deliver(stripe, cast.over(at=now), at=now)
    WebhookDelivery.objects.update(received_at=now - webhooks.LET_GO_AFTER - timedelta(hours=1))
    assert webhooks.settle_held(stripe) == 0
    assert not list(hook_waiting.waiting())
    assert "stay as they are" in latest(stripe).outcome


def test_an_end_before_it_began_is_refused_in_words(stripe: WebhookSource, now: datetime) -> None:
    from rekindle.relationships.models import Episode

    ana = known(stripe)
    Episode.objects.create(relationship=ana, number=1, began_on=now.date(), last_seen_on=now.date(), pulses=1)
    answer = deliver(stripe, cast.over(at=now - timedelta(days=400)), at=now)
    assert "before it began" in answer.said
    assert not Breakup.objects.exists()


def test_the_last_day_is_the_day_where_the_person_lives(stripe: WebhookSource, now: datetime) -> None:
    known(stripe, time_zone="Pacific/Kiritimati")
    at = (now - timedelta(days=2)).replace(hour=23)
    deliver(stripe, cast.over(at=at), at=now)
    assert Breakup.objects.get().ended_on == at.date() + timedelta(days=1)


def test_nothing_of_their_words_is_in_the_trail(stripe: WebhookSource, now: datetime) -> None:
    known(stripe)
    deliver(stripe, cast.over(at=now, comment="a bitter word"), at=now)
    said = " ".join(str(row) for row in AuditEntry.objects.values_list("subject", "details"))
    assert not [word for word in ("bitter", "cus_Ana", "sub_1", "ana@example.org") if word in said]


def test_when_its_maker_has_left_an_owner_stands_for_it(olive: User, now: datetime) -> None:
    gone = staff(Role.MANAGER)
    source = cast.source(gone)
    gone.is_active = False
    gone.save()
    known(source)
    deliver(source, cast.over(at=now), at=now)
    assert AuditEntry.objects.get(verb="end.recorded").actor == olive


# Any order


_steps = st.lists(
    st.builds(
        lambda about, said, hours, days: Step(
            about, said, _ZERO + timedelta(hours=hours),
            ends_at=None if said == "lives" else _ZERO + timedelta(hours=hours, days=days if said == "notice" else 0),
        ),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["lives", "notice", "ended"]),
        st.integers(0, 400),
        st.integers(1, 40),
    ),
    max_size=8,
)  # fmt: skip


@given(steps=_steps, seed=st.randoms(use_true_random=False))
def test_late_shuffled_and_repeated_steps_read_the_same(steps: list[Step], seed: Any) -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    shuffled = [*steps, *steps[:3]]
    seed.shuffle(shuffled)
    assert hook_ends.read(shuffled, zone=zone) == hook_ends.read(steps, zone=zone)


@given(steps=_steps)
def test_nobody_has_left_while_a_contract_lives(steps: list[Step]) -> None:
    from zoneinfo import ZoneInfo

    found = hook_ends.read(steps, zone=ZoneInfo("UTC"))
    last = {step.about: step for step in sorted(steps, key=lambda one: (one.at, hook_ends._RANK[one.said]))}
    alive = any(step.said == "lives" for step in last.values())
    standing: list[End] = [end for end in found.ends if end.stands]
    if steps and not alive:
        assert standing
    if not found.returns and alive:
        assert not standing


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_shuffled_and_repeated_deliveries_give_the_same_books(olive: User, data: st.DataObject) -> None:
    """One customer, two contracts, an address learnt on the way: whatever the order, the same ends stand."""
    now = timezone.now().replace(microsecond=0)
    told = [
        cast.customer(at=now - timedelta(days=9)),
        cast.subscription(at=now - timedelta(days=9), kind="created", contract="sub_1"),
        cast.subscription(at=now - timedelta(days=8), kind="created", contract="sub_2"),
        cast.notice(at=now - timedelta(days=7), until=now + timedelta(days=12), contract="sub_1"),
        cast.subscription(at=now - timedelta(days=6), contract="sub_1"),
        cast.over(at=now - timedelta(hours=5), contract="sub_1", feedback="unused"),
        cast.over(at=now - timedelta(hours=1), contract="sub_2", feedback="unused"),
        cast.invoice("paid", at=now - timedelta(days=9)),
        cast.invoice("paid", at=now - timedelta(days=9)),
    ]
    shuffled = data.draw(st.permutations(told))
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    WebhookSource.objects.all().delete()
    Party.objects.all().delete()
    for one in hook_waiting.waiting():
        one.remove()
    source = cast.source(olive)
    for said in [*shuffled, *again]:
        assert deliver(source, said, at=now).status == HTTPStatus.OK
    assert Party.objects.count() == 1
    relationship = Relationship.objects.get()
    end = Breakup.objects.get(withdrawn_at=None)
    assert (end.ended_on, end.kind, relationship.stage) == (
        (now - timedelta(hours=1)).date(), BreakupKind.NEED_CHANGED.value, Stage.COOLING_OFF.value,
    )  # fmt: skip
    numbers = {event.number for one in hook_waiting.waiting() for event in one.heard.events}
    assert numbers == {"invoice:in_1"}
    assert not [one for one in hook_waiting.waiting() if one.is_held]


# Requests and wishes


def test_privacy_topics_become_requests_with_a_day(shop: WebhookSource, now: datetime) -> None:
    ana = known(shop, "77")
    deliver(shop, cast.asks("customers/data_request"), at=now, topic="customers/data_request")
    deliver(shop, cast.asks("customers/redact") | {"orders_to_redact": [1]}, at=now, topic="customers/redact")
    found = DataRequest.objects.order_by("id")
    assert [(one.party, one.kind, one.via, one.due_on) for one in found] == [
        (ana.party, RequestKind.ACCESS.value, "webhook:shop", now.date() + timedelta(days=30)),
        (ana.party, RequestKind.ERASURE.value, "webhook:shop", now.date() + timedelta(days=30)),
    ]


def test_a_shop_that_leaves_asks_for_everybody_it_told_us_of(shop: WebhookSource, now: datetime) -> None:
    deliver(shop, cast.asks("shop/redact"), at=now, topic="shop/redact")
    request = DataRequest.objects.get()
    assert (request.party, request.kind) == (None, RequestKind.ERASURE.value)


def test_a_request_about_a_stranger_shows_and_erases_nothing(shop: WebhookSource, now: datetime) -> None:
    deliver(shop, cast.contract("cancelled"), at=now, topic="subscription_contracts/cancel")
    assert list(hook_waiting.waiting())
    deliver(shop, cast.asks("customers/redact"), at=now, topic="customers/redact")
    assert not DataRequest.objects.exists()
    assert not list(hook_waiting.waiting())


def test_an_order_sent_as_a_wish_to_be_erased_erases_nothing(shop: WebhookSource, now: datetime) -> None:
    known(shop, "77")
    answer = deliver(shop, cast.order(at=now), at=now, topic="customers/redact")
    assert answer.status == HTTPStatus.ACCEPTED
    assert not DataRequest.objects.exists()


@pytest.mark.parametrize(
    ("status", "kind", "initiator"),
    [("cancelled", "", "customer"), ("expired", "", "customer"), ("failed", "i4_technical", "circumstance")],
)
def test_a_contract_of_shopify_that_is_over(
    shop: WebhookSource, now: datetime, status: str, kind: str, initiator: str
) -> None:
    known(shop, "77")
    deliver(
        shop, cast.contract("active"), at=now, topic="subscription_contracts/create", triggered=now - timedelta(days=5)
    )
    deliver(shop, cast.contract(status, revision="2"), at=now, topic="subscription_contracts/update")
    end = Breakup.objects.get()
    assert (end.kind, end.initiator, end.ended_on) == (kind, initiator, now.date())


def test_a_plain_cancellation_with_everything(till: WebhookSource, now: datetime) -> None:
    known(till, "7")
    said = {
        "kind": "cancellation", "who": 7, "ended_on": now.date().isoformat(), "how": "i1_moved",
        "reasons": ["relocation", "nonsense", "not_asked"], "verbatim": "We move to Porto", "feeling": "sad",
        "initiator": "customer", "contract": "m-1",
    }  # fmt: skip
    deliver(till, said, at=now, number="a")
    end = Breakup.objects.get()
    assert (end.kind, end.reasons, end.verbatim, end.feeling) == (
        "i1_moved", ["relocation"], "We move to Porto", "sad",
    )  # fmt: skip


def test_a_plain_cancellation_ahead_and_then_they_stay(till: WebhookSource, now: datetime) -> None:
    ana = known(till, "7")
    ahead = (now + timedelta(days=30)).date().isoformat()
    deliver(till, {"kind": "cancellation", "who": "7", "ended_on": ahead, "at": now.isoformat()}, at=now, number="a")
    later = (now + timedelta(hours=1)).isoformat()
    deliver(till, {"kind": "staying", "who": "7", "at": later}, at=now, number="b")
    assert Breakup.objects.get().withdrawn_at is not None
    ana.refresh_from_db()
    assert ana.stage == Stage.ONGOING.value


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "cancellation", "who": "7"},
        {"kind": "cancellation", "who": "7", "ended_on": "31.3.2026"},
        {"kind": "cancellation", "ended_on": "2026-03-31"},
        {"kind": "event", "who": "7"},
        {"kind": "event", "who": "7", "event": "ended"},
        {"kind": "event", "who": "7", "event": "visit", "at": "yesterday"},
        {"kind": "event", "who": "7", "event": "visit", "at": "2026-03-31T09:00:00"},
        {"kind": "wish", "who": "7"},
    ],
)
def test_a_plain_delivery_that_lacks_something_says_what(till: WebhookSource, now: datetime, said: Any) -> None:
    known(till, "7")
    answer = deliver(till, said, at=now)
    assert answer.status == HTTPStatus.ACCEPTED
    assert not Breakup.objects.exists()
    assert not list(hook_waiting.waiting())


def test_a_wish_never_to_be_written_to_holds_for_every_address(till: WebhookSource, now: datetime) -> None:
    from rekindle.workflows import suppress

    ana = known(till, "7", phone="+447700900001")
    deliver(till, {"kind": "suppression", "who": "7", "reason": "wrote to the shop"}, at=now, number="a")
    assert suppress.is_suppressed(ana.party)
    assert Suppression.objects.count() == 3
    assert set(Suppression.objects.values_list("source", flat=True)) == {"webhook:till-2"}


def test_a_wish_of_a_stranger_is_kept_and_nobody_is_made(till: WebhookSource, now: datetime) -> None:
    deliver(till, {"kind": "suppression", "email": "Cy@example.org"}, at=now, number="a")
    assert not Party.objects.exists()
    assert Suppression.objects.get().key_hash == suppression_hash(IdentityKind.EMAIL, "cy@example.org")
