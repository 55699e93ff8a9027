"""Deeds about what somebody wants from us and wants to know: grounds to write, and requests about their data."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.relationships.models import Consent, DataRequest
from rekindle.relationships.vocabulary import Basis, Channel, RequestKind, TouchClass
from rekindle.workflows import consent, data_requests
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Text, Title
from rekindle.workflows.deeds.lookup import party, written
from rekindle.workflows.deeds.table import Result, Verb


class GivenAgain(Given):
    how: Title = Field(description="How it was given.")
    proof: Text = Field(description="What proves it.")
    given_on: Day | None = Field(default=None, description="Today where left out; never a day to come.")
    expires_on: Day | None = Field(default=None, description="The last day it holds, where they named one.")


class RecordConsent(GivenAgain):
    person: Person
    channel: Annotated[Channel, Field(strict=False)]
    purpose: Annotated[TouchClass, Field(strict=False)]
    basis: Annotated[Basis, Field(strict=False)] = Basis.CONSENT


class RenewConsent(GivenAgain):
    consent: Number = Field(description="Number of the consent.")


class WithdrawConsent(Given):
    person: Person
    channel: Annotated[Channel, Field(strict=False)]
    purpose: Annotated[TouchClass | None, Field(strict=False)] = Field(
        default=None, description="Every purpose where left out."
    )
    reason: Title = Field(description="What they said.")


class OpenRequest(Given):
    person: Person
    kind: Annotated[RequestKind, Field(strict=False)]
    words: Text = Field(default="", description="What they asked; needed to put something right.")


class AnswerRequest(Given):
    request: Number = Field(description="Number of the request.")
    answer: Line = Field(description="What was done about it.")


def _consent(row: Consent) -> Result:
    return {
        "consent": row.pk,
        "channel": row.channel,
        "purpose": row.purpose,
        "basis": row.basis,
        "obtained_at": written(row.obtained_at),
        "expires_at": written(row.expires_at),
    }


def _record(given: RecordConsent, by: User) -> Result:
    return _consent(
        consent.record(
            party(given.person),
            channel=given.channel,
            purpose=given.purpose,
            basis=given.basis,
            how=given.how,
            proof=given.proof,
            by=by,
            given_on=given.given_on,
            expires_on=given.expires_on,
        )
    )


def _renew(given: RenewConsent, by: User) -> Result:
    return _consent(
        consent.renew(
            given.consent,
            how=given.how,
            proof=given.proof,
            by=by,
            given_on=given.given_on,
            expires_on=given.expires_on,
        )
    )


def _withdraw(given: WithdrawConsent, by: User) -> Result:
    changed = consent.withdraw(
        party(given.person), channel=given.channel, purpose=given.purpose, reason=given.reason, by=by
    )
    return {"person": given.person, "changed": changed}


def _open(given: OpenRequest, by: User) -> Result:
    return _request(
        data_requests.open_request(party(given.person), kind=given.kind, via="staff", words=given.words, by=by)
    )


def _request(row: DataRequest) -> Result:
    return {"request": row.pk, "due_on": row.due_on.isoformat(), "answered_at": written(row.answered_at)}


def _answer(given: AnswerRequest, by: User) -> Result:
    return _request(data_requests.answer(given.request, answer=given.answer, by=by))


VERBS: Final = (
    Verb("consent.record", "Keep a ground to write, with how it was given and what proves it.", RecordConsent,
         _record),
    Verb("consent.renew", "A consent was given once more: its clock starts anew.", RenewConsent, _renew),
    Verb("consent.withdraw", "They said no: on one road, for one purpose or for all.", WithdrawConsent, _withdraw),
    Verb("request.open", "They asked about their data; an objection is acted on at once.", OpenRequest, _open),
    Verb("request.answer", "Keep what was done about a request.", AnswerRequest, _answer, needs=Deed.EXPORT),
)  # fmt: skip
