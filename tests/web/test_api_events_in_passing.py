"""Events told by who does not wait for the history: written down for good when the answer comes, refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from people_cast import brand, staff

from rekindle.accounts.roles import Role
from rekindle.errors import RekindleError
from rekindle.journal.models import Intake
from rekindle.relationships.models import Party
from rekindle.web.api import keys, limits
from rekindle.web.api.limits import Buckets
from rekindle.workflows import api_tokens, events_gather, events_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

Post = Callable[..., Any]


def program(role: Role = Role.MARKETER, *, reads_only: bool = False) -> Post:
    brand()
    key, _token = api_tokens.make(name="the till", reads_only=reads_only, lasts_days=30, by=staff(role))

    def sent(events: Any, *, prefer: str = "respond-async", once: str = "", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Prefer": prefer, **({"Idempotency-Key": once} if once else {})}
        body = json.dumps({"events": events, **more})
        return Client().post("/api/v1/events", body, content_type="application/json", headers=headers)

    sent.key = key  # type: ignore[attr-defined]
    return sent


@pytest.fixture
def post() -> Post:
    return program()


def purchase(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "who": "00017", "occurred_at": f"2026-03-{number:02}T10:00:00+01:00", "kind": "purchase", "amount": "19.90",
        "currency": "EUR", "event_id": f"e{number}", **fields,
    }  # fmt: skip


def test_the_answer_comes_when_it_is_written_down_and_the_history_has_it_soon(post: Post) -> None:
    answer = post([purchase(1), purchase(2)])
    assert (answer.status_code, answer.json()) == (202, {"kept": 2, "known": 0})
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert not Intake.objects.exists()
    events_gather.gather()
    assert Intake.objects.get().counts["kept"] == 2
    assert Party.objects.count() == 1


def test_sent_again_it_is_known(post: Post) -> None:
    post([purchase(1)])
    assert post([purchase(1), purchase(2)]).json() == {"kept": 1, "known": 1}


@pytest.mark.parametrize("prefer", ["respond-async, wait=10", "Respond-Async", "handling=strict,respond-async;x=1"])
def test_the_preference_is_read_as_its_standard_says(prefer: str, post: Post) -> None:
    assert post([purchase(1)], prefer=prefer).status_code == 202


@pytest.mark.parametrize("prefer", ["", "wait=10", "respond-asynchronously", 'x="respond-async"'])
def test_without_it_the_answer_waits_for_the_history(prefer: str, post: Post) -> None:
    answer = post([purchase(1)], prefer=prefer)
    assert (answer.status_code, answer.json()["load"]) == (200, Intake.objects.get().pk)
    assert "Preference-Applied" not in answer.headers


def test_both_ways_count_the_same_event_once(post: Post) -> None:
    post([purchase(1), purchase(2, event_id="")])
    post([purchase(1), purchase(2, event_id="")], prefer="")
    post([purchase(3)])
    events_gather.gather()
    first, second = Intake.objects.order_by("pk")
    assert (first.counts["kept"], second.counts["kept"], second.counts["merged"]) == (2, 1, 2)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"who": ""}, "events.1"), ({"occurred_at": "2026-03-01"}, "events.1.occurred_at"),
        ({"amount": 19.9}, "events.1.amount"), ({"currency": None}, "events.1"), ({"kind": "Buy!"}, "events.1.kind"),
        ({"email": "a\x00b"}, "events.1.email"), ({"stranger": 1}, "events.1.stranger"),
    ],
)  # fmt: skip
def test_an_event_that_will_not_do_is_refused_at_its_place_and_none_is_kept(
    change: dict[str, Any], where: str, post: Post
) -> None:
    answer = post([purchase(1), purchase(2, **change)])
    assert (answer.status_code, answer.json()["where"]) == (400, where)
    assert events_waiting.how_many() == (0, None)


def test_who_may_not_take_in_tells_nothing() -> None:
    for one, rule in ((program(Role.AGENT), "role"), (program(Role.OWNER, reads_only=True), "reads_only")):
        answer = one([purchase(1)])
        assert (answer.status_code, answer.json()["rule"]) == (403, rule)
    answer = Client().post("/api/v1/events", "{}", content_type="application/json", headers={"Prefer": keys.IN_PASSING})
    assert answer.status_code == 401
    assert events_waiting.how_many() == (0, None)


def test_with_a_key_the_answer_is_kept_too(post: Post) -> None:
    first, again = post([purchase(1)], once="k"), post([purchase(1)], once="k")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


def test_what_cannot_be_written_down_is_to_be_sent_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: Any, **_named: Any) -> int:
        raise RekindleError("the events cannot be written down at this moment.", remedy="Send them again.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(events_waiting, "keep", full)
        answer = post([purchase(1)])
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")
    assert answer.json()["remedy"] == "Send them again."


def test_how_many_wait_is_told(post: Post) -> None:
    def asked() -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {post.key}"}  # type: ignore[attr-defined]
        found: dict[str, Any] = Client().get("/api/v1/events", headers=headers).json()
        return found

    assert asked() == {"waiting": 0, "since": None}
    post([purchase(1), purchase(2)])
    told = asked()
    assert told["waiting"] == 2
    assert told["since"].endswith("Z")
    events_gather.gather()
    assert asked()["waiting"] == 0


def test_tellings_have_a_limit_of_their_own(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "TELLING", Buckets(per_second=1, burst=1, clock=lambda: 0.0))
    monkeypatch.setattr(keys, "BUCKETS", Buckets(per_second=1, burst=2, clock=lambda: 0.0))
    assert post([purchase(1)]).status_code == 202
    too_often = post([purchase(2)])
    assert (too_often.status_code, too_often.headers["Retry-After"]) == (429, "1")
    assert post([purchase(2)], prefer="").status_code == 200
    assert limits.TELLINGS_PER_SECOND > limits.PER_SECOND
