"""Which stage may follow which, as one table, and the stage the facts of a night tell.

Two things live here. `TRANSITIONS` is the whole law of stages: a pair that is not in it cannot be stored.
`read_stages` reads, for everyone at once, the stage that purchases and recorded ends tell; what people at the
ending desk decided (paused, cooling off, soft touches, old friends, closed) is theirs, the night leaves it alone.

The rules of `read_stages`, first match wins (`RULES` holds them in this order, with their sentences):

    closed            closed stays closed; only an administrator reopens
    after_end_kept    an end is on record (or presumed) and the ending desk already placed the person: stays there
    end_on_record     a recorded end on or before the day, no return after          -> break-up
    notice_on_record  a recorded end in the future                                  -> notice given
    paused_kept       a pause that people agreed stays a pause
    trial_kept        no sign of life yet, but a trial runs                         -> trying us out
    no_pulse          no purchase or visit yet                                      -> courtship
    presumed_gone     the lives computation presumes an end                         -> presumed break-up
    returned          in a second or later life, begun less than 90 days ago        -> phoenix
    first_days        first life, under 90 days old, under 3 days with a purchase   -> early days
    caution_sign      a caution sign that counts is raised                          -> at risk
    doubtful          P(alive) under one half and silent beyond the usual gap       -> at risk
    steady            none of these                                                 -> ongoing

Free of Django; NumPy is imported only when a night is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int8]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

STAGES: Final[tuple[Stage, ...]] = tuple(Stage)
"""A stage's code in a column is its place in this tuple; NO_STAGE where nothing was recorded before."""
CODE: Final[Mapping[Stage, int]] = {stage: code for code, stage in enumerate(STAGES)}
NO_STAGE: Final = -1

FIRST_DAYS: Final = 90
"""A first life is early, and a return is fresh, for 90 days: our choice, the plan for the first quarter."""
FIRST_PULSES: Final = 3
"""The third purchase ends the early days, whatever the calendar says: our choice."""
DOUBT: Final = 0.5
"""Under one half it is likelier that somebody left than that they stayed: our choice, a coin's toss."""

AFTER_END: Final = (Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS)
"""Where the ending desk may have placed somebody whose relationship is over."""


@dataclass(frozen=True)
class Transition:
    """One step that may be taken. `from_stage` None is the very first reading of a relationship."""

    from_stage: Stage | None
    to_stage: Stage
    trigger: str
    rule: str


@dataclass(frozen=True)
class StageRule:
    """One rule of the night: its id, the stage it gives (None: stays), and a sentence with its evidence fields."""

    id: str
    stage: Stage | None
    sentence: str

    def say(self, **evidence: object) -> str:
        """The sentence with the evidence filled in. Raises BadInput naming a field that is not given."""
        try:
            return self.sentence.format(**evidence)
        except KeyError as missing:
            raise BadInput(f"evidence {missing} is not given", where=f"stage rule {self.id}") from None


RULES: Final[tuple[StageRule, ...]] = (
    StageRule("closed", Stage.CLOSED, "Closed for good; only an administrator can open it again."),
    StageRule("after_end_kept", None, "It is over, and the ending desk has placed it; nothing changed tonight."),
    StageRule("end_on_record", Stage.BREAKUP, "An end is on record for {ended_day}, with no return after it."),
    StageRule("notice_on_record", Stage.NOTICE, "Notice is given; it ends on {ends_on}."),
    StageRule("paused_kept", Stage.PAUSED, "Paused by agreement; a pause is not a loss."),
    StageRule("trial_kept", Stage.DATING, "Trying us out; no purchase yet."),
    StageRule("no_pulse", Stage.COURTSHIP, "No purchase or visit is known yet."),
    StageRule(
        "presumed_gone",
        Stage.PRESUMED_BREAKUP,
        "Silent for {silent_days} days, longer than nearly all gaps before, and probably gone since "
        "{presumed_from}; nobody has said so.",
    ),
    StageRule("returned", Stage.PHOENIX, "Back since {life_began}, in life {life_number}."),
    StageRule("first_days", Stage.EARLY, "New since {life_began}; the first 90 days are the early days."),
    StageRule("caution_sign", Stage.AT_RISK, "A caution sign is raised: {sign}."),
    StageRule(
        "doubtful",
        Stage.AT_RISK,
        "Silent for {silent_days} days where {usual_gap} is usual, and more likely gone than not.",
    ),
    StageRule("steady", Stage.ONGOING, "Coming as usual; nothing to worry about."),
)
RULE_CODE: Final[Mapping[str, int]] = {rule.id: code for code, rule in enumerate(RULES)}


def _steps(froms: tuple[Stage | None, ...], to: Stage, trigger: str, rule: str) -> tuple[Transition, ...]:
    return tuple(Transition(origin, to, trigger, rule) for origin in froms)


_LIVE = (Stage.EARLY, Stage.ONGOING, Stage.AT_RISK, Stage.PHOENIX)
_NOT_CLOSED = tuple(stage for stage in Stage if stage is not Stage.CLOSED)

LIVED: Final[tuple[Transition, ...]] = (
    *_steps((None,), Stage.COURTSHIP, "inquiry, introduction, or import of somebody without a purchase", "no_pulse"),
    Transition(Stage.COURTSHIP, Stage.DATING, "first try: trial, sample, visit, quote", "trial_begun"),
    *_steps((Stage.COURTSHIP,), Stage.OLD_FRIENDS, "no answer after the plan, on good terms", "courtship_rested"),
    *_steps((Stage.COURTSHIP, Stage.DATING), Stage.EARLY, "first purchase or contract", "first_days"),
    *_steps((Stage.DATING,), Stage.COURTSHIP, "the trial ran out", "trial_ended"),
    Transition(Stage.EARLY, Stage.ONGOING, "90 days, or the third purchase", "steady"),
    Transition(Stage.AT_RISK, Stage.ONGOING, "the signs are gone", "steady"),
    Transition(Stage.PHOENIX, Stage.ONGOING, "90 days since the return", "steady"),
    *_steps((Stage.EARLY, Stage.ONGOING, Stage.PHOENIX), Stage.AT_RISK, "a caution sign that counts", "caution_sign"),
    *_steps((Stage.EARLY, Stage.ONGOING, Stage.PHOENIX), Stage.AT_RISK, "doubt and unusual silence", "doubtful"),
    *_steps(_LIVE, Stage.PAUSED, "a pause was agreed", "pause_agreed"),
    *_steps((Stage.PAUSED,), Stage.ONGOING, "the pause is over", "pause_over"),
    *_steps((*_LIVE, Stage.PAUSED, Stage.DATING, Stage.PRESUMED_BREAKUP), Stage.NOTICE,
            "cancellation, non-renewal, or our notice", "notice_on_record"),
    *_steps((Stage.NOTICE,), Stage.ONGOING, "the notice was withdrawn", "steady"),
    *_steps((Stage.NOTICE,), Stage.AT_RISK, "the notice was withdrawn, a sign remains", "caution_sign"),
    *_steps(_LIVE, Stage.PRESUMED_BREAKUP, "probably gone and silent beyond nearly all own gaps", "presumed_gone"),
    Transition(Stage.PRESUMED_BREAKUP, Stage.ONGOING, "somebody knows they are still with us", "presumed_denied"),
    *_steps((*_LIVE, Stage.PAUSED, Stage.NOTICE, Stage.DATING, Stage.PRESUMED_BREAKUP), Stage.BREAKUP,
            "the end took effect, or a presumed end was confirmed", "end_on_record"),
    Transition(Stage.BREAKUP, Stage.COOLING_OFF, "the same day, by itself", "cooling_off_begun"),
    *_steps((Stage.COOLING_OFF,), Stage.WOOING, "the quiet is over, we want them back, a basis is valid", "woo_begun"),
    *_steps((Stage.COOLING_OFF, Stage.WOOING), Stage.OLD_FRIENDS, "the plan is over, good terms", "woo_over"),
    Transition(Stage.WOOING, Stage.COOLING_OFF, "they ask for more time, or complain", "more_time_asked"),
    *_steps((*AFTER_END, Stage.PRESUMED_BREAKUP), Stage.PHOENIX, "a new purchase, for whatever cause", "returned"),
    *_steps(_NOT_CLOSED, Stage.CLOSED, "clean break, objection to everything, law, or death", "closed"),
    Transition(Stage.CLOSED, Stage.COURTSHIP, "they came to us, and an administrator wrote why", "reopened"),
)  # fmt: skip
"""The steps a relationship takes by living. The rest of the table (`REVISED`) is the record being put right."""

_READ: Final = tuple(dict.fromkeys(rule.stage for rule in RULES if rule.stage and rule.stage is not Stage.CLOSED))
_KNOWN = {(step.from_stage, step.to_stage) for step in LIVED}
REVISED: Final[tuple[Transition, ...]] = tuple(
    Transition(origin, to, "late or corrected history, or many nights read at once", "facts_revised")
    for origin in (None, *_NOT_CLOSED)
    for to in (*_READ, *((Stage.CLOSED,) if origin is None else ()))
    if origin is not to
    and (origin, to) not in _KNOWN
    and to not in (Stage.PAUSED, Stage.DATING)  # only people begin a pause or a trial
)
"""Steps no life takes in one night: a load that came late or was taken back, or a first reading of old history.
From CLOSED there is none, and nothing but people leads into a pause, a trial or the stages after an end."""

TRANSITIONS: Final[tuple[Transition, ...]] = LIVED + REVISED
_TABLE: Final = {
    pair: tuple(step for step in TRANSITIONS if (step.from_stage, step.to_stage) == pair)
    for pair in dict.fromkeys((step.from_stage, step.to_stage) for step in TRANSITIONS)
}


def steps(from_: Stage | None, to: Stage) -> tuple[Transition, ...]:
    """Every way this step may be taken, lived ones first; empty when it may not be taken."""
    return _TABLE.get((from_, to), ())


def allowed(from_: Stage | None, to: Stage) -> bool:
    """Whether this step is in the table. Staying is always allowed."""
    return from_ is to or (from_, to) in _TABLE


@dataclass(frozen=True)
class StageFacts:
    """What a night knows of each relationship, one array a fact, all of the same length (n,).

    pulse_days       int64, distinct days with a sign of life ever, >= 0
    life_number      int64, 1 for the first life; 0 where there is none yet
    life_began       int64, ordinal of the first day of the current life (days; any fixed epoch)
    life_pulses      int64, days with a sign of life in the current life
    silent_days      float64, days since the last sign of life, NaN unknown
    usual_gap        float64, the own median gap in days, NaN unknown
    p_alive          float64 in [0, 1], NaN unknown
    sign             bool, a caution sign that counts is raised (understand.caution_signs.at_risk)
    presumed         bool, the lives computation presumes an end as of the day
    explicit_end     bool, a recorded end on or before the day and no return after it
    explicit_notice  bool, a recorded end after the day
    closed           bool, closed for good in the books
    current          int8, code of the stage on record (`CODE`), NO_STAGE where none
    as_of            int, ordinal of the day, same epoch as life_began
    """

    pulse_days: Ints
    life_number: Ints
    life_began: Ints
    life_pulses: Ints
    silent_days: Floats
    usual_gap: Floats
    p_alive: Floats
    sign: Bools
    presumed: Bools
    explicit_end: Bools
    explicit_notice: Bools
    closed: Bools
    current: Codes
    as_of: int

    def __post_init__(self) -> None:
        columns = [field.name for field in fields(self) if field.name != "as_of"]
        lengths = {name: len(getattr(self, name)) for name in columns}
        for name, length in lengths.items():
            if length != lengths["pulse_days"]:
                raise BadInput(f"{name} has {length} rows, pulse_days has {lengths['pulse_days']}", where="stage facts")


@dataclass(frozen=True)
class StageReading:
    """stage int8 (n,) codes of STAGES · rule int8 (n,) codes of RULES · changed bool · revised bool: a changed
    stage that no life reaches in one step (rule `facts_revised` of the table)."""

    stage: Codes
    rule: Codes
    changed: Bools
    revised: Bools


def read_stages(facts: StageFacts) -> StageReading:
    """The stage each relationship is in on the day, as far as purchases and recorded ends tell.

    facts   one row a relationship, see StageFacts
    Gives codes of STAGES and of RULES, (n,) each; every (current, stage) pair is allowed by TRANSITIONS.
    Raises BadInput when the current codes are out of range, or a life begins after the day.
    """
    import numpy as np

    current = facts.current
    if len(current) and (current.min() < NO_STAGE or current.max() >= len(STAGES)):
        raise BadInput(f"stage code {int(current.max())} is not one of 0..{len(STAGES) - 1}", where="stage facts")
    age = facts.as_of - facts.life_began
    begun = facts.life_number > 0
    if np.any(begun & (age < 0)):
        row = int(np.argmax(begun & (age < 0)))
        raise BadInput(f"row {row}: the life begins {-int(age[row])} days after the day read", where="stage facts")

    over = facts.explicit_end | facts.presumed
    # Comparisons with NaN are False: an unknown chance or an unknown rhythm never makes somebody look at risk.
    doubtful = (facts.p_alive < DOUBT) & (facts.silent_days > facts.usual_gap)
    first = begun & (facts.life_number == 1)
    # The order is the precedence, and it is the order of RULES: np.select takes the first that holds.
    conditions = {
        "closed": facts.closed | (current == CODE[Stage.CLOSED]),
        "after_end_kept": over & np.isin(current, [CODE[stage] for stage in AFTER_END]),
        "end_on_record": facts.explicit_end,
        "notice_on_record": facts.explicit_notice,
        "paused_kept": current == CODE[Stage.PAUSED],
        "trial_kept": (facts.pulse_days == 0) & (current == CODE[Stage.DATING]),
        "no_pulse": facts.pulse_days == 0,
        "presumed_gone": facts.presumed,
        "returned": (facts.life_number > 1) & (age < FIRST_DAYS),
        "first_days": first & (age < FIRST_DAYS) & (facts.life_pulses < FIRST_PULSES),
        "caution_sign": facts.sign,
        "doubtful": doubtful,
    }
    rule = np.select(list(conditions.values()), [RULE_CODE[name] for name in conditions], RULE_CODE["steady"])
    gives = np.array([NO_STAGE if entry.stage is None else CODE[entry.stage] for entry in RULES], dtype=np.int8)
    told = gives[rule]
    stage = np.where(told == NO_STAGE, current, told).astype(np.int8)
    changed = stage != current
    return StageReading(stage, rule.astype(np.int8), changed, changed & ~_is_lived()[current, stage])


def _is_lived() -> Bools:
    """(stages + 1, stages) bool: whether LIVED holds the step; the last row is NO_STAGE, reached by index -1."""
    import numpy as np

    table = np.zeros((len(STAGES) + 1, len(STAGES)), dtype=np.bool_)
    for step in LIVED:
        table[NO_STAGE if step.from_stage is None else CODE[step.from_stage], CODE[step.to_stage]] = True
    return table
