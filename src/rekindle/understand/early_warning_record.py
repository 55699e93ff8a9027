"""Whether all caution signs together foresee ends better than silence alone, on the business's own past.

The combined sign (`early_warning`) is learned at every cut-off from those whose horizon was over by then, and judged
there: no cut-off judges what it taught. At every judged cut-off both sides warn of the same number of people, as many
as show `silence`: those who show it on one side, those with the highest chance on the other. So precision stands
against precision.

A presumed end is made from silence, so silence "foresees" it by construction. Where at least ENOUGH ends were told by
people themselves these alone are foreseen; else told and presumed ones together, which is said, and which never lets
the combined sign count.

The interval of the difference is of 95 % and paired by person: with the warnings r_i and those of them that came true
h_i of person i on either side, p = sum h / sum r and R = sum r,
    e_i = (h_i - p r_i) / R of all signs together - (h_i - p r_i) / R of silence
    variance = m / (m - 1) sum e_i^2     over the m people
the linearised variance of a difference of two ratios whose clusters are people. Sources: Cochran (1977), Sampling
Techniques, section 6.13; for the rolling origin Tashman (2000), International Journal of Forecasting 16.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from rekindle.errors import BadInput, Degenerate, NotEnoughData
from rekindle.understand import sign_record
from rekindle.understand.caution_signs import Sign
from rekindle.understand.early_warning import COLUMNS, Bools, Floats, Ints, Together, highest, learn

ENOUGH: Final = 30
"""Ends: with fewer the interval of the difference is wider than any difference worth having. Our choice."""
_Z95: Final = 1.959963984540054  # a figure somebody acts on alone, not one of many people
_EPOCH: Final = date(1970, 1, 1)
_SHIFT: Final = 24  # a day number of 30,000 years fits in


@dataclass(frozen=True)
class Past:
    """People at earlier days, and what came: one row a person and cut-off, n rows.

    party      (n,) whose
    cutoff     (n,) days since 1970-01-01
    columns    (n, k) `columns` as of that day
    silence    (n,) who showed `silence` then
    told       (n,) days to the first end that somebody told after the cut-off, inf where none came
    presumed   (n,) days to the first presumed one
    """

    party: Ints
    cutoff: Ints
    columns: Floats
    silence: Bools
    told: Floats
    presumed: Floats

    def __post_init__(self) -> None:
        n = self.party.shape[0]
        shapes = [c.shape for c in (self.cutoff, self.silence, self.told, self.presumed)]
        if any(shape != (n,) for shape in shapes) or self.columns.shape != (n, len(COLUMNS)):
            raise BadInput(
                f"{n} people, columns {self.columns.shape}, others {shapes}; wanted ({n}, {len(COLUMNS)}) and ({n},)",
                where="early warning",
                remedy="Give one row a person and cut-off.",
            )


@dataclass(frozen=True)
class Side:
    """What one side's warnings were worth, over all judged cut-offs.

    raised             warnings: person and cut-off
    right              of them, followed by the end that is foreseen within the horizon
    presumed           of the rest, followed by a presumed end within it
    precision          right / raised
    endings, caught    ends that could have been foreseen, and those that were
    caught_share       caught / endings
    false_alarm_rate   warned of among those who stayed / those who stayed (no end of either kind within the horizon)
    lead_days          median days from the first warning whose horizon covers the end to that end; None where none was
    """

    raised: int
    right: int
    presumed: int
    precision: float
    endings: int
    caught: int
    caught_share: float
    false_alarm_rate: float | None
    lead_days: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, shares to four digits."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Judgement:
    """The combined sign against silence alone, on cut-offs that did not teach it.

    together       learned on every cut-off whose horizon is over, for tonight; None where there is too little
    warned         (n,) of the rows of `Past`: warned of by the combined sign at a judged cut-off
    judged         (n,) of the rows of `Past`: of a judged cut-off
    measured_on    told | told and presumed | empty where nothing could be measured
    is_used        better than silence alone: the interval of the difference lies above 0, on told ends
    """

    together: Together | None
    warned: Bools
    judged: Bools
    alarm_rate: float | None
    combined: Side | None
    silence: Side | None
    difference: float | None
    low: float | None
    high: float | None
    is_used: bool
    measured_on: str
    sentence: str
    cutoffs: tuple[date, ...]
    people: int

    def to_json(self) -> dict[str, Any]:
        """What a night keeps: plain JSON values; figures that are not known are null and `sentence` says why."""
        return {
            "alarm_rate": _digits(self.alarm_rate),
            "combined": self.combined.to_json() if self.combined else None,
            "silence": self.silence.to_json() if self.silence else None,
            "difference": _digits(self.difference),
            "low": _digits(self.low),
            "high": _digits(self.high),
            "used": self.is_used,
            "measured_on": self.measured_on,
            "sentence": self.sentence,
            "weights": self.together.told_weights() if self.together else [],
            "base_rate": _digits(self.together.base_rate) if self.together else None,
            "cutoffs": [day.isoformat() for day in self.cutoffs],
            "people": self.people,
        }


def judge(past: Past, *, horizon_days: int, as_of: date) -> Judgement:
    """The combined sign learned at every cut-off from those whose horizon was over, and held against silence alone.

    past   rows whose horizon is over on `as_of`
    Raises BadInput where a horizon is not over. Where there is too little to learn from or to judge by, the figures
    are None and the sentence says why.
    """
    if past.cutoff.size and int(past.cutoff.max()) + horizon_days > (as_of - _EPOCH).days:
        last = _EPOCH + timedelta(days=int(past.cutoff.max()))
        raise BadInput(
            f"cut-off {last} plus {horizon_days} days lies after {as_of}",
            where="early warning",
            remedy="Leave out cut-offs whose horizon is not over.",
        )
    is_told = past.told <= horizon_days
    is_any = is_told | (past.presumed <= horizon_days)
    whys = []
    for measured_on, ended, day in (
        ("told", is_told, past.told),
        ("told and presumed", is_any, np.minimum(past.told, past.presumed)),
    ):
        try:
            return _judged(past, ended, day, measured_on, horizon_days)
        except (NotEnoughData, Degenerate) as error:
            whys.append(str(error))
    return unknown(whys[-1])


def unknown(why: str) -> Judgement:
    """Nothing could be measured, and the sentence says why."""
    none = np.zeros(0, dtype=bool)
    return Judgement(
        together=None, warned=none, judged=none, alarm_rate=None, combined=None, silence=None, difference=None,
        low=None, high=None, is_used=False, measured_on="", sentence=f"Not known yet: {why}", cutoffs=(), people=0,
    )  # fmt: skip


def counting(trust: sign_record.Trust, judgement: Judgement) -> sign_record.Trust:
    """The signs that may put somebody at risk, the combined one among them where it is better than silence alone."""
    code = Sign.EARLY_WARNING.value
    codes = trust.codes | {code} if judgement.is_used else trust.codes - {code}
    return sign_record.Trust(frozenset(codes), {**trust.why, code: judgement.sentence})


def _judged(past: Past, ended: Bools, day: Floats, measured_on: str, horizon_days: int) -> Judgement:
    judged, warned = np.zeros(past.party.size, dtype=bool), np.zeros(past.party.size, dtype=bool)
    cutoffs = []
    for cutoff in np.unique(past.cutoff):
        teaches = past.cutoff + horizon_days <= cutoff
        if np.unique(past.party[teaches & ended]).size < ENOUGH:
            continue
        asked = past.cutoff == cutoff
        chance = learn(past.columns[teaches], ended[teaches]).chance(past.columns[asked])
        warned[asked] = highest(chance, past.party[asked], count=int(past.silence[asked].sum()))
        judged |= asked
        cutoffs.append(_EPOCH + timedelta(days=int(cutoff)))
    endings = np.unique(_key(past.party, past.cutoff + day, judged & ended)).size
    if endings < ENOUGH:
        raise NotEnoughData(
            f"{endings} ends came after days that could be judged by earlier ones; {ENOUGH} are needed.",
            remedy="Wait for more, or take older history in.",
        )
    if int((judged & past.silence).sum()) < sign_record.ENOUGH:
        raise NotEnoughData(
            f"silence alone warned of {int((judged & past.silence).sum())} people there, so there is nothing to hold "
            f"it against; {sign_record.ENOUGH} are needed."
        )
    gone = (past.told <= horizon_days) | (past.presumed <= horizon_days)
    combined, silence = (_side(past, w, judged, ended, day, gone) for w in (warned, judged & past.silence))
    difference = combined.precision - silence.precision
    half = _Z95 * _spread(past, warned, judged & past.silence, judged, ended, combined, silence)
    low, high = difference - half, difference + half
    is_used = measured_on == "told" and low > 0
    return Judgement(
        together=learn(past.columns, ended),
        warned=warned,
        judged=judged,
        alarm_rate=float(warned.sum() / judged.sum()),
        combined=combined,
        silence=silence,
        difference=difference,
        low=low,
        high=high,
        is_used=is_used,
        measured_on=measured_on,
        sentence=_sentence(combined, silence, difference, low, high, measured_on),
        cutoffs=tuple(cutoffs),
        people=int(np.unique(past.party[judged]).size),
    )


def cutoffs_for(as_of: date, *, horizon_days: int, between_days: int, newest: int, taught: int) -> list[date]:
    """Days to look back to, newest first: `newest` of them at steps from the last whose horizon is over, and `taught`
    more that are far enough behind it to teach what it judges."""
    far = -(-horizon_days // between_days)
    steps = sorted({*range(newest), *range(far, far + taught)})
    return [as_of - timedelta(days=horizon_days + between_days * step) for step in steps]


def _side(past: Past, warned: Bools, judged: Bools, ended: Bools, day: Floats, gone: Bools) -> Side:
    right = warned & ended
    raised = int(warned.sum())
    endings = np.unique(_key(past.party, past.cutoff + day, judged & ended)).size
    # Of one end warned of at several cut-offs the first warning counts: the longest lead.
    order = np.lexsort((past.cutoff[right], past.party[right]))
    keys = _key(past.party, past.cutoff + day, right)[order]
    lead = day[right][order][np.unique(keys, return_index=True)[1]]
    stayed = judged & ~gone
    return Side(
        raised=raised,
        right=int(right.sum()),
        presumed=int((warned & ~ended & gone).sum()),
        precision=float(right.sum() / raised),
        endings=int(endings),
        caught=int(lead.size),
        caught_share=float(lead.size / endings),
        false_alarm_rate=float((warned & stayed).sum() / stayed.sum()) if stayed.any() else None,
        lead_days=float(np.median(lead)) if lead.size else None,
    )


def _key(party: Ints, end: Floats, rows: Bools) -> Ints:
    """One number an end, of these rows: person and day."""
    return np.asarray((party[rows] << _SHIFT) + end[rows].astype(np.int64), dtype=np.int64)


def _spread(past: Past, warned: Bools, silence: Bools, judged: Bools, ended: Bools, one: Side, other: Side) -> float:
    """Standard error of the difference of the two precisions, paired by person."""
    _, who = np.unique(past.party[judged], return_inverse=True)
    hit = ended[judged].astype(np.float64)
    left = warned[judged] * (hit - one.precision) / one.raised
    right = silence[judged] * (hit - other.precision) / other.raised
    each = np.bincount(who, weights=left - right)
    return float(np.sqrt(each.size / max(each.size - 1, 1) * np.sum(each**2)))


def _sentence(combined: Side, silence: Side, difference: float, low: float, high: float, measured_on: str) -> str:
    told = (
        f"at the same number of warnings {_of_100(combined.precision)} of 100 came true with all signs together and "
        f"{_of_100(silence.precision)} with silence alone, a difference of {_points(difference)} "
        f"({_points(low)} to {_points(high)}, from {combined.endings:,} ends)"
    )
    if measured_on != "told":
        return (
            f"It does not count: too few ends were told by people themselves, and the presumed ones are made from "
            f"silence, which foresees them by construction; {told}."
        )
    if low > 0:
        return f"Better than silence alone here: {told}."
    return f"No better than silence alone here, so it does not count: {told}."


def _of_100(share: float) -> str:
    return "under 1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def _points(share: float) -> str:
    return f"{100 * share + 0.0:.1f}"


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
