"""Somebody who asked to be forgotten is found nowhere, and comes back by no load; only keyed hashes are left."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.apps import apps
from django.db import connection, models
from people_cast import person, staff
from typer.testing import CliRunner

from rekindle import home as places
from rekindle.cli.main import app
from rekindle.errors import Conflict
from rekindle.journal.models import AuditEntry, Holdout, Intake, IntakeState, Job, Night, Playbook, PlaybookVersion
from rekindle.observe.history import History
from rekindle.relationships.models import (
    Brand,
    Breakup,
    CompanyExit,
    DataRequest,
    DecisionRecord,
    ExitInterview,
    Identity,
    LadderStep,
    Merge,
    Note,
    Party,
    Relationship,
    Suppression,
    ThreeQuestions,
    suppression_hash,
)
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import forget, forgotten, merge, nightly
from rekindle.workflows.alone import alone
from rekindle.workflows.merge_rows import pointing_at

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

CANARY = "Zyxcanary"
MAIL = "zyxcanary.vogel@example.org"
PHONE = "+447911123456"
NUMBER = "zyxcanary-0042"
AT = datetime(2025, 5, 1, tzinfo=UTC)
SECRETS = (CANARY.lower(), PHONE)


def uploaded(name: str, text: str, folder: str = "a1") -> Path:
    path = places.uploads_folder() / folder / f"01-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def purchases() -> str:
    rows = [f"c{n:02d},2025-0{month}-03,5.00,EUR,plain" for n in range(9) for month in (1, 2, 3)]
    theirs = [
        f"{NUMBER},2025-01-0{day},{amount},EUR,said {CANARY}" for day, amount in ((1, "5.00"), (2, "7.00"), (3, CANARY))
    ]
    return "\n".join(["customer,date,amount,currency,remark", *rows, *theirs, ""])


def filled(model: type[models.Model], **given: Any) -> models.Model:
    """A row with the canary in every text of it, as far as its columns are long."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.name in given or field.attname in given or field.primary_key:
            continue
        if isinstance(field, models.JSONField):
            values[field.name] = {"said": CANARY}
        elif isinstance(field, models.TextField):
            values[field.name] = f"about {CANARY}"
        elif isinstance(field, models.CharField) and not field.choices:
            values[field.name] = CANARY[: field.max_length] if (field.max_length or 0) >= len(CANARY) else "EUR"
        elif isinstance(field, models.CharField):
            values[field.name] = field.choices[0][0]  # type: ignore[index]
        elif isinstance(field, models.DateTimeField):
            values[field.name] = AT
        elif isinstance(field, models.DateField):
            values[field.name] = AT.date()
        elif not field.null and not field.has_default() and field.related_model is None:
            values[field.name] = 1
    return model._base_manager.create(**{**values, **given})


def others(model: type[models.Model], but: str, user: models.Model, stranger: Party) -> dict[str, models.Model]:
    """What else a row of that table cannot do without: a member of staff, another party, a decision on record."""
    found: dict[str, models.Model] = {}
    for field in model._meta.concrete_fields:
        if field.name == but or field.null or field.related_model is None:
            continue
        if field.related_model is type(user):
            found[field.name] = user
        elif field.related_model is Party:
            found[field.name] = stranger
        elif field.related_model is DecisionRecord:
            found[field.name] = DecisionRecord.objects.create(
                relationship=Relationship.objects.get(party=stranger), on=AT.date(), what="to stay"
            )
        elif field.related_model in (Playbook, PlaybookVersion):
            book, _made = Playbook.objects.get_or_create(code="one")
            version, _made = PlaybookVersion.objects.get_or_create(playbook=book, number=1, body={})
            found[field.name] = book if field.related_model is Playbook else version
        elif field.related_model is Holdout:
            book, _made = Playbook.objects.get_or_create(code="one")
            found[field.name] = Holdout.objects.create(playbook=book, share=0.1, days=90, salt="x")
    return found


def haystack(folder: Path) -> dict[str, str]:
    """Every file of the home folder as text in lower case: bytes as they are, and what is packed unpacked."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                text += str(pq.read_table(path).to_pydict())
            found[str(path.relative_to(folder))] = text.lower()
    return found


def rows_of_books() -> str:
    """Every row of every table, asked of the database itself."""
    out = io.StringIO()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            out.write(f"{table}: {cursor.fetchall()}\n")
    return out.getvalue().lower()


def bytes_of_books() -> str:
    """The database file with its log beside it; empty for PostgreSQL."""
    if connection.vendor != "sqlite":
        return ""
    name = connection.settings_dict["NAME"]
    return "".join(
        path.read_bytes().decode("latin-1").lower() for path in Path(name).parent.glob(f"{Path(name).name}*")
    )


@pytest.fixture
def canary(load: Any) -> Party:
    """A person with the canary in every table that hangs on them, and in the files that brought them."""
    load(
        uploaded("people.csv", f"id,name,email,phone,hobby\n{NUMBER},{CANARY} Vogel,{MAIL},{PHONE},{CANARY}\n"),
        kind="people",
    )
    load(uploaded("buys.csv", purchases(), "b2"), kind="events")
    party = Party.objects.get(identities__normal=NUMBER)
    relationship = Relationship.objects.get(party=party)
    user = staff()
    nightly.run(as_of=date(2025, 4, 1))
    twin = person(f"{CANARY} Twin", email="twin-of-zyxcanary@example.org")
    merge.merge(party, twin.party, by=user)
    stranger = Party.objects.filter(relationships__isnull=False).exclude(pk=party.pk).latest("id")
    filled(apps.get_app_config("relationships").models["breakup"], relationship=relationship, ended_on=date(2025, 4, 2))
    for model, row in ((Relationship, relationship), (Party, party)):
        for link in pointing_at(model):
            if (
                (link.null and link.model is not DataRequest)
                or link.model in (Relationship, Merge)
                or link.model._base_manager.filter(**{link.attname: row.pk}).exists()
            ):
                continue
            filled(link.model, **{link.attname: row.pk}, **others(link.model, link.name, user, stranger))
    end = Breakup.objects.filter(relationship=relationship).latest("id")
    filled(ExitInterview, breakup=end)
    filled(ThreeQuestions, breakup=end)
    filled(LadderStep, company_exit=CompanyExit.objects.get(relationship=relationship))
    filled(Note, relationship=relationship)
    DataRequest.objects.update(via="door")  # a word of ours, never of theirs
    Party.objects.filter(pk=party.pk).update(given_name=CANARY, extra={"hobby": CANARY})
    Suppression.objects.create(
        kind="email", key_hash=suppression_hash(IdentityKind.EMAIL, MAIL), reason=CANARY, source=CANARY
    )
    Job.objects.create(verb="take_in", arguments={"files": [MAIL]}, error=f"no such person {MAIL}")
    Night.objects.create(as_of=AT.date(), inputs="x", state="failed", error=f"stages: {NUMBER} is odd")
    return Party.objects.get(pk=party.pk)


def test_nothing_of_them_is_left_but_hashes(canary: Party, home: Path) -> None:
    assert CANARY.lower() in rows_of_books()
    assert any(CANARY.lower() in text for text in haystack(home).values())

    done = forget.forget(canary, by=None)

    assert done.remains == ()
    assert done.events == 2
    books, files, raw = rows_of_books(), haystack(home), bytes_of_books()
    for secret in SECRETS:
        assert secret not in books
        assert [name for name, text in files.items() if secret in text] == []
        assert secret not in raw
    hashes = set(Suppression.objects.filter(reason=forgotten.REASON).values_list("key_hash", flat=True))
    assert suppression_hash(IdentityKind.EMAIL, MAIL) in hashes
    assert suppression_hash(IdentityKind.EXTERNAL, NUMBER, source="main") in hashes
    assert len(hashes) == done.hashes == 4
    assert AuditEntry.objects.filter(verb="party.forgotten").count() == 1
    assert Party.objects.count() == 9


def test_the_night_after_works_without_them(canary: Party) -> None:
    forget.forget(canary, by=None)
    assert nightly.run(as_of=date(2025, 4, 2)).people == 9


def test_a_load_that_brings_them_again_leaves_them_out(canary: Party, load: Any, write: Any) -> None:
    forget.forget(canary, by=None)

    again = load(write("again.csv", purchases() + "c01,2025-04-03,5.00,EUR,plain\n"))
    by_mail = load(write("mails.csv", f"email,name\n{MAIL.upper()},Z V\nnew@example.org,New One\n"), kind="people")

    assert again.counts["reasons"][forgotten.REASON] == 2
    assert by_mail.counts["reasons"] == {forgotten.REASON: 1}
    assert (by_mail.counts["kept"], by_mail.counts["refused"]) == (1, 1)
    assert not Identity.objects.filter(normal__in=[MAIL, NUMBER]).exists()
    assert History(places.history_folder()).of(canary.pk).num_rows == 0


def test_a_load_of_nobody_else_is_taken_in_empty(canary: Party, load: Any, write: Any) -> None:
    forget.forget(canary, by=None)
    people = Party.objects.count()

    alone_there = load(write("one.csv", f"email,name\n{MAIL},Z V\n"), kind="people")

    assert alone_there.counts["kept"] == 0
    assert Party.objects.count() == people


def test_a_load_that_waits_with_them_in_it_is_ended_and_says_why(canary: Party, load: Any) -> None:
    waiting = load(
        uploaded("later.csv", f"customer,date,amount,currency\n{NUMBER},2025-05-01,1.00,EUR\n", "c3"), commit=False
    )

    forget.forget(canary, by=None)

    waiting.refresh_from_db()
    assert waiting.state == IntakeState.FAILED
    assert "asked to be forgotten" in waiting.error


def test_the_others_keep_everything(canary: Party) -> None:
    before = {
        row.pk: History(places.history_folder()).of(row.pk).num_rows for row in Party.objects.exclude(pk=canary.pk)
    }
    forget.forget(canary, by=None)

    assert before == {row.pk: History(places.history_folder()).of(row.pk).num_rows for row in Party.objects.all()}
    assert Intake.objects.filter(state=IntakeState.TAKEN.value).count() == 2


def test_it_waits_for_a_load_that_was_cut_off(canary: Party) -> None:
    Intake.objects.filter(kind="events").update(state=IntakeState.TAKING.value)
    with pytest.raises(Conflict, match="a load was cut off"):
        forget.forget(canary, by=None)
    assert Party.objects.filter(pk=canary.pk).exists()


@pytest.mark.skipif("connection.vendor == 'postgresql'", reason="one session may hold PostgreSQL's lock twice")
def test_it_waits_for_a_night_that_runs(canary: Party) -> None:
    with alone("night", doing="A night"), pytest.raises(Conflict, match="going on"):
        forget.forget(canary, by=None)
    assert Party.objects.filter(pk=canary.pk).exists()


def test_a_copy_the_operator_left_in_the_home_folder_is_named(canary: Party, home: Path) -> None:
    (home / "copy.csv").write_text(f"name\n{MAIL}\n")
    done = forget.forget(canary, by=None)

    assert len(done.remains) == 1
    assert "copy.csv" in done.remains[0]


def test_the_access_document_holds_every_table_and_event(canary: Party) -> None:
    told = forget.everything_about(canary)

    text = json.dumps(told)
    assert CANARY in text
    assert {"identities", "consents", "notes", "promises", "breakups"} <= set(told["tables"])
    assert {"exit interviews", "ladder steps", "burden facts", "data requests"} <= set(told["tables"])
    assert len(told["events"]) == 2
    assert told["about"]["never_to_be_reached"] is True
    assert Brand.objects.exists()


def test_the_command_asks_before_it_forgets(canary: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle.cli.main.ready", lambda: None)
    line = CliRunner()

    asked = line.invoke(app, ["forget", MAIL], input="n\n")
    assert asked.exit_code == 1
    assert Party.objects.filter(pk=canary.pk).exists()

    done = line.invoke(app, ["forget", MAIL, "--yes"])
    assert done.exit_code == 0
    assert "2  event" in done.output
    assert MAIL not in done.output
    assert not Party.objects.filter(pk=canary.pk).exists()
