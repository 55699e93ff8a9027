"""The pages of the playbooks: list, flow, people and versions, the text with a dry run, turning on, a preview."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from people_cast import staff
from playbook_cast import DAY, WOO, left, woo

from rekindle.accounts.roles import Role
from rekindle.journal import playbook_queries
from rekindle.journal.models import AuditEntry, Enrolment, EnrolmentStep, Playbook, PlaybookState, PlaybookVersion
from rekindle.workflows.playbooks import books, enter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def olive(client: Client) -> Any:
    user = staff(Role.OWNER, name="Olive Owner")
    client.force_login(user)
    return user


def gone(name: str, by: Any, **fields: Any) -> Any:
    return left(name, by, quiet_over=timezone.now() - 2 * DAY, **fields)


def entered(by: Any, *names: str) -> Playbook:
    row = woo(by)
    for name in names:
        gone(name, by)
    enter.enter(row)
    return row


def html(client: Client, name: str, *args: Any, **asked: Any) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_an_empty_list_says_so(client: Client, olive: Any) -> None:
    assert "No playbook yet" in html(client, "playbooks")


def test_the_list_tells_state_people_and_the_next_step(client: Client, olive: Any) -> None:
    entered(olive, "Cleo <b>Hart</b>", "Dara Quinn")
    page = html(client, "playbooks")
    for words in ("A slow way back", "Three soft touches.", "2 people are under way.", "The next step is due", ">on<"):
        assert words in page, words
    books.pause("woo", by=olive)
    page = html(client, "playbooks")
    assert ">paused<" in page
    assert "Nothing moves until it goes on." in page


def test_more_than_are_counted_is_said_so(client: Client, olive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playbook_queries, "COUNTED", 1)
    row = entered(olive, "Cleo Hart", "Dara Quinn")
    found = playbook_queries.under_way([row])[row.pk]
    assert found.people is None
    assert found.next_due == Enrolment.objects.order_by("due_at")[0].due_at
    assert "More than 1,000 people are under way." in html(client, "playbooks")


def test_the_flow_draws_occasion_waits_conditions_and_exits(client: Client, olive: Any) -> None:
    woo(olive)
    page = html(client, "playbook", "woo")
    for words in ("the quiet after an end is over", "waits 21 days", "Only for those who have not answered",
                  "Silence, on purpose", "They replied", "Closed for good", "yes, maybe, looked at again later",
                  "Hello {{ name }}, how are you?", "The plan takes 72 days"):  # fmt: skip
        assert words in page, words


def test_who_is_in_it_by_state_and_page(client: Client, olive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from rekindle.web.views import playbooks as view

    monkeypatch.setattr(view, "PEOPLE", 1)
    entered(olive, "Cleo <b>Hart</b>", "Dara Quinn")
    page = html(client, "playbook", "woo")
    assert "Dara Quinn" in page
    assert "Cleo" not in page
    newest = Enrolment.objects.order_by("-pk")[0].pk
    part = client.get(reverse("playbook", args=["woo"]), {"before": newest}, headers=HTMX).content.decode()
    assert "Cleo &lt;b&gt;Hart" in part
    assert "<html" not in part
    books.turn_off("woo", by=olive)
    page = html(client, "playbook", "woo", state="left")
    assert "the playbook was turned off" in page


def test_pages_of_many_ask_no_more_than_pages_of_few(client: Client, olive: Any) -> None:
    entered(olive, "Cleo Hart")
    with CaptureQueriesContext(connection) as few:
        html(client, "playbook", "woo")
    for name in ("Dara Quinn", "Eli Moss", "Fay Rowe", "Gus Lane"):
        gone(name, olive)
    enter.enter(books.playbook("woo"))
    with CaptureQueriesContext(connection) as many:
        html(client, "playbook", "woo")
    assert Enrolment.objects.count() == 5
    assert len(many) <= len(few)


def test_two_versions_stand_side_by_side(client: Client, olive: Any) -> None:
    woo(olive)
    books.new_version(WOO.replace("wait_days: 30", "wait_days: 35"), by=olive, note="slower at the end")
    page = html(client, "playbook", "woo")
    assert "slower at the end" in page
    assert "<del>- wait_days: 30</del>" in page
    assert "<ins>- wait_days: 35</ins>" in page
    assert "It is the first one." in html(client, "playbook", "woo", version="1")


def test_turning_on_says_first_what_will_happen(client: Client, olive: Any) -> None:
    books.new_version(WOO, by=olive)
    gone("Cleo Hart", olive)
    gone("Toxic Tom", olive)
    Enrolment.objects.all().delete()
    from rekindle.relationships.models import Relationship

    Relationship.objects.filter(party__name="Toxic Tom").update(terms="toxic")
    page = html(client, "playbook_turn", "woo", to="on")
    assert "What will happen" in page
    assert "Not on such terms with us" in page
    assert Playbook.objects.get().state == PlaybookState.OFF.value
    answer = client.post(reverse("playbook_turn", args=["woo"]), {"to": "on"}, follow=True)
    assert "It is on." in answer.content.decode()
    assert Playbook.objects.get().state == PlaybookState.ON.value
    assert AuditEntry.objects.filter(verb="playbook.on", actor=olive).exists()
    assert not Enrolment.objects.exists()  # turning on lets nobody in by itself; the night does


@pytest.mark.parametrize(
    ("turns", "state"),
    [(["pause"], "paused"), (["pause", "resume"], "on"), (["off"], "off"), (["pause", "off"], "off")],
)
def test_each_turn_leads_where_it_says(client: Client, olive: Any, turns: list[str], state: str) -> None:
    woo(olive)
    for to in turns:
        assert client.get(reverse("playbook_turn", args=["woo"]), {"to": to}).status_code == 200
        client.post(reverse("playbook_turn", args=["woo"]), {"to": to})
    assert Playbook.objects.get().state == state


def test_a_turn_that_cannot_be_is_said_and_changes_nothing(client: Client, olive: Any) -> None:
    books.new_version(WOO, by=olive)
    answer = client.post(reverse("playbook_turn", args=["woo"]), {"to": "pause"}, follow=True)
    assert "It is off. Turn it on first." in answer.content.decode()
    answer = client.post(reverse("playbook_turn", args=["woo"]), {"to": "sideways"}, follow=True)
    assert "Say whether to turn it on" in answer.content.decode()
    assert Playbook.objects.get().state == "off"


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_only_owners_and_managers_turn_and_write(client: Client, role: Role) -> None:
    books.new_version(WOO, by=staff(Role.OWNER))
    client.force_login(staff(role))
    page = html(client, "playbook", "woo")
    assert "An owner or a manager turns playbooks on and off." in page
    assert client.post(reverse("playbook_turn", args=["woo"]), {"to": "on"}).status_code == 403
    assert client.post(reverse("playbook_edit", args=["woo"]), {"text": WOO, "do": "keep"}).status_code == 403
    assert client.get(reverse("playbook_new")).status_code == 403
    assert Playbook.objects.get().state == "off"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (WOO.replace("letter: open_door", "letter: no_such"), 17, "There is no letter"),
        (WOO.replace("days: 14", "days: many"), 9, "is not of type"),
        (WOO.replace('title: {en: "A slow way back"}', 'title: {en: "A'), None, "It is not YAML"),
        (WOO.replace("family: woo", "family: woo\nodd: 1"), 2, "Additional properties"),
    ],
)
def test_a_fault_names_its_line_and_the_words_stay(
    client: Client, olive: Any, text: str, line: int | None, words: str
) -> None:
    woo(olive)
    before = PlaybookVersion.objects.count()
    answer = client.post(reverse("playbook_edit", args=["woo"]), {"text": text, "do": "keep", "note": "x & y"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert words in page
    assert "<b>Line " in page if line is None else f"<b>Line {line}</b>" in page
    assert 'value="x &amp; y"' in page
    assert "after_quiet" in page
    assert PlaybookVersion.objects.count() == before


def test_keeping_makes_a_version_and_looking_does_not(client: Client, olive: Any) -> None:
    woo(olive)
    gone("Cleo <i>Hart</i>", olive)
    slower = WOO.replace("wait_days: 30", "wait_days: 40")
    page = client.post(reverse("playbook_edit", args=["woo"]), {"text": slower, "do": "look"}).content.decode()
    assert "If it held today" in page
    assert "Cleo &lt;i&gt;Hart" in page
    assert "The plan takes 82 days" in page
    assert PlaybookVersion.objects.count() == 1
    asked = {"text": slower, "do": "keep", "note": "more air", "after": "1"}
    answer = client.post(reverse("playbook_edit", args=["woo"]), asked)
    assert answer.status_code == 302
    assert PlaybookVersion.objects.get(number=2).note == "more air"
    stale = {"text": WOO.replace("wait_days: 30", "wait_days: 50"), "do": "keep", "after": "1"}
    page = client.post(reverse("playbook_edit", args=["woo"]), stale).content.decode()
    assert "Version 2 was kept meanwhile" in page
    assert PlaybookVersion.objects.count() == 2


def test_another_name_is_another_playbook(client: Client, olive: Any) -> None:
    woo(olive)
    other = WOO.replace("playbook: woo", "playbook: other")
    page = client.post(reverse("playbook_edit", args=["woo"]), {"text": other, "do": "keep"}).content.decode()
    assert "It calls itself other" in page
    page = client.post(reverse("playbook_new"), {"text": WOO, "do": "keep"}).content.decode()
    assert "There is a playbook woo already" in page
    assert client.post(reverse("playbook_new"), {"text": other, "do": "keep"}).status_code == 302
    assert Playbook.objects.get(code="other").state == "off"


def test_what_a_new_one_begins_with_is_a_whole_plan(client: Client, olive: Any) -> None:
    from rekindle.web.views.playbooks import _PLACEHOLDER

    assert "my_plan" in html(client, "playbook_new")
    assert client.post(reverse("playbook_new"), {"text": _PLACEHOLDER, "do": "keep"}).status_code == 302
    assert Playbook.objects.get().code == "my_plan"


def test_a_dry_run_names_people_by_reason_and_writes_nothing(
    client: Client, olive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rekindle.web.views import playbooks as view

    monkeypatch.setattr(view, "NAMES", 1)
    woo(olive)
    gone("Cleo Hart", olive)
    gone("Dara Quinn", olive)
    page = html(client, "playbook_dry_run", "woo")
    assert "Cleo Hart" in page
    assert "Dara Quinn" not in page
    assert "after=0" in page
    part = client.get(reverse("playbook_dry_run", args=["woo"]), {"after": 0}, headers=HTMX).content.decode()
    assert "Dara Quinn" in part
    assert "<html" not in part
    assert not Enrolment.objects.exists()
    assert client.get(reverse("playbook_dry_run", args=["woo"]), {"after": "x"}).status_code == 404


def test_a_preview_shows_day_road_words_and_rule(client: Client, olive: Any) -> None:
    woo(olive)
    cleo = gone("Cleo Hart", olive)
    page = html(client, "playbook_preview", "woo", cleo.party_id)
    for words in ("They are not in it.", "task for a human, call", "Hello Cleo Hart, how are you?",
                  "Silence, on purpose", "Olive Owner"):  # fmt: skip
        assert words in page, words
    assert not Enrolment.objects.exists()
    enter.enter(books.playbook("woo"))
    one = Enrolment.objects.get()
    EnrolmentStep.objects.create(enrolment=one, step=0, at=timezone.now(), outcome="refused", why="no_basis")
    Enrolment.objects.update(step=1)
    page = html(client, "playbook_preview", "woo", cleo.party_id)
    assert "Done so far" in page
    assert "a rule said no" in page
    assert "no basis" in page


def test_one_persons_plans_are_a_part_and_a_page(client: Client, olive: Any) -> None:
    entered(olive, "Cleo Hart")
    party = Enrolment.objects.get().relationship.party_id
    part = client.get(reverse("person_plans", args=[party]), headers=HTMX).content.decode()
    assert "A slow way back" in part
    assert "Step 1 of 5" in part
    assert "<html" not in part
    nobody = staff()
    from people_cast import person

    other = person("Nora Noplan", owner=nobody)
    assert "They are in no plan." in html(client, "person_plans", other.party_id)
    part = client.get(reverse("person_plans", args=[other.party_id]), headers=HTMX).content.decode()
    assert part.strip() == ""


def test_no_such_playbook_is_404(client: Client, olive: Any) -> None:
    for name in ("playbook", "playbook_turn", "playbook_edit", "playbook_dry_run"):
        assert client.get(reverse(name, args=["nothing"])).status_code == 404, name
    woo(olive)
    assert client.get(reverse("playbook_preview", args=["woo", 987_654])).status_code == 404
    assert client.get(reverse("playbook_turn", args=["woo"]), {"to": "sideways"}).status_code == 404
