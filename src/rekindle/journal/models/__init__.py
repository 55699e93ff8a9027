"""Book two: what the machine read, thought, chose and did. One noun a file."""

from rekindle.journal.models.audit import AuditEntry
from rekindle.journal.models.caution_sign import CautionSign, SignRecord
from rekindle.journal.models.decision import Decision
from rekindle.journal.models.door import IdempotencyKey, WebhookDelivery, WebhookSource
from rekindle.journal.models.fit import Fit
from rekindle.journal.models.holdout import Arm, Assignment, Holdout
from rekindle.journal.models.hook import Hook, Telling, TellingState
from rekindle.journal.models.inbound import Click, Inbound, InboundKind, Mailbox
from rekindle.journal.models.intake import Intake, IntakeState
from rekindle.journal.models.issue import Issue, IssueState
from rekindle.journal.models.job import Job, JobState
from rekindle.journal.models.life_outlook import LifeOutlook, ReturnOutlook
from rekindle.journal.models.message import Message, MessageAttempt, MessageState, Road, Security, Sending
from rekindle.journal.models.night import Night, NightState, NightStep, StepState
from rekindle.journal.models.outlook import Outlook
from rekindle.journal.models.paper import PrintRun
from rekindle.journal.models.playbook import (
    Enrolment,
    EnrolmentState,
    EnrolmentStep,
    Playbook,
    PlaybookState,
    PlaybookVersion,
)
from rekindle.journal.models.refusal import Refusal
from rekindle.journal.models.words import ContentItem, OwnLetter

__all__ = [
    "Arm",
    "Assignment",
    "AuditEntry",
    "CautionSign",
    "Click",
    "ContentItem",
    "Decision",
    "Enrolment",
    "EnrolmentState",
    "EnrolmentStep",
    "Fit",
    "Holdout",
    "Hook",
    "IdempotencyKey",
    "Inbound",
    "InboundKind",
    "Intake",
    "IntakeState",
    "Issue",
    "IssueState",
    "Job",
    "JobState",
    "LifeOutlook",
    "Mailbox",
    "Message",
    "MessageAttempt",
    "MessageState",
    "Night",
    "NightState",
    "NightStep",
    "Outlook",
    "OwnLetter",
    "Playbook",
    "PlaybookState",
    "PlaybookVersion",
    "PrintRun",
    "Refusal",
    "ReturnOutlook",
    "Road",
    "Security",
    "Sending",
    "SignRecord",
    "StepState",
    "Telling",
    "TellingState",
    "WebhookDelivery",
    "WebhookSource",
]
