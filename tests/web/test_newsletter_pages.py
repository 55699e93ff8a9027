"""The newsletter as people use it: written, looked at, sent by who may, followed, taken back."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from django.test import Client
from people_cast import consents, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import ContentItem, Issue, Job, Message
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """A home of its own."""


def signed_in(role: Role = Role.OWNER, name: str = "Olive Owner") -> Client:
    client = Client()
    client.force_login(staff(role, name=name))
    return client


def work() -> None:
    for job in Job.objects.filter(state="waiting").order_by("pk"):
        jobs._VERBS[job.verb](job, lambda _text: None)
        Job.objects.filter(pk=job.pk).update(state="done")


def form(*items: ContentItem, **parts: object) -> dict[str, object]:
    return {
        "title": "March at Oak Street", "opening": "Two things I liked.", "language": "en", "per_minute": "60",
        "items": [one.pk for one in items], **parts,
    }  # fmt: skip


def two_items() -> list[ContentItem]:
    return [ContentItem.objects.create(title=title, words="A few words.") for title in ("Walking", "Sleeping")]


def reader(name: str) -> int:
    one = person(name, email=f"{name.split()[0].lower()}@example.org", country="GB")
    consents(one, purpose=TouchClass.CONTENT)
    return one.party_id


def text_of(client: Client, address: str) -> str:
    return html.unescape(client.get(address).content.decode())


def test_an_issue_is_written_looked_at_sent_and_taken_back() -> None:
    client = signed_in()
    assert "No issue yet" in text_of(client, "/content/issues/")
    ana, dov = reader("Ana Weber"), person("Dov Nowhere").party_id
    response = client.post("/content/issues/new/", form(*two_items()))
    issue = Issue.objects.get()
    assert response["Location"] == f"/content/issues/{issue.pk}/"
    address = f"/content/issues/{issue.pk}/"
    assert "Look first who would get it." in text_of(client, address)
    client.post(f"{address}look/")
    page = text_of(client, address)
    assert "Working out who would get it" in page
    work()
    page = text_of(client, address)
    assert "As Ana Weber reads it" in page
    assert "Hello Ana Weber," in html.unescape(page)
    assert f'href="?person={ana}"' in page
    assert f'href="/people/{dov}/"' in page
    assert "Send it to 1 person" in page
    assert not Message.objects.exists()
    client.post(f"{address}send/")
    assert "Putting it into the outbox" in text_of(client, address)
    work()
    page = text_of(client, address)
    assert "1 message was put into the outbox." in page
    assert "1</b> waiting" in page
    assert Message.objects.get().party_id == ana
    client.post(f"{address}undo/")
    work()
    page = text_of(client, address)
    assert "1</b> held back by a rule" in page
    assert "Take back" not in page
    assert "taken back" in text_of(client, "/content/issues/")


def test_how_another_reads_it_and_that_it_is_too_little_for_some() -> None:
    client = signed_in()
    one, two = two_items()
    ContentItem.objects.filter(pk=two.pk).update(interests=["sleep"])
    ana = reader("Ana Weber")
    client.post("/content/issues/new/", form(one, two))
    issue = Issue.objects.get()
    assert "Fewer than two of its items fit them" in text_of(client, f"/content/issues/{issue.pk}/?person={ana}")


def test_what_cannot_be_is_said_and_what_was_written_stays() -> None:
    client = signed_in()
    page = html.unescape(client.post("/content/issues/new/", form(title="", opening="Stays.")).content.decode())
    assert "The title is missing" in page
    assert "Stays." in page
    assert not Issue.objects.exists()
    page = html.unescape(client.post("/content/issues/new/", form(per_minute="soon")).content.decode())
    assert "soon is no number" in page.casefold()
    client.post("/content/issues/new/", form())
    address = f"/content/issues/{Issue.objects.get().pk}/"
    assert "It holds fewer than 2 things" in text_of(client, address)
    page = html.unescape(client.post(f"{address}send/", follow=True).content.decode())
    assert "It holds fewer than 2 things worth reading" in page
    assert not Message.objects.exists()


def test_what_was_sent_is_not_written_again() -> None:
    client = signed_in()
    reader("Ana Weber")
    items = two_items()
    client.post("/content/issues/new/", form(*items))
    issue = Issue.objects.get()
    Issue.objects.update(state="queued")
    page = html.unescape(client.post(f"/content/issues/{issue.pk}/", form(*items, title="Other")).content.decode())
    assert f"Issue {issue.pk} is in the outbox" in page
    assert Issue.objects.get().title == "March at Oak Street"


def test_a_marketer_writes_and_looks_and_a_manager_sends() -> None:
    marketer = signed_in(Role.MARKETER, "Mara Marketer")
    reader("Ana Weber")
    marketer.post("/content/issues/new/", form(*two_items()))
    address = f"/content/issues/{Issue.objects.get().pk}/"
    marketer.post(f"{address}look/")
    work()
    assert "Who may change settings can send it." in text_of(marketer, address)
    assert marketer.post(f"{address}send/").status_code == 403
    signed_in(Role.MANAGER, "Max Manager").post(f"{address}send/")
    work()
    assert "Mara Marketer\nOak Street Gym" in Message.objects.get().text


def test_the_part_that_renews_itself_asks_for_the_whole_page_at_the_end() -> None:
    client = signed_in()
    client.post("/content/issues/new/", form(*two_items()))
    address = f"/content/issues/{Issue.objects.get().pk}/"
    client.post(f"{address}look/")
    part = client.get(f"{address}progress/", headers={"HX-Request": "true"})
    assert "Waiting for its turn" in part.content.decode()
    assert "<html" not in part.content.decode()
    assert client.get(f"{address}progress/").status_code == 302
    work()
    assert client.get(f"{address}progress/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_work_that_was_lost_is_told_and_gone_on_with() -> None:
    client = signed_in()
    reader("Ana Weber")
    client.post("/content/issues/new/", form(*two_items()))
    address = f"/content/issues/{Issue.objects.get().pk}/"
    client.post(f"{address}look/")
    work()
    client.post(f"{address}send/")
    Job.objects.filter(verb="issue_send").update(state="failed", error="gave up after 5 tries")
    page = text_of(client, address)
    assert "gave up after 5 tries" in page
    assert "Go on with it" in page
    client.post(f"{address}send/", {"do": "go_on"})
    work()
    assert Message.objects.count() == 1
    assert "Go on with it" not in text_of(client, address)


def test_the_list_of_issues_goes_on() -> None:
    client = signed_in()
    for n in range(31):
        Issue.objects.create(title=f"Issue number {n:02}", opening="x")
    page = text_of(client, "/content/issues/")
    assert "Issue number 30" in page
    assert "Issue number 00" not in page
    last = Issue.objects.order_by("-pk")[29].pk
    assert f'href="?before={last}"' in page
    assert "Issue number 00" in text_of(client, f"/content/issues/?before={last}")
