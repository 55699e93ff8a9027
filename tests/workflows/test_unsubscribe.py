"""Hearing nothing more: at once, whoever asks how often, and nothing a load brings can change it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import consents, ended, person, task

from rekindle.decide.eligibility import Rule
from rekindle.journal.models import AuditEntry
from rekindle.relationships import wishes
from rekindle.relationships.models import Consent, Identity, Party, Relationship, StageChange, Suppression, Task
from rekindle.relationships.vocabulary import (
    Basis,
    BreakupKind,
    Channel,
    Commercial,
    Contact,
    Stage,
    TaskState,
    TouchClass,
)
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import unsubscribe
from rekindle.workflows.consent import ASKED_ABOUT
from rekindle.workflows.why_not import why_not

pytestmark = pytest.mark.django_db


@pytest.fixture
def cleo() -> Relationship:
    """Left a year ago, on good terms."""
    one = person(
        "Cleo Marchetti", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, contact=Contact.STEADY,
        email="cleo@example.org", phone="+447700900009", country="GB", time_zone="Europe/London",
    )  # fmt: skip
    ended(one, on=timezone.now().date() - timedelta(400))
    return one


def rule(of: Relationship | Party, touch: TouchClass, road: Channel) -> Rule:
    party = of if isinstance(of, Party) else of.party
    return why_not(party, touch_class=touch, channel=road).rule


@pytest.mark.parametrize(
    ("about", "roads", "purposes"),
    [
        ("", (Channel.EMAIL,), ASKED_ABOUT),
        ("email", (Channel.EMAIL,), ASKED_ABOUT),
        ("sms", (Channel.SMS,), ASKED_ABOUT),
        ("email.content", (Channel.EMAIL,), (TouchClass.CONTENT,)),
        (".promotional", (Channel.EMAIL,), (TouchClass.PROMOTIONAL,)),
        ("pigeon", tuple(Channel), ASKED_ABOUT),
        ("email.transactional", tuple(Channel), ASKED_ABOUT),
    ],
)
def test_a_link_stops_what_it_is_about_and_everything_where_it_cannot_be_read(
    about: str, roads: tuple[Channel, ...], purposes: tuple[TouchClass, ...]
) -> None:
    what = unsubscribe.scope(about)
    assert (what.roads, what.purposes) == (roads, purposes)


def test_stopping_closes_the_road_for_everything_that_is_not_owed(cleo: Relationship) -> None:
    consents(cleo, basis=Basis.SOFT_OPT_IN)
    what = unsubscribe.scope("email")
    assert not unsubscribe.is_stopped(cleo.party, what)
    assert unsubscribe.stop(cleo.party, what=what, said="Stop everything by e-mail.") == len(ASKED_ABOUT)
    assert unsubscribe.is_stopped(cleo.party, what)
    assert {rule(cleo, touch, Channel.EMAIL) for touch in ASKED_ABOUT} == {Rule.OBJECTED}
    assert rule(cleo, TouchClass.LEGAL, Channel.EMAIL) is Rule.ALLOWED
    assert rule(cleo, TouchClass.RELATIONSHIP, Channel.LETTER) is not Rule.OBJECTED
    assert unsubscribe.stop(cleo.party, what=what, said="Stop everything by e-mail.") == 0


def test_a_new_address_of_the_same_person_is_stopped_too(cleo: Relationship) -> None:
    unsubscribe.stop(cleo.party, what=unsubscribe.scope(""), said="stop")
    Identity.objects.create(party=cleo.party, kind="email", value="new@example.org", normal="new@example.org")
    assert rule(cleo, TouchClass.CONTENT, Channel.EMAIL) is Rule.OBJECTED


def test_less_often_is_kept_once(cleo: Relationship) -> None:
    assert unsubscribe.less(cleo.party)
    assert not unsubscribe.less(cleo.party)
    cleo.party.refresh_from_db()
    assert wishes.how_often(cleo.party.extra) is HowOften.YEAR
    assert AuditEntry.objects.filter(verb="preferences.changed").count() == 1


def test_never_again_closes_for_good_and_reaches_every_address(cleo: Relationship) -> None:
    waiting = task(cleo)
    unsubscribe.never_again(cleo.party, said="Never contact me again, on any road.")
    cleo.refresh_from_db()
    assert (cleo.stage, cleo.contact) == (Stage.CLOSED, Contact.SILENT)
    assert Suppression.objects.count() == 2
    assert Task.objects.get(pk=waiting.pk).state == TaskState.WITHDRAWN
    assert StageChange.objects.get().to_stage == Stage.CLOSED
    assert unsubscribe.is_never(cleo.party)
    for road in (Channel.EMAIL, Channel.SMS, Channel.CALL):
        assert {rule(cleo, touch, road) for touch in TouchClass} == {Rule.SUPPRESSED}
    # Another record with the same address, whoever loads it, is never reached either.
    other = person("C. Marchetti", email="cleo@example.org", country="GB")
    assert rule(other, TouchClass.PROMOTIONAL, Channel.EMAIL) is Rule.SUPPRESSED


def test_never_again_twice_is_one_deed(cleo: Relationship) -> None:
    unsubscribe.never_again(cleo.party, said="never")
    before = (Consent.objects.count(), Suppression.objects.count(), StageChange.objects.count())
    unsubscribe.never_again(cleo.party, said="never")
    assert before == (Consent.objects.count(), Suppression.objects.count(), StageChange.objects.count())


@pytest.mark.parametrize("commercial", [Commercial.LIVE, Commercial.NOTICE, Commercial.PAUSED, Commercial.TRIALING])
def test_a_customer_who_says_never_keeps_what_is_owed_and_nothing_else(commercial: Commercial) -> None:
    ana = person(email="ana@example.org", commercial=commercial, country="GB")
    unsubscribe.never_again(ana.party, said="never")
    ana.refresh_from_db()
    assert (ana.stage, ana.contact) == (Stage.ONGOING, Contact.SILENT)
    assert not Suppression.objects.exists()
    for touch in TouchClass:
        allowed = rule(ana, touch, Channel.EMAIL) is Rule.ALLOWED
        assert allowed is (touch in (TouchClass.TRANSACTIONAL, TouchClass.LEGAL))


def test_the_audit_trail_holds_no_words(cleo: Relationship) -> None:
    unsubscribe.never_again(cleo.party, said="because of the noise")
    assert not any("noise" in str(entry.details) or "cleo@" in str(entry.details) for entry in AuditEntry.objects.all())


def test_somebody_without_a_relationship_can_stop_too() -> None:
    party = Party.objects.create(name="Only A Name")
    unsubscribe.never_again(party, said="never")
    assert unsubscribe.is_stopped(party, unsubscribe.scope("email"))


def test_a_wish_holds_through_the_gate_until_its_very_instant(cleo: Relationship) -> None:
    from rekindle.workflows import preferences

    Relationship.objects.update(contact=Contact.STEADY.value)
    consents(cleo, obtained=timezone.now())
    day = timezone.now().date() + timedelta(days=40)
    preferences.wait_until(cleo.party, day, via="test")
    answer = why_not(cleo.party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL)
    assert answer.rule is Rule.ASKED_LATER
    assert answer.until is not None
    assert f"{day.day} {day:%B %Y}" in answer.text
    over = why_not(cleo.party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=answer.until)
    assert over.rule is not Rule.ASKED_LATER
    just = why_not(
        cleo.party,
        touch_class=TouchClass.RELATIONSHIP,
        channel=Channel.EMAIL,
        at=answer.until - timedelta(microseconds=1),
    )
    assert just.rule is Rule.ASKED_LATER
    for owed in (TouchClass.TRANSACTIONAL, TouchClass.LEGAL):
        assert rule(cleo, owed, Channel.EMAIL) is Rule.ALLOWED


def test_a_wish_that_cannot_be_read_refuses(cleo: Relationship) -> None:
    consents(cleo, obtained=timezone.now())
    for nonsense in ("soon", 7, "2026-13-45"):
        Party.objects.filter(pk=cleo.party_id).update(extra={wishes.NOT_BEFORE: nonsense})
        assert rule(cleo, TouchClass.RELATIONSHIP, Channel.EMAIL) is Rule.ASKED_LATER


@pytest.mark.parametrize(("often", "days"), [(HowOften.MONTH, 30), (HowOften.YEAR, 365)])
def test_how_often_caps_what_is_marketing(often: HowOften, days: int) -> None:
    ana = person(email="ana@example.org", country="GB")
    for road in (Channel.EMAIL,):
        for purpose in ASKED_ABOUT:
            consents(ana, channel=road, purpose=purpose, obtained=timezone.now() - timedelta(1))
    at = timezone.now()
    many = {HowOften.MONTH: 1, HowOften.YEAR: 4}[often]
    for n in range(many):
        task(ana, state=TaskState.DONE.value, touch_class="content", channel="email",
             answered_at=at - timedelta(days=10 + n))  # fmt: skip
    free = rule(ana, TouchClass.CONTENT, Channel.EMAIL)
    assert free in (Rule.ALLOWED, Rule.QUIET_HOURS)
    Party.objects.update(extra={wishes.HOW_OFTEN: often.value})
    assert rule(ana, TouchClass.CONTENT, Channel.EMAIL) is Rule.TOUCH_CAP
    assert rule(ana, TouchClass.RESEARCH, Channel.EMAIL) is not Rule.TOUCH_CAP
    answer = why_not(ana.party, touch_class=TouchClass.CONTENT, channel=Channel.EMAIL)
    assert answer.until is not None
    assert abs(answer.until - (at - timedelta(days=10 + many - 1) + timedelta(days=days))) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ({}, {}, {}),
        (
            {wishes.NOT_BEFORE: "2026-01-01T00:00:00+00:00"},
            {wishes.NOT_BEFORE: "2027-01-01T00:00:00+00:00"},
            {wishes.NOT_BEFORE: "2027-01-01T00:00:00+00:00"},
        ),
        ({wishes.HOW_OFTEN: "month"}, {wishes.HOW_OFTEN: "year"}, {wishes.HOW_OFTEN: "year"}),
        ({"till": "7"}, {wishes.HOW_OFTEN: "month"}, {wishes.HOW_OFTEN: "month"}),
    ],
)
def test_where_two_records_become_one_the_stricter_wish_holds(
    one: dict[str, Any], other: dict[str, Any], joined: dict[str, Any]
) -> None:
    assert wishes.strictest(one, other) == joined == wishes.strictest(other, one)


def test_after_a_clean_break_no_link_opens(cleo: Relationship) -> None:
    from rekindle.errors import NotFound
    from rekindle.workflows import links, own_link
    from rekindle.workflows.links import LinkPurpose

    token = links.make(LinkPurpose.UNSUBSCRIBE, cleo.party)
    own_link.holder(LinkPurpose.UNSUBSCRIBE, token)
    ended(cleo, on=date(2026, 1, 2), kind=BreakupKind.TOXIC.value)
    Relationship.objects.update(stage=Stage.CLOSED.value)
    with pytest.raises(NotFound):
        own_link.holder(LinkPurpose.UNSUBSCRIBE, token)


def test_of_the_dead_only_hearing_nothing_more_still_works(cleo: Relationship) -> None:
    from rekindle.errors import NotFound
    from rekindle.workflows import links, own_link
    from rekindle.workflows.links import LinkPurpose

    Party.objects.update(deceased_on=date(2026, 1, 2))
    party = Party.objects.get()
    assert own_link.holder(LinkPurpose.UNSUBSCRIBE, links.make(LinkPurpose.UNSUBSCRIBE, party)).party == party
    for purpose in (LinkPurpose.DOOR, LinkPurpose.PREFERENCES):
        with pytest.raises(NotFound):
            own_link.holder(purpose, links.make(purpose, party))
