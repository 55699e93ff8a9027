"""The three questions on the page: the person by their own link, the desk beside the exit interviews."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from people_cast import brand, ended, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import Breakup, Consent, ThreeQuestions
from rekindle.relationships.vocabulary import Commercial, Stage
from rekindle.workflows import links, three_questions, three_questions_link

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


@pytest.fixture
def them() -> Client:
    """Their own device: no session, and forms are checked as in life."""
    return Client(enforce_csrf_checks=True)


def gone(name: str = "Ben Okafor", **fields: Any) -> Breakup:
    brand(time_zone="UTC")
    relationship = person(name, stage=Stage.BREAKUP, commercial=Commercial.ENDED, **fields)
    return ended(relationship, on=date(2025, 1, 5))


def own(end: Breakup, code: str = "") -> str:
    token = three_questions_link.link_token(end)
    return (
        reverse("three_questions_one", args=[token, code]) if code else reverse("three_questions", args=[token])
    )  # fmt: skip


def text(answer: HttpResponse, *, status: int = 200) -> str:
    assert answer.status_code == status
    return answer.content.decode()


def test_they_answer_one_screen_after_the_other(them: Client) -> None:
    end = gone()

    assert "What could we have done better?" in text(them.get(own(end)))
    second = text(them.post(own(end, "better"), {"answer": "Too loud."}, follow=True))
    assert "Did we part well?" in second
    assert "1 of 3 behind you" in second
    third = text(them.post(own(end, "parted"), {"answer": "well"}, follow=True))
    assert "May we stay in touch" in third
    last = text(them.post(own(end, "keep"), {"road_email": "no"}, follow=True))

    assert "Thank you. That was all." in last
    assert "Too loud." in last
    assert ThreeQuestions.objects.get().parted == "well"
    assert not Consent.objects.filter(withdrawn_at=None).exists()


def test_looking_changes_nothing(them: Client) -> None:
    end = gone()

    for page in (own(end), own(end, "keep"), own(end, "nothing")):
        text(them.get(page))
        assert them.head(page).status_code == 200

    assert not ThreeQuestions.objects.exists()


def test_an_empty_answer_and_the_button_leave_a_question_out(them: Client) -> None:
    end = gone()

    them.post(own(end, "better"), {"answer": "  "})
    page = text(them.post(own(end, "parted"), {"answer": "well", "deed": "skip"}, follow=True))

    assert "May we stay in touch" in page
    assert ThreeQuestions.objects.get().last_answer_at is None


def test_what_is_no_answer_says_so_and_stays_on_the_question(them: Client) -> None:
    end = gone()

    page = text(them.post(own(end, "better"), {"answer": "x" * 3_000}), status=400)

    assert "3,000 characters" in page
    assert "What could we have done better?" in page


def test_their_language_is_spoken(them: Client) -> None:
    end = gone(language="de")

    page = text(them.get(own(end)))

    assert "Was hätten wir besser machen können?" in page
    assert "Sie sind nicht mehr Kunde bei uns" in page


@pytest.mark.parametrize("kind", ["nonsense", "door", "foreign", "old", "withdrawn"])
def test_every_wrong_link_has_one_answer(them: Client, kind: str) -> None:
    end = gone()
    token = {
        "nonsense": "x",
        "door": links.make(links.LinkPurpose.DOOR, end.relationship.party, about=str(end.pk)),
        "foreign": links.make(links.LinkPurpose.THREE_QUESTIONS, person("Cleo").party, about=str(end.pk)),
    }.get(kind, three_questions_link.link_token(end))
    if kind == "old":
        links.end_all(end.relationship.party, by=None)
    if kind == "withdrawn":
        Breakup.objects.update(withdrawn_at=end.recorded_at)

    page = reverse("three_questions", args=[token])

    assert "This link is not valid any more" in text(them.get(page), status=404)
    assert "This link is not valid any more" in text(them.post(page + "better/", {"answer": "x"}), status=404)
    assert not ThreeQuestions.objects.exists()


def test_nobody_else_learns_of_the_page(them: Client) -> None:
    answer = them.get(own(gone()))

    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert not answer.cookies


def test_who_presses_too_often_is_asked_to_wait(them: Client) -> None:
    end = gone()

    codes = [them.post(own(end, "parted"), {"answer": "well"}).status_code for _ in range(25)]

    assert codes[0] == 302
    assert codes[-1] == 429


def test_the_desk_reads_them_with_the_person(client: Client, dana: User) -> None:
    end = gone(owner=dana)
    three_questions.answer(end, code="better", value="Too <loud>.")
    three_questions.skip(end, code="parted")

    page = text(client.get(reverse("person_interviews", args=[end.relationship.party_id])))

    assert "Too &lt;loud&gt;." in page
    assert "After the quiet" in page
    assert "Did we part well?" not in page
    assert "Ask why they leave" not in page


def test_who_has_told_nothing_may_still_be_asked(client: Client, dana: User) -> None:
    end = gone(owner=dana)

    assert "Ask why they leave" in text(client.get(reverse("person_interviews", args=[end.relationship.party_id])))


def test_the_desk_counts_them_apart(client: Client, dana: User) -> None:
    for n, code in enumerate(("well", "badly", "well")):
        three_questions.answer(gone(f"Guest {n}"), code="parted", value=code)

    page = text(client.get(reverse("interviews") + "?show=quiet"))

    assert "3 people answered in the last year." in page
    assert "We parted well: 2." in page
    assert "We did not part well: 1." in page
    assert "Guest 1" in page
    assert "Guest 1" not in text(client.get(reverse("interviews") + "?show=over"))


def test_before_the_first_answer_the_desk_says_so(client: Client, dana: User) -> None:
    assert "Nobody has answered yet" in text(client.get(reverse("interviews") + "?show=quiet"))


def test_many_answers_take_no_more_questions_to_the_books(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(12):
        three_questions.answer(gone(f"Guest {n}"), code="parted", value="well")

    with django_assert_max_num_queries(12):
        text(client.get(reverse("interviews") + "?show=quiet"))


def test_a_stranger_sees_nothing() -> None:
    assert Client().get(reverse("interviews") + "?show=quiet").status_code == 302
