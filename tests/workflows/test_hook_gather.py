"""From the disk into the history: one load a source and day, nothing twice, nothing lost when it is cut off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import hook_cast as cast
import pytest
from django.utils import timezone
from hook_cast import deliver
from people_cast import brand, person, staff

from rekindle import home as home_folder
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Intake, IntakeState, WebhookSource
from rekindle.observe.history import History
from rekindle.relationships.models import Identity, Party, Relationship
from rekindle.relationships.vocabulary import Stage, WebhookShape
from rekindle.workflows import hook_waiting, nightly, take_in
from rekindle.workflows.hook_gather import Gathered, gather_waiting, how_many_wait

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
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


def known(source: WebhookSource, number: str) -> Relationship:
    relationship = person(email="ana@example.org")
    Identity.objects.create(party=relationship.party, kind="external", source=source.slug, value=number, normal=number)
    return relationship


def history(party: Party) -> list[tuple[str, int | None, str | None]]:
    """(kind, minor units, currency) of everything in the history of one person, oldest first."""
    rows = History(home_folder.history_folder()).of(party.pk).to_pylist()
    return [(row["kind"], row["amount_minor"], row["currency"]) for row in reversed(rows)]


def test_what_was_paid_reaches_the_history_as_one_load(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe, "cus_Ana")
    deliver(stripe, cast.invoice("paid", at=now - timedelta(days=40), number="in_1"), at=now)
    deliver(stripe, cast.invoice("payment_failed", at=now - timedelta(days=9), number="in_2"), at=now)
    assert how_many_wait(stripe) == (2, 0)
    found = gather_waiting()
    assert (found.deliveries, len(found.loads), found.waiting) == (2, 1, 0)
    assert history(ana.party) == [("payment", 4_500, "EUR"), ("payment_failed", 4_500, "EUR")]
    intake = Intake.objects.get()
    assert (intake.state, intake.source, intake.by, intake.counts["kept"]) == (
        IntakeState.TAKEN.value, "pay", stripe.made_by, 2,
    )  # fmt: skip
    assert Party.objects.count() == 1
    assert not list(home_folder.uploads_folder().iterdir())
    assert gather_waiting() == Gathered(0, (), 0)


def test_the_same_event_told_twice_counts_once(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe, "cus_Ana")
    paid = cast.invoice("paid", at=now - timedelta(days=4))
    deliver(stripe, paid, at=now)
    gather_waiting()
    deliver(stripe, {**paid, "type": "invoice.payment_succeeded", "id": "evt_2"}, at=now)
    gather_waiting()
    assert history(ana.party) == [("payment", 4_500, "EUR")]


def test_a_load_cut_off_before_its_files_went_is_not_taken_twice(
    stripe: WebhookSource, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = known(stripe, "cus_Ana")
    deliver(stripe, cast.invoice("paid", at=now), at=now)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(hook_waiting.Waiting, "remove", lambda _: None)
        gather_waiting()
    assert len(list(hook_waiting.waiting())) == 1
    assert gather_waiting().waiting == 0
    assert history(ana.party) == [("payment", 4_500, "EUR")]
    assert Intake.objects.filter(state=IntakeState.TAKEN.value).count() == 1


def test_a_load_that_goes_on_lets_everything_wait(stripe: WebhookSource, now: datetime) -> None:
    known(stripe, "cus_Ana")
    deliver(stripe, cast.invoice("paid", at=now), at=now)

    def busy(*_: Any, **__: Any) -> Any:
        raise Conflict("Another load is going on in another process.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(take_in, "commit", busy)
        assert gather_waiting() == Gathered(0, (), 1)
    assert not Intake.objects.exists()
    assert gather_waiting().deliveries == 1


def test_a_table_that_cannot_be_read_lets_everything_wait(
    stripe: WebhookSource, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(stripe, "cus_Ana")
    deliver(stripe, cast.invoice("paid", at=now), at=now)

    def torn(*_: Any, **__: Any) -> Any:
        raise BadInput("the file is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(take_in, "begin", torn)
        assert gather_waiting() == Gathered(0, (), 1)
    assert gather_waiting().deliveries == 1


def test_a_number_nobody_has_waits_and_makes_nobody(stripe: WebhookSource, now: datetime) -> None:
    deliver(stripe, cast.invoice("paid", at=now, email=None), at=now)
    assert how_many_wait(stripe) == (0, 1)
    assert gather_waiting().waiting == 1
    assert not Party.objects.exists()
    ana = known(stripe, "cus_Ana")
    assert gather_waiting().deliveries == 1
    assert history(ana.party) == [("payment", 4_500, "EUR")]


def test_an_order_of_a_guest_makes_one_person_by_their_address(shop: WebhookSource, now: datetime) -> None:
    deliver(shop, cast.order(at=now, customer=None), at=now, topic="orders/create")
    deliver(shop, cast.order(at=now, customer=None, number=1002), at=now, topic="orders/create")
    gather_waiting()
    assert history(Party.objects.get()) == [("purchase", 4_990, "EUR"), ("purchase", 4_990, "EUR")]


def test_an_order_told_by_three_topics_is_one_purchase(shop: WebhookSource, now: datetime) -> None:
    for topic, status in (("orders/create", "pending"), ("orders/paid", "paid"), ("orders/updated", "refunded")):
        deliver(shop, cast.order(at=now, status=status), at=now, topic=topic)
    gather_waiting()
    assert history(Party.objects.get()) == [("purchase", 4_990, "EUR")]


@pytest.mark.parametrize("order_first", [True, False], ids=["order first", "refund first"])
@pytest.mark.parametrize("gathered_between", [True, False], ids=["a night between", "the same night"])
def test_money_given_back_goes_to_whoever_placed_the_order(
    shop: WebhookSource, now: datetime, order_first: bool, gathered_between: bool
) -> None:
    told = [("orders/paid", cast.order(at=now - timedelta(days=2))), ("refunds/create", cast.refund(at=now))]
    for topic, said in told if order_first else reversed(told):
        deliver(shop, said, at=now, topic=topic)
        if gathered_between:
            gather_waiting()
    gather_waiting()
    assert history(Party.objects.get()) == [("purchase", 4_990, "EUR"), ("refund", -1_000, "EUR")]
    assert not list(hook_waiting.waiting())


def test_a_refund_of_an_order_nobody_told_us_of_waits(shop: WebhookSource, now: datetime) -> None:
    deliver(shop, cast.refund(at=now), at=now, topic="refunds/create")
    assert gather_waiting() == Gathered(0, (), 1)


@pytest.mark.parametrize(
    ("currency", "minor", "kept"),
    [("jpy", 4_500, 4_500), ("kwd", 12_340, 12_340), ("eur", 4_599, 4_599), ("isk", 4_500, 45)],
)
def test_stripes_minor_units_become_ours(
    stripe: WebhookSource, now: datetime, currency: str, minor: int, kept: int
) -> None:
    ana = known(stripe, "cus_Ana")
    said = cast.invoice("paid", at=now, minor=minor)
    said["data"]["object"]["currency"] = currency
    deliver(stripe, said, at=now)
    gather_waiting()
    assert history(ana.party) == [("payment", kept, currency.upper())]


def test_a_load_of_webhooks_is_taken_back_like_any_other(stripe: WebhookSource, now: datetime) -> None:
    ana = known(stripe, "cus_Ana")
    deliver(stripe, cast.invoice("paid", at=now), at=now)
    gather_waiting()
    take_in.undo(Intake.objects.get())
    assert history(ana.party) == []
    assert Party.objects.get() == ana.party


def test_the_night_reads_what_came_by_webhook(stripe: WebhookSource, now: datetime) -> None:
    brand(pulse="payment")
    ana = known(stripe, "cus_Ana")
    for month in range(8):
        paid = cast.invoice("paid", at=now - timedelta(days=250 - 30 * month), number=f"in_{month}")
        deliver(stripe, paid, at=now)
    deliver(stripe, cast.over(at=now - timedelta(days=2)), at=now)
    gather_waiting()
    night = nightly.run()
    ana.refresh_from_db()
    assert (night.people, ana.stage) == (1, Stage.COOLING_OFF.value)
    assert ana.episodes.get().ended_on == (now - timedelta(days=2)).date()
