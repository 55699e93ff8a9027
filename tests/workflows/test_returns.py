"""Returns that staff record: who may, from where, what they change, whose doing they are, and how they are undone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from people_cast import ended, person, staff, task

from rekindle import home as home_folder
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, CautionSign, Night
from rekindle.journal.return_alarms import alarmed_among, alarms
from rekindle.observe.history import EVENTS, History
from rekindle.relationships import return_queries
from rekindle.relationships.models import (
    Breakup,
    Consent,
    Episode,
    PartyLink,
    Promise,
    Relationship,
    SafeReturn,
    StageChange,
    Task,
)
from rekindle.relationships.policy import QUIET
from rekindle.relationships.safe_return import ITEMS, WATCH_DAYS
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Commercial,
    Contact,
    ItemState,
    ReturnCredit,
    Stage,
    Suggestion,
    TaskState,
    TouchClass,
    Wound,
)
from rekindle.workflows import contact_facts, endings, part, return_view, returns
from rekindle.workflows.part import Told
from rekindle.workflows.tenure import tenure_of
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def gone(*, days: int = 60, stage: Stage = Stage.COOLING_OFF, contact: Contact = Contact.QUIET, **fields: Any) -> Any:
    """Somebody who left so many days ago, in the quiet."""
    words = {name: fields.pop(name) for name in ("reasons", "kind") if name in fields}
    relationship = person(
        "Ben Okafor", stage=stage, commercial=Commercial.ENDED, contact=contact, since=ago(days), **fields
    )
    Episode.objects.create(
        relationship=relationship, number=1, began_on=ago(days + 400), last_seen_on=ago(days + 3), pulses=40,
        ended_on=ago(days),
    )  # fmt: skip
    ended(relationship, on=ago(days), **words)
    return relationship


def read_since(days: int) -> Night:
    """Nights have read since so many days ago: touches are on record from then."""
    return Night.objects.create(as_of=ago(days), inputs="x", state="done")


def everything() -> list[Any]:
    tables = (Relationship, Episode, StageChange, SafeReturn, Task, Breakup)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_who_is_back_is_live_and_open_even_in_the_quiet(dana: User) -> None:
    ben = gone()
    waiting = task(ben)
    returned = returns.record_return(ben, on=ago(1), by=dana, words="I missed you")
    ben.refresh_from_db()
    assert (ben.stage, ben.commercial, ben.contact, ben.life, ben.stage_since) == (
        "phoenix", "live", "open", 2, ago(1),
    )  # fmt: skip
    life = Episode.objects.get(relationship=ben, number=2)
    assert (life.began_on, life.pulses, life.ended_on) == (ago(1), 0, None)
    step = StageChange.objects.get(relationship=ben, to_stage="phoenix")
    assert (step.rule, step.by) == ("returned", dana)
    waiting.refresh_from_db()
    assert waiting.state == TaskState.WITHDRAWN.value
    assert returned.watch_until == ago(1) + timedelta(days=WATCH_DAYS)
    assert [row["code"] for row in returned.items] == [item.code for item in ITEMS]
    assert endings.standing_end(ben) is None
    entry = AuditEntry.objects.get(verb="return.recorded")
    assert "missed" not in str(entry.details)


def test_the_rules_no_longer_hold_them_in_quiet(dana: User) -> None:
    ben = gone()
    before = contact_facts.facts([ben.party_id], at=timezone.now()).people.to_pylist()[0]
    returns.record_return(ben, on=ago(1), by=dana)
    after = contact_facts.facts([ben.party_id], at=timezone.now()).people.to_pylist()[0]
    assert (before["cooling_off"], before["live"]) == (True, False)
    assert (after["cooling_off"], after["live"]) == (False, True)


def test_the_same_telling_again_changes_nothing(dana: User) -> None:
    ben = gone()
    first = returns.record_return(ben, on=ago(1), by=dana)
    before = everything()
    assert returns.record_return(ben, on=ago(2), by=dana) == first
    assert everything() == before


@pytest.mark.parametrize(
    "stage", [Stage.PRESUMED_BREAKUP, Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS]
)
def test_every_ended_stage_leads_back(dana: User, stage: Stage) -> None:
    ben = gone(stage=stage)
    returns.record_return(ben, on=ago(0), by=dana)
    ben.refresh_from_db()
    assert ben.stage == "phoenix"


def test_a_closed_door_is_opened_by_no_return(dana: User) -> None:
    dov = gone(stage=Stage.CLOSED, contact=Contact.SILENT)
    before = everything()
    with pytest.raises(Refused, match="closed for good"):
        returns.record_return(dov, on=ago(0), by=dana)
    assert everything() == before


@pytest.mark.parametrize("stage", [Stage.ONGOING, Stage.NOTICE, Stage.COURTSHIP, Stage.AT_RISK])
def test_who_has_not_left_cannot_return(dana: User, stage: Stage) -> None:
    ana = person(stage=stage)
    before = everything()
    with pytest.raises(Conflict):
        returns.record_return(ana, on=ago(0), by=dana)
    assert everything() == before


@pytest.mark.parametrize("days", [-1, 60, 61])
def test_a_day_that_cannot_be_is_refused(dana: User, days: int) -> None:
    ben = gone()
    before = everything()
    with pytest.raises(BadInput):
        returns.record_return(ben, on=ago(days), by=dana)
    assert everything() == before


def test_who_reads_only_may_not(dana: User) -> None:
    ben, reader = gone(), staff(Role.ANALYST)
    returned = returns.record_return(ben, on=ago(0), by=dana)
    before = everything()
    for deed in (
        lambda: returns.record_return(gone(), on=ago(0), by=reader),
        lambda: returns.undo(returned, by=reader, reason="no"),
        lambda: returns.answer_item(returned, code="tone", state=ItemState.DONE, by=reader),
        lambda: returns.reopen_item(returned, code="tone", by=reader),
    ):
        with pytest.raises(Refused):
            deed()
    assert everything()[0][:1] == before[0]


def test_the_day_is_theirs(dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Auckland it is the 13th already; in Los Angeles still the 12th."""
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 12, 23, 30, tzinfo=UTC))
    early = gone(time_zone="Pacific/Auckland")
    late = gone(time_zone="America/Los_Angeles")
    assert returns.record_return(early, on=date(2026, 3, 13), by=dana).returned_on == date(2026, 3, 13)
    with pytest.raises(BadInput):
        returns.record_return(late, on=date(2026, 3, 13), by=dana)


def test_a_silence_that_was_presumed_an_end_is_healed(dana: User) -> None:
    ben = person(stage=Stage.PRESUMED_BREAKUP)
    Episode.objects.create(
        relationship=ben, number=1, began_on=ago(500), last_seen_on=ago(90), pulses=9, ended_on=ago(85),
        is_presumed=True,
    )  # fmt: skip
    returned = returns.record_return(ben, on=ago(2), by=dana)
    assert Episode.objects.get(relationship=ben, number=1).healed_on == ago(2)
    returns.undo(returned, by=dana, reason="another Ben")
    assert Episode.objects.get(relationship=ben, number=1).healed_on is None


# Whose doing


def test_nobody_touched_them_so_they_came_by_themselves(dana: User) -> None:
    read_since(200)
    ben = gone()
    task(ben, state="done", answered_at=timezone.now() - timedelta(days=31))
    task(ben, state="done", touch_class="transactional", answered_at=timezone.now() - timedelta(days=2))
    task(ben, state="done", suggestion=Suggestion.NOTHING.value, answered_at=timezone.now() - timedelta(days=2))
    assert returns.record_return(ben, on=ago(0), by=dana).credit == ReturnCredit.SELF


@pytest.mark.parametrize("days", [0, 1, 29])
def test_a_touch_in_the_thirty_days_before_may_have_had_its_part(dana: User, days: int) -> None:
    read_since(200)
    ben = gone()
    task(ben, state="done", touch_class=TouchClass.RELATIONSHIP.value, channel="letter",
         answered_at=timezone.now() - timedelta(days=days))  # fmt: skip
    returned = returns.record_return(ben, on=ago(0), by=dana)
    assert returned.credit == ReturnCredit.TOUCHED
    assert returned.evidence["touches"][0]["channel"] == "letter"
    assert return_view.because(returned)


def test_days_without_a_record_are_not_claimed(dana: User) -> None:
    ben = gone()
    returned = returns.record_return(ben, on=ago(0), by=dana)
    assert (returned.credit, returned.evidence["why"]) == ("not_known", "no_record")
    read_since(10)
    other = gone()
    returned = returns.record_return(other, on=ago(0), by=dana)
    assert returned.evidence["recorded_from"] == ago(10).isoformat()


def test_a_message_of_another_system_leaves_it_unknown(dana: User) -> None:
    read_since(200)
    ben = gone()
    opened = timezone.now() - timedelta(days=5)
    row = dict.fromkeys(EVENTS.names) | {
        "event_key": 1, "party_id": ben.party_id, "occurred_at": opened, "kind": "click", "source": "mail", "intake": 7,
        "properties": "{}",
    }  # fmt: skip
    History(home_folder.history_folder()).append(pa.Table.from_pylist([row], schema=EVENTS), intake=7)
    returned = returns.record_return(ben, on=ago(0), by=dana)
    assert (returned.credit, returned.evidence["why"]) == ("not_known", "message_of_another_system")


def test_nothing_done_later_changes_whose_doing_it_was(dana: User) -> None:
    read_since(200)
    ben = gone()
    returned = returns.record_return(ben, on=ago(0), by=dana)
    task(ben, state="done", answered_at=timezone.now() - timedelta(days=3))
    returns.answer_item(returned, code="tone", state=ItemState.DONE, by=dana)
    returned.refresh_from_db()
    assert returned.credit == ReturnCredit.SELF


# The list


def seen_to(returned: SafeReturn, *, by: User, but: str = "") -> SafeReturn:
    """Answer everything but one."""
    for row in returned.items:
        if row["code"] != but:
            fixed = dict.fromkeys(returns.reasons_of(returned), "not_yet")
            returned = returns.answer_item(
                returned, code=row["code"], state=ItemState.DONE, by=by, note="done", who=by, fixed=fixed
            )
    return returned


def test_the_last_answer_closes_and_an_open_one_opens_it_again(dana: User) -> None:
    returned = seen_to(returns.record_return(gone(), on=ago(0), by=dana), by=dana, but="tone")
    assert returned.closed_at is None
    returned = returns.answer_item(returned, code="tone", state=ItemState.NOT_POSSIBLE, by=dana, note="too late")
    assert returned.closed_at is not None
    assert AuditEntry.objects.filter(verb="return.closed").count() == 1
    with pytest.raises(Conflict, match="closed"):
        returns.answer_item(returned, code="tone", state=ItemState.DONE, by=dana)
    returned = returns.reopen_item(returned, code="tone", by=dana)
    assert returned.closed_at is None


def test_every_reason_is_answered_for_honestly(dana: User) -> None:
    returned = returns.record_return(gone(reasons=["rude_service", "relocation"]), on=ago(0), by=dana)
    for fixed in ({}, {"rude_service": "fixed"}, {"rude_service": "fixed", "relocation": "certainly"}):
        with pytest.raises(BadInput):
            returns.answer_item(returned, code="why_they_left", state=ItemState.DONE, by=dana, fixed=fixed)
    returned = returns.answer_item(
        returned, code="why_they_left", state=ItemState.DONE, by=dana,
        fixed={"rude_service": "not_yet", "relocation": "not_fixable"},
    )  # fmt: skip
    view = return_view.view(SafeReturn.objects.select_related("relationship__party").get(pk=returned.pk))
    assert [one.answer for one in view.reasons] == ["not_yet", "not_fixable"]
    assert "not mended yet" in view.greeting
    assert view.reasons[1].suggested == "not_fixable"


def test_what_we_only_think_is_never_put_into_their_mouth(dana: User) -> None:
    ben = gone()
    Breakup.objects.update(inferred_reasons=["rude_service"])
    returned = returns.record_return(ben, on=ago(0), by=dana)
    returned = returns.answer_item(
        returned, code="why_they_left", state=ItemState.DONE, by=dana, fixed={"rude_service": "fixed"}
    )
    view = return_view.view(SafeReturn.objects.select_related("relationship__party").get(pk=returned.pk))
    assert [(one.code, one.is_stated) for one in view.reasons] == [("rude_service", False)]
    assert view.greeting == "Welcome back, Ben Okafor."


def test_where_no_reason_is_known_what_they_say_now_is_wanted(dana: User) -> None:
    returned = returns.record_return(gone(), on=ago(0), by=dana)
    with pytest.raises(BadInput, match="no reason"):
        returns.answer_item(returned, code="why_they_left", state=ItemState.DONE, by=dana)
    returns.answer_item(returned, code="why_they_left", state=ItemState.DONE, by=dana, note="the commute")


def test_a_greeter_has_a_name_and_works_here(dana: User) -> None:
    returned = returns.record_return(gone(), on=ago(0), by=dana)
    for who in (None, staff(is_active=False)):
        with pytest.raises(BadInput, match="named"):
            returns.answer_item(returned, code="greeter", state=ItemState.DONE, by=dana, who=who)
    returned = returns.answer_item(returned, code="greeter", state=ItemState.DONE, by=dana, who=dana)
    assert returned.items[1]["who"] == dana.pk


def test_bad_answers_change_nothing(dana: User) -> None:
    returned = returns.record_return(gone(), on=ago(0), by=dana)
    before = everything()
    for words, error in (
        ({"code": "none", "state": ItemState.DONE}, NotFound),
        ({"code": "tone", "state": ItemState.OPEN}, BadInput),
        ({"code": "tone", "state": ItemState.NOT_POSSIBLE}, BadInput),
        ({"code": "tone", "state": ItemState.DONE, "note": "x" * 401}, BadInput),
    ):
        with pytest.raises(error):
            returns.answer_item(returned, by=dana, **words)
    assert everything() == before


def test_the_same_answer_again_keeps_its_first_instant(dana: User) -> None:
    returned = returns.record_return(gone(), on=ago(0), by=dana)
    first = returns.answer_item(returned, code="tone", state=ItemState.DONE, by=dana).items
    assert returns.answer_item(returned, code="tone", state=ItemState.DONE, by=staff()).items == first


def test_those_who_left_with_them_are_thought_of(dana: User) -> None:
    ben, friend = gone(), gone(stage=Stage.OLD_FRIENDS)
    PartyLink.objects.create(party=friend.party, other=ben.party, kind="left_together")
    returned = returns.record_return(ben, on=ago(0), by=dana)
    assert returned.items[-1]["code"] == "companions"
    assert return_view.of_person(ben.party).companions == (friend,)


def test_what_is_known_stands_beside_each_item(dana: User) -> None:
    ben = gone()
    Promise.objects.create(
        relationship=ben, text="send the photo", due_on=ago(70), made_at=timezone.now() - timedelta(days=80)
    )
    Consent.objects.create(party=ben.party, channel="email", purpose="content", obtained_at=timezone.now(),
                           withdrawn_at=timezone.now())  # fmt: skip
    returned = returns.record_return(ben, on=ago(0), by=dana)
    view = return_view.view(SafeReturn.objects.select_related("relationship__party").get(pk=returned.pk))
    facts = {item.item.code: " ".join(item.facts) for item in view.items}
    assert "send the photo" in facts["promises"]
    assert "1 withdrawn" in facts["consents"]
    assert "2 lives" in facts["price_and_tenure"]


# Taking it back


def test_a_slip_is_taken_back_within_a_day(dana: User) -> None:
    ben = gone()
    before = everything()[:2]
    returned = returns.record_return(ben, on=ago(0), by=dana)
    returns.undo(returned, by=dana, reason="another Ben")
    assert everything()[:2] == before
    assert not SafeReturn.objects.exists()
    assert StageChange.objects.get().undone_at is not None
    returns.record_return(ben, on=ago(0), by=dana)  # and it may be recorded rightly after


def test_after_a_day_or_after_more_has_happened_it_stays(dana: User) -> None:
    old = returns.record_return(gone(), on=ago(0), by=dana)
    SafeReturn.objects.filter(pk=old.pk).update(opened_at=timezone.now() - timedelta(days=1, minutes=1))
    with pytest.raises(Conflict, match="within a day"):
        returns.undo(old, by=dana, reason="no")
    bought = returns.record_return(gone(), on=ago(0), by=dana)
    Episode.objects.filter(relationship=bought.relationship, number=2).update(pulses=1)
    with pytest.raises(Conflict, match="moved on"):
        returns.undo(bought, by=dana, reason="no")
    left = returns.record_return(gone(), on=ago(5), by=dana)
    part.record_end(left.relationship, by=dana, told=Told(ended_on=ago(1)))
    with pytest.raises(Conflict, match="moved on"):
        returns.undo(left, by=dana, reason="no")


# The second end, and the watch


def test_a_second_end_is_quiet_for_thirty_days_more(dana: User) -> None:
    ben = gone()
    returns.record_return(ben, on=ago(5), by=dana)
    parted = part.record_end(ben, by=dana, told=Told(ended_on=ago(1), kind=BreakupKind.DISSATISFIED))
    first = QUIET.days(BreakupKind.DISSATISFIED, wound=Wound.NONE, ends_before=0)
    assert parted.quiet_until is not None
    assert first is not None
    begins = datetime.combine(ago(1), datetime.min.time(), UTC)
    assert parted.quiet_until - begins == timedelta(days=first + 30)


def test_a_sign_in_the_first_quarter_raises_the_alarm(dana: User) -> None:
    ben, calm = gone(), gone()
    returned = returns.record_return(ben, on=ago(5), by=dana)
    returns.record_return(calm, on=ago(5), by=dana)
    CautionSign.objects.create(relationship=ben, code="silence", raised_on=ago(0), strength=0.8)
    assert alarms(business_day(), limit=5) == [returned]
    assert alarmed_among([ben.pk, calm.pk], as_of=business_day()) == {ben.pk}
    assert alarms(ago(5) + timedelta(days=WATCH_DAYS), limit=5) == [returned]
    assert alarms(ago(5) + timedelta(days=WATCH_DAYS + 1), limit=5) == []


# Tenure


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 400)), min_size=1, max_size=6),
    st.booleans(),
)
def test_days_with_us_and_away_add_up_to_the_whole_time(stretches: list[tuple[int, int]], is_over: bool) -> None:
    day = date(2010, 1, 1)
    lives = []
    for number, (length, away) in enumerate(stretches, start=1):
        over = day + timedelta(days=length)
        lives.append(Episode(number=number, began_on=day, last_seen_on=over, ended_on=over))
        day = over + timedelta(days=away)
    as_of = lives[-1].ended_on
    if not is_over:
        lives[-1].ended_on = None
    tenure = tenure_of(lives, as_of=as_of)
    assert tenure is not None
    assert tenure.days_with_us + tenure.away_days == (as_of - lives[0].began_on).days
    assert (tenure.lives, tenure.is_with_us) == (len(lives), not is_over)


def test_credits_are_counted_of_the_newest_only(dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        returns.record_return(gone(), on=ago(0), by=dana)
    counted = return_queries.credits_in(until=business_day(), days=365)
    assert (counted.not_known, counted.total, counted.are_all) == (3, 3, True)
    monkeypatch.setattr(return_queries, "MANY", 2)
    counted = return_queries.credits_in(until=business_day(), days=365)
    assert (counted.total, counted.are_all) == (2, False)
    assert return_queries.count_watched(business_day()) is None
