"""Answers about us: on their scale, and a bad one waits for a human."""

from __future__ import annotations

import pytest
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Feedback
from rekindle.relationships.vocabulary import FeedbackKind
from rekindle.workflows import feedback

pytestmark = pytest.mark.django_db

BORDERS = [(FeedbackKind.CSAT, 1, 5), (FeedbackKind.NPS, 0, 10), (FeedbackKind.CES, 1, 7)]


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.mark.parametrize(("kind", "low", "high"), BORDERS)
def test_a_scale_holds_both_its_ends_and_nothing_beyond(dana: User, kind: FeedbackKind, low: int, high: int) -> None:
    party = person().party
    for score in (low, high):
        assert feedback.give(party, kind=kind, score=score, by=dana).score == score
    for score in (low - 1, high + 1, None):
        with pytest.raises(BadInput, match=f"from {low} to {high}"):
            feedback.give(party, kind=kind, score=score, by=dana)


def test_words_alone_need_words_and_have_no_figure(dana: User) -> None:
    party = person().party
    assert feedback.give(party, kind=FeedbackKind.OPEN, words="lovely people", by=dana).score is None
    with pytest.raises(BadInput, match="missing"):
        feedback.give(party, kind=FeedbackKind.OPEN, by=dana)
    with pytest.raises(BadInput, match="no figure"):
        feedback.give(party, kind=FeedbackKind.OPEN, words="x", score=3, by=dana)


@pytest.mark.parametrize(
    ("kind", "score", "is_bad"),
    [
        (FeedbackKind.CSAT, 2, True), (FeedbackKind.CSAT, 3, False),
        (FeedbackKind.NPS, 6, True), (FeedbackKind.NPS, 7, False),
        (FeedbackKind.CES, 3, True), (FeedbackKind.CES, 4, False),
    ],
)  # fmt: skip
def test_a_bad_mark_waits_and_any_other_does_not(dana: User, kind: FeedbackKind, score: int, is_bad: bool) -> None:
    given = feedback.give(person().party, kind=kind, score=score, by=dana)
    assert feedback.is_bad(given) is is_bad
    assert owed_queries.unanswered_feedback(whose=None, limit=9) == ([given] if is_bad else [])


def test_angry_words_are_not_judged_by_a_machine(dana: User) -> None:
    given = feedback.give(person().party, kind=FeedbackKind.OPEN, words="never again", by=dana)
    assert not feedback.is_bad(given)
    assert owed_queries.unanswered_feedback(whose=None, limit=9) == []


def test_the_loop_is_closed_by_an_answer_and_the_first_answer_stands(dana: User) -> None:
    given = feedback.give(person().party, kind=FeedbackKind.NPS, score=2, by=dana)
    with pytest.raises(BadInput, match="what was answered"):
        feedback.close(given.pk, answer="", by=dana)
    closed = feedback.close(given.pk, answer="called, sorry", by=dana)
    assert (closed.closed_by, closed.answer) == (dana, "called, sorry")
    assert feedback.close(given.pk, answer="other", by=staff()).answer == "called, sorry"
    assert owed_queries.unanswered_feedback(whose=None, limit=9) == []


def test_mine_are_bad_marks_of_my_people_and_nobodys(dana: User) -> None:
    other = staff(name="Erik Falk")
    parties = [person("Ana", owner=dana).party, person("Bea").party, person("Cy", owner=other).party]
    given = [feedback.give(party, kind=FeedbackKind.CSAT, score=1, by=dana) for party in parties]
    assert owed_queries.unanswered_feedback(whose=dana, limit=9) == given[:2]


def test_a_double_click_is_one_answer_and_the_trail_has_no_words(dana: User) -> None:
    party = person().party
    first = feedback.give(party, kind=FeedbackKind.NPS, score=1, words="secret", by=dana)
    assert feedback.give(party, kind=FeedbackKind.NPS, score=1, words="secret", by=dana) == first
    feedback.close(first.pk, answer="secret", by=dana)
    trail = AuditEntry.objects.order_by("id")
    assert [entry.verb for entry in trail] == ["feedback.given", "feedback.closed"]
    assert "secret" not in str([entry.details for entry in trail])


def test_who_reads_only_gives_and_closes_nothing(dana: User) -> None:
    reader = staff(Role.ANALYST)
    with pytest.raises(Refused):
        feedback.give(person().party, kind=FeedbackKind.NPS, score=9, by=reader)
    with pytest.raises(Refused):
        feedback.close(1, answer="x", by=reader)
    with pytest.raises(NotFound):
        feedback.close(99, answer="x", by=dana)
    assert not Feedback.objects.exists()
