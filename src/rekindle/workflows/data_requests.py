"""What people ask of us about their data: written down with the day by which the law wants an answer.

1. open: by the person's own page or by staff who were asked; the same open request again is the same row;
2. an objection acts at once: a no on every road for every purpose that is not owed, then it is answered;
3. everything else waits for a human. Nothing is shown on the page where it was asked, and nothing is erased by
   itself: whoever holds a link is not yet proven to be the person;
4. answer: by whoever may give out data, with what was done.

One audit entry each, without words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.decide.law import law, months_after
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import consent_queries
from rekindle.relationships.models import DataRequest, Party
from rekindle.relationships.vocabulary import Channel, RequestKind
from rekindle.workflows import audit, consent
from rekindle.workflows.why_not import business_zone

LONGEST_WORDS: Final = 1_000
LONGEST_ANSWER: Final = 400
NEEDS_WORDS: Final = frozenset({RequestKind.RECTIFICATION})


@dataclass(frozen=True)
class Term:
    """How long the law gives: calendar months or days, counted from the day we were asked. `mark` as in docs/law.md."""

    months: int
    days: int
    source: str
    mark: str

    def due_on(self, asked_on: date) -> date:
        if not self.months:
            return asked_on + timedelta(days=self.days)
        start = np.array([np.datetime64(datetime(asked_on.year, asked_on.month, asked_on.day), "us")])
        day: date = months_after(start, months=self.months).astype("datetime64[D]")[0].item()
        return day


_GDPR: Final = Term(
    1, 0, "Regulation (EU) 2016/679, art. 12(3): one month. Two more may be told in time; not assumed.", "V"
)
TERMS: Final[Mapping[str, Term]] = {
    "eu": _GDPR,
    "de": _GDPR,
    "fr": _GDPR,
    "uk": Term(1, 0, "UK GDPR, art. 12(3): one month.", "K"),
    "us": Term(0, 45, "California Consumer Privacy Act, 1798.130: 45 days; other states to be checked.", "K"),
    "ca": Term(0, 30, "PIPEDA, principle 4.9 and s. 8(3): 30 days.", "K"),
    "au": Term(0, 30, "Privacy Act 1988, Australian Privacy Principle 12.4: a reasonable period, 30 days.", "K"),
}
"""By jurisdiction of the law packs; a country none of them names has the earliest day of all."""


def due_on(party: Party, *, asked_on: date) -> date:
    """The day by which the law where the person is wants an answer; the earliest of all where that is not known."""
    country = party.country.upper() or None
    place = int(law().places(pa.chunked_array([pa.array([country], pa.string())]))[0])
    term = TERMS.get(law().jurisdictions[place].code)
    terms = [term] if term else list(TERMS.values())
    return min(one.due_on(asked_on) for one in terms)


def open_request(party: Party, *, kind: RequestKind, via: str, words: str = "", by: User | None = None) -> DataRequest:
    """Write one request down and give it. by: the member of staff who was asked; None, the person themselves.

    Raises BadInput for words that are too long, or missing where something is to be put right; Refused for a role
    that reads only.
    """
    if by is not None and not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")
    words = "\n".join(line.strip() for line in words.replace("\x00", "").splitlines()).strip()
    if len(words) > LONGEST_WORDS:
        raise BadInput(f"the words have {len(words):,} characters", remedy=f"Keep them within {LONGEST_WORDS:,}.")
    if kind in NEEDS_WORDS and not words:
        raise BadInput("what is to be put right is missing", remedy="Say what is wrong and what is right.")
    with transaction.atomic():
        party, now = consent.locked(party), timezone.now()
        same = DataRequest.objects.filter(party=party, kind=kind.value, words=words, answered_at=None).first()
        if same is not None:
            return same
        asked_on = now.astimezone(business_zone()).date()
        request = DataRequest.objects.create(
            party=party, kind=kind.value, via=via[:40], words=words, asked_at=now,
            due_on=due_on(party, asked_on=asked_on),
        )  # fmt: skip
        details = {"party": party.pk, "kind": kind.value, "via": via, "due_on": request.due_on.isoformat()}
        audit.record("request.opened", actor=by, subject=f"request:{request.pk}", details=details)
        if kind is RequestKind.OBJECTION:
            stopped = consent.refuse(
                party,
                about=consent.pairs(Channel, consent.ASKED_ABOUT),
                via=via,
                said="objection to the use of data",
                by=by,
            )
            _close(request, answer=f"acted on at once: {stopped} grounds closed or forbidden", by=by, at=now)
    return request


def answer(number: int, *, answer: str, by: User) -> DataRequest:
    """What was done about a request. Raises Refused for a role that may not give out data, NotFound, BadInput for an
    empty or overlong answer, Conflict where it was answered in other words."""
    if not by.may(Deed.EXPORT):
        raise Refused("your role does not give out data", rule="role", remedy="Ask an owner or a manager.")
    text = " ".join(answer.replace("\x00", "").split())
    if not text or len(text) > LONGEST_ANSWER:
        raise BadInput(
            "the answer is missing or too long", remedy=f"Say in up to {LONGEST_ANSWER} characters what was done."
        )
    with transaction.atomic():
        request = DataRequest.objects.select_for_update().filter(pk=number).first()
        if request is None:
            raise NotFound(f"no request {number}", remedy="Look at the list again.")
        if request.answered_at is not None:
            if request.answer == text:
                return request
            raise Conflict("this request is answered already", where=f"request {number}", remedy="Open a new one.")
        _close(request, answer=text, by=by, at=timezone.now())
    return request


def due(limit: int, *, after: tuple[date, int] | None = None) -> list[DataRequest]:
    """Requests that wait, the soonest due first; `after`: (due_on, id) of the last one seen. `party` may be None."""
    return consent_queries.requests_open(after=after, limit=limit)


def _close(request: DataRequest, *, answer: str, by: User | None, at: datetime) -> None:
    request.answered_at, request.answered_by, request.answer = at.astimezone(UTC), by, answer
    request.save(update_fields=["answered_at", "answered_by", "answer"])
    audit.record("request.answered", actor=by, subject=f"request:{request.pk}", details={"kind": request.kind})
