"""Who spoke last, coverage, say and do, and Today as one list: what a member of staff sees of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task

from rekindle.accounts.roles import Role
from rekindle.journal.models import Inbound, Night, Outlook, Sending
from rekindle.relationships.models import Case, Milestone, Note, Promise, Task
from rekindle.relationships.vocabulary import Commercial, Stage, Suggestion, TaskSource
from rekindle.workflows import coverage
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db
PAGES = ("who_spoke", "coverage", "say_do")


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    staff(Role.MANAGER, name="Eli Novak")
    client.force_login(user)
    return user


def shown(client: Client, name: str, **asked: str) -> str:
    answer = client.get(reverse(name), asked)
    assert answer.status_code == 200
    return str(answer.content.decode())


def open_task(name: str, **fields: Any) -> Task:
    return task(person(name), **{"made_on": business_day(), "due_on": business_day(), **fields})


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_nothing_is_posted(client: Client, name: str) -> None:
    assert reverse("account_login") in client.get(reverse(name))["Location"]
    client.force_login(staff())
    assert client.post(reverse(name)).status_code == 405


@pytest.mark.parametrize("name", PAGES)
def test_a_new_business_gets_a_sentence_and_no_figure(client: Client, dana: Any, name: str) -> None:
    page = shown(client, name)
    assert "Not known" in page or "Nothing to compare" in page or "Nobody is known yet" in page


@pytest.mark.parametrize(
    ("name", "asked"),
    [("who_spoke", {"order": "x"}), ("who_spoke", {"after": "x"}), ("coverage", {"after": "x"}),
     ("say_do", {"month": "x"}), ("say_do", {"month": "2999-01"}), ("say_do", {"month": "1999-12"})],
)  # fmt: skip
def test_what_is_no_place_is_not_found(client: Client, dana: Any, name: str, asked: dict[str, str]) -> None:
    assert client.get(reverse(name), asked).status_code == 404


def test_today_is_one_list_in_its_order(client: Client, dana: Any) -> None:
    open_task("Nina Night")
    open_task("Paul Plan", source=TaskSource.PLAYBOOK.value, rank=None)
    open_task("Sara Spoke", source=TaskSource.PERSON.value, suggestion=Suggestion.ANSWER.value, rank=None)
    Promise.objects.create(
        relationship=person("Pia Promise"),
        text="send the plan",
        due_on=business_day() - timedelta(days=2),
        made_by=dana,
    )
    page = shown(client, "today")
    places = [page.index(words) for words in ("Sara Spoke", "Pia Promise", "Paul Plan", "Nina Night")]
    assert places == sorted(places)
    assert "They spoke to us" in page
    assert "2 days overdue" in page
    assert "Four people" in page


def test_a_promise_of_a_later_day_is_not_todays(client: Client, dana: Any) -> None:
    Promise.objects.create(
        relationship=person("Pia"), text="x", due_on=business_day() + timedelta(days=1), made_by=dana
    )
    assert "Nothing urgent" in shown(client, "today")


def test_what_does_not_fit_into_the_day_can_wait_and_is_still_there(client: Client, dana: Any) -> None:
    dana.minutes_per_day = 20
    dana.save()
    for rank in range(4):
        open_task(f"Person {rank}", rank=rank)
    page = shown(client, "today")
    assert "Two people" in page
    assert "2 can wait" in page
    assert page.index("Person 1") < page.index("2 can wait") < page.index("Person 2")


def test_the_words_of_a_card_stand_on_it(client: Client, dana: Any) -> None:
    open_task(
        "Cara Card",
        source=TaskSource.PLAYBOOK.value,
        suggestion=Suggestion.CARD.value,
        opening_line="Dear Cara,\n\nFive years!",
    )
    page = shown(client, "today")
    assert "To write by hand" in page
    assert "<p>Dear Cara,</p>" in page


def test_days_to_remember_of_their_own_people_have_a_button(client: Client, dana: Any) -> None:
    one, day = person("Bea Birthday", owner=dana), business_day() + timedelta(days=1)
    Milestone.objects.create(
        party=one.party, kind="birthday", on=day.replace(year=1904), precision="month_day", may_remember=True
    )
    other = person("Olga Other")
    Milestone.objects.create(
        party=other.party, kind="birthday", on=day.replace(year=1904), precision="month_day", may_remember=True
    )
    page = shown(client, "today", desk="trainer")
    assert "Bea Birthday" in page
    assert reverse("write", args=[one.party_id]) in page
    assert "Olga Other" not in page


def test_alerts_lead_to_where_they_are_seen_to(client: Client, dana: Any) -> None:
    Sending.objects.update_or_create(pk=1, defaults={"paused": "too many complaints"})
    Case.objects.create(relationship=person("Ana", owner=dana), title="x", opened_at=timezone.now() - timedelta(days=3))
    Inbound.objects.create(source="x", number="1", kind="unreadable", occurred_at=timezone.now())
    page = shown(client, "today")
    assert "Sending stands still: too many complaints" in page
    assert reverse("sending") in page
    assert "1 case has been open" in page
    assert "1 thing came back" in page


def test_a_desk_names_what_it_leaves_out(client: Client, dana: Any) -> None:
    Sending.objects.update_or_create(pk=1, defaults={"paused": "x"})
    page = shown(client, "today", desk="trainer")
    assert "Not shown here: To look at 1" in page.replace("\n", "")
    assert "desk=solo" in page


def test_my_own_people_leaves_nobodys_out(client: Client, dana: Any) -> None:
    open_task("Nobody's Nora")
    open_task("Mine Mona", owner=dana)
    page = shown(client, "today", desk="trainer")
    assert "Mine Mona" in page
    assert "Nora" not in page


def test_the_board_says_who_owes_a_word(client: Client, dana: Any) -> None:
    ana = person("Ana Weber")
    Outlook.objects.create(
        relationship=ana, as_of=business_day(), model="x", horizon_days=90, value_horizon_days=730,
        value_at_stake_minor=41_200, currency="EUR",
    )  # fmt: skip
    Inbound.objects.create(
        source="x", number="1", kind="reply", party=ana.party, occurred_at=timezone.now() - timedelta(days=3)
    )
    for order in ("value", "waiting"):
        page = shown(client, "who_spoke", order=order)
        assert "Ana Weber" in page
        assert "we do, for 3" in page
        assert "none on record" in page
    Note.objects.create(relationship=ana, text="x", by=dana)
    assert "Nobody waits for an answer" in shown(client, "who_spoke", order="waiting")


def test_the_board_goes_on_by_key(client: Client, dana: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle.web.views.who_spoke.ROWS", 2)
    for n in range(3):
        Outlook.objects.create(
            relationship=person(f"Person {n}"), as_of=business_day(), model="x", horizon_days=90,
            value_horizon_days=730, value_at_stake_minor=100 - n, currency="EUR",
        )  # fmt: skip
    first = client.get(reverse("who_spoke"))
    after = first.context["next"]
    assert "Person 2" not in first.content.decode()
    second = shown(client, "who_spoke", after=after)
    assert "Person 2" in second
    assert "Person 1" not in second


def test_the_alarm_names_whom_nobody_looks_after(client: Client, dana: Any) -> None:
    since = business_day() - timedelta(days=200)
    ben = person("Ben Okafor", stage=Stage.BREAKUP, commercial=Commercial.ENDED, since=since)
    page = shown(client, "coverage")
    assert "1 person is in nobody" in page
    assert "Ben Okafor" in page
    assert "nobody has said" in page
    task(ben)
    assert "Nobody is forgotten" in shown(client, "coverage")


def test_in_a_large_house_the_pages_read_what_the_night_kept(
    client: Client, dana: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = business_day() - timedelta(days=200)
    for n in range(3):
        person(f"Ben {n}", stage=Stage.BREAKUP, commercial=Commercial.ENDED, since=since)
    monkeypatch.setattr(coverage, "LIVE_AT_MOST", 2)
    assert "Not counted yet" in shown(client, "coverage")
    assert "Not read yet" in shown(client, "say_do")
    from rekindle.workflows import say_do

    facts = {"coverage": coverage.counts(), "say_do": say_do.audit_of(business_day(), at=timezone.now())}
    Night.objects.create(as_of=business_day(), inputs="x", state="done", people=3, facts=facts)
    page = shown(client, "coverage")
    assert "3 people are in nobody" in page
    assert "Ben 2" in page
    assert "Not known: it never fell due" in shown(client, "say_do")


def test_say_and_do_shows_a_broken_word_with_its_share_and_its_month(client: Client, dana: Any) -> None:
    day = business_day().replace(day=1) - timedelta(days=1)
    for state in ("kept", "broken"):
        Promise.objects.create(
            relationship=person(f"Pia {state}"), text="x", due_on=day, made_by=dana, state=state,
            answered_at=timezone.now() - timedelta(days=40),
        )  # fmt: skip
    page = shown(client, "say_do", month=day.strftime("%Y-%m"))
    assert "50%" in page
    assert "kept: 1 of 2" in page
    assert "Pia broken" in page
    assert "Pia broken" not in shown(client, "say_do")


def test_promises_are_shown_of_one_of_us_whom_we_choose(client: Client, dana: Any) -> None:
    eli, day = staff(Role.MANAGER, name="Eli Two"), business_day()
    for by, name in ((dana, "Danas Kunde"), (eli, "Elis Kunde")):
        Promise.objects.create(relationship=person(name), text="x", due_on=day, made_by=by)
    page = shown(client, "promises", of=str(eli.pk))
    assert "Elis Kunde" in page
    assert "Danas Kunde" not in page
    for nobody in ("x", "99999"):
        assert client.get(reverse("promises"), {"of": nobody}).status_code == 404
