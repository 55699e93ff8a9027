"""A pile of letters: each passes the gate, a cut-off pile is finished, a pile of today is taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from chaos.letters import NOON, words
from people_cast import ended, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry, Message, MessageAttempt, MessageState, PrintRun, Refusal
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import forget, unsubscribe
from rekindle.workflows.outbox import fence, hand, worker
from rekindle.workflows.outbox.put import put
from rekindle.workflows.paper import print_run, queue
from rekindle.workflows.paper.addresses import postal_of

Someone = Callable[..., Relationship]


def letter(to: Relationship, key: str = "card:1", **fields: Any) -> Message:
    given = {"not_before": NOON - timedelta(hours=1), "expires_at": NOON + timedelta(days=7), **fields}
    return put(
        to.party, given.pop("words", None) or words(), key=key, touch_class=TouchClass.RELATIONSHIP, made_by="test",
        channel=Channel.LETTER, recipient=given.pop("recipient", None) or postal_of(to.party), **given,
    )  # fmt: skip


def state(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


def test_what_is_chosen_is_printed_once_and_counts_as_a_touch(someone: Someone, dana: User) -> None:
    one, other = letter(someone()), letter(someone("Ben Okafor"), "card:2")
    run = print_run.print_these([one.pk, other.pk], by=dana)
    assert (run.letters, run.held_back) == (2, 0)
    assert state(one) == state(other) == MessageState.ACCEPTED
    assert print_run.document(run.pk).startswith(b"%PDF")
    assert print_run.document(run.pk) == print_run.document(run.pk)
    phases = list(MessageAttempt.objects.filter(message=one).order_by("id").values_list("phase", flat=True))
    assert phases == ["queued", "claimed", "handing_over", "accepted"]
    assert AuditEntry.objects.filter(verb="letters.printing").count() == 1
    with pytest.raises(Conflict, match="none of these"):
        print_run.print_these([one.pk], by=dana)


def test_who_said_no_after_it_was_queued_is_not_printed_and_the_rule_is_kept(someone: Someone, dana: User) -> None:
    cleo = someone()
    refused, goes = letter(cleo), letter(someone("Ben Okafor"), "card:2")
    unsubscribe.stop(cleo.party, what=unsubscribe.scope("letter"), said="no post")
    run = print_run.print_these([refused.pk, goes.pk], by=dana)
    assert (run.letters, run.held_back) == (1, 1)
    assert state(refused) == MessageState.CANCELLED
    found = print_run.pile(run.pk)
    assert [row.pk for row in found.held_back] == [refused.pk]
    assert "no" in found.held_back[0].last_error
    assert Refusal.objects.get().rule == "objected"


def test_within_the_ninety_quiet_days_nothing_is_printed_by_anybody(someone: Someone, dana: User) -> None:
    cleo = someone()
    message = letter(cleo)
    ended(cleo, on=NOON.date() - timedelta(days=41))
    run = print_run.print_these([message.pk], by=dana)
    assert (run.letters, run.held_back) == (0, 1)
    assert Refusal.objects.get().rule == "cooling_off"
    with pytest.raises(BadInput, match="0 letters"):
        print_run.document(run.pk)


def test_who_died_meanwhile_gets_no_card(someone: Someone, dana: User) -> None:
    cleo = someone()
    message = letter(cleo)
    Party.objects.filter(pk=cleo.party_id).update(deceased_on=NOON.date())
    assert print_run.print_these([message.pk], by=dana).letters == 0
    assert state(message) == MessageState.CANCELLED


def test_a_letter_is_printed_from_its_print_day_until_it_would_be_too_late(
    someone: Someone, dana: User, noon: Callable[[datetime], None]
) -> None:
    message = letter(someone(), not_before=NOON + timedelta(days=1), expires_at=NOON + timedelta(days=8))
    assert [one.message.pk for one in queue.waiting("soon", after=None, limit=9)] == [message.pk]
    with pytest.raises(Conflict):
        print_run.print_these([message.pk], by=dana)
    noon(NOON + timedelta(days=1))
    assert [one.message.pk for one in queue.waiting("due", after=None, limit=9)] == [message.pk]
    noon(NOON + timedelta(days=8))
    assert queue.waiting("due", after=None, limit=9) == []
    with pytest.raises(Conflict):
        print_run.print_these([message.pk], by=dana)


def test_the_mail_worker_never_takes_paper(someone: Someone) -> None:
    message = letter(someone())
    assert worker.run_once() == 0
    assert state(message) == MessageState.QUEUED


def test_a_name_that_cannot_be_drawn_is_left_in_the_queue_and_said(someone: Someone, dana: User) -> None:
    message = letter(someone("王小明"))
    [waits] = queue.waiting("due", after=None, limit=9)
    assert waits.lacks == ("王", "小", "明")
    with pytest.raises(Conflict):
        print_run.print_these([message.pk], by=dana)
    assert state(message) == MessageState.QUEUED


@pytest.mark.parametrize("swept", [False, True])
def test_a_pile_cut_off_after_the_mark_is_finished_from_its_page(
    someone: Someone, dana: User, noon: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch, swept: bool
) -> None:
    one, other = letter(someone()), letter(someone("Ben Okafor"), "card:2")

    class Killed(BaseException):
        pass

    def killed(*_a: object, **_k: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(hand, "settle", killed)
        with pytest.raises(Killed):
            print_run.print_these([one.pk, other.pk], by=dana)
    run = PrintRun.objects.get()
    assert state(one) == MessageState.HANDING_OVER
    if swept:
        noon(NOON + timedelta(hours=1))
        hand.sweep()
        assert state(one) == MessageState.UNKNOWN
        assert state(other) == MessageState.QUEUED
    assert [row.pk for row in print_run.pile(run.pk).cut_off] == [one.pk]
    assert print_run.finish(run.pk, by=dana) == 1
    assert print_run.finish(run.pk, by=dana) == 0
    assert state(one) == MessageState.ACCEPTED
    assert print_run.document(run.pk).startswith(b"%PDF")


def test_a_pile_of_today_is_taken_back_and_its_letters_are_printed_again_once(someone: Someone, dana: User) -> None:
    message = letter(someone())
    run = print_run.print_these([message.pk], by=dana)
    assert print_run.take_back(run.pk, by=dana) == 1
    assert state(message) == MessageState.QUEUED
    assert PrintRun.objects.get(pk=run.pk).letters == 0
    assert not fence.check(deep=True).paused
    again = print_run.print_these([message.pk], by=dana)
    assert again.letters == 1
    assert AuditEntry.objects.filter(verb="letters.taken_back").count() == 1


def test_a_posted_pile_or_one_of_yesterday_is_not_taken_back(
    someone: Someone, dana: User, noon: Callable[[datetime], None]
) -> None:
    first = print_run.print_these([letter(someone()).pk], by=dana)
    print_run.posted(first.pk, on=NOON.date(), by=dana)
    with pytest.raises(Conflict, match="cannot be taken back"):
        print_run.take_back(first.pk, by=dana)
    second = print_run.print_these([letter(someone("Ben Okafor"), "card:2").pk], by=dana)
    noon(NOON + timedelta(days=1))
    with pytest.raises(Conflict, match="cannot be taken back"):
        print_run.take_back(second.pk, by=dana)


@pytest.mark.parametrize("days", [-1, 1])
def test_it_was_posted_between_its_printing_and_today(someone: Someone, dana: User, days: int) -> None:
    run = print_run.print_these([letter(someone()).pk], by=dana)
    with pytest.raises(BadInput, match="the day is"):
        print_run.posted(run.pk, on=NOON.date() + timedelta(days=days), by=dana)


def test_who_reads_only_prints_nothing(someone: Someone) -> None:
    message = letter(someone())
    with pytest.raises(Refused):
        print_run.print_these([message.pk], by=staff(Role.ANALYST))
    assert state(message) == MessageState.QUEUED


def test_nothing_is_printed_while_sending_is_paused(someone: Someone, dana: User) -> None:
    message = letter(someone())
    fence.pause("somebody looks")
    with pytest.raises(Conflict, match="paused"):
        print_run.print_these([message.pk], by=dana)
    assert state(message) == MessageState.QUEUED


def test_addresses_come_in_the_order_of_the_pile(someone: Someone, dana: User) -> None:
    rows = [letter(someone(name), f"card:{name}") for name in ("Ana Weber", "Ben Okafor")]
    run = print_run.print_these([row.pk for row in rows], by=dana)
    sheet = print_run.address_sheet(run.pk, title="Pile", names="To", about="About")
    assert sheet.startswith(b"%PDF")


@pytest.mark.django_db(transaction=True)  # forgetting tidies up outside of any transaction
def test_who_is_forgotten_is_gone_from_the_pile_too(someone: Someone, dana: User) -> None:
    gone, stays = letter(someone()), letter(someone("Ben Okafor"), "card:2")
    run = print_run.print_these([gone.pk, stays.pk], by=dana)
    before = print_run.document(run.pk)
    person = Party.objects.get(pk=gone.party_id)
    forget.forget(person, by=staff(Role.OWNER))
    after = Message.objects.get(pk=gone.pk)
    assert (after.recipient, after.text, after.state) == ("", "", MessageState.ACCEPTED)
    assert len(print_run.document(run.pk)) < len(before)
    assert print_run.address_sheet(run.pk, title="Pile", names="To", about="About").startswith(b"%PDF")
