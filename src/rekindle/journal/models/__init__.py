"""Book two: what the machine read, thought, chose and did. One noun a file."""

from rekindle.journal.models.audit import AuditEntry
from rekindle.journal.models.caution_sign import CautionSign, SignRecord
from rekindle.journal.models.decision import Decision
from rekindle.journal.models.door import IdempotencyKey, WebhookDelivery, WebhookSource
from rekindle.journal.models.fit import Fit
from rekindle.journal.models.intake import Intake, IntakeState
from rekindle.journal.models.job import Job, JobState
from rekindle.journal.models.life_outlook import LifeOutlook, ReturnOutlook
from rekindle.journal.models.message import Message, MessageAttempt, MessageState, Road, Security, Sending
from rekindle.journal.models.night import Night, NightState, NightStep, StepState
from rekindle.journal.models.outlook import Outlook
from rekindle.journal.models.refusal import Refusal

__all__ = [
    "AuditEntry",
    "CautionSign",
    "Decision",
    "Fit",
    "IdempotencyKey",
    "Intake",
    "IntakeState",
    "Job",
    "JobState",
    "LifeOutlook",
    "Message",
    "MessageAttempt",
    "MessageState",
    "Night",
    "NightState",
    "NightStep",
    "Outlook",
    "Refusal",
    "ReturnOutlook",
    "Road",
    "Security",
    "Sending",
    "SignRecord",
    "StepState",
    "WebhookDelivery",
    "WebhookSource",
]
