"""A night reads no further than its day, ends the same however often it is cut off, and adds up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection

from rekindle.errors import BadInput
from rekindle.journal.models import CautionSign, Decision, Fit, Night, NightState, Outlook, SignRecord
from rekindle.relationships.models import Episode, Note, Party, Relationship, StageChange, Task
from rekindle.relationships.vocabulary import Stage
from rekindle.workflows import nightly, take_in
from rekindle.workflows.last_choice import last_choice

from .conftest import purchases

pytestmark = pytest.mark.django_db

DAY = date(2025, 6, 30)


def shop(people: int = 150, *, seed: int = 11, until: date = DAY) -> list[tuple[str, str, str]]:
    """Buyers with a pace of their own, some of whom stop."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(people):
        day = until - timedelta(days=int(rng.integers(200, 540)))
        pace = rng.gamma(2.0, 12.0) + 3
        while day <= until:
            rows.append((f"c{number:03d}", day.isoformat(), f"{rng.gamma(3.0, 9.0):.2f}"))
            if rng.random() < 0.08:
                break
            day += timedelta(days=1 + int(rng.exponential(pace)))
    return rows


def books() -> dict[str, Any]:
    """Everything a night writes, by customer, without the numbers that differ from run to run."""
    name = {one.pk: one.party.identities.get(kind="external").value for one in Relationship.objects.all()}
    left_out = {"id", "night", "night_id", "recorded_at", "created_at", "decision", "relationship_id"}

    def rows(model: Any) -> list[tuple[Any, ...]]:
        fields = [field.attname for field in model._meta.concrete_fields if field.attname not in left_out]
        found = model.objects.values_list("relationship_id", *fields)
        return sorted(((name[row[0]], *map(str, row[1:])) for row in found), key=str)

    written = {model.__name__: rows(model) for model in (Outlook, Episode, StageChange, CautionSign, Decision, Task)}
    written["Relationship"] = sorted(
        (name[one.pk], one.stage, str(one.stage_since), one.life, one.commercial) for one in Relationship.objects.all()
    )
    return written


@pytest.fixture
def business(load, write) -> None:
    load(write("sales.csv", purchases(shop())))


def test_everyone_is_read_ranked_and_in_one_stage(business) -> None:
    night = nightly.run(as_of=DAY)
    assert night.state == NightState.DONE
    assert night.people == Party.objects.count() == sum(night.stages.values()) == sum(night.decisions.values())
    choices = [last_choice(relation) for relation in Relationship.objects.select_related("brand")]
    assert sorted(choice.rank for choice in choices) == list(range(1, night.people + 1))
    assert all(choice.reason for choice in choices)
    assert Outlook.objects.exclude(p_none=None).count() == night.people
    assert Outlook.objects.filter(value_at_stake_minor__gt=0).count() > night.people / 2
    assert [step.state for step in night.steps.all()] == ["done"] * len(nightly.STEPS)


def test_every_stage_change_names_its_rule_and_its_day(business) -> None:
    nightly.run(as_of=DAY)
    changes = StageChange.objects.all()
    assert {change.to_stage for change in changes} == set(Relationship.objects.values_list("stage", flat=True))
    assert all(change.rule and change.on <= DAY for change in changes)


def test_doing_nothing_is_the_usual_answer_and_suggestions_become_tasks(business) -> None:
    night = nightly.run(as_of=DAY)
    assert night.decisions["nothing"] > night.people / 2
    suggested = Decision.objects.exclude(suggestion="nothing")
    assert Task.objects.filter(state="open").count() == suggested.count() > 0
    assert all(task.why_now and task.opening_line for task in Task.objects.all())


def test_a_second_run_of_the_same_night_changes_nothing(business) -> None:
    nightly.run(as_of=DAY)
    before = books()
    nightly.run(as_of=DAY)
    assert books() == before


def test_the_future_is_never_read(load, write) -> None:
    first = load(write("sales.csv", purchases(shop())))
    nightly.run(as_of=DAY)
    expected = books()
    take_in.undo(first)
    future = [
        (f"c{number:03d}", (DAY + timedelta(days=1 + number % 60)).isoformat(), "99999.00") for number in range(150)
    ]
    load(write("with-future.csv", purchases([*shop(), *future])))
    nightly.run(as_of=DAY)
    for name, rows in books().items():
        assert rows == expected[name], name


def test_nights_one_after_another_agree_with_one_night_at_the_end(load, write) -> None:
    first = load(write("sales.csv", purchases(shop())))
    for back in (40, 20, 1, 0):
        nightly.run(as_of=DAY - timedelta(days=back))
    stages = dict(Relationship.objects.values_list("party__identities__value", "stage"))
    summary = [row.parameters for row in Fit.objects.filter(night=Night.objects.order_by("-id")[0]).order_by("model")]
    take_in.undo(first)
    load(write("again.csv", purchases(shop()) + "\n"))
    once = nightly.run(as_of=DAY)
    assert [row.parameters for row in Fit.objects.filter(night=once).order_by("model")] == summary
    assert dict(Relationship.objects.values_list("party__identities__value", "stage")) == stages


class Cut(BaseException):
    """As a kill: nothing answers it."""


@pytest.mark.parametrize("step", nightly.STEPS)
def test_a_night_cut_off_in_any_step_ends_as_an_undisturbed_one(step, business, monkeypatch, django_db_blocker) -> None:
    from importlib import import_module

    nightly.run(as_of=DAY - timedelta(days=30))
    module = import_module(f"rekindle.workflows.night.{step}")
    whole = module.run

    def cut(reading: Any) -> int:
        whole(reading)  # all is written, but nobody has noted that the step is done
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(module, "run", cut)
        with pytest.raises(Cut):
            nightly.run(as_of=DAY)
    night = nightly.run(as_of=DAY)
    cut_off = books()
    assert night.epoch == 1
    assert Night.objects.count() == 2
    assert sum(night.stages.values()) == night.people

    Night.objects.filter(pk=night.pk).delete()
    again = nightly.run(as_of=DAY)
    undisturbed = books()
    assert again.stages == night.stages
    assert again.decisions == night.decisions
    for name in ("Outlook", "Episode", "Relationship", "CautionSign"):
        assert cut_off[name] == undisturbed[name], name


def test_a_purchase_after_a_presumed_end_heals_it(load, write) -> None:
    load(write("sales.csv", purchases(shop())))
    regular = [("zoe", (date(2024, 3, 1) + timedelta(days=7 * week)).isoformat(), "10.00") for week in range(30)]
    load(write("zoe.csv", purchases(regular)))
    nightly.run(as_of=date(2025, 5, 1))
    zoe = Relationship.objects.get(party__identities__value="zoe")
    assert zoe.stage == Stage.PRESUMED_BREAKUP
    first = zoe.episodes.get()
    assert first.is_presumed
    assert first.ended_chance > 0.9
    assert first.band_from <= first.ended_on <= first.band_to
    load(write("back.csv", purchases([("zoe", "2025-05-20", "10.00")])))
    nightly.run(as_of=date(2025, 5, 25))
    zoe.refresh_from_db()
    assert (zoe.stage, zoe.life) == (Stage.PHOENIX, 2)
    assert zoe.episodes.get(number=1).healed_on == date(2025, 5, 20)
    assert list(zoe.stage_changes.order_by("id").values_list("to_stage", flat=True)) == ["presumed_breakup", "phoenix"]


def test_a_told_end_is_known_and_a_later_purchase_opens_a_second_life(load, write) -> None:
    load(write("sales.csv", purchases(shop())))
    load(write("gone.csv", "customer,ended_on,reason\nc001,2025-06-10,moved\n"), kind="cancellations")
    nightly.run(as_of=DAY)
    gone = Relationship.objects.get(party__identities__value="c001")
    assert (gone.stage, gone.commercial) == (Stage.BREAKUP, "ended")
    assert gone.outlook.unknown == "this relationship is over"
    assert last_choice(gone).suggestion == "nothing"


def test_a_night_of_an_earlier_day_takes_later_steps_back(business) -> None:
    nightly.run(as_of=DAY)
    nightly.run(as_of=DAY - timedelta(days=60))
    assert not StageChange.objects.filter(on__gt=DAY - timedelta(days=60), undone_at=None).exists()
    assert not Episode.objects.filter(began_on__gt=DAY - timedelta(days=60)).exists()
    assert not CautionSign.objects.filter(raised_on__gt=DAY - timedelta(days=60)).exists()
    assert sum(Night.objects.latest("id").stages.values()) == Party.objects.count()


def test_signs_are_measured_on_the_business_own_past(business) -> None:
    night = nightly.run(as_of=DAY)
    records = {record.code: record for record in SignRecord.objects.filter(night=night)}
    silence = records["silence"]
    assert silence.raised >= 20
    assert silence.precision_low <= silence.precision <= silence.precision_high
    assert silence.precision > silence.base_rate
    assert records["complaint"].precision is None
    assert records["complaint"].why_unknown


def test_nothing_to_read_is_a_night_too(home) -> None:
    night = nightly.run(as_of=DAY)
    assert (night.people, night.stages) == (0, {})
    assert "nobody has shown a sign of life" in night.facts["why_no_model"]


def test_too_little_to_learn_from_is_said_and_nothing_is_claimed(load, write) -> None:
    load(write("few.csv", purchases(shop(people=6))))
    night = nightly.run(as_of=DAY)
    assert night.facts["why_no_model"]
    assert not Outlook.objects.exclude(p_none=None).exists()
    assert all(outlook.unknown for outlook in Outlook.objects.all())


def test_a_day_that_has_not_come_is_refused(home) -> None:
    with pytest.raises(BadInput, match="has not come yet"):
        nightly.run(as_of=date(2999, 1, 1))


def test_cdnow_gives_the_published_fit(load, shared_data: Path) -> None:
    load(shared_data / "cdnow" / "CDNOW_master.txt", currency="USD")
    night = nightly.run(as_of=date(1997, 9, 30))
    fit = Fit.objects.get(night=night, model="bgnbd")
    weekly = fit.state["per_week"]
    assert {name: round(value, 4) for name, value in weekly["parameters"].items()} == {
        "r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611,
    }  # fmt: skip
    assert weekly["log_likelihood"] == pytest.approx(-95368.44, abs=0.01)
    chosen = Fit.objects.get(night=night, is_chosen=True, unit="days")
    assert chosen.model == "blend"
    assert {"mbgnbd", "nbd"} <= set(chosen.parameters)
    assert sum(chosen.parameters.values()) == pytest.approx(1)
    assert chosen.why.startswith("Used: ahead of mbgnbd on the held-out counts by more than noise")
    assert chosen.held_out["mae"] < chosen.baselines["rate"]["mae"]
    assert night.people == 23_570 == sum(night.stages.values())


def test_online_retail_names_the_boundary_and_weighs_the_model_with_a_rhythm(load, shared_data: Path) -> None:
    load(shared_data / "online_retail" / "online_retail.parquet", currency="GBP")
    night = nightly.run(as_of=date(2011, 12, 9))
    for degenerate in Fit.objects.filter(night=night, model__in=("bgnbd", "mbgnbd", "paretonbd")):
        assert "drop-out" in degenerate.boundary
        assert not degenerate.is_chosen
    chosen = Fit.objects.get(night=night, is_chosen=True, unit="days")
    assert chosen.model == "blend"
    assert set(chosen.parameters) == {"mbgcnbd", "nbd"}
    assert chosen.state["fit"]["fits"]["mbgcnbd"]["parameters"]["k"] == 2
    assert all(chosen.held_out[name] < chosen.baselines["rate"][name] for name in ("log_loss", "rmse", "brier"))
    assert "mean absolute error is larger" in chosen.why
    assert night.people == 4_372
    told = Outlook.objects.exclude(p_alive=None)
    assert told.exists()
    assert not told.filter(model__in=("rate", "recency")).exists()
    assert all(one.p_none_low <= one.p_none <= one.p_none_high for one in told)


@pytest.mark.django_db(transaction=True)
def test_pages_write_beside_a_night_without_waiting_long(load, write) -> None:
    load(write("sales.csv", purchases(shop(people=1500))))
    somebody = Relationship.objects.order_by("id")[0]
    waits: list[float] = []
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append(nightly.run(as_of=DAY))
        finally:
            connection.close()

    night = threading.Thread(target=run)
    night.start()
    while night.is_alive():
        begun = time.monotonic()
        Note.objects.create(relationship=somebody, text="written meanwhile")
        waits.append(time.monotonic() - begun)
        time.sleep(0.005)
    night.join()
    assert ended[0].state == NightState.DONE
    assert Note.objects.count() == len(waits) > 20
    assert max(waits) < 20  # the time a writer waits for its turn before SQLite gives up


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    os.environ.get("REKINDLE_TEST_BOOKS") == "postgresql", reason="the killed process keeps books of its own in SQLite"
)
def test_kill_nine_at_any_moment_is_taken_up_again(tmp_path: Path) -> None:
    """Real processes, a real SIGKILL, then the same command again."""
    sales = tmp_path / "sales.csv"
    sales.write_text(purchases(shop()))
    environment = {**os.environ, "REKINDLE_HOME": str(tmp_path / "home")}
    environment.pop("REKINDLE_DATABASE_URL", None)

    def rekindle(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rekindle", *words]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def done(*words: str) -> str:
        process = rekindle(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return out

    done("take-in", str(sales), "--as", "events")
    for seconds in (1.2, 2.4, 3.6, 5.0):
        process = rekindle("nightly", "--as-of", DAY.isoformat())
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    killed = done("nightly", "--as-of", DAY.isoformat(), "--json")
    clean = tmp_path / "clean"
    environment["REKINDLE_HOME"] = str(clean)
    done("take-in", str(sales), "--as", "events")
    undisturbed = done("nightly", "--as-of", DAY.isoformat(), "--json")
    for key in ("people", "stages", "decisions"):
        assert json.loads(killed)[key] == json.loads(undisturbed)[key]
    assert "TROUBLE" not in done("check")
