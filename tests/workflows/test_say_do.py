"""What the rules promise beside what the log proves: each line's case that keeps, the one that breaks, the border."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from people_cast import NOW, consents, ended, person, staff, task

from rekindle.accounts.models import User
from rekindle.journal.models import Inbound, Message, MessageAttempt, Playbook
from rekindle.relationships.models import CoolingOff, ExitInterview, Note, Promise, Relationship
from rekindle.relationships.vocabulary import Commercial, TaskState, TouchClass
from rekindle.workflows.say_do import audit_of

pytestmark = pytest.mark.django_db
MONTH = date(2026, 2, 1)
MID = datetime(2026, 2, 10, 12, tzinfo=NOW.tzinfo)
_numbers = count(1)


def line(code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in audit_of(MONTH, at=NOW)["lines"] if one["code"] == code)
    return found


def shown(code: str) -> tuple[int, int]:
    found = line(code)
    return found["kept"], found["of"]


def sent(
    relationship: Relationship, *, at: datetime = MID, touch: TouchClass = TouchClass.RELATIONSHIP,
    actor: User | None = None, made_by: str = "x",
) -> None:  # fmt: skip
    n = next(_numbers)
    message = Message.objects.create(
        key=str(n), party=relationship.party, channel="email", touch_class=touch.value, message_id=f"<{n}@x>",
        made_by=made_by, expires_at=NOW, state="accepted", handed_at=at, final_at=at, actor=actor,
    )  # fmt: skip
    MessageAttempt.objects.create(message=message, epoch=1, phase="accepted", at=at)


def quiet(name: str = "Ben") -> Relationship:
    ben = person(name, commercial=Commercial.ENDED)
    end = ended(ben, on=date(2026, 1, 20))
    CoolingOff.objects.create(
        relationship=ben, breakup=end, begins_at=MID - timedelta(days=20), ends_at=MID + timedelta(days=70), basis="x"
    )
    return ben


def reply(relationship: Relationship, *, at: datetime = MID) -> None:
    Inbound.objects.create(
        source="imap", number=str(next(_numbers)), kind="reply", party=relationship.party, occurred_at=at
    )


def test_what_never_fell_due_is_not_known() -> None:
    for found in audit_of(MONTH, at=NOW)["lines"]:
        assert (found["share"], found["low"], found["of"]) == (None, None, 0)
        assert found["unknown"] in {"none_due", "plan_off"}


def test_a_card_into_the_quiet_is_a_broken_word_with_a_name() -> None:
    ben, _cleo = quiet(), quiet("Cleo")
    sent(ben)
    found = line("quiet")
    assert (found["kept"], found["of"], found["share"]) == (1, 2, 0.5)
    assert found["worst"] == [[ben.party_id, "Ben", None]]
    assert found["low"] < 0.5 < found["high"]


@pytest.mark.parametrize("touch", [TouchClass.LEGAL, TouchClass.TRANSACTIONAL, TouchClass.SERVICE])
def test_what_is_owed_may_reach_them_in_the_quiet(touch: TouchClass) -> None:
    sent(quiet(), touch=touch)
    assert shown("quiet") == (1, 1)


@pytest.mark.parametrize(("days", "kept"), [(13, 1), (15, 0)])
def test_who_wrote_may_be_answered_for_fourteen_days(days: int, kept: int) -> None:
    ben = quiet()
    reply(ben, at=MID - timedelta(days=days))
    sent(ben)
    assert shown("quiet") == (kept, 1)


def told_end(name: str) -> Relationship:
    one = person(name)
    ended(one, on=MID.date(), recorded_at=MID)
    return one


@pytest.mark.parametrize(("days", "kept"), [(1, 1), (3, 1), (4, 0)])
def test_the_letter_of_thanks_is_on_its_way_in_time(days: int, kept: int) -> None:
    Playbook.objects.create(code="thank_you_letter", state="on")
    sent(told_end("Ben"), at=MID + timedelta(days=days), made_by="playbook:thank_you_letter:1")
    assert shown("letter") == (kept, 1)


def test_a_letter_whose_plan_is_off_is_not_known() -> None:
    told_end("Ben")
    assert line("letter")["unknown"] == "plan_off"


def test_whoever_leaves_is_asked_once() -> None:
    asked, forgotten = told_end("Asked"), told_end("Forgotten")
    ExitInterview.objects.create(breakup=asked.breakups.get(), script="gym", script_version="1", mode="public")
    found = line("interview")
    assert (found["kept"], found["of"], found["worst"]) == (1, 2, [[forgotten.party_id, "Forgotten", None]])


@pytest.mark.parametrize(
    ("state", "answered", "kept", "of"),
    [("kept", 0, 1, 1), ("kept", 1, 0, 1), ("broken", 0, 0, 1), ("open", None, 0, 1), ("released", 0, 0, 0)],
)
def test_a_promise_is_kept_by_its_day_or_not(state: str, answered: int | None, kept: int, of: int) -> None:
    Promise.objects.create(
        relationship=person(), text="x", made_by=staff(), due_on=MID.date(), state=state,
        answered_at=None if answered is None else MID + timedelta(days=answered),
    )  # fmt: skip
    assert shown("promises") == (kept, of)


@pytest.mark.parametrize(("hours", "kept"), [(47, 1), (49, 0), (None, 0)])
def test_a_word_of_theirs_has_a_humans_word_within_two_days(hours: int | None, kept: int) -> None:
    ana = person()
    reply(ana)
    sent(ana, at=MID + timedelta(hours=1))
    if hours is not None:
        Note.objects.create(relationship=ana, text="x", by=staff(), at=MID + timedelta(hours=hours))
    assert shown("replies") == (kept, 1)


@pytest.mark.parametrize(("minutes", "kept"), [(-1, 1), (1, 0)])
def test_a_no_holds_from_its_instant(minutes: int, kept: int) -> None:
    ana = person()
    consents(ana, withdrawn_at=MID)
    sent(ana, at=MID + timedelta(minutes=minutes))
    assert shown("unsubscribed") == (kept, 1)


@pytest.mark.parametrize(
    ("commercial", "touches", "kept"),
    [(Commercial.LIVE, 6, 1), (Commercial.LIVE, 7, 0), (Commercial.ENDED, 1, 1), (Commercial.ENDED, 2, 0)],
)
def test_nobody_hears_from_us_more_than_the_rules_allow(commercial: Commercial, touches: int, kept: int) -> None:
    ana = person(commercial=commercial)
    for _ in range(touches):
        sent(ana)
    found = line("caps")
    assert (found["kept"], found["of"]) == (kept, 1)
    assert found["worst"] == ([] if kept else [[ana.party_id, "Ana Weber", touches]])


@pytest.mark.parametrize(
    "at", [datetime(2026, 1, 31, 23, 59, tzinfo=NOW.tzinfo), datetime(2026, 3, 1, tzinfo=NOW.tzinfo)]
)
def test_another_month_is_not_counted(at: datetime) -> None:
    sent(person(), at=at)
    assert shown("caps") == (0, 0)


def test_the_share_of_touches_that_ask_for_nothing_is_told_by_stage() -> None:
    ana = person()
    sent(ana)
    sent(ana, touch=TouchClass.PROMOTIONAL)
    task(ana, state=TaskState.DONE.value, answered_at=MID, answered_by=staff())
    assert audit_of(MONTH, at=NOW)["stages"] == [{"stage": "ongoing", "n": 2, "of": 3}]


def test_too_few_people_make_no_ratio() -> None:
    money = audit_of(MONTH, at=NOW)["money"]
    assert (money["ratio"], money["unknown"]) == (None, "few")
