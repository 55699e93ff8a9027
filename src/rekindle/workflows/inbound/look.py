"""Somebody has looked at what came back: it needs no eyes any more."""

from __future__ import annotations

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import NotFound, Refused
from rekindle.journal.models import Inbound
from rekindle.workflows import audit


def looked_at(number: int, *, by: User) -> Inbound:
    """Note it and give the row; again changes nothing. Raises Refused for a role that reads only, NotFound."""
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")
    with transaction.atomic():
        row = Inbound.objects.select_for_update(of=("self",)).filter(pk=number).first()
        if row is None:
            raise NotFound(f"nothing came back under the number {number}")
        if not row.is_done:
            row.is_done = True
            row.save(update_fields=["is_done"])
            audit.record("inbound.looked_at", actor=by, subject=f"inbound:{row.pk}")
    return row
