"""Three questions after the quiet: what could have been better, did we part well, may we stay in touch.

The first word to somebody who left asks and sells nothing. Each answer, in one transaction:

1. lock the party and the relationship; refuse an end that was taken back, and what is no answer;
2. keep it by itself, with its instant: who stops after one question has told us one thing, and it stays;
3. let it become what it says: words go with the marks about us and with the end, and a wish to come back is heard in
   them; a parting that was not good counts where nobody had judged it; a yes or a no to being written to is in force;
4. an answer is a reply: every plan stops, and words or a bad parting ring whoever looks after them;
5. one audit entry with the question's code, never with words.

Apart from exit interviews on purpose: the same end may have one, finished or declined, and one that asks at the end
must not be counted with one that asks months later. No reason is chosen from a list here, so no share changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import wishes as kept_wishes
from rekindle.relationships.interview_answers import Shown, tidy, wishes
from rekindle.relationships.models import Breakup, Relationship, ThreeQuestions
from rekindle.relationships.scripts import Question, Script, three_questions
from rekindle.relationships.vocabulary import Terms
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import (
    audit,
    consent,
    cooling_off,
    endings,
    feedback,
    interviews,
    own_link,
    preferences,
    resurface,
)
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.unsubscribe import is_never

VIA: Final = "questions"
"""How they appeared, a code of `return_phrases.WAYS`."""
LONGEST_VERBATIM: Final = 10_000
PARTED: Final = ("well", "mixed", "badly")
COUNTED_DAYS: Final = 365

_WORSE: Final = tuple(Terms)
_WROTE: Final = "Answered our questions and may wait for an answer."
_BADLY: Final = "Says that we did not part well: listen first."


@dataclass(frozen=True)
class Line:
    """One question and the answer in words; both as the reader's language has them. Empty where it was left out."""

    code: str
    question: str
    answer: str


@dataclass(frozen=True)
class Told:
    """What the last year's answers say together. `parted` counts by the code of the answer, those only who said."""

    people: int
    parted: tuple[tuple[str, int], ...]


def by_link(token: str) -> Breakup:
    """The end a token asks about. Raises NotFound, with the same words for every kind of wrong link."""
    holder = own_link.holder(LinkPurpose.THREE_QUESTIONS, token)
    number = int(holder.about) if holder.about.isascii() and holder.about.isdigit() and len(holder.about) < 19 else 0
    ends = Breakup.objects.select_related("relationship__party", "relationship__brand", "relationship__owner")
    end = ends.filter(pk=number, relationship__party=holder.party, withdrawn_at=None).first()
    if end is None:
        raise NotFound("this link is not valid any more", remedy="Ask us for a new one; any of our staff can make it.")
    return end


def of_end(end: Breakup) -> ThreeQuestions | None:
    """What was answered about an end; None before the first press of a button."""
    return ThreeQuestions.objects.filter(breakup=end).first()


def next_question(told: ThreeQuestions | None) -> Question | None:
    """The first question that was neither answered nor left out; None at the end."""
    answers = told.answers if told is not None else {}
    return next((one for one in three_questions().questions if one.code not in answers), None)


def answer(end: Breakup, *, code: str, value: Any, at: datetime | None = None) -> ThreeQuestions:
    """Keep one answer and give the row. The same again changes nothing; another replaces it.

    Raises BadInput for what is no answer or no question of these three; Conflict where the end was taken back.
    """
    at = at or timezone.now()
    with transaction.atomic():
        end = _locked(end)
        script, relationship = three_questions(), end.relationship
        question = _question(script, code)
        kept = tidy(question, value, today=endings.local_day(relationship, at))
        told = _row(end, script=script, at=at)
        before = told.answers.get(code, {}).get("value")
        if before == kept:
            return told
        told.answers = {**told.answers, code: {"value": kept, "at": at.isoformat()}}
        told.last_answer_at, told.script_version = at, script.version
        match question.becomes:
            case "verbatim":
                _words(told, end, kept, before=before or "", at=at)
            case "keep_in_touch":
                _keep_in_touch(told, relationship, question, kept)
            case _:
                _parted(told, end, question, kept)
        told.save()
        audit.record("three_questions.answered", actor=None, subject=f"three_questions:{told.pk}",
                     details={"breakup": end.pk, "question": code})  # fmt: skip
        _replied(relationship, question, kept, at=at)
    return told


def skip(end: Breakup, *, code: str, at: datetime | None = None) -> ThreeQuestions:
    """Leave one question out and go on. What was answered stays as it was. Raises as `answer`."""
    at = at or timezone.now()
    with transaction.atomic():
        end = _locked(end)
        script = three_questions()
        _question(script, code)
        told = _row(end, script=script, at=at)
        if code not in told.answers:
            told.answers = {**told.answers, code: {"skipped": True, "at": at.isoformat()}}
            told.save(update_fields=["answers"])
    return told


def shown_to(relationship: Relationship, *, language: str = "") -> Shown:
    """What the questions are filled in with. `language`: the reader's; empty is the person's own."""
    return Shown({"house": relationship.brand.name}, language or interviews.language_of(relationship))


def lines_of(told: ThreeQuestions, *, shown: Shown) -> tuple[Line, ...]:
    """Question by question what was answered or left out, in the order asked."""
    return tuple(
        Line(one.code, shown.said(one), shown.answered(one, value) if value is not None else "")
        for one in three_questions().questions
        if one.code in told.answers
        for value in [told.answers[one.code].get("value")]
    )


def of_relationship(relationship: Relationship) -> list[ThreeQuestions]:
    """Everything one person answered, the newest end first; rows without an answer say nothing and are left out."""
    rows = ThreeQuestions.objects.filter(breakup__relationship=relationship, last_answer_at__isnull=False)
    return list(rows.select_related("breakup__relationship__brand").order_by("-breakup__ended_on", "-pk"))


def page(*, before: int | None, limit: int) -> list[ThreeQuestions]:
    """Answers of everybody, the newest first; `before` is the number the last page ended with."""
    rows = ThreeQuestions.objects.filter(last_answer_at__isnull=False, breakup__withdrawn_at=None)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(
        rows.select_related("breakup__relationship__party", "breakup__relationship__brand").order_by("-pk")[:limit]
    )


def told_together(*, at: datetime | None = None) -> Told:
    """How many answered in the year before an instant (None: now), and how they say we parted."""
    since = (at or timezone.now()) - timedelta(days=COUNTED_DAYS)
    rows = ThreeQuestions.objects.filter(last_answer_at__gt=since, breakup__withdrawn_at=None)
    found: Mapping[str, int] = dict(rows.values_list("parted").annotate(n=Count("pk")).order_by())
    return Told(sum(found.values()), tuple((code, found[code]) for code in PARTED if code in found))


def _locked(end: Breakup) -> Breakup:
    """The end as it stands now. The party comes first, as for everybody who changes grounds to write."""
    consent.locked(end.relationship.party)
    relationship = endings.locked(end.relationship_id)
    found = Breakup.objects.filter(pk=end.pk).first()
    if found is None:
        raise NotFound(f"no end {end.pk}", remedy="Ask us for a new link; any of our staff can make it.")
    if found.withdrawn_at is not None:
        raise Conflict("this end was taken back", where=f"breakup {end.pk}", remedy="There is nothing to ask about.")
    found.relationship = relationship
    return found


def _question(script: Script, code: str) -> Question:
    question = script.question(code)
    if question is None:
        raise BadInput(f"{code[:40]!r} is not asked here", remedy="Go on with the question shown.")
    return question


def _row(end: Breakup, *, script: Script, at: datetime) -> ThreeQuestions:
    """The party's row is held, so that two presses at once become one row."""
    return ThreeQuestions.objects.get_or_create(
        breakup=end, defaults={"script_version": script.version, "begun_at": at}
    )[0]


def _words(told: ThreeQuestions, end: Breakup, words: str, *, before: str, at: datetime) -> None:
    """Among the marks about us, until somebody has answered them there; and with the end, word for word."""
    mark = told.feedback
    if mark is not None and mark.closed_at is None:
        mark.words, mark.given_at = words, at
        mark.save(update_fields=["words", "given_at"])
    else:
        told.feedback = feedback.heard(end.relationship, words=words)
    rest = end.verbatim
    if before and (rest == before or rest.endswith(f"\n{before}")):
        rest = rest[: -len(before)].rstrip()  # what they said first, in the place of which this stands
    if words not in rest and len(rest) + len(words) < LONGEST_VERBATIM:
        rest = f"{rest}\n{words}".strip()
    if rest != end.verbatim:
        end.verbatim = rest
        end.save(update_fields=["verbatim"])
    resurface.heard(end.relationship.party, text=words, via=VIA, at=at)


def _parted(told: ThreeQuestions, end: Breakup, question: Question, code: str) -> None:
    """A bad parting counts where the end stands and nobody has judged it since."""
    told.parted = code
    relationship = end.relationship
    terms = next((choice.terms for choice in question.choices if choice.code == code), None)
    is_worse = terms is not None and _WORSE.index(terms) > _WORSE.index(Terms(relationship.terms))
    if terms is None or not is_worse or endings.standing_end(relationship) != end:
        return
    if end.terms_after in ("", end.terms_before):
        end.terms_after = terms.value
        end.save(update_fields=["terms_after"])
        relationship.terms = terms.value
        relationship.save(update_fields=["terms"])


def _keep_in_touch(
    told: ThreeQuestions, relationship: Relationship, question: Question, kept: Mapping[str, Any]
) -> None:
    """A no is in force now. A yes too, since they gave it themselves on a page of their own; not where they asked
    never to be contacted: that takes a human."""
    party, via = relationship.party, f"three questions {told.pk}"
    said = wishes(question, kept, shown=shown_to(relationship))
    if no := [(wish.channel, wish.purpose) for wish in said if not wish.is_given]:
        consent.refuse(party, about=no, via=via, said=next(wish.proof for wish in said if not wish.is_given))
    yes = [((wish.channel, wish.purpose), wish.proof) for wish in said if wish.is_given]
    if is_never(party) or party.deceased_on is not None:
        return
    consent.agree(party, about=yes, via=via)
    if "not_before" in kept or "often" in kept:
        party.refresh_from_db(fields=["extra", "language"])
        day = date.fromisoformat(kept["not_before"]) if "not_before" in kept else preferences.waiting(party)
        often = HowOften(kept["often"]) if "often" in kept else kept_wishes.how_often(party.extra)
        preferences.change(party, answers={}, wish=preferences.Wish(day, often, ""), via=via)


def _replied(relationship: Relationship, question: Question, kept: Any, *, at: datetime) -> None:
    """Every plan stops. Words, and a bad parting, ask a human to answer; for somebody who asked never to be written to
    they are kept and nothing follows."""
    from rekindle.workflows.playbooks.leave import leave
    from rekindle.workflows.they_spoke import ask_to_answer

    leave(relationship, why="they answered our questions")
    why = {"better": _WROTE, "parted": _BADLY if kept == "badly" else ""}.get(question.code, "")
    if not why or is_never(relationship.party):
        return
    try:
        cooling_off.customer_wrote(relationship, at=at)
    except Refused:
        return
    ask_to_answer(relationship, why=why)
