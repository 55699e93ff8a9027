"""`rekindle do`: one deed in somebody's name, its exit codes, and what it never does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from people_cast import person, staff
from typer.testing import CliRunner

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.cli.deeds import do
from rekindle.errors import RekindleError
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Note, Party
from rekindle.workflows import deeds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr("rekindle.cli.deeds.ready", lambda: None)  # the books of the test are there already
    return staff(Role.OWNER)


def run(*words: str) -> Any:
    app = typer.Typer()
    app.command()(do)
    return CliRunner().invoke(app, list(words))


def ana() -> Party:
    return person(email="ana@example.org").party


def test_a_deed_is_done_in_the_first_owners_name_and_says_its_door(owner: User) -> None:
    staff(Role.OWNER)
    done = run("note.add", "person=ana@example.org" if ana() else "", "text=Likes mornings", "--json")
    assert done.exit_code == 0, done.output
    note = Note.objects.get()
    assert json.loads(done.output) == {"note": note.pk}
    assert (note.text, note.by) == ("Likes mornings", owner)
    assert AuditEntry.objects.get(verb="deed.done").details == {"door": "command line"}


def test_a_deed_may_be_somebody_elses(owner: User) -> None:
    dana = staff()
    done = run("case.open", f"person={ana().pk}", "title=locker broken", "--as", dana.email.upper())
    assert done.exit_code == 0
    assert "case" in done.output
    assert AuditEntry.objects.get(verb="deed.done").actor == dana


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note.forget", "person=1"), "there is no deed"),
        (("nothing",), "rekindle do --list"),
        (("note.add", "person"), "FIELD=VALUE"),
        (("note.add", "=x"), "FIELD=VALUE"),
        (("note.add", "person=1", "person=2"), "given twice"),
        (("note.add", "person=1"), "text: this field is missing"),
        (("note.add", "person=1", "text=x", "mood=y"), "no such field"),
        (("promise.make", "person=1", "text=x", "due_on=tomorrow"), "due_on: is no day"),
        ((), "name a deed"),
    ],
)
def test_wrong_words_are_two(words: tuple[str, ...], said: str, owner: User) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note.add", "person=999999", "text=x"), "there is no person 999999"),
        (("note.add", "person=nobody@example.org", "text=x"), "nobody fits"),
        (("note.add", "person=999999", "text=x", "--as", "nobody@example.org"), "no active member of staff"),
        (("quiet.shorten", "person=999999", "until=2027-01-01", "reason=x"), "does not prove who you are"),
        (("promise.tell", "promise=999999"), "no promise 999999"),
    ],
)
def test_what_is_refused_is_one_line(words: tuple[str, ...], said: str, owner: User) -> None:
    done = run(*words)
    assert isinstance(done.exception, RekindleError)  # `rekindle` itself says it on stderr and leaves with 1
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not AuditEntry.objects.exists()


def test_a_role_that_reads_only_does_nothing(owner: User) -> None:
    done = run("note.add", f"person={ana().pk}", "text=x", "--as", staff(Role.ANALYST).email)
    assert "Analyst" in str(done.exception)
    assert not Note.objects.exists()


def test_without_an_account_there_is_nobody_to_act(owner: User) -> None:
    User.objects.all().delete()
    done = run("note.add", f"person={ana().pk}", "text=x")
    assert "rekindle up" in str(done.exception)


def test_the_table_is_listed_and_one_deed_with_its_fields(owner: User) -> None:
    listed = run("--list").output
    assert all(name in listed for name in deeds.TABLE)
    assert [one["name"] for one in json.loads(run("--list", "--json").output)] == list(deeds.TABLE)
    one = run("promise.make", "--list").output
    assert "due_on" in one
    assert "needed" in one
    assert [found["name"] for found in json.loads(run("promise.make", "--list", "--json").output)] == ["promise.make"]
    assert not AuditEntry.objects.exists()
