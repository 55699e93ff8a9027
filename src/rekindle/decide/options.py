"""What may be suggested for one person, as one table: kind of touch, roads, stages, minutes, prior effect, harm.

`effect` is the share of the value at stake that the touch is believed to keep; `harm` the share of all the value to
come that it is believed to cost on average (waking somebody who was content, an unwelcome call). Both are priors,
labelled "prior, untested": nobody has measured them here. They are kept low on purpose, so that an untested touch
has to be cheap or much has to be at stake; once a pilot has measured an effect, `with_effect` puts it in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion, TouchClass

PRIOR: Final = "prior, untested"


@dataclass(frozen=True)
class Option:
    """One kind of touch.

    touch_class   what it is for; law and policy hang on it; None for NOTHING
    channels      roads in order of preference; empty for NOTHING
    stages        where it fits
    when_sign     stages where it fits only while a caution sign that counts is raised
    minutes       staff time, minutes
    effect, harm  shares in [0, 1], see the module; `ground` says where they come from
    from_day      first day of the current life it fits, days since the life began
    to_day        last such day, None: no last day
    rest_days     days that must lie between any touch before and this one
    unpriced      may be chosen where no money figure is known, because care does not need one
    openings      first sentences for a person to say or write; {name} is the person's name
    """

    suggestion: Suggestion
    touch_class: TouchClass | None
    channels: tuple[Channel, ...]
    stages: frozenset[Stage]
    minutes: float
    effect: float
    harm: float
    when_sign: frozenset[Stage] = frozenset()
    from_day: int = 0
    to_day: int | None = None
    rest_days: int = 0
    unpriced: bool = True
    ground: str = PRIOR
    openings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("effect", "harm"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} {getattr(self, name)} is not a share in [0, 1]", where=self.suggestion.value)
        if self.minutes < 0 or (self.suggestion is not Suggestion.NOTHING and self.minutes == 0):
            raise BadInput(f"{self.minutes} minutes; a touch takes some", where=self.suggestion.value)


# Every number below is our choice until a pilot has measured it. Minutes are a short call or a few handwritten lines.
OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        Suggestion.NOTHING,
        touch_class=None,
        channels=(),
        stages=frozenset(Stage),
        minutes=0.0,
        effect=0.0,
        harm=0.0,
        ground="doing nothing changes nothing",
    ),
    Option(
        Suggestion.GREET_RETURN,
        touch_class=TouchClass.RELATIONSHIP,
        channels=(Channel.IN_PERSON, Channel.CALL, Channel.LETTER, Channel.EMAIL),
        stages=frozenset({Stage.PHOENIX}),
        minutes=4.0,
        effect=0.05,
        harm=0.001,
        to_day=30,
        rest_days=30,
        openings=(
            "Good to see you again, {name}. Your things are as you left them; tell me if anything is not.",
            "Welcome back, {name}. Is there something we should do differently this time?",
        ),
    ),
    Option(
        Suggestion.FIRST_DAYS,
        touch_class=TouchClass.SERVICE,
        channels=(Channel.IN_PERSON, Channel.CALL, Channel.EMAIL),
        stages=frozenset({Stage.EARLY}),
        minutes=4.0,
        effect=0.04,
        harm=0.001,
        from_day=14,
        to_day=60,
        rest_days=45,
        openings=(
            "{name}, you have been with us for a few weeks now. How has it been so far?",
            "Hello {name}, did you find what you came to us for?",
        ),
    ),
    Option(
        Suggestion.CHECK_IN,
        touch_class=TouchClass.SERVICE,
        channels=(Channel.IN_PERSON, Channel.CALL, Channel.LETTER, Channel.EMAIL),
        stages=frozenset({Stage.AT_RISK}),
        when_sign=frozenset({Stage.EARLY, Stage.PHOENIX}),
        minutes=6.0,
        effect=0.06,
        harm=0.003,
        rest_days=30,
        openings=(
            "{name}, we have not seen much of each other lately. How are you?",
            "Hello {name}, I wanted to ask in person whether everything is all right from your side.",
        ),
    ),
    Option(
        Suggestion.CONFIRM_END,
        touch_class=TouchClass.RESEARCH,
        channels=(Channel.CALL, Channel.LETTER, Channel.EMAIL),
        stages=frozenset({Stage.PRESUMED_BREAKUP}),
        minutes=5.0,
        effect=0.03,
        harm=0.001,
        rest_days=45,
        openings=(
            "{name}, it has been a while. If it is over for you, that is fine; just tell us and we will settle it.",
            "Hello {name}, we are not sure whether you are still with us, and would rather ask than guess.",
        ),
    ),
    Option(
        Suggestion.THANK_YOU,
        touch_class=TouchClass.RELATIONSHIP,
        channels=(Channel.IN_PERSON, Channel.LETTER, Channel.EMAIL),
        stages=frozenset({Stage.ONGOING}),
        minutes=5.0,
        effect=0.01,
        harm=0.001,
        rest_days=180,
        unpriced=False,
        openings=(
            "{name}, you have been with us for a long time. Thank you; it is noticed.",
            "I wanted to say thank you, {name}. There is nothing you need to do.",
        ),
    ),
)


def with_effect(
    options: tuple[Option, ...], *, measured: Mapping[Suggestion, tuple[float, float]], ground: str
) -> tuple[Option, ...]:
    """The table with measured (effect, harm) in place of the priors.

    ground  where the figures come from, e.g. "pilot of March 2025, 812 people"; shown wherever they are used
    Raises BadInput for a suggestion that is not in the table, for NOTHING, or for shares outside [0, 1].
    """
    known = {option.suggestion for option in options} - {Suggestion.NOTHING}
    for suggestion in measured:
        if suggestion not in known:
            raise BadInput(f"{suggestion} is not an option that can be measured", where="options")
    return tuple(
        replace(option, effect=measured[option.suggestion][0], harm=measured[option.suggestion][1], ground=ground)
        if option.suggestion in measured
        else option
        for option in options
    )


def opening_line(option: Option, *, name: str, turn: int = 0) -> str | None:
    """One first sentence; `turn` chooses among them, so that two people beside each other read differently.

    An empty name leaves the name out: a sentence without one beats a wrong one.
    """
    if not option.openings:
        return None
    line = option.openings[turn % len(option.openings)]
    if name:
        return line.format(name=name)
    line = line.removeprefix("{name}, ").replace(", {name}", "").replace(" {name}", "")
    return line[:1].upper() + line[1:]
