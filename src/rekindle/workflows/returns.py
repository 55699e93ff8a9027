"""Somebody is back: recorded by staff before any purchase shows it, seen to item by item, taken back if it was a slip.

    record_return  they told us, or stand at the desk          answer_item  one thing of the safe return is seen to
    undo           a slip, within a day                        reopen_item  it was not, after all

Each deed, in one transaction:

1. lock the relationship; refuse what cannot be: a return without an end, before the end, or through a closed door;
2. begin life n+1 and take the step to phoenix; business is live, contact is open (silence for good stays silent). The
   stretch of quiet stays on record as it was; a life that follows an end ends its quiet for every rule;
3. take waiting suggestions back; keep whose doing it is, once (`workflows.return_credit`);
4. keep the list of what to see to; when all of it is answered the return is closed and may become ordinary;
5. one audit entry, without anybody's words.

What purchases and visits tell of returns is opened by `workflows.return_opening`, at night.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import return_queries
from rekindle.relationships.models import Episode, Relationship, SafeReturn, StageChange
from rekindle.relationships.policy import UNDO_WITHIN
from rekindle.relationships.safe_return import BY_CODE, COMPANIONS, FIXED, ITEMS, WATCH_DAYS, WHY_LEFT
from rekindle.relationships.stages import allowed
from rekindle.relationships.vocabulary import Commercial, Contact, ItemState, Stage
from rekindle.workflows import audit, endings
from rekindle.workflows.hooks_out import events, tell
from rekindle.workflows.return_credit import Came, credits_of
from rekindle.workflows.writing import LINE, words

_KEPT: Final = ("stage", "stage_since", "commercial", "contact", "life")


def record_return(relationship: Relationship, *, on: date, by: User, words: str = "") -> SafeReturn:
    """Keep that somebody is back since a day, and give what is to be seen to. The same telling again changes nothing.

    on     in the person's own time zone, after the last day of the life before, up to today
    words  what they said, in theirs; up to 400 characters
    Raises Refused for a role that may not or a closed relationship, BadInput for a day that cannot be, Conflict where
    nothing has ended.
    """
    endings.may(by)
    said = _words(words, what="what they said")
    with transaction.atomic():
        relationship = endings.locked(relationship.pk)
        standing = return_queries.open_return_of(relationship)
        if Stage(relationship.stage) is Stage.PHOENIX and standing is not None:
            return standing
        left_on = _check(relationship, on=on)
        before = {name: getattr(relationship, name) for name in _KEPT}
        life = max(relationship.life, 1) + 1
        healed = _begin_life(relationship, number=life, on=on)
        _step(relationship, on=on, life=life, by=by)
        endings.withdraw_tasks(relationship, why="they are back")
        credit = credits_of([Came(relationship, on)])[relationship.pk]
        since = before["stage_since"]
        # The unique pair may be taken by a return that late history took back: this one takes its place.
        found, _is_new = SafeReturn.objects.update_or_create(
            relationship=relationship,
            life=life,
            defaults={
                "returned_on": on,
                "credit": credit.credit.value,
                "evidence": {
                    **credit.evidence,
                    "told": True,
                    "words": said,
                    "left_on": left_on.isoformat(),
                    "healed": healed,
                    "before": {**before, "stage_since": since.isoformat() if since else None},
                },
                "items": items_for(has_companions=_has_companions(relationship)),
                "opened_at": timezone.now(),
                "closed_at": None,
                "watch_until": on + timedelta(days=WATCH_DAYS),
            },
        )
        audit.record(
            "return.recorded", actor=by, subject=f"return:{found.pk}",
            details={"relationship": relationship.pk, "life": life, "on": on.isoformat(),
                     "credit": credit.credit.value},
        )  # fmt: skip
        tell.person(events.PERSON_RETURNED, relationship, key=f"return:{found.pk}:{life}")
    return found


def undo(returned: SafeReturn, *, by: User, reason: str) -> None:
    """Take a return back that staff recorded by a slip, within a day: everything is as it was before.

    Raises Conflict for a return that purchases tell, after a day, or where something else has happened since.
    """
    endings.may(by)
    reason = endings.reason_of(reason, what="what went wrong")
    with transaction.atomic():
        relationship = endings.locked(returned.relationship_id)
        returned = locked_return(returned.pk)
        before = returned.evidence.get("before")
        if before is None or timezone.now() - returned.opened_at > UNDO_WITHIN:
            raise Conflict(
                "a return can be taken back within a day, and only one that somebody recorded",
                where=f"return {returned.pk}",
                remedy="Record an end instead, if they left again.",
            )
        if returned.restored_at is not None:
            raise Conflict("things were put back for this return", remedy="Undo the reset first.")
        newest = StageChange.objects.filter(relationship=relationship, undone_at=None).order_by("-id").first()
        is_ours = newest is not None and newest.evidence.get("told_return") == returned.life
        has_lived = Episode.objects.filter(relationship=relationship, number__gte=returned.life, pulses__gt=0).exists()
        if newest is None or not is_ours or has_lived:
            raise Conflict("the relationship has moved on since", where=f"return {returned.pk}")
        newest.undone_at = timezone.now()
        newest.save(update_fields=["undone_at"])
        Episode.objects.filter(relationship=relationship, number=returned.life, pulses=0).delete()
        if returned.evidence.get("healed"):
            Episode.objects.filter(relationship=relationship, number=returned.life - 1).update(healed_on=None)
        since = before["stage_since"]
        Relationship.objects.filter(pk=relationship.pk).update(
            **{**before, "stage_since": date.fromisoformat(since) if since else None}
        )
        # The reason is the person's story or a slip of ours: it stays with the step, the trail has the fact.
        newest.evidence = {**newest.evidence, "undone_because": reason}
        newest.save(update_fields=["evidence"])
        number = returned.pk
        returned.delete()
        audit.record("return.undone", actor=by, subject=f"return:{number}", details={"relationship": relationship.pk})


def answer_item(
    returned: SafeReturn,
    *,
    code: str,
    state: ItemState,
    by: User,
    note: str = "",
    who: User | None = None,
    fixed: Mapping[str, str] | None = None,
) -> SafeReturn:
    """Answer one item, and close the return with the last one. The same answer again changes nothing.

    who    the named person, wanted where the item asks for one and it is done
    fixed  code of a reason -> "fixed", "not_yet" or "not_fixable", for every reason they left over
    Raises Refused, NotFound for an item that is not asked, BadInput for what is missing, Conflict for a closed return.
    """
    endings.may(by)
    note = _words(note, what="the note")
    if state is ItemState.OPEN:
        raise BadInput("“to see to” is no answer", remedy="Say seen to, or that it cannot be put back.")
    if state is ItemState.NOT_POSSIBLE and not note:
        raise BadInput("the reason is missing", remedy="Say in a few words why it cannot be put back.")
    with transaction.atomic():
        endings.locked(returned.relationship_id)
        returned = locked_return(returned.pk)
        row = next((row for row in returned.items if row["code"] == code), None)
        if row is None or code not in BY_CODE:
            raise NotFound(f"no item {code!r} in this return", remedy="Look at the return again.")
        answer: dict[str, Any] = {"state": state.value, "note": note}
        if BY_CODE[code].is_named and state is ItemState.DONE:
            answer["who"] = _named(who).pk
        if code == WHY_LEFT and state is ItemState.DONE:
            answer["fixed"] = _fixed(returned, fixed or {})
            if not answer["fixed"] and not note:
                raise BadInput("no reason is on record", remedy="Write what they say now, or that they would not say.")
        if all(row.get(name) == value for name, value in answer.items()):
            return returned
        if returned.closed_at is not None:
            raise Conflict("this return is closed", where=f"return {returned.pk}", remedy="Open the item again first.")
        answer |= {"code": code, "by": by.pk, "at": timezone.now().isoformat()}
        _write(returned, code, answer)
        audit.record("return.item_answered", actor=by, subject=f"return:{returned.pk}",
                     details={"item": code, "state": state.value})  # fmt: skip
        if returned.closed_at is not None:
            audit.record("return.closed", actor=by, subject=f"return:{returned.pk}")
    return returned


def reopen_item(returned: SafeReturn, *, code: str, by: User) -> SafeReturn:
    """It was not seen to after all: the item, and with it the return, is open again. Raises Refused, NotFound."""
    endings.may(by)
    with transaction.atomic():
        endings.locked(returned.relationship_id)
        returned = locked_return(returned.pk)
        row = next((row for row in returned.items if row["code"] == code), None)
        if row is None:
            raise NotFound(f"no item {code!r} in this return", remedy="Look at the return again.")
        if row["state"] == ItemState.OPEN.value:
            return returned
        _write(returned, code, {"code": code, "state": ItemState.OPEN.value})
        audit.record("return.item_reopened", actor=by, subject=f"return:{returned.pk}", details={"item": code})
    return returned


def items_for(*, has_companions: bool) -> list[dict[str, Any]]:
    """The list of a new return, all of it open."""
    codes = [item.code for item in ITEMS] + ([COMPANIONS] if has_companions else [])
    return [{"code": code, "state": ItemState.OPEN.value} for code in codes]


def locked_return(number: int) -> SafeReturn:
    """The return as it stands, its row held until the transaction ends. Raises NotFound."""
    rows = SafeReturn.objects.select_for_update(of=("self",)).select_related(
        "relationship__party", "relationship__brand"
    )
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound(f"no return {number}", remedy="Look at the person again.")
    return found


def reasons_of(returned: SafeReturn) -> tuple[str, ...]:
    """Codes of the reasons they left over, as stated, else as we think; empty where nobody knows."""
    end = return_queries.end_before(returned.relationship, returned_on=returned.returned_on)
    if end is None:
        return ()
    return tuple(str(code) for code in (end.reasons or end.inferred_reasons) if isinstance(code, str))


def may_undo(returned: SafeReturn) -> bool:
    """Whether a slip may still be taken back, as far as the clock and the record say."""
    is_ours = "before" in returned.evidence and returned.restored_at is None
    return is_ours and timezone.now() - returned.opened_at <= UNDO_WITHIN


def _words(text: str, *, what: str) -> str:
    return words(text, what=what, at_most=LINE, are_needed=False)


def _check(relationship: Relationship, *, on: date) -> date:
    """The last day of the life before. Raises for a door, a stage or a day that does not allow a return."""
    stage = Stage(relationship.stage)
    if stage is Stage.CLOSED or relationship.contact == Contact.SILENT.value:
        raise Refused(
            "this relationship is closed for good", rule="closed",
            remedy="Ask an owner, who can open it again since they came to us.",
        )  # fmt: skip
    if stage is Stage.NOTICE:
        raise Conflict("they have not left yet", remedy="Withdraw the notice, with why they stay.")
    left_on = ended_on(relationship)
    if stage not in return_queries.ENDED or left_on is None:
        raise Conflict("nothing has ended here", where=f"relationship {relationship.pk}",
                       remedy="Look at the person again.")  # fmt: skip
    if not allowed(stage, Stage.PHOENIX):
        raise Conflict(f"nobody goes from {stage.label} to {Stage.PHOENIX.label}")
    if on > endings.local_day(relationship):
        raise BadInput(f"{on} has not come yet", where="back since", remedy="Give today or an earlier day.")
    if on <= left_on:
        raise BadInput(
            f"they left on {left_on:%d %B %Y}", where="back since",
            remedy="Give a later day; if they never left, take the end back.",
        )  # fmt: skip
    return left_on


def ended_on(relationship: Relationship) -> date | None:
    """The last day of the life before: the recorded end, else the silence; None where neither is known."""
    end = endings.standing_end(relationship)
    if end is not None:
        return end.ended_on
    last = relationship.episodes.filter(number__lte=max(relationship.life, 1)).order_by("-number").first()
    return last.ended_on if last is not None else None


def _begin_life(relationship: Relationship, *, number: int, on: date) -> bool:
    """The row of the new life, and the silence before it healed; gives whether a silence was."""
    # A row that late history had taken back may stand there still; it becomes this life.
    Episode.objects.update_or_create(
        relationship=relationship, number=number,
        defaults={"began_on": on, "last_seen_on": on, "pulses": 0, "ended_on": None, "is_presumed": False,
                  "ended_chance": None, "band_from": None, "band_to": None, "healed_on": None},
    )  # fmt: skip
    silent = Episode.objects.filter(
        relationship=relationship, number=number - 1, ended_on__isnull=False, healed_on__isnull=True
    )
    return bool(silent.update(healed_on=on))


def _step(relationship: Relationship, *, on: date, life: int, by: User) -> None:
    """Phoenix, live, and open to talk; the rule and its evidence are those of the night."""
    stage = Stage(relationship.stage)
    relationship.stage, relationship.stage_since, relationship.life = Stage.PHOENIX.value, on, life
    relationship.commercial, relationship.contact = Commercial.LIVE.value, Contact.OPEN.value
    relationship.save(update_fields=["stage", "stage_since", "life", "commercial", "contact"])
    StageChange.objects.create(
        relationship=relationship, from_stage=stage.value, to_stage=Stage.PHOENIX.value, on=on, rule="returned", by=by,
        evidence={"life_began": on.isoformat(), "life_number": life, "told_return": life},
    )  # fmt: skip


def _has_companions(relationship: Relationship) -> bool:
    return bool(return_queries.companions_of([relationship.party_id]))


def _named(who: User | None) -> User:
    if who is None or not who.is_active:
        raise BadInput("nobody is named", remedy="Name a person who works here.")
    return who


def _fixed(returned: SafeReturn, fixed: Mapping[str, str]) -> dict[str, str]:
    """One honest answer a reason. Raises BadInput where one is missing or not one of the three."""
    answers: dict[str, str] = {}
    for code in reasons_of(returned):
        if fixed.get(code) not in FIXED:
            raise BadInput(
                "a reason is not answered for", where=code.replace("_", " "),
                remedy=f"Say {', '.join(FIXED.values())}.",
            )  # fmt: skip
        answers[code] = fixed[code]
    return answers


def _write(returned: SafeReturn, code: str, answer: dict[str, Any]) -> None:
    """Put one row in its place; closed is whoever has every row answered."""
    returned.items = [answer if row["code"] == code else row for row in returned.items]
    is_whole = all(row["state"] != ItemState.OPEN.value for row in returned.items)
    returned.closed_at = (returned.closed_at or timezone.now()) if is_whole else None
    # The night keeps a return that somebody has begun to see to (return_queries.still_returning).
    returned.evidence = {**returned.evidence, "begun": True}
    returned.save(update_fields=["items", "closed_at", "evidence"])
