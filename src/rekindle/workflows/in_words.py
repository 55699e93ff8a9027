"""What book two holds in codes and figures, in sentences: signs, choices, refusals, steps between stages.

The sentences are the engine's own (`understand.reasons`, `decide.explain`, `relationships.stages`); here the stored
evidence is put into their places. Where evidence is missing the sentence says what is known and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rekindle.decide.eligibility import Rule, refusal_text
from rekindle.decide.explain import Reason, reason_text
from rekindle.decide.options import OPTIONS, PRIOR
from rekindle.errors import BadInput
from rekindle.journal.models import CautionSign, Decision, SignRecord
from rekindle.relationships.models import StageChange
from rekindle.relationships.stages import RULES, steps
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion, TouchClass
from rekindle.understand.caution_signs import Sign
from rekindle.understand.reasons import day_text, money_text, sign_text
from rekindle.workflows.why_not import day_of

_RULE_OF_STAGE = {rule.id: rule for rule in RULES}
SIGN_TITLES = {sign.value: sign.label for sign in Sign}


@dataclass(frozen=True)
class SignView:
    """A caution sign that stands: what was seen, and what the sign was worth here before, or why that is not known."""

    code: str
    title: str
    text: str
    raised_on: date
    strength: float
    record: str
    record_unknown: str
    precision: tuple[float, float | None, float | None] | None
    lead_days: float | None

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "title": self.title,
            "text": self.text,
            "raised_on": self.raised_on.isoformat(),
            "strength": self.strength,
            "precision": list(self.precision) if self.precision else None,
            "lead_days": self.lead_days,
            "record": self.record or None,
            "record_unknown": self.record_unknown or None,
        }


@dataclass(frozen=True)
class RefusalView:
    """A rule that stood against the best option on one night, and the instant it changes (None: never by itself)."""

    on: date
    wanted: Suggestion | None
    rule: str
    until: datetime | None
    text: str

    def as_json(self) -> dict[str, Any]:
        return {
            "on": self.on.isoformat(),
            "wanted": self.wanted.value if self.wanted else None,
            "rule": self.rule,
            "until": self.until.isoformat() if self.until else None,
            "text": self.text,
        }


@dataclass(frozen=True)
class StageStep:
    """One step between stages, with the rule that read it in words and the evidence it saw."""

    change: StageChange
    to_stage: Stage
    from_stage: Stage | None
    text: str
    by: str


def sign_view(sign: CautionSign, record: SignRecord | None) -> SignView:
    """One sign in the person's own numbers, beside how it has done here."""
    evidence = sign.evidence
    try:
        text = sign_text(
            sign.code,
            usual=evidence.get("usual"),
            now=evidence.get("now"),
            since=date.fromisoformat(evidence["since"]) if evidence.get("since") else None,
            currency=evidence.get("currency"),
        )
    except (BadInput, TypeError):  # stored by an earlier version, without the figures the sentence wants
        text = f"seen since {day_text(sign.raised_on)}"
    is_measured = record is not None and record.precision is not None
    return SignView(
        code=sign.code,
        title=SIGN_TITLES.get(sign.code, sign.code.replace("_", " ")),
        text=text,
        raised_on=sign.raised_on,
        strength=sign.strength,
        record=record_text(record) if record is not None and is_measured else "",
        record_unknown="" if is_measured else (record.why_unknown if record else "") or "Not yet measured here.",
        precision=(record.precision, record.precision_low, record.precision_high)
        if record is not None and record.precision is not None
        else None,
        lead_days=record.lead_days if record else None,
    )


def record_text(record: SignRecord) -> str:
    """What a sign was worth here: "of 100 who showed it, 34 ended within 90 days (28 to 41); ..."."""
    if record.precision is None:
        return record.why_unknown
    band = (
        f" ({_of_100(record.precision_low)} to {_of_100(record.precision_high)})"
        if record.precision_low is not None and record.precision_high is not None
        else ""
    )
    text = f"Of 100 who showed it, {_of_100(record.precision)}{band} ended within {record.horizon_days} days"
    if record.base_rate is not None:
        text += f"; of 100 people in general, {_of_100(record.base_rate)}"
    if record.seen_before:
        text += f". It came before {_of_100(record.seen_before)} of 100 endings"
        if record.lead_days is not None:
            text += f", usually {record.lead_days:.0f} days ahead"
    return f"{text}."


def _of_100(share: float) -> str:
    if 0 < share < 0.005:
        return "under 1"
    return f"{100 * share:.0f}"


def decision_text(decision: Decision, *, zone: ZoneInfo) -> str:
    """Why this was chosen, or why nothing was, in one sentence."""
    evidence = decision.evidence
    worth = evidence.get("worth_minor", evidence.get("worth"))
    until = evidence.get("until") or (day_of(decision.refused_until, zone=zone) if decision.refused_until else "")
    places = {
        "worth": money_text(worth, currency=decision.currency) if _is_number(worth) and decision.currency else None,
        "ground": evidence.get("ground") or PRIOR,
        "until": _day_of_text(until) or "a day not known",
        "refusal": _refused(decision, zone=zone) if decision.refusal else "",
    }
    reason = next((word for word in Reason if word.value == decision.reason), None)
    if reason is None:
        return decision.reason.replace("_", " ").capitalize() + "."
    if places["worth"] is None and reason is Reason.WORTH_DOING:
        reason = Reason.CARE
    return reason_text(reason, **places)


def refusal_view(decision: Decision, *, zone: ZoneInfo) -> RefusalView:
    """The rule of one refused choice in words, with its day."""
    return RefusalView(
        on=decision.as_of,
        wanted=_suggestion(decision.wanted),
        rule=decision.refusal,
        until=decision.refused_until,
        text=_refused(decision, zone=zone),
    )


def _refused(decision: Decision, *, zone: ZoneInfo) -> str:
    rule = next((word for word in Rule if word.value == decision.refusal), None)
    if rule is None:
        return decision.refusal.replace("_", " ").capitalize() + "."
    wanted = _suggestion(decision.wanted)
    option = next((option for option in OPTIONS if option.suggestion is wanted), None)
    channel = _channel(decision.channel) or (option.channels[-1] if option and option.channels else Channel.EMAIL)
    return refusal_text(
        rule,
        touch_class=(option.touch_class if option else None) or TouchClass.RELATIONSHIP,
        channel=channel,
        until=day_of(decision.refused_until, zone=zone) if decision.refused_until else "",
    )


def stage_step(change: StageChange) -> StageStep:
    """One step with its rule in words: the night's own sentence, else what the table of stages says of the step."""
    to_stage = _stage(change.to_stage) or Stage.COURTSHIP
    from_stage = _stage(change.from_stage)
    rule = _RULE_OF_STAGE.get(change.rule)
    text = ""
    if rule is not None:
        try:
            text = rule.say(**{name: _readable(value) for name, value in change.evidence.items()})
        except BadInput:
            text = ""
    if not text:
        ways = steps(from_stage, to_stage)
        text = next((way.trigger for way in ways if way.rule == change.rule), ways[0].trigger if ways else change.rule)
    return StageStep(change, to_stage, from_stage, text[:1].upper() + text[1:], str(change.by) if change.by else "")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _day_of_text(text: object) -> str:
    """An ISO day or instant as people write it; other text as it is."""
    try:
        return day_text(datetime.fromisoformat(str(text)).date()) if text else ""
    except ValueError:
        return str(text)


def _readable(value: object) -> object:
    """Days as people write them, figures without a long tail; other evidence as it is."""
    if isinstance(value, str):
        return _day_of_text(value)
    return round(value, 1) if isinstance(value, float) and not value.is_integer() else value


def _suggestion(value: str) -> Suggestion | None:
    return next((word for word in Suggestion if word.value == value), None)


def _channel(value: str) -> Channel | None:
    return next((word for word in Channel if word.value == value), None)


def _stage(value: str) -> Stage | None:
    return next((word for word in Stage if word.value == value), None)


def money_in_words(minor: int, *, currency: str) -> str:
    """124.50 EUR; money in no known currency says that it is in minor units."""
    return money_text(minor, currency=currency) if currency else f"{minor:,} minor units"
