"""Letters as text messages: short, in their language, with the facts chosen for them, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.conf import settings
from people_cast import NOW, Cast, cast, staff

from rekindle.accounts.roles import Role
from rekindle.act import letters, text_message, tone
from rekindle.act.letters import Letter, Reader, When
from rekindle.errors import BadInput
from rekindle.journal.models import Message
from rekindle.relationships.models import Feedback, Milestone, Relationship
from rekindle.relationships.vocabulary import Channel, MilestoneKind, TouchClass
from rekindle.workflows.compose import Written, compose
from rekindle.workflows.words import own_letters
from rekindle.workflows.words.text_foot import with_text_foot

LONG_SITE = "https://relationships.oakstreetgym.example"
TEXTS = tuple(one for one in letters.letters() if one.text_message)
FACTS = {
    "name": "Maximiliana", "signer": "Alexandra Holt", "house": "Oak Street Gym",
    "month_asked": "September 2026",
    "month_they_told": "September 2025", "what_changed": "The showers were all renewed.", "span_ago": "ten years",
}  # fmt: skip


@pytest.fixture
def people() -> Cast:
    found = cast()
    Relationship.objects.update(owner=staff(name="Dana Frey"))
    for one in (found.ana, found.ben, found.cleo, found.dov):
        one.refresh_from_db()
    return found


def by_text(to: Relationship, letter: str, at: datetime = NOW) -> Written:
    return compose(to, letter, at=at, channel=Channel.SMS)


def lacks(to: Relationship, letter: str) -> str:
    with pytest.raises(BadInput) as refused:
        by_text(to, letter)
    return refused.value.what


def test_these_letters_can_go_by_text() -> None:
    asked = {"check_in", "first_week", "still_here", "birthday", "it_is_fixed", "welcome_back", "ask_in_spring"}
    assert asked <= {one.code for one in TEXTS}
    assert all({"en", "de"} <= set(one.text_message) for one in TEXTS)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("one", TEXTS, ids=[one.code for one in TEXTS])
def test_the_words_fit_two_parts_and_hold_nothing_that_stops_them(one: Letter, language: str) -> None:
    said = one.for_text_message(Reader(language))
    assert (said.subject, said.language) == ("", language)
    assert text_message.outside(said.text) == ""
    for left in ("", "10 March 2025"):
        values = {name: FACTS.get(name, "") for name in said.places} | {"ended_on": left}
        text = letters.filled(said.text, values)
        stop = f"Stop: {LONG_SITE}/p/t/lfls.0.{'x' * 22}/"
        assert text_message.parts(f"{text.strip()}\n{stop}") <= 2, len(text)
        after = one.when is When.ENDED or bool(left and "ended_on" in said.places)
        found = tone.findings(text, touch_class=one.touch_class, first_after_end=after)
        assert [str(finding.tone) for finding in found] == []


def test_a_letter_goes_as_a_text_message_with_who_writes_and_how_to_stop(people: Cast) -> None:
    said = by_text(people.ana, "check_in")
    lines = said.words.text.splitlines()
    assert lines[0].startswith("Hello Ana Weber, we have not seen you")
    assert lines[1:3] == ["Dana Frey", "Oak Street Gym"]
    assert lines[3].startswith(f"Stop: {settings.SITE_URL}/p/t/")
    assert (said.words.subject, said.words.html, said.touch_class) == ("", "", TouchClass.SERVICE)
    assert said.words.content == compose(people.ana, "check_in", at=NOW).words.content  # on whichever road: once
    assert said.chosen["sender"]["is"] == "Dana Frey"
    assert said.chosen["words"]["is"] == "check_in, en"
    assert said.chosen["road"]["is"] == "text message"
    assert "name" in said.chosen["facts"]["is"]


def test_it_comes_in_their_language_or_in_english(people: Cast) -> None:
    for language, begins in (("de", "Guten Tag Ana Weber"), ("fr", "Hello Ana Weber")):
        people.ana.party.language = language
        people.ana.party.save()
        assert by_text(people.ana, "still_here").words.text.startswith(begins)
    people.ana.party.language = "de"
    people.ana.party.save()
    assert "Stopp: " in by_text(people.ana, "still_here").words.text


def test_an_accent_is_kept_where_there_is_room_and_leaves_nobody_out(people: Cast) -> None:
    short = with_text_foot(people.ana.party, "Hello Seán, all is well.", touch_class=TouchClass.SERVICE)
    assert short.startswith("Hello Seán, all is well.\nOak Street Gym")
    people.ana.party.name = "Seán Ó Murchú Mac Giolla Bhríde"
    people.ana.party.save()
    said = by_text(people.ana, "still_here").words.text
    assert "Hello Sean O Murchu Mac Giolla Bhride, it has been quiet" in said
    assert text_message.parts(said) <= 2
    people.ana.party.name = "Юрий Гагарин " * 3
    people.ana.party.save()
    assert "letters would go in" in lacks(people.ana, "still_here")


def test_a_letter_without_such_words_cannot_go(people: Cast) -> None:
    assert (
        lacks(people.ana, "mend") == f"“{letters.letter('mend').said('title', 'en')}” has no words for a text message"
    )
    assert lacks(people.ana, "welcome_back") == "“Welcome back” is for those who came back, and they are not"


def test_a_fact_that_is_missing_means_no_text_message(people: Cast) -> None:
    assert "what is not known" in lacks(people.ana, "birthday")
    today = NOW.date()
    Milestone.objects.create(
        party=people.ana.party,
        kind=MilestoneKind.BIRTHDAY.value,
        on=date(1990, today.month, today.day),
        may_remember=True,
    )
    assert "All the best on your birthday" in by_text(people.ana, "birthday").words.text


def test_after_the_end_it_says_that_they_left(people: Cast) -> None:
    today = NOW.date()
    Milestone.objects.create(
        party=people.cleo.party,
        kind=MilestoneKind.BIRTHDAY.value,
        on=date(1990, today.month, today.day),
        may_remember=True,
    )
    assert "you are no longer a customer of ours" in by_text(people.cleo, "birthday").words.text


def test_what_was_told_and_is_fixed_in_too_many_words_is_no_text_message(people: Cast) -> None:
    Feedback.objects.create(
        relationship=people.cleo, kind="open", words="The showers are cold", given_at=datetime(2024, 11, 5, tzinfo=UTC),
        closed_at=NOW, answer="the boiler is new. " * 20,
    )  # fmt: skip
    assert compose(people.cleo, "it_is_fixed", at=NOW).words.text
    assert "letters would go in" in lacks(people.cleo, "it_is_fixed")
    Feedback.objects.update(answer="the boiler is new.")
    assert "told us something in November 2024, and it is done: the boiler is new." in (
        by_text(people.cleo, "it_is_fixed").words.text
    )


def test_somebody_with_words_of_their_own_is_not_sent_those_of_everybody(people: Cast) -> None:
    one = letters.of_body(
        {
            "letter": "greeting", "version": "1", "class": "relationship", "intent": "remember", "when": "any",
            "title": {"en": "A greeting"}, "subject": {"en": "A greeting"}, "text": {"en": "Hello {{ name }}."},
            "text_message": {"en": "Hello {{ name }}."},
            "variants": [{"for": {"kinds": ["vendor"]}, "text": {"en": "Hello {{ name }}, thank you."}}],
        },
        where="a test",
    )  # fmt: skip
    assert one.for_text_message(Reader(kinds=frozenset({"customer"}))).text == "Hello {{ name }}."
    with pytest.raises(BadInput, match="has other words for somebody like them"):
        one.for_text_message(Reader(kinds=frozenset({"vendor"})))


def body(**more: Any) -> dict[str, Any]:
    return {
        "letter": "greeting", "class": "service", "intent": "remember", "when": "any", "again": "never",
        "title": {"en": "A greeting"}, "subject": {"en": "A greeting"}, "text": {"en": "Hello {{ name }}.\n\nDana"},
        **more,
    }  # fmt: skip


def test_words_for_a_text_message_are_read_when_they_are_written(people: Cast) -> None:
    owner = staff(Role.OWNER)
    with pytest.raises(BadInput, match="no place to be filled"):
        own_letters.keep(body(text_message={"en": "Hello {{ name.first }}."}), by=owner)
    with pytest.raises(BadInput, match="no fact called"):
        own_letters.keep(body(text_message={"en": "Hello {{ nickname }}."}), by=owner)
    with pytest.raises(BadInput):
        own_letters.keep(body(text_message={"de": "Guten Tag."}), by=owner)
    with pytest.raises(BadInput, match="It sells"):
        own_letters.keep(body(text_message={"en": "Hello {{ name }}, 20 % off, buy now."}) | {"class": "relationship"},
                         by=owner)  # fmt: skip
    own_letters.keep(body(text_message={"en": "Hello {{ name }}."}), by=owner)
    kept = own_letters.letter_now("greeting")
    assert own_letters.body_of(kept)["text_message"] == {"en": "Hello {{ name }}."}
    assert by_text(people.ana, "greeting").words.text.startswith("Hello Ana Weber.\nOak Street Gym\nStop: ")


def test_nothing_is_queued_by_composing(people: Cast) -> None:
    by_text(people.ana, "check_in")
    assert not Message.objects.exists()
