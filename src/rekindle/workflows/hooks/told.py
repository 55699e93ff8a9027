"""What one delivery told us, in our words, whatever the system it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from rekindle.relationships.vocabulary import BreakupKind, Feeling, Initiator, RequestKind

Said = Literal["lives", "notice", "ended"]


@dataclass(frozen=True)
class Who:
    """Whom it is about, as the source knows them; empty where it did not say.

    number       the source's own number of the customer
    introduces   the delivery tells who they are, so that somebody new may be made of it
    """

    number: str = ""
    email: str = ""
    phone: str = ""
    name: str = ""
    given_name: str = ""
    language: str = ""
    country: str = ""
    introduces: bool = False

    @property
    def is_nobody(self) -> bool:
        return not (self.number or self.email or self.phone)


@dataclass(frozen=True)
class Step:
    """How one contract of theirs stood at an instant: it lives, notice is given for a day, or it has ended.

    about    the source's number of the contract; empty where it names none
    ends_at  the instant of the end, or ends_on, the last day; neither where it lives
    """

    about: str
    said: Said
    at: datetime
    ends_at: datetime | None = None
    ends_on: date | None = None


@dataclass(frozen=True)
class Leaving:
    """What was said about why it ends; everything may be missing."""

    kind: BreakupKind | None = None
    initiator: Initiator = Initiator.CUSTOMER
    reasons: tuple[str, ...] = ()
    verbatim: str = ""
    feeling: Feeling = Feeling.NOT_TOLD


@dataclass(frozen=True)
class Happened:
    """One event for the history. `amount` is a decimal text in main units; `number` is unique within the source.

    order   where the delivery names no customer: the order it belongs to, as it stands in another event's number
    """

    number: str
    kind: str
    at: datetime
    amount: str = ""
    currency: str = ""
    ref: str = ""
    channel: str = ""
    order: str = ""
    contract_ended_on: date | None = None


@dataclass(frozen=True)
class Heard:
    """One delivery. `number` is its own, the same when it is sent again; `aside` says why nothing is kept of it.

    is_understood   False where it is not JSON or of a kind we know nothing of
    suppress        the reason never to write to them again; empty where that was not asked
    """

    number: str
    kind: str
    who: Who = field(default_factory=Who)
    steps: tuple[Step, ...] = ()
    leaving: Leaving = field(default_factory=Leaving)
    events: tuple[Happened, ...] = ()
    request: RequestKind | None = None
    is_about_everybody: bool = False
    suppress: str = ""
    is_understood: bool = True
    aside: str = ""
