"""Content and letters as people use them: added, found lacking, looked over, seen as a person would, kept."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from people_cast import Cast, cast, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, ContentItem, OwnLetter
from rekindle.relationships.models import Relationship
from rekindle.workflows.words import own_letters

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ITEM = {"title": "Six stretches", "words": "Ten minutes.", "url": "https://oak.example/a", "language": "en",
        "interests": "Back pain, running", "fresh_until": "2030-01-31", "kinds": ["customer"]}  # fmt: skip


@pytest.fixture
def people() -> Cast:
    found = cast()
    Relationship.objects.update(owner=staff(name="Dana Frey"))
    return found


def signed_in(role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(staff(role))
    return client


def letter_form(**parts: object) -> dict[str, object]:
    one = own_letters.letter_now("thanks")
    return {
        "language": "en", "variant": "own", "title": one.title["en"], "subject": one.subject["en"],
        "text": one.text["en"], "class": one.touch_class.value, "intent": one.intent.value, "when": one.when.value,
        "again": one.again.value, **parts,
    }  # fmt: skip


def test_something_worth_reading_is_added_changed_and_withdrawn() -> None:
    client = signed_in(Role.AGENT)
    assert "Nothing to read yet" in client.get("/content/").content.decode()
    assert client.post("/content/new/", ITEM).status_code == 302
    item = ContentItem.objects.get()
    assert item.interests == ["back pain", "running"]
    page = client.get("/content/").content.decode()
    assert "Six stretches" in page
    assert "back pain, running" in page
    client.post(f"/content/{item.pk}/", {**ITEM, "title": "Seven stretches"})
    assert ContentItem.objects.get().title == "Seven stretches"
    client.post(f"/content/{item.pk}/withdraw/")
    assert "Seven stretches" not in client.get("/content/").content.decode()
    assert "Seven stretches" in client.get("/content/?show=old").content.decode()
    assert set(AuditEntry.objects.filter(verb__startswith="content.").values_list("verb", flat=True)) == {
        "content.added", "content.changed", "content.withdrawn",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"title": ""}, "The title is missing"),
        ({"url": "javascript:alert(1)"}, "The address is none of the web"),
        ({"language": "english"}, "The language is not given"),
        ({"fresh_until": "soon"}, "Soon is no day"),
        ({"kinds": ["nobody"]}, "is nobody we know"),
    ],
)
def test_what_cannot_be_kept_is_said_and_what_was_written_stays(part: dict[str, object], said: str) -> None:
    page = signed_in().post("/content/new/", {**ITEM, **part}).content.decode()
    assert said in html.unescape(page)
    assert "Ten minutes." in page
    assert not ContentItem.objects.exists()


def test_the_list_shows_which_languages_a_letter_lacks(people: Cast) -> None:
    people.ana.party.language = "fr"
    people.ana.party.save()
    page = signed_in().get("/content/letters/").content.decode()
    assert re.search(r'letters/thanks/\?language=fr" class="pill note">fr<', page)
    assert "Thanks, just so" in page


def test_a_letter_is_seen_as_a_person_would_in_a_frame_that_can_do_nothing(people: Cast) -> None:
    page = signed_in().get(f"/content/letters/thank_you_after_end/?person={people.ben.party_id}").content.decode()
    frame = re.search(r"<iframe[^>]*>", page)
    assert frame is not None
    assert " sandbox " in frame[0]
    inside = html.unescape(re.search(r'srcdoc="([^"]*)"', page)[1])  # type: ignore[index]
    assert "Hello Ben Okafor," in inside
    assert "it ended on 5 March 2026" in inside


def test_whom_it_would_not_reach_is_told_and_why(people: Cast) -> None:
    page = signed_in().get(f"/content/letters/mend/?person={people.ana.party_id}").content.decode()
    assert "Ana Weber would not get it: it needs what is not known, what we owe them." in page


def test_findings_stand_beside_the_words_and_nothing_is_kept_by_looking(people: Cast) -> None:
    client = signed_in()
    given = letter_form(text="Order now, {{ name }}.\n\n{{ signer }}", do="look", person=str(people.ana.party_id))
    page = client.post("/content/letters/thanks/", given).content.decode()
    assert "stops it" in page
    assert "Order now" in page
    assert not OwnLetter.objects.exists()
    page = client.post("/content/letters/thanks/", {**given, "do": "keep"}).content.decode()
    assert "It sells" in page
    assert not OwnLetter.objects.exists()


def test_a_letter_is_kept_as_a_new_version_and_withdrawn() -> None:
    client = signed_in()
    assert client.post("/content/letters/thanks/", letter_form(subject="A word", do="keep")).status_code == 302
    assert own_letters.letter_now("thanks").subject["en"] == "A word"
    assert "yours" in client.get("/content/letters/").content.decode()
    client.post("/content/letters/thanks/withdraw/")
    assert own_letters.letter_now("thanks").subject["en"] == "Thank you"


def test_another_language_and_a_variant_are_written_beside_it() -> None:
    client = signed_in()
    french = letter_form(
        language="fr", title="Merci", subject="Merci", text="Bonjour {{ name }}\n\n{{ signer }}", do="keep"
    )
    client.post("/content/letters/thanks/", french)
    assert own_letters.letter_now("thanks").subject["fr"] == "Merci"
    assert own_letters.letter_now("thanks").subject["en"] == "Thank you"
    new = letter_form(
        variant="new", subject="", text="Dear partner {{ name }}\n\n{{ signer }}", kinds=["partner"], do="keep"
    )
    client.post("/content/letters/thanks/", new)
    *packs, variant = own_letters.letter_now("thanks").variants
    assert variant.kinds == {"partner"}
    assert "Dear partner" in client.get(f"/content/letters/thanks/?variant={len(packs)}").content.decode()
    nobody = client.post("/content/letters/thanks/", {**new, "kinds": []}).content.decode()
    assert "This variant is for nobody in particular" in nobody


def test_a_letter_of_a_new_name_begins_in_english() -> None:
    client = signed_in()
    assert "A short name for it" in client.get("/content/letters/").content.decode()
    assert client.post("/content/letters/new/", {"code": "Spring greeting"}).status_code == 200
    assert client.get("/content/letters/spring_greeting/").status_code == 404
    german = letter_form(language="de", do="keep")
    page = client.post("/content/letters/spring_greeting/", german).content.decode()
    assert "A letter begins in English" in page
    client.post("/content/letters/spring_greeting/", letter_form(do="keep"))
    assert OwnLetter.objects.get().code == "spring_greeting"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"text": "{{ nmae }}"}, "no fact called"),
        ({"text": "{{ name.__class__ }}"}, "no place to be filled"),
        ({"text": ""}, "The words are missing"),
        ({"variant": "7"}, "There is no such variant"),
        ({"variant": "x"}, "There is no such variant"),
        ({"language": "klingon"}, "The language is not given"),
        ({"class": "spam"}, "spam"),
    ],
)
def test_a_letter_that_cannot_be_is_answered_with_a_sentence(part: dict[str, object], said: str) -> None:
    answer = signed_in().post("/content/letters/thanks/", letter_form(**{"do": "keep", "kinds": ["vendor"], **part}))
    assert answer.status_code == 200
    assert said in html.unescape(answer.content.decode())
    assert not OwnLetter.objects.exists()


def test_who_may_not_change_settings_reads_letters_and_keeps_none() -> None:
    client = signed_in(Role.AGENT)
    assert "Keep as a new version" not in client.get("/content/letters/thanks/").content.decode()
    assert client.post("/content/letters/thanks/", letter_form(do="keep")).status_code == 403
    assert client.post("/content/letters/thanks/withdraw/").status_code == 403
    assert signed_in(Role.ANALYST).post("/content/new/", ITEM).status_code == 403


def test_writing_to_somebody_shows_what_suits_them_and_says_what_is_not_known(people: Cast) -> None:
    page = signed_in(Role.AGENT).get(f"/people/{people.ana.party_id}/write/").content.decode()
    assert "What suits them" in page
    assert "nothing is known of their hours" in page
