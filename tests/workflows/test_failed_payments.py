"""A payment that did not come is a card, not a wish: when it becomes an end, and when it never does."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import hook_cast as cast
import pytest
from django.utils import timezone
from hook_cast import deliver
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import WebhookSource
from rekindle.relationships.models import Breakup, Identity, Relationship
from rekindle.relationships.vocabulary import BreakupKind, Initiator, WebhookShape
from rekindle.workflows import endings, failed_payments, part
from rekindle.workflows.failed_payments import DUNNING
from rekindle.workflows.hook_gather import gather_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def olive() -> User:
    return staff(Role.OWNER, name="Olive Owner")


@pytest.fixture
def till(olive: User) -> WebhookSource:
    return cast.source(olive, shape=WebhookShape.PLAIN, slug="till-2")


@pytest.fixture
def today() -> date:
    return timezone.now().date()


@pytest.fixture
def ana(till: WebhookSource) -> Relationship:
    relationship = person(email="ana@example.org")
    Identity.objects.create(party=relationship.party, kind="external", source=till.slug, value="7", normal="7")
    return relationship


def told(till: WebhookSource, kind: str, *, days_ago: int, **more: Any) -> None:
    """One delivery about something so many days ago, in the history by the next line."""
    now = timezone.now()
    at = (now - timedelta(days=days_ago)).isoformat()
    said = {"kind": kind, "who": "7", "at": at, "amount": "29.00", "currency": "EUR", **more}
    deliver(till, said, at=now, number=f"{kind} {days_ago} {sorted(more)}")
    gather_waiting()


def quiet_days(end: Breakup) -> int:
    quiet = endings.standing_quiet(end.relationship)
    assert quiet is not None
    return (quiet.ends_at.date() - end.ended_on).days


def test_after_dunning_the_end_the_source_called_is_technical(
    till: WebhookSource, ana: Relationship, today: date
) -> None:
    over = today - timedelta(days=2)
    told(till, "failed_payment", days_ago=DUNNING.days + 1, contract_ended_on=over.isoformat())
    assert failed_payments.after_dunning(today) == 1
    end = Breakup.objects.get()
    assert (end.ended_on, end.kind, end.initiator, end.reasons) == (
        over, BreakupKind.TECHNICAL.value, Initiator.CIRCUMSTANCE.value, [],
    )  # fmt: skip
    assert quiet_days(end) == 14
    assert failed_payments.after_dunning(today) == 0


@pytest.mark.parametrize(("days", "ends"), [(DUNNING.days - 1, 0), (DUNNING.days, 0), (DUNNING.days + 1, 1)])
def test_the_border_day_still_belongs_to_the_mending(
    till: WebhookSource, ana: Relationship, today: date, days: int, ends: int
) -> None:
    told(till, "failed_payment", days_ago=days, contract_ended_on=today.isoformat())
    assert failed_payments.after_dunning(today) == ends


@pytest.mark.parametrize("paid", ["payment", "purchase"])
def test_a_payment_after_it_mends_it(till: WebhookSource, ana: Relationship, today: date, paid: str) -> None:
    told(till, "failed_payment", days_ago=40, contract_ended_on=(today - timedelta(days=20)).isoformat())
    told(till, "event", days_ago=30, event=paid)
    assert failed_payments.of_person(ana) is None
    assert failed_payments.after_dunning(today) == 0


def test_a_failure_after_a_payment_is_counted_from_itself(till: WebhookSource, ana: Relationship, today: date) -> None:
    told(till, "failed_payment", days_ago=60)
    told(till, "event", days_ago=50, event="payment")
    told(till, "failed_payment", days_ago=5, contract_ended_on=today.isoformat())
    unpaid = failed_payments.of_person(ana)
    assert unpaid is not None
    assert (unpaid.times, unpaid.over_on, unpaid.amount_minor) == (1, today, 2_900)
    assert failed_payments.after_dunning(today) == 0


def test_a_failed_payment_alone_is_never_an_end(till: WebhookSource, ana: Relationship, today: date) -> None:
    told(till, "failed_payment", days_ago=300)
    assert failed_payments.after_dunning(today) == 0
    assert not Breakup.objects.exists()
    unpaid = failed_payments.of_person(ana)
    assert unpaid is not None
    assert unpaid.over_on is None


def test_the_person_and_the_crowd_are_read_alike(till: WebhookSource, ana: Relationship, today: date) -> None:
    told(till, "failed_payment", days_ago=20)
    told(till, "failed_payment", days_ago=9, contract_ended_on=today.isoformat())
    assert failed_payments.everybody_unpaid(today) == [failed_payments.of_person(ana)]


def test_an_end_a_webhook_gave_no_reason_for_gets_this_one(till: WebhookSource, ana: Relationship, today: date) -> None:
    told(till, "failed_payment", days_ago=30)
    told(till, "cancellation", days_ago=3, ended_on=(today - timedelta(days=3)).isoformat())
    assert failed_payments.after_dunning(today) == 1
    end = Breakup.objects.get()
    assert (end.kind, end.initiator) == (BreakupKind.TECHNICAL.value, Initiator.CIRCUMSTANCE.value)
    assert failed_payments.after_dunning(today) == 0


def test_what_a_person_said_about_an_end_stands(
    till: WebhookSource, ana: Relationship, olive: User, today: date
) -> None:
    told(till, "failed_payment", days_ago=30, contract_ended_on=(today - timedelta(days=4)).isoformat())
    part.record_end(ana, by=olive, told=part.Told(ended_on=today - timedelta(days=3), reasons=("relocation",)))
    assert failed_payments.after_dunning(today) == 0
    assert Breakup.objects.get().kind == ""


def test_a_subscription_stripe_gave_up_is_an_end_after_dunning(olive: User, today: date) -> None:
    stripe, now = cast.source(olive), timezone.now()
    deliver(stripe, cast.customer(at=now - timedelta(days=40)), at=now)
    deliver(stripe, cast.invoice("payment_failed", at=now - timedelta(days=30)), at=now)
    deliver(stripe, cast.subscription(at=now - timedelta(days=9), status="unpaid"), at=now)
    gather_waiting()
    assert not Breakup.objects.exists()
    assert failed_payments.after_dunning(today) == 1
    assert Breakup.objects.get().ended_on == (now - timedelta(days=9)).date()


def test_without_a_history_there_is_nothing_to_conclude(today: datetime) -> None:
    assert failed_payments.after_dunning(timezone.now().date()) == 0
