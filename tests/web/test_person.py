"""One person's page: their lives, what is believed, what may be said, their story, notes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import Cast, cast, consents, ended, person, staff, task

from rekindle import home as home_folder
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Night, Outlook
from rekindle.observe.history import EVENTS, History
from rekindle.relationships.models import Brand, Breakup, Episode, Note, Party, Relationship, WantBackDecision
from rekindle.relationships.vocabulary import Stage
from rekindle.web.ribbon import ribbon
from rekindle.web.templatetags.rekindle import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def four() -> Cast:
    return cast()


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def page(client: Client, party: Party, **asked: str) -> str:
    answer = client.get(reverse("person", args=[party.pk]), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def lived(party: Party, *events: tuple[str, datetime]) -> None:
    rows = [
        {"event_key": n, "party_id": party.pk, "occurred_at": at, "kind": kind, "source": "till", "intake": 1}
        for n, (kind, at) in enumerate(events)
    ]
    History(home_folder.history_folder()).append(pa.Table.from_pylist(rows, schema=EVENTS), intake=1)


def test_it_refuses_a_stranger(client: Client, four: Cast) -> None:
    for name in ("person", "person_story", "person_why_not", "person_note"):
        assert client.get(reverse(name, args=[four.ana.party_id])).status_code == 302


def test_somebody_who_is_not_there_is_not_found(client: Client, dana: Any) -> None:
    for name in ("person", "person_story", "person_why_not"):
        assert client.get(reverse(name, args=[987_654])).status_code == 404


def test_a_page_without_any_night_says_what_is_not_known(client: Client, dana: Any, four: Cast) -> None:
    shown = page(client, four.ana.party)
    assert "Ana Weber" in shown
    assert "the night has not read this person" in shown
    assert "Nothing is on record yet." in shown


def test_every_figure_shows_its_interval_its_model_and_its_day(client: Client, dana: Any, four: Cast) -> None:
    night = Night.objects.create(as_of=date(2026, 3, 12), inputs="x", state="done")
    Outlook.objects.create(
        relationship=four.ana, as_of=night.as_of, model="MBG/NBD", horizon_days=90, value_horizon_days=730,
        p_none=0.09, p_none_low=0.05, p_none_high=0.16, value_minor=69_000, value_low_minor=41_000,
        value_high_minor=108_000, currency="EUR",
    )  # fmt: skip
    shown = page(client, four.ana.party)
    for words in ("next 90 days", "9%", "5% – 16%", "690", "MBG/NBD", "12 March", "in 2 years", reverse("nights")):
        assert words in shown


def test_silence_counts_to_the_last_night_and_not_to_the_night_that_wrote(
    client: Client, dana: Any, four: Cast
) -> None:
    Night.objects.create(as_of=date(2026, 3, 12), inputs="x", state="done")
    Outlook.objects.create(
        relationship=four.ana, as_of=date(2026, 3, 1), model="mbgnbd", horizon_days=90, value_horizon_days=730,
        last_on=date(2026, 2, 20), silent_days=9, usual_gap=6.0, p_none=0.09, value_minor=69_000, currency="EUR",
    )  # fmt: skip
    shown = page(client, four.ana.party)
    for words in (
        "20 days",
        "14 days beyond the usual",
        "the model MBG/NBD",
        "stood so since 1 March",
        "Value is revenue",
    ):
        assert words in shown
    Outlook.objects.update(usual_gap=None)
    Brand.objects.update(margin="0.6000")
    shown = page(client, four.ana.party)
    for words in ("too few pauses of their own to tell", "Value is margin, 60%", "discounted by 10% a year"):
        assert words in shown
    assert "beyond the usual" not in shown


def test_who_gave_notice_is_believed_in_as_if_they_stayed(client: Client, dana: Any, four: Cast) -> None:
    leaves = timezone.localdate() + timedelta(days=9)
    Relationship.objects.filter(pk=four.ana.pk).update(stage=Stage.NOTICE.value)
    ended(four.ana, on=leaves)
    Outlook.objects.create(
        relationship=four.ana, as_of=date(2026, 3, 1), model="mbgnbd", horizon_days=90, value_horizon_days=730
    )
    shown = page(client, four.ana.party)
    assert f"As if they stayed. Notice is given: they leave on {day(leaves)}." in shown
    assert "It will end" in shown
    assert "Notice given by" in shown
    assert "It ended" not in shown


def test_the_quiet_time_ends_on_one_day_in_the_ribbon_and_the_story(client: Client, four: Cast) -> None:
    client.force_login(staff(Role.AGENT, time_zone="Pacific/Auckland"))
    Brand.objects.update(time_zone="Europe/Dublin")
    end = Breakup.objects.get(relationship=four.ben)
    assert Episode.objects.filter(relationship=four.ben, ended_on=end.ended_on).exists()
    Breakup.objects.update(quiet_until=datetime(2026, 6, 28, 23, tzinfo=UTC))
    shown = page(client, four.ben.party)
    assert "uiet until 28 June" not in shown
    assert shown.count("uiet until 29 June") >= 3  # the drawing, its list, the story


def test_after_an_end_the_four_answers_stand_there(client: Client, dana: Any, four: Cast) -> None:
    shown = page(client, four.ben.party)
    for words in ("Where do we stand?", "Still in contact?", "Top of mind?", "On good terms?", "Not known"):
        assert words in shown
    assert "four answers" not in page(client, four.ana.party)


def test_the_strip_says_what_the_rules_say(client: Client, dana: Any, four: Cast) -> None:
    consents(four.ben)
    Breakup.objects.filter(relationship=four.ben).update(quiet_until=timezone.now() + timedelta(days=40))
    shown = page(client, four.ben.party)
    assert "In the quiet time after the end, until " in shown
    assert shown.count('class="mark wait"') >= 4
    assert 'class="mark ok"' not in page(client, four.dov.party)


def test_the_story_is_told_and_goes_on_with_older(client: Client, dana: Any, four: Cast) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lived(four.ana.party, *(("purchase", start + timedelta(days=n)) for n in range(60)))
    shown = page(client, four.ana.party)
    assert shown.count('class="line money"') == 40
    older = re.search(r'href="([^"]+before=[^"]+)"', shown)
    assert older is not None
    url = older[1].replace("&amp;", "&")
    rest = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert rest.count('class="line money"') == 20
    assert "<html" not in rest
    assert "This is where the story begins." in rest
    assert "The story of Ana Weber" in client.get(url).content.decode()


def test_the_story_may_be_told_in_one_voice(client: Client, dana: Any, four: Cast) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lived(four.ana.party, ("purchase", at), ("complaint", at + timedelta(days=1)))
    url = reverse("person_story", args=[four.ana.party_id])
    part = client.get(url, {"voice": "money"}, headers={"HX-Request": "true"}).content.decode()
    assert "Purchase" in part
    assert "Complaint" not in part
    assert 'aria-current="true"' in part


@pytest.mark.parametrize("before", ["x", "2026-13-01T00:00:00", "9999-12-31T23:59:59+00:00"])
def test_a_made_up_place_in_the_story_is_not_found(client: Client, dana: Any, four: Cast, before: str) -> None:
    assert client.get(reverse("person_story", args=[four.ana.party_id]), {"before": before}).status_code == 404


def test_why_not_answers_with_and_without_htmx(client: Client, dana: Any, four: Cast) -> None:
    url = reverse("person_why_not", args=[four.dov.party_id])
    asked = {"class": "relationship", "channel": "email", "at": "2026-03-12T12:00"}
    whole = client.get(url, asked).content.decode()
    part = client.get(url, asked, headers={"HX-Request": "true"}).content.decode()
    for shown in (whole, part):
        assert "Asked never to be contacted again" in shown
        assert "suppressed" in shown
    assert "<html" in whole
    assert "<html" not in part


def test_why_not_reads_the_time_in_the_readers_zone(client: Client, four: Cast) -> None:
    client.force_login(staff(Role.ANALYST, time_zone="America/New_York"))
    consents(four.ben)
    decider = staff(Role.MANAGER)
    WantBackDecision.objects.create(relationship=four.ben, answer="yes", reason="good years", decided_by=decider)
    url = reverse("person_why_not", args=[four.ben.party_id])
    asked = {"class": "research", "channel": "in_person"}
    assert "Yes, you may." not in client.get(url, {**asked, "at": "2026-06-02T19:59"}).content.decode()
    assert "Yes, you may." in client.get(url, {**asked, "at": "2026-06-02T20:00"}).content.decode()


@pytest.mark.parametrize("asked", [{"class": "x"}, {"class": "service", "channel": "email", "at": "soon"}])
def test_half_a_question_is_asked_again(client: Client, dana: Any, four: Cast, asked: dict[str, str]) -> None:
    answer = client.get(reverse("person_why_not", args=[four.ana.party_id]), asked)
    assert answer.status_code == 200
    assert "Choose what it is for" in answer.content.decode()


def test_a_note_is_kept_once_and_shown(client: Client, dana: Any, four: Cast) -> None:
    url = reverse("person_note", args=[four.ana.party_id])
    for _ in range(2):
        assert client.post(url, {"text": " Likes <b>early</b> mornings.\r\nCall after nine. "}).status_code == 302
    note = Note.objects.get()
    assert (note.text, note.by) == ("Likes <b>early</b> mornings.\nCall after nine.", dana)
    assert "Likes &lt;b&gt;early" in page(client, four.ana.party)
    assert "early" not in str(AuditEntry.objects.get(verb="note.written").details)


@pytest.mark.parametrize("text", ["", "   ", "x" * 5_001])
def test_a_note_that_cannot_be_kept_says_why(client: Client, dana: Any, four: Cast, text: str) -> None:
    answer = client.post(reverse("person_note", args=[four.ana.party_id]), {"text": text}, follow=True)
    assert "note" in answer.content.decode()
    assert not Note.objects.exists()


def test_who_only_reads_writes_no_note(client: Client, four: Cast) -> None:
    client.force_login(staff(Role.ANALYST))
    assert client.post(reverse("person_note", args=[four.ana.party_id]), {"text": "hi"}).status_code == 403
    assert reverse("person_note", args=[four.ana.party_id]) not in page(client, four.ana.party)


def test_a_waiting_suggestion_can_be_answered_here(client: Client, dana: Any, four: Cast) -> None:
    one = task(four.ana)
    assert reverse("task_answer", args=[one.pk]) in page(client, four.ana.party)


def test_a_party_without_a_relationship_has_a_page(client: Client, dana: Any) -> None:
    assert "no relationship yet" in page(client, Party.objects.create(name="Lone"))


def test_the_queries_do_not_grow_with_the_history(
    client: Client, dana: Any, four: Cast, django_assert_max_num_queries: Any
) -> None:
    at = timezone.now()
    for n in range(12):
        Note.objects.create(relationship=four.ben, text=f"n{n}", by=staff())
        task(four.ben, state="done", answered_at=at, answered_by=staff())
    with django_assert_max_num_queries(75):
        page(client, four.ben.party)


def test_the_ribbon_keeps_lives_and_breaks_to_scale() -> None:
    gone = person("Gone", since=None)
    first = Episode(relationship=gone, number=1, began_on=date(2021, 1, 1), last_seen_on=date(2022, 12, 1), pulses=90,
                    ended_on=date(2023, 1, 1))  # fmt: skip
    second = Episode(relationship=gone, number=2, began_on=date(2024, 1, 1), last_seen_on=date(2024, 6, 1), pulses=1)
    end = Breakup(relationship=gone, ended_on=date(2023, 1, 1), quiet_until=datetime(2023, 4, 1, tzinfo=UTC))
    drawn = ribbon([second, first], breakups=[end], today=date(2025, 1, 1), zone=ZoneInfo("UTC"))
    assert drawn is not None
    assert [(piece.wash, piece.is_life) for piece in drawn.pieces] == [
        ("was", True), ("quiet", False), ("line", False), ("ok", True),
    ]  # fmt: skip
    assert [round(float(piece.width.rstrip("%"))) for piece in drawn.pieces] == [50, 6, 19, 25]
    assert "then back" in drawn.summary
    assert all(tick.label.isdigit() for tick in drawn.ticks)


def test_no_life_is_no_ribbon_and_a_day_old_life_is_seen() -> None:
    assert ribbon([], breakups=[], today=date(2025, 1, 1), zone=ZoneInfo("UTC")) is None
    one = Episode(number=1, began_on=date(2025, 1, 1), last_seen_on=date(2025, 1, 1), pulses=1)
    drawn = ribbon([one], breakups=[], today=date(2025, 1, 1), zone=ZoneInfo("UTC"))
    assert drawn is not None
    assert drawn.pieces[0].width == "1.20%"


def test_no_page_carries_inline_style(client: Client, dana: Any, four: Cast) -> None:
    task(four.ana)
    for url in (reverse("today"), reverse("people"), reverse("person", args=[four.ana.party_id])):
        shown = client.get(url).content.decode()
        assert " style=" not in shown
        assert "<style" not in shown
        assert " onclick" not in shown


def test_the_history_is_never_made_by_looking(client: Client, dana: Any, four: Cast, home: Path) -> None:
    page(client, four.ana.party)
    assert not (home / "history").exists()
