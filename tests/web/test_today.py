"""Today's page: who stands on it, how they are answered, what it says when there is nothing to say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task

from rekindle.accounts.roles import Role
from rekindle.journal.models import Night
from rekindle.relationships.models import StageChange, Task
from rekindle.relationships.vocabulary import Stage, TaskState
from rekindle.web.night_words import REASONS
from rekindle.web.views.today import Fact, facts_of, headline, left_alone, news
from rekindle.workflows.today import card_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def open_task(name: str = "Joris Maas", **fields: Any) -> Task:
    day = timezone.localdate()
    return task(person(name, stage=Stage.AT_RISK), **{"made_on": day, "due_on": day, **fields})


def answer(client: Client, one: Task, *, htmx: bool = False, **data: Any) -> Any:
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(reverse("task_answer", args=[one.pk]), data, headers=headers)


def test_it_refuses_a_stranger(client: Client) -> None:
    one = open_task()
    for url in (reverse("today"), reverse("task_answer", args=[one.pk]), reverse("task_undo", args=[one.pk])):
        assert client.get(url).status_code == 302
        assert reverse("account_login") in client.get(url)["Location"]
    assert client.post(reverse("task_answer", args=[one.pk]), {"state": "done"}).status_code == 302
    one.refresh_from_db()
    assert one.state == TaskState.OPEN.value


def test_a_new_business_sees_three_steps(client: Client, dana: Any) -> None:
    page = client.get(reverse("today")).content.decode()
    assert page.count('class="rung"') == 3
    assert reverse("take_in") in page


def test_a_card_shows_who_why_the_first_sentence_and_what_is_at_stake(client: Client, dana: Any) -> None:
    open_task()
    page = client.get(reverse("today")).content.decode()
    for words in ("One person", "Joris Maas", "Usually every 6 days", "is everything all right?", "412"):
        assert words in page


def test_nothing_urgent_is_a_whole_page(client: Client, dana: Any) -> None:
    Night.objects.create(as_of=timezone.localdate(), inputs="x", state="done", people=12)
    page = client.get(reverse("today")).content.decode()
    assert "Nothing urgent" in page
    assert "Nobody needs a word from you today" in page


def test_words_of_people_are_never_markup(client: Client, dana: Any) -> None:
    open_task("<script>alert(1)</script>", why_now=["<b>bold</b>"], opening_line="<i>hi</i>")
    page = client.get(reverse("today")).content.decode()
    for markup in ("<script>alert", "<b>bold", "<i>hi"):
        assert markup not in page


def test_done_goes_back_to_today_and_may_be_undone_there(client: Client, dana: Any) -> None:
    one = open_task()
    assert answer(client, one, state="done")["Location"] == reverse("today")
    assert "Answered today" in client.get(reverse("today")).content.decode()
    client.post(reverse("task_undo", args=[one.pk]))
    one.refresh_from_db()
    assert one.state == TaskState.OPEN.value


def test_an_answer_on_a_persons_page_goes_back_there_and_never_elsewhere(client: Client, dana: Any) -> None:
    one = open_task()
    there = reverse("person", args=[one.relationship.party_id])
    assert answer(client, one, state="done", back="person")["Location"] == there
    assert answer(client, open_task("Other"), state="done", back="https://example.org/")["Location"] == reverse("today")


def test_htmx_gets_the_answered_card_only(client: Client, dana: Any) -> None:
    one = open_task()
    part = answer(client, one, htmx=True, state="done").content.decode()
    assert "<html" not in part
    assert reverse("task_undo", args=[one.pk]) in part
    again = client.post(reverse("task_undo", args=[one.pk]), headers={"HX-Request": "true"}).content.decode()
    assert "Joris Maas" in again
    assert reverse("task_answer", args=[one.pk]) in again


def test_later_takes_a_day(client: Client, dana: Any) -> None:
    one = open_task()
    answer(client, one, state="later", later_days="7")
    one.refresh_from_db()
    assert (one.state, one.due_on) == (TaskState.LATER.value, timezone.localdate() + timedelta(days=7))


@pytest.mark.parametrize(
    "given", [{"state": "not_appropriate", "note": " "}, {"state": "later"}, {"state": "what"}, {}]
)
def test_half_an_answer_says_what_is_missing_and_changes_nothing(
    client: Client, dana: Any, given: dict[str, str]
) -> None:
    one = open_task()
    part = answer(client, one, htmx=True, **given).content.decode()
    assert 'role="alert"' in part
    one.refresh_from_db()
    assert one.state == TaskState.OPEN.value
    assert answer(client, one, **given).status_code == 302


def test_who_only_reads_sees_no_buttons_and_cannot_answer(client: Client) -> None:
    client.force_login(staff(Role.ANALYST))
    one = open_task()
    assert reverse("task_answer", args=[one.pk]) not in client.get(reverse("today")).content.decode()
    assert answer(client, one, state="done").status_code == 403


def test_a_task_that_is_not_there_is_not_found(client: Client, dana: Any) -> None:
    assert client.post(reverse("task_answer", args=[99]), {"state": "done"}).status_code == 404
    assert client.post(reverse("task_undo", args=[99])).status_code == 404


def test_reading_changes_nothing(client: Client, dana: Any) -> None:
    one = open_task()
    assert client.get(reverse("task_answer", args=[one.pk])).status_code == 405


def test_others_people_are_seen_on_request(client: Client, dana: Any) -> None:
    open_task("Elis Own", owner=staff(Role.MANAGER))
    assert "Elis Own" not in client.get(reverse("today")).content.decode()
    assert "Elis Own" in client.get(reverse("today"), {"whose": "all"}).content.decode()


def test_the_queries_do_not_grow_with_the_cards(client: Client, dana: Any, django_assert_max_num_queries: Any) -> None:
    for rank in range(15):
        open_task(f"Person {rank}", rank=rank)
    with django_assert_max_num_queries(24):
        client.get(reverse("today"))


def test_the_headline_says_numbers_as_people_do() -> None:
    assert [headline(n, has_more=False) for n in (0, 1, 4, 12, 13)] == [
        "Nothing urgent", "One person", "Four people", "Twelve people", "13 people",
    ]  # fmt: skip
    assert headline(24, has_more=True) == "24 people, and more"


def test_the_news_is_made_of_the_nights_own_steps() -> None:
    night = Night.objects.create(as_of=timezone.localdate(), inputs="x", state="done", people=5_214)
    moves = [(Stage.ONGOING, Stage.AT_RISK), (Stage.EARLY, Stage.AT_RISK), (Stage.BREAKUP, Stage.PHOENIX)]
    for origin, to in moves:
        StageChange.objects.create(
            relationship=person(f"{origin} {to}"), from_stage=origin.value, to_stage=to.value, on=night.as_of,
            rule="steady", night=night.pk,
        )  # fmt: skip
    assert news(night) == ["5,214 people were read last night", "2 slipped away a little", "1 came back"]


def test_the_silences_are_counted_by_reason_most_first() -> None:
    counts = {"check_in": 3, "nothing": {"sleeping_well": 640, "cooling_off": 61, "capacity": 0}}
    assert [(one.title, one.people) for one in left_alone(counts)] == [("sleeping well", 640), ("cooling off", 61)]


def test_a_reason_reads_the_same_here_and_on_the_night(client: Client, dana: Any) -> None:
    reasons = {"sleeping_well": 9, "stage_at_rest": 2}
    one = Night.objects.create(
        as_of=timezone.localdate(), inputs="x", state="done", people=11, decisions={"nothing": 11},
        facts={"nothing_because": reasons},
    )  # fmt: skip
    for url in (reverse("today"), reverse("night", args=[one.pk])):
        shown = client.get(url).content.decode()
        assert all(str(REASONS[code].title) in shown for code in reasons)


def test_a_card_has_three_facts_each_beside_its_record() -> None:
    facts = ["silent for 14 days; of 100 who showed this, 48 left within 90 days.", "Is it so?", "third", "fourth"]
    assert facts_of(card_of(open_task(why_now=facts))) == [
        Fact("silent for 14 days.", "Of 100 who showed this, 48 left within 90 days."),
        Fact("Is it so?", ""),
        Fact("third.", ""),
    ]


def test_money_in_a_fact_reads_as_everywhere_on_the_pages(client: Client, dana: Any) -> None:
    open_task(why_now=["spent 0.65 EUR in the last 90 days"])
    assert "Spent €\u202f0.65 in the last 90 days." in client.get(reverse("today")).content.decode()
