"""A letter for one person: their facts and no others, their language, and no letter where a fact is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from people_cast import NOW, Cast, brand, cast, ended, person, staff

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput
from rekindle.journal.models import ContentItem, Message
from rekindle.relationships.models import (
    Episode,
    Feedback,
    Goal,
    Milestone,
    Promise,
    Relationship,
    StakeholderRole,
    Tie,
)
from rekindle.relationships.vocabulary import Channel, Commercial, MilestoneKind, Terms, TouchClass
from rekindle.workflows import content
from rekindle.workflows.compose import Written, compose
from rekindle.workflows.outbox.put import put
from rekindle.workflows.words import demo, own_letters


@pytest.fixture
def people() -> Cast:
    found = cast()
    dana = staff(name="Dana Frey")
    Relationship.objects.update(owner=dana)
    for one in (found.ana, found.ben, found.cleo, found.dov):
        one.refresh_from_db()
    return found


def written(to: Relationship, letter: str, at: datetime = NOW) -> Written:
    return compose(to, letter, at=at)


def lacks(to: Relationship, letter: str, at: datetime = NOW) -> str:
    with pytest.raises(BadInput) as refused:
        compose(to, letter, at=at)
    return refused.value.what


def test_the_letter_of_the_day_after_says_what_is_settled_and_where_the_door_is(people: Cast) -> None:
    said = written(people.ben, "thank_you_after_end")
    assert said.touch_class is TouchClass.TRANSACTIONAL  # owed, so that the quiet after the end does not stop it
    assert "you are no longer a customer of ours; it ended on 5 March 2026" in said.words.text
    assert "/p/door/" in said.words.text
    assert "still owe" not in said.words.text
    assert "Hear nothing more like this: http" in said.words.text
    Promise.objects.create(relationship=people.ben, text="the deposit of March.", due_on=date(2026, 3, 20))
    assert "We still owe you something, and we have not forgotten it: the deposit of March. We" in (
        written(people.ben, "thank_you_after_end").words.text
    )


def test_it_comes_in_their_language_with_their_months(people: Cast) -> None:
    people.ben.party.language = "de"
    people.ben.party.save()
    said = written(people.ben, "thank_you_after_end")
    assert "am 5. März 2026 ging es zu Ende" in said.words.text
    assert "Nichts dergleichen mehr erhalten: http" in said.words.text
    assert '<html lang="de">' in said.words.html
    people.ben.party.language = "fr"
    people.ben.party.save()
    assert "it ended on 5 March 2026" in written(people.ben, "thank_you_after_end").words.text


def test_nobody_gets_a_letter_for_somebody_else(people: Cast) -> None:
    assert "is for those who left" in lacks(people.ana, "after_quiet")
    assert "is for customers" in lacks(people.cleo, "check_in")
    assert "is for those who came back" in lacks(people.ana, "welcome_back")
    people.ana.life = 2
    people.ana.save()
    assert written(people.ana, "welcome_back").words.content == "letter:welcome_back:life2"
    assert written(people.ana, "check_in")


@pytest.mark.parametrize(
    ("letter", "missing"),
    [
        ("mend", "what we owe them"),
        ("birthday", "their birthday, today"),
        ("anniversary_live", "a day to the year since they came"),
        ("useful_reading", "something worth reading"),
        ("ask_in_spring", "the month in which they asked us to write"),
        ("thank_you_referral", "somebody who came because of them"),
        ("vendor_thanks", "that they supply us"),
        ("congratulations", "a day of theirs"),
    ],
)
def test_a_missing_fact_means_no_letter_and_is_named(people: Cast, letter: str, missing: str) -> None:
    assert missing in lacks(people.ana, letter)


def test_a_name_that_is_missing_is_never_a_gap(people: Cast) -> None:
    people.ana.party.name = ""
    people.ana.party.save()
    assert "their name" in lacks(people.ana, "check_in")


def test_what_is_fixed_is_told_with_their_words_and_the_month(people: Cast) -> None:
    heard = Feedback.objects.create(
        relationship=people.cleo, kind="open", words="The showers are cold", given_at=datetime(2024, 11, 5, tzinfo=UTC)
    )
    assert "what we changed because of it" in lacks(people.cleo, "it_is_fixed")
    Feedback.objects.filter(pk=heard.pk).update(closed_at=NOW, answer="the boiler is new.")
    said = written(people.cleo, "it_is_fixed")
    assert 'told us in November 2024. Your words were: "The showers are cold"' in said.words.text
    assert "It is done: the boiler is new." in said.words.text
    assert said.chosen["facts"]["because"]["their_words"] == f"feedback {heard.pk}"


def test_a_day_of_theirs_counts_on_its_day_with_their_word_and_not_in_grief(people: Cast) -> None:
    day = Milestone.objects.create(
        party=people.ana.party, kind=MilestoneKind.BIRTHDAY.value, on=date(1904, 3, 12), precision="month_day"
    )
    assert "may remember" in lacks(people.ana, "birthday")
    Milestone.objects.filter(pk=day.pk).update(may_remember=True)
    assert written(people.ana, "birthday").words.content == "letter:birthday:2026"
    lacks(people.ana, "birthday", NOW - timedelta(days=1))
    lacks(people.ana, "birthday", NOW + timedelta(days=1))
    Milestone.objects.create(
        party=people.ana.party, kind=MilestoneKind.BEREAVEMENT.value, on=date(2026, 2, 1), precision="day"
    )
    lacks(people.ana, "birthday")


def test_years_are_told_on_the_day_alone(people: Cast) -> None:
    Episode.objects.filter(relationship=people.cleo).update(began_on=date(2021, 3, 12))
    assert written(people.cleo, "anniversary").words.subject == "5 years ago today"
    lacks(people.cleo, "anniversary", NOW + timedelta(days=1))


def test_whoever_is_closest_signs_and_it_says_so(people: Cast) -> None:
    assert written(people.ana, "check_in").chosen["sender"]["because"].startswith("looks after them")
    sam, old = staff(name="Sam Lee"), staff(name="Olga Old", is_active=False)
    Tie.objects.create(party=people.ana.party, staff=old, strength=3)
    Tie.objects.create(party=people.ana.party, staff=sam, strength=2)
    said = written(people.ana, "check_in")
    assert said.chosen["sender"] == {"is": "Sam Lee", "because": "Sam Lee knows them well"}
    assert "Sam Lee\nOak Street Gym" in said.words.text
    by = staff(name="Kim Hand")
    assert "Kim Hand" in compose(people.ana, "check_in", at=NOW, signer=by).words.text


def test_where_nobody_looks_after_them_the_owner_signs_and_without_one_there_is_no_letter(people: Cast) -> None:
    Relationship.objects.update(owner=None)
    people.ana.refresh_from_db()
    assert "nobody looks after them who could sign" in lacks(people.ana, "check_in")
    staff(Role.OWNER, name="Olive Owner")
    assert "owns this business" in written(people.ana, "check_in").chosen["sender"]["because"]


def test_who_may_not_be_written_a_link_gets_none(people: Cast) -> None:
    people.cleo.party.deceased_on = date(2026, 1, 1)
    people.cleo.party.save()
    assert "a page of their own" in lacks(people.cleo, "open_door")


def test_the_same_letter_says_the_same_once_a_life_or_once_a_year(people: Cast) -> None:
    assert written(people.cleo, "after_quiet").words.content == "letter:after_quiet:life1"
    people.cleo.life = 2
    people.cleo.save()
    assert written(people.cleo, "after_quiet").words.content == "letter:after_quiet:life2"
    assert written(people.cleo, "old_friend_yearly").words.content == "letter:old_friend_yearly:2026"
    later = datetime(2027, 1, 5, 12, tzinfo=UTC)
    assert written(people.cleo, "old_friend_yearly", later).words.content == "letter:old_friend_yearly:2027"


def test_a_season_has_its_name_where_they_live(people: Cast) -> None:
    party = people.cleo.party
    for country, at, season in (
        ("GB", datetime(2026, 4, 2, 12, tzinfo=UTC), "spring"),
        ("AU", datetime(2026, 4, 2, 12, tzinfo=UTC), "autumn"),
        ("AU", datetime(2026, 1, 20, 12, tzinfo=UTC), "summer"),
        ("GB", datetime(2026, 12, 1, 12, tzinfo=UTC), "winter"),
        ("GB", datetime(2026, 12, 20, 12, tzinfo=UTC), "the turn of the year"),
    ):
        party.country = country
        party.save()
        assert written(people.cleo, "season_card", at).words.subject == f"A card for {season}"
    party.country = "SG"
    party.save()
    assert "the time of the year" in lacks(people.cleo, "season_card", datetime(2026, 4, 2, 12, tzinfo=UTC))


def test_a_variant_is_chosen_by_what_they_are_to_us_and_on_which_terms(people: Cast) -> None:
    owner = staff(Role.OWNER, name="Olive Owner")
    body = own_letters.body_of(own_letters.letter_now("check_in"))
    body["variants"] = [
        {"for": {"terms": ["sore"]}, "text": {"en": "Hello {{ name }}, we know it was not easy.\n\n{{ signer }}"}},
        {"for": {"kinds": ["partner"]}, "subject": {"en": "To a partner"}, "text": {"en": "Hi {{ name }}"}},
    ]  # fmt: skip
    own_letters.keep(body, by=owner)
    assert "have not seen you" in written(people.ana, "check_in").words.text
    StakeholderRole.objects.create(party=people.ana.party, kind="partner")
    assert written(people.ana, "check_in").words.subject == "To a partner"
    people.ana.terms = Terms.SORE.value
    people.ana.save()
    said = written(people.ana, "check_in")
    assert "it was not easy" in said.words.text
    assert said.chosen["words"]["because"] == "variant 1 fits what they are to us"


def test_goals_are_named_where_they_are_known(people: Cast) -> None:
    assert "wherever you are now" in written(people.cleo, "remembering").words.text
    Goal.objects.create(relationship=people.cleo, text="a half-marathon.")
    assert "wanted to reach: a half-marathon. We" in written(people.cleo, "remembering").words.text


def test_a_person_gets_what_they_care_about_and_never_the_same_twice(people: Cast) -> None:
    ana = people.ana.party
    everybody = ContentItem.objects.create(title="For all", words="Words for all.")
    running = ContentItem.objects.create(title="Running", words="On running.", interests=["running"])
    ContentItem.objects.create(title="Bach", words="On music.", interests=["music"])
    ContentItem.objects.create(title="Alt", words="Deutsch.", language="de", interests=["running"])
    ContentItem.objects.create(title="Old", words="x", interests=["running"], fresh_until=date(2026, 3, 11))
    ana.extra = {"interests": "Running, cooking"}
    ana.save()
    said = written(people.ana, "useful_reading")
    assert said.words.subject == "Running"
    assert said.words.content == f"reading:{running.pk}"
    assert "running, which is theirs" in said.chosen["reading"]["because"]
    put(ana, said.words, key="one", touch_class=said.touch_class, made_by="test")
    assert written(people.ana, "useful_reading").words.content == f"reading:{everybody.pk}"
    put(ana, written(people.ana, "useful_reading").words, key="two", touch_class=said.touch_class, made_by="test")
    assert "not sent yet" in lacks(people.ana, "useful_reading")


def test_nothing_known_of_their_interests_means_only_what_is_for_everybody(people: Cast) -> None:
    ContentItem.objects.create(title="Running", words="On running.", interests=["running"])
    assert content.choose(people.ana.party, language="en", at=NOW) is None
    Goal.objects.create(relationship=people.ana, text="Start running again")
    found = content.choose(people.ana.party, language="en", at=NOW)
    assert found is not None
    assert found.title == "Running"


def test_a_reading_for_some_kinds_goes_to_them_alone(people: Cast) -> None:
    ContentItem.objects.create(title="For vendors", words="x", kinds=["vendor"])
    assert content.choose(people.ana.party, language="en", at=NOW) is None
    StakeholderRole.objects.create(party=people.ana.party, kind="vendor")
    assert content.choose(people.ana.party, language="en", at=NOW) is not None


def test_a_letter_composed_passes_the_rules_of_words_at_the_hand_over(people: Cast) -> None:
    """What is composed for somebody who left is acknowledged, signed, and holds the way out."""
    said = written(people.ben, "thank_you_after_end")
    message = put(
        people.ben.party, said.words, key="k", touch_class=said.touch_class, made_by="test", chosen=said.chosen
    )
    kept = Message.objects.get(pk=message.pk)
    assert kept.html.startswith("<!doctype html>")
    assert kept.chosen["sender"]["is"] == "Dana Frey"
    assert kept.channel == Channel.EMAIL.value


def test_who_gave_notice_is_still_a_customer() -> None:
    owner = staff(name="Dana Frey")
    one = person("Nia Notice", commercial=Commercial.NOTICE, owner=owner)
    ended(one, on=date(2026, 6, 1))
    assert "is for those who left" in lacks(one, "thank_you_after_end")
    assert brand().name in written(one, "check_in").words.text


def test_the_demo_has_something_to_read_for_everybody_and_is_stocked_once(people: Cast) -> None:
    by = staff(Role.OWNER, name="Olive Owner")
    assert demo.stock_the_library(by=by) == 8
    assert demo.stock_the_library(by=by) == 0
    assert "We came across something" in written(people.ana, "useful_reading").words.text
