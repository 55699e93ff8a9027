"""Exit interviews on the page: staff beside the record, the person by their own link, and nobody else."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide.gate_rules import Rule
from rekindle.relationships.models import Breakup, Consent, Episode, ExitInterview, Promise, Tie
from rekindle.relationships.vocabulary import BreakupKind, Channel, InterviewMode, TouchClass
from rekindle.workflows import interview_reminders, interviews, links, part
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day
from rekindle.workflows.why_not import Answer

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


def left(by: User, *, name: str = "Ben Okafor", ago: int = 0, **told: Any) -> Breakup:
    relationship = person(name, email="ben@example.org", owner=by)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=business_day(), pulses=80
    )
    return part.record_end(
        relationship, by=by, told=Told(ended_on=business_day() - timedelta(days=ago), **told)
    ).breakup


def begun(by: User, *, mode: InterviewMode = InterviewMode.STAFF, script: str = "core", **told: Any) -> ExitInterview:
    return interviews.begin(left(by, **told), mode=mode, by=by, script=script)


def text(answer: HttpResponse, *, status: int = 200) -> str:
    assert answer.status_code == status
    return answer.content.decode()


def do(client: Client, interview: ExitInterview, deed: str, **given: Any) -> str:
    answer = client.post(reverse("interview_do", args=[interview.pk]), {"deed": deed, **given}, follow=True)
    return text(answer)


def own(interview: ExitInterview, code: str = "") -> str:
    token = interviews.link_token(interview)
    return (
        reverse("interview_public_question", args=[token, code]) if code else reverse("interview_public", args=[token])
    )


# Staff


@pytest.mark.parametrize("name", ["interviews", "company_exits", "returns", "promises", "reviews"])
def test_the_pages_around_an_end_stand_under_endings(client: Client, dana: User, name: str) -> None:
    bar = client.get(reverse(name)).content.decode().split("</header>")[0]
    assert f'<a href="{reverse("endings")}" aria-current="page">' in bar


def test_it_refuses_a_stranger(client: Client) -> None:
    interview = begun(staff())
    party = interview.breakup.relationship.party_id
    for name, args in (
        ("interviews", []), ("interview", [interview.pk]), ("interview_start", [interview.breakup_id]),
        ("person_interviews", [party]),
    ):  # fmt: skip
        assert client.get(reverse(name, args=args)).status_code == 302
    for name, args in (("interview_do", [interview.pk]), ("interview_start", [interview.breakup_id])):
        assert client.post(reverse(name, args=args), {"deed": "complete"}).status_code == 302
    interview.refresh_from_db()
    assert interview.declined_at is None


def test_who_only_reads_sees_it_and_changes_nothing(client: Client) -> None:
    interview = begun(staff())
    client.force_login(staff(Role.ANALYST))
    assert "Nothing here changes it" in text(client.get(reverse("interview", args=[interview.pk])))
    for deed in ("answer", "skip", "complete", "decline", "hand_over", "letter", "remind"):
        answer = client.post(
            reverse("interview_do", args=[interview.pk]), {"deed": deed, "code": "main", "answer": "x"}
        )
        assert answer.status_code == 403
    interview.refresh_from_db()
    assert (interview.answers, interview.declined_at, interview.mode) == ({}, None, "staff")


def test_what_is_not_there_is_not_found(client: Client, dana: User) -> None:
    for name in ("interview", "interview_start", "person_interviews"):
        assert client.get(reverse(name, args=[987_654])).status_code == 404
    interview = begun(dana)
    assert client.post(reverse("interview_do", args=[interview.pk]), {"deed": "sing"}).status_code == 404


def test_looking_changes_nothing(client: Client, dana: User) -> None:
    end = left(dana)
    text(client.get(reverse("interview_start", args=[end.pk])))
    text(client.get(reverse("interviews")))
    assert not ExitInterview.objects.exists()


def test_it_begins_together_or_by_link(client: Client, dana: User) -> None:
    end = left(dana)
    start = reverse("interview_start", args=[end.pk])
    page = text(client.get(start))
    assert "Gym or studio" in page
    assert "Nothing here changes it" in page
    answer = client.post(start, {"mode": "public", "script": "gym"}, follow=True)
    assert "/p/interview/" in text(answer)
    interview = ExitInterview.objects.get()
    assert (interview.mode, interview.script, interview.by) == ("public", "gym", dana)
    assert client.get(start).status_code == 302


def test_our_own_end_offers_the_listening_slot_only(client: Client, dana: User) -> None:
    end = left(dana, kind=BreakupKind.STRATEGY)
    page = text(client.get(reverse("interview_start", args=[end.pk])))

    assert "owes us an explanation" in page
    assert "Gym or studio" not in page


def test_one_question_after_another_beside_the_record(client: Client, dana: User) -> None:
    interview = begun(dana)
    do(client, interview, "answer", code="may_we", answer="yes")
    do(client, interview, "answer", code="main", answer="I kept <waiting>.")
    page = do(client, interview, "answer", code="reason", answer="service")

    assert "I kept &lt;waiting&gt;." in page
    assert "Slow or rude service" in page
    assert "Did anything else weigh in?" in page
    assert "Nothing here changes it" in page


def test_an_answer_that_is_none_is_said_and_the_question_stays(client: Client, dana: User) -> None:
    interview = begun(dana)
    page = do(client, interview, "answer", code="doubt", year="2999")

    assert "has not come yet" in page
    assert "first thought of leaving" in page
    interview.refresh_from_db()
    assert interview.answers == {}


def test_nothing_given_is_left_out(client: Client, dana: User) -> None:
    interview = begun(dana)
    for code in ("may_we", "main", "doubt", "keep"):
        do(client, interview, "answer", code=code)
    interview.refresh_from_db()

    assert all(kept["skipped"] for kept in interview.answers.values())
    assert len(interview.answers) == 4


def test_the_end_shows_what_follows_and_the_letter(client: Client, dana: User) -> None:
    interview = begun(dana)
    do(client, interview, "answer", code="owed", answer="the deposit")
    do(client, interview, "answer", code="keep", road_email="yes", topic=["days"], road_sms="no", often="once_a_year")
    page = do(client, interview, "complete")

    assert "the deposit" in page
    assert "Dear Ben Okafor," in page
    assert "text message" in page
    assert "about once a year" in page
    kept = do(client, interview, "letter", letter="Dear Ben, thank you.")
    assert "Dear Ben, thank you." in kept
    assert "is not filled in" in do(client, interview, "letter", letter="Dear {name}")
    interview.refresh_from_db()
    assert interview.letter == "Dear Ben, thank you."


def test_declined_says_so_and_nobody_asks_again(client: Client, dana: User) -> None:
    interview = begun(dana)
    assert "would rather not" in do(client, interview, "decline")
    assert "Nobody asks again" in do(client, interview, "answer", code="main", answer="x")


def test_what_is_said_about_somebody_is_hidden_from_them(client: Client, dana: User) -> None:
    interview = begun(dana, script="agency")
    interviews.answer(interview, code="people", value="cold as ice")
    interviews.complete(interview)
    page = reverse("interview", args=[interview.pk])
    assert "cold as" not in text(client.get(page))
    client.force_login(staff(Role.MANAGER))
    assert "cold as ice" in text(client.get(page))


def test_the_list_has_what_runs_and_what_is_over(client: Client, dana: User) -> None:
    begun(dana)
    interviews.decline(begun(dana, name="Ada Palmer"))
    running, over = (text(client.get(reverse("interviews"), asked)) for asked in ({}, {"show": "over"}))

    assert "Ben Okafor" in running
    assert "Ada Palmer" not in running
    assert "Ada Palmer" in over
    assert text(client.get(reverse("interviews"), {"before": "x"}))


def test_a_reminder_is_shown_with_its_words_and_written_down_once(
    client: Client, dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    interview = begun(dana, mode=InterviewMode.PUBLIC, ago=-20)
    consents(interview.breakup.relationship, purpose=TouchClass.RESEARCH, obtained=timezone.now() - timedelta(days=9))
    ExitInterview.objects.update(begun_at=timezone.now() - timedelta(days=4))
    # Whatever the hour is here; the rules themselves are asked in the tests of the workflow.
    monkeypatch.setattr(interview_reminders, "roads_to", lambda ids, at: [Channel.EMAIL for _ in ids])
    monkeypatch.setattr(interview_reminders, "asked_of", lambda *_, **__: Answer(True, Rule.ALLOWED, None, ""))

    assert "I have sent it" in text(client.get(reverse("interviews")))
    page = do(client, interview, "remind", channel="email", here="list")
    assert "nobody does it again" in page
    assert "I have sent it" not in page


def test_the_persons_section_offers_the_end_nobody_asked_about(client: Client, dana: User) -> None:
    end = left(dana)
    address = reverse("person_interviews", args=[end.relationship.party_id])
    assert reverse("interview_start", args=[end.pk]) in text(client.get(address))
    part_ = text(client.get(address, headers={"HX-Request": "true"}))
    assert "<html" not in part_
    interviews.begin(end, mode=InterviewMode.STAFF, by=dana)
    assert "Ask why they leave" not in text(client.get(address))


def test_a_page_of_many_asks_as_little_as_a_page_of_one(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(12):
        begun(dana, name=f"Ben {n}")
    with django_assert_max_num_queries(12):
        client.get(reverse("interviews"))
    interview = ExitInterview.objects.first()
    assert interview is not None
    with django_assert_max_num_queries(16):
        client.get(reverse("interview", args=[interview.pk]))


# Their own link


def test_their_page_needs_no_session_and_leaves_no_trace(them: Client) -> None:
    interview = begun(staff(name="Dana Frey"), mode=InterviewMode.PUBLIC)
    answer = them.get(own(interview))
    page = text(answer)

    assert "May we ask you a few short questions?" in page
    assert "Nothing here changes it" in page
    assert not answer.cookies
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert ExitInterview.objects.get().answers == {}


def test_they_answer_leave_out_go_back_and_send_without_a_cookie(them: Client) -> None:
    interview = begun(staff(name="Dana Frey"), mode=InterviewMode.PUBLIC)
    them.post(own(interview, "may_we"), {"deed": "answer", "answer": "yes"})
    them.post(own(interview, "main"), {"deed": "answer", "answer": "the queue"})
    page = text(them.get(own(interview)))
    assert "Which of these comes closest?" in page
    assert own(interview, "main") in page  # the way back
    assert "the queue" in text(them.get(own(interview, "main")))
    them.post(own(interview, "reason"), {"deed": "skip"})
    other_device = Client()
    assert "first thought of leaving" in text(other_device.get(own(interview)))
    answer = other_device.post(own(interview, "doubt"), {"deed": "stop"}, follow=True)
    page = text(answer)
    assert "You have said enough" in page
    assert "ask for Dana Frey" in page
    assert "stays open" in page
    assert Breakup.objects.get().verbatim == "the queue"


def test_after_the_last_question_they_see_everything_before_they_send_it(them: Client) -> None:
    interview = begun(staff(), mode=InterviewMode.PUBLIC)
    interviews.answer(interview, code="main", value="the queue")
    while (question := interviews.next_question(interview)) is not None:
        interview = interviews.skip(interview, code=question.code)
    page = text(them.get(own(interview)))
    assert "That was the last question" in page
    assert "the queue" in page
    them.post(own(interview), {"deed": "stop"})
    interview.refresh_from_db()
    assert interview.completed_at is not None


def test_an_answer_that_is_none_is_said_in_their_words(them: Client) -> None:
    interview = begun(staff(), mode=InterviewMode.PUBLIC)
    page = text(them.post(own(interview, "keep"), {"road_email": "yes"}), status=400)

    assert "Choose at least one subject" in page
    assert "May we keep in touch?" in page


def test_please_do_not_write_counts_before_the_answer_is_sent(them: Client) -> None:
    interview = begun(staff(), mode=InterviewMode.PUBLIC)
    consents(interview.breakup.relationship)
    assert them.post(own(interview, "keep"), {"not_at_all": "yes"}).status_code == 302

    assert not Consent.objects.filter(withdrawn_at=None).exists()


def test_declining_is_quite_all_right(them: Client) -> None:
    interview = begun(staff(), mode=InterviewMode.PUBLIC)
    page = text(them.post(own(interview, "may_we"), {"answer": "no"}, follow=True))

    assert "quite all right" in page
    assert "quite all right" in text(them.post(own(interview, "main"), {"answer": "x"}, follow=True))
    assert Promise.objects.count() == 0


def test_an_end_taken_back_has_nothing_to_ask(them: Client) -> None:
    by = staff()
    interview = begun(by, mode=InterviewMode.PUBLIC, ago=-9)
    part.withdraw_notice(interview.breakup, by=by, reason="they stay")

    assert "nothing to ask" in text(them.get(own(interview)))
    assert "nothing to ask" in text(them.post(own(interview, "main"), {"answer": "x"}, follow=True))


def test_every_wrong_link_has_one_answer(them: Client) -> None:
    interview = begun(staff(), mode=InterviewMode.PUBLIC)
    party = interview.breakup.relationship.party
    good = interviews.link_token(interview)
    wrong = [good[:-1] + ("x" if good[-1] != "x" else "y"), "nonsense",
             links.make(links.LinkPurpose.DOOR, party),
             links.make(links.LinkPurpose.INTERVIEW, party, about="987654"),
             links.make(links.LinkPurpose.INTERVIEW, party)]  # fmt: skip
    pages = set()
    for token in wrong:
        for answer in (
            them.get(reverse("interview_public", args=[token])),
            them.post(reverse("interview_public_question", args=[token, "main"]), {"answer": "x"}),
        ):
            pages.add(re.sub(r"nonce-\S+|csrf\S+", "", text(answer, status=404)))
            assert "no-store" in answer.headers["Cache-Control"]
    assert len(pages) == 1
    links.end_all(party, by=None)
    assert them.get(reverse("interview_public", args=[good])).status_code == 404


def test_a_member_of_staff_is_named_only_by_their_name(them: Client) -> None:
    by = staff(name="")
    interview = begun(by, mode=InterviewMode.PUBLIC)
    Tie.objects.create(party=interview.breakup.relationship.party, staff=by)
    interviews.answer(interview, code="main", value="x")
    interviews.complete(interview)

    assert "example.org" not in text(them.get(own(interview)))
