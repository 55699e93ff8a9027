"""Three questions after the quiet: asked late enough, kept one by one, heard like a reply, and counted apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from people_cast import brand, consents, ended, person, staff, suppressed

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import (
    Breakup,
    Consent,
    ExitInterview,
    Feedback,
    Relationship,
    Resurfacing,
    Task,
    ThreeQuestions,
)
from rekindle.relationships.scripts import scripts
from rekindle.relationships.scripts import three_questions as script_of_three
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Channel,
    Commercial,
    Contact,
    Initiator,
    Stage,
    Suggestion,
    Terms,
    TouchClass,
)
from rekindle.workflows import interviews, links, three_questions, three_questions_link
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.words.facts import facts_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

LEFT = date(2026, 1, 5)
OVER = datetime(2026, 4, 5, tzinfo=UTC)
"""The instant at which ninety days of quiet are over."""
NOW = datetime(2026, 4, 7, 10, 0, tzinfo=UTC)


@pytest.fixture
def dana() -> User:
    return staff()


def gone(by: User | None = None, **told: Any) -> Breakup:
    brand(time_zone="UTC")
    relationship = person("Ben Okafor", stage=Stage.BREAKUP, commercial=Commercial.ENDED, email="ben@example.org",
                          owner=by, given_name="Ben")  # fmt: skip
    return ended(relationship, on=LEFT, **told)


def words(end: Breakup, text: str, *, at: datetime = NOW) -> ThreeQuestions:
    return three_questions.answer(end, code="better", value=text, at=at)


def again(relationship: Relationship) -> Relationship:
    return Relationship.objects.get(pk=relationship.pk)


def test_there_are_three_of_them_and_no_more() -> None:
    script = script_of_three()

    assert [one.code for one in script.questions] == ["better", "parted", "keep"]
    assert script.minutes <= 2
    assert not any(choice.reason for one in script.questions for choice in one.choices)


def test_they_are_no_exit_interview() -> None:
    assert "three_questions" not in scripts()


@pytest.mark.parametrize(("at", "is_open"), [(OVER - timedelta(microseconds=1), False), (OVER, True)])
def test_nobody_is_asked_before_the_quiet_is_over(at: datetime, is_open: bool) -> None:
    end = gone()

    assert (three_questions_link.open_for(end.relationship, at=at) == end) is is_open


def test_an_end_of_ours_is_not_asked_about() -> None:
    end = gone(initiator=Initiator.COMPANY.value)

    assert three_questions_link.open_for(end.relationship, at=NOW) is None


def test_an_end_taken_back_is_not_asked_about() -> None:
    end = gone(withdrawn_at=NOW)

    assert three_questions_link.open_for(end.relationship, at=NOW) is None


def test_who_would_rather_not_be_asked_is_not_asked_again(dana: User) -> None:
    end = gone(dana)
    ExitInterview.objects.create(breakup=end, script="core", script_version="1", mode="public", declined_at=NOW)

    assert three_questions_link.open_for(end.relationship, at=NOW) is None


def test_the_letter_leads_to_the_three_questions_once_the_quiet_is_over_and_to_a_waiting_interview_before(
    dana: User,
) -> None:
    end = gone(dana)
    interview = ExitInterview.objects.create(breakup=end, script="core", script_version="1", mode="public")

    after = facts_of(end.relationship.party, at=NOW, by=dana, wanted={"questions"})
    before = facts_of(end.relationship.party, at=OVER - timedelta(days=1), by=dana, wanted={"questions"})

    assert after.facts["questions"].endswith(f"/p/questions/{three_questions_link.link_token(end)}/")
    assert after.sources["questions"] == f"end {end.pk}"
    assert before.facts["questions"].endswith(f"/p/interview/{interviews.link_token(interview)}/")


def test_writing_the_letter_leaves_no_row(dana: User) -> None:
    end = gone(dana)

    facts_of(end.relationship.party, at=NOW, by=dana, wanted={"questions"})

    assert not ThreeQuestions.objects.exists()


def test_the_link_opens_that_end_only() -> None:
    end = gone()

    assert three_questions.by_link(three_questions_link.link_token(end)) == end
    for token in (
        "x",
        links.make(LinkPurpose.DOOR, end.relationship.party, about=str(end.pk)),
        links.make(LinkPurpose.THREE_QUESTIONS, person("Cleo").party, about=str(end.pk)),
        links.make(LinkPurpose.THREE_QUESTIONS, end.relationship.party, about="9" * 18),
        links.make(LinkPurpose.THREE_QUESTIONS, end.relationship.party),
    ):
        with pytest.raises(NotFound, match="not valid any more"):
            three_questions.by_link(token)


def test_one_answer_is_kept_though_nothing_else_is_said() -> None:
    end = gone()

    words(end, "Nobody answered my mails.")

    told = ThreeQuestions.objects.get()
    assert told.answers["better"]["value"] == "Nobody answered my mails."
    assert told.last_answer_at == told.begun_at == NOW
    assert next_code(told) == "parted"


def next_code(told: ThreeQuestions | None) -> str:
    question = three_questions.next_question(told)
    return question.code if question else ""


def test_each_may_be_left_out_and_that_is_no_reply(dana: User) -> None:
    end = gone(dana)

    for code in ("better", "parted", "keep"):
        told = three_questions.skip(end, code=code, at=NOW)

    assert next_code(told) == ""
    assert told.last_answer_at is None
    assert not Task.objects.exists()
    assert three_questions.of_relationship(end.relationship) == []


def test_leaving_out_what_was_answered_takes_nothing_back() -> None:
    end = gone()
    words(end, "Too loud.")

    told = three_questions.skip(end, code="better")

    assert told.answers["better"]["value"] == "Too loud."


def test_words_stand_with_the_end_and_among_the_marks() -> None:
    end = gone(verbatim="It was time.")

    words(end, "Too loud.")

    end.refresh_from_db()
    assert end.verbatim == "It was time.\nToo loud."
    mark = Feedback.objects.get()
    assert (mark.kind, mark.words, mark.closed_at) == ("open", "Too loud.", None)
    assert end.reasons == []


def test_other_words_stand_in_the_place_of_the_first() -> None:
    end = gone(verbatim="It was time.")
    words(end, "Too loud.")

    words(end, "Too loud, and too full.")

    end.refresh_from_db()
    assert end.verbatim == "It was time.\nToo loud, and too full."
    assert [mark.words for mark in Feedback.objects.all()] == ["Too loud, and too full."]


def test_words_that_were_answered_stay_and_new_ones_wait_anew(dana: User) -> None:
    end = gone(dana)
    words(end, "Too loud.")
    Feedback.objects.update(closed_at=NOW, closed_by=dana, answer="We moved the speakers.")

    words(end, "Still too loud.")

    assert [(mark.words, bool(mark.closed_at)) for mark in Feedback.objects.order_by("pk")] == [
        ("Too loud.", True), ("Still too loud.", False),
    ]  # fmt: skip


def test_the_same_answer_twice_changes_nothing() -> None:
    end = gone()
    first = words(end, "Too loud.")
    entries = AuditEntry.objects.count()

    second = words(end, "Too loud.", at=NOW + timedelta(hours=1))

    assert second.last_answer_at == first.last_answer_at == NOW
    assert AuditEntry.objects.count() == entries


def test_an_answer_rings_whoever_looks_after_them(dana: User) -> None:
    end = gone(dana)

    words(end, "Too loud.")

    task = Task.objects.get()
    assert (task.owner, task.suggestion) == (dana, Suggestion.ANSWER.value)
    assert task.why_now == ["Answered our questions and may wait for an answer."]


def test_a_bad_parting_rings_too_and_counts_where_nobody_had_judged(dana: User) -> None:
    end = gone(dana)

    three_questions.answer(end, code="parted", value="badly", at=NOW)

    assert again(end.relationship).terms == Terms.SORE.value
    assert ThreeQuestions.objects.get().parted == "badly"
    assert Task.objects.get().why_now == ["Says that we did not part well: listen first."]


def test_a_good_parting_asks_for_nothing(dana: User) -> None:
    end = gone(dana)
    terms = again(end.relationship).terms

    three_questions.answer(end, code="parted", value="well", at=NOW)

    assert again(end.relationship).terms == terms
    assert not Task.objects.exists()


def test_a_wish_to_come_back_is_heard() -> None:
    end = gone()

    words(end, "I miss it, honestly. I would like to come back.")

    sign = Resurfacing.objects.get()
    assert (sign.party, sign.via, sign.matched_by) == (end.relationship.party, "questions", "words")


def test_a_yes_is_in_force_at_once_with_the_words_that_were_shown() -> None:
    end = gone()

    three_questions.answer(end, code="keep", at=NOW,
                           value={"channels": {"email": "yes"}, "topics": ["reading"], "often": "year"})  # fmt: skip

    row = Consent.objects.get(party=end.relationship.party)
    assert (row.channel, row.purpose, row.withdrawn_at) == (Channel.EMAIL.value, TouchClass.CONTENT.value, None)
    assert "May we stay in touch, and about what?" in row.proof
    party = again(end.relationship).party
    assert party.extra["rekindle_how_often"] == "year"


def test_a_no_closes_that_road_for_all_that_starts_with_us() -> None:
    end = gone()
    consents(end.relationship)

    three_questions.answer(end, code="keep", value={"channels": {"email": "no"}}, at=NOW)

    rows = Consent.objects.filter(party=end.relationship.party, channel=Channel.EMAIL.value)
    assert rows.filter(withdrawn_at=None).count() == 0
    assert rows.count() == 5


def test_a_day_to_wait_for_is_kept() -> None:
    end = gone()
    day = datetime.now(UTC).date() + timedelta(days=60)

    three_questions.answer(end, code="keep", value={"not_before": day.isoformat()})

    assert again(end.relationship).party.extra["rekindle_not_before"].startswith(day.isoformat())


def test_who_asked_never_to_be_contacted_is_heard_and_not_answered(dana: User) -> None:
    end = gone(dana)
    suppressed("ben@example.org")

    words(end, "Too loud.")
    three_questions.answer(end, code="keep", value={"channels": {"email": "yes"}, "topics": ["reading"]}, at=NOW)

    assert Feedback.objects.get().words == "Too loud."
    assert not Task.objects.exists()
    assert not Consent.objects.filter(withdrawn_at=None).exists()


def test_where_the_house_closed_it_for_good_words_are_kept_and_nothing_opens(dana: User) -> None:
    end = gone(dana, kind=BreakupKind.DISSATISFIED.value)
    Relationship.objects.filter(pk=end.relationship_id).update(contact=Contact.SILENT.value)

    words(end, "Too loud.")

    assert Feedback.objects.get().words == "Too loud."
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("code", "value"),
    [("better", " "), ("better", "x" * 2_001), ("parted", "soso"), ("keep", {"channels": {"sms": "yes"}}),
     ("keep", {"often": "daily"}), ("reason", "price")],
)  # fmt: skip
def test_what_is_no_answer_is_refused_and_leaves_no_row(code: str, value: Any) -> None:
    end = gone()

    with pytest.raises(BadInput):
        three_questions.answer(end, code=code, value=value, at=NOW)

    assert not ThreeQuestions.objects.exists()


def test_an_end_taken_back_meanwhile_takes_no_answer() -> None:
    end = gone()
    Breakup.objects.update(withdrawn_at=NOW)

    with pytest.raises(Conflict, match="taken back"):
        words(end, "Too loud.")


def test_the_trail_knows_that_they_answered_and_not_what() -> None:
    words(gone(), "Nobody answered my mails.")

    entry = AuditEntry.objects.get(verb="three_questions.answered")
    assert entry.details["question"] == "better"
    assert "mails" not in str([one.details for one in AuditEntry.objects.all()])


def test_answers_are_counted_apart_by_how_we_parted() -> None:
    for code in ("well", "badly", "well"):
        three_questions.answer(gone(), code="parted", value=code, at=NOW)
    words(gone(), "Too loud.")
    three_questions.skip(gone(), code="parted", at=NOW)

    told = three_questions.told_together(at=NOW + timedelta(days=1))

    assert told.people == 4
    assert told.parted == (("well", 2), ("badly", 1))
    assert three_questions.told_together(at=NOW + timedelta(days=366)).people == 0
    assert not ExitInterview.objects.exists()


def test_pages_go_by_number_and_leave_nobody_out() -> None:
    rows = [words(gone(), f"No. {n}") for n in range(5)]

    first = three_questions.page(before=None, limit=3)
    rest = three_questions.page(before=first[-1].pk, limit=3)

    assert [row.pk for row in (*first, *rest)] == [row.pk for row in reversed(rows)]
