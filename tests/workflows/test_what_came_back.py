"""What came back is history before a night reads: once each, in any order, undone like a load, gone when forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from people_cast import brand, cast, ended, person, staff

from rekindle import home as home_folder
from rekindle.journal.models import (
    Click,
    Inbound,
    InboundKind,
    Intake,
    IntakeState,
    Message,
    Night,
    NightState,
)
from rekindle.observe.history import History
from rekindle.relationships.models import Feed, Feedback, FeedEntry, Party, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial, Stage, TouchClass
from rekindle.workflows import forget, merge, nightly, preferences, take_in, three_questions
from rekindle.workflows.alone import alone
from rekindle.workflows.consent import ASKED_ABOUT
from rekindle.workflows.inbound.follow import DOUBTED
from rekindle.workflows.night import what_came_back
from rekindle.workflows.unsubscribe import Scope, stop
from rekindle.workflows.words.pacing_books import pacing_of

from .conftest import purchases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
_numbers = count(1)


def ana() -> Relationship:
    brand(time_zone="UTC")
    return person("Ana Weber", email="ana@example.org", number="00017")


@pytest.fixture(autouse=True)
def till(home: Path, db: None) -> Intake:
    """A load that somebody brought before: what came back is laid beside it."""
    return Intake.objects.create(kind="events", source="till", fingerprint="x", state=IntakeState.TAKEN.value)


def ours() -> list[Intake]:
    return list(Intake.objects.filter(source="rekindle").order_by("pk"))


def came(party: Party | None, kind: InboundKind = InboundKind.REPLY, **fields: Any) -> Inbound:
    told = {"source": "imap", "number": f"n{next(_numbers)}", "kind": kind.value, "party": party, "occurred_at": AT}
    return Inbound.objects.create(**told | fields)


def clicked(party: Party, *, is_machine: bool = False) -> Click:
    number = next(_numbers)
    message = Message.objects.create(
        key=f"m{number}", party=party, channel=Channel.EMAIL.value, touch_class=TouchClass.CONTENT.value,
        message_id=f"<m{number}@example.org>", expires_at=timezone.now() + timedelta(days=1), made_by="write",
    )  # fmt: skip
    return Click.objects.create(message=message, url="https://example.org/", is_machine=is_machine,
                                machine_score=float(is_machine))  # fmt: skip


def published(party: Party) -> FeedEntry:
    feed = Feed.objects.create(party=party, url="https://ana.example/feed", consent="told us", consented_on=AT.date())
    return FeedEntry.objects.create(feed=feed, number="1", title="A race", published_at=AT)


def left_and_answered(party: Party) -> object:
    end = ended(Relationship.objects.get(party=party), on=date(2025, 1, 5))
    return three_questions.answer(end, code="better", value="Too loud.")


def history(party: Party) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = History(home_folder.history_folder()).of(
        party.pk, without=take_in.hidden_loads()
    ).to_pylist()  # fmt: skip
    return found


def kinds(party: Party) -> list[str]:
    return sorted(row["kind"] for row in history(party))


TELLS: dict[str, tuple[Callable[[Party], object], str]] = {
    "a reply": (came, "reply"),
    "a click": (clicked, "click"),
    "a bounce": (lambda party: came(party, InboundKind.BOUNCED), "bounce"),
    "a complaint": (lambda party: came(party, InboundKind.COMPLAINED), "complaint"),
    "a stop by mail": (lambda party: came(party, InboundKind.UNSUBSCRIBED), "unsubscribe"),
    "a no on their page": (
        lambda party: stop(party, what=Scope((Channel.EMAIL,), ASKED_ABOUT), said="no"), "unsubscribe",
    ),
    "a mark": (
        lambda party: Feedback.objects.create(
            relationship=Relationship.objects.get(party=party), kind="nps", score=9
        ), "survey",
    ),
    "the three questions": (left_and_answered, "survey"),
    "a public word": (published, "social_post"),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(TELLS))
def test_each_is_one_event_however_often_it_is_gathered(what: str) -> None:
    party = ana().party
    tells, kind = TELLS[what]
    tells(party)

    assert what_came_back.gather() == 1
    assert what_came_back.gather() == 0

    (event,) = history(party)
    assert event["kind"] == kind
    assert event["source"] == "rekindle"
    assert len(ours()) == 1


def test_an_event_is_of_the_instant_it_happened_at() -> None:
    party = ana().party
    reply = came(party)

    what_came_back.gather()

    (event,) = history(party)
    assert (event["event_id"], event["occurred_at"]) == (f"reply:{reply.pk}", AT)


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_in_which_they_come_does_not_matter(order: int) -> None:
    party = ana().party
    for what in sorted(TELLS)[::order]:
        TELLS[what][0](party)
        what_came_back.gather()

    assert kinds(party) == sorted(kind for _tells, kind in TELLS.values())


def test_what_machines_do_is_no_word_of_theirs() -> None:
    party = ana().party
    clicked(party, is_machine=True)
    for kind in (InboundKind.DELIVERED, InboundKind.DEFERRED, InboundKind.AUTO_REPLY, InboundKind.FORWARDED):
        came(party, kind)
    came(party, outcome=DOUBTED.text)
    came(None)

    assert what_came_back.gather() == 0
    assert ours() == []


def test_what_was_said_by_mail_is_not_told_again_by_the_no_it_left() -> None:
    party = ana().party
    came(party, InboundKind.UNSUBSCRIBED)
    stop(party, what=Scope((Channel.EMAIL,), ASKED_ABOUT), said="stop", via="mail")

    assert what_came_back.gather() == 1


def test_what_is_new_comes_with_the_next_night_alone() -> None:
    party = ana().party
    came(party)
    what_came_back.gather()
    came(party)
    came(party, InboundKind.BOUNCED, occurred_at=AT - timedelta(days=300))

    assert what_came_back.gather() == 2
    assert kinds(party) == ["bounce", "reply", "reply"]


def test_an_unhandled_one_that_is_settled_days_later_is_not_missed() -> None:
    party = ana().party
    came(person("Cleo").party)
    late = came(None, received_at=timezone.now() - timedelta(days=3))
    what_came_back.gather()
    Inbound.objects.filter(pk=late.pk).update(party=party)

    assert what_came_back.gather() == 1
    assert kinds(party) == ["reply"]


def test_undone_it_comes_again_since_the_record_holds_it() -> None:
    party = ana().party
    came(party, received_at=timezone.now() - timedelta(days=200))
    stop(party, what=Scope((Channel.EMAIL,), ASKED_ABOUT), said="no")
    what_came_back.gather()
    came(party)
    what_came_back.gather()
    take_in.undo(ours()[0])
    assert kinds(party) == ["reply"]

    assert what_came_back.gather() == 2
    assert kinds(party) == ["reply", "reply", "unsubscribe"]
    assert what_came_back.gather() == 0


def test_cut_off_after_the_history_it_is_begun_anew() -> None:
    party = ana().party
    came(party)
    what_came_back.gather()
    Intake.objects.filter(source="rekindle").update(
        state=IntakeState.FAILED.value
    )  # as a kill before the books leaves it
    assert kinds(party) == []

    assert what_came_back.gather() == 1

    assert kinds(party) == ["reply"]
    assert [one.state for one in ours()] == [IntakeState.TAKEN.value]


def test_a_load_of_somebody_else_by_that_name_is_left_alone(load: Any, write: Any) -> None:
    brand(time_zone="UTC")
    load(write("a.csv", purchases([("c1", "2025-01-05", "9.90")])), source="rekindle")
    Intake.objects.filter(source="rekindle").update(state=IntakeState.FAILED.value)
    came(ana().party)

    what_came_back.gather()

    assert [one.state for one in ours()] == [IntakeState.FAILED.value, IntakeState.TAKEN.value]


def test_while_a_load_runs_it_waits_for_the_next_night(home: Path) -> None:
    came(ana().party)
    held, done = threading.Event(), threading.Event()

    def load_in_another_process() -> None:
        with alone("take-in", doing="A load"):
            held.set()
            done.wait(30)
        connection.close()

    other = threading.Thread(target=load_in_another_process)
    other.start()
    held.wait(30)
    try:
        assert what_came_back.gather() == 0
    finally:
        done.set()
        other.join()

    assert what_came_back.gather() == 1


def test_forgetting_takes_them_and_nothing_brings_them_back() -> None:
    them, other = ana().party, person("Cleo Roy", email="cleo@example.org").party
    for party in (them, other):
        came(party)
        clicked(party)
        stop(party, what=Scope((Channel.EMAIL,), ASKED_ABOUT), said="no")
    what_came_back.gather()

    done = forget.forget(them, by=None)

    assert done.events == 3
    assert what_came_back.gather() == 0
    assert kinds(other) == ["click", "reply", "unsubscribe"]
    assert History(home_folder.history_folder()).of(them.pk).num_rows == 0


def test_two_records_made_one_have_each_event_once() -> None:
    keep, gone = ana().party, person("A. Weber", email="a.weber@example.org").party
    came(gone)
    stop(gone, what=Scope((Channel.EMAIL,), ASKED_ABOUT), said="no")
    what_came_back.gather()
    came(gone)
    stop(gone, what=Scope((Channel.LETTER,), ASKED_ABOUT), said="no")

    merge.merge(keep, gone, by=staff())
    what_came_back.gather()

    assert kinds(keep) == ["reply", "reply", "unsubscribe", "unsubscribe"]
    assert what_came_back.gather() == 0


def test_a_no_of_staff_is_no_word_of_theirs() -> None:
    one = ana()
    preferences.stop_all(one.party, said="told the desk", via="desk")

    assert what_came_back.gather() == 0


def test_a_night_reads_what_came_back(load: Any, write: Any) -> None:
    brand(time_zone="UTC", pulse="")
    rows = [(f"c{n}", f"2025-{month:02d}-0{1 + n % 8}", "9.90") for n in range(30) for month in range(1, 7)]
    load(write("a.csv", purchases(rows)))
    party = Party.objects.filter(identities__normal="c3").get()
    came(party, occurred_at=datetime(2025, 6, 20, tzinfo=UTC))

    nightly.run(as_of=date(2025, 6, 30))
    again = nightly.run(as_of=date(2025, 6, 30))

    assert kinds(party).count("reply") == 1
    assert again.state == NightState.DONE.value
    assert Intake.objects.filter(source="rekindle").count() == 1


def test_a_night_goes_by_where_nothing_but_answers_is_known() -> None:
    Intake.objects.all().delete()
    came(cast().ana.party, occurred_at=datetime(2025, 6, 20, tzinfo=UTC))

    nightly.run(as_of=date(2025, 6, 30))

    assert Night.objects.get().state == NightState.DONE.value
    assert ours() == []


def test_the_page_of_loads_shows_it(client: Any) -> None:
    client.force_login(staff())
    party = ana().party
    came(party)
    what_came_back.gather()
    number = ours()[0].pk

    assert client.get("/take-in/").status_code == 200
    page = client.get(f"/take-in/{number}/")
    assert page.status_code == 200
    assert "rekindle" in page.content.decode()


def test_who_left_and_answered_is_counted_once() -> None:
    one = person("Ben", stage=Stage.BREAKUP, commercial=Commercial.ENDED)
    left_and_answered(one.party)

    assert Feedback.objects.count() == 1
    assert what_came_back.gather() == 1


def test_what_the_books_tell_is_not_counted_twice_when_the_hour_for_somebody_is_chosen() -> None:
    party = ana().party
    came(party)
    clicked(party)
    soon = timezone.now() + timedelta(minutes=1)
    before = pacing_of([party.pk], at=soon).to_pylist()[0]

    what_came_back.gather()

    after = pacing_of([party.pk], at=soon).to_pylist()[0]
    assert before["road_answers"] == after["road_answers"] == 2
    assert after["hour_seen"] == before["hour_seen"]
