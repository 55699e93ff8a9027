"""Returns as pages and the API say them: one person's, one return, and the page of all. Reading only.

Each view asks a fixed number of questions, whatever the length of the history or of the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from rekindle.accounts.models import User
from rekindle.journal import return_alarms
from rekindle.journal.queries import open_signs
from rekindle.relationships import queries, return_queries
from rekindle.relationships.models import (
    Breakup,
    Consent,
    Party,
    Promise,
    Relationship,
    SafeReturn,
)
from rekindle.relationships.reasons import BY_CODE as REASONS
from rekindle.relationships.reasons import label_of
from rekindle.relationships.safe_return import BY_CODE, COMPANIONS, FIXED, WHY_LEFT, ReturnItem
from rekindle.relationships.vocabulary import ItemState, ReturnCredit, Stage, TouchClass
from rekindle.understand.caution_signs import Sign
from rekindle.workflows import endings, reset, returns
from rekindle.workflows.resurface_view import ResurfacedView, resurfaced
from rekindle.workflows.tenure import Tenure, tenure_of
from rekindle.workflows.today import business_day

RESURFACED_AT_MOST: Final = 50
ALARMS_AT_MOST: Final = 20
CREDIT_DAYS: Final = 365


@dataclass(frozen=True)
class ReasonView:
    """One reason they left over. `answer` is what was said of it today, empty while nobody has.

    suggested  what the reason itself lets us expect: one that was never ours to change is not ours to mend
    is_stated  they said so themselves; else it is what we think
    """

    code: str
    label: str
    suggested: str
    answer: str
    is_stated: bool

    @property
    def answer_words(self) -> str:
        return FIXED.get(self.answer, "")


@dataclass(frozen=True)
class ItemView:
    """One thing to see to, with what is known for it and what was answered."""

    item: ReturnItem
    state: ItemState
    note: str
    by: str
    who: str
    facts: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        return self.state is ItemState.OPEN

    @property
    def asks_why(self) -> bool:
        return self.item.code == WHY_LEFT


@dataclass(frozen=True)
class ReturnView:
    """One return, complete. `alarm` names the signs that show while it is watched."""

    returned: SafeReturn
    party: Party
    relationship: Relationship
    end: Breakup | None
    tenure: Tenure | None
    items: tuple[ItemView, ...]
    reasons: tuple[ReasonView, ...]
    staff: tuple[tuple[int, str], ...]
    greeter: int | None
    greeting: str
    reset: reset.Preview
    alarm: tuple[str, ...]
    today: date
    may_undo: bool

    @property
    def open_items(self) -> tuple[ItemView, ...]:
        return tuple(item for item in self.items if item.is_open)

    @property
    def answered_items(self) -> tuple[ItemView, ...]:
        return tuple(item for item in self.items if not item.is_open)

    @property
    def is_watched(self) -> bool:
        until = self.returned.watch_until
        return until is not None and self.returned.returned_on <= self.today <= until

    @property
    def credit(self) -> ReturnCredit:
        return ReturnCredit(self.returned.credit)

    @property
    def credit_because(self) -> tuple[str, ...]:
        return because(self.returned)


@dataclass(frozen=True)
class Row:
    """One return in a list."""

    returned: SafeReturn
    name: str
    answered: int
    total: int
    signs: tuple[str, ...] = ()

    @property
    def credit(self) -> ReturnCredit:
        return ReturnCredit(self.returned.credit)


@dataclass(frozen=True)
class ReturnsPage:
    """Everything on the page of returns. `next` is the place of the page after this one, empty at the end."""

    resurfaced: tuple[ResurfacedView, ...]
    returning: tuple[Row, ...]
    alarms: tuple[Row, ...]
    watched: int | None
    credits: return_queries.Credits
    today: date
    next: str


@dataclass(frozen=True)
class TodayReturns:
    """What stands above everything else in Today and People: who spoke again, and who came back and slips again."""

    signs: tuple[ResurfacedView, ...]
    alarms: tuple[Row, ...]
    has_more: bool

    @property
    def is_any(self) -> bool:
        return bool(self.signs or self.alarms)


@dataclass(frozen=True)
class PersonReturns:
    """What a person's page says of returns: their time with us, the return that runs, and signs of one.

    earliest  the first day on which a return may be recorded, None where nothing has ended or the door is closed
    """

    party: Party
    relationship: Relationship | None
    tenure: Tenure | None
    current: Row | None
    earlier: tuple[Row, ...]
    signs: tuple[ResurfacedView, ...]
    earliest: date | None
    companions: tuple[Relationship, ...]
    today: date

    @property
    def is_known(self) -> bool:
        return bool(self.current or self.earlier or self.signs or self.earliest)


def of_person(party: Party) -> PersonReturns:
    """Everything about returns for one section of a person's page."""
    relationship = queries.relationship_of(party)
    if relationship is None:
        signs = resurfaced(return_queries.resurfacings_of(party.pk, limit=5))
        return PersonReturns(party, None, None, None, (), signs, None, (), business_day())
    today = endings.local_day(relationship)
    rows = [_row(returned) for returned in return_queries.returns_of(relationship)]
    current = next((row for row in rows if row.returned.life == relationship.life and relationship.life > 1), None)
    return PersonReturns(
        party=party,
        relationship=relationship,
        tenure=tenure_of(return_queries.lives_of(relationship), as_of=today),
        current=current,
        earlier=tuple(row for row in rows if row is not current),
        signs=resurfaced(return_queries.resurfacings_of(party.pk, limit=5)),
        earliest=_earliest(relationship, today=today),
        companions=tuple(return_queries.companions_of([party.pk]).get(party.pk, [])) if current else (),
        today=today,
    )


def for_today(*, limit: int = 5) -> TodayReturns:
    """The first few of both; a fixed number of queries, three where there is nothing."""
    found = return_queries.open_resurfacings(limit=limit + 1)
    alarms = return_alarms.alarms(business_day(), limit=limit + 1)
    return TodayReturns(
        signs=resurfaced(found[:limit]),
        alarms=_alarms(alarms[:limit]),
        has_more=len(found) > limit or len(alarms) > limit,
    )


def page(*, after: return_queries.Place | None, limit: int) -> ReturnsPage:
    """The page of returns; signs and alarms stand on its first stretch only."""
    today = business_day()
    found = return_queries.returning(after=after, limit=limit + 1)
    alarms = return_alarms.alarms(today, limit=ALARMS_AT_MOST) if after is None else []
    last = found[limit - 1] if len(found) > limit else None
    return ReturnsPage(
        resurfaced=resurfaced(return_queries.open_resurfacings(limit=RESURFACED_AT_MOST)) if after is None else (),
        returning=tuple(_row(returned) for returned in found[:limit]),
        alarms=_alarms(alarms),
        watched=return_queries.count_watched(today),
        credits=return_queries.credits_in(until=today, days=CREDIT_DAYS),
        today=today,
        next=f"{last.returned_on.isoformat()}.{last.pk}" if last else "",
    )


def view(returned: SafeReturn) -> ReturnView:
    """One return with everything that is to be seen to."""
    relationship = returned.relationship
    party, today = relationship.party, endings.local_day(relationship)
    tenure = tenure_of(return_queries.lives_of(relationship), as_of=today)
    staff = list(User.objects.filter(is_active=True).order_by("name", "pk"))
    names = {user.pk: str(user) for user in staff}
    names |= {user.pk: str(user) for user in User.objects.filter(pk__in=_people_in(returned) - set(names))}
    what_comes_back = reset.preview(returned)
    items = tuple(
        _item(row, names=names, facts=_facts(row["code"], returned, tenure=tenure))
        for row in returned.items
        if row.get("code") in BY_CODE
    )
    reasons = _reasons(returned)
    signs = open_signs([relationship.pk]) if returned.watch_until and today <= returned.watch_until else []
    return ReturnView(
        returned=returned,
        party=party,
        relationship=relationship,
        end=return_queries.end_before(relationship, returned_on=returned.returned_on),
        tenure=tenure,
        items=items,
        reasons=reasons,
        staff=tuple((user.pk, str(user)) for user in staff),
        greeter=_greeter(relationship, staff=staff),
        greeting=_greeting(party, reasons=reasons, is_reset=what_comes_back.is_done),
        reset=what_comes_back,
        alarm=tuple(_sign(sign.code) for sign in signs),
        today=today,
        may_undo=returns.may_undo(returned),
    )


def because(returned: SafeReturn) -> tuple[str, ...]:
    """What the credit of a return rests on, in plain sentences."""
    evidence: dict[str, Any] = returned.evidence
    if returned.credit == ReturnCredit.TOUCHED.value:
        return tuple(
            f"{TouchClass(touch['class']).label} touch on {_day(date.fromisoformat(touch['on']))}"
            for touch in evidence.get("touches", [])
        )
    if evidence.get("why") == "message_of_another_system":
        on = _day(date.fromisoformat(evidence["on"]))
        return (f"a message was opened or answered on {on}; what it was is not on record",)
    if evidence.get("why") == "no_record":
        since = evidence.get("recorded_from")
        if since is None:
            return ("no night has been read yet, so touches before are not on record",)
        return (f"touches are on record only from {_day(date.fromisoformat(since))} on",)
    if returned.credit == ReturnCredit.SELF.value:
        return (f"no touch of ours reached them in the {evidence.get('days', 30)} days before",)
    return ()


def _earliest(relationship: Relationship, *, today: date) -> date | None:
    if Stage(relationship.stage) not in return_queries.ENDED or Stage(relationship.stage) is Stage.CLOSED:
        return None
    ended_on = returns.ended_on(relationship)
    return ended_on + timedelta(days=1) if ended_on is not None and ended_on < today else None


def _alarms(returns_of: Sequence[SafeReturn]) -> tuple[Row, ...]:
    """Rows with the signs that show; the stage where there is none."""
    signs: dict[int, list[str]] = {}
    for sign in open_signs([returned.relationship_id for returned in returns_of]):
        signs.setdefault(sign.relationship_id, []).append(_sign(sign.code))
    return tuple(
        _row(one, signs=signs.get(one.relationship_id) or [Stage(one.relationship.stage).label]) for one in returns_of
    )


def _row(returned: SafeReturn, *, signs: Iterable[str] = ()) -> Row:
    answered = sum(row.get("state") != ItemState.OPEN.value for row in returned.items)
    return Row(returned, str(returned.relationship.party), answered, len(returned.items), tuple(signs))


def _item(row: dict[str, Any], *, names: dict[int, str], facts: tuple[str, ...]) -> ItemView:
    return ItemView(
        item=BY_CODE[row["code"]],
        state=ItemState(row["state"]),
        note=row.get("note", ""),
        by=names.get(row.get("by", 0), ""),
        who=names.get(row.get("who", 0), ""),
        facts=facts,
    )


def _people_in(returned: SafeReturn) -> set[int]:
    return {row[name] for row in returned.items for name in ("by", "who") if row.get(name)}


def _facts(code: str, returned: SafeReturn, *, tenure: Tenure | None) -> tuple[str, ...]:
    """What is on record for one item, as short lines."""
    relationship = returned.relationship
    if code == "promises":
        owed = return_queries.open_promises(relationship, made_before=returned.returned_on)
        return tuple(_promise(promise) for promise in owed) or ("Nothing is open from before.",)
    if code == "consents":
        withdrawn = Consent.objects.filter(party=relationship.party_id, withdrawn_at__isnull=False).count()
        return (f"{withdrawn} withdrawn, and none comes back by itself.",) if withdrawn else ()
    if code == "price_and_tenure" and tenure is not None:
        return (f"With us for {tenure.days_with_us:,} days in {tenure.lives} lives.",)
    if code == COMPANIONS:
        gone = return_queries.companions_of([relationship.party_id]).get(relationship.party_id, [])
        return tuple(f"{one.party}, {Stage(one.stage).label}" for one in gone) or ("Nobody of them is gone any more.",)
    return ()


def _promise(promise: Promise) -> str:
    return f"“{promise.text}”, for {_day(promise.due_on)}"


def _reasons(returned: SafeReturn) -> tuple[ReasonView, ...]:
    row: dict[str, Any] = next((row for row in returned.items if row.get("code") == WHY_LEFT), {})
    said = row.get("fixed", {})
    end = return_queries.end_before(returned.relationship, returned_on=returned.returned_on)
    stated = end.reasons if end is not None else []
    views = []
    for code in returns.reasons_of(returned):
        known = REASONS.get(code)
        is_ours = known is None or known.is_controllable is not False
        suggested = "" if is_ours else "not_fixable"
        views.append(ReasonView(code, label_of(code), suggested, said.get(code, ""), code in stated))
    return tuple(views)


def _greeter(relationship: Relationship, *, staff: Sequence[User]) -> int | None:
    """The same as before where they are still here: who looks after them, else whom they trusted most."""
    here = {user.pk for user in staff}
    if relationship.owner_id in here:
        return relationship.owner_id
    return next((tie.staff_id for tie in return_queries.ties_of(relationship.party_id) if tie.staff_id in here), None)


def _greeting(party: Party, *, reasons: Sequence[ReasonView], is_reset: bool) -> str:
    """A word to begin with; whatever is not known is left out, never made up."""
    name = party.given_name or party.name
    said = [f"Welcome back, {name}." if name else "Welcome back."]
    # What we only think is never put into their mouth.
    told = [one for one in reasons if one.is_stated and one.answer in ("fixed", "not_yet") and one.code in REASONS]
    if told and REASONS[told[0].code].locus == "us":
        said.append(f"When you left you told us: {told[0].label}. Today that is {told[0].answer_words}.")
    if is_reset:
        said.append("What you had with us is as you left it.")
    return " ".join(said)


def _sign(code: str) -> str:
    return Sign(code).label.lower() if code in Sign._value2member_map_ else code.replace("_", " ")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
