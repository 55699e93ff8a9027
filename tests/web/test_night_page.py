"""The page of the night: counts that add up, fits beside their baselines, signs with intervals, the curve of lives."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide.explain import CHOSEN, Reason
from rekindle.journal.models import Fit, Intake, Job, JobState, Night, NightStep, SignRecord
from rekindle.understand import blend
from rekindle.understand.caution_signs import Sign
from rekindle.understand.choice import GUESSES, MODELS
from rekindle.web import night_words
from rekindle.web.survival_chart import POINTS, survival_chart

STAGES = {"ongoing": 70, "at_risk": 12, "courtship": 18}
DECISIONS = {"nothing": 96, "check_in": 3, "thank_you": 1}
NOTHING_BECAUSE = {"sleeping_well": 90, "capacity": 6}
HELD_OUT = {
    "n": 90,
    "mae": 2.5,
    "total_error": -0.031,
    "auc": 0.88,
    "log_loss": 0.4,
    "brier": 0.12,
    "count_log_score": -2.0,
}
RATE = {**HELD_OUT, "mae": 3.25, "total_error": 0.12, "auc": None, "log_loss": 0.5, "count_log_score": None}
SURVIVAL = {
    "days": [0, 100, 200, 400, 800],
    "alive": [1.0, 0.9, 0.7, 0.5, 0.4],
    "low": [1.0, 0.88, 0.66, 0.45, 0.33],
    "high": [1.0, 0.92, 0.74, 0.55, 0.47],
    "n": 130,
}


def member(role: Role) -> User:
    return User.objects.create_user(f"{role.value}@example.org", role=role.value)


def night(**fields: Any) -> Night:
    given = {
        "as_of": date(2026, 3, 12),
        "inputs": f"inputs-{Night.objects.count()}",
        "state": "done",
        "people": 100,
        "stages": STAGES,
        "decisions": DECISIONS,
        "facts": {"survival": SURVIVAL, "nothing_because": NOTHING_BECAUSE},
    }
    return Night.objects.create(**{**given, **fields})


def fit(of: Night, model: str = "mbgnbd", **fields: Any) -> Fit:
    given: dict[str, Any] = {
        "parameters": {"r": 0.5251, "alpha": 43.28},
        "log_likelihood": -9582.13,
        "n": 100,
        "held_out": HELD_OUT,
        "baselines": {"rate": RATE},
        "is_chosen": True,
        "why": "beats both plain guesses",
        "fingerprint": "f",
    }
    return Fit.objects.create(night=of, model=model, **{**given, **fields})


@pytest.fixture
def owner(client: Client, db: None) -> User:
    user = member(Role.OWNER)
    client.force_login(user)
    return user


def text_of(client: Client, address: str) -> str:
    page = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# Doors


@pytest.mark.parametrize("address", ["/nights/", "/nights/1/", "/nights/progress/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, db: None, address: str) -> None:
    assert client.get(address).url.startswith(reverse("account_login"))


def test_without_data_the_page_sends_to_taking_in(client: Client, owner: User) -> None:
    answer = client.get(reverse("nights"))

    assert "There is nothing to read yet" in answer.content.decode()
    assert reverse("nights_start") not in answer.content.decode()


def test_with_data_the_page_offers_the_first_night(client: Client, owner: User) -> None:
    Intake.objects.create(kind="events", source="till", fingerprint="f", state="taken")

    assert "Start the first night" in client.get(reverse("nights")).content.decode()


def test_a_night_that_does_not_exist_is_not_found(client: Client, owner: User) -> None:
    assert client.get(reverse("night", args=[404])).status_code == 404


def test_a_night_is_asked_for_once(client: Client, owner: User) -> None:
    for _ in range(2):
        assert client.post(reverse("nights_start")).url == reverse("nights")

    assert Job.objects.get(verb="nightly").by == owner


def test_asking_by_get_changes_nothing(client: Client, owner: User) -> None:
    assert client.get(reverse("nights_start")).status_code == 405
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST])
def test_a_role_that_may_not_start_a_night_still_reads_it(client: Client, db: None, role: Role) -> None:
    client.force_login(member(role))
    night()

    page = client.get(reverse("nights"))

    assert page.status_code == 200
    assert reverse("nights_start") not in page.content.decode()
    assert client.post(reverse("nights_start")).status_code == 403
    assert not Job.objects.exists()


# Numbers


def test_the_stages_add_up_to_everyone_and_say_so(client: Client, owner: User) -> None:
    page = client.get(reverse("night", args=[night().pk]))

    assert page.context["page"].stages.total == 100
    assert page.context["page"].stages.agrees is True
    assert "add up to" not in page.content.decode()


def test_stages_that_do_not_add_up_are_said_not_to_be_relied_on(client: Client, owner: User) -> None:
    words = text_of(client, reverse("night", args=[night(people=101).pk]))

    assert "These lines add up to 100, but 101 people were read" in words


def test_the_choices_count_those_left_in_peace_and_why(client: Client, owner: User) -> None:
    choices = client.get(reverse("night", args=[night().pk])).context["page"].choices

    assert [(share.code, share.n) for share in choices.all.shares] == [
        ("check_in", 3),
        ("thank_you", 1),
        ("nothing", 96),
    ]
    assert choices.all.agrees is True
    assert {share.code: share.n for share in choices.left_alone.shares} == {"sleeping_well": 90, "capacity": 6}
    assert choices.left_alone.agrees is True


def test_a_fit_stands_beside_its_baselines_and_the_best_of_each_line_is_marked(client: Client, owner: User) -> None:
    one = night()
    fit(one)

    [card] = client.get(reverse("night", args=[one.pk])).context["page"].fits

    best = {str(score.title): [cell.is_best for cell in score.cells] for score in card.scores}
    assert best["Mean error of the count"] == [True, False]
    assert best["Error of the total"] == [True, False]
    assert best["Ranking (AUC)"] == [False, False]  # nothing to compare with
    assert [cell.text for cell in card.scores[1].cells] == ["−3.1 %", "+12.0 %"]


def test_one_sentence_says_how_far_the_model_may_be_trusted(client: Client, owner: User) -> None:
    one = night()
    fit(one)

    words = text_of(client, reverse("night", args=[one.pk]))

    assert "MBG/NBD was off by 2.50 days a person on average" in words
    assert "repeating everyone&#x27;s own past rate was off by 3.25" in words


def test_where_no_model_beats_the_plain_guess_the_page_says_so(client: Client, owner: User) -> None:
    one = night()
    fit(one, is_chosen=False, boundary="a ran to 0: this data shows no measurable drop-out")
    fit(one, "rate", held_out=RATE, baselines={"rate": RATE}, parameters={}, log_likelihood=None)

    words = text_of(client, reverse("night", args=[one.pk]))

    assert "No model was better here than the plain guess" in words
    assert "a ran to 0: this data shows no measurable drop-out" in words


def test_a_parameter_without_bound_is_words_not_a_number(client: Client, owner: User) -> None:
    one = night()
    fit(one, parameters={"r": 0.5, "b": None})

    [card] = client.get(reverse("night", args=[one.pk])).context["page"].fits

    assert [parameter.value for parameter in card.parameters] == ["0.5000", "without bound"]


def test_a_sign_shows_its_interval_and_whether_it_beats_chance(client: Client, owner: User) -> None:
    one = night()
    known = {"horizon_days": 90, "base_rate": 0.13, "false_alarm_rate": 0.09, "lead_days": 41.0}
    SignRecord.objects.create(
        night=one,
        code="silence",
        raised=812,
        ended=391,
        precision=0.48,
        precision_low=0.45,
        precision_high=0.51,
        **known,
    )
    SignRecord.objects.create(
        night=one, code="refund", raised=90, ended=9, precision=0.1, precision_low=0.06, precision_high=0.15, **known
    )
    SignRecord.objects.create(
        night=one, code="complaint", raised=11, ended=3, horizon_days=90, why_unknown="only 11 times so far"
    )

    page = client.get(reverse("night", args=[one.pk]))

    assert {line.record.code: line.beats_chance for line in page.context["page"].signs} == {
        "silence": True,
        "refund": False,
        "complaint": None,
    }
    assert "only 11 times so far" in page.content.decode()


def test_a_night_costs_the_same_queries_whatever_it_holds(client: Client, owner: User) -> None:
    one = night()
    client.get(reverse("nights"))  # the first page of a session writes when it began
    with CaptureQueriesContext(connection) as bare:
        client.get(reverse("nights"))
    for model in ("mbgnbd", "bgnbd", "rate"):
        fit(one, model, is_chosen=model == "mbgnbd")
    for sign in Sign:
        SignRecord.objects.create(night=one, code=sign.value, raised=1, ended=0, horizon_days=90)
    for place, name in enumerate(night_words.STEPS):
        NightStep.objects.create(night=one, position=place, name=name, state="done", rows=1, seconds=0.1, peak_mb=90)
    for _ in range(15):
        night()
    with CaptureQueriesContext(connection) as full:
        client.get(reverse("nights"))

    assert len(full) == len(bare) <= 10


def test_the_history_pages_by_key(client: Client, owner: User) -> None:
    nights = [night() for _ in range(25)]

    first = client.get(reverse("nights"))
    older = client.get(reverse("nights"), {"before": first.context["next_key"]})

    shown = [one.pk for page in (first, older) for one in page.context["history"]]
    assert shown == [one.pk for one in reversed(nights)]
    assert older.context["next_key"] is None
    assert "page" not in older.context or older.context["page"] is None


def test_why_nothing_could_be_learned_is_said(client: Client, owner: User) -> None:
    one = night(facts={"why_no_model": "the history spans 12 days; at least 21 are needed to judge a model."})

    assert "the history spans 12 days" in text_of(client, reverse("night", args=[one.pk]))


def test_a_failure_is_not_shown_after_a_later_night_has_ended(client: Client, owner: User) -> None:
    now = timezone.now()
    Job.objects.create(verb="nightly", state="failed", error="the disk is full", ended_at=now - timedelta(hours=1))
    night(ended_at=now)

    assert "the disk is full" not in text_of(client, reverse("nights"))


# A night under way


def test_a_running_night_renews_its_steps_by_parts(client: Client, owner: User) -> None:
    one = night(state="running", people=None, lease_until=timezone.now() + timedelta(minutes=1))
    NightStep.objects.create(night=one, position=0, name="gather", state="done", rows=411902, seconds=0.8, peak_mb=210)
    NightStep.objects.create(night=one, position=1, name="summarise", state="running")

    part = client.get(reverse("nights_progress"), headers={"HX-Request": "true"}).content.decode()
    Night.objects.update(state="done")
    ended = client.get(reverse("nights_progress"), headers={"HX-Request": "true"})

    assert "411,902" in part
    assert "<html" not in part
    assert ended["HX-Refresh"] == "true"
    assert client.get(reverse("nights_progress")).url == reverse("nights")


def test_while_a_night_runs_the_page_speaks_from_the_last_whole_one(client: Client, owner: User) -> None:
    whole = night()
    night(state="running", people=None, stages={}, lease_until=timezone.now() + timedelta(minutes=1))

    answer = client.get(reverse("nights"))

    assert answer.context["page"].night == whole
    assert answer.context["is_live"] is True


def test_a_night_whose_worker_was_lost_may_be_started_again(client: Client, owner: User) -> None:
    night(state="running", lease_until=timezone.now() - timedelta(minutes=5))

    answer = client.get(reverse("nights"))

    assert answer.context["is_live"] is False
    assert reverse("nights_start") in answer.content.decode()


def test_a_night_that_failed_says_why(client: Client, owner: User) -> None:
    night(state="failed", error="the disk is full")
    Job.objects.create(verb="nightly", state=JobState.FAILED.value, error="the disk is full; make room")

    words = text_of(client, reverse("nights"))

    assert "This night stopped" in words
    assert "the disk is full; make room" in words


# The curve of lives


def test_the_curve_names_the_median_and_the_share_after_a_year(client: Client, owner: User) -> None:
    words = text_of(client, reverse("night", args=[night().pk]))

    assert "Half of all lives with us last 1 year 1 month or longer" in words
    assert "After one year 70% are still here (66%–74%)" in words
    assert "130 lives" in words


def test_a_curve_that_never_falls_to_half_says_so(client: Client, owner: User) -> None:
    long = {**SURVIVAL, "alive": [1.0, 0.95, 0.9, 0.8, 0.7]}

    words = text_of(client, reverse("night", args=[night(facts={"survival": long}).pk]))

    assert "More than half of all lives are longer than we have seen: 70% are still with us" in words


@pytest.mark.parametrize("facts", [None, {}, {"days": [], "alive": [], "low": [], "high": [], "n": 0}])
def test_no_curve_is_drawn_from_nothing(facts: dict[str, Any] | None) -> None:
    assert survival_chart(facts) is None


def test_the_curve_stays_inside_its_frame_and_short_however_long_the_history() -> None:
    days = list(range(4000))
    alive = [1 - day / 4000 for day in days]
    chart = survival_chart({"days": days, "alive": alive, "low": alive, "high": alive, "n": 10})

    assert chart is not None
    assert chart.line.count("H") < POINTS
    across = [float(x) for x in re.findall(r"[MH]([\d.]+)", chart.line)]
    up = [float(y) for y in re.findall(r"V([\d.]+)", chart.line)]
    assert chart.left <= min(across) <= max(across) <= chart.right
    assert chart.top <= min(up) <= max(up) <= chart.bottom
    assert chart.years
    assert len(chart.rows) <= 13


def test_a_curve_that_starts_later_begins_with_everyone() -> None:
    chart = survival_chart({"days": [10, 20], "alive": [0.9, 0.8], "low": [0.8, 0.7], "high": [1, 0.9], "n": 9})

    assert chart is not None
    assert (chart.rows[0].days, chart.rows[0].alive) == (0, 1)


# Words


def test_every_reason_to_leave_someone_in_peace_has_words() -> None:
    assert night_words.REASONS.keys() == {reason.value for reason in Reason if reason not in CHOSEN}


def test_every_sign_has_the_title_the_engine_gives_it() -> None:
    assert {code: str(title) for code, title in night_words.SIGNS.items()} == {sign.value: sign.label for sign in Sign}


def test_every_model_and_baseline_has_words() -> None:
    assert night_words.MODELS.keys() == {*MODELS, *GUESSES, blend.MODEL, "gammagamma"}
