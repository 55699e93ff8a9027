"""An exit interview as a page shows it: the question at hand, what was answered, what is being understood.

Reading only. What the reader may not read is not in the answer at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rekindle.accounts.models import User
from rekindle.relationships import interview_queries
from rekindle.relationships.interview_answers import Heard, Shown, heard
from rekindle.relationships.models import Breakup, ExitInterview, Promise, Relationship
from rekindle.relationships.reasons import label_of
from rekindle.relationships.scripts import Answers, Question, Row, Text, asked, said_in
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import endings, interviews


@dataclass(frozen=True)
class Option:
    """One line to choose from, as a form shows it."""

    code: str
    text: str
    is_chosen: bool = False
    word: str = ""


@dataclass(frozen=True)
class Ask:
    """The question at hand. `parts` are day, month and year of a date, as much as was told."""

    code: str
    kind: str
    text: str
    help: str
    most: int
    longest: int
    is_sensitive: bool
    is_about_staff: bool
    words: str
    options: tuple[Option, ...]
    roads: tuple[Option, ...]
    topics: tuple[Option, ...]
    often: tuple[Option, ...]
    through: tuple[Option, ...]
    is_not_at_all: bool
    not_before: str
    parts: tuple[str, str, str]
    before: str


@dataclass(frozen=True)
class Line:
    """One question that was answered or left out. `answer` is empty where it was left out or is hidden."""

    code: str
    question: str
    answer: str
    is_skipped: bool
    is_hidden: bool
    is_sensitive: bool


@dataclass(frozen=True)
class View:
    """One interview. `ask` is None where nothing is left to ask; `done` and `total` count questions that belong."""

    interview: ExitInterview
    end: Breakup
    relationship: Relationship
    title: str
    listens: bool
    minutes: int
    ask: Ask | None
    lines: tuple[Line, ...]
    done: int
    total: int
    said: Heard
    reasons: tuple[str, ...]
    touch: str
    owed: tuple[str, ...]
    is_close: bool
    ended_on: date

    @property
    def is_notice(self) -> bool:
        """Whether the last day is still to come for them."""
        return self.ended_on > endings.local_day(self.relationship)

    @property
    def is_over(self) -> bool:
        return self.interview.completed_at is not None or self.interview.declined_at is not None


@dataclass(frozen=True)
class Became:
    """What a finished interview became, as far as the reader may know."""

    promises: tuple[Promise, ...]
    consents: tuple[tuple[str, str, bool, str], ...]
    quiet_until: datetime | None
    signs: tuple[tuple[str, int], ...]
    plan: tuple[tuple[str, str], ...]
    letter_missing: tuple[str, ...]
    letter_on: date | None


@dataclass(frozen=True)
class OfPerson:
    """The interviews of one person, the newest end first, and the end that may still be asked about."""

    interviews: tuple[ExitInterview, ...]
    unasked: Breakup | None


def of_person(relationship: Relationship) -> OfPerson:
    """For the person's page."""
    found = interview_queries.of_relationship(relationship)
    end = endings.standing_end(relationship)
    is_asked = end is None or any(one.breakup_id == end.pk for one in found)
    may = end is not None and not is_asked and relationship.party.deceased_on is None
    return OfPerson(tuple(found), end if may else None)


def view_of(interview: ExitInterview, *, reader: User | None, at: str = "") -> View:
    """What a page shows.

    reader  None is the person themselves, by their link
    at      the code of a question to look at again; an unknown one shows the next
    """
    end = interview.breakup
    relationship, script = end.relationship, interviews.script_of(interview)
    shown = interviews.shown_of(interview)
    tied = interviews.tied_staff(relationship)
    is_close = reader is not None and reader.pk in tied
    belongs = [
        one for one in asked(script, interview.answers, places=shown.places) if not (is_close and one.is_about_staff)
    ]
    answered = [one for one in belongs if one.code in interview.answers]
    wanted = next((one for one in belongs if one.code == at), None) or interviews.next_question(interview, by=reader)
    said = heard(script, interview.answers, shown=shown)
    grid = next((one for one in answered if one.grid and "value" in interview.answers[one.code]), None)
    is_over = interview.completed_at is not None or interview.declined_at is not None
    return View(
        interview=interview,
        end=end,
        relationship=relationship,
        title=script.title.get(shown.language[:2].lower() if reader is None else "en", script.title["en"]),
        listens=script.listens,
        minutes=script.minutes,
        ask=None if is_over or wanted is None else ask_of(wanted, interview.answers, belongs=belongs, shown=shown),
        lines=tuple(_line(one, interview, reader=reader, tied=tied, shown=shown) for one in answered),
        done=len(answered),
        total=len(belongs),
        said=said,
        reasons=tuple(label_of(code) for code in said.reasons),
        touch=shown.answered(grid, interview.answers[grid.code]["value"]) if grid else "",
        owed=tuple(words for words, is_guarded in said.owed if not is_guarded),
        is_close=is_close,
        ended_on=end.ended_on,
    )


def became(interview: ExitInterview, *, reader: User) -> Became:
    """What the answers of a finished interview became."""
    outcome: Mapping[str, Any] = interview.outcome
    tied = interviews.tied_staff(interview.breakup.relationship)
    script = interviews.script_of(interview)
    hidden = {
        one.code
        for one in script.questions
        if not interviews.may_read(one, interview, reader=reader, tied=tied)
    }  # fmt: skip
    promises = Promise.objects.filter(pk__in=outcome.get("promises", [])).select_related("made_by").order_by("pk")
    quiet_until, letter_on = outcome.get("quiet_until"), outcome.get("letter_on")
    others = outcome.get("plan", {}).get("others", {})
    return Became(
        promises=tuple(promises),
        consents=tuple(_consents(outcome.get("consents", []))),
        quiet_until=datetime.fromisoformat(quiet_until) if quiet_until else None,
        signs=tuple((sign["code"].replace("_", " "), sign["days"]) for sign in outcome.get("signs_seen", [])),
        plan=tuple((one["question"], one["answer"]) for code, one in others.items() if code not in hidden),
        letter_missing=tuple(outcome.get("letter_missing", [])),
        letter_on=date.fromisoformat(letter_on) if letter_on else None,
    )


def _consents(rows: list[dict[str, Any]]) -> list[tuple[str, str, bool, str]]:
    """One line a road: (road, purposes, whether it was given, why it was not opened)."""
    found: dict[tuple[str, bool, str], list[str]] = {}
    for row in rows:
        key = (Channel(row["channel"]).label, row["given"], row.get("why", ""))
        found.setdefault(key, []).append(TouchClass(row["purpose"]).label)
    return [(road, ", ".join(purposes), given, why) for (road, given, why), purposes in found.items()]


def _line(
    question: Question, interview: ExitInterview, *, reader: User | None, tied: frozenset[int], shown: Shown
) -> Line:
    kept = interview.answers[question.code]
    is_hidden = not interviews.may_read(question, interview, reader=reader, tied=tied)
    has_answer = "value" in kept and not is_hidden
    answer = shown.answered(question, kept["value"]) if has_answer else ""
    return Line(question.code, shown.said(question), answer, "skipped" in kept, is_hidden, question.is_sensitive)


def ask_of(question: Question, answers: Answers, *, belongs: Sequence[Question], shown: Shown) -> Ask:
    """One question as a form shows it, with what was answered before.

    belongs  all questions that are asked, in order: for the way back
    """
    value = answers.get(question.code, {}).get("value")
    touch: Mapping[str, Any] = value if isinstance(value, dict) else {}
    chosen = value if isinstance(value, list) else [value]
    codes = [one.code for one in belongs]
    place = codes.index(question.code)
    return Ask(
        code=question.code,
        kind=question.kind,
        text=shown.said(question),
        help=_of(question.help, shown) if question.help else "",
        most=question.most,
        longest=question.longest,
        is_sensitive=question.is_sensitive,
        is_about_staff=question.is_about_staff,
        words=value if isinstance(value, str) else "",
        options=tuple(Option(one.code, _of(one.text, shown), one.code in chosen) for one in question.choices),
        roads=_rows(question.grid.channels, shown, said=touch.get("channels", {})) if question.grid else (),
        topics=_rows(question.grid.topics, shown, chosen=touch.get("topics", ())) if question.grid else (),
        often=_rows(question.grid.often, shown, chosen=[touch.get("often")]) if question.grid else (),
        through=tuple(Option(str(pk), name, touch.get("through") == pk) for pk, name in shown.names.items())
        if question.grid
        else (),
        is_not_at_all=bool(touch.get("not_at_all")),
        not_before=touch.get("not_before", ""),
        parts=_parts(value) if question.kind == "date" and isinstance(value, str) else ("", "", ""),
        before=next((code for code in reversed(codes[:place]) if code in answers), ""),
    )


def _of(text: Text, shown: Shown) -> str:
    return said_in(text, language=shown.language, places=shown.places) or ""


def _rows(rows: tuple[Row, ...], shown: Shown, *, said: Any = None, chosen: Any = ()) -> tuple[Option, ...]:
    return tuple(
        Option(row.code, _of(row.text, shown), row.code in chosen, (said or {}).get(row.code, "")) for row in rows
    )


def _parts(value: str) -> tuple[str, str, str]:
    year, month, day = (*value.split("-"), "", "")[:3]
    return day.lstrip("0"), month.lstrip("0"), year
