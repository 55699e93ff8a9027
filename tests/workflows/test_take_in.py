"""A load is all there or not at all, comes in once, and can be taken back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rekindle import home as places
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import AuditEntry, Intake, IntakeState
from rekindle.observe.history import History
from rekindle.relationships.models import (
    Breakup,
    Consent,
    Identity,
    Party,
    Relationship,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import staging, take_in
from rekindle.workflows.brand import the_brand

from .conftest import purchases

pytestmark = pytest.mark.django_db

ROWS = [("0017", "2025-01-03", "12.50"), ("0017", "2025-02-03", "-4.00"), ("ben", "2025-01-09", "7.25")]


def events() -> list[tuple[str, int, str]]:
    """What anyone who reads the history sees: (customer number, minor units, kind)."""
    with staging.columns() as db:
        view = History(places.history_folder()).relation(db, without=take_in.hidden_loads())
        rows = db.execute(f"SELECT party_id, amount_minor, kind FROM {view}").fetchall()
    names = dict(Identity.objects.filter(kind="external").values_list("party_id", "value"))
    return sorted((names[party], amount, kind) for party, amount, kind in rows)


def test_people_and_events_come_in_together(load, write) -> None:
    intake = load(write("a.csv", purchases(ROWS)))
    assert intake.state == IntakeState.TAKEN
    assert events() == [("0017", -400, "refund"), ("0017", 1250, "purchase"), ("ben", 725, "purchase")]
    assert Relationship.objects.count() == 2
    assert intake.counts["new_people"] == 2
    assert AuditEntry.objects.get().verb == "load.taken"


def test_a_dry_run_changes_nothing(load, write) -> None:
    intake = load(write("a.csv", purchases(ROWS)), commit=False)
    assert intake.counts["kept"] == 3
    assert intake.counts["new_people"] == 2
    assert not Party.objects.exists()
    assert not places.history_folder().exists()


def test_the_same_files_again_change_nothing_and_say_so(load, write) -> None:
    load(write("a.csv", purchases(ROWS)))
    with pytest.raises(Conflict, match="taken in before, as load"):
        load(write("copy.csv", purchases(ROWS)))
    assert len(events()) == 3


def test_an_overlapping_file_adds_only_what_is_new(load, write) -> None:
    load(write("a.csv", purchases(ROWS)))
    second = load(write("b.csv", purchases([*ROWS[1:], ("ben", "2025-03-01", "1.00")])))
    assert (second.counts["kept"], second.counts["merged"]) == (1, 2)
    assert len(events()) == 4


def test_the_same_purchase_twice_in_one_file_is_meant(load, write) -> None:
    twice = write("a.csv", purchases([ROWS[0], ROWS[0]]))
    assert load(twice).counts["kept"] == 2
    assert load(write("b.csv", purchases([ROWS[0], ROWS[0], ROWS[0]]))).counts["kept"] == 1


def test_an_event_id_counts_once_whatever_else_the_row_says(load, write) -> None:
    load(write("a.csv", "event_id,customer,date,amount\ne1,ana,2025-01-01,5\n"), currency="EUR")
    again = load(
        write("b.csv", "event_id,customer,date,amount\ne1,ana,2025-01-02,6\ne2,ana,2025-01-03,7\n"), currency="EUR"
    )
    assert again.counts["kept"] == 1


def test_undo_takes_the_load_and_its_people_back(load, write) -> None:
    load(write("a.csv", purchases(ROWS[:1])))
    second = load(write("b.csv", purchases([*ROWS[1:], ("cleo", "2025-03-01", "9.00")])))
    take_in.undo(second)
    assert events() == [("0017", 1250, "purchase")]
    assert list(Identity.objects.values_list("value", flat=True)) == ["0017"]
    assert take_in.undo(second).state == IntakeState.UNDONE


def test_undo_then_loading_again_brings_everything_back(load, write) -> None:
    first = load(write("a.csv", purchases(ROWS)))
    take_in.undo(first)
    assert not Party.objects.exists()
    load(write("a.csv", purchases(ROWS)))
    assert len(events()) == 3


def test_undo_keeps_people_somebody_else_speaks_of(load, write) -> None:
    first = load(write("a.csv", purchases(ROWS)))
    load(write("b.csv", purchases([("0017", "2025-05-01", "3.00")])))
    take_in.undo(first)
    assert list(Identity.objects.values_list("value", flat=True)) == ["0017"]


def test_a_load_cut_off_before_the_books_is_finished_by_resume(load, write, monkeypatch) -> None:
    intake = load(write("a.csv", purchases(ROWS)), commit=False)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt  # not an error a load may answer: as a kill, nothing after it runs

    with monkeypatch.context() as patch:
        patch.setattr(take_in, "_write_books", power_cut)
        with pytest.raises(KeyboardInterrupt):
            take_in.commit(intake)
    assert not Party.objects.exists()
    assert take_in.hidden_loads() == [intake.pk]
    assert events() == []
    assert take_in.resume() == 1
    assert len(events()) == 3
    assert take_in.resume() == 0


def test_a_load_that_fails_on_the_way_leaves_nothing(load, write, monkeypatch) -> None:
    intake = load(write("a.csv", purchases(ROWS)), commit=False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(take_in, "_write_books", full)
        with pytest.raises(BadInput, match="the disk is full; nothing was taken in"):
            take_in.commit(intake)
    assert Intake.objects.get(pk=intake.pk).state == IntakeState.FAILED
    assert events() == []
    assert load(write("a.csv", purchases(ROWS))).counts["kept"] == 3


def test_refused_rows_are_in_a_file_with_row_and_reason(load, write) -> None:
    intake = load(write("a.csv", purchases([*ROWS, ("", "2025-01-01", "3.00"), ("=1+1", "2099-01-01", "2.00")])))
    text = take_in.rejects_file(intake).read_text()
    assert "no customer" in text
    assert intake.counts["refused"] == 2
    assert all(not line.split(",")[3].startswith("=") for line in text.splitlines())


def test_suppressions_are_kept_as_hashes_and_survive_undo(load, write) -> None:
    intake = load(write("never.csv", "email,reason\nDov@Example.org,asked\n"), kind="suppressions")
    stored = Suppression.objects.get()
    assert stored.key_hash == suppression_hash(IdentityKind.EMAIL, "dov@example.org")
    assert "dov" not in json.dumps(intake.counts).lower()
    take_in.undo(intake)
    assert Suppression.objects.count() == 1


def test_a_load_never_opens_a_closed_consent(load, write) -> None:
    head = "customer,channel,purpose,given,date\n"
    load(write("a.csv", head + "ana,email,content,no,2025-01-01\n"), kind="consents")
    load(write("b.csv", head + "ana,email,content,yes,2025-06-01\n"), kind="consents")
    assert Consent.objects.get(purpose="content").withdrawn_at is not None


def test_an_opt_out_wins_over_what_is_stored(load, write) -> None:
    head = "customer,channel,purpose,given,date\n"
    load(write("a.csv", head + "ana,email,content,yes,2025-01-01\n"), kind="consents")
    assert Consent.objects.get(purpose="content").withdrawn_at is None
    second = load(write("b.csv", head + "ana,email,content,no,2024-06-01\n"), kind="consents")
    assert Consent.objects.get(purpose="content").withdrawn_at is not None
    take_in.undo(second)
    assert Consent.objects.get(purpose="content").withdrawn_at is not None


def test_a_cancellation_keeps_its_kind_unless_it_asks_for_an_act_of_people(load, write) -> None:
    text = "customer,ended_on,kind\nana,2025-01-10,moved\nben,2025-01-11,deceased\ncleo,2025-01-12,whatever\n"
    load(write("people.csv", "customer,name\nana,Ana\nben,Ben\ncleo,Cleo\n"), kind="people")
    load(write("c.csv", text), kind="cancellations")
    told = Breakup.objects.order_by("ended_on").values_list("kind", "stated_reason")
    assert list(told) == [("i1_moved", ""), ("", "deceased"), ("", "whatever")]


def test_a_cancellation_stores_the_instant_the_quiet_ends(load, write) -> None:
    brand = the_brand()
    brand.time_zone = "Europe/Berlin"
    brand.save()
    load(write("c.csv", "customer,ended_on,reason\nana,2025-01-10,money\n"), kind="cancellations")
    breakup = Breakup.objects.get()
    assert breakup.stated_reason == "money"
    assert (
        breakup.quiet_until.isoformat() == "2025-04-09T22:00:00+00:00"
    )  # 10 April, midnight in Berlin, in summer time


def test_people_bring_names_and_undo_puts_the_old_ones_back(load, write) -> None:
    load(write("a.csv", "customer,name,country\nana,Ana Silva,PT\n"), kind="people")
    second = load(write("b.csv", "customer,name\nana,Ana Souza\nben,Ben Ode\n"), kind="people")
    assert set(Party.objects.values_list("name", "country")) == {("Ana Souza", "PT"), ("Ben Ode", "")}
    take_in.undo(second)
    assert list(Party.objects.values_list("name", flat=True)) == ["Ana Silva"]


def test_an_address_two_people_share_is_not_taken_for_either(load, write) -> None:
    load(write("a.csv", "customer,email\nana,us@example.org\nben,us@example.org\n"), kind="people")
    third = load(write("b.csv", "email,date,amount\nus@example.org,2025-01-01,5\n"), currency="EUR")
    assert third.counts["new_people"] == 1


def test_cdnow_comes_in_whole(load, shared_data: Path) -> None:
    intake = load(shared_data / "cdnow" / "CDNOW_master.txt", currency="USD")
    assert intake.counts["kept"] == intake.counts["seen"] == 69_659
    assert (intake.counts["new_people"], intake.counts["refused"]) == (23_570, 0)
    assert intake.counts["kinds"] == [
        {"kind": "purchase", "currency": "USD", "rows": 69_659, "amount_minor": 250_031_563}
    ]
    assert (intake.counts["first"][:10], intake.counts["last"][:10]) == ("1997-01-01", "1998-06-30")
    assert Relationship.objects.count() == 23_570


def test_online_retail_is_gathered_to_invoices(load, shared_data: Path) -> None:
    intake = load(shared_data / "online_retail" / "online_retail.parquet", currency="GBP")
    assert intake.counts["seen"] == 541_909
    assert intake.counts["reasons"]["no customer"] == 135_080
    assert intake.counts["new_people"] == 4_372
    assert intake.counts["kept"] == 22_190
    assert {kind["kind"]: kind["rows"] for kind in intake.counts["kinds"]} == {"purchase": 18_536, "refund": 3_654}


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit, which limits the size of files, is not here")
def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    """A real process whose files may not grow: one clear line, nothing taken in, and it comes in once there is room."""
    big = tmp_path / "sales.csv"
    big.write_text("customer,date,amount,currency,note\n" + "".join(
        f"c{row % 7000},2025-01-{row % 28 + 1:02d},{row}.25,EUR,{hashlib.md5(str(row).encode()).hexdigest()}\n"
        for row in range(60_000)
    ))  # fmt: skip
    environment = {**os.environ, "REKINDLE_HOME": str(tmp_path / "home")}
    environment.pop("REKINDLE_DATABASE_URL", None)

    def rekindle(*words: str, limit: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        command = [*limit, sys.executable, "-m", "rekindle", *words]
        return subprocess.run(command, env=environment, text=True, capture_output=True)

    assert rekindle("check").returncode == 0
    full = rekindle("take-in", str(big), "--as", "events", limit=("prlimit", "--fsize=1000000"))
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert "the disk is full; nothing was taken in" in full.stderr
    assert "TROUBLE" not in rekindle("check").stdout
    done = json.loads(rekindle("take-in", str(big), "--as", "events", "--json").stdout)
    assert done["kept"] == 60_000
