"""Refusals kept: of who is about to reach out, of a "done" against a rule; once for two clicks, never by asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import NOW, TODAY, cast, consents, ended, person, staff, suppressed, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide.eligibility import Rule
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal import refusal_queries
from rekindle.journal.models import AuditEntry, Decision, Refusal
from rekindle.journal.refusal_queries import Place, Wanted
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, Stage, TaskState, TouchClass
from rekindle.workflows import refusals, tasks
from rekindle.workflows.why_not import why_not

pytestmark = pytest.mark.django_db

MAIL = {"touch_class": TouchClass.RELATIONSHIP, "channel": Channel.EMAIL}


@pytest.fixture
def dana() -> User:
    return staff()


def test_a_no_is_kept_with_the_rule_and_the_day_it_changes(dana: User) -> None:
    ben = cast().ben
    answer = refusals.ask(ben.party, **MAIL, asked_by="letter", actor=dana, at=NOW)
    row = Refusal.objects.get()
    assert answer == why_not(ben.party, **MAIL, at=NOW)
    assert (row.party, row.rule, row.asked_by, row.actor) == (ben.party, answer.rule.value, "letter", dana)
    assert (row.touch_class, row.channel, row.changes_at) == ("relationship", "email", answer.until)
    entry = AuditEntry.objects.get(verb="touch.refused")
    assert (entry.actor, entry.subject, entry.details["rule"]) == (dana, f"party:{ben.party_id}", row.rule)


def test_a_yes_and_a_mere_question_leave_nothing(dana: User) -> None:
    four = cast()
    assert refusals.ask(four.cleo.party, **MAIL, asked_by="letter", actor=dana, at=NOW).allowed
    why_not(four.dov.party, **MAIL, at=NOW)
    assert not Refusal.objects.exists()


def test_a_second_click_is_no_second_attempt_and_a_later_one_is(dana: User) -> None:
    party = cast().dov.party
    for _ in range(3):
        refusals.ask(party, **MAIL, asked_by="task", actor=dana)
    refusals.ask(party, **MAIL, asked_by="api", actor=dana)
    assert Refusal.objects.count() == AuditEntry.objects.count() == 2
    Refusal.objects.update(at=timezone.now() - timedelta(hours=1, seconds=1))
    refusals.ask(party, **MAIL, asked_by="task", actor=dana)
    assert Refusal.objects.count() == 3


def test_only_a_no_of_somebody_is_kept(dana: User) -> None:
    party = cast().dov.party
    with pytest.raises(BadInput):
        refusals.keep(party, **MAIL, rule=Rule.ALLOWED, changes_at=None, asked_by="task", actor=dana)
    for asker in ("", "x" * 41):
        with pytest.raises(BadInput):
            refusals.keep(party, **MAIL, rule=Rule.OBJECTED, changes_at=None, asked_by=asker, actor=dana)
    assert not Refusal.objects.exists()


def suggested(**fields: Any) -> Task:
    relationship = person("Gone", email="gone@example.org", phone="+447700900009")
    suppressed("gone@example.org")
    return task(relationship, **fields)


def test_who_is_about_to_do_it_asks_and_the_no_stays(dana: User) -> None:
    one = suggested()
    answer = tasks.begin(one.pk, by=dana)
    assert (answer.allowed, answer.rule) == (False, Rule.SUPPRESSED)
    assert Refusal.objects.get().asked_by == "task"
    one.refresh_from_db()
    assert one.state == TaskState.OPEN.value


def test_in_person_to_somebody_we_serve_may_begin(dana: User) -> None:
    one = task(person(), channel=Channel.IN_PERSON.value)
    assert tasks.begin(one.pk, by=dana).allowed
    assert not Refusal.objects.exists()


def test_nobody_begins_what_is_over_unknown_or_not_theirs_to_do(dana: User) -> None:
    one = suggested(state=TaskState.WITHDRAWN.value)
    with pytest.raises(Conflict):
        tasks.begin(one.pk, by=dana)
    with pytest.raises(NotFound):
        tasks.begin(999_999, by=dana)
    with pytest.raises(Refused):
        tasks.begin(suggested_again().pk, by=staff(Role.ANALYST))
    assert not Refusal.objects.exists()


def suggested_again() -> Task:
    return task(person("Other"))


def test_what_was_done_against_a_rule_stands_and_is_told(dana: User) -> None:
    one = tasks.answer(suggested().pk, state=TaskState.DONE, by=dana)
    row, entry = Refusal.objects.get(), AuditEntry.objects.get(verb="task.answered")
    assert one.state == TaskState.DONE.value
    assert (row.rule, row.asked_by, row.actor) == ("suppressed", "task done", dana)
    assert entry.details["against"] == "suppressed"


def test_putting_it_off_asks_nobody(dana: User) -> None:
    tasks.answer(suggested().pk, state=TaskState.LATER, by=dana, later_days=3)
    assert not Refusal.objects.exists()
    assert "against" not in AuditEntry.objects.get(verb="task.answered").details


def test_what_was_done_by_a_right_road_is_not_told_against(dana: User) -> None:
    tasks.answer(task(person(), channel=Channel.IN_PERSON.value).pk, state=TaskState.DONE, by=dana)
    assert "against" not in AuditEntry.objects.get(verb="task.answered").details


# The page of all of them


def wish(relationship: Any, *, days: int, rule: str = "no_basis", wanted: str = "check_in") -> Decision:
    return Decision.objects.create(
        relationship=relationship, as_of=TODAY - timedelta(days), night=1, suggestion="nothing", reason="sleeping_well",
        rank=1, wanted=wanted, refusal=rule,
    )  # fmt: skip


def tried(relationship: Any, *, days: int, rule: str = "suppressed", **fields: Any) -> Refusal:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC) - timedelta(days)
    words = {"touch_class": "service", "channel": "call", "rule": rule, "asked_by": "task"}
    return Refusal.objects.create(party=relationship.party, at=at, **{**words, **fields})


def test_both_sources_make_one_list_by_day_and_pages_lose_and_repeat_nothing() -> None:
    people = [person(f"P{n}") for n in range(3)]
    for days in range(9, -1, -1):
        for one in people:
            wish(one, days=days)
        tried(people[0], days=days)
    wish(people[0], days=-1, rule="")
    seen, place = [], None
    while True:
        stretch = refusal_queries.page(Wanted(), limit=7, after=place)
        seen += stretch.rows
        place = stretch.next
        if place is None:
            break
    assert len(seen) == 40
    assert len({(row.party, row.on, row.is_wish) for row in seen}) == 40
    assert [row.on for row in seen] == sorted((row.on for row in seen), reverse=True)
    assert not seen[0].is_wish, "on one day, what was tried stands before what was wished"


def test_the_list_is_narrowed_by_rule_person_purpose_and_road() -> None:
    ana, ben = person("Ana"), person("Ben")
    tried(ana, days=0)
    tried(ben, days=0, rule="objected", touch_class="promotional", channel="email")
    wish(ana, days=1)
    wish(ben, days=1, wanted="thank_you", rule="suppressed")

    def names(**wanted: Any) -> list[tuple[str, bool]]:
        return [(row.person, row.is_wish) for row, _ in refusals.listed(Wanted(**wanted), limit=9)[0]]

    assert names(rule="suppressed") == [("Ana", False), ("Ben", True)]
    assert names(party=ben.party_id) == [("Ben", False), ("Ben", True)]
    assert names(touch_class=TouchClass.SERVICE) == [("Ana", False), ("Ana", True)]
    assert names(channel=Channel.EMAIL) == [("Ben", False)]
    assert names(rule="holdout") == []
    assert refusal_queries.page(Wanted(), limit=9, after=Place(0, 0)).rows == ()


def test_each_reads_as_a_sentence_and_a_rule_of_long_ago_by_its_name() -> None:
    wish(person("Ana"), days=0)
    tried(person("Ben"), days=0, rule="a_rule_of_long_ago")
    rows, following = refusals.listed(Wanted(), limit=9)
    assert [text for _, text in rows] == [
        "a rule of long ago",
        "There is no valid ground for a service touch.",
    ]
    assert (rows[1][0].touch_class, following) == (TouchClass.SERVICE, None)


def test_people_without_a_name_stand_under_their_number(django_assert_num_queries: Any) -> None:
    tried(person("", number="00017"), days=0)
    tried(person(""), days=0)
    with django_assert_num_queries(4):
        rows = refusal_queries.page(Wanted(), limit=9).rows
    assert [row.person for row in rows] == [f"number {rows[0].party}", "customer 00017"]


def test_a_rule_met_in_the_quiet_tells_the_day(dana: User) -> None:
    relationship = person(
        "Ben", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET, email="b@example.org"
    )
    consents(relationship, obtained=timezone.now() - timedelta(9))
    end = ended(relationship, on=timezone.now().date() - timedelta(5))
    refusals.ask(relationship.party, **MAIL, asked_by="letter", actor=dana)
    assert refusal_queries.page(Wanted(), limit=1).rows[0].changes_at == end.quiet_until
