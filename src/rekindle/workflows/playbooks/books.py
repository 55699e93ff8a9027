"""The plans themselves: those that come with the product, a business's own versions, on, off, paused and going on.

Each deed, in one transaction: check the role, lock the playbook, write, one audit entry. A version is never changed:
whoever is under way stays in the one they entered with.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.act import letters, playbooks
from rekindle.act.playbooks import Plan
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import Enrolment, EnrolmentState, OwnLetter, Playbook, PlaybookState, PlaybookVersion
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows import audit
from rekindle.workflows.playbook_text import as_text
from rekindle.workflows.playbooks import rows

AS_IT_COMES: Final = "as it comes, version "
"""Begins the note of a version from a pack; one without it is the business's own, and no pack replaces it."""
LONGEST_NOTE: Final = 200
TURNED_OFF: Final = "the playbook was turned off"


@dataclass(frozen=True)
class Change:
    """One version in the history of a playbook, with the lines that changed against the one before."""

    version: PlaybookVersion
    lines: tuple[str, ...]


def install() -> int:
    """Put the plans of the product into the books, turned off; gives how many are new or newer. Again changes nothing.

    A playbook whose newest version is the business's own keeps it.
    """
    written = 0
    for plan in playbooks.packs():
        with transaction.atomic():
            row, _made = Playbook.objects.get_or_create(code=plan.code, defaults={"family": plan.family})
            row = Playbook.objects.select_for_update().get(pk=row.pk)
            newest = row.versions.order_by("-number").first()
            if newest is not None and (not is_as_it_comes(newest) or newest.body == plan.body):
                continue
            _write(row, plan, note=f"{AS_IT_COMES}{plan.version}", by=None)
            written += 1
    return written


def playbook(code: str) -> Playbook:
    """The playbook of that code, with its current version. Raises NotFound."""
    row = Playbook.objects.select_related("current").filter(code=code).first()
    if row is None or row.current is None:
        raise NotFound(f"there is no playbook {code!r}", remedy="Look at the list of playbooks.")
    return row


def listed() -> list[Playbook]:
    """All playbooks, by their code, with their current versions. There are few; people write them."""
    return list(Playbook.objects.select_related("current").exclude(current=None).order_by("code"))


def plan(version: PlaybookVersion) -> Plan:
    """What a version says."""
    return playbooks.plan_of(version.body, name=f"{version.body.get('playbook', '')}, version {version.number}")


def text(version: PlaybookVersion) -> str:
    """A version as YAML, to be read and changed by people."""
    return as_text(version.body)


def is_as_it_comes(version: PlaybookVersion) -> bool:
    """Whether a version came with the product."""
    return version.note.startswith(AS_IT_COMES) and version.made_by_id is None


def draft(words: str) -> Plan:
    """A plan that is only thought of, checked against the letters there are. Raises BadInput naming the place."""
    made = playbooks.read(words)
    faults = playbooks.check(made, classes=letter_classes(), texts=letter_texts())
    if faults:
        place, what, remedy = faults[0]
        raise BadInput(what, where=f"this playbook: {place}", remedy=remedy)
    return made


def letter_classes() -> Mapping[str, TouchClass]:
    """The class of each letter there is: those that come with the product, and the business's own in front of them."""
    own = OwnLetter.objects.filter(withdrawn_at=None).order_by("code", "number").values_list("code", "body__class")
    return {
        **{one.code: one.touch_class for one in letters.letters()},
        **{code: TouchClass(word) for code, word in own},
    }


def letter_texts() -> frozenset[str]:
    """The letters that have words for a text message, as they stand: own ones hide those they stand in front of."""
    own = OwnLetter.objects.filter(withdrawn_at=None).order_by("code", "number")
    newest = dict(own.values_list("code", "body__text_message"))
    packs = {one.code for one in letters.letters() if one.text_message}
    return frozenset((packs - set(newest)) | {code for code, said in newest.items() if said})


def new_version(words: str, *, by: User, note: str = "", after: int | None = None) -> PlaybookVersion:
    """A new version from YAML; the first one of a new playbook, which is then turned off. People under way keep theirs.

    after  the version the author looked at; None does not ask
    Raises Refused, BadInput naming the place, Conflict where nothing changed or somebody else wrote meanwhile.
    """
    _may(by)
    made, note = draft(words), " ".join(note.replace("\x00", "").split())
    if len(note) > LONGEST_NOTE or note.startswith(AS_IT_COMES):
        raise BadInput("the note cannot be kept", remedy=f"Say in up to {LONGEST_NOTE} letters what is new.")
    with transaction.atomic():
        row, _made = Playbook.objects.get_or_create(code=made.code, defaults={"family": made.family})
        row = Playbook.objects.select_for_update().get(pk=row.pk)
        newest = row.versions.order_by("-number").first()
        if newest is not None and newest.body == made.body:
            raise Conflict("nothing is different from the version that holds", remedy="Change something.")
        if newest is not None and after is not None and newest.number != after:
            raise Conflict(f"version {newest.number} was kept meanwhile", remedy="Look at it, then write yours anew.")
        return _write(row, made, note=note, by=by)


def history(code: str) -> list[Change]:
    """Every version, newest first, each with the lines that are new (+) or gone (-) against the one before."""
    found: list[Change] = []
    before = ""
    for version in playbook(code).versions.select_related("made_by").order_by("number"):
        now = text(version)
        lines = difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=1)
        found.append(Change(version, tuple(lines)[2:] if before else ()))
        before = now
    return found[::-1]


def turn_on(code: str, *, by: User) -> Playbook:
    """From now on people enter. On already: nothing changes. Raises BadInput where a letter is not there."""
    with transaction.atomic():
        row = _locked(code, by=by)
        if row.state == PlaybookState.ON.value:
            return row
        if row.state == PlaybookState.PAUSED.value:
            raise Conflict("it is paused", where=code, remedy="Let it go on, or turn it off first.")
        faults = playbooks.check(plan(_current(row)), classes=letter_classes(), texts=letter_texts())
        lacking = [what for place, what, _remedy in faults if place.endswith(".letter")]
        if lacking:
            raise BadInput(lacking[0], where=code, remedy="Write it first.")
        return _set(row, PlaybookState.ON, verb="playbook.on", by=by)


def turn_off(code: str, *, by: User) -> Playbook:
    """Nobody enters any more, and whoever is under way leaves; what waits for them is held back."""
    with transaction.atomic():
        row = _locked(code, by=by)
        if row.state == PlaybookState.OFF.value:
            return row
        active = Enrolment.objects.filter(playbook=row, state=EnrolmentState.ACTIVE.value)
        numbers = list(active.values_list("pk", flat=True))
        rows.out(numbers, why=TURNED_OFF, at=timezone.now())
        return _set(row, PlaybookState.OFF, verb="playbook.off", by=by, left=len(numbers))


def pause(code: str, *, by: User) -> Playbook:
    """Everybody stays where they are, and nobody enters. Raises Conflict where it is off."""
    with transaction.atomic():
        row = _locked(code, by=by)
        if row.state == PlaybookState.PAUSED.value:
            return row
        if row.state == PlaybookState.OFF.value:
            raise Conflict("it is off", where=code, remedy="Turn it on first.")
        return _set(row, PlaybookState.PAUSED, verb="playbook.paused", by=by)


def resume(code: str, *, by: User, at: datetime | None = None) -> Playbook:
    """Go on where everybody stood: what was to come is as far away as it was when the pause began.

    A day that was due already when the pause began is due at once.
    """
    at = at or timezone.now()
    with transaction.atomic():
        row = _locked(code, by=by)
        if row.state == PlaybookState.ON.value:
            return row
        if row.state == PlaybookState.OFF.value:
            raise Conflict("it is off, not paused", where=code, remedy="Turn it on.")
        seconds = max(0, int((at - row.changed_at).total_seconds()))
        _shift(row, seconds=seconds)
        return _set(row, PlaybookState.ON, verb="playbook.resumed", by=by, at=at, seconds=seconds)


def _shift(row: Playbook, *, seconds: int) -> None:
    """Move what is to come by the length of the pause, and with it since when a step has waited for a rule."""
    if connection.vendor == "sqlite":
        later = "datetime(due_at, %s)"  # whole seconds, as every due instant
        value: Any = f"+{seconds} seconds"
    else:
        later, value = "due_at + %s", timedelta(seconds=seconds)
    table = Enrolment._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{table}" SET due_at = {later} WHERE playbook_id = %s AND state = %s',  # noqa: S608  # own names
            [value, row.pk, EnrolmentState.ACTIVE.value],
        )
    waiting = Enrolment.objects.filter(playbook=row, state=EnrolmentState.ACTIVE.value).exclude(facts={})
    for one in waiting.only("facts").iterator():
        moved = {
            name: (datetime.fromisoformat(since) + timedelta(seconds=seconds)).isoformat()
            for name, since in one.facts.items()
            if name.startswith(rows.WAITS)
        }
        if moved:
            Enrolment.objects.filter(pk=one.pk).update(facts={**one.facts, **moved})


def _write(row: Playbook, made: Plan, *, note: str, by: User | None) -> PlaybookVersion:
    newest = row.versions.order_by("-number").first()
    number = newest.number + 1 if newest else 1
    version = PlaybookVersion.objects.create(playbook=row, number=number, body=dict(made.body), note=note, made_by=by)
    row.current, row.family, row.changed_by = version, made.family, by or row.changed_by
    row.save(update_fields=["current", "family", "changed_by"])
    audit.record("playbook.version", actor=by, subject=f"playbook:{row.code}", details={"number": number})
    return version


def _set(
    row: Playbook, state: PlaybookState, *, verb: str, by: User, at: datetime | None = None, **details: Any
) -> Playbook:
    row.state, row.changed_at, row.changed_by = state.value, at or timezone.now(), by
    row.save(update_fields=["state", "changed_at", "changed_by"])
    audit.record(verb, actor=by, subject=f"playbook:{row.code}", details=details)
    return row


def _locked(code: str, *, by: User) -> Playbook:
    _may(by)
    row = Playbook.objects.select_for_update().filter(code=code).exclude(current=None).first()
    if row is None:
        raise NotFound(f"there is no playbook {code!r}", remedy="Look at the list of playbooks.")
    return row


def _current(row: Playbook) -> PlaybookVersion:
    version = row.current
    if version is None:
        raise NotFound(f"the playbook {row.code!r} says nothing yet", remedy="Write its first version.")
    return version


def _may(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not change playbooks", rule="role", remedy="Ask an owner or a manager.")
