"""If they came back: figures for who is gone, none for who asked for silence, nothing for who is here."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import ended, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import Night, ReturnOutlook
from rekindle.relationships.models import Relationship, Resurfacing
from rekindle.relationships.vocabulary import Commercial, Contact, Stage
from rekindle.workflows import coming_back
from rekindle.workflows.suppress import suppress

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}
AS_OF = date(2026, 3, 1)


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def gone(name: str = "Ben <i>Okafor</i>", *, email: str = "ben@example.org", **fields: Any) -> Relationship:
    relationship = person(name, email=email, stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, **fields)
    ended(relationship, on=date(2025, 9, 1))
    return relationship


def believed(relationship: Relationship, **fields: Any) -> ReturnOutlook:
    figures: dict[str, Any] = {
        "as_of": AS_OF, "group": "told / moved / none / under a year", "months_away": 6, "p_return_3": 0.08,
        "p_return_6": 0.14, "p_return_12": 0.23, "p_return_12_low": 0.17, "p_return_12_high": 0.31,
        "second_days": 300, "second_value_minor": 48_000, "second_value_low_minor": 41_000,
        "second_value_high_minor": 55_000, "currency": "EUR", **fields,
    }  # fmt: skip
    return ReturnOutlook.objects.create(relationship=relationship, **figures)


def night() -> Night:
    kind = {"ends": 80, "returns": 20, "why_none": "", "away": 1200, "back": 84.2, "back_low": 70.4, "back_high": 99.0}
    quiet = {"ends": 3, "returns": 0, "why_none": "3 ends are too few", "away": 0, "back": None, "back_low": None,
             "back_high": None}  # fmt: skip
    none = {"n": 2, "why_none": "2 second lives are too few", "why_no_money": ""}
    facts = {"headline": "told", "kinds": {"told": kind, "presumed": quiet}, "second": {"told": none, "presumed": none}}
    return Night.objects.create(as_of=AS_OF, inputs="x", state="done", facts={"returning": facts})


def page(client: Client, relationship: Relationship, **headers: str) -> str:
    answer = client.get(reverse("person_returning", args=[relationship.party_id]), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_figures_stand_with_their_range_their_group_and_their_day(client: Client, dana: Any) -> None:
    ben = gone()
    believed(ben)
    night()
    text = page(client, ben)
    assert "Ben &lt;i&gt;Okafor" in text
    for words in (
        "23%",
        "17% – 31%",
        "within 3 months",
        "8%",
        "6 months",
        "480",
        "410",
        "550",
        "life moved on",
        "1 March",
    ):
        assert words in text, words
    assert "who told us that it is over" in text


def test_htmx_gets_the_part_only(client: Client, dana: Any) -> None:
    ben = gone()
    believed(ben)
    part = page(client, ben, **HTMX)
    assert part.lstrip().startswith("<section")
    assert "<html" not in part


def test_what_is_not_known_says_why(client: Client, dana: Any) -> None:
    ben = gone()
    unknown = dict.fromkeys(
        ("p_return_12", "p_return_12_low", "p_return_12_high", "p_return_6", "second_days", "second_value_minor",
         "second_value_low_minor", "second_value_high_minor")
    )  # fmt: skip
    believed(ben, unknown="returns can be told for the first 9 months after such an end", **unknown)
    night()
    text = page(client, ben)
    assert "Returns can be told for the first 9 months after such an end." in text
    assert "2 second lives are too few" in text
    assert "8%" in text
    assert "23%" not in text


@pytest.mark.parametrize("how", ["suppressed", "silent", "closed"])
def test_who_asked_for_silence_gets_no_figure_anywhere(how: str, client: Client, dana: Any) -> None:
    dov = gone("Dov Katz", email="dov@example.org")
    believed(dov)
    Resurfacing.objects.create(party=dov.party, via="door", matched_by="link")
    if how == "suppressed":
        suppress(dov.party, reason="asked", source="preferences", by=dana)
    elif how == "silent":
        Relationship.objects.filter(pk=dov.pk).update(contact=Contact.SILENT.value)
    else:
        Relationship.objects.filter(pk=dov.pk).update(stage=Stage.CLOSED.value)
    text = page(client, dov)
    assert "left in silence for good" in text
    assert "%" not in text.split('id="returning"')[1].split("</section>")[0]
    assert "23%" not in client.get(reverse("returns")).content.decode()


def test_who_is_here_has_nothing_to_show(client: Client, dana: Any) -> None:
    ana = person()
    assert "their relationship is not over" in page(client, ana)
    assert page(client, ana, **HTMX).strip() == ""


def test_strangers_and_people_who_are_not_there(client: Client) -> None:
    ben = gone()
    assert client.get(reverse("person_returning", args=[ben.party_id])).status_code == 302
    client.force_login(staff(Role.ANALYST))
    assert client.get(reverse("person_returning", args=[999_999])).status_code == 404


def test_the_desk_says_how_many_may_come_and_how_likely_who_spoke_to_us_is(client: Client, dana: Any) -> None:
    night()
    ben = gone("Ben Okafor")
    believed(ben)
    Resurfacing.objects.create(party=ben.party, via="door", matched_by="link")
    text = client.get(reverse("returns")).content.decode()
    assert "Of 1,200 people who told us that it is over, about 84 (70 to 99) come back within a year" in text
    assert "chance to come back within a year: 23% (17% – 31%)" in text
    assert "whose silence was taken" not in text  # nothing can be told of them


def test_many_who_spoke_to_us_take_no_more_questions(
    client: Client, dana: Any, django_assert_max_num_queries: Any
) -> None:
    people = [gone(f"Ben {number}", email=f"ben{number}@example.org") for number in range(12)]
    for one in people:
        believed(one)
    with django_assert_max_num_queries(3):
        assert len(coming_back.chances(people)) == 12
