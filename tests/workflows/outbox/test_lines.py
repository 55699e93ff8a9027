"""Several lines at once where there is much to do: the same once, in time, as the rules allow, or not at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chaos.letters import use, write
from chaos.post_office import PostOffice, open_post_office
from people_cast import consents, person

from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted
from rekindle.journal.models import Message, MessageAttempt, MessageState
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows import unsubscribe
from rekindle.workflows.outbox import fence, hand, lines, worker
from rekindle.workflows.outbox.lines import Lines

pytestmark = pytest.mark.usefixtures("noon")
MANY = 3 * lines.MOST


@pytest.fixture
def many() -> list[Relationship]:
    """More people than are written to one by one."""
    found = [
        person(f"Person {n}", email=f"person{n}@example.org", country="GB", time_zone="Europe/London")
        for n in range(MANY)
    ]
    for one in found:
        consents(one, purpose=TouchClass.RELATIONSHIP)
    return found


def states() -> Counter[str]:
    return Counter(Message.objects.values_list("state", flat=True))


def marked_together() -> list[int]:
    """How many were marked at each instant at which any were, by the order of their trail."""
    phases = MessageAttempt.objects.exclude(phase="queued").exclude(phase="claimed").order_by("id")
    runs: list[int] = []
    before = ""
    for phase in phases.values_list("phase", flat=True):
        if phase == MessageState.HANDING_OVER:
            runs = [*runs, 1] if before != phase else [*runs[:-1], runs[-1] + 1]
        before = phase
    return runs


def test_with_much_to_do_everybody_hears_once_on_several_lines(many: list[Relationship], office: PostOffice) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    assert worker.run_once(most=100) == MANY
    assert Counter(taken.recipient for taken in office.taken()) == {f"person{n}@example.org": 1 for n in range(MANY)}
    assert states() == {MessageState.ACCEPTED: MANY}
    assert marked_together() == [lines.MOST] * 3


def test_with_little_to_do_one_goes_after_the_other(many: list[Relationship], office: PostOffice) -> None:
    for one in many[: worker.FEW]:
        write(one, f"letter:{one.pk}")
    worker.run_once()
    assert marked_together() == [1] * worker.FEW
    assert len(office.taken()) == worker.FEW


def test_two_messages_to_one_person_never_go_together(many: list[Relationship], office: PostOffice) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    write(many[0], "letter:again")
    worker.run_once(most=100)
    # The second is asked about after the first has gone: it keeps its distance, and here its time is over by then.
    assert Counter(taken.recipient for taken in office.taken())["person0@example.org"] == 1
    assert states()[MessageState.ACCEPTED] == MANY


def test_a_no_between_claim_and_mark_is_heard_among_many(many: list[Relationship], office: PostOffice) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    claims = hand.claim("w", most=100)
    unsubscribe.stop(many[1].party, what=unsubscribe.scope("email"), said="no more")
    rows = hand.mark_all(claims[:8], worker="w")
    assert {row.party_id for row in rows} == {one.party_id for one in [many[0], *many[2:8]]}
    assert states()[MessageState.CANCELLED] == 1


def test_one_that_cannot_be_asked_about_holds_up_nobody(
    many: list[Relationship], office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    real = hand.said_before.ask

    def broken(letters, **given):
        if any(party.pk == many[5].party_id for _row, party in letters):
            raise RuntimeError("a bug")
        return real(letters, **given)

    monkeypatch.setattr(hand.said_before, "ask", broken)
    worker.run_once(most=100)
    assert len(office.taken()) == MANY - 1
    assert states() == {MessageState.ACCEPTED: MANY - 1, MessageState.QUEUED: 1}


def test_one_that_cannot_be_written_down_goes_nowhere_and_leaves_nobody_unknown(
    many: list[Relationship], office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    real = worker.headers.envelope

    def broken(row, road):
        if row.party_id == many[5].party_id:
            raise RuntimeError("a bug")
        return real(row, road)

    monkeypatch.setattr(worker.headers, "envelope", broken)
    worker.run_once(most=100)
    assert len(office.taken()) == MANY - 1
    assert states() == {MessageState.ACCEPTED: MANY - 1, MessageState.FAILED: 1}


@pytest.mark.parametrize("fault", ["refuse_rcpt_4", "refuse_end_4", "drop_after_dot", "late_421", "garbage"])
def test_faults_among_many_come_to_what_they_are(many: list[Relationship], tmp_path: Path, fault: str) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    with open_post_office(tmp_path / "ledger", rates={fault: 0.3}, seed=4) as office:
        use(office)
        worker.run_once(most=100)
        taken = Counter(one.message_id for one in office.taken())
    rows = {row.message_id: row.state for row in Message.objects.all()}
    assert max(taken.values()) == 1
    other = MessageState.UNKNOWN if fault == "drop_after_dot" else MessageState.QUEUED
    assert set(rows.values()) == {MessageState.ACCEPTED, other}
    sure = {number for number, state in rows.items() if state == MessageState.ACCEPTED}
    assert sure == set(taken) if fault != "drop_after_dot" else sure < set(taken)


def test_a_refusing_server_that_goes_on_all_the_same_gets_no_words(cleo: Relationship, tmp_path: Path) -> None:
    message = write(cleo)
    with open_post_office(tmp_path / "ledger", rates={"refuse_rcpt_4": 1.0, "goes_on": 1.0}) as office:
        use(office)
        worker.run_once()
        assert not office.taken()
    assert Message.objects.get(pk=message.pk).last_code == 450


def test_a_server_with_room_for_two_lines_is_given_two(many: list[Relationship], tmp_path: Path) -> None:
    for one in many:
        write(one, f"letter:{one.pk}")
    with open_post_office(tmp_path / "ledger") as office:
        office.most_lines = 2
        use(office)
        road = fence.check(deep=False)
        with worker.lines_of(road) as opened:
            worker.hand_round("w", road, opened, most=100)
            assert opened.width <= 2
    assert states()[MessageState.ACCEPTED] >= MANY - 2 * lines.MOST
    assert set(states()) == {MessageState.ACCEPTED, MessageState.QUEUED}


class Line:
    """A line that answers as it is told, and notes who used it."""

    def __init__(self, answer: Handed) -> None:
        self.answer, self.closed, self.threads = answer, False, set[int]()

    def hand_over(self, _envelope: Envelope) -> Handed:
        self.threads.add(threading.get_ident())
        return self.answer

    def close(self) -> None:
        self.closed = True


def envelopes(count: int) -> list[Envelope]:
    at = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
    return [
        Envelope(f"<{n}@oak.example>", "Dana", "d@oak.example", "c@example.org", "s", "t", at) for n in range(count)
    ]


@pytest.fixture
def made() -> list[Line]:
    return []


@pytest.fixture
def taking(made: list[Line]) -> Iterator[Lines]:
    def open_line() -> Line:
        made.append(Line(Accepted(250, f"by {len(made)}")))
        return made[-1]

    with Lines(open_line, most=4) as opened:
        yield opened


def test_answers_come_in_the_order_of_the_messages(taking: Lines, made: list[Line]) -> None:
    assert [one.reply for one in taking.hand_over(envelopes(4))] == ["by 0", "by 1", "by 2", "by 3"]
    assert taking.hand_over(envelopes(1))[0].reply == "by 0"
    assert len(made) == 4


def test_closing_hangs_up_all_and_it_opens_again(taking: Lines, made: list[Line]) -> None:
    taking.hand_over(envelopes(3))
    taking.close()
    assert all(one.closed for one in made)
    assert len(taking.hand_over(envelopes(2))) == 2
    assert len(made) == 5


def test_who_is_turned_away_is_hung_up_and_after_a_long_calm_one_more_is_tried(taking: Lines, made: list[Line]) -> None:
    taking.hand_over(envelopes(4))
    made[0].answer = made[2].answer = NotAccepted(421, "too many", is_server=True)
    taking.hand_over(envelopes(4))
    assert taking.width == 2
    assert [one.closed for one in made] == [True, False, True, False]
    for _ in range(50):
        assert taking.width == 2
        assert [one.reply for one in taking.hand_over(envelopes(2))] == ["by 1", "by 3"]
    assert taking.width == 3


def test_where_nobody_is_let_in_half_as_many_try(taking: Lines, made: list[Line]) -> None:
    taking.hand_over(envelopes(2))
    for one in made:
        one.answer = NotAccepted(None, "no way there", is_server=True)
    taking.hand_over(envelopes(2))
    assert taking.width == 2


def test_what_a_line_raises_is_raised_when_all_are_back(taking: Lines, made: list[Line]) -> None:
    taking.hand_over(envelopes(3))

    def broken(_envelope: Envelope) -> Handed:
        raise RuntimeError("a bug")

    made[0].hand_over = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a bug"):
        taking.hand_over(envelopes(3))
    assert made[2].threads
