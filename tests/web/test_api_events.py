"""Events told by a program: kept when the answer comes, once for good, refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import brand, staff

from rekindle import home as home_folder
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Intake, IntakeState
from rekindle.observe.history import History
from rekindle.relationships.models import Identity, Party
from rekindle.workflows import api_tokens, take_in
from rekindle.workflows.deeds import batch
from rekindle.workflows.deeds import given as reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

Post = Callable[..., Any]


@pytest.fixture
def marketer() -> User:
    brand()
    return staff(Role.MARKETER)


@pytest.fixture
def post(marketer: User) -> Post:
    key, _token = api_tokens.make(name="the till", reads_only=False, lasts_days=30, by=marketer)

    def sent(events: Any, *, once: str = "", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", **({"Idempotency-Key": once} if once else {})}
        body = json.dumps({"events": events, **more})
        return Client().post("/api/v1/events", body, content_type="application/json", headers=headers)

    return sent


def purchase(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "who": "00017", "occurred_at": f"2026-03-{number:02}T10:00:00+01:00", "kind": "purchase", "amount": "19.90",
        "currency": "EUR", "event_id": f"e{number}", **fields,
    }  # fmt: skip


def kept() -> list[dict[str, Any]]:
    history = History(home_folder.history_folder())
    found: list[dict[str, Any]] = []
    for party in Party.objects.order_by("pk"):
        found += history.of(party.pk).to_pylist()
    return found


def test_what_is_told_is_in_the_history_when_the_answer_comes(post: Post, marketer: User) -> None:
    answer = post([purchase(1), purchase(2, email="ana@example.org", channel="shop", ref="R-7", quantity=2)])
    assert answer.status_code == 200, answer.content
    load = Intake.objects.get()
    assert answer.json() == {"load": load.pk, "kept": 2, "known": 0, "refused": 0, "reasons": {}}
    assert (load.state, load.by, load.source) == (IntakeState.TAKEN.value, marketer, "main")
    newest = kept()[0]
    assert newest["occurred_at"].isoformat() == "2026-03-02T09:00:00+00:00"
    assert (newest["amount_minor"], newest["currency"], newest["ref"], newest["event_id"]) == (1990, "EUR", "R-7", "e2")
    assert set(Identity.objects.values_list("kind", flat=True)) == {"external", "email"}


def test_the_same_batch_and_the_same_event_count_once(post: Post) -> None:
    post([purchase(1), purchase(2)])
    again = post([purchase(1), purchase(2)]).json()
    assert (again["kept"], again["known"], again["load"]) == (0, 2, Intake.objects.get().pk)
    more = post([purchase(2), purchase(3)]).json()
    assert (more["kept"], more["known"]) == (1, 1)
    assert [event["event_id"] for event in kept()] == ["e3", "e2", "e1"]


def test_with_a_key_the_answer_is_the_same_to_the_letter(post: Post) -> None:
    first, again = post([purchase(1)], once="k"), post([purchase(1)], once="k")
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_batch_is_a_load_like_any_other_and_can_be_taken_back(post: Post) -> None:
    load = take_in.find(post([purchase(1)]).json()["load"])
    take_in.undo(load)
    assert not Party.objects.exists()


def test_an_event_too_far_ahead_is_refused_with_the_reason_and_the_others_are_kept(post: Post) -> None:
    told = post([purchase(1), purchase(2, occurred_at="2199-01-01T00:00:00Z")]).json()
    assert (told["kept"], told["refused"]) == (1, 1)
    assert sum(told["reasons"].values()) == 1


def test_numbers_are_unique_within_their_source(post: Post) -> None:
    post([purchase(1)])
    post([purchase(1)], source="shop")
    assert Party.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"who": ""}, "events.0"), ({"who": " "}, "events.0"), ({"occurred_at": "2026-03-01"}, "events.0.occurred_at"),
        ({"occurred_at": "2026-03-01T10:00:00"}, "events.0.occurred_at"),
        ({"occurred_at": 1772359200}, "events.0.occurred_at"), ({"amount": 19.9}, "events.0.amount"),
        ({"amount": "19,90"}, "events.0.amount"), ({"amount": "1e9"}, "events.0.amount"),
        ({"amount": "9" * 13}, "events.0.amount"), ({"currency": None}, "events.0"),
        ({"currency": "euro"}, "events.0.currency"), ({"kind": ""}, "events.0.kind"),
        ({"kind": "Buy it!"}, "events.0.kind"), ({"quantity": -1}, "events.0.quantity"),
        ({"quantity": 2**70}, "events.0.quantity"), ({"email": "a\x00b"}, "events.0.email"),
        ({"stranger": 1}, "events.0.stranger"),
    ],
)  # fmt: skip
def test_an_event_that_will_not_do_is_refused_at_its_place(change: dict[str, Any], where: str, post: Post) -> None:
    answer = post([purchase(1, **change)])
    assert answer.status_code == 400
    assert answer.json()["where"] == where
    assert not Intake.objects.exists()


def test_a_batch_has_one_to_a_thousand_events() -> None:
    for events in ([], [purchase(1)] * (batch.AT_MOST + 1)):
        with pytest.raises(BadInput):
            reading.read(batch.Batch, {"events": events})
    assert len(reading.read(batch.Batch, {"events": [purchase(1)] * batch.AT_MOST}).events) == batch.AT_MOST


def test_a_source_is_a_plain_name(post: Post) -> None:
    for source in ("", "a b", "../x", "x" * 65):
        assert post([purchase(1)], source=source).status_code == 400


def test_a_role_that_takes_nothing_in_is_refused() -> None:
    brand()
    key, _token = api_tokens.make(name="x", reads_only=False, lasts_days=1, by=staff(Role.AGENT))
    answer = Client().post(
        "/api/v1/events", json.dumps({"events": [purchase(1)]}), content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["rule"]) == (403, "role")
    assert not Intake.objects.exists()


def test_while_another_load_goes_on_the_sender_comes_again_and_nothing_is_left(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_intake: Intake) -> Intake:
        raise Conflict("Another load is going on in another process.")

    before = {path.name for path in home_folder.prepare().rglob("*.parquet")}
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(take_in, "commit", busy)
        answer = post([purchase(1)])
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "2"
    assert not Intake.objects.exists()
    assert {path.name for path in home_folder.home().rglob("*.parquet")} == before
    assert post([purchase(1)]).json()["kept"] == 1


WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30)
EVENT = st.fixed_dictionaries(
    {
        "occurred_at": st.datetimes(datetime(1800, 1, 2), datetime(2200, 12, 30), timezones=st.just(UTC)).map(
            datetime.isoformat
        ),
        "kind": st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    },
    optional={
        "who": WORDS, "email": WORDS, "phone": WORDS, "name": WORDS, "channel": WORDS, "ref": WORDS, "event_id": WORDS,
        "quantity": st.integers(-5, 2**40), "amount": st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", fullmatch=True),
        "currency": st.sampled_from(["EUR", "JPY", "XXX", "eur"]),
    },
)  # fmt: skip


@given(events=st.lists(EVENT, min_size=1, max_size=4))
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_told_is_counted_or_refused(events: list[dict[str, Any]], post: Post) -> None:
    answer = post(events)
    if answer.status_code == 200:
        told = answer.json()
        assert told["kept"] + told["known"] + told["refused"] == len(events)
    else:
        assert answer.status_code == 400
        assert answer.json()["where"]
