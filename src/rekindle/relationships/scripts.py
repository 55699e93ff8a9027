"""Scripts of exit interviews, as data: what is asked, when, and what an answer becomes.

The files are `packs/interviews/*.yaml`, one a kind of business, checked by a schema and by `read` when they are read.
`core` holds the questions all are made from; the other scripts put them in their own order, with words and choices of
their own where theirs fit better. A branch is a plain comparison with an earlier answer, never code. Free of Django.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import jsonschema
import yaml

from rekindle.errors import BadInput
from rekindle.relationships.reasons import BY_CODE
from rekindle.relationships.vocabulary import Channel, Feeling, MilestoneKind, Terms, TouchClass, Wound

CORE: Final = "core"
LISTENING: Final = "listening"
THREE_QUESTIONS: Final = "three_questions"
"""Asked after the quiet, and never as an exit interview."""

OPEN, CHOICE_ONE, CHOICE_MANY, DATE = "open", "choice_one", "choice_many", "date"
FEELING, KEEP_IN_TOUCH, YES_NO = "feeling", "keep_in_touch", "yes_no"
YES, NO = "yes", "no"

SECONDS: Final = {OPEN: 25, CHOICE_ONE: 10, CHOICE_MANY: 12, DATE: 12, FEELING: 8, KEEP_IN_TOUCH: 35, YES_NO: 6}
"""What one answer takes somebody who knows it, in seconds. Our estimate; own interviews would change it."""
LONGEST_SECONDS: Final = 300
"""Nobody who leaves owes us more than five minutes. Domain rule."""

LONGEST: Final = {"competitor": 120, "return_condition": 200, "promise": 400, "goal": 400, "goal_reached": 400}
"""Characters, where the answer goes into a column of its own; each as wide as that column."""
LONGEST_WORDS: Final = 2_000
"""Characters of any other open answer: more than five minutes hold. Our choice."""

PLACES: Final = frozenset({"ended_on", "house", "staff", "first_day", "last_seen"})
"""What a question may say of the person. A question whose place is not known is not asked."""
LETTER_PLACES: Final = frozenset({"name", "house", "signer", "ended_on", "reason", "owner", "due_on"})

_PLACE: Final = re.compile(r"\{([^{}]*)\}")

Text = Mapping[str, str]
Answers = Mapping[str, Mapping[str, Any]]
"""Answers by code of their question: {"value": ..., "at": instant} or {"skipped": True, "at": instant}."""


@dataclass(frozen=True)
class Choice:
    """One answer to choose, and what it means where it means something."""

    code: str
    text: Text
    reason: str = ""
    wound: Wound | None = None
    terms: Terms | None = None


@dataclass(frozen=True)
class Condition:
    """Asked only if an earlier question was answered so; `answered` alone: at all (True) or not (False)."""

    question: str
    one_of: tuple[str, ...] = ()
    answered: bool | None = None

    def holds(self, answers: Answers) -> bool:
        value = answers.get(self.question, {}).get("value")
        if self.answered is not None:
            return (value is not None) is self.answered
        given = value if isinstance(value, list) else [value]
        return any(one in self.one_of for one in given)


@dataclass(frozen=True)
class Row:
    """One line of the keep-in-touch grid: a road, a subject with its purpose, or how often."""

    code: str
    text: Text
    purpose: TouchClass | None = None


@dataclass(frozen=True)
class Grid:
    channels: tuple[Row, ...]
    topics: tuple[Row, ...]
    often: tuple[Row, ...]


@dataclass(frozen=True)
class Question:
    """One question. `becomes` names what the answer turns into; empty: it is kept as an answer and nothing else."""

    code: str
    text: Text
    kind: str
    help: Text | None = None
    choices: tuple[Choice, ...] = ()
    most: int = 1
    when: str = ""
    grid: Grid | None = None
    is_sensitive: bool = False
    is_about_staff: bool = False
    ask_if: tuple[Condition, ...] = ()
    becomes: str = ""
    channel: Channel | None = None
    purpose: TouchClass | None = None
    milestone: MilestoneKind | None = None

    @property
    def longest(self) -> int:
        """Characters of an open answer."""
        return LONGEST.get(self.becomes, LONGEST_WORDS)

    @property
    def is_guarded(self) -> bool:
        """Whether only few may read the answer."""
        return self.is_sensitive or self.is_about_staff


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of the thank-you letter. One that is needed and cannot be filled in stops the letter."""

    text: Text
    is_needed: bool
    only_if: str


@dataclass(frozen=True)
class Script:
    code: str
    version: str
    title: Text
    industry: str
    listens: bool
    questions: tuple[Question, ...]
    letter: tuple[Paragraph, ...]

    def question(self, code: str) -> Question | None:
        return next((question for question in self.questions if question.code == code), None)

    @property
    def minutes(self) -> int:
        """At most so many minutes, whole, where every branch is asked."""
        return -(-sum(SECONDS[question.kind] for question in self.questions) // 60)


def said_in(text: Text, *, language: str, places: Mapping[str, str]) -> str | None:
    """The words in a language (English where the script has no others); None where a place cannot be filled in."""
    words = text.get(language[:2].lower(), text["en"])
    if any(not places.get(name) for name in _PLACE.findall(words)):
        return None
    return _PLACE.sub(lambda found: places[found[1]], words)


def asked(script: Script, answers: Answers, *, places: Mapping[str, str]) -> list[Question]:
    """The questions that belong to these answers, in order: branches that are closed and questions about what is not
    known are left out. An answer to a question that is not asked any more opens no branch."""
    here: dict[str, Mapping[str, Any]] = {}
    found = []
    for question in script.questions:
        if said_in(question.text, language="en", places=places) is None:
            continue
        if all(condition.holds(here) for condition in question.ask_if):
            found.append(question)
            if question.code in answers:
                here[question.code] = answers[question.code]
    return found


@cache
def scripts() -> Mapping[str, Script]:
    """The scripts of exit interviews that come with the product, by code. Raises BadInput as `read`."""
    return {code: script for code, script in _packs().items() if code != THREE_QUESTIONS}


def three_questions() -> Script:
    """What is asked once the quiet is over. Raises BadInput as `read`."""
    return _packs()[THREE_QUESTIONS]


@cache
def _packs() -> Mapping[str, Script]:
    folder = resources.files("rekindle.packs").joinpath("interviews")
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")}
    return read(files)


def read(files: Mapping[str, str]) -> dict[str, Script]:
    """Scripts from texts of YAML by file name.

    Raises BadInput naming the file and the place in it: not YAML, against the schema, a code given twice or not
    known, a branch that does not look back, a kind and an outcome that do not go together, over five minutes.
    """
    schema = json.loads(resources.files("rekindle.packs").joinpath("interviews", "schema.json").read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    raw = {name: _raw(name, files[name], checker=checker) for name in sorted(files)}
    core = next((one for one in raw.values() if one["script"] == CORE), None)
    if core is None:
        raise BadInput("there is no core script", where="interviews", remedy=f"Add a file for {CORE!r}.")
    shared = {question["code"]: question for question in core["questions"] if "code" in question}
    found: dict[str, Script] = {}
    for name, one in raw.items():
        if one["script"] in found:
            raise BadInput(f"script {one['script']} is described twice", where=f"interviews/{name}")
        found[one["script"]] = _script(name, one, shared=shared, letter=one.get("letter") or core.get("letter") or [])
    return found


def _raw(name: str, text: str, *, checker: jsonschema.Draft202012Validator) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput("not YAML: " + " ".join(str(error).split()), where=f"interviews/{name}") from error
    wrong = next(iter(sorted(checker.iter_errors(raw), key=lambda error: list(map(str, error.absolute_path)))), None)
    if wrong is not None:
        path = ".".join(map(str, wrong.absolute_path)) or "the whole file"
        raise BadInput(wrong.message[:400], where=f"interviews/{name}: {path}")
    return dict(raw)


def _script(
    name: str, raw: Mapping[str, Any], *, shared: Mapping[str, Mapping[str, Any]], letter: Sequence[Mapping[str, Any]]
) -> Script:
    questions: list[Question] = []
    for one in raw["questions"]:
        if "use" in one:
            if one["use"] not in shared:
                raise BadInput(f"the core has no question {one['use']!r}", where=f"interviews/{name}")
            one = {**shared[one["use"]], **{key: value for key, value in one.items() if key != "use"}}
            # A branch of the core on a question that this script leaves out is open here.
            if "ask_if" in one:
                known = {question.code for question in questions}
                one["ask_if"] = [rule for rule in one["ask_if"] if rule["question"] in known or rule not in
                                 shared[one["code"]].get("ask_if", [])]  # fmt: skip
        question = _question(one)
        _check(question, before=questions, where=f"interviews/{name}: {question.code}")
        questions.append(question)
    script = Script(
        raw["script"], raw["version"], raw["title"], raw["industry"], raw.get("listens", False), tuple(questions),
        tuple(Paragraph(one["text"], one.get("needed", False), one.get("only_if", "")) for one in letter),
    )  # fmt: skip
    seconds = sum(SECONDS[question.kind] for question in questions)
    if seconds > LONGEST_SECONDS:
        raise BadInput(
            f"all questions together take about {seconds} seconds", where=f"interviews/{name}",
            remedy=f"Keep them within {LONGEST_SECONDS}; who leaves owes us no more.",
        )  # fmt: skip
    for paragraph in script.letter:
        _check_places(paragraph.text, known=LETTER_PLACES, where=f"interviews/{name}: letter")
    return script


def _question(raw: Mapping[str, Any]) -> Question:
    grid, consent = raw.get("grid"), raw.get("consent", {})
    return Question(
        code=raw["code"],
        text=raw["text"],
        kind=raw["kind"],
        help=raw.get("help"),
        choices=tuple(_choice(one) for one in raw.get("choices", ())),
        most=raw.get("most", 1),
        when=raw.get("when", ""),
        grid=Grid(*(_rows(grid[part]) for part in ("channels", "topics", "often"))) if grid else None,
        is_sensitive=raw.get("sensitive", False),
        is_about_staff=raw.get("about_staff", False),
        ask_if=tuple(_condition(one) for one in raw.get("ask_if", ())),
        becomes=raw.get("becomes", ""),
        channel=Channel(consent["channel"]) if consent else None,
        purpose=TouchClass(consent["purpose"]) if consent else None,
        milestone=MilestoneKind(raw["milestone"]) if "milestone" in raw else None,
    )


def _choice(raw: Mapping[str, Any]) -> Choice:
    return Choice(
        raw["code"], raw["text"], raw.get("reason", ""),
        Wound(raw["wound"]) if "wound" in raw else None, Terms(raw["terms"]) if "terms" in raw else None,
    )  # fmt: skip


def _condition(raw: Mapping[str, Any]) -> Condition:
    one_of = (raw["equals"],) if "equals" in raw else tuple(raw.get("one_of", ()))
    return Condition(raw["question"], one_of, raw.get("answered"))


def _rows(raw: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    return tuple(Row(one["code"], one["text"], TouchClass(one["purpose"]) if "purpose" in one else None) for one in raw)


_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "willing": frozenset({YES_NO}), "consent": frozenset({YES_NO}), "milestone_consent": frozenset({YES_NO}),
    "reason": frozenset({CHOICE_ONE, CHOICE_MANY}), "wound": frozenset({CHOICE_ONE}), "feeling": frozenset({FEELING}),
    "first_doubt": frozenset({DATE}), "expected_return": frozenset({DATE}),
    "keep_in_touch": frozenset({KEEP_IN_TOUCH}), "plan": frozenset({OPEN, CHOICE_ONE, CHOICE_MANY, YES_NO}),
    **dict.fromkeys(
        ("verbatim", "competitor", "return_condition", "promise", "goal", "goal_reached"), frozenset({OPEN})
    ),
}  # fmt: skip
"""Which kinds of question may become what."""


def _check(question: Question, *, before: Sequence[Question], where: str) -> None:
    """What a schema cannot say. Raises BadInput."""
    if any(question.code == one.code for one in before):
        raise BadInput("this code is asked twice", where=where)
    if question.becomes and question.kind not in _KINDS[question.becomes]:
        raise BadInput(f"a question of kind {question.kind} cannot become {question.becomes}", where=where)
    if question.is_guarded and question.becomes in ("verbatim", "reason"):
        raise BadInput("what only few may read cannot become words on the end", where=where)
    wanted = {
        "choices": (question.kind in (CHOICE_ONE, CHOICE_MANY, FEELING), bool(question.choices)),
        "a grid": (question.kind == KEEP_IN_TOUCH, question.grid is not None),
        "past or future": (question.kind == DATE, bool(question.when)),
        "a consent": (question.becomes == "consent", question.channel is not None),
        "a milestone": (question.becomes == "milestone_consent", question.milestone is not None),
    }
    for what, (needs, has) in wanted.items():
        if needs is not has:
            raise BadInput(f"it {'lacks' if needs else 'has no use for'} {what}", where=where)
    _check_choices(question, where=where)
    _check_places(question.text, known=PLACES, where=where)
    for condition in question.ask_if:
        earlier = next((one for one in before if one.code == condition.question), None)
        if earlier is None:
            raise BadInput(f"it branches on {condition.question!r}, which is not asked before it", where=where)
        known = {choice.code for choice in earlier.choices} | ({YES, NO} if earlier.kind == YES_NO else set())
        if strange := set(condition.one_of) - known:
            raise BadInput(f"{earlier.code!r} has no answer {min(strange)!r}", where=where)


def _check_choices(question: Question, *, where: str) -> None:
    codes = [choice.code for choice in question.choices]
    if len(set(codes)) < len(codes):
        raise BadInput("a choice is given twice", where=where)
    if question.kind == FEELING and not set(codes) <= {word.value for word in Feeling}:
        raise BadInput("a feeling is not one of the vocabulary", where=where)
    for choice in question.choices:
        if choice.reason and choice.reason not in BY_CODE:
            raise BadInput(f"{choice.reason!r} is not a reason", where=where, remedy="Choose from docs/endings.md.")
        if choice.reason and question.becomes != "reason":
            raise BadInput(f"the choice {choice.code!r} has a reason nobody would read", where=where)


def _check_places(text: Text, *, known: frozenset[str], where: str) -> None:
    if strange := {name for words in text.values() for name in _PLACE.findall(words)} - known:
        raise BadInput(f"{{{min(strange)}}} is nothing that can be filled in", where=where)
