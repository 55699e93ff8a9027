"""The demo gym's plans and touches: playbooks at work, a part left alone, letters to print, an answer, a friend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.inbound.mail import read
from rekindle.errors import BadInput, Refused
from rekindle.journal.models import Message
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, Stage
from rekindle.workflows import cards, demo_heard, referrals
from rekindle.workflows.inbound.take import IMAP, take
from rekindle.workflows.playbooks import advance, books, enter, holdout
from rekindle.workflows.words.demo import stock_the_library

TURNED_ON: Final = (
    "anniversaries", "anniversaries_ended", "cooling_off", "first_ninety_days", "old_friends", "safe_return",
    "thank_you_letter", "woo",
)  # fmt: skip
_STREETS: Final = ("Canal Row", "Harbour Street", "Orchard Lane", "Mill Road")


def work(*, nora: User, trainers: Sequence[User]) -> None:
    """Turn the plans on, let in whoever enters, and let a few people be heard."""
    stock_the_library(by=nora)
    _know_where_they_live()
    books.install()
    for code in TURNED_ON:
        books.turn_on(code, by=nora)
    holdout.begin("woo", share=0.1, days=180, by=nora)
    at = timezone.now()
    enter.everybody(at)
    advance.run_due(at)
    cards.queue_round("turn_of_year", channel=Channel.LETTER, by=trainers[0] if trainers else nora)
    _recommend(nora)
    _answer(at)
    demo_heard.work(nora=nora, at=at)


def _know_where_they_live() -> None:
    """A few told us their postal address."""
    ongoing = Relationship.objects.filter(stage=Stage.ONGOING.value).order_by("pk")
    some = list(ongoing.values_list("party_id", flat=True)[:12])
    for place, party in enumerate(Party.objects.filter(pk__in=some).order_by("pk")):
        street = f"{7 + 3 * place} {_STREETS[place % len(_STREETS)]}"
        party.extra = {**party.extra, "street": street, "city": "Galway", "postcode": f"H91 G{place:02d}X"}
        party.save(update_fields=["extra"])


def _recommend(nora: User) -> None:
    """Two friends left a word; one of them is met already."""
    happy = Relationship.objects.filter(stage=Stage.ONGOING.value).select_related("party").order_by("-pk")[:2]
    friends = (
        referrals.Friend("Robin Ash", "robin.ash@friends.example", "A friend raves about the Tuesday group."),
        referrals.Friend("Sam Birch", "sam.birch@friends.example"),
    )
    told = [referrals.tell(one.party, friend, via="door") for one, friend in zip(happy, friends, strict=False)]
    if told:
        referrals.met(told[-1].pk, by=nora)


def _answer(at: datetime) -> None:
    """Somebody answers a letter that was written to them by hand."""
    letter = Message.objects.filter(made_by="by hand", party__isnull=False).order_by("pk").first()
    if letter is None:
        return
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = letter.recipient, "hello@gym.example", f"Re: {letter.subject}"
    mail["Message-ID"], mail["In-Reply-To"] = "<answer-1@friends.example>", letter.message_id
    mail["Date"] = format_datetime(at)
    mail.set_content("Thank you for asking! I have been travelling for work. I hope to be back in December.\n")
    parsed = read(mail.as_bytes())
    try:
        take(IMAP, parsed.number, parsed)
    except (BadInput, Refused):
        return
