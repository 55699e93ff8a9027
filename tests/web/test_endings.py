"""The endings desk, the form of an end, one end: who stands where, what may be done, by whom."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import ended, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.endings_queries import MANY, Column, Wanted, column
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Party, Relationship, WantBackDecision
from rekindle.relationships.reasons import PUSHES, REASONS
from rekindle.relationships.vocabulary import BreakupKind, Stage
from rekindle.workflows import part
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def left(by: User, *, ago: int = 5, name: str = "Ben Okafor", **told: Any) -> Breakup:
    return part.record_end(person(name), by=by, told=Told(ended_on=day(-ago), **told)).breakup


def shown(client: Client, name: str, *args: Any, **asked: str) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, end: Breakup, deed: str, **given: str) -> str:
    answer = client.post(reverse("end_do", args=[end.pk]), {"deed": deed, **given}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def everywhere(by: User) -> None:
    """One relationship in each stage the desk shows."""
    for stage in (Stage.PHOENIX, Stage.WOOING, Stage.OLD_FRIENDS, Stage.CLOSED):
        person(f"In {stage.value}", stage=stage)
    left(by, ago=-9, name="Nora Notice")
    left(by, ago=5, name="Ellen Ended")
    left(by, ago=100, name="Dora Decide")
    silent(name="Sam Silent")


def silent(name: str = "Sam Silent") -> Relationship:
    relationship = person(name, stage=Stage.PRESUMED_BREAKUP)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=day(-90), pulses=30,
        ended_on=day(-60), is_presumed=True, ended_chance=0.94,
    )  # fmt: skip
    return relationship


def test_it_refuses_a_stranger(client: Client) -> None:
    end = left(staff())
    party = end.relationship.party_id
    for name, args in (
        ("endings", []), ("endings_column", ["ended"]), ("end", [end.pk]), ("end_record", [party]),
        ("quiet_second", []),
    ):  # fmt: skip
        assert client.get(reverse(name, args=args)).status_code == 302
    for name, args in (("end_do", [end.pk]), ("end_shorten", [end.pk]), ("presumed", [party]), ("end_record", [party])):
        assert client.post(reverse(name, args=args)).status_code == 302


def test_who_only_reads_sees_all_and_changes_nothing(client: Client) -> None:
    end = left(staff())
    client.force_login(staff(Role.ANALYST))
    assert "Ben Okafor" in shown(client, "endings")
    assert "Keep the answer" not in shown(client, "end", end.pk)
    party = end.relationship.party_id
    for name, number in (("end_do", end.pk), ("end_shorten", end.pk), ("presumed", party), ("end_record", party)):
        assert client.post(reverse(name, args=[number]), {"deed": "undo", "reason": "x"}).status_code == 403
    end.refresh_from_db()
    assert end.withdrawn_at is None


def test_what_is_not_there_is_not_found(client: Client, dana: User) -> None:
    for name, args in (("end", [99]), ("end_record", [99]), ("endings_column", ["nowhere"]), ("quiet_second", [])):
        assert client.get(reverse(name, args=args)).status_code == 404
    assert client.post(reverse("end_do", args=[left(dana).pk]), {"deed": "nothing"}).status_code == 404


def test_an_empty_desk_says_what_to_do(client: Client, dana: User) -> None:
    assert "Nobody has left" in shown(client, "endings")


def test_everyone_stands_in_one_column_and_the_counts_add_up_to_the_stages(client: Client, dana: User) -> None:
    everywhere(dana)
    page = shown(client, "endings")
    assert "8 relationships on this desk" in page
    for slug, name in (("notice", "Nora"), ("ended", "Ellen"), ("decide", "Dora"), ("back", "In phoenix")):
        part_of = page.split(f'id="column-{slug}"')[1].split("</section>")[0]
        assert name in part_of
        assert part_of.count("<article") == 1
    wanted = Wanted(at=timezone.now())
    counts = {which: column(which, wanted=wanted, limit=5).count or 0 for which in Column}
    in_stages = Relationship.objects.filter(stage__in=[s.value for which in Column for s in which.stages]).count()
    assert sum(counts.values()) == in_stages == 8


def test_a_card_shows_the_quiet_the_words_and_both_losses(client: Client, dana: User) -> None:
    left(dana, ago=41, kind=BreakupKind.AFFORDABILITY, reasons=("budget",))
    page = shown(client, "endings")
    assert "day 41 of 90" in page
    assert "less money, or a job lost" in page
    assert "never summed" in page


def test_filters_narrow_every_column(client: Client, dana: User) -> None:
    mine = left(dana, name="Mine Own", kind=BreakupKind.MOVED)
    left(dana, name="Other One", kind=BreakupKind.PULLED)
    Relationship.objects.filter(pk=mine.relationship_id).update(owner=dana)
    for asked in ({"whose": "mine"}, {"kind": "i1_moved"}):
        page = shown(client, "endings", **asked)
        assert ("Mine Own" in page, "Other One" in page) == (True, False)
    assert "Other One" in shown(client, "endings", kind="nonsense")


def test_a_column_pages_by_key_and_htmx_gets_the_cards_only(client: Client, dana: User) -> None:
    for n in range(45):
        ended(person(f"P{n:02}", stage=Stage.BREAKUP, since=day(-n)), on=day(-n))
    first = shown(client, "endings_column", "ended")
    following = re.search(r'href="[^"]*\?(after=[\d.]+)"', first)
    assert following is not None
    address = reverse("endings_column", args=["ended"]) + "?" + following[1]
    rest = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in rest
    names = [re.findall(r">(P\d\d)</a>", text) for text in (first, rest)]
    assert names[0] + names[1] == [f"P{n:02}" for n in range(45)]
    assert "P00" in shown(client, "endings_column", "ended", after="rubbish")


def test_a_column_of_many_is_walked_by_number() -> None:
    relationship = person(stage=Stage.PHOENIX)
    brand = relationship.brand
    parties = Party.objects.bulk_create(Party(name=f"P{n}") for n in range(MANY + 5))
    Relationship.objects.bulk_create(
        Relationship(party=party, brand=brand, stage=Stage.PHOENIX.value) for party in parties
    )
    wanted = Wanted(at=timezone.now())
    first = column(Column.BACK, wanted=wanted, limit=3)
    second = column(Column.BACK, wanted=wanted, limit=3, after=first.next)
    numbers = [card.relationship.pk for page in (first, second) for card in page.cards]
    assert first.count is None
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 6


def test_the_desk_asks_the_same_number_of_questions_however_many_stand_there(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    everywhere(dana)
    for n in range(6):
        left(dana, ago=5 + n, name=f"P{n}")
        silent(name=f"S{n}")
    with django_assert_max_num_queries(50):
        shown(client, "endings")


def test_a_day_is_enough_to_record_an_end(client: Client, dana: User) -> None:
    relationship = person()
    address = reverse("end_record", args=[relationship.party_id])
    form = client.get(address).content.decode()
    assert form.index("It is done.") < form.index('class="card end-form"')
    answer = client.post(address, {"ended_on": day(-1).isoformat()}, follow=True)
    end = Breakup.objects.get()
    assert answer.redirect_chain == [(reverse("end", args=[end.pk]), 302)]
    page = answer.content.decode()
    assert "The end is kept." in page
    assert "Day 1 of 90" in page
    assert "whether we would like them back" in page


def test_all_that_was_said_is_kept(client: Client, dana: User) -> None:
    given = {
        "ended_on": day(0).isoformat(), "kind": "v1_dissatisfied", "reason_1": "rude_service", "reason_2": "outage",
        "verbatim": "Nobody <b>rang</b> back.", "feeling": "angry", "wound": "wounded", "terms": "sore",
        "competitor": "FitBox", "return_condition": "a sauna", "expected_return_on": day(200).isoformat(),
    }  # fmt: skip
    client.post(reverse("end_record", args=[person().party_id]), given)
    end = Breakup.objects.get()
    assert (end.reasons, end.feeling, end.wound, end.terms_after) == (
        ["rude_service", "outage"], "angry", "wounded", "sore",
    )  # fmt: skip
    page = shown(client, "end", end.pk)
    assert "Nobody &lt;b&gt;rang&lt;/b&gt; back." in page
    assert "Day 0 of 120" in page


@pytest.mark.parametrize(("kind", "by"), [("i1_moved", "circumstance"), ("q1_quiet_fade", "nobody"), ("", "customer")])
def test_the_kind_says_who_ended_it(client: Client, dana: User, kind: str, by: str) -> None:
    client.post(reverse("end_record", args=[person().party_id]), {"ended_on": day(0).isoformat(), "kind": kind})
    assert Breakup.objects.get().initiator == by


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"ended_on": ""}, "This field is required"),
        ({"ended_on": "2026-02-31"}, "Enter a valid date"),
        ({"ended_on": "2199-01-01"}, "five years"),
        ({"ended_on": "2026-01-05", "kind": "c1_toxic"}, "Select a valid choice"),
        ({"ended_on": "2026-01-05", "reason_1": "fit", "reason_2": "not_asked"}, "said to be unknown"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_keeps_nothing(
    client: Client, dana: User, given: dict[str, str], complaint: str
) -> None:
    answer = client.post(reverse("end_record", args=[person().party_id]), given)
    assert complaint in answer.content.decode()
    assert not Breakup.objects.exists()


def test_the_answer_is_kept_with_its_reason_and_brake(client: Client, dana: User) -> None:
    end = left(dana)
    assert "It has only just happened" in shown(client, "end", end.pk)
    page = do(client, end, "decide", answer="no", reason="good riddance")
    assert "looked at again in thirty days" in page
    assert WantBackDecision.objects.get().review_on == day(30)
    assert "needs a day" in do(client, end, "decide", answer="maybe", reason="perhaps")
    assert "no answer is chosen".capitalize() in do(client, end, "decide", reason="perhaps")


def test_each_deed_does_what_its_button_says(client: Client, dana: User) -> None:
    end = left(dana)
    assert "They wrote first" in do(client, end, "wrote")
    assert "longer now" in do(client, end, "extend", until=day(200).isoformat(), reason="asked for time")
    assert "The day is missing" in do(client, end, "extend", until="2026-02-31", reason="asked for time")
    assert "corrected" in do(client, end, "correct", ended_on=day(-4).isoformat(), reason="the letter")
    assert "moved on since" in do(client, end, "undo", reason="slip")


def test_a_slip_and_a_notice_are_taken_back(client: Client, dana: User) -> None:
    assert "as it was before" in do(client, left(dana), "undo", reason="slip")
    assert "they stay" in do(client, left(dana, ago=-9, name="Nora"), "withdraw", reason="a cheaper plan")


def test_a_shorter_quiet_takes_a_link_and_a_colleague(client: Client, dana: User) -> None:
    end = left(dana)
    asked = {"until": day(20).isoformat(), "reason": "he asked us to ring"}
    page = client.post(reverse("end_shorten", args=[end.pk]), asked).content.decode()
    link = re.search(r"(/endings/second/\?t=[\w:%.-]+)", page)
    assert link is not None
    assert "he asked" not in link[1]
    token = link[1].partition("t=")[2].replace("%3A", ":")
    assert "Hand the link to a colleague" in client.get(link[1]).content.decode()
    refused = client.post(reverse("quiet_second"), {"t": token}, follow=True).content.decode()
    assert "two different people" in refused
    client.force_login(second := staff(Role.MANAGER, name="Ravi Nair"))
    assert "he asked us to ring" in client.get(link[1]).content.decode()
    for _ in range(2):
        client.post(reverse("quiet_second"), {"t": token})
    row = CoolingOff.objects.get(superseded_at=None)
    assert (row.shortened_by, row.seconded_by, row.ends_at.date()) == (dana, second, day(20))
    assert client.get(reverse("quiet_second"), {"t": token + "x"}).status_code == 404


def test_a_presumed_end_is_confirmed_or_denied(client: Client, dana: User) -> None:
    one, other = silent(), silent(name="Kai")
    assert "It is over" in shown(client, "endings")
    client.post(reverse("presumed", args=[one.party_id]), {"answer": "yes"})
    client.post(reverse("presumed", args=[other.party_id]), {"answer": "no", "reason": "met him"})
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.stage, other.stage) == ("cooling_off", "ongoing")
    again = client.post(reverse("presumed", args=[one.party_id]), {"answer": "no", "reason": "x"}, follow=True)
    assert "No end is presumed here any more" in again.content.decode()


def test_reasons_and_lengths_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "endings.md").read_text(encoding="utf-8")
    assert not [one.code for one in REASONS if f"| `{one.code}` | {one.label} |" not in text]
    assert not [push for push in PUSHES.values() if push not in text]
