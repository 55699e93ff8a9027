"""A step that is a text message: planned as a mail is, asked about as a text message, and never without its words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from people_cast import NOW, consents
from playbook_cast import left, plan, woo

from rekindle.accounts.models import User
from rekindle.act import playbooks
from rekindle.errors import BadInput
from rekindle.journal.models import Enrolment, EnrolmentStep, Message, MessageState
from rekindle.relationships.models import Identity, Relationship
from rekindle.relationships.vocabulary import Channel, IdentityKind, TouchClass
from rekindle.workflows import playbook_view
from rekindle.workflows.playbooks import books, dry_run, enter
from rekindle.workflows.playbooks.advance import run_due
from rekindle.workflows.playbooks.leave import leave
from rekindle.workflows.words import own_letters

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
DAY = timedelta(days=1)
TEXT = "{wait_days: 0, do: text, letter: ask_in_spring_by_us}"
LATER = "{wait_days: 21, do: silence}"
BODY = {
    "letter": "ask_in_spring_by_us", "class": "relationship", "intent": "remember", "when": "ended", "again": "never",
    "title": {"en": "A short word"}, "subject": {"en": "A short word"},
    "text": {"en": "Hello {{ name }}, you are no longer a customer of ours. This is the mail.\n\n{{ signer }}"},
    "text_message": {"en": "Hello {{ name }}, you are no longer a customer of ours.\n{{ signer }}\n{{ house }}"},
}  # fmt: skip


@pytest.fixture
def letter(manager: User) -> None:
    own_letters.keep(BODY, by=manager)


def ben(manager: User, *, agreed: bool = True) -> Relationship:
    one = left("Ben Okafor", manager)
    if agreed:
        consents(one, channel=Channel.SMS)
    return one


def under_way(by: User, *people: Relationship, text: str = "") -> None:
    row = woo(by, text or plan(TEXT, LATER))
    for one in people:
        enter.by_hand(one, row.code, by=by, at=NOW)


def outcomes() -> list[tuple[str, str]]:
    return list(EnrolmentStep.objects.order_by("pk").values_list("outcome", "why"))


@pytest.mark.usefixtures("letter")
def test_it_is_queued_once_as_a_text_message_to_their_phone(manager: User) -> None:
    one = ben(manager)
    under_way(manager, one)
    assert run_due(NOW) == {"text": 1}
    assert run_due(NOW) == {}
    message = Message.objects.get()
    assert (message.channel, message.recipient, message.html) == ("sms", "+447700900001", "")
    assert message.key == f"playbook:{Enrolment.objects.get().pk}:0"
    assert message.text.startswith(
        "Hello Ben Okafor, you are no longer a customer of ours.\nMira Holt\nOak Street Gym\nSt"
    )
    assert message.touch_class == TouchClass.RELATIONSHIP
    assert message.chosen["words"]["is"] == "ask_in_spring_by_us, en"
    assert outcomes() == [("text", "")]
    (way,) = playbook_view.on_the_way(Enrolment.objects.select_related("version"), language="en")
    assert [said for _step, said in way.done] == ["text message written"]


@pytest.mark.usefixtures("letter")
def test_who_agreed_to_mail_alone_is_passed_over(manager: User) -> None:
    under_way(manager, ben(manager, agreed=False))
    assert run_due(NOW) == {"refused": 1}
    assert not Message.objects.exists()


@pytest.mark.usefixtures("letter")
def test_without_a_phone_a_rule_says_no_and_with_a_fixed_line_it_is_named(manager: User) -> None:
    one = ben(manager)
    under_way(manager, one)
    Identity.objects.filter(kind=IdentityKind.PHONE.value).update(value="+442079460000", normal="+442079460000")
    assert run_due(NOW) == {"lacking": 1}
    assert outcomes() == [("lacking", "there is no phone number that takes text messages")]
    Enrolment.objects.all().delete()
    Identity.objects.filter(kind=IdentityKind.PHONE.value).delete()
    enter.by_hand(one, "short", by=manager, at=NOW)
    assert run_due(NOW) == {"refused": 1}


@pytest.mark.usefixtures("letter")
def test_who_leaves_the_plan_gets_nothing_that_waits(manager: User) -> None:
    one = ben(manager)
    under_way(manager, one)
    run_due(NOW)
    assert leave(one, why="they wrote to us") == 1
    assert Message.objects.get().state == MessageState.CANCELLED


@pytest.mark.usefixtures("letter")
def test_the_dry_run_shows_the_words_and_what_is_missing(manager: User) -> None:
    one = ben(manager)
    made = books.draft(plan(TEXT, LATER))
    (ahead, silence) = dry_run.steps_of(one, made, first=NOW)
    assert (ahead.channel, ahead.touch_class, ahead.lacks) == (Channel.SMS, TouchClass.RELATIONSHIP, "")
    assert "This is the mail" not in ahead.text
    assert ahead.text.startswith("Hello Ben Okafor")
    assert ahead.answer is not None
    assert ahead.answer.allowed
    assert silence.text == ""
    Identity.objects.filter(kind=IdentityKind.PHONE.value).delete()
    assert "no phone number" in dry_run.steps_of(one, made, first=NOW)[0].lacks


@pytest.mark.usefixtures("letter")
def test_a_letter_without_words_for_it_is_refused_where_the_plan_is_written(manager: User) -> None:
    with pytest.raises(BadInput, match="'mend' has no words for a text message") as told:
        books.draft(plan("{wait_days: 0, do: text, letter: mend}"))
    assert "steps.0.letter" in told.value.where
    with pytest.raises(BadInput, match="says nothing"):
        playbooks.read(plan("{wait_days: 0, do: text}"))
    books.draft(plan("{wait_days: 0, do: text, letter: check_in}", TEXT))


@pytest.mark.usefixtures("letter")
def test_a_plan_is_not_turned_on_once_its_letter_lost_those_words(manager: User) -> None:
    books.new_version(plan(TEXT, LATER), by=manager)
    own_letters.keep({name: said for name, said in BODY.items() if name != "text_message"}, by=manager)
    with pytest.raises(BadInput, match="has no words for a text message"):
        books.turn_on("short", by=manager)
    own_letters.keep(BODY, by=manager)
    assert books.turn_on("short", by=manager).state == "on"


def test_an_own_letter_hides_the_words_of_the_one_that_came_with_the_product(manager: User) -> None:
    assert "check_in" in books.letter_texts()
    own_letters.keep(
        {name: said for name, said in BODY.items() if name != "text_message"} | {"letter": "check_in", "when": "live"},
        by=manager,
    )
    assert "check_in" not in books.letter_texts()
    own_letters.withdraw("check_in", by=manager)
    assert "check_in" in books.letter_texts()


def test_whoever_woos_counts_a_text_message_as_a_touch() -> None:
    touch = "{wait_days: 21, do: text, letter: still_here}"
    leaves = "[replied, opted_out, complained, returned, closed]"
    assert playbooks.read(plan(touch, touch, touch, family="woo", leave=leaves))
    with pytest.raises(BadInput, match="2 touches"):
        playbooks.read(plan(touch, touch, family="woo", leave=leaves))
    with pytest.raises(BadInput, match="7 days after the touch before"):
        playbooks.read(plan(touch, "{wait_days: 7, do: text, letter: still_here}", touch, family="woo", leave=leaves))
