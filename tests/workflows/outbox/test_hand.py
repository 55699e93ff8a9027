"""From the queue to the wire: once, in time, as the rules allow at that very instant, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from chaos.letters import NOON, use, words, write
from chaos.post_office import PostOffice, open_post_office
from people_cast import consents, ended, person, suppressed

from rekindle.act.envelope import NotAccepted
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import AuditEntry, Message, MessageAttempt, MessageState, Refusal, Road, Sending
from rekindle.relationships.models import Identity, Party, Relationship
from rekindle.relationships.vocabulary import Commercial, Stage, TouchClass
from rekindle.workflows import unsubscribe
from rekindle.workflows.outbox import fence, hand, said_before, settle, worker
from rekindle.workflows.outbox.put import sending

pytestmark = pytest.mark.usefixtures("noon")


def state(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


def test_by_default_nothing_leaves_the_house(cleo: Relationship) -> None:
    message = write(cleo)
    assert worker.run_once() == 1
    assert state(message) == MessageState.KEPT
    kept = list(worker.outbox_folder().glob("*.eml"))
    assert len(kept) == 1
    text = kept[0].read_text()
    assert message.message_id in text
    assert "To: cleo@example.org" in text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in text


def test_a_message_is_handed_over_once_and_its_whole_life_is_kept(cleo: Relationship, office: PostOffice) -> None:
    message = write(cleo)
    assert worker.run_once() == 1
    assert worker.run_once() == 0
    assert [taken.recipient for taken in office.taken()] == ["cleo@example.org"]
    assert office.taken()[0].message_id == message.message_id
    phases = list(MessageAttempt.objects.filter(message=message).order_by("id").values_list("phase", flat=True))
    assert phases == ["queued", "claimed", "handing_over", "accepted"]


def test_the_same_key_is_the_same_message(cleo: Relationship) -> None:
    first, second = write(cleo), write(cleo, words=words("Another subject"))
    assert first.pk == second.pk
    assert Message.objects.count() == 1


def test_who_says_stop_after_it_was_queued_gets_nothing(cleo: Relationship, office: PostOffice) -> None:
    message = write(cleo)
    unsubscribe.stop(cleo.party, what=unsubscribe.scope("email"), said="no more")
    worker.run_once()
    assert state(message) == MessageState.CANCELLED
    assert not office.taken()
    assert Refusal.objects.get().rule == "objected"


def test_who_says_stop_between_claim_and_mark_gets_nothing(cleo: Relationship, office: PostOffice) -> None:
    message = write(cleo)
    [claimed] = hand.claim("w", most=5)
    unsubscribe.stop(cleo.party, what=unsubscribe.scope("email"), said="no more")
    assert hand.mark(claimed, worker="w") is None
    assert state(message) == MessageState.CANCELLED


@pytest.mark.parametrize("at", ["queued", "claimed"])
def test_somebody_on_the_never_again_list_gets_nothing_not_even_what_is_owed(
    cleo: Relationship, office: PostOffice, at: str
) -> None:
    message = write(cleo, touch_class=TouchClass.LEGAL)
    claims = hand.claim("w", most=1) if at == "claimed" else []
    suppressed("cleo@example.org")
    for claimed in claims:
        assert hand.mark(claimed, worker="w") is None
    worker.run_once()
    assert state(message) == MessageState.CANCELLED
    assert not office.taken()


def test_the_quiet_after_an_end_holds_on_the_last_metre(cleo: Relationship, office: PostOffice) -> None:
    message = write(cleo)
    cleo.stage, cleo.commercial = Stage.COOLING_OFF.value, Commercial.ENDED.value
    cleo.save()
    ended(cleo, on=NOON.date() - timedelta(days=41))
    worker.run_once()
    assert state(message) == MessageState.CANCELLED
    assert Refusal.objects.get().rule == "cooling_off"
    assert not office.taken()


def test_at_night_it_waits_for_the_morning(cleo: Relationship, office: PostOffice, noon) -> None:
    message = write(cleo, expires_at=NOON + timedelta(days=4))
    noon(NOON.replace(hour=23))
    assert worker.run_once() == 1
    row = Message.objects.get(pk=message.pk)
    assert row.state == MessageState.QUEUED
    assert row.not_before.astimezone(NOON.tzinfo).hour in {8, 9}
    noon(row.not_before + timedelta(seconds=1))
    worker.run_once()
    assert state(message) == MessageState.ACCEPTED


def test_two_touches_keep_their_distance_and_the_second_waits(cleo: Relationship, office: PostOffice, noon) -> None:
    first, second = write(cleo), write(cleo, "letter:2", expires_at=NOON + timedelta(days=9))
    worker.run_once()
    assert state(first) == MessageState.ACCEPTED
    assert state(second) == MessageState.QUEUED
    noon(NOON + timedelta(days=2))
    worker.run_once()
    assert state(second) == MessageState.QUEUED
    noon(NOON + timedelta(days=3, hours=1))
    worker.run_once()
    assert state(second) == MessageState.ACCEPTED


def test_the_same_content_goes_to_nobody_twice(cleo: Relationship, office: PostOffice, noon) -> None:
    first = write(cleo, words=words(content="thanks-1"))
    worker.run_once()
    noon(NOON + timedelta(days=30))
    second = write(cleo, "letter:2", words=words(content="thanks-1"))
    worker.run_once()
    assert [state(first), state(second)] == [MessageState.ACCEPTED, MessageState.CANCELLED]
    assert Refusal.objects.get().rule == "said_before"


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("Hi {first_name}, thank you.\n\nDana Frey", "not filled in"),
        ("Come back: 20 % off for you.\n\nDana Frey", "It sells"),
    ],
)
def test_words_that_are_not_fit_are_held_back(cleo: Relationship, office: PostOffice, text: str, tells: str) -> None:
    message = write(cleo, words=words(text=text))
    worker.run_once()
    row = Message.objects.get(pk=message.pk)
    assert row.state == MessageState.CANCELLED
    assert row.gate["rule"] == "unfit"
    assert not office.taken()


def test_what_is_too_late_is_not_sent(cleo: Relationship, office: PostOffice, noon) -> None:
    message = write(cleo, expires_at=NOON + timedelta(hours=5))
    noon(NOON + timedelta(days=3))
    worker.run_once()
    assert state(message) == MessageState.EXPIRED
    assert not office.taken()


def test_a_claim_of_a_lost_worker_is_taken_up_again_and_the_lost_one_changes_nothing(
    cleo: Relationship, office: PostOffice, noon
) -> None:
    message = write(cleo)
    [claimed] = hand.claim("lost", most=1)
    noon(NOON + hand.LEASE + timedelta(seconds=1))
    assert hand.sweep()["freed"] == 1
    assert hand.mark(claimed, worker="lost") is None
    worker.run_once()
    assert state(message) == MessageState.ACCEPTED
    assert len(office.taken()) == 1


def test_a_hand_over_of_a_lost_worker_is_not_known_and_not_sent_again(
    cleo: Relationship, office: PostOffice, noon
) -> None:
    message = write(cleo)
    [claimed] = hand.claim("lost", most=1)
    assert hand.mark(claimed, worker="lost") is not None
    noon(NOON + hand.LEASE + timedelta(seconds=1))
    assert hand.sweep()["unknown"] == 1
    worker.run_once()
    assert state(message) == MessageState.UNKNOWN
    assert not office.taken()


def test_what_is_owed_goes_again_under_the_same_message_id(cleo: Relationship, office: PostOffice, noon) -> None:
    message = write(cleo, touch_class=TouchClass.LEGAL)
    [claimed] = hand.claim("lost", most=1)
    assert hand.mark(claimed, worker="lost") is not None
    noon(NOON + hand.LEASE + timedelta(seconds=1))
    hand.sweep()
    assert not sending().paused
    worker.run_once()
    assert state(message) == MessageState.ACCEPTED
    assert [taken.message_id for taken in office.taken()] == [message.message_id]


def test_a_late_truth_still_counts_over_not_known(cleo: Relationship, office: PostOffice, noon) -> None:
    from rekindle.act.envelope import Accepted

    message = write(cleo)
    [claimed] = hand.claim("slow", most=1)
    row = hand.mark(claimed, worker="slow")
    assert row is not None
    noon(NOON + hand.LEASE + timedelta(seconds=1))
    hand.sweep()
    assert hand.settle(row, Accepted(250, "ok"), worker="slow")
    assert state(message) == MessageState.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "comes_to", "taken"),
    [
        ("refuse_rcpt_4", MessageState.QUEUED, 0),
        ("refuse_rcpt_5", MessageState.FAILED, 0),
        ("refuse_data_4", MessageState.QUEUED, 0),
        ("refuse_end_4", MessageState.QUEUED, 0),
        ("refuse_end_5", MessageState.FAILED, 0),
        ("drop_before_dot", MessageState.UNKNOWN, 0),
        ("drop_after_dot", MessageState.UNKNOWN, 1),
        ("late_421", MessageState.QUEUED, 0),
        ("garbage", MessageState.QUEUED, 0),
    ],
)
@pytest.mark.parametrize("slow_talk", [False, True])
def test_each_way_a_server_can_fail(
    cleo: Relationship, tmp_path, fault: str, comes_to: MessageState, taken: int, slow_talk: bool
) -> None:
    message = write(cleo)
    with open_post_office(tmp_path / "ledger", rates={fault: 1.0}) as office:
        office.slow_talk = slow_talk
        use(office)
        worker.run_once()
        assert state(message) == comes_to
        assert len(office.taken()) == taken


def test_an_address_nobody_is_behind_is_no_road_from_then_on(cleo: Relationship, tmp_path) -> None:
    write(cleo)
    with open_post_office(tmp_path / "ledger", rates={"refuse_rcpt_5": 1.0}) as office:
        use(office)
        worker.run_once()
    assert Identity.objects.get(value="cleo@example.org").valid_to == NOON.date() - timedelta(days=1)
    assert AuditEntry.objects.filter(verb="address.bounced").exists()
    with pytest.raises(NotFound):
        write(cleo, "letter:2")


def test_a_server_that_cannot_be_reached_costs_no_message(cleo: Relationship) -> None:
    sending()
    Sending.objects.update(
        road=Road.SMTP.value, host="127.0.0.1", port=1, security="none", from_name="D", from_address="d@oak.example"
    )
    message = write(cleo)
    worker.run_once()
    assert state(message) == MessageState.QUEUED


def test_an_older_copy_of_the_books_does_not_send(cleo: Relationship, office: PostOffice) -> None:
    message = write(cleo)
    worker.run_once()
    # As a backup from before the hand-over would have it.
    Message.objects.update(state=MessageState.QUEUED.value, epoch=0, handed_at=None, final_at=None)
    assert worker.run_once() == 0
    assert fence.RESTORED in sending().paused
    assert len(office.taken()) == 1
    from people_cast import staff

    from rekindle.accounts.roles import Role

    assert fence.resume(by=staff(Role.OWNER)) == 1
    assert state(message) == MessageState.ACCEPTED
    worker.run_once()
    assert len(office.taken()) == 1


def test_a_message_that_a_lost_database_never_knew_is_not_sent_again(cleo: Relationship, office: PostOffice) -> None:
    write(cleo)
    worker.run_once()
    Message.objects.all().delete()
    write(cleo)  # the same key, asked for again by books that do not know
    worker.run_once()
    assert sending().paused
    from people_cast import staff

    from rekindle.accounts.roles import Role

    fence.resume(by=staff(Role.OWNER))
    worker.run_once()
    assert len(office.taken()) == 1


def test_what_the_log_knows_is_taken_before_it_is_asked_for_again(cleo: Relationship, office: PostOffice) -> None:
    from people_cast import staff

    from rekindle.accounts.roles import Role

    write(cleo)
    worker.run_once()
    Message.objects.all().delete()
    worker.run_once()
    fence.resume(by=staff(Role.OWNER))
    again = write(cleo)
    assert (again.state, again.party) == (MessageState.ACCEPTED, None)
    worker.run_once()
    assert len(office.taken()) == 1


def test_a_copy_of_the_folder_does_not_send(cleo: Relationship, office: PostOffice, home) -> None:
    write(cleo)
    worker.run_once()
    (home / "instance.json").unlink()
    write(cleo, "letter:2", touch_class=TouchClass.LEGAL)
    worker.run_once()
    assert sending().paused == fence.OTHER
    assert len(office.taken()) == 1


def test_workers_that_begin_at_the_same_instant_agree(cleo: Relationship, monkeypatch) -> None:
    as_read = sending()  # by the second worker, before the first had begun
    first = fence.check(deep=True)
    monkeypatch.setattr(fence, "sending", lambda: as_read)
    second = fence.check(deep=True)
    assert not second.paused
    assert second.generation == first.generation


def test_a_start_cut_off_before_its_commit_begins_again(cleo: Relationship, home) -> None:
    home.mkdir(exist_ok=True)
    (home / "instance.json").write_text('{"generation": "lost with its transaction"}')
    assert not fence.check(deep=True).paused


def test_a_worker_that_begins_while_another_puts_one_off_does_not_take_the_books_for_a_copy(
    cleo: Relationship, office: PostOffice, monkeypatch
) -> None:
    message = write(cleo)
    fence.check(deep=True)
    [claimed] = hand.claim("w", most=1)
    row = hand.mark(claimed, worker="w")
    as_read = list(fence._lines())  # by the worker that begins; then the other hears "not now"
    assert row is not None
    hand.settle(row, NotAccepted(450, "later"), worker="w")
    assert state(message) == MessageState.QUEUED
    reads = iter([as_read])
    lines = fence._lines
    monkeypatch.setattr(fence, "_lines", lambda: iter(next(reads, None) or lines()))
    assert not fence.check(deep=True).paused


def test_new_books_beside_a_folder_that_sent_do_not_send(cleo: Relationship, office: PostOffice) -> None:
    write(cleo)
    worker.run_once()
    Sending.objects.update(generation="")
    assert fence.check(deep=False).paused == fence.OTHER


def test_a_human_settles_what_is_not_known(cleo: Relationship, tmp_path, noon) -> None:
    from people_cast import staff

    dana = staff()
    message = write(cleo)
    with open_post_office(tmp_path / "ledger", rates={"drop_after_dot": 1.0}) as office:
        use(office)
        worker.run_once()
        assert state(message) == MessageState.UNKNOWN
        office.rates = {}
        settle.send_again(message.pk, by=dana)
        noon(NOON + timedelta(minutes=1))
        worker.run_once()
        assert state(message) == MessageState.ACCEPTED
        assert len({taken.message_id for taken in office.taken()}) == 1
    with pytest.raises(Conflict):
        settle.arrived(message.pk, by=dana)


def test_after_three_days_the_unknown_is_closed_and_counts(cleo: Relationship, tmp_path, noon) -> None:
    message = write(cleo)
    with open_post_office(tmp_path / "ledger", rates={"drop_after_dot": 1.0}) as office:
        use(office)
        worker.run_once()
    noon(NOON + timedelta(days=4))
    assert settle.close_old() == 1
    assert state(message) == MessageState.CLOSED_UNKNOWN


def test_one_that_cannot_be_asked_about_is_not_sent_and_holds_up_nobody(
    cleo: Relationship, office: PostOffice, monkeypatch
) -> None:
    odd = person("Odd", email="odd@example.org", country="GB", time_zone="Europe/London")
    consents(odd, purpose=TouchClass.RELATIONSHIP)
    stuck = write(odd, "letter:odd")
    lacking = said_before.lacking

    def asked(letters: list[tuple[Message, Party]], **given: object) -> object:
        if any(party.pk == odd.party_id for _row, party in letters):
            raise ValueError("a fact that nobody can read")
        return lacking(letters, **given)

    monkeypatch.setattr(said_before, "lacking", asked)
    message = write(cleo)
    worker.run_once()
    assert [state(stuck), state(message)] == [MessageState.QUEUED, MessageState.ACCEPTED]
    assert [taken.recipient for taken in office.taken()] == ["cleo@example.org"]


def test_switched_off_meanwhile_nothing_more_goes_out(cleo: Relationship, office: PostOffice) -> None:
    from people_cast import staff

    from rekindle.accounts.roles import Role
    from rekindle.workflows import sending as settings_of

    message = write(cleo)
    road = fence.check(deep=True)
    channel = worker.open_channel(road)
    [claimed] = hand.claim("w", most=1)
    settings_of.switch_off(by=staff(Role.OWNER))
    assert hand.mark(claimed, worker="w", settled_at=road.changed_at) is None
    channel.close()
    assert state(message) == MessageState.QUEUED
    assert not office.taken()


@pytest.mark.parametrize("subject", ["two\nlines", "carriage\rreturn", "nul\x00", ""])
def test_a_subject_that_would_break_a_header_is_refused(cleo: Relationship, subject: str) -> None:
    with pytest.raises(BadInput):
        write(cleo, words=words(subject))


def test_what_reached_them_stands_in_their_mirror_and_what_was_kept_does_not(
    cleo: Relationship, office: PostOffice, noon
) -> None:
    from rekindle.workflows.mirror import mirror

    write(cleo)
    Sending.objects.update(road=Road.LOCAL.value)
    worker.run_once()
    assert mirror(cleo.party, at=NOON + timedelta(hours=1)).rows == ()
    use(office)
    noon(NOON + timedelta(days=5))
    write(cleo, "letter:2", words=words("A second word"))
    worker.run_once()
    [row] = mirror(cleo.party, at=NOON + timedelta(days=6)).rows
    assert row.what == "A second word"
    assert row.words.startswith("Thank you for the years with us.")
