"""The story: all sources in one line of time, nothing lost or told twice between pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import NOW, ended, person, staff, task

from rekindle.relationships.models import Brand, Note, Relationship, StageChange
from rekindle.relationships.vocabulary import TaskState
from rekindle.workflows.story import Line, Voice, draw_together, event_line, story

pytestmark = pytest.mark.django_db


class Told:
    """A history of one party, newest first, as History.of gives it."""

    def __init__(self, *events: tuple[datetime, str]) -> None:
        self.events = sorted(events, reverse=True)

    def of(self, party_id: int, *, before: datetime | None = None, limit: int = 200) -> pa.Table:
        assert party_id
        rows = [
            {"occurred_at": at, "kind": kind, "amount_minor": 100 if kind == "payment" else None, "currency": "EUR"}
            for at, kind in self.events
            if before is None or at < before
        ]
        schema = pa.schema(
            [("occurred_at", pa.timestamp("us", tz="UTC")), ("kind", pa.string()), ("amount_minor", pa.int64()),
             ("currency", pa.string())]
        )  # fmt: skip
        return pa.Table.from_pylist(rows[:limit], schema=schema)


def day(n: int, hour: int = 12) -> datetime:
    return datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(days=n)


def whole(relationship: Relationship, told: Told, *, limit: int, **asked: Any) -> list[Line]:
    lines: list[Line] = []
    before = None
    while True:
        page = story(relationship, history=told, before=before, limit=limit, **asked)
        lines += page.lines
        if page.older is None:
            return lines
        before = page.older


def test_everything_stands_in_one_order_newest_first() -> None:
    ana, dana = person(), staff()
    Note.objects.create(relationship=ana, text="a note", by=dana, at=day(3))
    ended(ana, on=date(2026, 1, 6), stated_reason="money", verbatim="too dear")
    StageChange.objects.create(
        relationship=ana, from_stage="early", to_stage="ongoing", on=date(2026, 1, 2), rule="steady"
    )
    task(ana, state=TaskState.DONE.value, answered_at=day(4), answered_by=dana, answer="called")
    told = story(ana, history=Told((day(0), "purchase"), (day(2), "complaint")))
    assert [(line.kind, line.voice) for line in told.lines] == [
        ("breakup", Voice.STAGE),
        ("done", Voice.OURS),
        ("note", Voice.NOTE),
        ("complaint", Voice.THEIRS),
        ("stage", Voice.STAGE),
        ("purchase", Voice.MONEY),
    ]
    assert told.older is None


def test_what_is_known_by_the_day_stands_after_that_day_in_the_businesss_zone() -> None:
    ana = person()
    Brand.objects.update(time_zone="Pacific/Auckland")
    StageChange.objects.create(relationship=ana, to_stage="early", on=date(2026, 1, 2), rule="first_days")
    ana = Relationship.objects.select_related("brand").get(pk=ana.pk)
    (line,) = story(ana, history=Told()).lines
    assert line.at == datetime(2026, 1, 2, 10, 59, 59, 999_999, tzinfo=UTC)


def test_a_line_stands_on_its_day_in_the_businesss_zone() -> None:
    ana = person()
    Brand.objects.update(time_zone="Pacific/Auckland")
    ana = Relationship.objects.select_related("brand").get(pk=ana.pk)
    visits = Told((datetime(2026, 1, 2, 12, tzinfo=UTC), "visit"), (datetime(2026, 1, 1, 10, tzinfo=UTC), "visit"))
    (line,) = story(ana, history=visits).lines
    assert (line.began_on, line.on) == (date(2026, 1, 1), date(2026, 1, 3))


@pytest.mark.parametrize(("days", "title"), [(0, "it ended"), (1, "it will end")])
def test_an_end_to_come_says_so(days: int, title: str) -> None:
    ana = person()
    ended(ana, on=NOW.date() + timedelta(days=days))
    (line,) = story(ana, history=Told(), at=NOW).lines
    assert (line.title, line.facts["is_ahead"]) == (title, days > 0)


def test_a_notice_that_was_taken_back_says_when() -> None:
    ana = person()
    ended(ana, on=NOW.date() + timedelta(days=9), withdrawn_at=NOW)
    (line,) = story(ana, history=Told(), at=NOW).lines
    assert (line.title, line.facts["withdrawn_on"]) == ("it was to end", NOW.date())


def test_a_channel_of_a_source_is_written_without_underscores() -> None:
    line = event_line({"occurred_at": day(0), "kind": "payment", "channel": "direct_debit"})
    assert line.channel == "direct debit"


def test_undone_steps_and_open_tasks_are_not_told() -> None:
    ana = person()
    StageChange.objects.create(relationship=ana, to_stage="early", on=date(2026, 1, 2), rule="steady", undone_at=NOW)
    task(ana)
    assert story(ana, history=Told()).lines == ()


def test_one_voice_alone_reads_on_until_it_has_a_page() -> None:
    ana = person()
    told = Told(*((day(n), "visit") for n in range(100)), (day(-5), "purchase"))
    page = story(ana, history=told, limit=30, voice=Voice.MONEY)
    assert [line.kind for line in page.lines] == ["purchase"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["purchase", "complaint", "review"])), max_size=30),
    notes=st.lists(st.integers(0, 12), max_size=4, unique=True),
    limit=st.integers(1, 7),
)
def test_pages_of_any_size_tell_everything_once(days: list[tuple[int, str]], notes: list[int], limit: int) -> None:
    ana = person()
    for n in notes:
        Note.objects.create(relationship=ana, text="note", at=day(n))
    told = Told(*((day(n), kind) for n, kind in days))
    lines = whole(ana, told, limit=limit)
    at_once = story(ana, history=told, limit=100).lines
    assert sorted((line.at, line.kind) for line in lines) == sorted((line.at, line.kind) for line in at_once)
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)


def test_runs_of_small_things_become_one_line_with_their_sum() -> None:
    events = [{"occurred_at": day(n), "kind": "payment", "amount_minor": 3_990, "currency": "EUR"} for n in (9, 5, 1)]
    (line,) = draw_together(map(event_line, events))
    assert (line.count, line.at, line.began, line.amount_minor) == (3, day(9), day(1), 11_970)


def test_runs_never_mix_kinds_or_currencies_and_purchases_stand_alone() -> None:
    kinds = [
        ("visit", ""),
        ("visit", ""),
        ("payment", "EUR"),
        ("payment", "USD"),
        ("purchase", "EUR"),
        ("purchase", "EUR"),
    ]
    events = [
        {"occurred_at": day(9 - n), "kind": kind, "amount_minor": 1, "currency": money}
        for n, (kind, money) in enumerate(kinds)
    ]
    assert [line.count for line in draw_together(map(event_line, events))] == [2, 1, 1, 1, 1]


def test_an_unknown_kind_is_told_in_its_own_word() -> None:
    line = event_line({"occurred_at": day(0), "kind": "hot_yoga"})
    assert (line.title, line.voice) == ("hot yoga", Voice.THEIRS)
