"""The mailbox of the house, read from a real server of this machine that fails as told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from chaos.letters import words
from chaos.mailbag import answer, mail
from chaos.mailroom import PASSWORD, Mailroom, open_mailroom
from django.db import OperationalError
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import AuditEntry, Inbound, InboundKind, Mailbox, Message, Security
from rekindle.relationships.models import Note
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.inbound import mailbox
from rekindle.workflows.inbound.mailbox import Wanted
from rekindle.workflows.outbox.put import put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with open_mailroom() as opened:
        yield opened


@pytest.fixture
def owner() -> User:
    return staff(Role.OWNER, name="Olive Owner")


@pytest.fixture
def message() -> Message:
    cleo = person("Cleo Marchetti", email="cleo@example.org", owner=staff())
    return put(cleo.party, words(), key="letter:1", touch_class=TouchClass.RELATIONSHIP, made_by="test")


def wanted(room: Mailroom, **fields: object) -> Wanted:
    return Wanted(
        **{
            "is_on": True, "host": "127.0.0.1", "port": room.port, "security": Security.NONE,
            "username": "in@oak.example", "password": PASSWORD, "folder": "INBOX", **fields,
        }
    )  # fmt: skip


def words_heard() -> list[str]:
    return list(Inbound.objects.order_by("id").values_list("words", flat=True))


def test_what_is_new_is_read_once_and_nothing_is_marked(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    assert mailbox.read_mailbox() == 1
    room.add(answer(message, "Two."))
    assert mailbox.read_mailbox() == 1
    assert mailbox.read_mailbox() == 0
    assert words_heard() == ["One.", "Two."]
    asked = " ".join(room.asked)
    assert "BODY.PEEK[]" in asked
    assert not any(verb in asked for verb in ("STORE", "EXPUNGE", "SELECT", "COPY", "MOVE", "DELETE"))
    assert mailbox.told() == (True, "the mailbox at 127.0.0.1 is read each minute")


def test_it_is_off_until_somebody_switches_it_on(room: Mailroom, message: Message) -> None:
    room.add(answer(message, "One."))
    assert mailbox.read_mailbox() == 0
    assert room.asked == []
    assert mailbox.fault() == ""


def test_a_line_that_dies_in_a_mail_goes_on_with_it(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    for text in ("One.", "Two.", "Three."):
        room.add(answer(message, text))
    room.drops_at = 2
    assert mailbox.read_mailbox() == 0
    assert words_heard() == ["One."]
    assert "cannot be read" in mailbox.fault()
    room.drops_at = None
    assert mailbox.read_mailbox() == 2
    assert words_heard() == ["One.", "Two.", "Three."]
    assert mailbox.fault() == ""


def test_a_mailbox_numbered_anew_brings_nothing_twice(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    mailbox.read_mailbox()
    room.uid_validity = 8
    room.mails = {50: room.mails[1], 51: answer(message, "Two.")}
    assert mailbox.read_mailbox() == 2
    assert words_heard() == ["One.", "Two."]
    assert mailbox.read_mailbox() == 0
    row = Mailbox.objects.get()
    assert (row.uid_validity, row.last_uid) == (8, 51)


def test_a_mail_of_ten_megabytes_is_read_as_far_as_its_words(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "Here it is." + "\n> quoted" * 10) + b"\r\n> " + b"x" * 10_000_000)
    assert mailbox.read_mailbox() == 1
    assert words_heard() == ["Here it is."]


def test_nonsense_from_the_server_is_a_fault_and_no_end(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    room.garbage = True
    assert mailbox.read_mailbox() == 0
    ok, line = mailbox.told()
    assert not ok
    assert PASSWORD not in line
    room.garbage = False
    assert mailbox.read_mailbox() == 1


def test_a_server_that_sends_without_end_is_hung_up_on(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    room.endless = True
    assert mailbox.read_mailbox() == 0
    assert "9000000000" in mailbox.fault()


@pytest.mark.parametrize(
    "raw", [b"\x00\xff" * 500, b"From: \xff\xfe\r\n\r\n", b"Subject: x\r\n\r\nno sender", b"\r\n\r\n"]
)
def test_garbage_in_the_mailbox_holds_up_nobody(room: Mailroom, owner: User, message: Message, raw: bytes) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(raw)
    room.add(answer(message, "One."))
    assert mailbox.read_mailbox() == 2
    assert words_heard()[-1] == "One."


def test_a_mail_that_breaks_us_is_shown_and_passed_over(
    room: Mailroom, owner: User, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    plain = mailbox.take

    def breaks(source: str, number: str, parsed: object) -> Inbound:
        if parsed.words == "One.":
            raise KeyError("a bug")
        return plain(source, number, parsed)

    monkeypatch.setattr(mailbox, "take", breaks)
    assert mailbox.read_mailbox() == 1
    assert Inbound.objects.get().kind == InboundKind.UNREADABLE
    assert not Inbound.objects.get().is_done


def test_books_that_are_away_lose_no_mail(
    room: Mailroom, owner: User, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    with monkeypatch.context() as patch:
        patch.setattr(mailbox, "take", _away)
        assert mailbox.read_mailbox() == 0
    assert mailbox.read_mailbox() == 1
    assert Note.objects.count() == 1


def _away(*_: object) -> Inbound:
    raise OperationalError("the database is away")


def test_a_wrong_password_is_kept_nowhere(room: Mailroom, owner: User) -> None:
    with pytest.raises(Conflict, match="cannot be read"):
        mailbox.change(wanted(room, password="sesame"), by=owner)
    assert mailbox.mailbox().host == ""


def test_the_password_is_sealed_and_stays_where_none_is_given(room: Mailroom, owner: User) -> None:
    mailbox.change(wanted(room), by=owner)
    sealed = Mailbox.objects.get().password
    assert PASSWORD not in sealed
    mailbox.change(wanted(room, password=None), by=owner)
    assert Mailbox.objects.get().password == sealed
    assert PASSWORD not in "".join(str(entry.details) for entry in AuditEntry.objects.all())


@pytest.mark.parametrize("fields", [
    {"security": Security.NONE, "host": "mail.example.org"}, {"folder": 'IN"BOX'}, {"port": 0},
    {"username": "a\r\nA1 LOGOUT"},
])  # fmt: skip
def test_a_mailbox_that_cannot_be_one_is_refused(room: Mailroom, owner: User, fields: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        mailbox.change(wanted(room, **fields), by=owner)
    assert room.asked == []


def test_another_mailbox_is_read_from_its_beginning(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    mailbox.read_mailbox()
    mailbox.change(wanted(room, username="other@oak.example"), by=owner)
    assert Mailbox.objects.get().uid_validity is None


def test_trying_takes_nothing(room: Mailroom, owner: User, message: Message) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(answer(message, "One."))
    assert mailbox.try_now() == 1
    assert not Inbound.objects.exists()


def test_a_mailbox_that_is_read_no_more_is_told(room: Mailroom, owner: User) -> None:
    mailbox.change(wanted(room), by=owner)
    Mailbox.objects.update(read_at=timezone.now() - timedelta(minutes=16))
    assert "last read" in mailbox.fault()


def test_an_old_mail_from_nobody_is_history(room: Mailroom, owner: User) -> None:
    mailbox.change(wanted(room), by=owner)
    room.add(mail("", sender="x@elsewhere.example", text="Buy this"))
    assert mailbox.read_mailbox() == 1
    assert Inbound.objects.get().is_done
