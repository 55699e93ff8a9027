"""Book one: facts about people, true whatever a model says. One noun a file."""

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.models.company_exit import BurdenFact, CleanBreak, CompanyExit, LadderStep
from rekindle.relationships.models.consent import Consent, Suppression, suppression_hash
from rekindle.relationships.models.ending import CoolingOff, WantBackDecision
from rekindle.relationships.models.interview import ExitInterview
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
from rekindle.relationships.models.quiet_policy import QuietPolicy
from rekindle.relationships.models.relationship import Brand, Episode, Relationship, StageChange
from rekindle.relationships.models.request import DataRequest
from rekindle.relationships.models.returning import Resurfacing, SafeReturn
from rekindle.relationships.models.review import Review
from rekindle.relationships.models.social import Feed, FeedEntry, Referral, SocialHandle
from rekindle.relationships.models.task import Task
from rekindle.relationships.models.three_questions import ThreeQuestions
from rekindle.relationships.models.together import DecisionRecord, DecisionStance, PartyLink

__all__ = [
    "Brand",
    "Breakup",
    "BurdenFact",
    "Case",
    "CleanBreak",
    "CompanyExit",
    "Consent",
    "CoolingOff",
    "DataRequest",
    "DecisionRecord",
    "DecisionStance",
    "Episode",
    "ExitInterview",
    "Feed",
    "FeedEntry",
    "Feedback",
    "Goal",
    "Identity",
    "LadderStep",
    "Merge",
    "Milestone",
    "Note",
    "Organisation",
    "Party",
    "PartyLink",
    "Person",
    "Promise",
    "QuietPolicy",
    "Referral",
    "Relationship",
    "Resurfacing",
    "Review",
    "SafeReturn",
    "SocialHandle",
    "StageChange",
    "StakeholderRole",
    "Suppression",
    "Task",
    "ThreeQuestions",
    "Tie",
    "WantBackDecision",
    "suppression_hash",
]
