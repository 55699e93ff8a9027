"""Taking in through the browser: files, columns, dry run, commit, undo, and everything pressed twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from rekindle import home as homes
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import Intake, IntakeState, Job, JobState
from rekindle.observe.fields import FIELDS as ENGINE_FIELDS
from rekindle.relationships.models import Brand
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.web.load_columns import Answers, survey_of
from rekindle.web.load_words import FIELDS, KINDS
from rekindle.web.uploads import as_chosen, chosen_name, safe_name
from rekindle.workflows import take_in

VISITS = b"""member,at,kind,amount,currency
000123,2025-03-02T18:12:00,visit,,
000123,2025-03-09T18:10:00,visit,,
000087,2025-03-05T07:01:00,payment,39.00,EUR
,2025-03-05T07:02:00,visit,,
000087,2099-01-01T07:02:00,=1+1,12.00,EUR
"""
COLUMNS = [
    {"name": "member", "samples": ["000123", "000087"], "field": "who", "why": "by its name"},
    {"name": "at", "samples": ["2025-03-02T18:12:00"], "field": "occurred_at", "why": "by its name"},
    {"name": "<b>note</b>", "samples": ["<script>alert(1)</script>"], "field": None, "why": "kept beside the rest"},
]
SURVEY = {"columns": COLUMNS, "problems": [], "currency": "EUR", "event_kind": None, "dates": {}}
COUNTS = {
    "seen": 1000,
    "kept": 900,
    "merged": 60,
    "refused": 40,
    "events": 960,
    "new_people": 12,
    "known_people": 3,
    "reasons": {"no customer": 40, "kept without e-mail": 2},
    "first": "2025-01-01 00:00:00+00",
    "last": "2025-12-31 00:00:00+00",
    "kinds": [{"kind": "payment", "currency": "EUR", "rows": 960, "amount_minor": 123456}],
}


def member(role: Role) -> User:
    return User.objects.create_user(f"{role.value}@example.org", role=role.value)


def load(state: IntakeState, **fields: Any) -> Intake:
    given = {"kind": "events", "source": "till", "files": ["/x/01-visits.csv"], "survey": SURVEY, "counts": {}}
    number = Intake.objects.count()
    return Intake.objects.create(**{**given, "fingerprint": f"print-{number}", "state": state.value, **fields})


def upload(*contents: bytes, kind: str = "events", name: str = "visits.csv", **words: str) -> dict[str, Any]:
    return {"kind": kind, "files": [SimpleUploadedFile(name, content) for content in contents], **words}


def files_uploaded() -> list[Path]:
    return [path for path in homes.uploads_folder().rglob("*") if path.is_file()]


@pytest.fixture
def owner(client: Client, db: None, home: Path) -> User:
    user = member(Role.OWNER)
    client.force_login(user)
    return user


@pytest.fixture
def gym(db: None) -> Brand:
    return Brand.objects.create(name="Gym", slug="gym", currency="EUR", time_zone="Europe/Berlin", region="DE")


# The desk


def test_a_stranger_is_sent_to_sign_in_and_leaves_no_file(client: Client, db: None, home: Path) -> None:
    for answer in (client.get(reverse("take_in")), client.post(reverse("take_in"), upload(VISITS))):
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_login"))
    assert files_uploaded() == []


def test_the_desk_without_loads_says_what_to_do_next(client: Client, owner: User) -> None:
    page = client.get(reverse("take_in")).content.decode()

    assert "Nothing has been taken in yet" in page
    assert all(str(words.title) in page for words in KINDS.values())


def test_the_list_costs_the_same_queries_for_one_load_and_for_twenty(client: Client, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(reverse("take_in"))
        return len(seen)

    load(IntakeState.TAKEN, counts=COUNTS, by=owner)
    client.get(reverse("take_in"))  # the first page of a session writes when it began
    one = queries()
    for _ in range(19):
        load(IntakeState.SURVEYED, by=owner)

    assert queries() == one <= 5


def test_the_list_of_loads_pages_by_key(client: Client, owner: User) -> None:
    loads = [load(IntakeState.SURVEYED) for _ in range(25)]

    first = client.get(reverse("take_in"))
    older = client.get(reverse("take_in"), {"before": first.context["next_key"]})

    shown = [line.intake.pk for page in (first, older) for line in page.context["loads"]]
    assert shown == [intake.pk for intake in reversed(loads)]
    assert older.context["next_key"] is None


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "٣"])
def test_a_key_that_is_no_number_opens_no_page(client: Client, owner: User, key: str) -> None:
    assert client.get(reverse("take_in"), {"before": key}).status_code == 404


# Uploads


def test_an_upload_is_kept_in_the_home_folder_under_a_name_of_ours(client: Client, owner: User, gym: Brand) -> None:
    answer = client.post(reverse("take_in"), upload(VISITS, name="../../été à la plage.csv", source="till"))

    intake = Intake.objects.get()
    assert answer.url == reverse("intake", args=[intake.pk])
    [file] = files_uploaded()
    assert [Path(name) for name in intake.files] == [file]
    assert file.read_bytes() == VISITS
    assert file.name == "01-ete-a-la-plage.csv"
    assert file.stat().st_mode & 0o077 == 0
    assert (intake.source, intake.by, intake.state) == ("till", owner, IntakeState.SURVEYED)


def test_two_files_of_one_name_do_not_overwrite_each_other(client: Client, owner: User, gym: Brand) -> None:
    client.post(reverse("take_in"), upload(VISITS, VISITS.replace(b"000123", b"000555")))

    assert len(set(Intake.objects.get().files)) == 2
    assert len({path.read_bytes() for path in files_uploaded()}) == 2


def test_the_source_is_the_name_of_the_file_where_none_is_given(client: Client, owner: User, gym: Brand) -> None:
    client.post(reverse("take_in"), upload(VISITS, name="visits-2025.csv"))

    assert Intake.objects.get().source == "visits-2025"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (upload(), "No file was chosen"),
        (upload(VISITS, kind="horoscopes"), "choose one of the six kinds"),
        (upload(b""), ""),
        (upload(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, name="cat.csv"), ""),
    ],
)
def test_an_upload_that_cannot_be_read_is_said_and_leaves_no_file(
    client: Client, owner: User, gym: Brand, words: dict[str, Any], sentence: str
) -> None:
    answer = client.post(reverse("take_in"), words)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert answer.context["trouble"]
    assert files_uploaded() == []
    assert not Intake.objects.exists()


def test_an_upload_over_the_cap_is_stopped_while_it_comes_in(client: Client, owner: User, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 100_000

    answer = client.post(reverse("take_in"), upload(b"a,b\n" * 60_000))

    assert answer.status_code == 422
    assert "Split the files" in answer.content.decode()
    assert files_uploaded() == []


def test_an_upload_said_to_be_over_the_cap_is_refused_unread(client: Client, owner: User, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000

    answer = client.post(reverse("take_in"), upload(b"x" * 1_100_000))

    assert answer.status_code == 413
    assert files_uploaded() == []


def test_an_upload_without_the_token_of_the_form_is_refused_and_leaves_no_file(db: None, home: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member(Role.OWNER))

    answer = client.post(reverse("take_in"), upload(VISITS))

    assert answer.status_code == 403
    assert files_uploaded() == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST])
def test_a_role_that_may_not_load_reads_the_list_and_nothing_more(
    client: Client, db: None, home: Path, role: Role
) -> None:
    client.force_login(member(role))
    intake = load(IntakeState.STAGED, counts=COUNTS)

    assert "Your role reads only" in client.get(reverse("take_in")).content.decode()
    assert client.get(reverse("intake", args=[intake.pk])).status_code == 200
    refused = [
        client.post(reverse("take_in"), upload(VISITS)),
        client.post(reverse("intake_columns", args=[intake.pk])),
        client.post(reverse("intake_commit", args=[intake.pk])),
        client.post(reverse("intake_undo", args=[intake.pk])),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert files_uploaded() == []
    assert not Job.objects.exists()


def test_an_upload_keeps_the_name_that_was_chosen(home: Path) -> None:
    stored = homes.uploads_folder() / "ab12" / "01-till.csv"
    assert chosen_name(stored) == "till.csv"
    assert chosen_name(Path("/exports/01-till.csv")) == "01-till.csv"
    assert as_chosen("01-till.csv has no date", files=[str(stored)]) == "till.csv has no date"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("visits.csv", "visits.csv"),
        ("C:\\Users\\ola\\visits.csv", "visits.csv"),
        ("../../etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("", "file"),
        ("..", "file"),
        ("日本.csv", "file.csv"),
        ("a;rm -rf $HOME.csv", "a-rm-rf-HOME.csv"),
        ("x" * 300 + ".parquet", "x" * 72 + ".parquet"),
    ],
)
def test_the_name_of_a_file_is_reduced_to_plain_letters(given: str, kept: str) -> None:
    assert safe_name(given) == kept


# Columns


def test_the_columns_page_shows_samples_guess_and_reason_and_runs_nothing_of_the_file(
    client: Client, owner: User
) -> None:
    intake = load(IntakeState.SURVEYED)

    page = client.get(reverse("intake", args=[intake.pk])).content.decode()

    assert "000123" in page
    assert "by its name" in page
    assert '<option value="who" selected>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<b>note" not in page


def test_what_must_be_told_first_stands_above_the_columns(client: Client, owner: User) -> None:
    intake = load(IntakeState.SURVEYED, survey={**SURVEY, "problems": ["day and month cannot be told apart"]})

    assert "day and month cannot be told apart" in client.get(reverse("intake", args=[intake.pk])).content.decode()


def test_ten_thousand_columns_make_a_page_of_two_hundred(client: Client, owner: User) -> None:
    many = [{"name": f"c{i}", "samples": [], "field": None, "why": ""} for i in range(10_000)]
    many[9_000]["field"] = "who"
    intake = load(IntakeState.SURVEYED, survey={**SURVEY, "columns": many})

    answer = client.get(reverse("intake", args=[intake.pk]))

    assert len(answer.context["reading"].rows) == 201
    assert answer.context["reading"].rows[-1].name == "c9000"
    assert answer.context["reading"].not_shown == 9_799


def _post(values: dict[str, str]) -> QueryDict:
    post = QueryDict(mutable=True)
    post.update(values)
    return post


def test_a_guess_taken_away_is_said_so_that_it_is_not_guessed_again() -> None:
    given = Answers.of(_post({"column-0": "email", "column-1": ""}), survey=SURVEY, kind="events")

    assert given.mapping == {"email": "member", "who": "-", "occurred_at": "-"}


def test_one_column_may_fill_two_fields() -> None:
    given = Answers.of(_post({"column-0": "who, email", "column-1": "occurred_at"}), survey=SURVEY, kind="events")

    assert given.mapping == {"who": "member", "email": "member", "occurred_at": "at"}
    assert given.trouble == ""


@pytest.mark.parametrize(
    ("post", "sentence"),
    [
        ({"column-0": "who", "column-1": "who"}, "Two columns, member and at"),
        ({"column-0": "shoe_size"}, "not something a column can hold"),
    ],
)
def test_answers_that_cannot_both_hold_are_named(
    client: Client, owner: User, post: dict[str, str], sentence: str
) -> None:
    intake = load(IntakeState.SURVEYED)

    answer = client.post(reverse("intake_columns", args=[intake.pk]), post)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Job.objects.exists()


def test_answers_about_the_files_are_told_once() -> None:
    post = {"date_order": "mdy", "decimal": ",", "currency_code": "usd", "event_kind": "visit", "column-0": "who"}

    given = Answers.of(_post(post), survey={**SURVEY, "event_kind": "visit"}, kind="events")

    assert given.mapping == {
        "who": "member", "occurred_at": "-", "date_order": "mdy", "decimal": ",", "currency": "USD",
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(IntakeKind))
def test_every_field_of_the_reader_has_words_and_no_other(kind: IntakeKind) -> None:
    assert {name for name, _ in FIELDS[kind]} == {field.name for field in ENGINE_FIELDS[kind]}


# One load, from the upload to its undoing


def test_a_file_walks_from_upload_to_taken_in_and_back(client: Client, owner: User, gym: Brand) -> None:
    client.post(reverse("take_in"), upload(VISITS, source="till"))
    intake = Intake.objects.get()
    page = reverse("intake", args=[intake.pk])
    rows = client.get(page).context["reading"].rows
    post = {f"column-{row.index}": row.chosen for row in rows}

    assert client.post(reverse("intake_columns", args=[intake.pk]), post).url == page
    job = Job.objects.get(verb="stage", arguments={"intake": intake.pk}, by=owner)
    assert "Reading the files" in client.get(page).content.decode()
    intake.refresh_from_db()
    take_in.stage(intake)
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE)

    dry = client.get(page)
    assert (dry.context["counts"].kept, dry.context["counts"].refused) == (3, 2)
    assert dry.context["counts"].is_whole
    assert dict(dry.context["counts"].reasons).keys() == {row["reason"] for row in dry.context["refused"]}
    saved = client.get(reverse("intake_rejects", args=[intake.pk]))
    text = b"".join(saved.streaming_content).decode()
    assert saved["Content-Disposition"] == f'attachment; filename="refused-rows-of-load-{intake.pk}.csv"'
    assert saved["X-Content-Type-Options"] == "nosniff"
    assert len(text.splitlines()) == 3

    client.post(reverse("intake_commit", args=[intake.pk]), {"fingerprint": intake.fingerprint})
    assert Job.objects.filter(verb="commit", arguments={"intake": intake.pk}).count() == 1
    take_in.commit(intake)
    Job.objects.update(state=JobState.DONE)
    assert "3 new rows were taken in" in client.get(page).content.decode()

    asked = client.get(reverse("intake_undo", args=[intake.pk])).content.decode()
    assert "consents and suppressions" in asked
    assert not Job.objects.filter(verb="undo").exists()
    client.post(reverse("intake_undo", args=[intake.pk]))
    assert Job.objects.filter(verb="undo", arguments={"intake": intake.pk}).count() == 1
    take_in.undo(intake, by=owner)
    Job.objects.update(state=JobState.DONE)
    assert "This load was taken back" in client.get(page).content.decode()


def test_what_the_reader_asks_for_is_answered_on_the_columns_page(client: Client, owner: User, gym: Brand) -> None:
    client.post(reverse("take_in"), upload(b"customer,date,amount\n7,03/04/2025,12.00\n8,05/06/2025,9.50\n"))
    intake = Intake.objects.get()
    columns = reverse("intake_columns", args=[intake.pk])
    post = {"column-0": "who", "column-1": "occurred_at", "column-2": "amount"}

    assert any("date_order" in problem for problem in survey_of(intake)["problems"])
    client.post(columns, post)
    assert not Job.objects.exists()
    client.post(columns, {**post, "date_order": "dmy"})

    intake.refresh_from_db()
    assert survey_of(intake)["problems"] == []
    assert Job.objects.filter(verb="stage").count() == 1
    assert client.get(columns).url == reverse("intake", args=[intake.pk])


# Twice, from another tab, too late


@pytest.mark.parametrize(
    ("state", "name", "verb"),
    [
        (IntakeState.STAGED, "intake_commit", "commit"),
        (IntakeState.TAKEN, "intake_undo", "undo"),
    ],
)
def test_a_double_click_asks_for_the_work_once(
    client: Client, owner: User, state: IntakeState, name: str, verb: str
) -> None:
    intake = load(state, counts=COUNTS)

    for _ in range(2):
        answer = client.post(reverse(name, args=[intake.pk]), {"fingerprint": intake.fingerprint})
        assert answer.url == reverse("intake", args=[intake.pk])

    assert Job.objects.filter(verb=verb).count() == 1


def test_a_dry_run_seen_before_the_columns_changed_takes_nothing_in(client: Client, owner: User) -> None:
    intake = load(IntakeState.STAGED, counts=COUNTS)

    answer = client.post(reverse("intake_commit", args=[intake.pk]), {"fingerprint": "of another tab"}, follow=True)

    assert not Job.objects.exists()
    assert "The columns were changed meanwhile" in answer.content.decode()


@pytest.mark.parametrize("state", [IntakeState.SURVEYED, IntakeState.TAKEN, IntakeState.UNDONE, IntakeState.FAILED])
def test_a_load_that_is_not_staged_is_not_taken_in(client: Client, owner: User, state: IntakeState) -> None:
    intake = load(state, counts=COUNTS)

    client.post(reverse("intake_commit", args=[intake.pk]), {"fingerprint": intake.fingerprint})

    assert not Job.objects.exists()


@pytest.mark.parametrize("state", [IntakeState.TAKING, IntakeState.TAKEN, IntakeState.UNDONE])
def test_the_columns_of_a_load_on_its_way_cannot_change_any_more(
    client: Client, owner: User, state: IntakeState
) -> None:
    intake = load(state, counts=COUNTS)

    for answer in (
        client.get(reverse("intake_columns", args=[intake.pk])),
        client.post(reverse("intake_columns", args=[intake.pk]), {"column-0": "who"}),
    ):
        assert answer.url == reverse("intake", args=[intake.pk])
    intake.refresh_from_db()
    assert intake.state == state


@pytest.mark.parametrize("state", list(IntakeState))
def test_every_state_of_a_load_has_a_page(client: Client, owner: User, state: IntakeState) -> None:
    intake = load(state, counts=COUNTS if state != IntakeState.SURVEYED else {})

    assert client.get(reverse("intake", args=[intake.pk])).status_code == 200


def test_getting_a_page_that_acts_changes_nothing(client: Client, owner: User) -> None:
    intake = load(IntakeState.STAGED, counts=COUNTS)

    assert client.get(reverse("intake_commit", args=[intake.pk])).status_code == 405
    assert client.get(reverse("intake_undo", args=[intake.pk])).url == reverse("intake", args=[intake.pk])
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["intake", "intake_progress", "intake_columns", "intake_undo", "intake_rejects"])
def test_a_load_that_does_not_exist_is_not_found(client: Client, owner: User, name: str) -> None:
    assert client.get(reverse(name, args=[404])).status_code == 404


# Progress


def test_progress_answers_htmx_with_the_part_only_and_ends_with_the_whole_page(client: Client, owner: User) -> None:
    intake = load(IntakeState.SURVEYED)
    job = Job.objects.create(verb="stage", arguments={"intake": intake.pk}, state="running", progress="182,000 rows")
    address = reverse("intake_progress", args=[intake.pk])

    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    whole = client.get(address)
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE)
    ended = client.get(address, headers={"HX-Request": "true"})

    assert "182,000 rows" in part
    assert "<html" not in part
    assert whole.url == reverse("intake", args=[intake.pk])
    assert ended["HX-Refresh"] == "true"


def test_work_nobody_picks_up_says_what_to_start(client: Client, owner: User) -> None:
    intake = load(IntakeState.SURVEYED)
    Job.objects.create(verb="stage", arguments={"intake": intake.pk}, asked_at=timezone.now() - timedelta(minutes=1))

    assert "rekindle worker" in client.get(reverse("intake", args=[intake.pk])).content.decode()


def test_work_that_failed_says_why_and_leaves_the_next_step(client: Client, owner: User) -> None:
    intake = load(IntakeState.STAGED, counts=COUNTS)
    Job.objects.create(
        verb="commit", arguments={"intake": intake.pk}, state="failed", error="taken in before, as load 3"
    )

    page = client.get(reverse("intake", args=[intake.pk])).content.decode()

    assert "taken in before, as load 3" in page
    assert "Not yet, change the columns" in page


@pytest.mark.parametrize(
    ("written", "shape", "read"),
    [
        ("19970101", "%Y%m%d", "is read as 1 January 1997"),
        ("03/04/2025", "%d/%m/%Y", "is read as 3 April 2025"),
        ("03/04/2025", "%m/%d/%Y", "is read as 4 March 2025"),
        ("2025-03-02T18:12:00", "iso", "is read as 2 March 2025, 18:12"),
        ("0", "epoch_s", "is read as 1 January 1970"),
        ("03/04/2025", "", "cannot be read yet"),
    ],
)
def test_a_date_is_shown_as_it_stands_and_as_it_is_read(
    client: Client, owner: User, written: str, shape: str, read: str
) -> None:
    dates = {"occurred_at": {"formats": [shape] if shape else [], "example": written, "problem": None}}
    intake = load(IntakeState.SURVEYED, survey={**SURVEY, "dates": dates})

    assert read in client.get(reverse("intake", args=[intake.pk])).content.decode()
