"""Deeds when somebody comes back: the return and its list, the reset, signs of those who spoke again."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Resurfacing, SafeReturn
from rekindle.relationships.vocabulary import ItemState, Resurfaced
from rekindle.workflows import reset, resurface, returns
from rekindle.workflows.deeds.given import LARGEST, Day, Given, Line, Number, Person, Title
from rekindle.workflows.deeds.lookup import member, relationship, written
from rekindle.workflows.deeds.table import Result, Verb

Named = Annotated[int, Field(ge=1, le=LARGEST, description="Number of the return.")]


class RecordReturn(Given):
    person: Person
    on: Day = Field(description="Since when they are back, in their own time zone.")
    words: Line = Field(default="", description="What they said.")


class OneReturn(Given):
    returned: Named


class UndoReturn(OneReturn):
    reason: Line


class OneItem(OneReturn):
    code: Title = Field(description="Code of the item.")


class AnswerItem(OneItem):
    state: Literal["done", "not_possible"]
    note: Line = ""
    who: Title = Field(default="", description="E-mail address of the colleague, where the item asks for one.")
    fixed: list[Title] = Field(
        default=[], max_length=10, description="Reasons they left over, each as reason=fixed, not_yet or not_fixable."
    )


class OneSign(Given):
    sign: Number = Field(description="Number of the sign.")


class AnswerSign(OneSign):
    is_them: bool


def _return(number: int) -> SafeReturn:
    rows = SafeReturn.objects.select_related("relationship__party", "relationship__brand")
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound(f"there is no return {number}", remedy="Look at the person again.")
    return found


def _told(returned: SafeReturn) -> Result:
    return {
        "returned": returned.pk,
        "returned_on": returned.returned_on.isoformat(),
        "credit": returned.credit,
        "items": {row["code"]: row["state"] for row in returned.items},
        "closed_at": written(returned.closed_at),
        "restored_at": written(returned.restored_at),
    }


def _record(given: RecordReturn, by: User) -> Result:
    return _told(returns.record_return(relationship(given.person), on=given.on, by=by, words=given.words))


def _undo(given: UndoReturn, by: User) -> Result:
    returned = _return(given.returned)
    returns.undo(returned, by=by, reason=given.reason)
    return {"person": returned.relationship.party_id}


def _answer_item(given: AnswerItem, by: User) -> Result:
    fixed = {}
    for text in given.fixed:
        code, equals, what = text.partition("=")
        if not equals:
            raise BadInput(f"{text[:60]!r} says nothing about a reason", where="fixed", remedy="Write reason=fixed.")
        fixed[code.strip()] = what.strip()
    return _told(
        returns.answer_item(
            _return(given.returned),
            code=given.code,
            state=ItemState(given.state),
            by=by,
            note=given.note,
            who=member(given.who) if given.who else None,
            fixed=fixed,
        )
    )


def _reopen_item(given: OneItem, by: User) -> Result:
    return _told(returns.reopen_item(_return(given.returned), code=given.code, by=by))


def _put_back(given: OneReturn, by: User) -> Result:
    return _told(reset.put_back(_return(given.returned), by=by))


def _undo_reset(given: OneReturn, by: User) -> Result:
    return _told(reset.undo(_return(given.returned), by=by))


def _answer_sign(given: AnswerSign, by: User) -> Result:
    state = Resurfaced.CONFIRMED if given.is_them else Resurfaced.DENIED
    return _sign(resurface.answer(given.sign, state=state, by=by))


def _sign(found: Resurfacing) -> Result:
    return {"sign": found.pk, "person": found.party_id, "other": found.other_id, "state": found.state}


def _undo_sign(given: OneSign, by: User) -> Result:
    return _sign(resurface.undo(given.sign, by=by))


VERBS: Final = (
    Verb("return.record", "They are back, since a day; gives what is to be seen to.", RecordReturn, _record),
    Verb("return.undo", "Take back a return that was recorded by a slip, within a day.", UndoReturn, _undo),
    Verb("return.answer_item", "One thing of a return is seen to, or cannot be put back.", AnswerItem, _answer_item),
    Verb("return.reopen_item", "It was not seen to after all.", OneItem, _reopen_item),
    Verb("return.put_back", "Put back what can be put back; what cannot is named.", OneReturn, _put_back),
    Verb("return.undo_put_back", "Take the putting back back, within a day.", OneReturn, _undo_reset),
    Verb("sign.answer", "Somebody who may be a former customer spoke: it is them, or somebody else.", AnswerSign,
         _answer_sign),
    Verb("sign.undo", "Take the answer to a sign back, within a day.", OneSign, _undo_sign),
)  # fmt: skip
