"""Letters to print, a pile, the days to remember and the season's cards, as people use them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from chaos.letters import words
from django.template import Context, Template
from django.test import Client
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import Message, MessageState, PrintRun
from rekindle.relationships.models import Milestone, Party, Relationship, Task
from rekindle.relationships.vocabulary import Channel, MilestoneKind, Suggestion, TouchClass
from rekindle.workflows.outbox.put import put
from rekindle.workflows.paper.addresses import postal_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ADDRESS = {"street": "12 Elm Road", "city": "London", "postcode": "N1 7GU"}


@pytest.fixture
def dana() -> User:
    return staff(Role.MARKETER)


@pytest.fixture
def client(dana: User) -> Client:
    found = Client()
    found.force_login(dana)
    return found


@pytest.fixture
def cleo(dana: User) -> Relationship:
    return person("Cleo <b>Marchetti", country="GB", extra=ADDRESS, owner=dana)


def letter(to: Relationship, key: str = "card:1") -> Message:
    return put(
        to.party, words(), key=key, touch_class=TouchClass.RELATIONSHIP, made_by="test", channel=Channel.LETTER,
        recipient=postal_of(to.party), expires_at=timezone.now() + timedelta(days=9),
    )  # fmt: skip


def birthday(one: Relationship, *, in_days: int) -> tuple[Milestone, date]:
    on = timezone.now().date() + timedelta(days=in_days)
    # 28 February stands for the 29th, which not every year of a test has.
    on -= timedelta(days=(on.month, on.day) == (2, 29))
    kept = Milestone.objects.create(
        party=one.party, kind=MilestoneKind.BIRTHDAY.value, on=on.replace(year=1904), precision="month_day",
        may_remember=True,
    )  # fmt: skip
    return kept, on


def test_letters_are_chosen_printed_posted_and_the_pile_gives_its_pdf_again(client: Client, cleo: Relationship) -> None:
    message = letter(cleo)
    page = client.get("/paper/").content.decode()
    assert f'name="letter" value="{message.pk}"' in page
    assert "12 Elm Road" in page
    assert "Cleo &lt;b&gt;Marchetti" in page
    answer = client.post("/paper/print/", {"letter": [str(message.pk)]}, follow=True)
    run = PrintRun.objects.get()
    assert answer.redirect_chain == [(f"/paper/{run.pk}/", 302)]
    assert "1 letter is ready to be printed" in answer.content.decode()
    first, second = (client.get(f"/paper/{run.pk}/print.pdf") for _ in range(2))
    assert first["Content-Type"] == "application/pdf"
    assert first.content == second.content
    assert client.get(f"/paper/{run.pk}/addresses.pdf").content.startswith(b"%PDF")
    assert client.get(f"/paper/{run.pk}/print.pdf?form=letter").status_code == 404
    assert client.get(f"/paper/{run.pk}/print.pdf?form=poster").status_code == 404
    client.post(f"/paper/{run.pk}/posted/", {"on": timezone.now().date().isoformat()})
    assert PrintRun.objects.get().posted_on is not None
    assert "cannot be taken back" in client.post(f"/paper/{run.pk}/back/", follow=True).content.decode()


def test_a_pile_is_taken_back_and_its_letters_wait_again(client: Client, cleo: Relationship) -> None:
    message = letter(cleo)
    client.post("/paper/print/", {"letter": [str(message.pk)]})
    page = client.post(f"/paper/{PrintRun.objects.get().pk}/back/", follow=True).content.decode()
    assert "1 letter waits again" in page
    assert f'value="{message.pk}"' in client.get("/paper/").content.decode()


def test_who_the_rules_hold_back_is_listed_with_the_rule(client: Client, cleo: Relationship) -> None:
    message = letter(cleo)
    Party.objects.update(deceased_on=timezone.now().date())
    page = client.post("/paper/print/", {"letter": [str(message.pk)]}, follow=True).content.decode()
    assert "The rules let none of them go" in page
    assert Message.objects.get().state == MessageState.CANCELLED
    assert "Not printed, and why" in page
    assert message.subject in client.get("/paper/?list=held").content.decode()


def test_nothing_chosen_and_no_such_list_are_answered(client: Client) -> None:
    assert "0 letters are chosen" in client.post("/paper/print/", {"letter": ["x"]}, follow=True).content.decode()
    assert client.get("/paper/?list=nowhere").status_code == 404
    assert client.get("/paper/?after=x").status_code == 404


def test_a_day_to_remember_gets_a_card_on_paper(client: Client, cleo: Relationship) -> None:
    kept, on = birthday(cleo, in_days=20)
    page = client.get("/milestones/").content.decode()
    assert "Cleo &lt;b&gt;Marchetti" in page
    asked = {"kind": kept.kind, "milestone": str(kept.pk), "on": on.isoformat()}
    card = client.get(f"/people/{cleo.party_id}/card/", asked).content.decode()
    assert "Happy birthday" in card
    assert "12 Elm Road" in card
    said = {**asked, "front": "Happy birthday", "text": "Dear Cleo,\n\na good day to you.\n\nDana Frey"}
    looked = client.post(f"/people/{cleo.party_id}/card/", {**said, "do": "look", "text": "Only € 5 today"})
    assert "It sells" in looked.content.decode()
    assert not Message.objects.exists()
    answer = client.post(f"/people/{cleo.party_id}/card/", {**said, "do": "paper"}, follow=True)
    assert "It waits to be printed" in answer.content.decode()
    message = Message.objects.get()
    assert message.channel == Channel.LETTER
    assert message.text.startswith("Dear Cleo,\n\na good day to you.")
    assert "a card waits to be printed" in client.get("/milestones/").content.decode()
    assert message.subject in client.get("/paper/?list=soon").content.decode()


def test_a_card_by_hand_is_a_task_and_nothing_this_year_is_kept(client: Client, cleo: Relationship, dana: User) -> None:
    other = person("Ben Okafor", country="GB", owner=dana)
    for one, do in ((cleo, "hand"), (other, "nothing")):
        kept, on = birthday(one, in_days=20)
        asked = {"kind": kept.kind, "milestone": str(kept.pk), "on": on.isoformat(), "do": do}
        client.post(f"/people/{one.party_id}/card/", asked)
    assert set(Task.objects.values_list("suggestion", flat=True)) == {Suggestion.CARD.value}
    page = client.get("/milestones/").content.decode()
    assert "a card is to be written by hand" in page
    assert "nothing this year" in page


def test_a_card_by_hand_shows_where_it_goes_or_what_lacks(cleo: Relationship) -> None:
    def shown(party_id: int) -> str:
        return Template("{% load paper %}{% card_address of %}").render(Context({"of": party_id}))

    assert "12 Elm Road<br>" in shown(cleo.party_id)
    assert "Cleo &lt;b&gt;" in shown(cleo.party_id)
    assert "No address: There is no street" in shown(person("Ben Okafor").party_id)
    assert shown(987_654_321).strip() == ""


def test_a_day_of_somebody_else_or_a_wrong_one_is_not_there(client: Client, cleo: Relationship, dana: User) -> None:
    kept, on = birthday(cleo, in_days=20)
    other = person("Ben Okafor", owner=dana)
    asked = {"kind": kept.kind, "milestone": str(kept.pk), "on": on.isoformat()}
    assert client.get(f"/people/{other.party_id}/card/", asked).status_code == 404
    assert client.get(f"/people/{cleo.party_id}/card/", {**asked, "kind": "x"}).status_code == 404
    assert client.get(f"/people/{cleo.party_id}/card/").status_code == 404
    assert client.get("/milestones/?from=never").status_code == 404


def test_the_season_is_prepared_then_queued(client: Client, cleo: Relationship) -> None:
    page = client.get("/milestones/season/").content.decode()
    code = page.split('<option value="')[1].split('"')[0]
    shown = client.get("/milestones/season/", {"of": code, "by": "email"}).content.decode()
    assert "would get a card" in shown or "too late" in shown
    assert client.get("/milestones/season/", {"of": "moon"}).status_code == 200
    client.post("/milestones/season/queue/", {"of": "moon", "by": "letter"})
    assert not Message.objects.exists()


def test_who_reads_only_sees_and_does_nothing(cleo: Relationship) -> None:
    client, message = Client(), letter(cleo)
    client.force_login(staff(Role.ANALYST))
    assert "Print these" not in client.get("/paper/").content.decode()
    assert client.post("/paper/print/", {"letter": [str(message.pk)]}).status_code == 403
    assert Message.objects.get().state == MessageState.QUEUED
