"""The API: who gets in, what it tells, what it does, how it says no."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import TODAY, cast, person, staff, task

from rekindle.accounts.models import ApiToken, User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, IdempotencyKey
from rekindle.relationships.models import CoolingOff, Episode, Note, Relationship
from rekindle.web.api import acts, keys, problems
from rekindle.web.api.door import LONGEST_BODY, api
from rekindle.web.api.limits import BURST, PER_SECOND, Buckets
from rekindle.workflows import api_tokens, deeds, story
from rekindle.workflows import person as people
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "fresh_buckets")]

KEYS_OF_A_PROBLEM = {"title", "status", "detail", "where", "remedy"}


@pytest.fixture
def fresh_buckets(monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """Room for every test: what is asked too often is tested by itself."""
    buckets = Buckets(per_second=1e6, burst=10**6)
    monkeypatch.setattr(keys, "BUCKETS", buckets)
    return buckets


class Program:
    """A program with a key; it keeps no cookies."""

    def __init__(self, user: User, *, reads_only: bool = False) -> None:
        self.key, self.token = api_tokens.make(name="test", reads_only=reads_only, lasts_days=30, by=user)
        self.user = user

    def get(self, address: str, **asked: Any) -> Any:
        return Client().get(f"/api/v1{address}", asked, headers={"Authorization": f"Bearer {self.key}"})

    def post(self, address: str, sent: Any, *, once: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": once} if once else {})}
        body = sent if isinstance(sent, bytes) else json.dumps(sent)
        return Client().post(f"/api/v1{address}", body, content_type="application/json", headers=headers)

    def do(self, name: str, **given: Any) -> Any:
        return self.post(f"/deeds/{name}", given)


@pytest.fixture
def dana() -> Program:
    return Program(staff())


def ana(**fields: Any) -> Relationship:
    relationship = person(**fields)
    Episode.objects.create(relationship=relationship, number=1, began_on=TODAY, last_seen_on=TODAY, pulses=80)
    return relationship


def books() -> dict[str, list[Any]]:
    return {
        model._meta.label: sorted(map(str, model._base_manager.values_list()))
        for label in ("relationships", "journal")
        for model in apps.get_app_config(label).get_models()
    }


def said_no(answer: Any, status: int) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert answer.status_code == status, document
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(document) >= KEYS_OF_A_PROBLEM
    assert document["status"] == status
    assert "no-store" in answer.headers["Cache-Control"]
    return document


# Who gets in


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer rk_wrong", "Basic rk_x", "rk_x", "Bearer rk_ü"])
def test_without_a_living_key_nothing_is_told(header: str) -> None:
    answer = Client().get("/api/v1/people", headers={"Authorization": header} if header else {})
    said_no(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_alone_opens_nothing(client: Client, dana: Program) -> None:
    client.force_login(dana.user)
    for name in ("note.add", "party.forget"):
        answer = client.post(f"/api/v1/deeds/{name}", "{}", content_type="application/json")
        said_no(answer, 401)
    said_no(client.get("/api/v1/people"), 401)


def test_a_key_with_cookies_is_refused(client: Client, dana: Program) -> None:
    client.force_login(dana.user)
    before = books()
    answer = client.post(
        "/api/v1/deeds/note.add", json.dumps({"person": ana().party_id, "text": "x"}), content_type="application/json",
        headers={"Authorization": f"Bearer {dana.key}"},
    )  # fmt: skip
    assert "without any cookie" in said_no(answer, 400)["remedy"]
    assert Note.objects.count() == 0
    assert books()["journal.AuditEntry"] == before["journal.AuditEntry"]


def test_no_answer_sets_a_cookie(dana: Program) -> None:
    assert not dana.get("/people").cookies
    assert not Client().get("/api/v1/people").cookies


def test_a_form_of_another_site_gets_nowhere() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff(Role.OWNER))
    said_no(strict.post("/api/v1/deeds/note.add", {"person": "1", "text": "x"}), 401)


def test_a_key_needs_no_csrf_token_since_no_browser_sends_it(dana: Program) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(
        "/api/v1/deeds/note.add", json.dumps({"person": ana().party_id, "text": "x"}), content_type="application/json",
        headers={"Authorization": f"Bearer {dana.key}"},
    )  # fmt: skip
    assert answer.status_code == 200


def test_a_key_dies_with_its_account_its_end_and_its_revoking(dana: Program) -> None:
    assert dana.get("/people").status_code == 200
    api_tokens.revoke(dana.token.pk, by=dana.user)
    said_no(dana.get("/people"), 401)
    other = Program(staff())
    User.objects.filter(pk=other.user.pk).update(is_active=False)
    said_no(other.get("/people"), 401)
    third = Program(staff())
    ApiToken.objects.filter(pk=third.token.pk).update(expires_at=third.token.made_at)
    said_no(third.get("/people"), 401)


def test_a_key_that_only_reads_does_nothing() -> None:
    reader = Program(staff(Role.OWNER), reads_only=True)
    party = ana().party_id
    assert reader.get("/people").status_code == 200
    for address, sent in (("/deeds/note.add", {"person": party, "text": "x"}), ("/events", {"events": []})):
        assert said_no(reader.post(address, sent), 403)["rule"] == "reads_only"
    assert not Note.objects.exists()


def test_a_role_changed_counts_from_the_next_request() -> None:
    program = Program(staff(Role.AGENT))
    party = ana().party_id
    assert program.do("note.add", person=party, text="x").status_code == 200
    User.objects.filter(pk=program.user.pk).update(role=Role.ANALYST.value)
    assert said_no(program.do("note.add", person=party, text="y"), 403)["rule"] == "role"


@pytest.mark.parametrize("role", list(Role))
def test_every_role_reads_and_does_what_its_role_may(role: Role) -> None:
    program = Program(staff(role))
    table = program.get("/deeds").json()["deeds"]
    assert [one["name"] for one in table] == list(deeds.TABLE)
    before = books()
    for one in table:
        answer = program.post(f"/deeds/{one['name']}", {})
        # Nothing is given: who may is told what is missing; every deed needs something.
        assert answer.status_code == 400
    assert books() == before
    for one in table:
        assert one["you_may"] is program.user.may(deeds.TABLE[one["name"]].needs)


# What it tells


def test_people_come_a_page_at_a_time_and_are_found(dana: Program) -> None:
    cast()
    first = dana.get("/people", limit=3).json()
    rest = dana.get("/people", limit=3, after=first["next"]).json()
    names = [one["person"] for one in (*first["people"], *rest["people"])]
    assert names == ["Ana Weber", "Ben Okafor", "Cleo Marchetti", "Dov Lindqvist"]
    assert rest["next"] == ""
    found = dana.get("/people", q="ben@").json()["people"]
    assert [one["person"] for one in found] == ["Ben Okafor"]
    assert found[0]["stage"] == "cooling_off"
    assert [one["person"] for one in dana.get("/people", stage="closed").json()["people"]] == ["Dov Lindqvist"]


def test_a_person_is_told_as_on_the_command_line(dana: Program) -> None:
    ben = cast().ben
    told = dana.get(f"/people/{ben.party_id}").json()
    assert told == json.loads(json.dumps(people.view(ben.party, history=story.the_history()).as_json(), default=str))


def test_the_story_the_rules_answer_today_and_the_endings_are_told(dana: Program) -> None:
    four = cast()
    Note.objects.create(relationship=four.ana, text="Likes mornings", by=dana.user)
    lines = dana.get(f"/people/{four.ana.party_id}/story", limit=1).json()
    assert [line["text"] for line in lines["lines"]] == ["Likes mornings"]
    assert lines["older"] is None

    asked = {"class": "relationship", "channel": "email", "at": "2026-03-12T12:00:00Z"}
    dov = dana.get(f"/people/{four.dov.party_id}/why-not", **asked).json()
    assert (dov["allowed"], dov["rule"]) == (False, "suppressed")

    task(four.ana, due_on=business_day(), made_on=business_day(), owner=staff())
    assert [card["person"] for card in dana.get("/today").json()["cards"]] == ["Ana Weber"]
    assert dana.get("/today", whose="mine").json()["cards"] == []

    assert {one["person"] for one in dana.get("/endings", column="decide").json()["people"]} == {"Ben Okafor"}
    assert dana.get("/endings", column="closed").json()["count"] == 1


@pytest.mark.parametrize(
    ("address", "asked", "status"),
    [
        ("/people/999999", {}, 404), ("/people/abc", {}, 404), ("/people/0", {}, 404), ("/people/-1", {}, 404),
        ("/people/99999999999999999999", {}, 404), ("/people/999999/story", {}, 404),
        ("/people/999999/why-not", {"class": "service", "channel": "email"}, 404), ("/nothing", {}, 404),
        ("/people/", {}, 404), ("/people", {"limit": 0}, 400), ("/people", {"limit": 201}, 400),
        ("/people", {"limit": "many"}, 400), ("/people", {"q": "a\x00"}, 400), ("/people", {"q": "x" * 201}, 400),
        ("/people", {"after": "x"}, 400), ("/people", {"after": "9" * 30 + ".x"}, 400),
        ("/people", {"sort": "stake", "after": "1.x"}, 400), ("/people", {"stage": "heaven"}, 400),
        ("/people", {"sort": "height"}, 400), ("/endings", {"column": "nowhere"}, 400),
        ("/endings", {"after": "x"}, 400), ("/today", {"whose": "hers"}, 400), ("/deeds/note.add", {}, 405),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_answered_in_one_shape(
    address: str, asked: dict[str, Any], status: int, dana: Program
) -> None:
    document = said_no(dana.get(address, **asked), status)
    assert document["detail"]


def test_an_instant_without_a_zone_is_refused(dana: Program) -> None:
    party = ana().party_id
    for text in ("2026-03-12T12:00", "2026-03-12", "now", "2026-02-30T12:00:00Z", "9999-12-31T00:00:00Z"):
        said_no(dana.get(f"/people/{party}/why-not", **{"class": "service", "channel": "email", "at": text}), 400)
        said_no(dana.get(f"/people/{party}/story", before=text), 400)


def test_reading_asks_the_books_as_often_for_many_as_for_few(dana: Program, django_assert_max_num_queries: Any) -> None:
    for number in range(40):
        ana(name=f"Person {number:02}")
    with django_assert_max_num_queries(14):
        assert len(dana.get("/people", limit=40).json()["people"]) == 40
    with django_assert_max_num_queries(14):
        dana.get("/endings", limit=40)


def test_get_changes_nothing_but_the_time_of_the_last_use(dana: Program) -> None:
    four = cast()
    before = books()
    for address in ("/people", f"/people/{four.ben.party_id}", f"/people/{four.ben.party_id}/story", "/today",
                    "/endings", "/deeds"):  # fmt: skip
        assert dana.get(address).status_code == 200
    assert books() == before


# What it does


def test_a_deed_is_done_and_says_which_key_did_it(dana: Program) -> None:
    answer = dana.do("note.add", person=ana().party_id, text="Likes mornings")
    assert answer.status_code == 200
    assert Note.objects.get(pk=answer.json()["note"]).by == dana.user
    assert AuditEntry.objects.get(verb="deed.done").details == {"door": "API", "token": dana.token.pk}


def test_two_people_are_two_keys_or_a_key_and_a_page(dana: Program, client: Client) -> None:
    party = ana().party_id
    dana.do("end.record", person=party, ended_on=business_day().isoformat())
    until = (business_day() + timedelta(days=20)).isoformat()
    asked = dana.do("quiet.shorten", person=party, until=until, reason="she wrote").json()
    assert said_no(dana.do("quiet.second", proposal=asked["proposal"]), 403)["rule"] == "second_person"
    # The page of the second person reads the very same proposal.
    mona = staff(Role.MANAGER)
    client.force_login(mona)
    assert "she wrote" in client.get(asked["page"]).content.decode()
    assert Program(mona).do("quiet.second", proposal=asked["proposal"]).status_code == 200
    standing = CoolingOff.objects.get(superseded_at=None)
    assert (standing.shortened_by, standing.seconded_by) == (dana.user, mona)


def test_what_a_workflow_refuses_is_told_with_its_rule(dana: Program) -> None:
    party = ana().party_id
    toxic = dana.do("end.record", person=party, ended_on=business_day().isoformat(), kind="c1_toxic")
    assert said_no(toxic, 403)["rule"] == "second_person"
    assert said_no(dana.do("presumed.confirm", person=party), 409)["remedy"]
    assert said_no(dana.do("promise.tell", promise=7), 404)["detail"] == "no promise 7"
    missing = said_no(dana.do("promise.make", person=party, text="x"), 400)
    assert (missing["where"], missing["detail"]) == ("due_on", "this field is missing")


def test_a_deed_that_is_none_names_those_that_begin_alike(dana: Program) -> None:
    assert "promise.make" in said_no(dana.do("promise.forget"), 404)["remedy"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"person":1,"person":2}', b'{"person":NaN}', b"\xff", b"[" * 50_000])
def test_a_body_that_is_no_json_object_is_refused(body: bytes, dana: Program) -> None:
    said_no(dana.post("/deeds/note.add", body), 400)


def test_a_body_over_a_megabyte_is_refused_unread(dana: Program) -> None:
    said_no(dana.post("/deeds/note.add", b" " * (LONGEST_BODY + 1)), 413)


@given(data=st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_is_never_an_error_of_ours(data: st.DataObject, dana: Program) -> None:
    name = data.draw(st.sampled_from(list(deeds.TABLE)))
    fields = st.sampled_from([*deeds.TABLE[name].given.model_fields, "stranger", ""])
    plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("2026-03-01"))
    values = st.one_of(plain, st.lists(plain, max_size=2), st.dictionaries(st.text(max_size=3), plain, max_size=2))
    sent = data.draw(st.one_of(st.dictionaries(fields, values, max_size=5), values))
    before = books()
    answer = dana.post(f"/deeds/{name}", sent)
    assert 400 <= answer.status_code < 500
    assert books() == before


def test_an_unforeseen_error_says_a_number_and_nothing_else(dana: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any, **_named: Any) -> Any:
        raise RuntimeError("secret words")

    monkeypatch.setattr(acts.deeds, "do", fail)
    document = said_no(dana.do("note.add", person=1, text="x"), 500)
    assert "secret" not in json.dumps(document)


# Once


def test_the_same_key_and_request_has_one_effect_and_one_answer(dana: Program) -> None:
    sent = {"person": ana().party_id, "text": "Likes mornings"}
    first = dana.post("/deeds/note.add", sent, once="7f0c")
    again = dana.post("/deeds/note.add", sent, once="7f0c")
    assert (first.json(), again.json()) == ({"note": Note.objects.get().pk},) * 2
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    said_no(dana.post("/deeds/note.add", {**sent, "text": "other"}, once="7f0c"), 422)
    said_no(dana.post("/deeds/case.open", {**sent, "title": "x"}, once="7f0c"), 400)
    assert Note.objects.count() == 1
    assert AuditEntry.objects.filter(verb="deed.done").count() == 1


def test_a_refused_request_keeps_no_key(dana: Program) -> None:
    before = books()
    for _ in range(2):
        said_no(dana.post("/deeds/promise.tell", {"promise": 7}, once="k"), 404)
    assert books() == before


@pytest.mark.django_db(transaction=True)  # forgetting empties free pages, which no transaction may do
def test_what_was_said_while_forgetting_is_kept_nowhere() -> None:
    program = Program(staff(Role.OWNER))
    sent = {"person": person("Ana Weber", email="ana@example.org").party_id, "sure": True}
    assert program.post("/deeds/party.forget", sent, once="k").json()["hashes"] == 1
    assert not IdempotencyKey.objects.exists()
    said_no(program.post("/deeds/party.forget", sent, once="k"), 404)


def test_a_request_under_way_is_told_to_come_again(dana: Program) -> None:
    sent = {"person": ana().party_id, "text": "x"}
    dana.post("/deeds/note.add", sent, once="k")
    IdempotencyKey.objects.update(status=None)
    answer = dana.post("/deeds/note.add", sent, once="k")
    said_no(answer, 409)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done() -> None:
    program = Program(staff())
    sent = {"person": ana().party_id, "text": "x"}
    statuses: list[int] = []
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        try:
            statuses.append(program.post("/deeds/note.add", sent, once="k").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert Note.objects.count() == 1
    assert AuditEntry.objects.filter(verb="deed.done").count() == 1


# How often


def test_a_bucket_empties_and_fills_again() -> None:
    now = 0.0
    buckets = Buckets(per_second=2, burst=3, clock=lambda: now)
    assert [buckets.take(1) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take(2) == 0, "a key has a bucket of its own"
    now = 0.5
    assert [buckets.take(1), buckets.take(1)] == [0, 0.5]
    now = 1000.0
    assert [buckets.take(1) for _ in range(4)] == [0, 0, 0, 0.5]


def test_who_asks_too_often_is_told_when_to_come_again(dana: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "BUCKETS", Buckets(per_second=0.1, burst=2, clock=lambda: 0.0))
    assert [dana.get("/deeds").status_code for _ in range(2)] == [200, 200]
    answer = dana.get("/deeds")
    said_no(answer, 429)
    assert answer.headers["Retry-After"] == "10"
    assert Program(staff()).get("/deeds").status_code == 200


# How it is described


def test_the_schema_tells_every_address_with_its_key() -> None:
    described = api.get_openapi_schema(path_prefix="/api/v1/")
    assert {f"/api/v1/deeds/{name}" for name in deeds.TABLE} <= set(described["paths"])
    for found in described["paths"].values():
        for operation in found.values():
            assert operation["security"] == [{"Bearer": []}]
            assert operation["summary"]


def test_the_description_is_for_staff_and_whole(client: Client) -> None:
    for name in ("api_docs", "api_schema"):
        assert client.get(reverse(name)).status_code == 302
    client.force_login(staff(Role.ANALYST))
    page = client.get(reverse("api_docs")).content.decode()
    assert all(f"/api/v1/deeds/{name}</code>" in page for name in deeds.TABLE)
    assert f"{int(PER_SECOND)} requests a second, {BURST} at once" in page
    assert "<script src" not in page.split("<main", 1)[1]
    assert client.get(reverse("api_schema")).json()["openapi"].startswith("3.")


def test_every_status_the_api_gives_has_a_title() -> None:
    assert {401, 403, 404, 405, 409, 413, 422, 429, 400, 500} == {status.value for status in problems._TITLES}
