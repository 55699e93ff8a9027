"""Deeds about who somebody is to us: roles, ties, notes, tasks, links, and two records that are one person."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import NotFound
from rekindle.relationships.models import Merge, StakeholderRole, Task
from rekindle.relationships.vocabulary import StakeholderKind, TaskState
from rekindle.workflows import forget, links, merge, notes, roles, tasks
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Text, Title
from rekindle.workflows.deeds.lookup import member, party, written
from rekindle.workflows.deeds.table import Result, Verb


class TakeRole(Given):
    person: Person
    kind: Annotated[StakeholderKind, Field(strict=False)]
    organisation: Title = Field(default="", description="Name of the organisation the role is held at.")
    from_day: Day | None = None
    note: Title = ""


class EndRole(Given):
    role: Number = Field(description="Number of the role.")
    to_day: Day | None = Field(default=None, description="The last day; today where left out.")


class ChangeEmployer(Given):
    person: Person
    left: Person = Field(description="Number of the organisation they left.")
    to: Title = Field(description="Name of the organisation they went to.")
    on: Day = Field(description="First day there.")
    kind: Annotated[StakeholderKind, Field(strict=False)] = StakeholderKind.PROSPECT
    is_told_by_them: bool = False


class WriteTie(Given):
    person: Person
    staff: Title = Field(description="E-mail address of the member of staff who knows them.")
    since: Day | None = None
    strength: Annotated[int, Field(ge=1, le=3)] = Field(default=1, description="1 met, 2 knows well, 3 is trusted.")
    note: Title = ""


class EndTie(Given):
    tie: Number = Field(description="Number of the tie.")
    on: Day | None = Field(default=None, description="Today where left out.")


class AddNote(Given):
    person: Person
    text: Text


class OneTask(Given):
    task: Number = Field(description="Number of the suggestion.")


class AnswerTask(OneTask):
    answer: Literal["done", "later", "not_appropriate"]
    note: Line = Field(default="", description="What happened; needed where it is not appropriate: why.")
    later_days: Annotated[int, Field(ge=1, le=90)] | None = Field(default=None, description="Only with later.")


class OnePerson(Given):
    person: Person


class MergeParties(Given):
    keep: Person = Field(description="Number of the record that stays.")
    gone: Person = Field(description="Number of the record that becomes part of it.")


class Unmerge(Given):
    merge: Number = Field(description="Number of the merge.")


class Forget(Given):
    person: Person
    sure: Literal[True] = Field(description="Must be true: this cannot be undone.")


def _take_role(given: TakeRole, by: User) -> Result:
    at = roles.organisation_named(given.organisation, by=by) if given.organisation.strip() else None
    return _role(
        roles.take_role(
            party(given.person), kind=given.kind, organisation=at, from_day=given.from_day, note=given.note, by=by
        )
    )


def _role(role: StakeholderRole) -> Result:
    return {
        "role": role.pk,
        "kind": role.kind,
        "organisation": role.organisation_id,
        "from_day": role.from_day.isoformat() if role.from_day else None,
        "to_day": role.to_day.isoformat() if role.to_day else None,
    }


def _end_role(given: EndRole, by: User) -> Result:
    return _role(roles.end_role(given.role, to_day=given.to_day, by=by))


def _change_employer(given: ChangeEmployer, by: User) -> Result:
    return _role(
        roles.change_employer(
            party(given.person),
            from_=party(given.left),
            to=roles.organisation_named(given.to, by=by),
            on=given.on,
            kind=given.kind,
            is_told_by_them=given.is_told_by_them,
            by=by,
        )
    )


def _write_tie(given: WriteTie, by: User) -> Result:
    kept = roles.tie(
        party(given.person),
        staff=member(given.staff),
        since=given.since,
        strength=given.strength,
        note=given.note,
        by=by,
    )
    return {"tie": kept.pk, "strength": kept.strength}


def _end_tie(given: EndTie, by: User) -> Result:
    kept = roles.end_tie(given.tie, by=by, on=given.on)
    return {"tie": kept.pk, "ended_on": kept.ended_on.isoformat() if kept.ended_on else None}


def _add_note(given: AddNote, by: User) -> Result:
    return {"note": notes.write(party(given.person), text=given.text, by=by).pk}


def _answer(given: AnswerTask, by: User) -> Result:
    state = TaskState(given.answer)
    return _task(tasks.answer(given.task, state=state, by=by, note=given.note, later_days=given.later_days))


def _task(task: Task) -> Result:
    return {
        "task": task.pk,
        "state": task.state,
        "due_on": task.due_on.isoformat(),
        "answered_at": written(task.answered_at),
    }


def _undo_task(given: OneTask, by: User) -> Result:
    return _task(tasks.undo(given.task, by=by))


def _merge(given: MergeParties, by: User) -> Result:
    done = merge.merge(party(given.keep), party(given.gone), by=by)
    return {"merge": done.pk, "keep": done.kept_id, "gone": done.gone}


def _unmerge(given: Unmerge, by: User) -> Result:
    row = Merge.objects.filter(pk=given.merge).first()
    if row is None:
        raise NotFound(f"there is no merge {given.merge}", remedy="The page Duplicates lists the latest.")
    done = merge.undo(row, by=by)
    return {"merge": done.pk, "undone_at": written(done.undone_at)}


def _forget(given: Forget, by: User) -> Result:
    done = forget.forget(party(given.person), by=by)
    return {
        "person": done.party,
        "rows": sum(done.rows.values()),
        "events": done.events,
        "hashes": done.hashes,
        "remains": list(done.remains),
    }


def _end_links(given: OnePerson, by: User) -> Result:
    links.end_all(party(given.person), by=by)
    return {"person": given.person}


VERBS: Final = (
    Verb("role.take", "Begin a role somebody holds towards us, or at an organisation.", TakeRole, _take_role),
    Verb("role.end", "End a role on its last day; it stays in the record.", EndRole, _end_role),
    Verb("role.change_employer", "They left one organisation for another; the person stays one.", ChangeEmployer,
         _change_employer),
    Verb("tie.write", "Keep that a member of staff knows somebody.", WriteTie, _write_tie),
    Verb("tie.end", "End a tie.", EndTie, _end_tie),
    Verb("note.add", "Write a note about somebody.", AddNote, _add_note),
    Verb("task.answer", "Answer a suggestion: done, later, or not appropriate.", AnswerTask, _answer),
    Verb("task.undo", "Take back today's answer to a suggestion.", OneTask, _undo_task),
    Verb("links.end", "Make every signed link given to somebody useless, at once.", OnePerson, _end_links),
    Verb("party.merge", "Make two records of one person one.", MergeParties, _merge, needs=Deed.TAKE_IN,
         is_one_transaction=False),
    Verb("party.unmerge", "Take the newest merge of a record apart.", Unmerge, _unmerge, needs=Deed.TAKE_IN,
         is_one_transaction=False),
    Verb("party.forget", "Erase one person everywhere, for good; only keyed hashes stay.", Forget, _forget,
         needs=Deed.EXPORT, is_one_transaction=False, is_answer_kept=False),
)  # fmt: skip
