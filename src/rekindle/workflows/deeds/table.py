"""What a deed is, and how one is done: the same for a page, the API and the command line.

`do`: 1. find the deed by its name; 2. refuse a role that may not, and a door that proves nobody's identity where a
second person counts; 3. read the input, strictly; 4. do it, and write through which door it came, in one transaction;
5. give a plain JSON document of numbers, days and words of the vocabulary, without anybody's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import Refused
from rekindle.workflows import audit
from rekindle.workflows.deeds import given as reading
from rekindle.workflows.deeds.given import Given

Result = dict[str, Any]


@dataclass(frozen=True)
class Verb:
    """One deed of the table.

    act                 does it, through the workflow the pages call, and gives the result
    needs               what the role must allow
    is_personal         counts as one of two people: only who has signed in or holds a token may do it
    is_one_transaction  False for what commits more than once (files or history beside the books)
    is_answer_kept      False where the answer may name somebody: it is then never kept beside an idempotency key
    """

    name: str
    summary: str
    given: type[Given]
    act: Callable[[Any, User], Result]
    needs: Deed = Deed.ANSWER_TASKS
    is_personal: bool = False
    is_one_transaction: bool = True
    is_answer_kept: bool = True

    def as_json(self) -> dict[str, Any]:
        """The row of the table as the API and the command line list it."""
        return {
            "name": self.name,
            "summary": self.summary,
            "needs": self.needs.value,
            "is_personal": self.is_personal,
            "input": self.given.model_json_schema(),
        }


@dataclass(frozen=True)
class Door:
    """Where a deed came through.

    is_proven  whether who does it has shown who they are, by signing in or by a key
    token      the number of the API key
    """

    name: str
    is_proven: bool
    token: int | None = None


COMMAND_LINE = Door("command line", is_proven=False)


def do(verb: Verb, given: Mapping[str, Any] | Given, *, by: User, door: Door) -> Result:
    """Do one deed and give its result. Raises what its workflow raises; after an error nothing has changed.

    given  the fields by name, or the input already read
    """
    if not by.may(verb.needs):
        raise Refused(
            f"your role, {by.get_role_display()}, may not {verb.needs.label}",
            rule="role",
            remedy="Ask an owner for a role that may.",
        )
    if verb.is_personal and not door.is_proven:
        raise Refused(
            f"{verb.name} counts as one of two people, and the {door.name} does not prove who you are",
            rule="second_person",
            remedy="Do it signed in on the endings desk, or with your own token through the API.",
        )
    read = given if isinstance(given, Given) else reading.read(verb.given, given)
    if not verb.is_one_transaction:
        result = verb.act(read, by)
        _record(verb, by=by, door=door)
        return result
    with transaction.atomic():
        result = verb.act(read, by)
        _record(verb, by=by, door=door)
    return result


def _record(verb: Verb, *, by: User, door: Door) -> None:
    details = {"door": door.name, **({"token": door.token} if door.token else {})}
    audit.record("deed.done", actor=by, subject=f"deed:{verb.name}", details=details)
