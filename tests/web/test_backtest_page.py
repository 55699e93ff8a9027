"""The page "How far to trust it": the models asked about the past, from the press of the button to the figures."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from rekindle import home as homes
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Intake, Job, JobState
from rekindle.workflows import jobs, take_in

LAST = date(2025, 6, 30)
FIGURES = ("log_loss", "brier", "auc", "mae", "total_error", "count_log_score", "calibration_error")


def figures(*values: float | None) -> dict[str, float | None]:
    return dict(zip(FIGURES, values, strict=True))


def model(name: str, mean: dict[str, Any], *, chosen: bool = False, why: str = "") -> dict[str, Any]:
    spread = {key: None if value is None else 0.01 for key, value in mean.items()}
    return {"model": name, "cutoffs": 2, "mean": mean, "spread": spread, "chosen": chosen, "why": why}


def trial(name: str, *, expected: float | None, refused: str | None = None) -> dict[str, Any]:
    groups = [
        {"people": 600, "told": 0.2, "seen": 0.21, "low": 0.19, "high": 0.23},
        {"people": 600, "told": 0.8, "seen": 0.7, "low": 0.68, "high": 0.72},
    ]
    return {"model": name, "expected": expected, "calibration": groups, "refused": refused}


MODELS = [
    model("mbgnbd", figures(0.40, 0.10, 0.80, 0.70, -0.05, -0.6, 0.02), chosen=True,
          why="Used: the only model that beat the rate baseline."),
    model("nbd", figures(0.45, 0.12, 0.79, 0.90, 0.30, -0.7, 0.09),
          why="Not used: it did not beat the rate baseline."),
    model("rate", figures(0.44, 0.11, 0.78, 0.80, 0.12, None, 0.05), why="Shown for comparison."),
    model("recency", figures(0.41, 0.11, 0.77, 0.65, 0.02, None, 0.04), why="Shown for comparison."),
]  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "as_of": "2026-03-12",
    "horizon_days": 90,
    "pulse": ["visit"],
    "why_pulse": "",
    "winner": MODELS[0],
    "models": MODELS,
    "cutoffs": [
        {"cutoff": "2025-09-13", "people": 1000, "repeat_purchases": 900, "seen": 2000,
         "trials": [trial("mbgnbd", expected=None, refused="the fit ran to its edge")]},
        {"cutoff": "2025-12-12", "people": 1200, "repeat_purchases": 1500, "seen": 2500,
         "trials": [trial("mbgnbd", expected=2375.0)]},
    ],
    "skipped": {"2025-06-15": "12 people are too few"},
    "drift": {
        "has_drifted": True,
        "text": "",
        "shifts": [
            {"feature": "silence", "then": 900, "now": 950, "median_then": 6.0, "median_now": 19.0, "psi": 0.31,
             "psi_by_chance": 0.05, "ks": 0.2, "ks_p": 1e-9, "has_drifted": True, "text": ""},
            {"feature": "x", "then": 900, "now": 950, "median_then": 3.0, "median_now": 3.0, "psi": 0.01,
             "psi_by_chance": 0.05, "ks": 0.02, "ks_p": 0.4, "has_drifted": False, "text": ""},
        ],
        "misses": [
            {"quantity": "purchases", "expected": 2375.0, "seen": 2500.0, "low": 2300.0, "high": 2700.0,
             "has_drifted": False, "text": ""},
            {"quantity": "none", "expected": 0.4, "seen": 0.5, "low": 0.46, "high": 0.54, "has_drifted": True,
             "text": ""},
        ],
        "unknown": {"gap": "it needs 30 people then and now; there are 12 and 9"},
    },
    "notes": ["Judged on a steady sample of one in 3 people."],
}  # fmt: skip


def member(role: Role) -> User:
    return User.objects.create_user(f"{role.value}@example.org", role=role.value)


@pytest.fixture
def owner(client: Client, db: None, home: Path) -> User:
    user = member(Role.OWNER)
    client.force_login(user)
    return user


def keep(document: Any) -> None:
    (homes.prepare() / "backtest.json").write_text(document if isinstance(document, str) else json.dumps(document))


def words(client: Client) -> str:
    page = client.get(reverse("backtest")).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# Doors, and asking


@pytest.mark.parametrize("name", ["backtest", "backtest_progress"])
def test_a_stranger_is_sent_to_sign_in(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name)).url.startswith(reverse("account_login"))


def test_without_data_it_sends_to_taking_in_and_offers_no_button(client: Client, owner: User) -> None:
    page = client.get(reverse("backtest")).content.decode()

    assert "There is nothing to look back on yet" in page
    assert reverse("backtest_run") not in page


def test_with_data_it_offers_to_ask(client: Client, owner: User) -> None:
    Intake.objects.create(kind="events", source="till", fingerprint="f", state="taken")

    assert "Ask the models about the past" in words(client)


def test_it_is_asked_for_once_and_the_asking_is_kept(client: Client, owner: User) -> None:
    for _ in range(2):
        assert client.post(reverse("backtest_run")).url == reverse("backtest")

    job = Job.objects.get(verb="backtest")
    assert job.by == owner
    assert AuditEntry.objects.filter(verb="job.asked", subject=f"job:{job.pk}").count() == 1
    assert "The models are being asked already; you see it here." in words(client)


def test_asking_by_get_changes_nothing(client: Client, owner: User) -> None:
    assert client.get(reverse("backtest_run")).status_code == 405
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST])
def test_a_role_that_may_not_ask_still_reads(client: Client, db: None, home: Path, role: Role) -> None:
    client.force_login(member(role))
    keep(DOCUMENT)

    page = client.get(reverse("backtest"))

    assert page.status_code == 200
    assert reverse("backtest_run") not in page.content.decode()
    assert client.post(reverse("backtest_run")).status_code == 403
    assert not Job.objects.exists()


def test_the_work_under_way_renews_itself_until_it_is_over(client: Client, owner: User) -> None:
    client.post(reverse("backtest_run"))
    Job.objects.update(state=JobState.RUNNING.value, progress="judging the models")

    part = client.get(reverse("backtest_progress"), headers={"HX-Request": "true"}).content.decode()
    whole = words(client)
    Job.objects.update(state=JobState.DONE.value)
    ended = client.get(reverse("backtest_progress"), headers={"HX-Request": "true"})

    assert "judging the models" in part
    assert "<html" not in part
    assert "Ask the models about the past" not in whole
    assert ended["HX-Refresh"] == "true"
    assert client.get(reverse("backtest_progress")).url == reverse("backtest")


def test_why_it_failed_is_said_until_one_was_kept(client: Client, owner: User) -> None:
    ended = timezone.now() - timedelta(minutes=5)
    Job.objects.create(verb="backtest", state="failed", error="the history spans 9 days.", ended_at=ended)
    assert "the history spans 9 days." in words(client)

    keep(DOCUMENT)
    assert "the history spans 9 days." not in words(client)


@pytest.mark.parametrize("broken", ['{"as_of": "2026', "[]", '{"winner": {}}', '{"cutoffs": [], "winner": {}}'])
def test_an_answer_that_cannot_be_read_is_said_not_shown(client: Client, owner: User, broken: str) -> None:
    keep(broken)
    Intake.objects.create(kind="events", source="till", fingerprint="f", state="taken")

    text = words(client)

    assert "The last answer cannot be read any more. Ask again." in text
    assert "Ask the models about the past" in text


# Figures


def test_it_says_who_is_trusted_how_wrong_it_was_and_when_it_was_run(client: Client, owner: User) -> None:
    keep(DOCUMENT)
    kept = datetime.fromtimestamp((homes.home() / "backtest.json").stat().st_mtime, tz=UTC)

    text = words(client)

    assert "MBG/NBD is to be trusted most" in text
    assert "Asked on 2 earlier days what the 90 days after each would bring, MBG/NBD did best." in text
    assert "it told 5.0 % too few on average, give or take 1.0 % from day to day" in text
    assert "At the chance that somebody comes at all" not in text
    assert "off by 0.70 days on average; repeating everyone&#x27;s own past rate by 0.80." in text
    assert f"at {timezone.localtime(kept):%H:%M}." in text
    assert "Judged on a steady sample of one in 3 people." in text


def test_a_guess_that_told_the_chances_better_than_the_trusted_one_is_named(client: Client, owner: User) -> None:
    sure = {**MODELS[3], "mean": {**MODELS[3]["mean"], "log_loss": 0.2}}
    keep({**DOCUMENT, "models": [*MODELS[:3], sure]})

    assert "At the chance that somebody comes at all, the plain guess “Silence only” was better." in words(client)


def test_a_plain_guess_that_won_is_called_one(client: Client, owner: User) -> None:
    rate = {**MODELS[2], "chosen": True, "why": "Used: no model beat it."}
    keep({**DOCUMENT, "winner": rate, "models": [{**MODELS[0], "chosen": False}, rate],
          "cutoffs": [{**one, "trials": [trial("rate", expected=2000.0)]} for one in DOCUMENT["cutoffs"]]})  # fmt: skip

    text = words(client)

    assert "No model did better here than the plain guess “Own rate”, and so the guess is used." in text
    assert "a plain guess" in text


def test_models_stand_side_by_side_and_are_held_against_both_guesses(client: Client, owner: User) -> None:
    keep(DOCUMENT)

    table = client.get(reverse("backtest")).context["page"].table

    assert [line.code for line in table.lines] == ["mbgnbd", "nbd", "rate", "recency"]
    verdicts = {line.code: [str(said) for _guess, said in line.verdicts] for line in table.lines}
    assert verdicts == {
        "mbgnbd": ["better", "better at chances, not at counts"],
        "nbd": ["no better", "no better"],
        "rate": [],
        "recency": [],
    }
    titles = [str(head.title) for head in table.heads]
    best = {title: [line.code for line in table.lines if line.cells[i].is_best] for i, title in enumerate(titles)}
    assert best["Mean error of the count"] == ["recency"]
    assert best["Error of the total"] == ["recency"]
    assert best["Log loss"] == ["mbgnbd"]
    assert table.lines[0].cells[1].text == "−5.0 %"
    assert table.lines[0].cells[1].spread == "1.0 %"


def test_every_day_that_was_asked_is_listed_also_where_it_does_not_count(client: Client, owner: User) -> None:
    keep(DOCUMENT)

    text = words(client)

    assert "does not count: the fit ran to its edge 1,000 not known 2,000 –" in text
    assert "1,200 2,375 2,500 −5.0 %" in text
    assert "15 June 2025 was left out: 12 people are too few" in text


def test_the_calibration_is_of_the_newest_day(client: Client, owner: User) -> None:
    keep(DOCUMENT)

    text = words(client)

    assert "that they were told on 12 December 2025. In 1 of them the share that stayed away for 90 days" in text
    assert "80% 70% 68%–72% 600" in text


def test_people_who_changed_are_told_with_figures(client: Client, owner: User) -> None:
    keep(DOCUMENT)

    text = words(client)

    assert "People have changed since the figures were learned: how long people are silent." in text
    assert "Expected were 40% people who stayed away, of all; it came to 50%." in text
    assert "half are silent up to 6 days 19 days 0.310 0.050 changed a lot" in text
    assert "half came back up to 3 times 3 times 0.010 0.050 as before" in text
    assert "2,375 2,500 2,300–2,700 as expected" in text
    assert "Not compared: it needs 30 people then and now; there are 12 and 9" in text


def test_people_who_stayed_as_they_were_are_told_calmly(client: Client, owner: User) -> None:
    drift = DOCUMENT["drift"]
    calm = {
        "shifts": [{**one, "has_drifted": False} for one in drift["shifts"]],
        "misses": [{**one, "has_drifted": False} for one in drift["misses"]],
    }
    keep({**DOCUMENT, "drift": {**drift, **calm, "has_drifted": False}})

    page = client.get(reverse("backtest")).content.decode()

    assert "People have not changed in a way that so many of them could show." in page
    assert 'class="notice note drift"' not in page


# The whole way


@pytest.mark.django_db(transaction=True)
def test_pressing_the_button_ends_in_figures_of_ones_own(client: Client, home: Path, tmp_path: Path) -> None:
    client.force_login(member(Role.OWNER))
    rng = np.random.default_rng(3)
    lines = ["customer,date,amount,currency\n"]
    for number in range(120):
        day = LAST - timedelta(days=int(rng.integers(30, 700)))
        pace = rng.gamma(2.0, 12.0) + 3
        while day <= LAST:
            lines.append(f"c{number},{day.isoformat()},9.00,EUR\n")
            if rng.random() < 0.15:
                break
            day += timedelta(days=1 + int(rng.exponential(pace)))
    file = tmp_path / "sales.csv"
    file.write_text("".join(lines))
    intake = take_in.begin([file], kind="events")
    take_in.stage(intake)
    take_in.commit(intake)

    client.post(reverse("backtest_run"))
    assert jobs.run_next()
    answer = client.get(reverse("backtest"))

    assert Job.objects.get(verb="backtest").state == JobState.DONE, Job.objects.get(verb="backtest").error
    page = answer.context["page"]
    assert sum(line.is_chosen for line in page.table.lines) == 1
    assert page.calibration is not None
    assert page.calibration.people == page.cutoffs[-1].people
    assert "is to be trusted most" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_too_short_a_history_comes_back_as_one_sentence(client: Client, home: Path) -> None:
    client.force_login(member(Role.OWNER))

    client.post(reverse("backtest_run"))
    assert jobs.run_next()

    assert "there is no history yet" in words(client)
