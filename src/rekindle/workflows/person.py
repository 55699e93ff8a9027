"""One person: who is meant, and everything we know, believe and suggest about them.

`find`: 1. an e-mail address, a phone number, a customer number or our own number, exactly; 2. else the exact name,
however capitals are set; 3. several: refuse and name them; none: say so.

`view`: 1. the facts of book one; 2. the beliefs and the choice of book two, in words (`workflows.in_words`); 3. what
the rules refused and until when, and what they say of each road now; 4. after a break-up, four answers as far as
they are known (`workflows.after_breakup`). A fixed number of queries, whatever the length of the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.errors import BadInput, NotFound
from rekindle.journal import queries as journal
from rekindle.journal.models import Decision, Night, Outlook
from rekindle.relationships import queries
from rekindle.relationships.models import Breakup, Consent, Episode, Identity, Note, Party, Relationship, Task
from rekindle.relationships.vocabulary import Channel, Stage, TouchClass
from rekindle.workflows.after_breakup import AfterBreakup, after_breakup
from rekindle.workflows.in_words import (
    RefusalView,
    SignView,
    StageStep,
    decision_text,
    refusal_view,
    sign_view,
    stage_step,
)
from rekindle.workflows.last_choice import last_choice
from rekindle.workflows.story import EventReader
from rekindle.workflows.why_not import Answer, ask, business_zone, facts

_NAMED_AT_MOST: Final = 5
"""So many people an ambiguous name lists; more would not fit one line."""


_STEPS_AT_MOST: Final = 50
_TASKS_AT_MOST: Final = 10
_NOTES_AT_MOST: Final = 20
_EVENTS_AFTER_AT_MOST: Final = 200
"""Bounds of what one page shows beside the story, which has pages of its own."""

STRIP_ROADS: Final = (Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.LETTER, Channel.IN_PERSON)
STRIP_CLASSES: Final = (TouchClass.SERVICE, TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.PROMOTIONAL)
"""What the consent strip asks the rules about."""


def find(who: str) -> Party:
    """The one party meant by a number, an address, a phone number or an exact name.

    Raises NotFound when nobody fits, BadInput naming the candidates when several do.
    """
    who = " ".join(who.split())
    if not who:
        raise BadInput("nobody is named", remedy="Give a name, a customer number, an e-mail address or a phone number.")
    asked = (_by_number, _by_identity, _by_name) if who.startswith("#") else (_by_identity, _by_number, _by_name)
    found = next((parties for ask in asked if (parties := ask(who))), [])
    if not found:
        raise NotFound(f"nobody fits {who!r}", remedy="Give a customer number, an e-mail address or the full name.")
    if len(found) > 1:
        numbers = queries.numbers_of(party.pk for party in found)
        shown = ", ".join(
            f"{party} ({numbers[party.pk]}; #{party.pk})" if party.pk in numbers else f"{party} (#{party.pk})"
            for party in found[:_NAMED_AT_MOST]
        )
        more = ", and more" if len(found) > _NAMED_AT_MOST else ""
        raise BadInput(f"{who!r} may be {shown}{more}", remedy="Say which, by the number after #, with the #.")
    return found[0]


def _by_identity(who: str) -> list[Party]:
    spelled = queries.identity_spellings(who, region=queries.region())
    parties = Party.objects.filter(identities__normal__in=spelled).distinct().order_by("id")
    return list(parties[: _NAMED_AT_MOST + 1])


def _by_number(who: str) -> list[Party]:
    """Our own number, written plainly or after a hash sign."""
    digits = who.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return []
    return list(Party.objects.filter(pk=int(digits)))


def _by_name(who: str) -> list[Party]:
    parties = Party.objects.filter(name__in=queries.name_spellings(who)).order_by("id")
    return list(parties[: _NAMED_AT_MOST + 1])


@dataclass(frozen=True)
class PersonView:
    """Everything one page or one JSON document about a person holds. Chances in [0, 1], money in minor units.

    night      the last night that came to its end; what we believe and how long they are silent is as of its day
    leaves_on  the day a notice runs out; None where no notice is recorded
    """

    party: Party
    number: str
    identities: tuple[Identity, ...]
    consents: tuple[Consent, ...]
    strip: tuple[tuple[TouchClass, tuple[tuple[Channel, Answer], ...]], ...]
    relationship: Relationship | None = None
    episodes: tuple[Episode, ...] = ()
    breakups: tuple[Breakup, ...] = ()
    steps: tuple[StageStep, ...] = ()
    outlook: Outlook | None = None
    signs: tuple[SignView, ...] = ()
    decision: Decision | None = None
    decision_text: str = ""
    refusals: tuple[RefusalView, ...] = ()
    tasks: tuple[Task, ...] = ()
    notes: tuple[Note, ...] = ()
    after_breakup: AfterBreakup | None = None
    night: Night | None = None
    leaves_on: date | None = None

    @property
    def name(self) -> str:
        """What to call them: the name, else the customer number, else our own number."""
        return self.party.name or (f"customer {self.number}" if self.number else str(self.party))

    @property
    def stage(self) -> Stage | None:
        return Stage(self.relationship.stage) if self.relationship else None

    @property
    def read_up_to(self) -> date | None:
        """The day up to which the outlook holds.

        An outlook that did not change to the eye is not written again, so its own day may be that of an earlier
        night; the last one read this person all the same.
        """
        if self.outlook is None:
            return None
        return self.night.as_of if self.night else self.outlook.as_of

    @property
    def silent_days(self) -> int | None:
        """Days from the last sign of life to the day up to which was read; None before the first one."""
        if self.outlook is None or self.outlook.last_on is None or self.read_up_to is None:
            return None
        return max((self.read_up_to - self.outlook.last_on).days, 0)

    @property
    def overdue_days(self) -> float | None:
        """Days beyond their own usual gap, negative before it; None where they have no usual gap of their own."""
        if self.outlook is None or self.outlook.usual_gap is None or self.silent_days is None:
            return None
        return round(self.silent_days - self.outlook.usual_gap, 1)

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line: person, stage, episodes, outlook, signs, decisions, refusals, after_breakup."""
        since = self.relationship.stage_since if self.relationship else None
        return {
            "person": self.name,
            "party": self.party.pk,
            "stage": self.stage.value if self.stage else None,
            "stage_since": since.isoformat() if since else None,
            "episodes": [_episode_json(episode) for episode in self.episodes],
            "outlook": _outlook_json(self),
            "signs": [sign.as_json() for sign in self.signs],
            "decisions": [_decision_json(self.decision, self.decision_text)] if self.decision else [],
            "refusals": [refusal.as_json() for refusal in self.refusals],
            "after_breakup": self.after_breakup.as_json() if self.after_breakup else None,
        }


def view(party: Party, *, history: EventReader, at: datetime | None = None) -> PersonView:
    """One person as they stand at an instant (None: now).

    history  where the events are kept, for what happened after a break-up
    """
    at = at or timezone.now()
    relationship, night = queries.relationship_of(party), journal.latest_night()
    number = queries.numbers_of([party.pk]).get(party.pk, "")
    identities, consents = queries.identities_of(party), queries.consents_of(party)
    gathered, zone = facts([party.pk], at=at), business_zone()
    strip = tuple(
        (kind, tuple((road, ask(gathered, touch_class=kind, channel=road, at=at, zone=zone)) for road in STRIP_ROADS))
        for kind in STRIP_CLASSES
    )
    known = PersonView(party, number, tuple(identities), tuple(consents), strip, night=night)
    if relationship is None:
        return known
    episodes, breakups = queries.episodes_of(relationship), queries.breakups_of(relationship)
    records = journal.latest_sign_records()
    decision = last_choice(relationship) or journal.latest_decision(relationship.pk)
    return replace(
        known,
        relationship=relationship,
        episodes=tuple(episodes),
        breakups=tuple(breakups),
        steps=tuple(map(stage_step, queries.stage_changes_of(relationship, limit=_STEPS_AT_MOST))),
        outlook=journal.outlook_of(relationship.pk),
        signs=tuple(sign_view(sign, records.get(sign.code)) for sign in journal.open_signs([relationship.pk])),
        decision=decision,
        decision_text=decision_text(decision, zone=zone) if decision else "",
        refusals=tuple(refusal_view(refused, zone=zone) for refused in journal.refusals_of(relationship.pk)),
        strip=strip,
        tasks=tuple(queries.tasks_of(relationship, limit=_TASKS_AT_MOST)),
        notes=tuple(queries.notes_of(relationship, limit=_NOTES_AT_MOST)),
        after_breakup=after_breakup(
            relationship,
            episodes=episodes,
            breakups=breakups,
            events=lambda: history.of(party.pk, limit=_EVENTS_AFTER_AT_MOST),
            at=at,
        ),
        leaves_on=_leaves_on(
            [end for end in breakups if end.withdrawn_at is None],
            today=at.astimezone(ZoneInfo(relationship.brand.time_zone)).date(),
        ),
    )


def _leaves_on(breakups: Sequence[Breakup], *, today: date) -> date | None:
    """The nearest recorded end that is still to come; a notice that was taken back is none."""
    return min((end.ended_on for end in breakups if end.ended_on > today and not end.withdrawn_at), default=None)


def _day(value: Any) -> str | None:
    return value.isoformat() if value is not None else None


def _episode_json(episode: Episode) -> dict[str, Any]:
    return {
        "number": episode.number,
        "began_on": _day(episode.began_on),
        "last_seen_on": _day(episode.last_seen_on),
        "pulses": episode.pulses,
        "ended_on": _day(episode.ended_on),
        "is_presumed": episode.is_presumed,
        "ended_chance": episode.ended_chance,
        "band": [_day(episode.band_from), _day(episode.band_to)] if episode.band_from else None,
        "healed_on": _day(episode.healed_on),
    }


def _outlook_json(person: PersonView) -> dict[str, Any] | None:
    """Each figure with its interval; null and a reason where it is not known.

    as_of   the day up to which was read, from which silence is counted
    """
    outlook = person.outlook
    if outlook is None:
        return None
    return {
        "as_of": _day(person.read_up_to),
        "model": outlook.model,
        "horizon_days": outlook.horizon_days,
        "p_alive": outlook.p_alive,
        "p_none": {"value": outlook.p_none, "low": outlook.p_none_low, "high": outlook.p_none_high},
        "expected": {"value": outlook.expected, "low": outlook.expected_low, "high": outlook.expected_high},
        "value": {
            "minor": outlook.value_minor,
            "low_minor": outlook.value_low_minor,
            "high_minor": outlook.value_high_minor,
            "currency": outlook.currency or None,
            "horizon_days": outlook.value_horizon_days,
        },
        "interval": 0.8,
        "value_at_stake_minor": outlook.value_at_stake_minor,
        "usual_gap_days": outlook.usual_gap,
        "silent_days": person.silent_days,
        "overdue_days": person.overdue_days,
        "unknown": outlook.unknown or None,
    }


def _decision_json(decision: Decision, text: str) -> dict[str, Any]:
    return {
        "decision": decision.pk,
        "as_of": _day(decision.as_of),
        "suggestion": decision.suggestion,
        "channel": decision.channel or None,
        "reason": decision.reason,
        "text": text,
        "evidence": decision.evidence,
        "rank": decision.rank,
        "value_at_stake": decision.value_at_stake_minor,
        "currency": decision.currency or None,
        "wanted": decision.wanted or None,
    }
