"""Write down what a member of staff wants remembered about a person.

1. refuse who reads only, an empty note, one that is too long, and a person without a relationship;
2. the same words again within a minute are a double click: the first note is given;
3. write the note, and one audit entry without its words.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Refused
from rekindle.relationships import queries
from rekindle.relationships.models import Note, Party
from rekindle.workflows import audit, resurface

LONGEST: Final = 5_000
_DOUBLE_CLICK: Final = timedelta(minutes=1)


def write(party: Party, *, text: str, by: User) -> Note:
    """Keep one note and give it. Raises Refused for a role that may not, BadInput for words that cannot be kept."""
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")
    if not text:
        raise BadInput("the note is empty", remedy="Write a few words.")
    if len(text) > LONGEST:
        raise BadInput(f"the note has {len(text):,} characters", remedy=f"Keep it within {LONGEST:,}.")
    relationship = queries.relationship_of(party)
    if relationship is None:
        raise BadInput(
            "there is no relationship yet to write about", remedy="Take in a first event or a list of people."
        )
    with transaction.atomic():
        same = Note.objects.filter(relationship=relationship, by=by, text=text, at__gt=timezone.now() - _DOUBLE_CLICK)
        if (known := same.first()) is not None:
            return known
        note = Note.objects.create(relationship=relationship, text=text, by=by)
        audit.record("note.written", actor=by, subject=f"note:{note.pk}", details={"relationship": relationship.pk})
        resurface.heard(party, text=text, via="note")
    return note
