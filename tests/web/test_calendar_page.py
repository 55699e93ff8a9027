"""The calendar: what reaches whom on which day, by filter and page; who has heard a great deal."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task
from playbook_cast import DAY, left, woo

from rekindle.accounts.roles import Role
from rekindle.journal.models import Enrolment, Message
from rekindle.relationships.models import Milestone, Relationship
from rekindle.relationships.vocabulary import (
    Channel,
    Commercial,
    MilestoneKind,
    Stage,
    Suggestion,
    TaskState,
    TouchClass,
)
from rekindle.workflows import pressure_calendar
from rekindle.workflows.playbooks import enter
from rekindle.workflows.pressure_calendar import Asked, calendar, pressed
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def message(relationship: Relationship, *, subject: str = "A word", **fields: Any) -> Message:
    number = Message.objects.count()
    return Message.objects.create(
        **{
            "key": f"k{number}", "party": relationship.party, "channel": "email", "touch_class": "relationship",
            "message_id": f"<{number}@x>", "made_by": "letter", "subject": subject,
            "expires_at": timezone.now() + 60 * DAY, **fields,
        }
    )  # fmt: skip


def names(first: date | None = None, **asked: Any) -> list[tuple[date, str, str]]:
    return [
        (day, one.what, one.name)
        for day, bundles in calendar(Asked(first=first, **asked)).days
        for bundle in bundles
        for one in (*bundle.names, *bundle.others)
    ]


def everything(by: Any) -> Relationship:
    """Ana with one of each: a message in three days, a task today, a birthday in five days; and Cleo on her way."""
    today = business_day()
    ana = person("Ana <b>Weber</b>", email="ana@example.org", since=today - timedelta(days=400), owner=by)
    message(ana, subject="Three days from now", not_before=timezone.now() + 3 * DAY)
    task(ana, due_on=today - timedelta(days=2), owner=by)
    born = today + timedelta(days=5)
    Milestone.objects.create(
        party=ana.party, kind=MilestoneKind.BIRTHDAY.value, on=date(1904, born.month, born.day), precision="month_day",
        may_remember=True,
    )  # fmt: skip
    return ana


def test_an_empty_calendar_is_calm(client: Client, dana: Any) -> None:
    page = client.get(reverse("calendar")).content.decode()
    assert "Nothing is about to reach anybody" in page
    assert "Nobody is above the limit." in page


def test_each_source_stands_on_its_day(client: Client, dana: Any) -> None:
    today = business_day()
    everything(dana)
    olive = staff(Role.OWNER)
    row = woo(olive)
    left("Cleo Hart", olive, quiet_over=timezone.now() - 2 * DAY)
    enter.enter(row)
    Enrolment.objects.update(due_at=timezone.now() + 7 * DAY)
    found = {(what, name.split()[0]): (day - today).days for day, what, name in names()}
    assert found == {("message", "Ana"): 3, ("task", "Ana"): 0, ("milestone", "Ana"): 5, ("step", "Cleo"): 7}
    page = client.get(reverse("calendar")).content.decode()
    for words in ("Three days from now", "Ana &lt;b&gt;Weber", "overdue", "birthday", "Cleo Hart", "A slow way back"):
        assert words in page, words
    assert "<b>Weber" not in page


def test_silence_off_plans_and_what_is_left_in_peace_are_not_there() -> None:
    olive = staff(Role.OWNER)
    row = woo(olive)
    left("Cleo Hart", olive, quiet_over=timezone.now() - 2 * DAY)
    enter.enter(row)
    Enrolment.objects.update(step=1)  # the second step is silence
    ana = person("Ana Weber")
    task(ana, suggestion=Suggestion.NOTHING.value, due_on=business_day())
    assert names() == []
    Enrolment.objects.update(step=0)
    assert [what for _day, what, _name in names()] == ["step"]
    row.state = "paused"
    row.save()
    assert names() == []


def test_it_is_filtered_by_person_owner_and_class(client: Client, dana: Any) -> None:
    ana = everything(dana)
    other = person("Bo Lund")
    message(other, touch_class="service", not_before=timezone.now() + DAY)
    assert {name for _day, _what, name in names(party=ana.party_id)} == {"Ana <b>Weber</b>"}
    assert {name for _day, _what, name in names(owner=dana.pk)} == {"Ana <b>Weber</b>"}
    assert {name for _day, what, name in names(touch_class=TouchClass.SERVICE) if what == "message"} == {"Bo Lund"}
    assert "milestone" not in {what for _day, what, _name in names(touch_class=TouchClass.SERVICE)}
    page = client.get(reverse("calendar"), {"party": ana.party_id}).content.decode()
    assert "What is about to reach Ana" in page
    assert "Bo Lund" not in page
    assert "Bo Lund" not in client.get(reverse("calendar"), {"whose": "mine"}).content.decode()


def test_the_twenty_eighth_day_is_the_last() -> None:
    one, today = person("Ana Weber"), business_day()
    task(one, due_on=today + timedelta(days=27))
    two = person("Bo Lund")
    task(two, due_on=today + timedelta(days=28))
    assert [name for _day, _what, name in names()] == ["Ana Weber"]
    assert [name for _day, _what, name in names(first=today + timedelta(days=1))] == ["Ana Weber", "Bo Lund"]


def test_a_page_ends_with_the_last_whole_day_and_the_next_begins_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure_calendar, "READ", 3)
    today = business_day()
    for offset in (0, 1, 1, 2, 2, 3):
        task(person(f"P{offset}"), due_on=today + timedelta(days=offset))
    seen: list[date] = []
    first: date | None = today
    for _page in range(9):
        shown = calendar(Asked(first=first))
        assert not shown.is_cut
        seen += [day for day, bundles in shown.days for bundle in bundles for _one in bundle.names]
        first = shown.next
        if first is None:
            break
    assert seen == [today + timedelta(days=offset) for offset in (0, 1, 1, 2, 2, 3)]


def test_one_day_with_more_than_a_page_is_said_so(client: Client, dana: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure_calendar, "READ", 2)
    for number in range(4):
        task(person(f"P{number}"), due_on=business_day())
    task(person("Later"), due_on=business_day() + timedelta(days=1))
    shown = calendar(Asked())
    assert shown.is_cut
    assert shown.next == business_day() + timedelta(days=1)
    assert "alone holds more than is shown here" in client.get(reverse("calendar")).content.decode()
    assert [name for _day, _what, name in names(first=shown.next)] == ["Later"]


def test_many_names_of_one_thing_are_folded() -> None:
    for number in range(7):
        task(person(f"P{number}"), due_on=business_day())
    ((_day, (bundle,)),) = calendar(Asked()).days
    assert [one.name for one in bundle.names] == ["P0", "P1", "P2", "P3", "P4"]
    assert bundle.folded == 2


def test_days_that_are_none_are_refused(client: Client, dana: Any) -> None:
    yesterday = business_day() - timedelta(days=1)
    answer = client.get(reverse("calendar"), {"from": yesterday.isoformat()})
    assert answer.status_code == 400
    assert "Choose a day from today" in answer.content.decode()
    for asked in ({"from": "soon"}, {"party": "x"}, {"party": "987654321"}):
        assert client.get(reverse("calendar"), asked).status_code == 404, asked


def test_pressure_is_a_sum_of_weights_in_thirty_days() -> None:
    ana, now = person("Ana Weber"), timezone.now()
    for _number in range(4):
        message(ana, state="accepted", handed_at=now - 5 * DAY)
    message(ana, state="accepted", handed_at=now - 31 * DAY)  # too long ago
    message(ana, state="cancelled", handed_at=None)
    message(ana, state="accepted", handed_at=now - DAY, touch_class="transactional")  # what is owed
    assert pressed() == []
    task(ana, state=TaskState.DONE.value, channel=Channel.CALL.value, answered_at=now - DAY, touch_class="relationship")
    (one,) = pressed()
    assert (one.name, one.pressure, one.limit, one.touches) == ("Ana Weber", 7.0, 6.0, 5)


def test_the_border_is_allowed_and_those_who_left_bear_less(client: Client, dana: Any) -> None:
    now = timezone.now()
    ana = person("Ana Weber")
    for _number in range(6):
        message(ana, state="accepted", handed_at=now - DAY)
    ben = person("Ben Okafor", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED)
    message(ben, state="accepted", handed_at=now - DAY, channel="letter")
    assert pressed() == []
    message(ben, state="accepted", handed_at=now - DAY)
    assert [(one.name, one.pressure, one.limit) for one in pressed()] == [("Ben Okafor", 3.0, 2.0)]
    message(ana, state="accepted", handed_at=now - DAY)
    assert [one.name for one in pressed()] == ["Ana Weber", "Ben Okafor"]
    assert [one.name for one in pressed(owner=dana.pk)] == []
    assert [one.pressure for one in pressed(party=ben.party_id)] == [3.0]
    page = client.get(reverse("calendar")).content.decode()
    assert "<b>7</b> of 6" in page
    assert "<b>3</b> of 2" in page
