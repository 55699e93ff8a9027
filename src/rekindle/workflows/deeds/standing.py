"""Deeds of where we stand: trials, pauses, soft touches and old friends."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.relationships.models import StageChange
from rekindle.workflows import standing
from rekindle.workflows.deeds.given import Day, Given, Line, Person
from rekindle.workflows.deeds.lookup import relationship as relationship_of
from rekindle.workflows.deeds.table import Result, Verb


class Why(Given):
    person: Person
    reason: Line


class Trial(Why):
    until: Day = Field(description="The last day of the trial.")


class Pause(Why):
    until: Day | None = Field(default=None, description="The last day of the pause, where one is known.")


def _told(change: StageChange) -> Result:
    return {"relationship": change.relationship_id, "stage": change.to_stage, "on": change.on.isoformat()}


def _begin_trial(given: Trial, by: User) -> Result:
    return _told(standing.begin_trial(relationship_of(given.person), by=by, until=given.until, reason=given.reason))


def _end_trial(given: Why, by: User) -> Result:
    return _told(standing.end_trial(relationship_of(given.person), by=by, reason=given.reason))


def _pause(given: Pause, by: User) -> Result:
    return _told(standing.pause(relationship_of(given.person), by=by, until=given.until, reason=given.reason))


def _resume(given: Why, by: User) -> Result:
    return _told(standing.resume(relationship_of(given.person), by=by, reason=given.reason))


def _begin_woo(given: Why, by: User) -> Result:
    return _told(standing.begin_woo(relationship_of(given.person), by=by, reason=given.reason))


def _rest(given: Why, by: User) -> Result:
    return _told(standing.rest(relationship_of(given.person), by=by, reason=given.reason))


def _undo(given: Why, by: User) -> Result:
    relationship = relationship_of(given.person)
    standing.undo(relationship, by=by, reason=given.reason)
    return {"relationship": relationship.pk}


VERBS: Final = (
    Verb("trial.begin", "They try us out, until a day.", Trial, _begin_trial),
    Verb("trial.end", "The trial is over and nothing came of it.", Why, _end_trial),
    Verb("pause.begin", "A pause was agreed, until a day or a condition.", Pause, _pause),
    Verb("pause.end", "The pause is over.", Why, _resume),
    Verb("woo.begin", "Soft touches begin; the rules of contact guard it.", Why, _begin_woo),
    Verb("friends.place", "Old friends from now on: a few touches a year.", Why, _rest),
    Verb("standing.undo", "Take the last of these steps back, within a day.", Why, _undo),
)
