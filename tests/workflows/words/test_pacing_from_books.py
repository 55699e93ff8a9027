"""The right hour of people in the books: from what they did themselves, where they live, with the facts told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from people_cast import person, staff

from rekindle import home
from rekindle.journal.models import Click, Message
from rekindle.observe.history import EVENTS, History
from rekindle.relationships import wishes
from rekindle.relationships.models import Party, Relationship
from rekindle.workflows.compose import compose
from rekindle.workflows.words import pacing_books

AT = datetime(2026, 3, 12, 6, 0, tzinfo=UTC)


def happened(*rows: tuple[int, datetime, str, str]) -> None:
    """Events in the history: (party, when, kind, channel)."""
    n = len(rows)
    columns = {
        "event_key": list(range(1, n + 1)), "event_id": [None] * n, "party_id": [row[0] for row in rows],
        "occurred_at": [row[1] for row in rows], "kind": [row[2] for row in rows], "amount_minor": [None] * n,
        "currency": [None] * n, "quantity": [None] * n, "channel": [row[3] or None for row in rows],
        "ref": [None] * n, "properties": [None] * n, "source": ["test"] * n, "intake": [1] * n,
    }  # fmt: skip
    History(home.history_folder()).append(pa.table(columns, schema=EVENTS), intake=1)


def visits(one: Relationship, hour: int, n: int, *, every: int = 3) -> list[tuple[int, datetime, str, str]]:
    first = datetime(2026, 3, 10, hour, 20, tzinfo=UTC)
    return [(one.party_id, first - timedelta(days=every * k), "visit", "") for k in range(n)]


def row(one: Relationship) -> dict[str, object]:
    found: dict[str, object] = pacing_books.pacing_of([one.party_id], at=AT).to_pylist()[0]
    return found


@pytest.fixture
def ana() -> Relationship:
    return person("Ana Weber", time_zone="Europe/Rome", owner=staff(name="Dana Frey"))


def test_their_own_hour_where_they_live(ana: Relationship) -> None:
    happened(*visits(ana, 16, 30))  # 17:20 in Rome
    found = row(ana)
    assert (found["hour"], found["hour_near"], found["hour_seen"]) == (17, 30, 30)
    assert found["zone"] == "Europe/Rome"
    assert round(float(str(found["gap_days"]))) == 3
    said = compose(ana, "check_in", at=AT)
    assert said.not_before == datetime(2026, 3, 12, 16, 0, tzinfo=UTC)
    assert said.chosen["hour"] == {
        "is": 17, "because": "17:00, because 30 of 30 of their own doings were between 16:00 and 19:00",
    }  # fmt: skip
    assert said.chosen["cadence"]["because"].endswith("from 29 gaps of their own")


def test_nothing_known_is_said_and_nothing_is_guessed(ana: Relationship) -> None:
    said = compose(ana, "check_in", at=AT)
    assert said.not_before is None
    assert said.chosen["hour"]["is"] is None
    assert "nothing is known" in said.chosen["hour"]["because"]
    assert said.chosen["cadence"]["is"] is None
    assert said.chosen["road"]["because"].startswith("they have answered on no road yet")


def test_a_day_without_an_hour_and_an_opened_mail_are_no_habit(ana: Relationship) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    happened(
        *[(ana.party_id, midnight - timedelta(days=k), "purchase", "") for k in range(20)],
        *[(ana.party_id, midnight + timedelta(hours=11, minutes=k), "open", "email") for k in range(20)],
    )
    found = row(ana)
    assert found["hour_seen"] == 0
    assert found["hour"] == -1
    assert found["weekday_seen"] == 20


def test_somebody_new_gets_the_hour_of_the_house(ana: Relationship) -> None:
    others = [person(f"P {n}") for n in range(6)]
    happened(*[event for one in others for event in visits(one, 18, 12)])
    said = compose(ana, "check_in", at=AT)
    assert said.chosen["hour"]["is"] == 18
    assert "most people here are about" in said.chosen["hour"]["because"]


def test_clicks_of_people_count_and_those_of_machines_do_not(ana: Relationship) -> None:
    message = Message.objects.create(
        key="x", party=ana.party, channel="email", touch_class="content", message_id="<x@x>", made_by="x",
        expires_at=AT,
    )  # fmt: skip
    for place, is_machine in enumerate([False] * 3 + [True] * 9):
        Click.objects.create(
            message=message, url="https://oak.example", at=datetime(2026, 3, 1 + place % 9, 11, 5, tzinfo=UTC),
            machine_score=0.9 if is_machine else 0.1, is_machine=is_machine,
        )  # fmt: skip
    found = row(ana)
    assert found["hour_seen"] == 3
    assert (found["road"], found["road_answers"]) == ("email", 3)


def test_how_often_they_wish_goes_before_how_often_they_come(ana: Relationship) -> None:
    happened(*visits(ana, 16, 30))
    Party.objects.filter(pk=ana.party_id).update(extra={wishes.HOW_OFTEN: "month"})
    ana.refresh_from_db()
    said = compose(ana, "check_in", at=AT)
    assert said.chosen["cadence"] == {"is": 30, "because": "they asked for no more than once in 30 days"}


def test_many_at_once_are_each_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [person(f"P {n}", time_zone=("Europe/Rome", "", "Asia/Tokyo")[n % 3]) for n in range(9)]
    happened(*[event for n, one in enumerate(people) for event in visits(one, 8 + n, 3 * n, every=1 + n)])
    ids = [one.party_id for one in people]
    alone = [str(row(one)) for one in people]
    assert [str(found) for found in pacing_books.pacing_of(ids, at=AT).to_pylist()] == alone
    monkeypatch.setattr(pacing_books, "NAMED_AT_MOST", 2)  # now by one walk over the history
    assert [str(found) for found in pacing_books.pacing_of(ids, at=AT).to_pylist()] == alone
