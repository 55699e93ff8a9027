"""The exit interview: begun, answered one question at a time, finished, declined; never a gate before an end.

The end is on record before the first word, and nothing here changes that. Each deed, in one transaction:

1. lock the party and the relationship, then the interview; refuse what cannot be (a withdrawn end, one that is over);
2. keep an answer with its instant, so that a half-told story is kept; a no to being written to counts at once;
3. at the end, let the answers become what they say (`interview_outcome`) and draft the letter (`interview_letter`);
4. one audit entry with the question's code, never with words.

`by` is the member of staff who holds the pen; None is the person, by a link of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.formats import date_format

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships import interview_queries
from rekindle.relationships.interview_answers import Shown, heard, tidy, wishes
from rekindle.relationships.models import Breakup, ExitInterview, Relationship, Tie
from rekindle.relationships.policy import BY_US
from rekindle.relationships.scripts import CORE, LISTENING, NO, Question, Script, asked, scripts
from rekindle.relationships.vocabulary import BreakupKind, Initiator, InterviewMode
from rekindle.workflows import audit, consent, endings, interview_letter, interview_outcome, links, own_link
from rekindle.workflows.interview_outcome import About
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.suppress import is_suppressed
from rekindle.workflows.writing import must_write

_AT_MOST: Final = 200
"""Keys of an interview's answers: more than any script has questions, so that no one can fill a row."""


def scripts_for(end: Breakup) -> list[Script]:
    """Which scripts fit an end: ours gets the listening slot and nothing else; the usual one stands first."""
    every = scripts()
    if _is_ours(end):
        return [every[LISTENING]]
    usual = interview_queries.usual_script() or CORE
    return sorted((one for one in every.values() if not one.listens), key=lambda one: (one.code != usual, one.code))


def begin(
    end: Breakup, *, mode: InterviewMode, by: User, script: str = "", at: datetime | None = None
) -> ExitInterview:
    """Begin the interview about an end, or hand the pen of the one that runs to the other side, and give it.

    script  a code of the packs; empty takes the usual one
    at      when it began, now where left out: for whoever writes down later what was asked on the day
    Raises Refused for a role that reads only, or where a link would reach somebody who must not be reached; Conflict
    where it is over or declined, the end was withdrawn, or they have died; BadInput for a script that does not fit.
    """
    must_write(by)
    with transaction.atomic():
        consent.locked(end.relationship.party)
        relationship = endings.locked(end.relationship_id)
        end = _end_again(end)
        chosen = _script_for(end, script)
        _must_be_askable(end, relationship, mode=mode)
        found = ExitInterview.objects.select_for_update(of=("self",)).filter(breakup=end).first()
        if found is None:
            found = ExitInterview.objects.create(
                breakup=end, script=chosen.code, script_version=chosen.version, mode=mode.value, by=by,
                begun_at=at or timezone.now(),
            )  # fmt: skip
            audit.record("interview.begun", actor=by, subject=f"interview:{found.pk}",
                         details={"breakup": end.pk, "script": chosen.code, "mode": mode.value})  # fmt: skip
            return found
        _must_be_open(found)
        is_other = bool(script) and chosen.code != found.script
        if is_other and found.answers:
            raise Conflict(
                "this interview is under way with other questions", where=f"interview {found.pk}",
                remedy="Go on with those; the answers belong to them.",
            )  # fmt: skip
        if found.mode != mode.value or is_other:
            found.mode, found.script = mode.value, chosen.code if is_other else found.script
            found.script_version = scripts()[found.script].version
            found.save(update_fields=["mode", "script", "script_version"])
            audit.record("interview.handed_over", actor=by, subject=f"interview:{found.pk}",
                         details={"script": found.script, "mode": mode.value})  # fmt: skip
    return found


def answer(
    interview: ExitInterview, *, code: str, value: Any, by: User | None = None, at: datetime | None = None
) -> ExitInterview:
    """Keep one answer and give the interview. The same answer again changes nothing; another replaces it.

    A no to "may we ask" declines the interview. A no to being written to is in force before this returns.
    Raises BadInput for what is no answer, or a question that does not belong to this interview; Refused for staff who
    would hear about themselves; Conflict where it is over.
    """
    with transaction.atomic():
        about = _locked(interview, by=by)
        question = _question(about, code)
        kept = tidy(
            question, value, today=endings.local_day(about.relationship),
            staff=[tie.staff_id for tie in named_staff(about.relationship)],
        )  # fmt: skip
        if about.interview.answers.get(code, {}).get("value") == kept:
            return about.interview
        _keep(about, code, {"value": kept}, at=at)
        # The same words the person saw, in their language, are the proof.
        interview_outcome.refuse(about, wishes(question, kept, shown=shown_of(about.interview)))
        if question.becomes == "willing" and kept == NO:
            _decline(about)
    return about.interview


def skip(interview: ExitInterview, *, code: str, by: User | None = None, at: datetime | None = None) -> ExitInterview:
    """Leave one question out; an answer that stood there is taken back. Raises as `answer`."""
    with transaction.atomic():
        about = _locked(interview, by=by)
        _question(about, code)
        if not about.interview.answers.get(code, {}).get("skipped"):
            _keep(about, code, {"skipped": True}, at=at)
    return about.interview


def next_question(interview: ExitInterview, *, by: User | None = None) -> Question | None:
    """The first question that belongs to the answers and was neither answered nor left out; None at the end.

    by  staff are not given questions about themselves
    """
    script, relationship = script_of(interview), interview.breakup.relationship
    hidden = by is not None and by.pk in tied_staff(relationship)
    belongs = asked(script, interview.answers, places=places_of(interview))
    waiting = (one for one in belongs if one.code not in interview.answers and not (hidden and one.is_about_staff))
    return next(waiting, None)


def complete(
    interview: ExitInterview, *, by: User | None = None, at: datetime | None = None, is_sent: bool = True
) -> ExitInterview:
    """Finish with what there is, at any point: the answers become what they say. Once finished it stays so.

    is_sent  False where it was left half told: then no yes of theirs opens anything
    Who stops before the first answer has declined. Raises Refused, Conflict where it was declined.
    """
    if by is not None:
        must_write(by)
    with transaction.atomic():
        about = _locked(interview, by=by, is_over_fine=True)
        found = about.interview
        if found.completed_at is not None:
            return found
        _must_be_open(found)
        script, shown = script_of(found), shown_of(found)
        belongs = asked(script, found.answers, places=shown.places)
        if not any("value" in found.answers.get(one.code, {}) for one in belongs if one.becomes != "willing"):
            _decline(about)
            return found
        said = heard(script, found.answers, shown=shown)
        found.outcome = interview_outcome.join(about, said, is_sent=is_sent)
        found.completed_at = at or timezone.now()
        day = found.completed_at.astimezone(endings.zone_of(about.relationship)).date()
        letter = interview_letter.draft_for(about, script=script, said=said, places=shown.places)
        found.letter = letter.text
        found.outcome |= {
            "said": _said(found, belongs, shown=shown),
            "letter_missing": list(letter.missing),
            "letter_on": interview_letter.day_for(day).isoformat(),
        }
        found.save(update_fields=["outcome", "letter", "completed_at"])
        audit.record("interview.completed", actor=by, subject=f"interview:{found.pk}",
                     details={"breakup": about.end.pk, "answers": len(found.answers),
                              "promises": len(found.outcome["promises"])})  # fmt: skip
    return found


def decline(interview: ExitInterview, *, by: User | None = None) -> ExitInterview:
    """They would rather not. The end stands as it does, and nobody asks again. Raises as `complete`."""
    if by is not None:
        must_write(by)
    with transaction.atomic():
        about = _locked(interview, by=by, is_over_fine=True)
        if about.interview.declined_at is None:
            _must_be_open(about.interview)
            _decline(about)
    return about.interview


def link_token(interview: ExitInterview) -> str:
    """The token of the person's own way in; the same each time, until all their links are ended."""
    return links.make(LinkPurpose.INTERVIEW, interview.breakup.relationship.party, about=str(interview.pk))


def by_link(token: str) -> ExitInterview:
    """The interview a token opens. Raises NotFound, with the same words for every kind of wrong link."""
    holder = own_link.holder(LinkPurpose.INTERVIEW, token)
    number = int(holder.about) if holder.about.isascii() and holder.about.isdigit() and len(holder.about) < 19 else 0
    found = interview_queries.interview_of(number)
    if found is None or found.breakup.relationship.party_id != holder.party.pk:
        raise NotFound("this link is not valid any more", remedy="Ask us for a new one; any of our staff can make it.")
    return found


def script_of(interview: ExitInterview) -> Script:
    """The script of an interview. Raises NotFound where the packs no longer hold it."""
    script = scripts().get(interview.script)
    if script is None:
        raise NotFound(
            f"there is no script {interview.script!r} any more", remedy="Put its file back into packs/interviews."
        )
    return script


def places_of(interview: ExitInterview) -> dict[str, str]:
    """What a question may say of the person, in their language; what is not known is not in it."""
    end, relationship = interview.breakup, interview.breakup.relationship
    lives = interview_queries.lives_of(relationship)
    staff = next((tie.staff for tie in named_staff(relationship)), None)
    language = language_of(relationship)
    form = "j. F Y" if language == "de" else "j F Y"  # a German day is a number in its order
    with translation.override(language):
        places = {
            "ended_on": date_format(end.ended_on, form),
            "house": relationship.brand.name,
            "staff": staff.name if staff else "",
            "first_day": date_format(lives[0].began_on, form) if lives else "",
            "last_seen": date_format(lives[-1].last_seen_on, "F Y") if lives else "",
        }
    return {name: words for name, words in places.items() if words}


def shown_of(interview: ExitInterview) -> Shown:
    """What the questions of an interview are filled in with."""
    relationship = interview.breakup.relationship
    names = {tie.staff_id: tie.staff.name for tie in named_staff(relationship)}
    return Shown(places_of(interview), relationship.party.language, names)


def named_staff(relationship: Relationship) -> list[Tie]:
    """Those of us they know now and could name, the best known first."""
    ties = interview_queries.ties_of(relationship)
    return [tie for tie in ties if tie.ended_on is None and tie.staff.is_active and tie.staff.name]


def language_of(relationship: Relationship) -> str:
    """Theirs where the pages speak it, else English."""
    language = relationship.party.language[:2].lower()
    return language if language in dict(settings.LANGUAGES) else "en"


def tied_staff(relationship: Relationship) -> frozenset[int]:
    """Numbers of those an answer about our people may be about: who knows or knew them, and who looks after them."""
    known = {tie.staff_id for tie in interview_queries.ties_of(relationship)}
    return frozenset(known | ({relationship.owner_id} if relationship.owner_id else set()))


def may_read(question: Question, interview: ExitInterview, *, reader: User | None, tied: frozenset[int]) -> bool:
    """Whether somebody may read the answer to a question; None is the person, who may read all of their own.

    What is sensitive is for managers, owners and whoever asked; what is said about our people is hidden from those it
    may be about, unless they are a manager or an owner.
    """
    if reader is None or not question.is_guarded or reader.may(Deed.APPROVE):
        return True
    if question.is_about_staff and reader.pk in tied:
        return False
    return not question.is_sensitive or reader.pk == interview.by_id


def _is_ours(end: Breakup) -> bool:
    return end.initiator == Initiator.COMPANY.value or end.kind in BY_US


def _script_for(end: Breakup, code: str) -> Script:
    fitting = scripts_for(end)
    chosen = next((one for one in fitting if one.code == code), None) if code else fitting[0]
    if chosen is None:
        raise BadInput(
            f"the questions {code!r} do not fit this end", where="script",
            remedy=f"Choose among {', '.join(one.code for one in fitting)}.",
        )  # fmt: skip
    return chosen


def _must_be_askable(end: Breakup, relationship: Relationship, *, mode: InterviewMode) -> None:
    """Nobody who has died is asked; nobody who must not be reached gets a link."""
    party = relationship.party
    if end.withdrawn_at is not None:
        raise Conflict("this end was taken back", where=f"breakup {end.pk}", remedy="There is nothing to ask about.")
    if end.kind == BreakupKind.DECEASED.value or party.deceased_on is not None:
        raise Conflict("they have died", where=f"breakup {end.pk}", remedy="There is nobody to ask; leave it in peace.")
    if mode is InterviewMode.PUBLIC and (is_suppressed(party) or consent.is_closed(party)):
        raise Refused(
            "they must not be written to again", rule="suppressed",
            remedy="Listen if they come to you; a link is not made for them.",
        )  # fmt: skip


def _must_be_open(interview: ExitInterview) -> None:
    if interview.completed_at is not None or interview.declined_at is not None:
        raise Conflict(
            "this interview is over" if interview.completed_at else "they would rather not be asked",
            where=f"interview {interview.pk}",
            remedy="What was said stands; nobody is asked twice.",
        )


def _locked(interview: ExitInterview, *, by: User | None, is_over_fine: bool = False) -> About:
    """The rows as they stand now, held. The party comes first, as for everybody who changes grounds to write."""
    if by is not None:
        must_write(by)
    consent.locked(interview.breakup.relationship.party)
    relationship = endings.locked(interview.breakup.relationship_id)
    found = ExitInterview.objects.select_for_update(of=("self",)).filter(pk=interview.pk).first()
    end = Breakup.objects.filter(pk=interview.breakup_id).first()
    if found is None or end is None:
        raise NotFound(f"no interview {interview.pk}", remedy="Look at the person again.")
    if end.withdrawn_at is not None:
        raise Conflict("this end was taken back", where=f"breakup {end.pk}", remedy="There is nothing to ask about.")
    if not is_over_fine:
        _must_be_open(found)
    end.relationship, found.breakup = relationship, end
    return About(found, end, relationship, by)


def _end_again(end: Breakup) -> Breakup:
    found = Breakup.objects.filter(pk=end.pk).first()
    if found is None:
        raise NotFound(f"no end {end.pk}", remedy="Look at the person again.")
    return found


def _question(about: About, code: str) -> Question:
    """The question of that code, if it belongs to the answers so far and this pen may write it."""
    script = script_of(about.interview)
    belongs = asked(script, about.interview.answers, places=places_of(about.interview))
    question = next((one for one in belongs if one.code == code), None)
    if question is None:
        raise BadInput(f"{code[:40]!r} is not asked here", remedy="Go on with the question shown.")
    if question.is_about_staff and about.by is not None and about.by.pk in tied_staff(about.relationship):
        raise Refused(
            "this question may be about you", rule="about_staff",
            remedy="Let a colleague ask it, or send them their link.",
        )  # fmt: skip
    return question


def _keep(about: About, code: str, kept: dict[str, Any], *, at: datetime | None) -> None:
    found, now = about.interview, at or timezone.now()
    if len(found.answers) >= _AT_MOST:
        raise Conflict("this interview is full", where=f"interview {found.pk}")
    entry = {**kept, "at": now.isoformat(), "by": about.by.pk if about.by else None}
    found.answers = {**found.answers, code: entry}
    found.last_answer_at, found.script_version = now, script_of(found).version
    found.save(update_fields=["answers", "last_answer_at", "script_version"])
    verb = "interview.skipped" if "skipped" in kept else "interview.answered"
    audit.record(verb, actor=about.by, subject=f"interview:{found.pk}", details={"question": code})


def _decline(about: About) -> None:
    about.interview.declined_at = timezone.now()
    about.interview.save(update_fields=["declined_at"])
    interview_outcome.note_refusal(about.end)
    audit.record("interview.declined", actor=about.by, subject=f"interview:{about.interview.pk}",
                 details={"breakup": about.end.pk})  # fmt: skip


def _said(interview: ExitInterview, belongs: Sequence[Question], *, shown: Shown) -> list[dict[str, str]]:
    """Every question as it was shown and its answer in words: read later without the script it came from."""
    given = {code: kept["value"] for code, kept in interview.answers.items() if "value" in kept}
    return [
        {"code": one.code, "question": shown.said(one), "answer": shown.answered(one, given[one.code])}
        for one in belongs
        if one.code in given
    ]
