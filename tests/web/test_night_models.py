"""What the night's page shows of models: side by side, then one by one; people who changed; told against seen."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import Fit, Night
from rekindle.web.drift_pages import drift_view
from rekindle.web.model_table import Contender, model_table
from rekindle.web.night_words import METRICS

SHIFT = {
    "feature": "gap", "then": 900, "now": 950, "median_then": 6.04, "median_now": 12.0, "psi": 0.15,
    "psi_by_chance": 0.05, "ks": 0.2, "ks_p": 1e-9, "has_drifted": True, "text": "",
}  # fmt: skip
MISS = {
    "quantity": "purchases", "expected": 1203.4, "seen": 1010.0, "low": 950.0, "high": 1100.0, "has_drifted": True,
    "text": "",
}  # fmt: skip


def held(mae: float, log_loss: float, **more: Any) -> dict[str, Any]:
    return {"n": 90, "mae": mae, "log_loss": log_loss, "auc": 0.8, "brier": 0.1, "total_error": 0.02, **more}


def night(**facts: Any) -> Night:
    return Night.objects.create(as_of=date(2026, 3, 12), inputs="x", state="done", people=100, facts=facts)


def fit(of: Night, model: str, **fields: Any) -> Fit:
    given_: dict[str, Any] = {
        "parameters": {"r": 0.5}, "n": 100, "held_out": {}, "baselines": {}, "is_chosen": False, "why": "",
        "fingerprint": "f", "log_likelihood": None,
    }  # fmt: skip
    return Fit.objects.create(night=of, model=model, **{**given_, **fields})


@pytest.fixture
def owner(client: Client, db: None) -> User:
    user = User.objects.create_user("owner@example.org", role=Role.OWNER.value)
    client.force_login(user)
    return user


def words(client: Client, of: Night) -> str:
    page = client.get(reverse("night", args=[of.pk])).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def whole_night() -> Night:
    """A night with every model there is: five of coming, two guesses, what leaves, what comes back, what is spent."""
    one = night()
    guesses = {"rate": held(0.8, 0.44, auc=None), "recency": held(0.65, 0.41)}
    for place, name in enumerate(("bgnbd", "mbgcnbd", "mbgnbd", "nbd", "paretonbd")):
        fit(one, name, held_out=held(0.7 + place / 10, 0.40 + place / 50), baselines=guesses,
            is_chosen=name == "mbgnbd")  # fmt: skip
    for name, figures in guesses.items():
        fit(one, name, held_out=figures, baselines=guesses)
    fit(one, "gammagamma", is_chosen=True)
    fit(
        one, "hazard", is_chosen=True, parameters={"trees": 120, "learning rate": 0.05, "of": {}},
        held_out={"auc": 0.81, "brier": 0.0412, "log_loss": 0.15, "ece": 0.012, "n": 5000},
        baselines={"plain": {"auc": 0.7, "brier": 0.0455, "log_loss": 0.17, "ece": 0.02, "n": 5000}},
        why="Used: ahead of the plain guesses by 0.0200 nats a life, standard error 0.0040.",
    )  # fmt: skip
    fit(one, "return_hazard", is_chosen=True, held_out={"brier": 0.08}, baselines={"alike": {"brier": 0.09}})
    fit(one, "second_lives", parameters={"ratio": 0.8, "second_days": 240.13})
    return one


def test_models_of_coming_stand_in_one_table_the_used_one_first_and_guesses_last(client: Client, owner: User) -> None:
    table = client.get(reverse("night", args=[whole_night().pk])).context["page"].models

    assert table.lines[0].code == "mbgnbd"
    assert [line.code for line in table.lines][-2:] == ["rate", "recency"]
    assert len(table.lines) == 7
    assert "Score of the exact count" not in [str(head.title) for head in table.heads]  # nobody brought it


def test_every_other_model_has_a_card_with_its_own_figures(client: Client, owner: User) -> None:
    cards = {
        card.fit.model: card for card in client.get(reverse("night", args=[whole_night().pk])).context["page"].fits
    }

    assert "rate" not in cards
    assert [cell.text for cell in cards["hazard"].scores[0].cells] == ["0.810", "0.700"]
    assert [str(head) for head in cards["hazard"].heads] == ["Who leaves, and when", "One plain fact"]
    assert [str(head) for head in cards["return_hazard"].heads] == ["Who comes back", "Everyone alike"]
    assert [(p.name, p.value) for p in cards["hazard"].parameters] == [("learning rate", "0.0500"), ("trees", "120")]
    assert cards["hazard"].why.text == (
        "Used, because on people it had not seen it told better than every plain guess."
    )
    assert cards["second_lives"].parameters[1].value == "240.1"


def test_what_is_not_used_is_folded_away_and_second_lives_are_never_called_unused(client: Client, owner: User) -> None:
    page = client.get(reverse("night", args=[whole_night().pk])).context["page"]

    assert [card.fit.model for card in page.used] == ["mbgnbd", "hazard", "return_hazard", "gammagamma", "second_lives"]
    assert [card.fit.model for card in page.unused] == ["bgnbd", "mbgcnbd", "nbd", "paretonbd"]
    assert "4 more that are not used" in words(client, Night.objects.get())


def test_a_card_does_not_repeat_what_the_table_says(client: Client, owner: User) -> None:
    one = whole_night()

    assert words(client, one).count("Mean error of the count") == 2  # the head of the column and its meaning
    page = client.get(reverse("night", args=[one.pk])).content.decode()
    assert page.count('<table class="stacks scores">') == 2  # who leaves, who comes back


def test_a_guess_written_beside_a_model_only_still_stands_in_the_table(client: Client, owner: User) -> None:
    one = night()
    fit(one, "mbgnbd", held_out=held(0.7, 0.4), baselines={"rate": held(0.8, 0.44)}, is_chosen=True)

    table = client.get(reverse("night", args=[one.pk])).context["page"].models

    assert [(line.code, [str(said) for _, said in line.verdicts]) for line in table.lines] == [
        ("mbgnbd", ["better"]),
        ("rate", []),
    ]


@given(st.floats(0.1, 2), st.floats(0.1, 2), st.floats(0.1, 2), st.floats(0.1, 2))
def test_a_model_is_better_only_where_it_is(mae: float, loss: float, rate_mae: float, rate_loss: float) -> None:
    table = model_table(
        [
            Contender("nbd", is_chosen=True, figures={"mae": mae, "log_loss": loss}, spreads={}),
            Contender("rate", is_chosen=False, figures={"mae": rate_mae, "log_loss": rate_loss}, spreads={}),
        ],
        metrics=METRICS,
    )

    assert table is not None
    [(_guess, said)] = table.lines[0].verdicts
    assert (said == "better") == (mae < rate_mae and loss < rate_loss)
    assert (said == "no better") == (mae >= rate_mae and loss >= rate_loss)


def test_one_model_alone_is_no_comparison() -> None:
    assert model_table([], metrics=METRICS) is None
    alone = Contender("nbd", is_chosen=True, figures={"mae": 1.0}, spreads={})
    silent = Contender("rate", is_chosen=False, figures={"mae": None}, spreads={})
    assert model_table([alone, silent], metrics=METRICS) is None


# People who changed


def test_people_who_changed_are_a_calm_notice_with_figures(client: Client, owner: User) -> None:
    one = night(drift={"has_drifted": True, "text": "", "shifts": [SHIFT], "misses": [MISS], "unknown": {}})

    text = words(client, one)

    assert "People have changed since the figures were learned: the pause between two visits." in text
    assert "Expected were 1,203 days with a sign of life, all people together; it came to 1,010." in text
    assert "half pause up to 6 days 12 days 0.150 0.050 changed" in text
    assert "1,203 1,010 950–1,100 off" in text
    assert "notice note drift" in client.get(reverse("night", args=[one.pk])).content.decode()


def test_people_as_before_are_no_notice(client: Client, owner: User) -> None:
    drift = {"has_drifted": False, "text": "", "shifts": [{**SHIFT, "has_drifted": False}], "misses": [], "unknown": {}}
    one = night(drift=drift)
    fit(one, "mbgnbd", held_out=held(0.7, 0.4), is_chosen=True)

    page = client.get(reverse("night", args=[one.pk])).content.decode()

    assert "People have not changed in a way that so many of them could show." in page
    assert "notice note drift" not in page


@pytest.mark.parametrize(
    ("facts", "has_drifted", "said"),
    [
        ({"why_none": "12 people are too few."}, None, "cannot be told: 12 people are too few."),
        ({"has_drifted": False, "shifts": [], "misses": [], "unknown": {}}, False, "whether people changed cannot"),
    ],
)
def test_what_cannot_be_told_is_said(facts: dict[str, Any], has_drifted: bool | None, said: str) -> None:
    view = drift_view(facts)

    assert view is not None
    assert view.has_drifted is has_drifted
    assert said in view.sentence


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"psi": 0.25}, "changed a lot"),
        ({"psi": 0.249}, "changed"),
        ({"psi": 0.09, "has_drifted": False}, "changed, but little"),
        ({"psi": 0.05, "has_drifted": False}, "as before"),
        ({"psi": 0.09, "has_drifted": False, "ks_p": 0.01}, "as before"),
    ],
)
def test_a_shift_is_called_by_its_size(changed: dict[str, Any], said: str) -> None:
    view = drift_view({"shifts": [{**SHIFT, **changed}], "misses": [], "unknown": {}})

    assert view is not None
    assert view.shifts[0].verdict == said


def test_a_night_that_did_not_look_says_nothing() -> None:
    assert drift_view(None) is None
    assert drift_view({}) is None


def test_told_against_seen_is_drawn_where_a_fit_kept_it(client: Client, owner: User) -> None:
    one = night()
    groups = [{"told": 0.1, "seen": 0.12, "low": 0.08, "high": 0.16, "n": 50}]
    fit(one, "hazard", held_out={"auc": 0.8, "calibration": groups, "n": 50}, is_chosen=True)

    assert "One dot for 1 group of people" in words(client, one)
