"""Playbooks as data: a plan of touches for one occasion. `packs/playbooks/*.yaml`, or a business's own, one schema.

A plan says who enters, on which occasion, what is done after how many days, and what makes somebody leave at once. It
never says that a touch is allowed: every step asks the rules of contact when its day has come.

The woo family holds back more than others: 3 to 6 touches, 21 days between any two, nothing promotional before the
fourth and then only to somebody who answered, and whoever replies, says no, complains, returns or is closed is out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import jsonschema
import yaml

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel, Suggestion, TouchClass
from rekindle.words import Word

WOO: Final = "woo"
WOO_TOUCHES: Final = (3, 6)
WOO_GAP_DAYS: Final = 21
WOO_OFFER_FROM: Final = 4  # the first touch that may be promotional (domain, C7)
EXPIRES_DAYS: Final = 14  # our choice: a touch that waited two weeks for its turn has missed it
LONGEST_DAYS: Final = 1100  # three years: nobody plans touches further ahead
LARGEST: Final = 60_000  # letters of one plan; ours have under 4,000


class Occasion(Word):
    """What a plan begins with."""

    BREAKUP = "breakup", "the day they left"
    AFTER_QUIET = "after_quiet", "the quiet after an end is over"
    RETURNED = "returned", "the day they came back"
    FIRST_DAY = "first_day", "their first day"
    STAGE = "stage", "the day a stage began"
    MILESTONE = "milestone", "a day to remember"
    SEASON = "season", "a day of the season"
    FIXED = "fixed", "something they told us about is fixed"
    ASKED_LATER = "asked_later", "the day they asked us to wait for"
    ROLE = "role", "the day a role began"
    MONTHLY = "monthly", "every so many months"


class Do(Word):
    """What a step does."""

    MAIL = "mail", "e-mail"
    TEXT = "text", "text message"
    CARD = "card", "letter or card"
    TASK = "task", "task for a human"
    SILENCE = "silence", "deliberately nothing"


class OnlyIf(Word):
    """For whom a step is: an answer, a click of a human, or feedback since they entered counts as engaged."""

    ALWAYS = "always", "for everybody"
    ENGAGED = "engaged", "only for those who answered"
    NOT_ENGAGED = "not_engaged", "only for those who have not answered"


class Exit(Word):
    """What makes somebody leave a plan at once, also while it waits."""

    REPLIED = "replied", "they replied"
    OPTED_OUT = "opted_out", "they said no"
    COMPLAINED = "complained", "they complained about a mail"
    RETURNED = "returned", "they came back"
    ENDED = "ended", "they left"
    CLOSED = "closed", "closed for good"
    DECEASED = "deceased", "they died"
    BOUNCED = "bounced", "their address no longer works"
    NOT_WHERE = "not_where", "the plan is no longer for them"


class Season(Word):
    """A day of the season, by the calendar of the country where somebody lives."""

    NEW_YEAR = "new_year", "New Year's Day"
    CHRISTMAS = "christmas", "Christmas Day"
    EASTER = "easter", "Easter"


WOO_EXITS: Final = frozenset({Exit.REPLIED, Exit.OPTED_OUT, Exit.COMPLAINED, Exit.RETURNED, Exit.CLOSED})
WRITTEN: Final = frozenset({Do.MAIL, Do.TEXT, Do.CARD})
"""Steps that say a letter."""
_CHANNELS: Final[Mapping[Do, Channel]] = {Do.MAIL: Channel.EMAIL, Do.TEXT: Channel.SMS, Do.CARD: Channel.LETTER}
_ROADS: Final[Mapping[Suggestion, Channel]] = {
    Suggestion.CALL: Channel.CALL,
    Suggestion.CARD: Channel.LETTER,
    Suggestion.CHEER: Channel.SOCIAL,
    Suggestion.ANSWER: Channel.EMAIL,
}
"""The road of a task, where its name tells it; else the human who does it chooses, and it counts as in person."""


@dataclass(frozen=True)
class Where:
    """Whom a plan is for; empty: no such condition. Words of `relationships.vocabulary`, reasons of the interviews."""

    stage: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    not_terms: tuple[str, ...] = ()
    want_back: tuple[str, ...] = ()
    breakup_kinds: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
    lives_at_least: int | None = None


@dataclass(frozen=True)
class Enter:
    """When somebody enters.

    days          after the occasion; negative: before it
    within_days   an occasion longer ago than days + within_days is not entered any more
    season        for `on: season`; every_months, 1 to 24, for `on: monthly`: each person has a month of their own
    """

    on: Occasion
    days: int
    within_days: int
    where: Where = field(default_factory=Where)
    season: Season | None = None
    every_months: int = 1


@dataclass(frozen=True)
class Step:
    """One step. `number` counts from 0; `wait_days` from the step before, for the first from entering."""

    number: int
    wait_days: int
    do: Do
    letter: str = ""
    task: Suggestion | None = None
    line: Mapping[str, str] = field(default_factory=dict)
    touch_class: TouchClass | None = None
    only_if: OnlyIf = OnlyIf.ALWAYS
    expires_days: int = EXPIRES_DAYS

    @property
    def is_touch(self) -> bool:
        """Whether somebody hears from us by it."""
        return self.do is not Do.SILENCE

    @property
    def channel(self) -> Channel | None:
        """The road it takes, None for silence."""
        if self.do is Do.TASK:
            return _ROADS.get(self.task, Channel.IN_PERSON) if self.task else Channel.IN_PERSON
        return _CHANNELS.get(self.do)


@dataclass(frozen=True)
class Plan:
    """One plan. title and about by language, English always among them; `body` is what was read, as plain JSON."""

    code: str
    version: str
    family: str
    title: Mapping[str, str]
    about: Mapping[str, str]
    enter: Enter
    leave: tuple[Exit, ...]
    steps: tuple[Step, ...]
    body: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def said(self, what: str, language: str) -> str:
        """The title or what it is about, in a language, in English where there is none."""
        words: Mapping[str, str] = getattr(self, what)
        return words.get(language, words["en"])

    @property
    def letters(self) -> tuple[str, ...]:
        """The codes of the letters it uses, each once."""
        return tuple(dict.fromkeys(step.letter for step in self.steps if step.letter))


def read(text: str, *, name: str = "this playbook") -> Plan:
    """A plan from YAML. Raises BadInput naming the file and the place in it, and what to write instead."""
    if len(text) > LARGEST:
        raise BadInput(f"it has {len(text):,} letters", where=name, remedy=f"Keep a playbook under {LARGEST:,}.")
    try:
        raw: Any = yaml.load(text, Loader=_Loader)  # noqa: S506  # the safe loader, with fewer words for yes and no
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that no calendar has is a ValueError
        mark = getattr(error, "problem_mark", None)
        line = f": line {mark.line + 1}" if mark else ""
        raise BadInput("it is not YAML", where=f"{name}{line}", remedy="Check its indents and quotes.") from error
    return plan_of(raw, name=name)


def plan_of(raw: Any, *, name: str = "this playbook") -> Plan:
    """A plan from plain JSON, as the books keep it. Raises BadInput as `read` does."""
    fault = next(iter(sorted(_checker().iter_errors(raw), key=lambda one: list(map(str, one.path)))), None)
    if fault is not None:
        remedy = "Write it as packs/playbooks/schema.json says."
        raise BadInput(_short(fault.message), where=f"{name}: {_place(fault.path)}", remedy=remedy)
    enter = raw["enter"]
    where = {
        key: tuple(map(str, value)) for key, value in (enter.get("where") or {}).items() if isinstance(value, list)
    }
    lives = (enter.get("where") or {}).get("lives_at_least")
    plan = Plan(
        code=raw["playbook"],
        version=raw["version"],
        family=raw.get("family", ""),
        title=raw["title"],
        about=raw["about"],
        enter=Enter(
            Occasion(enter["on"]),
            enter.get("days", 0),
            enter.get("within_days", 14),
            Where(**where, lives_at_least=lives),
            Season(enter["season"]) if "season" in enter else None,
            enter.get("every_months", 1),
        ),
        leave=tuple(Exit(word) for word in raw["leave"]),
        steps=tuple(_step(number, step) for number, step in enumerate(raw["steps"])),
        body=raw,
    )
    faults = check(plan)
    if faults:
        raise BadInput(faults[0][1], where=f"{name}: {faults[0][0]}", remedy=faults[0][2])
    return plan


Fault = tuple[str, str, str]
"""(place, what is wrong there, what to do)."""


def check(
    plan: Plan, *, classes: Mapping[str, TouchClass] | None = None, texts: Collection[str] | None = None
) -> list[Fault]:
    """What is wrong with a plan beyond its form, the first first; empty where nothing is.

    classes  the class of each letter there is; None: letters are not looked up, as they may be written later
    texts    the letters that have words for a text message; None: not looked up
    """
    found: list[Fault] = []
    enter = plan.enter
    if (enter.on is Occasion.SEASON) != (enter.season is not None):
        found.append(("enter.season", "a season goes with “on: season”, and only with it", "Name it, or take it out."))
    if enter.on is Occasion.STAGE and not enter.where.stage:
        found.append(("enter.where.stage", "no stage is named", "Say which stage begins."))
    if enter.on is Occasion.ROLE and not enter.where.roles:
        found.append(("enter.where.roles", "no role is named", "Say which roles."))
    if enter.where.milestones and enter.on is not Occasion.MILESTONE:
        found.append(("enter.where.milestones", "only “on: milestone” has days to remember", "Take it out."))
    if enter.days < 0 and enter.on not in (Occasion.MILESTONE, Occasion.SEASON):
        found.append(("enter.days", f"{enter.days} days before what nobody foresees", "Give 0 or more."))
    for step in plan.steps:
        found += _step_faults(step, classes, texts)
    if plan.family == WOO:
        found += _woo_faults(plan, classes or {})
    return found


def _step(number: int, raw: Mapping[str, Any]) -> Step:
    return Step(
        number,
        raw["wait_days"],
        Do(raw["do"]),
        raw.get("letter", ""),
        Suggestion(raw["task"]) if "task" in raw else None,
        raw.get("line", {}),
        TouchClass(raw["class"]) if "class" in raw else None,
        OnlyIf(raw.get("only_if", "always")),
        raw.get("expires_days", EXPIRES_DAYS),
    )


def _step_faults(step: Step, classes: Mapping[str, TouchClass] | None, texts: Collection[str] | None) -> list[Fault]:
    """A letter's class is the letter's; where letters are looked up, the class in the plan must agree with it."""
    place, found = f"steps.{step.number}", []
    if step.do in WRITTEN:
        if not step.letter:
            found.append((f"{place}.letter", f"a {step.do.label} says nothing", "Name the letter."))
        elif classes is not None and step.letter not in classes:
            found.append((f"{place}.letter", f"there is no letter {step.letter!r}", "Write it first, or name another."))
        elif classes is not None and step.touch_class not in (None, classes[step.letter]):
            of = classes[step.letter].value
            found.append((f"{place}.class", f"the letter is of the class {of}", "Leave the class to the letter."))
        elif step.do is Do.TEXT and texts is not None and step.letter not in texts:
            what = f"the letter {step.letter!r} has no words for a text message"
            found.append((f"{place}.letter", what, "Write them into the letter, or send it as a mail."))
    elif step.letter:
        found.append((f"{place}.letter", f"{step.do.label} takes no letter", "Take it out."))
    if step.do is Do.TASK:
        if step.task in (None, Suggestion.NOTHING):
            found.append((f"{place}.task", "a task asks for nothing", "Name what to do: call, card, cheer, ..."))
        if step.touch_class is None:
            found.append((f"{place}.class", "a task has no class", "Say what it is for: service, relationship, ..."))
        elif step.touch_class is TouchClass.PROMOTIONAL:
            found.append((f"{place}.class", "no human is sent to sell", "Give it another class."))
    elif step.task is not None:
        found.append((f"{place}.task", f"{step.do.label} is no task", "Take it out."))
    return found


def _woo_faults(plan: Plan, classes: Mapping[str, TouchClass]) -> list[Fault]:
    found: list[Fault] = []
    lacking = [word.value for word in Exit if word in WOO_EXITS and word not in plan.leave]
    if lacking:
        found.append(("leave", f"whoever woos stops for {', '.join(lacking)}", "Add them."))
    touches = [step for step in plan.steps if step.is_touch]
    low, high = WOO_TOUCHES
    if not low <= len(touches) <= high:
        found.append(("steps", f"{len(touches)} touches", f"Plan {low} to {high}."))
    waited = WOO_GAP_DAYS
    for step in plan.steps:
        waited += step.wait_days
        if not step.is_touch:
            continue
        if waited < WOO_GAP_DAYS and step is not touches[0]:
            what = f"{waited} days after the touch before"
            found.append((f"steps.{step.number}.wait_days", what, f"Leave {WOO_GAP_DAYS} days between touches."))
        waited = 0
        if (classes.get(step.letter) or step.touch_class) is TouchClass.PROMOTIONAL:
            place = touches.index(step) + 1
            if place < WOO_OFFER_FROM or step is not touches[-1] or step.only_if is not OnlyIf.ENGAGED:
                remedy = f"An offer may only be the last touch, the {WOO_OFFER_FROM}th or later, with only_if: engaged."
                found.append((f"steps.{step.number}", f"something promotional as touch {place}", remedy))
    return found


class _Loader(yaml.SafeLoader):
    """The safe loader, to which only true and false are yes and no: `on` is a key here, and `yes` a word."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=1)
def _checker() -> jsonschema.Draft202012Validator:
    file = resources.files("rekindle.packs").joinpath("playbooks", "schema.json")
    return jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def packs() -> tuple[Plan, ...]:
    """The plans that come with the product, by their code. Raises BadInput naming the file and the place in it."""
    folder = resources.files("rekindle.packs").joinpath("playbooks")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    found = []
    for file in files:
        plan = read(file.read_text(encoding="utf-8"), name=file.name)
        if file.name != f"{plan.code}.yaml":
            raise BadInput(f"it is the playbook {plan.code!r}", where=file.name, remedy="Name the file after it.")
        found.append(plan)
    return tuple(found)


def _place(path: Any) -> str:
    return ".".join(map(str, path)) or "the whole"


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:197]}..."
