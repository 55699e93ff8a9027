"""What follows from something that came back. Each function is called with the person's rows held, in one transaction
with the row that says it came, and gives the sentence that stands there and whether nobody need look at it.

Nothing here writes to anybody, and nothing opens more than was open: a report ends an address, a complaint and a wish
to hear nothing end a road, an answer stops every plan and asks a human to answer it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rekindle.act.inbound import replies
from rekindle.journal.models import Inbound, Message
from rekindle.relationships import queries
from rekindle.relationships.models import Note, Party, Relationship
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows import audit, cooling_off, endings, resurface, suppress, unsubscribe
from rekindle.workflows.consent import ASKED_ABOUT
from rekindle.workflows.hooks_out import events, tell
from rekindle.workflows.inbound import truth
from rekindle.workflows.inbound.whom import Whom
from rekindle.workflows.outbox.dead_address import end_address
from rekindle.workflows.they_spoke import ask_to_answer
from rekindle.workflows.unsubscribe import Scope

VIA: Final = "letter"
"""How they appeared, a code of `return_phrases.WAYS`."""
_BY_MAIL: Final = Scope((Channel.EMAIL,), ASKED_ABOUT)
_REASONS: Final = 4


@dataclass(frozen=True)
class Outcome:
    """text: what followed, as a sentence for people, without anybody's words; is_done: nobody need look at it."""

    text: str
    is_done: bool = True


def delivered(whom: Whom) -> Outcome:
    if whom.message is None:
        return Outcome("It tells of no message of ours.")
    settled = truth.arrived(whom.message, why="their side says that it arrived")
    return Outcome("It was not known whether it arrived; now it is." if settled else "As it was known already.")


def bounced(row: Inbound, whom: Whom, *, address: str) -> Outcome:
    """address  where it went, as far as that is sure: our message's, or what a provider signed for."""
    message, party = whom.message, whom.party
    if message is None and not address:
        return Outcome("It does not say which message of ours came back. Look into the mailbox.", is_done=False)
    if message is not None:
        truth.came_back(message, code=row.code)
    about = f"message:{message.pk}" if message is not None else f"inbound:{row.pk}"
    if address and truth.is_dead(address, code=row.code, at=row.occurred_at):
        end_address(address, at=row.occurred_at, party=party, about=about)
        _leave(party, why="their address does not exist any more")
        return Outcome("Nobody is behind that address any more; nothing goes there.")
    return Outcome("It did not arrive. The address stays, unless this goes on.")


def complained(whom: Whom) -> Outcome:
    """Reported as unwanted: no mail but what is owed; who is no customer goes on the never-again list."""
    if whom.party is None:
        return Outcome("It does not say which message of ours was reported. Look into the mailbox.", is_done=False)
    _arrived(whom.message)
    party = whom.party
    unsubscribe.stop(party, what=_BY_MAIL, said="reported our mail as unwanted", via="complaint")
    _leave(party, why="they reported our mail as unwanted")
    for relationship in _relationships(party):
        endings.withdraw_tasks(relationship, why="they reported our mail as unwanted")
    if unsubscribe.is_customer(party):
        return Outcome("No mail goes to them any more but what is owed to a customer.")
    if not suppress.is_suppressed(party):
        suppress.suppress(party, reason="reported our mail as unwanted", source="complaint", by=None)
    return Outcome("They are on the never-again list.")


def opted_out(whom: Whom, *, said: str) -> Outcome:
    """They asked to hear nothing more by mail. said: what they wrote, or how the provider told it."""
    if whom.party is None:
        return Outcome("It does not say who asked to hear nothing more. Look into the mailbox.", is_done=False)
    _arrived(whom.message)
    unsubscribe.stop(whom.party, what=_BY_MAIL, said=said[:200], via="mail")
    _leave(whom.party, why="they asked to hear nothing more")
    return Outcome("No mail goes to them any more but what is owed.")


def answered_by_machine(whom: Whom) -> Outcome:
    """No conversation: it shows that the mail arrived, and nothing else (RFC 3834)."""
    _arrived(whom.message)
    return Outcome("A machine answered; that is no word of theirs.")


def replied(row: Inbound, whom: Whom) -> Outcome:
    """Their own words: kept, every plan stops, whoever looks after them is asked to answer."""
    party = whom.party
    if party is None:
        return _nobody(whom)
    _arrived(whom.message)
    heard = _note(party, f"By mail: {row.words}" if row.words else "Answered by mail, without words of their own.",
                  at=row.occurred_at)  # fmt: skip
    resurface.heard(party, text=f"{row.subject}\n{row.words}", via=VIA, at=row.occurred_at)
    _leave(party, why="they replied")
    if unsubscribe.is_never(party):
        return Outcome("They asked never to be contacted again, so nothing here answers; a human may read it.", False)
    if heard is None:
        return Outcome("There is no relationship yet to answer in; look at the person.", is_done=False)
    cooling_off.customer_wrote(heard)
    tell.person(events.REPLY_RECEIVED, heard, key=f"inbound:{row.pk}")
    answers = whom.message is not None
    ask_to_answer(heard, why="Answered our mail and may wait for an answer." if answers else "Wrote to us by mail.")
    if replies.may_be_ending(f"{row.subject}\n{row.words}"):
        ask_to_answer(heard, why="Their words look like an end: read them first, and record the end if it is one.")
        return Outcome("It may be an end. Every plan stopped; whoever looks after them is asked to read it.", False)
    return Outcome("Every plan stopped; whoever looks after them is asked to answer.", is_done=False)


DOUBTED: Final = Outcome("The mail server doubts that it comes from them. Read it with care; nothing followed.", False)
"""The sender is not proven: shown to a human, and nothing follows by itself."""


def passed_on(row: Inbound, whom: Whom, *, theirs: list[Party], is_from_them: bool, words: str) -> Outcome:
    """A member of staff sent us a copy of what they wrote, or passes on what somebody wrote to them.

    The From of a mail proves nobody, so the note has no author and says in whose name it came.
    """
    name = str(whom.staff) if whom.staff is not None else "the house"
    kept = 0
    for party in theirs:
        head = f"Mail from them, passed on in the name of {name}" if is_from_them else f"Mail to them, sent by {name}"
        kept += _note(party, f"{head}: {words}".rstrip(": "), at=row.occurred_at) is not None
        if is_from_them:
            _leave(party, why="they replied")
    if not kept:
        return Outcome("It names nobody with a relationship in the books.", is_done=False)
    return Outcome("Kept as a note." if kept == 1 else f"Kept as a note with {kept} people.")


def _nobody(whom: Whom) -> Outcome:
    if whom.several:
        numbers = ", ".join(str(number) for number in whom.several[:5])
        return Outcome(f"The address belongs to several people: numbers {numbers}. Look into the mailbox.", False)
    if whom.message is not None:
        return Outcome("It answers a message to somebody who was forgotten.")
    return Outcome("From an address that is not in the books; its words stay in the mailbox.")


def _arrived(message: Message | None) -> None:
    if message is not None:
        truth.arrived(message, why="they answered it")


def _note(party: Party, text: str, *, at: datetime) -> Relationship | None:
    """Keep the words with the relationship and give it; None where there is none."""
    relationship = queries.relationship_of(party)
    if relationship is not None:
        note = Note.objects.create(relationship=relationship, by=None, text=text, at=at)
        audit.record("note.written", actor=None, subject=f"note:{note.pk}",
                     details={"relationship": relationship.pk, "via": "mail"})  # fmt: skip
    return relationship


def _relationships(party: Party) -> list[Relationship]:
    return list(Relationship.objects.filter(party=party).order_by("pk"))


def _leave(party: Party | None, *, why: str) -> None:
    from rekindle.workflows.playbooks.leave import leave

    for relationship in _relationships(party) if party is not None else []:
        leave(relationship, why=why)
