"""Questions to book two that pages ask: each one query, bounded, whatever the number of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rekindle.journal.models import CautionSign, Decision, Intake, Night, Outlook, SignRecord
from rekindle.journal.models.intake import IntakeState
from rekindle.journal.models.night import NightState
from rekindle.relationships.models import StageChange
from rekindle.relationships.vocabulary import Stage

# Above this many steps a sentence about them says nothing to a reader (a first night moves everybody), and counting
# them would cost more than the page. Our choice.
MOVES_AT_MOST = 5_000


def latest_night() -> Night | None:
    """The newest night that came to its end; None before the first."""
    return Night.objects.filter(state=NightState.DONE.value).order_by("-id").first()


def has_loads() -> bool:
    """Whether any load was ever taken in and not taken back."""
    return Intake.objects.filter(state=IntakeState.TAKEN.value).exists()


def moves_of(night: Night) -> Counter[Stage] | None:
    """How many people one night moved into each stage; None when it moved more than MOVES_AT_MOST."""
    steps = StageChange.objects.filter(night=night.pk, undone_at__isnull=True).exclude(from_stage="")
    codes = list(steps.values_list("to_stage", flat=True)[: MOVES_AT_MOST + 1])
    return None if len(codes) > MOVES_AT_MOST else Counter(map(Stage, codes))


def outlook_of(relationship_id: int) -> Outlook | None:
    return Outlook.objects.filter(pk=relationship_id).first()


def latest_decision(relationship_id: int) -> Decision | None:
    """The choice that holds now for one relationship; None before its first night."""
    return Decision.objects.filter(relationship_id=relationship_id).order_by("-as_of").first()


def refusals_of(relationship_id: int, *, limit: int = 5) -> list[Decision]:
    """The latest choices in which a rule stood against the best option, newest first."""
    refused = Decision.objects.filter(relationship_id=relationship_id).exclude(refusal="")
    return list(refused.order_by("-as_of")[:limit])


def open_signs(relationship_ids: Iterable[int]) -> list[CautionSign]:
    """Signs that stand now, strongest first within each relationship."""
    signs = CautionSign.objects.filter(relationship_id__in=list(relationship_ids), cleared_on__isnull=True)
    return list(signs.order_by("relationship_id", "-strength", "code"))


def latest_sign_records() -> dict[str, SignRecord]:
    """How each sign has done here, by its code, as measured on the newest night that measured any."""
    newest = SignRecord.objects.order_by("-night_id").values("night_id")[:1]
    return {record.code: record for record in SignRecord.objects.filter(night_id__in=newest)}
