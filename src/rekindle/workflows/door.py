"""The door that stays open: what somebody may tell us by a link of theirs, years after the end, without signing in.

    come_back   they would like to come back: kept in their words, shown as resurfaced, a task for whoever looks after
                them, and for fourteen days we may answer
    tell        just a word to us: kept, a task, and we may answer
    later       not now: nothing that starts with us before the month they name
    ask_data    a question about their data; see `data_requests`
    goodbye     never again; see `unsubscribe.never_again`

Whoever asked never to be contacted again may still speak: it is kept and shown to a human, and because we promised
not to write, nothing here lets us. Each deed is one transaction; words stay in notes and never reach the audit trail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.errors import BadInput
from rekindle.relationships import queries
from rekindle.relationships.models import Note, Party
from rekindle.relationships.vocabulary import (
    Channel,
    IdentityKind,
    RequestKind,
    Suggestion,
)
from rekindle.workflows import audit, consent, cooling_off, data_requests, preferences, resurface, unsubscribe
from rekindle.workflows.they_spoke import ask_to_answer

VIA: Final = "door"
LONGEST_WORDS: Final = 2_000
MONTHS_AHEAD: Final = 12
"""Later than in a year is as good as never; the preferences page takes a day up to three years away."""
_SHOWN: Final = 400
"""As much of their words as an alert shows; the note has all of them."""
_SAME: Final = timedelta(minutes=10)
_NAME: Final = re.compile(r"[^\W\d_]+(?:[ '’.-][^\W\d_]+)*\.?")


@dataclass(frozen=True)
class Door:
    """What the page shows. `name` is empty where no given name is known that can be read out: then nobody is named."""

    party: Party
    name: str
    is_never: bool
    is_customer: bool
    waits_until: date | None
    months: tuple[date, ...]


def view(party: Party) -> Door:
    """The door as it stands. Reads only."""
    today = timezone.now().astimezone(preferences.zone_of(party)).date()
    return Door(
        party=party,
        name=given_name(party),
        is_never=unsubscribe.is_never(party),
        is_customer=unsubscribe.is_customer(party),
        waits_until=preferences.waiting(party),
        months=tuple(_month(today, n) for n in range(1, MONTHS_AHEAD + 1)),
    )


def given_name(party: Party) -> str:
    """The given name as it may stand in a greeting; empty for anything that does not look like one."""
    name = " ".join(party.given_name.split())
    return name if len(name) <= 40 and _NAME.fullmatch(name) else ""


def come_back(party: Party, *, words: str = "") -> None:
    """They would like to come back. Words are welcome and not needed. Raises BadInput where they are too long."""
    words = _words(words)
    with transaction.atomic():
        party = consent.locked(party)
        said = words or "Would like to come back."
        if _kept(party, f"By their own link, would like to come back. {words}".strip()):
            resurface.notice(party, via=VIA, matched_by="link", words=said[:_SHOWN])
            _hear(party, why="Would like to come back, and said so on their own page.",
                  line="Good to hear from you. What would make coming back easy?")  # fmt: skip
            audit.record("door.come_back", actor=None, subject=f"party:{party.pk}", details={"words": bool(words)})


def tell(party: Party, *, words: str) -> None:
    """A word to us. Raises BadInput where there is none, or too many."""
    words = _words(words)
    if not words:
        raise BadInput("there are no words yet", remedy="Write what you would like us to know.")
    with transaction.atomic():
        party = consent.locked(party)
        if _kept(party, f"By their own link: {words}"):
            if queries.relationship_of(party) is None:
                resurface.notice(party, via=VIA, matched_by="link", words=words[:_SHOWN])
            _hear(party, why="Wrote to us on their own page and may wait for an answer.",
                  line="Thank you for writing to us.")  # fmt: skip
            audit.record("door.told", actor=None, subject=f"party:{party.pk}")


def later(party: Party, *, month: date) -> bool:
    """Not before the first day of that month; False where it stood so already. Raises BadInput for another month."""
    today = timezone.now().astimezone(preferences.zone_of(party)).date()
    if month not in {_month(today, n) for n in range(1, MONTHS_AHEAD + 1)}:
        raise BadInput("that month is not one of the next twelve", remedy="Choose one of the list.")
    return preferences.wait_until(party, month, via=VIA)


def ask_data(party: Party, *, kind: RequestKind, words: str = "") -> date:
    """A request about their data; gives the day by which we answer. Raises as `data_requests.open_request`."""
    return data_requests.open_request(party, kind=kind, via=VIA, words=words).due_on


def goodbye(party: Party, *, said: str) -> None:
    """Never again, as the person asked and said once more. `said`: the sentence as it was shown."""
    unsubscribe.never_again(party, said=said, via="door")


def _kept(party: Party, text: str) -> bool:
    """Whether the words are new: written down as a note. The same within ten minutes is a second click."""
    relationship = queries.relationship_of(party)
    if relationship is None:
        return True
    since = timezone.now() - _SAME
    if Note.objects.filter(relationship=relationship, by=None, text=text, at__gt=since).exists():
        return False
    Note.objects.create(relationship=relationship, by=None, text=text)
    return True


def _hear(party: Party, *, why: str, line: str) -> None:
    """Who looks after them is told, and may answer. Not where they asked us never to write: that stands."""
    relationship = queries.relationship_of(party)
    if relationship is None or unsubscribe.is_never(party):
        return
    cooling_off.customer_wrote(relationship)
    ask_to_answer(
        relationship, why=why, line=line, channel=_road(relationship.party), suggestion=Suggestion.GREET_RETURN
    )


def _road(party: Party) -> Channel:
    """How to answer: by e-mail where we have an address, else by telephone, else when they come."""
    kinds = {row.kind for row in queries.identities_of(party) if row.valid_to is None}
    if IdentityKind.EMAIL.value in kinds:
        return Channel.EMAIL
    return Channel.CALL if IdentityKind.PHONE.value in kinds else Channel.IN_PERSON


def _month(today: date, ahead: int) -> date:
    """The first day of the month so many ahead."""
    years, month = divmod(today.month - 1 + ahead, 12)
    return date(today.year + years, month + 1, 1)


def _words(text: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST_WORDS:
        raise BadInput(f"the words have {len(text):,} characters", remedy=f"Keep them within {LONGEST_WORDS:,}.")
    return text
