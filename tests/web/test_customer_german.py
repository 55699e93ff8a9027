"""Everything a customer may read is German for who reads German, and the desk is not made half German by it."""

from __future__ import annotations

import ast
import gettext as catalogues
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize
from people_cast import cast, staff

import rekindle
from rekindle.errors import BadInput
from rekindle.relationships.models import Consent, Party
from rekindle.relationships.vocabulary import Channel, InterviewMode
from rekindle.web.customer_words import SENTENCES, WORDS, said_to_them
from rekindle.workflows import interview_reminders, interviews, links, preferences
from rekindle.workflows.consent import ASKED_ABOUT
from rekindle.workflows.links import LinkPurpose

HERE = Path(rekindle.__file__).parent
TEMPLATES = HERE / "web" / "templates" / "web"
CATALOGUE = HERE / "web" / "locale" / "de" / "LC_MESSAGES" / "django.po"
TO_A_CUSTOMER = "to a customer"
ALSO_PUBLIC = {"public_goodbye.html", "interview_fields.html"}  # parts of such pages
SPEAK_TO_THEM = (
    "web/by_link.py", "web/views/public.py", "web/views/interview_public.py", "web/views/three_questions.py",
    "web/customer_words.py", "workflows/preferences.py", "workflows/interview_reminders.py",
)  # fmt: skip
ON_EVERY_PAGE = {"Skip to the page", "Our house", "No, leave it as it is"}
"""What desk and door share on purpose: the skip link of every page, and a name where none is set."""

Key = tuple[str, str]


def catalogue() -> dict[Key, str]:
    """The translations as they are written, by (context, message)."""
    found: dict[Key, str] = {}
    for entry in CATALOGUE.read_text(encoding="utf-8").split("\n\n"):
        parts = {"msgctxt": "", "msgid": "", "msgstr": ""}
        for line in entry.splitlines():
            name, _blank, text = line.partition(" ")
            if name in parts:
                parts[name] = ast.literal_eval(text)
            elif name == "msgstr[0]":
                parts["msgstr"] = ast.literal_eval(text)
        if parts["msgid"]:
            found[parts["msgctxt"], parts["msgid"]] = parts["msgstr"]
    return found


def of_template(file: Path) -> Iterator[Key]:
    source = templatize(file.read_text(encoding="utf-8"))
    text = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    for call in re.finditer(rf"\b(pgettext|gettext|ngettext)\(\s*{text}(?:,\s*{text})?", source):
        first = ast.literal_eval(call[2])
        yield (first, ast.literal_eval(call[3])) if call[1] == "pgettext" else ("", first)


def of_module(file: Path) -> Iterator[Key]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        said = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if node.func.id == "pgettext" and len(said) == 2:
            yield said[0], said[1]
        elif node.func.id == "gettext_noop" and file.name == "customer_words.py" and said[0] in SENTENCES:
            yield TO_A_CUSTOMER, said[0]
        elif node.func.id in {"_", "_now", "gettext", "gettext_lazy", "gettext_noop", "ngettext"} and said:
            yield "", said[0]


def is_public(file: Path) -> bool:
    return file.name in ALSO_PUBLIC | {"public.html"} or '{% extends "web/public.html" %}' in file.read_text()


def needed() -> set[Key]:
    pages = {key for file in TEMPLATES.glob("*.html") if is_public(file) for key in of_template(file)}
    return pages | {key for name in SPEAK_TO_THEM for key in of_module(HERE / name)}


def test_every_word_to_a_customer_is_translated() -> None:
    assert needed() - {("", "English")} - {key for key, text in catalogue().items() if text} == set()


def test_nothing_is_translated_that_no_customer_reads() -> None:
    assert set(catalogue()) - needed() - {("", "Skip to the page")} == set()


def test_a_word_of_the_desk_is_not_made_german_by_the_way() -> None:
    pages = {key for file in TEMPLATES.glob("*.html") if not is_public(file) for key in of_template(file)}
    theirs = {HERE / name for name in SPEAK_TO_THEM}
    code = {key for file in HERE.rglob("*.py") if file not in theirs for key in of_module(file)}
    assert {text for _context, text in (pages | code) & set(catalogue())} - ON_EVERY_PAGE == set()


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = catalogues.GNUTranslations(file)
    for (context, message), text in catalogue().items():
        read = compiled.pgettext(context, message) if context else compiled.gettext(message)
        assert read in (text, compiled.ngettext(message, message, 1))


def test_the_places_of_a_sentence_are_those_of_its_translation() -> None:
    for (_context, message), text in catalogue().items():
        if message != "a minute":
            assert sorted(re.findall(r"%\(\w+\)s", message)) == sorted(re.findall(r"%\(\w+\)s", text)), message


@pytest.mark.parametrize(
    "name",
    [
        "relationships/interview_answers.py",
        "web/views/interview_public.py",
        "web/views/public.py",
        "web/views/three_questions.py",
        "workflows/door.py",
        "workflows/preferences.py",
    ],
)
def test_every_refusal_that_a_customer_may_cause_is_known(name: str) -> None:
    """A sentence with places is known by its words around them."""
    said = []
    for node in ast.walk(ast.parse((HERE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BadInput":
            said += [node.args[0], *(word.value for word in node.keywords if word.arg == "remedy")]
    assert said
    with translation.override("de"):
        for one in said:
            parts = one.values if isinstance(one, ast.JoinedStr) else [one]
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
            assert "nicht geklappt" not in said_to_them(BadInput(text)), text


def test_a_sentence_that_nobody_translated_is_not_shown_in_english_on_a_german_page() -> None:
    with translation.override("de"):
        assert said_to_them(BadInput("the moon is full", remedy="Wait.")) == "Das hat nicht geklappt."
    with translation.override("en"):
        assert said_to_them(BadInput("the moon is full", remedy="Wait.")) == "The moon is full. Wait."


def test_a_place_in_a_sentence_keeps_what_the_engine_wrote_there() -> None:
    error = BadInput("the words have 2,001 characters", remedy="Keep them within 2,000.")
    with translation.override("de"):
        assert said_to_them(error) == "Der Text hat 2,001 Zeichen. Bitte höchstens 2,000."


def test_the_listed_sentences_are_translated_each() -> None:
    written = catalogue()
    assert [text for text in SENTENCES if not written.get((TO_A_CUSTOMER, text))] == []
    assert [text for text in WORDS if not written.get(("", text))] == []


@pytest.fixture
def german(home: Path) -> Party:
    cleo = cast().cleo.party
    cleo.language = "de"
    cleo.save(update_fields=["language"])
    return cleo


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "purpose", "words"),
    [
        ("door", LinkPurpose.DOOR, "Ich möchte zurückkommen"),
        ("preferences", LinkPurpose.PREFERENCES, "Was möchten Sie von uns hören?"),
        ("unsubscribe", LinkPurpose.UNSUBSCRIBE, "Sollen wir aufhören?"),
    ],
)
def test_a_german_reader_gets_german_pages(
    client: Client, german: Party, name: str, purpose: LinkPurpose, words: str
) -> None:
    page = client.get(reverse(name, args=[links.make(purpose, german)]))
    text = page.content.decode()
    assert '<html lang="de">' in text
    assert words in text
    for english in (" the ", " you ", " your ", " and "):
        assert english not in re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(head|script).*?</\1>", "", text))


@pytest.mark.django_db
def test_what_a_german_agreed_to_is_kept_in_the_words_they_read(german: Party) -> None:
    with translation.override("de"):
        pair = (Channel.EMAIL, ASKED_ABOUT[0])
        preferences.change(german, answers={pair: False}, wish=None)
    row = Consent.objects.get(party=german, channel=pair[0].value, purpose=pair[1].value)
    assert "per E-Mail" in f"{row.proof} {row.withdrawn_reason}"


@pytest.mark.django_db
def test_a_friend_reads_the_language_of_their_own_browser(client: Client, german: Party) -> None:
    address = reverse("recommended", args=[links.make(LinkPurpose.REFERRAL, german, about="door")])
    with translation.override("en"):  # a request leaves its language behind
        assert "A friend thought you might like us" in client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()
        answer = client.post(address, {"name": "", "reach": ""}, HTTP_ACCEPT_LANGUAGE="de")
    assert "Ihr Name fehlt. Schreiben Sie ein paar Worte." in answer.content.decode()


@pytest.mark.django_db
def test_the_one_reminder_of_an_interview_is_in_their_language(german: Party) -> None:
    relationship = german.relationships.get()
    interview = interviews.begin(relationship.breakups.get(), mode=InterviewMode.STAFF, by=staff())
    text = interview_reminders.text_of(interview)
    assert text.startswith("Guten Tag ")
    assert "wir hatten gefragt, ob Sie uns sagen mögen, warum Sie gehen." in text
    assert "Wir erinnern Sie nur dieses eine Mal" in text
