"""Book one: facts about people, true whatever a model says. One noun a file."""

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.models.consent import Consent, Suppression, suppression_hash
from rekindle.relationships.models.ending import CoolingOff, WantBackDecision
from rekindle.relationships.models.note import Note
from rekindle.relationships.models.owed import (
    Case,
    Feedback,
    Goal,
    Merge,
    Milestone,
    Promise,
    StakeholderRole,
    Tie,
)
from rekindle.relationships.models.party import Identity, Organisation, Party, Person
from rekindle.relationships.models.relationship import Brand, Episode, Relationship, StageChange
from rekindle.relationships.models.task import Task

__all__ = [
    "Brand",
    "Breakup",
    "Case",
    "Consent",
    "CoolingOff",
    "Episode",
    "Feedback",
    "Goal",
    "Identity",
    "Merge",
    "Milestone",
    "Note",
    "Organisation",
    "Party",
    "Person",
    "Promise",
    "Relationship",
    "StageChange",
    "StakeholderRole",
    "Suppression",
    "Task",
    "Tie",
    "WantBackDecision",
    "suppression_hash",
]
