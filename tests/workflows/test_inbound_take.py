"""What comes back is taken once, in any order, and what follows from it follows at once."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from chaos.letters import words
from chaos.mailbag import answer, auto_reply, complaint, dsn, mail
from django.utils import timezone
from people_cast import consents, ended, person, staff, suppressed, task

from rekindle.act.envelope import Accepted
from rekindle.act.inbound.mail import read
from rekindle.journal.models import (
    AuditEntry,
    Enrolment,
    EnrolmentState,
    Hook,
    Inbound,
    InboundKind,
    Message,
    MessageAttempt,
    MessageState,
    Playbook,
    PlaybookVersion,
    Telling,
)
from rekindle.relationships.models import (
    Consent,
    CoolingOff,
    Identity,
    Note,
    Relationship,
    Resurfacing,
    Suppression,
    Task,
)
from rekindle.relationships.vocabulary import (
    Channel,
    Commercial,
    Contact,
    Stage,
    Suggestion,
    TaskSource,
    TaskState,
    TouchClass,
)
from rekindle.workflows import consent, why_not
from rekindle.workflows.inbound.take import IMAP, take
from rekindle.workflows.outbox import hand
from rekindle.workflows.outbox.erase import erase
from rekindle.workflows.outbox.put import put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def cleo() -> Relationship:
    one = person("Cleo Marchetti", email="cleo@example.org", country="GB", time_zone="Europe/London", owner=staff())
    consents(one)
    return one


def sent(to: Relationship, key: str = "letter:1", *, state: MessageState = MessageState.ACCEPTED) -> Message:
    row = put(to.party, words(), key=key, touch_class=TouchClass.RELATIONSHIP, made_by="test")
    Message.objects.filter(pk=row.pk).update(state=state.value, handed_at=timezone.now(), epoch=1)
    row.refresh_from_db()
    return row


def heard(raw: bytes, *, source: str = IMAP) -> Inbound:
    parsed = read(raw)
    return take(source, parsed.number, parsed)


def state(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


def may_write(to: Relationship) -> bool:
    at = timezone.now()
    return why_not.ask(
        why_not.facts([to.party_id], at=at), touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=at,
        zone=why_not.business_zone(),
    ).allowed  # fmt: skip


def is_open(to: Relationship) -> bool:
    return Identity.objects.filter(party=to.party, kind="email", valid_to=None).exists()


def test_a_hard_bounce_ends_the_address_and_tells_the_truth(cleo: Relationship) -> None:
    message = sent(cleo)
    row = heard(dsn(message, "5.1.1"))
    assert (row.kind, row.code, row.message, row.party) == (InboundKind.BOUNCED, "5.1.1", message, cleo.party)
    assert row.is_done
    assert state(message) == MessageState.FAILED
    assert not is_open(cleo)
    assert MessageAttempt.objects.filter(message=message, phase="failed").count() == 1


def test_an_address_written_with_capitals_is_the_same(cleo: Relationship) -> None:
    Identity.objects.filter(party=cleo.party).update(value="Cleo@Example.ORG", normal="Cleo@example.org")
    message = sent(cleo)
    assert message.recipient == "Cleo@Example.ORG"
    heard(dsn(message, "5.1.1"))
    assert not is_open(cleo)


def test_the_same_again_changes_nothing(cleo: Relationship) -> None:
    message = sent(cleo)
    first = heard(answer(message, "Thank you."))
    before = (AuditEntry.objects.count(), Note.objects.count(), Task.objects.count())
    assert heard(answer(message, "Thank you.")).pk == first.pk
    assert (AuditEntry.objects.count(), Note.objects.count(), Task.objects.count()) == before


@pytest.mark.parametrize("code", ["4.2.2", "5.2.2", "5.7.1", ""])
def test_a_soft_bounce_leaves_the_address(cleo: Relationship, code: str) -> None:
    message = sent(cleo)
    heard(dsn(message, code))
    assert state(message) == MessageState.FAILED
    assert is_open(cleo)


def test_three_soft_bounces_in_fourteen_days_end_it_in_any_order(cleo: Relationship) -> None:
    now = timezone.now()
    days = (0, 7, 14)
    letters = [(sent(cleo, f"letter:{day}"), day) for day in days]
    for number, (message, day) in enumerate([letters[1], letters[2], letters[0]]):
        assert is_open(cleo), number
        heard(dsn(message, "4.2.2", at=now - timedelta(days=day)))
    assert not is_open(cleo)


def test_three_soft_bounces_in_fifteen_days_do_not(cleo: Relationship) -> None:
    now = timezone.now()
    for day in (0, 7, 15):
        heard(dsn(sent(cleo, f"letter:{day}"), "4.2.2", at=now - timedelta(days=day)))
    assert is_open(cleo)


def test_one_message_that_bounces_three_times_is_one(cleo: Relationship) -> None:
    message = sent(cleo)
    for minute in range(3):
        heard(dsn(message, "4.2.2", at=timezone.now() - timedelta(minutes=minute)))
    assert Inbound.objects.count() == 3
    assert is_open(cleo)


def test_an_address_written_down_again_later_stays(cleo: Relationship) -> None:
    message = sent(cleo)
    Identity.objects.filter(party=cleo.party).update(valid_from=timezone.now().date())
    heard(dsn(message, "5.1.1", at=timezone.now() - timedelta(days=3)))
    assert is_open(cleo)


def test_every_order_of_reports_has_the_same_end(cleo: Relationship) -> None:
    for turn, order in enumerate(itertools.permutations(("delivered", "5.1.1", "delayed"))):
        one = person(f"Number {turn}", email=f"n{turn}@example.org")
        message = sent(one, f"order:{turn}", state=MessageState.UNKNOWN)
        for what in order:
            heard(dsn(message, "2.0.0" if what == "delivered" else "4.4.1" if what == "delayed" else what,
                      action="failed" if what == "5.1.1" else what))  # fmt: skip
        assert state(message) == MessageState.FAILED, order
        assert not is_open(one), order


def test_a_delivery_settles_what_nobody_knew(cleo: Relationship) -> None:
    message = sent(cleo, state=MessageState.UNKNOWN)
    assert heard(dsn(message, "2.0.0", action="delivered")).kind == InboundKind.DELIVERED
    assert state(message) == MessageState.ACCEPTED


@pytest.mark.parametrize("kept", [MessageState.KEPT, MessageState.CANCELLED, MessageState.EXPIRED, MessageState.QUEUED])
def test_what_never_left_is_not_moved_by_a_report(cleo: Relationship, kept: MessageState) -> None:
    message = sent(cleo, state=kept)
    Message.objects.filter(pk=message.pk).update(handed_at=None)
    for raw in (dsn(message, "5.2.2"), dsn(message, "2.0.0", action="delivered")):
        heard(raw)
    assert state(message) == kept


def test_a_bounce_before_the_worker_has_settled_is_the_later_truth(cleo: Relationship) -> None:
    message = sent(cleo, state=MessageState.HANDING_OVER)
    heard(dsn(message, "5.2.2"))
    assert not hand.settle(message, Accepted(250, "taken"), worker="w")
    assert state(message) == MessageState.FAILED


def test_owed_mail_that_arrived_does_not_go_again(cleo: Relationship) -> None:
    message = sent(cleo, state=MessageState.QUEUED)
    heard(dsn(message, "2.0.0", action="delivered"))
    assert state(message) == MessageState.ACCEPTED


@pytest.mark.parametrize("what", ["answer", "stop", "complaint", "bounce"])
def test_what_they_say_ends_every_plan(cleo: Relationship, what: str) -> None:
    plan = Playbook.objects.create(code="woo", family="woo")
    version = PlaybookVersion.objects.create(playbook=plan, number=1, body={})
    now = timezone.now()
    Enrolment.objects.create(
        playbook=plan, version=version, relationship=cleo, family="woo", occurrence="x", due_at=now, entered_at=now
    )
    message = sent(cleo)
    heard({
        "answer": answer(message, "Hello."), "stop": answer(message, "Stop"), "complaint": complaint(message),
        "bounce": dsn(message, "5.1.1"),
    }[what])  # fmt: skip
    assert Enrolment.objects.get().state == EnrolmentState.LEFT


def test_a_machine_that_answers_ends_no_plan(cleo: Relationship) -> None:
    plan = Playbook.objects.create(code="woo", family="woo")
    version = PlaybookVersion.objects.create(playbook=plan, number=1, body={})
    now = timezone.now()
    Enrolment.objects.create(
        playbook=plan, version=version, relationship=cleo, family="woo", occurrence="x", due_at=now, entered_at=now
    )
    heard(auto_reply(sent(cleo)))
    heard(dsn(sent(cleo, "letter:2"), "4.4.1", action="delayed"))
    assert Enrolment.objects.get().state == EnrolmentState.ACTIVE


def test_other_systems_are_told_of_an_answer(cleo: Relationship) -> None:
    Hook.objects.create(name="till", url="https://till.example/", events=["reply.received"], secret="x", is_on=True)
    heard(answer(sent(cleo), "A secret word."))
    told = Telling.objects.get()
    assert told.event == "reply.received"
    assert "secret" not in str(told.body)


def test_a_report_is_believed_only_of_a_message_of_ours(cleo: Relationship) -> None:
    message = sent(cleo)
    forged = dsn(message, "5.1.1").replace(message.message_id.encode(), b"<guess@oak.example>")
    row = heard(forged)
    assert (row.message, row.party, row.is_done) == (None, None, False)
    assert is_open(cleo)


def test_the_token_of_the_return_address_is_enough(cleo: Relationship) -> None:
    message = sent(cleo)
    token = message.message_id.strip("<>").partition("@")[0]
    raw = mail("", sender="MAILER-DAEMON@mx.example", to=f"bounces+{token}@rekindle.invalid",
               headers={"Subject": "failure notice"}, text="550 5.1.1 no such user")  # fmt: skip
    assert heard(raw).message == message
    assert not is_open(cleo)


def test_a_complaint_ends_mail_to_a_customer_but_for_what_is_owed(cleo: Relationship) -> None:
    assert heard(complaint(sent(cleo))).kind == InboundKind.COMPLAINED
    assert not may_write(cleo)
    assert not Suppression.objects.exists()
    assert not Consent.objects.filter(party=cleo.party, channel="email", withdrawn_at=None).exists()


def test_a_complaint_of_one_who_left_is_never_again(cleo: Relationship) -> None:
    Relationship.objects.update(commercial=Commercial.ENDED.value, stage=Stage.OLD_FRIENDS.value)
    task(cleo)
    heard(complaint(sent(cleo)))
    assert Suppression.objects.count() == 1
    assert Task.objects.get().state == TaskState.WITHDRAWN


def test_not_spam_is_no_complaint(cleo: Relationship) -> None:
    assert heard(complaint(sent(cleo), feedback="not-spam")).kind == InboundKind.AUTO_REPLY
    assert Consent.objects.filter(withdrawn_at=None).exists()


def test_an_answer_asks_its_owner_and_opens_the_thread(cleo: Relationship) -> None:
    Relationship.objects.update(commercial="ended", stage=Stage.COOLING_OFF.value, contact=Contact.QUIET.value)
    end = ended(cleo, on=timezone.now().date() - timedelta(7))
    CoolingOff.objects.create(
        relationship=cleo, breakup=end, begins_at=timezone.now() - timedelta(7), ends_at=end.quiet_until, basis="usual"
    )
    task(cleo)
    row = heard(answer(sent(cleo), "I was ill.\n\nOn Mon, Jan 5, 2026 at 9:00 AM Dana wrote:\n> Hello"))
    assert (row.kind, row.words, row.is_done) == (InboundKind.REPLY, "I was ill.", False)
    asked = Task.objects.get(state=TaskState.OPEN.value)
    assert (asked.suggestion, asked.source, asked.owner) == (Suggestion.ANSWER, TaskSource.PERSON, cleo.owner)
    cleo.refresh_from_db()
    assert cleo.contact == Contact.REPLY_ONLY
    assert Note.objects.get().text == "By mail: I was ill."
    assert "ill" not in "".join(str(entry.details) for entry in AuditEntry.objects.all())


def test_two_answers_are_one_task(cleo: Relationship) -> None:
    message = sent(cleo)
    for text in ("One.", "Two."):
        heard(answer(message, text))
    assert Task.objects.filter(state=TaskState.OPEN.value).count() == 1
    assert Note.objects.count() == 2


def test_a_wish_to_come_back_raises_a_hand(cleo: Relationship) -> None:
    Relationship.objects.update(stage=Stage.OLD_FRIENDS.value, commercial=Commercial.ENDED.value)
    heard(answer(sent(cleo), "I would love to come back."))
    assert Resurfacing.objects.get().via == "letter"


@pytest.mark.parametrize("text", ["I’d like to cancel my membership.", "Hiermit kündige ich zum Monatsende."])
def test_words_that_end_it_are_read_first_by_a_human(cleo: Relationship, text: str) -> None:
    before = cleo.stage
    row = heard(answer(sent(cleo), text))
    assert "look like an end" in " ".join(Task.objects.get(state=TaskState.OPEN.value).why_now)
    assert "may be an end" in row.outcome
    cleo.refresh_from_db()
    assert cleo.stage == before  # no machine ends anything on a phrase


def test_an_answer_settles_what_nobody_knew(cleo: Relationship) -> None:
    message = sent(cleo, state=MessageState.UNKNOWN)
    heard(answer(message, "Got it."))
    assert state(message) == MessageState.ACCEPTED


@pytest.mark.parametrize("text", ["STOP", "Unsubscribe\n\nCleo", "Bitte keine Mails mehr.", "Please stop emailing me!"])
def test_a_whole_answer_that_says_stop_stops(cleo: Relationship, text: str) -> None:
    assert heard(answer(sent(cleo), text)).kind == InboundKind.UNSUBSCRIBED
    assert not may_write(cleo)
    assert not Task.objects.exists()


def test_a_longer_answer_with_the_word_is_read_by_a_human(cleo: Relationship) -> None:
    heard(answer(sent(cleo), "We had to stop the renovation, sorry for the silence."))
    assert Consent.objects.filter(withdrawn_at=None).exists()
    assert Task.objects.filter(suggestion=Suggestion.ANSWER.value).exists()


def test_a_machine_that_answers_says_nothing(cleo: Relationship) -> None:
    row = heard(auto_reply(sent(cleo)))
    assert (row.kind, row.words, row.is_done) == (InboundKind.AUTO_REPLY, "", True)
    assert not Note.objects.exists()
    assert not Task.objects.exists()


def test_who_must_never_be_written_to_is_heard_and_not_answered(cleo: Relationship) -> None:
    suppressed("cleo@example.org")
    row = heard(answer(sent(cleo), "I would like to come back."))
    assert not row.is_done
    assert Note.objects.exists()
    assert not Task.objects.exists()


def test_a_mail_from_somebody_we_know_needs_no_answered_message(cleo: Relationship) -> None:
    assert heard(mail("", sender="Cleo <Cleo@EXAMPLE.org>", text="Are you open on Sunday?")).party == cleo.party
    assert Task.objects.get().why_now == ["Wrote to us by mail."]


def test_the_words_of_strangers_are_not_kept() -> None:
    row = heard(mail("", sender="nobody@elsewhere.example", text="canary words", headers={"Subject": "canary"}))
    assert (row.party, row.words, row.subject) == (None, "", "")


def test_an_address_of_two_people_is_for_a_human(cleo: Relationship) -> None:
    person("Carl Marchetti", email="cleo@example.org")
    row = heard(mail("", sender="cleo@example.org", text="Hello"))
    assert (row.party, row.words, row.is_done) == (None, "", False)
    assert not Note.objects.exists()


def test_a_sender_who_is_not_proven_changes_nothing(cleo: Relationship) -> None:
    row = heard(mail("", sender="cleo@example.org", text="Hello",
                     headers={"Authentication-Results": "mx.oak.example; dmarc=fail"}))  # fmt: skip
    assert not row.is_done
    assert not Note.objects.exists()
    assert not Task.objects.exists()


def test_a_copy_of_what_staff_wrote_is_a_note(cleo: Relationship) -> None:
    row = heard(mail("", sender=cleo.owner.email, to="Cleo <cleo@example.org>", text="See you on Sunday."))
    assert (row.kind, row.party, row.is_done) == (InboundKind.FORWARDED, cleo.party, True)
    note = Note.objects.get()
    assert note.by is None
    assert "sent by Dana Frey: See you on Sunday." in note.text


def test_what_staff_pass_on_is_a_note_of_its_writer(cleo: Relationship) -> None:
    head = "---------- Forwarded message ---------\nFrom: Cleo <cleo@example.org>\nDate: today\nSubject: x\nTo: y"
    text = f"fyi\n\n{head}\n\nHi"
    heard(mail("", sender=cleo.owner.email, to="in@oak.example", text=text))
    assert Note.objects.get().text == "Mail from them, passed on in the name of Dana Frey: Hi"
    assert not Task.objects.exists()


def test_forgetting_takes_their_words(cleo: Relationship) -> None:
    row = heard(answer(sent(cleo), "canary"))
    erase(cleo.party_id)
    row.refresh_from_db()
    assert (row.words, row.subject, row.party, row.outcome) == ("", "", None, "")


def test_a_report_waits_for_whoever_is_about_to_write(cleo: Relationship, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    plain = consent.locked
    monkeypatch.setattr(consent, "locked", lambda party: held.append(party.pk) or plain(party))
    heard(dsn(sent(cleo), "5.1.1"))
    assert set(held) == {cleo.party_id}
