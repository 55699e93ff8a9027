"""The part of a person's page that says how long it may last: chance, curve, reasons, and what is not known."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from people_cast import Cast, cast, staff

from rekindle import home as home_folder
from rekindle.accounts.roles import Role
from rekindle.journal.models import LifeOutlook, Night
from rekindle.relationships.models import Episode, Relationship
from rekindle.web.life_curve import HEIGHT, WIDTH, life_curve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

CURVE = [0.97, 0.94, 0.92, 0.9, 0.88, 0.86, 0.84, 0.82, 0.8, 0.79, 0.77, 0.76]
TRUST = {
    "auc": 0.83, "brier": 0.03, "log_loss": 0.11, "ece": 0.004, "n": 5_000, "plain_column": "visit_days_since",
    "plain": {"auc": 0.71, "brier": 0.03, "log_loss": 0.12, "ece": 0.005, "n": 5_000},
    "lives": 800, "endings": 150, "gain": 0.02, "gain_error": 0.004, "boundary": None,
}  # fmt: skip
HTMX = {"HX-Request": "true"}


@pytest.fixture
def four() -> Cast:
    return cast()


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def believed(relationship: Relationship, **fields: Any) -> LifeOutlook:
    given = {
        "as_of": date(2026, 3, 12), "model": "hazard", "life": 1, "period_days": 30, "horizon_days": 90,
        "p_end": 0.031, "p_end_horizon": 0.08, "by_cause": {"voluntary": 0.024, "payment": 0.007}, "curve": CURVE,
        "residual_days": 311, "renewal_value_minor": 41_200, "currency": "EUR", "unknown": "",
    }  # fmt: skip
    return LifeOutlook.objects.create(relationship=relationship, **{**given, **fields})


def a_night(**facts: Any) -> Night:
    """A finished night with what the step of leaving noted."""
    night = Night.objects.create(as_of=date(2026, 3, 12), inputs="x", state="done")
    noted = {
        "as_of": "2026-03-12", "period_days": 30, "model": "hazard", "why_none": "", "lives": 900, "endings": 150,
        "presumed": 20, "causes": [], "kinds": [], "trust": TRUST, "calibration": [], "weighty": [], "survival": None,
        "usual": 0.05,
    }  # fmt: skip
    folder = home_folder.night_folder(night.pk)
    folder.mkdir(parents=True)
    (folder / "leaving.json").write_text(json.dumps({**noted, **facts}))
    return night


def part(client: Client, relationship: Relationship, name: str = "person_leaving") -> str:
    answer = client.get(reverse(name, args=[relationship.party_id]), headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def goes_on(relationship: Relationship) -> None:
    Episode.objects.update_or_create(
        relationship=relationship,
        number=1,
        defaults={"began_on": date(2025, 1, 1), "last_seen_on": date(2026, 3, 1), "pulses": 9, "ended_on": None},
    )


def test_it_refuses_a_stranger_and_does_not_find_who_is_not_there(client: Client, four: Cast) -> None:
    for name in ("person_leaving", "person_leaving_why"):
        assert client.get(reverse(name, args=[four.ana.party_id])).status_code == 302
    client.force_login(staff(Role.ANALYST))
    for name in ("person_leaving", "person_leaving_why"):
        assert client.get(reverse(name, args=[four.ana.party_id])).status_code == 200
        assert client.get(reverse(name, args=[987_654])).status_code == 404


def test_the_page_of_a_person_asks_for_the_part_when_it_comes_into_sight(client: Client, dana: Any, four: Cast) -> None:
    shown = client.get(reverse("person", args=[four.ana.party_id])).content.decode()
    assert f'hx-get="{reverse("person_leaving", args=[four.ana.party_id])}" hx-trigger="revealed"' in shown


def test_chance_curve_value_and_trust_are_told_in_words(client: Client, dana: Any, four: Cast) -> None:
    a_night()
    believed(four.ana)
    shown = part(client, four.ana)
    assert "<html" not in shown
    for words in (
        "within 90 days", "8%", "Of everybody here it is 5%", "they chose to leave", "a payment or a technical failure",
        "311 days", "412", "named the right one 83 times in 100", "(time since the last visit) 71 times",
        "Learned from 150 told ends in 800 lives", "76% after 11 months", "no sign of life",
    ):  # fmt: skip
        assert words in shown, words
    assert "<svg" in shown
    assert shown.count("<tr>") == 1 + len(CURVE)
    assert f'hx-get="{reverse("person_leaving_why", args=[four.ana.party_id])}"' in shown  # reasons wait to be opened


def test_the_part_needs_no_trees_and_few_queries(client: Client, dana: Any, four: Cast, monkeypatch: Any) -> None:
    from rekindle.understand import hazard

    def loaded(*given: Any) -> Any:
        raise AssertionError("the trees were loaded for a page that did not ask for reasons")

    monkeypatch.setattr(hazard.Hazard, "from_json", loaded)
    a_night()
    believed(four.ana)
    part(client, four.ana)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        part(client, four.ana)
    assert len(asked) <= 9


def test_reasons_whose_files_are_gone_are_not_invented(client: Client, dana: Any, four: Cast) -> None:
    a_night()
    believed(four.ana)
    assert "no longer at hand" in part(client, four.ana, "person_leaving_why")


def test_who_gave_notice_is_told_so(client: Client, dana: Any, four: Cast) -> None:
    a_night()
    believed(
        four.ana, p_end=None, p_end_horizon=None, by_cause={}, curve=[], residual_days=None,
        renewal_value_minor=None, unknown="notice is given, so when it ends is known",
    )  # fmt: skip
    shown = part(client, four.ana)
    assert "Notice is given, so when it ends is known." in shown
    assert "<svg" not in shown


def test_a_value_that_is_not_known_says_why(client: Client, dana: Any, four: Cast) -> None:
    a_night()
    believed(four.ana, renewal_value_minor=None, unknown="their money is too new to tell what a month brings")
    shown = part(client, four.ana)
    assert "too new to tell what a month brings" in shown
    assert "not known" in shown


def test_a_life_that_goes_on_without_a_model_says_what_is_missing(client: Client, dana: Any, four: Cast) -> None:
    goes_on(four.ana)
    a_night(model=None, trust=None, usual=None, why_none="12 ends were told to us, 30 are needed.")
    assert "12 ends were told to us, 30 are needed." in part(client, four.ana)


def test_who_is_gone_has_no_part_and_a_page_that_says_so(client: Client, dana: Any, four: Cast) -> None:
    Episode.objects.filter(relationship=four.ben).delete()
    assert part(client, four.ben).strip() == ""
    whole = client.get(reverse("person_leaving", args=[four.ben.party_id])).content.decode()
    assert "there is nothing to say about its end" in whole
    assert "<html" in whole


def test_without_javascript_the_whole_is_one_page(client: Client, dana: Any, four: Cast) -> None:
    a_night()
    believed(four.ana)
    for name in ("person_leaving", "person_leaving_why"):
        whole = client.get(reverse(name, args=[four.ana.party_id])).content.decode()
        assert "<html" in whole
        assert "no longer at hand" in whole


def test_the_drawing_stays_inside_its_picture() -> None:
    drawn = life_curve([1.0, 0.5, 0.0], period_days=30)
    assert drawn is not None
    pairs = [point.split() for point in drawn.line[1:].split("L")]
    assert [float(x) for x, _ in pairs] == [0, WIDTH / 3, 2 * WIDTH / 3, WIDTH]
    heights = [float(y) for _, y in pairs]
    assert heights == sorted(heights)
    assert 0 <= heights[0] < heights[-1] <= HEIGHT
    assert drawn.last.days == 90
    assert life_curve([], period_days=30) is None
