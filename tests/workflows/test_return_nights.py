"""Returns that purchases tell, night by night: opened once, put right after late rows, kept where a human wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from people_cast import staff

from rekindle.accounts.models import User
from rekindle.relationships.models import Breakup, Episode, Relationship, SafeReturn, Task
from rekindle.relationships.vocabulary import ItemState, Suggestion, TouchClass
from rekindle.workflows import nightly, return_opening, returns, take_in
from rekindle.workflows.brand import the_brand

from .conftest import purchases

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

DAY = date(2025, 6, 30)


@pytest.fixture
def dana() -> User:
    return staff()


def sales(extra: list[tuple[str, str, str]]) -> str:
    """Forty who come every week or so, and Ben, who came until February."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(40):
        day = DAY - timedelta(days=int(rng.integers(200, 300)))
        while day <= DAY:
            rows.append((f"c{number:03d}", day.isoformat(), "20.00"))
            day += timedelta(days=int(rng.integers(5, 10)))
    day = date(2024, 9, 2)
    while day <= date(2025, 2, 20):
        rows.append(("ben", day.isoformat(), "20.00"))
        day += timedelta(days=7)
    return purchases([*rows, *extra])


def ben() -> Relationship:
    return Relationship.objects.select_related("party", "brand").get(party__identities__value="ben")


def left(on: date = date(2025, 2, 28)) -> None:
    Breakup.objects.create(
        relationship=ben(), ended_on=on, reasons=["lower_price"],
        quiet_until=datetime.combine(on, datetime.min.time(), UTC) + timedelta(days=90),
    )  # fmt: skip


def test_a_purchase_after_an_end_opens_one_list(load: Any, write: Any) -> None:
    load(write("sales.csv", sales([("ben", "2025-06-10", "20.00")])))
    left()
    Relationship.objects.filter(pk=ben().pk).update(contact="quiet")
    nightly.run(as_of=DAY)
    returned = SafeReturn.objects.get()
    assert (returned.relationship, returned.life, returned.returned_on) == (ben(), 2, date(2025, 6, 10))
    assert (ben().stage, ben().contact, ben().life) == ("phoenix", "open", 2)
    assert (returned.credit, returned.evidence["why"]) == ("not_known", "no_record")
    nightly.run(as_of=DAY)
    nightly.run(as_of=DAY)
    assert SafeReturn.objects.get().pk == returned.pk


def test_whose_doing_it_was_is_read_from_what_was_done(load: Any, write: Any) -> None:
    first = write("sales.csv", sales([]))
    load(first)
    left()
    nightly.run(as_of=date(2025, 4, 30))
    load(write("later.csv", purchases([("ben", "2025-06-10", "20.00")])))
    Task.objects.create(
        relationship=ben(), suggestion=Suggestion.CHECK_IN.value, touch_class=TouchClass.RELATIONSHIP.value,
        channel="call", made_on=date(2025, 5, 20), due_on=date(2025, 5, 20), state="done",
        answered_at=datetime(2025, 5, 20, 9, tzinfo=UTC),
    )  # fmt: skip
    nightly.run(as_of=DAY)
    assert SafeReturn.objects.get().credit == "touched"
    Task.objects.filter(state="done").delete()
    SafeReturn.objects.all().delete()
    nightly.run(as_of=DAY)
    assert SafeReturn.objects.get().credit == "self"


def test_nobody_greets_somebody_who_came_back_long_ago(load: Any, write: Any) -> None:
    back = [("ben", (date(2025, 3, 20) + timedelta(days=7 * week)).isoformat(), "20.00") for week in range(14)]
    load(write("sales.csv", sales(back)))
    left()
    nightly.run(as_of=DAY)
    assert ben().life == 2
    assert not SafeReturn.objects.exists()


def test_a_return_that_turned_out_not_to_be_one_goes(load: Any, write: Any) -> None:
    load(write("sales.csv", sales([])))
    late = load(write("later.csv", purchases([("ben", "2025-06-10", "20.00")])))
    left()
    nightly.run(as_of=DAY)
    assert SafeReturn.objects.count() == 1
    take_in.undo(late)
    nightly.run(as_of=DAY)
    assert not SafeReturn.objects.exists()
    assert ben().stage in {"breakup", "cooling_off"}


def test_what_a_human_wrote_into_it_stays(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([])))
    late = load(write("later.csv", purchases([("ben", "2025-06-10", "20.00")])))
    left()
    nightly.run(as_of=DAY)
    returns.answer_item(SafeReturn.objects.get(), code="tone", state=ItemState.DONE, by=dana, note="she smiled")
    take_in.undo(late)
    nightly.run(as_of=DAY)
    kept = SafeReturn.objects.get()
    assert kept.evidence["not_a_return"] is True
    assert kept.closed_at is not None
    assert kept.watch_until is None
    assert kept.items[-1]["note"] == "she smiled"


def test_late_rows_move_the_day_and_never_double_it(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([("ben", "2025-06-10", "20.00")])))
    left()
    nightly.run(as_of=DAY)
    returns.answer_item(SafeReturn.objects.get(), code="tone", state=ItemState.DONE, by=dana, note="kept")
    load(write("late.csv", purchases([("ben", "2025-06-03", "20.00")])))
    nightly.run(as_of=DAY)
    moved = SafeReturn.objects.get()
    assert (moved.returned_on, moved.items[-1]["note"]) == (date(2025, 6, 3), "kept")
    assert moved.watch_until == date(2025, 9, 1)


def test_the_word_of_staff_holds_before_any_purchase(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([])))
    left()
    nightly.run(as_of=date(2025, 5, 31))
    assert ben().stage in {"breakup", "cooling_off"}
    told = returns.record_return(ben(), on=date(2025, 6, 5), by=dana)
    nightly.run(as_of=date(2025, 6, 20))
    assert (ben().stage, ben().life) == ("phoenix", 2)
    load(write("later.csv", purchases([("ben", "2025-06-25", "20.00")])))
    nightly.run(as_of=DAY)
    assert (ben().stage, ben().life) == ("phoenix", 2)
    assert SafeReturn.objects.get() == told
    assert Episode.objects.get(relationship=ben(), number=2).pulses == 1


def test_a_word_that_nothing_follows_is_given_up_after_ninety_days(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([])))
    left()
    nightly.run(as_of=date(2025, 3, 5))
    returns.record_return(ben(), on=date(2025, 3, 10), by=dana)
    nightly.run(as_of=date(2025, 6, 7))
    assert ben().stage == "phoenix"
    nightly.run(as_of=date(2025, 6, 8))
    assert (ben().stage, ben().life) == ("breakup", 1)
    assert not Episode.objects.filter(relationship=ben(), number=2).exists()
    kept = SafeReturn.objects.get()
    assert kept.evidence["not_a_return"] is True
    assert kept.closed_at is not None


def test_a_night_of_an_earlier_day_does_not_lose_the_word(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([])))
    left()
    nightly.run(as_of=date(2025, 5, 31))
    returns.record_return(ben(), on=date(2025, 6, 5), by=dana)
    nightly.run(as_of=date(2025, 6, 1))
    assert ben().life == 1
    nightly.run(as_of=date(2025, 6, 20))
    assert (ben().stage, ben().life) == ("phoenix", 2)
    assert Episode.objects.filter(relationship=ben(), number=2).exists()


def test_a_return_that_is_being_seen_to_is_not_ordinary_yet(load: Any, write: Any, dana: User) -> None:
    back = [("ben", (date(2025, 3, 20) + timedelta(days=7 * week)).isoformat(), "20.00") for week in range(15)]
    load(write("sales.csv", sales(back)))
    left()
    nightly.run(as_of=date(2025, 3, 31))
    returned = SafeReturn.objects.get()
    returns.answer_item(returned, code="tone", state=ItemState.DONE, by=dana)
    nightly.run(as_of=DAY)
    assert ben().stage == "phoenix"
    for row in returned.items[:-1]:
        returned = returns.answer_item(
            returned, code=row["code"], state=ItemState.NOT_POSSIBLE, by=dana, note="it is late"
        )
    assert returned.closed_at is not None
    nightly.run(as_of=DAY)
    assert ben().stage == "ongoing"


def test_a_list_that_nobody_looks_at_holds_nobody_and_lapses(load: Any, write: Any) -> None:
    back = [("ben", (date(2025, 3, 20) + timedelta(days=7 * week)).isoformat(), "20.00") for week in range(15)]
    load(write("sales.csv", sales(back)))
    left()
    nightly.run(as_of=date(2025, 3, 31))
    nightly.run(as_of=DAY)
    assert ben().stage == "ongoing"
    return_opening.open_new(date(2025, 3, 20) + timedelta(days=179), brand=the_brand())
    assert SafeReturn.objects.get().closed_at is None
    return_opening.open_new(date(2025, 3, 20) + timedelta(days=180), brand=the_brand())
    lapsed = SafeReturn.objects.get()
    assert lapsed.closed_at is not None
    assert len(lapsed.evidence["never_seen_to"]) == len(lapsed.items)


def test_reminders_to_decide_about_them_are_withdrawn(load: Any, write: Any) -> None:
    load(write("sales.csv", sales([("ben", "2025-06-10", "20.00")])))
    left()
    Task.objects.create(relationship=ben(), suggestion=Suggestion.NOTHING.value, touch_class="service",
                        channel="in_person", made_on=date(2025, 4, 1), due_on=date(2025, 4, 1))  # fmt: skip
    nightly.run(as_of=DAY)
    assert Task.objects.get(suggestion="nothing").state == "withdrawn"


def test_who_lives_a_day_ahead_is_back_tonight_already(load: Any, write: Any, dana: User) -> None:
    load(write("sales.csv", sales([])))
    left()
    nightly.run(as_of=date(2025, 5, 31))
    returns.record_return(ben(), on=date(2025, 6, 5), by=dana)
    nightly.run(as_of=date(2025, 6, 4))
    assert (ben().stage, ben().life) == ("phoenix", 2)
    assert Episode.objects.get(relationship=ben(), number=2).began_on == date(2025, 6, 5)
