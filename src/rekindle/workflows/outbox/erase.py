"""The outbox after a person is forgotten: no words, no address, no file; the numbers that the ledger needs stay.

What came back goes the same way: their words in answers, and which links they opened.
"""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from rekindle.journal.models import Click, Inbound, Message, MessageState
from rekindle.workflows.outbox.worker import outbox_folder

_NOT_YET = Q(state__in=[MessageState.QUEUED.value, MessageState.CLAIMED.value])


def erase(party_id: int) -> int:
    """Blank every message to that party and hold back what was waiting; gives how many. Call it inside the deed."""
    theirs = Message.objects.filter(party_id=party_id)
    for message_id in theirs.filter(state=MessageState.KEPT.value).values_list("message_id", flat=True):
        for path in outbox_folder().glob(f"{message_id.strip('<>')}.*"):
            path.unlink(missing_ok=True)
    Inbound.objects.filter(Q(party_id=party_id) | Q(message__in=theirs.values("pk"))).update(
        party=None, subject="", words="", outcome="", is_done=True
    )
    Click.objects.filter(message__in=theirs.values("pk")).delete()
    theirs.filter(_NOT_YET).update(
        state=MessageState.CANCELLED.value, lease_until=None, claimed_by="", final_at=timezone.now()
    )
    return theirs.update(party=None, recipient="", subject="", text="", html="", gate={}, chosen={}, last_error="")
