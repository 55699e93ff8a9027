"""What an answer in an exit interview may be, how it reads, and what all answers together say. Free of Django.

An answer is kept as plain JSON:

    open           text                                choice_one, feeling   the code of a choice
    choice_many    codes, in the order chosen          yes_no                "yes" or "no"
    date           "2026", "2026-03" or "2026-03-14": as much as they remember
    keep_in_touch  {"not_at_all": true}, or {"channels": {road: "yes" or "no"}, "topics": [..], "often": code,
                   "through": number of a member of staff, "not_before": day}, each part only where it was given
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from rekindle.errors import BadInput
from rekindle.relationships import scripts
from rekindle.relationships.reasons import BY_CODE, MOST
from rekindle.relationships.scripts import Answers, Choice, Grid, Question, Row, Script
from rekindle.relationships.vocabulary import Channel, Feeling, MilestoneKind, Terms, TouchClass, Wound

EARLIEST_YEAR: Final = 1950
LATEST_YEARS_AHEAD: Final = 5
NOT_BEFORE_YEARS: Final = 3
"""Who wants to hear nothing for longer wants to hear nothing. As in `workflows.cooling_off`."""

_GRAVITY: Final = tuple(Wound)
_WORSE: Final = tuple(Terms)
_GOALS: Final = ("goal", "goal_reached")


@dataclass(frozen=True)
class Wish:
    """One word about one road and purpose, with the exact words that were shown and what was answered."""

    channel: Channel
    purpose: TouchClass
    is_given: bool
    proof: str


@dataclass(frozen=True)
class Kept:
    """An answer that is part of the plan: the question, the answer in words, and whether only few may read it."""

    question: str
    answer: str
    is_guarded: bool


@dataclass(frozen=True)
class Heard:
    """What the answers say, before anything is written. Nothing here is guessed.

    reason_words   the first reason in the words they chose
    would_not_say  they were asked why and passed over it every time
    owed, goals    (words, whether only few may read them), (words, whether they reached it)
    touch          their keep-in-touch answer as it is kept; None where they gave none
    """

    reasons: tuple[str, ...] = ()
    reason_words: str = ""
    would_not_say: bool = False
    words: tuple[str, ...] = ()
    competitor: str = ""
    feeling: Feeling = Feeling.NOT_TOLD
    wound: Wound = Wound.NONE
    terms: Terms | None = None
    first_doubt: str = ""
    return_condition: str = ""
    expected_return_on: date | None = None
    owed: tuple[tuple[str, bool], ...] = ()
    goals: tuple[tuple[str, bool], ...] = ()
    touch: Mapping[str, Any] | None = None
    wishes: tuple[Wish, ...] = ()
    milestones: tuple[tuple[MilestoneKind, bool], ...] = ()
    plan: Mapping[str, Kept] = field(default_factory=dict)


def tidy(question: Question, value: Any, *, today: date, staff: Sequence[int] = ()) -> Any:
    """The answer as it is kept. Raises BadInput, in words for the one who answers, for what cannot be one.

    today  the day it is for the person
    staff  numbers of those of us whom a person may name as the one to keep in touch through
    """
    match question.kind:
        case scripts.OPEN:
            return _words(question, value)
        case scripts.CHOICE_ONE | scripts.FEELING:
            return _one_of(value, [choice.code for choice in question.choices])
        case scripts.YES_NO:
            return _one_of(value, [scripts.YES, scripts.NO])
        case scripts.CHOICE_MANY:
            return _several(question, value)
        case scripts.DATE:
            return _about_when(value, when=question.when, today=today)
        case _:
            if question.grid is None or not isinstance(value, Mapping):
                raise BadInput("this is no answer to that question", remedy="Choose from the lines shown.")
            return _touch(question.grid, value, today=today, staff=staff)


def _words(question: Question, value: Any) -> str:
    text = value if isinstance(value, str) else ""
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not text:
        raise BadInput("there are no words yet", remedy="Write a few, or leave the question out.")
    if len(text) > question.longest:
        raise BadInput(f"that is {len(text):,} characters", remedy=f"Please keep it within {question.longest:,}.")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadInput("some of that cannot be kept as text", remedy="Please write it anew.")
    return text


def _one_of(value: Any, codes: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in codes:
        raise BadInput("nothing is chosen", remedy="Choose one of the answers, or leave the question out.")
    return value


def _several(question: Question, value: Any) -> list[str]:
    codes = [choice.code for choice in question.choices]
    given = list(dict.fromkeys(value)) if isinstance(value, list) and all(isinstance(one, str) for one in value) else []
    if not given or not set(given) <= set(codes):
        raise BadInput("nothing is chosen", remedy="Choose from the answers, or leave the question out.")
    if len(given) > question.most:
        raise BadInput(f"{len(given)} are chosen", remedy=f"Please keep the {question.most} that weighed most.")
    return given


def _about_when(value: Any, *, when: str, today: date) -> str:
    first, last = span(value if isinstance(value, str) else "")
    if when == "past" and not (first.year >= EARLIEST_YEAR and first <= today):
        raise BadInput("that day has not come yet", remedy="Give a time that has been, or leave it out.")
    if when == "future" and not (last >= today and first.year <= today.year + LATEST_YEARS_AHEAD):
        raise BadInput("that is past, or very far away", remedy="Give a time within the next five years.")
    return str(value)


def span(text: str) -> tuple[date, date]:
    """First and last day of "2026", "2026-03" or "2026-03-14". Raises BadInput for what no calendar has."""
    parts = text.split("-")
    try:
        if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
            raise ValueError(text)
        year, *rest = (int(part) for part in parts)
        if not rest:
            return date(year, 1, 1), date(year, 12, 31)
        month, *day = rest
        if not day:
            return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        (one,) = day
        return date(year, month, one), date(year, month, one)
    except (ValueError, calendar.IllegalMonthError) as error:
        raise BadInput("no calendar has that day", remedy="A year is enough, or a month and a year.") from error


def _touch(grid: Grid, value: Mapping[str, Any], *, today: date, staff: Sequence[int]) -> dict[str, Any]:
    """The keep-in-touch answer, each part only where it was given."""
    if value.get("not_at_all"):
        return {"not_at_all": True}
    channels, chosen = value.get("channels") or {}, value.get("topics") or ()
    known = {row.code for row in grid.channels}
    is_read = isinstance(channels, Mapping) and isinstance(chosen, list | tuple)
    if not is_read or not set(channels) <= known or any(word not in ("yes", "no") for word in channels.values()):
        raise BadInput("this is no answer to that question", remedy="Choose from the lines shown.")
    topics = [row.code for row in grid.topics if row.code in chosen]
    kept: dict[str, Any] = {}
    if channels:
        kept["channels"] = {row.code: channels[row.code] for row in grid.channels if row.code in channels}
    if "yes" in channels.values() and not topics:
        raise BadInput("it is not said about what we may write", remedy="Choose at least one subject.")
    if topics and "yes" not in channels.values():
        raise BadInput(
            "it is not said how we may reach you", remedy="Say yes to one of the ways, or choose no subject."
        )
    if topics:
        kept["topics"] = topics
    if value.get("often"):
        kept["often"] = _one_of(value["often"], [row.code for row in grid.often])
    if value.get("through") is not None:
        if value["through"] not in staff:
            raise BadInput("nobody of that name is with us", remedy="Choose one of the names shown.")
        kept["through"] = value["through"]
    if value.get("not_before"):
        kept["not_before"] = _not_before(value["not_before"], today=today)
    if not kept:
        raise BadInput("nothing is chosen", remedy="Say yes or no to one of the ways, or leave the question out.")
    return kept


def _not_before(value: Any, *, today: date) -> str:
    try:
        day = date.fromisoformat(str(value))
    except ValueError as error:
        raise BadInput("that is no day", remedy="Write it as 2026-03-31.") from error
    if not today < day or day.year > today.year + NOT_BEFORE_YEARS:
        raise BadInput("that day is past, or very far away", remedy="Choose a day within the next three years.")
    return day.isoformat()


def in_words(question: Question, value: Any, *, language: str = "en", names: Mapping[int, str] | None = None) -> str:
    """An answer as people read it.

    names  of members of staff, for "through whom"
    """
    if question.kind in (scripts.CHOICE_ONE, scripts.FEELING, scripts.CHOICE_MANY):
        codes = value if isinstance(value, list) else [value]
        return ", ".join(_label(choice, language) for choice in question.choices if choice.code in codes)
    if question.kind == scripts.DATE:
        return _when_in_words(value, language=language)
    if question.kind == scripts.YES_NO:
        return _word(value, language)
    if question.grid is None:
        return str(value)
    return "; ".join(_touch_parts(question.grid, value, language=language, names=names or {}))


def _label(one: Choice | Row, language: str) -> str:
    return one.text.get(language[:2].lower(), one.text["en"])


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "yes": "ja", "no": "nein", "not at all": "gar nicht", "about": "über", "and": "und", "through": "durch",
        "one of us": "jemanden von uns", "not before": "nicht vor",
    },
}  # fmt: skip
"""The few words between the answers, in each language that questions are asked in besides English."""
_MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember"),
}  # fmt: skip


def _word(word: str, language: str) -> str:
    return _WORDS.get(language[:2].lower(), {}).get(word, word)


def _when_in_words(text: str, *, language: str) -> str:
    first, last = span(text)
    names = _MONTHS.get(language[:2].lower())
    month = names[first.month - 1] if names else f"{first:%B}"
    if first == last:
        return f"{first.day}{'.' if names else ''} {month} {first:%Y}"
    return f"{first:%Y}" if first.month != last.month else f"{month} {first:%Y}"


def _touch_parts(grid: Grid, value: Mapping[str, Any], *, language: str, names: Mapping[int, str]) -> list[str]:
    if value.get("not_at_all"):
        return [_word("not at all", language)]
    said: Mapping[str, str] = value.get("channels", {})
    parts = [f"{_label(row, language)}: {_word(said[row.code], language)}" for row in grid.channels if row.code in said]
    about = [_label(row, language) for row in grid.topics if row.code in value.get("topics", ())]
    often = [_label(row, language) for row in grid.often if row.code == value.get("often")]
    both = f" {_word('and', language)} "
    parts += [f"{_word('about', language)} {both.join(about)}"] if about else []
    parts += often
    if "through" in value:
        parts.append(f"{_word('through', language)} {names.get(value['through'], _word('one of us', language))}")
    if "not_before" in value:
        day = _when_in_words(value["not_before"], language=language)
        parts.append(f"{_word('not before', language)} {day}")
    return parts


@dataclass(frozen=True)
class Shown:
    """What the questions were filled in with when they were shown: language, places, names of staff by number."""

    places: Mapping[str, str]
    language: str = "en"
    names: Mapping[int, str] = field(default_factory=dict)

    def said(self, question: Question) -> str:
        return scripts.said_in(question.text, language=self.language, places=self.places) or ""

    def answered(self, question: Question, value: Any) -> str:
        return in_words(question, value, language=self.language, names=self.names)


def heard(script: Script, answers: Answers, *, shown: Shown) -> Heard:
    """What the answers to the questions that belong to them say; answers of branches closed since say nothing."""
    given = [
        (question, answers[question.code].get("value"))
        for question in scripts.asked(script, answers, places=shown.places)
        if question.code in answers
    ]
    told = [(question, value) for question, value in given if value is not None]
    by: dict[str, list[tuple[Question, Any]]] = {}
    for question, value in told:
        by.setdefault(question.becomes, []).append((question, value))

    def only(becomes: str) -> str:
        return str(by[becomes][-1][1]) if becomes in by else ""

    chosen = [_chosen(question, value) for question, value in told]
    picked = [choice for some in chosen for choice in some]
    touches = by.get("keep_in_touch", [])
    return Heard(
        reasons=_ranked(picked),
        reason_words=next((_label(choice, shown.language) for choice in picked if choice.reason), ""),
        would_not_say="reason" not in by and any(question.becomes == "reason" for question, _ in given),
        words=tuple(value for _, value in by.get("verbatim", ())),
        competitor=only("competitor"),
        feeling=Feeling(only("feeling") or Feeling.NOT_TOLD.value),
        wound=max((choice.wound for choice in picked if choice.wound), key=_GRAVITY.index, default=Wound.NONE),
        terms=max((choice.terms for choice in picked if choice.terms), key=_WORSE.index, default=None),
        first_doubt=only("first_doubt"),
        return_condition=only("return_condition"),
        expected_return_on=span(only("expected_return"))[1] if "expected_return" in by else None,
        owed=tuple((value, question.is_guarded) for question, value in by.get("promise", ())),
        goals=tuple((value, which == "goal_reached") for which in _GOALS for _, value in by.get(which, ())),
        touch=touches[-1][1] if touches else None,
        wishes=tuple(wish for question, value in told for wish in wishes(question, value, shown=shown)),
        milestones=tuple(
            (question.milestone, value == scripts.YES)
            for question, value in by.get("milestone_consent", ())
            if question.milestone is not None
        ),
        plan={
            question.code: Kept(shown.said(question), shown.answered(question, value), question.is_guarded)
            for question, value in by.get("plan", ())
        },
    )  # fmt: skip


def _chosen(question: Question, value: Any) -> list[Choice]:
    codes = value if isinstance(value, list) else [value]
    return sorted((one for one in question.choices if one.code in codes), key=lambda one: codes.index(one.code))


def _ranked(picked: Sequence[Choice]) -> tuple[str, ...]:
    """Up to three reasons, the one asked for first at the head; "not known" only where it stands alone."""
    codes = list(dict.fromkeys(choice.reason for choice in picked if choice.reason))
    known = [code for code in codes if BY_CODE[code].push != "unknown"]
    return tuple((known or codes[:1])[:MOST])


WITHDRAWN_MEANS: Final = (
    TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.PROMOTIONAL, TouchClass.RESEARCH, TouchClass.REFERRAL_ASK,
)  # fmt: skip
"""A no to a road is a no to everything that starts with us; what we owe by law or contract still passes."""


def wishes(question: Question, value: Any, *, shown: Shown) -> tuple[Wish, ...]:
    """What one answer says about being written to; empty for other questions.

    The proof is the question as it was shown and the answer in words.
    """
    if question.becomes == "consent" and question.channel is not None and question.purpose is not None:
        proof = f"{shown.said(question)} {value}"
        # A no to one e-mail is no objection to all of that kind: it gives nothing and takes nothing away.
        return (Wish(question.channel, question.purpose, True, proof),) if value == scripts.YES else ()
    if question.grid is None:
        return ()
    proof = f"{shown.said(question)} {shown.answered(question, value)}"
    if value.get("not_at_all"):
        roads = [channel for channel in Channel if channel is not Channel.IN_PERSON]
        return tuple(Wish(channel, purpose, False, proof) for channel in roads for purpose in WITHDRAWN_MEANS)
    found = []
    for road, word in value.get("channels", {}).items():
        if word == "no":
            found += [Wish(Channel(road), purpose, False, proof) for purpose in WITHDRAWN_MEANS]
        else:
            found += [Wish(Channel(road), row.purpose, True, proof) for row in question.grid.topics
                      if row.purpose and row.code in value.get("topics", ())]  # fmt: skip
    return tuple(found)
